//! The decisions that letters lead to: what each uses up, and what it is refused for.

use events::{
    event::Event,
    ids::{CredentialId, EventId},
    kernel::Claim,
    letters::Request,
    log::ClaimKind,
    realms::RegistrationSettings,
    testing::{NOW, context, given},
    users::Profile,
};

use super::*;

const ACME: RealmId = RealmId(Uuid::from_u128(7));
const ALICE: UserId = UserId(Uuid::from_u128(9));
/// The id of the first event of a subject in these tests.
const FIRST: EventId = EventId(Uuid::from_u128(1));
const LETTER: EventId = EventId(Uuid::from_u128(77));

fn profile(verified: bool) -> Profile {
    Profile {
        email: Some("alice@example.org".into()),
        email_verified: verified,
        ..Profile::default()
    }
}

fn alice(verified: bool) -> User {
    let profile = profile(verified).into();
    given::<User>(ALICE.0, [UserEvent::Registered { profile }.into()]).state
}

fn proof(kind: LetterKind) -> Proof {
    Proof {
        mailbox: ALICE.0,
        request: Request {
            event: LETTER,
            kind,
            at: NOW,
            user: Some(ALICE),
            address: Some(FIRST),
            credential: CredentialId(Uuid::from_u128(3)),
            to: None,
            about: None,
            expires: NOW.after_seconds(60),
            tries: 0,
            arrival: None,
        },
    }
}

fn spent() -> Claim {
    Claim::Spend {
        kind: ClaimKind::Letter,
        value: LETTER.to_string(),
        holder: ALICE.0,
        invalid: NOW.after_seconds(60),
    }
}

fn events(decision: &Decision) -> Vec<Event> {
    decision.events.iter().map(|(_, event)| event.clone()).collect()
}

#[test]
fn an_address_is_verified_by_a_letter_to_it_and_by_no_other() {
    let verify = |user: &User, proof: Proof| {
        let command = VerifyEmail {
            realm: ACME,
            user: ALICE,
            proof,
        };
        command.decide(user, &context())
    };
    let decision = verify(&alice(false), proof(LetterKind::EmailVerification)).unwrap();
    assert_eq!(events(&decision), [UserEvent::EmailVerified {}.into()]);
    assert_eq!(decision.claims, [spent()]);
    assert!(events(&verify(&alice(true), proof(LetterKind::EmailVerification)).unwrap()).is_empty());
    let mut of_another = proof(LetterKind::EmailVerification);
    of_another.request.address = Some(LETTER);
    assert_eq!(verify(&alice(false), of_another), Err(Rejection::NotFound));
    let mut of_none = proof(LetterKind::EmailVerification);
    of_none.request.address = None;
    assert_eq!(verify(&User::default(), of_none), Err(Rejection::NotFound));
}

fn password(text: &str) -> NewPassword {
    NewPassword {
        password: text.into(),
        hash: "$argon2id$".into(),
        credential: CredentialId(Uuid::from_u128(11)),
        judged: true,
        breached: false,
    }
}

fn account(user: User, has_password: bool) -> Account {
    let credential = CredentialId(Uuid::from_u128(12));
    let set = UserEvent::PasswordSet {
        credential,
        hash: String::new().into(),
        keeps: None,
    };
    let set = has_password.then_some(set.into());
    Account {
        circumstances: Circumstances {
            user,
            ..Circumstances::default()
        },
        password: given::<Password>(ALICE.0, set).state,
        passkeys: Passkeys::default(),
    }
}

fn set(state: &Account, kind: LetterKind, text: &str) -> Result<Decision, Rejection> {
    SetPasswordByLetter {
        realm: ACME,
        user: ALICE,
        proof: proof(kind),
        password: password(text),
    }
    .decide(state, &context())
}

#[test]
fn a_password_is_set_by_a_letter_that_is_used_up_by_it() {
    const GOOD: &str = "correct horse ripens slowly";
    let recover = LetterKind::PasswordRecovery;
    let decision = set(&account(alice(false), true), recover, GOOD).unwrap();
    let verified: Event = UserEvent::EmailVerified {}.into();
    assert_eq!(events(&decision), [password(GOOD).event(None).into(), verified]);
    assert_eq!(decision.claims, [spent()]);
    assert_eq!(
        events(&set(&account(alice(true), true), recover, GOOD).unwrap()).len(),
        1
    );
    assert!(matches!(
        set(&account(alice(true), true), recover, "short"),
        Err(Rejection::WeakPassword(_))
    ));
    let nothing = Err(Rejection::NotFound);
    assert_eq!(set(&account(User::default(), true), recover, GOOD), nothing);
    for kind in LetterKind::ALL {
        let may = [recover, LetterKind::Invitation].contains(kind);
        assert_eq!(
            set(&account(alice(true), false), *kind, GOOD).is_ok(),
            may,
            "{kind:?}"
        );
    }
    assert_eq!(
        set(&account(alice(true), true), LetterKind::Invitation, GOOD),
        nothing
    );
    let mut off = account(alice(true), true);
    off.circumstances.settings.mail.recovery = false;
    assert_eq!(set(&off, recover, GOOD), nothing);
}

#[test]
fn a_realm_says_who_may_register() {
    let settings = |open: bool, domains: &[&str]| Settings {
        registration: RegistrationSettings {
            self_registration: open,
            email_domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
            ..RegistrationSettings::default()
        },
        ..Settings::default()
    };
    assert!(!may_register(&settings(false, &[]), "a@example.org"));
    assert!(may_register(&settings(true, &[]), "a@example.org"));
    assert!(!may_register(&settings(true, &[]), "not an address"));
    let only = settings(true, &["example.org"]);
    assert!(may_register(&only, "a@EXAMPLE.org"));
    for other in [
        "a@sub.example.org",
        "a@example.org.evil.test",
        "a@evil.test",
        "example.org",
    ] {
        assert!(!may_register(&only, other), "{other}");
    }
}

#[test]
fn an_address_changes_when_both_ends_have_said_so() {
    let change = Uuid::from_u128(5);
    let requested = |before| -> Event {
        EmailChangeEvent::Requested {
            change,
            email: Sealed::Known("new@example.org".to_owned()),
            before,
            expires: NOW.after_seconds(60),
        }
        .into()
    };
    let confirmed = |end| -> Event { EmailChangeEvent::Confirmed { change, end }.into() };
    let confirm = |events: Vec<Event>, kind, about| {
        let pending = given::<EmailChange>(ALICE.0, events).state;
        let mut proof = proof(kind);
        proof.request.about = about;
        let command = ConfirmEmailChange {
            realm: ACME,
            user: ALICE,
            proof,
        };
        command.decide(&(pending, alice(true), Settings::default()), &context())
    };
    let (new, before) = (LetterKind::EmailChange, LetterKind::EmailChangeBefore);
    let first = confirm(vec![requested(true)], new, Some(change)).unwrap();
    assert_eq!(events(&first), [confirmed(End::New)]);
    assert_eq!(first.claims, [spent()]);
    let both = confirm(vec![requested(true), confirmed(End::New)], before, Some(change)).unwrap();
    let told: Vec<_> = events(&both).iter().map(Event::name).collect();
    assert_eq!(
        told,
        [
            "email_change.confirmed",
            "email_change.completed",
            "user.profile_changed"
        ]
    );
    assert_eq!(
        both.claims.len(),
        3,
        "the letter, the name before, the new one: {:?}",
        both.claims
    );
    assert_eq!(
        events(&confirm(vec![requested(false)], new, Some(change)).unwrap()).len(),
        3
    );
    let nothing = Err(Rejection::NotFound);
    assert_eq!(confirm(vec![requested(false)], before, Some(change)), nothing);
    assert_eq!(
        confirm(vec![requested(true), confirmed(End::New)], new, Some(change)),
        nothing
    );
    assert_eq!(
        confirm(vec![requested(true)], new, Some(Uuid::from_u128(6))),
        nothing
    );
    assert_eq!(
        confirm(vec![requested(true)], LetterKind::EmailVerification, Some(change)),
        nothing
    );
    assert_eq!(confirm(vec![], new, Some(change)), nothing);
}
