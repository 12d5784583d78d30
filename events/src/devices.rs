//! Devices that people sign in on: seen, named, trusted, revoked (SEC-1). All of it is activity. The rules: a device is one user's; what it is
//! called and what it is, is sealed by its user's key; one that is revoked ends with the sessions that began on it, in one append, since it
//! knows them.

use crate::{
    clock::Timestamp,
    event::{DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::{DeviceId, SessionId, UserId},
    sealing::{Sealed, SealedBy},
    subject::{Lane, SubjectKind},
    topics::Topic,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to a user's devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum DeviceEvent {
    /// A user signed in on a device that was not known as one of theirs.
    #[serde(rename = "known_device.added")]
    Added {
        /// Whose it is.
        user: UserId,
        /// Which.
        device: DeviceId,
        /// The session that began on it.
        session: SessionId,
        /// When it, and all that it gave to applications, is over at the latest.
        expires: Timestamp,
        /// Its browser and system, in words.
        agent: Sealed<String>,
    },
    /// A user signed in on a device of theirs again.
    #[serde(rename = "known_device.seen")]
    Seen {
        /// Whose it is.
        user: UserId,
        /// Which.
        device: DeviceId,
        /// The session that began on it.
        session: SessionId,
        /// When it, and all that it gave to applications, is over at the latest.
        expires: Timestamp,
        /// Its browser and system, in words.
        agent: Sealed<String>,
    },
    /// Its user calls it something.
    #[serde(rename = "known_device.named")]
    Named {
        /// Whose it is.
        user: UserId,
        /// Which.
        device: DeviceId,
        /// What it is called.
        name: Sealed<String>,
    },
    /// Its user shows no second factor on it for a while, where the realm lets them.
    #[serde(rename = "known_device.trusted")]
    Trusted {
        /// Whose it is.
        user: UserId,
        /// Which.
        device: DeviceId,
        /// Until when.
        until: Timestamp,
        /// The fact that had last ended all of the user's sessions then: a later one ends the trust, too.
        last_ending: u64,
    },
    /// It is trusted no more.
    #[serde(rename = "known_device.trust_ended")]
    TrustEnded {
        /// Whose it is.
        user: UserId,
        /// Which.
        device: DeviceId,
    },
    /// It is none of its user's any more; the sessions that began on it end with it.
    #[serde(rename = "known_device.revoked")]
    Revoked {
        /// Whose it was.
        user: UserId,
        /// Which.
        device: DeviceId,
    },
}

impl DomainEvent for DeviceEvent {
    const LANE: Lane = Lane::Activity;
    const TOPIC: Topic = Topic::Auth;
    const KINDS: &'static [EventKind] = &[
        EventKind::sealing(
            "known_device.added",
            &[("agent", SealedBy::User("user"))],
            "A user signed in on a device that was not known.",
        )
        .watched(),
        EventKind::sealing(
            "known_device.seen",
            &[("agent", SealedBy::User("user"))],
            "A user signed in on a device of theirs again.",
        ),
        EventKind::sealing(
            "known_device.named",
            &[("name", SealedBy::User("user"))],
            "A device was given a name.",
        ),
        EventKind::plain(
            "known_device.trusted",
            "A device asks for no second factor for a while.",
        )
        .watched(),
        EventKind::plain("known_device.trust_ended", "A device is trusted no more.").watched(),
        EventKind::plain(
            "known_device.revoked",
            "A device is none of its user's any more, and its sessions ended.",
        )
        .watched(),
    ];
}

/// A device of a user.
#[derive(Clone, PartialEq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What its user calls it, if anything.
    pub name: Option<String>,
    /// Its browser and system, in words, unless erased.
    pub agent: Option<String>,
    /// When its user first signed in on it.
    pub first: Timestamp,
    /// When they last did.
    pub last: Timestamp,
    /// The seq of the event that tells of that; where they came from is sealed in it.
    pub seen: u64,
    /// Until when it is trusted, and the fact that had last ended all of the user's sessions when that was said.
    pub trusted: Option<(Timestamp, u64)>,
    /// The sessions that began on it, and when each, with all that it gave, is over at the latest; what was over when another began is left out.
    pub sessions: Vec<(SessionId, Timestamp)>,
}

impl Device {
    /// Whether it is trusted at a moment, given the fact that last ended all of its user's sessions.
    pub fn is_trusted(&self, now: Timestamp, last_ending: u64) -> bool {
        self.trusted
            .is_some_and(|(until, then)| now < until && then == last_ending)
    }
}

/// Shows nothing of what it is called.
impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A user's devices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Devices {
    /// Those that there are, in the order in which they were first seen.
    pub devices: Vec<Device>,
    /// Those that were revoked, the last ones: none of them comes back.
    pub revoked: Vec<DeviceId>,
}

impl Devices {
    /// How many are remembered of each: the ones that were seen least lately are forgotten first, and would be new again.
    pub const MOST: usize = 50;

    /// The device on which a session began.
    pub fn of_session(&self, session: SessionId) -> Option<&Device> {
        let began = |device: &&Device| device.sessions.iter().any(|(id, _)| *id == session);
        self.devices.iter().find(began)
    }

    /// The device of this id.
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == id)
    }

    fn change(&mut self, id: DeviceId, change: impl FnOnce(&mut Device)) {
        if let Some(device) = self.devices.iter_mut().find(|device| device.id == id) {
            change(device);
        }
    }

    fn see(
        &mut self,
        happened: &Happened,
        id: DeviceId,
        session: (SessionId, Timestamp),
        agent: &Sealed<String>,
    ) {
        if self.device(id).is_none() {
            if self.devices.len() >= Self::MOST
                && let Some(oldest) = self.devices.iter().map(|device| device.last).min()
                && let Some(place) = self.devices.iter().position(|device| device.last == oldest)
            {
                self.devices.remove(place);
            }
            self.devices.push(Device {
                id,
                name: None,
                agent: None,
                first: happened.time,
                last: happened.time,
                seen: happened.seq,
                trusted: None,
                sessions: Vec::new(),
            });
        }
        self.change(id, |device| {
            device.last = happened.time;
            device.seen = happened.seq;
            device.agent = agent.known().cloned();
            device.sessions.retain(|(_, expires)| happened.time < *expires);
            device.sessions.push(session);
        });
    }
}

impl Fold for Devices {
    const KIND: SubjectKind = SubjectKind::Devices;

    fn apply(&mut self, happened: &Happened) {
        let Event::Devices(event) = &happened.event else {
            return;
        };
        match event {
            DeviceEvent::Added {
                device,
                session,
                expires,
                agent,
                ..
            }
            | DeviceEvent::Seen {
                device,
                session,
                expires,
                agent,
                ..
            } => self.see(happened, *device, (*session, *expires), agent),
            DeviceEvent::Named { device, name, .. } => {
                self.change(*device, |device| device.name = name.known().cloned());
            }
            DeviceEvent::Trusted {
                device,
                until,
                last_ending,
                ..
            } => self.change(*device, |device| device.trusted = Some((*until, *last_ending))),
            DeviceEvent::TrustEnded { device, .. } => self.change(*device, |device| device.trusted = None),
            DeviceEvent::Revoked { device, .. } => {
                self.devices.retain(|one| one.id != *device);
                self.revoked.push(*device);
                self.revoked
                    .drain(..self.revoked.len().saturating_sub(Self::MOST));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::given;

    const USER: UserId = UserId(Uuid::from_u128(0xa1));
    const LAPTOP: DeviceId = DeviceId(Uuid::from_u128(1));
    const PHONE: DeviceId = DeviceId(Uuid::from_u128(2));

    fn seen(device: DeviceId, session: u128) -> Event {
        DeviceEvent::Added {
            user: USER,
            device,
            session: SessionId(Uuid::from_u128(session)),
            expires: Timestamp::from_seconds(7_258_118_400),
            agent: "Firefox on Linux".to_owned().into(),
        }
        .into()
    }

    fn revoked(device: DeviceId) -> Event {
        DeviceEvent::Revoked { user: USER, device }.into()
    }

    #[test]
    fn a_device_knows_its_sessions_and_one_that_is_revoked_is_gone() {
        let devices = given::<Devices>(USER.0, [seen(LAPTOP, 1), seen(PHONE, 2), seen(LAPTOP, 3)]).state;
        let laptop = devices.device(LAPTOP).unwrap();
        let sessions: Vec<_> = laptop.sessions.iter().map(|(id, _)| id.0.as_u128()).collect();
        assert_eq!((sessions, laptop.seen), (vec![1, 3], 3));
        let devices = given::<Devices>(USER.0, [seen(LAPTOP, 1), seen(PHONE, 2), revoked(LAPTOP)]).state;
        assert!(devices.device(LAPTOP).is_none() && devices.device(PHONE).is_some());
        assert_eq!(devices.revoked, [LAPTOP]);
    }

    #[test]
    fn trust_ends_with_its_time_and_with_whatever_ends_all_sessions() {
        let until = Timestamp::from_seconds(1_000);
        let trusted = DeviceEvent::Trusted {
            user: USER,
            device: LAPTOP,
            until,
            last_ending: 7,
        };
        let ended = DeviceEvent::TrustEnded {
            user: USER,
            device: LAPTOP,
        };
        let devices = given::<Devices>(USER.0, [seen(LAPTOP, 1), trusted.clone().into()]).state;
        let laptop = devices.device(LAPTOP).unwrap();
        assert!(laptop.is_trusted(Timestamp::from_seconds(999), 7));
        assert!(!laptop.is_trusted(until, 7) && !laptop.is_trusted(Timestamp::from_seconds(1), 8));
        let devices = given::<Devices>(USER.0, [seen(LAPTOP, 1), trusted.into(), ended.into()]).state;
        assert!(
            !devices
                .device(LAPTOP)
                .unwrap()
                .is_trusted(Timestamp::from_seconds(1), 7)
        );
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let many = (1..=60).map(|number| seen(DeviceId(Uuid::from_u128(number)), number));
        let devices = given::<Devices>(USER.0, many).state;
        assert_eq!(devices.devices.len(), Devices::MOST);
        assert!(
            devices.device(DeviceId(Uuid::from_u128(10))).is_none()
                && devices.device(DeviceId(Uuid::from_u128(11))).is_some()
        );
    }

    #[test]
    fn what_a_device_is_called_is_not_shown() {
        let devices = given::<Devices>(USER.0, [seen(LAPTOP, 1)]).state;
        assert!(!format!("{devices:?}").contains("Firefox"));
    }
}
