//! What comes next in a sign-in: one pure function of what is required and what was proven. The rules: nothing is
//! done before all that is required was proven; what is offered before the first proof is the same for everybody, so that it tells
//! nothing of anybody; who has a second factor is never let around it by enrolling another; and whoever enrols anything has shown
//! who they are just now.

use std::collections::BTreeSet;

use events::{
    applications::ApplicationSettings,
    auth::{Assurance, Method, Place, Proof},
    clock::Timestamp,
    realms::{MfaPolicy, MfaSettings},
};

use crate::auth::authorize::request::AskedAssurance;

/// What is required of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// It is worth this, or there is none.
    pub required: Assurance,
    /// It is worth this if the person has what it takes.
    pub preferred: Assurance,
    /// Whether who does not have what it takes is invited to enrol it.
    pub invites: bool,
    /// The methods that it may begin with, in the order in which they are offered.
    pub first: Vec<Method>,
    /// The methods that count after that, in the order in which they are offered.
    pub second: Vec<Method>,
    /// Those of them that can be enrolled on the way.
    pub enrollable: BTreeSet<Method>,
    /// What it is worth at least on a device that its user trusts, and if the person has what it takes: what the realm wants of everybody
    /// is not asked there, what the application or its request wants is.
    pub on_trusted: (Assurance, Assurance),
}

impl Policy {
    /// What the realm, the application and its request require together: whoever wants most decides. `available` are the methods that
    /// there are, `enrollable` those of them that can be enrolled on the way.
    pub fn of(
        realm: &MfaSettings,
        application: Option<&ApplicationSettings>,
        asked: AskedAssurance,
        available: &[Method],
        enrollable: &[Method],
    ) -> Self {
        let of_realm = match realm.policy {
            MfaPolicy::Required => Assurance::Aal2,
            MfaPolicy::Off | MfaPolicy::Optional | MfaPolicy::Offered => Assurance::Aal1,
        };
        let of_application = application
            .and_then(|settings| settings.required_acr.as_deref())
            .and_then(Assurance::of_acr);
        let required = [of_application, asked.required]
            .into_iter()
            .flatten()
            .fold(of_realm, Assurance::max);
        let wished = match realm.policy {
            MfaPolicy::Off => Assurance::Aal1,
            MfaPolicy::Optional | MfaPolicy::Offered | MfaPolicy::Required => Assurance::Aal2,
        };
        // What only begins a sign-in comes after whatever else began it.
        let counts = |method: &&Method| {
            let counted = realm.methods.contains(method) || method.place() == Place::First;
            realm.policy != MfaPolicy::Off && counted
        };
        let second: Vec<_> = available.iter().filter(counts).copied().collect();
        let asked_here = [of_application, asked.required].into_iter().flatten();
        let asked_here = asked_here.fold(Assurance::Aal1, Assurance::max);
        Self {
            on_trusted: (asked_here, asked_here.max(asked.preferred.unwrap_or(asked_here))),
            required,
            preferred: wished.max(required).max(asked.preferred.unwrap_or(required)),
            invites: realm.policy == MfaPolicy::Offered,
            first: available
                .iter()
                .filter(|method| method.begins())
                .copied()
                .collect(),
            enrollable: enrollable
                .iter()
                .filter(|method| second.contains(method))
                .copied()
                .collect(),
            second,
        }
    }
}

impl Policy {
    /// The same on a device that its user trusts: a second factor that only the realm wants is not asked for.
    #[must_use]
    pub fn trusting(&self) -> Self {
        let (required, preferred) = self.on_trusted;
        Self {
            required,
            preferred,
            invites: false,
            ..self.clone()
        }
    }
}

/// How far a sign-in has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether somebody said who they are.
    pub identified: bool,
    /// What was proven: in this sign-in, and in the session that it goes on from.
    pub proofs: Vec<Proof>,
    /// Whether any of it was proven just now.
    pub is_fresh: bool,
    /// What the person has; it is asked only after the first proof.
    pub has: BTreeSet<Method>,
    /// What they want to have besides.
    pub adds: Option<Method>,
    /// Whether they are to show anew who they are.
    pub renews: bool,
    /// Whether they would not enrol anything.
    pub declined: bool,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To say who one is.
    Identify,
    /// To prove it by one of these, of which there is at least one.
    Prove(Vec<Method>),
    /// To enrol one of these, of which there is at least one.
    Enrol {
        /// Which.
        methods: Vec<Method>,
        /// Whether one may go on without.
        may_decline: bool,
    },
    /// Nothing: what is required cannot be reached.
    Refuse,
    /// Nothing: all that is required was proven.
    Done(Assurance),
}

/// What comes next.
pub fn next(policy: &Policy, progress: &Progress) -> Step {
    if !progress.identified {
        return Step::Identify;
    }
    let Some(reached) = Assurance::of(&progress.proofs) else {
        return prove(policy.first.clone());
    };
    let step = match (required(policy, progress, reached), progress.adds) {
        (Step::Done(_), Some(method)) => Step::Enrol {
            methods: vec![method],
            may_decline: true,
        },
        (step, _) => step,
    };
    let theirs = || {
        let begins = policy.first.iter();
        let theirs = begins.filter(|method| progress.has.contains(method));
        theirs.copied().collect::<Vec<_>>()
    };
    match step {
        Step::Done(_) if progress.renews && !progress.is_fresh => prove(theirs()),
        Step::Enrol { may_decline, .. } if !progress.is_fresh => {
            if theirs().is_empty() && may_decline {
                return Step::Done(reached);
            }
            prove(theirs())
        }
        step => step,
    }
}

/// Whether who has these, and passkeys that make sure who is there (`verified`) or do not, can sign in with all that is required, and need
/// not enrol anything on the way.
pub fn suffices(policy: &Policy, has: &BTreeSet<Method>, verified: bool) -> bool {
    let proof = |method: Method| Proof {
        method,
        at: Timestamp::default(),
        credential: None,
        user_verified: verified && method == Method::Passkey,
        hardware: false,
    };
    let begins = policy.first.iter().filter(|method| has.contains(method));
    begins.copied().any(|first| {
        let mut progress = Progress {
            identified: true,
            proofs: vec![proof(first)],
            is_fresh: true,
            has: has.clone(),
            declined: true,
            ..Progress::default()
        };
        // Each step adds a factor, of which there are two.
        for _ in Method::ALL {
            match next(policy, &progress) {
                Step::Done(_) => return true,
                Step::Prove(methods) => progress.proofs.extend(methods.first().copied().map(proof)),
                Step::Identify | Step::Enrol { .. } | Step::Refuse => return false,
            }
        }
        false
    })
}

/// To prove it by one of these, if there is one.
fn prove(methods: Vec<Method>) -> Step {
    if methods.is_empty() {
        Step::Refuse
    } else {
        Step::Prove(methods)
    }
}

/// What comes after the first proof, by what is required alone.
fn required(policy: &Policy, progress: &Progress, reached: Assurance) -> Step {
    if reached >= policy.required.max(policy.preferred) {
        return Step::Done(reached);
    }
    let counted: Vec<_> = progress
        .proofs
        .iter()
        .filter(|proof| proof.method.adds())
        .collect();
    let adds = |method: &&Method| {
        // Beside what adds nothing only a second factor is of use: with what only begins a sign-in it is worth no more.
        let differs = counted
            .iter()
            .all(|proof| proof.method.factor() != method.factor());
        differs && (!counted.is_empty() || method.seconds())
    };
    let helpful: Vec<_> = policy.second.iter().filter(adds).copied().collect();
    let owned: Vec<_> = helpful
        .iter()
        .filter(|method| progress.has.contains(method))
        .copied()
        .collect();
    if !owned.is_empty() {
        return Step::Prove(owned);
    }
    let methods: Vec<_> = helpful
        .into_iter()
        .filter(|method| policy.enrollable.contains(method))
        .collect();
    let is_short = reached < policy.required;
    if !methods.is_empty() && (is_short || (policy.invites && !progress.declined)) {
        return Step::Enrol {
            methods,
            may_decline: !is_short,
        };
    }
    if is_short {
        Step::Refuse
    } else {
        Step::Done(reached)
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
