//! Giving tokens back (RFC 7009). The rule: an application gives back its own tokens only, and learns nothing
//! of others: whatever was sent, the answer is the same once the application has been authenticated.

use axum::response::{IntoResponse, Response};
use events::{auth::EndReason, clock::Timestamp, envelope::Actor, kernel::Failure, log::ClaimKind};
use http::StatusCode;
use uuid::Uuid;
use web::{
    TokenRefused, clients::Client, form::Form, oauth::OAuthError, refresh::RefreshToken,
    tokens::looks_like_access,
};

use super::{
    Issuer,
    grants::{RevokeGrant, RevokeToken},
    page,
    parameters::RevocationParameters,
    trouble,
    visit::{Call, Visit},
};

/// Give a refresh token (and with it its family) or an access token back.
#[utoipa::path(
    post, path = "/realms/{realm}/oauth2/revoke", tag = "oauth", operation_id = "revoke", params(Issuer),
    request_body(content = inline(RevocationParameters), content_type = "application/x-www-form-urlencoded"),
    extensions(("x-events" = json!([
        "token.revoked", "grant.revoked", "client_authentication.succeeded", "client_authentication.failed"
    ]))),
    responses(
        (status = 200, description = "It is not good any more, or never was"),
        (status = 400, description = "An error of RFC 6749, 5.2"),
        (status = 401, description = "`invalid_client`"),
    ),
)]
pub(super) async fn revoke(
    Call(visit): Call,
    form: Result<Form, OAuthError>,
) -> Result<Response, OAuthError> {
    let form = form?;
    let anonymous = visit.context(Actor::default());
    let client = visit.client("revoke", &form, &anonymous).await?;
    let token = form
        .given("token")
        .ok_or_else(|| OAuthError::invalid_request("token is missing"))?;
    // `token_type_hint` has nothing to add.
    if looks_like_access(token) {
        revoke_access_token(&visit, &client, token).await?;
    } else {
        revoke_grant(&visit, &client, token).await?;
    }
    let mut response = StatusCode::OK.into_response();
    page::unstored(response.headers_mut());
    Ok(response)
}

async fn revoke_access_token(visit: &Visit, client: &Client, token: &str) -> Result<(), OAuthError> {
    let kernel = visit.edge.kernel();
    let claims = match visit.edge.access_token_claims(&visit.realm, token).await {
        Ok(claims) => claims,
        Err(TokenRefused::Unavailable(error)) => return Err(error.into()),
        Err(TokenRefused::Invalid(_) | TokenRefused::Proof(..)) => return Ok(()),
    };
    let Some(id) = claims.token_id().and_then(|id| Uuid::try_parse(id).ok()) else {
        return Ok(());
    };
    if claims.string("client_id") != Some(client.state.client_id.as_str()) {
        return Ok(());
    }
    let context = visit.context(Actor {
        client: Some(client.id),
        ..Actor::default()
    });
    let invalid = Timestamp::from_seconds(claims.expires_at());
    let command = RevokeToken {
        realm: visit.realm.id,
        token: id,
        client: client.id,
        invalid,
    };
    match kernel.execute(&context, &command).await {
        Ok(_)
        | Err(Failure::Claimed {
            kind: ClaimKind::RevokedToken,
            ..
        }) => Ok(()),
        Err(failure) => Err(trouble(failure).into()),
    }
}

async fn revoke_grant(visit: &Visit, client: &Client, token: &str) -> Result<(), OAuthError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let Some(refresh) = RefreshToken::open(kernel, realm, client.id, token).await? else {
        return Ok(());
    };
    let context = visit.context(Actor {
        client: Some(client.id),
        session: Some(refresh.session),
        ..Actor::default()
    });
    let command = RevokeGrant {
        realm,
        session: refresh.session,
        grant: refresh.grant,
        client: client.id,
        reason: EndReason::Revoked,
    };
    kernel
        .execute(&context, &command)
        .await
        .map_err(|failure| trouble(failure).into())
        .map(drop)
}
