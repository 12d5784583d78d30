//! `chancery serve`: opens the platform, makes what the first start makes, listens, drains on SIGTERM.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use command::{Commands, bootstrap::Bootstrap};
use query::Queries;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing_subscriber::EnvFilter;
use url::Url;
use web::Edge;

use crate::{
    Failure,
    config::{Config, LogFormat, Telemetry},
    demo, docs, listener, management,
    platform::Platform,
};

/// How often what is over is swept from the log's indexes.
const SWEEP: Duration = Duration::from_mins(10);

/// Runs until SIGTERM or SIGINT.
pub async fn serve(config: Config, with_demo: bool) -> Result<(), Failure> {
    start_logging(&config.telemetry)?;
    let metrics = management::record_metrics()?;
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", config.listen))?;
    let address = listener.local_addr()?;
    let platform = Platform::open(&config).await?;

    let public_url = match &config.public_url {
        Some(url) => url.clone(),
        None => Url::parse(&format!("http://{address}"))?,
    };
    let edge = Edge::new(Arc::clone(&platform.kernel), public_url);
    let workers = match config.passwords.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let hasher = passwords::Hasher::new(passwords::Parameters::default(), workers, config.passwords.queue)?;
    let commands = Commands::new(edge.clone(), hasher);
    let queries = Queries {
        edge: edge.clone(),
        reads: platform.reads.clone(),
    };

    let bootstrap = Bootstrap {
        admin_password: config
            .bootstrap
            .admin_password
            .as_ref()
            .map(crate::config::Secret::secret),
        client: config.bootstrap.client_id.clone().zip(
            config
                .bootstrap
                .client_secret
                .as_ref()
                .map(crate::config::Secret::secret),
        ),
    };
    let made = command::bootstrap::bootstrap(&commands, bootstrap).await?;
    if let Some(password) = &made.admin_password {
        println!("Administrator of realm `system`: user admin, password {password} (shown this once)");
    }
    let mut app = docs::mount(command::api(commands.clone()), query::api(queries));
    if with_demo {
        let demo = command::demo::demo(&commands).await?;
        println!(
            "Demo: sign in at {}/demo/ as alice, password {}",
            edge.public_url(),
            demo.password
        );
        app = app.merge(demo::router(&edge, &demo));
    }

    // Listened for before anybody is told that we are ready: a signal right after that must not kill us.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stop, stopping) = watch::channel(false);
    let (drain, drained) = watch::channel(false);
    let management = management::start(&config, metrics, &platform, stopping.clone(), drained).await?;
    let sweeper = tokio::spawn(sweep(Arc::clone(&platform.kernel), stopping.clone()));
    println!(
        "Chancery is ready at http://{address} (public address {}, management http://{management})",
        edge.public_url()
    );

    let stopper = tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("draining");
        stop.send_replace(true);
    });
    let proxies = config.trusted_proxies.iter().copied().collect();
    listener::serve(listener, web::layers::edge_layers(app, &edge), proxies, stopping).await;
    drain.send_replace(true);
    stopper.abort();
    sweeper.abort();
    management::forget(&config);
    platform.close().await;
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

fn start_logging(telemetry: &Telemetry) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&telemetry.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match telemetry.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
