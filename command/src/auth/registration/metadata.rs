//! The metadata of an application that registers by itself (RFC 7591, section 2; OpenID Connect Dynamic Client Registration, section 2)
//! into its settings, and back. The rules: nobody registers into more than the realm offers to strangers; what is not understood is
//! ignored, as the standard has it; and what an administrator set that is no metadata stays as it is.

use std::collections::BTreeSet;

use events::{
    applications::{
        AUTHORIZATION_CODE, Application, ApplicationSettings, ApplicationType, CLIENT_CREDENTIALS,
        CLIENT_SECRET_BASIC, DEVICE_CODE, NO_AUTHENTICATION, PRIVATE_KEY_JWT, REFRESH_TOKEN,
    },
    realms::Settings,
};
use jose::{Algorithm, SHARED_SECRET_ALGORITHM};
use serde_json::{Map, Value, json};
use url::Url;
use web::{Requirements, claims::STANDARD_SCOPES, oauth::OAuthError, offered};

use crate::{Faults, applications::rules};

/// The members that are settings of the same name and the same meaning.
const SETTINGS: [&str; 37] = [
    "redirect_uris",
    "post_logout_redirect_uris",
    "grant_types",
    "contacts",
    "request_uris",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "dpop_bound_access_tokens",
    "require_auth_time",
    "default_acr_values",
    "backchannel_logout_session_required",
    "frontchannel_logout_session_required",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "jwks",
    "jwks_uri",
    "subject_type",
    "sector_identifier_uri",
    "id_token_signed_response_alg",
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "userinfo_signed_response_alg",
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
    "authorization_signed_response_alg",
    "authorization_encrypted_response_alg",
    "authorization_encrypted_response_enc",
    "introspection_signed_response_alg",
    "request_object_signing_alg",
    "default_max_age",
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
    "initiate_login_uri",
    "logo_uri",
    "client_uri",
    "policy_uri",
    "tos_uri",
];

/// The grants that a stranger may use: a token of another, or an assertion, is nothing that one registers for.
const GRANTS: [&str; 4] = [AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS, DEVICE_CODE];

/// The members that say how something is signed.
const SIGNED: [&str; 6] = [
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "request_object_signing_alg",
    "token_endpoint_auth_signing_alg",
];

/// What is wrong with it (RFC 7591, section 3.2.2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// `invalid_redirect_uri`.
    #[error("{0}")]
    RedirectUri(String),
    /// `invalid_client_metadata`.
    #[error("{0}")]
    Metadata(String),
}

impl From<Refused> for OAuthError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::RedirectUri(why) => Self::refused("invalid_redirect_uri", why),
            Refused::Metadata(why) => Self::refused("invalid_client_metadata", why),
        }
    }
}

impl From<Faults> for Refused {
    fn from(faults: Faults) -> Self {
        let told = faults.to_string().replacen(
            "name ",
            "client_name ",
            usize::from(faults.fields().next() == Some("name")),
        );
        if faults.fields().any(|field| field.starts_with("redirect_uris")) {
            Self::RedirectUri(told)
        } else {
            Self::Metadata(told)
        }
    }
}

fn refused(why: impl Into<String>) -> Refused {
    Refused::Metadata(why.into())
}

/// The settings that an application asks for: its type follows from what it says of itself. `before` is what it has, where it has any.
pub fn understand(
    metadata: &Map<String, Value>,
    before: Option<&Application>,
    realm: &Settings,
) -> Result<(ApplicationType, ApplicationSettings), Refused> {
    let required = Requirements::of_realm(realm);
    // What is null is as if it were not there (RFC 7592, 2.2).
    let given: Map<String, Value> = metadata
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut settings = overlaid(&given, before.map(|application| &application.settings))?;
    if !given.contains_key("grant_types") {
        settings.grant_types = vec![AUTHORIZATION_CODE.to_owned()];
    }
    check_grants(&settings.grant_types, &required, realm)?;
    let native = match text(&given, "application_type")?.unwrap_or("web") {
        "web" => false,
        "native" => true,
        _ => return Err(refused("application_type must be web or native")),
    };
    let uses = |grant_type: &str| settings.grant_types.iter().any(|one| one == grant_type);
    let redirected = uses(AUTHORIZATION_CODE);
    let method = settings.token_endpoint_auth_method.get_or_insert_with(|| {
        default_method(
            &required,
            native,
            redirected || !uses_device(&settings.grant_types),
        )
        .to_owned()
    });
    if !required.auth_methods.contains(&method.as_str()) {
        let may = required.auth_methods.join(", ");
        return Err(refused(format!(
            "token_endpoint_auth_method must be one of {may}"
        )));
    }
    let application_type = type_of(&settings.grant_types, method == NO_AUTHENTICATION, native)?;
    if before.is_some_and(|before| before.application_type != Some(application_type)) {
        let why = "what kind of application it is (application_type, grant_types, token_endpoint_auth_method) cannot be changed";
        return Err(refused(why));
    }
    check_response_types(&given, redirected)?;
    settings.scopes = scopes(&given, before, realm)?;
    settings.name = name(&given, &settings)?;
    if before.is_none() {
        // Nobody vouches for it; an administrator who does may say otherwise.
        settings.consent_required = true;
    }
    let rs256 = Algorithm::Rs256;
    if application_type.has_users()
        && settings.id_token_signed_response_alg.is_none()
        && required.algorithms.contains(&rs256)
    {
        settings.id_token_signed_response_alg = Some(rs256.as_str().to_owned());
    }
    settings.require_pushed_authorization_requests |= redirected && required.pushed_requests;
    settings.dpop_bound_access_tokens |= required.dpop;
    check_algorithms(&given, &required)?;
    rules::check(&settings, application_type)?;
    if required.https_redirects
        && let Some(uri) = settings
            .redirect_uris
            .iter()
            .find(|uri| !uri.starts_with("https:"))
    {
        return Err(Refused::RedirectUri(format!("{uri} must be https in this realm")));
    }
    Ok((application_type, settings))
}

/// The settings from before (or none), with all that is metadata taken from what was given.
fn overlaid(
    given: &Map<String, Value>,
    before: Option<&ApplicationSettings>,
) -> Result<ApplicationSettings, Refused> {
    let mut all = shape(before.cloned().unwrap_or_default());
    for name in SETTINGS {
        all.remove(name);
        if let Some(value) = given.get(name) {
            let alone = Value::Object([(name.to_owned(), value.clone())].into_iter().collect());
            serde_json::from_value::<ApplicationSettings>(alone)
                .map_err(|error| refused(format!("{name}: {error}")))?;
            all.insert(name.to_owned(), value.clone());
        }
    }
    serde_json::from_value(Value::Object(all)).map_err(|error| refused(error.to_string()))
}

/// Settings by their names.
fn shape(settings: ApplicationSettings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

fn text<'a>(given: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refused> {
    match given.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(refused(format!("{name} must be a text"))),
    }
}

fn uses_device(grant_types: &[String]) -> bool {
    grant_types.iter().any(|one| one == DEVICE_CODE)
}

fn check_grants(grant_types: &[String], required: &Requirements, realm: &Settings) -> Result<(), Refused> {
    let mut may = offered::grant_types(required, realm);
    may.retain(|grant_type| GRANTS.contains(grant_type));
    if grant_types.is_empty() || grant_types.iter().any(|one| !may.contains(&one.as_str())) {
        return Err(refused(format!("grant_types must be of {}", may.join(", "))));
    }
    Ok(())
}

/// How an application authenticates that does not say: by a secret (RFC 7591, section 2), by a key where the realm takes nothing weaker,
/// and not at all where it runs in its users' hands.
fn default_method(required: &Requirements, native: bool, keeps_secrets: bool) -> &'static str {
    if !required.auth_methods.contains(&CLIENT_SECRET_BASIC) {
        PRIVATE_KEY_JWT
    } else if native || !keeps_secrets {
        NO_AUTHENTICATION
    } else {
        CLIENT_SECRET_BASIC
    }
}

fn type_of(grant_types: &[String], public: bool, native: bool) -> Result<ApplicationType, Refused> {
    let uses = |grant_type: &str| grant_types.iter().any(|one| one == grant_type);
    match (uses(AUTHORIZATION_CODE), public) {
        (true, false) => Ok(ApplicationType::Web),
        (true, true) if native => Ok(ApplicationType::Native),
        (true, true) => Ok(ApplicationType::Spa),
        (false, true) if uses(DEVICE_CODE) => Ok(ApplicationType::Device),
        (false, false) if uses(CLIENT_CREDENTIALS) => Ok(ApplicationType::Service),
        (false, _) => Err(refused(
            "grant_types do not go with token_endpoint_auth_method: a device authenticates by none, who acts for itself by a secret or a key",
        )),
    }
}

/// RFC 7591, 2.1: a code, where there is a grant of it.
fn check_response_types(given: &Map<String, Value>, redirected: bool) -> Result<(), Refused> {
    let fits = match given.get("response_types") {
        None => true,
        Some(told) if redirected => *told == json!([offered::RESPONSE_TYPE]),
        Some(told) => *told == json!([]),
    };
    if fits {
        Ok(())
    } else {
        Err(refused(
            "response_types must be [\"code\"] with the grant authorization_code, and empty without",
        ))
    }
}

/// The scopes besides everybody's: of those that the realm offers to strangers, or that it has already.
fn scopes(
    given: &Map<String, Value>,
    before: Option<&Application>,
    realm: &Settings,
) -> Result<Vec<String>, Refused> {
    let held = before.map(|application| application.settings.scopes.as_slice());
    let offered: BTreeSet<&str> = realm
        .oauth
        .registration_scopes
        .iter()
        .chain(held.unwrap_or_default())
        .map(String::as_str)
        .collect();
    let Some(asked) = text(given, "scope")? else {
        return Ok(held.map_or_else(|| realm.oauth.registration_scopes.clone(), <[String]>::to_vec));
    };
    let asked: BTreeSet<&str> = asked.split(' ').filter(|scope| !scope.is_empty()).collect();
    let own = asked.into_iter().filter(|scope| !STANDARD_SCOPES.contains(scope));
    own.map(|scope| {
        if offered.contains(scope) {
            Ok(scope.to_owned())
        } else {
            Err(refused(format!(
                "scope {scope} is not offered to applications that register by themselves"
            )))
        }
    })
    .collect()
}

/// What people know it by: its name, or where it lives.
fn name(given: &Map<String, Value>, settings: &ApplicationSettings) -> Result<String, Refused> {
    if let Some(name) = text(given, "client_name")? {
        return Ok(name.to_owned());
    }
    let host = settings
        .client_uri
        .iter()
        .chain(&settings.redirect_uris)
        .find_map(|uri| Url::parse(uri).ok()?.host_str().map(str::to_owned));
    Ok(host.unwrap_or_else(|| "Unnamed application".to_owned()))
}

fn check_algorithms(given: &Map<String, Value>, required: &Requirements) -> Result<(), Refused> {
    for name in SIGNED {
        let Some(told) = text(given, name)? else {
            continue;
        };
        let is_taken = told
            .parse::<Algorithm>()
            .is_ok_and(|algorithm| required.algorithms.contains(&algorithm));
        let is_shared = told == SHARED_SECRET_ALGORITHM && required.shared_secrets;
        // Where a shared secret may sign is a rule of all applications.
        if !is_taken && !is_shared {
            return Err(refused(format!("{name}: {told} is not taken in this realm")));
        }
    }
    Ok(())
}

/// What an application is registered as (RFC 7591, 3.2.1), without what only it may know.
pub fn told(application: &Application) -> Map<String, Value> {
    let settings = &application.settings;
    let kind = application.application_type;
    let mut told = shape(settings.clone());
    told.retain(|name, _| SETTINGS.contains(&name.as_str()));
    let native = kind == Some(ApplicationType::Native);
    let redirected = kind.is_some_and(ApplicationType::is_redirected_to);
    let response_types = if redirected {
        vec![offered::RESPONSE_TYPE]
    } else {
        Vec::new()
    };
    let everybodys = STANDARD_SCOPES
        .iter()
        .copied()
        .filter(|_| kind.is_some_and(ApplicationType::has_users));
    let scopes: Vec<_> = everybodys
        .chain(settings.scopes.iter().map(String::as_str))
        .collect();
    told.insert("client_id".to_owned(), json!(application.client_id));
    told.insert(
        "client_id_issued_at".to_owned(),
        json!(application.registered.seconds()),
    );
    told.insert("client_name".to_owned(), json!(settings.name));
    told.insert(
        "application_type".to_owned(),
        json!(if native { "native" } else { "web" }),
    );
    told.insert("response_types".to_owned(), json!(response_types));
    told.insert("scope".to_owned(), json!(scopes.join(" ")));
    told
}

/// The redirect URIs that the document of a sector must list (OpenID Connect Dynamic Client Registration, section 5), against that document.
pub fn check_sector(document: &[u8], settings: &ApplicationSettings) -> Result<(), Refused> {
    let listed: BTreeSet<String> = serde_json::from_slice(document)
        .map_err(|_| refused("sector_identifier_uri must lead to a JSON array of redirect URIs"))?;
    match settings.redirect_uris.iter().find(|uri| !listed.contains(*uri)) {
        Some(missing) => Err(refused(format!(
            "the document at sector_identifier_uri does not list {missing}"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use events::realms::SecurityProfile;

    use super::*;

    const CALLBACK: &str = "https://app.example/cb";

    fn realm() -> Settings {
        let mut settings = Settings::default();
        settings.oauth.registration_scopes = vec!["orders:read".to_owned()];
        settings
    }

    fn understood(metadata: Value) -> Result<(ApplicationType, ApplicationSettings), Refused> {
        understand(metadata.as_object().unwrap(), None, &realm())
    }

    #[test]
    fn the_least_that_is_said_has_the_defaults_of_the_standards() {
        let (kind, settings) = understood(json!({ "redirect_uris": [CALLBACK] })).unwrap();
        assert_eq!(kind, ApplicationType::Web);
        assert_eq!(
            settings.token_endpoint_auth_method.as_deref(),
            Some("client_secret_basic")
        );
        assert_eq!(settings.grant_types, ["authorization_code"]);
        assert_eq!(settings.id_token_signed_response_alg.as_deref(), Some("RS256"));
        assert_eq!(
            (settings.name.as_str(), settings.scopes),
            ("app.example", vec!["orders:read".to_owned()])
        );
        assert!(settings.consent_required);
    }

    #[test]
    fn the_type_follows_from_what_it_says_of_itself() {
        use ApplicationType::{Device, Native, Service, Spa, Web};
        for (metadata, kind) in [
            (
                json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" }),
                Spa,
            ),
            (
                json!({ "redirect_uris": ["com.example.app:/cb"], "application_type": "native" }),
                Native,
            ),
            (
                json!({ "redirect_uris": [CALLBACK], "client_name": null, "software_id": "x", "client_name#de": "Laden" }),
                Web,
            ),
            (
                json!({ "grant_types": ["client_credentials"], "response_types": [] }),
                Service,
            ),
            (json!({ "grant_types": [DEVICE_CODE, "refresh_token"] }), Device),
        ] {
            assert_eq!(
                understood(metadata.clone()).map(|(kind, _)| kind),
                Ok(kind),
                "{metadata}"
            );
        }
    }

    #[test]
    fn no_stranger_registers_into_more_than_is_offered() {
        let with = |more: Value| {
            let mut all = json!({ "redirect_uris": [CALLBACK] });
            all.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            understood(all)
        };
        for more in [
            json!({ "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"] }),
            json!({ "grant_types": ["implicit"] }),
            json!({ "grant_types": [] }),
            json!({ "response_types": ["code", "token"] }),
            json!({ "response_types": "code" }),
            json!({ "scope": "openid manage" }),
            json!({ "scope": ["openid"] }),
            json!({ "application_type": "service" }),
            json!({ "token_endpoint_auth_method": "tls_client_auth" }),
            json!({ "token_endpoint_auth_method": "private_key_jwt" }),
            json!({ "jwks": { "keys": [] }, "jwks_uri": "https://app.example/jwks" }),
            json!({ "id_token_signed_response_alg": "none" }),
            json!({ "userinfo_signed_response_alg": "HS512" }),
            json!({ "default_max_age": "1" }),
            json!({ "client_name": "a\u{202e}b" }),
            json!({ "contacts": "dev@app.example" }),
        ] {
            let refused = with(more.clone());
            assert!(
                matches!(refused, Err(Refused::Metadata(_))),
                "{more}: {refused:?}"
            );
        }
        for uris in [
            json!([]),
            json!(["http://app.example/cb"]),
            json!(["https://app.example/#a"]),
        ] {
            let refused = with(json!({ "redirect_uris": uris }));
            assert!(
                matches!(refused, Err(Refused::RedirectUri(_))),
                "{uris}: {refused:?}"
            );
        }
        let more = json!({
            "consent_required": false, "token_exchange_subjects": ["*"], "may_act": "x", "custom_claims": { "a": 1 },
            "audiences": ["https://api.example"], "access_token_seconds": 86_400, "name": "x",
        });
        let (_, settings) = with(more).unwrap();
        let (_, plain) = with(json!({})).unwrap();
        assert_eq!(settings, plain, "what is no metadata is ignored");
    }

    #[test]
    fn a_change_replaces_all_metadata_and_nothing_else() {
        let first = json!({ "redirect_uris": [CALLBACK], "client_name": "Shop", "logo_uri": "https://app.example/logo" });
        let (kind, mut settings) = understood(first).unwrap();
        settings.consent_required = false;
        settings.audiences = vec!["https://api.example".to_owned()];
        let before = Application {
            application_type: Some(kind),
            settings,
            ..Application::default()
        };
        let change = |metadata: Value| understand(metadata.as_object().unwrap(), Some(&before), &realm());
        let (_, after) = change(json!({ "redirect_uris": [CALLBACK], "client_name": "Store" })).unwrap();
        assert_eq!((after.name.as_str(), after.logo_uri), ("Store", None));
        assert_eq!(after.audiences, ["https://api.example"]);
        assert!(!after.consent_required, "an administrator vouched for it");
        let other = change(json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" }));
        assert!(matches!(other, Err(Refused::Metadata(_))));
    }

    #[test]
    fn under_a_profile_nothing_weaker_is_registered() {
        let mut strict = realm();
        strict.oauth.security_profile = Some(SecurityProfile::Fapi2);
        let asked = |metadata: Value| understand(metadata.as_object().unwrap(), None, &strict);
        let uris = json!([CALLBACK]);
        let strong = json!({ "redirect_uris": uris, "jwks_uri": "https://app.example/jwks" });
        let (_, settings) = asked(strong).unwrap();
        assert_eq!(
            settings.token_endpoint_auth_method.as_deref(),
            Some("private_key_jwt")
        );
        assert_eq!(settings.id_token_signed_response_alg, None);
        assert!(settings.dpop_bound_access_tokens && settings.require_pushed_authorization_requests);
        for weak in [
            json!({ "redirect_uris": uris, "token_endpoint_auth_method": "client_secret_basic" }),
            json!({ "redirect_uris": uris, "jwks_uri": "https://app.example/jwks", "id_token_signed_response_alg": "RS256" }),
            json!({ "redirect_uris": ["http://127.0.0.1/cb"], "jwks_uri": "https://app.example/jwks" }),
        ] {
            assert!(asked(weak.clone()).is_err(), "{weak}");
        }
    }

    #[test]
    fn a_sector_lists_all_redirect_uris() {
        let (_, settings) = understood(json!({ "redirect_uris": [CALLBACK] })).unwrap();
        let list = |document: &str| check_sector(document.as_bytes(), &settings);
        assert_eq!(
            list("[\"https://app.example/cb\", \"https://other.example/\"]"),
            Ok(())
        );
        for bad in ["[]", "{}", "", "[\"https://app.example/\"]"] {
            assert!(list(bad).is_err(), "{bad}");
        }
    }
}
