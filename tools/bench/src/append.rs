//! Appending: callers in a closed loop, each waiting for its durable answer, against bare rows through the same driver.
//!
//! Two kinds: a registration (a condition, a name, a command key, one event), and activity that decides nothing.

use std::{path::Path, sync::Arc};

use events::{
    clock::{Clock, Random, SystemClock, SystemRandom, new_id},
    envelope::Actor,
    ids::{EventId, RealmId},
    log::{Append, ClaimChange, ClaimKind, CommandKey, Condition, Log, NewEvent, Verdict},
    subject::{Stream, Subject, SubjectKind},
};
use uuid::Uuid;

use crate::{
    Outcome, ceiling,
    report::{Figure, Of},
    rounds::{self, Pace, Taken},
    store::Store,
};

/// The bytes of a body: about what a sealed profile has.
const BODY: &[u8; 240] = &[b'x'; 240];

/// What can be said of this workload.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Callers, each of which waits for its answer before it asks again.
    #[arg(long, default_value_t = 256)]
    pub callers: usize,
    /// Realms among which the appends are spread.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub realms: u32,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Conditioned,
    Unconditioned,
}

impl Kind {
    const fn about(self) -> &'static str {
        match self {
            Kind::Conditioned => "conditioned, claim, command key",
            Kind::Unconditioned => "unconditioned",
        }
    }

    /// The share of bare rows that it shall reach, for the numbers of realms that a mark is set for.
    const fn mark(self, store: &Store, realms: u32) -> Option<f64> {
        Some(match (self, store, realms) {
            (Kind::Conditioned, Store::Sqlite, 1) => 0.12,
            (Kind::Conditioned, Store::Sqlite, 1_000) => 0.35,
            (Kind::Conditioned, Store::Postgres(_), 1) => 0.25,
            (Kind::Conditioned, Store::Postgres(_), 1_000) => 0.30,
            (Kind::Unconditioned, Store::Sqlite, 1) => 0.50,
            (Kind::Unconditioned, Store::Sqlite, 1_000) => 0.70,
            (Kind::Unconditioned, Store::Postgres(_), 1) => 0.55,
            (Kind::Unconditioned, Store::Postgres(_), 1_000) => 0.75,
            _ => return None,
        })
    }

    fn append(self, realm: RealmId) -> Append {
        let (stream, subject, event_type) = match self {
            Kind::Conditioned => (
                Stream::facts(realm),
                Some(Subject::new(SubjectKind::User, id())),
                "user.registered",
            ),
            Kind::Unconditioned => (Stream::activity(realm), None, "token.issued"),
        };
        let event = NewEvent {
            id: EventId(id()),
            subject,
            event_type,
            schema: 1,
            actor: Actor {
                request: Some(id()),
                client: Some(id().into()),
                ..Actor::default()
            },
            cause: None,
            trace: None,
            body: BODY.to_vec(),
        };
        let conditions = subject.map(|subject| Condition { subject, version: 0 });
        let claim = subject.map(|subject| ClaimChange::Hold {
            kind: ClaimKind::LoginName,
            digest: digest(),
            holder: subject.id,
        });
        Append {
            stream,
            conditions: conditions.into_iter().collect(),
            claims: claim.into_iter().collect(),
            events: vec![event],
            command: subject.map(|_| CommandKey {
                id: digest(),
                body: digest(),
            }),
            target: subject.map_or(Uuid::nil(), |subject| subject.id),
        }
    }
}

fn id() -> Uuid {
    new_id(SystemClock.now(), &SystemRandom)
}

fn digest() -> [u8; 32] {
    let mut digest = [0; 32];
    SystemRandom.fill(&mut digest);
    digest
}

/// Both kinds, each measurement in a place of its own.
pub async fn measure(options: &Options, store: &Store, folder: &Path, pace: Pace) -> Outcome<Vec<Figure>> {
    let realms: Arc<[RealmId]> = (0..options.realms).map(|_| RealmId(id())).collect();
    let among = match options.realms {
        1 => "1 realm".to_owned(),
        realms => format!("{realms} realms"),
    };
    let mut figures = Vec::new();
    for kind in [Kind::Conditioned, Kind::Unconditioned] {
        let row = stored(kind, store, folder).await?;
        let figure = rounds::measure(
            "append",
            format!("{}, {among}", kind.about()),
            pace.rounds,
            format!("bare rows by 500, {among}"),
            async || ceiling::rows(&store.place(folder).await?, &row, realms.len(), pace.time).await,
            async || appends(kind, store, folder, Arc::clone(&realms), options.callers, pace).await,
        )
        .await?;
        figures.push(match kind.mark(store, options.realms) {
            Some(mark) => figure.at_least(Of::Ratio, mark),
            None => figure,
        });
    }
    Ok(figures)
}

/// An event of this kind as the log stores it.
async fn stored(kind: Kind, store: &Store, folder: &Path) -> Outcome<ceiling::Row> {
    let place = store.place(folder).await?;
    let log = place.log().await?;
    let append = kind.append(RealmId(id()));
    let stream = append.stream;
    log.commit(vec![append]).await;
    let recorded = log.read(stream, 0, 1).await?.pop();
    log.close().await;
    let recorded = recorded.ok_or("nothing was appended")?;
    Ok(ceiling::Row {
        leaf: recorded.leaf_hash.to_vec(),
        entry: recorded.entry_bytes,
        body: recorded.body,
    })
}

async fn appends(
    kind: Kind,
    store: &Store,
    folder: &Path,
    realms: Arc<[RealmId]>,
    callers: usize,
    pace: Pace,
) -> Outcome<Taken> {
    let place = store.place(folder).await?;
    let log = place.log().await?;
    let shared: Arc<dyn Log> = Arc::clone(&log);
    let taken = rounds::closed_loop(callers, pace.time, move |caller, number| {
        let log = Arc::clone(&shared);
        // Each caller begins elsewhere and goes round.
        let realm = realms[(caller * realms.len() / callers + number) % realms.len()];
        async move {
            let verdicts = log.commit(vec![kind.append(realm)]).await;
            match verdicts[..] {
                [Verdict::Committed(_)] => Ok(()),
                _ => Err(format!("not committed: {verdicts:?}").into()),
            }
        }
    })
    .await?;
    log.close().await;
    Ok(taken)
}
