//! Password checks: through the admission queue of `passwords`, against bare Argon2id in a loop on every core.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use passwords::{Hasher, Parameters, Verdict};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Logins, Outcome,
    report::{Figure, rate},
};

const PASSWORD: &str = "correct horse ripens slowly";

/// Sign-ins' hashing: right passwords, with the default parameters.
pub async fn measure(options: &Logins, time: Duration) -> Outcome<Vec<Figure>> {
    let cores = std::thread::available_parallelism()?.get();
    let parameters = Parameters::default();
    let hasher = Arc::new(Hasher::new(parameters, cores, options.callers)?);
    let password = SecretString::from(PASSWORD);
    let stored = hasher.hash(&password).await?;

    let started = Instant::now();
    let ended = started + time;
    let mut working = tokio::task::JoinSet::new();
    for _ in 0..options.callers {
        let (hasher, password, stored) = (Arc::clone(&hasher), password.clone(), stored.clone());
        working.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let asked = Instant::now();
                let verdict = hasher.verify(&password, Some(&stored)).await;
                let answered = Instant::now();
                if answered > ended {
                    return Ok(answers);
                }
                match verdict {
                    Ok(Verdict::Match { .. }) => answers.push(answered - asked),
                    other => return Err(format!("not verified: {other:?}")),
                }
            }
        });
    }
    let mut answers = Vec::new();
    while let Some(worker) = working.join_next().await {
        answers.extend(worker??);
    }
    let allowed = tokio::task::spawn_blocking(move || bare(parameters, &password, cores, time)).await??;
    let of = format!("bare Argon2id on {cores} cores");
    Ok(vec![Figure::new(
        "password check".to_owned(),
        answers,
        time,
        &of,
        allowed,
    )])
}

/// Hashes a second, each core with memory of its own that it uses again and again.
fn bare(parameters: Parameters, password: &SecretString, cores: usize, time: Duration) -> Outcome<f64> {
    let params = Params::new(
        parameters.memory_kib,
        parameters.iterations,
        parameters.parallelism,
        Some(32),
    )
    .map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
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
