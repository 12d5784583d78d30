//! The key store and the keyring above it: what is sealed by which key, and how a key is destroyed for good.
//! The rule: a key is durable here before the first event that uses it, and once destroyed it is never made again.
//!
//! # What is where
//!
//! ```text
//! master key             a file in development, an environment variable otherwise; never in the store
//! └─ realm key           one for each realm; sealing in the realm's name, digests and artefacts derive from it
//!    ├─ user key         profile fields of one user
//!    ├─ credential key   one secret (password hash, TOTP secret, client secret's hash)
//!    ├─ month key        network data of one month, together with the user's key where a user is known
//!    └─ signing key      a private key (PKCS #8), by its `kid`
//! ```
//!
//! Each key is wrapped by the one above it, so destroying a realm's key makes all that is below it unreadable.
//!
//! - `mod.rs`: names, errors and [`KeyStore`], which an engine implements; it never sees a key in the open.
//! - [`sqlite`]: the store of one node, a file of its own.
//! - [`postgres`]: the store of several nodes, a schema of its own.
//! - `batch.rs`: group commit of new keys, before either.
//! - [`master`]: where the master key comes from.
//! - [`owner`]: who owns a sealed field, and therefore which key opens it.
//! - [`keyring`]: what everything else uses: seal, unseal, digest, artefacts, signing keys, destroy.
//! - `seal.rs`: the committing seal; all cryptography is here, by aws-lc.
//!
//! # Several nodes
//!
//! Nodes that share a store keep unwrapped keys in memory, and must learn of one another's destructions. Tombstones are
//! numbered in the order of their commits. Before a key in memory is used, the keyring asks for the last number if it has not
//! done so for a second, one caller for all, and forgets what was destroyed since (all of it, where that is much, or where the
//! numbers went back). So a destroyed key is used nowhere longer than a second.
//!
//! While the store does not answer, a node cannot know. For 30 seconds it goes on with the keys in memory, so that a restart
//! of the store's server fails nobody's sign-in; then everything that needs a key is refused until the store answers. An
//! erasure that commits while another node is cut off therefore reaches that node after 30 seconds at the latest. What such a
//! node seals meanwhile with a key that is gone can be read by nobody, as erased fields cannot. Keys that are not in memory are
//! refused at once.
//!
//! Private signing keys are not kept in memory here. Whoever keeps one parsed asks the realm's log each time which one signs:
//! one that was withdrawn on another node signs for a second at most, and its signatures are refused as fast.
//!
//! # Backups
//!
//! The store is separate from the log and is backed up separately; whoever holds the log's backups must not hold these as
//! well. On PostgreSQL that means another cluster, not merely another database: a base backup, a replica and an archive of the
//! WAL hold a whole cluster. The master key is kept apart from both. Backups of the store (the archived WAL among them) live at
//! most 30 days: for as long as one lives, a destroyed key can come back out of it.
//!
//! SQLite overwrites what is destroyed, in the file and in its WAL. PostgreSQL does not: the row's old version stays in the
//! table until it is vacuumed (the table is set to be, early) and its bytes until their place is used again, and the server's
//! WAL holds them until it is recycled. What is left is a wrapped key: without the master key it opens nothing. Where that is
//! not enough, keep the cluster on an encrypted disk, and let `VACUUM FULL chancery_keys.keys` and a checkpoint follow an
//! erasure. A server is asked for its word on durability (`synchronous_commit=on`), and a standby is not used, since it could
//! miss the latest tombstones; a synchronous standby to fail over to loses none, an asynchronous one may, and failing over to
//! it is a restore.
//!
//! # Restore
//!
//! A restore takes the store back to a time before some destructions: their keys are there again, and their tombstones are not.
//! So it ends by destroying them anew ([`KeyStore::destroy`] is idempotent, the first tombstone's time stays), before anything is
//! served:
//!
//! 1. Stop all nodes. A node that ran on would notice that the numbers went back, and forget all keys in memory, but it would
//!    serve what came back.
//! 2. Keep the list of tombstones that `chancery tombstones` prints of the damaged store. Better, keep it with each backup of the
//!    log: there is nothing secret in it, and then it does not matter what is left of the store.
//! 3. Restore, with the master key of that time, and apply that list: `chancery tombstones --apply FILE`. Where there is none, the
//!    log tells what must be gone: users and realms that were erased, credentials and signing keys that were replaced, months past
//!    retention.
//! 4. Start the nodes. Keys that were made after the backup are lost, and what they sealed with them.
//!
//! A key that is neither in the store nor destroyed was lost, and reading what it sealed is an error rather than
//! "erased": an outdated or foreign store is noticed.

use std::fmt;

use async_trait::async_trait;
use thiserror::Error;

use crate::{
    clock::Timestamp,
    connections::Connections,
    ids::{CredentialId, RealmId, UserId},
};

mod batch;
pub mod keyring;
pub mod master;
pub mod owner;
pub mod postgres;
mod seal;
pub mod sqlite;
#[cfg(test)]
mod tests;

pub use self::{
    keyring::Keyring, master::MasterKey, owner::Owner, postgres::PostgresKeyStore, sqlite::SqliteKeyStore,
};

/// What a key is for. The codes are stored: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A realm's key, which wraps the realm's other keys.
    Realm,
    /// The key of one user's profile fields.
    User,
    /// The key of one credential.
    Credential,
    /// The key of a month's network data.
    Month,
    /// A private signing key.
    Signing,
}

impl KeyKind {
    /// The stored code.
    pub const fn code(self) -> u8 {
        match self {
            KeyKind::Realm => 1,
            KeyKind::User => 2,
            KeyKind::Credential => 3,
            KeyKind::Month => 4,
            KeyKind::Signing => 5,
        }
    }

    /// The kind of this stored code.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(KeyKind::Realm),
            2 => Some(KeyKind::User),
            3 => Some(KeyKind::Credential),
            4 => Some(KeyKind::Month),
            5 => Some(KeyKind::Signing),
            _ => None,
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        (1..=u8::MAX)
            .map_while(Self::from_code)
            .find(|kind| kind.as_str() == name)
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyKind::Realm => "realm",
            KeyKind::User => "user",
            KeyKind::Credential => "credential",
            KeyKind::Month => "month",
            KeyKind::Signing => "signing",
        }
    }
}

/// The name of one key. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyName {
    /// Whose.
    pub realm: RealmId,
    /// What for.
    pub kind: KeyKind,
    /// Which one: an id, a month such as `2026-11`, or a `kid`.
    pub id: String,
}

impl KeyName {
    /// The realm's own key.
    pub fn realm(realm: RealmId) -> Self {
        Self {
            realm,
            kind: KeyKind::Realm,
            id: realm.to_string(),
        }
    }

    /// A user's key.
    pub fn user(realm: RealmId, user: UserId) -> Self {
        Self {
            realm,
            kind: KeyKind::User,
            id: user.to_string(),
        }
    }

    /// A credential's key.
    pub fn credential(realm: RealmId, credential: CredentialId) -> Self {
        Self {
            realm,
            kind: KeyKind::Credential,
            id: credential.to_string(),
        }
    }

    /// The key of the month (UTC) that this moment is in.
    pub fn month(realm: RealmId, at: Timestamp) -> Self {
        Self {
            realm,
            kind: KeyKind::Month,
            id: owner::month(at),
        }
    }

    /// A signing key.
    pub fn signing(realm: RealmId, kid: &str) -> Self {
        Self {
            realm,
            kind: KeyKind::Signing,
            id: kid.to_owned(),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} key {} of realm {}",
            self.kind.as_str(),
            self.id,
            self.realm
        )
    }
}

/// Why a key could not be had. No message holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The store was made with another master key.
    #[error("the master key is not the one that this key store was made with")]
    WrongMasterKey,
    /// The key was destroyed, and is never made again.
    #[error("the key was destroyed")]
    Destroyed,
    /// The store does not answer; trying again may help.
    #[error("the key store is not available: {0}")]
    Unavailable(String),
    /// Something does not open under the key that is there, or a key was lost; trying again does not help.
    #[error("sealed data does not open: {0}")]
    Corrupt(String),
    /// What was asked for is not done.
    #[error("refused by the key store: {0}")]
    Refused(String),
}

/// Where wrapped keys are kept. An engine stores bytes and remembers what was destroyed; it decides nothing.
#[async_trait]
pub trait KeyStore: Send + Sync + fmt::Debug {
    /// Stores a wrapped key durably. `false`: there is one already, and it stays (the first wins).
    /// [`KeyError::Destroyed`] where a tombstone stands.
    async fn put(&self, name: &KeyName, wrapped: &[u8]) -> Result<bool, KeyError>;

    /// The wrapped key; `None` if it was never made or was destroyed.
    async fn get(&self, name: &KeyName) -> Result<Option<Vec<u8>>, KeyError>;

    /// Deletes these keys and leaves a tombstone for each, whether there was one or not, in one transaction.
    /// Idempotent: the first tombstone stays, with its time. Tombstones are numbered in the order of the commits.
    async fn destroy(&self, names: &[KeyName], at: Timestamp) -> Result<(), KeyError>;

    /// Whether a tombstone stands.
    async fn destroyed(&self, name: &KeyName) -> Result<bool, KeyError>;

    /// The number after which no tombstone stands yet. Whoever has seen all up to it is asked for nothing more
    /// than this; it never falls, unless another store was put in this one's place.
    async fn last_destruction(&self) -> Result<i64, KeyError>;

    /// The names of the tombstones after one number and up to another, in the order of their numbers.
    async fn destroyed_between(&self, after: i64, up_to: i64) -> Result<Vec<KeyName>, KeyError>;

    /// The value by which a wrong master key is noticed.
    async fn check_value(&self) -> Result<Option<Vec<u8>>, KeyError>;

    /// Stores the check value; if there is one already, that one stays (the first wins).
    async fn put_check_value(&self, value: &[u8]) -> Result<(), KeyError>;

    /// The connections of its pools.
    fn connections(&self) -> Connections;

    /// Closes the store, after which it answers nothing.
    async fn close(&self);
}
