//! Id tokens of ours that come back to us as what they are: a statement about a sign-in that is still good (RFC 8693, section 3).
//! The rule: one is worth what its application's own grant of that session is worth now, and nothing once that has ended. (As a mere hint of
//! who is meant, one that has expired is good enough: that is read elsewhere.)

use events::{
    applications::Application,
    auth::Grant,
    clock::Timestamp,
    ids::{ApplicationId, SessionId, UserId},
};
use jose::{Claims, Expectation};

use crate::{
    Edge, RealmRef,
    TokenRefused::{self, Invalid},
    clients, subject,
};

/// The `typ` of an id token.
pub const ID_TOKEN_TYPE: &str = "JWT";

/// An id token that is good now.
#[derive(Clone, Debug)]
pub struct IdToken {
    /// The application that it was issued to.
    pub client: ApplicationId,
    /// What is known of that application; it is active.
    pub application: Application,
    /// Whom it is about.
    pub user: UserId,
    /// The session in which they signed in.
    pub session: SessionId,
    /// The application's newest grant of that session.
    pub grant: Grant,
    /// When it ends.
    pub expires: Timestamp,
    /// All that it says.
    pub claims: Claims,
}

impl Edge {
    /// Judges an id token that must be of this realm.
    pub async fn verify_id_token_of(&self, realm: &RealmRef, token: &str) -> Result<IdToken, TokenRefused> {
        let expected = Expectation::new(ID_TOKEN_TYPE, self.issuer(realm));
        let claims = self.verify_signed(realm, token, &expected).await?;
        let session = claims.string("sid").and_then(|id| id.parse::<SessionId>().ok());
        let (Some(session), &[client_id]) = (session, claims.audiences().as_slice()) else {
            return Err(Invalid("incomplete claims"));
        };
        let (client, application) = clients::resolve(self, realm, client_id)
            .await?
            .ok_or(Invalid("no such application"))?;
        if !application.is_active() {
            return Err(Invalid("the application is not active"));
        }
        self.hear_of(realm.id, session, None).await?;
        let (user, state) = self.holder(realm.id, session).await?;
        if subject::of(self.kernel(), realm.id, &application, user).await? != claims.subject() {
            return Err(Invalid("another subject than the session's"));
        }
        let now = self.kernel().now();
        let newest = state
            .grants
            .iter()
            .rfind(|grant| grant.client == client && !grant.revoked && now < grant.expires)
            .ok_or(Invalid("the application has no grant of this session"))?
            .id;
        Ok(IdToken {
            grant: self.good_grant(realm.id, user, &state, newest, now).await?,
            expires: Timestamp::from_seconds(claims.expires_at()),
            client,
            application,
            user,
            session,
            claims,
        })
    }
}
