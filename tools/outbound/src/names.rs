//! Names into addresses: a connection goes to the addresses that were judged, never to what a second question would answer.
//! The rule: DNS is asked once for each connection, at a bounded number of places at once, and never in the way of others.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::{
    OutboundError,
    networks::{Network, may_reach},
};

/// How many questions to DNS are under way at most: each takes a thread for as long as a slow server likes.
const LOOKUPS: usize = 64;

/// Answers which addresses a name has.
pub trait Lookup: Send + Sync {
    /// All addresses of the name.
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's own resolver.
pub struct System(Arc<Semaphore>);

impl Default for System {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOOKUPS)))
    }
}

impl Lookup for System {
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let (name, places) = (name.to_owned(), Arc::clone(&self.0));
        Box::pin(async move {
            let place = places.acquire_owned().await.map_err(io::Error::other)?;
            let asked = tokio::task::spawn_blocking(move || {
                // Given back when the thread is, even where nobody waits for the answer any more.
                let _place = place;
                let addresses = (name.as_str(), 0).to_socket_addrs()?;
                Ok(addresses.map(|address| address.ip()).collect())
            });
            asked.await.map_err(io::Error::other)?
        })
    }
}

/// A resolver that answers only what may be reached.
pub struct Judged {
    /// Who is asked.
    pub lookup: Arc<dyn Lookup>,
    /// What may be reached although it is not public.
    pub allowed: Arc<[Network]>,
}

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let (asked, allowed) = (self.lookup.addresses(name.as_str()), Arc::clone(&self.allowed));
        Box::pin(async move {
            let found = asked.await?;
            let judged: Vec<SocketAddr> = found
                .iter()
                .filter(|address| may_reach(**address, &allowed))
                .map(|address| SocketAddr::new(*address, 0))
                .collect();
            if judged.is_empty() && !found.is_empty() {
                tracing::debug!(host = name.as_str(), addresses = ?found, "an outbound request was refused");
                return Err(OutboundError::Refused.into());
            }
            Ok(Box::new(judged.into_iter()) as Addrs)
        })
    }
}
