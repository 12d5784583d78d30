//! The decisions on tokens that are got for something that others issued: a token of the realm (RFC 8693), or an assertion of an issuer
//! that the realm trusts (RFC 7523). The rule: what a token rests on is asked again in the append that tells of it, and an assertion is used
//! up there.

use async_trait::async_trait;
use events::{
    auth::{AuthEvent, LoginFailure, RequestedClaims, Session},
    clock::Timestamp,
    ids::{ApplicationId, GrantId, RealmId, SessionId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    subject::{Stream, Subject},
    users::{Password, User, last_ending},
};

use super::{
    grants::{GrantRefused, Standing, TokenNote, spending},
    sessions::refusal,
};

/// A token of a user's is exchanged for another.
#[derive(Clone, Debug)]
pub struct ExchangeToken {
    /// The realm.
    pub realm: RealmId,
    /// The session that the exchanged token came of.
    pub session: SessionId,
    /// The grant that it came of.
    pub grant: GrantId,
    /// The application whose grant that is.
    pub origin: ApplicationId,
    /// The application that gets the new token.
    pub client: ApplicationId,
    /// RFC 6749's `grant_type`, for the record.
    pub grant_type: &'static str,
    /// The new token.
    pub token: TokenNote,
}

#[async_trait]
impl Decide for ExchangeToken {
    type State = Standing;
    type Rejection = GrantRefused;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Standing, KernelError> {
        Standing::read(reader, self.realm, self.session, self.origin).await
    }

    fn decide(&self, state: &Standing, context: &Context) -> Result<Decision, GrantRefused> {
        let session = &state.session.state;
        let grant = session.grant(self.grant, context.now).ok_or(GrantRefused::Gone)?;
        if !state.stands() || state.consent.ended(grant.consent) {
            return Err(GrantRefused::Ended);
        }
        let issued = self
            .token
            .issued(self.client, session.user, Some(self.grant), self.grant_type);
        let decision = Decision::nothing(Subject::session(self.session)).noting(issued);
        Ok(spending(decision, &self.token))
    }
}

/// An issuer that the realm trusts vouches for a user: a session of theirs starts, for this one token.
#[derive(Clone, Debug)]
pub struct AcceptAssertion {
    /// The realm.
    pub realm: RealmId,
    /// The id of the new session.
    pub session: SessionId,
    /// The id of its grant.
    pub grant: GrantId,
    /// For whom.
    pub user: UserId,
    /// The application that showed the assertion.
    pub client: ApplicationId,
    /// The version of the user's consent for it.
    pub consent: u64,
    /// What is used up: who issued the assertion and its `jti`; and when it would be invalid by itself.
    pub spent: (String, Timestamp),
    /// RFC 6749's `grant_type`, for the record.
    pub grant_type: &'static str,
    /// The token; the session ends with it.
    pub token: TokenNote,
}

/// What [`AcceptAssertion`] must know.
#[derive(Clone, Debug, Default)]
pub struct Vouched {
    user: User,
    password: Password,
}

#[async_trait]
impl Decide for AcceptAssertion {
    type State = Vouched;
    type Rejection = LoginFailure;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Vouched, KernelError> {
        // Nobody else begins the same one in the meantime.
        reader.subject::<Session>(self.session.0).await?;
        Ok(Vouched {
            user: reader.beside::<User>(self.realm, self.user.0).await?.state,
            password: reader.beside::<Password>(self.realm, self.user.0).await?.state,
        })
    }

    fn decide(&self, state: &Vouched, context: &Context) -> Result<Decision, LoginFailure> {
        refusal(&state.user, context.now).map_or(Ok(()), Err)?;
        let subject = Subject::session(self.session);
        let started = AuthEvent::SessionStarted {
            user: self.user,
            client: Some(self.client),
            amr: Vec::new(),
            expires: self.token.expires,
            last_ending: last_ending(&state.user, &state.password),
            proofs: Vec::new(),
        };
        let granted = AuthEvent::GrantStarted {
            grant: self.grant,
            client: self.client,
            scopes: self.token.scopes.clone(),
            refresh: false,
            expires: self.token.expires,
            jkt: self.token.jkt.clone(),
            claims: RequestedClaims::default(),
            consent: self.consent,
        };
        let issued = self
            .token
            .issued(self.client, Some(self.user), Some(self.grant), self.grant_type);
        let (value, invalid) = self.spent.clone();
        let decision = Decision::of(subject, started)
            .and(subject, granted)
            .noting(issued)
            .claiming(Claim::Spend {
                kind: ClaimKind::Assertion,
                value,
                holder: self.session.0,
                invalid,
            });
        Ok(spending(decision, &self.token))
    }
}

#[cfg(test)]
#[path = "exchanges_tests.rs"]
mod tests;
