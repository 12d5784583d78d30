//! A way to the server that can be cut exactly when COMMIT passes (before the server gets it, or before its answer comes back),
//! closed, or made silent, as a network is that loses packets without telling anybody.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
};
use url::Url;

/// Where the way is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server never gets the COMMIT.
    BeforeCommit,
    /// The server commits, and its answer is lost.
    AfterCommit,
}

#[derive(Debug, Default)]
struct State {
    /// 0 nothing, 1 before, 2 after.
    next: AtomicU8,
    closed: AtomicBool,
    closing: Notify,
    silent: AtomicBool,
}

/// A way to a server, which lasts as long as the runtime that it was made in.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    state: Arc<State>,
}

impl Proxy {
    /// To the server of this address.
    ///
    /// # Panics
    /// If the address names no host and port.
    pub async fn to(url: &str) -> Self {
        let mut url: Url = url.parse().expect("an address");
        let host = url.host_str().expect("a host").to_owned();
        let server = (host, url.port().expect("a port"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        url.set_port(Some(port)).expect("an address with a port");
        url.set_query(Some("sslmode=disable"));
        let state = Arc::<State>::default();
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if shared.closed.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server.clone()).await else {
                    continue;
                };
                tokio::spawn(pass(client, server, shared.clone()));
            }
        });
        Self {
            url: url.into(),
            state,
        }
    }

    /// The address that leads this way.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Cuts the connection on which the next COMMIT passes.
    pub fn cut_next(&self, cut: Cut) {
        let code = if cut == Cut::BeforeCommit { 1 } else { 2 };
        self.state.next.store(code, Ordering::SeqCst);
    }

    /// Whether the cut has come.
    pub fn has_cut(&self) -> bool {
        self.state.next.load(Ordering::SeqCst) == 0
    }

    /// Cuts all connections and lets nobody through.
    pub fn close(&self) {
        self.state.closed.store(true, Ordering::SeqCst);
        self.state.closing.notify_waiters();
    }

    /// Lets new connections through again.
    pub fn open(&self) {
        self.state.closed.store(false, Ordering::SeqCst);
    }

    /// From now on nothing comes through, and nobody is told.
    pub fn silence(&self) {
        self.state.silent.store(true, Ordering::SeqCst);
    }

    /// Lets new connections through again; those on which something was lost stay silent.
    pub fn end_silence(&self) {
        self.state.silent.store(false, Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, server: TcpStream, state: Arc<State>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (mute, lost) = (AtomicBool::new(false), AtomicBool::new(false));
    tokio::select! {
        () = state.closing.notified() => {}
        () = requests(from_client, to_server, &state, &mute, &lost) => {}
        () = answers(from_server, to_client, &state, &mute, &lost) => {}
    }
}

impl State {
    /// Whether what comes now is lost, as is all that comes after it on the same connection.
    fn loses(&self, lost: &AtomicBool) -> bool {
        let silent = self.silent.load(Ordering::SeqCst);
        lost.fetch_or(silent, Ordering::SeqCst) || silent
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &State,
    mute: &AtomicBool,
    lost: &AtomicBool,
) {
    // A simple query, which is one message: its type, its length, the text, a zero.
    const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        let bytes = &buffer[..count];
        if state.loses(lost) {
            continue;
        }
        if bytes.ends_with(COMMIT) {
            match state.next.swap(0, Ordering::SeqCst) {
                1 => return,
                2 => mute.store(true, Ordering::SeqCst),
                _ => {}
            }
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

/// Ends when the server answered what must not be heard.
async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &State,
    mute: &AtomicBool,
    lost: &AtomicBool,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        if mute.load(Ordering::SeqCst) {
            return;
        }
        if !state.loses(lost) && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
