//! What people have to show who they are besides a password, as it is shown: names and dates, never secrets. Whether something
//! counts is never decided from here: that is asked of the subject.
//!
//! When something was last used is told in the other lane, with the sessions that it led to. It is kept in a table of its own,
//! and the question joins the two.

use std::collections::BTreeMap;

use events::{
    auth::{AuthEvent, Proof},
    clock::Timestamp,
    credentials::CredentialEvent,
    event::{Event, Happened},
    ids::{CredentialId, RealmId, UserId},
    subject::{Lane, Subject, SubjectKind},
};

use crate::{
    cell::Cell,
    projection::Projection,
    reads::{ReadError, Reads},
    rows::Rows,
    store::Select,
    table::{Key, Record, Table, record},
};

record! {
    /// A device that shows one-time passwords; gone when it is removed.
    pub struct TotpRow in "totp_devices"
    key {
        /// Whose realm.
        realm: RealmId,
        /// Whose.
        user_id: UserId,
        /// Which; sorts by enrolment.
        id: CredentialId,
    }
    row {
        /// What its owner calls it; `None` once erased.
        name: Option<String>,
        /// When it was enrolled.
        enrolled_at: Timestamp,
        /// The subject's version.
        version: u64,
    }
    indexes []
}

record! {
    /// A user's recovery codes; gone when they are removed.
    pub struct RecoveryCodesRow in "recovery_codes"
    key {
        /// Whose realm.
        realm: RealmId,
        /// Whose.
        user_id: UserId,
    }
    row {
        /// The set.
        id: CredentialId,
        /// How many there were at first.
        count: u64,
        /// How many can still be used.
        remaining: u64,
        /// When they were made.
        generated_at: Timestamp,
        /// The subject's version.
        version: u64,
    }
    indexes []
}

record! {
    /// When a credential was last used in a sign-in.
    pub struct UseRow in "credential_uses"
    key {
        /// Whose realm.
        realm: RealmId,
        /// Which credential.
        id: CredentialId,
    }
    row {
        /// The moment.
        used_at: Timestamp,
    }
    indexes []
}

/// The tables of devices and recovery codes.
#[derive(Debug)]
pub struct Credentials;

fn owner(happened: &Happened) -> Option<(UserId, &CredentialEvent)> {
    match (happened.subject, &happened.event) {
        (Some(Subject { id, .. }), Event::Credentials(event)) => Some((UserId(id), event)),
        _ => None,
    }
}

impl Projection for Credentials {
    fn name(&self) -> &'static str {
        "credentials"
    }

    fn lane(&self) -> Lane {
        Lane::Facts
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![TotpRow::table(), RecoveryCodesRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        let Some((user, event)) = owner(happened) else {
            return Vec::new();
        };
        let realm = happened.stream.realm;
        match event {
            CredentialEvent::TotpEnrolled { credential, .. }
            | CredentialEvent::TotpRemoved { credential } => {
                vec![TotpRow::key(realm, user, *credential)]
            }
            CredentialEvent::RecoveryCodesGenerated { .. }
            | CredentialEvent::RecoveryCodesRemoved { .. }
            | CredentialEvent::RecoveryCodeUsed { .. } => vec![RecoveryCodesRow::key(realm, user)],
        }
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let Some((user, event)) = owner(happened) else {
            return;
        };
        let realm = happened.stream.realm;
        let codes = RecoveryCodesRow::key(realm, user);
        match event {
            CredentialEvent::TotpEnrolled { credential, name, .. } => rows.put(&TotpRow {
                realm,
                user_id: user,
                id: *credential,
                name: name.known().cloned(),
                enrolled_at: happened.time,
                version: happened.version,
            }),
            CredentialEvent::TotpRemoved { credential } => {
                rows.remove(&TotpRow::key(realm, user, *credential));
            }
            CredentialEvent::RecoveryCodesGenerated {
                credential, count, ..
            } => rows.put(&RecoveryCodesRow {
                realm,
                user_id: user,
                id: *credential,
                count: u64::from(*count),
                remaining: u64::from(*count),
                generated_at: happened.time,
                version: happened.version,
            }),
            CredentialEvent::RecoveryCodesRemoved { .. } => rows.remove(&codes),
            CredentialEvent::RecoveryCodeUsed { credential, .. } => {
                rows.update(&codes, |row: &mut RecoveryCodesRow| {
                    if row.id == *credential {
                        row.remaining = row.remaining.saturating_sub(1);
                        row.version = happened.version;
                    }
                });
            }
        }
    }
}

/// The table of when credentials were last used.
#[derive(Debug)]
pub struct Uses;

/// What was proven by an event of a session, of which the older part was told before.
fn proven(happened: &Happened) -> impl Iterator<Item = (CredentialId, Timestamp)> {
    let proofs: &[Proof] = match (happened.subject.map(|subject| subject.kind), &happened.event) {
        (
            Some(SubjectKind::Session),
            Event::Auth(AuthEvent::SessionStarted { proofs, .. } | AuthEvent::SessionElevated { proofs, .. }),
        ) => proofs,
        _ => &[],
    };
    proofs
        .iter()
        .filter_map(|proof| Some((proof.credential?, proof.at)))
}

impl Projection for Uses {
    fn name(&self) -> &'static str {
        "credential_uses"
    }

    fn lane(&self) -> Lane {
        Lane::Activity
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![UseRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        let realm = happened.stream.realm;
        proven(happened).map(|(id, _)| UseRow::key(realm, id)).collect()
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let realm = happened.stream.realm;
        for (id, used_at) in proven(happened) {
            let before = rows.get::<UseRow>(&UseRow::key(realm, id));
            let used_at = before.map_or(used_at, |row: UseRow| row.used_at.max(used_at));
            rows.put(&UseRow { realm, id, used_at });
        }
    }
}

/// At most `limit` devices of a user after one, in the order of their ids.
pub async fn devices(
    reads: &Reads,
    realm: RealmId,
    user: UserId,
    after: Option<CredentialId>,
    limit: u32,
) -> Result<Vec<TotpRow>, ReadError> {
    let select = Select::<TotpRow>::from()
        .and("realm = ?", [realm.to_value()])
        .and("user_id = ?", [user.to_value()]);
    reads.select(select.page("id", after.as_ref(), limit)).await
}

/// The recovery codes of a user, if there are any.
pub async fn recovery_codes(
    reads: &Reads,
    realm: RealmId,
    user: UserId,
) -> Result<Option<RecoveryCodesRow>, ReadError> {
    let select = Select::<RecoveryCodesRow>::from()
        .and("realm = ?", [realm.to_value()])
        .and("user_id = ?", [user.to_value()]);
    Ok(reads.select(select.limit(1)).await?.pop())
}

/// When these credentials were last used; those that never were are not there.
pub async fn last_uses(
    reads: &Reads,
    realm: RealmId,
    ids: &[CredentialId],
) -> Result<BTreeMap<CredentialId, Timestamp>, ReadError> {
    let mut uses = BTreeMap::new();
    for id in ids {
        let select = Select::<UseRow>::from()
            .and("realm = ?", [realm.to_value()])
            .and("id = ?", [id.to_value()]);
        uses.extend(
            reads
                .select(select.limit(1))
                .await?
                .into_iter()
                .map(|row| (row.id, row.used_at)),
        );
    }
    Ok(uses)
}
