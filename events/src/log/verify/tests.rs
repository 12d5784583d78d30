//! What verifying the whole log finds, on a real log and real keys, after somebody wrote into the file.

use std::{path::PathBuf, sync::Arc};

use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::{
    clock::{Clock, FrozenClock, SystemRandom, new_id},
    codec,
    envelope::Actor,
    event::Event,
    ids::EventId,
    keys::{Keyring, MasterKey, SqliteKeyStore},
    log::{Append, ClaimChange, ClaimKind, Condition, NewEvent, Verdict, sqlite::SqliteLog},
    realms::RealmEvent,
};

const START: Timestamp = Timestamp::from_seconds(1_700_000_000);
const ALICE: Uuid = Uuid::from_u128(0xa11ce);
const BOB: Uuid = Uuid::from_u128(0xb0b);
const SYSTEM: Stream = Stream::facts(RealmId::SYSTEM);

fn id() -> Uuid {
    new_id(START, &SystemRandom)
}

fn hold(name: u8, holder: Uuid) -> ClaimChange {
    ClaimChange::Hold {
        kind: ClaimKind::LoginName,
        digest: [name; 32],
        holder,
    }
}

fn release(name: u8, holder: Uuid) -> ClaimChange {
    ClaimChange::Release {
        kind: ClaimKind::LoginName,
        digest: [name; 32],
        holder,
    }
}

/// Spent for an hour.
fn spend(code: u8, holder: Uuid) -> ClaimChange {
    ClaimChange::Spend {
        kind: ClaimKind::Code,
        digest: [code; 32],
        holder,
        expires: START.after_seconds(3_600),
    }
}

struct World {
    folder: TempDir,
    clock: Arc<FrozenClock>,
    log: Arc<SqliteLog>,
    keyring: Arc<Keyring>,
}

impl World {
    /// The system realm, made as at the first start.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, random) = (FrozenClock::at(START), Arc::new(SystemRandom));
        let log = SqliteLog::open(&folder.path().join("log.db"), clock.clone(), random.clone())
            .await
            .unwrap();
        let store = SqliteKeyStore::open(&folder.path().join("keys.db"))
            .await
            .unwrap();
        let master = MasterKey::parse(&"0123456789abcdef".repeat(4)).unwrap();
        let keyring = Keyring::open(store, master, random).await.unwrap();
        let world = Self {
            folder,
            clock,
            log,
            keyring,
        };
        world.make(RealmId::SYSTEM).await;
        world
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("log.db")
    }

    /// An append of one event of a realm's subject.
    async fn tell(&self, stream: Stream, realm: RealmId, event: RealmEvent, claims: Vec<ClaimChange>) {
        let subject = Subject::new(SubjectKind::Realm, realm.0);
        let version = self.log.load(stream, subject, 0).await.unwrap().len() as u64;
        let event_id = EventId(id());
        let event = Event::from(event);
        let (kind, body) = codec::encode(
            &self.keyring,
            stream.realm,
            event_id,
            Some(subject),
            &event,
            None,
            &claims,
        )
        .await
        .unwrap();
        let append = Append {
            stream,
            conditions: vec![Condition { subject, version }],
            claims,
            events: vec![NewEvent {
                id: event_id,
                subject: Some(subject),
                event_type: kind.name,
                schema: kind.schema,
                actor: Actor::component("test"),
                cause: None,
                trace: None,
                body,
            }],
            command: None,
            target: realm.0,
        };
        let verdict = self.log.commit(vec![append]).await.remove(0);
        assert!(matches!(verdict, Verdict::Committed(_)), "{verdict:?}");
    }

    /// The system realm names a realm, which has no facts yet.
    async fn name(&self, realm: RealmId) {
        self.keyring.prepare_realm(realm).await.unwrap();
        let (name, display_name) = (realm.to_string(), String::new());
        let created = RealmEvent::Created { name, display_name };
        self.tell(SYSTEM, realm, created, Vec::new()).await;
    }

    async fn make(&self, realm: RealmId) {
        self.name(realm).await;
        self.change(realm, Vec::new()).await;
    }

    /// Something happens in a realm, with these claims.
    async fn change(&self, realm: RealmId, claims: Vec<ClaimChange>) {
        let display_name = "Another".to_owned();
        self.tell(
            Stream::facts(realm),
            realm,
            RealmEvent::Renamed { display_name },
            claims,
        )
        .await;
    }

    /// Two realms, with claims in the first.
    async fn with_claims() -> (Self, RealmId) {
        let world = Self::new().await;
        let (realm, other) = (RealmId(id()), RealmId(id()));
        world.make(realm).await;
        world.make(other).await;
        world.change(realm, vec![hold(1, ALICE), hold(2, ALICE)]).await;
        world.change(realm, vec![release(2, ALICE), hold(2, BOB)]).await;
        world.change(realm, vec![release(1, ALICE), hold(3, ALICE)]).await;
        world.change(realm, vec![spend(9, BOB)]).await;
        (world, realm)
    }

    /// Somebody writes into the file.
    async fn tamper(&self, statements: &str) {
        let mut raw = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(self.path()))
            .await
            .unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
            .execute(&mut raw)
            .await
            .unwrap();
        raw.close().await.unwrap();
    }

    /// Every row of a realm's streams is gone.
    async fn erase(&self, realm: RealmId) {
        let realm = realm.0.simple();
        self.tamper(&format!(
            "DELETE FROM event WHERE stream IN (SELECT id FROM stream WHERE realm = x'{realm}');
            DELETE FROM stream WHERE realm = x'{realm}';"
        ))
        .await;
    }

    /// As a process beside the server sees it.
    async fn verify(&self, with_keys: bool) -> VerifiedLog {
        let log = SqliteLog::open_read_only(&self.path()).await.unwrap();
        let keyring = with_keys.then_some(&*self.keyring);
        verify_log(&*log, keyring, &*self.clock).await.unwrap()
    }

    /// Where the findings are.
    async fn found(&self) -> Vec<(Stream, u64)> {
        let mut found: Vec<_> = self
            .verify(true)
            .await
            .findings
            .into_iter()
            .map(|finding| (finding.stream, finding.seq))
            .collect();
        found.sort();
        found
    }
}

#[tokio::test]
async fn a_sound_log_is_counted_with_and_without_keys() {
    let (world, _) = World::with_claims().await;
    let without = world.verify(false).await;
    assert_eq!((without.claims, &without.findings), (None, &Vec::new()));
    let with = world.verify(true).await;
    assert_eq!((with.claims, &with.findings), (Some(3), &Vec::new()));
    // Three creations and what is told of the system realm, one change of each of the others, and the claims.
    assert_eq!((with.streams, with.events, with.realms), (3, 4 + 2 + 4, 3));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let new = SqliteLog::open(&path, world.clock.clone(), Arc::new(SystemRandom))
        .await
        .unwrap();
    let empty = verify_log(&*new, Some(&world.keyring), &*world.clock)
        .await
        .unwrap();
    assert_eq!((empty.streams, empty.findings), (0, Vec::new()));
}

#[tokio::test]
async fn a_realm_whose_stream_is_gone_is_found() {
    let (world, realm) = World::with_claims().await;
    world.erase(realm).await;
    assert_eq!(world.found().await, [(Stream::facts(realm), 1)]);
    assert_eq!(
        world.verify(false).await.findings.len(),
        1,
        "it takes no keys to see it"
    );
}

#[tokio::test]
async fn a_realm_that_was_made_a_moment_ago_may_be_empty_and_no_other() {
    let world = World::new().await;
    let realm = RealmId(id());
    world.name(realm).await;
    let verified = world.verify(true).await;
    assert_eq!(
        (verified.unfinished, verified.findings),
        (Some(realm), Vec::new())
    );
    world.make(RealmId(id())).await;
    assert_eq!(world.verify(true).await.unfinished, None);
    assert_eq!(world.found().await, [(Stream::facts(realm), 1)]);
}

#[tokio::test]
async fn a_realm_that_is_not_named_is_found() {
    let (world, realm) = World::with_claims().await;
    world.erase(RealmId::SYSTEM).await;
    let found = world.found().await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&(Stream::facts(realm), 1)), "{found:?}");
}

#[tokio::test]
async fn a_claim_that_is_gone_or_anothers_is_found_where_it_was_made() {
    let (world, realm) = World::with_claims().await;
    let stream = Stream::facts(realm);
    let bob = BOB.simple();
    world
        .tamper(&format!(
            "UPDATE claim SET holder = x'{bob}' WHERE expires IS NULL"
        ))
        .await;
    assert_eq!(
        world.found().await,
        [(stream, 4)],
        "name 3 is Alice's, and name 2 is Bob's"
    );
    world.tamper("DELETE FROM claim WHERE expires IS NULL").await;
    assert_eq!(world.found().await, [(stream, 3), (stream, 4)]);
    world.tamper("DELETE FROM claim").await;
    assert_eq!(world.found().await, [(stream, 3), (stream, 4), (stream, 5)]);
    assert_eq!(
        world.verify(false).await.findings,
        Vec::new(),
        "claims are sealed: it takes the keys to see it"
    );
}

#[tokio::test]
async fn a_spent_claim_may_be_swept_when_its_time_has_passed() {
    let (world, _) = World::with_claims().await;
    world.clock.advance(3_600);
    assert_eq!(world.found().await, []);
    assert_eq!(world.log.sweep(world.clock.now()).await.unwrap(), 1);
    let verified = world.verify(true).await;
    assert_eq!((verified.claims, verified.findings), (Some(2), Vec::new()));
}

#[tokio::test]
async fn claims_that_change_while_they_are_compared_are_not_blamed() {
    let (world, realm) = World::with_claims().await;
    let claims = Claims::new(&world.keyring, &*world.clock);
    let mut check = Check::new(&*world.log, Stream::facts(realm), Some(claims));
    check.run().await.unwrap();
    world.change(realm, vec![release(2, BOB)]).await;
    world.change(realm, vec![release(3, ALICE), hold(3, BOB)]).await;
    assert_eq!(check.compare_claims().await.unwrap(), 2);
    assert_eq!(check.findings, []);
}

#[tokio::test]
async fn claims_without_their_keys_are_found_and_of_a_destroyed_realm_are_not() {
    let (world, realm) = World::with_claims().await;
    let stream = Stream::facts(realm);
    let store = SqliteKeyStore::open(&world.folder.path().join("others.db"))
        .await
        .unwrap();
    let master = MasterKey::parse(&"0123456789abcdef".repeat(4)).unwrap();
    let other = Keyring::open(store, master, Arc::new(SystemRandom))
        .await
        .unwrap();
    let verified = verify_log(&*world.log, Some(&other), &*world.clock)
        .await
        .unwrap();
    let seqs: Vec<u64> = verified.findings.iter().map(|finding| finding.seq).collect();
    assert_eq!(seqs, [2, 3, 4, 5]);
    assert!(verified.findings.iter().all(|finding| finding.stream == stream));

    world
        .keyring
        .destroy(realm, &crate::keys::Owner::Realm, START)
        .await
        .unwrap();
    let verified = world.verify(true).await;
    assert_eq!((verified.claims, verified.findings), (Some(0), Vec::new()));
}
