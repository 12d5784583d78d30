//! The engine, exhaustively over all policies and states, and along generated sign-ins.

use events::clock::Timestamp;
use proptest::prelude::*;

use super::*;

fn proof(method: Method) -> Proof {
    Proof {
        method,
        at: Timestamp::from_seconds(1),
        credential: None,
        user_verified: false,
        hardware: false,
    }
}

/// Every set of some methods.
fn subsets(of: &[Method]) -> Vec<Vec<Method>> {
    (0..1_usize << of.len())
        .map(|bits| {
            let chosen = of.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
            chosen.map(|(_, method)| *method).collect()
        })
        .collect()
}

fn every_policy() -> Vec<Policy> {
    let mut policies = Vec::new();
    let assurances = || [None, Some(Assurance::Aal1), Some(Assurance::Aal2)];
    for policy in [
        MfaPolicy::Off,
        MfaPolicy::Optional,
        MfaPolicy::Offered,
        MfaPolicy::Required,
    ] {
        for methods in subsets(&[Method::Passkey, Method::Totp, Method::RecoveryCode]) {
            let realm = MfaSettings {
                policy,
                methods: methods.into_iter().collect(),
                ..MfaSettings::default()
            };
            for (of_application, required, preferred) in assurances()
                .into_iter()
                .flat_map(|a| assurances().map(|b| (a, b)))
                .flat_map(|(a, b)| assurances().map(|c| (a, b, c)))
            {
                let application = ApplicationSettings {
                    required_acr: of_application.map(|assurance| assurance.acr().to_owned()),
                    ..ApplicationSettings::default()
                };
                let asked = AskedAssurance { required, preferred };
                let made = Policy::of(
                    &realm,
                    Some(&application),
                    asked,
                    Method::ALL,
                    &[Method::Passkey, Method::Totp],
                );
                let least = of_application.max(required).unwrap_or(Assurance::Aal1);
                assert!(made.required >= least && made.preferred >= made.required);
                assert!(policy != MfaPolicy::Required || made.required == Assurance::Aal2);
                policies.push(made);
            }
        }
    }
    policies
}

fn every_progress() -> Vec<Progress> {
    let mut all = Vec::new();
    for proven in subsets(Method::ALL) {
        for has in subsets(Method::ALL) {
            for (identified, declined, is_fresh, adds, renews) in [
                (false, false, true, None, false),
                (true, false, true, None, false),
                (true, false, false, None, false),
                (true, true, true, None, false),
                (true, true, true, None, true),
                (true, true, false, None, true),
                (true, false, true, Some(Method::Passkey), false),
                (true, false, false, Some(Method::Passkey), false),
            ] {
                all.push(Progress {
                    identified,
                    proofs: proven.iter().copied().map(proof).collect(),
                    is_fresh,
                    has: has.iter().copied().collect(),
                    adds,
                    renews,
                    declined,
                });
            }
        }
    }
    all
}

#[test]
fn nothing_is_done_before_all_that_is_required_was_proven() {
    let all = every_progress();
    for policy in every_policy() {
        for progress in &all {
            let reached = Assurance::of(&progress.proofs);
            match next(&policy, progress) {
                Step::Identify => assert!(!progress.identified),
                Step::Done(told) => {
                    let shows_anew = policy.first.iter().any(|method| progress.has.contains(method));
                    let adds_nothing = progress.adds.is_none() || (!progress.is_fresh && !shows_anew);
                    assert!(adds_nothing, "what was asked for is enrolled or declined first");
                    assert!(
                        progress.is_fresh || !progress.renews,
                        "who is to show anew who they are does"
                    );
                    assert!(progress.identified && Some(told) == reached && told >= policy.required);
                    let could = policy.second.iter().any(|method| {
                        progress.has.contains(method)
                            && Assurance::of(&[&progress.proofs[..], &[proof(*method)]].concat()) > reached
                    });
                    assert!(told >= policy.preferred || !could, "{policy:?} {progress:?}");
                }
                Step::Prove(methods) => {
                    assert!(!methods.is_empty());
                    for method in methods {
                        let anew = !progress.is_fresh && reached.is_some() && policy.first.contains(&method);
                        if anew && progress.has.contains(&method) {
                            continue;
                        }
                        let allowed = if reached.is_none() {
                            &policy.first
                        } else {
                            &policy.second
                        };
                        assert!(allowed.contains(&method));
                        assert!(reached.is_none() || progress.has.contains(&method));
                        let with = [&progress.proofs[..], &[proof(method)]].concat();
                        // Beside what adds nothing, the first that counts is worth as much; the next one is worth more.
                        let counted = progress.proofs.iter().any(|proof| proof.method.adds());
                        let leads_on = Assurance::of(&with) > reached || (!counted && method.adds());
                        assert!(leads_on, "every step leads on");
                    }
                }
                Step::Enrol { methods, may_decline } => {
                    assert!(reached.is_some() && !methods.is_empty() && progress.is_fresh);
                    assert_eq!(may_decline, reached >= Some(policy.required));
                    for method in methods {
                        let counts = policy.enrollable.contains(&method) && policy.second.contains(&method);
                        assert!(counts || progress.adds == Some(method));
                        let around = policy.second.iter().any(|other| {
                            let with = [&progress.proofs[..], &[proof(*other)]].concat();
                            progress.has.contains(other) && Assurance::of(&with) > reached
                        });
                        assert!(!around, "nobody enrols their way around what they have");
                    }
                }
                Step::Refuse => {
                    assert!(reached < Some(policy.required) || reached.is_none() || progress.renews);
                }
            }
        }
    }
}

#[test]
fn before_the_first_proof_everybody_is_asked_the_same() {
    let all = every_progress();
    for policy in every_policy() {
        let asked: Vec<_> = all
            .iter()
            .filter(|progress| progress.identified && progress.proofs.is_empty())
            .map(|progress| next(&policy, progress))
            .collect();
        assert!(asked.iter().all(|step| *step == asked[0]));
    }
}

#[test]
fn who_has_a_second_factor_is_asked_for_it_unless_the_realm_has_none() {
    let has = |methods: &[Method]| Progress {
        identified: true,
        proofs: vec![proof(Method::Password)],
        is_fresh: true,
        has: methods.iter().copied().collect(),
        adds: None,
        renews: false,
        declined: false,
    };
    let under = |policy, progress: &Progress| {
        let realm = MfaSettings {
            policy,
            ..MfaSettings::default()
        };
        let policy = Policy::of(
            &realm,
            None,
            AskedAssurance::default(),
            Method::ALL,
            &[Method::Totp],
        );
        next(&policy, progress)
    };
    let enrolled = has(&[Method::Password, Method::Totp, Method::RecoveryCode]);
    let plain = has(&[Method::Password]);
    let both = Step::Prove(vec![Method::Totp, Method::RecoveryCode]);
    let enrol = |may_decline| Step::Enrol {
        methods: vec![Method::Totp],
        may_decline,
    };
    assert_eq!(under(MfaPolicy::Off, &enrolled), Step::Done(Assurance::Aal1));
    for policy in [MfaPolicy::Optional, MfaPolicy::Offered, MfaPolicy::Required] {
        assert_eq!(under(policy, &enrolled), both);
    }
    assert_eq!(under(MfaPolicy::Optional, &plain), Step::Done(Assurance::Aal1));
    assert_eq!(under(MfaPolicy::Offered, &plain), enrol(true));
    assert_eq!(under(MfaPolicy::Required, &plain), enrol(false));
}

#[test]
fn an_application_gets_what_it_requires_or_nothing() {
    let realm = MfaSettings {
        policy: MfaPolicy::Off,
        ..MfaSettings::default()
    };
    let application = ApplicationSettings {
        required_acr: Some(Assurance::Aal2.acr().to_owned()),
        ..ApplicationSettings::default()
    };
    let policy = Policy::of(
        &realm,
        Some(&application),
        AskedAssurance::default(),
        Method::ALL,
        &[],
    );
    let progress = Progress {
        identified: true,
        proofs: vec![proof(Method::Password)],
        is_fresh: true,
        has: Method::ALL.iter().copied().collect(),
        adds: None,
        renews: false,
        declined: false,
    };
    assert_eq!(next(&policy, &progress), Step::Refuse);
}

/// What comes next where two factors are required, after these proofs of somebody who has these methods.
fn where_two_count(proofs: &[Proof], has: &[Method]) -> Step {
    let realm = MfaSettings {
        policy: MfaPolicy::Required,
        ..MfaSettings::default()
    };
    let policy = Policy::of(
        &realm,
        None,
        AskedAssurance::default(),
        Method::ALL,
        &[Method::Totp],
    );
    let progress = Progress {
        identified: true,
        proofs: proofs.to_vec(),
        is_fresh: true,
        has: has.iter().copied().collect(),
        adds: None,
        renews: false,
        declined: false,
    };
    next(&policy, &progress)
}

#[test]
fn a_passkey_is_both_factors_or_one_of_them_as_it_made_sure_who_was_there() {
    let passkey = proof(Method::Passkey);
    let verified = Proof {
        user_verified: true,
        ..passkey
    };
    let password = proof(Method::Password);
    let all = Method::ALL;
    assert_eq!(
        where_two_count(&[], all),
        Step::Prove(vec![
            Method::Password,
            Method::Passkey,
            Method::Email,
            Method::Federated
        ]),
        "it begins a sign-in"
    );
    assert_eq!(where_two_count(&[verified], all), Step::Done(Assurance::Aal2));
    // Another thing that one has is no other factor; a password is.
    assert_eq!(
        where_two_count(&[passkey], all),
        Step::Prove(vec![Method::Password, Method::Federated])
    );
    assert_eq!(
        where_two_count(&[passkey], &[Method::Passkey, Method::Totp]),
        Step::Refuse
    );
    assert_eq!(
        where_two_count(&[password], all),
        Step::Prove(vec![Method::Passkey, Method::Totp, Method::RecoveryCode])
    );
    assert_eq!(
        where_two_count(&[password, passkey], all),
        Step::Done(Assurance::Aal2)
    );
}

#[test]
fn what_was_mailed_begins_a_sign_in_and_stands_for_nothing_else() {
    let after = |policy, shown: &[Method], has: &[Method]| {
        let realm = MfaSettings {
            policy,
            ..MfaSettings::default()
        };
        let policy = Policy::of(&realm, None, AskedAssurance::default(), Method::ALL, &[]);
        let progress = Progress {
            identified: true,
            proofs: shown.iter().copied().map(proof).collect(),
            is_fresh: true,
            has: has.iter().copied().collect(),
            ..Progress::default()
        };
        next(&policy, &progress)
    };
    let (email, optional) = (Method::Email, MfaPolicy::Optional);
    assert_eq!(after(optional, &[email], &[email]), Step::Done(Assurance::Aal1));
    assert_eq!(
        after(MfaPolicy::Off, &[email], &[email, Method::Totp]),
        Step::Done(Assurance::Aal1)
    );
    // Who has a second factor is asked for it, and a mailbox is none.
    assert_eq!(
        after(optional, &[email], &[email, Method::Totp]),
        Step::Prove(vec![Method::Totp])
    );
    assert_eq!(
        after(optional, &[email], &[email, Method::Password]),
        Step::Done(Assurance::Aal1)
    );
    assert_eq!(
        after(optional, &[Method::Password], &[Method::Password, email]),
        Step::Done(Assurance::Aal1)
    );
    assert_eq!(
        after(
            MfaPolicy::Required,
            &[email, Method::Totp],
            &[email, Method::Totp, Method::Password]
        ),
        Step::Prove(vec![Method::Password])
    );
    assert_eq!(
        after(
            MfaPolicy::Required,
            &[Method::Password, email],
            &[Method::Password, email]
        ),
        Step::Refuse
    );
}

#[test]
fn a_sign_in_at_a_provider_is_one_factor_unless_the_provider_is_believed_two() {
    let federated = proof(Method::Federated);
    let has = [Method::Password, Method::Federated, Method::Totp];
    assert_eq!(
        where_two_count(&[federated], &has),
        Step::Prove(vec![Method::Totp]),
        "a password besides is of the same kind"
    );
    let enrol = Step::Enrol {
        methods: vec![Method::Totp],
        may_decline: false,
    };
    assert_eq!(where_two_count(&[federated], &has[..2]), enrol);
    let believed = Proof {
        user_verified: true,
        ..federated
    };
    assert_eq!(where_two_count(&[believed], &has), Step::Done(Assurance::Aal2));
}

/// What somebody tries at a step, in whatever order.
#[derive(Clone, Debug)]
enum Try {
    Identify,
    Prove(Method),
    Enrol(Method),
    Decline,
    Nothing,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let method = || prop::sample::select(Method::ALL);
    let one = prop_oneof![
        Just(Try::Identify),
        method().prop_map(Try::Prove),
        method().prop_map(Try::Enrol),
        Just(Try::Decline),
        Just(Try::Nothing),
    ];
    prop::collection::vec(one, 0..12)
}

proptest! {
    /// Whatever is posted in whatever order, only what the step asks for leads on; at the end there is every proof.
    #[test]
    fn no_way_leads_around_a_proof(
        policy in prop::sample::select(every_policy()),
        has in prop::sample::subsequence(Method::ALL.to_vec(), 0..=Method::ALL.len()),
        tries in tries(),
    ) {
        let mut progress = Progress { has: has.into_iter().collect(), ..Progress::default() };
        let mut shown = BTreeSet::new();
        for attempt in tries {
            let step = next(&policy, &progress);
            match (attempt, &step) {
                (Try::Identify, Step::Identify) => progress.identified = true,
                // Before the first proof everything is offered to everybody: what they do not have fails.
                (Try::Prove(method), Step::Prove(methods)) if methods.contains(&method) && progress.has.contains(&method) => {
                    progress.proofs.push(proof(method));
                    progress.is_fresh = true;
                    shown.insert(method);
                }
                (Try::Enrol(method), Step::Enrol { methods, .. }) if methods.contains(&method) => {
                    progress.has.insert(method);
                    progress.proofs.push(proof(method));
                    shown.insert(method);
                }
                (Try::Decline, Step::Enrol { may_decline: true, .. }) => progress.declined = true,
                _ => prop_assert_eq!(&next(&policy, &progress), &step, "nothing else leads on"),
            }
            if let Step::Done(reached) = next(&policy, &progress) {
                prop_assert!(progress.identified && reached >= policy.required);
                prop_assert!(shown.iter().any(|method| method.begins()));
                prop_assert!(reached < Assurance::Aal2 || shown.len() >= 2);
            }
        }
    }
}
