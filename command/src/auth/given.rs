//! What the rules around sessions and grants are tested on: alice, her password, and a session of hers.

use events::{
    auth::{AuthEvent, Session},
    event::Event,
    fold::Versioned,
    ids::{ApplicationId, CredentialId, RealmId, SessionId, UserId},
    kernel::Decision,
    testing::{NOW, given},
    users::{Password, Profile, User, UserEvent},
};
use uuid::Uuid;

pub const REALM: RealmId = RealmId(Uuid::from_u128(0xea));
pub const SESSION: SessionId = SessionId(Uuid::from_u128(0x5e));
pub const USER: UserId = UserId(Uuid::from_u128(0xa1));
pub const CLIENT: ApplicationId = ApplicationId(Uuid::from_u128(0xc1));
pub const CREDENTIAL: CredentialId = CredentialId(Uuid::from_u128(0xd1));

pub fn alice(events: impl IntoIterator<Item = UserEvent>) -> User {
    let registered = UserEvent::Registered {
        profile: Profile::default().into(),
    };
    given::<User>(USER.0, [registered].into_iter().chain(events).map(Event::from)).state
}

pub fn password(credential: CredentialId) -> Password {
    let set = UserEvent::PasswordSet {
        credential,
        hash: "$argon2id$".to_owned().into(),
        keeps: None,
    };
    given::<Password>(USER.0, [set.into()]).state
}

pub fn started() -> AuthEvent {
    AuthEvent::SessionStarted {
        user: USER,
        client: None,
        amr: vec!["pwd".to_owned()],
        expires: NOW.after_seconds(3_600),
        // The password that they signed in with was the first fact of its subject.
        last_ending: 1,
        proofs: Vec::new(),
    }
}

pub fn session(events: impl IntoIterator<Item = AuthEvent>) -> Versioned<Session> {
    given(SESSION.0, [started()].into_iter().chain(events).map(Event::from))
}

pub fn names(decision: &Decision) -> Vec<&'static str> {
    decision.events.iter().map(|(_, event)| event.name()).collect()
}
