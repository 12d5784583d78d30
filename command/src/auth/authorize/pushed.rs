//! Pushed authorization requests (RFC 9126). The rule: a request is judged when it is pushed, by whom it is
//! pushed, and again when it is used; its `request_uri` is the request itself, sealed for the one application
//! for a minute, and gives one code. A proof of a key that comes with it is good once, as everywhere.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use events::{clock::Timestamp, envelope::Actor, ids::ApplicationId, kernel::KernelError};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    Requirements, artefacts,
    clients::Client,
    dpop,
    form::Form,
    oauth::{OAuthError, OAuthErrorBody},
};

use super::{
    object, reply,
    request::{self, Asking, Origin},
};
use crate::auth::{
    Issuer, hint, page,
    parameters::PushedParameters,
    visit::{Call, Visit},
};

/// What every `request_uri` of ours begins with (RFC 9126, 2.2).
pub(super) const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
const PURPOSE: &str = "pushed request";
/// The longest `request_uri`, in bytes: it has to fit an address that browsers and proxies take.
const MAX_URI: usize = 6_000;

/// What a `request_uri` stands for.
#[derive(Serialize, Deserialize)]
struct Pushed {
    id: Uuid,
    invalid: Timestamp,
    params: Vec<(String, String)>,
    origin: Origin,
}

/// Where the request is now.
#[derive(Serialize, ToSchema)]
pub(super) struct PushedResponse {
    /// For the authorization endpoint, once.
    request_uri: String,
    /// For how many seconds it is good.
    expires_in: u64,
}

/// Push an authorization request (RFC 9126, 2.1).
#[utoipa::path(
    post, path = "/realms/{realm}/oauth2/par", tag = "oauth", operation_id = "push_authorization_request", params(Issuer),
    request_body(
        content = inline(PushedParameters), content_type = "application/x-www-form-urlencoded",
        description = "The parameters of the authorization endpoint without `request_uri`, and client authentication as at the token endpoint. \
                       With a `DPoP` proof the code is bound to its key (RFC 9449, 10.1).",
    ),
    extensions(("x-events" = json!(["client_authentication.succeeded", "client_authentication.failed", "dpop_proof.used"]))),
    responses(
        (status = 201, description = "The request's URI", body = PushedResponse),
        (status = 400, description = "An error of the authorization endpoint", body = OAuthErrorBody),
        (status = 401, description = "`invalid_client`", body = OAuthErrorBody),
    ),
)]
pub(crate) async fn push(Call(visit): Call, form: Result<Form, OAuthError>) -> Result<Response, OAuthError> {
    let mut response = match pushed(&visit, form).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    dpop::offer_nonce(&visit.edge, visit.realm.id, response.headers_mut()).await?;
    Ok(response)
}

async fn pushed(visit: &Visit, form: Result<Form, OAuthError>) -> Result<Response, OAuthError> {
    let form = form?;
    let context = visit.context(Actor::default());
    let client = visit.client("par", &form, &context).await?;
    if form.given("request_uri").is_some() {
        return Err(OAuthError::invalid_request("request_uri cannot be pushed"));
    }
    let params = without_credentials(&form, &client.state.client_id)?;
    let settings = visit.edge.settings(visit.realm.id).await?;
    let now = visit.edge.kernel().now();
    let seconds = settings.oauth.pushed_request_seconds;
    let (realm, sender) = (visit.realm.id, (client.id, &client.state));
    let proof = dpop::shown(&visit.edge, realm, sender, visit.sent(), None).await?;
    let key = proof.as_ref().map(|proof| proof.thumbprint.clone());
    let pushed = judge(
        visit,
        &client,
        &settings,
        &params,
        key,
        now.after_seconds(seconds),
    )
    .await?;
    let request_uri = seal(visit, client.id, &pushed).await?;
    if request_uri.len() > MAX_URI {
        return Err(OAuthError::invalid_request(
            "the request is too long to be pushed: leave some of its parameters shorter",
        ));
    }
    if let Some(proof) = proof {
        let context = visit.context(Actor {
            client: Some(client.id),
            ..Actor::default()
        });
        dpop::use_up(&visit.edge, &context, realm, client.id, pushed.id, proof).await?;
    }
    let body = Json(PushedResponse {
        request_uri,
        expires_in: seconds,
    });
    let mut response = (StatusCode::CREATED, body).into_response();
    page::unstored(response.headers_mut());
    Ok(response)
}

/// The request without what the client authenticated by, and with its `client_id`.
fn without_credentials(form: &Form, client_id: &str) -> Result<Form, OAuthError> {
    const CREDENTIALS: [&str; 4] = [
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
    ];
    let kept = form
        .iter()
        .filter(|(name, _)| !CREDENTIALS.contains(name))
        .chain([("client_id", client_id)])
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(Form::of(kept)?)
}

/// Judges the request as the authorization endpoint will. `key` is the thumbprint of the key that its proof shows (RFC 9449, 10.1).
async fn judge(
    visit: &Visit,
    client: &Client,
    settings: &events::realms::Settings,
    params: &Form,
    key: Option<String>,
    invalid: Timestamp,
) -> Result<Pushed, OAuthError> {
    let application = &client.state;
    let required = Requirements::of(application, settings);
    let (form, mut origin) = match params.given("request") {
        Some(object) => object::read(visit, application, &required, params, object).await?,
        None => (params.clone(), Origin::default()),
    };
    let id = visit.edge.kernel().new_id();
    origin.pushed = Some((id, invalid));
    origin.jkt = key;
    let issuer = visit.issuer();
    let asking = Asking {
        client: client.id,
        application,
        required: &required,
        settings,
        issuer: &issuer,
    };
    let reply_to = reply::reply_to(&form, application, &required)
        .map_err(|reason| OAuthError::refused(reason.code(), reason.to_string()))?;
    request::validate(&form, &asking, reply_to, origin.clone())?;
    if let Some(token) = form.given("id_token_hint")
        && hint::read(visit, token).await?.is_none()
    {
        return Err(super::BAD_HINT.into());
    }
    let params = form
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(Pushed {
        id,
        invalid,
        params: params.collect(),
        origin,
    })
}

async fn seal(visit: &Visit, client: ApplicationId, pushed: &Pushed) -> Result<String, KernelError> {
    let bound = [client.0.as_bytes().as_slice()];
    let kernel = visit.edge.kernel();
    let sealed = artefacts::seal(kernel, visit.realm.id, PURPOSE, &bound, pushed, pushed.invalid).await?;
    Ok(format!("{PREFIX}{sealed}"))
}

/// Opens the rest of a `request_uri`. `None`: it is over, or not this application's.
pub(super) async fn open(
    visit: &Visit,
    client: ApplicationId,
    sealed: &str,
) -> Result<Option<(Form, Origin)>, KernelError> {
    let bound = [client.0.as_bytes().as_slice()];
    let kernel = visit.edge.kernel();
    let pushed: Option<Pushed> = artefacts::open(kernel, visit.realm.id, PURPOSE, &bound, sealed).await?;
    Ok(pushed.and_then(|pushed| Some((Form::of(pushed.params).ok()?, pushed.origin))))
}
