//! Two kernels on one log are two nodes: what one writes, the other answers within a second, also when its follower is
//! cut off; and when it cannot ask the log at all it refuses rather than answer from memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use events::{
    clock::{FrozenClock, SystemRandom, Timestamp},
    connections::Connections,
    envelope::Recorded,
    ids::UserId,
    kernel::{Context, Decide, Decision, Kernel, KernelError, Reader},
    log::{Append, ClaimKind, Digest, Head, Log, LogError, Mark, Moved, Receipt, Verdict},
    subject::{Stream, Subject},
    users::User,
};
use tokio::{sync::watch, time::sleep};
use uuid::Uuid;

use crate::{Count, Exists, NOW, REALM, World, register, world};

/// A log whose lines can be cut: the one to the follower, or all of them.
#[derive(Debug)]
struct Line {
    log: Arc<dyn Log>,
    follower_cut: AtomicBool,
    cut: AtomicBool,
    silence: watch::Sender<u64>,
}

impl Line {
    fn whole(&self) -> Result<(), LogError> {
        if self.cut.load(Ordering::SeqCst) {
            Err(LogError::Unavailable("cut".into()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Log for Line {
    fn incarnation(&self) -> Uuid {
        self.log.incarnation()
    }
    async fn commit(&self, appends: Vec<Append>) -> Vec<Verdict> {
        self.log.commit(appends).await
    }
    async fn receipt(&self, stream: Stream, command: &Digest) -> Result<Option<(Digest, Receipt)>, LogError> {
        self.log.receipt(stream, command).await
    }
    async fn claimed(
        &self,
        stream: Stream,
        kind: ClaimKind,
        digest: &Digest,
    ) -> Result<Option<Uuid>, LogError> {
        self.log.claimed(stream, kind, digest).await
    }
    async fn load(&self, stream: Stream, subject: Subject, after: u64) -> Result<Vec<Recorded>, LogError> {
        self.whole()?;
        self.log.load(stream, subject, after).await
    }
    async fn read(&self, stream: Stream, after: u64, limit: usize) -> Result<Vec<Recorded>, LogError> {
        self.whole()?;
        self.log.read(stream, after, limit).await
    }
    async fn head(&self, stream: Stream) -> Result<Head, LogError> {
        self.log.head(stream).await
    }
    async fn heads(&self, since: Mark) -> Result<Moved, LogError> {
        if self.follower_cut.load(Ordering::SeqCst) {
            return Err(LogError::Unavailable("cut".into()));
        }
        self.whole()?;
        self.log.heads(since).await
    }
    fn moved(&self) -> watch::Receiver<u64> {
        self.silence.subscribe()
    }
    async fn sweep(&self, now: Timestamp) -> Result<u64, LogError> {
        self.log.sweep(now).await
    }
    async fn health(&self) -> Result<(), LogError> {
        self.whole()
    }
    fn connections(&self) -> Connections {
        self.log.connections()
    }

    async fn close(&self) {}
}

/// A second node on the log of the first.
async fn second(first: &World) -> (Arc<Line>, Arc<Kernel>) {
    let line = Arc::new(Line {
        log: first.kernel.log().clone(),
        follower_cut: AtomicBool::new(false),
        cut: AtomicBool::new(false),
        silence: watch::Sender::new(0),
    });
    let node = Kernel::start(
        line.clone(),
        first.kernel.keyring().clone(),
        FrozenClock::at(NOW),
        Arc::new(SystemRandom),
    );
    (line, node.await.expect("a second node"))
}

/// Has nothing to do where a user was counted so often, and is refused elsewhere.
struct Counted(UserId, u64);

#[async_trait]
impl Decide for Counted {
    type State = u64;
    type Rejection = Exists;

    fn stream(&self) -> Stream {
        Stream::facts(REALM)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<u64, KernelError> {
        Ok(reader.subject::<User>(self.0.0).await?.version - 1)
    }

    fn decide(&self, count: &u64, _: &Context) -> Result<Decision, Exists> {
        if *count == self.1 {
            Ok(Decision::nothing(Subject::user(self.0)))
        } else {
            Err(Exists)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_commits_nothing_is_decided_on_what_another_node_wrote_a_moment_ago() {
    let writer = world().await;
    let (line, node) = second(&writer).await;
    let user = register(&writer, "alice").await;
    let is_counted = async |times| {
        node.execute(&writer.context(), &Counted(user, times))
            .await
            .is_ok()
    };
    assert!(is_counted(0).await, "now it is cached");
    line.follower_cut.store(true, Ordering::SeqCst);
    let count = Count(user, Arc::default());
    writer
        .kernel
        .execute(&writer.context(), &count)
        .await
        .expect("done");
    // No second has passed: the cache is believed still, but not where no condition of an append watches over it.
    assert!(!is_counted(0).await, "it does not find done what was undone");
    assert!(is_counted(1).await, "it does not refuse what was made possible");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_answers_what_another_wrote_or_refuses() {
    let writer = world().await;
    let (line, reader) = second(&writer).await;
    let user = register(&writer, "alice").await;
    let version = async || {
        reader
            .current::<User>(REALM, user.0)
            .await
            .map(|user| user.version)
    };
    let change = async || {
        writer
            .kernel
            .execute(&writer.context(), &Count(user, Arc::default()))
            .await
            .expect("done")
    };

    assert_eq!(version().await.expect("read"), 1, "now it is cached");
    change().await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        version().await.expect("read"),
        2,
        "the follower polls, though nobody woke it"
    );
    assert!(
        reader.since_look() < Duration::from_secs(1),
        "it looks, though nothing happens"
    );

    line.follower_cut.store(true, Ordering::SeqCst);
    change().await;
    sleep(Duration::from_millis(1_300)).await;
    assert_eq!(
        version().await.expect("read"),
        3,
        "cut off from the heads, it reloads"
    );
    assert!(
        reader.since_look() > Duration::from_secs(1),
        "and it says that it does not look"
    );

    line.cut.store(true, Ordering::SeqCst);
    change().await;
    assert!(version().await.is_err(), "cut off from the log, it refuses");

    line.cut.store(false, Ordering::SeqCst);
    line.follower_cut.store(false, Ordering::SeqCst);
    assert_eq!(version().await.expect("read"), 4, "and answers again");
}
