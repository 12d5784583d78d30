//! The query side: every read is answered here, from the read models, from the log, or from history.
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`realms`], [`users`], [`applications`], [`permissions`], [`sessions`], [`events`] | `GET /query/v1/…`, one file for each domain |
//! | [`auth`] | the realm surface: discovery, keys, userinfo, introspection |
//! | [`read`] | what each of the first goes through: who asks, what for, how new must it be |
//! | [`params`], [`position`], [`paging`], [`etag`] | parameters, read-your-writes, pages, conditional answers |
//! | [`wire`], [`failure`] | what answers have in common; what is said when there is none |
//!
//! The rules: nothing is written from here; nothing is told to a caller of what it may not see, and an id of another realm is answered
//! exactly as a missing one; whatever a request says that is not understood is refused.

mod applications;
pub mod auth;
mod etag;
mod events;
mod failure;
mod paging;
mod params;
mod permissions;
mod position;
mod read;
mod realms;
mod sessions;
mod users;
mod wire;

use axum::extract::FromRef;
use projections::Reads;
use utoipa_axum::router::OpenApiRouter;
use web::Edge;

/// What queries are answered from.
#[derive(Clone)]
pub struct Queries {
    /// The HTTP edge, with the kernel behind it.
    pub edge: Edge,
    /// The read models.
    pub reads: Reads,
}

impl FromRef<Queries> for Edge {
    fn from_ref(queries: &Queries) -> Edge {
        queries.edge.clone()
    }
}

/// The query API: `/query/v1/…`.
pub fn router(queries: Queries) -> OpenApiRouter {
    operations().with_state(queries)
}

/// All reads: the query API and the realm surface.
pub fn api(queries: Queries) -> OpenApiRouter {
    router(queries.clone()).merge(auth::router(queries))
}

fn operations() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .merge(realms::router())
        .merge(users::router())
        .merge(permissions::router())
        .merge(applications::router())
        .merge(sessions::router())
        .merge(events::router())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use utoipa::openapi::{RefOr, path::ParameterIn};

    use super::*;

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
            "/sessions",
            "/sessions/{id}",
            "/settings",
            "/signing-keys",
            "/users",
            "/users/{id}",
            "/users/{id}/roles",
            "/users/{id}/sessions",
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
                "/.well-known/openid-configuration/realms/{realm}",
                "/realms/{realm}/.well-known/openid-configuration",
                "/realms/{realm}/oauth2/introspect",
                "/realms/{realm}/oauth2/jwks",
                "/realms/{realm}/oauth2/userinfo",
            ]
        );
    }
}
