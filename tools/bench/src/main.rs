//! Workloads, each as a ratio to a ceiling measured in the same run, on the same disk and cores: figures of one
//! machine say little on another, ratios do.

mod append;
mod ceiling;
mod logins;
mod report;

use std::{error::Error, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};

use crate::report::Figure;

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
    /// How long each measurement lasts.
    #[arg(long, global = true, default_value_t = 3)]
    seconds: u64,
    /// JSON rather than a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Workload {
    /// Appends to the log, against bare rows through the same driver.
    Append(Appends),
    /// Password checks through the admission queue, against Argon2id in a loop on every core.
    Logins(Logins),
}

#[derive(Clone, Debug, clap::Args)]
struct Appends {
    /// Callers, each of which waits for its answer before it asks again.
    #[arg(long, default_value_t = 256)]
    callers: usize,
    /// Realms among which the appends are spread.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    realms: u32,
    /// The folder on whose disk to measure.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
}

#[derive(Clone, Debug, clap::Args)]
struct Logins {
    /// Callers, each of which waits for its answer before it asks again.
    #[arg(long, default_value_t = 32)]
    callers: usize,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let time = Duration::from_secs(arguments.seconds.max(1));
    let figures: Vec<Figure> = match arguments.workload {
        Some(Workload::Append(options)) => append::measure(&options, time).await?,
        Some(Workload::Logins(options)) => logins::measure(&options, time).await?,
        None => {
            let defaults = |realms| Appends {
                callers: 256,
                realms,
                folder: PathBuf::from("."),
            };
            let mut figures = append::measure(&defaults(1), time).await?;
            figures.extend(append::measure(&defaults(1_000), time).await?);
            figures.extend(logins::measure(&Logins { callers: 32 }, time).await?);
            figures
        }
    };
    report::print(&figures, arguments.json)
}
