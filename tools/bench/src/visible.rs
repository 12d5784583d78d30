//! From a command to a query that sees it: a user is registered and then asked for by the position that the command answered, at
//! half of the load that this pair can bear. On the same node, and with PostgreSQL also on another.
//!
//! Requests come at fixed times, and what comes late counts from when it was due. Beside it, on the same connections, the
//! same question without a position: what the query alone takes.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    Outcome,
    http::{Connection, on_one_thread, request},
    report::{Ceiling, Figure, Of, Spread, Unit},
    rounds::{Pace, quantile, rate},
    server::{REALM, Server, text},
    store::Store,
    users,
};

/// All but one in a hundred shall be visible within this on the same node, in milliseconds.
const SAME_NODE: f64 = 20.0;
/// And on another.
const OTHER_NODE: f64 = 200.0;
/// How much of the most that it can bear.
const LOAD: f64 = 0.5;

/// The two nodes and who asks.
#[derive(Clone, Debug)]
struct Route {
    command: SocketAddr,
    query: SocketAddr,
    bearer: String,
    connections: usize,
}

/// What a run of pairs gave, each time from the moment when the command was sent (or due), or answered.
#[derive(Debug, Default)]
struct Times {
    since_sent: Vec<Duration>,
    since_answered: Vec<Duration>,
    query_alone: Vec<Duration>,
}

/// Measures it.
pub async fn measure(
    connections: usize,
    program: &Path,
    store: &Store,
    folder: &Path,
    pace: Pace,
) -> Outcome<Vec<Figure>> {
    let place = store.place(folder).await?;
    let one = Server::start(program, &place)?;
    one.administrator().await?.realm().await?;
    let mut figures = figures("on the same node", (&one, &one), connections, pace, SAME_NODE).await?;
    if *store != Store::Sqlite {
        let other = Server::node(program, &place, "other", &format!("http://{}", one.address))?;
        figures
            .extend(self::figures("on another node", (&one, &other), connections, pace, OTHER_NODE).await?);
        other.stop()?;
    }
    one.stop()?;
    Ok(figures)
}

async fn figures(
    place: &str,
    (command, query): (&Server, &Server),
    connections: usize,
    pace: Pace,
    mark: f64,
) -> Outcome<Vec<Figure>> {
    let (mut loads, mut rounds) = (Vec::new(), Vec::new());
    for round in 0..pace.rounds {
        let route = Route {
            command: command.address,
            query: query.address,
            bearer: command.administrator().await?.bearer,
            connections,
        };
        let prefix = place.replace(' ', "-");
        let most = pairs(route.clone(), format!("{prefix}-most-{round}"), pace.time, None).await?;
        let load = LOAD * rate(most.since_sent.len(), pace.time);
        let interval = Duration::from_secs_f64(f64::from(u32::try_from(route.connections)?) / load);
        loads.push(load);
        rounds.push(
            pairs(
                route.clone(),
                format!("{prefix}-half-{round}"),
                pace.time,
                Some(interval),
            )
            .await?,
        );
    }
    let load = Spread::of(loads).median;
    let mut figure = |case: &str, times: fn(&mut Times) -> &mut Vec<Duration>| {
        let mut over = |percent, times: fn(&mut Times) -> &mut Vec<Duration>| {
            Spread::of(rounds.iter_mut().map(|round| quantile(times(round), percent)))
        };
        let (p50, p99) = (over(50, times), over(99, times));
        let alone = over(50, |times| &mut times.query_alone);
        let figure = Figure {
            p50_ms: Some(p50),
            p99_ms: Some(p99),
            ceiling: Some(Ceiling {
                name: "the query alone".to_owned(),
                value: alone,
            }),
            ratio: Some(Spread::of([p50.median / alone.median])),
            ..Figure::bare(
                "visible",
                format!("{case} {place}, {load:.0} pairs a second"),
                Unit::Ms,
                p50,
            )
        };
        figure.at_most(Of::P99Ms, mark)
    };
    Ok(vec![
        figure("from the command's answer,", |times| &mut times.since_answered),
        figure("from sending the command,", |times| &mut times.since_sent),
    ])
}

/// Pairs on every connection: one after the other, or one in each interval.
async fn pairs(route: Route, prefix: String, time: Duration, interval: Option<Duration>) -> Outcome<Times> {
    on_one_thread(async move {
        let started = Instant::now();
        let mut working = JoinSet::new();
        for number in 0..route.connections {
            let (route, prefix) = (route.clone(), format!("{prefix}-{number}"));
            // Spread over the interval, not all at its beginning.
            let offset = interval.map_or(Duration::ZERO, |interval| {
                interval.mul_f64(f64::from(u32::try_from(number).unwrap_or(0)))
                    / u32::try_from(route.connections).unwrap_or(1)
            });
            working.spawn(pairs_of_one(
                route,
                prefix,
                started + offset,
                started + time,
                interval,
            ));
        }
        let mut all = Times::default();
        while let Some(one) = working.join_next().await {
            let one = one??;
            all.since_sent.extend(one.since_sent);
            all.since_answered.extend(one.since_answered);
            all.query_alone.extend(one.query_alone);
        }
        Ok(all)
    })
    .await
}

async fn pairs_of_one(
    route: Route,
    prefix: String,
    mut due: Instant,
    ended: Instant,
    interval: Option<Duration>,
) -> Outcome<Times> {
    let mut commands = Connection::open(route.command).await?;
    let mut queries = Connection::open(route.query).await?;
    let headers = [("authorization", route.bearer.as_str())];
    let mut times = Times::default();
    for number in 0.. {
        let sent = match interval {
            Some(interval) => {
                tokio::time::sleep_until(due.into()).await;
                let this = due;
                due += interval;
                this
            }
            None => Instant::now(),
        };
        if sent >= ended {
            break;
        }
        let command = users::registration(&route.bearer, &format!("{prefix}-{number}"), None);
        let made: Value = commands.ask(&command).await?.json(201)?;
        let answered = Instant::now();
        let path = format!("/query/v1/realms/{REALM}/users/{}", text(&made, "id")?);
        let at_position = format!("{path}?position={}", text(&made, "position")?);
        queries
            .ask(&request("GET", &at_position, &headers, ""))
            .await?
            .expect(200)?;
        times.since_answered.push(answered.elapsed());
        times.since_sent.push(sent.elapsed());
        if interval.is_some() {
            let asked = Instant::now();
            queries
                .ask(&request("GET", &path, &headers, ""))
                .await?
                .expect(200)?;
            times.query_alone.push(asked.elapsed());
        }
    }
    Ok(times)
}
