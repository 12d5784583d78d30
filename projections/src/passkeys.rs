//! Passkeys as they are shown: names, dates and what the authenticators say of themselves. Whether one counts is never decided
//! from here: that is asked of the subject. When one was last used is told with the other credentials ([`last_uses`](crate::credentials::last_uses)).

use events::{
    clock::Timestamp,
    event::{Event, Happened},
    ids::{CredentialId, RealmId, UserId},
    passkeys::PasskeyEvent,
    subject::{Lane, Subject},
};
use uuid::Uuid;

use crate::{
    cell::Cell,
    projection::Projection,
    reads::{ReadError, Reads},
    rows::Rows,
    store::Select,
    table::{Key, Record, Table, record},
};

record! {
    /// A passkey; gone when it is removed.
    pub struct PasskeyRow in "passkeys"
    key {
        /// Whose realm.
        realm: RealmId,
        /// Whose.
        user_id: UserId,
        /// Which; sorts by registration.
        id: CredentialId,
    }
    row {
        /// What its owner calls it; `None` once erased.
        name: Option<String>,
        /// The kind of authenticator (AAGUID); zero where it does not say.
        aaguid: Uuid,
        /// Whether its maker vouched for that.
        attested: bool,
        /// Whether the authenticator made sure who was there when it was registered.
        user_verified: bool,
        /// Whether it can be copied to other devices.
        backup_eligible: bool,
        /// Whether it is, as of its last use.
        backed_up: bool,
        /// When it was registered.
        registered_at: Timestamp,
        /// The subject's version.
        version: u64,
    }
    indexes []
}

/// The table of passkeys.
#[derive(Debug)]
pub struct Passkeys;

/// Which passkey an event is about.
fn about(happened: &Happened) -> Option<(Key, &PasskeyEvent)> {
    let (Some(Subject { id: user, .. }), Event::Passkeys(event)) = (happened.subject, &happened.event) else {
        return None;
    };
    let (PasskeyEvent::Registered { credential, .. }
    | PasskeyEvent::Renamed { credential, .. }
    | PasskeyEvent::Used { credential, .. }
    | PasskeyEvent::Removed { credential }) = event;
    let key = PasskeyRow::key(happened.stream.realm, UserId(user), *credential);
    Some((key, event))
}

impl Projection for Passkeys {
    fn name(&self) -> &'static str {
        "passkeys"
    }

    fn lane(&self) -> Lane {
        Lane::Facts
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![PasskeyRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        about(happened).map(|(key, _)| key).into_iter().collect()
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let Some((key, event)) = about(happened) else {
            return;
        };
        match event {
            PasskeyEvent::Registered {
                credential,
                name,
                authenticator,
                ..
            } => rows.put(&PasskeyRow {
                realm: happened.stream.realm,
                user_id: UserId(happened.subject.map(|subject| subject.id).unwrap_or_default()),
                id: *credential,
                name: name.known().cloned(),
                aaguid: authenticator.aaguid,
                attested: authenticator.attested,
                user_verified: authenticator.user_verified,
                backup_eligible: authenticator.backup_eligible,
                backed_up: authenticator.backed_up,
                registered_at: happened.time,
                version: happened.version,
            }),
            PasskeyEvent::Renamed { name, .. } => rows.update(&key, |row: &mut PasskeyRow| {
                row.name = name.known().cloned();
                row.version = happened.version;
            }),
            PasskeyEvent::Used { backed_up, .. } => rows.update(&key, |row: &mut PasskeyRow| {
                row.backed_up = *backed_up;
                row.version = happened.version;
            }),
            PasskeyEvent::Removed { .. } => rows.remove(&key),
        }
    }
}

/// At most `limit` passkeys of a user after one, in the order of their registration.
pub async fn passkeys(
    reads: &Reads,
    realm: RealmId,
    user: UserId,
    after: Option<CredentialId>,
    limit: u32,
) -> Result<Vec<PasskeyRow>, ReadError> {
    let select = Select::<PasskeyRow>::from()
        .and("realm = ?", [realm.to_value()])
        .and("user_id = ?", [user.to_value()]);
    reads.select(select.page("id", after.as_ref(), limit)).await
}
