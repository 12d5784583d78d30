//! Who holds which roles, as it is shown. What is allowed is never decided from here: that is asked of the subject.

use std::collections::BTreeSet;

use events::{
    clock::Timestamp,
    event::{Event, Happened},
    fold::Fold,
    ids::RealmId,
    permissions::{Assignments, PermissionEvent, PrincipalKind, Role},
    subject::{Lane, Subject, SubjectKind},
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
    /// The roles of one principal; it stays, without roles, when the last is taken.
    pub struct AssignmentsRow in "assignments"
    key {
        /// Whose.
        realm: RealmId,
        /// The user or the application.
        principal: Uuid,
    }
    row {
        /// Which of the two it is.
        kind: PrincipalKind,
        /// All that it holds.
        roles: BTreeSet<Role>,
        /// When they last changed.
        updated_at: Timestamp,
        /// The subject's version.
        version: u64,
    }
    indexes []
}

/// The table of assignments.
#[derive(Debug)]
pub struct Permissions;

impl Projection for Permissions {
    fn name(&self) -> &'static str {
        "permissions"
    }

    fn lane(&self) -> Lane {
        Lane::Facts
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![AssignmentsRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        match happened.subject {
            Some(Subject {
                kind: SubjectKind::Assignments,
                id,
            }) => {
                vec![AssignmentsRow::key(happened.stream.realm, id)]
            }
            _ => Vec::new(),
        }
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let (
            Some(Subject {
                kind: SubjectKind::Assignments,
                id: principal,
            }),
            Event::Permissions(event),
        ) = (happened.subject, &happened.event)
        else {
            return;
        };
        let kind = match event {
            PermissionEvent::Assigned { principal, .. } | PermissionEvent::Revoked { principal, .. } => {
                *principal
            }
        };
        let realm = happened.stream.realm;
        let row = rows.get::<AssignmentsRow>(&AssignmentsRow::key(realm, principal));
        let mut assignments = Assignments {
            roles: row.map(|row| row.roles).unwrap_or_default(),
        };
        assignments.apply(happened);
        let (updated_at, version) = (happened.time, happened.version);
        rows.put(&AssignmentsRow {
            realm,
            principal,
            kind,
            roles: assignments.roles,
            updated_at,
            version,
        });
    }
}

/// The roles of a principal, if it was ever given one.
pub async fn get(
    reads: &Reads,
    realm: RealmId,
    principal: Uuid,
) -> Result<Option<AssignmentsRow>, ReadError> {
    reads.get(AssignmentsRow::key(realm, principal)).await
}

/// At most `limit` principals of a realm that were ever given a role, after an id, in the order of their ids.
pub async fn list(
    reads: &Reads,
    realm: RealmId,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<AssignmentsRow>, ReadError> {
    let select = Select::<AssignmentsRow>::from().and("realm = ?", [realm.to_value()]);
    reads
        .select(select.page("principal", after.as_ref(), limit))
        .await
}
