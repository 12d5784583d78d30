//! What a process says while it works: lines on standard error, as text or as JSON.
//! The rule: standard output is for answers alone; what a subcommand has to complain of is said all the same.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::{
    Failure,
    config::{LogFormat, Telemetry},
};

/// What a subcommand says besides its answer: warnings, and what it waits for.
const OF_A_SUBCOMMAND: &str = "warn,projections=info";

/// Logs from now on what is configured.
pub fn start(telemetry: &Telemetry) -> Result<(), Failure> {
    start_with(&telemetry.filter, telemetry.format)
}

/// Logs from now on what the caller of a subcommand should know.
pub fn start_for_subcommand(telemetry: &Telemetry) -> Result<(), Failure> {
    start_with(OF_A_SUBCOMMAND, telemetry.format)
}

fn start_with(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
