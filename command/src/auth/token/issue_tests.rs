//! What issued tokens say, and how long they are good: never longer than the grant that they come from, and nothing that
//! was not granted.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method alone is of one lifetime, and the fixture's is another"
)]

use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;

const ISSUER: &str = "https://id.example/realms/demo";
const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

fn application() -> ApplicationSettings {
    ApplicationSettings {
        custom_claims: BTreeMap::from([
            ("tier".to_owned(), json!("gold")),
            ("sub".to_owned(), json!("mallory")),
            ("sid".to_owned(), json!("none")),
        ]),
        ..ApplicationSettings::default()
    }
}

fn note(scopes: &[&str]) -> TokenNote {
    TokenNote {
        token: Uuid::from_u128(7),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        audience: vec!["https://api.example".to_owned()],
        expires: NOW.after_seconds(600),
        jkt: None,
        exchange: None,
        once: None,
    }
}

fn said(
    note: &TokenNote,
    about: Option<&About<'_>>,
    told: impl FnOnce(&Said<'_>) -> Map<String, Value>,
) -> Value {
    let (application, realm) = (application(), Settings::default());
    let said = Said {
        issuer: ISSUER,
        client_id: "app",
        subject: Uuid::from_u128(0xa1).to_string(),
        application: &application,
        realm: &realm,
        issued: NOW,
        note,
        about,
    };
    Value::Object(told(&said))
}

static NONE: RequestedClaims = RequestedClaims {
    id_token: BTreeSet::new(),
    userinfo: BTreeSet::new(),
};

fn about<'a>(profile: &'a Profile, amr: &'a [String]) -> About<'a> {
    About {
        user: UserId(Uuid::from_u128(0xa1)),
        profile,
        session: SessionId(Uuid::from_u128(0x5e)),
        grant: GrantId(Uuid::from_u128(0x91)),
        auth_time: Timestamp::from_seconds(1_767_225_000),
        amr,
        claims: &NONE,
        nonce: Some("n-1"),
    }
}

#[test]
fn an_access_token_says_what_rfc_9068_asks_for() {
    let (profile, amr) = (Profile::default(), ["pwd".to_owned()]);
    let claims = said(
        &note(&["openid", "orders"]),
        Some(&about(&profile, &amr)),
        |said| said.access_token(),
    );
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER,
            "sub": "00000000-0000-0000-0000-0000000000a1",
            "aud": ["https://api.example"],
            "exp": 1_767_226_200,
            "iat": 1_767_225_600,
            "jti": "00000000-0000-0000-0000-000000000007",
            "client_id": "app",
            "scope": "openid orders",
            "auth_time": 1_767_225_000,
            "acr": "urn:chancery:acr:aal1",
            "amr": ["pwd"],
            "sid": "00000000-0000-0000-0000-00000000005e",
            "gid": "00000000-0000-0000-0000-000000000091",
            "tier": "gold",
        })
    );
}

#[test]
fn an_application_acting_for_itself_has_no_session() {
    let claims = said(&note(&["orders"]), None, |said| said.access_token());
    for absent in ["sid", "gid", "auth_time", "acr", "amr"] {
        assert_eq!(claims.get(absent), None, "{absent}");
    }
    assert_eq!(claims["tier"], "gold");
}

#[test]
fn an_id_token_is_for_the_application_and_tells_what_its_scopes_release() {
    let profile = Profile {
        username: Some("alice".to_owned()),
        email: Some("alice@example.org".to_owned()),
        ..Profile::default()
    };
    let amr = ["pwd".to_owned()];
    let claims = said(
        &note(&["openid", "email"]),
        Some(&about(&profile, &amr)),
        |said| said.id_token(&about(&profile, &amr), "hash"),
    );
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER,
            "sub": "00000000-0000-0000-0000-0000000000a1",
            "aud": "app",
            "azp": "app",
            "exp": 1_767_226_200,
            "iat": 1_767_225_600,
            "auth_time": 1_767_225_000,
            "acr": "urn:chancery:acr:aal1",
            "amr": ["pwd"],
            "sid": "00000000-0000-0000-0000-00000000005e",
            "nonce": "n-1",
            "at_hash": "hash",
            "email": "alice@example.org",
            "email_verified": false,
            "tier": "gold",
        })
    );
}
