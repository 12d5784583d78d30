//! The claims about the user of an access token (OpenID Connect Core, section 5.3).
//! The rule: the token is of this realm, alive now, about a user, and was issued with the scope `openid`; its scopes decide which claims
//! are told, and the user is asked of the log, not of a read model.
//!
//! The audience is not asked for: userinfo belongs to the issuer, whatever resources the token is for besides.

use axum::{
    Json,
    body::Bytes,
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use events::{applications::Application, users::User};
use http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use web::{Path, Problem, TokenRefused, bearer::presented, claims, form::Form};

use super::{Issuer, bearer::Refusal, open_realm};
use crate::{Queries, etag::NO_STORE};

/// The claims about a user.
#[derive(Debug, Serialize, ToSchema)]
struct UserInfo {
    /// The user, as in the `sub` of id tokens.
    sub: String,
    /// What the token's scopes release (OpenID Connect Core, section 5.4).
    #[serde(flatten)]
    #[schema(value_type = Object)]
    claims: Map<String, Value>,
}

/// The claims about the user of an access token.
#[utoipa::path(
    get,
    path = "/realms/{realm}/oauth2/userinfo",
    tag = "openid",
    params(Issuer),
    responses(
        (status = 200, description = "The claims", body = UserInfo),
        (status = 401, description = "No good token"),
        (status = 403, description = "The token is not for this"),
    )
)]
pub(super) async fn get_userinfo(
    State(queries): State<Queries>,
    Path(realm): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    userinfo(&queries, &realm, uri.query(), &headers, None).await
}

/// The claims about the user of an access token, which may stand in the form (RFC 6750, section 2.2).
#[utoipa::path(
    post,
    path = "/realms/{realm}/oauth2/userinfo",
    tag = "openid",
    params(Issuer),
    request_body(content = inline(Option<AccessTokenForm>), content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The claims", body = UserInfo),
        (status = 401, description = "No good token"),
        (status = 403, description = "The token is not for this"),
    )
)]
pub(super) async fn post_userinfo(
    State(queries): State<Queries>,
    Path(realm): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let form = if body.is_empty() {
        None
    } else {
        Some(Form::of_body(&headers, &body)?)
    };
    userinfo(&queries, &realm, uri.query(), &headers, form.as_ref()).await
}

/// The form of a `POST`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the form; `presented` reads it")]
struct AccessTokenForm {
    /// The token, unless it is in the header.
    access_token: Option<String>,
}

async fn userinfo(
    queries: &Queries,
    realm: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    form: Option<&Form>,
) -> Result<Response, Refusal> {
    let edge = &queries.edge;
    let realm = open_realm(edge, realm).await?;
    let token = presented(headers, query, form)?.ok_or(Refusal::NothingPresented)?;
    let token = edge
        .verify_access_token_of(&realm, token)
        .await
        .map_err(refused)?;
    let Some(user) = token.user.filter(|_| token.scopes.contains("openid")) else {
        return Err(Refusal::InsufficientScope("openid"));
    };
    let kernel = edge.kernel();
    let state = kernel
        .current::<User>(realm.id, user.0)
        .await
        .map_err(Problem::from)?
        .state;
    let application = kernel
        .current::<Application>(realm.id, token.client.0)
        .await
        .map_err(Problem::from)?
        .state;
    let settings = edge.settings(realm.id).await.map_err(Problem::from)?;
    let claims = claims::user_claims(&state.profile, &settings, &application.settings, &token.scopes);
    Ok((
        [NO_STORE],
        Json(UserInfo {
            sub: token.claims.subject().to_owned(),
            claims,
        }),
    )
        .into_response())
}

/// Whatever is wrong with a token, its bearer is told the same.
fn refused(refused: TokenRefused) -> Refusal {
    match refused {
        TokenRefused::Unavailable(error) => Refusal::Problem(error.into()),
        TokenRefused::Invalid(reason) => {
            tracing::debug!(reason, "access token refused");
            Refusal::InvalidToken
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_stand_beside_the_subject() {
        let claims = Map::from_iter([("email".to_owned(), json!("alice@example.org"))]);
        let info = serde_json::to_value(UserInfo {
            sub: "7".to_owned(),
            claims,
        })
        .unwrap();
        assert_eq!(info, json!({ "sub": "7", "email": "alice@example.org" }));
    }
}
