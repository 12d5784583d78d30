//! The decisions on grants: redeem a code, refresh, revoke; and access tokens given back. The rule: whatever
//! is to happen once happens under a condition on the session and, for codes, a spent claim in the same
//! append; so a hundred parallel uses have one winner, on any node, also after a restart.

use async_trait::async_trait;
use events::{
    auth::{AuthEvent, EndReason, RequestedClaims, Session},
    clock::Timestamp,
    compliance::{Consent, consent_id},
    fold::Versioned,
    ids::{ApplicationId, GrantId, RealmId, SessionId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    subject::{Stream, Subject},
    users::{Password, User, last_ending_of},
};
use uuid::Uuid;
use web::Acting;

/// A session and the user whose it is, as a decision sees them.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Which session.
    pub id: Option<SessionId>,
    /// The session.
    pub session: Versioned<Session>,
    /// Its user; the default if there is no such session.
    pub user: User,
    /// Its user's password, whose change ends sessions.
    pub password: Password,
    /// What its user allows the application that asks.
    pub consent: Consent,
}

impl Standing {
    pub(super) async fn read(
        reader: &mut Reader<'_>,
        realm: RealmId,
        session: SessionId,
        client: ApplicationId,
    ) -> Result<Self, KernelError> {
        let id = Some(session);
        let session = reader.subject::<Session>(session.0).await?;
        let Some(user) = session.state.user else {
            return Ok(Self {
                id,
                session,
                ..Self::default()
            });
        };
        let password = reader.beside::<Password>(realm, user.0).await?.state;
        let consent = consent_id(user, client);
        let consent = reader.beside::<Consent>(realm, consent).await?.state;
        let user = reader.beside::<User>(realm, user.0).await?.state;
        Ok(Self {
            id,
            session,
            user,
            password,
            consent,
        })
    }

    /// Whether what the session gave may be used: it was not ended, also not by its user's doing, and its
    /// user is active.
    pub fn stands(&self) -> bool {
        let (session, Some(id)) = (&self.session.state, self.id) else {
            return false;
        };
        session.user.is_some()
            && !session.ended
            && self.user.is_active()
            && !session.outlived_by(last_ending_of(&self.user, &self.password, id))
    }
}

/// The access token that is handed out if the decision commits: recorded in the same append.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenNote {
    /// Its `jti`.
    pub token: Uuid,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Where.
    pub audience: Vec<String>,
    /// Until when.
    pub expires: Timestamp,
    /// The thumbprint of the key that it is bound to (RFC 9449), if it is.
    pub jkt: Option<String>,
    /// What it keeps of the token that it is got for, if it is got for one.
    pub exchange: Option<Exchange>,
    /// The proof that it was asked for with, which is spent with it.
    pub once: Option<Claim>,
}

/// What a token keeps of the one that it is got for (RFC 8693).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exchange {
    /// The application that the first token was issued to, where that acted for itself.
    pub application: Option<ApplicationId>,
    /// The `jti`s of the tokens that it is got for: with any of them it ends.
    pub tokens: Vec<Uuid>,
    /// Who acts for the subject, the one who acts now first (section 4.1).
    pub actors: Vec<Acting>,
}

impl TokenNote {
    /// The event that records it.
    pub fn issued(
        &self,
        client: ApplicationId,
        user: Option<UserId>,
        grant: Option<GrantId>,
        grant_type: &str,
    ) -> AuthEvent {
        AuthEvent::TokenIssued {
            token: self.token,
            client,
            user,
            grant,
            grant_type: grant_type.to_owned(),
            scopes: self.scopes.clone(),
            audience: self.audience.clone(),
            expires: self.expires,
            jkt: self.jkt.clone(),
            actors: self
                .exchange
                .iter()
                .flat_map(|exchange| &exchange.actors)
                .map(|actor| actor.sub.clone())
                .collect(),
        }
    }
}

/// What stands for an approval (an authorization code, a device code) is redeemed: its grant starts.
#[derive(Clone, Debug)]
pub struct Redeem {
    /// The realm.
    pub realm: RealmId,
    /// The session that the approval was given in.
    pub session: SessionId,
    /// The grant that it starts.
    pub grant: GrantId,
    /// The application.
    pub client: ApplicationId,
    /// What was granted.
    pub scopes: Vec<String>,
    /// Whether there will be refresh tokens.
    pub refresh: bool,
    /// When the grant ends however it is used.
    pub expires: Timestamp,
    /// The thumbprint of the key that its tokens are bound to (RFC 9449), if they are.
    pub jkt: Option<String>,
    /// The claims that were asked for one by one.
    pub claims: RequestedClaims,
    /// The version of the user's consent that it is given under.
    pub consent: u64,
    /// What is spent: its kind, its value, and when it would be invalid by itself.
    pub spent: (ClaimKind, String, Timestamp),
    /// RFC 6749's `grant_type`, for the record.
    pub grant_type: &'static str,
    /// The access token that comes of it.
    pub token: TokenNote,
}

/// Why a grant gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantRefused {
    /// The code was redeemed before, or the refresh token is not the newest: two parties hold it (RFC 9700,
    /// 4.14.2).
    Reused,
    /// The session was ended, its user may no longer act, or withdrew the consent.
    Ended,
    /// There is no such grant, or it was revoked or is over.
    Gone,
}

#[async_trait]
impl Decide for Redeem {
    type State = Standing;
    type Rejection = GrantRefused;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Standing, KernelError> {
        Standing::read(reader, self.realm, self.session, self.client).await
    }

    fn decide(&self, state: &Standing, _: &Context) -> Result<Decision, GrantRefused> {
        let session = &state.session.state;
        if session.grants.iter().any(|grant| grant.id == self.grant) {
            return Err(GrantRefused::Reused);
        }
        if !state.stands() || state.consent.ended(self.consent) {
            return Err(GrantRefused::Ended);
        }
        let started = AuthEvent::GrantStarted {
            grant: self.grant,
            client: self.client,
            scopes: self.scopes.clone(),
            refresh: self.refresh,
            expires: self.expires,
            jkt: self.jkt.clone(),
            claims: self.claims.clone(),
            consent: self.consent,
        };
        let (kind, ref value, invalid) = self.spent;
        let decision = Decision::of(Subject::session(self.session), started)
            .noting(
                self.token
                    .issued(self.client, session.user, Some(self.grant), self.grant_type),
            )
            .claiming(Claim::Spend {
                kind,
                value: value.clone(),
                holder: self.session.0,
                invalid,
            });
        Ok(spending(decision, &self.token))
    }
}

/// A refresh token is used: the next generation takes its place.
#[derive(Clone, Debug)]
pub struct RefreshGrant {
    /// The realm.
    pub realm: RealmId,
    /// The session.
    pub session: SessionId,
    /// The grant.
    pub grant: GrantId,
    /// The application that uses it.
    pub client: ApplicationId,
    /// The generation of the token that was shown.
    pub generation: u64,
    /// How long a refresh token may lie unused, in seconds.
    pub idle_seconds: u64,
    /// The access token that comes of it.
    pub token: TokenNote,
}

#[async_trait]
impl Decide for RefreshGrant {
    type State = Standing;
    type Rejection = GrantRefused;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Standing, KernelError> {
        Standing::read(reader, self.realm, self.session, self.client).await
    }

    fn decide(&self, state: &Standing, context: &Context) -> Result<Decision, GrantRefused> {
        if !state.stands() {
            return Err(GrantRefused::Ended);
        }
        let session = &state.session.state;
        let Some(grant) = session.refreshable(self.grant, self.client, context.now) else {
            return Err(GrantRefused::Gone);
        };
        if state.consent.ended(grant.consent) {
            return Err(GrantRefused::Ended);
        }
        if grant.generation != self.generation {
            return Err(GrantRefused::Reused);
        }
        if context.now >= grant.refreshed.after_seconds(self.idle_seconds) {
            return Err(GrantRefused::Gone);
        }
        let refreshed = AuthEvent::GrantRefreshed {
            grant: self.grant,
            generation: self.generation + 1,
        };
        let issued = self
            .token
            .issued(self.client, session.user, Some(self.grant), "refresh_token");
        let decision = Decision::of(Subject::session(self.session), refreshed).noting(issued);
        Ok(spending(decision, &self.token))
    }
}

/// With the proof of a token that is bound to a key, if it is.
pub(super) fn spending(decision: Decision, token: &TokenNote) -> Decision {
    match &token.once {
        Some(once) => decision.claiming(once.clone()),
        None => decision,
    }
}

/// An application gets a token for itself, with a proof of the key that it is bound to.
#[derive(Clone, Debug)]
pub struct IssueBound {
    /// The realm.
    pub realm: RealmId,
    /// The application.
    pub client: ApplicationId,
    /// The token.
    pub token: TokenNote,
    /// RFC 6749's `grant_type`, for the record.
    pub grant_type: &'static str,
}

#[async_trait]
impl Decide for IssueBound {
    type State = ();
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, _: &mut Reader<'_>) -> Result<(), KernelError> {
        Ok(())
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, Self::Rejection> {
        let issued = self.token.issued(self.client, None, None, self.grant_type);
        let decision = Decision::nothing(Subject::application(self.client)).noting(issued);
        Ok(spending(decision, &self.token))
    }
}

/// A grant is to end before its time. One that ended already, was never started, or is another's stays as it
/// is.
#[derive(Clone, Debug)]
pub struct RevokeGrant {
    /// The realm.
    pub realm: RealmId,
    /// The session.
    pub session: SessionId,
    /// The grant.
    pub grant: GrantId,
    /// The application whose it is.
    pub client: ApplicationId,
    /// Why.
    pub reason: EndReason,
}

#[async_trait]
impl Decide for RevokeGrant {
    type State = Versioned<Session>;
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        reader.subject::<Session>(self.session.0).await
    }

    fn decide(&self, state: &Self::State, context: &Context) -> Result<Decision, Self::Rejection> {
        let subject = Subject::session(self.session);
        let held = state
            .state
            .grant(self.grant, context.now)
            .filter(|grant| grant.client == self.client);
        if held.is_none() {
            return Ok(Decision::nothing(subject));
        }
        Ok(Decision::of(
            subject,
            AuthEvent::GrantRevoked {
                grant: self.grant,
                reason: self.reason,
            },
        ))
    }
}

/// An access token is given back before its time (RFC 7009).
#[derive(Clone, Debug)]
pub struct RevokeToken {
    /// The realm.
    pub realm: RealmId,
    /// Its `jti`.
    pub token: Uuid,
    /// The application whose it is.
    pub client: ApplicationId,
    /// When the token would be invalid by itself.
    pub invalid: Timestamp,
}

#[async_trait]
impl Decide for RevokeToken {
    type State = ();
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, _: &mut Reader<'_>) -> Result<(), KernelError> {
        Ok(())
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, Self::Rejection> {
        Ok(Decision::nothing(Subject::application(self.client))
            .noting(AuthEvent::TokenRevoked {
                token: self.token,
                client: self.client,
            })
            .claiming(Claim::Spend {
                kind: ClaimKind::RevokedToken,
                value: self.token.to_string(),
                holder: self.client.0,
                invalid: self.invalid,
            }))
    }
}

#[cfg(test)]
#[path = "grants_tests.rs"]
mod tests;
