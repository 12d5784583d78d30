//! The rules of starting, continuing and ending sessions, told as given / when / then: who gets one, which one it replaces,
//! and that each ends once.

use events::{
    auth::Method,
    clock::Timestamp,
    credentials::CredentialEvent,
    event::Event,
    testing::{NOW, context, given},
};

use super::*;
use crate::auth::flow::methods::Spend;
use crate::auth::given::{
    CLIENT, CREDENTIAL, REALM, SESSION, USER, alice, names, password, session, started,
};

const OTHER_SESSION: SessionId = SessionId(Uuid::from_u128(0x5f));
const FLOW: Uuid = Uuid::from_u128(0xf1);

fn shown(method: Method, credential: CredentialId) -> Shown {
    Shown {
        proof: Proof {
            method,
            at: NOW,
            credential: Some(credential),
            user_verified: false,
            hardware: false,
        },
        spends: Vec::new(),
    }
}

fn start() -> StartSession {
    StartSession {
        realm: REALM,
        session: SESSION,
        user: USER,
        client: Some(CLIENT),
        shown: vec![shown(Method::Password, CREDENTIAL)],
        expires: NOW.after_seconds(3_600),
        flow: (FLOW, NOW.after_seconds(1_800)),
        replaces: None,
        guard: USER.0,
        device: SeenOn {
            id: DeviceId(Uuid::from_u128(0xd1)),
            agent: "Firefox on Linux".to_owned(),
        },
    }
}

fn entering() -> Entering {
    Entering {
        user: alice([]),
        held: Held {
            password: password(CREDENTIAL),
            ..Held::default()
        },
        ..Entering::default()
    }
}

#[test]
fn signing_in_starts_a_session_and_uses_the_form_up() {
    let decision = start()
        .decide(&entering(), &context())
        .expect("alice may sign in");
    assert_eq!(names(&decision), ["session.started", "known_device.added"]);
    assert_eq!(
        decision.claims,
        [Claim::Spend {
            kind: ClaimKind::Flow,
            value: FLOW.to_string(),
            holder: SESSION.0,
            invalid: NOW.after_seconds(1_800)
        }]
    );
}

#[test]
fn signing_in_again_in_the_same_browser_ends_the_session_before() {
    let again = StartSession {
        replaces: Some(HeldSession {
            id: OTHER_SESSION,
            elevations: 0,
        }),
        ..start()
    };
    let held = Entering {
        old: given(OTHER_SESSION.0, [started().into()]),
        ..entering()
    };
    let mut at = context();
    at.now = held.old.state.used.after_seconds(60);
    let decision = again.decide(&held, &at).expect("alice may sign in");
    assert_eq!(
        names(&decision),
        ["session.started", "known_device.added", "session.ended"]
    );
    assert_eq!(decision.events[2].0, Some(Subject::session(OTHER_SESSION)));
    let ended = AuthEvent::SessionEnded {
        reason: EndReason::SignedOut,
    };
    let gone = Entering {
        old: given(OTHER_SESSION.0, [started().into(), ended.into()]),
        ..entering()
    };
    assert_eq!(
        names(&again.decide(&gone, &at).expect("alice may sign in")),
        ["session.started", "known_device.added"]
    );
    // Its grants for offline access are to outlive a session that merely ran out.
    let idle_seconds = held.settings.session.idle_seconds;
    for over in [
        held.old.state.used.after_seconds(idle_seconds),
        held.old.state.expires,
    ] {
        at.now = over;
        let decision = again.decide(&held, &at).expect("alice may sign in");
        assert_eq!(names(&decision), ["session.started", "known_device.added"]);
    }
}

#[test]
fn who_may_not_sign_in_gets_no_session_however_late_that_is_known() {
    let refused = |user| {
        start()
            .decide(&Entering { user, ..entering() }, &context())
            .expect_err("no session")
    };
    assert_eq!(refused(User::default()), LoginFailure::UnknownUser);
    assert_eq!(
        refused(alice([UserEvent::Disabled { reason: None }])),
        LoginFailure::Disabled
    );
    assert_eq!(
        refused(alice([UserEvent::Locked {
            reason: None,
            until: None
        }])),
        LoginFailure::Locked
    );
    let over = Some(Timestamp(NOW.0 - 1));
    let unlocked = Entering {
        user: alice([UserEvent::Locked {
            reason: None,
            until: over,
        }]),
        ..entering()
    };
    assert!(
        start().decide(&unlocked, &context()).is_ok(),
        "a lock that is over is none"
    );
    let changed = Entering {
        held: Held {
            password: password(CredentialId(Uuid::from_u128(0xd2))),
            ..Held::default()
        },
        ..entering()
    };
    assert_eq!(
        start().decide(&changed, &context()),
        Err(LoginFailure::Replaced),
        "the password was changed while the old one was being verified"
    );
}

const PHONE: CredentialId = CredentialId(Uuid::from_u128(0xd3));

/// Alice with a phone that shows one-time passwords, after attempts.
fn with_phone(attempts: usize) -> Entering {
    let enrolled = CredentialEvent::TotpEnrolled {
        credential: PHONE,
        name: "Phone".to_owned().into(),
        secret: "AAAA".to_owned().into(),
    };
    let attempted = AuthEvent::LoginAttempted {
        user: Some(USER),
        client: None,
        method: Method::Totp,
        since: 1,
    };
    Entering {
        guard: given(USER.0, std::iter::repeat_n(attempted.into(), attempts)),
        held: Held {
            totp: given(USER.0, [enrolled.into()]).state,
            password: password(CREDENTIAL),
            ..Held::default()
        },
        ..entering()
    }
}

fn code_of_phone() -> Shown {
    Shown {
        spends: vec![Spend {
            kind: ClaimKind::TotpStep,
            value: "step".to_owned(),
            invalid: NOW,
        }],
        ..shown(Method::Totp, PHONE)
    }
}

#[test]
fn what_counts_once_is_spent_with_the_session_and_the_attempts_are_forgotten() {
    let both = StartSession {
        shown: vec![shown(Method::Password, CREDENTIAL), code_of_phone()],
        ..start()
    };
    let decision = both
        .decide(&with_phone(2), &context())
        .expect("alice may sign in");
    assert_eq!(
        names(&decision),
        ["session.started", "known_device.added", "guard.cleared"]
    );
    let kinds: Vec<_> = decision
        .claims
        .iter()
        .map(|claim| match claim {
            Claim::Spend { kind, .. } => *kind,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [ClaimKind::Flow, ClaimKind::TotpStep]);
    let Some((_, Event::Auth(AuthEvent::SessionStarted { amr, .. }))) = decision.events.first() else {
        panic!("{decision:?}");
    };
    assert_eq!(amr.join(" "), "pwd otp mfa");
    let removed = Entering {
        held: Held {
            password: password(CREDENTIAL),
            ..Held::default()
        },
        ..entering()
    };
    assert_eq!(both.decide(&removed, &context()), Err(LoginFailure::Replaced));
    let nothing = StartSession {
        shown: Vec::new(),
        ..start()
    };
    assert_eq!(
        nothing.decide(&entering(), &context()),
        Err(LoginFailure::Replaced)
    );
}

#[test]
fn more_is_shown_in_a_session_that_stands_and_in_no_other() {
    let elevate = ElevateSession {
        realm: REALM,
        session: SESSION,
        user: USER,
        client: None,
        shown: vec![code_of_phone()],
        flow: (FLOW, NOW.after_seconds(1_800)),
        guard: USER.0,
    };
    let in_session = |events: &[AuthEvent]| Entering {
        old: session(events.iter().cloned()),
        ..with_phone(1)
    };
    let mut at = context();
    at.now = in_session(&[]).old.state.used;
    let decision = elevate.decide(&in_session(&[]), &at).expect("it stands");
    assert_eq!(names(&decision), ["session.elevated", "guard.cleared"]);
    let Some((_, Event::Auth(event @ AuthEvent::SessionElevated { amr, .. }))) = decision.events.first()
    else {
        panic!("{decision:?}");
    };
    assert_eq!(amr.join(" "), "pwd otp mfa");
    assert_eq!(
        session([event.clone()]).state.elevations,
        1,
        "the cookie before is void"
    );
    let ended = AuthEvent::SessionEnded {
        reason: EndReason::SignedOut,
    };
    let somebody = ElevateSession {
        user: UserId(Uuid::from_u128(0xb0b)),
        ..elevate.clone()
    };
    let nothing = ElevateSession {
        shown: Vec::new(),
        ..elevate.clone()
    };
    for (command, state) in [
        (&elevate, in_session(&[ended])),
        (&somebody, in_session(&[])),
        (&nothing, in_session(&[])),
    ] {
        assert_eq!(command.decide(&state, &at), Err(LoginFailure::Replaced));
    }
}

#[test]
fn a_session_in_use_is_recorded_once_a_minute() {
    let command = ContinueSession {
        realm: REALM,
        session: SESSION,
    };
    let state = session([]);
    let mut at = context();
    at.now = state.state.used.after_seconds(59);
    assert_eq!(
        command.decide(&state, &at),
        Ok(Decision::nothing(Subject::session(SESSION)))
    );
    at.now = state.state.used.after_seconds(60);
    assert_eq!(
        names(&command.decide(&state, &at).expect("it stands")),
        ["session.continued"]
    );
    let ended = session([AuthEvent::SessionEnded {
        reason: EndReason::Administrator,
    }]);
    assert_eq!(command.decide(&ended, &at), Err(NoSession));
    assert_eq!(command.decide(&Versioned::default(), &at), Err(NoSession));
}

#[test]
fn a_session_ends_once() {
    let command = EndSession {
        realm: REALM,
        session: SESSION,
        reason: EndReason::SignedOut,
    };
    let decision = command.decide(&session([]), &context()).expect("it stands");
    assert_eq!(names(&decision), ["session.ended"]);
    let ended = session([AuthEvent::SessionEnded {
        reason: EndReason::SignedOut,
    }]);
    assert_eq!(
        command.decide(&ended, &context()),
        Ok(Decision::nothing(Subject::session(SESSION)))
    );
    assert_eq!(command.decide(&Versioned::default(), &context()), Err(NoSession));
}

#[test]
fn a_hash_is_replaced_only_where_the_password_is_still_the_same() {
    let command = RehashPassword {
        realm: REALM,
        user: USER,
        from: CREDENTIAL,
        to: CredentialId(Uuid::from_u128(0xd3)),
        hash: "$argon2id$new".to_owned(),
    };
    let same = Versioned {
        version: 1,
        state: password(CREDENTIAL),
    };
    let Ok(decision) = command.decide(&same, &context());
    assert_eq!(names(&decision), ["password.rehashed"]);
    let other = Versioned {
        version: 2,
        state: password(CredentialId(Uuid::from_u128(0xd2))),
    };
    let Ok(nothing) = command.decide(&other, &context());
    assert!(nothing.events.is_empty());
}

#[test]
fn a_device_is_new_once_and_one_that_was_revoked_starts_nothing() {
    let known = |events: Vec<Event>| Entering {
        devices: given::<Devices>(USER.0, events),
        ..entering()
    };
    let first = start().decide(&known(vec![]), &context()).unwrap();
    assert_eq!(names(&first), ["session.started", "known_device.added"]);
    let added = first.events[1].1.clone();
    let again = start().decide(&known(vec![added.clone()]), &context()).unwrap();
    assert_eq!(names(&again), ["session.started", "known_device.seen"]);
    let revoked = DeviceEvent::Revoked {
        user: USER,
        device: start().device.id,
    };
    let refused = start().decide(&known(vec![added, revoked.into()]), &context());
    assert_eq!(refused, Err(LoginFailure::Replaced));
}
