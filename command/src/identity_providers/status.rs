//! Whether a provider's sign-ins are taken. The rule: what is disabled or deleted is offered nowhere and opens nothing from that moment on,
//! also no sign-in that is under way; people's identities stay theirs, and open nothing either.

use axum::extract::State;
use events::{
    identity_providers::{IdentityProvider, IdentityProviderEvent, Offers},
    ids::{IdentityProviderId, RealmId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    subject::{Stream, Subject},
};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use super::{MOST, Rejection, secret::destroy};
use crate::{At, Commands};

/// What a provider becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// Taken.
    Enabled,
    /// Not taken.
    Disabled,
    /// Gone, with its secret.
    Deleted,
}

/// Disables, enables or deletes a provider.
#[derive(Clone, Copy, Debug)]
pub struct SetIdentityProviderStatus {
    /// Its realm.
    pub realm: RealmId,
    /// Which.
    pub provider: IdentityProviderId,
    /// What it becomes.
    pub becomes: Becomes,
}

#[async_trait::async_trait]
impl Decide for SetIdentityProviderStatus {
    type State = (IdentityProvider, Offers);
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        Ok((
            reader.subject::<IdentityProvider>(self.provider.0).await?.state,
            reader.subject::<Offers>(self.realm.0).await?.state,
        ))
    }

    fn decide(&self, (provider, offers): &Self::State, _: &Context) -> Result<Decision, Rejection> {
        if !provider.exists {
            return Err(Rejection::NotFound);
        }
        let subject = Subject::identity_provider(self.provider);
        let all = Subject::identity_providers(self.realm);
        let withdrawn = IdentityProviderEvent::Withdrawn {
            provider: self.provider,
        };
        Ok(match (self.becomes, provider.disabled) {
            (Becomes::Enabled, false) | (Becomes::Disabled, true) => Decision::nothing(subject),
            (Becomes::Enabled, true) if offers.0.len() >= MOST => return Err(Rejection::TooMany),
            (Becomes::Enabled, true) => {
                let offered = IdentityProviderEvent::Offered {
                    provider: self.provider,
                    offer: provider.offer(),
                };
                Decision::of(subject, IdentityProviderEvent::Enabled {}).and(all, offered)
            }
            (Becomes::Disabled, false) => {
                Decision::of(subject, IdentityProviderEvent::Disabled {}).and(all, withdrawn)
            }
            (Becomes::Deleted, disabled) => {
                let decision =
                    Decision::of(subject, IdentityProviderEvent::Deleted {}).claiming(Claim::Release {
                        kind: ClaimKind::IdentityProviderAlias,
                        value: provider.alias.clone(),
                        holder: self.provider.0,
                    });
                if disabled {
                    decision
                } else {
                    decision.and(all, withdrawn)
                }
            }
        })
    }
}

async fn set(
    commands: &Commands,
    at: At<(String, IdentityProviderId)>,
    command: Command<actions::IdentityProvidersManage>,
    becomes: Becomes,
) -> Result<Answer, Problem> {
    let Path((_, provider)) = at?;
    let Command { realm, context, .. } = command;
    let kernel = commands.edge.kernel();
    let secret = match becomes {
        Becomes::Deleted => {
            let known = kernel.latest::<IdentityProvider>(realm.id, provider.0).await?;
            known.state.secret.map(|secret| secret.credential)
        }
        Becomes::Enabled | Becomes::Disabled => None,
    };
    let command = SetIdentityProviderStatus {
        realm: realm.id,
        provider,
        becomes,
    };
    let answer = commands.change(&context, &command).await?;
    if let Some(credential) = secret {
        destroy(commands, realm.id, credential, context.now).await;
    }
    Ok(answer)
}

/// Take no sign-ins of a provider, until it is enabled.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/identity-providers/{id}/disable", tag = "identity_providers",
    operation_id = "disable_identity_provider",
    extensions(("x-events" = json!(["identity_provider.disabled", "identity_provider.withdrawn"]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The provider's id"),
    ),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn disable(
    State(commands): State<Commands>,
    at: At<(String, IdentityProviderId)>,
    command: Command<actions::IdentityProvidersManage, Empty>,
) -> Result<Answer, Problem> {
    set(&commands, at, command, Becomes::Disabled).await
}

/// Take a provider's sign-ins again.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/identity-providers/{id}/enable", tag = "identity_providers",
    operation_id = "enable_identity_provider",
    extensions(("x-events" = json!(["identity_provider.enabled", "identity_provider.offered"]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The provider's id"),
    ),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn enable(
    State(commands): State<Commands>,
    at: At<(String, IdentityProviderId)>,
    command: Command<actions::IdentityProvidersManage, Empty>,
) -> Result<Answer, Problem> {
    set(&commands, at, command, Becomes::Enabled).await
}

/// Delete a provider, with its secret. Its alias is free again; people's identities stay theirs, for a provider of the same issuer.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/identity-providers/{id}", tag = "identity_providers",
    operation_id = "delete_identity_provider",
    extensions(("x-events" = json!(["identity_provider.deleted", "identity_provider.withdrawn"]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The provider's id"),
    ),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn delete(
    State(commands): State<Commands>,
    at: At<(String, IdentityProviderId)>,
    command: Command<actions::IdentityProvidersManage, Empty>,
) -> Result<Answer, Problem> {
    set(&commands, at, command, Becomes::Deleted).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use events::{
        event::Event,
        identity_providers::Offer,
        testing::{context, given},
    };
    use uuid::Uuid;

    use super::*;

    const PROVIDER: IdentityProviderId = IdentityProviderId(Uuid::from_u128(5));

    fn set(
        becomes: Becomes,
        more: impl IntoIterator<Item = Event>,
        offered: u128,
    ) -> Result<Decision, Rejection> {
        let registered = IdentityProviderEvent::Registered {
            alias: "acme".to_owned(),
            issuer: "https://id.example".to_owned(),
            settings: Box::default(),
        };
        let provider = given(PROVIDER.0, [registered.into()].into_iter().chain(more)).state;
        let offers = (0..offered).map(|id| {
            (
                IdentityProviderId(Uuid::from_u128(id)),
                Arc::new(Offer::default()),
            )
        });
        SetIdentityProviderStatus {
            realm: RealmId(Uuid::from_u128(7)),
            provider: PROVIDER,
            becomes,
        }
        .decide(&(provider, Offers(offers.collect())), &context())
    }

    fn names(decision: Result<Decision, Rejection>) -> Vec<&'static str> {
        let decision = decision.unwrap();
        decision.events.iter().map(|(_, event)| event.name()).collect()
    }

    #[test]
    fn what_is_not_taken_is_not_offered() {
        let disabled = || [IdentityProviderEvent::Disabled {}.into()];
        assert_eq!(
            names(set(Becomes::Disabled, [], 0)),
            ["identity_provider.disabled", "identity_provider.withdrawn"]
        );
        assert_eq!(
            names(set(Becomes::Enabled, disabled(), 0)),
            ["identity_provider.enabled", "identity_provider.offered"]
        );
        assert!(names(set(Becomes::Enabled, [], 0)).is_empty());
        assert!(names(set(Becomes::Disabled, disabled(), 0)).is_empty());
        assert_eq!(set(Becomes::Enabled, disabled(), 50), Err(Rejection::TooMany));
    }

    #[test]
    fn one_that_is_deleted_leaves_its_alias() {
        let decision = set(Becomes::Deleted, [], 0).unwrap();
        let released = Claim::Release {
            kind: ClaimKind::IdentityProviderAlias,
            value: "acme".to_owned(),
            holder: PROVIDER.0,
        };
        assert_eq!(decision.claims, [released]);
        assert_eq!(names(Ok(decision)).len(), 2);
        let disabled = IdentityProviderEvent::Disabled {}.into();
        assert_eq!(
            names(set(Becomes::Deleted, [disabled], 0)),
            ["identity_provider.deleted"]
        );
        let gone = IdentityProviderEvent::Deleted {}.into();
        assert_eq!(set(Becomes::Enabled, [gone], 0), Err(Rejection::NotFound));
    }
}
