//! Where an access token may be used: its `aud` (RFC 9068, section 3; RFC 8707). The rule: a token names the
//! resources that its application was registered for, and never one that was merely asked for.

use std::collections::BTreeSet;

use events::applications::Application;
use web::access::MANAGE;

/// The resource is not one of the application's (RFC 8707, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTarget;

/// The audiences of a token: the resources asked for, or all of the application's. The realm itself (its
/// issuer) is one where the application has none configured, and for the scope `manage`.
pub fn of(
    application: &Application,
    issuer: &str,
    resources: &[String],
    scopes: &BTreeSet<String>,
) -> Result<Vec<String>, InvalidTarget> {
    let configured = &application.settings.audiences;
    let realm_too = configured.is_empty() || scopes.contains(MANAGE);
    let mut audience = if resources.is_empty() {
        configured.clone()
    } else {
        Vec::new()
    };
    for resource in resources
        .iter()
        .filter(|resource| !(realm_too && *resource == issuer))
    {
        if !configured.contains(resource) {
            return Err(InvalidTarget);
        }
        if !audience.contains(resource) {
            audience.push(resource.clone());
        }
    }
    if realm_too && !audience.iter().any(|one| one == issuer) {
        audience.push(issuer.to_owned());
    }
    Ok(audience)
}

/// The resources of one token of a grant: those asked for now, of those that were granted (RFC 8707, 2.2).
/// Where none was named when it was granted, all of the application's were.
pub fn narrowed(granted: &[String], asked: Vec<String>) -> Result<Vec<String>, InvalidTarget> {
    if asked.is_empty() {
        Ok(granted.to_vec())
    } else if granted.is_empty() || asked.iter().all(|one| granted.contains(one)) {
        Ok(asked)
    } else {
        Err(InvalidTarget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example/realms/demo";

    fn audience(
        configured: &[&str],
        resources: &[&str],
        scopes: &[&str],
    ) -> Result<Vec<String>, InvalidTarget> {
        let mut application = Application::default();
        application.settings.audiences = configured.iter().map(|&one| one.to_owned()).collect();
        of(
            &application,
            ISSUER,
            &resources.iter().map(|&one| one.to_owned()).collect::<Vec<_>>(),
            &scopes.iter().map(|&one| one.to_owned()).collect(),
        )
    }

    #[test]
    fn a_token_is_for_the_configured_audiences() {
        assert_eq!(
            audience(&["a", "b"], &[], &["openid"]),
            Ok(vec!["a".into(), "b".into()])
        );
        assert_eq!(audience(&["a", "b"], &["b"], &["openid"]), Ok(vec!["b".into()]));
    }

    #[test]
    fn a_token_is_for_the_realm_where_nothing_is_configured_and_to_manage_it() {
        assert_eq!(audience(&[], &[], &["openid"]), Ok(vec![ISSUER.into()]));
        assert_eq!(audience(&[], &[ISSUER], &[]), Ok(vec![ISSUER.into()]));
        assert_eq!(
            audience(&["a"], &[], &["manage"]),
            Ok(vec!["a".into(), ISSUER.into()])
        );
        assert_eq!(audience(&["a"], &[ISSUER], &["manage"]), Ok(vec![ISSUER.into()]));
    }

    #[test]
    fn several_resources_are_taken_together_or_not_at_all() {
        assert_eq!(
            audience(&["a", "b", "c"], &["c", "a", "c"], &[]),
            Ok(vec!["c".into(), "a".into()])
        );
        assert_eq!(audience(&["a", "b"], &["a", "x"], &[]), Err(InvalidTarget));
    }

    #[test]
    fn a_token_is_for_no_more_than_was_granted() {
        let texts = |list: &[&str]| -> Vec<String> { list.iter().map(|&one| one.to_owned()).collect() };
        let narrowed = |granted: &[&str], asked: &[&str]| narrowed(&texts(granted), texts(asked));
        assert_eq!(narrowed(&["a", "b"], &[]), Ok(texts(&["a", "b"])));
        assert_eq!(narrowed(&["a", "b"], &["b"]), Ok(texts(&["b"])));
        assert_eq!(narrowed(&[], &["b"]), Ok(texts(&["b"])));
        assert_eq!(narrowed(&["a"], &["a", "b"]), Err(InvalidTarget));
    }

    #[test]
    fn a_resource_that_is_not_configured_is_refused() {
        assert_eq!(audience(&["a"], &["c"], &[]), Err(InvalidTarget));
        assert_eq!(audience(&[], &["c"], &[]), Err(InvalidTarget));
        assert_eq!(audience(&["a"], &[ISSUER], &["openid"]), Err(InvalidTarget));
    }
}
