//! The policy: length in characters, no composition rules, and reasons that name the weakness but never the
//! password.

use passwords::{Policy, PolicyError, Weakness};
use proptest::prelude::*;

fn policy() -> Policy {
    Policy::default()
}

#[test]
fn a_passphrase_is_enough_without_capitals_digits_or_signs() {
    for password in [
        "green tea at four",
        "eleven slow tortoises",
        "ΕΝΑΜΙΚΡΟΚΑΡΑΒΙΣΤΗΘΑΛΑΣΣΑ",
        "🦊🐢🌧️🎻🚲🍋🧦🪐🕰️🥕🎲🪁🧭🪶",
        "x7$kq!mz2@vbn9#",
    ] {
        assert_eq!(policy().check(password, &["alice"]), Ok(()), "{password}");
    }
}

#[test]
fn length_is_counted_in_characters_after_normalising() {
    let short = Err(Weakness::TooShort { minimum: 15 });
    assert_eq!(policy().check("", &[]), short);
    assert_eq!(policy().check("green tea at 4", &[]), short);
    assert_eq!(
        policy().check("зелёный чай в ", &[]),
        short,
        "14 characters, 26 bytes"
    );
    // Fifteen scalar values, but the accent and its letter are one.
    assert_eq!(
        policy().check("cafe\u{301} noir a six", &[]),
        Ok(()),
        "fifteen after composing"
    );
    assert_eq!(
        policy().check("cafe\u{301} noir a si", &[]),
        short,
        "fourteen after composing"
    );

    let long = Err(Weakness::TooLong { maximum: 256 });
    let phrase = |length: usize| {
        "green tea at four or five? "
            .chars()
            .cycle()
            .take(length)
            .collect::<String>()
    };
    assert_eq!(policy().check(&phrase(256), &[]), Ok(()));
    assert_eq!(policy().check(&phrase(257), &[]), long);
    assert_eq!(policy().check(&phrase(1_000_000), &[]), long);
}

#[test]
fn what_attackers_try_first_is_refused_with_the_reason() {
    for (password, weakness) in [
        ("aaaaaaaaaaaaaaaa", Weakness::Repetitive),
        ("AAAAAAAAAAAAAAAA", Weakness::Repetitive),
        ("1212121212121212", Weakness::Repetitive),
        ("abcdefghijklmnop", Weakness::Sequential),
        ("1234567890123456", Weakness::Sequential),
        ("QwertyUiopAsdfgh", Weakness::Sequential),
        ("passwordpassword", Weakness::Common),
        ("P@ssw0rdP@ssw0rd", Weakness::Common),
        ("Correct Horse Battery Staple", Weakness::Common),
        ("MayTheForceBeWithYou!", Weakness::Common),
        ("Administrator2026", Weakness::Common),
        ("ｐａｓｓｗｏｒｄ１２３４５６７", Weakness::Common),
        ("Chancery-Chancery", Weakness::Contextual),
        ("alice@chancery.1", Weakness::Contextual),
        ("AliceLiddell1865", Weakness::Contextual),
        ("wonderland-wonderland", Weakness::Contextual),
    ] {
        let found = policy().check(password, &["alice.liddell", "alice", "Wonderland"]);
        assert_eq!(found, Err(weakness), "{password}");
    }
}

#[test]
fn the_blocklist_can_be_turned_off_and_length_cannot() {
    let policy = Policy {
        blocklist: false,
        ..Policy::default()
    };
    assert_eq!(policy.check("passwordpassword", &["password"]), Ok(()));
    assert!(policy.check("password", &[]).is_err());
}

#[test]
fn a_realm_with_a_second_factor_may_ask_for_eight() {
    let policy = Policy {
        minimum_length: 8,
        ..Policy::default()
    };
    assert_eq!(policy.validate(), Ok(()));
    assert_eq!(policy.check("k7vq2mzt", &[]), Ok(()));
    for password in [
        "password",
        "sunshine",
        "Dragon123",
        "letmein1",
        "l0vely99",
        "summer2026!",
    ] {
        assert_eq!(policy.check(password, &[]), Err(Weakness::Common), "{password}");
    }
}

#[test]
fn a_policy_out_of_bounds_is_refused() {
    let with = |minimum_length, maximum_length| {
        Policy {
            minimum_length,
            maximum_length,
            blocklist: true,
        }
        .validate()
    };
    assert_eq!(with(7, 256), Err(PolicyError::MinimumTooSmall));
    assert_eq!(with(15, 63), Err(PolicyError::MaximumTooSmall));
    assert_eq!(with(15, 4097), Err(PolicyError::MaximumTooLarge));
    assert_eq!(with(100, 99), Err(PolicyError::Empty));
    assert_eq!(with(8, 64), Ok(()));
    assert_eq!(Policy::default().validate(), Ok(()));
}

#[test]
fn a_policy_is_read_with_defaults_and_without_unknown_members() {
    let read = |text: &str| serde_json::from_str::<Policy>(text);
    assert_eq!(read("{}").unwrap(), Policy::default());
    assert_eq!(
        read(r#"{"minimum_length": 20}"#).unwrap(),
        Policy {
            minimum_length: 20,
            ..Policy::default()
        }
    );
    assert!(read(r#"{"require_uppercase": true}"#).is_err());
    let text = serde_json::to_string(&Policy::default()).unwrap();
    assert_eq!(
        text,
        r#"{"minimum_length":15,"maximum_length":256,"blocklist":true}"#
    );
}

#[test]
fn reasons_are_for_people_and_codes_for_machines() {
    let weakness = policy().check("short", &[]).unwrap_err();
    assert_eq!(weakness.code(), "password_too_short");
    assert!(weakness.reason().starts_with("Use at least 15 characters."));
    let all = [
        weakness,
        Weakness::TooLong { maximum: 256 },
        Weakness::Common,
        Weakness::Repetitive,
        Weakness::Sequential,
        Weakness::Contextual,
        Weakness::Breached,
    ];
    let codes: std::collections::BTreeSet<_> = all.into_iter().map(Weakness::code).collect();
    assert_eq!(codes.len(), all.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_password_makes_a_panic(password in any::<String>(), word in any::<String>()) {
        let _ = policy().check(&password, &[&word]);
    }

    #[test]
    fn random_characters_are_accepted(password in "[a-zA-Z0-9!#%&+=?]{20}") {
        prop_assert_eq!(policy().check(&password, &["alice", "demo"]), Ok(()));
    }

    #[test]
    fn a_name_with_a_year_is_refused_whatever_the_name(name in "[a-z]{6,12}", year in 1900..2100_u32) {
        let password = format!("{name}.{name}.{year}");
        prop_assert!(policy().check(&password, &[&name]).is_err());
    }
}
