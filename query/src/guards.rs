//! How often somebody tried to sign in as a user, as it is read. The rule: it is what the log says now, and not a read model: whoever
//! lifts a guard sees it lifted.

use axum::{extract::State, response::Response};
use events::{
    auth::{Method, SignInGuard},
    clock::Timestamp,
    ids::UserId,
    users::User,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Problem, actions};

use crate::{
    Queries,
    etag::whole,
    position::AtLeast,
    read::{Id, Read, missing},
    wire::{ById, Moment},
};

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new().routes(routes!(get_user_guard))
}

/// The guard of an account. (Devices that the user signed in on before have guards of their own, so that they get in all the same.)
#[derive(Debug, Serialize, ToSchema)]
struct Guard {
    /// Attempts in a row since somebody showed who they are; ten are free.
    attempts: u64,
    /// When the last of them was; `null` if there was none.
    last_attempt_at: Option<Moment>,
    /// For how many seconds from now nobody is judged; 0 if somebody is.
    closed_seconds: u64,
    /// The same for each method that was tried.
    methods: Vec<Tried>,
    /// How often an administrator lifted it.
    lifted: u64,
}

/// The attempts on one authenticator.
#[derive(Debug, Serialize, ToSchema)]
struct Tried {
    /// By which method.
    #[schema(value_type = String, example = "password")]
    method: Method,
    /// Attempts in a row.
    attempts: u64,
    /// Whether it is not asked any more until it is replaced or the guard lifted: after a hundred.
    disabled: bool,
}

impl Guard {
    fn new(guard: &SignInGuard, now: Timestamp) -> Self {
        let methods = guard.methods.iter();
        Self {
            attempts: guard.attempts,
            last_attempt_at: (guard.last != Timestamp::default()).then(|| guard.last.into()),
            closed_seconds: guard.closed_for(now),
            methods: methods
                .map(|(method, tried)| Tried {
                    method: *method,
                    attempts: tried.count,
                    disabled: guard.is_disabled(*method, tried.since),
                })
                .collect(),
            lifted: guard.lifted,
        }
    }
}

/// How often somebody tried to sign in as a user, and whether anybody is judged now.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/users/{id}/guard",
    tag = "users",
    params(ById, AtLeast),
    responses(
        (status = 200, description = "The guard", body = Guard),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn get_user_guard(
    State(queries): State<Queries>,
    read: Read<actions::GuardsRead>,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    let (kernel, realm) = (queries.edge.kernel(), read.realm().id);
    let user = kernel.latest::<User>(realm, id.0).await?.state;
    if !user.exists {
        return Err(missing());
    }
    let guard = kernel.latest::<SignInGuard>(realm, id.0).await?;
    Ok(whole(guard.version, &Guard::new(&guard.state, kernel.now())))
}

#[cfg(test)]
mod tests {
    use events::auth::Attempts;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_guard_tells_what_is_closed_and_what_is_disabled() {
        let guard = SignInGuard {
            attempts: 101,
            last: Timestamp::from_seconds(1_000),
            methods: [
                (Method::Password, Attempts { since: 7, count: 100 }),
                (Method::Totp, Attempts { since: 2, count: 1 }),
            ]
            .into(),
            lifted: 0,
        };
        let shown = serde_json::to_value(Guard::new(&guard, Timestamp::from_seconds(1_100))).unwrap();
        assert_eq!(shown["closed_seconds"], 800);
        let methods = json!([
            { "method": "password", "attempts": 100, "disabled": true },
            { "method": "totp", "attempts": 1, "disabled": false },
        ]);
        assert_eq!(shown["methods"], methods);
        let fresh = serde_json::to_value(Guard::new(
            &SignInGuard::default(),
            Timestamp::from_seconds(1_100),
        ));
        let fresh = fresh.unwrap();
        assert_eq!(
            (&fresh["closed_seconds"], &fresh["last_attempt_at"]),
            (&json!(0), &json!(null))
        );
    }
}
