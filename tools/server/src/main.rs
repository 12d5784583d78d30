//! `chancery`: every role of the platform in one binary. Here: the command line, and nothing else.

mod config;
mod demo;
mod docs;
mod holdings;
mod listener;
mod logging;
mod management;
mod platform;
mod serve;
mod subcommands;
mod tls;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use events::{ids::RealmId, subject::Lane, topics::Topic};
use publisher::replay::{Bound, Replay};
use serde_json::{Map, Value, json};

use config::{Config, ConfigError, Role};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Chancery: a multi-tenant identity platform in which the record comes first.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the platform.
    Serve {
        #[command(flatten)]
        common: Common,
        /// Where to listen; port 0 takes a free one.
        #[arg(long)]
        listen: Option<SocketAddr>,
        /// The address under which browsers and applications reach it.
        #[arg(long)]
        public_url: Option<String>,
        /// What this process does: command, query, worker, in any mix. More than one process needs stores on PostgreSQL.
        #[arg(long, value_delimiter = ',')]
        role: Vec<Role>,
        /// Adds realm `demo` with user `alice` and a small application to sign in to.
        #[arg(long)]
        demo: bool,
    },
    /// Brings the stores to this version's shape and ends.
    Migrate {
        #[command(flatten)]
        common: Common,
    },
    /// Builds the read models anew from the log, beside the ones that are served; has it done by the server that holds their files.
    Rebuild {
        #[command(flatten)]
        common: Common,
    },
    /// Checks every entry of the log and every claim, also beside a running server.
    Verify {
        #[command(flatten)]
        common: Common,
        /// Leaves the claims unchecked: they are sealed, and only the keys open them.
        #[arg(long)]
        without_keys: bool,
    },
    /// Publishes a range of the log once more, to a topic of Kafka of its own, also beside a running server.
    Replay {
        #[command(flatten)]
        common: Common,
        /// The topic to write, made where it is missing; never a live one, and none that has records.
        #[arg(long)]
        to: String,
        /// The live topic whose records it is given: users, auth, …; audit has every event.
        #[arg(long, default_value = "audit")]
        topic: Topic,
        /// The id of a realm; given several times, of several. Left out: of all.
        #[arg(long)]
        realm: Vec<RealmId>,
        /// Of this lane alone: facts or activity.
        #[arg(long, value_parser = lane)]
        lane: Option<Lane>,
        /// From a moment (2026-01-31T12:00:00Z) on; or, of one lane of one realm, from a seq on.
        #[arg(long)]
        from: Option<Bound>,
        /// Until before a moment; or to a seq, which is the last.
        #[arg(long)]
        until: Option<Bound>,
    },
    /// Makes the file of `passwords.breached` from a list of SHA-1 hashes and counts in their order, such as that of Pwned Passwords.
    Breached {
        /// The list; `-` for standard input.
        list: PathBuf,
        /// The file to make, or to replace.
        to: PathBuf,
        /// Leaves out what was seen less often.
        #[arg(long, default_value_t = 1)]
        at_least: u64,
    },
    /// Prints which keys were destroyed, to be kept with backups; or destroys those of such a list again, after a restore.
    Tombstones {
        #[command(flatten)]
        common: Common,
        /// The list to apply.
        #[arg(long)]
        apply: Option<PathBuf>,
    },
    /// About the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Prints what is in force, secrets masked, or what is wrong.
    Check {
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args)]
struct Common {
    /// A TOML file.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The folder of the embedded default.
    #[arg(long)]
    data: Option<PathBuf>,
}

impl Common {
    fn load(&self, mut flags: Map<String, Value>) -> Result<Config, ConfigError> {
        if let Some(data) = &self.data {
            flags.insert("data".into(), json!(data));
        }
        Config::load(
            self.config.as_deref().map(Path::new),
            std::env::vars(),
            Value::Object(flags),
        )
    }

    /// For what is neither the server nor a question about the configuration: it logs what its caller should know.
    fn load_for_subcommand(&self) -> Result<Config, Failure> {
        let config = self.load(Map::new())?;
        logging::start_for_subcommand(&config.telemetry)?;
        Ok(config)
    }
}

fn lane(word: &str) -> Result<Lane, String> {
    word.parse().map_err(|()| "facts or activity".to_owned())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chancery: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whatever ends the process is told in one sentence.
type Failure = Box<dyn std::error::Error>;

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve {
            common,
            listen,
            public_url,
            role,
            demo,
        } => {
            let mut flags = Map::new();
            if let Some(listen) = listen {
                flags.insert("listen".into(), json!(listen));
            }
            if let Some(url) = public_url {
                flags.insert("public_url".into(), json!(url));
            }
            if !role.is_empty() {
                flags.insert("roles".into(), json!(role));
            }
            Box::pin(serve::serve(common.load(flags)?, demo)).await
        }
        Command::Migrate { common } => subcommands::migrate(&common.load_for_subcommand()?).await,
        Command::Rebuild { common } => subcommands::rebuild(&common.load_for_subcommand()?).await,
        Command::Verify { common, without_keys } => {
            subcommands::verify(&common.load_for_subcommand()?, without_keys).await
        }
        Command::Replay {
            common,
            to,
            topic,
            realm,
            lane,
            from,
            until,
        } => {
            let replay = Replay {
                to,
                topic,
                realms: realm,
                lane,
                from,
                until,
            };
            subcommands::replay(&common.load_for_subcommand()?, &replay).await
        }
        Command::Breached { list, to, at_least } => subcommands::breached(&list, &to, at_least),
        Command::Tombstones { common, apply } => {
            let config = common.load_for_subcommand()?;
            match apply {
                Some(list) => subcommands::apply_tombstones(&config, &list).await,
                None => subcommands::list_tombstones(&config).await,
            }
        }
        Command::Config {
            command: ConfigCommand::Check { common },
        } => {
            let config = common.load(Map::new())?;
            config.outbound.open()?;
            config.smtp.open()?;
            config.sms.open(config.outbound.ca_file.as_deref())?;
            tls::Tls::open(&config)?;
            config.redis.open()?;
            config.passwords.open()?;
            println!("{}", serde_json::to_string_pretty(&config)?);
            Ok(())
        }
    }
}
