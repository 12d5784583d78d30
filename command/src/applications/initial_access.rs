//! Initial access tokens (RFC 7591, section 3): whoever holds one registers applications without being an administrator.
//! The rule: a token ends by its time or by its uses, of which the log counts each with the application that it made; it is kept nowhere.

use axum::extract::State;
use events::{
    applications::{ApplicationEvent, InitialAccess},
    clock::Timestamp,
    ids::RealmId,
    kernel::{Context, Decide, Decision, Kernel, KernelError, Reader},
    subject::{Stream, Subject},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Answer, Command, CommandAnswer, Path, Problem, actions, artefacts};

use super::Rejection;
use crate::{At, Commands, Faults, body::present, failed};

/// The most applications of one token.
const USES: u32 = 1_000;
/// The longest life of one, in seconds.
const YEAR: u64 = 365 * 86_400;
/// The life of one, where nothing is said.
const DAY: u64 = 86_400;
/// What scanners of repositories know it by.
const PREFIX: &str = "chi_";
const PURPOSE: &str = "initial access";

/// The token of this id, as its holder has it: the id, sealed.
async fn seal(
    kernel: &Kernel,
    realm: RealmId,
    id: Uuid,
    expires: Timestamp,
) -> Result<SecretString, KernelError> {
    let sealed = artefacts::seal(kernel, realm, PURPOSE, &[], &id, expires).await?;
    Ok(format!("{PREFIX}{sealed}").into())
}

/// The id of a token. `None`: it is over, or none of this realm's. How often it may be used is the log's to say.
pub async fn open(kernel: &Kernel, realm: RealmId, token: &str) -> Result<Option<Uuid>, KernelError> {
    match token.strip_prefix(PREFIX) {
        Some(sealed) => artefacts::open(kernel, realm, PURPOSE, &[], sealed).await,
        None => Ok(None),
    }
}

/// Makes an initial access token.
#[derive(Clone, Copy, Debug)]
pub struct GrantInitialAccess {
    /// Its realm.
    pub realm: RealmId,
    /// Its id.
    pub id: Uuid,
    /// How many applications may register by it (1 to 1,000).
    pub uses: u32,
    /// For how many seconds (60 to a year).
    pub seconds: u64,
}

#[async_trait::async_trait]
impl Decide for GrantInitialAccess {
    type State = InitialAccess;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<InitialAccess, KernelError> {
        Ok(reader.subject::<InitialAccess>(self.id).await?.state)
    }

    fn decide(&self, token: &InitialAccess, context: &Context) -> Result<Decision, Rejection> {
        if token.exists() {
            return Err(Rejection::Exists);
        }
        let mut faults = Faults::default();
        faults.range("uses", self.uses, 1..=USES);
        faults.range("expires_in", self.seconds, 60..=YEAR);
        faults.into_result()?;
        let granted = ApplicationEvent::InitialAccessGranted {
            uses: self.uses,
            expires: context.now.after_seconds(self.seconds),
        };
        Ok(Decision::of(Subject::initial_access(self.id), granted))
    }
}

/// Withdraws an initial access token.
#[derive(Clone, Copy, Debug)]
pub struct RevokeInitialAccess {
    /// Its realm.
    pub realm: RealmId,
    /// Which.
    pub id: Uuid,
}

#[async_trait::async_trait]
impl Decide for RevokeInitialAccess {
    type State = InitialAccess;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<InitialAccess, KernelError> {
        Ok(reader.subject::<InitialAccess>(self.id).await?.state)
    }

    fn decide(&self, token: &InitialAccess, _: &Context) -> Result<Decision, Rejection> {
        if !token.exists() {
            return Err(Rejection::NotFound);
        }
        let subject = Subject::initial_access(self.id);
        if token.revoked {
            return Ok(Decision::nothing(subject));
        }
        Ok(Decision::of(subject, ApplicationEvent::InitialAccessRevoked {}))
    }
}

/// A new initial access token.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InitialAccessBody {
    /// How many applications may register by it (1 to 1,000; default 1).
    #[serde(default, deserialize_with = "present")]
    uses: Option<u32>,
    /// For how many seconds it is good (60 to 31,536,000; default a day).
    #[serde(default, deserialize_with = "present")]
    expires_in: Option<u64>,
}

/// Make a token by which applications register by themselves at `oauth2/register` (RFC 7591). The answer shows it, once, as
/// `initial_access_token`. Realms whose `oauth.dynamic_registration` is `disabled` take none.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/initial-access-tokens", tag = "applications",
    operation_id = "grant_initial_access",
    params(("realm" = String, Path, description = "The realm's name or id")),
    request_body = InitialAccessBody,
    extensions(("x-events" = json!(["initial_access.granted"]))),
    responses((status = 201, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn grant(
    State(commands): State<Commands>,
    command: Command<actions::ApplicationsCreate, InitialAccessBody>,
) -> Result<Answer, Problem> {
    let Command {
        realm, context, body, ..
    } = command;
    let kernel = commands.edge.kernel();
    let command = GrantInitialAccess {
        realm: realm.id,
        id: context.new_id(),
        uses: body.uses.unwrap_or(1),
        seconds: body.expires_in.unwrap_or(DAY),
    };
    let outcome = kernel.execute(&context, &command).await.map_err(failed)?;
    let (id, repeated) = (outcome.receipt.id, outcome.repeated);
    let location = format!("/query/v1/realms/{}/initial-access-tokens/{id}", realm.id);
    let answer = Answer::created(outcome, location);
    if repeated {
        return Ok(answer);
    }
    let expires = context.now.after_seconds(command.seconds);
    let token = seal(kernel, realm.id, id, expires).await?;
    Ok(answer
        .with("expires_at", expires.to_string())
        .with("initial_access_token", token.expose_secret()))
}

/// Withdraw such a token. The applications that registered by it stay.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/initial-access-tokens/{id}", tag = "applications",
    operation_id = "revoke_initial_access",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = Uuid, Path, description = "The token's id"),
    ),
    extensions(("x-events" = json!(["initial_access.revoked"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn revoke(
    State(commands): State<Commands>,
    at: At<(String, Uuid)>,
    command: Command<actions::ApplicationsCreate>,
) -> Result<Answer, Problem> {
    let Path((_, id)) = at?;
    let Command { realm, context, .. } = command;
    let realm = realm.id;
    commands
        .change(&context, &RevokeInitialAccess { realm, id })
        .await
}

#[cfg(test)]
mod tests {
    use events::{
        event::Event,
        ids::ApplicationId,
        testing::{NOW, context, given},
    };

    use super::*;

    const REALM: RealmId = RealmId(Uuid::from_u128(7));
    const ID: Uuid = Uuid::from_u128(5);

    fn grant(uses: u32, seconds: u64) -> Result<Vec<Event>, Rejection> {
        let (realm, id) = (REALM, ID);
        let command = GrantInitialAccess {
            realm,
            id,
            uses,
            seconds,
        };
        let decision = command.decide(&InitialAccess::default(), &context())?;
        Ok(decision.events.into_iter().map(|(_, event)| event).collect())
    }

    #[test]
    fn it_is_good_for_its_uses_and_its_time() {
        let granted = grant(2, 60).unwrap().remove(0);
        let used = || -> Event {
            let application = ApplicationId(Uuid::from_u128(1));
            ApplicationEvent::InitialAccessUsed { application }.into()
        };
        let after = |past: Vec<Event>| given::<InitialAccess>(ID, past).state;
        let once = after(vec![granted.clone(), used()]);
        assert!(once.is_good(NOW.after_seconds(59)) && !once.is_good(NOW.after_seconds(60)));
        assert!(!after(vec![granted.clone(), used(), used()]).is_good(NOW));
        let revoke = RevokeInitialAccess { realm: REALM, id: ID };
        let decision = revoke.decide(&once, &context()).unwrap();
        let gone = after(vec![granted, decision.events[0].1.clone()]);
        assert!(!gone.is_good(NOW));
        assert!(revoke.decide(&gone, &context()).unwrap().events.is_empty());
        assert_eq!(
            revoke.decide(&InitialAccess::default(), &context()),
            Err(Rejection::NotFound)
        );
    }

    #[test]
    fn its_uses_and_its_life_are_bounded() {
        for (uses, seconds, field) in [
            (0, 60, "uses"),
            (1_001, 60, "uses"),
            (1, 59, "expires_in"),
            (1, YEAR + 1, "expires_in"),
        ] {
            let refused = grant(uses, seconds);
            assert!(matches!(refused, Err(Rejection::Invalid(faults)) if faults.fields().eq([field])));
        }
    }
}
