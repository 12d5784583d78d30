//! The grant `authorization_code` (RFC 6749, 4.1.3). The rules: the code is of this realm and this
//! application; the redirect URI and the PKCE verifier are those of the request that it answers; it is good
//! once, and using it again ends what it started (RFC 6749, 4.1.2); it is worth no more than its application
//! still has.

use events::{
    auth::{EndReason, Session},
    ids::ApplicationId,
    kernel::{Failure, KernelError},
    log::ClaimKind,
    users::User,
};
use web::oauth::OAuthError;

use super::{Request, TokenResponse, issue::About, kernel, pkce, refresh_token::RefreshToken};
use crate::auth::{
    authorize::redirect_uri,
    code::{self, Code},
    grants::{GrantRefused, RedeemCode, RevokeGrant},
    trouble,
};

const REFUSED: &str = "the code is not valid, was used before, or was issued for another request";

pub(super) async fn redeem(mut request: Request<'_>) -> Result<TokenResponse, OAuthError> {
    request.has_users()?;
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
    let resources = request.resources(&code.resources)?;
    let scopes = request.standing(&code.scopes)?;

    let tokens = &request.settings.tokens;
    let refresh = scopes.contains("offline_access");
    let longest = request
        .context
        .now
        .after_seconds(tokens.refresh_token_absolute_seconds);
    let note = request.note(&scopes, &resources, refresh.then_some(longest))?;
    let keys = request.keys(&scopes).await?;
    let expires = if refresh { longest } else { note.expires };
    let refresh_token = if refresh {
        let first = RefreshToken {
            session: code.session,
            grant: code.grant,
            generation: 0,
            resources: code.resources.clone(),
        };
        let unused = request
            .context
            .now
            .after_seconds(tokens.refresh_token_idle_seconds);
        Some(first.seal(log, realm, client, unused.min(expires)).await?)
    } else {
        None
    };
    let user = log.current::<User>(realm, code.user.0).await?.state;
    let about = About {
        user: code.user,
        profile: &user.profile,
        session: code.session,
        grant: code.grant,
        auth_time: code.auth_time,
        amr: &session.amr,
        nonce: code.nonce.as_deref(),
    };
    let response = request.sign(&keys, &note, Some(&about), refresh_token).await?;
    let command = RedeemCode {
        realm,
        session: code.session,
        grant: code.grant,
        client,
        scopes: note.scopes.clone(),
        refresh,
        expires,
        jkt: None,
        claims: code.claims.clone(),
        consent: code.consent,
        code_invalid: code.invalid,
        token: note.clone(),
    };
    match log.execute(&request.context, &command).await {
        Ok(_) => Ok(response),
        Err(
            Failure::Rejected(GrantRefused::Reused)
            | Failure::Claimed {
                kind: ClaimKind::Code,
                ..
            },
        ) => Err(used_again(&request, &code, client).await?),
        Err(Failure::Rejected(GrantRefused::Ended | GrantRefused::Gone)) => {
            Err(OAuthError::invalid_grant(REFUSED))
        }
        Err(failure) => Err(kernel(trouble(failure))),
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
