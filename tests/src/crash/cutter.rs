//! A line to PostgreSQL that breaks at the worst moment: when a node has said `COMMIT`, before that arrives or before the answer
//! comes back.
//!
//! The rule: on one side of the cut the node cannot know what happened, and on the other the database does what it does.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

use super::dice::Dice;

/// What is looked for in what a node sends.
const COMMIT: &[u8] = b"COMMIT";

/// The line.
#[derive(Debug)]
pub struct Cutter {
    /// The address of the database at this end.
    pub url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    far: String,
    /// One `COMMIT` in so many is cut; 0 for none.
    one_in: AtomicUsize,
    dice: Mutex<Dice>,
    before: AtomicUsize,
    after: AtomicUsize,
}

impl Cutter {
    /// To the database at this address; it cuts nothing yet.
    ///
    /// # Panics
    /// If it is no address of a server on a port.
    pub async fn to(database: &str, dice: Dice) -> Self {
        let mut url = Url::parse(database).expect("an address");
        let (host, port) = (url.host_str().expect("a host"), url.port().unwrap_or(5_432));
        let shared = Arc::new(Shared {
            far: format!("{host}:{port}"),
            one_in: AtomicUsize::new(0),
            dice: Mutex::new(dice),
            before: AtomicUsize::new(0),
            after: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let near: SocketAddr = listener.local_addr().expect("bound");
        url.set_ip_host(near.ip()).expect("an address with a host");
        url.set_port(Some(near.port())).expect("an address with a port");
        let carried = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, Arc::clone(&carried)));
            }
        });
        Self {
            url: url.into(),
            shared,
        }
    }

    /// From now on one `COMMIT` in so many is cut; 0 for none.
    pub fn cut_one_in(&self, times: usize) {
        self.shared.one_in.store(times, Ordering::SeqCst);
    }

    /// How many were cut before they arrived, and how many before they were answered.
    pub fn cuts(&self) -> (usize, usize) {
        (
            self.shared.before.load(Ordering::SeqCst),
            self.shared.after.load(Ordering::SeqCst),
        )
    }
}

/// Where a connection is cut, if it is.
enum Cut {
    No,
    Before,
    After,
}

impl Shared {
    fn judge(&self, sent: &[u8]) -> Cut {
        let one_in = self.one_in.load(Ordering::SeqCst);
        if one_in == 0 || !sent.windows(COMMIT.len()).any(|window| window == COMMIT) {
            return Cut::No;
        }
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        if !dice.once_in(one_in) {
            return Cut::No;
        }
        if dice.once_in(2) {
            self.before.fetch_add(1, Ordering::SeqCst);
            Cut::Before
        } else {
            self.after.fetch_add(1, Ordering::SeqCst);
            Cut::After
        }
    }
}

/// Carries one connection until either end closes it, or it is cut.
async fn carry(near: TcpStream, shared: Arc<Shared>) {
    let Ok(far) = TcpStream::connect(&shared.far).await else {
        return;
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((mut near_read, mut near_write), (mut far_read, mut far_write)) =
        (near.into_split(), far.into_split());
    let back = tokio::spawn(async move { tokio::io::copy(&mut far_read, &mut near_write).await });
    let mut buffer = vec![0; 64 * 1_024];
    loop {
        let read = tokio::select! {
            read = near_read.read(&mut buffer) => read,
            // The database has closed: so does this end.
            () = async { while !back.is_finished() { tokio::time::sleep(std::time::Duration::from_millis(20)).await } } => break,
        };
        let Ok(read @ 1..) = read else { break };
        let sent = &buffer[..read];
        match shared.judge(sent) {
            Cut::No => {
                if far_write.write_all(sent).await.is_err() {
                    break;
                }
            }
            Cut::Before => break,
            Cut::After => {
                back.abort();
                // It arrives, and nobody is there for the answer.
                let _ = far_write.write_all(sent).await;
                break;
            }
        }
    }
    back.abort();
}
