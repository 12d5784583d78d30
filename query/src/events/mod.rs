//! The log of a realm, lane by lane, as those see it who may: `GET events`.
//! The rule: what is answered comes from the log itself, in the order of the log; the audit index only says where to look.
//!
//! - `wire.rs`: how an event is written in JSON, and what of it is never shown;
//! - `filter.rs`: the parameters;
//! - `stream/`: the same events as they happen.

mod filter;
mod stream;
mod wire;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    envelope::Recorded,
    event::Happened,
    kernel::{Kernel, KernelError},
    subject::Stream,
};
use projections::audit;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Problem, actions};

use crate::{
    Queries,
    etag::NO_STORE,
    failure::unreadable,
    paging::{DEFAULT_SIZE, Page, Pages, one_more},
    position::AtLeast,
    read::Read,
    wire::InRealm,
};
use filter::EventFilter;
pub use stream::{Limits, Live};
use wire::RecordedEvent;

/// Holes of up to so many events between two that are asked for are read along with them.
const HOLE: u64 = 32;

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .routes(routes!(list_events))
        .merge(stream::router())
}

/// Events of one lane, in the order of the log.
#[derive(Debug, Serialize, ToSchema)]
struct EventPage {
    /// The events.
    items: Vec<RecordedEvent>,
    /// What to send as `page_token` for the next page; `null` where the log ends for now.
    next_page_token: Option<String>,
    /// What to send as `after` to go on from here, now or later: the last `seq` of the answer, or where it started.
    next_after: u64,
}

/// Events of a lane of the realm's log, in `seq` order.
///
/// To follow the log, send `next_after` as `after` in the next call. Fields whose key was destroyed read `{"$erased": true}`.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/events",
    tag = "events",
    params(InRealm, EventFilter, AtLeast),
    responses(
        (status = 200, description = "The events found", body = EventPage),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_events(
    State(queries): State<Queries>,
    read: Read<actions::EventsRead, EventFilter>,
) -> Result<Response, Problem> {
    let realm = read.realm().id;
    let EventFilter {
        lane,
        after,
        size,
        page_token,
        index,
    } = &read.parameters;
    let size = size.unwrap_or(DEFAULT_SIZE);
    let stream = Stream { realm, lane: *lane };
    let pages = Pages::new(&queries.edge, realm, &format!("events/{lane}"), &read.filter);
    let after = match pages.start::<u64>(page_token.as_deref()).await? {
        Some(seq) => seq,
        None => after.unwrap_or(0),
    };
    let kernel = queries.edge.kernel();
    let recorded = match index {
        None => kernel
            .log()
            .read(stream, after, size + 1)
            .await
            .map_err(KernelError::from)?,
        Some(filter) => {
            let rows = audit::search(&queries.reads, stream, filter, after, one_more(size))
                .await
                .map_err(unreadable)?;
            let seqs: Vec<_> = rows.iter().map(|row| row.seq).collect();
            read_all(kernel, stream, &seqs).await?
        }
    };
    let mut found = Vec::with_capacity(recorded.len());
    for recorded in &recorded {
        let happened = kernel.decode(recorded).await?;
        found.push(shown(kernel, recorded, &happened).await?);
    }
    let Page {
        items,
        next_page_token,
    } = pages.page(found, size, |event| event.seq, |event| event).await?;
    let next_after = items.last().map_or(after, |event| event.seq);
    Ok((
        [NO_STORE],
        Json(EventPage {
            items,
            next_page_token,
            next_after,
        }),
    )
        .into_response())
}

/// An event as it is shown to whoever may read events.
async fn shown(kernel: &Kernel, recorded: &Recorded, happened: &Happened) -> Result<RecordedEvent, Problem> {
    let network = kernel.network(recorded).await?;
    let shown = RecordedEvent::new(happened, network.as_ref());
    Ok(shown.map_err(KernelError::from)?)
}

/// The events at these places, neighbours in one go.
async fn read_all(kernel: &Kernel, stream: Stream, seqs: &[u64]) -> Result<Vec<Recorded>, Problem> {
    let mut found = Vec::with_capacity(seqs.len());
    for (first, last) in stretches(seqs) {
        let limit = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
        let stretch = kernel
            .log()
            .read(stream, first - 1, limit)
            .await
            .map_err(KernelError::from)?;
        found.extend(
            stretch
                .into_iter()
                .filter(|recorded| seqs.binary_search(&recorded.entry.seq).is_ok()),
        );
    }
    Ok(found)
}

/// Ascending places as stretches (first, last) without large holes.
fn stretches(seqs: &[u64]) -> Vec<(u64, u64)> {
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    for &seq in seqs.iter().filter(|seq| **seq > 0) {
        match stretches.last_mut() {
            Some((_, last)) if seq - *last <= HOLE => *last = seq,
            _ => stretches.push((seq, seq)),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_read_in_one_go() {
        assert_eq!(stretches(&[]), []);
        assert_eq!(stretches(&[1, 2, 3]), [(1, 3)]);
        assert_eq!(
            stretches(&[1, 33, 66, 1_000]),
            [(1, 33), (66, 66), (1_000, 1_000)]
        );
    }
}
