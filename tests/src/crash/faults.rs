//! Faults below the engine: a small library that is loaded before the C library and lies about the disk and the clock (its source
//! is `tests/faults/shim.c`, compiled here by the machine's C compiler).
//!
//! The rule: the server under test is the one that ships; what is made to fail is what it stands on.

use std::{path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::harness::Options;

/// The shim, and the folder from which it takes its orders.
#[derive(Debug)]
pub struct Faults {
    folder: TempDir,
    library: PathBuf,
}

impl Faults {
    /// Compiles it; `None`, said loudly, where that is not possible (it knows glibc's symbols).
    ///
    /// # Panics
    /// If there is no C compiler and `CI` is `true`.
    pub fn prepare() -> Option<Self> {
        if !cfg!(all(target_os = "linux", target_env = "gnu")) {
            eprintln!("SKIPPED: faults below the engine are injected on Linux with glibc alone");
            return None;
        }
        let folder = TempDir::new().expect("a temporary folder");
        let library = folder.path().join("faults.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/faults/shim.c");
        let compiled = Command::new("cc")
            .args([
                "-shared", "-fPIC", "-O1", "-Wall", "-Werror", source, "-ldl", "-o",
            ])
            .arg(&library)
            .output();
        let Ok(compiled) = compiled else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "there is no C compiler"
            );
            eprintln!("SKIPPED: there is no C compiler for the faults below the engine");
            return None;
        };
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "the shim does not compile: {said}");
        Some(Self { folder, library })
    }

    /// Puts it below a server that is to be started.
    #[must_use]
    pub fn below(&self, options: Options) -> Options {
        let text = |path: &std::path::Path| path.to_str().expect("a path in UTF-8").to_owned();
        options
            .with("LD_PRELOAD", &text(&self.library))
            .with("FAULTS", &text(self.folder.path()))
    }

    /// The time of day is moved by so many seconds.
    pub fn move_clock(&self, seconds: i64) {
        self.order("clock", &seconds.to_string());
    }

    /// Files whose path holds `name` cannot be synced any more.
    pub fn fail_sync(&self, name: &str) {
        self.order("sync", name);
    }

    /// The `count`th write to such a file from now on writes at most `bytes`, and the process dies there.
    pub fn tear_write(&self, name: &str, count: usize, bytes: usize) {
        self.order("tear", &format!("{name} {count} {bytes}"));
    }

    /// Everything works again.
    pub fn end(&self) {
        for order in ["clock", "sync", "tear"] {
            let _ = std::fs::remove_file(self.folder.path().join(order));
        }
    }

    /// In one step: an order is never seen half written.
    fn order(&self, name: &str, text: &str) {
        let (path, written) = (self.folder.path().join(name), self.folder.path().join("written"));
        std::fs::write(&written, text).expect("an order is written");
        std::fs::rename(written, path).expect("an order is given");
    }
}
