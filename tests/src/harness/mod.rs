//! What a test of the running platform stands on: the real binary as a child process, the two APIs, a browser made
//! of plain HTTP, and realms to work in. The rule: each test makes its own realm, and nothing is known from inside.

mod api;
mod browser;
mod carried;
mod hostile;
mod html;
mod kafka;
mod live;
mod mail;
mod nodes;
mod outside;
mod realm;
mod receiver;
mod scene;
mod server;
mod signer;
mod surface;
mod tokens;

pub use api::{Answer, Api};
pub use browser::{Arrival, Authorization, Browser, Callback};
pub use carried::carried;
pub use hostile::{Hostile, Kind, forged};
pub use html::{HtmlButton, HtmlForm, form_of, forms_of, passkey_options, press};
pub use kafka::{Published, published};
pub use live::{Follower, Heard, Way};
pub use mail::{MailServer, Received};
pub use nodes::{Line, Nodes, Postgres, how_long};
pub use outside::serving;
pub use realm::{Application, Realm, User};
pub use receiver::{Received as ReceivedDelivery, Receiver, Reply};
pub use reqwest::Method;
pub use scene::Scene;
pub use server::{
    CLIENT_ID, CLIENT_SECRET, Options, Ran, Refused, Server, Stores, at_address, binary, free_port, run,
    shared,
};
pub use signer::{Signer, assertion_claims, now, proof_claims};
pub use surface::{Operation, Places, World, document, managed, operations, operations_of};
pub use tokens::{Keys, Tokens, header_of, payload_of, tampered};

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// A name that no other test has: eight random bytes in hexadecimal.
pub fn unique() -> String {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
    format!("{:016x}", u64::from_be_bytes(bytes))
}

/// A password that every policy takes.
pub fn password() -> String {
    format!("Zebra-{}-{}", unique(), unique())
}

/// Waits until something is so, at most a minute: for what follows a write without being part of its answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut check: impl FnMut() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "not within a minute: {what}"
        );
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Runs the same request many times at once and gives the answers in the order of their arrival.
pub async fn at_once<F>(times: usize, mut request: impl FnMut(usize) -> F) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut running = tokio::task::JoinSet::new();
    for number in 0..times {
        running.spawn(request(number));
    }
    running.join_all().await
}
