//! The settings of a realm. The rule: every number is within its documented range, whoever sets it, and a field that
//! is not mentioned stays as it is.

use std::collections::BTreeSet;

use axum::extract::State;
use events::{
    auth::Method,
    ids::RealmId,
    kernel::{Context, Decide, Decision, KernelError, Reader},
    languages::{Language, LanguageSettings},
    limits::LimitSettings,
    realms::{
        DynamicRegistration, MailSettings, MailSignIn, MfaPolicy, MfaSettings, OAuthSettings,
        PasskeySettings, PasswordSettings, RealmEvent, RegistrationSettings, SessionSettings, Settings,
        SettingsChange, TokenSettings, UserVerification,
    },
    subject::{Stream, Subject},
};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Problem, actions};

use super::{
    Rejection,
    attributes::{self, AttributeRules},
    branding::{self, BrandingPatch},
    limits::{self, RateRules},
    oauth::{self, ProfileName, TrustedIssuers},
    passkeys::{self, TrustedAuthenticators},
};
use crate::{
    Commands, Faults,
    body::{object, present},
    users::rules::is_email,
};

const DAY: u64 = 86_400;
const YEAR: u64 = 365 * DAY;

/// A section of a settings change: the fields that it mentions, and how they go onto the section as it is.
macro_rules! sections {
    ($($(#[$about:meta])* $patch:ident of $section:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $patch {
            $($(#[$doc])* #[serde(default, deserialize_with = "present")] pub $field: Option<$type>,)*
        }

        impl $patch {
            fn onto(&self, section: &$section) -> $section {
                let mut section = section.clone();
                $(if let Some(value) = &self.$field {
                    section.$field = convert(value);
                })*
                section
            }
        }
    )*};
}

sections! {
    /// How long tokens live.
    TokenPatch of TokenSettings {
        /// Life of an access token, in seconds (60 to 86,400).
        access_token_seconds: u64,
        /// Life of an id token, in seconds (60 to 86,400).
        id_token_seconds: u64,
        /// Life of an authorization code, in seconds (10 to 60).
        code_seconds: u64,
        /// A refresh token that is not used for so long ends, in seconds (60 to a year).
        refresh_token_idle_seconds: u64,
        /// A refresh family ends after so long however it is used, in seconds (60 to 5 years).
        refresh_token_absolute_seconds: u64,
        /// How long a replaced signing key stays published, in seconds (0 to a year).
        key_overlap_seconds: u64,
    }
    /// How long a sign-in lasts.
    SessionPatch of SessionSettings {
        /// A session that is not used for so long ends, in seconds (60 to 30 days).
        idle_seconds: u64,
        /// A session ends after so long however it is used, in seconds (60 to a year).
        absolute_seconds: u64,
    }
    /// What a password must be.
    PasswordPatch of PasswordSettings {
        /// Fewest characters (8 to 64).
        minimum_length: usize,
        /// Most characters (64 to 1,024).
        maximum_length: usize,
        /// Whether well-known passwords are refused, and those known from breaches where the operator has a file of them.
        blocklist: bool,
    }
    /// What a user consists of, and who may register.
    RegistrationPatch of RegistrationSettings {
        /// Whether people may register themselves.
        self_registration: bool,
        /// Whether a user must have an e-mail address.
        email_required: bool,
        /// The only domains of e-mail addresses that people register themselves with, all of them (at most 50); none for any.
        email_domains: Vec<String>,
        /// The custom attributes that a user may have, all of them (at most 100).
        attributes: AttributeRules,
        /// Whether people may change their own user name.
        username_changes: bool,
    }
    /// What the realm's OAuth 2.0 and OpenID Connect endpoints allow.
    OAuthPatch of OAuthSettings {
        /// Who may register applications by RFC 7591: `disabled`, `token` (whoever may create applications) or `open`.
        #[schema(value_type = Option<String>)]
        dynamic_registration: DynamicRegistration,
        /// The scopes that applications registered so may ask for, all of them.
        registration_scopes: Vec<String>,
        /// A profile that all applications keep: `fapi2`, or `none`.
        #[schema(value_type = Option<String>)]
        security_profile: ProfileName,
        /// Whether DPoP proofs must carry a nonce of ours (RFC 9449, section 8).
        dpop_nonce: bool,
        /// How long a device waits for its user's approval, in seconds (60 to 1,800).
        device_code_seconds: u64,
        /// How long a pushed authorization request is good, in seconds (5 to 600).
        pushed_request_seconds: u64,
        /// Issuers whose assertions are exchanged for tokens (RFC 7523, 2.1), all of them (at most 50).
        trusted_issuers: TrustedIssuers,
    }
    /// What is asked of people besides what a sign-in begins with.
    MfaPatch of MfaSettings {
        /// Whether people show a second factor: `off`, `optional` (who has one is asked for it), `offered` (who has none is invited
        /// to enrol one, too) or `required` (who has none enrols one first).
        #[schema(value_type = Option<String>)]
        policy: MfaPolicy,
        /// The methods that count as one, all of them: of `passkey`, `totp`, `recovery_code`, `sms`.
        #[schema(value_type = Option<Vec<String>>)]
        methods: BTreeSet<Method>,
        /// For how many days people may let a device of theirs go without a second factor (0 to 365; 0 for not at all).
        trust_days: u64,
    }
    /// Whether and how people sign in with passkeys (Web Authentication Level 3).
    PasskeyPatch of PasskeySettings {
        /// Whether they do, where the public address has a domain of its own.
        enabled: bool,
        /// Whether the authenticator makes sure who is there: `required`, or `preferred` (then a passkey may be one factor alone).
        #[schema(value_type = Option<String>)]
        user_verification: UserVerification,
        /// Whether new passkeys must be ones that are found without a user name; others count second alone.
        discoverable: bool,
        /// Whether new passkeys may be ones that are copied to other devices.
        synchronised: bool,
        /// The only kinds of authenticators that new passkeys may be of, all of them (at most 50), which their makers must vouch for; none for any.
        authenticators: TrustedAuthenticators,
    }
    /// Which languages its pages and messages are in.
    LanguagePatch of LanguageSettings {
        /// Those that people may choose from, all of them: of `en`, `de`, `zh-Hans`.
        #[schema(value_type = Option<Vec<String>>)]
        enabled: BTreeSet<Language>,
        /// The one for who asks for none of these; one of them.
        #[schema(value_type = Option<String>)]
        default: Language,
    }
    /// What letters are for, where the platform has a mail server.
    MailPatch of MailSettings {
        /// The name that letters are from; empty for the realm's display name.
        #[schema(value_type = Option<String>)]
        sender_name: SenderName,
        /// Whether people sign in with what is mailed to them: `off`, `code`, or `code_and_link` (the link works in the browser in which
        /// they began).
        #[schema(value_type = Option<String>)]
        sign_in: MailSignIn,
        /// Whether who has forgotten their password sets another by a letter.
        recovery: bool,
    }
    /// How many requests the realm takes, beside the limits that are built in.
    LimitPatch of LimitSettings {
        /// The limits, by name, all of them (at most 20).
        rates: RateRules,
    }
}

/// The name that letters are from; an empty one is none.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct SenderName(String);

impl From<SenderName> for Option<String> {
    fn from(SenderName(name): SenderName) -> Self {
        (!name.is_empty()).then_some(name)
    }
}

/// From how a value is written in a request to how it is kept.
fn convert<T: Clone + Into<U>, U>(value: &T) -> U {
    value.clone().into()
}

/// The sections to change; fields that are not mentioned stay as they are.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsPatch {
    /// How long tokens live.
    #[serde(default, deserialize_with = "object")]
    pub tokens: Option<TokenPatch>,
    /// How long a sign-in lasts.
    #[serde(default, deserialize_with = "object")]
    pub session: Option<SessionPatch>,
    /// What a password must be.
    #[serde(default, deserialize_with = "object")]
    pub password: Option<PasswordPatch>,
    /// What a user consists of, and who may register.
    #[serde(default, deserialize_with = "object")]
    pub registration: Option<RegistrationPatch>,
    /// What its OAuth 2.0 and OpenID Connect endpoints allow.
    #[serde(default, deserialize_with = "object")]
    pub oauth: Option<OAuthPatch>,
    /// What is asked of people besides what a sign-in begins with.
    #[serde(default, deserialize_with = "object")]
    pub mfa: Option<MfaPatch>,
    /// Whether and how people sign in with passkeys.
    #[serde(default, deserialize_with = "object")]
    pub passkeys: Option<PasskeyPatch>,
    /// Which languages its pages and messages are in.
    #[serde(default, deserialize_with = "object")]
    pub languages: Option<LanguagePatch>,
    /// What letters are for, where the platform has a mail server.
    #[serde(default, deserialize_with = "object")]
    pub mail: Option<MailPatch>,
    /// How its pages look, and what they say of its own.
    #[serde(default, deserialize_with = "object")]
    pub branding: Option<BrandingPatch>,
    /// How many requests it takes, beside the limits that are built in.
    #[serde(default, deserialize_with = "object")]
    pub limits: Option<LimitPatch>,
}

/// Changes a realm's settings.
#[derive(Clone, Debug)]
pub struct ChangeSettings {
    /// Whose.
    pub realm: RealmId,
    /// What.
    pub patch: SettingsPatch,
}

#[async_trait::async_trait]
impl Decide for ChangeSettings {
    type State = Settings;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Settings, KernelError> {
        Ok(reader.subject::<Settings>(self.realm.0).await?.state)
    }

    fn decide(&self, settings: &Settings, _: &Context) -> Result<Decision, Rejection> {
        let SettingsPatch {
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
        } = &self.patch;
        let change = SettingsChange {
            tokens: tokens.as_ref().map(|patch| patch.onto(&settings.tokens)),
            session: session.as_ref().map(|patch| patch.onto(&settings.session)),
            password: password.as_ref().map(|patch| patch.onto(&settings.password)),
            registration: registration
                .as_ref()
                .map(|patch| patch.onto(&settings.registration)),
            oauth: oauth.as_ref().map(|patch| patch.onto(&settings.oauth)),
            mfa: mfa.as_ref().map(|patch| patch.onto(&settings.mfa)),
            passkeys: passkeys.as_ref().map(|patch| patch.onto(&settings.passkeys)),
            languages: languages.as_ref().map(|patch| patch.onto(&settings.languages)),
            mail: mail.as_ref().map(|patch| patch.onto(&settings.mail)),
            branding: branding
                .as_ref()
                .map(|patch| Box::new(patch.onto(&settings.branding))),
            limits: limits.as_ref().map(|patch| patch.onto(&settings.limits)),
        };
        check(&change, settings)?;
        let change = SettingsChange {
            tokens: change.tokens.filter(|section| *section != settings.tokens),
            session: change.session.filter(|section| *section != settings.session),
            password: change.password.filter(|section| *section != settings.password),
            registration: change
                .registration
                .filter(|section| *section != settings.registration),
            oauth: change.oauth.filter(|section| *section != settings.oauth),
            mfa: change.mfa.filter(|section| *section != settings.mfa),
            passkeys: change.passkeys.filter(|section| *section != settings.passkeys),
            languages: change.languages.filter(|section| *section != settings.languages),
            mail: change.mail.filter(|section| *section != settings.mail),
            branding: change.branding.filter(|section| **section != settings.branding),
            limits: change.limits.filter(|section| *section != settings.limits),
        };
        let subject = Subject::settings(self.realm);
        Ok(if change == SettingsChange::default() {
            Decision::nothing(subject)
        } else {
            Decision::of(subject, RealmEvent::SettingsChanged(change))
        })
    }
}

/// The documented ranges (`events::realms`). What is not changed is as in `settings`.
fn check(change: &SettingsChange, settings: &Settings) -> Result<(), Faults> {
    let mut faults = Faults::default();
    if let Some(tokens) = &change.tokens {
        faults.range(
            "tokens.access_token_seconds",
            tokens.access_token_seconds,
            60..=DAY,
        );
        faults.range("tokens.id_token_seconds", tokens.id_token_seconds, 60..=DAY);
        faults.range("tokens.code_seconds", tokens.code_seconds, 10..=60);
        faults.range(
            "tokens.refresh_token_idle_seconds",
            tokens.refresh_token_idle_seconds,
            60..=YEAR,
        );
        let absolute = tokens.refresh_token_absolute_seconds;
        faults.range("tokens.refresh_token_absolute_seconds", absolute, 60..=5 * YEAR);
        faults.range("tokens.key_overlap_seconds", tokens.key_overlap_seconds, 0..=YEAR);
    }
    if let Some(session) = &change.session {
        faults.range("session.idle_seconds", session.idle_seconds, 60..=30 * DAY);
        faults.range("session.absolute_seconds", session.absolute_seconds, 60..=YEAR);
    }
    if let Some(password) = &change.password {
        faults.range("password.minimum_length", password.minimum_length, 8..=64);
        faults.range("password.maximum_length", password.maximum_length, 64..=1_024);
    }
    if let Some(registration) = &change.registration {
        attributes::check(&registration.attributes, &mut faults);
        check_domains(&registration.email_domains, &mut faults);
    }
    if let Some(oauth) = &change.oauth {
        oauth::check(oauth, &mut faults);
    }
    if let Some(passkeys) = &change.passkeys {
        passkeys::check(passkeys, &mut faults);
    }
    if let Some(languages) = &change.languages {
        let spoken = languages.enabled.contains(&languages.default);
        faults.unless(spoken, "languages.default", "must be one of those enabled");
    }
    if let Some(name) = change.mail.as_ref().and_then(|mail| mail.sender_name.as_deref()) {
        faults.text("mail.sender_name", name, 100);
    }
    if let Some(branding) = &change.branding {
        branding::check(branding, &mut faults);
    }
    if let Some(limits) = &change.limits {
        limits::check(&limits.rates, &mut faults);
    }
    if change.mfa.is_some() || change.passkeys.is_some() {
        let mfa = change.mfa.as_ref().unwrap_or(&settings.mfa);
        let passkeys = change.passkeys.as_ref().unwrap_or(&settings.passkeys);
        check_mfa(mfa, passkeys, &mut faults);
    }
    faults.into_result()
}

/// Domains as they stand behind an `@`, in lower case.
fn check_domains(domains: &[String], faults: &mut Faults) {
    faults.unless(
        domains.len() <= 50,
        "registration.email_domains",
        "must be at most 50",
    );
    for (place, domain) in domains.iter().enumerate() {
        let is_one = is_email(&format!("a@{domain}")) && *domain == domain.to_lowercase();
        faults.unless(
            is_one,
            format!("registration.email_domains[{place}]"),
            "must be a domain in lower case such as example.org",
        );
    }
}

/// A second factor comes second, and where everybody must have one, there is one that can be enrolled.
fn check_mfa(mfa: &MfaSettings, passkeys: &PasskeySettings, faults: &mut Faults) {
    let seconds = mfa.methods.iter().all(|method| method.seconds());
    faults.unless(seconds, "mfa.methods", "must be methods that come second");
    faults.range("mfa.trust_days", mfa.trust_days, 0..=365);
    let asks = matches!(mfa.policy, MfaPolicy::Offered | MfaPolicy::Required);
    let enrolled = |method: &Method| match method {
        Method::Totp => true,
        Method::Passkey => passkeys.enabled,
        Method::Password | Method::Email | Method::RecoveryCode | Method::Sms | Method::Federated => false,
    };
    faults.unless(
        !asks || mfa.methods.iter().any(enrolled),
        "mfa.methods",
        "must have one that can be enrolled: totp, or passkey where there are passkeys",
    );
}

/// Change a realm's settings.
#[utoipa::path(
    patch, path = "/command/v1/realms/{realm}/settings", tag = "realms", operation_id = "change_settings",
    params(("realm" = String, Path, description = "The realm's name or id")),
    request_body = SettingsPatch,
    extensions(("x-events" = json!(["settings.changed"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn change(
    State(commands): State<Commands>,
    command: Command<actions::SettingsUpdate, SettingsPatch>,
) -> Result<Answer, Problem> {
    let Command {
        realm, context, body, ..
    } = command;
    if let Some(rates) = body.limits.as_ref().and_then(|limits| limits.rates.as_ref()) {
        let mut faults = Faults::default();
        limits::check_operations(rates, commands.edge.limits().operations(), &mut faults);
        faults.into_result()?;
    }
    let command = ChangeSettings {
        realm: realm.id,
        patch: body,
    };
    commands.change(&context, &command).await
}

#[cfg(test)]
mod tests {
    use events::{event::Event, testing::context};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_part_of_a_body_is_read_from_an_object_only() {
        let read = |patch: serde_json::Value| serde_json::from_str::<SettingsPatch>(&patch.to_string());
        for patch in [
            json!({ "tokens": [61] }),
            json!({ "tokens": [] }),
            json!({ "tokens": null }),
            json!({ "registration": { "attributes": { "a": ["string"] } } }),
            json!({ "registration": { "attributes": [] } }),
        ] {
            assert!(read(patch.clone()).is_err(), "{patch}");
        }
        let patch = json!({ "tokens": { "code_seconds": 20 }, "registration": { "attributes": { "a": { "type": "boolean" } } } });
        let patch = read(patch).unwrap();
        assert_eq!(patch.tokens.unwrap().code_seconds, Some(20));
        assert!(
            patch
                .registration
                .unwrap()
                .attributes
                .unwrap()
                .0
                .contains_key("a")
        );
        let unknown = read(json!({ "tokens": { "cod_seconds": 20 } })).unwrap_err();
        assert!(
            unknown.to_string().contains("unknown field `cod_seconds`"),
            "{unknown}"
        );
    }

    const ACME: RealmId = RealmId(Uuid::from_u128(7));

    fn when(settings: &Settings, patch: serde_json::Value) -> Result<Option<SettingsChange>, Rejection> {
        let patch = serde_json::from_value(patch).unwrap();
        let decision = ChangeSettings { realm: ACME, patch }.decide(settings, &context())?;
        Ok(decision.events.into_iter().next().map(|(_, event)| match event {
            Event::Realms(RealmEvent::SettingsChanged(change)) => change,
            other => panic!("{other:?}"),
        }))
    }

    #[test]
    fn only_what_changes_is_told_and_what_is_not_mentioned_stays() {
        let settings = Settings {
            tokens: TokenSettings {
                code_seconds: 30,
                ..TokenSettings::default()
            },
            ..Settings::default()
        };
        let patch =
            json!({ "tokens": { "access_token_seconds": 120 }, "password": { "minimum_length": 15 } });
        let change = when(&settings, patch).unwrap().unwrap();
        let tokens = change.tokens.unwrap();
        assert_eq!((tokens.access_token_seconds, tokens.code_seconds), (120, 30));
        assert_eq!(
            (change.password, change.session, change.registration),
            (None, None, None)
        );
    }

    #[test]
    fn settings_as_they_are_already_are_no_event() {
        let settings = Settings::default();
        assert_eq!(when(&settings, json!({})), Ok(None));
        assert_eq!(
            when(
                &settings,
                json!({ "tokens": {}, "session": { "idle_seconds": 28_800 } })
            ),
            Ok(None)
        );
    }

    #[test]
    fn every_number_has_its_range_and_all_faults_are_told() {
        let patch = json!({
            "tokens": { "access_token_seconds": 59, "id_token_seconds": 86_401, "code_seconds": 61,
                "refresh_token_idle_seconds": 0, "refresh_token_absolute_seconds": 5 * YEAR + 1,
                "key_overlap_seconds": YEAR + 1 },
            "session": { "idle_seconds": 30 * DAY + 1, "absolute_seconds": 59 },
            "password": { "minimum_length": 7, "maximum_length": 1_025 },
            "oauth": { "device_code_seconds": 59, "pushed_request_seconds": 601,
                "trusted_issuers": [{ "issuer": "https://a.example", "applications": [], "scopes": [] }] },
            "mfa": { "policy": "required", "methods": ["recovery_code"] },
        });
        let Err(Rejection::Invalid(faults)) = when(&Settings::default(), patch) else {
            panic!("accepted")
        };
        assert_eq!(
            faults.fields().collect::<Vec<_>>(),
            [
                "tokens.access_token_seconds",
                "tokens.id_token_seconds",
                "tokens.code_seconds",
                "tokens.refresh_token_idle_seconds",
                "tokens.refresh_token_absolute_seconds",
                "tokens.key_overlap_seconds",
                "session.idle_seconds",
                "session.absolute_seconds",
                "password.minimum_length",
                "password.maximum_length",
                "oauth.device_code_seconds",
                "oauth.pushed_request_seconds",
                "oauth.trusted_issuers[0].jwks",
                "mfa.methods",
            ]
        );
    }

    #[test]
    fn the_defaults_are_within_their_ranges() {
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
        } = Settings::default();
        let all = SettingsChange {
            tokens: Some(tokens),
            session: Some(session),
            password: Some(password),
            registration: Some(registration),
            oauth: Some(oauth),
            mfa: Some(mfa),
            passkeys: Some(passkeys),
            languages: Some(languages),
            mail: Some(mail),
            branding: Some(Box::new(branding)),
            limits: Some(limits),
        };
        assert_eq!(check(&all, &Settings::default()), Ok(()));
    }

    #[test]
    fn null_and_unknown_fields_are_malformed() {
        for patch in [
            json!({ "tokens": null }),
            json!({ "tokens": { "code_seconds": null } }),
            json!({ "tokens": { "codes": 1 } }),
            json!({ "colour": {} }),
            json!({ "session": { "idle_seconds": -1 } }),
            json!({ "session": { "idle_seconds": "60" } }),
        ] {
            assert!(
                serde_json::from_value::<SettingsPatch>(patch.clone()).is_err(),
                "{patch}"
            );
        }
    }
}
