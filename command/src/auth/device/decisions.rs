//! The decisions on devices: one asks, its user answers. The rule: a user code leads to one request for as long as that lives, a request
//! is answered once, and only by someone whose session stands in that moment.

use async_trait::async_trait;
use events::{
    auth::{AuthEvent, DeviceAuthorization},
    clock::Timestamp,
    fold::Versioned,
    ids::{ApplicationId, GrantId, RealmId, SessionId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    subject::{Stream, Subject},
};
use uuid::Uuid;

use crate::auth::grants::Standing;

/// A device asks to be approved.
#[derive(Clone, Debug)]
pub struct RequestDevice {
    /// The realm.
    pub realm: RealmId,
    /// The id of the request.
    pub device: Uuid,
    /// The application on the device.
    pub client: ApplicationId,
    /// What it asks for.
    pub scopes: Vec<String>,
    /// The resources that it asks for.
    pub resources: Vec<String>,
    /// What its user will type.
    pub user_code: String,
    /// When it is too late.
    pub expires: Timestamp,
}

#[async_trait]
impl Decide for RequestDevice {
    type State = ();
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<(), KernelError> {
        reader.subject::<DeviceAuthorization>(self.device).await.map(drop)
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, Self::Rejection> {
        let requested = AuthEvent::DeviceRequested {
            client: self.client,
            scopes: self.scopes.clone(),
            resources: self.resources.clone(),
            expires: self.expires,
        };
        Ok(
            Decision::of(Subject::device_authorization(self.device), requested).claiming(Claim::Spend {
                kind: ClaimKind::UserCode,
                value: self.user_code.clone(),
                holder: self.device,
                invalid: self.expires,
            }),
        )
    }
}

/// A user answers a device.
#[derive(Clone, Debug)]
pub struct AnswerDevice {
    /// The realm.
    pub realm: RealmId,
    /// The request.
    pub device: Uuid,
    /// The application on the device.
    pub client: ApplicationId,
    /// Who answers.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
    /// The grant that it will start and the version of the user's consent; `None` to refuse.
    pub approve: Option<(GrantId, u64)>,
}

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerRefused {
    /// There is no such request, it was answered before, or it is too late.
    Over,
    /// The session was ended or its user may no longer act.
    SignedOut,
}

#[async_trait]
impl Decide for AnswerDevice {
    type State = (Versioned<DeviceAuthorization>, Standing);
    type Rejection = AnswerRefused;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        let device = reader.subject::<DeviceAuthorization>(self.device).await?;
        let standing = Standing::read(reader, self.realm, self.session, self.client).await?;
        Ok((device, standing))
    }

    fn decide(&self, (device, standing): &Self::State, context: &Context) -> Result<Decision, AnswerRefused> {
        if !standing.stands() || standing.session.state.user != Some(self.user) {
            return Err(AnswerRefused::SignedOut);
        }
        if !device.state.is_pending(context.now) {
            return Err(AnswerRefused::Over);
        }
        let answered = match self.approve {
            Some((grant, consent)) => AuthEvent::DeviceApproved {
                user: self.user,
                session: self.session,
                grant,
                consent,
            },
            None => AuthEvent::DeviceDenied { user: self.user },
        };
        Ok(Decision::of(Subject::device_authorization(self.device), answered))
    }
}

#[cfg(test)]
mod tests {
    use events::testing::{NOW, context, given};

    use super::*;
    use crate::auth::given::{CLIENT, CREDENTIAL, REALM, SESSION, USER, alice, names, password, session};

    const DEVICE: Uuid = Uuid::from_u128(0xde);

    fn requested() -> AuthEvent {
        AuthEvent::DeviceRequested {
            client: CLIENT,
            scopes: vec!["openid".to_owned()],
            resources: Vec::new(),
            expires: NOW.after_seconds(600),
        }
    }

    fn answer(approve: bool) -> AnswerDevice {
        AnswerDevice {
            realm: REALM,
            device: DEVICE,
            client: CLIENT,
            user: USER,
            session: SESSION,
            approve: approve.then_some((GrantId(Uuid::from_u128(0x91)), 0)),
        }
    }

    fn state(
        device: impl IntoIterator<Item = AuthEvent>,
        of_session: impl IntoIterator<Item = AuthEvent>,
    ) -> (Versioned<DeviceAuthorization>, Standing) {
        let standing = Standing {
            id: Some(SESSION),
            session: session(of_session),
            user: alice([]),
            password: password(CREDENTIAL),
            consent: events::compliance::Consent::default(),
        };
        (given(DEVICE, device.into_iter().map(Into::into)), standing)
    }

    #[test]
    fn a_request_is_answered_once_and_in_time() {
        let approved = answer(true)
            .decide(&state([requested()], []), &context())
            .unwrap();
        assert_eq!(names(&approved), ["device.approved"]);
        let denied = answer(false)
            .decide(&state([requested()], []), &context())
            .unwrap();
        assert_eq!(names(&denied), ["device.denied"]);
        let again = answer(true).decide(
            &state([requested(), AuthEvent::DeviceDenied { user: USER }], []),
            &context(),
        );
        assert_eq!(again, Err(AnswerRefused::Over));
        assert_eq!(
            answer(true).decide(&state([], []), &context()),
            Err(AnswerRefused::Over),
            "there is none"
        );
        let mut late = context();
        late.now = NOW.after_seconds(600);
        assert_eq!(
            answer(true).decide(&state([requested()], []), &late),
            Err(AnswerRefused::Over)
        );
    }

    #[test]
    fn only_a_session_that_stands_answers() {
        let ended = AuthEvent::SessionEnded {
            reason: events::auth::EndReason::SignedOut,
        };
        assert_eq!(
            answer(true).decide(&state([requested()], [ended]), &context()),
            Err(AnswerRefused::SignedOut)
        );
        let other = AnswerDevice {
            user: UserId(Uuid::from_u128(0xb0b)),
            ..answer(true)
        };
        assert_eq!(
            other.decide(&state([requested()], []), &context()),
            Err(AnswerRefused::SignedOut)
        );
    }
}
