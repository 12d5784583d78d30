//! The rules of grants, told as given / when / then: a code and each refresh token are good once, and what is used twice
//! is refused.

use events::{
    clock::Timestamp,
    testing::{NOW, context},
    users::{Endings, UserEvent},
};

use super::*;
use crate::auth::given::{CLIENT, CREDENTIAL, REALM, SESSION, alice, names, password, session};

const OTHER_CLIENT: ApplicationId = ApplicationId(Uuid::from_u128(0xc2));
const GRANT: GrantId = GrantId(Uuid::from_u128(0x91));

fn grant_started(refresh: bool) -> AuthEvent {
    AuthEvent::GrantStarted {
        grant: GRANT,
        client: CLIENT,
        scopes: vec!["openid".to_owned()],
        refresh,
        expires: NOW.after_seconds(3_600),
        jkt: None,
        claims: RequestedClaims::default(),
        consent: 0,
    }
}

fn standing(events: impl IntoIterator<Item = AuthEvent>) -> Standing {
    Standing {
        id: Some(SESSION),
        session: session(events),
        user: alice([]),
        password: password(CREDENTIAL),
        consent: Consent::default(),
    }
}

fn note() -> TokenNote {
    TokenNote {
        token: Uuid::from_u128(0x70),
        scopes: vec!["openid".to_owned()],
        audience: vec!["https://api.example".to_owned()],
        expires: NOW.after_seconds(600),
        jkt: None,
        exchange: None,
        once: None,
    }
}

fn redeem() -> Redeem {
    Redeem {
        realm: REALM,
        session: SESSION,
        grant: GRANT,
        client: CLIENT,
        scopes: vec!["openid".to_owned()],
        refresh: true,
        expires: NOW.after_seconds(3_600),
        jkt: None,
        claims: RequestedClaims::default(),
        consent: 0,
        spent: (ClaimKind::Code, GRANT.to_string(), NOW.after_seconds(60)),
        grant_type: "authorization_code",
        token: note(),
    }
}

#[test]
fn what_was_granted_ends_with_the_consent() {
    let mut state = standing([]);
    state.consent.withdrawn = 2;
    let under = |consent| Redeem { consent, ..redeem() }.decide(&state, &context());
    assert_eq!(under(1).unwrap_err(), GrantRefused::Ended);
    assert!(under(3).is_ok(), "what was allowed again is another grant");
    let mut state = standing([grant_started(true)]);
    state.consent.withdrawn = 2;
    assert_eq!(
        refresh(0).decide(&state, &context()).unwrap_err(),
        GrantRefused::Ended
    );
}

#[test]
fn a_code_starts_its_grant_and_is_spent_in_the_same_append() {
    let decision = redeem()
        .decide(&standing([]), &context())
        .expect("the code is good");
    assert_eq!(names(&decision), ["grant.started", "token.issued"]);
    assert_eq!(decision.events[1].0, None, "a token decides nothing");
    assert_eq!(
        decision.claims,
        [Claim::Spend {
            kind: ClaimKind::Code,
            value: GRANT.to_string(),
            holder: SESSION.0,
            invalid: NOW.after_seconds(60)
        }]
    );
}

#[test]
fn a_code_is_good_once_also_when_its_grant_is_over() {
    for past in [
        vec![grant_started(true)],
        vec![
            grant_started(true),
            AuthEvent::GrantRevoked {
                grant: GRANT,
                reason: EndReason::Reused,
            },
        ],
        vec![
            grant_started(true),
            AuthEvent::SessionEnded {
                reason: EndReason::SignedOut,
            },
        ],
    ] {
        assert_eq!(
            redeem().decide(&standing(past), &context()),
            Err(GrantRefused::Reused)
        );
    }
}

#[test]
fn a_code_of_a_session_that_does_not_stand_gives_nothing() {
    let ended = standing([AuthEvent::SessionEnded {
        reason: EndReason::SignedOut,
    }]);
    let disabled = Standing {
        user: alice([UserEvent::Disabled { reason: None }]),
        ..standing([])
    };
    let changed = Standing {
        password: Password {
            endings: Endings::at(9),
            ..password(CREDENTIAL)
        },
        ..standing([])
    };
    let enabled_again = Standing {
        user: alice([UserEvent::Disabled { reason: None }, UserEvent::Enabled {}]),
        ..standing([])
    };
    let everywhere = Standing {
        user: User {
            sessions_ended: Endings::at(9),
            ..alice([])
        },
        ..standing([])
    };
    for state in [
        Standing::default(),
        ended,
        disabled,
        enabled_again,
        changed,
        everywhere,
    ] {
        assert_eq!(redeem().decide(&state, &context()), Err(GrantRefused::Ended));
    }
    let locked = Standing {
        user: alice([UserEvent::Locked {
            reason: None,
            until: None,
        }]),
        ..standing([])
    };
    assert!(
        redeem().decide(&locked, &context()).is_ok(),
        "a lock stops new sign-ins only"
    );
}

fn refresh(generation: u64) -> RefreshGrant {
    RefreshGrant {
        realm: REALM,
        session: SESSION,
        grant: GRANT,
        client: CLIENT,
        generation,
        idle_seconds: 14 * 86_400,
        token: note(),
    }
}

#[test]
fn a_refresh_token_is_replaced_by_its_next_generation() {
    let decision = refresh(0)
        .decide(&standing([grant_started(true)]), &context())
        .expect("it is the newest");
    assert_eq!(names(&decision), ["grant.refreshed", "token.issued"]);
    assert_eq!(
        decision.events[0].1,
        AuthEvent::GrantRefreshed {
            grant: GRANT,
            generation: 1
        }
        .into()
    );
}

#[test]
fn an_older_refresh_token_was_used_by_somebody_else() {
    let state = standing([
        grant_started(true),
        AuthEvent::GrantRefreshed {
            grant: GRANT,
            generation: 1,
        },
    ]);
    assert_eq!(refresh(0).decide(&state, &context()), Err(GrantRefused::Reused));
    assert_eq!(
        refresh(2).decide(&state, &context()),
        Err(GrantRefused::Reused),
        "one that was never issued"
    );
    assert!(refresh(1).decide(&state, &context()).is_ok());
}

#[test]
fn a_grant_that_is_over_is_not_refreshed() {
    let good = || standing([grant_started(true)]);
    let revoked = AuthEvent::GrantRevoked {
        grant: GRANT,
        reason: EndReason::Revoked,
    };
    let refused =
        |command: RefreshGrant, state: Standing| command.decide(&state, &context()).expect_err("over");
    assert_eq!(refused(refresh(0), standing([])), GrantRefused::Gone);
    assert_eq!(
        refused(refresh(0), standing([grant_started(false)])),
        GrantRefused::Gone
    );
    assert_eq!(
        refused(refresh(0), standing([grant_started(true), revoked])),
        GrantRefused::Gone
    );
    assert_eq!(
        refused(
            RefreshGrant {
                client: OTHER_CLIENT,
                ..refresh(0)
            },
            good()
        ),
        GrantRefused::Gone
    );
    assert_eq!(
        refused(
            RefreshGrant {
                idle_seconds: 60,
                ..refresh(0)
            },
            good()
        ),
        GrantRefused::Gone
    );
    let ended = AuthEvent::SessionEnded {
        reason: EndReason::SignedOut,
    };
    assert_eq!(
        refused(refresh(0), standing([grant_started(true), ended])),
        GrantRefused::Ended
    );
    let mut late = context();
    late.now = NOW.after_seconds(3_600);
    assert_eq!(refresh(0).decide(&good(), &late), Err(GrantRefused::Gone));
}

#[test]
fn a_session_that_ran_out_does_not_end_its_grants() {
    let mut state = standing([grant_started(true)]);
    state.session.state.expires = Timestamp(NOW.0 - 1);
    assert!(
        refresh(0).decide(&state, &context()).is_ok(),
        "that is what offline_access is for"
    );
}

#[test]
fn a_grant_is_revoked_once_and_by_its_own_application() {
    let command = RevokeGrant {
        realm: REALM,
        session: SESSION,
        grant: GRANT,
        client: CLIENT,
        reason: EndReason::Reused,
    };
    let state = session([grant_started(true)]);
    let Ok(decision) = command.decide(&state, &context());
    assert_eq!(names(&decision), ["grant.revoked"]);
    let foreign = RevokeGrant {
        client: OTHER_CLIENT,
        ..command.clone()
    };
    let Ok(nothing) = foreign.decide(&state, &context());
    assert!(nothing.events.is_empty());
    let revoked = session([
        grant_started(true),
        AuthEvent::GrantRevoked {
            grant: GRANT,
            reason: EndReason::Reused,
        },
    ]);
    let Ok(again) = command.decide(&revoked, &context());
    assert!(again.events.is_empty());
}

#[test]
fn a_token_given_back_is_spent() {
    let command = RevokeToken {
        realm: REALM,
        token: Uuid::from_u128(7),
        client: CLIENT,
        invalid: NOW.after_seconds(60),
    };
    let Ok(decision) = command.decide(&(), &context());
    assert_eq!(names(&decision), ["token.revoked"]);
    assert!(matches!(
        &decision.claims[..],
        [Claim::Spend {
            kind: ClaimKind::RevokedToken,
            ..
        }]
    ));
}
