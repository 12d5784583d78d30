//! What a token of a user's stands on: their session and its grant, as they are now.
//! The rule: whoever judges an access token, an id token or a refresh token asks here, so that none of them outlives the others.

use events::{
    auth::{Grant, Session},
    clock::Timestamp,
    compliance::{Consent, consent_id},
    ids::{GrantId, RealmId, SessionId, UserId},
    kernel::KernelError,
    users::{Password, User, last_ending_of},
};

use crate::{
    Edge,
    TokenRefused::{self, Invalid},
};

impl Edge {
    /// Whose session it is, if they and it are good.
    pub(crate) async fn holder(
        &self,
        realm: RealmId,
        session: SessionId,
    ) -> Result<(UserId, Session), TokenRefused> {
        let (kernel, id) = (self.kernel(), session);
        let session = kernel.current::<Session>(realm, id.0).await?.state;
        let user = session.user.ok_or(Invalid("no such session"))?;
        let state = kernel.current::<User>(realm, user.0).await?.state;
        if !state.is_active() {
            return Err(Invalid("the user is not active"));
        }
        let password = kernel.current::<Password>(realm, user.0).await?.state;
        if session.ended || session.outlived_by(last_ending_of(&state, &password, id)) {
            return Err(Invalid("the session was ended"));
        }
        Ok((user, session))
    }

    /// A grant of a session, if it is good and its user did not withdraw what it rests on.
    pub(crate) async fn good_grant(
        &self,
        realm: RealmId,
        user: UserId,
        session: &Session,
        grant: GrantId,
        now: Timestamp,
    ) -> Result<Grant, TokenRefused> {
        let grant = session.grant(grant, now).ok_or(Invalid("the grant was ended"))?;
        let consent = consent_id(user, grant.client);
        let consent = self.kernel().current::<Consent>(realm, consent).await?.state;
        if consent.ended(grant.consent) {
            return Err(Invalid("the consent was withdrawn"));
        }
        Ok(grant.clone())
    }

    /// Reads what a token speaks of as the log tells it now: another node may have granted a moment ago what this one has not heard of.
    pub(crate) async fn hear_of(
        &self,
        realm: RealmId,
        session: SessionId,
        grant: Option<GrantId>,
    ) -> Result<(), KernelError> {
        let kernel = self.kernel();
        let session = kernel.latest::<Session>(realm, session.0).await?.state;
        if let Some(user) = session.user {
            kernel.latest::<User>(realm, user.0).await?;
            kernel.latest::<Password>(realm, user.0).await?;
            for grant in session.grants.iter().filter(|held| Some(held.id) == grant) {
                let consent = consent_id(user, grant.client);
                kernel.latest::<Consent>(realm, consent).await?;
            }
        }
        Ok(())
    }
}
