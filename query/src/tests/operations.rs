//! That the operations are those that are planned, and each is described with what it takes.

use std::collections::BTreeSet;

use utoipa::openapi::{RefOr, path::ParameterIn};

use crate::{auth, operations};

#[test]
fn every_read_has_a_path_that_is_its_own_and_can_wait_for_a_position() {
    let api = operations().to_openapi();
    let paths: BTreeSet<_> = api.paths.paths.keys().map(String::as_str).collect();
    let of_realm = [
        "",
        "/applications",
        "/applications/{id}",
        "/applications/{id}/roles",
        "/applications/{id}/secrets",
        "/events",
        "/events/stream",
        "/identity-providers",
        "/identity-providers/{id}",
        "/initial-access-tokens/{id}",
        "/rate-limits",
        "/sessions",
        "/sessions/{id}",
        "/settings",
        "/signing-keys",
        "/users",
        "/users/{id}",
        "/users/{id}/consents",
        "/users/{id}/devices",
        "/users/{id}/guard",
        "/users/{id}/identities",
        "/users/{id}/passkeys",
        "/users/{id}/recovery-codes",
        "/users/{id}/roles",
        "/users/{id}/sessions",
        "/users/{id}/totp",
        "/webhooks",
        "/webhooks/{id}",
        "/webhooks/{id}/deliveries",
    ];
    let mut planned: BTreeSet<_> = of_realm
        .iter()
        .map(|path| format!("/query/v1/realms/{{realm}}{path}"))
        .collect();
    planned.insert("/query/v1/realms".to_owned());
    assert_eq!(paths, planned.iter().map(String::as_str).collect());
    for (path, item) in &api.paths.paths {
        let read = item.get.as_ref().unwrap_or_else(|| panic!("{path} is read"));
        assert!(
            item.post.is_none() && item.put.is_none() && item.patch.is_none() && item.delete.is_none(),
            "{path}"
        );
        let parameters = read.parameters.as_deref().unwrap_or_default();
        let has = |name: &str, place: &ParameterIn| {
            parameters.iter().any(|parameter| match parameter {
                RefOr::T(parameter) => parameter.name == name && parameter.parameter_in == *place,
                RefOr::Ref(_) => false,
            })
        };
        assert!(
            has("position", &ParameterIn::Query) && has("Chancery-Position", &ParameterIn::Header),
            "{path}"
        );
        for part in ["realm", "id"] {
            assert_eq!(
                path.contains(&format!("{{{part}}}")),
                has(part, &ParameterIn::Path),
                "{path}: {part}"
            );
        }
    }
}

#[test]
fn the_realm_surface_is_where_the_standards_look_for_it() {
    let api = auth::operations().to_openapi();
    let paths: Vec<_> = api.paths.paths.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/.well-known/oauth-authorization-server/realms/{realm}",
            "/.well-known/oauth-protected-resource/realms/{realm}",
            "/.well-known/openid-configuration/realms/{realm}",
            "/realms/{realm}/.well-known/oauth-authorization-server",
            "/realms/{realm}/.well-known/openid-configuration",
            "/realms/{realm}/oauth2/introspect",
            "/realms/{realm}/oauth2/jwks",
            "/realms/{realm}/oauth2/userinfo",
        ]
    );
}
