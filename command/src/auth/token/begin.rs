//! A grant begins: what a code and an approved device have in common. The rule: tokens are made first and told to the log with the
//! grant, in one append that spends what they were made for; so of many who use it at once one gets tokens.

use std::collections::BTreeSet;

use events::{
    auth::{RequestedClaims, Session},
    clock::Timestamp,
    ids::{GrantId, SessionId, UserId},
    kernel::Failure,
    log::ClaimKind,
    users::User,
};
use web::{dpop::USED_BEFORE, oauth::OAuthError, refresh::RefreshToken};

use super::{Request, TokenResponse, issue::About, kernel};
use crate::auth::{
    grants::{GrantRefused, Redeem},
    trouble,
};

/// What a grant begins with.
pub(super) struct Beginning {
    /// The grant.
    pub grant: GrantId,
    /// The session that it is part of.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// When they signed in.
    pub auth_time: Timestamp,
    /// What was granted.
    pub scopes: BTreeSet<String>,
    /// The resources that were asked for; none for all of the application's.
    pub resources: Vec<String>,
    /// For the id token.
    pub nonce: Option<String>,
    /// The claims that were asked for one by one.
    pub claims: RequestedClaims,
    /// The version of the user's consent.
    pub consent: u64,
    /// What is used up: its kind, its value, and when it would be invalid by itself.
    pub spent: (ClaimKind, String, Timestamp),
    /// The grant type.
    pub grant_type: &'static str,
}

/// Why it does not.
pub(super) enum NotBegun {
    /// What it was to begin with was used before.
    Used,
    /// The session was ended, or the user may no longer act.
    Ended,
    /// As the application is told.
    Refused(OAuthError),
}

impl<E: Into<OAuthError>> From<E> for NotBegun {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// Begins it, and gives the tokens.
pub(super) async fn begin(
    request: &Request<'_>,
    session: &Session,
    beginning: Beginning,
) -> Result<TokenResponse, NotBegun> {
    let log = request.visit.edge.kernel();
    let (realm, client) = (request.visit.realm.id, request.client.id);
    let resources = request.resources(&beginning.resources)?;
    let scopes = request.standing(&beginning.scopes)?;
    let tokens = &request.settings.tokens;
    let now = request.context.now;
    let refresh = scopes.contains("offline_access");
    let longest = now.after_seconds(tokens.refresh_token_absolute_seconds);
    let note = request.note(&scopes, &resources, refresh.then_some(longest))?;
    let keys = request.keys(&scopes).await?;
    let expires = if refresh { longest } else { note.expires };
    let refresh_token = if refresh {
        let first = RefreshToken {
            session: beginning.session,
            grant: beginning.grant,
            generation: 0,
            resources: beginning.resources.clone(),
        };
        let unused = now.after_seconds(tokens.refresh_token_idle_seconds);
        Some(first.seal(log, realm, client, unused.min(expires)).await?)
    } else {
        None
    };
    let user = log.current::<User>(realm, beginning.user.0).await?.state;
    let about = About {
        user: beginning.user,
        profile: &user.profile,
        session: beginning.session,
        grant: beginning.grant,
        auth_time: beginning.auth_time,
        amr: &session.amr,
        claims: &beginning.claims,
        nonce: beginning.nonce.as_deref(),
    };
    let response = request.sign(&keys, &note, Some(&about), refresh_token).await?;
    let (kind, value, invalid) = beginning.spent;
    let command = Redeem {
        realm,
        session: beginning.session,
        grant: beginning.grant,
        client,
        scopes: note.scopes.clone(),
        refresh,
        expires,
        // Of an application that authenticates, refresh tokens are bound by that (RFC 9449, 5).
        jkt: note.jkt.clone().filter(|_| !request.client.confidential),
        claims: beginning.claims.clone(),
        consent: beginning.consent,
        spent: (kind, value, invalid),
        grant_type: beginning.grant_type,
        token: note,
    };
    match log.execute(&request.context, &command).await {
        Ok(_) => Ok(response),
        Err(Failure::Rejected(GrantRefused::Reused)) => Err(NotBegun::Used),
        Err(Failure::Claimed { kind: taken, .. }) if taken == kind => Err(NotBegun::Used),
        Err(Failure::Claimed {
            kind: ClaimKind::DpopProof,
            ..
        }) => Err(NotBegun::Refused(USED_BEFORE.into())),
        Err(Failure::Rejected(GrantRefused::Ended | GrantRefused::Gone)) => Err(NotBegun::Ended),
        Err(failure) => Err(NotBegun::Refused(kernel(trouble(failure)))),
    }
}
