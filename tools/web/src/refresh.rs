//! Refresh tokens (RFC 6749, 1.5). The rule: one is sealed for its realm and its application, names its grant
//! and its generation, and lives no longer than the time it may lie unused; which generation is good is asked
//! of the log.

use std::collections::BTreeSet;

use events::{
    clock::Timestamp,
    ids::{ApplicationId, GrantId, RealmId, SessionId, UserId},
    kernel::{Kernel, KernelError},
};
use serde::{Deserialize, Serialize};

use crate::{
    Edge, RealmRef,
    TokenRefused::{self, Invalid},
    artefacts,
    claims::is_known,
    clients::Client,
};

const PURPOSE: &str = "refresh";

/// What a refresh token stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    /// The session whose grant it is.
    pub session: SessionId,
    /// The grant.
    pub grant: GrantId,
    /// Its generation; the newest is good.
    pub generation: u64,
    /// The resources that the grant is for (RFC 8707); none for all of the application's.
    #[serde(default)]
    pub resources: Vec<String>,
}

impl RefreshToken {
    /// Seals it for an application, until it has lain unused for too long.
    pub async fn seal(
        &self,
        kernel: &Kernel,
        realm: RealmId,
        client: ApplicationId,
        expires: Timestamp,
    ) -> Result<String, KernelError> {
        artefacts::seal(kernel, realm, PURPOSE, &[client.0.as_bytes()], self, expires).await
    }

    /// Opens one. `None`: too old, altered, or of another realm or application.
    pub async fn open(
        kernel: &Kernel,
        realm: RealmId,
        client: ApplicationId,
        text: &str,
    ) -> Result<Option<Self>, KernelError> {
        artefacts::open(kernel, realm, PURPOSE, &[client.0.as_bytes()], text).await
    }
}

/// A refresh token that is good now.
#[derive(Clone, Debug)]
pub struct GoodRefreshToken {
    /// Whose.
    pub user: UserId,
    /// The session whose grant it is.
    pub session: SessionId,
    /// What may be asked for with it: what was granted and the application may still ask for.
    pub scopes: BTreeSet<String>,
    /// The thumbprint of the key that it is bound to (RFC 9449), if it is.
    pub jkt: Option<String>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends if it is not used.
    pub expires: Timestamp,
}

impl Edge {
    /// Judges a refresh token of this application, without using it.
    pub async fn verify_refresh_token(
        &self,
        realm: &RealmRef,
        client: &Client,
        text: &str,
    ) -> Result<GoodRefreshToken, TokenRefused> {
        let shown = RefreshToken::open(self.kernel(), realm.id, client.id, text)
            .await?
            .ok_or(Invalid("no refresh token of this application"))?;
        self.hear_of(realm.id, shown.session, Some(shown.grant)).await?;
        let now = self.kernel().now();
        let (user, session) = self.holder(realm.id, shown.session).await?;
        let grant = self
            .good_grant(realm.id, user, &session, shown.grant, now)
            .await?;
        let idle_seconds = self.settings(realm.id).await?.tokens.refresh_token_idle_seconds;
        let expires = grant.expires.min(grant.refreshed.after_seconds(idle_seconds));
        let newest = session
            .refreshable(shown.grant, client.id, now)
            .is_some_and(|grant| grant.generation == shown.generation);
        if !newest || now >= expires {
            return Err(Invalid("the refresh token was used before, or is over"));
        }
        let may = |scope: &String| is_known(&client.state, scope);
        Ok(GoodRefreshToken {
            user,
            session: shown.session,
            scopes: grant.scopes.into_iter().filter(may).collect(),
            jkt: grant.jkt,
            issued: grant.refreshed,
            expires,
        })
    }
}
