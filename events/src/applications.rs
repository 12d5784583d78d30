//! Applications: the OAuth 2.0 clients of a realm (RFC 6749, section 2; RFC 7591 for the names).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::Timestamp,
    event::{DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::CredentialId,
    sealing::{Sealed, SealedBy},
    subject::{Lane, SubjectKind},
};

/// What kind of application it is; it decides whether it can keep a secret and how it may get tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl ApplicationType {
    /// Whether it authenticates with a secret (RFC 6749, section 2.1).
    pub const fn is_confidential(self) -> bool {
        matches!(self, ApplicationType::Web | ApplicationType::Service)
    }

    /// Whether people sign in to it.
    pub const fn has_users(self) -> bool {
        !matches!(self, ApplicationType::Service)
    }

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            ApplicationType::Web => "web",
            ApplicationType::Spa => "spa",
            ApplicationType::Native => "native",
            ApplicationType::Service => "service",
        }
    }
}

/// What can be changed of an application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApplicationSettings {
    /// The name shown to people.
    pub name: String,
    /// Where codes may be sent; compared exactly (a loopback address may have another port).
    pub redirect_uris: Vec<String>,
    /// Where the browser may be sent after signing out; compared exactly.
    pub post_logout_redirect_uris: Vec<String>,
    /// The scopes that it may ask for, besides OpenID Connect's own.
    pub scopes: Vec<String>,
    /// The resources that its access tokens may name as `aud` (RFC 8707); the first is the default.
    pub audiences: Vec<String>,
    /// Life of its access tokens in seconds, where not the realm's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_seconds: Option<u64>,
    /// Life of its id tokens in seconds, where not the realm's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_seconds: Option<u64>,
    /// How its id tokens are signed, where not ES256: `ES256`, `RS256`, `EdDSA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    /// How its access tokens are signed, where not ES256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_signed_response_alg: Option<String>,
    /// Claims added to its access and id tokens: a claim's name to a fixed value, or to `{"attribute": "<name>"}`.
    pub custom_claims: BTreeMap<String, Value>,
}

/// What happens to an application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
        settings: ApplicationSettings,
    },
    /// Its settings were changed.
    #[serde(rename = "application.changed")]
    Changed {
        /// The names of the fields that changed.
        fields: Vec<String>,
        /// All settings after the change.
        settings: ApplicationSettings,
    },
    /// It got a secret, beside those it has.
    #[serde(rename = "application.secret_added")]
    SecretAdded {
        /// The secret's id; its key seals the digest.
        credential: CredentialId,
        /// HMAC-SHA256 of the secret under a key of the realm, hexadecimal.
        digest: Sealed<String>,
        /// When it ends, if it does.
        expires: Option<Timestamp>,
    },
    /// A secret was withdrawn.
    #[serde(rename = "application.secret_revoked")]
    SecretRevoked {
        /// Which.
        credential: CredentialId,
    },
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
    const KINDS: &'static [EventKind] = &[
        EventKind::plain("application.registered", "An application was registered."),
        EventKind::plain("application.changed", "An application's settings were changed."),
        EventKind::sealing(
            "application.secret_added",
            &[("digest", SealedBy::Credential("credential"))],
            "An application got a secret, beside those it has.",
        ),
        EventKind::plain(
            "application.secret_revoked",
            "A secret of an application was withdrawn.",
        ),
        EventKind::plain("application.disabled", "An application was disabled."),
        EventKind::plain("application.enabled", "A disabled application works again."),
    ];
}

/// One secret of an application.
#[derive(Clone, PartialEq)]
pub struct SecretState {
    /// Its id.
    pub credential: CredentialId,
    /// Its digest, unless erased.
    pub digest: Option<String>,
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

    /// Whether it gets tokens and its tokens are good.
    pub const fn is_active(&self) -> bool {
        self.exists() && !self.disabled
    }

    /// Whether it authenticates with a secret.
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
                self.settings = settings.clone();
                self.registered = happened.time;
            }
            ApplicationEvent::Changed { settings, .. } => self.settings = settings.clone(),
            ApplicationEvent::SecretAdded {
                credential,
                digest,
                expires,
            } => self.secrets.push(SecretState {
                credential: *credential,
                digest: digest.known().cloned(),
                added: happened.time,
                expires: *expires,
            }),
            ApplicationEvent::SecretRevoked { credential } => {
                self.secrets.retain(|secret| secret.credential != *credential);
                self.withdrawn.push(*credential);
            }
            ApplicationEvent::Disabled { .. } => self.disabled = true,
            ApplicationEvent::Enabled {} => self.disabled = false,
        }
    }
}
