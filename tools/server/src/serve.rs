//! `chancery serve`: opens the platform, makes what the first start makes, listens, drains on SIGTERM.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use command::{Commands, bootstrap::Bootstrap};
use query::Queries;
use tokio::{net::TcpListener, sync::watch};
use tracing_subscriber::EnvFilter;
use url::Url;
use web::Edge;

use crate::{
    Failure,
    config::{Config, LogFormat, Telemetry},
    demo, docs, management,
    platform::Platform,
};

/// How long requests in flight may take after SIGTERM.
const DRAIN: Duration = Duration::from_secs(20);
/// How often what is over is swept from the log's indexes.
const SWEEP: Duration = Duration::from_secs(600);

/// Runs until SIGTERM or SIGINT.
pub async fn serve(config: Config, with_demo: bool) -> Result<(), Failure> {
    start_logging(&config.telemetry)?;
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
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

    let (stop, stopping) = watch::channel(false);
    let management = management::start(&config, metrics, &platform, stopping.clone()).await?;
    let sweeper = tokio::spawn(sweep(Arc::clone(&platform.kernel), stopping.clone()));
    println!(
        "Chancery is ready at http://{address} (public address {}, management http://{management})",
        edge.public_url()
    );

    run(listener, web::layers::edge_layers(app, &edge), stop, stopping).await?;
    sweeper.abort();
    management::forget(&config);
    platform.close().await;
    Ok(())
}

/// Serves until told to stop, then lets requests in flight end.
async fn run(
    listener: TcpListener,
    app: Router,
    stop: watch::Sender<bool>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let mut drained = stopping.clone();
    let served = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        });
    let mut served = std::pin::pin!(served.into_future());
    tokio::select! {
        result = &mut served => return Ok(result?),
        () = asked_to_stop() => tracing::info!("draining"),
    }
    stop.send_replace(true);
    let _ = drained.wait_for(|stop| *stop).await;
    if tokio::time::timeout(DRAIN, served).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    Ok(())
}

async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

async fn sweep(kernel: Arc<events::kernel::Kernel>, stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        tokio::time::sleep(SWEEP).await;
        match kernel.log().sweep(kernel.now()).await {
            Ok(swept) => tracing::debug!(swept, "swept the log's indexes"),
            Err(error) => tracing::warn!(%error, "could not sweep the log's indexes"),
        }
    }
}

fn start_logging(telemetry: &Telemetry) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&telemetry.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match telemetry.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
