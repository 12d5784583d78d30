//! Giving a passkey another name. The rule: a name is for its owner's eyes, and sealed with the passkey's own key.

use axum::extract::State;
use events::{
    ids::{CredentialId, RealmId, UserId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    passkeys::{PasskeyEvent, Passkeys},
    sealing::Sealed,
    subject::{Stream, Subject},
};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Path, Problem, actions};

use super::NAME;
use crate::{At, Commands, Faults, users::Rejection};

/// Renames a passkey.
#[derive(Clone, Debug)]
pub struct RenamePasskey {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub credential: CredentialId,
    /// To what.
    pub name: String,
}

#[async_trait::async_trait]
impl Decide for RenamePasskey {
    type State = Passkeys;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Passkeys, KernelError> {
        Ok(reader.subject::<Passkeys>(self.user.0).await?.state)
    }

    fn decide(&self, passkeys: &Passkeys, _: &Context) -> Result<Decision, Rejection> {
        let passkey = passkeys.passkey(self.credential).ok_or(Rejection::NotFound)?;
        let mut faults = Faults::default();
        faults.text("name", &self.name, NAME);
        faults.into_result()?;
        let subject = Subject::passkeys(self.user);
        if passkey.name.as_ref() == Some(&self.name) {
            return Ok(Decision::nothing(subject));
        }
        let renamed = PasskeyEvent::Renamed {
            credential: self.credential,
            name: Sealed::Known(self.name.clone()),
        };
        Ok(Decision::of(subject, renamed))
    }
}

/// The new name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyName {
    /// 1 to 60 characters.
    name: String,
}

/// Give a user's passkey another name.
#[utoipa::path(
    patch, path = "/command/v1/realms/{realm}/users/{id}/passkeys/{credential}", tag = "users", operation_id = "rename_passkey",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
        ("credential" = uuid::Uuid, Path, description = "The passkey's id"),
    ),
    request_body = PasskeyName,
    extensions(("x-events" = json!(["passkey.renamed"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn rename(
    State(commands): State<Commands>,
    at: At<(String, UserId, CredentialId)>,
    command: Command<actions::CredentialsRename, PasskeyName>,
) -> Result<Answer, Problem> {
    let Path((_, user, credential)) = at?;
    let Command {
        realm, context, body, ..
    } = command;
    let command = RenamePasskey {
        realm: realm.id,
        user,
        credential,
        name: body.name,
    };
    commands.change(&context, &command).await
}

#[cfg(test)]
mod tests {
    use events::{
        passkeys::AuthenticatorTold,
        testing::{context, given},
    };
    use uuid::Uuid;

    use super::*;

    const LAPTOP: CredentialId = CredentialId(Uuid::from_u128(2));
    const ALICE: UserId = UserId(Uuid::from_u128(9));

    #[test]
    fn a_name_is_told_once_and_is_one_that_can_be_shown() {
        let registered = PasskeyEvent::Registered {
            credential: LAPTOP,
            name: "Laptop".to_owned().into(),
            credential_id: "AA".to_owned().into(),
            public_key: "pQEC".to_owned().into(),
            authenticator: AuthenticatorTold::default(),
        };
        let passkeys = given::<Passkeys>(ALICE.0, [registered.into()]).state;
        let rename = |passkeys: &Passkeys, name: &str| {
            let command = RenamePasskey {
                realm: RealmId(Uuid::from_u128(7)),
                user: ALICE,
                credential: LAPTOP,
                name: name.to_owned(),
            };
            let decision = command.decide(passkeys, &context())?;
            Ok(decision.events.len())
        };
        assert_eq!(rename(&passkeys, "Work laptop"), Ok(1));
        assert_eq!(rename(&passkeys, "Laptop"), Ok(0));
        for name in ["", " ", " x", "a\u{202e}b", &"x".repeat(NAME + 1)] {
            assert!(
                matches!(rename(&passkeys, name), Err(Rejection::Invalid(_))),
                "{name:?}"
            );
        }
        assert_eq!(rename(&Passkeys::default(), "Key"), Err(Rejection::NotFound));
    }
}
