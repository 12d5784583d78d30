//! The log: what an engine must do, and nothing of how. Every engine passes the same contract suite.
//!
//! - Streams are gapless; `seq` is the order of commits in that stream.
//! - An append commits only if each of its conditions still holds and each of its claims is free, and then wholly.
//! - One append's failure is never another's, though many share a transaction.
//! - A command is remembered with its receipt, also one that found nothing to do: sending it again does nothing.
//! - Nothing is acknowledged before it is durable. After a doubtful commit the engine finds out what is true.

mod columns;
mod doubt;
mod heads;
mod judge;
mod position;
pub mod postgres;
mod queue;
mod rules;
pub mod sqlite;
mod trouble;
pub mod verify;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    connections::Connections,
    envelope::{Actor, Recorded},
    ids::EventId,
    subject::{Stream, Subject},
};

pub use position::Position;

/// How long a command is remembered with its receipt.
const RECEIPTS_KEPT: Duration = Duration::from_hours(24);

/// "This subject is at this version"; 0 means that it does not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The subject, of the append's own stream.
    pub subject: Subject,
    /// The version that the decision was made on.
    pub version: u64,
}

/// What a claim makes unique or once. Names and codes are stored: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimKind {
    /// A realm's name (held in the `system` realm, for ever).
    RealmName,
    /// A user's user name or e-mail address: one name space, so that neither can be mistaken for the other.
    LoginName,
    /// A `client_id` that is not the application's id.
    ClientId,
    /// An authorization code that was redeemed (spent).
    Code,
    /// An access token that was revoked before its end (spent).
    RevokedToken,
    /// A sign-in form that was used (spent).
    Flow,
    /// The `jti` of a client assertion that was used (RFC 7523; spent).
    ClientAssertion,
    /// The `jti` of an assertion that was exchanged for a token (RFC 7523; spent).
    Assertion,
    /// The `jti` of a DPoP proof that was used (RFC 9449; spent).
    DpopProof,
    /// A pushed authorization request that was used (RFC 9126; spent).
    PushedRequest,
    /// The `jti` of a request object that was used (RFC 9101; spent).
    RequestObject,
    /// A user code, until its device authorization is over (RFC 8628; spent).
    UserCode,
    /// A device code that was redeemed (RFC 8628; spent).
    DeviceCode,
    /// A step of a one-time-password device whose code was used (RFC 6238; spent).
    TotpStep,
    /// A recovery code that was used (spent).
    RecoveryCode,
    /// The credential id of a passkey: one user's alone (Web Authentication Level 3, section 7.1).
    PasskeyId,
    /// What a passkey was to sign, once it did (spent).
    PasskeyChallenge,
    /// A letter whose link or code was used (spent).
    Letter,
    /// The alias of an identity provider.
    IdentityProviderAlias,
    /// What an issuer calls somebody: one user's alone (OpenID Connect Core, section 5.7).
    Identity,
    /// A request to an identity provider, once its answer was used (spent).
    FederatedRequest,
}

impl ClaimKind {
    /// All kinds.
    pub const ALL: [ClaimKind; 21] = [
        ClaimKind::RealmName,
        ClaimKind::LoginName,
        ClaimKind::ClientId,
        ClaimKind::Code,
        ClaimKind::RevokedToken,
        ClaimKind::Flow,
        ClaimKind::ClientAssertion,
        ClaimKind::Assertion,
        ClaimKind::DpopProof,
        ClaimKind::PushedRequest,
        ClaimKind::RequestObject,
        ClaimKind::UserCode,
        ClaimKind::DeviceCode,
        ClaimKind::TotpStep,
        ClaimKind::RecoveryCode,
        ClaimKind::PasskeyId,
        ClaimKind::PasskeyChallenge,
        ClaimKind::Letter,
        ClaimKind::IdentityProviderAlias,
        ClaimKind::Identity,
        ClaimKind::FederatedRequest,
    ];

    /// The stored code.
    pub const fn code(self) -> u8 {
        match self {
            ClaimKind::RealmName => 1,
            ClaimKind::LoginName => 2,
            ClaimKind::ClientId => 3,
            ClaimKind::Code => 4,
            ClaimKind::RevokedToken => 5,
            ClaimKind::Flow => 6,
            ClaimKind::ClientAssertion => 7,
            ClaimKind::Assertion => 8,
            ClaimKind::DpopProof => 9,
            ClaimKind::PushedRequest => 10,
            ClaimKind::RequestObject => 11,
            ClaimKind::UserCode => 12,
            ClaimKind::DeviceCode => 13,
            ClaimKind::TotpStep => 14,
            ClaimKind::RecoveryCode => 15,
            ClaimKind::PasskeyId => 16,
            ClaimKind::PasskeyChallenge => 17,
            ClaimKind::Letter => 35,
            ClaimKind::IdentityProviderAlias => 50,
            ClaimKind::Identity => 51,
            ClaimKind::FederatedRequest => 52,
        }
    }

    /// The kind of this stored code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// HMAC(realm pepper, normalised value), which binds the realm: two realms never share a digest.
pub type Digest = [u8; 32];

/// What an append does to a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum ClaimChange {
    /// Takes a name until it is released. Refused if another subject holds it; taking what one holds is fine.
    Hold {
        /// What it makes unique.
        kind: ClaimKind,
        /// Of which value.
        digest: Digest,
        /// For whom (an id of a user, a realm, an application).
        holder: Uuid,
    },
    /// Gives a held name back. Refused unless this holder holds it.
    Release {
        /// What it made unique.
        kind: ClaimKind,
        /// Of which value.
        digest: Digest,
        /// Whose it was.
        holder: Uuid,
    },
    /// Uses something up, for ever. Refused if it was spent before, by whomever.
    Spend {
        /// What it makes once.
        kind: ClaimKind,
        /// Of which value.
        digest: Digest,
        /// By whom.
        holder: Uuid,
        /// From when on a sweeper may delete it: 24 h after the artefact itself is invalid.
        expires: Timestamp,
    },
}

impl ClaimChange {
    /// What kind of claim it changes, and of which value.
    pub const fn key(&self) -> (ClaimKind, &Digest) {
        match self {
            ClaimChange::Hold { kind, digest, .. }
            | ClaimChange::Release { kind, digest, .. }
            | ClaimChange::Spend { kind, digest, .. } => (*kind, digest),
        }
    }
}

/// An event on its way into the log. Version, seq and time are given by the engine.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its own id.
    pub id: EventId,
    /// The aggregate it changes (which the append must condition); `None` for activity that decides nothing.
    pub subject: Option<Subject>,
    /// The stable name.
    pub event_type: &'static str,
    /// The version of the body's shape.
    pub schema: u16,
    /// Who did it.
    pub actor: Actor,
    /// The event that it follows from.
    pub cause: Option<EventId>,
    /// The trace context in which it is appended, if it is collected.
    pub trace: Option<String>,
    /// The body, sealed and serialised.
    pub body: Vec<u8>,
}

/// A command's identity, so that sending it twice does it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandKey {
    /// HMAC(caller, operation, `Idempotency-Key`).
    pub id: Digest,
    /// HMAC(body).
    pub body: Digest,
}

/// One command's wish: all of it is committed, or none.
#[derive(Clone, Debug)]
pub struct Append {
    /// The one stream that it moves.
    pub stream: Stream,
    /// What must still be so.
    pub conditions: Vec<Condition>,
    /// What becomes unique or spent.
    pub claims: Vec<ClaimChange>,
    /// At least one; or none, if the command changes nothing and has a key: then it is judged like any other, makes no
    /// claims, and only the command is remembered.
    pub events: Vec<NewEvent>,
    /// The command's identity, if the caller gave one.
    pub command: Option<CommandKey>,
    /// The id of what the command made or changed, for the receipt.
    pub target: Uuid,
}

/// What is remembered of a committed command, and answered again to its repetition. Never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What was made or changed: [`Append::target`].
    pub id: Uuid,
    /// The version of the first event's subject after the append; 0 if it has none. Without events, that of the first
    /// condition whose subject has the target's id; 0 if there is none.
    pub version: u64,
    /// The place of the append's last event; without events, where the stream ended when it was judged (seq 0 if it
    /// was empty).
    pub position: Position,
    /// The names of its events, in order; empty for a command that changed nothing.
    pub events: Vec<String>,
}

/// What became of one append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is in the log, durably.
    Committed(Receipt),
    /// It was in the log before, under the same command key: the first answer.
    Repeated(Receipt),
    /// The command key was used for another body.
    CommandReused,
    /// A subject moved since the decision was made.
    Conflict {
        /// Which.
        subject: Subject,
        /// The version it has now.
        found: u64,
    },
    /// A name is taken, or something is used up.
    Claimed {
        /// What kind of claim.
        kind: ClaimKind,
        /// By whom.
        holder: Uuid,
    },
    /// A release of something that is not held by this holder.
    NotHeld {
        /// What kind of claim.
        kind: ClaimKind,
    },
    /// The append breaks a rule of the log (neither events nor a command key, an unconditioned subject, a foreign lane,
    /// too large).
    Malformed(String),
    /// The log cannot take it now, and says why. It was not committed; only where the store went away for good in the
    /// middle of a commit, the text says that this is not known, and the same command key tells once it is back.
    Unavailable(String),
}

/// Where a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which stream.
    pub stream: Stream,
    /// Its last seq.
    pub seq: u64,
}

/// A mark of [`Log::heads`]: "all that had moved by then". It is the node's own and does not outlive it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(pub u64);

/// What [`Log::heads`] answers.
#[derive(Clone, Debug)]
pub struct Moved {
    /// What to ask with next time.
    pub mark: Mark,
    /// Where the streams that may have moved end.
    pub heads: Vec<Head>,
    /// The moment at which it was so: all that was acknowledged before it, on whichever node, is told by this answer
    /// or by an earlier one. How fresh a follower is counts from here, not from when it asked.
    pub as_of: Instant,
}

/// Why the log could not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// It cannot be reached, or not now.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// What is stored is not what was written.
    #[error("the log is damaged: {0}")]
    Corrupt(String),
    /// It was written by a newer version, or is held by another writer.
    #[error("the log was refused: {0}")]
    Refused(String),
}

/// A log engine. No engine's type shows here.
#[async_trait]
pub trait Log: Send + Sync + std::fmt::Debug {
    /// The incarnation of this log.
    fn incarnation(&self) -> Uuid;

    /// Judges and commits; one verdict for each append, in order. Appends of concurrent callers share transactions.
    async fn commit(&self, appends: Vec<Append>) -> Vec<Verdict>;

    /// What was answered to this command, if it was committed: the digest of its body and the receipt.
    async fn receipt(&self, stream: Stream, command: &Digest) -> Result<Option<(Digest, Receipt)>, LogError>;

    /// Who holds this name, or spent this.
    async fn claimed(
        &self,
        stream: Stream,
        kind: ClaimKind,
        digest: &Digest,
    ) -> Result<Option<Uuid>, LogError>;

    /// The events of one subject after a version, in order.
    async fn load(
        &self,
        stream: Stream,
        subject: Subject,
        after_version: u64,
    ) -> Result<Vec<Recorded>, LogError>;

    /// At most `limit` events of a stream after a seq, in order.
    async fn read(&self, stream: Stream, after_seq: u64, limit: usize) -> Result<Vec<Recorded>, LogError>;

    /// Where a stream ends; seq 0 if it is empty.
    async fn head(&self, stream: Stream) -> Result<Head, LogError>;

    /// The streams that may have moved since a mark (all streams for the default mark), the next mark, and as of when.
    async fn heads(&self, since: Mark) -> Result<Moved, LogError>;

    /// Changes whenever something may have been committed: followers wait on it, and poll as the fallback.
    fn moved(&self) -> tokio::sync::watch::Receiver<u64>;

    /// Deletes spent claims and command keys whose time has passed; answers how many.
    async fn sweep(&self, now: Timestamp) -> Result<u64, LogError>;

    /// Whether it answers and, where this node writes it, takes appends; else why not.
    async fn health(&self) -> Result<(), LogError>;

    /// The connections of its pools.
    fn connections(&self) -> Connections;

    /// Commits what is queued, refuses what comes, and closes.
    async fn close(&self);
}
