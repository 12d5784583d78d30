//! What all handlers share: the kernel, the public address, and parsed keys.
//! The rule: a realm is known by name or id, and everything asked of it is asked of the log's live state.

use std::sync::Arc;

use events::{
    clock::Timestamp,
    ids::RealmId,
    kernel::{Kernel, KernelError},
    keys::KeyError,
    log::ClaimKind,
    realms::{Realm, Settings, SigningKeys},
    subject::Lane,
};
use jose::{Algorithm, Jwk, Jwks, KeySet, SigningKey};
use moka::sync::Cache;
use outbound::{Documents, Outbound};
use tokio::sync::{Mutex, OwnedMutexGuard};
use url::{Host, Url};

use crate::limits::Limits;

/// How many realms' names and keys are kept at hand.
const REALMS: u64 = 20_000;

/// What all handlers share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Edge(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kernel: Arc<Kernel>,
    public_url: String,
    loopback_http: bool,
    mails: bool,
    texts: bool,
    limits: Limits,
    documents: Documents,
    /// A realm's name never passes to another, so this never goes stale.
    names: Cache<String, RealmId>,
    key_sets: Cache<RealmId, Arc<PublishedKeys>>,
    signing_keys: Cache<(RealmId, String), Arc<SigningKey>>,
    /// Who makes a realm's first key of an algorithm; the others wait for it.
    signing_key_turns: Cache<(RealmId, &'static str), Arc<Mutex<()>>>,
}

/// A realm's verifying keys, as of a version of its subject and until one of them is withdrawn by time.
#[derive(Debug)]
struct PublishedKeys {
    version: u64,
    until: Option<Timestamp>,
    keys: Arc<KeySet>,
}

/// A realm that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmRef {
    /// Its id.
    pub id: RealmId,
    /// Its name, as in URLs.
    pub name: String,
    /// The name shown to people.
    pub display_name: String,
    /// Whether it is suspended.
    pub suspended: bool,
}

impl Edge {
    /// The edge of a platform that is reached under this address, and that fetches what tenants name by URL so.
    pub fn new(kernel: Arc<Kernel>, public_url: Url, documents: Documents) -> Self {
        let loopback_http = public_url.scheme() == "http"
            && match public_url.host() {
                Some(Host::Ipv4(address)) => address.is_loopback(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
                Some(Host::Domain(name)) => name == "localhost",
                None => false,
            };
        Self(Arc::new(Inner {
            kernel,
            public_url: public_url.as_str().trim_end_matches('/').to_owned(),
            loopback_http,
            mails: false,
            texts: false,
            limits: Limits::default(),
            documents,
            names: Cache::new(REALMS),
            key_sets: Cache::new(REALMS),
            signing_keys: Cache::new(REALMS),
            signing_key_turns: Cache::new(REALMS),
        }))
    }

    /// The same for a platform that has a mail server. (Asked of an edge that nobody shares yet.)
    #[must_use]
    pub fn mailing(mut self, mails: bool) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.mails = mails;
        }
        self
    }

    /// Whether letters are sent: without a mail server nothing offers what needs one.
    pub fn mails(&self) -> bool {
        self.0.mails
    }

    /// The same for a platform that sends text messages. (Asked of an edge that nobody shares yet.)
    #[must_use]
    pub fn texting(mut self, texts: bool) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.texts = texts;
        }
        self
    }

    /// Whether text messages are sent: without somebody who sends them nothing offers what needs one.
    pub fn texts(&self) -> bool {
        self.0.texts
    }

    /// The same where requests are limited so. (Asked of an edge that nobody shares yet.)
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.limits = limits;
        }
        self
    }

    /// How many requests are taken.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Load, decide, append.
    pub fn kernel(&self) -> &Arc<Kernel> {
        &self.0.kernel
    }

    /// The public address, without a slash at its end.
    pub fn public_url(&self) -> &str {
        &self.0.public_url
    }

    /// Documents that tenants name by URL: a client's `jwks_uri`, say.
    pub fn documents(&self) -> &Documents {
        &self.0.documents
    }

    /// The client for requests that tenants cause. There is no other.
    pub fn outbound(&self) -> &Outbound {
        self.0.documents.outbound()
    }

    /// Whether this is development over plain http on loopback: only then are cookies not `Secure`.
    pub fn is_loopback_http(&self) -> bool {
        self.0.loopback_http
    }

    /// The realm of this name or id, if there is one.
    pub async fn realm(&self, name_or_id: &str) -> Result<Option<RealmRef>, KernelError> {
        let id = match name_or_id.parse::<RealmId>() {
            Ok(id) => id,
            Err(_) => match self.realm_named(name_or_id).await? {
                Some(id) => id,
                None => return Ok(None),
            },
        };
        let realm = self.kernel().current::<Realm>(RealmId::SYSTEM, id.0).await?.state;
        Ok(realm.exists().then_some(RealmRef {
            id,
            name: realm.name,
            display_name: realm.display_name,
            suspended: realm.suspended,
        }))
    }

    /// The realm of this name or id, if it is there and works: on its own surface, a suspended realm is answered as a missing one.
    pub async fn open_realm(&self, name_or_id: &str) -> Result<Option<RealmRef>, KernelError> {
        let realm = self.realm(name_or_id).await?;
        Ok(realm.filter(|realm| !realm.suspended))
    }

    async fn realm_named(&self, name: &str) -> Result<Option<RealmId>, KernelError> {
        if let Some(id) = self.0.names.get(name) {
            return Ok(Some(id));
        }
        if !events::realms::is_realm_name(name) {
            return Ok(None);
        }
        let id = self
            .kernel()
            .claimed(RealmId::SYSTEM, Lane::Facts, ClaimKind::RealmName, name)
            .await?
            .map(RealmId);
        if let Some(id) = id {
            self.0.names.insert(name.to_owned(), id);
        }
        Ok(id)
    }

    /// A realm's issuer identifier (OpenID Connect Discovery, section 3): by its name, however it was addressed.
    pub fn issuer(&self, realm: &RealmRef) -> String {
        format!("{}/realms/{}", self.public_url(), realm.name)
    }

    /// Where the metadata of a realm as a protected resource are (RFC 9728, section 3.1), of a realm by its name or id.
    pub fn resource_metadata(&self, realm: &str) -> String {
        format!(
            "{}/.well-known/oauth-protected-resource/realms/{realm}",
            self.public_url()
        )
    }

    /// A realm's settings.
    pub async fn settings(&self, realm: RealmId) -> Result<Settings, KernelError> {
        Ok(self.kernel().current::<Settings>(realm, realm.0).await?.state)
    }

    /// The keys that verify a realm's tokens now.
    pub async fn key_set(&self, realm: RealmId) -> Result<Arc<KeySet>, KernelError> {
        let held = self.kernel().current::<SigningKeys>(realm, realm.0).await?;
        let now = self.kernel().now();
        if let Some(cached) = self.0.key_sets.get(&realm)
            && cached.version == held.version
            && cached.until.is_none_or(|until| now < until)
        {
            return Ok(Arc::clone(&cached.keys));
        }
        let jwks = Jwks {
            keys: held
                .state
                .published(now)
                .map(|key| jwk(&key.public_jwk))
                .collect::<Result<_, _>>()?,
        };
        let keys = Arc::new(KeySet::from_jwks(&jwks).map_err(|error| corrupt(error.to_string()))?);
        let until = held
            .state
            .published(now)
            .filter_map(|key| key.published_until)
            .min();
        let published = PublishedKeys {
            version: held.version,
            until,
            keys: Arc::clone(&keys),
        };
        self.0.key_sets.insert(realm, Arc::new(published));
        Ok(keys)
    }

    /// The key that signs for an algorithm, if the realm has one yet.
    pub async fn signing_key(
        &self,
        realm: RealmId,
        algorithm: Algorithm,
    ) -> Result<Option<Arc<SigningKey>>, KernelError> {
        let held = self.kernel().current::<SigningKeys>(realm, realm.0).await?.state;
        let Some(active) = held.active(algorithm.as_str()) else {
            return Ok(None);
        };
        let place = (realm, active.kid.clone());
        if let Some(key) = self.0.signing_keys.get(&place) {
            return Ok(Some(key));
        }
        let pkcs8 = self
            .kernel()
            .keyring()
            .signing_key(realm, &active.kid)
            .await?
            .ok_or_else(|| corrupt(format!("the private half of {} is gone", active.kid)))?;
        let key = SigningKey::from_pkcs8(algorithm, active.kid.clone(), &pkcs8);
        let key = Arc::new(key.map_err(|error| corrupt(error.to_string()))?);
        self.0.signing_keys.insert(place, Arc::clone(&key));
        Ok(Some(key))
    }

    /// Waits for the turn, on this node, to make a realm's first key of an algorithm. The turn ends when it is dropped;
    /// whoever gets it asks [`Edge::signing_key`] again.
    pub async fn signing_key_turn(&self, realm: RealmId, algorithm: Algorithm) -> OwnedMutexGuard<()> {
        let place = (realm, algorithm.as_str());
        let turn = self.0.signing_key_turns.get_with(place, Arc::default);
        turn.lock_owned().await
    }
}

fn jwk(stored: &serde_json::Value) -> Result<Jwk, KernelError> {
    serde_json::from_value(stored.clone()).map_err(|error| corrupt(error.to_string()))
}

fn corrupt(reason: String) -> KernelError {
    KernelError::Keys(KeyError::Corrupt(reason))
}
