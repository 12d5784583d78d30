//! The operators' listener: metrics, health, and the orders of operators. It is not for the public network.
//!
//! | path | answers |
//! | --- | --- |
//! | `GET /metrics` | Prometheus' text format; no user, address or name in a label |
//! | `GET /health/live` | 200 while the process works at all |
//! | `GET /health/started` | 200 once the platform has started; 503 before, while it waits for read models, say |
//! | `GET /health/ready` | 200 while the log and the key store answer within 3 s and, where this node has read models, no projection is stopped and none is far behind, and whoever follows the log has made a step in the last 30 s (several a second are usual, also when nothing happens); 503 and why else, before it has started, and from SIGTERM on |
//! | `POST /rebuild` | builds the read models anew and answers when they are served; takes the header `x-chancery-order` with the incarnation of the log |
//!
//! | `GET /reactors` | how each reactor stands, on a worker: paused, queued, running, dead, lag, and in which streams it stands still; and the incarnation of the `log`, which orders name |
//! | `POST /reactors/{name}/pause`, `…/resume`, `…/restart` | lets it do nothing; lets it go on; lets it go on at the present heads, wherever it stood. These and the next take the header, too |
//! | `GET /reactors/{name}/dead?after=` | a hundred jobs that were given up; `POST …/dead/{number}/revive` tries one anew, `…/discard` forgets it |
//!
//! | metric | labels | what it tells |
//! | --- | --- | --- |
//! | `chancery_http_requests_total`, `chancery_http_request_duration_seconds` | method, route, (status) | requests answered, and how long they took |
//! | `chancery_sign_ins_total` | result, method | sign-ins that were tried |
//! | `chancery_tokens_issued_total` | grant_type | access tokens issued |
//! | `chancery_password_queue_depth`, `chancery_password_hash_seconds`, `chancery_password_refused_total` | | work on passwords: waiting, done, refused because the queue was full |
//! | `chancery_log_appends_total` | verdict | appends judged |
//! | `chancery_log_events_total` | lane | events written |
//! | `chancery_log_queue_depth`, `chancery_log_batch_appends`, `chancery_log_commit_seconds` | | appends waiting, appends of one transaction, its length |
//! | `chancery_live_followers` | | connections over which events are followed live |
//! | `chancery_live_ended_total` | reason | streams of events that the node ended |
//! | `chancery_tls_handshakes_total` | result: done, failed, timed_out, plain | connections to the listener with a certificate |
//! | `chancery_tls_certificate_refused` | | 1 while the certificate's files hold what cannot be used, and the one before is presented |
//! | `chancery_decisions_lost_total` | | decisions made anew because the subject moved meanwhile |
//! | `chancery_pool_connections` | store: log, keys, read; state: idle, busy | connections of the pools: open and free, or lent |
//! | `chancery_projection_lag_events`, `chancery_projection_stopped` | projection | how far behind the log; on how many streams it stands still (should be 0) |
//! | `chancery_projection_events_total` | projection | events applied |
//! | `chancery_kafka_up`, `chancery_kafka_shards` | | 1 while Kafka takes what this node publishes; the shards that it publishes |
//! | `chancery_kafka_lag_events`, `chancery_kafka_streams_stopped` | | how far the topics are behind the log; streams that cannot be published (should be 0) |
//! | `chancery_kafka_events_total`, `chancery_kafka_transaction_seconds` | | events published, and how long a transaction of them took |
//! | `chancery_limits_requests_total` | limit, result: allowed, refused, unavailable | requests that were judged by a limit; those that realms made are called `realm` |
//! | `chancery_redis_up`, `chancery_redis_failures_total` | | 1 while the Redis that counts them answers; how often it did not |
//! | `chancery_projection_batch_seconds` | | how long a batch of one lane took, all its projections together |
//! | `chancery_webhook_deliveries_total` | result | attempts to deliver: delivered, failed |
//! | `chancery_reactor_…` | reactor, (outcome) | what is queued, runs, was done, stands still: see `tools/reactors` |

mod reactors;

use std::{
    fmt::Display,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ::reactors::Reactors;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use events::{connections::Connections, kernel::Kernel, keys::KeyStore};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use projections::Reads;
use publisher::Publisher;
use ratelimit::Shared;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    Failure,
    config::{Config, Place},
    listener::{self, Ending},
    platform::{Platform, private_folder},
};

/// Where it listens unless told otherwise.
const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9000);
/// A projection further behind than this many events makes the node unready.
const FAR_BEHIND: u64 = 10_000;
/// Without a look at the log for so long, the follower is frozen: it looks every 250 ms, and at a failure tries as often.
const FROZEN: Duration = Duration::from_secs(30);
/// How long a store may take to answer whether it is well: less than whoever asks us waits for that.
const ANSWER: Duration = Duration::from_secs(3);

#[derive(Clone)]
struct Operators {
    metrics: PrometheusHandle,
    kernel: Arc<Kernel>,
    keys: Arc<dyn KeyStore>,
    redis: Option<Arc<Shared>>,
    started: Started,
    stopping: watch::Receiver<bool>,
}

/// What the platform has once it has started: nothing is said of what a node has not.
struct Parts {
    reads: Option<Reads>,
    reactors: Option<Arc<Reactors>>,
    publisher: Option<Arc<Publisher>>,
}

type Started = Arc<OnceLock<Parts>>;

/// The listener, while it listens.
pub struct Management {
    /// Where.
    pub address: SocketAddr,
    started: Started,
}

impl Management {
    /// The platform has started.
    pub fn started(&self, platform: &Platform) {
        let _ = self.started.set(Parts {
            reads: platform.reads.clone(),
            reactors: platform.reactors.clone(),
            publisher: platform.publisher.clone(),
        });
    }
}

/// Upper bounds of histograms, in seconds: from a point read to the slowest request that is let live.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
];
/// Upper bounds of the histogram of batch sizes.
const APPENDS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Collects metrics from now on.
pub fn record_metrics() -> Result<PrometheusHandle, Failure> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full("chancery_log_batch_appends".into()), &APPENDS)?;
    Ok(builder.install_recorder()?)
}

/// Starts listening, until the public side is drained. The address is kept beside read models that are this node's own, for
/// `chancery rebuild`.
pub async fn start(
    config: &Config,
    metrics: PrometheusHandle,
    platform: &Platform,
    stopping: watch::Receiver<bool>,
    drained: watch::Receiver<bool>,
) -> Result<Management, Failure> {
    let listener = match config.management.listen {
        Some(address) => TcpListener::bind(address)
            .await
            .map_err(|error| format!("management: cannot listen on {address}: {error}"))?,
        // Nobody chose the default port, so a second server on one machine takes another.
        None => match TcpListener::bind(DEFAULT).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind((DEFAULT.ip(), 0)).await?,
        },
    };
    let address = listener.local_addr()?;
    if let Some(file) = address_file(config)? {
        private_folder(&config.data)?;
        std::fs::write(file, address.to_string())?;
    }
    let started = Started::default();
    let operators = Operators {
        metrics,
        kernel: Arc::clone(&platform.kernel),
        keys: Arc::clone(&platform.keys),
        redis: platform.counters.shared.clone(),
        started: Arc::clone(&started),
        stopping,
    };
    let app = Router::new()
        .route("/metrics", get(show_metrics))
        .route("/health/live", get(async || Json(json!({"status": "live"}))))
        .route("/health/started", get(has_started))
        .route("/health/ready", get(ready))
        .route("/rebuild", post(rebuild))
        .merge(reactors::router())
        .with_state(operators);
    tokio::spawn(listener::serve(
        listener,
        None,
        app,
        Arc::from([]),
        Ending {
            stopping: drained,
            delay: Duration::ZERO,
            close: watch::Sender::default(),
        },
    ));
    Ok(Management { address, started })
}

/// Where the running server says how it is reached, if its read models are files: nobody else can rebuild those.
pub fn address_file(config: &Config) -> Result<Option<PathBuf>, Failure> {
    Ok(match config.places()?.read {
        Place::File(_) => Some(config.data.join("management.address")),
        Place::Database(_) => None,
    })
}

/// The server has ended: nobody is to be asked any more.
pub fn forget(config: &Config) {
    if let Ok(Some(file)) = address_file(config) {
        let _ = std::fs::remove_file(file);
    }
}

async fn show_metrics(State(operators): State<Operators>) -> String {
    count_connections("log", operators.kernel.log().connections());
    count_connections("keys", operators.keys.connections());
    if let Some(Parts { reads, reactors, .. }) = operators.started.get() {
        if let Some(reads) = reads {
            count_connections("read", reads.connections());
        }
        if let Some(reactors) = reactors {
            count_connections("reactors", reactors.connections());
        }
    }
    if let Some(redis) = &operators.redis {
        metrics::gauge!("chancery_redis_up").set(u8::from(!redis.is_down()));
        metrics::counter!("chancery_redis_failures_total").absolute(redis.failures());
    }
    operators.metrics.run_upkeep();
    operators.metrics.render()
}

fn count_connections(store: &'static str, connections: Connections) {
    for (state, count) in [("idle", connections.idle), ("busy", connections.busy)] {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        metrics::gauge!("chancery_pool_connections", "store" => store, "state" => state).set(count);
    }
}

async fn has_started(State(operators): State<Operators>) -> (StatusCode, Json<Value>) {
    match operators.started.get() {
        Some(_) => (StatusCode::OK, Json(json!({"status": "started"}))),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({"status": "starting"})),
        ),
    }
}

async fn ready(State(operators): State<Operators>) -> (StatusCode, Json<Value>) {
    let (log, keys) = tokio::join!(
        health(operators.kernel.log().health()),
        health(operators.keys.last_destruction()),
    );
    let draining = *operators.stopping.borrow();
    let started = operators.started.get();
    let still = operators.kernel.since_look();
    let mut good = log.is_ok() && keys.is_ok() && still < FROZEN && !draining && started.is_some();
    let told = |health: Result<(), String>| health.err().unwrap_or_else(|| "ok".to_owned());
    let mut answer = json!({"log": told(log), "keys": told(keys), "draining": draining});
    answer["follower"] = if still < FROZEN {
        json!("ok")
    } else {
        json!(format!("has not looked at the log for {} s", still.as_secs()))
    };
    // Redis makes no node unready: each limit says what holds without it, and that is the same on every node.
    if let Some(redis) = &operators.redis {
        answer["redis"] = if redis.is_down() {
            json!("does not answer: open limits are counted by each node, closed ones refuse")
        } else {
            json!("ok")
        };
    }
    // Nor does Kafka: signing in waits for nothing of it.
    if let Some(publisher) = started.and_then(|parts| parts.publisher.as_ref()) {
        answer["kafka"] = json!(publisher.standing());
    }
    if let Some(Parts {
        reads: Some(reads), ..
    }) = started
    {
        let (stopped, failing, lag) = (reads.stopped(), reads.failing(), reads.lag());
        let furthest = lag.values().max().copied().unwrap_or(0);
        good &= stopped.is_empty() && failing.is_none() && furthest < FAR_BEHIND;
        answer["projections"] = json!({ "lag_events": lag, "stopped": stopped, "failing": failing });
    }
    let (status, word) = match (good, started) {
        (true, _) => (StatusCode::OK, "ready"),
        (false, Some(_)) => (StatusCode::SERVICE_UNAVAILABLE, "unready"),
        (false, None) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
    };
    answer["status"] = json!(word);
    (status, Json(answer))
}

/// Whether a store answers in time, or what it says instead.
async fn health<T, E: Display>(answer: impl Future<Output = Result<T, E>>) -> Result<(), String> {
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("does not answer".to_owned()),
    }
}

/// A web page can make a browser send a POST here, but not one with this header; and who names another log means another server.
pub const ORDER: &str = "x-chancery-order";

fn may_order(operators: &Operators, headers: &HeaderMap) -> Result<(), (StatusCode, Json<Value>)> {
    let log = operators.kernel.log().incarnation().to_string();
    if headers
        .get(ORDER)
        .is_some_and(|named| named.as_bytes() == log.as_bytes())
    {
        return Ok(());
    }
    Err((
        StatusCode::FORBIDDEN,
        Json(
            json!({"status": "refused", "reason": "the header x-chancery-order must name the incarnation of the log"}),
        ),
    ))
}

async fn rebuild(State(operators): State<Operators>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    if let Err(refused) = may_order(&operators, &headers) {
        return refused;
    }
    let reads = match operators.started.get() {
        Some(Parts {
            reads: Some(reads), ..
        }) => reads,
        none => {
            let reason = match none {
                Some(_) => "this node has no read models",
                None => "the platform has not started yet",
            };
            return (
                StatusCode::CONFLICT,
                Json(json!({"status": "refused", "reason": reason})),
            );
        }
    };
    match reads.rebuild().await {
        Ok(generation) => (
            StatusCode::OK,
            Json(json!({"status": "rebuilt", "generation": generation})),
        ),
        Err(error) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({"status": "failed", "reason": error.to_string()})),
        ),
    }
}
