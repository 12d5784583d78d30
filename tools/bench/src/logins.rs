//! Password checks: through the admission queue of `passwords`, against bare Argon2id in a loop on every core, with memory
//! that each core keeps as the workers do.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use passwords::{Hasher, Parameters, Verdict};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Outcome,
    report::{Figure, Of},
    rounds::{self, Pace, Taken, rate},
};

const PASSWORD: &str = "correct horse ripens slowly";

/// The share of bare Argon2id that it shall reach.
const MARK: f64 = 0.95;

/// What can be said of this workload.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Callers, each of which waits for its answer before it asks again.
    #[arg(long, default_value_t = 32)]
    pub callers: usize,
}

/// Sign-ins' hashing: right passwords, with the default parameters.
pub async fn measure(options: &Options, pace: Pace) -> Outcome<Vec<Figure>> {
    let cores = std::thread::available_parallelism()?.get();
    let figure = rounds::measure(
        "logins",
        "password check",
        pace.rounds,
        format!("bare Argon2id on {cores} cores"),
        async || bare(cores, pace.time).await,
        async || checks(options.callers, cores, pace.time).await,
    )
    .await?;
    Ok(vec![figure.at_least(Of::Ratio, MARK)])
}

async fn checks(callers: usize, cores: usize, time: Duration) -> Outcome<Taken> {
    let hasher = Arc::new(Hasher::new(Parameters::default(), cores, callers)?);
    let password = SecretString::from(PASSWORD);
    let stored: Arc<str> = hasher.hash(&password).await?.into();
    rounds::closed_loop(callers, time, move |_, _| {
        let (hasher, password, stored) = (Arc::clone(&hasher), password.clone(), Arc::clone(&stored));
        async move {
            match hasher.verify(&password, Some(&stored)).await {
                Ok(Verdict::Match { .. }) => Ok(()),
                other => Err(format!("not verified: {other:?}").into()),
            }
        }
    })
    .await
}

/// Hashes a second, each core with memory of its own that it uses again and again.
pub async fn bare(cores: usize, time: Duration) -> Outcome<f64> {
    tokio::task::spawn_blocking(move || hashes(cores, time)).await?
}

fn hashes(cores: usize, time: Duration) -> Outcome<f64> {
    let parameters = Parameters::default();
    let params = Params::new(
        parameters.memory_kib,
        parameters.iterations,
        parameters.parallelism,
        Some(32),
    )
    .map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let password = SecretString::from(PASSWORD);
    let ended = Instant::now() + time;
    let counts: Outcome<Vec<usize>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| -> Outcome<usize> {
                    let mut memory = vec![Block::default(); argon2.params().block_count()];
                    let mut output = [0; 32];
                    let mut count = 0;
                    loop {
                        argon2
                            .hash_password_into_with_memory(
                                password.expose_secret().as_bytes(),
                                &[7; 16],
                                &mut output,
                                &mut memory,
                            )
                            .map_err(|error| error.to_string())?;
                        if Instant::now() > ended {
                            return Ok(count);
                        }
                        count += 1;
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread panicked")?)
            .collect()
    });
    Ok(rate(counts?.iter().sum(), time))
}
