//! Realms, their settings and their signing keys, as they are read.
//! The rule: the list of realms is for platform administrators; whoever may not see a realm is answered as if there were none.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    auth::Method,
    branding::{BrandingSettings, BrandingTexts, Logo},
    clock::Timestamp,
    ids::RealmId,
    languages::{Language, LanguageSettings},
    limits::{LimitKey, LimitSettings, RateLimit, WhenDown},
    realms::{
        AttributeSchema, AttributeType, DynamicRegistration, MailSettings, MailSignIn, MfaPolicy,
        MfaSettings, OAuthSettings, PasskeySettings, PasswordSettings, RegistrationSettings, SecurityProfile,
        SessionSettings, Settings, TokenSettings, TrustedAuthenticator, TrustedIssuer, UserVerification,
    },
};
use projections::realms::{self, RealmRow, SettingsRow, SigningKey};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Problem, actions};

use crate::{
    Queries,
    etag::{NO_STORE, single},
    failure::{unknowable, unreadable},
    paging::{Page, Pages, Paging, one_more},
    params::{AsOf, FromParameters, Parameters},
    position::AtLeast,
    read::{Read, missing},
    wire::{InRealm, Moment},
};

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .routes(routes!(list_realms))
        .routes(routes!(get_realm))
        .routes(routes!(get_settings))
        .routes(routes!(list_signing_keys))
}

/// A realm.
#[derive(Debug, Serialize, ToSchema)]
struct Realm {
    /// Its id.
    id: Uuid,
    /// Its name, as in URLs; its own for ever.
    #[schema(example = "demo")]
    name: String,
    /// The name shown to people.
    display_name: String,
    /// Whether it is suspended: nobody signs in, no token works.
    suspended: bool,
    /// When it was made.
    created_at: Moment,
    /// When it last changed.
    updated_at: Moment,
    /// Its version, as `If-Match` takes it.
    version: u64,
}

impl From<RealmRow> for Realm {
    fn from(row: RealmRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            display_name: row.display_name,
            suspended: row.suspended,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            version: row.version,
        }
    }
}

/// Which realms.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct RealmFilter {
    /// Only realms with this in their name or display name.
    q: Option<String>,
}

impl FromParameters for RealmFilter {
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self {
        Self {
            q: parameters.text("q"),
        }
    }
}

/// All realms, in the order of their making. For platform administrators.
#[utoipa::path(
    get,
    path = "/query/v1/realms",
    tag = "realms",
    params(RealmFilter, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of realms", body = Page<Realm>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_realms(
    State(queries): State<Queries>,
    read: Read<actions::RealmsRead, (RealmFilter, Paging)>,
) -> Result<Response, Problem> {
    let (filter, paging) = &read.parameters;
    let pages = Pages::new(&queries.edge, read.realm().id, "realms", &read.filter);
    let after = pages.start::<RealmId>(paging.page_token.as_deref()).await?;
    let rows = realms::list(
        &queries.reads,
        filter.q.as_deref(),
        after,
        one_more(paging.page_size),
    )
    .await
    .map_err(unreadable)?;
    let page = pages
        .page(rows, paging.page_size, |row| row.id, Realm::from)
        .await?;
    Ok(([NO_STORE], Json(page)).into_response())
}

/// A realm.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}",
    tag = "realms",
    params(InRealm, AsOf, AtLeast),
    responses(
        (status = 200, description = "The realm", body = Realm),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn get_realm(
    State(queries): State<Queries>,
    read: Read<actions::RealmRead, AsOf>,
) -> Result<Response, Problem> {
    let (kernel, id) = (queries.edge.kernel(), read.realm().id);
    let row = match read.parameters.moment(kernel.now())? {
        Some(moment) => realms::as_of(kernel, id, moment).await.map_err(unknowable)?,
        None => realms::get(&queries.reads, id).await.map_err(unreadable)?,
    };
    let realm = Realm::from(row.ok_or_else(missing)?);
    Ok(single(&read.headers, realm.version, &realm))
}

/// The settings of a realm.
#[derive(Debug, Serialize, ToSchema)]
struct RealmSettings {
    /// How long tokens live.
    tokens: TokenLives,
    /// How long a sign-in lasts.
    session: SessionLives,
    /// What a password must be.
    password: PasswordRules,
    /// What a user consists of, and who may register.
    registration: RegistrationRules,
    /// What the realm's OAuth 2.0 and OpenID Connect endpoints allow.
    oauth: OAuthRules,
    /// What is asked of people besides what a sign-in begins with.
    mfa: MfaRules,
    /// Whether and how people sign in with passkeys.
    passkeys: PasskeyRules,
    /// Which languages its pages and messages are in.
    languages: LanguageRules,
    /// What letters are for, where the platform has a mail server.
    mail: MailRules,
    /// How its pages look, and what they say of its own.
    branding: Branding,
    /// How many requests it takes, beside the limits that are built in.
    limits: LimitRules,
    /// When they last changed; `null` if they never did.
    updated_at: Option<Moment>,
    /// Their version, as `If-Match` takes it; 0 while nothing was ever changed.
    version: u64,
}

/// How many requests a realm takes, beside the limits that are built in.
#[derive(Debug, Serialize, ToSchema)]
struct LimitRules {
    /// The limits, by name.
    rates: BTreeMap<String, RateRule>,
}

/// One limit.
#[derive(Debug, Serialize, ToSchema)]
struct RateRule {
    /// The operations or groups of them that it is of, together.
    operations: BTreeSet<String>,
    /// What each budget belongs to: `address`, `application`, `user` or `realm`.
    #[schema(value_type = String, example = "address")]
    key: LimitKey,
    /// So many requests …
    requests: u32,
    /// … in so many seconds, …
    seconds: u32,
    /// … of which so many may come at once; `null` for all.
    burst: Option<u32>,
    /// `open` or `closed`: what holds while the counters that nodes share cannot be asked.
    #[schema(value_type = String, example = "open")]
    when_down: WhenDown,
}

impl From<LimitSettings> for LimitRules {
    fn from(settings: LimitSettings) -> Self {
        let rule = |said| {
            let RateLimit {
                operations,
                key,
                requests,
                seconds,
                burst,
                when_down,
            } = said;
            RateRule {
                operations,
                key,
                requests,
                seconds,
                burst,
                when_down,
            }
        };
        let rates = settings.rates.into_iter();
        Self {
            rates: rates.map(|(name, said)| (name, rule(said))).collect(),
        }
    }
}

/// How long tokens live, in seconds.
#[derive(Debug, Serialize, ToSchema)]
#[expect(
    clippy::struct_field_names,
    reason = "they are named as the commands name them"
)]
struct TokenLives {
    /// An access token.
    access_token_seconds: u64,
    /// An id token.
    id_token_seconds: u64,
    /// An authorization code.
    code_seconds: u64,
    /// A refresh token that is not used.
    refresh_token_idle_seconds: u64,
    /// A refresh family, however it is used.
    refresh_token_absolute_seconds: u64,
    /// How long a replaced signing key stays published.
    key_overlap_seconds: u64,
}

/// How long a sign-in lasts, in seconds.
#[derive(Debug, Serialize, ToSchema)]
struct SessionLives {
    /// While it is not used.
    idle_seconds: u64,
    /// However it is used.
    absolute_seconds: u64,
}

/// What a password must be.
#[derive(Debug, Serialize, ToSchema)]
struct PasswordRules {
    /// Fewest characters.
    minimum_length: usize,
    /// Most characters.
    maximum_length: usize,
    /// Whether well-known passwords are refused, and those known from breaches where the operator has a file of them.
    blocklist: bool,
}

/// What a user consists of, and who may register.
#[derive(Debug, Serialize, ToSchema)]
struct RegistrationRules {
    /// Whether people may register themselves.
    self_registration: bool,
    /// Whether a user must have an e-mail address.
    email_required: bool,
    /// The only domains of e-mail addresses that people register themselves with; empty for any.
    email_domains: Vec<String>,
    /// The custom attributes that a user may have, by name.
    attributes: BTreeMap<String, AttributeRules>,
    /// Whether people may change their own user name.
    username_changes: bool,
}

/// What one custom attribute may hold.
#[derive(Debug, Serialize, ToSchema)]
struct AttributeRules {
    /// `string`, `integer`, `boolean` or `string_list`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "string")]
    value_type: AttributeType,
    /// Whether every user must have it.
    required: bool,
    /// Most characters of a text, or of each text of a list; `null` for the default.
    max_length: Option<usize>,
    /// The only texts allowed; empty if any is.
    one_of: Vec<String>,
    /// Whether tokens carry it as a claim of the same name, for scope `profile`.
    claim: bool,
    /// Whether people may change it of themselves.
    editable: bool,
}

/// What the realm's OAuth 2.0 and OpenID Connect endpoints allow.
#[derive(Debug, Serialize, ToSchema)]
struct OAuthRules {
    /// Who may register applications by RFC 7591: `disabled`, `token` or `open`.
    #[schema(value_type = String)]
    dynamic_registration: DynamicRegistration,
    /// The scopes that applications registered so may ask for.
    registration_scopes: Vec<String>,
    /// A profile that all applications keep: `fapi2`, or `none`.
    security_profile: &'static str,
    /// Whether DPoP proofs must carry a nonce of ours.
    dpop_nonce: bool,
    /// How long a device waits for its user's approval, in seconds.
    device_code_seconds: u64,
    /// How long a pushed authorization request is good, in seconds.
    pushed_request_seconds: u64,
    /// Issuers whose assertions are exchanged for tokens: `issuer`, `jwks` or `jwks_uri`, `subject`, `applications`, `scopes`.
    #[schema(value_type = Vec<Object>)]
    trusted_issuers: Vec<TrustedIssuer>,
}

/// What is asked of people besides what a sign-in begins with.
#[derive(Debug, Serialize, ToSchema)]
struct MfaRules {
    /// Whether people show a second factor: `off`, `optional`, `offered` or `required`.
    #[schema(value_type = String)]
    policy: MfaPolicy,
    /// The methods that count as one.
    #[schema(value_type = Vec<String>)]
    methods: BTreeSet<Method>,
    /// For how many days people may let a device of theirs go without a second factor; 0 for not at all.
    trust_days: u64,
}

/// What letters are for, where the platform has a mail server.
#[derive(Debug, Serialize, ToSchema)]
struct MailRules {
    /// The name that letters are from; empty for the realm's display name.
    sender_name: String,
    /// Whether people sign in with what is mailed to them: `off`, `code` or `code_and_link`.
    #[schema(value_type = String)]
    sign_in: MailSignIn,
    /// Whether who has forgotten their password sets another by a letter.
    recovery: bool,
}

impl From<MailSettings> for MailRules {
    fn from(settings: MailSettings) -> Self {
        let MailSettings {
            sender_name,
            sign_in,
            recovery,
        } = settings;
        Self {
            sender_name: sender_name.unwrap_or_default(),
            sign_in,
            recovery,
        }
    }
}

/// Whether and how people sign in with passkeys.
#[derive(Debug, Serialize, ToSchema)]
struct PasskeyRules {
    /// Whether they do.
    enabled: bool,
    /// Whether the authenticator makes sure who is there: `required` or `preferred`.
    #[schema(value_type = String)]
    user_verification: UserVerification,
    /// Whether new passkeys must be ones that are found without a user name.
    discoverable: bool,
    /// Whether new passkeys may be ones that are copied to other devices.
    synchronised: bool,
    /// The only kinds of authenticators that new passkeys may be of: `aaguid`, `name`, `root`; empty for any.
    #[schema(value_type = Vec<Object>)]
    authenticators: Vec<TrustedAuthenticator>,
}

impl From<PasskeySettings> for PasskeyRules {
    fn from(settings: PasskeySettings) -> Self {
        let PasskeySettings {
            enabled,
            user_verification,
            discoverable,
            synchronised,
            authenticators,
        } = settings;
        Self {
            enabled,
            user_verification,
            discoverable,
            synchronised,
            authenticators,
        }
    }
}

/// Which languages a realm's pages and messages are in (BCP 47).
#[derive(Debug, Serialize, ToSchema)]
struct LanguageRules {
    /// Those that people may choose from.
    enabled: Vec<&'static str>,
    /// The one for who asks for none of these.
    default: &'static str,
}

impl From<LanguageSettings> for LanguageRules {
    fn from(settings: LanguageSettings) -> Self {
        let LanguageSettings { enabled, default } = settings;
        Self {
            enabled: enabled.into_iter().map(Language::tag).collect(),
            default: default.tag(),
        }
    }
}

/// How a realm's pages look, and what they say of its own.
#[derive(Debug, Serialize, ToSchema)]
struct Branding {
    /// What the pages call the realm; `null` for its display name.
    name: Option<String>,
    /// The colour of buttons and links on light grounds, `#rrggbb`; `null` for the platform's.
    colour: Option<String>,
    /// The same on dark grounds.
    dark_colour: Option<String>,
    /// The logo: `digest` (SHA-256), `media_type`, `width`, `height`; `null` if there is none.
    #[schema(value_type = Option<Object>)]
    logo: Option<Logo>,
    /// What the pages say of the realm's own, by language: `welcome`, `support_url`, `privacy_url`, `terms_url`.
    #[schema(value_type = Object)]
    texts: BTreeMap<Language, BrandingTexts>,
}

impl From<BrandingSettings> for Branding {
    fn from(settings: BrandingSettings) -> Self {
        let BrandingSettings {
            name,
            colour,
            dark_colour,
            logo,
            texts,
        } = settings;
        Self {
            name,
            colour,
            dark_colour,
            logo,
            texts,
        }
    }
}

impl From<MfaSettings> for MfaRules {
    fn from(settings: MfaSettings) -> Self {
        let MfaSettings {
            policy,
            methods,
            trust_days,
        } = settings;
        Self {
            policy,
            methods,
            trust_days,
        }
    }
}

impl From<OAuthSettings> for OAuthRules {
    fn from(settings: OAuthSettings) -> Self {
        let OAuthSettings {
            dynamic_registration,
            registration_scopes,
            security_profile,
            dpop_nonce,
            device_code_seconds,
            pushed_request_seconds,
            trusted_issuers,
        } = settings;
        Self {
            dynamic_registration,
            registration_scopes,
            security_profile: match security_profile {
                None => "none",
                Some(SecurityProfile::Fapi2) => "fapi2",
            },
            dpop_nonce,
            device_code_seconds,
            pushed_request_seconds,
            trusted_issuers,
        }
    }
}

impl RealmSettings {
    fn new(settings: Settings, updated_at: Option<Timestamp>, version: u64) -> Self {
        let Settings {
            tokens,
            session,
            password,
            registration,
            oauth,
            mfa,
            passkeys,
            languages,
            mail,
            branding,
            limits,
        } = settings;
        let TokenSettings {
            access_token_seconds,
            id_token_seconds,
            code_seconds,
            refresh_token_idle_seconds,
            refresh_token_absolute_seconds,
            key_overlap_seconds,
        } = tokens;
        let SessionSettings {
            idle_seconds,
            absolute_seconds,
        } = session;
        let PasswordSettings {
            minimum_length,
            maximum_length,
            blocklist,
        } = password;
        let RegistrationSettings {
            self_registration,
            email_required,
            email_domains,
            attributes,
            username_changes,
        } = registration;
        let attribute = |schema| {
            let AttributeSchema {
                value_type,
                required,
                max_length,
                one_of,
                claim,
                editable,
            } = schema;
            AttributeRules {
                value_type,
                required,
                max_length,
                one_of,
                claim,
                editable,
            }
        };
        Self {
            tokens: TokenLives {
                access_token_seconds,
                id_token_seconds,
                code_seconds,
                refresh_token_idle_seconds,
                refresh_token_absolute_seconds,
                key_overlap_seconds,
            },
            session: SessionLives {
                idle_seconds,
                absolute_seconds,
            },
            password: PasswordRules {
                minimum_length,
                maximum_length,
                blocklist,
            },
            registration: RegistrationRules {
                self_registration,
                email_required,
                email_domains,
                attributes: attributes
                    .into_iter()
                    .map(|(name, schema)| (name, attribute(schema)))
                    .collect(),
                username_changes,
            },
            oauth: oauth.into(),
            mfa: mfa.into(),
            passkeys: passkeys.into(),
            languages: languages.into(),
            mail: mail.into(),
            branding: branding.into(),
            limits: limits.into(),
            updated_at: updated_at.map(Moment),
            version,
        }
    }
}

/// The settings of a realm; what was never set has its default.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/settings",
    tag = "realms",
    params(InRealm, AsOf, AtLeast),
    responses(
        (status = 200, description = "The settings", body = RealmSettings),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn get_settings(
    State(queries): State<Queries>,
    read: Read<actions::SettingsRead, AsOf>,
) -> Result<Response, Problem> {
    let (kernel, id) = (queries.edge.kernel(), read.realm().id);
    let row = match read.parameters.moment(kernel.now())? {
        Some(moment) => {
            realms::as_of(kernel, id, moment)
                .await
                .map_err(unknowable)?
                .ok_or_else(missing)?;
            realms::settings_as_of(kernel, id, moment)
                .await
                .map_err(unknowable)?
        }
        None => realms::settings(&queries.reads, id).await.map_err(unreadable)?,
    };
    let settings = match row {
        Some(SettingsRow {
            settings,
            updated_at,
            version,
            ..
        }) => RealmSettings::new(settings, Some(updated_at), version),
        None => RealmSettings::new(Settings::default(), None, 0),
    };
    Ok(single(&read.headers, settings.version, &settings))
}

/// A key that tokens are signed with.
#[derive(Debug, Serialize, ToSchema)]
struct SigningKeyShown {
    /// RFC 7638 thumbprint, as in the `kid` of tokens.
    kid: String,
    /// `ES256`, `PS256`, `RS256` or `EdDSA`.
    #[schema(example = "ES256")]
    algorithm: String,
    /// `active` (it signs), `published` (another signs, its tokens are still good) or `expired`.
    #[schema(example = "active")]
    status: &'static str,
    /// The public key (RFC 7517).
    #[schema(value_type = Object)]
    public_jwk: serde_json::Value,
    /// Since when it signs.
    created_at: Moment,
    /// Until when it is published; `null` as long as it signs.
    published_until: Option<Moment>,
}

impl SigningKeyShown {
    fn new(key: SigningKey, now: Timestamp) -> Self {
        let status = match key.published_until {
            None => "active",
            Some(until) if until > now => "published",
            Some(_) => "expired",
        };
        Self {
            kid: key.kid,
            algorithm: key.algorithm,
            status,
            public_jwk: key.public_jwk,
            created_at: key.created_at.into(),
            published_until: key.published_until.map(Moment),
        }
    }
}

/// The signing keys of a realm that were not withdrawn, oldest first.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/signing-keys",
    tag = "realms",
    params(InRealm, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of signing keys", body = Page<SigningKeyShown>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_signing_keys(
    State(queries): State<Queries>,
    read: Read<actions::SigningKeysRead, Paging>,
) -> Result<Response, Problem> {
    let (realm, paging, now) = (read.realm().id, &read.parameters, queries.edge.kernel().now());
    let keys = realms::signing_keys(&queries.reads, realm)
        .await
        .map_err(unreadable)?
        .map_or_else(Vec::new, |row| row.keys);
    let pages = Pages::new(&queries.edge, realm, "signing-keys", &read.filter);
    let show = |key| SigningKeyShown::new(key, now);
    let page = pages
        .page_of_all(keys, paging, |key| key.kid.clone(), show)
        .await?;
    Ok(([NO_STORE], Json(page)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::assert_described;

    #[test]
    fn settings_are_written_as_they_are_changed() {
        let settings = Settings::default();
        let mut stored = serde_json::to_value(&settings).unwrap();
        // What is not told is not so.
        stored["registration"]["username_changes"] = false.into();
        let shown = serde_json::to_value(RealmSettings::new(settings, None, 0)).unwrap();
        for section in ["tokens", "session", "password", "passkeys"] {
            assert_eq!(shown[section], stored[section], "{section}");
        }
        let mut registration = stored["registration"].clone();
        registration["email_domains"] = serde_json::json!([]);
        assert_eq!(shown["registration"], registration);
        assert_eq!(shown["oauth"]["security_profile"], "none");
        assert_eq!(shown["oauth"]["dynamic_registration"], "disabled");
        assert_eq!(shown["mail"]["sign_in"], "off");
        assert_eq!(shown["version"], 0);
        assert_described::<RealmFilter>();
    }

    #[test]
    fn a_key_that_was_replaced_is_published_for_a_while() {
        let key = |published_until| SigningKey {
            kid: "k".to_owned(),
            algorithm: "ES256".to_owned(),
            public_jwk: serde_json::Value::Null,
            created_at: Timestamp(0),
            published_until,
        };
        let status = |published_until| SigningKeyShown::new(key(published_until), Timestamp(10)).status;
        assert_eq!(status(None), "active");
        assert_eq!(status(Some(Timestamp(11))), "published");
        assert_eq!(status(Some(Timestamp(10))), "expired");
    }
}
