//! What users are known as at identity providers, as it is shown. Whether an identity counts is never decided from here: that is asked of
//! the subject. When one was last used is told with the other credentials ([`last_uses`](crate::credentials::last_uses)).

use events::{
    clock::Timestamp,
    event::{Event, Happened},
    identities::IdentityEvent,
    ids::{CredentialId, IdentityProviderId, RealmId, UserId},
    subject::{Lane, Subject},
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
    /// An identity; gone when it is unlinked.
    pub struct IdentityRow in "identities"
    key {
        /// Whose realm.
        realm: RealmId,
        /// Whose.
        user_id: UserId,
        /// Which; sorts by linking.
        id: CredentialId,
    }
    row {
        /// The provider through which it was linked.
        provider: IdentityProviderId,
        /// The issuer.
        issuer: String,
        /// The issuer's name for the user; `None` once erased.
        subject: Option<String>,
        /// What the user is known as there; `None` if it was not told, or erased.
        name: Option<String>,
        /// When it was linked.
        linked_at: Timestamp,
    }
    indexes []
}

/// The table of identities.
#[derive(Debug)]
pub struct Identities;

/// Which identity an event is about.
fn about(happened: &Happened) -> Option<(UserId, CredentialId, &IdentityEvent)> {
    let (Some(Subject { id: user, .. }), Event::Identities(event)) = (happened.subject, &happened.event)
    else {
        return None;
    };
    let (IdentityEvent::Linked { credential, .. } | IdentityEvent::Unlinked { credential }) = event;
    Some((UserId(user), *credential, event))
}

impl Projection for Identities {
    fn name(&self) -> &'static str {
        "identities"
    }

    fn lane(&self) -> Lane {
        Lane::Facts
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![IdentityRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        let realm = happened.stream.realm;
        about(happened)
            .map(|(user, id, _)| IdentityRow::key(realm, user, id))
            .into_iter()
            .collect()
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let Some((user_id, id, event)) = about(happened) else {
            return;
        };
        let realm = happened.stream.realm;
        match event {
            IdentityEvent::Linked {
                provider,
                issuer,
                subject,
                name,
                ..
            } => rows.put(&IdentityRow {
                realm,
                user_id,
                id,
                provider: *provider,
                issuer: issuer.clone(),
                subject: subject.known().cloned(),
                name: name.known().filter(|name| !name.is_empty()).cloned(),
                linked_at: happened.time,
            }),
            IdentityEvent::Unlinked { .. } => rows.remove(&IdentityRow::key(realm, user_id, id)),
        }
    }
}

/// At most `limit` identities of a user after one, in the order of their linking.
pub async fn identities(
    reads: &Reads,
    realm: RealmId,
    user: UserId,
    after: Option<CredentialId>,
    limit: u32,
) -> Result<Vec<IdentityRow>, ReadError> {
    let select = Select::<IdentityRow>::from()
        .and("realm = ?", [realm.to_value()])
        .and("user_id = ?", [user.to_value()]);
    reads.select(select.page("id", after.as_ref(), limit)).await
}
