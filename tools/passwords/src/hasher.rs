//! The face of the hashing threads: two async calls, each one job. Verifying costs the same whether or not
//! there is a hash to verify against, so that time does not tell who has an account.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use crate::parameters::{OUTPUT_BYTES, SALT_BYTES};
use crate::queue::Queue;
use crate::stored::Stored;
use crate::worker::{HashJob, Purpose, work};
use crate::{Breached, HashError, Parameters};

/// How many jobs may wait for each thread, unless said: about a second's worth.
const QUEUE_PER_WORKER: usize = 50;

/// What became of comparing a password with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Match {
        /// Whether the stored hash was made with other parameters than those of now, and should be replaced
        /// while the password is at hand.
        needs_rehash: bool,
    },
    /// It is not, or there is nothing to compare with.
    Mismatch,
}

/// Hashes passwords with Argon2id on threads of its own, behind a bounded queue.
///
/// Share it in an `Arc`. When it is dropped, its threads end after the hash at hand, and whoever still waits
/// gets [`HashError::Stopped`].
pub struct Hasher {
    queue: Arc<Queue<HashJob>>,
    parameters: Parameters,
    argon2: Argon2<'static>,
    dummy: Dummy,
    breached: Option<Arc<Breached>>,
}

/// A place in the queue before the threads, kept for somebody who has something to do before their password is looked at. It is given
/// up when it is dropped.
pub struct Place {
    queue: Option<Arc<Queue<HashJob>>>,
}

impl Place {
    fn take(mut self, job: HashJob) -> Result<(), HashError> {
        self.queue
            .take()
            .map_or(Err(HashError::Stopped), |queue| queue.take_place(job))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.give_place_up();
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

/// What the password of an unknown user is compared with: the hash of nothing that anybody knows.
struct Dummy {
    salt: Salt,
    output: Output,
}

impl Hasher {
    /// Starts `workers` threads (0: as many as the machine has cores) behind a queue for `queue` jobs (0: 50
    /// for each thread).
    ///
    /// Impossible or absurd parameters are refused; whether they are strong is asked of
    /// [`Parameters::meets_recommendation`].
    pub fn new(parameters: Parameters, workers: usize, queue: usize) -> Result<Self, HashError> {
        describe_metrics();
        let argon2 = parameters.argon2()?;
        let workers = match workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            chosen => chosen,
        };
        let capacity = match queue {
            0 => workers.saturating_mul(QUEUE_PER_WORKER),
            chosen => chosen,
        };
        let dummy = Dummy {
            salt: Salt::new(&random::<SALT_BYTES>()?).map_err(|_| HashError::InvalidParameters)?,
            output: Output::new(&random::<OUTPUT_BYTES>()?).map_err(|_| HashError::InvalidParameters)?,
        };
        let hasher = Self {
            queue: Arc::new(Queue::new(capacity, workers, Duration::from_millis(20))),
            parameters,
            argon2,
            dummy,
            breached: None,
        };
        let usual = hasher.argon2.params().block_count();
        for number in 0..workers {
            let queue = Arc::clone(&hasher.queue);
            // If one cannot be had, `hasher` is dropped here, and with it go those that were started.
            thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work(&queue, usual))
                .map_err(|_| HashError::NoResources)?;
        }
        Ok(hasher)
    }

    /// Knows which passwords were found in breaches.
    #[must_use]
    pub fn knowing(mut self, breached: Breached) -> Self {
        self.breached = Some(Arc::new(breached));
        self
    }

    /// Whether a password (in NFKC) was found in a breach; no, if nobody said which were.
    pub async fn is_breached(&self, password: &SecretString) -> Result<bool, HashError> {
        let Some(breached) = self.breached.clone() else {
            return Ok(false);
        };
        let password = password.clone();
        let found = tokio::task::spawn_blocking(move || breached.has(password.expose_secret()));
        found.await.map_err(|_| HashError::Stopped)?.map_err(|error| {
            tracing::error!(%error, "the file of breached passwords cannot be read");
            HashError::BreachedUnreadable
        })
    }

    /// The parameters of new hashes.
    pub const fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// How many jobs wait for a thread.
    pub fn queue_depth(&self) -> usize {
        self.queue.depth()
    }

    /// Hashes a password (in NFKC, with a new salt) to a PHC string.
    pub async fn hash(&self, password: &SecretString) -> Result<String, HashError> {
        let salt = Salt::new(&random::<SALT_BYTES>()?).map_err(|_| HashError::InvalidParameters)?;
        let (reply, answer) = oneshot::channel();
        self.queue.admit(HashJob {
            password: password.clone(),
            argon2: self.argon2.clone(),
            salt,
            purpose: Purpose::Make {
                length: OUTPUT_BYTES,
                reply,
            },
        })?;
        let output = answer.await.map_err(|_| HashError::Stopped)??;
        let phc = PasswordHash {
            algorithm: argon2::ARGON2ID_IDENT,
            version: Some(argon2::Version::V0x13.into()),
            params: ParamsString::try_from(self.argon2.params()).map_err(|_| HashError::InvalidParameters)?,
            salt: Some(salt),
            hash: Some(output),
        };
        Ok(phc.to_string())
    }

    /// Keeps a place in the queue, or refuses at once: whoever notes an attempt before it is judged knows by it that it will be.
    pub fn place(&self) -> Result<Place, HashError> {
        self.queue.keep_place()?;
        Ok(Place {
            queue: Some(Arc::clone(&self.queue)),
        })
    }

    /// Compares a password (in NFKC) with a stored hash in PHC form, in constant time.
    ///
    /// Without a hash (no such user, no password set) it does the work of one with the parameters of now, and
    /// answers [`Verdict::Mismatch`].
    pub async fn verify(&self, password: &SecretString, phc: Option<&str>) -> Result<Verdict, HashError> {
        let place = self.place()?;
        self.verify_at(place, password, phc).await
    }

    /// The same at a place that was kept.
    pub async fn verify_at(
        &self,
        place: Place,
        password: &SecretString,
        phc: Option<&str>,
    ) -> Result<Verdict, HashError> {
        let stored = phc.map(|phc| Stored::parse(phc, &self.parameters)).transpose()?;
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| Stored {
            argon2: self.argon2.clone(),
            salt: self.dummy.salt,
            output: self.dummy.output,
            outdated: false,
        });
        let (reply, answer) = oneshot::channel();
        place.take(HashJob {
            password: password.clone(),
            argon2: stored.argon2,
            salt: stored.salt,
            purpose: Purpose::Compare {
                expected: stored.output,
                reply,
            },
        })?;
        let same = answer.await.map_err(|_| HashError::Stopped)??;
        Ok(if same && known {
            Verdict::Match {
                needs_rehash: stored.outdated,
            }
        } else {
            Verdict::Mismatch
        })
    }
}

impl Drop for Hasher {
    /// The threads are not waited for: this may run on an async thread, which a hash at hand would hold up.
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("parameters", &self.parameters)
            .field("queue_depth", &self.queue_depth())
            .finish_non_exhaustive()
    }
}

fn random<const N: usize>() -> Result<[u8; N], HashError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| HashError::NoRandomness)?;
    Ok(bytes)
}

fn describe_metrics() {
    describe_gauge!(
        "chancery_password_queue_depth",
        Unit::Count,
        "Password hashes that wait for a thread"
    );
    describe_histogram!(
        "chancery_password_hash_seconds",
        Unit::Seconds,
        "Time to compute one password hash"
    );
    describe_counter!(
        "chancery_password_refused_total",
        Unit::Count,
        "Password hashes refused because the queue was full"
    );
}
