//! The steps of an append transaction on SQLite, and what their failures mean.

use std::collections::{HashMap, HashSet};

use sqlx::{
    AssertSqlSafe, Row, Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{
    appender::Place,
    file, rows,
    statements::{MOST, Sized, Statements},
};
use crate::{
    clock::Timestamp,
    envelope::SubjectVersion,
    ids::EventId,
    log::{
        Append, ClaimChange, LogError,
        doubt::Landed,
        judge::{ClaimKey, Known, Tail, Writes},
    },
    subject::{Stream, Subject},
};

/// Why a transaction did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nothing was written, and there is no room.
    #[error("the disk is full")]
    Full,
    /// Nothing was written, since something else holds the file.
    #[error("{0}")]
    Busy(String),
    /// A unique index refused a row.
    #[error("an index refused a row")]
    NotUnique,
    /// Something that an append asked for cannot be read. Nothing was written.
    #[error("{0}")]
    Damaged(String),
    /// The file or the connection failed.
    #[error("{text}")]
    Broken {
        /// For people.
        text: String,
        /// Whether the transaction may have been committed nevertheless.
        in_doubt: bool,
    },
}

impl Failure {
    pub fn broken(text: &str) -> Self {
        Self::Broken {
            text: text.to_owned(),
            in_doubt: false,
        }
    }

    /// The same failure, when it was COMMIT that failed.
    pub fn at_commit(self) -> Self {
        match self {
            Self::Broken { text, .. } | Self::Damaged(text) => Self::Broken { text, in_doubt: true },
            other => other,
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        const BUSY: u32 = 5;
        const LOCKED: u32 = 6;
        const CORRUPT: u32 = 11;
        const FULL: u32 = 13;
        match file::result_code(&error) {
            Some(FULL) => Self::Full,
            Some(BUSY | LOCKED) => Self::Busy(error.to_string()),
            Some(CORRUPT) => Self::Damaged(error.to_string()),
            None if matches!(error, sqlx::Error::ColumnDecode { .. }) => Self::Damaged(error.to_string()),
            _ if error
                .as_database_error()
                .is_some_and(sqlx::error::DatabaseError::is_unique_violation) =>
            {
                Self::NotUnique
            }
            _ => Self::broken(&error.to_string()),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Corrupt(_) => Self::Damaged(error.to_string()),
            LogError::Unavailable(_) | LogError::Refused(_) => Self::broken(&error.to_string()),
        }
    }
}

type Statement = Query<'static, Sqlite, SqliteArguments>;

pub(super) async fn begin(connection: &mut SqliteConnection) -> Result<(), Failure> {
    end(connection, "BEGIN IMMEDIATE").await
}

/// `COMMIT` or `ROLLBACK`.
pub(super) async fn end(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), Failure> {
    sqlx::query(statement).execute(connection).await?;
    Ok(())
}

/// Where all streams end.
pub(super) async fn places(connection: &mut SqliteConnection) -> Result<HashMap<Stream, Place>, Failure> {
    let found = sqlx::query("SELECT id, realm, lane, seq, time FROM stream")
        .fetch_all(connection)
        .await?;
    let mut places = HashMap::with_capacity(found.len());
    for row in &found {
        let tail = Tail {
            seq: rows::unsigned(row.try_get(3)?)?,
            time: Timestamp(row.try_get(4)?),
        };
        places.insert(
            rows::stream(row.try_get(1)?, row.try_get(2)?)?,
            Place {
                id: row.try_get(0)?,
                tail,
            },
        );
    }
    Ok(places)
}

/// What a batch asks of the log, in one question: each row names a subject, a claim and a command, or less.
#[derive(Default)]
struct Question<'a> {
    stream: i64,
    subject: Option<(Stream, Subject)>,
    claim: Option<(Stream, &'a ClaimChange)>,
    command: Option<(Stream, crate::log::Digest)>,
}

/// Reads versions, claims and commands for the whole batch.
pub(super) async fn known(
    connection: &mut SqliteConnection,
    statements: &Statements,
    places: &HashMap<Stream, Place>,
    appends: &[Append],
) -> Result<Known, Failure> {
    let mut known = Known::default();
    let mut questions = Vec::with_capacity(appends.len());
    for append in appends {
        let stream = append.stream;
        // A stream that does not exist holds nothing.
        let Some(place) = places.get(&stream) else {
            continue;
        };
        known.tails.insert(stream, place.tail);
        let command = append.command.iter().len();
        for index in 0..append.conditions.len().max(append.claims.len()).max(command) {
            questions.push(Question {
                stream: place.id,
                subject: append
                    .conditions
                    .get(index)
                    .map(|condition| (stream, condition.subject)),
                claim: append.claims.get(index).map(|change| (stream, change)),
                command: append
                    .command
                    .filter(|_| index == 0)
                    .map(|command| (stream, command.id)),
            });
        }
    }
    for chunk in questions.chunks(MOST) {
        let mut query = sqlx::query(statements.known.for_rows(chunk.len()));
        for question in chunk {
            query = query
                .bind(question.stream)
                .bind(question.subject.map(|(_, subject)| rows::subject_key(subject)))
                .bind(question.claim.map(|(_, change)| {
                    let (kind, digest) = change.key();
                    rows::claim_key(kind, digest)
                }))
                .bind(question.command.map(|(_, id)| id.to_vec()));
        }
        for row in query.fetch_all(&mut *connection).await? {
            let index: i64 = row.try_get(0)?;
            let question = usize::try_from(index).ok().and_then(|index| chunk.get(index));
            let question = question.ok_or_else(|| Failure::broken("an answer to no question"))?;
            answer(&mut known, question, &row)?;
        }
    }
    Ok(known)
}

fn answer(known: &mut Known, question: &Question<'_>, row: &SqliteRow) -> Result<(), Failure> {
    if let Some(subject) = question.subject
        && let Some(version) = row.try_get::<Option<i64>, _>(1)?
    {
        known.versions.insert(subject, rows::unsigned(version)?);
    }
    if let Some((stream, change)) = question.claim
        && let Some(holder) = row.try_get::<Option<&[u8]>, _>(2)?
    {
        let (kind, digest) = change.key();
        known
            .claims
            .insert((stream, kind, *digest), rows::held(holder, row.try_get(3)?)?);
    }
    if let Some(command) = question.command
        && let Some(body) = row.try_get::<Option<&[u8]>, _>(4)?
    {
        let receipt = rows::receipt(row.try_get(5)?)?;
        known.commands.insert(command, (rows::digest(body)?, receipt));
    }
    Ok(())
}

/// Which of the batch's events are in the log. We hold the write lock, so nothing can land after this.
pub(super) async fn landed(
    connection: &mut SqliteConnection,
    statements: &Statements,
    appends: &[Append],
) -> Result<HashMap<EventId, Landed>, Failure> {
    let ids: Vec<EventId> = appends
        .iter()
        .flat_map(|append| append.events.iter().map(|event| event.id))
        .collect();
    let mut landed = HashMap::new();
    for chunk in ids.chunks(MOST) {
        let mut query = sqlx::query(statements.landed.for_rows(chunk.len()));
        for id in chunk {
            query = query.bind(id.0.as_bytes().to_vec());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let version: Option<i64> = row.try_get(2)?;
            landed.insert(
                EventId(rows::uuid(row.try_get(0)?)?),
                Landed {
                    stream: rows::stream(row.try_get(3)?, row.try_get(4)?)?,
                    seq: rows::unsigned(row.try_get(1)?)?,
                    version: version.map(rows::unsigned).transpose()?,
                },
            );
        }
    }
    Ok(landed)
}

/// Writes what the winners change; tells where the streams will end. `there` are the claims which the log held before.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    statements: &Statements,
    places: &HashMap<Stream, Place>,
    there: &HashSet<ClaimKey>,
    writes: &Writes<'_>,
) -> Result<Vec<(Stream, Place)>, Failure> {
    let mut added = 0;
    let last = if writes.tails.keys().all(|stream| places.contains_key(stream)) {
        0
    } else {
        places.values().map(|place| place.id).max().unwrap_or(0)
    };
    let mut moved = Vec::with_capacity(writes.tails.len());
    for (stream, tail) in &writes.tails {
        let id = places.get(stream).map_or_else(
            || {
                added += 1;
                last + added
            },
            |place| place.id,
        );
        moved.push((*stream, Place { id, tail: *tail }));
    }
    let ids: HashMap<Stream, i64> = moved.iter().map(|(stream, place)| (*stream, place.id)).collect();
    // A command that changed nothing belongs to a stream that did not move.
    let id_of = |stream: &Stream| {
        let stays = || places.get(stream).map(|place| place.id);
        ids.get(stream).copied().or_else(stays).unwrap_or_default()
    };

    insert(
        connection,
        &statements.streams,
        &moved,
        |query, (stream, place)| {
            query
                .bind(place.id)
                .bind(stream.realm.0.as_bytes().to_vec())
                .bind(rows::lane_code(stream.lane))
                .bind(rows::signed(place.tail.seq))
                .bind(place.tail.time.0)
        },
    )
    .await?;
    insert(connection, &statements.events, &writes.events, |query, event| {
        query
            .bind(id_of(&event.stream))
            .bind(rows::signed(event.seq))
            .bind(event.id.0.as_bytes().to_vec())
            .bind(event.subject.map(SubjectVersion::subject).map(rows::subject_key))
            .bind(event.subject.map(|subject| rows::signed(subject.version)))
            .bind(event.leaf.to_vec())
            .bind(event.entry.clone())
            .bind(event.body.to_vec())
    })
    .await?;
    let gone: Vec<&ClaimKey> = writes.claims.keys().filter(|key| there.contains(*key)).collect();
    insert(
        connection,
        &statements.gone,
        &gone,
        |query, (stream, kind, digest)| query.bind(rows::claim_key(*kind, digest)).bind(id_of(stream)),
    )
    .await?;
    let claims: Vec<_> = writes
        .claims
        .iter()
        .filter_map(|(key, held)| Some((key, (*held)?)))
        .collect();
    insert(
        connection,
        &statements.claims,
        &claims,
        |query, ((stream, kind, digest), held)| {
            query
                .bind(rows::claim_key(*kind, digest))
                .bind(id_of(stream))
                .bind(held.holder.as_bytes().to_vec())
                .bind(held.expires.map(|expires| expires.0))
        },
    )
    .await?;
    insert(
        connection,
        &statements.commands,
        &writes.commands,
        |query, command| {
            query
                .bind(command.id.to_vec())
                .bind(id_of(&command.stream))
                .bind(command.body.to_vec())
                .bind(command.receipt.clone())
                .bind(command.time.0)
        },
    )
    .await?;
    Ok(moved)
}

async fn insert<T>(
    connection: &mut SqliteConnection,
    statement: &Sized,
    rows: &[T],
    bind: impl Fn(Statement, &T) -> Statement,
) -> Result<(), Failure> {
    for chunk in rows.chunks(MOST) {
        let text: AssertSqlSafe<_> = statement.for_rows(chunk.len());
        chunk
            .iter()
            .fold(sqlx::query(text), &bind)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
