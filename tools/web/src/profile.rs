//! What an application must keep to: its own settings, and the profiles of itself and of its realm, put together.
//! The rule: this is the one place that looks at `security_profile`; whoever judges a request asks for the requirements that come of it,
//! and a profile only ever adds to them (FAPI 2.0 Security Profile, section 5.3).

use events::{
    applications::{
        Application, CLIENT_SECRET_BASIC, CLIENT_SECRET_JWT, CLIENT_SECRET_POST, NO_AUTHENTICATION,
        PRIVATE_KEY_JWT,
    },
    realms::{SecurityProfile, Settings},
};
use jose::Algorithm;

/// All methods of client authentication (RFC 7591, `token_endpoint_auth_method`).
pub const AUTH_METHODS: [&str; 5] = [
    CLIENT_SECRET_BASIC,
    CLIENT_SECRET_POST,
    CLIENT_SECRET_JWT,
    PRIVATE_KEY_JWT,
    NO_AUTHENTICATION,
];

/// What is required of an application, or of all of a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// Authorization requests are pushed first (RFC 9126).
    pub pushed_requests: bool,
    /// Authorization requests are signed (RFC 9101).
    pub signed_requests: bool,
    /// Tokens are bound to a key by DPoP (RFC 9449).
    pub dpop: bool,
    /// Codes are bound to a verifier (RFC 7636).
    pub pkce: bool,
    /// Only applications that authenticate are served.
    pub confidential_only: bool,
    /// Redirect URIs are https, and exactly those that were registered.
    pub https_redirects: bool,
    /// What they sign for us names the issuer as its audience, and it alone.
    pub issuer_audience: bool,
    /// How applications may authenticate; none of these where an application's method is weaker than its profile.
    pub auth_methods: &'static [&'static str],
    /// What may be signed with, by either side.
    pub algorithms: Vec<Algorithm>,
    /// Whether anything may be signed with a shared secret (`HS256`).
    pub shared_secrets: bool,
}

impl Requirements {
    /// What a realm requires of all of its applications.
    pub fn of_realm(settings: &Settings) -> Self {
        Self::under(settings.oauth.security_profile)
    }

    /// What is required of one application.
    pub fn of(application: &Application, settings: &Settings) -> Self {
        let own = &application.settings;
        let profile = settings.oauth.security_profile.or_else(|| profile(application));
        let mut required = Self::under(profile);
        required.pushed_requests |= own.require_pushed_authorization_requests;
        required.signed_requests |= own.require_signed_request_object;
        required.dpop |= own.dpop_bound_access_tokens;
        // Who cannot keep a secret cannot show otherwise that the code is theirs.
        required.pkce |= !application.is_confidential();
        let may = methods(application);
        if may.iter().all(|method| required.auth_methods.contains(method)) {
            required.auth_methods = may;
        } else {
            required.auth_methods = &[];
        }
        required
    }

    fn under(profile: Option<SecurityProfile>) -> Self {
        let fapi2 = match profile {
            None => false,
            Some(SecurityProfile::Fapi2) => true,
        };
        Self {
            pushed_requests: fapi2,
            signed_requests: false,
            dpop: fapi2,
            pkce: fapi2,
            confidential_only: fapi2,
            https_redirects: fapi2,
            issuer_audience: fapi2,
            auth_methods: if fapi2 { &[PRIVATE_KEY_JWT] } else { &AUTH_METHODS },
            algorithms: Algorithm::ALL
                .into_iter()
                .filter(|algorithm| !fapi2 || *algorithm != Algorithm::Rs256)
                .collect(),
            shared_secrets: !fapi2,
        }
    }

    /// The algorithm that something is signed with: the one chosen, or ES256; `None` where the profile refuses it.
    pub fn signing(&self, chosen: Option<&str>) -> Option<Algorithm> {
        let algorithm = match chosen {
            Some(name) => name.parse().ok()?,
            None => Algorithm::Es256,
        };
        self.algorithms.contains(&algorithm).then_some(algorithm)
    }
}

/// The profile that an application is set to keep. What is set and not understood is the strictest there is.
fn profile(application: &Application) -> Option<SecurityProfile> {
    application
        .settings
        .security_profile
        .as_ref()
        .map(|_| SecurityProfile::Fapi2)
}

/// How an application may authenticate, by its settings and its type.
fn methods(application: &Application) -> &'static [&'static str] {
    match application.settings.token_endpoint_auth_method.as_deref() {
        Some(chosen) => AUTH_METHODS
            .iter()
            .position(|method| *method == chosen)
            .map_or(&[], |at| &AUTH_METHODS[at..=at]),
        None if application.is_confidential() => &AUTH_METHODS[..2],
        None => &AUTH_METHODS[4..],
    }
}

#[cfg(test)]
mod tests {
    use events::applications::ApplicationType;

    use super::*;

    fn application(application_type: ApplicationType, method: Option<&str>) -> Application {
        let mut application = Application {
            application_type: Some(application_type),
            ..Application::default()
        };
        application.settings.token_endpoint_auth_method = method.map(str::to_owned);
        application
    }

    fn fapi() -> Settings {
        let mut settings = Settings::default();
        settings.oauth.security_profile = Some(SecurityProfile::Fapi2);
        settings
    }

    #[test]
    fn an_application_authenticates_as_it_is_set_or_as_its_type_does() {
        let methods = |application_type, method| {
            Requirements::of(&application(application_type, method), &Settings::default()).auth_methods
        };
        assert_eq!(
            methods(ApplicationType::Web, None),
            ["client_secret_basic", "client_secret_post"]
        );
        assert_eq!(
            methods(ApplicationType::Web, Some("client_secret_jwt")),
            ["client_secret_jwt"]
        );
        assert_eq!(methods(ApplicationType::Spa, None), ["none"]);
        assert!(methods(ApplicationType::Web, Some("tls_client_auth")).is_empty());
    }

    #[test]
    fn a_profile_refuses_whatever_is_weaker() {
        let strong = application(ApplicationType::Web, Some(PRIVATE_KEY_JWT));
        let required = Requirements::of(&strong, &fapi());
        assert!(required.pushed_requests && required.dpop && required.pkce && required.https_redirects);
        assert_eq!(required.auth_methods, [PRIVATE_KEY_JWT]);
        assert!(!required.algorithms.contains(&Algorithm::Rs256));
        assert_eq!(required.signing(None), Some(Algorithm::Es256));
        assert_eq!(required.signing(Some("RS256")), None);
        for weak in [
            application(ApplicationType::Web, None),
            application(ApplicationType::Spa, None),
            application(ApplicationType::Web, Some("client_secret_jwt")),
        ] {
            assert!(Requirements::of(&weak, &fapi()).auth_methods.is_empty());
        }
    }

    #[test]
    fn an_application_may_be_held_to_more_than_its_realm() {
        let mut one = application(ApplicationType::Web, Some(PRIVATE_KEY_JWT));
        one.settings.security_profile = Some("fapi2".to_owned());
        assert_eq!(
            Requirements::of(&one, &Settings::default()),
            Requirements::of(&one, &fapi())
        );
        let mut other = application(ApplicationType::Web, None);
        other.settings.require_pushed_authorization_requests = true;
        let required = Requirements::of(&other, &Settings::default());
        assert!(required.pushed_requests && !required.dpop && !required.pkce);
    }
}
