//! Two nodes on one store: what one destroys the other does not use for longer than about a second, nor for ever when it cannot
//! ask. On each engine.

use std::{
    sync::atomic::{AtomicI64, AtomicU8, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::future::join_all;
use uuid::Uuid;

use super::*;
use crate::{
    clock::SystemRandom,
    connections::Connections,
    envelope::hex,
    ids::UserId,
    keys::tests::{Place, on_both},
};

const AT: Timestamp = Timestamp::from_seconds(1_700_000_000);
const REALM: RealmId = RealmId(Uuid::from_u128(1));
const OTHER_REALM: RealmId = RealmId(Uuid::from_u128(2));
const EVENT: EventId = EventId(Uuid::from_u128(3));

on_both!(
    what_one_node_destroys_another_forgets_within_a_second,
    with_a_realm_all_that_was_derived_from_it_is_forgotten_elsewhere,
    what_others_keep_is_not_read_anew,
    after_more_destructions_than_are_listed_everything_is_forgotten,
);

async fn keyring(store: Arc<dyn KeyStore>, periods: Periods) -> Arc<Keyring> {
    let bytes: Vec<u8> = (0..32).collect();
    let master = MasterKey::parse(&hex(&bytes)).unwrap();
    Keyring::open_with(store, master, Arc::new(SystemRandom), periods)
        .await
        .unwrap()
}

/// Two nodes with the periods of the real ones, each over a store that counts what it is asked.
async fn two_nodes(place: &Place) -> [(Arc<Keyring>, Arc<Wire>); 2] {
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let wire = Wire::over(place.open().await);
        nodes.push((keyring(wire.clone(), Periods::default()).await, wire));
    }
    nodes[0].0.prepare_realm(REALM).await.unwrap();
    nodes[0].0.prepare_realm(OTHER_REALM).await.unwrap();
    nodes.try_into().unwrap()
}

fn user(id: u128) -> Owner {
    Owner::User(UserId(Uuid::from_u128(id)))
}

async fn seal(keyring: &Keyring, owner: &Owner) -> String {
    keyring
        .seal(REALM, owner, EVENT, "email", b"alice@example.com")
        .await
        .unwrap()
}

async fn opens(keyring: &Keyring, owner: &Owner, text: &str) -> Result<bool, KeyError> {
    let opened = keyring.unseal(REALM, owner, EVENT, "email", text).await?;
    Ok(opened.is_some())
}

/// How long it still opened, from now.
async fn opens_for(keyring: &Keyring, owner: &Owner, text: &str) -> Duration {
    let start = Instant::now();
    while opens(keyring, owner, text).await.unwrap() {
        assert!(start.elapsed() < Duration::from_secs(10), "for ever");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

async fn what_one_node_destroys_another_forgets_within_a_second(place: Place) {
    let [(here, _), (there, _)] = two_nodes(&place).await;
    let text = seal(&here, &user(1)).await;
    assert!(opens(&there, &user(1), &text).await.unwrap());
    here.destroy(REALM, &user(1), AT).await.unwrap();
    assert!(!opens(&here, &user(1), &text).await.unwrap());
    let stale = opens_for(&there, &user(1), &text).await;
    assert!(stale < Duration::from_millis(1_500), "{stale:?}");
    let again = there.seal(REALM, &user(1), EVENT, "email", b"again").await;
    assert_eq!(again, Err(KeyError::Destroyed));
}

async fn with_a_realm_all_that_was_derived_from_it_is_forgotten_elsewhere(place: Place) {
    let [(here, _), (there, _)] = two_nodes(&place).await;
    let text = seal(&there, &user(1)).await;
    let artefact = there.seal_artefact(REALM, "code", &[], b"text").await.unwrap();
    there.derive(REALM, "purpose").await.unwrap();
    here.destroy(REALM, &Owner::Realm, AT).await.unwrap();
    tokio::time::sleep(FRESH_FOR).await;
    assert!(!opens(&there, &user(1), &text).await.unwrap());
    let opened = there.open_artefact(REALM, "code", &[], &artefact).await.unwrap();
    assert_eq!(opened, None);
    assert_eq!(there.derive(REALM, "purpose").await, Err(KeyError::Destroyed));
    there.derive(OTHER_REALM, "purpose").await.unwrap();
}

const FRESH_FOR: Duration = Duration::from_millis(1_050);

async fn what_others_keep_is_not_read_anew(place: Place) {
    let [(here, _), (there, wire)] = two_nodes(&place).await;
    let text = seal(&there, &user(1)).await;
    seal(&there, &user(2)).await;
    here.destroy(REALM, &user(2), AT).await.unwrap();
    tokio::time::sleep(FRESH_FOR).await;
    let (gets, asked) = (wire.gets(), wire.asked());
    let owner = user(1);
    let readers = (0..200).map(|_| opens(&there, &owner, &text));
    for opened in join_all(readers).await {
        assert!(opened.unwrap());
    }
    assert_eq!(wire.gets(), gets, "the others' keys stay in memory");
    assert_eq!(wire.asked(), asked + 1, "all callers share one question");
}

async fn after_more_destructions_than_are_listed_everything_is_forgotten(place: Place) {
    let [(here, store), (there, wire)] = two_nodes(&place).await;
    let text = seal(&there, &user(0)).await;
    let kept = seal(&here, &user(9_999)).await;
    assert!(opens(&there, &user(9_999), &kept).await.unwrap());
    let names: Vec<KeyName> = (0..1_500)
        .map(|id| KeyName::user(REALM, UserId(Uuid::from_u128(id))))
        .collect();
    store.destroy(&names, AT).await.unwrap();
    tokio::time::sleep(FRESH_FOR).await;
    assert!(!opens(&there, &user(0), &text).await.unwrap());
    let gets = wire.gets();
    assert!(opens(&there, &user(9_999), &kept).await.unwrap());
    assert!(wire.gets() > gets);
}

/// Shorter periods than the real ones, which a busy machine still keeps.
const SHORT: Periods = Periods {
    fresh: Duration::from_millis(50),
    patience: Duration::from_millis(200),
    endured: Duration::from_millis(1_500),
};

async fn cut_off() -> (Arc<Keyring>, Arc<Wire>, Place, String) {
    let place = Place::sqlite();
    let wire = Wire::over(place.open().await);
    let keyring = keyring(wire.clone(), SHORT).await;
    keyring.prepare_realm(REALM).await.unwrap();
    let text = seal(&keyring, &user(1)).await;
    (keyring, wire, place, text)
}

#[tokio::test]
async fn a_node_that_cannot_ask_goes_on_for_a_while_and_then_refuses() {
    for trouble in [FAILS, HANGS] {
        let (keyring, wire, place, text) = cut_off().await;
        let other = place.open().await;
        let name = KeyName::user(REALM, UserId(Uuid::from_u128(1)));
        tokio::time::sleep(SHORT.fresh).await;
        assert!(opens(&keyring, &user(1), &text).await.unwrap());
        wire.trouble(trouble);
        let start = Instant::now();
        other.destroy(&[name], AT).await.unwrap();
        let refused = loop {
            match opens(&keyring, &user(1), &text).await {
                Ok(true) => assert!(start.elapsed() < SHORT.endured * 2, "for ever"),
                Ok(false) => panic!("it cannot know"),
                Err(error) => break error,
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert!(matches!(refused, KeyError::Unavailable(_)));
        assert!(
            start.elapsed() > SHORT.endured / 2,
            "a short outage fails nobody: {:?}",
            start.elapsed()
        );
        assert!(matches!(
            keyring.derive(REALM, "purpose").await,
            Err(KeyError::Unavailable(_))
        ));
        wire.trouble(NONE);
        let restored = Instant::now();
        while opens(&keyring, &user(1), &text).await != Ok(false) {
            assert!(restored.elapsed() < Duration::from_secs(10), "for ever");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_keeps_nobody_waiting_but_the_one_who_asks() {
    let (keyring, wire, _place, text) = cut_off().await;
    wire.trouble(HANGS);
    tokio::time::sleep(SHORT.fresh).await;
    assert!(opens(&keyring, &user(1), &text).await.unwrap());
    let (asked, owner) = (wire.asked(), user(1));
    let start = Instant::now();
    let mut answers = 0;
    while start.elapsed() < SHORT.patience * 6 {
        let callers = (0..20).map(|_| opens(&keyring, &owner, &text));
        answers += join_all(callers)
            .await
            .iter()
            .filter(|opened| **opened == Ok(true))
            .count();
        tokio::task::yield_now().await;
    }
    assert!(answers > 0);
    assert!(wire.asked() - asked <= 4, "{} questions", wire.asked() - asked);
}

#[tokio::test]
async fn whoever_asks_for_all_and_leaves_early_leaves_nobody_without_an_answer() {
    let (keyring, wire, _place, text) = cut_off().await;
    wire.trouble(HANGS);
    tokio::time::sleep(SHORT.fresh).await;
    let owner = user(1);
    let asked = wire.asked();
    let mut first = Box::pin(opens(&keyring, &owner, &text));
    assert!(futures::poll!(&mut first).is_pending());
    assert_eq!(wire.asked(), asked + 1, "it asks for all");
    let others = tokio::time::timeout(
        SHORT.patience * 4,
        join_all((0..20).map(|_| opens(&keyring, &owner, &text))),
    );
    wire.trouble(NONE);
    let (opened, ()) = tokio::join!(others, async {
        tokio::time::sleep(SHORT.patience / 4).await;
        drop(first);
    });
    for opened in opened.expect("nobody waits for who has left") {
        assert!(opened.unwrap());
    }
    assert_eq!(wire.asked(), asked + 2, "one of those who are left asks for them");
}

#[tokio::test]
async fn a_store_that_was_put_in_anothers_place_makes_all_forgotten() {
    let (keyring, wire, _place, text) = cut_off().await;
    wire.rewind(5);
    tokio::time::sleep(SHORT.fresh).await;
    let gets = wire.gets();
    assert!(opens(&keyring, &user(1), &text).await.unwrap());
    assert!(wire.gets() > gets);
}

const NONE: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;

/// What lies between a node and its store.
#[derive(Debug)]
struct Wire {
    store: Arc<dyn KeyStore>,
    gets: AtomicUsize,
    asked: AtomicUsize,
    rewound: AtomicI64,
    trouble: AtomicU8,
}

impl Wire {
    fn over(store: Arc<dyn KeyStore>) -> Arc<Self> {
        Arc::new(Self {
            store,
            gets: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            rewound: AtomicI64::new(0),
            trouble: AtomicU8::new(NONE),
        })
    }

    fn gets(&self) -> usize {
        self.gets.load(Ordering::SeqCst)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn rewind(&self, by: i64) {
        self.rewound.store(by, Ordering::SeqCst);
    }

    fn trouble(&self, trouble: u8) {
        self.trouble.store(trouble, Ordering::SeqCst);
    }

    async fn pass(&self) -> Result<(), KeyError> {
        match self.trouble.load(Ordering::SeqCst) {
            FAILS => Err(KeyError::Unavailable("cut".to_owned())),
            HANGS => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl KeyStore for Wire {
    async fn put(&self, name: &KeyName, wrapped: &[u8]) -> Result<bool, KeyError> {
        self.pass().await?;
        self.store.put(name, wrapped).await
    }

    async fn get(&self, name: &KeyName) -> Result<Option<Vec<u8>>, KeyError> {
        self.gets.fetch_add(1, Ordering::SeqCst);
        self.pass().await?;
        self.store.get(name).await
    }

    async fn destroy(&self, names: &[KeyName], at: Timestamp) -> Result<(), KeyError> {
        self.pass().await?;
        self.store.destroy(names, at).await
    }

    async fn destroyed(&self, name: &KeyName) -> Result<bool, KeyError> {
        self.pass().await?;
        self.store.destroyed(name).await
    }

    async fn last_destruction(&self) -> Result<i64, KeyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.pass().await?;
        let last = self.store.last_destruction().await?;
        Ok(last - self.rewound.load(Ordering::SeqCst))
    }

    async fn destroyed_between(&self, after: i64, up_to: i64) -> Result<Vec<KeyName>, KeyError> {
        self.pass().await?;
        self.store.destroyed_between(after, up_to).await
    }

    async fn check_value(&self) -> Result<Option<Vec<u8>>, KeyError> {
        self.store.check_value().await
    }

    async fn put_check_value(&self, value: &[u8]) -> Result<(), KeyError> {
        self.store.put_check_value(value).await
    }

    fn connections(&self) -> Connections {
        self.store.connections()
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
