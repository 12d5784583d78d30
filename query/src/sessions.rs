//! Sessions and what they gave to applications, as they are read.
//! The rule: whether a session or a token is good is never decided from here; that is asked of the subject, live.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    auth::EndReason,
    clock::Timestamp,
    ids::{ApplicationId, RealmId, SessionId, UserId},
};
use projections::auth::{self, GrantRow, SessionFilter, SessionRow};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Problem, actions, clients};

use crate::{
    Queries,
    etag::{NO_STORE, whole},
    failure::unreadable,
    paging::{Page, Pages, Paging, one_more},
    params::{FromParameters, Parameters},
    position::AtLeast,
    read::{Id, Read, missing},
    users,
    wire::{ById, InRealm, Moment},
};

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions))
        .routes(routes!(get_session))
        .routes(routes!(list_user_sessions))
}

/// A session: one sign-in of one user in one browser.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    /// Its id, as in the `sid` of tokens.
    id: Uuid,
    /// Who signed in: the user's id.
    user: Uuid,
    /// The application that asked for it, by its id (its `client_id` may be another); `null` if none did.
    client: Option<Uuid>,
    /// How (RFC 8176).
    #[schema(example = json!(["pwd"]))]
    amr: Vec<String>,
    /// Whether the browser that holds it is signed in. (Time ends it too, which its version does not tell, so that the answer is never 304.)
    active: bool,
    /// When they signed in (`auth_time`).
    started_at: Moment,
    /// When it was last used, to the minute.
    used_at: Moment,
    /// When it ends however it is used.
    expires_at: Moment,
    /// When it was ended; `null` if it was not.
    ended_at: Option<Moment>,
    /// Why it was ended: `signed_out`, `replaced`, `administrator`, `password_changed`, `disabled`, `revoked` or `reused`.
    #[schema(value_type = Option<String>)]
    end_reason: Option<EndReason>,
    /// Its version, as `If-Match` takes it.
    version: u64,
}

impl Session {
    fn new(row: SessionRow, at: &Liveness) -> Self {
        Self {
            id: row.id.0,
            user: row.user_id.0,
            client: row.application.map(|id| id.0),
            active: row.is_alive(at.now, at.idle_seconds),
            amr: row.amr,
            started_at: row.started_at.into(),
            used_at: row.used_at.into(),
            expires_at: row.expires_at.into(),
            ended_at: row.ended_at.map(Moment),
            end_reason: row.end_reason,
            version: row.version,
        }
    }
}

/// A session with all that it gave to applications.
#[derive(Debug, Serialize, ToSchema)]
struct SessionDetails {
    /// The session.
    #[serde(flatten)]
    session: Session,
    /// Its grants, oldest first.
    grants: Vec<Grant>,
}

/// What one authorization gave to one application.
#[derive(Debug, Serialize, ToSchema)]
struct Grant {
    /// Its id.
    id: Uuid,
    /// To which application, by its id (its `client_id` may be another).
    client: Uuid,
    /// For what.
    scopes: Vec<String>,
    /// Whether it gets refresh tokens.
    refresh: bool,
    /// When its code was redeemed.
    started_at: Moment,
    /// When its last refresh token was issued.
    refreshed_at: Moment,
    /// When it ends however it is used.
    expires_at: Moment,
    /// When it was revoked; `null` if it was not. (It also ends with its session.)
    revoked_at: Option<Moment>,
    /// Why it was revoked, by the same names as a session's `end_reason`.
    #[schema(value_type = Option<String>)]
    revoke_reason: Option<EndReason>,
}

impl From<GrantRow> for Grant {
    fn from(row: GrantRow) -> Self {
        Self {
            id: row.id.0,
            client: row.application.0,
            scopes: row.scopes,
            refresh: row.refresh,
            started_at: row.started_at.into(),
            refreshed_at: row.refreshed_at.into(),
            expires_at: row.expires_at.into(),
            revoked_at: row.revoked_at.map(Moment),
            revoke_reason: row.revoke_reason,
        }
    }
}

/// What being signed in depends on besides the session.
struct Liveness {
    now: Timestamp,
    idle_seconds: u64,
}

impl Liveness {
    async fn of(queries: &Queries, realm: RealmId) -> Result<Self, Problem> {
        let settings = queries.edge.settings(realm).await?;
        Ok(Self {
            now: queries.edge.kernel().now(),
            idle_seconds: settings.session.idle_seconds,
        })
    }
}

/// Whether the session must be active.
const ACTIVITY: [(&str, bool); 2] = [("true", true), ("false", false)];

/// Which sessions. Filters that stand side by side all hold.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct SessionSearch {
    /// Only sessions of this user.
    user: Option<Uuid>,
    /// Only sessions that this application (its id or `client_id`) asked for or got a grant of.
    client: Option<String>,
    /// Only sessions that are active, or only those that are not.
    active: Option<bool>,
}

impl FromParameters for SessionSearch {
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self {
        Self {
            user: parameters.id("user"),
            client: parameters.text("client"),
            active: parameters.one_of("active", &ACTIVITY),
        }
    }
}

/// Which sessions of a user.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct Activity {
    /// Only sessions that are active, or only those that are not.
    active: Option<bool>,
}

impl FromParameters for Activity {
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self {
        Self {
            active: parameters.one_of("active", &ACTIVITY),
        }
    }
}

/// The sessions of a realm, the newest first.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/sessions",
    tag = "sessions",
    params(InRealm, SessionSearch, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of sessions", body = Page<Session>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_sessions(
    State(queries): State<Queries>,
    read: Read<actions::SessionsRead, (SessionSearch, Paging)>,
) -> Result<Response, Problem> {
    let (search, paging) = &read.parameters;
    let application = match &search.client {
        None => None,
        // Nobody of this name: an id that no session knows finds nothing, like any other.
        Some(client) => Some(
            clients::resolve(&queries.edge, read.realm(), client)
                .await?
                .map_or(ApplicationId(Uuid::nil()), |(id, _)| id),
        ),
    };
    let filter = Wanted {
        user: search.user.map(UserId),
        application,
        active: search.active,
    };
    list(
        &queries,
        read.realm().id,
        "sessions",
        &read.filter,
        filter,
        paging,
    )
    .await
}

/// The sessions of a user, the newest first.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/users/{id}/sessions",
    tag = "sessions",
    params(ById, Activity, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of sessions", body = Page<Session>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_user_sessions(
    State(queries): State<Queries>,
    read: Read<actions::SessionsRead, (Activity, Paging)>,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    let realm = read.realm().id;
    users::known(&queries, realm, id).await?;
    let (Activity { active }, paging) = &read.parameters;
    let filter = Wanted {
        user: Some(id),
        application: None,
        active: *active,
    };
    list(
        &queries,
        realm,
        &format!("users/{id}/sessions"),
        &read.filter,
        filter,
        paging,
    )
    .await
}

/// The sessions asked for.
struct Wanted {
    user: Option<UserId>,
    application: Option<ApplicationId>,
    active: Option<bool>,
}

async fn list(
    queries: &Queries,
    realm: RealmId,
    name: &str,
    bound: &str,
    wanted: Wanted,
    paging: &Paging,
) -> Result<Response, Problem> {
    let live = Liveness::of(queries, realm).await?;
    let at = (live.now, live.idle_seconds);
    let filter = SessionFilter {
        user: wanted.user,
        application: wanted.application,
        alive: wanted.active.filter(|active| *active).map(|_| at),
        over: wanted.active.filter(|active| !active).map(|_| at),
    };
    let pages = Pages::new(&queries.edge, realm, name, bound);
    let before = pages.start::<SessionId>(paging.page_token.as_deref()).await?;
    let rows = auth::list(&queries.reads, realm, &filter, before, one_more(paging.page_size))
        .await
        .map_err(unreadable)?;
    let page = pages
        .page(
            rows,
            paging.page_size,
            |row| row.id,
            |row| Session::new(row, &live),
        )
        .await?;
    Ok(([NO_STORE], Json(page)).into_response())
}

/// A session, with all that it gave to applications.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/sessions/{id}",
    tag = "sessions",
    params(ById, AtLeast),
    responses(
        (status = 200, description = "The session", body = SessionDetails),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn get_session(
    State(queries): State<Queries>,
    read: Read<actions::SessionsRead>,
    Id(id): Id<SessionId>,
) -> Result<Response, Problem> {
    let realm = read.realm().id;
    let row = auth::get(&queries.reads, realm, id)
        .await
        .map_err(unreadable)?
        .ok_or_else(missing)?;
    let grants = auth::grants(&queries.reads, realm, id)
        .await
        .map_err(unreadable)?;
    let session = Session::new(row, &Liveness::of(&queries, realm).await?);
    let version = session.version;
    let details = SessionDetails {
        session,
        grants: grants.into_iter().map(Grant::from).collect(),
    };
    Ok(whole(version, &details))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::assert_described;

    fn row() -> SessionRow {
        SessionRow {
            realm: RealmId::SYSTEM,
            id: SessionId(Uuid::from_u128(7)),
            user_id: UserId(Uuid::from_u128(8)),
            application: None,
            amr: vec!["pwd".to_owned()],
            last_ending: 0,
            started_at: Timestamp::from_seconds(100),
            used_at: Timestamp::from_seconds(110),
            expires_at: Timestamp::from_seconds(200),
            ended_at: None,
            end_reason: None,
            version: 2,
        }
    }

    fn active(row: SessionRow, now: i64) -> bool {
        Session::new(
            row,
            &Liveness {
                now: Timestamp::from_seconds(now),
                idle_seconds: 60,
            },
        )
        .active
    }

    #[test]
    fn a_session_is_active_until_it_is_ended_or_idle_or_over() {
        assert!(active(row(), 169));
        assert!(!active(row(), 170), "idle");
        assert!(
            !active(
                SessionRow {
                    used_at: Timestamp::from_seconds(190),
                    ..row()
                },
                200
            ),
            "over"
        );
        assert!(
            !active(
                SessionRow {
                    ended_at: Some(Timestamp::from_seconds(120)),
                    ..row()
                },
                130
            ),
            "ended"
        );
    }

    #[test]
    fn a_session_is_written_flat_with_its_grants() {
        let session = Session::new(
            row(),
            &Liveness {
                now: Timestamp::from_seconds(120),
                idle_seconds: 60,
            },
        );
        let shown = serde_json::to_value(SessionDetails {
            session,
            grants: Vec::new(),
        })
        .unwrap();
        assert_eq!(shown["id"], serde_json::json!(Uuid::from_u128(7)));
        assert_eq!(shown["grants"], serde_json::json!([]));
        assert_eq!(shown["end_reason"], serde_json::Value::Null);
        assert_described::<SessionSearch>();
        assert_described::<Activity>();
    }
}
