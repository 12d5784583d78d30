//! Stored shapes are permanent: every version of every event ever stored has a golden file, and is still understood.
//!
//! A file `golden/<name>.v<version>.json` holds the event's `data` with its sealed fields open. Files are never edited;
//! a new version gets a new file. A missing file is printed as it would have to be.

use std::{collections::BTreeSet, fs, path::PathBuf};

use events::{
    applications::{ApplicationEvent, ApplicationSettings, ApplicationType},
    auth::{AuthEvent, EndReason, LoginFailure, Method, Proof, RequestedClaims, ThrottledBy},
    branding::{BrandingSettings, BrandingTexts, Logo},
    clock::Timestamp,
    compliance::ComplianceEvent,
    credentials::CredentialEvent,
    devices::DeviceEvent,
    event::Event,
    identities::IdentityEvent,
    identity_providers::{
        AnswerMode, ClaimMapping, ClientAuthentication, EmailTrust, IdentityProviderEvent,
        IdentityProviderSettings, Linking, Offer, SignUp,
    },
    ids::{
        ApplicationId, CredentialId, DeviceId, EventId, GrantId, IdentityProviderId, SessionId, UserId,
        WebhookId,
    },
    languages::{Language, LanguageSettings},
    letters::{LetterEvent, LetterFailure, LetterKind},
    limits::{LimitKey, LimitSettings, RateLimit, WhenDown},
    passkeys::{AuthenticatorTold, PasskeyEvent},
    permissions::{PermissionEvent, PrincipalKind, Role},
    realms::{
        AssertedSubject, AttributeSchema, AttributeType, MailSettings, MailSignIn, MfaPolicy, MfaSettings,
        OAuthSettings, PasskeySettings, PasswordSettings, RealmEvent, RegistrationSettings, SecurityProfile,
        SessionSettings, SettingsChange, TokenSettings, TrustedAuthenticator, TrustedIssuer,
    },
    sealing::Sealed,
    subject::{Lane, Subject},
    users::{
        Profile, UserEvent,
        email_change::{EmailChangeEvent, End},
    },
    webhooks::{
        DisabledBy, Filter, Signature, WebhookEvent, WebhookSettings,
        deliveries::{Delivery, DeliveryEvent},
    },
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
        grant_types: vec!["authorization_code".into()],
        consent_required: true,
        contacts: vec!["dev@shop.example".into()],
        request_uris: vec!["https://shop.example/request".into()],
        require_pushed_authorization_requests: true,
        require_signed_request_object: true,
        dpop_bound_access_tokens: true,
        require_auth_time: true,
        default_acr_values: vec!["urn:chancery:acr:aal2".into()],
        backchannel_logout_session_required: true,
        frontchannel_logout_session_required: true,
        token_exchange_subjects: vec!["*".into()],
        token_exchange_audiences: vec!["https://api.example".into()],
        token_exchange_impersonation: true,
        may_act: Some("gateway".into()),
        access_token_format: Some("opaque".into()),
        token_endpoint_auth_method: Some("private_key_jwt".into()),
        token_endpoint_auth_signing_alg: Some("ES256".into()),
        jwks: Some(json!({"keys": []})),
        jwks_uri: Some("https://shop.example/jwks".into()),
        subject_type: Some("pairwise".into()),
        sector_identifier_uri: Some("https://shop.example/sector".into()),
        id_token_encrypted_response_alg: Some("ECDH-ES".into()),
        id_token_encrypted_response_enc: Some("A256GCM".into()),
        userinfo_signed_response_alg: Some("ES256".into()),
        userinfo_encrypted_response_alg: Some("ECDH-ES".into()),
        userinfo_encrypted_response_enc: Some("A256GCM".into()),
        authorization_signed_response_alg: Some("ES256".into()),
        introspection_signed_response_alg: Some("ES256".into()),
        authorization_encrypted_response_alg: Some("ECDH-ES".into()),
        authorization_encrypted_response_enc: Some("A256GCM".into()),
        request_object_signing_alg: Some("ES256".into()),
        default_max_age: Some(3_600),
        backchannel_logout_uri: Some("https://shop.example/logout/back".into()),
        frontchannel_logout_uri: Some("https://shop.example/logout/front".into()),
        initiate_login_uri: Some("https://shop.example/login".into()),
        logo_uri: Some("https://shop.example/logo".into()),
        client_uri: Some("https://shop.example".into()),
        policy_uri: Some("https://shop.example/privacy".into()),
        tos_uri: Some("https://shop.example/terms".into()),
        required_acr: Some("urn:chancery:acr:aal2".into()),
        security_profile: Some("fapi2".into()),
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
    let device = DeviceId(id(9));
    let client = ApplicationId(id(2));
    let grant = GrantId(id(3));
    let credential = CredentialId(id(4));
    let proof = Proof {
        method: Method::Totp,
        at: MOMENT,
        credential: Some(credential),
        user_verified: true,
        hardware: true,
    };
    let reason = Some("asked for".to_owned());
    let sealed_reason = reason.clone().map(Sealed::Known);
    let webhook = WebhookId(id(7));
    let provider = IdentityProviderId(id(9));
    let provider_settings = IdentityProviderSettings {
        display_name: "Acme".into(),
        client_id: "chancery".into(),
        client_authentication: ClientAuthentication::PrivateKeyJwt,
        answer_mode: AnswerMode::FormPost,
        scopes: vec!["email".into(), "profile".into()],
        claims: ClaimMapping {
            username: Some("preferred_username".into()),
            attributes: [("department".to_owned(), "department".to_owned())].into(),
            ..ClaimMapping::default()
        },
        userinfo: true,
        linking: Linking::VerifiedEmail,
        sign_up: SignUp::Create,
        email_trust: EmailTrust::Always,
        multi_factor_acr: vec!["urn:chancery:acr:aal2".into()],
        multi_factor_amr: vec!["mfa".into()],
        applications: vec![client],
    };
    let filter = Filter {
        events: vec!["user.*".into()],
        subjects: vec![Subject::user(user).to_string()],
        applications: vec![client],
    };
    let endpoint = WebhookSettings {
        url: "https://receiver.example/hook".into(),
        description: Some("Orders".into()),
        filter: filter.clone(),
        per_second: Some(10),
    };
    let delivery = Delivery {
        webhook,
        event: EventId(id(8)),
        event_type: "user.registered".into(),
        lane: Lane::Facts,
        seq: 9,
        attempt: 1,
        at: MOMENT,
        milliseconds: 12,
        status: Some(200),
        headers: [("server".to_owned(), "nginx".to_owned())].into(),
        error: None,
        given_up: false,
    };
    let failed = Delivery {
        status: None,
        headers: std::collections::BTreeMap::new(),
        error: Some("the host took too long".into()),
        given_up: true,
        ..delivery.clone()
    };
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
                email_domains: Vec::new(),
                attributes: [(
                    "department".to_owned(),
                    AttributeSchema {
                        value_type: AttributeType::String,
                        required: true,
                        max_length: Some(64),
                        one_of: vec!["sales".into()],
                        claim: true,
                        editable: true,
                    },
                )]
                .into(),
                username_changes: true,
            }),
            oauth: Some(OAuthSettings {
                registration_scopes: vec!["orders".into()],
                security_profile: Some(SecurityProfile::Fapi2),
                trusted_issuers: vec![TrustedIssuer {
                    issuer: "https://issuer.example".into(),
                    jwks: None,
                    jwks_uri: Some("https://issuer.example/jwks".into()),
                    subject: AssertedSubject::Email,
                    applications: vec!["*".into()],
                    scopes: vec!["orders".into()],
                }],
                ..OAuthSettings::default()
            }),
            mfa: Some(MfaSettings {
                policy: MfaPolicy::Required,
                methods: [Method::Totp].into(),
                trust_days: 30,
            }),
            passkeys: Some(PasskeySettings {
                authenticators: vec![TrustedAuthenticator {
                    aaguid: id(8),
                    name: "Security key".into(),
                    root: "-----BEGIN CERTIFICATE-----".into(),
                }],
                ..PasskeySettings::default()
            }),
            languages: Some(LanguageSettings {
                enabled: [Language::German, Language::Chinese].into(),
                default: Language::German,
            }),
            mail: Some(MailSettings {
                sender_name: Some("Acme".into()),
                sign_in: MailSignIn::CodeAndLink,
                recovery: false,
            }),
            branding: Some(Box::new(BrandingSettings {
                name: Some("Acme".into()),
                colour: Some("#17593f".into()),
                dark_colour: Some("#86d1b0".into()),
                logo: Some(Logo {
                    digest: "00".repeat(32),
                    media_type: "image/png".into(),
                    width: 64,
                    height: 32,
                }),
                texts: [(
                    Language::German,
                    BrandingTexts {
                        welcome: Some("Willkommen".into()),
                        support_url: Some("https://acme.example/help".into()),
                        privacy_url: Some("https://acme.example/privacy".into()),
                        terms_url: Some("https://acme.example/terms".into()),
                    },
                )]
                .into(),
            })),
            limits: Some(LimitSettings {
                rates: [(
                    "tokens".to_owned(),
                    RateLimit {
                        operations: ["token".to_owned()].into(),
                        key: LimitKey::Address,
                        requests: 100,
                        seconds: 60,
                        burst: Some(10),
                        when_down: WhenDown::Closed,
                    },
                )]
                .into(),
            }),
        })
        .into(),
        RealmEvent::FileStored {
            digest: "00".repeat(32),
            media_type: "image/png".into(),
            content: "iVBORw0KGgo=".into(),
        }
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
        UserEvent::SessionsEnded {
            keeps: Some(SessionId(id(6))),
        }
        .into(),
        UserEvent::PasswordSet {
            credential,
            hash: Sealed::Known("$argon2id$".into()),
            keeps: None,
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
            settings: Box::new(settings.clone()),
        }
        .into(),
        ApplicationEvent::Changed {
            fields: vec!["scopes".into()],
            settings: Box::new(settings),
        }
        .into(),
        ApplicationEvent::SecretAdded {
            credential,
            digest: Sealed::Known("00".into()),
            secret: Some(Sealed::Known("chs_secret".into())),
            expires: Some(MOMENT),
        }
        .into(),
        ApplicationEvent::RegistrationTokenIssued {}.into(),
        ApplicationEvent::InitialAccessGranted {
            uses: 5,
            expires: MOMENT,
        }
        .into(),
        ApplicationEvent::InitialAccessUsed {
            application: ApplicationId(id(9)),
        }
        .into(),
        ApplicationEvent::InitialAccessRevoked {}.into(),
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
            proofs: vec![proof],
        }
        .into(),
        AuthEvent::SessionElevated {
            client: Some(client),
            amr: vec!["pwd".into(), "otp".into(), "mfa".into()],
            proofs: vec![proof],
        }
        .into(),
        AuthEvent::LoginAttempted {
            user: Some(user),
            client: Some(client),
            method: Method::Password,
            since: 7,
        }
        .into(),
        AuthEvent::GuardCleared {
            methods: vec![Method::Password, Method::RecoveryCode],
        }
        .into(),
        AuthEvent::GuardLifted {}.into(),
        AuthEvent::Throttled {
            by: ThrottledBy::Account,
            endpoint: Some("sign_in".into()),
            user: Some(user),
            client: Some(client),
            method: Some(Method::Password),
            seconds: 900,
            disabled: true,
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
            jkt: Some("thumbprint".into()),
            claims: RequestedClaims {
                id_token: ["email".to_owned()].into(),
                userinfo: ["name".to_owned()].into(),
            },
            consent: 2,
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
            jkt: Some("thumbprint".into()),
            actors: vec!["gateway".into()],
        }
        .into(),
        AuthEvent::TokenRevoked { token: id(5), client }.into(),
        AuthEvent::DeviceRequested {
            client,
            scopes: vec!["openid".into()],
            resources: vec!["https://api.shop.example".into()],
            expires: MOMENT,
        }
        .into(),
        AuthEvent::DeviceApproved {
            user,
            session: SessionId(id(6)),
            grant,
            consent: 2,
        }
        .into(),
        AuthEvent::DeviceDenied { user }.into(),
        AuthEvent::ClientAuthenticationSucceeded {
            client,
            method: "private_key_jwt".into(),
        }
        .into(),
        AuthEvent::DpopProofUsed { token: id(5), client }.into(),
        AuthEvent::LogoutTokenDelivered {
            session: SessionId(id(6)),
            client,
            attempt: 1,
        }
        .into(),
        AuthEvent::LogoutTokenFailed {
            session: SessionId(id(6)),
            client,
            attempt: 2,
            reason: "the host took too long".into(),
            given_up: false,
        }
        .into(),
        AuthEvent::ClientAuthenticationFailed { client }.into(),
        ComplianceEvent::ConsentGiven {
            user,
            client,
            scopes: ["orders".to_owned()].into(),
            claims: ["email".to_owned()].into(),
        }
        .into(),
        ComplianceEvent::ConsentWithdrawn { user, client }.into(),
        CredentialEvent::TotpEnrolled {
            credential,
            name: Sealed::Known("Phone".into()),
            secret: Sealed::Known("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into()),
        }
        .into(),
        CredentialEvent::TotpRemoved { credential }.into(),
        CredentialEvent::RecoveryCodesGenerated {
            credential,
            digests: Sealed::Known(vec!["00".into()]),
            count: 1,
        }
        .into(),
        CredentialEvent::RecoveryCodesRemoved { credential }.into(),
        CredentialEvent::RecoveryCodeUsed {
            credential,
            number: 0,
        }
        .into(),
        PasskeyEvent::Registered {
            credential,
            name: Sealed::Known("Laptop".into()),
            credential_id: Sealed::Known("AAEC".into()),
            public_key: Sealed::Known("pQEC".into()),
            authenticator: AuthenticatorTold {
                aaguid: id(8),
                attested: true,
                counter: 1,
                user_verified: true,
                backup_eligible: true,
                backed_up: true,
                transports: vec!["internal".into()],
            },
        }
        .into(),
        PasskeyEvent::Renamed {
            credential,
            name: Sealed::Known("Key".into()),
        }
        .into(),
        PasskeyEvent::Used {
            credential,
            counter: 2,
            backed_up: false,
        }
        .into(),
        PasskeyEvent::Removed { credential }.into(),
        DeviceEvent::Added {
            user,
            device,
            session: SessionId(id(6)),
            expires: MOMENT,
            agent: Sealed::Known("Firefox on Linux".into()),
        }
        .into(),
        DeviceEvent::Seen {
            user,
            device,
            session: SessionId(id(6)),
            expires: MOMENT,
            agent: Sealed::Known("Firefox on Linux".into()),
        }
        .into(),
        DeviceEvent::Named {
            user,
            device,
            name: Sealed::Known("Kitchen".into()),
        }
        .into(),
        DeviceEvent::Trusted {
            user,
            device,
            until: MOMENT,
            last_ending: 3,
        }
        .into(),
        DeviceEvent::TrustEnded { user, device }.into(),
        DeviceEvent::Revoked { user, device }.into(),
        WebhookEvent::Registered {
            settings: endpoint.clone(),
        }
        .into(),
        WebhookEvent::Changed { settings: endpoint }.into(),
        WebhookEvent::SecretAdded {
            credential,
            signature: Signature::Ed25519,
            secret: Sealed::Known("c2VjcmV0".into()),
            public_key: Some("cHVibGlj".into()),
            others_until: MOMENT,
        }
        .into(),
        WebhookEvent::SecretRevoked { credential }.into(),
        WebhookEvent::Disabled { by: DisabledBy::Gone }.into(),
        WebhookEvent::Enabled {}.into(),
        WebhookEvent::Degraded {}.into(),
        WebhookEvent::Recovered {}.into(),
        WebhookEvent::Deleted {}.into(),
        WebhookEvent::Routed { webhook, filter }.into(),
        WebhookEvent::Unrouted { webhook }.into(),
        DeliveryEvent::Delivered(delivery).into(),
        DeliveryEvent::DeliveryFailed(failed).into(),
        DeliveryEvent::Pinged { webhook }.into(),
        DeliveryEvent::RedeliveryRequested {
            webhook,
            lane: Lane::Facts,
            first: 1,
            last: 9,
        }
        .into(),
        LetterEvent::Sent {
            kind: LetterKind::PasswordChanged,
            user: Some(UserId(id(1))),
            attempt: 1,
        }
        .into(),
        LetterEvent::Failed {
            kind: LetterKind::TotpAdded,
            user: Some(UserId(id(1))),
            attempt: 2,
            reason: LetterFailure::Temporary,
            given_up: false,
        }
        .into(),
        LetterEvent::Delivered {
            letter: EventId(id(5)),
            kind: LetterKind::SignInText,
            user: Some(UserId(id(1))),
        }
        .into(),
        LetterEvent::Undelivered {
            letter: EventId(id(5)),
            kind: LetterKind::PhoneVerification,
            user: Some(UserId(id(1))),
            reason: LetterFailure::Recipient,
        }
        .into(),
        LetterEvent::Requested {
            kind: LetterKind::Registration,
            user: None,
            address: None,
            credential: CredentialId(id(4)),
            to: Some("bob@example.org".to_owned().into()),
            about: Some(id(9)),
            expires: MOMENT,
        }
        .into(),
        LetterEvent::CodeAttempted {
            kind: LetterKind::Registration,
        }
        .into(),
        UserEvent::EmailVerified {}.into(),
        UserEvent::PhoneVerified {}.into(),
        EmailChangeEvent::Requested {
            change: id(9),
            email: "bob@example.org".to_owned().into(),
            before: true,
            expires: MOMENT,
        }
        .into(),
        EmailChangeEvent::Confirmed {
            change: id(9),
            end: End::New,
        }
        .into(),
        EmailChangeEvent::Completed { change: id(9) }.into(),
        IdentityProviderEvent::Registered {
            alias: "acme".into(),
            issuer: "https://id.acme.example".into(),
            settings: Box::new(provider_settings.clone()),
        }
        .into(),
        IdentityProviderEvent::Changed {
            settings: Box::new(provider_settings),
        }
        .into(),
        IdentityProviderEvent::SecretSet {
            credential,
            secret: Sealed::Known("s3cret".into()),
        }
        .into(),
        IdentityProviderEvent::Disabled {}.into(),
        IdentityProviderEvent::Enabled {}.into(),
        IdentityProviderEvent::Deleted {}.into(),
        IdentityProviderEvent::Offered {
            provider,
            offer: Offer {
                alias: "acme".into(),
                display_name: "Acme".into(),
                issuer: "https://id.acme.example".into(),
                applications: vec![client],
            },
        }
        .into(),
        IdentityProviderEvent::Withdrawn { provider }.into(),
        IdentityEvent::Linked {
            credential,
            provider,
            issuer: "https://id.acme.example".into(),
            subject: Sealed::Known("248289761001".into()),
            name: Sealed::Known("alice@acme.example".into()),
        }
        .into(),
        IdentityEvent::Unlinked { credential }.into(),
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
            !noun.is_empty()
                && (verb.ends_with("ed")
                    || verb.ends_with("set")
                    || verb.ends_with("en")
                    || verb.ends_with("nt")
                    || verb.ends_with("wn")),
            "{name}"
        );
    }
}
