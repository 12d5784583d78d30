//! Rebuilding: a running server builds all its read models anew from the log (`chancery rebuild` asks it to); against reading
//! the same events from the log and nothing else.

use std::{path::Path, time::Instant};

use events::log::{Log, Mark};

use crate::{
    Outcome,
    generate::EVENTS_OF_A_LIFE,
    report::{Figure, Of},
    rounds::{self, Meter, Pace, Taken, rate},
    server::{self, Server},
    store::{Place, Store},
    world::World,
};

/// Events a second that shall be reached.
const MARK: f64 = 50_000.0;
/// How many events are read at once.
const BATCH: usize = 1_000;

/// Measures it on a log of about so many events.
pub async fn measure(
    events: usize,
    program: &Path,
    store: &Store,
    folder: &Path,
    pace: Pace,
) -> Outcome<Vec<Figure>> {
    let world = World::make(program, store, folder, events / EVENTS_OF_A_LIFE).await?;
    let server = Server::start(program, &world.place)?;
    let log = world.place.log_to_read().await?;
    let count = read_all(&*log).await?;
    let figure = rounds::measure(
        "rebuild",
        format!("all read models, {count} events"),
        pace.rounds,
        "events read from the log, nothing else",
        async || {
            let started = Instant::now();
            let count = read_all(&*log).await?;
            Ok(rate(count, started.elapsed()))
        },
        async || rebuild(program, &world.place, &server, count),
    )
    .await?;
    log.close().await;
    server.stop()?;
    Ok(vec![figure.at_least(Of::Value, MARK)])
}

fn rebuild(program: &Path, place: &Place, server: &Server, count: usize) -> Outcome<Taken> {
    let meter = Meter::start(Some(server.process()))?;
    let started = Instant::now();
    server::rebuild(program, place)?;
    let time = started.elapsed();
    let (cpu_us, peak_mib) = meter.stop(count)?;
    Ok(Taken {
        count,
        time,
        answers: Vec::new(),
        cpu_us: Some(cpu_us),
        peak_mib: Some(peak_mib),
    })
}

/// Reads every stream to its end; how many events there are.
async fn read_all(log: &dyn Log) -> Outcome<usize> {
    let mut count = 0;
    for head in log.heads(Mark::default()).await?.heads {
        let mut after = 0;
        while after < head.seq {
            let events = log.read(head.stream, after, BATCH).await?;
            after = events.last().map_or(head.seq, |event| event.entry.seq);
            count += events.len();
        }
    }
    Ok(count)
}
