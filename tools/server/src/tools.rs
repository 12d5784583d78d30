//! The subcommands that are not the server: migrate, rebuild, verify.

use events::log::Mark;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    Failure,
    config::Config,
    management,
    platform::{self, Platform},
};

/// Opening a store brings it to this version's shape.
pub async fn migrate(config: &Config) -> Result<(), Failure> {
    Platform::open(config).await?.close().await;
    println!("the stores in {} are at this version", config.data.display());
    Ok(())
}

/// Asks the running server, or rebuilds here if none runs (the log's lock tells).
pub async fn rebuild(config: &Config) -> Result<(), Failure> {
    if let Ok(address) = std::fs::read_to_string(management::address_file(config))
        && let Ok(server) = TcpStream::connect(address.trim()).await
    {
        return ask_to_rebuild(server).await;
    }
    let platform = Platform::open(config).await?;
    let rebuilt = platform.reads.rebuild().await;
    platform.close().await;
    rebuilt?;
    println!("rebuilt");
    Ok(())
}

async fn ask_to_rebuild(mut server: TcpStream) -> Result<(), Failure> {
    let order = management::ORDER;
    let request = format!(
        "POST /rebuild HTTP/1.1\r\nhost: chancery\r\n{order}: rebuild\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    server.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if !head.starts_with("HTTP/1.1 200") {
        return Err(format!("the server could not rebuild: {body}").into());
    }
    println!("rebuilt by the running server");
    Ok(())
}

/// Reads every stream from its start; a finding names the stream and the seq.
pub async fn verify(config: &Config) -> Result<(), Failure> {
    let log = platform::log_to_read(config).await?;
    let (_, heads) = log.heads(Mark::default()).await?;
    let (mut events, mut findings) = (0, 0_usize);
    for head in &heads {
        let verified = events::log::verify::verify_stream(&*log, head.stream).await?;
        events += verified.events;
        findings += verified.findings.len();
        for finding in &verified.findings {
            eprintln!("{finding}");
        }
    }
    log.close().await;
    if findings > 0 {
        return Err(format!("the log is damaged in {findings} places").into());
    }
    println!("{events} events in {} streams: gapless, unaltered", heads.len());
    Ok(())
}
