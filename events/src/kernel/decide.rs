//! The shape of a command: what it reads, and what it decides.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Context, Kernel, KernelError};
use crate::{
    clock::Timestamp,
    event::Event,
    fold::{Fold, Versioned},
    ids::RealmId,
    log::{ClaimKind, Condition, Receipt},
    subject::{Stream, Subject},
};

/// A command.
#[async_trait]
pub trait Decide: Send + Sync {
    /// What it must know.
    type State: Send + Sync;
    /// Why it may be refused.
    type Rejection: Send;

    /// The one stream that it moves.
    fn stream(&self) -> Stream;

    /// Reads what it must know. Each subject of the command's stream that it reads becomes a condition.
    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError>;

    /// Decides. Pure: the same state and context give the same answer.
    fn decide(&self, state: &Self::State, context: &Context) -> Result<Decision, Self::Rejection>;
}

/// What was decided. No events: everything is already as the command wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What the command made or changed; its version is what `If-Match` speaks of. The command must have read it.
    pub subject: Subject,
    /// What happened, each with the subject that it changes.
    pub events: Vec<(Option<Subject>, Event)>,
    /// What becomes unique, free or spent with it.
    pub claims: Vec<Claim>,
}

impl Decision {
    /// Everything is already as it should be.
    pub const fn nothing(subject: Subject) -> Self {
        Self {
            subject,
            events: Vec::new(),
            claims: Vec::new(),
        }
    }

    /// One event of the subject itself.
    pub fn of(subject: Subject, event: impl Into<Event>) -> Self {
        Self::nothing(subject).and(subject, event)
    }

    /// And an event of this subject.
    #[must_use]
    pub fn and(mut self, subject: Subject, event: impl Into<Event>) -> Self {
        self.events.push((Some(subject), event.into()));
        self
    }

    /// And activity that changes no subject.
    #[must_use]
    pub fn noting(mut self, event: impl Into<Event>) -> Self {
        self.events.push((None, event.into()));
        self
    }

    /// And a claim.
    #[must_use]
    pub fn claiming(mut self, claim: Claim) -> Self {
        self.claims.push(claim);
        self
    }
}

/// A claim by its value; the kernel turns values into digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Takes a name until it is released.
    Hold {
        /// What it makes unique.
        kind: ClaimKind,
        /// The value, normalised.
        value: String,
        /// For whom.
        holder: Uuid,
    },
    /// Gives a name back.
    Release {
        /// What it made unique.
        kind: ClaimKind,
        /// The value, normalised.
        value: String,
        /// Whose it was.
        holder: Uuid,
    },
    /// Uses something up.
    Spend {
        /// What it makes once.
        kind: ClaimKind,
        /// The value.
        value: String,
        /// By whom.
        holder: Uuid,
        /// When the thing would be invalid by itself.
        invalid: Timestamp,
    },
}

/// A committed command (or one that found nothing to do).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What is answered.
    pub receipt: Receipt,
    /// Whether this is the first answer, given again: secrets made for this call were not stored and must not be shown.
    pub repeated: bool,
}

/// Why a command was not committed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure<R> {
    /// The rules refuse it.
    #[error("rejected")]
    Rejected(R),
    /// A name is taken, or something was used up.
    #[error("claimed by {holder}")]
    Claimed {
        /// What kind of claim.
        kind: ClaimKind,
        /// By whom.
        holder: Uuid,
    },
    /// `If-Match` names another version.
    #[error("the version is {found}")]
    PreconditionFailed {
        /// The version it has.
        found: u64,
    },
    /// Others were faster, several times in a row.
    #[error("lost the race too often")]
    Conflict,
    /// The `Idempotency-Key` was used for another body.
    #[error("the command key was used for another body")]
    CommandReused,
    /// It could not be decided.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// Reads states for a decision and notes their versions as conditions.
pub struct Reader<'a> {
    kernel: &'a Kernel,
    stream: Stream,
    reload: bool,
    conditions: Vec<Condition>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(kernel: &'a Kernel, stream: Stream, reload: bool) -> Self {
        Self {
            kernel,
            stream,
            reload,
            conditions: Vec::new(),
        }
    }

    /// A subject of the command's own stream: a condition of the append.
    pub async fn subject<F: Fold>(&mut self, id: Uuid) -> Result<Versioned<F>, KernelError> {
        if F::KIND.lane() != self.stream.lane {
            return Err(KernelError::Malformed(format!(
                "{} is not in {}",
                F::KIND.as_str(),
                self.stream
            )));
        }
        let versioned = self.kernel.state::<F>(self.stream.realm, id, self.reload).await?;
        let subject = Subject::new(F::KIND, id);
        self.conditions.retain(|condition| condition.subject != subject);
        self.conditions.push(Condition {
            subject,
            version: versioned.version,
        });
        Ok(versioned)
    }

    /// A subject of another stream: known within a second, and no condition.
    pub async fn beside<F: Fold>(&self, realm: RealmId, id: Uuid) -> Result<Versioned<F>, KernelError> {
        if self.reload {
            self.kernel.latest::<F>(realm, id).await
        } else {
            self.kernel.current::<F>(realm, id).await
        }
    }

    pub(super) fn version_of(&self, subject: Subject) -> Option<u64> {
        self.conditions
            .iter()
            .find(|condition| condition.subject == subject)
            .map(|condition| condition.version)
    }

    /// What was read, the decided subject first: a receipt speaks of its version.
    pub(super) fn into_conditions(mut self, decided: Subject) -> Vec<Condition> {
        self.conditions
            .sort_by_key(|condition| condition.subject != decided);
        self.conditions
    }
}
