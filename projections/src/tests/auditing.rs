//! The questions about what people did: sessions, grants, events, roles.

use events::{
    auth::{AuthEvent, EndReason, LoginFailure, RequestedClaims, Session},
    clock::Timestamp,
    ids::{ApplicationId, CredentialId, GrantId, SessionId, UserId},
    permissions::{PermissionEvent, PrincipalKind, Role},
    sealing::Sealed,
    subject::{Lane, Stream, Subject, SubjectKind},
    users::UserEvent,
};
use uuid::Uuid;

use super::world::World;
use crate::{
    audit::{self, AuditFilter, AuditRow},
    auth::{self, SessionFilter},
    permissions,
};

#[tokio::test]
async fn a_session_lives_until_it_or_all_of_its_users_are_ended() {
    let world = World::new().await;
    let realm = world.realm(41).await;
    let reads = world.reads().await;
    let (alice, bob) = (
        world.register(realm, 1, "alice").await,
        world.register(realm, 2, "bob").await,
    );
    let (app, other) = (
        ApplicationId(Uuid::from_u128(7)),
        ApplicationId(Uuid::from_u128(8)),
    );
    let expires = world.kernel.now().after_seconds(10_000);
    for (id, user, client) in [(1, alice, Some(app)), (2, alice, None), (3, bob, None)] {
        let event = AuthEvent::SessionStarted {
            user,
            client,
            amr: vec!["pwd".to_owned()],
            expires,
            last_ending: 0,
            proofs: Vec::new(),
        };
        world
            .tell(realm, Subject::session(SessionId(Uuid::from_u128(id))), event)
            .await;
    }
    let grant = AuthEvent::GrantStarted {
        grant: GrantId(Uuid::from_u128(9)),
        client: other,
        scopes: vec!["openid".to_owned()],
        refresh: true,
        expires,
        jkt: None,
        claims: RequestedClaims::default(),
        consent: 0,
    };
    let second = SessionId(Uuid::from_u128(2));
    world.tell(realm, Subject::session(second), grant).await;
    world.settle(&reads, realm).await;
    let ids = async |filter: SessionFilter| -> Vec<u128> {
        let rows = auth::list(&reads, realm, &filter, None, 10).await.unwrap();
        rows.into_iter().map(|row| row.id.0.as_u128()).collect()
    };
    let all = SessionFilter::default;
    let now = world.kernel.now();
    assert_eq!(ids(all()).await, [3, 2, 1], "the newest first");
    assert_eq!(
        ids(SessionFilter {
            user: Some(alice),
            ..all()
        })
        .await,
        [2, 1]
    );
    assert_eq!(
        ids(SessionFilter {
            application: Some(app),
            ..all()
        })
        .await,
        [1]
    );
    assert_eq!(
        ids(SessionFilter {
            application: Some(other),
            ..all()
        })
        .await,
        [2]
    );
    assert_eq!(
        ids(SessionFilter {
            alive: Some((now, 60)),
            ..all()
        })
        .await,
        [3, 2, 1]
    );
    assert_eq!(
        ids(SessionFilter {
            alive: Some((now.after_seconds(60), 60)),
            ..all()
        })
        .await,
        [0_u128; 0]
    );
    assert_eq!(
        ids(SessionFilter {
            over: Some((expires, u64::MAX)),
            ..all()
        })
        .await,
        [3, 2, 1]
    );
    let grants = auth::grants(&reads, realm, second).await.unwrap();
    assert_eq!((grants.len(), grants[0].application), (1, other));

    let ended = AuthEvent::SessionEnded {
        reason: EndReason::SignedOut,
    };
    world.tell(realm, Subject::session(second), ended).await;
    let before = world.kernel.now();
    world
        .tell(
            realm,
            Subject::user(alice),
            UserEvent::SessionsEnded { keeps: None },
        )
        .await;
    let hash = Sealed::Known("phc".to_owned());
    let credential = CredentialId(Uuid::from_u128(5));
    world
        .tell(
            realm,
            Subject::password(alice),
            UserEvent::PasswordSet {
                credential,
                hash,
                keeps: None,
            },
        )
        .await;
    let facts = Stream::facts(realm);
    let last_ending = world.kernel.log().head(facts).await.unwrap().seq;
    let event = AuthEvent::SessionStarted {
        user: alice,
        client: None,
        amr: Vec::new(),
        expires,
        last_ending,
        proofs: Vec::new(),
    };
    world
        .tell(realm, Subject::session(SessionId(Uuid::from_u128(4))), event)
        .await;
    world.settle(&reads, realm).await;
    let now = world.kernel.now();
    assert_eq!(
        ids(SessionFilter {
            alive: Some((now, 600)),
            ..all()
        })
        .await,
        [4, 3]
    );
    assert_eq!(
        ids(SessionFilter {
            over: Some((now, 600)),
            ..all()
        })
        .await,
        [2, 1]
    );
    let first = auth::get(&reads, realm, SessionId(Uuid::from_u128(1)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        first.ended_at,
        Some(before.after_seconds(1)),
        "by the first of the two"
    );
    assert_eq!(first.end_reason, Some(EndReason::Administrator));
    assert!(!first.is_alive(now, 600));
    let second = auth::get(&reads, realm, second).await.unwrap().unwrap();
    assert_eq!(
        second.end_reason,
        Some(EndReason::SignedOut),
        "it had ended before"
    );
    let rows = auth::list(&reads, realm, &all(), None, 10).await.unwrap();
    assert!(
        rows.iter()
            .all(|row| row.is_alive(now, 600) == (row.id.0.as_u128() > 2))
    );

    // One in which its user ended all others goes on, however often they do.
    let [kept, fifth] = [4, 5].map(|id| SessionId(Uuid::from_u128(id)));
    let event = AuthEvent::SessionStarted {
        user: alice,
        client: None,
        amr: Vec::new(),
        expires,
        last_ending,
        proofs: Vec::new(),
    };
    world.tell(realm, Subject::session(fifth), event).await;
    for _ in 0..2 {
        let ended = UserEvent::SessionsEnded { keeps: Some(kept) };
        world.tell(realm, Subject::user(alice), ended).await;
    }
    world.settle(&reads, realm).await;
    let alive = (world.kernel.now(), 600);
    let alive = SessionFilter {
        alive: Some(alive),
        ..all()
    };
    assert_eq!(ids(alive).await, [4, 3]);
    let fifth = auth::get(&reads, realm, fifth).await.unwrap().unwrap();
    assert_eq!(fifth.end_reason, Some(EndReason::SignedOut));
    let seq = world.kernel.log().head(facts).await.unwrap().seq;
    let told = auth::ended_by(&reads, realm, alice, (seq, now)).await.unwrap();
    assert!(told.is_empty(), "ended by the one before it");
    let told = auth::ended_by(&reads, realm, alice, (seq - 1, now))
        .await
        .unwrap();
    assert_eq!(told, [SessionId(Uuid::from_u128(5))]);
}

/// The events of a stream that a filter admits, without the index.
async fn admitted(world: &World, stream: Stream, filter: &AuditFilter, after: u64) -> Vec<u64> {
    let mut admitted = Vec::new();
    for recorded in world.kernel.log().read(stream, after, 100).await.unwrap() {
        let happened = world.kernel.decode(&recorded).await.unwrap();
        let session = happened
            .subject
            .filter(|subject| subject.kind == SubjectKind::Session);
        let owner = match session {
            Some(subject) => {
                let session = world.kernel.current::<Session>(stream.realm, subject.id).await;
                session.unwrap().state.user
            }
            None => None,
        };
        if filter.admits(&AuditRow::of(&happened), owner) {
            admitted.push(happened.seq);
        }
    }
    admitted
}

#[tokio::test]
async fn events_are_found_by_what_they_are_about_and_who_did_them() {
    let world = World::new().await;
    let realm = world.realm(51).await;
    let reads = world.reads().await;
    let alice = world.register(realm, 1, "alice").await;
    let bob = world.register(realm, 2, "bob").await;
    let middle = world.kernel.now();
    let role = PermissionEvent::Assigned {
        role: Role::Auditor,
        principal: PrincipalKind::User,
    };
    world.tell(realm, Subject::assignments(alice.0), role).await;
    world
        .tell(realm, Subject::user(bob), UserEvent::Disabled { reason: None })
        .await;
    let failed = AuthEvent::LoginFailed {
        user: Some(bob),
        client: None,
        reason: LoginFailure::Disabled,
    };
    world.note(realm, failed).await;
    world.settle(&reads, realm).await;

    let seqs = async |lane, filter: AuditFilter, after| -> Vec<u64> {
        let stream = Stream { realm, lane };
        let rows = audit::search(&reads, stream, &filter, after, 100).await.unwrap();
        let found: Vec<_> = rows.into_iter().map(|row| row.seq).collect();
        assert_eq!(
            found,
            admitted(&world, stream, &filter, after).await,
            "the log, read with the filter, tells the same"
        );
        found
    };
    let all = AuditFilter::default;
    let facts = Lane::Facts;
    assert_eq!(seqs(facts, all(), 0).await, [1, 2, 3, 4]);
    assert_eq!(seqs(facts, all(), 2).await, [3, 4]);
    assert_eq!(
        seqs(
            facts,
            AuditFilter {
                user: Some(alice),
                ..all()
            },
            0
        )
        .await,
        [1, 3]
    );
    assert_eq!(
        seqs(
            facts,
            AuditFilter {
                subject: Some(bob.0),
                ..all()
            },
            0
        )
        .await,
        [2, 4]
    );
    assert_eq!(
        seqs(
            facts,
            AuditFilter {
                event_type: Some("user.disabled".to_owned()),
                ..all()
            },
            0
        )
        .await,
        [4]
    );
    assert_eq!(
        seqs(
            facts,
            AuditFilter {
                to: Some(middle),
                ..all()
            },
            0
        )
        .await,
        [1]
    );
    assert_eq!(
        seqs(
            facts,
            AuditFilter {
                from: Some(middle),
                ..all()
            },
            0
        )
        .await,
        [2, 3, 4]
    );
    let never = world.kernel.now().after_seconds(1);
    assert_eq!(
        seqs(
            facts,
            AuditFilter {
                from: Some(never),
                ..all()
            },
            0
        )
        .await,
        [0_u64; 0]
    );
    assert_eq!(
        seqs(
            facts,
            AuditFilter {
                to: Some(Timestamp(0)),
                ..all()
            },
            0
        )
        .await,
        [0_u64; 0]
    );
    assert_eq!(
        seqs(
            Lane::Activity,
            AuditFilter {
                user: Some(bob),
                ..all()
            },
            0
        )
        .await,
        [1]
    );
    assert_eq!(
        seqs(
            facts,
            AuditFilter {
                actor: Some(bob.0),
                ..all()
            },
            0
        )
        .await,
        [0_u64; 0]
    );

    let held = permissions::get(&reads, realm, alice.0).await.unwrap().unwrap();
    assert_eq!((held.roles.len(), held.version), (1, 1));
    assert_eq!(
        permissions::list(&reads, realm, None, 10).await.unwrap(),
        vec![held]
    );
}

#[tokio::test]
async fn what_happened_to_a_users_sessions_is_about_the_user() {
    let world = World::new().await;
    let (realm, other) = (world.realm(61).await, world.realm(62).await);
    let reads = world.reads().await;
    let (alice, bob) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
    let (hers, his) = (SessionId(Uuid::from_u128(3)), SessionId(Uuid::from_u128(4)));
    let expires = world.kernel.now().after_seconds(10_000);
    let started = |user| AuthEvent::SessionStarted {
        user,
        client: None,
        amr: vec!["pwd".to_owned()],
        expires,
        last_ending: 0,
        proofs: Vec::new(),
    };
    let grant = AuthEvent::GrantStarted {
        grant: GrantId(Uuid::from_u128(9)),
        client: ApplicationId(Uuid::from_u128(8)),
        scopes: vec!["openid".to_owned()],
        refresh: true,
        expires,
        jkt: None,
        claims: RequestedClaims::default(),
        consent: 0,
    };
    let ended = AuthEvent::SessionEnded {
        reason: EndReason::SignedOut,
    };
    for (session, event) in [
        (hers, started(alice)),
        (his, started(bob)),
        (hers, AuthEvent::SessionContinued {}),
        (hers, grant),
        (his, AuthEvent::SessionContinued {}),
        (hers, ended),
    ] {
        world.tell(realm, Subject::session(session), event).await;
    }
    // The same id in another realm is another session.
    world.tell(other, Subject::session(his), started(alice)).await;
    world.settle(&reads, realm).await;
    world.settle(&reads, other).await;
    let seqs = async |realm, user| -> Vec<u64> {
        let filter = AuditFilter {
            user: Some(user),
            ..AuditFilter::default()
        };
        let rows = audit::search(&reads, Stream::activity(realm), &filter, 0, 100)
            .await
            .unwrap();
        rows.into_iter().map(|row| row.seq).collect()
    };
    assert_eq!(seqs(realm, alice).await, [1, 3, 4, 6]);
    assert_eq!(seqs(realm, bob).await, [2, 5]);
    assert_eq!(seqs(other, alice).await, [1]);
    assert!(seqs(other, bob).await.is_empty());
}
