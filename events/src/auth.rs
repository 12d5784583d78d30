//! Authentication: sessions with their grants, codes and tokens, and sign-ins that failed. All of it is activity.

mod device;
mod guard;
mod methods;

pub use device::{DeviceAnswer, DeviceAuthorization};
pub use guard::{Attempts, Closed, Closing, FREE_ATTEMPTS, LAST_ATTEMPT, LONGEST_DELAY, SignInGuard};
pub use methods::{Assurance, Factor, Method, Place, Proof, UnknownMethod, amr};

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::Timestamp,
    event::{DecodeError, DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::{ApplicationId, GrantId, SessionId, UserId},
    subject::{Lane, SubjectKind},
    topics::Topic,
};
use uuid::Uuid;

/// What it is whose limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThrottledBy {
    /// An account, or a name that nobody has: too many attempts in a row.
    Account,
    /// An account on a device that its user signed in on before.
    Device,
    /// A network address (of IPv6, its /64).
    Address,
    /// An application.
    Application,
    /// A user who is signed in.
    User,
    /// The realm.
    Realm,
}

impl ThrottledBy {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Device => "device",
            Self::Address => "address",
            Self::Application => "application",
            Self::User => "user",
            Self::Realm => "realm",
        }
    }
}

/// Why a session or a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The user signed out.
    SignedOut,
    /// The user signed in anew in the same browser.
    Replaced,
    /// An administrator ended it.
    Administrator,
    /// The user's password was changed.
    PasswordChanged,
    /// The user was disabled.
    Disabled,
    /// The application gave its token back (RFC 7009).
    Revoked,
    /// A code or refresh token was used twice: one of the users is not who they should be (RFC 9700, 4.14.2).
    Reused,
}

/// Why a sign-in failed; never told to the one who tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginFailure {
    /// No such user.
    UnknownUser,
    /// The user has no password, or another.
    WrongPassword,
    /// The user has no such credential, or the code is not one of it.
    WrongCode,
    /// The code is one of the user's, and was used before.
    UsedCode,
    /// The passkey is none of the user's, or what it signed is not what it was to sign.
    WrongPasskey,
    /// The passkey is the user's, but did not make sure who was there.
    UnverifiedPasskey,
    /// The passkey's counter went back: there may be two of it.
    CopiedPasskey,
    /// What was shown before was removed or replaced in the meantime.
    Replaced,
    /// The user is disabled.
    Disabled,
    /// The user is locked.
    Locked,
    /// What an identity provider calls them is nobody's here.
    UnknownIdentity,
    /// What an identity provider calls them is another user's, or none of the user's any more.
    WrongIdentity,
    /// An identity provider's answer was not to be believed.
    UntrustedProvider,
    /// An identity provider did not answer, or would not.
    ProviderFailed,
}

/// What happens around signing in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum AuthEvent {
    /// A user signed in.
    #[serde(rename = "session.started")]
    SessionStarted {
        /// Who.
        user: UserId,
        /// The application that asked for it, if one did.
        client: Option<ApplicationId>,
        /// How (RFC 8176), such as `pwd`.
        amr: Vec<String>,
        /// When the session ends however it is used.
        expires: Timestamp,
        /// The seq of the fact that last ended all of the user's sessions, as it was known at this sign-in
        /// ([`last_ending`](crate::users::last_ending)); a later one ends this session too.
        last_ending: u64,
        /// What was proven, and when; not told of sessions that began with version 1.
        #[serde(default)]
        proofs: Vec<Proof>,
    },
    /// More was proven in a session: it goes on under a new cookie, and the one before is void.
    #[serde(rename = "session.elevated")]
    SessionElevated {
        /// The application that asked for it, if one did.
        client: Option<ApplicationId>,
        /// How, all in all (RFC 8176).
        amr: Vec<String>,
        /// What was proven, all in all.
        proofs: Vec<Proof>,
    },
    /// A session was used again; recorded at most once a minute.
    #[serde(rename = "session.continued")]
    SessionContinued {},
    /// A session ended, and its grants with it.
    #[serde(rename = "session.ended")]
    SessionEnded {
        /// Why.
        reason: EndReason,
    },
    /// Somebody is about to be judged; told before their secret is looked at ([`SignInGuard`]).
    #[serde(rename = "login.attempted")]
    LoginAttempted {
        /// Whose account it is, if there is such a user.
        user: Option<UserId>,
        /// The application that asked for it, if one did.
        client: Option<ApplicationId>,
        /// By what.
        method: Method,
        /// The fact that set the authenticator; 0 if there is none.
        since: u64,
    },
    /// Somebody showed who they are: the attempts before count no more.
    #[serde(rename = "guard.cleared")]
    GuardCleared {
        /// The methods that they showed it by.
        methods: Vec<Method>,
    },
    /// An administrator lifted the guard of an account: the attempts before count no more, and none is disabled by them.
    #[serde(rename = "guard.lifted")]
    GuardLifted {},
    /// Too much was tried or asked, and for a while it is refused. Told when that begins, and not of each request that is refused.
    #[serde(rename = "auth.throttled")]
    Throttled {
        /// By what.
        by: ThrottledBy,
        /// The endpoint whose limit it was, if it was a rate.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
        /// Whose account it is, if there is such a user.
        user: Option<UserId>,
        /// The application that asked, if one did.
        client: Option<ApplicationId>,
        /// What was tried, if it was something that shows who somebody is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<Method>,
        /// For how many seconds.
        seconds: u64,
        /// Whether it was tried too often ever to be asked again before it is replaced, or the guard lifted.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        disabled: bool,
    },
    /// A sign-in failed.
    #[serde(rename = "login.failed")]
    LoginFailed {
        /// Whose, if there is such a user.
        user: Option<UserId>,
        /// The application that asked for it, if one did.
        client: Option<ApplicationId>,
        /// Why; never told to the one who tried.
        reason: LoginFailure,
    },
    /// An authorization code was sent to an application's redirect URI.
    #[serde(rename = "code.issued")]
    CodeIssued {
        /// The grant that redeeming it will start.
        grant: GrantId,
        /// To which application.
        client: ApplicationId,
        /// For whom.
        user: UserId,
        /// For what.
        scopes: Vec<String>,
    },
    /// A code was redeemed.
    #[serde(rename = "grant.started")]
    GrantStarted {
        /// The grant.
        grant: GrantId,
        /// The application.
        client: ApplicationId,
        /// What it may do.
        scopes: Vec<String>,
        /// Whether it gets refresh tokens.
        refresh: bool,
        /// When the grant ends however it is used.
        expires: Timestamp,
        /// The thumbprint of the key that its tokens are bound to (RFC 9449), if they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jkt: Option<String>,
        /// The claims that were asked for one by one.
        #[serde(default, skip_serializing_if = "RequestedClaims::is_empty")]
        claims: RequestedClaims,
        /// The version of the user's consent that it was given under ([`Consent`](crate::compliance::Consent)).
        #[serde(default)]
        consent: u64,
    },
    /// A refresh token was used and replaced by the next generation.
    #[serde(rename = "grant.refreshed")]
    GrantRefreshed {
        /// The grant.
        grant: GrantId,
        /// The generation of the new refresh token.
        generation: u64,
    },
    /// A grant ended before its time: its refresh and access tokens are refused.
    #[serde(rename = "grant.revoked")]
    GrantRevoked {
        /// The grant.
        grant: GrantId,
        /// Why.
        reason: EndReason,
    },
    /// An access token was issued.
    #[serde(rename = "token.issued")]
    TokenIssued {
        /// Its `jti`.
        token: Uuid,
        /// To which application.
        client: ApplicationId,
        /// For whom; without it the application acts for itself.
        user: Option<UserId>,
        /// Under which grant, if there is one.
        grant: Option<GrantId>,
        /// How it was asked for: RFC 6749's `grant_type`.
        grant_type: String,
        /// What it may be used for.
        scopes: Vec<String>,
        /// Where.
        audience: Vec<String>,
        /// Until when.
        expires: Timestamp,
        /// The thumbprint of the key that it is bound to (RFC 9449), if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jkt: Option<String>,
        /// Who acts for the user with it, the one who acts now first (RFC 8693, 4.1): their `sub`s.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        actors: Vec<String>,
    },
    /// An access token was given back before its time (RFC 7009).
    #[serde(rename = "token.revoked")]
    TokenRevoked {
        /// Its `jti`.
        token: Uuid,
        /// By which application.
        client: ApplicationId,
    },
    /// A device asked to be approved by its user elsewhere (RFC 8628, 3.1).
    #[serde(rename = "device.requested")]
    DeviceRequested {
        /// The application on the device.
        client: ApplicationId,
        /// What it asks for.
        scopes: Vec<String>,
        /// The resources that it asks for (RFC 8707); none for all of the application's.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        resources: Vec<String>,
        /// When it is too late to approve or to redeem.
        expires: Timestamp,
    },
    /// A user approved a device.
    #[serde(rename = "device.approved")]
    DeviceApproved {
        /// Who.
        user: UserId,
        /// In which session, which the device's grant is part of.
        session: SessionId,
        /// The grant that the device will start.
        grant: GrantId,
        /// The version of the user's consent for the application.
        consent: u64,
    },
    /// A user refused a device.
    #[serde(rename = "device.denied")]
    DeviceDenied {
        /// Who.
        user: UserId,
    },
    /// An application proved who it is by an assertion, which is used up (RFC 7523).
    #[serde(rename = "client_authentication.succeeded")]
    ClientAuthenticationSucceeded {
        /// Which application.
        client: ApplicationId,
        /// How: `private_key_jwt` or `client_secret_jwt`.
        method: String,
    },
    /// A token that is bound to a key was used, or a request was pushed, with a proof of the key that is used up by that (RFC 9449).
    #[serde(rename = "dpop_proof.used")]
    DpopProofUsed {
        /// The token's `jti`, or the id of the pushed request.
        token: Uuid,
        /// By which application.
        client: ApplicationId,
    },
    /// An application was told that a session ended (OpenID Connect Back-Channel Logout).
    #[serde(rename = "logout_token.delivered")]
    LogoutTokenDelivered {
        /// Which.
        session: SessionId,
        /// To which application.
        client: ApplicationId,
        /// The how manieth attempt it was; the first is 1.
        attempt: u32,
    },
    /// An application could not be told that a session ended.
    #[serde(rename = "logout_token.failed")]
    LogoutTokenFailed {
        /// Which.
        session: SessionId,
        /// To which application.
        client: ApplicationId,
        /// The how manieth attempt it was; the first is 1.
        attempt: u32,
        /// Why; no address, nothing secret.
        reason: String,
        /// Whether it is not tried again.
        given_up: bool,
    },
    /// An application could not prove who it is.
    #[serde(rename = "client_authentication.failed")]
    ClientAuthenticationFailed {
        /// Which application it said to be.
        client: ApplicationId,
    },
}

impl DomainEvent for AuthEvent {
    const LANE: Lane = Lane::Activity;
    const TOPIC: Topic = Topic::Auth;
    const KINDS: &'static [EventKind] = &[
        EventKind::plain("session.started", "A user signed in.")
            .watched()
            .version(3),
        EventKind::plain("session.elevated", "More was proven in a session.").version(2),
        EventKind::plain(
            "session.continued",
            "A session was used again (at most once a minute).",
        ),
        EventKind::plain("session.ended", "A session ended, and its grants with it.").watched(),
        EventKind::plain("login.attempted", "Somebody was about to be judged by a secret."),
        EventKind::plain(
            "guard.cleared",
            "Somebody showed who they are: the attempts before count no more.",
        ),
        EventKind::plain(
            "guard.lifted",
            "An administrator lifted a guard: the attempts before count no more.",
        )
        .watched(),
        EventKind::plain(
            "auth.throttled",
            "Too much was tried or asked, and for a while it is refused.",
        )
        .watched(),
        EventKind::plain("login.failed", "A sign-in failed.").watched(),
        EventKind::plain("code.issued", "An authorization code was sent to an application."),
        EventKind::plain("grant.started", "A code was redeemed.").version(2),
        EventKind::plain("grant.refreshed", "A refresh token was used and replaced."),
        EventKind::plain("grant.revoked", "A grant ended before its time.").watched(),
        EventKind::plain("token.issued", "An access token was issued.").version(2),
        EventKind::plain("token.revoked", "An access token was given back before its time."),
        EventKind::plain("device.requested", "A device asked to be approved by its user.").version(2),
        EventKind::plain("device.approved", "A user approved a device."),
        EventKind::plain("device.denied", "A user refused a device.").watched(),
        EventKind::plain(
            "client_authentication.succeeded",
            "An application proved who it is by an assertion.",
        ),
        EventKind::plain(
            "dpop_proof.used",
            "A token was used with a proof of the key that it is bound to.",
        ),
        EventKind::plain(
            "logout_token.delivered",
            "An application was told that a session ended.",
        ),
        EventKind::plain(
            "logout_token.failed",
            "An application could not be told that a session ended.",
        ),
        EventKind::plain(
            "client_authentication.failed",
            "An application could not prove who it is.",
        )
        .watched(),
    ];

    /// The versions before lack what has a default now.
    fn upcast(name: &str, schema: u16, data: Value) -> Result<Value, DecodeError> {
        match (name, schema) {
            ("session.started", 1 | 2)
            | ("session.elevated" | "grant.started" | "token.issued" | "device.requested", 1) => Ok(data),
            _ => Err(DecodeError::unknown_version(name, schema)),
        }
    }
}

/// Claims that were asked for one by one (`claims`, OpenID Connect Core, 5.5), where the answer is due.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RequestedClaims {
    /// In the id token.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub id_token: BTreeSet<String>,
    /// At the userinfo endpoint.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub userinfo: BTreeSet<String>,
}

impl RequestedClaims {
    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.id_token.is_empty() && self.userinfo.is_empty()
    }
}

/// One grant of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Which.
    pub id: GrantId,
    /// The application.
    pub client: ApplicationId,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Whether it gets refresh tokens.
    pub refresh: bool,
    /// The generation of the refresh token that is good; older ones were used.
    pub generation: u64,
    /// When the last refresh token was issued.
    pub refreshed: Timestamp,
    /// When the grant ends however it is used.
    pub expires: Timestamp,
    /// Whether it was revoked.
    pub revoked: bool,
    /// The thumbprint of the key that its tokens are bound to, if they are.
    pub jkt: Option<String>,
    /// The claims that were asked for one by one.
    pub claims: RequestedClaims,
    /// The version of the user's consent that it was given under.
    pub consent: u64,
}

/// How long a grant that is over is still told of, in seconds: longer than clocks differ.
const GRANT_KEPT: u64 = 600;

/// A session with its grants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// Who signed in; `None` if there is no such session.
    pub user: Option<UserId>,
    /// How.
    pub amr: Vec<String>,
    /// What was proven in it, and when.
    pub proofs: Vec<Proof>,
    /// How often more was proven: the cookie names it, so that older cookies are void.
    pub elevations: u64,
    /// When they signed in (`auth_time`).
    pub started: Timestamp,
    /// The seq, among the realm's activity, of the event that tells of that; where they came from is sealed in it.
    pub began: u64,
    /// When it was last used, to the minute.
    pub used: Timestamp,
    /// When it ends however it is used.
    pub expires: Timestamp,
    /// Whether it was ended.
    pub ended: bool,
    /// The fact that had last ended all of the user's sessions when this one started.
    pub last_ending: u64,
    /// What it gave to applications; what was over long ago is left out.
    pub grants: Vec<Grant>,
    /// The applications that it ever gave something to: who hears of its end.
    pub applications: BTreeSet<ApplicationId>,
}

impl Session {
    /// Whether a fact of its user ended it, with all others ([`last_ending`](crate::users::last_ending)). Such a session is
    /// dead, and its grants with it; whoever judges a session asks this besides [`Session::is_alive`] and [`Session::grant`].
    pub fn outlived_by(&self, last_ending: u64) -> bool {
        self.last_ending < last_ending
    }

    /// Whether the browser that holds it is signed in at a moment.
    pub fn is_alive(&self, now: Timestamp, idle_seconds: u64) -> bool {
        self.user.is_some()
            && !self.ended
            && now < self.expires
            && now < self.used.after_seconds(idle_seconds)
    }

    /// A grant whose tokens may be good: the session was not ended, the grant neither revoked nor over. (A session that merely
    /// ran out does not end its grants: `offline_access`, OpenID Connect Core, section 11.)
    pub fn grant(&self, id: GrantId, now: Timestamp) -> Option<&Grant> {
        if self.ended {
            return None;
        }
        self.grants
            .iter()
            .find(|grant| grant.id == id && !grant.revoked && now < grant.expires)
    }

    /// A grant that this application may refresh: it is theirs, its tokens may be good, and it has refresh tokens.
    pub fn refreshable(&self, id: GrantId, client: ApplicationId, now: Timestamp) -> Option<&Grant> {
        self.grant(id, now)
            .filter(|grant| grant.client == client && grant.refresh)
    }
}

impl Fold for Session {
    const KIND: SubjectKind = SubjectKind::Session;

    fn apply(&mut self, happened: &Happened) {
        let Event::Auth(event) = &happened.event else {
            return;
        };
        match event {
            AuthEvent::SessionStarted {
                user,
                amr,
                expires,
                last_ending,
                proofs,
                ..
            } => {
                self.last_ending = *last_ending;
                self.user = Some(*user);
                self.amr.clone_from(amr);
                self.proofs = methods::told_or_password(proofs, amr, happened.time);
                self.started = happened.time;
                self.began = happened.seq;
                self.used = happened.time;
                self.expires = *expires;
            }
            AuthEvent::SessionElevated { amr, proofs, .. } => {
                self.amr.clone_from(amr);
                self.proofs.clone_from(proofs);
                self.elevations += 1;
                self.used = happened.time;
            }
            AuthEvent::SessionContinued {} => self.used = happened.time,
            AuthEvent::SessionEnded { .. } => self.ended = true,
            AuthEvent::GrantStarted {
                grant,
                client,
                scopes,
                refresh,
                expires,
                jkt,
                claims,
                consent,
            } => {
                // A code that comes again after that is stopped by its claim, which is kept for longer than it is valid.
                self.grants
                    .retain(|grant| happened.time < grant.expires.after_seconds(GRANT_KEPT));
                self.applications.insert(*client);
                self.grants.push(Grant {
                    id: *grant,
                    client: *client,
                    scopes: scopes.clone(),
                    refresh: *refresh,
                    generation: 0,
                    refreshed: happened.time,
                    expires: *expires,
                    revoked: false,
                    jkt: jkt.clone(),
                    claims: claims.clone(),
                    consent: *consent,
                });
            }
            AuthEvent::GrantRefreshed { grant, generation } => {
                for held in self.grants.iter_mut().filter(|held| held.id == *grant) {
                    held.generation = *generation;
                    held.refreshed = happened.time;
                }
            }
            AuthEvent::GrantRevoked { grant, .. } => {
                for held in self.grants.iter_mut().filter(|held| held.id == *grant) {
                    held.revoked = true;
                }
            }
            AuthEvent::LoginAttempted { .. }
            | AuthEvent::GuardCleared { .. }
            | AuthEvent::GuardLifted {}
            | AuthEvent::Throttled { .. }
            | AuthEvent::LoginFailed { .. }
            | AuthEvent::CodeIssued { .. }
            | AuthEvent::TokenIssued { .. }
            | AuthEvent::TokenRevoked { .. }
            | AuthEvent::DeviceRequested { .. }
            | AuthEvent::DeviceApproved { .. }
            | AuthEvent::DeviceDenied { .. }
            | AuthEvent::ClientAuthenticationSucceeded { .. }
            | AuthEvent::DpopProofUsed { .. }
            | AuthEvent::LogoutTokenDelivered { .. }
            | AuthEvent::LogoutTokenFailed { .. }
            | AuthEvent::ClientAuthenticationFailed { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{subject::Subject, testing::happened};

    #[test]
    fn a_session_does_not_grow_with_grants_that_are_over() {
        let subject = Subject::new(SubjectKind::Session, Uuid::from_u128(0x5e));
        let start = |version, grant, seconds| {
            let mut started = happened(
                subject,
                version,
                AuthEvent::GrantStarted {
                    grant: GrantId(Uuid::from_u128(grant)),
                    client: ApplicationId(Uuid::from_u128(0xc1)),
                    scopes: vec![],
                    refresh: false,
                    expires: Timestamp::from_seconds(1_000),
                    jkt: None,
                    claims: RequestedClaims::default(),
                    consent: 0,
                },
            );
            started.time = Timestamp::from_seconds(seconds);
            started
        };
        let mut session = Session::default();
        session.apply(&start(1, 1, 0));
        session.apply(&start(2, 2, 1_599));
        assert_eq!(session.grants.len(), 2);
        session.apply(&start(3, 3, 1_600));
        let held: Vec<u128> = session.grants.iter().map(|grant| grant.id.0.as_u128()).collect();
        assert_eq!(held, [3]);
        assert_eq!(
            session.applications.len(),
            1,
            "who it gave something to is remembered"
        );
    }
}
