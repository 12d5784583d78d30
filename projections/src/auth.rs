//! Sessions and the grants that came of them, as they are shown. Whether one is good is never decided from here: that is
//! asked of the subject.
//!
//! What ends every session of a user at once is told in the other lane, as facts of the user. It is kept in a table of
//! its own, and the questions join the two.

use std::collections::BTreeSet;

use events::{
    auth::{AuthEvent, EndReason},
    clock::Timestamp,
    event::{Event, Happened},
    ids::{ApplicationId, GrantId, RealmId, SessionId, UserId},
    subject::{Lane, Subject, SubjectKind},
    users::UserEvent,
};

use crate::{
    cell::{Cell, Value},
    projection::Projection,
    reads::{ReadError, Reads},
    rows::Rows,
    store::Select,
    table::{Key, Record, Table, record},
};

record! {
    /// A session.
    pub struct SessionRow in "sessions"
    key {
        /// Whose.
        realm: RealmId,
        /// Which; sorts by sign-in.
        id: SessionId,
    }
    row {
        /// Who signed in.
        user_id: UserId,
        /// The application that asked for it, if one did.
        application: Option<ApplicationId>,
        /// How (RFC 8176).
        amr: Vec<String>,
        /// When they signed in.
        started_at: Timestamp,
        /// The fact that had last ended all of the user's sessions then.
        last_ending: u64,
        /// When it was last used, to the minute.
        used_at: Timestamp,
        /// When it ends however it is used.
        expires_at: Timestamp,
        /// When it was ended, if it was.
        ended_at: Option<Timestamp>,
        /// Why it was ended.
        end_reason: Option<EndReason>,
        /// The subject's version.
        version: u64,
    }
    indexes [["realm", "user_id", "id"]]
}

record! {
    /// A grant of a session. Its tokens are good only while its session was not ended.
    pub struct GrantRow in "grants"
    key {
        /// Whose.
        realm: RealmId,
        /// Which.
        id: GrantId,
    }
    row {
        /// The session that it came of.
        session: SessionId,
        /// To which application.
        application: ApplicationId,
        /// For what.
        scopes: Vec<String>,
        /// Whether it gets refresh tokens.
        refresh: bool,
        /// When the code was redeemed.
        started_at: Timestamp,
        /// When its last refresh token was issued.
        refreshed_at: Timestamp,
        /// When it ends however it is used.
        expires_at: Timestamp,
        /// When it was revoked, if it was.
        revoked_at: Option<Timestamp>,
        /// Why it was revoked.
        revoke_reason: Option<EndReason>,
    }
    indexes [["realm", "session"]]
}

record! {
    /// A moment at which every session of a user that stood was ended.
    pub struct EndingRow in "session_endings"
    key {
        /// Whose.
        realm: RealmId,
        /// The user.
        user_id: UserId,
        /// The place of the event among the facts.
        seq: u64,
    }
    row {
        /// The moment.
        time: Timestamp,
        /// Why.
        reason: EndReason,
        /// The session that went on, if one did.
        keeps: Option<SessionId>,
    }
    indexes []
}

impl SessionRow {
    /// Ended by the first of these (of its user, in order) that it did not outlive, unless it had ended before.
    fn ended_by(mut self, endings: &[EndingRow]) -> Self {
        let ending = endings.iter().find(|ending| {
            let is_theirs = ending.user_id == self.user_id && ending.keeps != Some(self.id);
            is_theirs && ending.seq > self.last_ending
        });
        if let Some(ending) = ending.filter(|ending| self.ended_at.is_none_or(|ended| ending.time < ended)) {
            self.ended_at = Some(ending.time);
            self.end_reason = Some(ending.reason);
        }
        self
    }

    /// Whether the browser that holds it is signed in at a moment.
    pub fn is_alive(&self, now: Timestamp, idle_seconds: u64) -> bool {
        self.ended_at.is_none() && now < self.expires_at && now < self.used_at.after_seconds(idle_seconds)
    }
}

/// The tables of sessions and grants.
#[derive(Debug)]
pub struct Auth;

impl Projection for Auth {
    fn name(&self) -> &'static str {
        "auth"
    }

    fn lane(&self) -> Lane {
        Lane::Activity
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![SessionRow::table(), GrantRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        let (
            Some(Subject {
                kind: SubjectKind::Session,
                id,
            }),
            Event::Auth(event),
        ) = (happened.subject, &happened.event)
        else {
            return Vec::new();
        };
        let realm = happened.stream.realm;
        let session = SessionRow::key(realm, SessionId(id));
        match event {
            AuthEvent::GrantStarted { grant, .. }
            | AuthEvent::GrantRefreshed { grant, .. }
            | AuthEvent::GrantRevoked { grant, .. } => vec![session, GrantRow::key(realm, *grant)],
            _ => vec![session],
        }
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let (
            Some(Subject {
                kind: SubjectKind::Session,
                id,
            }),
            Event::Auth(event),
        ) = (happened.subject, &happened.event)
        else {
            return;
        };
        let (realm, id, time) = (happened.stream.realm, SessionId(id), happened.time);
        let session = SessionRow::key(realm, id);
        match event {
            AuthEvent::SessionStarted {
                user,
                client,
                amr,
                expires,
                last_ending,
                ..
            } => rows.put(&SessionRow {
                realm,
                id,
                user_id: *user,
                application: *client,
                amr: amr.clone(),
                started_at: time,
                last_ending: *last_ending,
                used_at: time,
                expires_at: *expires,
                ended_at: None,
                end_reason: None,
                version: happened.version,
            }),
            AuthEvent::SessionElevated { amr, .. } => {
                rows.update(&session, |row: &mut SessionRow| {
                    row.amr.clone_from(amr);
                    row.used_at = time;
                });
            }
            AuthEvent::SessionContinued {} => {
                rows.update(&session, |row: &mut SessionRow| row.used_at = time);
            }
            AuthEvent::SessionEnded { reason } => rows.update(&session, |row: &mut SessionRow| {
                row.ended_at = Some(time);
                row.end_reason = Some(*reason);
            }),
            AuthEvent::GrantStarted {
                grant,
                client,
                scopes,
                refresh,
                expires,
                ..
            } => rows.put(&GrantRow {
                realm,
                id: *grant,
                session: id,
                application: *client,
                scopes: scopes.clone(),
                refresh: *refresh,
                started_at: time,
                refreshed_at: time,
                expires_at: *expires,
                revoked_at: None,
                revoke_reason: None,
            }),
            AuthEvent::GrantRefreshed { grant, .. } => {
                rows.update(&GrantRow::key(realm, *grant), |row: &mut GrantRow| {
                    row.refreshed_at = time;
                });
            }
            AuthEvent::GrantRevoked { grant, reason } => {
                rows.update(&GrantRow::key(realm, *grant), |row: &mut GrantRow| {
                    row.revoked_at = Some(time);
                    row.revoke_reason = Some(*reason);
                });
            }
            AuthEvent::LoginAttempted { .. }
            | AuthEvent::GuardCleared { .. }
            | AuthEvent::GuardLifted {}
            | AuthEvent::Throttled { .. }
            | AuthEvent::LoginFailed { .. }
            | AuthEvent::CodeIssued { .. }
            | AuthEvent::TokenIssued { .. }
            | AuthEvent::TokenRevoked { .. }
            | AuthEvent::DeviceRequested { .. }
            | AuthEvent::DeviceApproved { .. }
            | AuthEvent::DeviceDenied { .. }
            | AuthEvent::ClientAuthenticationSucceeded { .. }
            | AuthEvent::DpopProofUsed { .. }
            | AuthEvent::LogoutTokenDelivered { .. }
            | AuthEvent::LogoutTokenFailed { .. }
            | AuthEvent::ClientAuthenticationFailed { .. } => {}
        }
        rows.update(&session, |row: &mut SessionRow| row.version = happened.version);
    }
}

/// The table of the moments that ended every session of a user.
#[derive(Debug)]
pub struct Endings;

impl Projection for Endings {
    fn name(&self) -> &'static str {
        "session_endings"
    }

    fn version(&self) -> u32 {
        2
    }

    fn lane(&self) -> Lane {
        Lane::Facts
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![EndingRow::table()]
    }

    fn touches(&self, _: &Happened) -> Vec<Key> {
        Vec::new()
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let (reason, keeps) = match &happened.event {
            // Who keeps one ends the others themselves.
            Event::Users(UserEvent::SessionsEnded { keeps: Some(keeps) }) => {
                (EndReason::SignedOut, Some(*keeps))
            }
            Event::Users(UserEvent::SessionsEnded { keeps: None }) => (EndReason::Administrator, None),
            Event::Users(UserEvent::PasswordSet { keeps, .. }) => (EndReason::PasswordChanged, *keeps),
            Event::Users(UserEvent::Disabled { .. }) => (EndReason::Disabled, None),
            _ => return,
        };
        let Some(subject) = happened.subject else { return };
        let (realm, user_id) = (happened.stream.realm, UserId(subject.id));
        rows.insert(&EndingRow {
            realm,
            user_id,
            seq: happened.seq,
            time: happened.time,
            reason,
            keeps,
        });
    }
}

/// Which sessions. What is not named does not matter.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Whose.
    pub user: Option<UserId>,
    /// Only those that this application asked for or got a grant of.
    pub application: Option<ApplicationId>,
    /// Only those that are alive at a moment, given after how many idle seconds a session of the realm ends.
    pub alive: Option<(Timestamp, u64)>,
    /// Only those that are not alive at a moment, given the same.
    pub over: Option<(Timestamp, u64)>,
}

/// [`SessionRow::is_alive`], and not outlived by its user's endings; of a moment, and of the moment before which a
/// session that was not used since is idle.
const ALIVE: &str = "(ended_at IS NULL AND expires_at > ? AND used_at > ? AND NOT EXISTS (
    SELECT 1 FROM session_endings
    WHERE session_endings.realm = sessions.realm AND session_endings.user_id = sessions.user_id
        AND session_endings.seq > sessions.last_ending
        AND (session_endings.keeps IS NULL OR session_endings.keeps <> sessions.id)))";

const OF_APPLICATION: &str = "(application = ? OR EXISTS (
    SELECT 1 FROM grants
    WHERE grants.realm = sessions.realm AND grants.session = sessions.id AND grants.application = ?))";

fn moments((now, idle_seconds): (Timestamp, u64)) -> [Value; 2] {
    let idle = i64::try_from(idle_seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000);
    [now.to_value(), Value::Integer(now.0.saturating_sub(idle))]
}

/// At most `limit` sessions of a realm, the newest first; `before` is the last one of the page before.
pub async fn list(
    reads: &Reads,
    realm: RealmId,
    filter: &SessionFilter,
    before: Option<SessionId>,
    limit: u32,
) -> Result<Vec<SessionRow>, ReadError> {
    let mut select = Select::<SessionRow>::from().and("realm = ?", [realm.to_value()]);
    if let Some(user) = filter.user {
        select = select.and("user_id = ?", [user.to_value()]);
    }
    if let Some(application) = filter.application {
        select = select.and(OF_APPLICATION, [application.to_value(), application.to_value()]);
    }
    if let Some(alive) = filter.alive {
        select = select.and(ALIVE, moments(alive));
    }
    if let Some(over) = filter.over {
        select = select.and(&format!("NOT {ALIVE}"), moments(over));
    }
    if let Some(before) = before {
        select = select.and("id < ?", [before.to_value()]);
    }
    let rows = reads.select(select.order("id DESC").limit(limit)).await?;
    with_endings(reads, realm, rows).await
}

/// A session of a realm.
pub async fn get(reads: &Reads, realm: RealmId, id: SessionId) -> Result<Option<SessionRow>, ReadError> {
    let row = reads.get::<SessionRow>(SessionRow::key(realm, id)).await?;
    Ok(with_endings(reads, realm, row.into_iter().collect()).await?.pop())
}

/// Of a session: no fact of its user before this one (its seq) ended it.
const NOT_ENDED_BEFORE: &str = "(ended_at IS NULL AND last_ending < ? AND NOT EXISTS (
    SELECT 1 FROM session_endings
    WHERE session_endings.realm = sessions.realm AND session_endings.user_id = sessions.user_id
        AND session_endings.seq > sessions.last_ending AND session_endings.seq < ?
        AND (session_endings.keeps IS NULL OR session_endings.keeps <> sessions.id)))";

/// Of a session: it, or a grant of it, would have gone on at a moment.
const WOULD_GO_ON: &str = "(expires_at > ? OR EXISTS (
    SELECT 1 FROM grants
    WHERE grants.realm = sessions.realm AND grants.session = sessions.id AND grants.expires_at > ?
        AND grants.revoked_at IS NULL))";

/// The sessions that a fact of their user (by its seq and time) ended, or whose grants it did, the newest first; all but the one that it
/// kept.
pub async fn ended_by(
    reads: &Reads,
    realm: RealmId,
    user: UserId,
    (seq, time): (u64, Timestamp),
) -> Result<Vec<SessionId>, ReadError> {
    let select = Select::<SessionRow>::from()
        .and("realm = ? AND user_id = ?", [realm.to_value(), user.to_value()])
        .and(NOT_ENDED_BEFORE, [seq.to_value(), seq.to_value()])
        .and(WOULD_GO_ON, [time.to_value(), time.to_value()])
        .order("id DESC");
    let rows = reads.select(select).await?;
    let ending = reads.get::<EndingRow>(EndingRow::key(realm, user, seq)).await?;
    let kept = ending.and_then(|ending| ending.keeps);
    let ended = rows.into_iter().map(|row| row.id);
    Ok(ended.filter(|id| Some(*id) != kept).collect())
}

async fn with_endings(
    reads: &Reads,
    realm: RealmId,
    rows: Vec<SessionRow>,
) -> Result<Vec<SessionRow>, ReadError> {
    let users: BTreeSet<_> = rows.iter().map(|row| row.user_id).collect();
    if users.is_empty() {
        return Ok(rows);
    }
    let places = vec!["?"; users.len()].join(", ");
    let select = Select::<EndingRow>::from()
        .and("realm = ?", [realm.to_value()])
        .and(
            &format!("user_id IN ({places})"),
            users.iter().map(Cell::to_value),
        );
    let endings = reads.select(select.order("seq")).await?;
    Ok(rows.into_iter().map(|row| row.ended_by(&endings)).collect())
}

/// The grants of a session, in the order of their ids.
pub async fn grants(reads: &Reads, realm: RealmId, session: SessionId) -> Result<Vec<GrantRow>, ReadError> {
    let select = Select::<GrantRow>::from().and("realm = ?", [realm.to_value()]);
    reads
        .select(select.and("session = ?", [session.to_value()]).order("id"))
        .await
}
