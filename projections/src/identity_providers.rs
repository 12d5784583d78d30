//! Identity providers as they are shown. What one is follows from the domain's own fold; of its secret only the date is here.

use events::{
    clock::Timestamp,
    event::{Event, Happened},
    fold::Fold,
    identity_providers::{ClientSecret, IdentityProvider, IdentityProviderSettings},
    ids::{CredentialId, IdentityProviderId, RealmId},
    kernel::Kernel,
    sealing::Sealed,
    subject::{Lane, Stream, Subject, SubjectKind},
};

use crate::{
    cell::Cell,
    history::{HistoryError, fold_until},
    projection::Projection,
    reads::{ReadError, Reads},
    rows::Rows,
    store::Select,
    table::{Key, Record, Table, record},
};

record! {
    /// An identity provider.
    pub struct IdentityProviderRow in "identity_providers"
    key {
        /// Whose.
        realm: RealmId,
        /// Which; sorts by registration.
        id: IdentityProviderId,
    }
    row {
        /// Its name in addresses.
        alias: String,
        /// Its issuer identifier.
        issuer: String,
        /// What can be changed of it.
        settings: IdentityProviderSettings,
        /// The credential that its secret is, if one was set.
        secret: Option<CredentialId>,
        /// When that was.
        secret_set_at: Option<Timestamp>,
        /// Whether its sign-ins are not taken.
        disabled: bool,
        /// When it was registered.
        created_at: Timestamp,
        /// When it last changed.
        updated_at: Timestamp,
        /// The subject's version.
        version: u64,
    }
    indexes []
}

impl IdentityProviderRow {
    fn state(self) -> IdentityProvider {
        let secret = self.secret.zip(self.secret_set_at);
        IdentityProvider {
            exists: true,
            alias: self.alias,
            issuer: self.issuer,
            settings: self.settings,
            secret: secret.map(|(credential, set)| ClientSecret {
                credential,
                secret: Sealed::Erased,
                set,
            }),
            disabled: self.disabled,
            registered: self.created_at,
        }
    }

    fn new(realm: RealmId, id: IdentityProviderId, provider: IdentityProvider, happened: &Happened) -> Self {
        let secret = provider.secret.as_ref();
        Self {
            realm,
            id,
            alias: provider.alias,
            issuer: provider.issuer,
            secret: secret.map(|secret| secret.credential),
            secret_set_at: secret.map(|secret| secret.set),
            settings: provider.settings,
            disabled: provider.disabled,
            created_at: provider.registered,
            updated_at: happened.time,
            version: happened.version,
        }
    }
}

/// The table of identity providers.
#[derive(Debug)]
pub struct IdentityProviders;

impl Projection for IdentityProviders {
    fn name(&self) -> &'static str {
        "identity_providers"
    }

    fn lane(&self) -> Lane {
        Lane::Facts
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![IdentityProviderRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        match happened.subject {
            Some(Subject {
                kind: SubjectKind::IdentityProvider,
                id,
            }) => vec![IdentityProviderRow::key(
                happened.stream.realm,
                IdentityProviderId(id),
            )],
            _ => Vec::new(),
        }
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let (
            Some(Subject {
                kind: SubjectKind::IdentityProvider,
                id,
            }),
            Event::IdentityProviders(_),
        ) = (happened.subject, &happened.event)
        else {
            return;
        };
        let (realm, id) = (happened.stream.realm, IdentityProviderId(id));
        let key = IdentityProviderRow::key(realm, id);
        let row = rows.get::<IdentityProviderRow>(&key);
        let mut provider = row.map(IdentityProviderRow::state).unwrap_or_default();
        provider.apply(happened);
        if provider.exists {
            rows.put(&IdentityProviderRow::new(realm, id, provider, happened));
        } else {
            rows.remove(&key);
        }
    }
}

/// At most `limit` providers of a realm after an id, in the order of their registration.
pub async fn list(
    reads: &Reads,
    realm: RealmId,
    after: Option<IdentityProviderId>,
    limit: u32,
) -> Result<Vec<IdentityProviderRow>, ReadError> {
    let select = Select::<IdentityProviderRow>::from().and("realm = ?", [realm.to_value()]);
    reads.select(select.page("id", after.as_ref(), limit)).await
}

/// A provider of a realm.
pub async fn get(
    reads: &Reads,
    realm: RealmId,
    id: IdentityProviderId,
) -> Result<Option<IdentityProviderRow>, ReadError> {
    reads.get(IdentityProviderRow::key(realm, id)).await
}

/// A provider as it was at a moment.
pub async fn as_of(
    kernel: &Kernel,
    realm: RealmId,
    id: IdentityProviderId,
    moment: Timestamp,
) -> Result<Option<IdentityProviderRow>, HistoryError> {
    let subjects = [Subject::identity_provider(id)];
    let stream = Stream::facts(realm);
    let mut rows = fold_until(kernel, &IdentityProviders, stream, &subjects, moment).await?;
    Ok(rows.get(&IdentityProviderRow::key(realm, id)))
}
