//! Stored shapes are permanent: every version of every event ever stored has a golden file, and is still understood.
//!
//! A file `golden/<name>.v<version>.json` holds the event's `data` with its sealed fields open. Files are never edited;
//! a new version gets a new file. A missing file is printed as it would have to be.

use std::{collections::BTreeSet, fs, path::PathBuf};

use events::{
    applications::{ApplicationEvent, ApplicationSettings, ApplicationType},
    auth::{AuthEvent, EndReason, LoginFailure},
    clock::Timestamp,
    event::Event,
    ids::{ApplicationId, CredentialId, GrantId, UserId},
    permissions::{PermissionEvent, PrincipalKind, Role},
    realms::{
        AttributeSchema, AttributeType, PasswordSettings, RealmEvent, RegistrationSettings, SessionSettings,
        SettingsChange, TokenSettings,
    },
    sealing::Sealed,
    users::{Profile, UserEvent},
};
use serde_json::{Value, json};
use uuid::Uuid;

const MOMENT: Timestamp = Timestamp::from_seconds(1_767_225_600);

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n)
}

/// One event of each kind, with every field filled.
fn samples() -> Vec<Event> {
    let settings = ApplicationSettings {
        name: "Shop".into(),
        redirect_uris: vec!["https://shop.example/callback".into()],
        post_logout_redirect_uris: vec!["https://shop.example/".into()],
        scopes: vec!["orders".into()],
        audiences: vec!["https://api.shop.example".into()],
        access_token_seconds: Some(300),
        id_token_seconds: Some(300),
        id_token_signed_response_alg: Some("RS256".into()),
        access_token_signed_response_alg: Some("EdDSA".into()),
        custom_claims: [("tier".to_owned(), json!("gold"))].into(),
    };
    let profile = Profile {
        username: Some("alice".into()),
        email: Some("alice@example.com".into()),
        email_verified: true,
        phone: Some("+4930123456".into()),
        phone_verified: false,
        name: Some("Alice Ames".into()),
        given_name: Some("Alice".into()),
        family_name: Some("Ames".into()),
        locale: Some("en-GB".into()),
        zoneinfo: Some("Europe/London".into()),
        attributes: [("department".to_owned(), json!("sales"))].into(),
    };
    let user = UserId(id(1));
    let client = ApplicationId(id(2));
    let grant = GrantId(id(3));
    let credential = CredentialId(id(4));
    let reason = Some("asked for".to_owned());
    let sealed_reason = reason.clone().map(Sealed::Known);
    vec![
        RealmEvent::Created {
            name: "acme".into(),
            display_name: "Acme".into(),
        }
        .into(),
        RealmEvent::Renamed {
            display_name: "Acme Ltd".into(),
        }
        .into(),
        RealmEvent::Suspended {
            reason: reason.clone(),
        }
        .into(),
        RealmEvent::Resumed {}.into(),
        RealmEvent::SettingsChanged(SettingsChange {
            tokens: Some(TokenSettings::default()),
            session: Some(SessionSettings::default()),
            password: Some(PasswordSettings::default()),
            registration: Some(RegistrationSettings {
                self_registration: false,
                email_required: true,
                attributes: [(
                    "department".to_owned(),
                    AttributeSchema {
                        value_type: AttributeType::String,
                        required: true,
                        max_length: Some(64),
                        one_of: vec!["sales".into()],
                        claim: true,
                    },
                )]
                .into(),
            }),
        })
        .into(),
        RealmEvent::SigningKeyCreated {
            kid: "kid".into(),
            algorithm: "ES256".into(),
            public_jwk: json!({"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}),
            replaced_until: MOMENT,
        }
        .into(),
        RealmEvent::SigningKeyRetired {
            kid: "kid".into(),
            reason: reason.clone(),
        }
        .into(),
        UserEvent::Registered {
            profile: Sealed::Known(profile),
        }
        .into(),
        UserEvent::ProfileChanged {
            fields: vec!["given_name".into(), "phone".into()],
            changes: Sealed::Known(
                [
                    ("given_name".to_owned(), json!("Alicia")),
                    ("phone".to_owned(), Value::Null),
                ]
                .into(),
            ),
        }
        .into(),
        UserEvent::Disabled {
            reason: sealed_reason.clone(),
        }
        .into(),
        UserEvent::Enabled {}.into(),
        UserEvent::Locked {
            reason: sealed_reason,
            until: Some(MOMENT),
        }
        .into(),
        UserEvent::Unlocked {}.into(),
        UserEvent::SessionsEnded {}.into(),
        UserEvent::PasswordSet {
            credential,
            hash: Sealed::Known("$argon2id$".into()),
        }
        .into(),
        UserEvent::PasswordRehashed {
            credential,
            hash: Sealed::Known("$argon2id$".into()),
        }
        .into(),
        ApplicationEvent::Registered {
            client_id: id(2).to_string(),
            application_type: ApplicationType::Web,
            settings: settings.clone(),
        }
        .into(),
        ApplicationEvent::Changed {
            fields: vec!["scopes".into()],
            settings,
        }
        .into(),
        ApplicationEvent::SecretAdded {
            credential,
            digest: Sealed::Known("00".into()),
            expires: Some(MOMENT),
        }
        .into(),
        ApplicationEvent::SecretRevoked { credential }.into(),
        ApplicationEvent::Disabled {
            reason: reason.clone(),
        }
        .into(),
        ApplicationEvent::Enabled {}.into(),
        PermissionEvent::Assigned {
            role: Role::Auditor,
            principal: PrincipalKind::User,
        }
        .into(),
        PermissionEvent::Revoked {
            role: Role::Auditor,
            principal: PrincipalKind::Application,
        }
        .into(),
        AuthEvent::SessionStarted {
            user,
            client: Some(client),
            amr: vec!["pwd".into()],
            expires: MOMENT,
            last_ending: 7,
        }
        .into(),
        AuthEvent::SessionContinued {}.into(),
        AuthEvent::SessionEnded {
            reason: EndReason::SignedOut,
        }
        .into(),
        AuthEvent::LoginFailed {
            user: Some(user),
            client: Some(client),
            reason: LoginFailure::WrongPassword,
        }
        .into(),
        AuthEvent::CodeIssued {
            grant,
            client,
            user,
            scopes: vec!["openid".into()],
        }
        .into(),
        AuthEvent::GrantStarted {
            grant,
            client,
            scopes: vec!["openid".into()],
            refresh: true,
            expires: MOMENT,
        }
        .into(),
        AuthEvent::GrantRefreshed { grant, generation: 1 }.into(),
        AuthEvent::GrantRevoked {
            grant,
            reason: EndReason::Reused,
        }
        .into(),
        AuthEvent::TokenIssued {
            token: id(5),
            client,
            user: Some(user),
            grant: Some(grant),
            grant_type: "authorization_code".into(),
            scopes: vec!["openid".into()],
            audience: vec!["https://api.shop.example".into()],
            expires: MOMENT,
        }
        .into(),
        AuthEvent::TokenRevoked { token: id(5), client }.into(),
        AuthEvent::ClientAuthenticationFailed { client }.into(),
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

#[test]
fn every_kind_has_a_sample_and_a_golden_file() {
    let mut covered = BTreeSet::new();
    for event in samples() {
        let (kind, data) = event.encode().expect("encodes");
        covered.insert(kind.name);
        let path = folder().join(format!("{}.v{}.json", kind.name, kind.schema));
        let shown = serde_json::to_string_pretty(&data).expect("is JSON") + "\n";
        let stored = fs::read_to_string(&path)
            .unwrap_or_else(|_| panic!("missing {}; it would have to be:\n{shown}", path.display()));
        assert_eq!(
            stored, shown,
            "{} changed its shape: give it a new version and an upcaster",
            kind.name
        );
    }
    let catalogue: BTreeSet<_> = Event::catalogue().map(|(_, _, kind)| kind.name).collect();
    assert_eq!(
        covered, catalogue,
        "every row of the catalogue has a sample above"
    );
}

#[test]
fn every_golden_file_is_understood_today() {
    for file in fs::read_dir(folder())
        .expect("golden files")
        .map(|file| file.expect("a file").path())
    {
        let stem = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a name")
            .to_owned();
        let (name, version) = stem.rsplit_once(".v").expect("<name>.v<version>.json");
        let data = serde_json::from_str(&fs::read_to_string(&file).expect("readable")).expect("JSON");
        let event = Event::decode(name, version.parse().expect("a number"), data)
            .unwrap_or_else(|error| panic!("{stem}: {error}"));
        assert_eq!(event.name(), name);
    }
}

#[test]
fn a_foreign_name_or_version_is_refused() {
    assert!(Event::decode("user.teleported", 1, json!({})).is_err());
    assert!(Event::decode("user.enabled", 2, json!({})).is_err());
}

#[test]
fn names_are_a_noun_and_a_past_participle_and_unique() {
    let names: Vec<_> = Event::catalogue().map(|(_, _, kind)| kind.name).collect();
    let unique: BTreeSet<_> = names.iter().collect();
    assert_eq!(names.len(), unique.len());
    for name in names {
        let (noun, verb) = name.split_once('.').expect("<noun>.<past participle>");
        assert!(
            !noun.is_empty() && (verb.ends_with("ed") || verb.ends_with("set") || verb.ends_with("en")),
            "{name}"
        );
    }
}
