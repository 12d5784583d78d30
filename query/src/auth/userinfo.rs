//! The claims about the user of an access token (OpenID Connect Core, section 5.3).
//! The rule: the token is of this realm, alive now, about a user, and was issued with the scope `openid`; its scopes decide which claims
//! are told, and the user is asked of the log, not of a read model.
//!
//! The audience is not asked for: userinfo belongs to the issuer, whatever resources the token is for besides.

use std::collections::BTreeSet;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{applications::Application, auth::Session, realms::Settings, users::User};
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use web::{
    AccessToken, Code, Edge, Path, Problem, RealmRef, Requirements, TokenRefused,
    access::request_id,
    bearer::{Scheme, presented, told_where},
    claims,
    clients::encrypting,
    dpop,
    form::Form,
    limits::Asked,
};

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
    extensions(("x-events" = json!(["dpop_proof.used"]))),
    responses(
        (status = 200, description = "The claims; as `application/jwt` where the application chose that", body = UserInfo),
        (status = 401, description = "No good token"),
        (status = 403, description = "The token is not for this"),
    )
)]
pub(super) async fn get_userinfo(
    State(queries): State<Queries>,
    Path(realm): Path<String>,
    parts: Parts,
) -> Result<Response, Refusal> {
    userinfo(&queries, &realm, &parts, None).await
}

/// The claims about the user of an access token, which may stand in the form (RFC 6750, section 2.2).
#[utoipa::path(
    post,
    path = "/realms/{realm}/oauth2/userinfo",
    tag = "openid",
    params(Issuer),
    request_body(content = inline(Option<AccessTokenForm>), content_type = "application/x-www-form-urlencoded"),
    extensions(("x-events" = json!(["dpop_proof.used"]))),
    responses(
        (status = 200, description = "The claims; as `application/jwt` where the application chose that", body = UserInfo),
        (status = 401, description = "No good token"),
        (status = 403, description = "The token is not for this"),
    )
)]
pub(super) async fn post_userinfo(
    State(queries): State<Queries>,
    Path(realm): Path<String>,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Refusal> {
    let form = if body.is_empty() {
        None
    } else {
        Some(Form::of_body(&parts.headers, &body)?)
    };
    userinfo(&queries, &realm, &parts, form.as_ref()).await
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
    parts: &Parts,
    form: Option<&Form>,
) -> Result<Response, Refusal> {
    let edge = &queries.edge;
    let realm = open_realm(edge, realm).await?;
    let mut response = told(edge, &realm, parts, form).await.into_response();
    dpop::offer_nonce(edge, realm.id, response.headers_mut())
        .await
        .map_err(Problem::from)?;
    tell_where(edge, &realm, response.headers_mut());
    Ok(response)
}

/// Challenges also tell where to read about the resource (RFC 9728, section 5.1).
fn tell_where(edge: &Edge, realm: &RealmRef, headers: &mut HeaderMap) {
    let place = edge.resource_metadata(&realm.name);
    let challenges: Vec<HeaderValue> = headers
        .get_all(header::WWW_AUTHENTICATE)
        .iter()
        .filter_map(|challenge| HeaderValue::from_str(&told_where(challenge.to_str().ok()?, &place)).ok())
        .collect();
    headers.remove(header::WWW_AUTHENTICATE);
    for challenge in challenges {
        headers.append(header::WWW_AUTHENTICATE, challenge);
    }
}

async fn told(
    edge: &Edge,
    realm: &RealmRef,
    parts: &Parts,
    form: Option<&Form>,
) -> Result<Response, Refusal> {
    let presented = presented(&parts.headers, parts.uri.query(), form)?.ok_or(Refusal::NothingPresented)?;
    let token = edge
        .verify_presented(Some(realm), presented, parts.into(), request_id(parts, edge))
        .await
        .map_err(|error| refused(presented.scheme, error))?;
    let arrived = Asked::of(parts, edge, realm.id);
    let counted = arrived.known(edge, token.client, token.user).await;
    counted.map_err(Problem::from)?;
    let Some(user) = token.user.filter(|_| token.scopes.contains("openid")) else {
        return Err(Refusal::InsufficientScope(presented.scheme, "openid"));
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
    let mut claims = claims::user_claims(&state.profile, &settings, &application.settings, &token.scopes);
    let asked = asked_one_by_one(edge, &token).await?;
    claims.extend(claims::requested_claims(
        &state.profile,
        &settings,
        &application.settings,
        &asked,
    ));
    // Who asks for somebody else is told that it is known (RFC 8693, 4.1).
    claims.extend(token.claims.get("act").map(|act| ("act".to_owned(), act.clone())));
    let info = UserInfo {
        sub: token.claims.subject().to_owned(),
        claims,
    };
    Ok(
        match as_token(edge, realm, &application, &settings, &info).await? {
            Some(token) => ([NO_STORE, JWT], token).into_response(),
            None => ([NO_STORE], Json(info)).into_response(),
        },
    )
}

const JWT: (HeaderName, HeaderValue) = (header::CONTENT_TYPE, HeaderValue::from_static("application/jwt"));

/// The claims that the authorization request asked for here (OpenID Connect Core, 5.5).
async fn asked_one_by_one(edge: &Edge, token: &AccessToken) -> Result<BTreeSet<String>, Problem> {
    let (Some(session), Some(grant)) = (token.session, token.grant) else {
        return Ok(BTreeSet::new());
    };
    let kernel = edge.kernel();
    let session = kernel.current::<Session>(token.realm.id, session.0).await?.state;
    let grant = session.grant(grant, kernel.now());
    Ok(grant
        .map(|grant| grant.claims.userinfo.clone())
        .unwrap_or_default())
}

/// The answer as a token, signed and encrypted as the application chose (OpenID Connect Core, 5.3.2); `None` where it
/// chose neither.
async fn as_token(
    edge: &Edge,
    realm: &RealmRef,
    application: &Application,
    settings: &Settings,
    info: &UserInfo,
) -> Result<Option<String>, Problem> {
    let own = &application.settings;
    let (algorithm, content) = (
        own.userinfo_encrypted_response_alg.as_deref(),
        own.userinfo_encrypted_response_enc.as_deref(),
    );
    let Some(chosen) = own.userinfo_signed_response_alg.as_deref() else {
        let Some(algorithm) = algorithm else {
            return Ok(None);
        };
        let encrypted = encrypting::claims(edge, own, algorithm, content, info).await;
        return encrypted.map(Some).map_err(unsent);
    };
    let signing = Requirements::of(application, settings).signing(Some(chosen));
    let key = match signing {
        Some(algorithm) => edge.signing_key(realm.id, algorithm).await?,
        None => None,
    };
    let key = key.ok_or_else(|| unsent("there is no key that userinfo may be signed with"))?;
    let signed = Signed {
        iss: edge.issuer(realm),
        aud: &application.client_id,
        info,
    };
    let token = key.sign("JWT", &signed).map_err(unsent)?;
    let sent = encrypting::token(edge, own, algorithm, content, token).await;
    sent.map(Some).map_err(unsent)
}

/// The claims as they are signed: for whom, and by whom.
#[derive(Serialize)]
struct Signed<'a> {
    iss: String,
    aud: &'a str,
    #[serde(flatten)]
    info: &'a UserInfo,
}

/// What the application chose cannot be done just now; never does it leave in the clear instead.
fn unsent(reason: impl std::fmt::Display) -> Problem {
    tracing::warn!(%reason, "userinfo could not be signed or encrypted");
    Problem::new(Code::Unavailable)
}

/// Whatever is wrong with a token, its bearer is told the same; what is wrong with a proof is its sender's to mend.
fn refused(scheme: Scheme, refused: TokenRefused) -> Refusal {
    match refused {
        TokenRefused::Unavailable(error) => Refusal::Problem(error.into()),
        TokenRefused::Proof(_, refused) => Refusal::InvalidProof(refused),
        TokenRefused::Invalid(reason) => {
            tracing::debug!(reason, "access token refused");
            Refusal::InvalidToken(scheme)
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
