//! What people may change of that by which they show who they are, and what is not theirs to take away.

use events::{
    auth::{AuthEvent, Proof},
    clock::Timestamp,
    credentials::CredentialEvent,
    event::Event,
    identities::IdentityEvent,
    identity_providers::Offer,
    ids::{ApplicationId, IdentityProviderId},
    passkeys::{AuthenticatorTold, PasskeyEvent},
    realms::{MfaPolicy, MfaSettings},
    testing::{NOW, context, given},
    users::UserEvent,
};
use passwords::{Hasher, Parameters};
use uuid::Uuid;

use super::*;
use crate::auth::{
    authorize::request::AskedAssurance,
    flow::methods::ENROLLABLE,
    given::{CREDENTIAL, REALM, SESSION, USER, alice, names, password},
};

const PHONE: CredentialId = CredentialId(Uuid::from_u128(0xf1));
const LAPTOP: CredentialId = CredentialId(Uuid::from_u128(0xf2));
const CODES: CredentialId = CredentialId(Uuid::from_u128(0xf3));

fn policy(policy: MfaPolicy) -> Policy {
    let mfa = MfaSettings {
        policy,
        ..MfaSettings::default()
    };
    Policy::of(&mfa, None, AskedAssurance::default(), Method::ALL, ENROLLABLE)
}

fn proof(method: Method, credential: CredentialId, seconds_ago: i64) -> Proof {
    Proof {
        method,
        at: Timestamp::from_seconds(NOW.seconds() - seconds_ago),
        credential: Some(credential),
        user_verified: false,
        hardware: false,
    }
}

fn phone() -> Event {
    CredentialEvent::TotpEnrolled {
        credential: PHONE,
        name: "Phone".to_owned().into(),
        secret: "AAAA".to_owned().into(),
    }
    .into()
}

fn laptop(user_verified: bool) -> Event {
    PasskeyEvent::Registered {
        credential: LAPTOP,
        name: "Laptop".to_owned().into(),
        credential_id: "AA".to_owned().into(),
        public_key: "pQEC".to_owned().into(),
        authenticator: AuthenticatorTold {
            user_verified,
            ..AuthenticatorTold::default()
        },
    }
    .into()
}

fn codes() -> Event {
    CredentialEvent::RecoveryCodesGenerated {
        credential: CODES,
        digests: vec!["00".to_owned()].into(),
        count: 1,
    }
    .into()
}

/// Alice with a password and these, in a session in which she showed so much.
fn own(totp: Option<Event>, passkeys: Option<Event>, proofs: Vec<Proof>) -> Own {
    let has_codes = totp.is_some() || passkeys.is_some();
    let started = AuthEvent::SessionStarted {
        user: USER,
        client: None,
        amr: vec!["pwd".to_owned()],
        expires: NOW.after_seconds(3_600),
        last_ending: 1,
        proofs,
    };
    let mut session = given::<Session>(SESSION.0, [started.into()]).state;
    session.used = NOW;
    Own {
        user: alice([]),
        held: Held {
            password: password(CREDENTIAL),
            totp: given(USER.0, totp).state,
            passkeys: given(USER.0, passkeys).state,
            recovery_codes: given(USER.0, has_codes.then(codes)).state,
            ..Held::default()
        },
        session,
        ..Own::default()
    }
}

fn decide(state: &Own, realm: MfaPolicy, change: Change) -> Result<Decision, Rejection> {
    let command = ChangeOwn {
        realm: REALM,
        user: USER,
        session: SESSION,
        policy: &policy(realm),
        change,
    };
    command.decide(state, &context())
}

fn both(seconds_ago: i64) -> Vec<Proof> {
    vec![
        proof(Method::Password, CREDENTIAL, seconds_ago),
        proof(Method::Totp, PHONE, seconds_ago),
    ]
}

#[test]
fn whoever_changes_anything_has_shown_all_that_they_have_just_now() {
    let rename = || Change::RenamePasskey(LAPTOP, "Other".to_owned());
    let state = |proofs| own(Some(phone()), Some(laptop(true)), proofs);
    let answer = |state: &Own| decide(state, MfaPolicy::Optional, rename());
    assert_eq!(names(&answer(&state(both(599))).unwrap()), ["passkey.renamed"]);
    // Too long ago; one factor of two; what is theirs no more; nothing.
    let gone = CredentialId(Uuid::from_u128(0xee));
    for proofs in [
        both(600),
        vec![proof(Method::Password, CREDENTIAL, 0)],
        vec![proof(Method::Password, gone, 0), proof(Method::Totp, gone, 0)],
        vec![],
    ] {
        assert_eq!(answer(&state(proofs)), Err(Rejection::Unproven));
    }
    // What is theirs no more takes nothing away from what is.
    let beside = [both(0), vec![proof(Method::Passkey, gone, 0)]].concat();
    assert!(answer(&state(beside)).is_ok());
}

#[test]
fn only_a_session_that_stands_changes_anything() {
    let good = own(Some(phone()), None, both(0));
    let change = |state: &Own| decide(state, MfaPolicy::Optional, Change::RemoveTotp(PHONE));
    assert!(change(&good).is_ok());
    let mut somebody_elses = good.clone();
    somebody_elses.session.user = Some(UserId(Uuid::from_u128(0xb0b)));
    let mut ended = good.clone();
    ended.session.ended = true;
    let mut outlived = good.clone();
    outlived.user.sessions_ended.add(9, None);
    let mut idle = good.clone();
    idle.session.used = Timestamp::from_seconds(0);
    for state in [somebody_elses, ended, outlived, idle] {
        assert_eq!(change(&state), Err(Rejection::Unproven));
    }
    let mut kept = good.clone();
    kept.user.sessions_ended.add(9, Some(SESSION));
    assert!(change(&kept).is_ok());
    let disabled = Own {
        user: alice([UserEvent::Disabled { reason: None }]),
        ..good
    };
    assert_eq!(change(&disabled), Err(Rejection::NotFound));
}

#[test]
fn what_the_realm_requires_stays_and_what_is_only_offered_may_go() {
    let alone = own(Some(phone()), None, both(0));
    let beside = own(Some(phone()), Some(laptop(true)), both(0));
    let remove = |state: &Own, policy| decide(state, policy, Change::RemoveTotp(PHONE));
    for policy in [MfaPolicy::Optional, MfaPolicy::Offered] {
        let decision = remove(&alone, policy).unwrap();
        assert_eq!(names(&decision), ["totp.removed", "recovery_codes.removed"]);
    }
    assert_eq!(remove(&alone, MfaPolicy::Required), Err(Rejection::LastWay));
    assert_eq!(
        names(&remove(&beside, MfaPolicy::Required).unwrap()),
        ["totp.removed"]
    );
}

#[test]
fn the_last_way_to_sign_in_stays() {
    let by_passkey = |user_verified| {
        let shown = Proof {
            user_verified,
            ..proof(Method::Passkey, LAPTOP, 0)
        };
        let mut state = own(None, Some(laptop(user_verified)), vec![shown]);
        state.held.password = events::users::Password::default();
        state
    };
    for verified in [true, false] {
        let removed = decide(
            &by_passkey(verified),
            MfaPolicy::Optional,
            Change::RemovePasskey(LAPTOP),
        );
        assert_eq!(removed, Err(Rejection::LastWay));
    }
    // Beside a password it is not the last, unless two factors are required.
    let state = own(
        None,
        Some(laptop(true)),
        vec![Proof {
            user_verified: true,
            ..proof(Method::Passkey, LAPTOP, 0)
        }],
    );
    let remove = |policy| decide(&state, policy, Change::RemovePasskey(LAPTOP));
    assert!(remove(MfaPolicy::Optional).is_ok());
    assert_eq!(remove(MfaPolicy::Required), Err(Rejection::LastWay));
}

/// Somebody without a password who is known as these at this many providers, and was by the first just now.
fn federated_at(issuers: &[&str]) -> Own {
    let linked = issuers.iter().zip(1..).map(|(issuer, number)| {
        let linked = IdentityEvent::Linked {
            credential: CredentialId(Uuid::from_u128(number)),
            provider: IdentityProviderId(Uuid::from_u128(number)),
            issuer: (*issuer).to_owned(),
            subject: "24".to_owned().into(),
            name: String::new().into(),
        };
        linked.into()
    });
    let mut state = own(None, None, vec![proof(Method::Federated, WORK, 0)]);
    state.held.password = events::users::Password::default();
    state.held.identities = given::<events::identities::Identities>(USER.0, linked).state;
    offering(&mut state, issuers, &[]);
    state
}

/// The realm takes the sign-ins of these, for these applications or all.
fn offering(state: &mut Own, issuers: &[&str], applications: &[ApplicationId]) {
    let offers = issuers.iter().zip(1..).map(|(issuer, number)| {
        let offer = Offer {
            issuer: (*issuer).to_owned(),
            applications: applications.to_vec(),
            ..Offer::default()
        };
        (
            IdentityProviderId(Uuid::from_u128(number)),
            std::sync::Arc::new(offer),
        )
    });
    state.offers = Offers(offers.collect());
}

const WORK: CredentialId = CredentialId(Uuid::from_u128(1));
const HOME: CredentialId = CredentialId(Uuid::from_u128(2));

#[test]
fn an_identity_goes_where_another_way_to_sign_in_remains_that_the_realm_takes() {
    let unlink = |state: &Own, credential| decide(state, MfaPolicy::Optional, Change::Unlink(credential));
    let both = ["https://work.example", "https://home.example"];
    assert_eq!(unlink(&federated_at(&both[..1]), WORK), Err(Rejection::LastWay));
    let mut state = federated_at(&both);
    assert_eq!(names(&unlink(&state, WORK).unwrap()), ["identity.unlinked"]);
    assert_eq!(unlink(&state, PHONE), Err(Rejection::NotFound));
    // One whose provider the realm takes no more, or not for everything, is no way in.
    offering(&mut state, &both[..1], &[]);
    assert_eq!(unlink(&state, WORK), Err(Rejection::LastWay));
    assert!(unlink(&state, HOME).is_ok());
    offering(&mut state, &both, &[ApplicationId(Uuid::from_u128(9))]);
    assert_eq!(unlink(&state, HOME), Err(Rejection::Unproven), "nor a proof");
    // Beside a password it may be the only one, which is no second factor.
    let mut state = federated_at(&both[..1]);
    state.held.password = password(CREDENTIAL);
    assert!(unlink(&state, WORK).is_ok());
    assert_eq!(
        decide(&state, MfaPolicy::Required, Change::Unlink(WORK)),
        Err(Rejection::LastWay)
    );
}

#[test]
fn an_address_is_a_way_to_sign_in_only_where_codes_are_mailed() {
    let mut state = federated_at(&["https://work.example"]);
    state.held.email = Some((events::ids::EventId(Uuid::from_u128(3)), 3));
    let unlink = |available: &[Method]| {
        let mfa = MfaSettings::default();
        let policy = Policy::of(&mfa, None, AskedAssurance::default(), available, ENROLLABLE);
        let command = ChangeOwn {
            realm: REALM,
            user: USER,
            session: SESSION,
            policy: &policy,
            change: Change::Unlink(WORK),
        };
        command.decide(&state, &context()).map(|_| ())
    };
    assert_eq!(unlink(&[Method::Federated, Method::Email]), Ok(()));
    assert_eq!(unlink(&[Method::Federated]), Err(Rejection::LastWay));
    assert_eq!(
        unlink(&[Method::Federated, Method::Password]),
        Err(Rejection::LastWay),
        "they have no password"
    );
}

#[tokio::test]
async fn a_password_that_its_owner_chooses_is_judged_and_keeps_their_session() {
    let quick = Parameters {
        memory_kib: 8,
        iterations: 1,
        parallelism: 1,
    };
    let hasher = Hasher::new(quick, 1, 8).unwrap();
    let state = own(None, None, vec![proof(Method::Password, CREDENTIAL, 0)]);
    let set = async |text: &str| {
        let password = NewPassword::hash(&hasher, &context(), text.into()).await.unwrap();
        decide(&state, MfaPolicy::Optional, Change::SetPassword(password))
    };
    let decision = set("a river of green ink at noon").await.unwrap();
    assert!(matches!(
        &decision.events[..],
        [(
            _,
            Event::Users(UserEvent::PasswordSet {
                keeps: Some(SESSION),
                ..
            })
        )]
    ));
    assert!(matches!(set("password").await, Err(Rejection::WeakPassword(_))));
}

#[test]
fn recovery_codes_are_made_for_what_they_stand_in_for() {
    let made = || Change::NewCodes(NewCodes::of_digests(PHONE, vec!["00".to_owned()]));
    let with = own(Some(phone()), None, both(0));
    let decision = decide(&with, MfaPolicy::Optional, made()).unwrap();
    assert_eq!(names(&decision), ["recovery_codes.generated"]);
    assert_eq!(decide(&with, MfaPolicy::Off, made()), Err(Rejection::NotFound));
    let without = own(None, None, vec![proof(Method::Password, CREDENTIAL, 0)]);
    assert_eq!(
        decide(&without, MfaPolicy::Optional, made()),
        Err(Rejection::NotFound)
    );
}
