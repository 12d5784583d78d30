//! What people allow applications, as it is shown. Whether something is allowed is never decided from here: that is
//! asked of the subject.

use events::{
    clock::Timestamp,
    compliance::ComplianceEvent,
    event::{Event, Happened},
    ids::{ApplicationId, RealmId, UserId},
    subject::Lane,
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
    /// What a user allows an application now; gone when it is withdrawn.
    pub struct ConsentRow in "consents"
    key {
        /// Whose realm.
        realm: RealmId,
        /// Who allows it.
        user_id: UserId,
        /// To which application.
        application: ApplicationId,
    }
    row {
        /// The scopes.
        scopes: Vec<String>,
        /// The claims beyond those of the scopes.
        claims: Vec<String>,
        /// When it was last given, or more of it.
        given_at: Timestamp,
        /// The subject's version.
        version: u64,
    }
    indexes []
}

/// The table of consents.
#[derive(Debug)]
pub struct Compliance;

fn key(happened: &Happened) -> Option<Key> {
    let Event::Compliance(
        ComplianceEvent::ConsentGiven { user, client, .. }
        | ComplianceEvent::ConsentWithdrawn { user, client },
    ) = &happened.event
    else {
        return None;
    };
    Some(ConsentRow::key(happened.stream.realm, *user, *client))
}

impl Projection for Compliance {
    fn name(&self) -> &'static str {
        "compliance"
    }

    fn lane(&self) -> Lane {
        Lane::Facts
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![ConsentRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        key(happened).into_iter().collect()
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        match &happened.event {
            Event::Compliance(ComplianceEvent::ConsentGiven {
                user,
                client,
                scopes,
                claims,
            }) => rows.put(&ConsentRow {
                realm: happened.stream.realm,
                user_id: *user,
                application: *client,
                scopes: scopes.iter().cloned().collect(),
                claims: claims.iter().cloned().collect(),
                given_at: happened.time,
                version: happened.version,
            }),
            Event::Compliance(ComplianceEvent::ConsentWithdrawn { .. }) => {
                if let Some(key) = key(happened) {
                    rows.remove(&key);
                }
            }
            _ => {}
        }
    }
}

/// At most `limit` consents of a user after an application, in the order of the applications' ids.
pub async fn of_user(
    reads: &Reads,
    realm: RealmId,
    user: UserId,
    after: Option<ApplicationId>,
    limit: u32,
) -> Result<Vec<ConsentRow>, ReadError> {
    let select = Select::<ConsentRow>::from()
        .and("realm = ?", [realm.to_value()])
        .and("user_id = ?", [user.to_value()]);
    reads
        .select(select.page("application", after.as_ref(), limit))
        .await
}
