//! The grant `authorization_code` (RFC 6749, 4.1.3). The rules: the code is of this realm and this
//! application; the redirect URI and the PKCE verifier are those of the request that it answers; it is good
//! once, and using it again ends what it started (RFC 6749, 4.1.2); it is worth no more than its application
//! still has.

use events::{
    applications::AUTHORIZATION_CODE,
    auth::{EndReason, Session},
    ids::ApplicationId,
    kernel::KernelError,
    log::ClaimKind,
};
use web::oauth::OAuthError;

use super::{
    Request, TokenResponse,
    begin::{Beginning, NotBegun, begin},
    pkce,
};
use crate::auth::{
    authorize::redirect_uri,
    code::{self, Code},
    grants::RevokeGrant,
    trouble,
};

const REFUSED: &str = "the code is not valid, was used before, or was issued for another request";

pub(super) async fn redeem(mut request: Request<'_>) -> Result<TokenResponse, OAuthError> {
    let log = request.visit.edge.kernel();
    let (realm, client) = (request.visit.realm.id, request.client.id);
    let text = request.required("code")?;
    let Some(code) = code::open(log, realm, client, text).await? else {
        return Err(OAuthError::invalid_grant(REFUSED));
    };
    if !answers(&code, &request) {
        return Err(OAuthError::invalid_grant(REFUSED));
    }
    request.context.actor.user = Some(code.user);
    request.context.actor.session = Some(code.session);
    let session = log.current::<Session>(realm, code.session.0).await?.state;
    // Whatever else has become of the application since: a code that comes again ends what it started.
    if session.grants.iter().any(|grant| grant.id == code.grant) {
        return Err(used_again(&request, &code, client).await?);
    }
    request.proves(code.jkt.as_deref())?;
    let beginning = Beginning {
        grant: code.grant,
        session: code.session,
        user: code.user,
        auth_time: code.auth_time,
        scopes: code.scopes.clone(),
        resources: code.resources.clone(),
        nonce: code.nonce.clone(),
        claims: code.claims.clone(),
        consent: code.consent,
        spent: (ClaimKind::Code, code.grant.to_string(), code.invalid),
        grant_type: AUTHORIZATION_CODE,
    };
    match begin(&request, &session, beginning).await {
        Ok(response) => Ok(response),
        Err(NotBegun::Used) => Err(used_again(&request, &code, client).await?),
        Err(NotBegun::Ended) => Err(OAuthError::invalid_grant(REFUSED)),
        Err(NotBegun::Refused(error)) => Err(error),
    }
}

/// Two parties hold the code: what it started ends.
async fn used_again(
    request: &Request<'_>,
    code: &Code,
    client: ApplicationId,
) -> Result<OAuthError, KernelError> {
    let revoke = RevokeGrant {
        realm: request.visit.realm.id,
        session: code.session,
        grant: code.grant,
        client,
        reason: EndReason::Reused,
    };
    let log = request.visit.edge.kernel();
    log.execute(&request.context, &revoke).await.map_err(trouble)?;
    Ok(OAuthError::invalid_grant(REFUSED))
}

/// Whether this token request answers the authorization request that the code was issued for, and the code
/// went to where the application still is.
fn answers(code: &Code, request: &Request<'_>) -> bool {
    let same_uri = match request.form.given("redirect_uri") {
        Some(uri) => uri == code.redirect_uri,
        None => !code.redirect_uri_given,
    };
    let registered = &request.client.state.settings.redirect_uris;
    same_uri
        && redirect_uri::is_registered(registered, &code.redirect_uri)
        && pkce::holds(code.challenge.as_deref(), request.form.given("code_verifier"))
}
