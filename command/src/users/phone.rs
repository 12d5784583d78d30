//! A phone number that is shown to be somebody's, by a text message to it. The rule: a message is for the number that the user had when it was
//! asked for; another number is not verified by it.

use async_trait::async_trait;
use axum::extract::State;
use events::{
    ids::{RealmId, UserId},
    kernel::{Context, Decide, Decision, Kernel, KernelError, Reader},
    letters::LetterKind,
    subject::{Stream, Subject},
    users::{User, UserEvent},
};
use web::{Answer, Code, Command, CommandAnswer, Empty, Path, Problem, actions};

use super::Rejection;
use crate::{
    At, Commands,
    auth::{mailed::CODE_SECONDS, sessions::refusal},
    letters::{
        proof::Proof,
        request::{self, RequestLetter, no_texts},
    },
};

/// The number of a user was shown to be theirs.
#[derive(Clone, Debug)]
pub struct VerifyPhone {
    /// The realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// By which message.
    pub proof: Proof,
}

#[async_trait]
impl Decide for VerifyPhone {
    type State = User;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<User, KernelError> {
        Ok(reader.subject::<User>(self.user.0).await?.state)
    }

    fn decide(&self, user: &User, context: &Context) -> Result<Decision, Rejection> {
        let request = &self.proof.request;
        let is_of_number = request.kind == LetterKind::PhoneVerification
            && request.user == Some(self.user)
            && request.address.is_some()
            && user.number.map(|(fact, _)| fact) == request.address
            && user.profile.phone.is_some();
        if refusal(user, context.now).is_some() || !is_of_number {
            return Err(Rejection::NotFound);
        }
        let subject = Subject::user(self.user);
        if user.profile.phone_verified {
            return Ok(Decision::nothing(subject));
        }
        Ok(Decision::of(subject, UserEvent::PhoneVerified {}).claiming(self.proof.spend()))
    }
}

/// The message to a user's number that asks whether it is theirs. `None`: they have none.
pub async fn message(
    kernel: &Kernel,
    realm: RealmId,
    id: UserId,
    user: &User,
) -> Result<Option<RequestLetter>, KernelError> {
    let Some(number) = &user.profile.phone else {
        return Ok(None);
    };
    Ok(Some(RequestLetter {
        realm,
        mailbox: request::phone(kernel, realm, number).await?,
        kind: LetterKind::PhoneVerification,
        user: Some(id),
        address: user.number.map(|(fact, _)| fact),
        to: None,
        about: Some(id.0),
        expires: kernel.now().after_seconds(CODE_SECONDS),
    }))
}

/// Send a user a text message by whose code they show, on the page of their phone number, that the number is theirs.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/users/{id}/phone-verification", tag = "users", operation_id = "send_phone_verification",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    extensions(("x-events" = json!(["letter.requested"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn verify(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::UsersUpdate, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, id)) = at?;
    let Command { realm, context, .. } = command;
    let kernel = commands.edge.kernel();
    let user = kernel.latest::<User>(realm.id, id.0).await?.state;
    if !user.exists || user.erased {
        return Err(Rejection::NotFound.into());
    }
    if !commands.edge.texts() {
        return Err(no_texts());
    }
    let conflict = |detail: &str| Problem::new(Code::Conflict).detail(detail);
    if refusal(&user, kernel.now()).is_some() {
        return Err(conflict("the user is disabled or locked"));
    }
    if user.profile.phone_verified {
        return Err(conflict("the number was shown to be theirs"));
    }
    let Some(message) = message(kernel, realm.id, id, &user).await? else {
        return Err(conflict("the user has no phone number"));
    };
    commands.change(&context, &message).await
}

#[cfg(test)]
mod tests {
    use events::{
        ids::{CredentialId, EventId},
        letters::Request,
        testing::{NOW, context},
        users::Profile,
    };
    use uuid::Uuid;

    use super::*;

    const ALICE: UserId = UserId(Uuid::from_u128(9));
    const FACT: EventId = EventId(Uuid::from_u128(3));

    fn alice(phone_verified: bool) -> User {
        User {
            exists: true,
            profile: Profile {
                phone: Some("+41791234567".to_owned()),
                phone_verified,
                ..Profile::default()
            },
            number: Some((FACT, 1)),
            ..User::default()
        }
    }

    fn verify(user: &User, change: fn(&mut Request)) -> Result<Decision, Rejection> {
        let mut request = Request {
            event: EventId(Uuid::from_u128(5)),
            kind: LetterKind::PhoneVerification,
            at: NOW,
            user: Some(ALICE),
            address: Some(FACT),
            credential: CredentialId(Uuid::from_u128(4)),
            to: None,
            about: Some(ALICE.0),
            expires: NOW.after_seconds(600),
            tries: 1,
            arrival: None,
        };
        change(&mut request);
        let proof = Proof {
            mailbox: Uuid::from_u128(6),
            request,
        };
        VerifyPhone {
            realm: RealmId(Uuid::from_u128(7)),
            user: ALICE,
            proof,
        }
        .decide(user, &context())
    }

    #[test]
    fn a_number_is_verified_once_by_a_message_to_it_and_by_no_other() {
        let decision = verify(&alice(false), |_| ()).unwrap();
        let verified = (Some(Subject::user(ALICE)), UserEvent::PhoneVerified {}.into());
        assert_eq!(decision.events, [verified]);
        assert_eq!(decision.claims.len(), 1, "the message is used up");
        assert!(verify(&alice(true), |_| ()).unwrap().events.is_empty());
        for change in [
            (|request| request.address = Some(EventId(Uuid::from_u128(1)))) as fn(&mut Request),
            |request| request.address = None,
            |request| request.user = Some(UserId(Uuid::from_u128(1))),
            |request| request.user = None,
            |request| request.kind = LetterKind::EmailVerification,
        ] {
            assert_eq!(verify(&alice(false), change), Err(Rejection::NotFound));
        }
        let disabled = User {
            disabled: true,
            ..alice(false)
        };
        assert_eq!(verify(&disabled, |_| ()), Err(Rejection::NotFound));
    }
}
