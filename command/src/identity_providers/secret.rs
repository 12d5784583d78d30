//! The secret that a provider gave the realm. The rule: it is never shown again, and the one before is gone with its key as soon as
//! another is set.

use axum::extract::State;
use events::{
    clock::Timestamp,
    identity_providers::{IdentityProvider, IdentityProviderEvent},
    ids::{CredentialId, IdentityProviderId, RealmId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    keys::Owner,
    sealing::Sealed,
    subject::{Stream, Subject},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Path, Problem, actions};

use super::{Rejection, rules};
use crate::{At, Commands, Faults, body::secret};

/// A secret that the provider gave.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The credential that it will be.
    pub credential: CredentialId,
    /// The secret.
    pub secret: SecretString,
}

impl NewSecret {
    /// That it was set.
    pub(super) fn event(&self) -> IdentityProviderEvent {
        IdentityProviderEvent::SecretSet {
            credential: self.credential,
            secret: Sealed::Known(self.secret.expose_secret().to_owned()),
        }
    }

    /// Notes what is wrong with it.
    pub(super) fn check(&self, faults: &mut Faults) {
        rules::check_secret(self.secret.expose_secret(), faults);
    }
}

/// Sets the secret, in place of any before.
#[derive(Clone, Debug)]
pub struct SetClientSecret {
    /// The provider's realm.
    pub realm: RealmId,
    /// Which.
    pub provider: IdentityProviderId,
    /// The secret.
    pub secret: NewSecret,
}

#[async_trait::async_trait]
impl Decide for SetClientSecret {
    type State = IdentityProvider;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<IdentityProvider, KernelError> {
        Ok(reader.subject::<IdentityProvider>(self.provider.0).await?.state)
    }

    fn decide(&self, provider: &IdentityProvider, _: &Context) -> Result<Decision, Rejection> {
        if !provider.exists {
            return Err(Rejection::NotFound);
        }
        let mut faults = Faults::default();
        self.secret.check(&mut faults);
        faults.into_result()?;
        let subject = Subject::identity_provider(self.provider);
        Ok(Decision::of(subject, self.secret.event()))
    }
}

/// A new secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientSecretBody {
    /// What the provider gave.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    client_secret: SecretString,
}

/// Set the client secret that the provider gave, in place of the one before.
#[utoipa::path(
    put, path = "/command/v1/realms/{realm}/identity-providers/{id}/secret", tag = "identity_providers",
    operation_id = "set_identity_provider_secret",
    extensions(("x-events" = json!(["identity_provider.secret_set"]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The provider's id"),
    ),
    request_body = ClientSecretBody,
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn set(
    State(commands): State<Commands>,
    at: At<(String, IdentityProviderId)>,
    command: Command<actions::IdentityProvidersManage, ClientSecretBody>,
) -> Result<Answer, Problem> {
    let Path((_, provider)) = at?;
    let Command {
        realm, context, body, ..
    } = command;
    let kernel = commands.edge.kernel();
    let before = kernel.latest::<IdentityProvider>(realm.id, provider.0).await?;
    let command = SetClientSecret {
        realm: realm.id,
        provider,
        secret: NewSecret {
            credential: CredentialId(context.new_id()),
            secret: body.client_secret,
        },
    };
    let answer = commands.change(&context, &command).await?;
    let stands = kernel.latest::<IdentityProvider>(realm.id, provider.0).await?;
    let stands = stands.state.secret.map(|secret| secret.credential);
    let replaced = before.state.secret.map(|secret| secret.credential);
    if let Some(replaced) = replaced.filter(|replaced| Some(*replaced) != stands) {
        destroy(&commands, realm.id, replaced, context.now).await;
    }
    Ok(answer)
}

/// The log has decided: the secret is used no more, whether or not its key could be destroyed.
pub(super) async fn destroy(commands: &Commands, realm: RealmId, credential: CredentialId, now: Timestamp) {
    let owner = Owner::Credential(credential);
    if let Err(error) = commands.edge.kernel().keyring().destroy(realm, &owner, now).await {
        tracing::error!(%error, %realm, %credential, "the key of a replaced client secret was not destroyed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_and_must_be_there() {
        let body: ClientSecretBody = serde_json::from_str(r#"{"client_secret":"hunter2"}"#).unwrap();
        assert!(!format!("{body:?}").contains("hunter2"));
        for body in [
            "{}",
            r#"{"client_secret":null}"#,
            r#"{"client_secret":"a","b":1}"#,
        ] {
            assert!(serde_json::from_str::<ClientSecretBody>(body).is_err(), "{body}");
        }
    }
}
