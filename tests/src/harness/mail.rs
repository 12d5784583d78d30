//! A mail server that we did not write (PyPI's aiosmtpd), and the letters that it took.
//! The rule: where it is not installed this is said loudly, and with `CI=true` it fails.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// How long a letter may take: a debug build on two busy cores takes its time.
const WITHIN: Duration = Duration::from_mins(1);

/// A running mail server. It ends with this.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    _stdin: ChildStdin,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    letters: Mutex<mpsc::Receiver<Value>>,
}

/// A letter as the mail server understood it.
#[derive(Clone, Debug)]
pub struct Received(pub Value);

impl Received {
    /// To whom it was sent.
    pub fn to(&self) -> String {
        self.0["to"][0].as_str().unwrap_or_default().to_owned()
    }

    /// Its subject.
    pub fn subject(&self) -> &str {
        self.0["subject"].as_str().unwrap_or_default()
    }

    /// Its text.
    pub fn text(&self) -> &str {
        self.0["text"].as_str().unwrap_or_default()
    }

    /// Its HTML.
    pub fn html(&self) -> &str {
        self.0["html"].as_str().unwrap_or_default()
    }

    /// The values of a header.
    pub fn header(&self, name: &str) -> Vec<String> {
        let headers = self.0["headers"].as_array().into_iter().flatten();
        headers
            .filter(|header| {
                header[0]
                    .as_str()
                    .is_some_and(|found| found.eq_ignore_ascii_case(name))
            })
            .filter_map(|header| header[1].as_str().map(str::to_owned))
            .collect()
    }

    /// The link in its text.
    ///
    /// # Panics
    /// If there is none.
    pub fn link(&self) -> String {
        let mut words = self.text().split_whitespace();
        let link = words.find(|word| word.starts_with("http://") || word.starts_with("https://"));
        link.expect("a link in the letter").to_owned()
    }

    /// The code of digits in its text, which stands on a line of its own.
    ///
    /// # Panics
    /// If there is none.
    pub fn code(&self) -> String {
        let is_code =
            |line: &&str| (6..=10).contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_digit());
        let mut lines = self.text().lines().map(str::trim);
        lines.find(is_code).expect("a code in the letter").to_owned()
    }
}

impl MailServer {
    /// Starts one without TLS and without passwords, if it is installed.
    pub fn start() -> Option<Self> {
        Self::with(&json!({}))
    }

    /// Starts one as `smtp_server.py` has it.
    ///
    /// # Panics
    /// If it is installed and does not start, or is not and should be.
    pub fn with(journey: &Value) -> Option<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("journeys");
        let python = folder.join(".venv/bin/python");
        let installed = python.exists()
            && folder
                .join(".venv/lib")
                .read_dir()
                .into_iter()
                .flatten()
                .flatten()
                .any(|version| version.path().join("site-packages/aiosmtpd").exists());
        if !installed {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "tests/journeys/.venv lacks aiosmtpd: run tools/test"
            );
            eprintln!("\n=== SKIPPED: tests/journeys/.venv lacks aiosmtpd; tools/test sets it up ===\n");
            return None;
        }
        let mut child = Command::new(&python)
            .arg("smtp_server.py")
            .current_dir(&folder)
            .env("JOURNEY", journey.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("python runs");
        let stdin = child.stdin.take().expect("piped");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let port = lines.next().expect("a port").expect("a line");
        let (sender, letters) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let letter = serde_json::from_str(&line).expect("JSON");
                if sender.send(letter).is_err() {
                    break;
                }
            }
        });
        Some(Self {
            child,
            _stdin: stdin,
            port: port.parse().expect("a port"),
            letters: Mutex::new(letters),
        })
    }

    /// Its address for letters in the clear.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}?tls=none", self.port)
    }

    /// Hands each letter to whoever connects to this port, as JSON: for journeys that are not written in Rust.
    ///
    /// # Panics
    /// If there is no port.
    pub fn hand_out(self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Some(letter) = self.within(WITHIN) else { break };
                let told = letter.0.to_string();
                if stream
                    .and_then(|mut stream| stream.write_all(told.as_bytes()))
                    .is_err()
                {
                    break;
                }
            }
        });
        port
    }

    /// The next letter.
    ///
    /// # Panics
    /// If none comes.
    #[track_caller]
    pub fn next(&self) -> Received {
        self.within(WITHIN).expect("a letter")
    }

    /// The next letter, if one comes by then.
    ///
    /// # Panics
    /// If the server died.
    pub fn within(&self, time: Duration) -> Option<Received> {
        let letters = self.letters.lock().expect("not poisoned");
        letters.recv_timeout(time).ok().map(Received)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
