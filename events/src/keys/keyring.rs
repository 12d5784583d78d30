//! The keyring: the only way to seal, to read what is sealed, and to destroy a key.
//! The rule: a key in the open is in this process's memory only, for minutes; it is gone at once when it is destroyed here, and
//! within a second when it is destroyed elsewhere.

use std::{fmt, sync::Arc};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use self::{
    cache::{Found, KeyCache},
    freshness::{Freshness, Periods},
};
use super::{
    KeyError, KeyKind, KeyName, KeyStore, MasterKey, Owner,
    owner::month,
    seal::{self, Key, bind, derive},
};
use crate::{
    clock::{Random, Timestamp},
    ids::{EventId, RealmId},
};

mod cache;
mod freshness;

/// The longest artefact, as text.
const MAX_ARTEFACT: usize = 16 * 1024;

/// Seals and unseals for every realm.
pub struct Keyring {
    store: Arc<dyn KeyStore>,
    master: MasterKey,
    random: Arc<dyn Random>,
    cache: KeyCache,
    freshness: Freshness,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl Keyring {
    /// Opens a keyring over a store. The first one leaves a check value, by which every later one notices a wrong
    /// master key ([`KeyError::WrongMasterKey`]).
    pub async fn open(
        store: Arc<dyn KeyStore>,
        master: MasterKey,
        random: Arc<dyn Random>,
    ) -> Result<Arc<Keyring>, KeyError> {
        Self::open_with(store, master, random, Periods::default()).await
    }

    async fn open_with(
        store: Arc<dyn KeyStore>,
        master: MasterKey,
        random: Arc<dyn Random>,
        periods: Periods,
    ) -> Result<Arc<Keyring>, KeyError> {
        let bound = bind(&[b"chancery check value v1"]);
        if store.check_value().await?.is_none() {
            // Where two are first at once, the store keeps one value; what counts is the one that is there.
            store
                .put_check_value(&seal::seal(&master.0, &*random, &bound, b"")?)
                .await?;
        }
        let check_value = store
            .check_value()
            .await?
            .ok_or_else(|| KeyError::Unavailable("the check value was not kept".to_owned()))?;
        if seal::open(&master.0, &bound, &check_value).is_none() {
            return Err(KeyError::WrongMasterKey);
        }
        Ok(Arc::new(Self {
            freshness: Freshness::begin(&*store, periods).await?,
            store,
            master,
            random,
            cache: KeyCache::new(),
        }))
    }

    /// Makes the realm's key durable. Idempotent. Nothing else makes one: a realm that nobody prepared is refused
    /// rather than given a key, so that a lost key store is noticed.
    pub async fn prepare_realm(&self, realm: RealmId) -> Result<(), KeyError> {
        self.obtain(&KeyName::realm(realm)).await.map(drop)
    }

    /// A key of the realm for one purpose: HKDF-SHA256 of the realm's key; the purpose and the realm are its info.
    pub async fn derive(&self, realm: RealmId, purpose: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        Ok((*self.purpose_key(realm, purpose).await?).clone())
    }

    /// HMAC-SHA256 of the parts under [`Keyring::derive`]; two different lists of parts never collide.
    pub async fn digest(&self, realm: RealmId, purpose: &str, parts: &[&[u8]]) -> Result<[u8; 32], KeyError> {
        let key = self.purpose_key(realm, purpose).await?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), &bind(parts));
        let mut digest = [0; 32];
        digest.copy_from_slice(tag.as_ref());
        Ok(digest)
    }

    /// Seals a field of an event for its owner; base64url. Makes the owner's key, durably, when it is first used.
    /// [`KeyError::Destroyed`] where the owner (or the month, or the realm) is gone.
    pub async fn seal(
        &self,
        realm: RealmId,
        owner: &Owner,
        event: EventId,
        field: &str,
        plaintext: &[u8],
    ) -> Result<String, KeyError> {
        match self.owner_key(realm, owner, true).await? {
            Found::Key(key) => {
                let bound = field_binding(realm, owner, event, field);
                Ok(URL_SAFE_NO_PAD.encode(seal::seal(&key, &*self.random, &bound, plaintext)?))
            }
            Found::Destroyed => Err(KeyError::Destroyed),
            Found::Missing => Err(unprepared(realm)),
        }
    }

    /// Opens what [`Keyring::seal`] made. `None`: the key was destroyed, the field is erased. An error where it
    /// does not open under the key that is there, or where the key is neither there nor destroyed, but lost.
    pub async fn unseal(
        &self,
        realm: RealmId,
        owner: &Owner,
        event: EventId,
        field: &str,
        sealed: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        match self.owner_key(realm, owner, false).await? {
            Found::Key(key) => {
                let bound = field_binding(realm, owner, event, field);
                let opened = URL_SAFE_NO_PAD
                    .decode(sealed)
                    .ok()
                    .and_then(|sealed| seal::open(&key, &bound, &sealed));
                let why = || KeyError::Corrupt(format!("field {field} of event {event} in realm {realm}"));
                opened.map(Some).ok_or_else(why)
            }
            Found::Destroyed => Ok(None),
            Found::Missing => Err(KeyError::Corrupt(format!(
                "the key of {owner} in realm {realm} is lost: is this its key store?"
            ))),
        }
    }

    /// Destroys the owner's key for good, in the store and in memory. For [`Owner::Realm`] that is the key above
    /// all of the realm's. Network data goes by month, or with its user: a month of one user is refused.
    pub async fn destroy(&self, realm: RealmId, owner: &Owner, at: Timestamp) -> Result<(), KeyError> {
        let name = match owner {
            Owner::Realm => KeyName::realm(realm),
            Owner::User(user) => KeyName::user(realm, *user),
            Owner::Credential(credential) => KeyName::credential(realm, *credential),
            Owner::Network { at, user: None } => KeyName::month(realm, *at),
            Owner::Network { user: Some(_), .. } => {
                return Err(KeyError::Refused(
                    "network data of a user goes with the month's key or with the user's".to_owned(),
                ));
            }
        };
        self.destroy_key(&name, at).await
    }

    /// Stores a private signing key (PKCS #8) durably under its `kid`. Storing the same again is no error; storing
    /// another under the same `kid` is refused.
    pub async fn put_signing_key(&self, realm: RealmId, kid: &str, pkcs8: &[u8]) -> Result<(), KeyError> {
        let name = KeyName::signing(realm, kid);
        if self.store.put(&name, &self.wrap(&name, pkcs8).await?).await? {
            return Ok(());
        }
        match self.signing_key(realm, kid).await? {
            Some(stored) if bool::from(stored.as_slice().ct_eq(pkcs8)) => Ok(()),
            Some(_) => Err(KeyError::Refused(format!("there is another {name}"))),
            None => Err(KeyError::Destroyed),
        }
    }

    /// A private signing key (PKCS #8); `None` if it was never made or was destroyed. Not cached here: whoever
    /// signs keeps it parsed.
    pub async fn signing_key(
        &self,
        realm: RealmId,
        kid: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        let name = KeyName::signing(realm, kid);
        match self.store.get(&name).await? {
            Some(wrapped) => self.unwrap(&name, &wrapped).await,
            None => Ok(None),
        }
    }

    /// Destroys a private signing key for good.
    pub async fn destroy_signing_key(
        &self,
        realm: RealmId,
        kid: &str,
        at: Timestamp,
    ) -> Result<(), KeyError> {
        self.destroy_key(&KeyName::signing(realm, kid), at).await
    }

    /// Seals what is given into a client's hands (codes, refresh tokens, flows, page tokens): base64url, bound to
    /// the realm, the purpose and `bound`. Refused where it would be longer than 16 KiB.
    pub async fn seal_artefact(
        &self,
        realm: RealmId,
        purpose: &str,
        bound: &[&[u8]],
        plaintext: &[u8],
    ) -> Result<String, KeyError> {
        let key = self.purpose_key(realm, &artefact_purpose(purpose)).await?;
        let text = URL_SAFE_NO_PAD.encode(seal::seal(
            &key,
            &*self.random,
            &artefact_binding(bound),
            plaintext,
        )?);
        if text.len() > MAX_ARTEFACT {
            return Err(KeyError::Refused(format!(
                "{purpose}: an artefact has at most {MAX_ARTEFACT} characters"
            )));
        }
        Ok(text)
    }

    /// Opens an artefact. `None` for anything that does not open, of which the reason is not told: another realm,
    /// purpose or binding, altered, malformed or oversized text, a realm that is not or no longer there.
    pub async fn open_artefact(
        &self,
        realm: RealmId,
        purpose: &str,
        bound: &[&[u8]],
        text: &str,
    ) -> Result<Option<Vec<u8>>, KeyError> {
        if text.len() > MAX_ARTEFACT {
            return Ok(None);
        }
        let Ok(sealed) = URL_SAFE_NO_PAD.decode(text) else {
            return Ok(None);
        };
        let Found::Key(key) = self.derived(realm, &artefact_purpose(purpose)).await? else {
            return Ok(None);
        };
        Ok(seal::open(&key, &artefact_binding(bound), &sealed).map(|plaintext| plaintext.to_vec()))
    }

    // From owners to keys.

    async fn owner_key(&self, realm: RealmId, owner: &Owner, make: bool) -> Result<Found, KeyError> {
        match owner {
            Owner::Realm => self.derived(realm, "sealed fields").await,
            Owner::User(user) => self.data_key(&KeyName::user(realm, *user), make).await,
            Owner::Credential(credential) => {
                self.data_key(&KeyName::credential(realm, *credential), make)
                    .await
            }
            Owner::Network { at, user } => {
                let month_key = match self.data_key(&KeyName::month(realm, *at), make).await? {
                    Found::Key(key) => key,
                    gone => return Ok(gone),
                };
                let mut secret = Zeroizing::new(month_key.to_vec());
                let month = month(*at);
                let Some(user) = user else {
                    return network_key(&secret, &[month.as_bytes()]);
                };
                match self.data_key(&KeyName::user(realm, *user), make).await? {
                    Found::Key(key) => {
                        // Both keys are 32 bytes long: which byte is whose is never in doubt.
                        secret.extend_from_slice(key.as_slice());
                        network_key(&secret, &[month.as_bytes(), user.to_string().as_bytes()])
                    }
                    gone => Ok(gone),
                }
            }
        }
    }

    async fn data_key(&self, name: &KeyName, make: bool) -> Result<Found, KeyError> {
        if make {
            self.obtain(name).await.map(Found::Key)
        } else {
            self.find(name).await
        }
    }

    async fn purpose_key(&self, realm: RealmId, purpose: &str) -> Result<Arc<Key>, KeyError> {
        match self.derived(realm, purpose).await? {
            Found::Key(key) => Ok(key),
            Found::Destroyed => Err(KeyError::Destroyed),
            Found::Missing => Err(unprepared(realm)),
        }
    }

    async fn derived(&self, realm: RealmId, purpose: &str) -> Result<Found, KeyError> {
        let name = (realm, purpose.to_owned());
        self.freshness.ensure(&*self.store, &self.cache).await?;
        if let Some(key) = self.cache.derived(&name) {
            return Ok(Found::Key(key));
        }
        let before = self.cache.before();
        let key = match self.find(&KeyName::realm(realm)).await? {
            Found::Key(key) => key,
            gone => return Ok(gone),
        };
        let info: [&[u8]; 3] = [
            b"chancery realm purpose v1",
            purpose.as_bytes(),
            realm.0.as_bytes(),
        ];
        let derived = Arc::new(derive(key.as_slice(), &info)?);
        self.cache.keep_derived(before, name, derived.clone());
        Ok(Found::Key(derived))
    }

    // From names to keys.

    /// The key of this name, made durably if there is none.
    async fn obtain(&self, name: &KeyName) -> Result<Arc<Key>, KeyError> {
        match self.find(name).await? {
            Found::Key(key) => return Ok(key),
            Found::Destroyed => return Err(KeyError::Destroyed),
            Found::Missing => {}
        }
        let before = self.cache.before();
        let mut key = Key::default();
        self.random.fill(key.as_mut_slice());
        if self
            .store
            .put(name, &self.wrap(name, key.as_slice()).await?)
            .await?
        {
            let key = Arc::new(key);
            self.cache.keep(before, name, Found::Key(key.clone()));
            return Ok(key);
        }
        // Another caller or process was first, and its key is the one.
        match self.find(name).await? {
            Found::Key(key) => Ok(key),
            Found::Destroyed => Err(KeyError::Destroyed),
            Found::Missing => Err(KeyError::Unavailable(format!(
                "the {name} was put and is not there"
            ))),
        }
    }

    async fn find(&self, name: &KeyName) -> Result<Found, KeyError> {
        self.freshness.ensure(&*self.store, &self.cache).await?;
        if let Some(found) = self.cache.key(name) {
            return Ok(found);
        }
        let before = self.cache.before();
        let found = match self.store.get(name).await? {
            Some(wrapped) => match self.unwrap(name, &wrapped).await? {
                Some(bytes) => Found::Key(Arc::new(
                    <[u8; 32]>::try_from(bytes.as_slice())
                        .map(Zeroizing::new)
                        .map_err(|_| KeyError::Corrupt(format!("the {name} has a wrong length")))?,
                )),
                None => Found::Destroyed,
            },
            None if self.gone(name).await? => Found::Destroyed,
            None => return Ok(Found::Missing),
        };
        self.cache.keep(before, name, found.clone());
        Ok(found)
    }

    /// Whether the key, or the realm's above it, was destroyed.
    async fn gone(&self, name: &KeyName) -> Result<bool, KeyError> {
        Ok(self.store.destroyed(name).await?
            || (name.kind != KeyKind::Realm && self.store.destroyed(&KeyName::realm(name.realm)).await?))
    }

    async fn wrap(&self, name: &KeyName, key: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self.wrapping_key(name).await? {
            Found::Key(wrapping) => seal::seal(&wrapping, &*self.random, &name_binding(name), key),
            Found::Destroyed => Err(KeyError::Destroyed),
            Found::Missing => Err(unprepared(name.realm)),
        }
    }

    /// `None`: the key above it was destroyed.
    async fn unwrap(&self, name: &KeyName, wrapped: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        match self.wrapping_key(name).await? {
            Found::Key(wrapping) => seal::open(&wrapping, &name_binding(name), wrapped)
                .map(Some)
                .ok_or_else(|| KeyError::Corrupt(format!("the {name}"))),
            Found::Destroyed => Ok(None),
            Found::Missing => Err(KeyError::Corrupt(format!(
                "the key of realm {} is lost",
                name.realm
            ))),
        }
    }

    async fn wrapping_key(&self, name: &KeyName) -> Result<Found, KeyError> {
        if name.kind == KeyKind::Realm {
            return Ok(Found::Key(Arc::new(self.master.0.clone())));
        }
        Box::pin(self.find(&KeyName::realm(name.realm))).await
    }

    async fn destroy_key(&self, name: &KeyName, at: Timestamp) -> Result<(), KeyError> {
        let names = std::slice::from_ref(name);
        let destroyed = self.store.destroy(names, at).await;
        // Also where the store failed: it may have done it and failed to say so, and what is forgotten in vain is
        // read again.
        self.cache.forget(names);
        destroyed
    }
}

fn network_key(secret: &[u8], of: &[&[u8]]) -> Result<Found, KeyError> {
    let info = [&[b"chancery network v1".as_slice()], of].concat();
    Ok(Found::Key(Arc::new(derive(secret, &info)?)))
}

fn field_binding(realm: RealmId, owner: &Owner, event: EventId, field: &str) -> Vec<u8> {
    let owner = owner.to_string();
    bind(&[
        b"chancery field v1",
        realm.0.as_bytes(),
        owner.as_bytes(),
        event.0.as_bytes(),
        field.as_bytes(),
    ])
}

fn name_binding(name: &KeyName) -> Vec<u8> {
    bind(&[
        b"chancery key v1",
        name.realm.0.as_bytes(),
        &[name.kind.code()],
        name.id.as_bytes(),
    ])
}

fn artefact_purpose(purpose: &str) -> String {
    format!("artefact/{purpose}")
}

fn artefact_binding(bound: &[&[u8]]) -> Vec<u8> {
    bind(&[&[b"chancery artefact v1".as_slice()], bound].concat())
}

fn unprepared(realm: RealmId) -> KeyError {
    KeyError::Refused(format!(
        "realm {realm} has no key: it was never prepared, or its key is lost"
    ))
}

#[cfg(test)]
mod nodes_tests;
#[cfg(test)]
mod tests;
