//! What a process says while it works: lines on standard error, as text or as JSON; and traces, where somebody collects them.
//! The rule: standard output is for answers alone; what a subcommand has to complain of is said all the same.

use std::io::IsTerminal;

use traces::Traces;
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    Failure,
    config::{LogFormat, Telemetry},
};

/// What a subcommand says besides its answer: warnings, what it waits for, and how far it has come.
const OF_A_SUBCOMMAND: &str = "warn,projections=info,publisher=info";

/// Logs from now on what is configured, and sends traces, which are to be stopped at the end.
pub fn start(telemetry: &Telemetry) -> Result<Option<Traces>, Failure> {
    let lines = lines(&telemetry.filter, telemetry.format)?;
    let Some(settings) = telemetry.traces() else {
        tracing_subscriber::registry().with(lines).init();
        return Ok(None);
    };
    let (layer, traces) = Traces::start(&settings)?;
    tracing_subscriber::registry()
        .with(vec![lines, layer.boxed()])
        .init();
    Ok(Some(traces))
}

/// Logs from now on what the caller of a subcommand should know.
pub fn start_for_subcommand(telemetry: &Telemetry) -> Result<(), Failure> {
    tracing_subscriber::registry()
        .with(lines(OF_A_SUBCOMMAND, telemetry.format)?)
        .init();
    Ok(())
}

fn lines(filter: &str, format: LogFormat) -> Result<Box<dyn Layer<Registry> + Send + Sync>, Failure> {
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let filter = EnvFilter::try_new(filter)?;
    Ok(match format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().with_filter(filter).boxed(),
    })
}
