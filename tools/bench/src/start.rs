//! Starting: from the process being made to being ready, and the memory resident then, before anybody has signed in; against the
//! same on a log that holds only what a first start makes.

use std::{path::Path, time::Duration};

use crate::{
    Outcome,
    generate::EVENTS_OF_A_LIFE,
    report::{Ceiling, Figure, Of, Spread, Unit},
    rounds::Pace,
    server::Server,
    store::{Place, Store},
    world::World,
};

/// Start to ready, in milliseconds.
const TIME_MARK: f64 = 300.0;
/// Resident memory, in MiB.
const MEMORY_MARK: f64 = 60.0;
/// After being ready, before memory is looked at.
const SETTLED: Duration = Duration::from_secs(1);
/// The same after a first start, which hashes the administrator's password: the hashing thread gives its memory back after a
/// second, and the allocator gives it to the system within ten.
const GIVEN_BACK: Duration = Duration::from_secs(15);

/// What one start took.
struct Started {
    ms: f64,
    mib: f64,
}

/// Measures starts on a log of about so many events.
pub async fn measure(
    events: usize,
    program: &Path,
    store: &Store,
    folder: &Path,
    pace: Pace,
) -> Outcome<Vec<Figure>> {
    let full = World::make(program, store, folder, events / EVENTS_OF_A_LIFE).await?;
    let empty = World::make(program, store, folder, 0).await?;
    let (mut fulls, mut empties, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pace.rounds {
        empties.push(start(program, &empty.place, SETTLED).await?);
        fulls.push(start(program, &full.place, SETTLED).await?);
        let place = store.place(folder).await?;
        firsts.push(start(program, &place, GIVEN_BACK).await?);
    }
    let spread = |started: &[Started], of: fn(&Started) -> f64| Spread::of(started.iter().map(of));
    let figure = |case: &str, unit, started: &[Started], of: fn(&Started) -> f64| Figure {
        ceiling: Some(Ceiling {
            name: "on a log just made".to_owned(),
            value: spread(&empties, of),
        }),
        ratio: Some(Spread::of(
            started
                .iter()
                .zip(&empties)
                .map(|(started, empty)| of(started) / of(empty)),
        )),
        ..Figure::bare("start", case, unit, spread(started, of))
    };
    let on = format!("a log of {} events", full.users.len() * EVENTS_OF_A_LIFE);
    Ok(vec![
        figure(&format!("to ready, {on}"), Unit::Ms, &fulls, |started| started.ms)
            .at_most(Of::Value, TIME_MARK),
        figure(&format!("resident, {on}"), Unit::Mib, &fulls, |started| {
            started.mib
        })
        .at_most(Of::Value, MEMORY_MARK),
        figure("to ready, first start", Unit::Ms, &firsts, |started| started.ms),
        figure("resident, first start", Unit::Mib, &firsts, |started| started.mib)
            .at_most(Of::Value, MEMORY_MARK),
    ])
}

async fn start(program: &Path, place: &Place, settling: Duration) -> Outcome<Started> {
    let server = Server::start(program, place)?;
    tokio::time::sleep(settling).await;
    let started = Started {
        ms: server.took.as_secs_f64() * 1_000.0,
        mib: server.process().resident_mib()?,
    };
    server.stop()?;
    Ok(started)
}
