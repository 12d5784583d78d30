//! Appending: callers in a closed loop, each waiting for its durable answer.
//!
//! Two kinds: a registration (a condition, a name, a command key, one event), and activity that decides nothing.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use events::{
    clock::{Clock, Random, SystemClock, SystemRandom, new_id},
    envelope::Actor,
    ids::{EventId, RealmId},
    log::{Append, ClaimChange, ClaimKind, CommandKey, Condition, Log, NewEvent, Verdict, sqlite::SqliteLog},
    subject::{Stream, Subject, SubjectKind},
};
use uuid::Uuid;

use crate::{
    Appends, Outcome, ceiling,
    report::{Figure, rate},
};

/// Appends before the clock is started.
const WARM_UP: Duration = Duration::from_millis(500);

/// The bytes of a body: about what a sealed profile has.
const BODY: &[u8; 240] = &[b'x'; 240];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Conditioned,
    Unconditioned,
}

impl Kind {
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

/// Both kinds, each on a new file, each with its ceiling.
pub async fn measure(options: &Appends, time: Duration) -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    for (kind, name) in [
        (Kind::Conditioned, "append, conditioned, claim, command key"),
        (Kind::Unconditioned, "append, unconditioned"),
    ] {
        let folder = tempfile::tempdir_in(&options.folder)?;
        let realms: Vec<RealmId> = (0..options.realms).map(|_| RealmId(id())).collect();
        let (answers, row) = appends(
            &folder.path().join("log.db"),
            kind,
            &realms,
            options.callers,
            time,
        )
        .await?;
        let rows = ceiling::rows(&folder.path().join("bare.db"), &row, realms.len(), time).await?;
        let of = match realms.len() {
            1 => "bare rows by 500, 1 realm".to_owned(),
            realms => format!("bare rows by 500, {realms} realms"),
        };
        figures.push(Figure::new(name.to_owned(), answers, time, &of, rate(rows, time)));
    }
    Ok(figures)
}

/// The time of each answer within the measured time, and one event as it was stored.
async fn appends(
    path: &Path,
    kind: Kind,
    realms: &[RealmId],
    callers: usize,
    time: Duration,
) -> Outcome<(Vec<Duration>, ceiling::Row)> {
    let log: Arc<dyn Log> = SqliteLog::open(path, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    let started = Instant::now() + WARM_UP;
    let ended = started + time;
    let mut working = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let log = Arc::clone(&log);
        let realms = realms.to_vec();
        working.spawn(async move {
            let mut answers = Vec::new();
            for realm in realms.iter().cycle().skip(caller * realms.len() / callers) {
                let asked = Instant::now();
                if asked >= ended {
                    break;
                }
                let verdicts = log.commit(vec![kind.append(*realm)]).await;
                if !matches!(verdicts[..], [Verdict::Committed(_)]) {
                    return Err(format!("not committed: {verdicts:?}"));
                }
                let answered = Instant::now();
                if answered >= started && answered <= ended {
                    answers.push(answered - asked);
                }
            }
            Ok(answers)
        });
    }
    let mut answers = Vec::new();
    while let Some(worker) = working.join_next().await {
        answers.extend(worker??);
    }
    let stream = kind.append(realms[0]).stream;
    let recorded = log
        .read(stream, 0, 1)
        .await?
        .into_iter()
        .next()
        .ok_or("nothing was appended")?;
    log.close().await;
    let row = ceiling::Row {
        leaf: recorded.leaf_hash.to_vec(),
        entry: recorded.entry_bytes,
        body: recorded.body,
    };
    Ok((answers, row))
}
