//! The token endpoint (RFC 6749, 3.2): no password grant among its grants (RFC 9700, 2.4). The rule: the
//! application is authenticated first, always in the same way; a token is made, then told to the log, then
//! handed out: nothing is spent on one that cannot be made, and none is out that the log does not know.

mod begin;
mod client_credentials;
mod code_grant;
mod device_grant;
mod exchange;
mod exchange_tokens;
mod issue;
mod jwt_bearer;
mod pkce;
mod refresh_grant;

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    applications::{
        AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, GRANT_TYPES, JWT_BEARER, REFRESH_TOKEN,
        TOKEN_EXCHANGE,
    },
    envelope::Actor,
    kernel::{Context, KernelError},
    realms::Settings,
};
use serde::Serialize;
use utoipa::ToSchema;
use web::{
    Requirements,
    claims::is_known,
    clients::Client,
    dpop::{self, Proof},
    form::Form,
    oauth::OAuthError,
};

use super::{
    Issuer,
    audience::{self, InvalidTarget},
    page,
    parameters::TokenParameters,
    visit::{Call, Visit},
};
use crate::{Commands, realms::SigningKeyError};

/// A successful answer (RFC 6749, 5.1).
#[derive(Serialize, ToSchema)]
pub(super) struct TokenResponse {
    /// A JWT (RFC 9068), or a text that only we can read, as the application chose.
    access_token: String,
    /// What `access_token` is, of one that was got for another (RFC 8693, 2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    /// `Bearer`, or `DPoP` for one that is bound to a key (RFC 9449).
    token_type: &'static str,
    /// For how many seconds the access token is good.
    expires_in: i64,
    /// What it may be used for, separated by spaces.
    scope: String,
    /// For scope `offline_access`; replaced each time it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// For scope `openid` (OpenID Connect Core, section 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// An application's request for a token, after it has been authenticated.
pub(super) struct Request<'a> {
    pub visit: &'a Visit,
    pub form: &'a Form,
    pub client: Client,
    pub settings: Settings,
    /// Of the application; who the user is becomes known later.
    pub context: Context,
    /// The proof that it was sent with (RFC 9449): what is issued is bound to its key.
    pub proof: Option<Proof>,
}

/// Get tokens: for a code, for a refresh token, or for the application itself.
#[utoipa::path(
    post, path = "/realms/{realm}/oauth2/token", tag = "oauth", operation_id = "token", params(Issuer),
    request_body(
        content = inline(TokenParameters), content_type = "application/x-www-form-urlencoded",
        description = "`grant_type`: `authorization_code` with `code`, `redirect_uri`, `code_verifier`; `refresh_token` with `refresh_token`, \
                       `scope`?; `client_credentials` with `scope`?; \
                       `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693) with `subject_token`, `subject_token_type`, `actor_token`?, \
                       `actor_token_type`?, `requested_token_type`?, `audience`?, `scope`?; `urn:ietf:params:oauth:grant-type:jwt-bearer` \
                       (RFC 7523) with `assertion`, `scope`?. `resource`? (RFC 8707). Client authentication by HTTP Basic, or `client_id` with \
                       `client_secret`, or `client_id` alone for public applications.",
    ),
    extensions(("x-events" = json!([
        "token.issued", "grant.started", "grant.refreshed", "grant.revoked", "session.started",
        "signing_key.created", "client_authentication.succeeded", "client_authentication.failed"
    ]))),
    responses(
        (status = 200, description = "Tokens", body = TokenResponse),
        (status = 400, description = "An error of RFC 6749, 5.2"),
        (status = 401, description = "`invalid_client`"),
    ),
)]
pub(super) async fn token(
    State(commands): State<Commands>,
    Call(visit): Call,
    form: Result<Form, OAuthError>,
) -> Result<Response, OAuthError> {
    let mut response = match issue(&commands, &visit, form).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    dpop::offer_nonce(&visit.edge, visit.realm.id, response.headers_mut()).await?;
    Ok(response)
}

async fn issue(
    commands: &Commands,
    visit: &Visit,
    form: Result<Form, OAuthError>,
) -> Result<Response, OAuthError> {
    let form = form?;
    let context = visit.context(Actor::default());
    let client = visit.client("token", &form, &context).await?;
    let settings = visit.edge.settings(visit.realm.id).await?;
    let context = visit.context(Actor {
        client: Some(client.id),
        ..Actor::default()
    });
    let (realm, sender) = (visit.realm.id, (client.id, &client.state));
    let proof = dpop::shown(&visit.edge, realm, sender, visit.sent(), None).await?;
    if proof.is_none() && Requirements::of(&client.state, &settings).dpop {
        return Err(OAuthError::invalid_dpop_proof(
            "the tokens of this application are bound to a key: a DPoP proof is needed",
        ));
    }
    let request = Request {
        visit,
        form: &form,
        client,
        settings,
        context,
        proof,
    };
    let named = request.required("grant_type")?;
    let Some(grant_type) = GRANT_TYPES.into_iter().find(|grant_type| *grant_type == named) else {
        return Err(OAuthError::unsupported_grant_type());
    };
    if !request.client.state.may_use(grant_type) {
        return Err(OAuthError::unauthorized_client(
            "this application may not use this grant type",
        ));
    }
    let response = match grant_type {
        AUTHORIZATION_CODE => code_grant::redeem(request).await?,
        REFRESH_TOKEN => refresh_grant::refresh(request).await?,
        CLIENT_CREDENTIALS => client_credentials::issue(request).await?,
        DEVICE_CODE => device_grant::redeem(request, &commands.device_pace).await?,
        TOKEN_EXCHANGE => exchange::exchange(request).await?,
        JWT_BEARER => jwt_bearer::accept(request).await?,
        _ => return Err(OAuthError::unsupported_grant_type()),
    };
    metrics::counter!("chancery_tokens_issued_total", "grant_type" => grant_type).increment(1);
    let mut response = Json(response).into_response();
    page::unstored(response.headers_mut());
    Ok(response)
}

impl Request<'_> {
    /// What is bound to a key is of use to nobody without a proof of it (RFC 9449, 5).
    fn proves(&self, jkt: Option<&str>) -> Result<(), OAuthError> {
        let shown = self.proof.as_ref().map(|proof| proof.thumbprint.as_str());
        if jkt.is_none() || jkt == shown {
            return Ok(());
        }
        Err(OAuthError::invalid_dpop_proof(
            "it is bound to a key that the request does not prove",
        ))
    }

    /// A parameter that must be there.
    fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.form
            .given(name)
            .ok_or_else(|| OAuthError::invalid_request(format!("{name} is missing")))
    }
}

impl Request<'_> {
    /// The resources that the request asks for, of those that were granted.
    fn resources(&self, granted: &[String]) -> Result<Vec<String>, OAuthError> {
        audience::narrowed(granted, self.form.all("resource"))
            .map_err(|InvalidTarget| OAuthError::invalid_target("the resource is not one that was granted"))
    }

    /// What is left of granted scopes: those that the application may still ask for.
    fn standing<'a>(
        &self,
        granted: impl IntoIterator<Item = &'a String>,
    ) -> Result<BTreeSet<String>, OAuthError> {
        let standing: BTreeSet<String> = granted
            .into_iter()
            .filter(|scope| is_known(&self.client.state, scope))
            .cloned()
            .collect();
        if standing.is_empty() {
            return Err(OAuthError::invalid_scope(
                "none of the granted scopes is left to this application",
            ));
        }
        Ok(standing)
    }
}

/// The scopes that a token request asks for, of those that it may; all of these where it does not say.
fn requested(
    allowed: &BTreeSet<String>,
    asked: Option<&str>,
    otherwise: &'static str,
) -> Result<BTreeSet<String>, OAuthError> {
    let Some(asked) = asked else {
        return Ok(allowed.clone());
    };
    let asked: BTreeSet<String> = asked
        .split(' ')
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect();
    if asked.is_empty() || !asked.is_subset(allowed) {
        return Err(OAuthError::invalid_scope(otherwise));
    }
    Ok(asked)
}

fn kernel(error: impl Into<KernelError>) -> OAuthError {
    OAuthError::from(error.into())
}

fn signing_key(error: SigningKeyError) -> OAuthError {
    match error {
        SigningKeyError::Kernel(error) => error.into(),
        other => {
            tracing::error!(error = %other, "there is no key to sign with");
            OAuthError::server_error()
        }
    }
}
