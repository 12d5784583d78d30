//! The subcommands besides the server: migrate, rebuild, verify, replay, tombstones, breached.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    time::Duration,
};

use events::{
    clock::{Clock, SystemClock},
    keys::{KeyKind, KeyName},
    log::{LogError, verify::verify_log},
};
use publisher::replay::Replay;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    Failure,
    config::{Config, Place, Role},
    management,
    platform::{self, Platform, ReadsInUse},
    serve,
};

/// How long a rebuild in a database waits for read models that can be asked.
const FOUND: Duration = Duration::from_secs(10);

/// Opening a store brings it to this version's shape; read models are not migrated, but built anew when it is time.
pub async fn migrate(config: &Config) -> Result<(), Failure> {
    let stores_of_record = Config {
        roles: [Role::Command].into(),
        ..config.clone()
    };
    Platform::open(&stores_of_record).await?.close().await;
    println!("the log and the keys are at this version");
    Ok(())
}

/// Rebuilds, or has the server rebuild that holds the files. In a database it is done here, beside the nodes that are
/// running: it takes no worker's place, and all of them move to what was built.
pub async fn rebuild(config: &Config) -> Result<(), Failure> {
    let roles = match config.places()?.read {
        Place::File(_) => config.roles.clone(),
        Place::Database(_) => [Role::Query].into(),
    };
    let reader = Config {
        roles,
        ..config.clone()
    };
    let platform = match with_reads(&reader).await {
        Ok(platform) => platform,
        Err(error) if is_in_use(&error) => {
            return ask_to_rebuild(config)
                .await
                .map_err(|why| format!("{error}; {why}").into());
        }
        Err(error) => return Err(error),
    };
    let rebuilt = match &platform.reads {
        Some(reads) => reads.rebuild().await.map_err(Failure::from),
        None => Err("there are no read models where only commands are taken".into()),
    };
    platform.close().await;
    rebuilt?;
    println!("rebuilt");
    Ok(())
}

/// Opens the read models to build new ones beside them. Whoever does not follow the log waits for a node that does; where
/// there is none, the first ones are built here.
async fn with_reads(config: &Config) -> Result<Platform, Failure> {
    let mut platform = Platform::open(config).await?;
    if !config.is(Role::Worker)
        && let Ok(opened) = tokio::time::timeout(FOUND, platform.read(config, false)).await
    {
        opened?;
    } else {
        platform.read(config, true).await?;
    }
    Ok(platform)
}

fn is_in_use(error: &Failure) -> bool {
    error.is::<ReadsInUse>() || matches!(error.downcast_ref(), Some(LogError::Refused(_)))
}

async fn ask_to_rebuild(config: &Config) -> Result<(), Failure> {
    let address = management::address_file(config)?
        .and_then(|file| std::fs::read_to_string(file).ok())
        .ok_or("and no server says where it is reached")?;
    let mut server = TcpStream::connect(address.trim()).await?;
    let order = management::ORDER;
    let log = platform::log_to_read(config).await?.incarnation();
    let request = format!(
        "POST /rebuild HTTP/1.1\r\nhost: chancery\r\n{order}: {log}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
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

/// Reads every stream from its start, also beside a running server; a finding names the stream and the seq. Claims are
/// sealed: where the keys cannot be opened they are not compared, and that is a failure, unless it was asked for. What
/// cannot be seen without a checkpoint is that a stream's last events were removed and its head lowered to fit.
pub async fn verify(config: &Config, without_keys: bool) -> Result<(), Failure> {
    let log = platform::log_to_read(config).await?;
    let keyring = if without_keys {
        Err("as ordered".to_owned())
    } else {
        platform::keyring_to_read(config)
            .await
            .map_err(|error| error.to_string())
    };
    let verified = verify_log(&*log, keyring.as_deref().ok(), &SystemClock).await;
    log.close().await;
    let verified = verified?;
    for finding in &verified.findings {
        eprintln!("{finding}");
    }
    let claims = match (verified.claims, &keyring) {
        (Some(count), _) => format!("{count} claims are as the events tell them"),
        (None, Err(why)) => format!("claims were NOT checked: {why}"),
        (None, Ok(_)) => "claims were NOT checked".to_owned(),
    };
    if !verified.findings.is_empty() {
        let places = verified.findings.len();
        return Err(format!("the log is damaged in {places} places; {claims}").into());
    }
    let unfinished = verified.unfinished.map_or_else(String::new, |realm| {
        format!("; the realm made last, {realm}, is empty: it was not finished, or its streams are gone")
    });
    println!(
        "{} events of {} realms in {} streams: gapless, unaltered; {claims}{unfinished}",
        verified.events, verified.realms, verified.streams
    );
    if verified.claims.is_none() && !without_keys {
        return Err(
            "verified in part: claims need the keys and the master key (or order it --without-keys)".into(),
        );
    }
    Ok(())
}

/// Publishes a range of the log to a topic of its own. The records name the same source as those of the server, so it has to know
/// where that is reached.
pub async fn replay(config: &Config, replay: &Replay) -> Result<(), Failure> {
    if config.public_url.is_none() && config.listen.port() == 0 {
        return Err(
            "public_url: records name where they come from, so it must be what the server's is".into(),
        );
    }
    let public_url = serve::public_url(config, config.listen)?;
    let settings = config
        .kafka
        .settings(public_url.as_str().trim_end_matches('/'))
        .ok_or("kafka.brokers: there is no Kafka to replay to")?;
    let log = platform::log_to_read(config).await?;
    let replayed = replay.run(&*log, &settings).await;
    log.close().await;
    println!("{} are in {}", replayed?, replay.to);
    Ok(())
}

/// Makes the file of breached passwords from a list, `-` for standard input. What was there before is replaced once the new one is whole.
pub fn breached(list: &Path, to: &Path, at_least: u64) -> Result<(), Failure> {
    let source: Box<dyn BufRead> = if list.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(list).map_err(|error| format!("{}: {error}", list.display()))?;
        Box::new(BufReader::with_capacity(1 << 20, file))
    };
    let part = to.with_added_extension("part");
    let mut file = File::create(&part).map_err(|error| format!("{}: {error}", part.display()))?;
    let written = passwords::breached::write(source, &mut file, at_least)
        .map_err(|error| format!("{}: {error}", list.display()))
        .and_then(|count| match std::fs::rename(&part, to) {
            Ok(()) => Ok(count),
            Err(error) => Err(format!("{}: {error}", to.display())),
        });
    if written.is_err() {
        // What is left of it is of no use to anybody.
        let _ = std::fs::remove_file(&part);
    }
    let count = written?;
    println!("{count} passwords are in {}", to.display());
    Ok(())
}

/// Prints the names of all keys that were destroyed, one in a line: realm, kind, id. There is nothing secret in them.
pub async fn list_tombstones(config: &Config) -> Result<(), Failure> {
    let keys = platform::keys_to_read(config).await?;
    let buried = keys.destroyed_between(0, keys.last_destruction().await?).await?;
    keys.close().await;
    for name in buried {
        println!("{} {} {}", name.realm, name.kind.as_str(), name.id);
    }
    Ok(())
}

/// Destroys the keys of a list again, after a restore brought them back. The whole list is read before anything is done.
pub async fn apply_tombstones(config: &Config, list: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(list).map_err(|error| format!("{}: {error}", list.display()))?;
    let names = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| tombstone(line).ok_or_else(|| format!("not a tombstone: {line}")))
        .collect::<Result<Vec<_>, _>>()?;
    let keys = platform::keys(&config.places()?.keys).await?;
    let destroyed = keys.destroy(&names, SystemClock.now()).await;
    keys.close().await;
    destroyed?;
    println!("{} keys are destroyed", names.len());
    Ok(())
}

fn tombstone(line: &str) -> Option<KeyName> {
    let mut parts = line.trim().splitn(3, ' ');
    Some(KeyName {
        realm: parts.next()?.parse().ok()?,
        kind: KeyKind::named(parts.next()?)?,
        id: parts.next().filter(|id| !id.is_empty())?.to_owned(),
    })
}
