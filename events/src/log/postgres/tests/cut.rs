//! A way to the server that can be cut exactly when COMMIT passes: before the server gets it, or before its answer comes back.

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
pub(super) enum Cut {
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
}

#[derive(Debug)]
pub(super) struct Proxy {
    url: String,
    state: Arc<State>,
}

impl Proxy {
    pub async fn to(url: &str) -> Self {
        let mut url: Url = url.parse().unwrap();
        let server = (url.host_str().unwrap().to_owned(), url.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
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
}

async fn pass(client: TcpStream, server: TcpStream, state: Arc<State>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mute = Arc::new(AtomicBool::new(false));
    tokio::select! {
        () = state.closing.notified() => {}
        () = requests(from_client, to_server, &state, &mute) => {}
        () = answers(from_server, to_client, &mute) => {}
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State, mute: &AtomicBool) {
    // A simple query, which is one message: its type, its length, the text, a zero.
    const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        let bytes = &buffer[..count];
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
async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mute: &AtomicBool) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        if mute.load(Ordering::SeqCst) || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
