//! Publishing: a log with a history goes to Kafka, all of it in one realm and so by one shard; against the same number of records
//! of about the same size by one transactional producer that has nothing else to do.
//!
//! It needs a broker whose topics may be deleted, `tools/kafka/broker start FOLDER` say.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use events::log::{Log, Mark};
use kafka::{Place, Record, Shard, Topic};
use publisher::{POSITIONS, Publisher, Settings};
use rdkafka::{ClientConfig, admin::AdminClient, client::DefaultClientContext};

use crate::{
    Outcome,
    generate::EVENTS_OF_A_LIFE,
    report::{Figure, Of},
    rounds::{self, Meter, Pace, Taken, rate},
    store::Store,
    world::World,
};

/// Events a second that shall be reached.
const MARK: f64 = 20_000.0;
/// Into how many topics an event goes, on average.
const RECORDS: usize = 2;
/// Of the ceiling's records, in one transaction.
const BATCH: usize = 4_000;
/// The topics of the ceiling.
const BARE: [&str; 2] = ["bench.bare", "bench.positions"];
/// How often is looked whether all is published.
const LOOK: Duration = Duration::from_millis(5);
/// As long as nothing is published the broker is still being asked who publishes what.
const PATIENCE: Duration = Duration::from_mins(2);

/// Measures it on a log of about so many events.
pub async fn measure(
    brokers: &str,
    events: usize,
    program: &Path,
    store: &Store,
    folder: &Path,
    pace: Pace,
) -> Outcome<Vec<Figure>> {
    let world = World::make(program, store, folder, events / EVENTS_OF_A_LIFE).await?;
    let log = world.place.log_to_read().await?;
    let heads = log.heads(Mark::default()).await?.heads;
    let count = usize::try_from(heads.iter().map(|head| head.seq).sum::<u64>())?;
    let connection = kafka::Settings::plain(brokers);
    let figure = rounds::measure(
        "publish",
        format!("{count} events to Kafka"),
        pace.rounds,
        "bare records through one transactional producer",
        async || {
            forget(brokers).await?;
            let connection = connection.clone();
            tokio::task::spawn_blocking(move || bare(&connection, count)).await?
        },
        async || {
            forget(brokers).await?;
            published(&log, &connection, count).await
        },
    )
    .await?;
    log.close().await;
    Ok(vec![figure.at_least(Of::Value, MARK)])
}

async fn published(log: &Arc<dyn Log>, connection: &kafka::Settings, count: usize) -> Outcome<Taken> {
    let settings = Settings {
        public_url: "https://id.example".to_owned(),
        kafka: connection.clone(),
        partitions: 12,
        replication: 1,
        shards: 4,
    };
    let publisher = Publisher::start(Arc::clone(log), settings)?;
    let asked = Instant::now();
    while publisher.standing().lag_events == 0 {
        if asked.elapsed() > PATIENCE {
            return Err(format!("nothing is published: {:?}", publisher.standing()).into());
        }
        tokio::time::sleep(LOOK).await;
    }
    let (meter, started) = (Meter::start(None)?, Instant::now());
    let is_done = || {
        let standing = publisher.standing();
        standing.lag_events == 0 && standing.failing.is_none()
    };
    while !is_done() {
        tokio::time::sleep(LOOK).await;
    }
    let time = started.elapsed();
    let (cpu_us, peak_mib) = meter.stop(count)?;
    publisher.stop().await;
    Ok(Taken {
        count,
        time,
        answers: Vec::new(),
        cpu_us: Some(cpu_us),
        peak_mib: Some(peak_mib),
    })
}

/// Events a second, if nothing had to be read, understood or remembered.
fn bare(connection: &kafka::Settings, count: usize) -> Outcome<f64> {
    let topics = BARE.map(|name| Topic {
        name: name.to_owned(),
        partitions: 12,
        replication: 1,
        compacted: false,
    });
    kafka::ensure(connection, &topics)?;
    let [topic, positions] = BARE.map(str::to_owned);
    let place = Place {
        positions,
        shard: 0,
        transactional_id: "bench.bare".to_owned(),
    };
    let (shard, _) = Shard::open(connection, &place)?;
    let record = |number: usize| Record {
        topic: topic.clone(),
        key: format!(
            "0197b6a0-0000-7000-8000-000000000001/session:{}",
            number / RECORDS / 8
        )
        .into_bytes(),
        headers: [
            "content-type",
            "ce_id",
            "ce_source",
            "ce_type",
            "ce_time",
            "ce_subject",
            "ce_realmid",
            "ce_incarnation",
        ]
        .map(|name| (name, format!("about as long as an id: {number:012}")))
        .into(),
        value: vec![b'x'; 250],
        time_ms: 1_767_225_600_000,
    };
    let started = Instant::now();
    for first in (0..count * RECORDS).step_by(BATCH) {
        let records: Vec<_> = (first..(first + BATCH).min(count * RECORDS))
            .map(record)
            .collect();
        shard.publish(&records, &[("bench".to_owned(), first.to_string().into_bytes())])?;
    }
    Ok(rate(count, started.elapsed()))
}

/// Deletes the topics, so that all is published anew.
async fn forget(brokers: &str) -> Outcome<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let topics = events::topics::Topic::ALL.map(|topic| topic.to_string());
    let topics = topics.iter().map(String::as_str).chain([POSITIONS]).chain(BARE);
    let topics: Vec<_> = topics.collect();
    // Of one that is not there it says so, which is well.
    let _ = admin
        .delete_topics(&topics, &rdkafka::admin::AdminOptions::new())
        .await?;
    // It is deleted in the background.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}
