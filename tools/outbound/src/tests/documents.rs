//! What is kept, for how long, and how often anybody is asked.

use std::sync::atomic::AtomicBool;

use futures::future::join_all;
use tokio::time::advance;

use super::*;

/// Counts its answers, and says the count; after `fail` it breaks off.
struct Counting {
    server: Server,
    fail: Arc<AtomicBool>,
}

impl Counting {
    async fn new(headers: &'static str) -> Self {
        let (count, fail) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let failing = Arc::clone(&fail);
        let server = Server::new(move |mut stream| {
            let count = count.fetch_add(1, Ordering::SeqCst) + 1;
            let fail = failing.load(Ordering::SeqCst);
            async move {
                let answer = if fail {
                    "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n".to_owned()
                } else {
                    ok(headers, &count.to_string())
                };
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self {
            server: server.await,
            fail,
        }
    }

    fn fails(&self, fail: bool) {
        self.fail.store(fail, Ordering::SeqCst);
    }
}

fn documents() -> Documents {
    Documents::new(Outbound::new(&open()).unwrap())
}

fn text(answer: Result<Arc<[u8]>, OutboundError>) -> Result<String, OutboundError> {
    answer.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

/// Time stands still but for the moment in which it is moved on: a request on the wire takes none.
async fn later(seconds: u64) {
    tokio::time::pause();
    advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_document_is_good_for_as_long_as_its_origin_says_within_a_minute_and_a_day() {
    for (headers, good) in [
        ("Cache-Control: max-age=600\r\n", 600),
        ("Cache-Control: no-store\r\n", 60),
        ("Cache-Control: max-age=1\r\n", 60),
        ("Cache-Control: max-age=99999999\r\n", 86_400),
        ("Cache-Control: max-age=18446744073709551615\r\n", 86_400),
        ("", 900),
    ] {
        let (origin, documents) = (Counting::new(headers).await, documents());
        let at = origin.server.url("/");
        let get = async || text(documents.get(&at).await);
        assert_eq!(get().await.as_deref(), Ok("1"));
        later(good - 5).await;
        assert_eq!(get().await.as_deref(), Ok("1"), "{headers}");
        later(6).await;
        assert_eq!(get().await.as_deref(), Ok("2"), "{headers}");
    }
}

#[tokio::test]
async fn a_hundred_who_ask_at_once_are_one_request() {
    let (origin, documents) = (Counting::new("").await, documents());
    let at = origin.server.url("/");
    let answers = join_all((0..100).map(|_| documents.get(&at))).await;
    assert!(
        answers
            .into_iter()
            .all(|answer| text(answer).as_deref() == Ok("1"))
    );
    assert_eq!(origin.server.peers().len(), 1);
    let answers = join_all((0..100).map(|_| documents.refresh(&at))).await;
    assert!(
        answers
            .into_iter()
            .all(|answer| text(answer).as_deref() == Ok("1"))
    );
}

#[tokio::test]
async fn a_failure_is_remembered_for_seconds_and_shared() {
    let (origin, documents) = (Counting::new("").await, documents());
    origin.fails(true);
    let at = origin.server.url("/");
    let answers = join_all((0..100).map(|_| documents.get(&at))).await;
    assert!(
        answers
            .into_iter()
            .all(|answer| answer == Err(OutboundError::Status(500)))
    );
    origin.fails(false);
    assert_eq!(documents.get(&at).await, Err(OutboundError::Status(500)));
    assert_eq!(origin.server.peers().len(), 1);
    later(6).await;
    assert_eq!(text(documents.get(&at).await).as_deref(), Ok("2"));
}

#[tokio::test]
async fn an_unknown_key_has_a_document_fetched_anew_twice_a_minute_at_most() {
    let (origin, documents) = (
        Counting::new("Cache-Control: max-age=86400\r\n").await,
        documents(),
    );
    let at = origin.server.url("/");
    let refresh = async || text(documents.refresh(&at).await);
    assert_eq!(refresh().await.as_deref(), Ok("1"));
    assert_eq!(refresh().await.as_deref(), Ok("1"));
    later(31).await;
    assert_eq!(refresh().await.as_deref(), Ok("2"));
    assert_eq!(text(documents.get(&at).await).as_deref(), Ok("2"));
    later(31).await;
    origin.fails(true);
    assert_eq!(refresh().await, Err(OutboundError::Status(500)));
    assert_eq!(refresh().await.as_deref(), Ok("2"), "what is good stays so");
    assert_eq!(text(documents.get(&at).await).as_deref(), Ok("2"));
    assert_eq!(origin.server.peers().len(), 3);
}

#[tokio::test]
async fn whoever_leaves_while_asking_keeps_nobody_waiting() {
    let (origin, documents) = (Counting::new("").await, documents());
    let at = origin.server.url("/");
    tokio::select! {
        biased;
        _ = documents.get(&at) => panic!("nothing is there before it was asked for"),
        () = std::future::ready(()) => {}
    }
    assert!(documents.get(&at).await.is_ok());
}
