//! Making a realm. The rule: a name is claimed for ever, and the realm's key is durable before its first event.

use axum::extract::State;
use events::{
    ids::RealmId,
    kernel::{Claim, Context, Decide, Decision, Failure, KernelError, Outcome, Reader},
    log::ClaimKind,
    realms::{Realm, RealmEvent, is_realm_name},
    subject::{Stream, Subject},
};
use jose::Algorithm;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Edge, Problem, actions};

use super::{Rejection, SigningKeyError, ensure_signing_key};
use crate::{Commands, Faults, body::present, failed};

/// The most characters of a display name.
pub const DISPLAY_NAME: usize = 200;

/// Names that would pass for the platform itself.
const RESERVED: [&str; 1] = ["system"];

/// Makes a realm.
#[derive(Clone, Debug)]
pub struct CreateRealm {
    /// Its id.
    pub realm: RealmId,
    /// Its name in URLs.
    pub name: String,
    /// The name shown to people.
    pub display_name: String,
}

#[async_trait::async_trait]
impl Decide for CreateRealm {
    type State = bool;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(RealmId::SYSTEM)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<bool, KernelError> {
        Ok(reader.subject::<Realm>(self.realm.0).await?.state.exists())
    }

    fn decide(&self, exists: &bool, _: &Context) -> Result<Decision, Rejection> {
        if *exists {
            return Err(Rejection::Exists);
        }
        self.check()?;
        let created = RealmEvent::Created {
            name: self.name.clone(),
            display_name: self.display_name.clone(),
        };
        Ok(
            Decision::of(Subject::realm(self.realm), created).claiming(Claim::Hold {
                kind: ClaimKind::RealmName,
                value: self.name.clone(),
                holder: self.realm.0,
            }),
        )
    }
}

impl CreateRealm {
    /// What needs no state: asked before a key is made, and again when it is decided.
    fn check(&self) -> Result<(), Faults> {
        let mut faults = Faults::default();
        faults.unless(
            is_realm_name(&self.name),
            "name",
            "must be 1 to 63 of a-z, 0-9 and inner hyphens, and not shaped like an id",
        );
        faults.unless(
            self.realm == RealmId::SYSTEM || !RESERVED.contains(&self.name.as_str()),
            "name",
            "is reserved",
        );
        faults.text("display_name", &self.display_name, DISPLAY_NAME);
        faults.into_result()
    }

    /// Makes the realm with all that it needs: its key before, its first signing key after.
    pub async fn execute(&self, edge: &Edge, context: &Context) -> Result<Outcome, NotCreated> {
        let kernel = edge.kernel();
        if let Some(outcome) = kernel.repeated(self.stream(), context).await? {
            return Self::finish(edge, outcome).await;
        }
        self.check().map_err(|faults| Failure::Rejected(faults.into()))?;
        // A key that no realm comes to use (the name was taken) stays in the store: 60 bytes, and nothing sealed by it.
        kernel
            .keyring()
            .prepare_realm(self.realm)
            .await
            .map_err(KernelError::from)
            .map_err(Failure::from)?;
        Self::finish(edge, kernel.execute(context, self).await?).await
    }

    /// Gives a realm that was made its first signing key.
    async fn finish(edge: &Edge, outcome: Outcome) -> Result<Outcome, NotCreated> {
        // Not the realm that this call would have made: the one that the first call of this command key made.
        ensure_signing_key(edge, RealmId(outcome.receipt.id), Algorithm::Es256).await?;
        Ok(outcome)
    }
}

/// Why a realm was not made, or not finished. (One without a signing key gets it when it is first needed.)
#[derive(Debug, thiserror::Error)]
pub enum NotCreated {
    /// It was not made.
    #[error("{0}")]
    Failed(#[from] Failure<Rejection>),
    /// It has no signing key yet.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
}

impl From<NotCreated> for Problem {
    fn from(error: NotCreated) -> Self {
        match error {
            NotCreated::Failed(failure) => failed(failure),
            NotCreated::SigningKey(error) => error.into(),
        }
    }
}

/// A new realm.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRealm {
    /// The name in URLs: 1 to 63 of `a-z`, `0-9` and inner hyphens. It never changes.
    #[schema(example = "acme", min_length = 1, max_length = 63)]
    name: String,
    /// The name shown to people, 1 to 200 characters; without it, the name.
    #[serde(default, deserialize_with = "present")]
    #[schema(example = "Acme Ltd")]
    display_name: Option<String>,
}

/// Make a realm, with its keys and default settings.
#[utoipa::path(
    post, path = "/command/v1/realms", tag = "realms", operation_id = "create_realm",
    request_body = NewRealm,
    extensions(("x-events" = json!(["realm.created", "signing_key.created"]))),
    responses((status = 201, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn create(
    State(commands): State<Commands>,
    command: Command<actions::RealmsCreate, NewRealm>,
) -> Result<Answer, Problem> {
    let NewRealm { name, display_name } = command.body;
    let display_name = display_name.unwrap_or_else(|| name.clone());
    let realm = CreateRealm {
        realm: RealmId(command.context.new_id()),
        name,
        display_name,
    };
    let outcome = realm.execute(&commands.edge, &command.context).await?;
    let location = format!("/query/v1/realms/{}", outcome.receipt.id);
    Ok(Answer::created(outcome, location))
}

#[cfg(test)]
mod tests {
    use events::testing::context;
    use uuid::Uuid;

    use super::*;

    fn create(name: &str) -> CreateRealm {
        CreateRealm {
            realm: RealmId(Uuid::from_u128(7)),
            name: name.into(),
            display_name: name.into(),
        }
    }

    #[test]
    fn a_realm_is_created_and_its_name_is_claimed() {
        let decision = create("acme").decide(&false, &context()).unwrap();
        assert_eq!(
            decision.events,
            [(
                Some(Subject::realm(RealmId(Uuid::from_u128(7)))),
                RealmEvent::Created {
                    name: "acme".into(),
                    display_name: "acme".into()
                }
                .into()
            )]
        );
        assert_eq!(
            decision.claims,
            [Claim::Hold {
                kind: ClaimKind::RealmName,
                value: "acme".into(),
                holder: Uuid::from_u128(7)
            }]
        );
    }

    #[test]
    fn what_cannot_be_a_name_in_urls_is_refused() {
        for name in [
            "",
            "Acme",
            "-a",
            "a-",
            "a_b",
            "a/b",
            "system",
            "0198c7a0-0000-7000-8000-000000000000",
        ] {
            let refused = create(name).decide(&false, &context()).unwrap_err();
            assert!(
                matches!(&refused, Rejection::Invalid(faults) if faults.fields().any(|f| f == "name")),
                "{name}"
            );
        }
        let mut hidden = create("acme");
        hidden.display_name = "Ac\u{202e}me".into();
        let refused = hidden.decide(&false, &context()).unwrap_err();
        assert!(matches!(refused, Rejection::Invalid(faults) if faults.fields().eq(["display_name"])));
    }

    #[test]
    fn only_the_system_realm_is_named_system_and_no_realm_is_made_twice() {
        let system = CreateRealm {
            realm: RealmId::SYSTEM,
            ..create("system")
        };
        assert!(system.decide(&false, &context()).is_ok());
        assert_eq!(create("acme").decide(&true, &context()), Err(Rejection::Exists));
    }
}
