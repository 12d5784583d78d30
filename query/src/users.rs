//! Users, as they are read: one, by its id, now or in history, and many, by a search.
//! The rule: whether a user is signed in from here is decided by nobody; this is for people and for automation to look at.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    clock::Timestamp,
    ids::{RealmId, UserId},
    users::Profile,
};
use projections::users::{self, After, UserFilter, UserRow, UserStatus};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Problem, actions};

use crate::{
    Queries,
    etag::{NO_STORE, whole},
    failure::{unknowable, unreadable},
    paging::{Page, Pages, Paging},
    params::{AsOf, FromParameters, Parameters},
    position::AtLeast,
    read::{Id, Read, missing},
    wire::{ById, InRealm, Moment},
};

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .routes(routes!(list_users))
        .routes(routes!(get_user))
}

/// A user. What is not known, or was erased, is `null`.
#[derive(Debug, Serialize, ToSchema)]
struct User {
    /// Its id.
    id: Uuid,
    /// The name to sign in with.
    username: Option<String>,
    /// E-mail address.
    email: Option<String>,
    /// Whether the address was shown to be theirs.
    email_verified: bool,
    /// Phone number, E.164.
    phone: Option<String>,
    /// Whether the number was shown to be theirs.
    phone_verified: bool,
    /// Full name for display.
    name: Option<String>,
    /// Given name.
    given_name: Option<String>,
    /// Family name.
    family_name: Option<String>,
    /// Preferred language, BCP 47.
    locale: Option<String>,
    /// Time zone, IANA name.
    zoneinfo: Option<String>,
    /// Custom attributes, after the realm's schema.
    #[schema(value_type = BTreeMap<String, Value>)]
    attributes: BTreeMap<String, Value>,
    /// `active`, `disabled`, `locked` or `erased`.
    #[schema(example = "active")]
    status: &'static str,
    /// Until when they are locked; `null` if they are not, or until unlocked.
    locked_until: Option<Moment>,
    /// Whether they have a password. (A password has a version of its own, which the tag does not tell; nor does it that a lock ran
    /// out. The answer is never 304.)
    has_password: bool,
    /// When they were registered.
    created_at: Moment,
    /// When profile or status last changed.
    updated_at: Moment,
    /// Their version, as `If-Match` takes it.
    version: u64,
}

impl User {
    fn new(row: UserRow, now: Timestamp) -> Self {
        let status = row.status(now);
        let Profile {
            username,
            email,
            email_verified,
            phone,
            phone_verified,
            name,
            given_name,
            family_name,
            locale,
            zoneinfo,
            attributes,
        } = row.profile.unwrap_or_default();
        Self {
            id: row.id.0,
            username,
            email,
            email_verified,
            phone,
            phone_verified,
            name,
            given_name,
            family_name,
            locale,
            zoneinfo,
            attributes,
            status: status.as_str(),
            locked_until: row
                .locked_until
                .filter(|_| status == UserStatus::Locked)
                .map(Moment),
            has_password: row.has_password,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            version: row.version,
        }
    }
}

/// Which users. Filters that stand side by side all hold.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct UserSearch {
    /// Only users of whose words each of these terms, parted by spaces, is the beginning, in whatever case. Their words are the
    /// pieces of user name, names and phone number between spaces and behind marks (`jean-luc` and `luc`), the e-mail address,
    /// the pieces of it before its `@`, and its domain. The users come in the order of the words that the rarest term finds. A page looks at
    /// 2,000 words or a few more and may end before it is full: where `next_page_token` is not `null`, the search goes on.
    q: Option<String>,
    /// Only the user with this user name, in whatever case.
    username: Option<String>,
    /// Only the user with this e-mail address, in whatever case.
    email: Option<String>,
    /// Only users who are `active`, `disabled`, `locked` or `erased`.
    #[param(value_type = Option<String>, example = "active")]
    status: Option<UserStatus>,
}

impl FromParameters for UserSearch {
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self {
        let statuses = [
            UserStatus::Active,
            UserStatus::Disabled,
            UserStatus::Locked,
            UserStatus::Erased,
        ]
        .map(|status| (status.as_str(), status));
        Self {
            q: parameters.text("q"),
            username: parameters.text("username"),
            email: parameters.text("email"),
            status: parameters.one_of("status", &statuses),
        }
    }
}

/// The users of a realm, in the order of their registration, or of the words by which `q` finds them.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/users",
    tag = "users",
    params(InRealm, UserSearch, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of users", body = Page<User>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_users(
    State(queries): State<Queries>,
    read: Read<actions::UsersRead, (UserSearch, Paging)>,
) -> Result<Response, Problem> {
    let (realm, now) = (read.realm().id, queries.edge.kernel().now());
    let (
        UserSearch {
            q,
            username,
            email,
            status,
        },
        paging,
    ) = &read.parameters;
    let filter = UserFilter {
        query: q.clone(),
        username: username.clone(),
        email: email.clone(),
        status: status.map(|status| (status, now)),
    };
    let pages = Pages::new(&queries.edge, realm, "users", &read.filter);
    let after = pages.start::<After>(paging.page_token.as_deref()).await?;
    let limit = u32::try_from(paging.page_size).unwrap_or(u32::MAX);
    let found = users::search(&queries.reads, realm, &filter, after, limit)
        .await
        .map_err(unreadable)?;
    let page = pages
        .page_until(found.users, found.next, |row| User::new(row, now))
        .await?;
    Ok(([NO_STORE], Json(page)).into_response())
}

/// A user, now or as they were; what was erased since is told of no moment.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/users/{id}",
    tag = "users",
    params(ById, AsOf, AtLeast),
    responses(
        (status = 200, description = "The user", body = User),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn get_user(
    State(queries): State<Queries>,
    read: Read<actions::UsersRead, AsOf>,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    let (kernel, realm) = (queries.edge.kernel(), read.realm().id);
    let past = read.parameters.moment(kernel.now())?;
    let row = match past {
        Some(moment) => users::as_of(kernel, realm, id, moment)
            .await
            .map_err(unknowable)?,
        None => users::get(&queries.reads, realm, id).await.map_err(unreadable)?,
    };
    let user = User::new(row.ok_or_else(missing)?, past.unwrap_or_else(|| kernel.now()));
    Ok(whole(user.version, &user))
}

/// There is such a user in the realm, or nothing is said of them.
pub(crate) async fn known(queries: &Queries, realm: RealmId, id: UserId) -> Result<(), Problem> {
    let row = users::get(&queries.reads, realm, id).await.map_err(unreadable)?;
    row.map(drop).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use events::ids::RealmId;

    use super::*;
    use crate::params::assert_described;

    fn row() -> UserRow {
        UserRow {
            realm: RealmId::SYSTEM,
            id: UserId(Uuid::from_u128(7)),
            profile: Some(Profile {
                username: Some("Alice".to_owned()),
                ..Profile::default()
            }),
            username: Some("alice".to_owned()),
            email: None,
            words: Some("\nalice".to_owned()),
            erased: false,
            disabled: false,
            locked: true,
            locked_until: Some(Timestamp::from_seconds(100)),
            has_password: true,
            created_at: Timestamp::from_seconds(1),
            updated_at: Timestamp::from_seconds(2),
            version: 3,
        }
    }

    #[test]
    fn a_user_is_written_with_the_names_of_the_commands() {
        let shown = serde_json::to_value(User::new(row(), Timestamp::from_seconds(99))).unwrap();
        assert_eq!(shown["username"], "Alice");
        assert_eq!(shown["email"], Value::Null);
        assert_eq!(shown["attributes"], serde_json::json!({}));
        assert_eq!(shown["status"], "locked");
        assert_eq!(shown["locked_until"], "1970-01-01T00:01:40Z");
        assert_eq!(shown["version"], 3);
    }

    #[test]
    fn a_lock_that_has_run_out_is_none() {
        let shown = User::new(row(), Timestamp::from_seconds(100));
        assert_eq!(shown.status, "active");
        assert_eq!(shown.locked_until, None);
    }

    #[test]
    fn of_an_erased_user_nothing_is_left() {
        let erased = UserRow {
            profile: None,
            erased: true,
            ..row()
        };
        let shown = User::new(erased, Timestamp::from_seconds(100));
        assert_eq!((shown.status, shown.username), ("erased", None));
    }

    #[test]
    fn every_filter_is_described() {
        assert_described::<UserSearch>();
    }
}
