//! Group commit for new keys, before any engine: what waits while one transaction is written shares the next.
//! The rule: a put is answered when it is durable, by what became of its own name; nobody's put fails by another's.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use async_trait::async_trait;
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
};

use super::{KeyError, KeyName};

/// Puts that share a transaction.
const BATCH: usize = 256;
/// Puts that may wait in the queue; those after them wait for a place in it.
const CAPACITY: usize = 1_024;
/// The longest id of a key, in bytes.
const MAX_ID: usize = 255;
/// The longest wrapped key, in bytes: private keys take a few thousand.
const MAX_WRAPPED: usize = 64 * 1024;

/// A key to be stored under a name that may be taken.
#[derive(Debug)]
pub(super) struct Put {
    pub name: KeyName,
    pub wrapped: Vec<u8>,
}

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It is stored.
    New,
    /// There is a key already.
    Taken,
    /// A tombstone stands.
    Destroyed,
}

/// What an engine does with a batch.
#[async_trait]
pub(super) trait PutAll: Send + Sync + 'static {
    /// Stores keys of distinct names in one transaction, durably; what became of each, in their order. An error is
    /// the store's: none of them is known to be stored.
    async fn put_all(&self, puts: &[Put]) -> Result<Vec<Placed>, KeyError>;
}

#[derive(Debug)]
struct Waiting {
    put: Put,
    answer: oneshot::Sender<Result<bool, KeyError>>,
}

/// The callers' end of the one task that writes a store's new keys.
#[derive(Debug)]
pub(super) struct Puts {
    queue: RwLock<Option<mpsc::Sender<Waiting>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Puts {
    /// Starts the task, which ends when this is closed or dropped.
    pub fn start(engine: impl PutAll) -> Self {
        let (queue, backlog) = mpsc::channel(CAPACITY);
        Self {
            queue: RwLock::new(Some(queue)),
            task: Mutex::new(Some(tokio::spawn(work(engine, backlog)))),
        }
    }

    /// As [`super::KeyStore::put`]. If the caller goes away the key is stored nevertheless.
    pub async fn put(&self, name: &KeyName, wrapped: &[u8]) -> Result<bool, KeyError> {
        // Refused here, what a database could refuse fails no batch.
        if name.id.len() > MAX_ID || name.id.contains('\0') || wrapped.len() > MAX_WRAPPED {
            return Err(KeyError::Refused(format!("the {name:?} cannot be stored")));
        }
        let closed = || KeyError::Unavailable("the key store is closed".to_owned());
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner).clone();
        let put = Put {
            name: name.clone(),
            wrapped: wrapped.to_vec(),
        };
        let (answer, placed) = oneshot::channel();
        let queue = queue.ok_or_else(closed)?;
        queue.send(Waiting { put, answer }).await.map_err(|_| closed())?;
        drop(queue);
        placed.await.map_err(|_| closed())?
    }

    /// Refuses what comes from now on, and waits until what was taken is answered.
    pub async fn close(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the writer of the key store did not end well");
        }
    }
}

async fn work(engine: impl PutAll, mut backlog: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    while backlog.recv_many(&mut batch, BATCH).await > 0 {
        let mut puts = Vec::with_capacity(batch.len());
        let mut callers: Vec<Vec<_>> = Vec::with_capacity(batch.len());
        let mut places = HashMap::new();
        for Waiting { put, answer } in batch.drain(..) {
            // Of two with one name the first is written; both hear what became of it.
            let place = *places.entry(put.name.clone()).or_insert(puts.len());
            if place == puts.len() {
                puts.push(put);
                callers.push(Vec::new());
            }
            callers[place].push(answer);
        }
        let placed = engine.put_all(&puts).await;
        for (place, callers) in callers.into_iter().enumerate() {
            let mut answer = match &placed {
                Ok(placed) => match placed[place] {
                    Placed::New => Ok(true),
                    Placed::Taken => Ok(false),
                    Placed::Destroyed => Err(KeyError::Destroyed),
                },
                Err(error) => Err(error.clone()),
            };
            for caller in callers {
                // A caller who no longer waits does not matter.
                let _ = caller.send(answer.clone());
                answer = answer.map(|_| false);
            }
        }
    }
}
