//! The claims of one stream, as its events tell them, beside those that the log holds.
//!
//! A claim that vanished would let a name be taken twice and a code be redeemed twice: that must not go unseen.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Check, MOST_FINDINGS, VerifyError};
use crate::{
    clock::{Clock, Timestamp},
    codec,
    envelope::Recorded,
    event::DecodeError,
    keys::{KeyError, Keyring},
    log::{ClaimChange, ClaimKind, Digest},
};

/// A claim that is held or spent, since this seq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    seq: u64,
    holder: Uuid,
    expires: Option<Timestamp>,
}

/// What the events of one stream tell. It remembers what is held, and what was spent and may not be swept yet.
#[derive(Debug)]
pub(super) struct Claims<'a> {
    keyring: &'a Keyring,
    clock: &'a dyn Clock,
    told: HashMap<(ClaimKind, Digest), Told>,
}

impl<'a> Claims<'a> {
    pub fn new(keyring: &'a Keyring, clock: &'a dyn Clock) -> Self {
        Self {
            keyring,
            clock,
            told: HashMap::new(),
        }
    }

    /// Notes what an event tells; answers what is wrong with it. A realm whose key was destroyed tells nothing.
    pub async fn read(&mut self, event: &Recorded) -> Result<Option<String>, VerifyError> {
        let changes = match codec::claims(self.keyring, event).await {
            Ok(changes) => changes,
            Err(DecodeError::Keys(error @ KeyError::Unavailable(_))) => return Err(error.into()),
            Err(error) => return Ok(Some(format!("tells claims that cannot be read: {error}"))),
        };
        let now = self.clock.now();
        for change in changes {
            let (kind, digest) = change.key();
            let key = (kind, *digest);
            let (holder, expires) = match change {
                ClaimChange::Release { .. } => {
                    self.told.remove(&key);
                    continue;
                }
                ClaimChange::Spend { expires, .. } if expires <= now => continue,
                ClaimChange::Spend { holder, expires, .. } => (holder, Some(expires)),
                ClaimChange::Hold { holder, .. } => (holder, None),
            };
            let seq = event.entry.seq;
            self.told.insert(key, Told { seq, holder, expires });
        }
        Ok(None)
    }
}

impl Check<'_> {
    /// Compares what the events tell with what the log holds; answers how many claims are as told.
    pub(super) async fn compare_claims(&mut self) -> Result<u64, VerifyError> {
        let Some(claims) = &self.claims else { return Ok(0) };
        let keys: Vec<_> = claims.told.keys().copied().collect();
        let mut right = 0;
        for key in keys {
            if self.findings.len() >= MOST_FINDINGS {
                break;
            }
            if self.compare(key).await? {
                right += 1;
            }
        }
        Ok(right)
    }

    /// Whether this claim is there as told; where it should be and is not, that is found.
    async fn compare(&mut self, key: (ClaimKind, Digest)) -> Result<bool, VerifyError> {
        while let Some((told, swept)) = self.told(key) {
            let (kind, digest) = key;
            let found = self.log.claimed(self.stream, kind, &digest).await?;
            if found == Some(told.holder) {
                return Ok(true);
            }
            if found.is_none() && swept {
                return Ok(false);
            }
            // A server beside us may have changed it since we read its events: what counts is what they tell by now.
            self.run().await?;
            let Some((now, swept)) = self.told(key) else { break };
            if now == told && !(found.is_none() && swept) {
                let state = if told.expires.is_some() { "spent" } else { "held" };
                let found = found.map_or_else(|| "nobody".to_owned(), |other| other.to_string());
                self.find(
                    told.seq,
                    format!(
                        "tells a claim of kind {kind:?}, {state} by {}; the log says by {found}",
                        told.holder
                    ),
                );
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// What the events tell of a claim, and whether it may have been swept by now.
    fn told(&self, key: (ClaimKind, Digest)) -> Option<(Told, bool)> {
        let claims = self.claims.as_ref()?;
        let told = *claims.told.get(&key)?;
        let now = claims.clock.now();
        Some((told, told.expires.is_some_and(|expires| expires <= now)))
    }
}
