//! What is told next to somebody who follows events: the log itself is read from where they stand, filtered, and shown as a listing
//! shows it. The rule: nothing is told twice, nothing is left out, and nothing is told to whom a listing would not be answered.

use std::{sync::Arc, time::Duration};

use events::{
    auth::Session,
    clock::Timestamp,
    envelope::Recorded,
    event::Happened,
    ids::{RealmId, UserId},
    kernel::{Kernel, KernelError},
    subject::{Stream, SubjectKind},
};
use futures::future::select_all;
use http::{HeaderMap, HeaderName};
use projections::audit::{AuditFilter, AuditRow};
use serde_json::value::{RawValue, to_raw_value};
use tokio::{sync::watch, time::Instant};
use web::{Access, Code, Edge, Problem, actions::EventsRead};

use super::{Cursor, Seat, end::End};
use crate::{Queries, events::filter::StreamFilter, events::shown, read::Read};

/// How often it is asked whether somebody still may, if nothing else happens.
const TICK: Duration = Duration::from_millis(200);
/// After so long without a message there is one that only tells the place.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many events are read at once.
const BATCH: usize = 100;
/// About so many bytes of events are told at once.
const CHUNK: usize = 64 * 1024;
/// Without a look at the log for so long, what this node knows of tokens and roles is old.
const FRESH: Duration = Duration::from_secs(1);
/// By how many seconds nodes' clocks may differ: a moment is past for all of them after that.
const SKEW: u64 = 5;

/// The header by which `EventSource` goes on (HTML standard, 9.2.4).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// An event that is told.
#[derive(Debug)]
pub struct Told {
    /// Where its follower stands once it has it.
    pub cursor: Cursor,
    /// The event as a listing shows it, in JSON.
    pub event: Box<RawValue>,
}

/// What happens next.
#[derive(Debug)]
pub enum Step {
    /// Events, in the order of each lane.
    Events(Vec<Told>),
    /// None for some time; this is where its follower stands.
    Quiet(Cursor),
    /// Nothing more.
    End(End),
}

/// Somebody who follows events.
#[derive(Debug)]
pub struct Follow {
    queries: Queries,
    which: Option<AuditFilter>,
    lanes: Vec<Followed>,
    cursor: Cursor,
    standing: Standing,
    /// When something was told last.
    told: Option<Instant>,
    closing: watch::Receiver<bool>,
    seat: Arc<Seat>,
}

/// A lane that is followed.
#[derive(Debug)]
struct Followed {
    stream: Stream,
    moved: watch::Receiver<u64>,
    /// There may be more to read.
    pending: bool,
    /// All that is asked for has been told.
    over: bool,
}

impl Follow {
    /// Begins where the request says: after the last message of a former stream, after a place, from a moment on, or now.
    pub async fn begin(queries: Queries, read: Read<EventsRead, StreamFilter>) -> Result<Self, Problem> {
        let realm = read.realm().id;
        let StreamFilter {
            lanes,
            after,
            last_event_id,
            which,
        } = read.parameters;
        let seat = queries.live.take(realm)?;
        let (log, kernel) = (queries.edge.kernel().log(), queries.edge.kernel());
        let (sent, name) = match last_id(&read.headers)? {
            Some(sent) => (Some(sent), "Last-Event-ID"),
            None => (last_event_id, "last_event_id"),
        };
        let mut cursor = Cursor::new(log.incarnation(), realm);
        let mut followed = Vec::with_capacity(lanes.len());
        for lane in lanes {
            let stream = Stream { realm, lane };
            let moved = kernel.moved(stream);
            let head = log.head(stream).await.map_err(KernelError::from)?.seq;
            let seq = match (sent, after, which.as_ref().and_then(|which| which.from)) {
                (Some(sent), ..) => {
                    let seq = sent.seq(lane).unwrap_or_default();
                    let beyond = (seq > head).then_some("must not lie beyond the end of the log");
                    if let Some(reason) = sent.objection(log.incarnation(), stream).or(beyond) {
                        return Err(unusable(name, reason));
                    }
                    seq
                }
                (None, Some(after), _) => after,
                (None, None, Some(from)) => before(kernel, stream, from, head).await?,
                (None, None, None) => head,
            };
            cursor.advance(lane, seq);
            followed.push(Followed {
                stream,
                moved,
                pending: true,
                over: false,
            });
        }
        Ok(Self {
            standing: Standing::new(kernel, read.access, read.headers),
            queries,
            which,
            lanes: followed,
            cursor,
            told: None,
            closing: seat.closing(),
            seat: Arc::new(seat),
        })
    }

    /// The place that it takes.
    pub fn seat(&self) -> Arc<Seat> {
        Arc::clone(&self.seat)
    }

    /// Waits for what is told next. After an end, or if it is dropped while it waits, it is not asked again.
    pub async fn next(&mut self) -> Step {
        match self.step().await {
            Ok(step) => step,
            Err(problem) => Step::End(End::Refused(problem.code())),
        }
    }

    async fn step(&mut self) -> Result<Step, Problem> {
        loop {
            if *self.closing.borrow() {
                return Ok(Step::End(End::Draining));
            }
            let events = self.read().await?;
            self.standing.check(&self.queries.edge).await?;
            if !events.is_empty() {
                self.told = Some(Instant::now());
                return Ok(Step::Events(events));
            }
            if self.told.is_none_or(|told| told.elapsed() >= HEARTBEAT) {
                self.told = Some(Instant::now());
                return Ok(Step::Quiet(self.cursor));
            }
            if self.lanes.iter().all(|lane| lane.over) {
                return Ok(Step::End(End::Complete));
            }
            if !self.lanes.iter().any(|lane| lane.pending) {
                self.wait().await;
            }
        }
    }

    /// Reads on in the lanes that have moved, each of them first in turn.
    async fn read(&mut self) -> Result<Vec<Told>, Problem> {
        let kernel = self.queries.edge.kernel();
        let to = self.which.as_ref().and_then(|which| which.to);
        let (mut events, mut bytes) = (Vec::new(), 0);
        self.lanes.rotate_left(1);
        for followed in self.lanes.iter_mut().filter(|lane| lane.pending && !lane.over) {
            let (stream, lane) = (followed.stream, followed.stream.lane);
            let is_past = to.is_some_and(|to| to.after_seconds(SKEW) < kernel.now());
            let after = self.cursor.seq(lane).unwrap_or_default();
            let batch = kernel.log().read(stream, after, BATCH).await;
            let batch = batch.map_err(KernelError::from)?;
            followed.pending = batch.len() == BATCH;
            followed.over = is_past && !followed.pending;
            for recorded in &batch {
                if to.is_some_and(|to| to <= recorded.entry.time) {
                    followed.over = true;
                    break;
                }
                if bytes > CHUNK {
                    (followed.pending, followed.over) = (true, false);
                    break;
                }
                self.cursor.advance(lane, recorded.entry.seq);
                if let Some(event) = event(kernel, self.which.as_ref(), recorded).await? {
                    bytes += event.get().len();
                    events.push(Told {
                        cursor: self.cursor,
                        event,
                    });
                }
            }
        }
        Ok(events)
    }

    /// Waits until a lane has moved, or the node drains, or for a moment.
    async fn wait(&mut self) {
        let live = self.lanes.iter_mut().filter(|lane| !lane.over);
        let moved = select_all(live.map(|lane| Box::pin(lane.moved.changed())));
        tokio::select! {
            _ = moved => {}
            _ = self.closing.wait_for(|closing| *closing) => {}
            () = tokio::time::sleep(TICK) => {}
        }
        let now = self.queries.edge.kernel().now();
        let to = self.which.as_ref().and_then(|which| which.to);
        for lane in &mut self.lanes {
            let seq = self.cursor.seq(lane.stream.lane).unwrap_or_default();
            let is_past = to.is_some_and(|to| to.after_seconds(SKEW) < now);
            lane.pending = is_past || *lane.moved.borrow_and_update() > seq;
        }
    }
}

/// An event as it is told, if it is asked for.
async fn event(
    kernel: &Kernel,
    which: Option<&AuditFilter>,
    recorded: &Recorded,
) -> Result<Option<Box<RawValue>>, Problem> {
    let happened = kernel.decode(recorded).await?;
    if let Some(which) = which {
        let session_of = match which.user {
            Some(_) => session_of(kernel, &happened).await?,
            None => None,
        };
        if !which.admits(&AuditRow::of(&happened), session_of) {
            return Ok(None);
        }
    }
    let event = shown(kernel, recorded, &happened).await?;
    to_raw_value(&event).map(Some).map_err(|error| {
        tracing::error!(%error, "an event could not be written");
        Problem::new(Code::Internal)
    })
}

/// Whose session it is that an event is about.
async fn session_of(kernel: &Kernel, happened: &Happened) -> Result<Option<UserId>, Problem> {
    let session = happened
        .subject
        .filter(|subject| subject.kind == SubjectKind::Session);
    let Some(session) = session else { return Ok(None) };
    let session = kernel
        .current::<Session>(happened.stream.realm, session.id)
        .await?;
    Ok(session.state.user)
}

/// How many events of a stream were recorded before a moment: time never goes back in it.
async fn before(kernel: &Kernel, stream: Stream, moment: Timestamp, head: u64) -> Result<u64, Problem> {
    let (mut least, mut most) = (0, head);
    while least < most {
        let middle = least + (most - least) / 2;
        let next = kernel.log().read(stream, middle, 1).await;
        match next.map_err(KernelError::from)?.first() {
            Some(recorded) if recorded.entry.time < moment => least = middle + 1,
            _ => most = middle,
        }
    }
    Ok(least)
}

/// What the header says, which stands for the last message that was received.
fn last_id(headers: &HeaderMap) -> Result<Option<Cursor>, Problem> {
    let mut values = headers.get_all(LAST_EVENT_ID).iter();
    let cursor = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().ok().and_then(|text| text.parse().ok()),
        (Some(_), Some(_)) => None,
    };
    let expected = format!("must be {}", Cursor::EXPECTED);
    cursor.map_or_else(
        || Err(unusable("Last-Event-ID", &expected)),
        |cursor| Ok(Some(cursor)),
    )
}

fn unusable(name: &str, reason: &str) -> Problem {
    Problem::new(Code::Invalid)
        .detail("there is no going on from here")
        .field(name, reason)
}

/// Whether somebody still may follow: asked again whenever something happened that it can depend on.
#[derive(Debug)]
struct Standing {
    access: Access<EventsRead>,
    headers: HeaderMap,
    /// Where it is told what it depends on: realms, and what there is in the realm of the token.
    moved: [watch::Receiver<u64>; 3],
    checked: Instant,
}

impl Standing {
    fn new(kernel: &Kernel, access: Access<EventsRead>, headers: HeaderMap) -> Self {
        let home = access.caller.token.realm.id;
        let streams = [
            Stream::facts(RealmId::SYSTEM),
            Stream::facts(home),
            Stream::activity(home),
        ];
        Self {
            access,
            headers,
            moved: streams.map(|stream| kernel.moved(stream)),
            checked: Instant::now(),
        }
    }

    /// Asks again, not more often than every [`TICK`].
    async fn check(&mut self, edge: &Edge) -> Result<(), Problem> {
        let kernel = edge.kernel();
        let has_moved = self.moved.iter().any(|moved| moved.has_changed().unwrap_or(true));
        let is_over = self.access.caller.token.expires <= kernel.now();
        let is_old = kernel.since_look() > FRESH;
        if !(has_moved || is_over || is_old) || self.checked.elapsed() < TICK {
            return Ok(());
        }
        self.checked = Instant::now();
        for moved in &mut self.moved {
            moved.borrow_and_update();
        }
        self.access.again(edge, &self.headers).await
    }
}
