//! Workloads, each as a ratio to a ceiling measured in the same run and in turns with it, on the same disk and cores: figures of
//! one machine say little on another, ratios do.

mod append;
mod bare;
mod ceiling;
mod generate;
mod http;
mod introspect;
mod logins;
mod pages;
mod process;
mod publish;
mod reads;
mod rebuild;
mod report;
mod rounds;
mod scale;
mod server;
mod start;
mod store;
mod tokens;
mod users;
mod visible;
mod world;

use std::{error::Error, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};

use crate::{
    report::{Figure, Machine, Report},
    rounds::Pace,
    store::Store,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What can go wrong ends the run.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Measures Chancery on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The workload; all of them, if none is named.
    #[command(subcommand)]
    workload: Option<Workload>,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Debug, clap::Args)]
struct Common {
    /// How long each measurement lasts.
    #[arg(long, global = true, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// How often each is made, in turns with its ceiling.
    #[arg(long, global = true, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// `sqlite`, or the address of a PostgreSQL server on which databases may be made: `postgres://user@host/postgres`.
    #[arg(long, global = true, default_value = "sqlite")]
    store: Store,
    /// The folder on whose disk to measure.
    #[arg(long, global = true, default_value = ".")]
    folder: PathBuf,
    /// The program `chancery` that is measured over HTTP; left out, the one beside this program.
    #[arg(long, global = true)]
    server_bin: Option<PathBuf>,
    /// JSON rather than a table; its shape is documented in `report.rs`.
    #[arg(long, global = true)]
    json: bool,
}

/// Workloads over HTTP.
#[derive(Clone, Debug, clap::Args)]
struct Connections {
    /// Kept connections, each of which waits for its answer before it asks again.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
}

/// Workloads on a log with a history.
#[derive(Clone, Debug, clap::Args)]
struct History {
    /// About how many events the log holds.
    #[arg(long, default_value_t = 100_000)]
    events: usize,
}

/// Publishing.
#[derive(Clone, Debug, clap::Args)]
struct Publishing {
    /// A broker of Kafka, `host:port`. Its topics of ours are deleted.
    #[arg(long)]
    brokers: String,
    #[command(flatten)]
    history: History,
}

/// Reading.
#[derive(Clone, Debug, clap::Args)]
struct Reading {
    /// Users of the realm.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    users: u32,
    #[command(flatten)]
    over: Connections,
}

#[derive(Debug, Subcommand)]
enum Workload {
    /// Appends to the log, against bare rows through the same driver.
    Append(append::Options),
    /// Tokens for applications themselves, each leaving a durable event, against bare HTTP answers.
    Tokens(Connections),
    /// Password checks through the admission queue, against Argon2id in a loop on every core.
    Logins(logins::Options),
    /// New users, against bare HTTP answers, and with passwords against Argon2id.
    Users(Connections),
    /// Questions about an access token, against bare HTTP answers.
    Introspect(Connections),
    /// Users by id, by name, by search, by page, against bare HTTP answers.
    Reads(Reading),
    /// Read models built anew, against reading the log.
    Rebuild(History),
    /// Start to ready and the memory resident then, against a log just made.
    Start(History),
    /// From a command to a query that sees it, at half load.
    Visible(Connections),
    /// The pages on which people sign in: the first of them, and whether the time of an answer tells a name that somebody has.
    Pages(pages::Options),
    /// The log to Kafka, against bare records; not among the workloads that run if none is named.
    Publish(Publishing),
    /// Many realms, very many users, a long log, against next to nothing; not among the workloads that run if none is named.
    Scale(scale::Options),
    /// The ceiling over HTTP, as a process of its own.
    #[command(hide = true)]
    BareHttp(bare::Options),
}

impl Workload {
    /// All of them, as they are without further options.
    fn all() -> Vec<Self> {
        let over = Connections { connections: 64 };
        let reading = Reading {
            users: 10_000,
            over: over.clone(),
        };
        vec![
            Self::Append(append::Options {
                callers: 256,
                realms: 1,
            }),
            Self::Append(append::Options {
                callers: 256,
                realms: 1_000,
            }),
            Self::Tokens(over.clone()),
            Self::Logins(logins::Options { callers: 32 }),
            Self::Users(over.clone()),
            Self::Introspect(over.clone()),
            Self::Reads(reading),
            Self::Rebuild(History { events: 200_000 }),
            Self::Start(History { events: 100_000 }),
            Self::Visible(over),
            Self::Pages(pages::Options { tries: 2_000 }),
        ]
    }

    async fn measure(&self, common: &Common) -> Outcome<Vec<Figure>> {
        let (store, folder) = (&common.store, &*common.folder);
        let program = || server::program(common.server_bin.as_deref());
        let pace = Pace {
            time: Duration::from_secs(common.seconds),
            rounds: usize::from(common.rounds),
        };
        let connections = |over: &Connections| usize::from(over.connections);
        match self {
            Self::Append(options) => append::measure(options, store, folder, pace).await,
            Self::Tokens(over) => tokens::measure(connections(over), &program()?, store, folder, pace).await,
            Self::Logins(options) => logins::measure(options, pace).await,
            Self::Users(over) => users::measure(connections(over), &program()?, store, folder, pace).await,
            Self::Introspect(over) => {
                introspect::measure(connections(over), &program()?, store, folder, pace).await
            }
            Self::Reads(Reading { users, over }) => {
                let users = usize::try_from(*users)?;
                reads::measure(users, connections(over), &program()?, store, folder, pace).await
            }
            Self::Rebuild(History { events }) => {
                rebuild::measure(*events, &program()?, store, folder, pace).await
            }
            Self::Start(History { events }) => {
                start::measure(*events, &program()?, store, folder, pace).await
            }
            Self::Visible(over) => {
                visible::measure(connections(over), &program()?, store, folder, pace).await
            }
            Self::Pages(options) => pages::measure(options, &program()?, store, folder, pace).await,
            Self::Publish(Publishing { brokers, history }) => {
                publish::measure(brokers, history.events, &program()?, store, folder, pace).await
            }
            Self::Scale(options) => scale::measure(options, &program()?, store, folder, pace).await,
            Self::BareHttp(options) => bare::serve(options).await.map(|()| Vec::new()),
        }
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let Arguments { workload, common } = Arguments::parse();
    let mut figures = Vec::new();
    for workload in workload.map_or_else(Workload::all, |workload| vec![workload]) {
        figures.extend(workload.measure(&common).await?);
    }
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        commit: report::commit(),
        machine: Machine::this()?,
        store: common.store.engine().await?,
        seconds: common.seconds,
        rounds: usize::from(common.rounds),
        figures,
    };
    report.print(common.json)
}
