//! The steps of an append transaction on PostgreSQL: lock the heads, ask once, write once.
//!
//! The heads are locked in the order of their ids, by a statement of its own: the question after it sees whatever was
//! committed before the locks were got. Asked in one statement, it would see the log as it was before they were waited for.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

use sqlx::{AssertSqlSafe, PgConnection, Row, postgres::PgRow};

use super::failure::Failure;
use crate::{
    clock::Timestamp,
    envelope::SubjectVersion,
    ids::EventId,
    log::{
        Append, ClaimChange, Digest,
        columns::{self, claim_key, lane_code, signed, subject_key, unsigned},
        doubt::Landed,
        judge::{ClaimKey, Known, Tail, Writes},
    },
    subject::{Stream, Subject},
};

/// The rows' ids of streams. They never change.
pub(super) type Places = HashMap<Stream, i32>;

fn lane(stream: &Stream) -> i16 {
    i16::try_from(lane_code(stream.lane)).unwrap_or_default()
}

/// Learns the ids of the batch's streams, and makes the rows that are missing: in transactions of their own, so that a stream's
/// row is there, and can be waited for, whatever becomes of the append.
pub(super) async fn find_places(
    connection: &mut PgConnection,
    places: &mut Places,
    appends: &[Append],
) -> Result<(), Failure> {
    let unknown: HashSet<Stream> = appends
        .iter()
        .map(|append| append.stream)
        .filter(|stream| !places.contains_key(stream))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let mut unknown: Vec<Stream> = unknown.into_iter().collect();
    unknown.sort_unstable();
    let realms: Vec<&[u8]> = unknown
        .iter()
        .map(|stream| stream.realm.0.as_bytes().as_slice())
        .collect();
    let lanes: Vec<i16> = unknown.iter().map(lane).collect();
    for make in [false, true] {
        if make {
            sqlx::query(
                "INSERT INTO chancery_log.stream (realm, lane, seq, time)
                SELECT realm, lane, 0, 0 FROM unnest($1::bytea[], $2::int2[]) AS k(realm, lane)
                ON CONFLICT (realm, lane) DO NOTHING",
            )
            .bind(&realms)
            .bind(&lanes)
            .execute(&mut *connection)
            .await?;
        }
        let found = sqlx::query(
            "SELECT s.id, s.realm, s.lane FROM unnest($1::bytea[], $2::int2[]) AS k(realm, lane)
            JOIN chancery_log.stream s ON s.realm = k.realm AND s.lane = k.lane",
        )
        .bind(&realms)
        .bind(&lanes)
        .fetch_all(&mut *connection)
        .await?;
        for row in &found {
            let stream = columns::stream(row.try_get(1)?, row.try_get::<i16, _>(2)?.into())?;
            places.insert(stream, row.try_get(0)?);
        }
        if found.len() == unknown.len() {
            return Ok(());
        }
    }
    Err(Failure::broken("a stream has no row"))
}

/// Begins, and locks the heads of the batch's streams, which it tells. Until the end nobody else moves these streams, and
/// whoever was moving them when we came has come to an end.
pub(super) async fn lock(
    connection: &mut PgConnection,
    places: &Places,
    appends: &[Append],
) -> Result<HashMap<Stream, Tail>, Failure> {
    let streams: HashMap<i32, Stream> = appends
        .iter()
        .filter_map(|append| Some((*places.get(&append.stream)?, append.stream)))
        .collect();
    // Both statements go in one message, which takes no parameters.
    let mut text =
        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT id, seq, time FROM chancery_log.stream WHERE id IN (-1"
            .to_owned();
    for id in streams.keys() {
        let _ = write!(text, ",{id}");
    }
    text.push_str(") ORDER BY id FOR NO KEY UPDATE");
    let rows = sqlx::raw_sql(AssertSqlSafe(text))
        .fetch_all(&mut *connection)
        .await?;
    let mut tails = HashMap::with_capacity(rows.len());
    for row in &rows {
        let stream = streams
            .get(&row.try_get(0)?)
            .ok_or_else(|| Failure::broken("a lock that was not asked for"))?;
        let tail = Tail {
            seq: unsigned(row.try_get(1)?)?,
            time: Timestamp(row.try_get(2)?),
        };
        tails.insert(*stream, tail);
    }
    if tails.len() < streams.len() {
        return Err(Failure::Again("a stream's row is gone".to_owned()));
    }
    Ok(tails)
}

/// `COMMIT` or `ROLLBACK`.
pub(super) async fn end(connection: &mut PgConnection, statement: &'static str) -> Result<(), Failure> {
    sqlx::raw_sql(statement).execute(connection).await?;
    Ok(())
}

/// What a batch asks of the log, in one question: each row names a subject, a claim and a command, or less.
struct Question<'a> {
    append: &'a Append,
    subject: Option<Subject>,
    claim: Option<&'a ClaimChange>,
    command: Option<&'a Digest>,
}

impl Question<'_> {
    /// All that the appends ask.
    fn all(appends: &[Append]) -> Vec<Question<'_>> {
        let mut questions = Vec::with_capacity(appends.len());
        for append in appends {
            let commands = append.command.iter().len();
            for index in 0..append.conditions.len().max(append.claims.len()).max(commands) {
                questions.push(Question {
                    append,
                    subject: append.conditions.get(index).map(|condition| condition.subject),
                    claim: append.claims.get(index),
                    command: append
                        .command
                        .as_ref()
                        .filter(|_| index == 0)
                        .map(|command| &command.id),
                });
            }
        }
        questions
    }

    fn answer(&self, known: &mut Known, row: &PgRow) -> Result<(), Failure> {
        let stream = self.append.stream;
        if let Some(subject) = self.subject
            && let Some(version) = row.try_get::<Option<i64>, _>(1)?
        {
            known.versions.insert((stream, subject), unsigned(version)?);
        }
        if let Some(change) = self.claim
            && let Some(holder) = row.try_get::<Option<&[u8]>, _>(2)?
        {
            let (kind, digest) = change.key();
            let held = columns::held(holder, row.try_get(3)?)?;
            known.claims.insert((stream, kind, *digest), held);
        }
        if let Some(command) = self.command
            && let Some(body) = row.try_get::<Option<&[u8]>, _>(4)?
        {
            let receipt = columns::receipt(row.try_get(5)?)?;
            known
                .commands
                .insert((stream, *command), (columns::digest(body)?, receipt));
        }
        Ok(())
    }
}

/// Reads versions, claims and commands for the whole batch. Subselects, one lookup each: joins with the question are planned badly.
pub(super) async fn known(
    connection: &mut PgConnection,
    places: &Places,
    appends: &[Append],
    tails: HashMap<Stream, Tail>,
) -> Result<Known, Failure> {
    let mut known = Known {
        tails,
        ..Known::default()
    };
    let questions = Question::all(appends);
    if questions.is_empty() {
        return Ok(known);
    }
    let place = |question: &Question<'_>| places.get(&question.append.stream).copied();
    let rows = sqlx::query(
        "SELECT k.i,
            (SELECT version FROM chancery_log.event WHERE subject = k.subject AND stream = k.stream
            ORDER BY version DESC LIMIT 1),
            claim.holder, claim.expires, command.body, command.receipt
        FROM unnest($1::int4[], $2::bytea[], $3::bytea[], $4::bytea[]) WITH ORDINALITY
            AS k(stream, subject, claim, command, i)
        LEFT JOIN LATERAL (SELECT holder, expires FROM chancery_log.claim
            WHERE digest = k.claim AND stream = k.stream LIMIT 1) claim ON true
        LEFT JOIN LATERAL (SELECT body, receipt FROM chancery_log.command
            WHERE id = k.command AND stream = k.stream LIMIT 1) command ON true",
    )
    .bind(questions.iter().map(place).collect::<Vec<_>>())
    .bind(
        questions
            .iter()
            .map(|question| question.subject.map(subject_key))
            .collect::<Vec<_>>(),
    )
    .bind(
        questions
            .iter()
            .map(|question| {
                question.claim.map(|change| {
                    let (kind, digest) = change.key();
                    claim_key(kind, digest)
                })
            })
            .collect::<Vec<_>>(),
    )
    .bind(
        questions
            .iter()
            .map(|question| question.command.map(Digest::as_slice))
            .collect::<Vec<_>>(),
    )
    .fetch_all(connection)
    .await?;
    for row in &rows {
        let number: i64 = row.try_get(0)?;
        let question = usize::try_from(number)
            .ok()
            .and_then(|number| questions.get(number.checked_sub(1)?));
        let question = question.ok_or_else(|| Failure::broken("an answer to no question"))?;
        question.answer(&mut known, row)?;
    }
    Ok(known)
}

/// Which of the batch's events are in the log. We hold the heads of their streams, so nothing of an earlier attempt can land
/// after this.
pub(super) async fn landed(
    connection: &mut PgConnection,
    appends: &[Append],
) -> Result<HashMap<EventId, Landed>, Failure> {
    let ids: Vec<&[u8]> = appends
        .iter()
        .flat_map(|append| append.events.iter().map(|event| event.id.0.as_bytes().as_slice()))
        .collect();
    let rows = sqlx::query(
        "SELECT event.id, event.seq, version, realm, lane FROM chancery_log.event
        JOIN chancery_log.stream ON stream.id = event.stream WHERE event.id = ANY($1::bytea[])",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let mut landed = HashMap::with_capacity(rows.len());
    for row in &rows {
        let version: Option<i64> = row.try_get(2)?;
        landed.insert(
            EventId(columns::uuid(row.try_get(0)?)?),
            Landed {
                stream: columns::stream(row.try_get(3)?, row.try_get::<i16, _>(4)?.into())?,
                seq: unsigned(row.try_get(1)?)?,
                version: version.map(unsigned).transpose()?,
            },
        );
    }
    Ok(landed)
}

/// Writes what the winners change, in one statement; `there` are the claims which the log held before.
///
/// Plain inserts, since `ON CONFLICT` costs a quarter: claims that were there are deleted first (which is rare: only a
/// release, or a name that changes hands).
pub(super) async fn write(
    connection: &mut PgConnection,
    places: &Places,
    there: &HashSet<ClaimKey>,
    writes: &Writes<'_>,
) -> Result<(), Failure> {
    let place = |stream: &Stream| places.get(stream).copied();
    let gone: Vec<&ClaimKey> = writes.claims.keys().filter(|key| there.contains(*key)).collect();
    if !gone.is_empty() {
        sqlx::query(
            "DELETE FROM chancery_log.claim USING unnest($1::bytea[], $2::int4[]) AS k(digest, stream)
            WHERE claim.digest = k.digest AND claim.stream = k.stream",
        )
        .bind(
            gone.iter()
                .map(|(_, kind, digest)| claim_key(*kind, digest))
                .collect::<Vec<_>>(),
        )
        .bind(gone.iter().map(|(stream, ..)| place(stream)).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    let claims: Vec<_> = writes
        .claims
        .iter()
        .filter_map(|(key, held)| Some((key, (*held)?)))
        .collect();
    let (events, commands) = (&writes.events, &writes.commands);
    macro_rules! column {
        ($rows:expr, $value:expr) => {
            $rows.iter().map($value).collect::<Vec<_>>()
        };
    }
    sqlx::query(
        "WITH claims AS (
            INSERT INTO chancery_log.claim (digest, stream, holder, expires)
            SELECT * FROM unnest($9::bytea[], $10::int4[], $11::bytea[], $12::int8[])
        ), commands AS (
            INSERT INTO chancery_log.command (id, stream, body, receipt, time)
            SELECT * FROM unnest($13::bytea[], $14::int4[], $15::bytea[], $16::bytea[], $17::int8[])
        ), heads AS (
            UPDATE chancery_log.stream SET seq = k.seq, time = k.time, xid = pg_current_xact_id()
            FROM unnest($18::int4[], $19::int8[], $20::int8[]) AS k(id, seq, time) WHERE stream.id = k.id
        )
        INSERT INTO chancery_log.event (stream, seq, id, subject, version, leaf, entry, body)
        SELECT * FROM unnest($1::int4[], $2::int8[], $3::bytea[], $4::bytea[], $5::int8[], $6::bytea[], $7::bytea[], $8::bytea[])",
    )
    .bind(column!(events, |event| place(&event.stream)))
    .bind(column!(events, |event| signed(event.seq)))
    .bind(column!(events, |event| event.id.0.as_bytes().as_slice()))
    .bind(column!(events, |event| event.subject.map(SubjectVersion::subject).map(subject_key)))
    .bind(column!(events, |event| event.subject.map(|subject| signed(subject.version))))
    .bind(column!(events, |event| event.leaf.as_slice()))
    .bind(column!(events, |event| event.entry.as_slice()))
    .bind(column!(events, |event| event.body))
    .bind(column!(claims, |((_, kind, digest), _)| claim_key(*kind, digest)))
    .bind(column!(claims, |((stream, ..), _)| place(stream)))
    .bind(column!(claims, |(_, held)| held.holder.as_bytes().as_slice()))
    .bind(column!(claims, |(_, held)| held.expires.map(|expires| expires.0)))
    .bind(column!(commands, |command| command.id.as_slice()))
    .bind(column!(commands, |command| place(&command.stream)))
    .bind(column!(commands, |command| command.body.as_slice()))
    .bind(column!(commands, |command| command.receipt.as_slice()))
    .bind(column!(commands, |command| command.time.0))
    .bind(column!(writes.tails, |(stream, _)| place(stream)))
    .bind(column!(writes.tails, |(_, tail)| signed(tail.seq)))
    .bind(column!(writes.tails, |(_, tail)| tail.time.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what is there already: a server that takes no writes shows.
pub(super) async fn probe(connection: &mut PgConnection) -> Result<u64, Failure> {
    let written = sqlx::query("UPDATE chancery_log.meta SET value = value WHERE key = 'format'")
        .execute(connection)
        .await?;
    Ok(written.rows_affected())
}
