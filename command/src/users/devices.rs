//! What becomes of the devices that people sign in on: named, trusted, revoked. The rule: one that is revoked ends, in the same append, with
//! all sessions that began on it, and their grants; it cannot be taken up again.

use axum::extract::State;
use events::{
    auth::{AuthEvent, EndReason, Session},
    clock::Timestamp,
    devices::{DeviceEvent, Devices},
    ids::{DeviceId, RealmId, SessionId, UserId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    sealing::Sealed,
    subject::{Stream, Subject},
    users::{Password, User, last_ending},
};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use super::Rejection;
use crate::{At, Commands, Faults};

/// The most characters of a name.
pub const NAME: usize = 60;

/// No second factor is asked for on a device for a while, but by applications.
#[derive(Clone, Copy, Debug)]
pub struct TrustDevice {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub device: DeviceId,
    /// Until when.
    pub until: Timestamp,
}

/// What [`TrustDevice`] must know.
#[derive(Clone, Debug, Default)]
pub struct Trusting {
    devices: Devices,
    user: User,
    password: Password,
}

#[async_trait::async_trait]
impl Decide for TrustDevice {
    type State = Trusting;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Trusting, KernelError> {
        Ok(Trusting {
            devices: reader.subject::<Devices>(self.user.0).await?.state,
            user: reader.beside::<User>(self.realm, self.user.0).await?.state,
            password: reader.beside::<Password>(self.realm, self.user.0).await?.state,
        })
    }

    fn decide(&self, state: &Trusting, _: &Context) -> Result<Decision, Rejection> {
        state.devices.device(self.device).ok_or(Rejection::NotFound)?;
        let trusted = DeviceEvent::Trusted {
            user: self.user,
            device: self.device,
            until: self.until,
            last_ending: last_ending(&state.user, &state.password),
        };
        Ok(Decision::of(Subject::devices(self.user), trusted))
    }
}

/// A device is called something, or is trusted no more.
#[derive(Clone, Debug)]
pub struct ChangeDevice {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub device: DeviceId,
    /// What.
    pub change: DeviceChange,
}

/// What becomes of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceChange {
    /// It is called so.
    Name(String),
    /// It is trusted no more.
    EndTrust,
}

#[async_trait::async_trait]
impl Decide for ChangeDevice {
    type State = Devices;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Devices, KernelError> {
        Ok(reader.subject::<Devices>(self.user.0).await?.state)
    }

    fn decide(&self, devices: &Devices, _: &Context) -> Result<Decision, Rejection> {
        let device = devices.device(self.device).ok_or(Rejection::NotFound)?;
        let (user, subject) = (self.user, Subject::devices(self.user));
        let event = match &self.change {
            DeviceChange::Name(name) => {
                let mut faults = Faults::default();
                faults.text("name", name, NAME);
                faults.into_result()?;
                if device.name.as_ref() == Some(name) {
                    return Ok(Decision::nothing(subject));
                }
                DeviceEvent::Named {
                    user,
                    device: self.device,
                    name: Sealed::Known(name.clone()),
                }
            }
            DeviceChange::EndTrust if device.trusted.is_none() => return Ok(Decision::nothing(subject)),
            DeviceChange::EndTrust => DeviceEvent::TrustEnded {
                user,
                device: self.device,
            },
        };
        Ok(Decision::of(subject, event))
    }
}

/// A device is none of its user's any more.
#[derive(Clone, Copy, Debug)]
pub struct RevokeDevice {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub device: DeviceId,
    /// Why its sessions end.
    pub reason: EndReason,
}

/// What [`RevokeDevice`] must know.
#[derive(Clone, Debug, Default)]
pub struct Revoking {
    devices: Devices,
    sessions: Vec<(SessionId, Session)>,
}

#[async_trait::async_trait]
impl Decide for RevokeDevice {
    type State = Revoking;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Revoking, KernelError> {
        let devices = reader.subject::<Devices>(self.user.0).await?.state;
        let mut sessions = Vec::new();
        for (id, _) in devices
            .device(self.device)
            .iter()
            .flat_map(|device| &device.sessions)
        {
            sessions.push((*id, reader.subject::<Session>(id.0).await?.state));
        }
        Ok(Revoking { devices, sessions })
    }

    fn decide(&self, state: &Revoking, _: &Context) -> Result<Decision, Rejection> {
        state.devices.device(self.device).ok_or(Rejection::NotFound)?;
        let revoked = DeviceEvent::Revoked {
            user: self.user,
            device: self.device,
        };
        let decision = Decision::of(Subject::devices(self.user), revoked);
        let standing = state.sessions.iter().filter(|(_, session)| !session.ended);
        Ok(standing.fold(decision, |decision, (id, _)| {
            let ended = AuthEvent::SessionEnded { reason: self.reason };
            decision.and(Subject::session(*id), ended)
        }))
    }
}

/// Revoke a device of a user; the sessions that began on it end.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/users/{id}/devices/{device}", tag = "users", operation_id = "revoke_device",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
        ("device" = uuid::Uuid, Path, description = "The device's id"),
    ),
    extensions(("x-events" = json!(["known_device.revoked", "session.ended"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn revoke(
    State(commands): State<Commands>,
    at: At<(String, UserId, DeviceId)>,
    command: Command<actions::SessionsEnd, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user, device)) = at?;
    let Command { realm, context, .. } = command;
    let command = RevokeDevice {
        realm: realm.id,
        user,
        device,
        reason: EndReason::Administrator,
    };
    commands.change(&context, &command).await
}

#[cfg(test)]
mod tests {
    use events::{
        event::Event,
        testing::{NOW, context, given},
    };
    use uuid::Uuid;

    use super::*;

    const ACME: RealmId = RealmId(Uuid::from_u128(7));
    const ALICE: UserId = UserId(Uuid::from_u128(9));
    const LAPTOP: DeviceId = DeviceId(Uuid::from_u128(1));

    fn seen(session: u128) -> Event {
        DeviceEvent::Added {
            user: ALICE,
            device: LAPTOP,
            session: SessionId(Uuid::from_u128(session)),
            expires: NOW.after_seconds(60),
            agent: "Firefox on Linux".to_owned().into(),
        }
        .into()
    }

    fn devices() -> Devices {
        given::<Devices>(ALICE.0, [seen(1), seen(2)]).state
    }

    fn change(devices: &Devices, change: DeviceChange) -> Result<Decision, Rejection> {
        ChangeDevice {
            realm: ACME,
            user: ALICE,
            device: LAPTOP,
            change,
        }
        .decide(devices, &context())
    }

    fn names(decision: &Decision) -> Vec<&'static str> {
        decision.events.iter().map(|(_, event)| event.name()).collect()
    }

    #[test]
    fn a_device_ends_with_the_sessions_that_stand_and_is_revoked_once() {
        let revoke = |state: &Revoking| {
            RevokeDevice {
                realm: ACME,
                user: ALICE,
                device: LAPTOP,
                reason: EndReason::SignedOut,
            }
            .decide(state, &context())
        };
        let ended = Session {
            ended: true,
            ..Session::default()
        };
        let sessions = [(1, Session::default()), (2, ended)];
        let state = Revoking {
            devices: devices(),
            sessions: sessions
                .map(|(id, session)| (SessionId(Uuid::from_u128(id)), session))
                .to_vec(),
        };
        let decision = revoke(&state).unwrap();
        assert_eq!(names(&decision), ["known_device.revoked", "session.ended"]);
        let after = Revoking {
            devices: given::<Devices>(ALICE.0, [seen(1), decision.events[0].1.clone()]).state,
            ..Revoking::default()
        };
        assert_eq!(revoke(&after), Err(Rejection::NotFound));
        assert_eq!(
            change(&after.devices, DeviceChange::EndTrust),
            Err(Rejection::NotFound)
        );
    }

    #[test]
    fn a_name_is_one_that_can_be_read_and_trust_ends_once() {
        let name = |name: &str| change(&devices(), DeviceChange::Name(name.to_owned()));
        assert_eq!(names(&name("Kitchen").unwrap()), ["known_device.named"]);
        for wrong in ["", " x", "a\nb", &"x".repeat(61)] {
            assert!(matches!(name(wrong), Err(Rejection::Invalid(_))), "{wrong}");
        }
        assert!(
            change(&devices(), DeviceChange::EndTrust)
                .unwrap()
                .events
                .is_empty()
        );
        let trust = TrustDevice {
            realm: ACME,
            user: ALICE,
            device: LAPTOP,
            until: NOW.after_seconds(60),
        };
        let state = Trusting {
            devices: devices(),
            ..Trusting::default()
        };
        let trusted = trust.decide(&state, &context()).unwrap();
        let devices = given::<Devices>(ALICE.0, [seen(1), trusted.events[0].1.clone()]).state;
        let ended = change(&devices, DeviceChange::EndTrust).unwrap();
        assert_eq!(names(&ended), ["known_device.trust_ended"]);
        let nobody = Trusting::default();
        assert_eq!(trust.decide(&nobody, &context()), Err(Rejection::NotFound));
    }
}
