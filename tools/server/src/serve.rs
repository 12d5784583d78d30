//! `chancery serve`: opens the platform, makes what the first start makes, listens, drains on SIGTERM.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use command::{Commands, bootstrap::Bootstrap};
use query::{Live, Queries};
use ratelimit::Answer;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use url::Url;
use web::{
    Edge,
    limits::{Limits, Operations},
};

use crate::{
    Failure,
    config::{Config, Counters, Passwords, Role, Secret},
    demo, docs, holdings,
    listener::{self, Ending},
    logging, management,
    platform::Platform,
    tls::Tls,
};

/// How often what is over is swept from the log's indexes.
const SWEEP: Duration = Duration::from_mins(10);

/// How long those who follow events may take to hear that the node ends.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or SIGINT.
pub async fn serve(config: Config, with_demo: bool) -> Result<(), Failure> {
    if with_demo && !config.is(Role::Command) {
        return Err("--demo needs a process that takes commands".into());
    }
    let traces = logging::start(&config.telemetry)?;
    let metrics = management::record_metrics()?;
    let tls = Tls::open(&config)?;
    let listener = if config.serves() {
        let listener = TcpListener::bind(config.listen).await;
        Some(listener.map_err(|error| format!("cannot listen on {}: {error}", config.listen))?)
    } else {
        None
    };
    // Listened for before anything is opened: opening may take long, and the first process of a container is ended by
    // nothing else.
    let mut stopping = until_told_to_stop()?;
    let (close, closing) = watch::channel(false);
    let live = Live::new(config.live.limits(), closing);
    let (drain, drained) = watch::channel(false);
    let opening = async {
        let mut platform = Platform::open(&config).await?;
        let_in(&platform.counters).await?;
        // Told of before the read models are there, which may take long: whoever asks whether it lives must not end it.
        let management = management::start(&config, metrics, &platform, stopping.clone(), drained).await?;
        platform.read(&config, config.is(Role::Worker)).await?;
        if config.is(Role::Command) {
            platform.look_up(&config)?;
        }
        let listening = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let edge = edge(&config, &platform, listening.unwrap_or(config.listen))?;
        let public = match listener {
            Some(listener) => {
                Some(public(&config, &platform, edge.clone(), &live, listener, with_demo).await?)
            }
            None => None,
        };
        if config.is(Role::Worker) {
            let ended = holdings::ended_sessions(&platform)?;
            let reports = config.sms.reports(edge.public_url()).is_some();
            let texts = config.sms.open(config.outbound.ca_file.as_deref())?;
            let texts = texts.map(|texts| texts.reporting(reports));
            platform
                .react(
                    &config,
                    command::reactors::all(&edge, ended, config.smtp.open()?, texts),
                )
                .await?;
            platform.publish(&config, edge.public_url())?;
        }
        management.started(&platform);
        Ok::<_, Failure>((platform, management.address, public))
    };
    let mut told = stopping.clone();
    let (platform, management, public) = tokio::select! {
        opened = opening => opened?,
        _ = told.wait_for(|stop| *stop) => {
            management::forget(&config);
            return Ok(());
        }
    };
    let sweeper = config
        .is(Role::Worker)
        .then(|| tokio::spawn(sweep(Arc::clone(&platform.kernel), stopping.clone())));
    match &public {
        Some(Public {
            address,
            scheme,
            edge,
            ..
        }) => println!(
            "Chancery is ready at {scheme}://{address} (public address {}, management http://{management})",
            edge.public_url()
        ),
        None => println!("Chancery is ready as a worker (management http://{management})"),
    }

    match public {
        Some(Public { listener, app, .. }) => {
            let proxies = config.trusted_proxies.iter().copied().collect();
            let following = tls.clone().map(|tls| tokio::spawn(tls.follow()));
            let ending = Ending {
                stopping,
                delay: config.drain(),
                close,
            };
            listener::serve(listener, tls, app, proxies, ending).await;
            // A WebSocket is no request in flight any more.
            let _ = tokio::time::timeout(FAREWELL, live.ended()).await;
            if let Some(following) = following {
                following.abort();
            }
        }
        None => {
            let _ = stopping.wait_for(|stop| *stop).await;
        }
    }
    if let Some(sweeper) = sweeper {
        sweeper.abort();
    }
    platform.close().await;
    // Until here operators are told that it drains.
    drain.send_replace(true);
    management::forget(&config);
    if let Some(traces) = traces {
        // It waits for the collector, on a thread of its own.
        tokio::task::spawn_blocking(move || traces.stop()).await?;
    }
    Ok(())
}

/// Becomes true with SIGTERM or SIGINT.
fn until_told_to_stop() -> Result<watch::Receiver<bool>, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("draining");
        stop.send_replace(true);
        // Whoever asks later finds it said.
        stop.closed().await;
    });
    Ok(stopping)
}

/// What callers reach of a process.
struct Public {
    listener: TcpListener,
    address: SocketAddr,
    scheme: &'static str,
    edge: Edge,
    app: Router,
}

fn scheme(config: &Config) -> &'static str {
    match config.tls.files() {
        Some(_) => "https",
        None => "http",
    }
}

/// The public address; a process that is told none is reached where it listens.
pub fn public_url(config: &Config, address: SocketAddr) -> Result<Url, Failure> {
    Ok(match &config.public_url {
        Some(url) => url.clone(),
        None => Url::parse(&format!("{}://{address}", scheme(config)))?,
    })
}

/// What all roles share.
fn edge(config: &Config, platform: &Platform, address: SocketAddr) -> Result<Edge, Failure> {
    let public_url = public_url(config, address)?;
    let documents = config.outbound.open()?;
    let mails = config.smtp.url.is_some();
    let edge = Edge::new(Arc::clone(&platform.kernel), public_url, documents)
        .mailing(mails)
        .texting(config.sms.is_given());
    Ok(edge.limited(limits(config, &platform.counters)?))
}

/// How many requests are taken, of all operations that there are.
fn limits(config: &Config, counters: &Counters) -> Result<Limits, Failure> {
    let documents = [command::document(), query::document()];
    let loopback = config.limits.loopback.unwrap_or(!config.is_loopback());
    Ok(Limits::new(
        Arc::clone(&counters.limiter),
        config.limits.rules()?,
        Operations::of(&documents),
        loopback,
    ))
}

/// A Redis that is away comes back, and each limit says what holds until then; one that lets us not in is a mistake of whoever configured it.
async fn let_in(counters: &Counters) -> Result<(), Failure> {
    let Some(shared) = &counters.shared else {
        return Ok(());
    };
    match shared.check().await {
        Answer::Good => Ok(()),
        Answer::Away => {
            tracing::warn!("Redis does not answer: limits hold as each of them says, until it does");
            Ok(())
        }
        Answer::Refused => Err("redis.url: the Redis is there and refuses us: user and password must be its own, with the right to run scripts and write".into()),
    }
}

/// Composes what the roles serve; a process that takes commands makes what the first start makes.
async fn public(
    config: &Config,
    platform: &Platform,
    edge: Edge,
    live: &Live,
    listener: TcpListener,
    with_demo: bool,
) -> Result<Public, Failure> {
    let address = listener.local_addr()?;
    let queries = match &platform.reads {
        Some(reads) if config.is(Role::Query) => Some(query::api(Queries {
            edge: edge.clone(),
            reads: reads.clone(),
            live: live.clone(),
        })),
        _ => None,
    };
    let app = if config.is(Role::Command) {
        let commands = Commands::new(edge.clone(), hasher(&config.passwords)?)
            .with_holdings(holdings::of_users(platform))
            .with_reports(config.sms.reports(edge.public_url()));
        first_start(config, &commands).await?;
        let app = docs::mount(Some(command::api(commands.clone())), queries);
        if with_demo {
            let demo = command::demo::demo(&commands).await?;
            println!(
                "Demo: sign in at {}/demo/ as alice, password {}",
                edge.public_url(),
                demo.password
            );
            app.merge(demo::router(&edge, &demo))
        } else {
            app
        }
    } else {
        docs::mount(None, queries)
    };
    Ok(Public {
        listener,
        address,
        scheme: scheme(config),
        app: web::layers::edge_layers(app, &edge, command::auth::problem_page),
        edge,
    })
}

fn hasher(passwords: &Passwords) -> Result<passwords::Hasher, Failure> {
    let workers = match passwords.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let parameters = passwords::Parameters::default();
    let hasher = passwords::Hasher::new(parameters, workers, passwords.queue)?;
    let Some(breached) = passwords.open()? else {
        return Ok(hasher);
    };
    tracing::info!(
        passwords = breached.count(),
        "passwords known from breaches are refused"
    );
    Ok(hasher.knowing(breached))
}

async fn first_start(config: &Config, commands: &Commands) -> Result<(), Failure> {
    let configured = &config.bootstrap;
    let client_secret = configured.client_secret.as_ref().map(Secret::secret);
    let bootstrap = Bootstrap {
        admin_password: configured.admin_password.as_ref().map(Secret::secret),
        client: configured.client_id.clone().zip(client_secret),
    };
    let made = command::bootstrap::bootstrap(commands, bootstrap).await?;
    if let Some(password) = &made.admin_password {
        println!("Administrator of realm `system`: user admin, password {password} (shown this once)");
    }
    Ok(())
}

async fn sweep(kernel: Arc<events::kernel::Kernel>, stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        match kernel.log().sweep(kernel.now()).await {
            Ok(swept) => tracing::debug!(swept, "swept the log's indexes"),
            Err(error) => tracing::warn!(%error, "could not sweep the log's indexes"),
        }
        tokio::time::sleep(SWEEP).await;
    }
}

#[cfg(test)]
mod tests {
    use web::limits::BUILT_IN;

    use super::*;

    #[test]
    fn the_limits_that_are_built_in_are_of_operations_that_know_whom_they_count() {
        let operations = Operations::of(&[command::document(), query::document()]);
        for limit in BUILT_IN {
            for name in limit.scope {
                let mut found = operations.named(name).peekable();
                assert!(found.peek().is_some(), "{}: there is no {name}", limit.name);
                assert!(
                    found.all(|operation| operation.knows(limit.key)),
                    "{}: {name}",
                    limit.name
                );
            }
        }
    }
}
