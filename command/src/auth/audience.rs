//! Where an access token may be used: its `aud` (RFC 9068, section 3; RFC 8707). The rule: a token names the
//! resources that its application was registered for, and never one that was merely asked for.

use std::collections::BTreeSet;

use events::applications::Application;
use web::access::MANAGE;

/// The resource is not one of the application's (RFC 8707, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTarget;

/// The audiences of a token: the resource asked for, or all of the application's. The realm itself (its
/// issuer) is one where the application has none configured, and for the scope `manage`.
pub fn of(
    application: &Application,
    issuer: &str,
    resource: Option<&str>,
    scopes: &BTreeSet<String>,
) -> Result<Vec<String>, InvalidTarget> {
    let configured = &application.settings.audiences;
    let realm_too = configured.is_empty() || scopes.contains(MANAGE);
    let mut audience = match resource {
        None => configured.clone(),
        Some(resource) if configured.iter().any(|one| one == resource) => vec![resource.to_owned()],
        Some(resource) if realm_too && resource == issuer => Vec::new(),
        Some(_) => return Err(InvalidTarget),
    };
    if realm_too && !audience.iter().any(|one| one == issuer) {
        audience.push(issuer.to_owned());
    }
    Ok(audience)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example/realms/demo";

    fn audience(
        configured: &[&str],
        resource: Option<&str>,
        scopes: &[&str],
    ) -> Result<Vec<String>, InvalidTarget> {
        let mut application = Application::default();
        application.settings.audiences = configured.iter().map(|&one| one.to_owned()).collect();
        of(
            &application,
            ISSUER,
            resource,
            &scopes.iter().map(|&one| one.to_owned()).collect(),
        )
    }

    #[test]
    fn a_token_is_for_the_configured_audiences() {
        assert_eq!(
            audience(&["a", "b"], None, &["openid"]),
            Ok(vec!["a".into(), "b".into()])
        );
        assert_eq!(
            audience(&["a", "b"], Some("b"), &["openid"]),
            Ok(vec!["b".into()])
        );
    }

    #[test]
    fn a_token_is_for_the_realm_where_nothing_is_configured_and_to_manage_it() {
        assert_eq!(audience(&[], None, &["openid"]), Ok(vec![ISSUER.into()]));
        assert_eq!(audience(&[], Some(ISSUER), &[]), Ok(vec![ISSUER.into()]));
        assert_eq!(
            audience(&["a"], None, &["manage"]),
            Ok(vec!["a".into(), ISSUER.into()])
        );
        assert_eq!(
            audience(&["a"], Some(ISSUER), &["manage"]),
            Ok(vec![ISSUER.into()])
        );
    }

    #[test]
    fn a_resource_that_is_not_configured_is_refused() {
        assert_eq!(audience(&["a"], Some("c"), &[]), Err(InvalidTarget));
        assert_eq!(audience(&[], Some("c"), &[]), Err(InvalidTarget));
        assert_eq!(audience(&["a"], Some(ISSUER), &["openid"]), Err(InvalidTarget));
    }
}
