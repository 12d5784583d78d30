//! A Redis of one test's own (`tools/redis`), which it can kill and start again.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// A Redis of one test's own.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    url: String,
}

impl Redis {
    /// Starts one; `None`, said loudly, where the machine has no `redis-server`.
    ///
    /// # Panics
    /// If there is none and `CI` is `true`.
    pub fn start() -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        match order(&["start", path(folder.path())]) {
            Ok(url) => Some(Self { folder, url }),
            Err(reason) => {
                assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{reason}");
                eprintln!("SKIPPED: {reason}");
                None
            }
        }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets in, from now on, only who has this password.
    ///
    /// # Panics
    /// If it does not take the order.
    pub fn require_password(&self, password: &str) {
        let address = self.url.trim_start_matches("redis://");
        let mut connection = TcpStream::connect(address).expect("it answers");
        let order = format!("CONFIG SET requirepass {password}\r\n");
        connection.write_all(order.as_bytes()).expect("it listens");
        let mut answer = [0; 5];
        connection.read_exact(&mut answer).expect("it answers");
        assert_eq!(&answer, b"+OK\r\n");
    }

    /// Ends it at once.
    ///
    /// # Panics
    /// If it cannot be.
    pub fn kill(&self) {
        order(&["stop", path(self.folder.path())]).expect("it stops");
    }

    /// Starts it again at the same address, with nothing in it.
    ///
    /// # Panics
    /// If it does not start.
    pub fn again(&self) {
        let port = self.url.rsplit(':').next().unwrap_or_default();
        order(&["start", path(self.folder.path()), port]).expect("it starts");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = order(&["stop", path(self.folder.path())]);
    }
}

fn path(folder: &Path) -> &str {
    folder.to_str().expect("a path in UTF-8")
}

fn order(arguments: &[&str]) -> Result<String, String> {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tools/redis");
    let ran = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| error.to_string())?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if ran.status.success() {
        Ok(said(&ran.stdout))
    } else {
        Err(said(&ran.stderr))
    }
}
