//! One hashing thread: takes jobs, computes Argon2 in memory that it keeps, answers. The memory is the reason
//! for threads of our own: 19 MiB that need not be asked for and given back for each hash, and that are given back
//! when nobody signs in for a while.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, Salt};
use argon2::{Argon2, Block};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;
use tracing::error;
use zeroize::Zeroizing;

use crate::HashError;
use crate::normalize::nfkc;
use crate::queue::{Job, Next, Queue};

/// How long a thread without work keeps its memory. To get it anew takes a fraction of the hash itself.
const KEPT: Duration = Duration::from_secs(1);

/// One hash to compute, and whom to tell.
pub(crate) struct HashJob {
    pub(crate) password: SecretString,
    pub(crate) argon2: Argon2<'static>,
    pub(crate) salt: Salt,
    pub(crate) purpose: Purpose,
}

/// What the hash is for. Both cost the same.
pub(crate) enum Purpose {
    /// To be stored.
    Make {
        /// Length in bytes.
        length: usize,
        /// Who waits for it.
        reply: oneshot::Sender<Result<Output, HashError>>,
    },
    /// To be compared.
    Compare {
        /// With this one.
        expected: Output,
        /// Who waits for whether it is the same.
        reply: oneshot::Sender<Result<bool, HashError>>,
    },
}

impl Job for HashJob {
    fn is_abandoned(&self) -> bool {
        match &self.purpose {
            Purpose::Make { reply, .. } => reply.is_closed(),
            Purpose::Compare { reply, .. } => reply.is_closed(),
        }
    }
}

/// Works until the queue is closed. `usual` is how many blocks a hash of the current parameters takes.
pub(crate) fn work(queue: &Queue<HashJob>, usual: usize) {
    let mut memory = Memory {
        blocks: Vec::new(),
        usual,
    };
    loop {
        // Who keeps no memory has nothing to wake up for.
        let patience = (!memory.blocks.is_empty()).then_some(KEPT);
        let job = match queue.next(patience) {
            Next::Job(job) => job,
            Next::Idle => {
                memory.blocks = Vec::new();
                continue;
            }
            Next::Closed => return,
        };
        let started = Instant::now();
        // A panic must not take the thread away, unnoticed, from everybody who comes after; the one who waits
        // is told `Stopped`.
        if catch_unwind(AssertUnwindSafe(|| job.run(&mut memory))).is_err() {
            error!("computing a password hash panicked");
            memory.blocks = Vec::new();
        }
        queue.finished(started.elapsed());
    }
}

impl HashJob {
    fn run(self, memory: &mut Memory) {
        let Self {
            password,
            argon2,
            salt,
            purpose,
        } = self;
        let password = nfkc(password.expose_secret());
        // Whoever asked may have gone away since the job was taken up: then nobody reads the answer.
        match purpose {
            Purpose::Make { length, reply } => {
                let output = memory.hash(&argon2, &password, &salt, length);
                let _ = reply.send(
                    output.and_then(|bytes| Output::new(&bytes).map_err(|_| HashError::InvalidParameters)),
                );
            }
            Purpose::Compare { expected, reply } => {
                let output = memory.hash(&argon2, &password, &salt, expected.len());
                let _ = reply.send(output.map(|bytes| bytes.ct_eq(expected.as_bytes()).into()));
            }
        }
    }
}

/// The memory of one thread.
struct Memory {
    blocks: Vec<Block>,
    usual: usize,
}

impl Memory {
    fn hash(
        &mut self,
        argon2: &Argon2<'_>,
        password: &str,
        salt: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, HashError> {
        let needed = argon2.params().block_count();
        if self.blocks.len() < needed {
            self.blocks
                .try_reserve_exact(needed - self.blocks.len())
                .map_err(|_| HashError::NoResources)?;
            self.blocks.resize(needed, Block::new());
        }
        let mut output = Zeroizing::new(vec![0; length]);
        let hashed = argon2.hash_password_into_with_memory(
            password.as_bytes(),
            salt,
            &mut output,
            &mut self.blocks[..needed],
        );
        // A single hash from elsewhere may want much more; that is not kept.
        if self.blocks.len() > self.usual {
            self.blocks.truncate(self.usual);
            self.blocks.shrink_to_fit();
        }
        hashed.map(|()| output).map_err(|_| HashError::InvalidParameters)
    }
}
