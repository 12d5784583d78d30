//! Realms: their existence (told in the `system` realm), their settings and their signing keys (told in their own).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    auth::Method,
    branding::BrandingSettings,
    clock::Timestamp,
    event::{DecodeError, DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    languages::LanguageSettings,
    limits::LimitSettings,
    subject::{Lane, SubjectKind},
    topics::Topic,
};

/// What happens to a realm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
#[expect(
    clippy::large_enum_variant,
    reason = "an event is decoded, folded and gone; few are held at a time"
)]
pub enum RealmEvent {
    /// A realm was made. Its name is its own for ever.
    #[serde(rename = "realm.created")]
    Created {
        /// The name, as in URLs.
        name: String,
        /// The name shown to people.
        display_name: String,
    },
    /// A realm was given another display name.
    #[serde(rename = "realm.renamed")]
    Renamed {
        /// The name shown to people.
        display_name: String,
    },
    /// A realm was suspended: nobody signs in, no token works, nothing is written by its own people.
    #[serde(rename = "realm.suspended")]
    Suspended {
        /// Why, for the record.
        reason: Option<String>,
    },
    /// A suspended realm works again.
    #[serde(rename = "realm.resumed")]
    Resumed {},
    /// Sections of the settings were replaced; absent sections stay as they were.
    #[serde(rename = "settings.changed")]
    SettingsChanged(SettingsChange),
    /// A signing key was made and signs from now on; an older one of the algorithm is published until its overlap ends.
    #[serde(rename = "signing_key.created")]
    SigningKeyCreated {
        /// The key's id (RFC 7638 thumbprint).
        kid: String,
        /// `ES256`, `PS256`, `RS256` or `EdDSA`.
        algorithm: String,
        /// The public key (RFC 7517).
        public_jwk: serde_json::Value,
        /// Until when the keys of this algorithm that it replaces stay published.
        replaced_until: Timestamp,
    },
    /// A small file was stored, under what it holds.
    #[serde(rename = "file.stored")]
    FileStored {
        /// Its SHA-256, in hexadecimal digits.
        digest: String,
        /// What it is, such as `image/png`.
        media_type: String,
        /// What it holds, in base64.
        content: String,
    },
    /// A signing key was withdrawn at once: what it signed is no longer accepted.
    #[serde(rename = "signing_key.retired")]
    SigningKeyRetired {
        /// The key's id.
        kid: String,
        /// Why, for the record.
        reason: Option<String>,
    },
}

impl DomainEvent for RealmEvent {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Realms;
    const KINDS: &'static [EventKind] = &[
        EventKind::plain("realm.created", "A realm was made."),
        EventKind::plain("realm.renamed", "A realm was given another display name."),
        EventKind::plain("realm.suspended", "A realm was suspended.").watched(),
        EventKind::plain("realm.resumed", "A suspended realm works again.").watched(),
        EventKind::plain(
            "settings.changed",
            "Sections of a realm's settings were replaced.",
        )
        .watched()
        .version(6),
        EventKind::plain(
            "signing_key.created",
            "A signing key was made and signs from now on.",
        )
        .watched(),
        EventKind::plain("file.stored", "A small file was stored."),
        EventKind::plain("signing_key.retired", "A signing key was withdrawn at once.").watched(),
    ];

    /// Versions 1 to 5 of the settings had fewer sections.
    fn upcast(name: &str, schema: u16, data: Value) -> Result<Value, DecodeError> {
        match (name, schema) {
            ("settings.changed", 1..=5) => Ok(data),
            _ => Err(DecodeError::unknown_version(name, schema)),
        }
    }
}

/// A realm, as the `system` realm knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Realm {
    /// The name, as in URLs; empty if there is no such realm.
    pub name: String,
    /// The name shown to people.
    pub display_name: String,
    /// Whether it is suspended.
    pub suspended: bool,
}

impl Realm {
    /// Whether there is such a realm.
    pub fn exists(&self) -> bool {
        !self.name.is_empty()
    }
}

impl Fold for Realm {
    const KIND: SubjectKind = SubjectKind::Realm;

    fn apply(&mut self, happened: &Happened) {
        let Event::Realms(event) = &happened.event else {
            return;
        };
        match event {
            RealmEvent::Created { name, display_name } => {
                self.name.clone_from(name);
                self.display_name.clone_from(display_name);
            }
            RealmEvent::Renamed { display_name } => self.display_name.clone_from(display_name),
            RealmEvent::Suspended { .. } => self.suspended = true,
            RealmEvent::Resumed {} => self.suspended = false,
            RealmEvent::SettingsChanged(_)
            | RealmEvent::FileStored { .. }
            | RealmEvent::SigningKeyCreated { .. }
            | RealmEvent::SigningKeyRetired { .. } => {}
        }
    }
}

/// Whether a text may be a realm's name: 1 to 63 of `a-z`, `0-9` and inner `-`, and not shaped like an id.
pub fn is_realm_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && Uuid::parse_str(name).is_err()
}

/// How long tokens live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenSettings {
    /// Life of an access token, in seconds (60 to 86,400; default 600).
    pub access_token_seconds: u64,
    /// Life of an id token, in seconds (60 to 86,400; default 600).
    pub id_token_seconds: u64,
    /// Life of an authorization code, in seconds (10 to 60; default 60; RFC 9700 wants it short).
    pub code_seconds: u64,
    /// A refresh token that is not used for so long ends, in seconds (60 to a year; default 14 days).
    pub refresh_token_idle_seconds: u64,
    /// A refresh family ends after so long however it is used, in seconds (60 to 5 years; default 90 days).
    pub refresh_token_absolute_seconds: u64,
    /// How long a replaced signing key stays published, in seconds (0 to a year; default 2 days).
    pub key_overlap_seconds: u64,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            access_token_seconds: 600,
            id_token_seconds: 600,
            code_seconds: 60,
            refresh_token_idle_seconds: 14 * 86_400,
            refresh_token_absolute_seconds: 90 * 86_400,
            key_overlap_seconds: 2 * 86_400,
        }
    }
}

/// How long a sign-in lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionSettings {
    /// A session that is not used for so long ends, in seconds (60 to 30 days; default 8 hours).
    pub idle_seconds: u64,
    /// A session ends after so long however it is used, in seconds (60 to a year; default 7 days).
    pub absolute_seconds: u64,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            idle_seconds: 8 * 3_600,
            absolute_seconds: 7 * 86_400,
        }
    }
}

/// What a password must be (NIST SP 800-63B-4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordSettings {
    /// Fewest characters (8 to 64; default 15, since a password is the only factor).
    pub minimum_length: usize,
    /// Most characters (64 to 1,024; default 256).
    pub maximum_length: usize,
    /// Whether well-known passwords are refused, and those known from breaches where the operator has a file of them (default true).
    pub blocklist: bool,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self {
            minimum_length: 15,
            maximum_length: 256,
            blocklist: true,
        }
    }
}

/// What a user consists of, and who may register.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RegistrationSettings {
    /// Whether people may register themselves (default false: administrators register them).
    pub self_registration: bool,
    /// Whether a user must have an e-mail address (default false).
    pub email_required: bool,
    /// The only domains of e-mail addresses that people register themselves with; if none is named, any (default).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email_domains: Vec<String>,
    /// The custom attributes that a user may have; others are refused.
    pub attributes: BTreeMap<String, AttributeSchema>,
    /// Whether people may change their own user name (default false).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub username_changes: bool,
}

/// What one custom attribute may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeSchema {
    /// The type of its value.
    #[serde(rename = "type")]
    pub value_type: AttributeType,
    /// Whether every user must have it.
    #[serde(default)]
    pub required: bool,
    /// Most characters of a text, or of each text of a list (default 1,024).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// The only texts allowed, if any are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<String>,
    /// Whether tokens carry it as a claim of the same name, for scope `profile`.
    #[serde(default)]
    pub claim: bool,
    /// Whether people may change it of themselves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub editable: bool,
}

/// The type of a custom attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A list of texts, at most 100.
    StringList,
}

/// What the realm's OAuth 2.0 and OpenID Connect endpoints allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OAuthSettings {
    /// Who may register applications by RFC 7591 (default nobody).
    pub dynamic_registration: DynamicRegistration,
    /// The scopes that applications registered so may ask for, besides OpenID Connect's own.
    pub registration_scopes: Vec<String>,
    /// A profile that all applications keep, and that refuses whatever is weaker (default none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_profile: Option<SecurityProfile>,
    /// Whether DPoP proofs must carry a nonce of ours (RFC 9449, section 8; default false).
    pub dpop_nonce: bool,
    /// How long a device waits for its user's approval, in seconds (60 to 1,800; default 600; RFC 8628).
    pub device_code_seconds: u64,
    /// How long a pushed authorization request is good, in seconds (5 to 600; default 60; RFC 9126).
    pub pushed_request_seconds: u64,
    /// Issuers whose assertions are exchanged for tokens (RFC 7523, 2.1).
    pub trusted_issuers: Vec<TrustedIssuer>,
}

impl Default for OAuthSettings {
    fn default() -> Self {
        Self {
            dynamic_registration: DynamicRegistration::default(),
            registration_scopes: Vec::new(),
            security_profile: None,
            dpop_nonce: false,
            device_code_seconds: 600,
            pushed_request_seconds: 60,
            trusted_issuers: Vec::new(),
        }
    }
}

/// Who may register applications by RFC 7591.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DynamicRegistration {
    /// Nobody.
    #[default]
    Disabled,
    /// Whoever has an initial access token, which administrators make.
    Token,
    /// Anybody.
    Open,
}

/// A profile of OAuth 2.0 that is kept strictly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SecurityProfile {
    /// FAPI 2.0 Security Profile: pushed requests, `private_key_jwt`, DPoP, PKCE, strong algorithms.
    #[serde(rename = "fapi2")]
    Fapi2,
}

/// An issuer whose assertions are exchanged for tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuer {
    /// Its `iss`, compared exactly.
    pub issuer: String,
    /// Its public keys (RFC 7517, a JWK Set).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// Where they are fetched from, where they are not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// What of a user the assertion's `sub` names (default `id`).
    #[serde(default)]
    pub subject: AssertedSubject,
    /// The applications that may use it, by `client_id`; `*` for all of the realm that did not register by themselves.
    pub applications: Vec<String>,
    /// The scopes that may be asked for with its assertions.
    pub scopes: Vec<String>,
}

/// What of a user an assertion's `sub` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssertedSubject {
    /// The user's id.
    #[default]
    Id,
    /// The user name.
    Username,
    /// The verified e-mail address.
    Email,
}

/// Whether people show a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MfaPolicy {
    /// Nobody is asked for one, whatever they have.
    Off,
    /// Who has one is asked for it.
    #[default]
    Optional,
    /// Who has none is invited to enrol one at each sign-in, too.
    Offered,
    /// Nobody signs in without one; who has none enrols it first.
    Required,
}

/// What is asked of people besides what a sign-in begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MfaSettings {
    /// Whether people show a second factor (default `optional`).
    pub policy: MfaPolicy,
    /// The methods that count as one (default all that there are but `sms`).
    pub methods: BTreeSet<Method>,
    /// For how many days people may let a device of theirs go without a second factor (0 to 365; default 0, not at all). Whatever an
    /// application requires, or asks for, is shown on such a device, too.
    #[serde(skip_serializing_if = "is_zero")]
    pub trust_days: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Default for MfaSettings {
    fn default() -> Self {
        let seconds = |method: &Method| method.seconds_unasked();
        Self {
            policy: MfaPolicy::default(),
            methods: Method::ALL.iter().copied().filter(seconds).collect(),
            trust_days: 0,
        }
    }
}

/// Whether and how people sign in with passkeys (Web Authentication Level 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PasskeySettings {
    /// Whether they do (default true, where the public address has a domain of its own).
    pub enabled: bool,
    /// Whether the authenticator must make sure who is there, by a PIN or biometrics (default `required`).
    pub user_verification: UserVerification,
    /// Whether new passkeys must be ones that are found without a user name (default true). One that is not counts second alone: before
    /// the first proof nobody is told which passkeys a user has.
    pub discoverable: bool,
    /// Whether new passkeys may be ones that are copied to other devices (default true).
    pub synchronised: bool,
    /// The only kinds of authenticators that new passkeys may be of, which their makers must vouch for; if none is named, any (default).
    pub authenticators: Vec<TrustedAuthenticator>,
}

impl Default for PasskeySettings {
    fn default() -> Self {
        Self {
            enabled: true,
            user_verification: UserVerification::default(),
            discoverable: true,
            synchronised: true,
            authenticators: Vec::new(),
        }
    }
}

/// What letters are for, where the platform has a mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MailSettings {
    /// The name that letters are from (default the realm's display name).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// Whether people sign in with what is mailed to them (default `off`).
    pub sign_in: MailSignIn,
    /// Whether who has forgotten their password sets another by a letter (default true).
    pub recovery: bool,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            sender_name: None,
            sign_in: MailSignIn::default(),
            recovery: true,
        }
    }
}

/// Whether people sign in with what is mailed to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailSignIn {
    /// They do not.
    #[default]
    Off,
    /// With a code.
    Code,
    /// With a code, or by a link in the browser in which they began.
    CodeAndLink,
}

/// Whether an authenticator must make sure who is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserVerification {
    /// It must: a passkey is two factors.
    #[default]
    Required,
    /// It should: where it did not, a passkey is one factor.
    Preferred,
}

/// A kind of authenticator, and who vouches for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustedAuthenticator {
    /// The kind (AAGUID).
    pub aaguid: Uuid,
    /// What people call it.
    pub name: String,
    /// The root certificate of its maker's attestations, PEM.
    pub root: String,
}

/// The settings of a realm. What was never set has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// How long tokens live.
    pub tokens: TokenSettings,
    /// How long a sign-in lasts.
    pub session: SessionSettings,
    /// What a password must be.
    pub password: PasswordSettings,
    /// What a user consists of, and who may register.
    pub registration: RegistrationSettings,
    /// What its OAuth 2.0 and OpenID Connect endpoints allow.
    pub oauth: OAuthSettings,
    /// What is asked of people besides what a sign-in begins with.
    pub mfa: MfaSettings,
    /// Whether and how people sign in with passkeys.
    pub passkeys: PasskeySettings,
    /// Which languages its pages and messages are in.
    pub languages: LanguageSettings,
    /// What letters are for.
    #[serde(default)]
    pub mail: MailSettings,
    /// How its pages look, and what they say of its own.
    #[serde(default)]
    pub branding: BrandingSettings,
    /// How many requests it takes.
    #[serde(default)]
    pub limits: LimitSettings,
}

/// The sections of the settings that a change replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    /// How long tokens live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenSettings>,
    /// How long a sign-in lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionSettings>,
    /// What a password must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordSettings>,
    /// What a user consists of, and who may register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationSettings>,
    /// What its OAuth 2.0 and OpenID Connect endpoints allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuthSettings>,
    /// What is asked of people besides what a sign-in begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa: Option<MfaSettings>,
    /// Whether and how people sign in with passkeys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkeys: Option<PasskeySettings>,
    /// Which languages its pages and messages are in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub languages: Option<LanguageSettings>,
    /// What letters are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailSettings>,
    /// How its pages look, and what they say of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branding: Option<Box<BrandingSettings>>,
    /// How many requests it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitSettings>,
}

impl Fold for Settings {
    const KIND: SubjectKind = SubjectKind::Settings;

    fn apply(&mut self, happened: &Happened) {
        if let Event::Realms(RealmEvent::SettingsChanged(change)) = &happened.event {
            replace(&mut self.tokens, change.tokens.as_ref());
            replace(&mut self.session, change.session.as_ref());
            replace(&mut self.password, change.password.as_ref());
            replace(&mut self.registration, change.registration.as_ref());
            replace(&mut self.oauth, change.oauth.as_ref());
            replace(&mut self.mfa, change.mfa.as_ref());
            replace(&mut self.passkeys, change.passkeys.as_ref());
            replace(&mut self.languages, change.languages.as_ref());
            replace(&mut self.mail, change.mail.as_ref());
            replace(&mut self.branding, change.branding.as_deref());
            replace(&mut self.limits, change.limits.as_ref());
        }
    }
}

fn replace<S: Clone>(section: &mut S, change: Option<&S>) {
    if let Some(change) = change {
        section.clone_from(change);
    }
}

/// One signing key of a realm; the private half is in the key store under its `kid`.
#[derive(Clone, Debug, PartialEq)]
pub struct SigningKeyState {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// `ES256`, `PS256`, `RS256` or `EdDSA`.
    pub algorithm: String,
    /// RFC 7517.
    pub public_jwk: serde_json::Value,
    /// Since when it signs.
    pub created: Timestamp,
    /// Until when it is published, if another has taken its place.
    pub published_until: Option<Timestamp>,
}

/// The signing keys of a realm, oldest first; retired ones are gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SigningKeys {
    /// All that were not retired.
    pub keys: Vec<SigningKeyState>,
}

impl SigningKeys {
    /// The key that signs for an algorithm.
    pub fn active(&self, algorithm: &str) -> Option<&SigningKeyState> {
        self.keys
            .iter()
            .rfind(|key| key.algorithm == algorithm && key.published_until.is_none())
    }

    /// The keys that verify at a moment.
    pub fn published(&self, now: Timestamp) -> impl Iterator<Item = &SigningKeyState> {
        self.keys
            .iter()
            .filter(move |key| key.published_until.is_none_or(|until| until > now))
    }
}

impl Fold for SigningKeys {
    const KIND: SubjectKind = SubjectKind::SigningKeys;

    fn apply(&mut self, happened: &Happened) {
        match &happened.event {
            Event::Realms(RealmEvent::SigningKeyCreated {
                kid,
                algorithm,
                public_jwk,
                replaced_until,
            }) => {
                for key in &mut self.keys {
                    if key.algorithm == *algorithm && key.published_until.is_none() {
                        key.published_until = Some(*replaced_until);
                    }
                }
                self.keys.push(SigningKeyState {
                    kid: kid.clone(),
                    algorithm: algorithm.clone(),
                    public_jwk: public_jwk.clone(),
                    created: happened.time,
                    published_until: None,
                });
            }
            Event::Realms(RealmEvent::SigningKeyRetired { kid, .. }) => {
                self.keys.retain(|key| key.kid != *kid);
            }
            _ => {}
        }
    }
}
