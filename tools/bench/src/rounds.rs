//! How a workload is measured: in turns with its ceiling, several times, so that what else the machine does falls on both.
//! Callers work in a closed loop: each waits for its answer before it asks again.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{
    Outcome,
    process::Process,
    report::{Ceiling, CpuUs, Figure, Spread, Unit},
};

/// Answers before the clock is started.
pub const WARM_UP: Duration = Duration::from_millis(500);

/// How long, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Of one measurement.
    pub time: Duration,
    /// How many are made.
    pub rounds: usize,
}

/// What one measurement of a workload gave.
#[derive(Debug)]
pub struct Taken {
    /// How many operations were done.
    pub count: usize,
    /// Within which time.
    pub time: Duration,
    /// How long each answer took, where operations are asked for one by one.
    pub answers: Vec<Duration>,
    /// For each operation.
    pub cpu_us: Option<CpuUs>,
    /// The most memory.
    pub peak_mib: Option<f64>,
}

impl Taken {
    /// What callers answered: each the times of those that came in time, and how many came in all.
    pub async fn gather(
        mut working: JoinSet<Outcome<(Vec<Duration>, usize)>>,
        meter: Meter,
        time: Duration,
    ) -> Outcome<Self> {
        let (mut answers, mut all) = (Vec::new(), 0);
        while let Some(worker) = working.join_next().await {
            let (of_worker, number) = worker??;
            answers.extend(of_worker);
            all += number;
        }
        let (cpu_us, peak_mib) = meter.stop(all)?;
        Ok(Self {
            count: answers.len(),
            time,
            answers,
            cpu_us: Some(cpu_us),
            peak_mib: Some(peak_mib),
        })
    }

    /// Operations a second.
    pub fn per_second(&self) -> f64 {
        rate(self.count, self.time)
    }
}

/// So many a second.
pub fn rate(count: usize, time: Duration) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from) / time.as_secs_f64()
}

/// Of any times, in milliseconds: so many of a hundred are no longer than this.
pub fn quantile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    times
        .get((times.len() * percent / 100).min(last))
        .map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

/// Measures ceiling and workload in turns, and makes a figure of it: operations a second as a share of the ceiling's.
pub async fn measure(
    workload: &'static str,
    case: impl Into<String>,
    rounds: usize,
    of: impl Into<String>,
    mut ceiling: impl AsyncFnMut() -> Outcome<f64>,
    mut taken: impl AsyncFnMut() -> Outcome<Taken>,
) -> Outcome<Figure> {
    let mut measured = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        measured.push((ceiling().await?, taken().await?));
    }
    let each = |told: &mut dyn FnMut(&mut (f64, Taken)) -> f64, measured: &mut [(f64, Taken)]| {
        Spread::of(measured.iter_mut().map(told))
    };
    let measured = &mut measured[..];
    let value = each(&mut |(_, taken)| taken.per_second(), measured);
    let mut figure = Figure::bare(workload, case, Unit::PerSecond, value);
    if measured.iter().all(|(_, taken)| !taken.answers.is_empty()) {
        figure.p50_ms = Some(each(&mut |(_, taken)| quantile(&mut taken.answers, 50), measured));
        figure.p99_ms = Some(each(&mut |(_, taken)| quantile(&mut taken.answers, 99), measured));
    }
    figure.ratio = Some(each(
        &mut |(allowed, taken)| taken.per_second() / *allowed,
        measured,
    ));
    figure.ceiling = Some(Ceiling {
        name: of.into(),
        value: each(&mut |(allowed, _)| *allowed, measured),
    });
    let cpu = |part: fn(&CpuUs) -> Option<f64>| {
        let told: Option<Vec<f64>> = measured
            .iter()
            .map(|(_, taken)| taken.cpu_us.as_ref().and_then(part))
            .collect();
        told.map(|told| Spread::of(told).median)
    };
    figure.cpu_us = cpu(|cpu| Some(cpu.own)).map(|own| CpuUs {
        own,
        server: cpu(|cpu| cpu.server),
    });
    figure.peak_mib = measured
        .iter()
        .filter_map(|(_, taken)| taken.peak_mib)
        .reduce(f64::max);
    Ok(figure)
}

/// What the processes use while something runs.
#[derive(Debug)]
pub struct Meter {
    server: Option<Process>,
    own: Duration,
    servers: Duration,
}

impl Meter {
    /// Starts to count, for this process and the server's if there is one.
    pub fn start(server: Option<Process>) -> Outcome<Self> {
        server.as_ref().unwrap_or(&Process::own()).forget_peak();
        Ok(Self {
            own: Process::own().cpu()?,
            servers: server.as_ref().map_or(Ok(Duration::ZERO), Process::cpu)?,
            server,
        })
    }

    /// For each of so many operations; and the most memory.
    pub fn stop(self, operations: usize) -> Outcome<(CpuUs, f64)> {
        let each = |spent: Duration| {
            spent.as_secs_f64() * 1e6 / u32::try_from(operations.max(1)).map_or(f64::MAX, f64::from)
        };
        let own = each(Process::own().cpu()?.saturating_sub(self.own));
        let server = match &self.server {
            Some(server) => Some(each(server.cpu()?.saturating_sub(self.servers))),
            None => None,
        };
        let peak = self.server.unwrap_or_else(Process::own).peak_mib()?;
        Ok((CpuUs { own, server }, peak))
    }
}

/// Callers in a closed loop within this process. `ask` is called with the number of the caller and of its question.
pub async fn closed_loop<F, A>(callers: usize, time: Duration, ask: F) -> Outcome<Taken>
where
    F: Fn(usize, usize) -> A + Clone + Send + 'static,
    A: Future<Output = Outcome<()>> + Send,
{
    let started = Instant::now() + WARM_UP;
    let ended = started + time;
    let mut working = JoinSet::new();
    for caller in 0..callers {
        let ask = ask.clone();
        working.spawn(async move {
            let (mut answers, mut number) = (Vec::new(), 0);
            loop {
                let asked = Instant::now();
                if asked >= ended {
                    return Outcome::Ok((answers, number));
                }
                ask(caller, number).await?;
                number += 1;
                let answered = Instant::now();
                if answered >= started && answered <= ended {
                    answers.push(answered - asked);
                }
            }
        });
    }
    let meter = Meter::start(None)?;
    Taken::gather(working, meter, time).await
}
