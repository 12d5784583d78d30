//! Realms, their settings and their signing keys, as they are shown. What a realm is follows from the domain's own
//! folds; a row only keeps what they add up to.

use events::{
    clock::Timestamp,
    event::Happened,
    fold::Fold,
    ids::RealmId,
    kernel::Kernel,
    realms::{Realm, Settings, SigningKeyState, SigningKeys},
    subject::{Lane, Stream, Subject, SubjectKind},
    users::login_name,
};
use serde::{Deserialize, Serialize};

use crate::{
    cell::json_cells,
    history::{HistoryError, fold_until},
    projection::Projection,
    reads::{ReadError, Reads},
    rows::Rows,
    store::{Select, containing},
    table::{Key, Record, Table, record},
};

record! {
    /// A realm.
    pub struct RealmRow in "realms"
    key {
        /// Its id.
        id: RealmId,
    }
    row {
        /// Its name, as in URLs.
        name: String,
        /// The name shown to people.
        display_name: String,
        /// What a search looks through, normalised: both names, one a line.
        search: String,
        /// Whether it is suspended.
        suspended: bool,
        /// When it was made.
        created_at: Timestamp,
        /// When it last changed.
        updated_at: Timestamp,
        /// The subject's version.
        version: u64,
    }
    indexes [["name"]]
}

record! {
    /// The settings of a realm; there is no row where all are as at the beginning.
    pub struct SettingsRow in "settings"
    key {
        /// Whose.
        realm: RealmId,
    }
    row {
        /// All of them.
        settings: Settings,
        /// When they last changed.
        updated_at: Timestamp,
        /// The subject's version.
        version: u64,
    }
    indexes []
}

record! {
    /// The signing keys of a realm.
    pub struct SigningKeysRow in "signing_keys"
    key {
        /// Whose.
        realm: RealmId,
    }
    row {
        /// All that were not retired, oldest first.
        keys: Vec<SigningKey>,
        /// The subject's version.
        version: u64,
    }
    indexes []
}

/// One signing key; the private half is nowhere here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SigningKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// `ES256`, `PS256`, `RS256` or `EdDSA`.
    pub algorithm: String,
    /// RFC 7517.
    pub public_jwk: serde_json::Value,
    /// Since when it signs.
    pub created_at: Timestamp,
    /// Until when it is published, if another has taken its place.
    pub published_until: Option<Timestamp>,
}

json_cells!(Vec<SigningKey>);

impl From<SigningKeyState> for SigningKey {
    fn from(key: SigningKeyState) -> Self {
        Self {
            kid: key.kid,
            algorithm: key.algorithm,
            public_jwk: key.public_jwk,
            created_at: key.created,
            published_until: key.published_until,
        }
    }
}

impl From<SigningKey> for SigningKeyState {
    fn from(key: SigningKey) -> Self {
        Self {
            kid: key.kid,
            algorithm: key.algorithm,
            public_jwk: key.public_jwk,
            created: key.created_at,
            published_until: key.published_until,
        }
    }
}

/// The tables of realms.
#[derive(Debug)]
pub struct Realms;

impl Projection for Realms {
    fn name(&self) -> &'static str {
        "realms"
    }

    fn lane(&self) -> Lane {
        Lane::Facts
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![RealmRow::table(), SettingsRow::table(), SigningKeysRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        let Some(subject) = happened.subject else {
            return Vec::new();
        };
        match subject.kind {
            SubjectKind::Realm => vec![RealmRow::key(RealmId(subject.id))],
            SubjectKind::Settings => vec![SettingsRow::key(RealmId(subject.id))],
            SubjectKind::SigningKeys => vec![SigningKeysRow::key(RealmId(subject.id))],
            _ => Vec::new(),
        }
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let Some(subject) = happened.subject else { return };
        let id = RealmId(subject.id);
        match subject.kind {
            SubjectKind::Realm => apply_realm(rows, id, happened),
            SubjectKind::Settings => {
                let row = rows.get::<SettingsRow>(&SettingsRow::key(id));
                let mut settings = row.map(|row| row.settings).unwrap_or_default();
                settings.apply(happened);
                let (updated_at, version) = (happened.time, happened.version);
                rows.put(&SettingsRow {
                    realm: id,
                    settings,
                    updated_at,
                    version,
                });
            }
            SubjectKind::SigningKeys => {
                let row = rows.get::<SigningKeysRow>(&SigningKeysRow::key(id));
                let keys = row.map(|row| row.keys).unwrap_or_default();
                let mut state = SigningKeys {
                    keys: keys.into_iter().map(Into::into).collect(),
                };
                state.apply(happened);
                let keys = state.keys.into_iter().map(Into::into).collect();
                rows.put(&SigningKeysRow {
                    realm: id,
                    keys,
                    version: happened.version,
                });
            }
            _ => {}
        }
    }
}

fn apply_realm(rows: &mut Rows, id: RealmId, happened: &Happened) {
    let row = rows.get::<RealmRow>(&RealmRow::key(id));
    let created_at = row.as_ref().map_or(happened.time, |row| row.created_at);
    let mut realm = row.map_or_else(Realm::default, |row| Realm {
        name: row.name,
        display_name: row.display_name,
        suspended: row.suspended,
    });
    realm.apply(happened);
    rows.put(&RealmRow {
        id,
        search: login_name(&format!("{}\n{}", realm.name, realm.display_name)),
        name: realm.name,
        display_name: realm.display_name,
        suspended: realm.suspended,
        created_at,
        updated_at: happened.time,
        version: happened.version,
    });
}

/// At most `limit` realms after an id, in the order of their making. A `query` is looked for in their names.
pub async fn list(
    reads: &Reads,
    query: Option<&str>,
    after: Option<RealmId>,
    limit: u32,
) -> Result<Vec<RealmRow>, ReadError> {
    let mut select = Select::<RealmRow>::from();
    if let Some(query) = query {
        select = select.and("search LIKE ? ESCAPE '\\'", [containing(query)]);
    }
    reads.select(select.page("id", after.as_ref(), limit)).await
}

/// A realm.
pub async fn get(reads: &Reads, id: RealmId) -> Result<Option<RealmRow>, ReadError> {
    reads.get(RealmRow::key(id)).await
}

/// The settings of a realm, if any was ever changed.
pub async fn settings(reads: &Reads, realm: RealmId) -> Result<Option<SettingsRow>, ReadError> {
    reads.get(SettingsRow::key(realm)).await
}

/// The signing keys of a realm, if it ever had one.
pub async fn signing_keys(reads: &Reads, realm: RealmId) -> Result<Option<SigningKeysRow>, ReadError> {
    reads.get(SigningKeysRow::key(realm)).await
}

/// A realm as it was at a moment.
pub async fn as_of(
    kernel: &Kernel,
    id: RealmId,
    moment: Timestamp,
) -> Result<Option<RealmRow>, HistoryError> {
    let stream = Stream::facts(RealmId::SYSTEM);
    let mut rows = fold_until(kernel, &Realms, stream, &[Subject::realm(id)], moment).await?;
    Ok(rows.get(&RealmRow::key(id)))
}

/// The settings of a realm as they were at a moment, if any had been changed by then.
pub async fn settings_as_of(
    kernel: &Kernel,
    realm: RealmId,
    moment: Timestamp,
) -> Result<Option<SettingsRow>, HistoryError> {
    let stream = Stream::facts(realm);
    let mut rows = fold_until(kernel, &Realms, stream, &[Subject::settings(realm)], moment).await?;
    Ok(rows.get(&SettingsRow::key(realm)))
}
