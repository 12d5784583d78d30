//! The index of all events: what an auditor finds them by. It answers which events there are; the events themselves are
//! read from the log, which alone is evidence.
//!
//! Time never goes back within a stream, so that a span of time is a span of seqs.

use events::{
    auth::AuthEvent,
    clock::Timestamp,
    compliance::ComplianceEvent,
    event::{Event, Happened},
    ids::{ApplicationId, EventId, RealmId, SessionId, UserId},
    letters::LetterEvent,
    permissions::{PermissionEvent, PrincipalKind},
    subject::{Lane, Stream, Subject, SubjectKind},
};
use uuid::Uuid;

use crate::{
    cell::{Cell, Value},
    projection::Projection,
    reads::{ReadError, Reads},
    rows::Rows,
    store::Select,
    table::{Key, Record, Table, record},
};

record! {
    /// Where an event is, and what it is found by.
    pub struct AuditRow in "audit_events"
    key {
        /// Whose.
        realm: RealmId,
        /// In which lane.
        lane: Lane,
        /// Where in the stream.
        seq: u64,
    }
    row {
        /// The event's own id.
        id: EventId,
        /// Its stable name.
        event_type: String,
        /// When it was recorded.
        time: Timestamp,
        /// The kind of its subject, if it has one.
        subject_kind: Option<String>,
        /// Its subject, if it has one.
        subject_id: Option<Uuid>,
        /// The user that it is about: its subject, or named by it. Of a session only its start names the user.
        user_id: Option<UserId>,
        /// Who did it: the user, or the application that acted for itself.
        principal: Option<Uuid>,
        /// The application through which it was done.
        application: Option<ApplicationId>,
        /// The session in which it was done, or that it is about.
        session: Option<SessionId>,
        /// The request that carried it.
        request: Option<Uuid>,
    }
    indexes [
        ["realm", "lane", "time", "seq"],
        ["realm", "lane", "event_type", "seq"],
        ["realm", "lane", "subject_id", "seq"],
        ["realm", "lane", "user_id", "seq"],
        ["realm", "lane", "principal", "seq"],
        ["realm", "lane", "session", "seq"],
        ["realm", "lane", "request", "seq"],
    ]
}

/// The index of the events of one lane.
#[derive(Debug)]
pub struct Audit {
    /// Which.
    pub lane: Lane,
}

impl Projection for Audit {
    fn name(&self) -> &'static str {
        match self.lane {
            Lane::Facts => "audit_facts",
            Lane::Activity => "audit_activity",
        }
    }

    fn lane(&self) -> Lane {
        self.lane
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![AuditRow::table()]
    }

    fn touches(&self, _: &Happened) -> Vec<Key> {
        Vec::new()
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        rows.insert(&AuditRow::of(happened));
    }
}

impl AuditRow {
    /// What an event is found by.
    pub fn of(happened: &Happened) -> Self {
        let (stream, actor) = (happened.stream, &happened.actor);
        let subject_session = match happened.subject {
            Some(Subject {
                kind: SubjectKind::Session,
                id,
            }) => Some(SessionId(id)),
            _ => None,
        };
        Self {
            realm: stream.realm,
            lane: stream.lane,
            seq: happened.seq,
            id: happened.id,
            event_type: happened.event_type.to_owned(),
            time: happened.time,
            subject_kind: happened.subject.map(|subject| subject.kind.as_str().to_owned()),
            subject_id: happened.subject.map(|subject| subject.id),
            user_id: about(happened),
            principal: actor
                .user
                .map(|user| user.0)
                .or(actor.client.map(|client| client.0)),
            application: actor.client,
            session: subject_session.or(actor.session),
            request: actor.request,
        }
    }
}

/// The user that an event is about.
fn about(happened: &Happened) -> Option<UserId> {
    let of_subject = happened.subject.map(|subject| UserId(subject.id));
    match &happened.event {
        Event::Users(_)
        | Event::EmailChanges(_)
        | Event::Credentials(_)
        | Event::Passkeys(_)
        | Event::Identities(_)
        | Event::Devices(_) => of_subject,
        Event::Permissions(
            PermissionEvent::Assigned { principal, .. } | PermissionEvent::Revoked { principal, .. },
        ) => of_subject.filter(|_| *principal == PrincipalKind::User),
        Event::Auth(
            AuthEvent::SessionStarted { user, .. }
            | AuthEvent::CodeIssued { user, .. }
            | AuthEvent::DeviceApproved { user, .. }
            | AuthEvent::DeviceDenied { user },
        )
        | Event::Compliance(
            ComplianceEvent::ConsentGiven { user, .. } | ComplianceEvent::ConsentWithdrawn { user, .. },
        ) => Some(*user),
        Event::Auth(
            AuthEvent::LoginAttempted { user, .. }
            | AuthEvent::LoginFailed { user, .. }
            | AuthEvent::Throttled { user, .. }
            | AuthEvent::TokenIssued { user, .. },
        )
        | Event::Letters(
            LetterEvent::Sent { user, .. }
            | LetterEvent::Failed { user, .. }
            | LetterEvent::Delivered { user, .. }
            | LetterEvent::Undelivered { user, .. }
            | LetterEvent::Requested { user, .. },
        ) => *user,
        Event::Realms(_)
        | Event::Applications(_)
        | Event::Auth(_)
        | Event::Webhooks(_)
        | Event::Letters(LetterEvent::CodeAttempted { .. })
        | Event::Deliveries(_)
        | Event::IdentityProviders(_) => None,
    }
}

/// Which events. What is not named does not matter; what is named holds together.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// The stable name.
    pub event_type: Option<String>,
    /// The kind of the subject.
    pub subject_kind: Option<SubjectKind>,
    /// The subject.
    pub subject: Option<Uuid>,
    /// The user that it is about, or whose session it is about.
    pub user: Option<UserId>,
    /// The user who did it, or the application that did it for itself.
    pub actor: Option<Uuid>,
    /// The application through which it was done.
    pub application: Option<ApplicationId>,
    /// The session in which it was done, or that it is about.
    pub session: Option<SessionId>,
    /// The request that carried it.
    pub request: Option<Uuid>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether an event is one of those that [`search`] finds: for who follows the log and cannot wait for the index. Of an event whose
    /// subject is a session, `session_of` is whose it is.
    pub fn admits(&self, row: &AuditRow, session_of: Option<UserId>) -> bool {
        fn is<T: PartialEq>(asked: Option<&T>, found: Option<&T>) -> bool {
            asked.is_none() || asked == found
        }
        let kind = self.subject_kind.map(SubjectKind::as_str);
        is(self.event_type.as_ref(), Some(&row.event_type))
            && is(kind.as_ref(), row.subject_kind.as_deref().as_ref())
            && is(self.subject.as_ref(), row.subject_id.as_ref())
            && (is(self.user.as_ref(), row.user_id.as_ref()) || is(self.user.as_ref(), session_of.as_ref()))
            && is(self.actor.as_ref(), row.principal.as_ref())
            && is(self.application.as_ref(), row.application.as_ref())
            && is(self.session.as_ref(), row.session.as_ref())
            && is(self.request.as_ref(), row.request.as_ref())
            && self.from.is_none_or(|from| row.time >= from)
            && self.to.is_none_or(|to| row.time < to)
    }
}

/// About a user, or about one of their sessions. (Its id stands for it: ids are unique.)
const OF_USER: &str = "(user_id = ? OR subject_id IN (
    SELECT sessions.id FROM sessions
    WHERE sessions.realm = ? AND sessions.user_id = ?))";

/// At most `limit` events of a stream after a seq, in seq order. The events themselves are in the log.
pub async fn search(
    reads: &Reads,
    stream: Stream,
    filter: &AuditFilter,
    after_seq: u64,
    limit: u32,
) -> Result<Vec<AuditRow>, ReadError> {
    let of_stream = [stream.realm.to_value(), stream.lane.to_value()];
    let mut select = Select::<AuditRow>::from()
        .and("realm = ? AND lane = ?", of_stream.clone())
        .and("seq > ?", [after_seq.to_value()]);
    if let Some(user) = filter.user {
        select = select.and(
            OF_USER,
            [user.to_value(), stream.realm.to_value(), user.to_value()],
        );
    }
    let equal = [
        ("event_type = ?", filter.event_type.as_ref().map(Cell::to_value)),
        (
            "subject_kind = ?",
            filter
                .subject_kind
                .map(|kind| Value::Text(kind.as_str().to_owned())),
        ),
        ("subject_id = ?", filter.subject.map(|id| id.to_value())),
        ("principal = ?", filter.actor.map(|id| id.to_value())),
        ("application = ?", filter.application.map(|id| id.to_value())),
        ("session = ?", filter.session.map(|id| id.to_value())),
        ("request = ?", filter.request.map(|id| id.to_value())),
    ];
    for (condition, value) in equal {
        if let Some(value) = value {
            select = select.and(condition, [value]);
        }
    }
    let [realm, lane] = of_stream;
    if let Some(from) = filter.from {
        select = select.and(
            "seq >= (SELECT min(seq) FROM audit_events WHERE realm = ? AND lane = ? AND time >= ?)",
            [realm.clone(), lane.clone(), from.to_value()],
        );
    }
    if let Some(to) = filter.to {
        select = select.and(
            "seq <= (SELECT max(seq) FROM audit_events WHERE realm = ? AND lane = ? AND time < ?)",
            [realm, lane, to.to_value()],
        );
    }
    reads.select(select.order("seq").limit(limit)).await
}
