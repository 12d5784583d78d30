//! The grant of a device code (RFC 8628, 3.4). The rules: a device asks no faster than it was told; what its user answered is asked of
//! the log; and the code is good once.

use events::{
    applications::DEVICE_CODE,
    auth::{DeviceAnswer, DeviceAuthorization, RequestedClaims, Session},
    log::ClaimKind,
};
use web::oauth::OAuthError;

use super::{
    Request, TokenResponse,
    begin::{Beginning, NotBegun, begin},
};
use crate::auth::{Pace, device::code::DeviceCode};

const REFUSED: &str = "the device code is not valid, or was used before";

pub(super) async fn redeem(mut request: Request<'_>, pace: &Pace) -> Result<TokenResponse, OAuthError> {
    let log = request.visit.edge.kernel();
    let (realm, client) = (request.visit.realm.id, request.client.id);
    let refused = || OAuthError::invalid_grant(REFUSED);
    let text = request.required("device_code")?;
    let code = DeviceCode::open(log, realm, client, text)
        .await?
        .ok_or_else(refused)?;
    if !pace.may_ask(code.device, request.context.now) {
        return Err(OAuthError::slow_down());
    }
    // As it is now: it may have been answered on another node a moment ago.
    let device = log.latest::<DeviceAuthorization>(realm, code.device).await?.state;
    if device.client != Some(client) {
        return Err(refused());
    }
    if request.context.now >= device.expires {
        return Err(OAuthError::expired_token());
    }
    let (user, session, grant, consent) = match device.answer {
        None => return Err(OAuthError::authorization_pending()),
        Some(DeviceAnswer::Denied) => return Err(OAuthError::access_denied()),
        Some(DeviceAnswer::Approved {
            user,
            session,
            grant,
            consent,
        }) => (user, session, grant, consent),
    };
    request.context.actor.user = Some(user);
    request.context.actor.session = Some(session);
    let state = log.latest::<Session>(realm, session.0).await?.state;
    let beginning = Beginning {
        grant,
        session,
        user,
        auth_time: state.started,
        scopes: device.scopes.into_iter().collect(),
        resources: device.resources,
        nonce: None,
        claims: RequestedClaims::default(),
        consent,
        spent: (ClaimKind::DeviceCode, code.device.to_string(), device.expires),
        grant_type: DEVICE_CODE,
    };
    begin(&request, &state, beginning).await.map_err(|why| match why {
        NotBegun::Used | NotBegun::Ended => refused(),
        NotBegun::Refused(error) => error,
    })
}
