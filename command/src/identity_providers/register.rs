//! Registering an identity provider. The rule: it is offered from its first moment on, under an alias that no other of the realm has, and
//! never is a realm its own provider.

use std::collections::BTreeMap;

use axum::extract::State;
use events::{
    identity_providers::{
        AnswerMode, ClientAuthentication, EmailTrust, IdentityProvider, IdentityProviderEvent,
        IdentityProviderSettings, Linking, Offers, SignUp,
    },
    ids::{CredentialId, IdentityProviderId, RealmId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    subject::{Stream, Subject},
};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Answer, Command, CommandAnswer, Problem, actions};

use super::{MOST, Rejection, change::IdentityProviderPatch, presets, rules, secret::NewSecret};
use crate::{
    Commands, Faults,
    body::{optional_secret, present},
    failed,
};

/// Registers an identity provider.
#[derive(Clone, Debug)]
pub struct RegisterIdentityProvider {
    /// Its realm.
    pub realm: RealmId,
    /// Its id.
    pub provider: IdentityProviderId,
    /// Its name in addresses.
    pub alias: String,
    /// Its issuer identifier.
    pub issuer: String,
    /// The realm's own.
    pub own_issuer: String,
    /// Its settings.
    pub settings: IdentityProviderSettings,
    /// The secret that it gave the realm.
    pub secret: Option<NewSecret>,
}

#[async_trait::async_trait]
impl Decide for RegisterIdentityProvider {
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
        if provider.exists {
            return Err(Rejection::Exists);
        }
        let mut faults = Faults::default();
        rules::check_alias(&self.alias, &mut faults);
        rules::check_issuer(&self.issuer, &mut faults);
        faults.unless(
            self.issuer != self.own_issuer,
            "issuer",
            "must be another than the realm itself",
        );
        rules::check(&self.settings, &mut faults);
        match &self.secret {
            Some(secret) => secret.check(&mut faults),
            None => faults.unless(
                !self.settings.client_authentication.needs_secret(),
                "client_secret",
                "is needed for this client_authentication",
            ),
        }
        faults.into_result()?;
        if offers.0.len() >= MOST {
            return Err(Rejection::TooMany);
        }
        let subject = Subject::identity_provider(self.provider);
        let registered = IdentityProviderEvent::Registered {
            alias: self.alias.clone(),
            issuer: self.issuer.clone(),
            settings: Box::new(self.settings.clone()),
        };
        let made = IdentityProvider {
            alias: self.alias.clone(),
            issuer: self.issuer.clone(),
            settings: self.settings.clone(),
            ..IdentityProvider::default()
        };
        let offered = IdentityProviderEvent::Offered {
            provider: self.provider,
            offer: made.offer(),
        };
        let mut decision = Decision::of(subject, registered);
        if let Some(secret) = &self.secret {
            decision = decision.and(subject, secret.event());
        }
        Ok(decision
            .and(Subject::identity_providers(self.realm), offered)
            .claiming(Claim::Hold {
                kind: ClaimKind::IdentityProviderAlias,
                value: self.alias.clone(),
                holder: self.provider.0,
            }))
    }
}

/// A new identity provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityProviderBody {
    /// What is known of it beforehand: `google`, `microsoft`, `apple`, `gitlab`, `okta`, `auth0`, `keycloak`, `onelogin`, `ping_one`,
    /// `salesforce`, `amazon_cognito`, `chancery`. What else is said stands in the place of it.
    #[serde(default, deserialize_with = "present")]
    #[schema(example = "google")]
    preset: Option<String>,
    /// Its name in addresses, for ever: lower-case letters, digits and hyphens. The preset's unless said.
    #[serde(default, deserialize_with = "present")]
    #[schema(example = "google")]
    alias: Option<String>,
    /// Its issuer identifier, for ever, below which its metadata is (OpenID Connect Discovery, section 4). Known of some presets.
    #[serde(default, deserialize_with = "present")]
    #[schema(example = "https://accounts.google.com")]
    issuer: Option<String>,
    /// The realm's `client_id` there.
    client_id: String,
    /// The secret that goes with it; none with `private_key_jwt`.
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>, format = Password)]
    client_secret: Option<SecretString>,
    /// What people know it as (at most 100 characters).
    #[serde(default, deserialize_with = "present")]
    display_name: Option<String>,
    /// `client_secret_basic` (the default), `client_secret_post` or `private_key_jwt`, signed with the realm's own key.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "client_secret_basic")]
    client_authentication: Option<ClientAuthentication>,
    /// How the answer comes back: `query` (the default) or `form_post`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "query")]
    answer_mode: Option<AnswerMode>,
    /// The scopes that are asked for besides `openid`: `email` and `profile` unless said.
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Vec<String>>,
    /// Which claim fills which field of a profile: `username`, `email`, `name`, `given_name`, `family_name`, `locale`, `zoneinfo`, or
    /// `attributes.<name>`; `null` for none. The standard claims unless said, but for `username`.
    #[serde(default, deserialize_with = "present")]
    claims: Option<BTreeMap<String, Option<String>>>,
    /// Whether the userinfo endpoint is asked, too (the default).
    #[serde(default, deserialize_with = "present")]
    userinfo: Option<bool>,
    /// What becomes of who has the confirmed address of a user: `prove` (the default), `verified_email` or `never`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "prove")]
    linking: Option<Linking>,
    /// What becomes of who is new: `known_only` (the default) or `create`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "create")]
    sign_up: Option<SignUp>,
    /// When its addresses count as confirmed: `as_told` (the default), `always` or `never`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "as_told")]
    email_trust: Option<EmailTrust>,
    /// Values of `acr` by which it says that several factors were shown, and is believed; none unless said.
    #[serde(default, deserialize_with = "present")]
    multi_factor_acr: Option<Vec<String>>,
    /// The same for values of `amr`, such as `mfa`.
    #[serde(default, deserialize_with = "present")]
    multi_factor_amr: Option<Vec<String>>,
    /// The ids of the applications for whose sign-ins it counts; for all, and the realm's own pages, if empty.
    #[serde(default, deserialize_with = "present")]
    applications: Option<Vec<Uuid>>,
}

/// What a body makes.
struct Made {
    alias: String,
    issuer: String,
    settings: IdentityProviderSettings,
    secret: Option<SecretString>,
}

impl IdentityProviderBody {
    fn into_made(self) -> Result<Made, Faults> {
        let mut faults = Faults::default();
        let preset = self.preset.as_deref().map(|name| (name, presets::named(name)));
        if let Some((_, None)) = preset {
            let names: Vec<_> = presets::names().collect();
            faults.add("preset", format!("must be one of {}", names.join(", ")));
        }
        let known = preset.and_then(|(_, preset)| preset);
        let alias = self.alias.or_else(|| {
            known
                .and(self.preset.as_deref())
                .map(|name| name.replace('_', "-"))
        });
        if alias.is_none() {
            faults.add("alias", "is required");
        }
        let issuer = self
            .issuer
            .or_else(|| known.and_then(|preset| preset.issuer.clone()));
        if issuer.is_none() {
            faults.add(
                "issuer",
                match known.and_then(|preset| preset.issuer_like.as_deref()) {
                    Some(like) => format!("is required, such as {like}"),
                    None => "is required".to_owned(),
                },
            );
        }
        let patch = IdentityProviderPatch {
            display_name: self.display_name,
            client_id: Some(self.client_id),
            client_authentication: self.client_authentication,
            answer_mode: self.answer_mode,
            scopes: self.scopes,
            claims: self.claims,
            userinfo: self.userinfo,
            linking: self.linking,
            sign_up: self.sign_up,
            email_trust: self.email_trust,
            multi_factor_acr: self.multi_factor_acr,
            multi_factor_amr: self.multi_factor_amr,
            applications: self.applications,
        };
        patch.check(&mut faults);
        let mut settings = IdentityProviderSettings {
            display_name: alias.clone().unwrap_or_default(),
            scopes: vec!["email".to_owned(), "profile".to_owned()],
            userinfo: true,
            ..IdentityProviderSettings::default()
        };
        if let Some(preset) = known {
            preset.settings.apply(&mut settings);
        }
        patch.apply(&mut settings);
        faults.into_result()?;
        Ok(Made {
            alias: alias.unwrap_or_default(),
            issuer: issuer.unwrap_or_default(),
            settings,
            secret: self.client_secret,
        })
    }
}

/// Register an identity provider: its sign-ins are taken from then on. Register there, as the redirect URI,
/// `{issuer of the realm}/identity-providers/{alias}/callback`.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/identity-providers", tag = "identity_providers",
    operation_id = "register_identity_provider",
    extensions(("x-events" = json!([
        "identity_provider.registered", "identity_provider.secret_set", "identity_provider.offered"
    ]))),
    params(("realm" = String, Path, description = "The realm's name or id")),
    request_body = IdentityProviderBody,
    responses((status = 201, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn register(
    State(commands): State<Commands>,
    command: Command<actions::IdentityProvidersManage, IdentityProviderBody>,
) -> Result<Answer, Problem> {
    let Command {
        realm, context, body, ..
    } = command;
    let made = body.into_made()?;
    let command = RegisterIdentityProvider {
        realm: realm.id,
        provider: IdentityProviderId(context.new_id()),
        alias: made.alias,
        issuer: made.issuer,
        own_issuer: commands.edge.issuer(&realm),
        settings: made.settings,
        secret: made.secret.map(|secret| NewSecret {
            credential: CredentialId(context.new_id()),
            secret,
        }),
    };
    let kernel = commands.edge.kernel();
    let outcome = kernel.execute(&context, &command).await.map_err(failed)?;
    let location = format!(
        "/query/v1/realms/{}/identity-providers/{}",
        realm.id, outcome.receipt.id
    );
    let redirect_uri = super::redirect_uri(&commands.edge.issuer(&realm), &command.alias);
    Ok(Answer::created(outcome, location).with("redirect_uri", redirect_uri))
}

#[cfg(test)]
mod tests {
    use events::testing::context;
    use serde_json::{Value, json};

    use super::*;

    fn made(body: Value) -> Result<Made, Vec<String>> {
        let body: IdentityProviderBody = serde_json::from_value(body).unwrap();
        body.into_made()
            .map_err(|faults| faults.fields().map(str::to_owned).collect())
    }

    fn register(body: Value, offers: &Offers) -> Result<Decision, Rejection> {
        let made = made(body).unwrap();
        RegisterIdentityProvider {
            realm: RealmId(Uuid::from_u128(7)),
            provider: IdentityProviderId(Uuid::from_u128(5)),
            alias: made.alias,
            issuer: made.issuer,
            own_issuer: "https://id.example/realms/demo".to_owned(),
            settings: made.settings,
            secret: made.secret.map(|secret| NewSecret {
                credential: CredentialId(Uuid::from_u128(1)),
                secret,
            }),
        }
        .decide(&(IdentityProvider::default(), offers.clone()), &context())
    }

    #[test]
    fn a_preset_tells_what_is_known_and_what_is_said_stands_in_its_place() {
        let google = made(json!({ "preset": "google", "client_id": "a", "client_secret": "b" }))
            .unwrap_or_else(|_| panic!());
        assert_eq!(
            (&*google.alias, &*google.issuer, &*google.settings.display_name),
            ("google", "https://accounts.google.com", "Google")
        );
        assert_eq!(google.settings.scopes, ["email", "profile"]);
        let other = json!({
            "preset": "google", "client_id": "a", "alias": "work", "userinfo": true, "scopes": ["openid", "email"],
        });
        let other = made(other).unwrap_or_else(|_| panic!());
        assert_eq!((&*other.alias, other.settings.userinfo), ("work", true));
        assert_eq!(other.settings.scopes, ["email"], "openid goes without saying");
        let faults = |body| made(body).err().unwrap();
        assert_eq!(faults(json!({ "preset": "okta", "client_id": "a" })), ["issuer"]);
        assert_eq!(
            faults(json!({ "preset": "friendster", "client_id": "a" })),
            ["preset", "alias", "issuer"]
        );
    }

    #[test]
    fn it_is_offered_from_its_first_moment_on_under_an_alias_of_its_own() {
        let body = || json!({ "preset": "google", "client_id": "a", "client_secret": "b" });
        let decision = register(body(), &Offers::default()).unwrap();
        let names: Vec<_> = decision.events.iter().map(|(_, event)| event.name()).collect();
        assert_eq!(
            names,
            [
                "identity_provider.registered",
                "identity_provider.secret_set",
                "identity_provider.offered"
            ]
        );
        let held = Claim::Hold {
            kind: ClaimKind::IdentityProviderAlias,
            value: "google".to_owned(),
            holder: Uuid::from_u128(5),
        };
        assert_eq!(decision.claims, [held]);
        let many = (0..50).map(|id| (IdentityProviderId(Uuid::from_u128(id)), std::sync::Arc::default()));
        assert_eq!(register(body(), &Offers(many.collect())), Err(Rejection::TooMany));
    }

    #[test]
    fn without_a_secret_the_realm_shows_its_key_and_it_is_not_its_own_provider() {
        let fields = |body| match register(body, &Offers::default()) {
            Err(Rejection::Invalid(faults)) => faults.fields().map(str::to_owned).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let without = json!({ "preset": "google", "client_id": "a" });
        assert_eq!(fields(without), ["client_secret"]);
        let keyed =
            json!({ "preset": "google", "client_id": "a", "client_authentication": "private_key_jwt" });
        assert_eq!(register(keyed, &Offers::default()).unwrap().events.len(), 2);
        let own = json!({
            "alias": "own", "issuer": "https://id.example/realms/demo", "client_id": "a", "client_secret": "b",
        });
        assert_eq!(fields(own), ["issuer"]);
    }
}
