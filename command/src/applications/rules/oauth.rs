//! What an application's OAuth 2.0 and OpenID Connect settings must be (RFC 7591, section 2; OpenID Connect Dynamic Client Registration,
//! section 2). The rule: what contradicts another setting or the application's type is refused when it is set, not when it is used.

use events::{
    applications::{ApplicationSettings, ApplicationType, GRANT_TYPES, fits_grant_type},
    auth::Assurance,
};
use jose::{
    Algorithm,
    jwe::{ContentEncryption, KeyManagement},
};
use url::Url;
use web::{offered::SUBJECT_TYPES, profile::AUTH_METHODS};

use crate::{Faults, applications::redirect_uris::is_host_name, auth::PolicySource};

/// The most items of a list.
const ITEMS: usize = 50;
/// The most bytes of a URI.
const URI: usize = 2_048;
/// The most bytes of a JWK Set.
const JWKS: usize = 16 * 1024;
/// The most seconds that a sign-in may be ago.
const YEAR: u64 = 365 * 86_400;

/// Judges them.
pub fn check(settings: &ApplicationSettings, application_type: ApplicationType, faults: &mut Faults) {
    check_grants(settings, application_type, faults);
    check_authentication(settings, application_type, faults);
    check_algorithms(settings, faults);
    check_addresses(settings, faults);
    one_of(
        faults,
        "access_token_format",
        settings.access_token_format.as_deref(),
        &["jwt", "opaque"],
    );
    one_of(
        faults,
        "security_profile",
        settings.security_profile.as_deref(),
        &["fapi2"],
    );
    one_of(
        faults,
        "subject_type",
        settings.subject_type.as_deref(),
        &SUBJECT_TYPES,
    );
    if settings.subject_type.as_deref() == Some("pairwise") && settings.sector_identifier_uri.is_none() {
        let mut hosts: Vec<_> = settings
            .redirect_uris
            .iter()
            .filter_map(|uri| Url::parse(uri).ok()?.host_str().map(str::to_owned))
            .collect();
        hosts.dedup();
        let one = hosts.len() <= 1;
        faults.unless(
            one,
            "sector_identifier_uri",
            "is needed where redirect URIs have several hosts",
        );
    }
    if let Some(seconds) = settings.default_max_age {
        faults.range("default_max_age", seconds, 0..=YEAR);
    }
    let acrs = Assurance::ALL.map(Assurance::acr);
    one_of(faults, "required_acr", settings.required_acr.as_deref(), &acrs);
    texts(faults, "contacts", &settings.contacts);
    texts(faults, "default_acr_values", &settings.default_acr_values);
    texts(
        faults,
        "token_exchange_subjects",
        &settings.token_exchange_subjects,
    );
    for (index, resource) in settings.token_exchange_audiences.iter().enumerate() {
        faults.unless(
            settings.audiences.contains(resource),
            format!("token_exchange_audiences[{index}]"),
            "must be one of the audiences",
        );
    }
    if let Some(actor) = &settings.may_act {
        faults.text("may_act", actor, 256);
    }
}

fn check_grants(settings: &ApplicationSettings, application_type: ApplicationType, faults: &mut Faults) {
    for (index, grant_type) in settings.grant_types.iter().enumerate() {
        let place = format!("grant_types[{index}]");
        if !GRANT_TYPES.contains(&grant_type.as_str()) {
            faults.add(place, format!("must be one of {}", GRANT_TYPES.join(", ")));
        } else if !fits_grant_type(application_type, grant_type) {
            faults.add(
                place,
                format!("is not for applications of type {}", application_type.as_str()),
            );
        } else if settings.grant_types[..index].contains(grant_type) {
            faults.add(place, "is there already");
        }
    }
}

fn check_authentication(
    settings: &ApplicationSettings,
    application_type: ApplicationType,
    faults: &mut Faults,
) {
    let method = settings.token_endpoint_auth_method.as_deref();
    one_of(faults, "token_endpoint_auth_method", method, &AUTH_METHODS);
    if let Some(method) = method.filter(|method| AUTH_METHODS.contains(method)) {
        let fits = (method == "none") != application_type.is_confidential();
        let must = if application_type.is_confidential() {
            "must not be none: this type of application keeps a secret or a key"
        } else {
            "must be none: this type of application keeps no secret"
        };
        faults.unless(fits, "token_endpoint_auth_method", must);
    }
    faults.unless(
        settings.jwks.is_none() || settings.jwks_uri.is_none(),
        "jwks_uri",
        "must not be given beside jwks (RFC 7591, section 2)",
    );
    let keys = settings.jwks.is_some() || settings.jwks_uri.is_some();
    faults.unless(
        keys || method != Some("private_key_jwt"),
        "jwks",
        "is needed, or jwks_uri, to authenticate by private_key_jwt",
    );
    check_keys(
        "jwks",
        settings.jwks.as_ref(),
        "jwks_uri",
        settings.jwks_uri.as_deref(),
        faults,
    );
    if let Some(algorithm) = settings.token_endpoint_auth_signing_alg.as_deref() {
        let fits = match method {
            Some("client_secret_jwt") => algorithm == "HS256",
            Some("private_key_jwt") => algorithm.parse::<Algorithm>().is_ok(),
            _ => false,
        };
        let must = "must be HS256 for client_secret_jwt, or that of a key for private_key_jwt";
        faults.unless(fits, "token_endpoint_auth_signing_alg", must);
    }
}

/// Judges public keys of somebody else, and the address where they are.
pub fn check_keys(
    field: &str,
    jwks: Option<&serde_json::Value>,
    uri_field: &str,
    jwks_uri: Option<&str>,
    faults: &mut Faults,
) {
    if let Some(jwks) = jwks {
        let size = serde_json::to_vec(jwks).map_or(usize::MAX, |json| json.len());
        faults.unless(
            size <= JWKS,
            field,
            format!("must be at most {} KiB", JWKS / 1024),
        );
        let set = jose::Jwks::parse(jwks.to_string().as_bytes());
        faults.unless(
            set.and_then(|set| jose::ForeignKeys::from_jwks(&set)).is_ok(),
            field,
            "must be a JWK Set of public keys (RFC 7517), none of them weak",
        );
    }
    if let Some(address) = jwks_uri {
        address_is_good(faults, uri_field, address);
    }
}

fn check_algorithms(settings: &ApplicationSettings, faults: &mut Faults) {
    let signed = [
        (
            "id_token_signed_response_alg",
            &settings.id_token_signed_response_alg,
        ),
        (
            "access_token_signed_response_alg",
            &settings.access_token_signed_response_alg,
        ),
        (
            "userinfo_signed_response_alg",
            &settings.userinfo_signed_response_alg,
        ),
        (
            "authorization_signed_response_alg",
            &settings.authorization_signed_response_alg,
        ),
        (
            "introspection_signed_response_alg",
            &settings.introspection_signed_response_alg,
        ),
        ("request_object_signing_alg", &settings.request_object_signing_alg),
    ];
    let known = Algorithm::ALL.map(Algorithm::as_str);
    for (field, algorithm) in signed {
        one_of(faults, field, algorithm.as_deref(), &known);
    }
    let encrypted = [
        (
            "id_token",
            &settings.id_token_encrypted_response_alg,
            &settings.id_token_encrypted_response_enc,
        ),
        (
            "userinfo",
            &settings.userinfo_encrypted_response_alg,
            &settings.userinfo_encrypted_response_enc,
        ),
        (
            "authorization",
            &settings.authorization_encrypted_response_alg,
            &settings.authorization_encrypted_response_enc,
        ),
    ];
    let keys = settings.jwks.is_some() || settings.jwks_uri.is_some();
    let key_management = KeyManagement::ALL.map(KeyManagement::as_str);
    let content_encryption = ContentEncryption::ALL.map(ContentEncryption::as_str);
    for (what, algorithm, content) in encrypted {
        let field = format!("{what}_encrypted_response_alg");
        one_of(faults, &field, algorithm.as_deref(), &key_management);
        faults.unless(
            algorithm.is_none() || keys,
            &field,
            "needs a key to encrypt to: jwks or jwks_uri",
        );
        let field = format!("{what}_encrypted_response_enc");
        one_of(faults, &field, content.as_deref(), &content_encryption);
        faults.unless(
            content.is_none() || algorithm.is_some(),
            field,
            format!("needs {what}_encrypted_response_alg"),
        );
    }
}

fn check_addresses(settings: &ApplicationSettings, faults: &mut Faults) {
    let addresses = [
        ("sector_identifier_uri", &settings.sector_identifier_uri),
        ("backchannel_logout_uri", &settings.backchannel_logout_uri),
        ("frontchannel_logout_uri", &settings.frontchannel_logout_uri),
        ("initiate_login_uri", &settings.initiate_login_uri),
        ("logo_uri", &settings.logo_uri),
        ("client_uri", &settings.client_uri),
        ("policy_uri", &settings.policy_uri),
        ("tos_uri", &settings.tos_uri),
    ];
    for (field, address) in addresses {
        if let Some(address) = address {
            address_is_good(faults, field, address);
        }
    }
    faults.unless(
        settings.request_uris.len() <= ITEMS,
        "request_uris",
        format!("must be at most {ITEMS}"),
    );
    for (index, address) in settings.request_uris.iter().enumerate() {
        address_is_good(faults, &format!("request_uris[{index}]"), address);
    }
    if let Some(address) = &settings.frontchannel_logout_uri {
        let origin = |uri: &str| Url::parse(uri).map(|url| url.origin()).ok();
        let place = origin(address);
        faults.unless(
            settings.redirect_uris.iter().any(|uri| origin(uri) == place),
            "frontchannel_logout_uri",
            "must have the scheme, host and port of a redirect URI (OpenID Connect Front-Channel Logout, section 2)",
        );
        faults.unless(
            PolicySource::origin(address).is_some(),
            "frontchannel_logout_uri",
            "must name its host, or give it as an IPv4 address: the policy of the page that frames it has no word for another",
        );
    }
}

/// An address that we or a browser go to: https, or http on loopback (which is reached only where the configuration allows it).
pub(crate) fn address_is_good(faults: &mut Faults, field: &str, text: &str) {
    let plain = (1..=URI).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let url = Url::parse(text).ok().filter(|_| plain);
    let good = url.is_some_and(|url| {
        let loopback = match url.host() {
            Some(url::Host::Domain("localhost")) => true,
            Some(url::Host::Domain(name)) if !is_host_name(name) => return false,
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(_)) => false,
            None => return false,
        };
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        scheme && url.fragment().is_none() && url.username().is_empty() && url.password().is_none()
    });
    faults.unless(
        good,
        field,
        "must be an https URI without credentials and fragment (http on loopback)",
    );
}

fn one_of(faults: &mut Faults, field: &str, value: Option<&str>, known: &[&str]) {
    if let Some(value) = value {
        faults.unless(
            known.contains(&value),
            field,
            format!("must be one of {}", known.join(", ")),
        );
    }
}

fn texts(faults: &mut Faults, field: &str, list: &[String]) {
    faults.unless(list.len() <= ITEMS, field, format!("must be at most {ITEMS}"));
    for (index, text) in list.iter().enumerate() {
        faults.text(&format!("{field}[{index}]"), text, 256);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at_fault(application_type: ApplicationType, settings: Value) -> Vec<String> {
        let settings: ApplicationSettings = serde_json::from_value(settings).unwrap();
        let mut faults = Faults::default();
        check(&settings, application_type, &mut faults);
        faults.fields().map(str::to_owned).collect()
    }

    #[test]
    fn what_contradicts_its_type_or_another_setting_is_named() {
        use ApplicationType::{Device, Service, Spa, Web};
        let jwks = json!({ "keys": [] });
        for (application_type, settings, field) in [
            (Web, json!({ "grant_types": ["password"] }), "grant_types[0]"),
            (
                Spa,
                json!({ "grant_types": ["client_credentials"] }),
                "grant_types[0]",
            ),
            (
                Web,
                json!({ "token_endpoint_auth_method": "none" }),
                "token_endpoint_auth_method",
            ),
            (
                Spa,
                json!({ "token_endpoint_auth_method": "client_secret_basic" }),
                "token_endpoint_auth_method",
            ),
            (
                Web,
                json!({ "token_endpoint_auth_method": "tls_client_auth" }),
                "token_endpoint_auth_method",
            ),
            (
                Web,
                json!({ "token_endpoint_auth_method": "private_key_jwt" }),
                "jwks",
            ),
            (
                Web,
                json!({ "jwks": jwks, "jwks_uri": "https://a.example/k" }),
                "jwks_uri",
            ),
            (Web, json!({ "jwks": [] }), "jwks"),
            (
                Web,
                json!({ "token_endpoint_auth_signing_alg": "ES256" }),
                "token_endpoint_auth_signing_alg",
            ),
            (
                Web,
                json!({ "id_token_signed_response_alg": "none" }),
                "id_token_signed_response_alg",
            ),
            (
                Web,
                json!({ "id_token_encrypted_response_alg": "RSA-OAEP" }),
                "id_token_encrypted_response_alg",
            ),
            (
                Web,
                json!({ "userinfo_encrypted_response_enc": "A128GCM" }),
                "userinfo_encrypted_response_enc",
            ),
            (
                Web,
                json!({ "backchannel_logout_uri": "http://a.example/" }),
                "backchannel_logout_uri",
            ),
            (Web, json!({ "logo_uri": "https://u:p@a.example/" }), "logo_uri"),
            (
                Web,
                json!({ "frontchannel_logout_uri": "https://a.example/out" }),
                "frontchannel_logout_uri",
            ),
            (
                Web,
                json!({ "subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"] }),
                "sector_identifier_uri",
            ),
            (
                Device,
                json!({ "grant_types": ["authorization_code"] }),
                "grant_types[0]",
            ),
            (
                Service,
                json!({ "audiences": ["https://a.example"], "token_exchange_audiences": ["https://b.example"] }),
                "token_exchange_audiences[0]",
            ),
            (Service, json!({ "may_act": "" }), "may_act"),
            (
                Service,
                json!({ "access_token_format": "saml" }),
                "access_token_format",
            ),
            (
                Service,
                json!({ "security_profile": "fapi1" }),
                "security_profile",
            ),
        ] {
            assert_eq!(
                at_fault(application_type, settings.clone()),
                [field],
                "{settings}"
            );
        }
    }

    #[test]
    fn what_fits_is_fine() {
        let settings = json!({
            "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"],
            "redirect_uris": ["https://a.example/cb"],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks_uri": "https://a.example/jwks",
            "id_token_encrypted_response_alg": "ECDH-ES",
            "id_token_encrypted_response_enc": "A256GCM",
            "frontchannel_logout_uri": "https://a.example/out",
            "backchannel_logout_uri": "http://127.0.0.1:9999/out",
            "subject_type": "pairwise",
            "contacts": ["dev@a.example"],
        });
        assert_eq!(at_fault(ApplicationType::Web, settings), Vec::<String>::new());
    }
}
