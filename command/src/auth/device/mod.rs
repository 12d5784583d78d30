//! Devices that have no browser, or hardly one (RFC 8628): the device shows a short code, its user approves it in a browser elsewhere,
//! the device asks until it is answered. The rules: a device code is bound to its application and good once; approving needs a session,
//! a look at who asks for what, and a press of a button that nobody else can press.

pub mod code;
mod decisions;
pub mod pace;
mod user_code;
mod verification;

use std::collections::BTreeSet;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use events::{applications::DEVICE_CODE, envelope::Actor, kernel::Failure, log::ClaimKind};
use serde::Serialize;
use utoipa::ToSchema;
use web::{claims::is_known, form::Form, oauth::OAuthError};

#[doc(hidden)]
pub(super) use verification::{__path_get_device, __path_post_device};
pub(super) use verification::{after_sign_in, get_device, post_device};

use self::{code::DeviceCode, decisions::RequestDevice};
use super::{
    Issuer,
    audience::{self, InvalidTarget},
    page,
    parameters::DeviceParameters,
    trouble,
    visit::{Call, Visit},
};

/// How often a user code that is taken already is drawn anew.
const DRAWS: usize = 5;

/// What the device shows its user, and what it keeps (RFC 8628, 3.2).
#[derive(Serialize, ToSchema)]
pub(super) struct DeviceAuthorizationResponse {
    /// What the device asks the token endpoint with.
    device_code: String,
    /// What the user types.
    #[schema(example = "WDJB-MJHT")]
    user_code: String,
    /// Where they type it.
    verification_uri: String,
    /// The same with the code in it, to be shown as a picture.
    verification_uri_complete: String,
    /// For how many seconds all of this is good.
    expires_in: u64,
    /// The least seconds between two questions.
    interval: u64,
}

/// Ask for a device to be approved by its user elsewhere (RFC 8628, 3.1).
#[utoipa::path(
    post, path = "/realms/{realm}/oauth2/device_authorization", tag = "oauth", operation_id = "device_authorization", params(Issuer),
    request_body(content = inline(DeviceParameters), content_type = "application/x-www-form-urlencoded"),
    extensions(("x-events" = json!([
        "device.requested", "client_authentication.succeeded", "client_authentication.failed"
    ]))),
    responses(
        (status = 200, description = "What to show the user", body = DeviceAuthorizationResponse),
        (status = 400, description = "An error of RFC 6749, 5.2"),
        (status = 401, description = "`invalid_client`"),
    ),
)]
pub(super) async fn device_authorization(
    Call(visit): Call,
    form: Result<Form, OAuthError>,
) -> Result<Response, OAuthError> {
    let form = form?;
    let anonymous = visit.context(Actor::default());
    let client = visit.client("device_authorization", &form, &anonymous).await?;
    if !client.state.may_use(DEVICE_CODE) {
        return Err(OAuthError::unauthorized_client(
            "this application does not use device codes",
        ));
    }
    let asked: BTreeSet<String> = form.given("scope").map_or_else(
        || client.state.settings.scopes.iter().cloned().collect(),
        |scope| {
            scope
                .split(' ')
                .filter(|one| !one.is_empty())
                .map(str::to_owned)
                .collect()
        },
    );
    if asked.is_empty() || !asked.iter().all(|scope| is_known(&client.state, scope)) {
        return Err(OAuthError::invalid_scope(
            "scope names none, or one that this application may not ask for",
        ));
    }
    let mut resources = form.all("resource");
    resources.sort();
    resources.dedup();
    audience::of(&client.state, &visit.issuer(), &resources, &asked).map_err(|InvalidTarget| {
        OAuthError::invalid_target("resource is not one of the audiences of this application")
    })?;
    let settings = visit.edge.settings(visit.realm.id).await?;
    let context = visit.context(Actor {
        client: Some(client.id),
        ..Actor::default()
    });
    let expires_in = settings.oauth.device_code_seconds;
    let kernel = visit.edge.kernel();
    let mut request = RequestDevice {
        realm: visit.realm.id,
        device: context.new_id(),
        client: client.id,
        scopes: asked.into_iter().collect(),
        resources,
        user_code: user_code::generate(&**kernel.random()),
        expires: context.now.after_seconds(expires_in),
    };
    for draw in 1.. {
        match kernel.execute(&context, &request).await {
            Ok(_) => break,
            Err(Failure::Claimed {
                kind: ClaimKind::UserCode,
                ..
            }) if draw < DRAWS => request.user_code = user_code::generate(&**kernel.random()),
            Err(failure) => return Err(trouble(failure).into()),
        }
    }
    let code = DeviceCode {
        device: request.device,
    };
    let (uri, user_code) = (verification_uri(&visit), user_code::shown(&request.user_code));
    let mut response = Json(DeviceAuthorizationResponse {
        device_code: code
            .seal(kernel, visit.realm.id, client.id, request.expires)
            .await?,
        verification_uri_complete: format!("{uri}?user_code={user_code}"),
        verification_uri: uri,
        user_code,
        expires_in,
        interval: pace::INTERVAL,
    })
    .into_response();
    page::unstored(response.headers_mut());
    Ok(response)
}

/// Where people type their codes.
fn verification_uri(visit: &Visit) -> String {
    format!("{}/device", visit.issuer())
}
