//! How figures are told: a table for people, JSON for comparing runs.

use std::time::Duration;

use serde::Serialize;

use crate::Outcome;

/// What a workload achieved.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// What was done.
    pub workload: String,
    /// How often, a second.
    pub per_second: f64,
    /// Half of the answers came within this, in milliseconds.
    pub p50_ms: f64,
    /// All but one in a hundred came within this, in milliseconds.
    pub p99_ms: f64,
    /// What the ceiling is.
    pub ceiling: String,
    /// How often, a second, the ceiling allows.
    pub ceiling_per_second: f64,
    /// The one divided by the other.
    pub ratio: f64,
}

impl Figure {
    /// From the times that the answers took, all of them given within `time`.
    pub fn new(
        workload: String,
        mut answers: Vec<Duration>,
        time: Duration,
        ceiling: &str,
        allowed: f64,
    ) -> Self {
        answers.sort_unstable();
        let per_second = rate(answers.len(), time);
        Self {
            workload,
            per_second,
            p50_ms: quantile(&answers, 50),
            p99_ms: quantile(&answers, 99),
            ceiling: ceiling.to_owned(),
            ceiling_per_second: allowed,
            ratio: per_second / allowed,
        }
    }
}

/// So many a second.
pub fn rate(count: usize, time: Duration) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from) / time.as_secs_f64()
}

/// In milliseconds, of sorted times.
fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    sorted
        .get(sorted.len() * percent / 100)
        .map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

/// To standard output.
pub fn print(figures: &[Figure], json: bool) -> Outcome<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(figures)?);
        return Ok(());
    }
    let width = figures
        .iter()
        .map(|figure| figure.workload.chars().count())
        .max()
        .unwrap_or(0)
        .max(8);
    println!(
        "{:width$}  {:>10}  {:>8}  {:>8}  {:>10}  {:>6}  of",
        "workload", "a second", "p50 ms", "p99 ms", "ceiling", "ratio"
    );
    for figure in figures {
        println!(
            "{:width$}  {:>10.0}  {:>8.2}  {:>8.2}  {:>10.0}  {:>5.1}%  {}",
            figure.workload,
            figure.per_second,
            figure.p50_ms,
            figure.p99_ms,
            figure.ceiling_per_second,
            figure.ratio * 100.0,
            figure.ceiling
        );
    }
    Ok(())
}
