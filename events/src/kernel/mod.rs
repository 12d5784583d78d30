//! The kernel: load, decide, append; the same way for every command of every domain.
//!
//! A command is a [`Decide`]: it names its stream, loads what it must know through a [`Reader`] (which turns each
//! subject read into a condition), and decides without I/O. If a subject moved meanwhile, the kernel reads the delta and decides again, a few
//! times; a decision is never committed on a state that it has not seen.
//!
//! Answers that commit nothing ask [`Kernel::current`]: the fold cache while this node follows the log within a second, else the log itself.

pub mod batch;
mod cache;
mod context;
mod decide;
mod follow;

use std::sync::Arc;

use tracing::Instrument;
use uuid::Uuid;

use crate::{
    clock::{Clock, Random, Timestamp},
    codec,
    event::{DecodeError, Event, Happened, Network},
    fold::{Fold, Versioned},
    ids::{EventId, RealmId},
    keys::{KeyError, Keyring, Owner},
    log::{Append, ClaimChange, ClaimKind, CommandKey, Digest, Log, LogError, NewEvent, Receipt, Verdict},
    sealing::Sealed,
    subject::{Lane, Stream, Subject},
};

pub use context::Context;
pub use decide::{Claim, Decide, Decision, Failure, Outcome, Reader};

/// How often a decision is made anew after a lost race before the caller is told.
const ATTEMPTS: usize = 6;

/// Why the kernel could not answer. (Only a log that went away in the middle of a commit leaves open whether it was done.)
#[derive(Clone, Debug, thiserror::Error)]
pub enum KernelError {
    /// The log could not be asked.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The keys could not be asked.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A stored event cannot be understood.
    #[error(transparent)]
    Decode(DecodeError),
    /// A command broke a rule of the log: a defect of ours.
    #[error("malformed append: {0}")]
    Malformed(String),
}

impl KernelError {
    /// Whether the log or the keys are away for now: nothing is wrong with what was asked.
    pub const fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Log(LogError::Unavailable(_)) | Self::Keys(KeyError::Unavailable(_))
        )
    }
}

impl From<DecodeError> for KernelError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Keys(error) => Self::Keys(error),
            other => Self::Decode(other),
        }
    }
}

/// Everything that deciding stands on. One for each node.
#[derive(Debug)]
pub struct Kernel {
    log: Arc<dyn Log>,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    cache: cache::FoldCache,
    freshness: follow::Freshness,
    waited: follow::Waited,
}

impl Kernel {
    /// Starts a kernel and its follower, which ends with the last handle.
    pub async fn start(
        log: Arc<dyn Log>,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Arc<Self>, KernelError> {
        keyring.prepare_realm(RealmId::SYSTEM).await?;
        let kernel = Arc::new(Self {
            log,
            keyring,
            clock,
            random,
            cache: cache::FoldCache::new(),
            freshness: follow::Freshness::default(),
            waited: follow::Waited::default(),
        });
        follow::spawn(&kernel).await?;
        Ok(kernel)
    }

    /// The log.
    pub fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// The keys.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The source of randomness.
    pub fn random(&self) -> &Arc<dyn Random> {
        &self.random
    }

    /// A new id.
    pub fn new_id(&self) -> Uuid {
        crate::clock::new_id(self.clock.now(), &*self.random)
    }

    /// The state of a subject, at most a second old: for answers that commit nothing.
    pub async fn current<F: Fold>(&self, realm: RealmId, id: Uuid) -> Result<Versioned<F>, KernelError> {
        self.state(
            realm,
            id,
            self.freshness.is_stale(Stream {
                realm,
                lane: F::KIND.lane(),
            }),
        )
        .await
    }

    /// The state of a subject as the log tells it now: asked before something is refused that another node may have
    /// allowed a moment ago.
    pub async fn latest<F: Fold>(&self, realm: RealmId, id: Uuid) -> Result<Versioned<F>, KernelError> {
        self.state(realm, id, true).await
    }

    /// The state of a subject: from the cache, or with the delta of the log if `reload` or if the cache is known to lag.
    async fn state<F: Fold>(
        &self,
        realm: RealmId,
        id: Uuid,
        reload: bool,
    ) -> Result<Versioned<F>, KernelError> {
        let subject = Subject::new(F::KIND, id);
        let slot = self.cache.slot(realm, subject);
        let cached = slot.get::<F>();
        if let Some(cached) = &cached
            && !reload
            && cached.version >= slot.latest()
        {
            return Ok(Versioned::clone(cached));
        }
        let mut versioned = cached.map_or_else(Versioned::default, |cached| Versioned::clone(&cached));
        let stream = Stream {
            realm,
            lane: F::KIND.lane(),
        };
        for recorded in self.log.load(stream, subject, versioned.version).await? {
            versioned.apply_all([&codec::decode(&self.keyring, &recorded).await?]);
        }
        slot.put(versioned.clone());
        Ok(versioned)
    }

    /// For how long the follower has not looked at the whole log: some 250 ms at most while all is well, also when nothing
    /// happens.
    pub fn since_look(&self) -> std::time::Duration {
        self.freshness.since_look()
    }

    /// Changes whenever a stream has moved, on whichever node, once [`current`](Self::current) knows of it: for those who follow the
    /// stream. What happened before the call is theirs to read.
    pub fn moved(&self, stream: Stream) -> tokio::sync::watch::Receiver<u64> {
        self.waited.wait_for(stream)
    }

    /// The last seq of a stream, for a position to wait for.
    pub async fn head(&self, stream: Stream) -> Result<crate::log::Position, KernelError> {
        let head = self.log.head(stream).await?;
        Ok(crate::log::Position {
            incarnation: self.log.incarnation(),
            stream,
            seq: head.seq,
        })
    }

    /// Understands a recorded event.
    pub async fn decode(&self, recorded: &crate::envelope::Recorded) -> Result<Happened, KernelError> {
        Ok(codec::decode(&self.keyring, recorded).await?)
    }

    /// At most `limit` events of a stream after a seq, understood as far as they can be, for those who follow it.
    pub async fn batch(&self, stream: Stream, from: u64, limit: usize) -> Result<batch::Batch, KernelError> {
        batch::fetch(self, stream, from, limit).await
    }

    /// Where the request came from that a recorded event tells of, if it was one.
    pub async fn network(
        &self,
        recorded: &crate::envelope::Recorded,
    ) -> Result<Option<Sealed<Network>>, KernelError> {
        Ok(codec::network(&self.keyring, recorded).await?)
    }

    /// Who holds a name, or spent a thing. `value` is normalised by the caller, the same way as for the claim itself.
    pub async fn claimed(
        &self,
        realm: RealmId,
        lane: Lane,
        kind: ClaimKind,
        value: &str,
    ) -> Result<Option<Uuid>, KernelError> {
        let digest = self.claim_digest(realm, kind, value).await?;
        Ok(self.log.claimed(Stream { realm, lane }, kind, &digest).await?)
    }

    async fn claim_digest(
        &self,
        realm: RealmId,
        kind: ClaimKind,
        value: &str,
    ) -> Result<Digest, KernelError> {
        Ok(self
            .keyring
            .digest(realm, "claims", &[&[kind.code()], value.as_bytes()])
            .await?)
    }

    /// The identity of a command that was sent with an `Idempotency-Key`.
    pub async fn command_key(
        &self,
        realm: RealmId,
        caller: &str,
        operation: &str,
        key: &str,
        body: &[u8],
    ) -> Result<CommandKey, KernelError> {
        Ok(CommandKey {
            id: self
                .keyring
                .digest(
                    realm,
                    "commands",
                    &[caller.as_bytes(), operation.as_bytes(), key.as_bytes()],
                )
                .await?,
            body: self.keyring.digest(realm, "command bodies", &[body]).await?,
        })
    }

    /// A context for a request or a component of ours, at the present moment.
    pub fn context(&self, actor: crate::envelope::Actor) -> Context {
        Context::new(self.clock.now(), Arc::clone(&self.random), actor)
    }

    /// Records activity that decides nothing and races nobody.
    pub async fn record(
        &self,
        realm: RealmId,
        context: &Context,
        events: Vec<Event>,
    ) -> Result<Receipt, KernelError> {
        let events = events.into_iter().map(|event| (None, event)).collect();
        let append = self
            .seal(
                Stream::activity(realm),
                context,
                Uuid::nil(),
                events,
                Vec::new(),
                Vec::new(),
            )
            .await?;
        match self.commit(append).await {
            Verdict::Committed(receipt) | Verdict::Repeated(receipt) => Ok(receipt),
            Verdict::Unavailable(reason) => Err(LogError::Unavailable(reason).into()),
            other => Err(KernelError::Malformed(format!("{other:?}"))),
        }
    }

    /// Decides and appends. On a lost race it reads what changed and decides again, a few times; those who lost on one
    /// subject take turns on this node, so that they do not lose to one another again.
    pub async fn execute<D: Decide>(
        &self,
        context: &Context,
        command: &D,
    ) -> Result<Outcome, Failure<D::Rejection>> {
        let stream = command.stream();
        let (Stream { realm, lane }, name) = (stream, std::any::type_name::<D>());
        let span = tracing::trace_span!(target: traces::SPANS, "decide", command = name, %realm, %lane);
        Box::pin(self.decide(stream, context, command))
            .instrument(span)
            .await
    }

    async fn decide<D: Decide>(
        &self,
        stream: Stream,
        context: &Context,
        command: &D,
    ) -> Result<Outcome, Failure<D::Rejection>> {
        if let Some(outcome) = self.repeated(stream, context).await? {
            return Ok(outcome);
        }
        let (mut turn, mut reload) = (None, false);
        for _ in 0..ATTEMPTS {
            reload = reload || turn.is_some() || self.freshness.is_stale(stream);
            let mut reader = Reader::new(self, stream, reload);
            let state = command.load(&mut reader).await?;
            let decision = command.decide(&state, context);
            let asked_version = |decision: &Decision| {
                let version = reader.version_of(decision.subject);
                context.if_match.is_none_or(|wanted| version == Some(wanted))
            };
            // A refusal, or finding nothing to do, is committed nowhere, so that no condition watches over it: what
            // another node did a moment ago is read first.
            let is_committed = decision
                .as_ref()
                .is_ok_and(|decision| !decision.events.is_empty() && asked_version(decision));
            if !is_committed && !reload {
                reload = true;
                continue;
            }
            let decision = decision.map_err(Failure::Rejected)?;
            let version = reader.version_of(decision.subject);
            if !asked_version(&decision) {
                return Err(Failure::PreconditionFailed {
                    found: version.unwrap_or(0),
                });
            }
            let (target, is_done) = (decision.subject.id, decision.events.is_empty());
            if is_done && context.command.is_none() {
                let position = self.head(stream).await?;
                let receipt = Receipt {
                    id: target,
                    version: version.unwrap_or(0),
                    position,
                    events: Vec::new(),
                };
                return Ok(Outcome {
                    receipt,
                    repeated: false,
                });
            }
            let mut claims = Vec::with_capacity(decision.claims.len());
            for claim in decision.claims {
                claims.push(self.claim(stream.realm, claim).await?);
            }
            // With nothing left to do the append only keeps the command's identity: its repetition does nothing either.
            let conditions = reader.into_conditions(decision.subject);
            let append = self
                .seal(stream, context, target, decision.events, conditions, claims)
                .await?;
            match self.commit(append).await {
                Verdict::Committed(receipt) => {
                    return Ok(Outcome {
                        receipt,
                        repeated: false,
                    });
                }
                Verdict::Repeated(receipt) => {
                    return Ok(Outcome {
                        receipt,
                        repeated: true,
                    });
                }
                Verdict::CommandReused => return Err(Failure::CommandReused),
                Verdict::Claimed { kind, holder } => return Err(Failure::Claimed { kind, holder }),
                lost @ (Verdict::Conflict { .. } | Verdict::NotHeld { .. }) => {
                    metrics::counter!("chancery_decisions_lost_total").increment(1);
                    let contested = if let Verdict::Conflict { subject, .. } = lost {
                        subject
                    } else {
                        decision.subject
                    };
                    drop(turn.take());
                    turn = Some(self.cache.slot(stream.realm, contested).turn().await);
                }
                Verdict::Malformed(reason) => return Err(KernelError::Malformed(reason).into()),
                Verdict::Unavailable(reason) => {
                    return Err(KernelError::Log(LogError::Unavailable(reason)).into());
                }
            }
        }
        Err(Failure::Conflict)
    }

    /// The first answer to a command that was sent before, if it was. [`Kernel::execute`] asks it first; so does whoever
    /// judges or makes something dear before they execute.
    pub async fn repeated<R>(
        &self,
        stream: Stream,
        context: &Context,
    ) -> Result<Option<Outcome>, Failure<R>> {
        let Some(key) = &context.command else {
            return Ok(None);
        };
        let receipt = self.log.receipt(stream, &key.id).await;
        match receipt.map_err(KernelError::from)? {
            None => Ok(None),
            Some((body, receipt)) if body == key.body => Ok(Some(Outcome {
                receipt,
                repeated: true,
            })),
            Some(_) => Err(Failure::CommandReused),
        }
    }

    async fn claim(&self, realm: RealmId, claim: Claim) -> Result<ClaimChange, KernelError> {
        Ok(match claim {
            Claim::Hold { kind, value, holder } => ClaimChange::Hold {
                kind,
                digest: self.claim_digest(realm, kind, &value).await?,
                holder,
            },
            Claim::Release { kind, value, holder } => ClaimChange::Release {
                kind,
                digest: self.claim_digest(realm, kind, &value).await?,
                holder,
            },
            Claim::Spend {
                kind,
                value,
                holder,
                invalid,
            } => ClaimChange::Spend {
                kind,
                digest: self.claim_digest(realm, kind, &value).await?,
                holder,
                expires: invalid.after_seconds(86_400),
            },
        })
    }

    async fn seal(
        &self,
        stream: Stream,
        context: &Context,
        target: Uuid,
        events: Vec<(Option<Subject>, Event)>,
        conditions: Vec<crate::log::Condition>,
        claims: Vec<ClaimChange>,
    ) -> Result<Append, KernelError> {
        let trace = traces::current();
        let mut sealed = Vec::with_capacity(events.len());
        for (index, (subject, event)) in events.into_iter().enumerate() {
            let id = EventId(context.new_id());
            let network = context.network.as_ref().map(|network| {
                (
                    network,
                    Owner::Network {
                        at: context.now,
                        user: context.network_user(),
                    },
                )
            });
            let leading = if index == 0 { &claims[..] } else { &[] };
            let (kind, body) =
                codec::encode(&self.keyring, stream.realm, id, subject, &event, network, leading).await?;
            sealed.push(NewEvent {
                id,
                subject,
                event_type: kind.name,
                schema: kind.schema,
                actor: context.actor.clone(),
                cause: context.cause,
                trace: trace.clone(),
                body,
            });
        }
        Ok(Append {
            stream,
            conditions,
            claims,
            events: sealed,
            command: context.command,
            target,
        })
    }

    async fn commit(&self, append: Append) -> Verdict {
        let realm = append.stream.realm;
        let subjects: Vec<_> = append.events.iter().filter_map(|event| event.subject).collect();
        let bases = append.conditions.clone();
        let count = append.events.len();
        let span = tracing::trace_span!(target: traces::SPANS, "append", events = count);
        let verdict = self
            .log
            .commit(vec![append])
            .instrument(span)
            .await
            .pop()
            .unwrap_or(Verdict::Unavailable("no verdict".to_owned()));
        if let Verdict::Committed(_) = verdict {
            // At once, before the caller hears of it: whoever acts on the answer finds the cache no older than it.
            for condition in &bases {
                let added = subjects
                    .iter()
                    .filter(|subject| **subject == condition.subject)
                    .count() as u64;
                self.cache
                    .moved(realm, condition.subject, condition.version + added);
            }
        }
        verdict
    }
}
