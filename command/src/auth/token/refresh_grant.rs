//! The grant `refresh_token` (RFC 6749, section 6; RFC 9700, 4.14). The rules: each refresh token is used
//! once and replaced; one that was used before shows that two parties hold the family, and ends it; less may
//! be asked for than was granted, never more.

use events::{
    auth::{EndReason, Session},
    kernel::Failure,
    log::ClaimKind,
    users::User,
};
use web::{dpop::USED_BEFORE, oauth::OAuthError, refresh::RefreshToken};

use super::{Request, TokenResponse, issue::About, kernel, requested};
use crate::auth::{
    grants::{GrantRefused, RefreshGrant, RevokeGrant},
    trouble,
};

const REFUSED: &str = "the refresh token is not valid, was used before, or has ended";

pub(super) async fn refresh(mut request: Request<'_>) -> Result<TokenResponse, OAuthError> {
    let log = request.visit.edge.kernel();
    let (realm, client) = (request.visit.realm.id, request.client.id);
    let text = request.required("refresh_token")?;
    let refused = || OAuthError::invalid_grant(REFUSED);
    let shown = RefreshToken::open(log, realm, client, text)
        .await?
        .ok_or_else(refused)?;
    // As it is now: the grant may have begun on another node a moment ago.
    let session = log.latest::<Session>(realm, shown.session.0).await?.state;
    let grant = session
        .refreshable(shown.grant, client, request.context.now)
        .ok_or_else(refused)?;
    let user = session.user.ok_or_else(refused)?;
    request.proves(grant.jkt.as_deref())?;
    request.context.actor.user = Some(user);
    request.context.actor.session = Some(shown.session);

    let standing = request.standing(&grant.scopes)?;
    let scopes = requested(
        &standing,
        request.form.given("scope"),
        "scope names one that was not granted",
    )?;
    let resources = request.resources(&shown.resources)?;
    let note = request.note(&scopes, &resources, Some(grant.expires))?;
    let keys = request.keys(&scopes).await?;
    let idle_seconds = request.settings.tokens.refresh_token_idle_seconds;
    let next = RefreshToken {
        generation: shown.generation + 1,
        ..shown.clone()
    };
    let unused = request.context.now.after_seconds(idle_seconds);
    let refresh_token = next.seal(log, realm, client, unused.min(grant.expires)).await?;
    let state = log.current::<User>(realm, user.0).await?.state;
    let about = About {
        user,
        profile: &state.profile,
        session: shown.session,
        grant: shown.grant,
        auth_time: session.started,
        amr: &session.amr,
        claims: &grant.claims,
        nonce: None,
    };
    let response = request
        .sign(&keys, &note, Some(&about), Some(refresh_token))
        .await?;
    let command = RefreshGrant {
        realm,
        session: shown.session,
        grant: shown.grant,
        client,
        generation: shown.generation,
        idle_seconds,
        token: note.clone(),
    };
    match log.execute(&request.context, &command).await {
        Ok(_) => Ok(response),
        Err(Failure::Rejected(GrantRefused::Reused)) => {
            let revoke = RevokeGrant {
                realm,
                session: shown.session,
                grant: shown.grant,
                client,
                reason: EndReason::Reused,
            };
            log.execute(&request.context, &revoke)
                .await
                .map_err(|failure| kernel(trouble(failure)))?;
            Err(refused())
        }
        Err(Failure::Rejected(GrantRefused::Ended | GrantRefused::Gone)) => Err(refused()),
        Err(Failure::Claimed {
            kind: ClaimKind::DpopProof,
            ..
        }) => Err(USED_BEFORE.into()),
        Err(failure) => Err(kernel(trouble(failure))),
    }
}
