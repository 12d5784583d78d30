//! An application manages its own registration (RFC 7592). The rule: by the last token that it was given and by no other; whoever has none
//! does not learn whether there is such an application.

use axum::response::{IntoResponse, Response};
use events::{applications::Application, envelope::Actor, ids::ApplicationId};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::IntoParams;
use web::{
    Path, Problem,
    clients::{knows_secret, secret_digest},
    oauth::{OAuthError, OAuthErrorBody},
};

use super::{
    Managing, Metadata, Refusal, answer, check_sector,
    decisions::{EndRegistration, UpdateRegistration},
    id_of, metadata, open, presented, secret,
};
use crate::{
    applications::secrets::generate,
    auth::visit::{Call, Visit},
    realms::publish_signing_keys,
};

/// The members that only we tell (RFC 7592, 2.2).
const OURS: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];

/// The registration of one application.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct Registration {
    /// The realm's name or id.
    #[serde(rename = "realm")]
    _realm: String,
    /// The application.
    client_id: String,
}

/// The registration that the path names, as the one who asks for it shows that it is theirs.
async fn managed(
    visit: &Visit,
    path: Result<Path<Registration>, Problem>,
) -> Result<(Managing, Application), Refusal> {
    open(visit).await?;
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let token = presented(visit)?.ok_or(Refusal::NothingPresented)?;
    let managing = Managing::open(kernel, realm, token)
        .await?
        .ok_or(Refusal::InvalidToken)?;
    let named = path.ok().and_then(|Path(path)| id_of(&path.client_id));
    let state = kernel
        .latest::<Application>(realm, managing.application.0)
        .await?
        .state;
    let good = named == Some(managing.application)
        && state.is_active()
        && state.registration_tokens == managing.number;
    if good {
        Ok((managing, state))
    } else {
        Err(Refusal::InvalidToken)
    }
}

fn actor(client: ApplicationId) -> Actor {
    Actor {
        client: Some(client),
        ..Actor::default()
    }
}

/// Read what one is registered as (RFC 7592, 2.1). A secret is not told again.
#[utoipa::path(
    get, path = "/realms/{realm}/oauth2/register/{client_id}", tag = "oauth", operation_id = "read_registration",
    params(Registration),
    extensions(("x-events" = json!(["application.registration_token_issued"]))),
    responses(
        (status = 200, description = "The application as it is registered", body = Object),
        (status = 401, description = "The registration access token is missing, replaced, or of another application"),
    ),
)]
pub(crate) async fn read(
    Call(visit): Call,
    path: Result<Path<Registration>, Problem>,
) -> Result<Response, Refusal> {
    let (managing, _) = managed(&visit, path).await?;
    answer(&visit, StatusCode::OK, None, managing.application, None).await
}

/// Change what one is registered as (RFC 7592, 2.2): all of the metadata, with the `client_id`; what is left out has its default again.
/// The answer has a new registration access token, and the one before is void.
#[utoipa::path(
    put, path = "/realms/{realm}/oauth2/register/{client_id}", tag = "oauth", operation_id = "update_registration",
    params(Registration),
    request_body(content = Object, content_type = "application/json", description = "Client metadata (RFC 7591, section 2)"),
    extensions(("x-events" = json!([
        "application.changed", "application.secret_added", "application.registration_token_issued"
    ]))),
    responses(
        (status = 200, description = "The application as it is registered now", body = Object),
        (status = 400, description = "`invalid_redirect_uri` or `invalid_client_metadata`", body = OAuthErrorBody),
        (status = 401, description = "The registration access token is missing, replaced, or of another application"),
    ),
)]
pub(crate) async fn update(
    Call(visit): Call,
    path: Result<Path<Registration>, Problem>,
    Metadata(given): Metadata,
) -> Result<Response, Refusal> {
    let (managing, before) = managed(&visit, path).await?;
    let given = given?;
    check_own(&visit, &before, &given).await?;
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let settings = visit.edge.settings(realm).await?;
    let (_, asked) = metadata::understand(&given, Some(&before), &settings)?;
    check_sector(&visit, &asked).await?;
    let context = visit.context(actor(managing.application));
    let value = generate(&**kernel.random());
    let command = UpdateRegistration {
        realm,
        application: managing.application,
        number: managing.number,
        given,
        settings,
        secret: secret(&visit, &context, Some(&value)).await?,
    };
    let outcome = kernel.execute(&context, &command).await?;
    publish_signing_keys(&visit.edge, realm, &asked).await;
    let mut events = outcome.receipt.events.iter();
    let value = events
        .any(|name| name == "application.secret_added")
        .then_some(&value);
    let next = Managing {
        number: managing.number + 1,
        ..managing
    };
    answer(&visit, StatusCode::OK, Some(next), managing.application, value).await
}

/// What an application says of itself must be so (RFC 7592, 2.2).
async fn check_own(
    visit: &Visit,
    before: &Application,
    given: &Map<String, Value>,
) -> Result<(), OAuthError> {
    let refused = |why: &'static str| Err(OAuthError::refused("invalid_client_metadata", why));
    if OURS.iter().any(|name| given.contains_key(*name)) {
        return refused("what only the server tells is not sent back to it (RFC 7592, section 2.2)");
    }
    if given.get("client_id").and_then(Value::as_str) != Some(before.client_id.as_str()) {
        return refused("client_id is missing, or another");
    }
    match given.get("client_secret") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(secret)) => {
            let kernel = visit.edge.kernel();
            let digest = secret_digest(kernel, visit.realm.id, secret).await?;
            if knows_secret(before, &digest, kernel.now()) {
                Ok(())
            } else {
                refused("client_secret is another")
            }
        }
        Some(_) => refused("client_secret is another"),
    }
}

/// End one's registration (RFC 7592, 2.3): the application is disabled, its tokens and grants are good no more.
#[utoipa::path(
    delete, path = "/realms/{realm}/oauth2/register/{client_id}", tag = "oauth", operation_id = "delete_registration",
    params(Registration),
    extensions(("x-events" = json!(["application.disabled", "application.registration_token_issued"]))),
    responses(
        (status = 204, description = "It is over"),
        (status = 401, description = "The registration access token is missing, replaced, or of another application"),
    ),
)]
pub(crate) async fn delete(
    Call(visit): Call,
    path: Result<Path<Registration>, Problem>,
) -> Result<Response, Refusal> {
    let (managing, _) = managed(&visit, path).await?;
    let command = EndRegistration {
        realm: visit.realm.id,
        application: managing.application,
        number: managing.number,
    };
    let context = visit.context(actor(managing.application));
    visit.edge.kernel().execute(&context, &command).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
