//! Documents that tenants name by URL, kept as long as their origins say, between a minute and a day.
//! The rule: one request for a URL at a time, failures are remembered for seconds, and nobody can have one fetched at will.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use tokio::{sync::Mutex, time::Instant};
use url::Url;

use crate::{Outbound, OutboundError};

/// The largest document, in bytes.
pub const LARGEST: usize = 256 * 1024;
/// How much is kept in all, in bytes.
const KEPT: u64 = 64 * 1024 * 1024;
/// How many URLs can be waited for at once before two requests for one may go out.
const TURNS: u64 = 10_000;
/// How long a document is good, whatever its origin says.
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(24);
/// How long it is good where its origin says nothing.
const UNTOLD: Duration = Duration::from_mins(15);
/// How long a failure is remembered.
const FAILED: Duration = Duration::from_secs(5);
/// How often a document is fetched anew although it is good.
const REFRESHED: Duration = Duration::from_secs(30);

/// What was fetched. Clones share everything.
#[derive(Clone, Debug)]
pub struct Documents(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    outbound: Outbound,
    kept: Cache<Url, Arc<Kept>>,
    /// Who asks for a document; the others wait for it.
    turns: Cache<Url, Arc<Mutex<()>>>,
}

/// What is known of a URL.
#[derive(Debug)]
struct Kept {
    asked: Instant,
    document: Option<(Arc<[u8]>, Instant)>,
    failed: Option<(OutboundError, Instant)>,
}

impl Kept {
    fn document(&self, now: Instant) -> Option<&Arc<[u8]>> {
        let (document, until) = self.document.as_ref()?;
        (now < *until).then_some(document)
    }

    fn answer(&self, now: Instant) -> Option<Result<Arc<[u8]>, OutboundError>> {
        if let Some(document) = self.document(now) {
            return Some(Ok(Arc::clone(document)));
        }
        let (failed, until) = self.failed.as_ref()?;
        (now < *until).then(|| Err(failed.clone()))
    }
}

impl Documents {
    /// None yet; they are fetched by this client.
    pub fn new(outbound: Outbound) -> Self {
        let weight = |url: &Url, kept: &Arc<Kept>| {
            let document = kept.document.as_ref().map_or(0, |(document, _)| document.len());
            u32::try_from(url.as_str().len() + document + 256).unwrap_or(u32::MAX)
        };
        Self(Arc::new(Inner {
            outbound,
            kept: Cache::builder().weigher(weight).max_capacity(KEPT).build(),
            turns: Cache::new(TURNS),
        }))
    }

    /// The client below.
    pub fn outbound(&self) -> &Outbound {
        &self.0.outbound
    }

    /// The document, fetched unless there is a good one.
    pub async fn get(&self, url: &Url) -> Result<Arc<[u8]>, OutboundError> {
        if let Some(answer) = self.known(url) {
            return answer;
        }
        let turn = self.turn(url);
        let _turn = turn.lock().await;
        match self.known(url) {
            Some(answer) => answer,
            None => self.fetch(url).await,
        }
    }

    /// The document, fetched anew unless that was done in the last 30 seconds: for a key that is not in the one we have.
    pub async fn refresh(&self, url: &Url) -> Result<Arc<[u8]>, OutboundError> {
        let turn = self.turn(url);
        let _turn = turn.lock().await;
        let asked = self.0.kept.get(url).map(|kept| kept.asked);
        let lately = asked.is_some_and(|asked| asked.elapsed() < REFRESHED);
        match self.known(url) {
            Some(answer) if lately => answer,
            _ => self.fetch(url).await,
        }
    }

    fn known(&self, url: &Url) -> Option<Result<Arc<[u8]>, OutboundError>> {
        self.0.kept.get(url)?.answer(Instant::now())
    }

    fn turn(&self, url: &Url) -> Arc<Mutex<()>> {
        self.0.turns.get_with_by_ref(url, Arc::default)
    }

    /// Asks, and keeps what comes of it. A document that is still good outlives a failure.
    async fn fetch(&self, url: &Url) -> Result<Arc<[u8]>, OutboundError> {
        let asked = Instant::now();
        let fetched = self.0.outbound.get_json(url, LARGEST).await;
        let now = Instant::now();
        let (kept, answer) = match fetched {
            Ok(fetched) => {
                let document: Arc<[u8]> = fetched.body.into();
                let good = fetched.cache_for.unwrap_or(UNTOLD).clamp(SHORTEST, LONGEST);
                let kept = Kept {
                    asked,
                    document: Some((Arc::clone(&document), now + good)),
                    failed: None,
                };
                (kept, Ok(document))
            }
            Err(error) => {
                let before = self.0.kept.get(url).and_then(|kept| kept.document.clone());
                let kept = Kept {
                    asked,
                    document: before,
                    failed: Some((error.clone(), now + FAILED)),
                };
                (kept, Err(error))
            }
        };
        self.0.kept.insert(url.clone(), Arc::new(kept));
        answer
    }
}
