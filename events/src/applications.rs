//! Applications: the OAuth 2.0 clients of a realm (RFC 6749, section 2; RFC 7591 for the names).

mod initial_access;

pub use initial_access::InitialAccess;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    clock::Timestamp,
    event::{DecodeError, DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::{ApplicationId, CredentialId},
    sealing::{Sealed, SealedBy},
    subject::{Lane, SubjectKind},
    topics::Topic,
};

/// What kind of application it is; it decides whether it can keep a secret and how it may get tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// Runs on a server and keeps a secret: code + PKCE, refresh, client credentials if it holds roles.
    Web,
    /// Runs in a browser, keeps no secret: code + PKCE, refresh.
    Spa,
    /// Runs on a device of the user's, keeps no secret: code + PKCE with loopback or private-use redirects, refresh.
    Native,
    /// Acts for itself: client credentials.
    Service,
    /// Has no browser, or hardly one: the user approves it on another device (RFC 8628); keeps no secret: device code, refresh.
    Device,
}

impl ApplicationType {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Web, Self::Spa, Self::Native, Self::Service, Self::Device];

    /// Whether it authenticates, with a secret or a key (RFC 6749, section 2.1).
    pub const fn is_confidential(self) -> bool {
        matches!(self, ApplicationType::Web | ApplicationType::Service)
    }

    /// Whether people sign in to it.
    pub const fn has_users(self) -> bool {
        !matches!(self, ApplicationType::Service)
    }

    /// Whether codes are sent to it through a browser, so that it has redirect URIs.
    pub const fn is_redirected_to(self) -> bool {
        !matches!(self, ApplicationType::Service | ApplicationType::Device)
    }

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            ApplicationType::Web => "web",
            ApplicationType::Spa => "spa",
            ApplicationType::Native => "native",
            ApplicationType::Service => "service",
            ApplicationType::Device => "device",
        }
    }
}

/// The settings of an application, told once for all sides: what is stored (here), what commands take and what queries show are made
/// from this list by a macro of each side, so that none of them forgets one. The names are those of RFC 7591, OpenID Connect Dynamic
/// Client Registration and their extensions, where these have one.
///
/// Calls `$side!` with `plain { … }`, the settings that always have a value, and `optional { … }`, those whose absence means the
/// realm's setting or the application type's default.
#[macro_export]
macro_rules! application_settings {
    ($side:ident) => {
        $side! {
            plain {
                /// The name shown to people, 1 to 200 characters.
                name: String,
                /// Where codes may be sent; compared exactly (a loopback address may have another port).
                redirect_uris: Vec<String>,
                /// Where the browser may be sent after signing out; compared exactly.
                post_logout_redirect_uris: Vec<String>,
                /// The scopes that it may ask for, besides OpenID Connect's own.
                scopes: Vec<String>,
                /// The resources that its access tokens may name as `aud` (RFC 8707); the first is the default.
                audiences: Vec<String>,
                /// Claims added to its access and id tokens: a claim's name to a fixed value, or to `{"attribute": "<name>"}`.
                custom_claims: std::collections::BTreeMap<String, serde_json::Value>,
                /// The grants that it may use (RFC 7591, `grant_types`); empty for those of its type.
                grant_types: Vec<String>,
                /// Whether people are asked before it gets anything of theirs (default false: a first-party application).
                consent_required: bool,
                /// E-mail addresses of the people responsible for it.
                contacts: Vec<String>,
                /// Where request objects may be fetched from (OpenID Connect Core, 6.2); compared exactly.
                request_uris: Vec<String>,
                /// Whether authorization requests must be pushed first (RFC 9126).
                require_pushed_authorization_requests: bool,
                /// Whether authorization requests must be signed (RFC 9101).
                require_signed_request_object: bool,
                /// Whether its tokens are always bound to a key by DPoP (RFC 9449).
                dpop_bound_access_tokens: bool,
                /// Whether its id tokens always tell `auth_time`.
                require_auth_time: bool,
                /// The authentication contexts that it asks for where a request does not say.
                default_acr_values: Vec<String>,
                /// Whether logout tokens must name the session (OpenID Connect Back-Channel Logout).
                backchannel_logout_session_required: bool,
                /// Whether front-channel logout must name issuer and session (OpenID Connect Front-Channel Logout).
                frontchannel_logout_session_required: bool,
                /// The applications whose users' tokens it may exchange (RFC 8693), by `client_id`; `*` for all of the realm. Of one
                /// that registered by itself it counts for nothing.
                token_exchange_subjects: Vec<String>,
                /// The resources that it may get tokens for by exchange, besides those that the exchanged token names; each is one of its
                /// `audiences`.
                token_exchange_audiences: Vec<String>,
                /// Whether it may get tokens by exchange that do not name it as the one who acts (RFC 8693, 1.1: impersonation).
                token_exchange_impersonation: bool,
            }
            optional {
                /// Life of its access tokens in seconds (60 to 86,400), where not the realm's.
                access_token_seconds: u64,
                /// Life of its id tokens in seconds (60 to 86,400), where not the realm's.
                id_token_seconds: u64,
                /// How its id tokens are signed, where not ES256: `ES256`, `RS256`, `PS256` or `EdDSA`.
                id_token_signed_response_alg: String,
                /// How its access tokens are signed, where not ES256.
                access_token_signed_response_alg: String,
                /// The one application that may act for its users by token exchange, by `client_id` (RFC 8693, 4.4: `may_act`); where absent,
                /// whoever may exchange its tokens.
                may_act: String,
                /// What its access tokens are, where not `jwt` (RFC 9068): `opaque`.
                access_token_format: String,
                /// How it authenticates, and in no other way: `client_secret_basic`, `client_secret_post`, `client_secret_jwt`,
                /// `private_key_jwt` or `none`. Where absent, an application that keeps a secret sends it by Basic or in the form.
                token_endpoint_auth_method: String,
                /// How its client assertions are signed, and in no other way.
                token_endpoint_auth_signing_alg: String,
                /// Its public keys (RFC 7517, a JWK Set).
                jwks: serde_json::Value,
                /// Where its public keys are fetched from, where they are not given.
                jwks_uri: String,
                /// How users are named to it, where not `public`: `pairwise` (OpenID Connect Core, section 8).
                subject_type: String,
                /// The document whose host names its sector, for pairwise subjects.
                sector_identifier_uri: String,
                /// How its id tokens are encrypted to it, such as `RSA-OAEP-256` or `ECDH-ES`.
                id_token_encrypted_response_alg: String,
                /// The content encryption of its id tokens, where not `A128CBC-HS256`.
                id_token_encrypted_response_enc: String,
                /// How userinfo is signed for it; where absent it is plain JSON.
                userinfo_signed_response_alg: String,
                /// How userinfo is encrypted to it.
                userinfo_encrypted_response_alg: String,
                /// The content encryption of userinfo, where not `A128CBC-HS256`.
                userinfo_encrypted_response_enc: String,
                /// How authorization responses of a JWT response mode are signed (JARM), where not ES256.
                authorization_signed_response_alg: String,
                /// How these are encrypted to it.
                authorization_encrypted_response_alg: String,
                /// Their content encryption, where not `A128CBC-HS256`.
                authorization_encrypted_response_enc: String,
                /// How introspection answers are signed for it where it asks for that (RFC 9701), where not ES256.
                introspection_signed_response_alg: String,
                /// How its request objects are signed, and in no other way (RFC 9101).
                request_object_signing_alg: String,
                /// How long ago people may have signed in, in seconds, where a request does not say.
                default_max_age: u64,
                /// Where logout tokens are sent (OpenID Connect Back-Channel Logout).
                backchannel_logout_uri: String,
                /// What is loaded in a frame to sign out there (OpenID Connect Front-Channel Logout).
                frontchannel_logout_uri: String,
                /// Where a sign-in may be begun by others (OpenID Connect Core, section 4).
                initiate_login_uri: String,
                /// A picture of it, shown where people are asked.
                logo_uri: String,
                /// Its home page.
                client_uri: String,
                /// Its privacy policy.
                policy_uri: String,
                /// Its terms of service.
                tos_uri: String,
                /// The least that a sign-in for it must be worth, as an `acr`; a request may ask for more.
                required_acr: String,
                /// A profile that refuses whatever is weaker, beside the realm's: `fapi2` (FAPI 2.0 Security Profile).
                security_profile: String,
            }
        }
    };
}

macro_rules! stored {
    (
        plain { $($(#[$plain_doc:meta])* $plain:ident: $plain_type:ty,)* }
        optional { $($(#[$optional_doc:meta])* $optional:ident: $optional_type:ty,)* }
    ) => {
        /// What can be changed of an application.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default)]
        pub struct ApplicationSettings {
            $($(#[$plain_doc])* #[serde(skip_serializing_if = "is_default")] pub $plain: $plain_type,)*
            $($(#[$optional_doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $optional: Option<$optional_type>,)*
        }
    };
}

application_settings!(stored);

impl ApplicationSettings {
    /// Whether it authenticates with a secret that we make, if it keeps one at all.
    pub fn has_secrets(&self) -> bool {
        self.token_endpoint_auth_method.as_deref() != Some(PRIVATE_KEY_JWT)
    }

    /// Whether its secrets verify what it signs, so that they themselves are kept and not their digests alone.
    pub fn signs_with_secrets(&self) -> bool {
        self.token_endpoint_auth_method.as_deref() == Some(CLIENT_SECRET_JWT)
    }
}

/// Authentication by a secret in the `Authorization` header (RFC 6749, 2.3.1).
pub const CLIENT_SECRET_BASIC: &str = "client_secret_basic";
/// Authentication by a secret in the form (RFC 6749, 2.3.1).
pub const CLIENT_SECRET_POST: &str = "client_secret_post";
/// Authentication by an assertion that is signed with a secret (OpenID Connect Core, section 9).
pub const CLIENT_SECRET_JWT: &str = "client_secret_jwt";
/// Authentication by an assertion that is signed with the application's own key (RFC 7523).
pub const PRIVATE_KEY_JWT: &str = "private_key_jwt";
/// No authentication: a public client says who it is.
pub const NO_AUTHENTICATION: &str = "none";

/// The grant of an authorization code (RFC 6749, 4.1).
pub const AUTHORIZATION_CODE: &str = "authorization_code";
/// The grant of a refresh token (RFC 6749, section 6).
pub const REFRESH_TOKEN: &str = "refresh_token";
/// The grant of an application that acts for itself (RFC 6749, 4.4).
pub const CLIENT_CREDENTIALS: &str = "client_credentials";
/// The grant of a device that its user approved elsewhere (RFC 8628).
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The grant of one token for another (RFC 8693).
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The grant of an assertion of a trusted issuer (RFC 7523, 2.1).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The grants that there are.
pub const GRANT_TYPES: [&str; 6] = [
    AUTHORIZATION_CODE,
    REFRESH_TOKEN,
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    TOKEN_EXCHANGE,
    JWT_BEARER,
];

/// Whether an application of a type may use a grant, if nothing else is said.
pub fn fits_grant_type(application_type: ApplicationType, grant_type: &str) -> bool {
    match grant_type {
        AUTHORIZATION_CODE => application_type.is_redirected_to(),
        REFRESH_TOKEN => application_type.has_users(),
        CLIENT_CREDENTIALS | TOKEN_EXCHANGE | JWT_BEARER => application_type.is_confidential(),
        DEVICE_CODE => matches!(
            application_type,
            ApplicationType::Device | ApplicationType::Native
        ),
        _ => false,
    }
}

/// What has its default is not stored: most applications set few of all these.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What happens to an application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum ApplicationEvent {
    /// An application was registered.
    #[serde(rename = "application.registered")]
    Registered {
        /// Its `client_id`.
        client_id: String,
        /// What kind it is; it never changes.
        application_type: ApplicationType,
        /// The rest.
        settings: Box<ApplicationSettings>,
    },
    /// Its settings were changed.
    #[serde(rename = "application.changed")]
    Changed {
        /// The names of the fields that changed.
        fields: Vec<String>,
        /// All settings after the change.
        settings: Box<ApplicationSettings>,
    },
    /// It got a secret, beside those it has.
    #[serde(rename = "application.secret_added")]
    SecretAdded {
        /// The secret's id; its key seals the digest.
        credential: CredentialId,
        /// HMAC-SHA256 of the secret under a key of the realm, hexadecimal.
        digest: Sealed<String>,
        /// The secret itself, only where it verifies what the application signs (`client_secret_jwt`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<Sealed<String>>,
        /// When it ends, if it does.
        expires: Option<Timestamp>,
    },
    /// A secret was withdrawn.
    #[serde(rename = "application.secret_revoked")]
    SecretRevoked {
        /// Which.
        credential: CredentialId,
    },
    /// It registered by itself (RFC 7591), or used its registration, and got the access token for that (RFC 7592); the one before it
    /// is void.
    #[serde(rename = "application.registration_token_issued")]
    RegistrationTokenIssued {},
    /// An administrator made a token by which applications register by themselves (RFC 7591, initial access token).
    #[serde(rename = "initial_access.granted")]
    InitialAccessGranted {
        /// How many may.
        uses: u32,
        /// Until when.
        expires: Timestamp,
    },
    /// An application registered by it.
    #[serde(rename = "initial_access.used")]
    InitialAccessUsed {
        /// Which.
        application: ApplicationId,
    },
    /// It was withdrawn.
    #[serde(rename = "initial_access.revoked")]
    InitialAccessRevoked {},
    /// It was disabled: it gets no tokens, and those it has are refused.
    #[serde(rename = "application.disabled")]
    Disabled {
        /// Why, for the record.
        reason: Option<String>,
    },
    /// It works again.
    #[serde(rename = "application.enabled")]
    Enabled {},
}

impl DomainEvent for ApplicationEvent {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Applications;
    const KINDS: &'static [EventKind] = &[
        EventKind::plain("application.registered", "An application was registered.").version(4),
        EventKind::plain("application.changed", "An application's settings were changed.").version(4),
        EventKind::sealing(
            "application.secret_added",
            &[
                ("digest", SealedBy::Credential("credential")),
                ("secret", SealedBy::Credential("credential")),
            ],
            "An application got a secret, beside those it has.",
        )
        .watched()
        .version(2),
        EventKind::plain(
            "application.secret_revoked",
            "A secret of an application was withdrawn.",
        )
        .watched(),
        EventKind::plain(
            "application.registration_token_issued",
            "An application that registered by itself got the token to manage its registration.",
        ),
        EventKind::plain(
            "initial_access.granted",
            "A token by which applications register by themselves was made.",
        )
        .watched(),
        EventKind::plain(
            "initial_access.used",
            "An application registered by itself with such a token.",
        ),
        EventKind::plain("initial_access.revoked", "Such a token was withdrawn."),
        EventKind::plain("application.disabled", "An application was disabled.").watched(),
        EventKind::plain("application.enabled", "A disabled application works again.").watched(),
    ];

    /// Earlier versions had fewer settings, and secrets as digests alone; what they lack has its default.
    fn upcast(name: &str, schema: u16, data: Value) -> Result<Value, DecodeError> {
        match (name, schema) {
            ("application.registered" | "application.changed", 1..=3) | ("application.secret_added", 1) => {
                Ok(data)
            }
            _ => Err(DecodeError::unknown_version(name, schema)),
        }
    }
}

/// One secret of an application.
#[derive(Clone, PartialEq)]
pub struct SecretState {
    /// Its id.
    pub credential: CredentialId,
    /// Its digest, unless erased.
    pub digest: Option<String>,
    /// The secret itself, where it verifies what the application signs.
    pub secret: Option<Zeroizing<String>>,
    /// When it was added.
    pub added: Timestamp,
    /// When it ends, if it does.
    pub expires: Option<Timestamp>,
}

impl std::fmt::Debug for SecretState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretState")
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

/// An application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Application {
    /// Its `client_id`; empty if there is no such application.
    pub client_id: String,
    /// What kind it is.
    pub application_type: Option<ApplicationType>,
    /// What can be changed of it.
    pub settings: ApplicationSettings,
    /// Its secrets, oldest first.
    pub secrets: Vec<SecretState>,
    /// The secrets that were withdrawn: what is configured again under such an id does not come back.
    pub withdrawn: Vec<CredentialId>,
    /// How many tokens for managing its own registration it got; the last is good. 0 if an administrator registered it.
    pub registration_tokens: u64,
    /// Whether it is disabled.
    pub disabled: bool,
    /// When it was registered.
    pub registered: Timestamp,
}

impl Application {
    /// Whether there is such an application.
    pub const fn exists(&self) -> bool {
        self.application_type.is_some()
    }

    /// Whether it registered by itself (RFC 7591): nobody vouches for it.
    pub const fn registered_itself(&self) -> bool {
        self.registration_tokens > 0
    }

    /// Whether it gets tokens and its tokens are good.
    pub const fn is_active(&self) -> bool {
        self.exists() && !self.disabled
    }

    /// Whether it may use a grant: one of those that it is limited to, if it is, and in any case one that fits its type.
    pub fn may_use(&self, grant_type: &str) -> bool {
        let limited = &self.settings.grant_types;
        self.application_type
            .is_some_and(|application_type| fits_grant_type(application_type, grant_type))
            && (limited.is_empty() || limited.iter().any(|one| one == grant_type))
    }

    /// Whether it authenticates, with a secret or a key.
    pub fn is_confidential(&self) -> bool {
        self.application_type
            .is_some_and(ApplicationType::is_confidential)
    }
}

impl Fold for Application {
    const KIND: SubjectKind = SubjectKind::Application;

    fn apply(&mut self, happened: &Happened) {
        let Event::Applications(event) = &happened.event else {
            return;
        };
        match event {
            ApplicationEvent::Registered {
                client_id,
                application_type,
                settings,
            } => {
                self.client_id.clone_from(client_id);
                self.application_type = Some(*application_type);
                self.settings = (**settings).clone();
                self.registered = happened.time;
            }
            ApplicationEvent::Changed { settings, .. } => self.settings = (**settings).clone(),
            ApplicationEvent::SecretAdded {
                credential,
                digest,
                secret,
                expires,
            } => self.secrets.push(SecretState {
                credential: *credential,
                digest: digest.known().cloned(),
                secret: secret
                    .as_ref()
                    .and_then(Sealed::known)
                    .map(|secret| Zeroizing::new(secret.clone())),
                added: happened.time,
                expires: *expires,
            }),
            ApplicationEvent::SecretRevoked { credential } => {
                self.secrets.retain(|secret| secret.credential != *credential);
                self.withdrawn.push(*credential);
            }
            ApplicationEvent::RegistrationTokenIssued {} => self.registration_tokens += 1,
            ApplicationEvent::InitialAccessGranted { .. }
            | ApplicationEvent::InitialAccessUsed { .. }
            | ApplicationEvent::InitialAccessRevoked {} => {}
            ApplicationEvent::Disabled { .. } => self.disabled = true,
            ApplicationEvent::Enabled {} => self.disabled = false,
        }
    }
}
