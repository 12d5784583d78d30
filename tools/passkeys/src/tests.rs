//! Ceremonies with a software authenticator, and what must not pass.

use serde_json::Value;
use webauthn_authenticator_rs::{AuthenticatorBackend, softpasskey::SoftPasskey};
use webauthn_rs_core::proto::{CreationChallengeResponse, RequestChallengeResponse};

use super::*;

const PERSON: Person<'_> = Person {
    handle: b"handle of alice",
    name: "alice",
    display_name: "Alice",
};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn party() -> RelyingParty {
    let patience = Duration::from_mins(1);
    RelyingParty::new(
        "example.org",
        &[url("https://id.example.org")],
        "Example",
        patience,
    )
    .unwrap()
}

/// What a browser at `origin` answers to the options of a registration.
fn create(device: &mut SoftPasskey, origin: &str, options: Value) -> Value {
    let options: CreationChallengeResponse = serde_json::from_value(options).unwrap();
    let answer = device
        .perform_register(url(origin), options.public_key, 1_000)
        .unwrap();
    serde_json::to_value(answer).unwrap()
}

/// What a browser at `origin` answers to the options of an authentication.
fn get(device: &mut SoftPasskey, origin: &str, options: Value) -> Value {
    let options: RequestChallengeResponse = serde_json::from_value(options).unwrap();
    let answer = device
        .perform_auth(url(origin), options.public_key, 1_000)
        .unwrap();
    serde_json::to_value(answer).unwrap()
}

/// The software authenticator keeps no handles: nobody is discovered with it.
fn listed() -> Policy {
    Policy {
        discoverable: false,
        ..Policy::default()
    }
}

const HERE: &str = "https://id.example.org";

fn registered(device: &mut SoftPasskey, policy: &Policy) -> Result<Passkey, PasskeyError> {
    let (options, registration) = party().begin_registration(&PERSON, &[], policy).unwrap();
    let answer = create(device, HERE, options);
    party().finish_registration(&answer.to_string(), &registration, policy)
}

fn verified() -> (SoftPasskey, Passkey) {
    let mut device = SoftPasskey::new(true);
    let passkey = registered(&mut device, &listed()).unwrap();
    (device, passkey)
}

/// Signs in; what the browser answered may be changed on its way.
fn signs_in(
    device: &mut SoftPasskey,
    origin: &str,
    passkey: &Passkey,
    handle: &[u8],
    change: impl FnOnce(&mut Value),
) -> Result<Use, PasskeyError> {
    let offered = std::slice::from_ref(passkey);
    let (options, authentication) = party()
        .begin_authentication(offered, UserVerification::Required)
        .unwrap();
    let mut answer = get(device, origin, options);
    change(&mut answer);
    // The state survives being written down.
    let kept = serde_json::to_string(&authentication).unwrap();
    let authentication = serde_json::from_str(&kept).unwrap();
    let assertion = Assertion::parse(&answer.to_string())?;
    party().finish_authentication(&assertion, &authentication, passkey, handle)
}

#[test]
fn who_has_a_passkey_signs_in_with_it() {
    let (mut device, mut passkey) = verified();
    let written = serde_json::to_string(&passkey).unwrap();
    assert_eq!(serde_json::from_str::<Passkey>(&written).unwrap(), passkey);
    assert!(passkey.user_verified);
    for _ in 0..2 {
        let used = signs_in(&mut device, HERE, &passkey, PERSON.handle, |_| ()).unwrap();
        assert!(used.user_verified && used.counter > passkey.counter);
        passkey.counter = used.counter;
    }
}

#[test]
fn options_say_what_the_policy_asks() {
    let (_, passkey) = verified();
    let policy = Policy {
        user_verification: UserVerification::Preferred,
        ..Policy::default()
    };
    let (options, _) = party()
        .begin_registration(&PERSON, std::slice::from_ref(&passkey), &policy)
        .unwrap();
    let options = &options["publicKey"];
    assert_eq!(options["rp"]["id"], "example.org");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "preferred");
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["excludeCredentials"][0]["id"], passkey.id.as_str());
    let (options, _) = party()
        .begin_authentication(&[], UserVerification::Required)
        .unwrap();
    assert_eq!(options["publicKey"]["allowCredentials"], serde_json::json!([]));
    assert_eq!(options["publicKey"]["userVerification"], "required");
}

#[test]
fn an_answer_of_another_page_or_ceremony_is_refused() {
    let (mut device, passkey) = verified();
    for origin in [
        "https://id.example.org.evil.test",
        "https://evil.test",
        "http://id.example.org",
    ] {
        let refused = signs_in(&mut device, origin, &passkey, PERSON.handle, |_| ());
        assert!(
            matches!(refused, Err(PasskeyError::Foreign)),
            "{origin}: {refused:?}"
        );
    }
    // Signed for one challenge, shown for another.
    let offered = std::slice::from_ref(&passkey);
    let (options, _) = party()
        .begin_authentication(offered, UserVerification::Required)
        .unwrap();
    let (_, other) = party()
        .begin_authentication(offered, UserVerification::Required)
        .unwrap();
    let assertion = Assertion::parse(&get(&mut device, HERE, options).to_string()).unwrap();
    let refused = party().finish_authentication(&assertion, &other, &passkey, PERSON.handle);
    assert!(matches!(refused, Err(PasskeyError::Foreign)), "{refused:?}");

    let (options, _) = party().begin_registration(&PERSON, &[], &listed()).unwrap();
    let (_, other) = party().begin_registration(&PERSON, &[], &listed()).unwrap();
    let answer = create(&mut device, HERE, options);
    let refused = party().finish_registration(&answer.to_string(), &other, &listed());
    assert!(matches!(refused, Err(PasskeyError::Foreign)), "{refused:?}");
}

#[test]
fn an_authenticator_that_asked_nobody_does_not_do_where_it_must() {
    let mut device = SoftPasskey::new(false);
    // What the page asks of the authenticator is in the hands of the browser.
    let (mut options, registration) = party().begin_registration(&PERSON, &[], &listed()).unwrap();
    options["publicKey"]["authenticatorSelection"]["userVerification"] = "preferred".into();
    let answer = create(&mut device, HERE, options);
    let refused = party().finish_registration(&answer.to_string(), &registration, &listed());
    assert!(matches!(refused, Err(PasskeyError::NotVerified)), "{refused:?}");

    let preferred = Policy {
        user_verification: UserVerification::Preferred,
        ..listed()
    };
    let passkey = registered(&mut device, &preferred).unwrap();
    assert!(!passkey.user_verified);
    for (wanted, fine) in [
        (UserVerification::Required, false),
        (UserVerification::Preferred, true),
    ] {
        let offered = std::slice::from_ref(&passkey);
        let (mut options, authentication) = party().begin_authentication(offered, wanted).unwrap();
        options["publicKey"]["userVerification"] = "preferred".into();
        let assertion = Assertion::parse(&get(&mut device, HERE, options).to_string()).unwrap();
        let used = party().finish_authentication(&assertion, &authentication, &passkey, PERSON.handle);
        match used {
            Ok(used) => assert!(fine && !used.user_verified),
            Err(PasskeyError::NotVerified) => assert!(!fine),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_counter_that_goes_back_shows_a_copy() {
    let (mut device, mut passkey) = verified();
    passkey.counter = 1_000;
    let refused = signs_in(&mut device, HERE, &passkey, PERSON.handle, |_| ());
    assert!(matches!(refused, Err(PasskeyError::Copied)), "{refused:?}");
}

#[test]
fn a_passkey_is_of_one_user_and_one_list() {
    let (mut device, passkey) = verified();
    let mine = |answer: &mut Value| answer["response"]["userHandle"] = "aGFuZGxlIG9mIGFsaWNl".into();
    signs_in(&mut device, HERE, &passkey, PERSON.handle, mine).unwrap();
    let refused = signs_in(&mut device, HERE, &passkey, b"handle of bob", mine);
    assert!(matches!(refused, Err(PasskeyError::WrongPasskey)), "{refused:?}");

    // Found by the browser: it must tell whose it is.
    let (_, freely) = party()
        .begin_authentication(&[], UserVerification::Required)
        .unwrap();
    let offered = std::slice::from_ref(&passkey);
    let (options, _) = party()
        .begin_authentication(offered, UserVerification::Required)
        .unwrap();
    let assertion = Assertion::parse(&get(&mut device, HERE, options).to_string()).unwrap();
    let refused = party().finish_authentication(&assertion, &freely, &passkey, PERSON.handle);
    assert!(matches!(refused, Err(PasskeyError::WrongPasskey)), "{refused:?}");

    // A passkey of the same person that was not on the list.
    let other = registered(&mut device, &listed()).unwrap();
    let (options, _) = party()
        .begin_authentication(std::slice::from_ref(&other), UserVerification::Required)
        .unwrap();
    let (_, authentication) = party()
        .begin_authentication(offered, UserVerification::Required)
        .unwrap();
    let assertion = Assertion::parse(&get(&mut device, HERE, options).to_string()).unwrap();
    let refused = party().finish_authentication(&assertion, &authentication, &other, PERSON.handle);
    assert!(matches!(refused, Err(PasskeyError::WrongPasskey)), "{refused:?}");
}

#[test]
fn what_was_altered_is_refused() {
    let (mut device, passkey) = verified();
    let other = registered(&mut device, &listed()).unwrap();
    // Signed by another key.
    let key_of_another = Passkey {
        public_key: other.public_key.clone(),
        ..passkey.clone()
    };
    assert!(signs_in(&mut device, HERE, &key_of_another, PERSON.handle, |_| ()).is_err());
    for part in ["signature", "authenticatorData", "clientDataJSON"] {
        let refused = signs_in(&mut device, HERE, &passkey, PERSON.handle, |answer| {
            let text = answer["response"][part].as_str().unwrap();
            let middle = text.len() / 2;
            let letter = if text.as_bytes()[middle] == b'A' { "B" } else { "A" };
            answer["response"][part] = format!("{}{letter}{}", &text[..middle], &text[middle + 1..]).into();
        });
        assert!(refused.is_err(), "{part}: {refused:?}");
    }
    let backup = Passkey {
        backup_eligible: !passkey.backup_eligible,
        ..passkey.clone()
    };
    assert!(signs_in(&mut device, HERE, &backup, PERSON.handle, |_| ()).is_err());
}

#[test]
fn what_is_no_answer_at_all_is_malformed() {
    let (mut device, passkey) = verified();
    let long = format!("{{\"id\":\"{}\"}}", "a".repeat(MAX_ANSWER));
    for text in ["", "null", "[]", "{}", "{\"id\":1}", &long] {
        assert!(
            matches!(Assertion::parse(text), Err(PasskeyError::Malformed)),
            "{}",
            text.len()
        );
        let (_, registration) = party().begin_registration(&PERSON, &[], &listed()).unwrap();
        let refused = party().finish_registration(text, &registration, &listed());
        assert!(matches!(refused, Err(PasskeyError::Malformed)), "{refused:?}");
    }
    let refused = signs_in(&mut device, HERE, &passkey, PERSON.handle, |answer| {
        answer["type"] = "password".into();
    });
    assert!(matches!(refused, Err(PasskeyError::Malformed)), "{refused:?}");
}

#[test]
fn authenticators_of_no_known_make_are_refused_where_their_make_matters() {
    let policy = Policy {
        attestation: Attestation::Trusted(vec![]),
        ..listed()
    };
    let refused = registered(&mut SoftPasskey::new(true), &policy);
    assert!(
        matches!(refused, Err(PasskeyError::UntrustedAuthenticator)),
        "{refused:?}"
    );
    assert!(policy.is_enforceable());
    let unreadable = TrustedAuthenticator {
        aaguid: uuid::Uuid::nil(),
        name: "Key".to_owned(),
        root: "no certificate".to_owned(),
    };
    let policy = Policy {
        attestation: Attestation::Trusted(vec![unreadable]),
        ..policy
    };
    assert!(!policy.is_enforceable());
}

#[test]
fn a_relying_party_is_of_its_own_domain() {
    let patience = Duration::from_mins(1);
    for (id, origin, fine) in [
        ("example.org", "https://example.org", true),
        ("example.org", "https://id.example.org:8443", true),
        ("localhost", "http://localhost:8080", true),
        ("example.org", "https://badexample.org", false),
        ("example.org", "http://example.org", false),
        ("", "https://example.org", false),
    ] {
        let made = RelyingParty::new(id, &[url(origin)], "Example", patience);
        assert_eq!(made.is_ok(), fine, "{id} {origin}");
    }
    assert!(RelyingParty::new("example.org", &[], "Example", patience).is_err());
}
