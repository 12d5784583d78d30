//! The rules of exchanges, told as given / when / then: what a token rests on stands at the moment in which the new one is told of, and an
//! assertion is used up with it.

use events::{
    auth::EndReason,
    compliance::Consent,
    testing::{NOW, context},
    users::{Endings, UserEvent},
};
use uuid::Uuid;
use web::Acting;

use super::*;
use crate::auth::{
    given::{CLIENT, CREDENTIAL, REALM, SESSION, USER, alice, names, password, session},
    grants::Exchange,
};

const GATEWAY: ApplicationId = ApplicationId(Uuid::from_u128(0xc2));
const GRANT: GrantId = GrantId(Uuid::from_u128(0x91));

fn standing(events: impl IntoIterator<Item = AuthEvent>) -> Standing {
    let granted = AuthEvent::GrantStarted {
        grant: GRANT,
        client: CLIENT,
        scopes: vec!["orders".to_owned()],
        refresh: false,
        expires: NOW.after_seconds(600),
        jkt: None,
        claims: RequestedClaims::default(),
        consent: 1,
    };
    Standing {
        id: Some(SESSION),
        session: session([granted].into_iter().chain(events)),
        user: alice([]),
        password: password(CREDENTIAL),
        consent: Consent::default(),
    }
}

fn proof() -> Claim {
    Claim::Spend {
        kind: ClaimKind::DpopProof,
        value: "key:1".to_owned(),
        holder: GATEWAY.0,
        invalid: NOW.after_seconds(120),
    }
}

fn note() -> TokenNote {
    let acting = Acting {
        sub: GATEWAY.to_string(),
        client_id: Some("gateway".to_owned()),
    };
    TokenNote {
        token: Uuid::from_u128(0x70),
        scopes: vec!["orders".to_owned()],
        audience: vec!["https://api.example".to_owned()],
        expires: NOW.after_seconds(300),
        jkt: None,
        exchange: Some(Exchange {
            application: None,
            tokens: vec![Uuid::from_u128(0x7e)],
            actors: vec![acting],
        }),
        once: Some(proof()),
    }
}

fn exchange() -> ExchangeToken {
    ExchangeToken {
        realm: REALM,
        session: SESSION,
        grant: GRANT,
        origin: CLIENT,
        client: GATEWAY,
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        token: note(),
    }
}

#[test]
fn an_exchange_is_told_of_with_who_acts_and_uses_its_proof_up() {
    let decision = exchange().decide(&standing([]), &context()).expect("all stands");
    assert_eq!(names(&decision), ["token.issued"]);
    assert_eq!(decision.claims, [proof()]);
    let (
        None,
        events::event::Event::Auth(AuthEvent::TokenIssued {
            client,
            user,
            grant,
            actors,
            ..
        }),
    ) = &decision.events[0]
    else {
        panic!("{:?}", decision.events);
    };
    assert_eq!((*client, *user, *grant), (GATEWAY, Some(USER), Some(GRANT)));
    assert_eq!(actors, &[GATEWAY.to_string()]);
}

#[test]
fn what_ended_in_the_meantime_gives_nothing() {
    let revoked = AuthEvent::GrantRevoked {
        grant: GRANT,
        reason: EndReason::Reused,
    };
    let ended = AuthEvent::SessionEnded {
        reason: EndReason::SignedOut,
    };
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
    let mut withdrawn = standing([]);
    withdrawn.consent.withdrawn = 2;
    for (state, why) in [
        (standing([revoked]), GrantRefused::Gone),
        (standing([ended]), GrantRefused::Gone),
        (disabled, GrantRefused::Ended),
        (changed, GrantRefused::Ended),
        (withdrawn, GrantRefused::Ended),
    ] {
        assert_eq!(exchange().decide(&state, &context()), Err(why));
    }
    let mut late = context();
    late.now = NOW.after_seconds(600);
    assert_eq!(exchange().decide(&standing([]), &late), Err(GrantRefused::Gone));
}

fn accept() -> AcceptAssertion {
    AcceptAssertion {
        realm: REALM,
        session: SESSION,
        grant: GRANT,
        user: USER,
        client: CLIENT,
        consent: 0,
        spent: ("23:https://partner.example:1".to_owned(), NOW.after_seconds(360)),
        grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
        token: TokenNote {
            exchange: None,
            once: None,
            ..note()
        },
    }
}

fn vouched(events: impl IntoIterator<Item = UserEvent>) -> Vouched {
    Vouched {
        user: alice(events),
        password: password(CREDENTIAL),
    }
}

#[test]
fn an_assertion_begins_a_session_for_its_token_and_is_used_up() {
    let decision = accept().decide(&vouched([]), &context()).expect("alice may");
    assert_eq!(
        names(&decision),
        ["session.started", "grant.started", "token.issued"]
    );
    let events::event::Event::Auth(AuthEvent::SessionStarted { amr, expires, .. }) = &decision.events[0].1
    else {
        panic!("{:?}", decision.events);
    };
    assert!(amr.is_empty(), "nobody showed us anything");
    assert_eq!(*expires, NOW.after_seconds(300), "it ends with its token");
    assert_eq!(
        decision.claims,
        [Claim::Spend {
            kind: ClaimKind::Assertion,
            value: "23:https://partner.example:1".to_owned(),
            holder: SESSION.0,
            invalid: NOW.after_seconds(360),
        }]
    );
}

#[test]
fn nobody_vouches_for_one_who_may_not_sign_in() {
    let locked = UserEvent::Locked {
        until: None,
        reason: None,
    };
    for (events, why) in [
        (vec![UserEvent::Disabled { reason: None }], LoginFailure::Disabled),
        (vec![locked], LoginFailure::Locked),
    ] {
        assert_eq!(accept().decide(&vouched(events), &context()), Err(why));
    }
    let nobody = Vouched::default();
    assert_eq!(
        accept().decide(&nobody, &context()),
        Err(LoginFailure::UnknownUser)
    );
}
