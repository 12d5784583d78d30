//! The decisions on consents: give, withdraw. The rule: what was allowed before stays allowed when more is;
//! withdrawing takes all of it, and what was granted by it ends everywhere.

use async_trait::async_trait;
use std::collections::BTreeSet;

use events::{
    compliance::{ComplianceEvent, Consent, consent_id},
    fold::Versioned,
    ids::{ApplicationId, RealmId, UserId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    subject::{Stream, Subject, SubjectKind},
};
use web::{Code, Problem};

/// A person allows an application something.
#[derive(Clone, Debug)]
pub struct GiveConsent {
    /// The realm.
    pub realm: RealmId,
    /// Who.
    pub user: UserId,
    /// To which application.
    pub client: ApplicationId,
    /// The scopes.
    pub scopes: BTreeSet<String>,
    /// The claims beyond those of the scopes.
    pub claims: BTreeSet<String>,
}

fn subject(user: UserId, client: ApplicationId) -> Subject {
    Subject::new(SubjectKind::Consent, consent_id(user, client))
}

#[async_trait]
impl Decide for GiveConsent {
    type State = Versioned<Consent>;
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        reader
            .subject::<Consent>(consent_id(self.user, self.client))
            .await
    }

    fn decide(&self, state: &Self::State, _: &Context) -> Result<Decision, Self::Rejection> {
        let (subject, consent) = (subject(self.user, self.client), &state.state);
        if consent.covers(&self.scopes, &self.claims) {
            return Ok(Decision::nothing(subject));
        }
        let given = ComplianceEvent::ConsentGiven {
            user: self.user,
            client: self.client,
            scopes: consent.scopes.union(&self.scopes).cloned().collect(),
            claims: consent.claims.union(&self.claims).cloned().collect(),
        };
        Ok(Decision::of(subject, given))
    }
}

/// A consent is withdrawn. One that was withdrawn already stays so.
#[derive(Clone, Debug)]
pub struct WithdrawConsent {
    /// The realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// From which application.
    pub client: ApplicationId,
}

/// There never was such a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoConsent;

impl From<NoConsent> for Problem {
    fn from(NoConsent: NoConsent) -> Self {
        Problem::new(Code::NotFound)
    }
}

#[async_trait]
impl Decide for WithdrawConsent {
    type State = Versioned<Consent>;
    type Rejection = NoConsent;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        reader
            .subject::<Consent>(consent_id(self.user, self.client))
            .await
    }

    fn decide(&self, state: &Self::State, _: &Context) -> Result<Decision, NoConsent> {
        let subject = subject(self.user, self.client);
        if state.version == 0 {
            return Err(NoConsent);
        }
        if state.state.withdrawn == state.version {
            return Ok(Decision::nothing(subject));
        }
        let withdrawn = ComplianceEvent::ConsentWithdrawn {
            user: self.user,
            client: self.client,
        };
        Ok(Decision::of(subject, withdrawn))
    }
}

#[cfg(test)]
mod tests {
    use events::{
        event::Event,
        testing::{context, given},
    };

    use super::*;
    use crate::auth::given::{CLIENT, REALM};

    const USER: UserId = UserId(uuid::Uuid::from_u128(0xa1));

    fn texts(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|&one| one.to_owned()).collect()
    }

    fn give(scopes: &[&str], claims: &[&str]) -> GiveConsent {
        GiveConsent {
            realm: REALM,
            user: USER,
            client: CLIENT,
            scopes: texts(scopes),
            claims: texts(claims),
        }
    }

    fn withdraw() -> WithdrawConsent {
        WithdrawConsent {
            realm: REALM,
            user: USER,
            client: CLIENT,
        }
    }

    fn after(events: impl IntoIterator<Item = Event>) -> Versioned<Consent> {
        given::<Consent>(consent_id(USER, CLIENT), events)
    }

    fn event(decision: &Decision) -> Event {
        decision.events[0].1.clone()
    }

    #[test]
    fn more_is_allowed_beside_what_was_and_nothing_twice() {
        let first = give(&["openid"], &[]).decide(&after([]), &context()).unwrap();
        let more = give(&["email"], &["phone_number"])
            .decide(&after([event(&first)]), &context())
            .unwrap();
        let state = after([event(&first), event(&more)]);
        assert!(
            state
                .state
                .covers(&texts(&["openid", "email"]), &texts(&["phone_number"]))
        );
        let again = give(&["email", "openid"], &[])
            .decide(&state, &context())
            .unwrap();
        assert!(again.events.is_empty());
    }

    #[test]
    fn a_consent_is_withdrawn_whole_once_and_only_where_there_was_one() {
        assert_eq!(withdraw().decide(&after([]), &context()), Err(NoConsent));
        let given = event(&give(&["openid"], &[]).decide(&after([]), &context()).unwrap());
        let withdrawn = event(&withdraw().decide(&after([given.clone()]), &context()).unwrap());
        let state = after([given, withdrawn]);
        assert!(state.state.ended(1) && state.state.scopes.is_empty());
        assert!(withdraw().decide(&state, &context()).unwrap().events.is_empty());
    }
}
