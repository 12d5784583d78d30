//! A Kafka broker of a test's own, which it may kill and start again.

use std::{path::Path, process::Command};

use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/kafka/broker");

/// A broker of one test's own. It ends with its value.
#[derive(Debug)]
pub struct Broker {
    folder: TempDir,
    address: String,
}

impl Broker {
    /// Starts one; `None`, said loudly, where the machine has no Java or cannot fetch Kafka.
    ///
    /// # Panics
    /// If it does not start and `CI` is `true`.
    pub fn start() -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        match run("start", folder.path()) {
            Ok(address) => Some(Self { folder, address }),
            Err(reason) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "{reason}");
                eprintln!("SKIPPED: {reason}");
                None
            }
        }
    }

    /// `host:port`, the same as long as it lives, however often it is started.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends it with SIGKILL.
    ///
    /// # Panics
    /// If it cannot be.
    pub fn kill(&self) {
        run("kill", self.folder.path()).expect("the broker is killed");
    }

    /// Starts it again, with all that it held.
    ///
    /// # Panics
    /// If it does not start.
    pub fn again(&self) {
        run("start", self.folder.path()).expect("the broker starts again");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = run("kill", self.folder.path());
    }
}

fn run(order: &str, folder: &Path) -> Result<String, String> {
    let ran = Command::new(SCRIPT).arg(order).arg(folder).output();
    let ran = ran.map_err(|error| format!("{SCRIPT}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if ran.status.success() {
        Ok(text(&ran.stdout))
    } else {
        Err(text(&ran.stderr))
    }
}
