//! Changing a provider. The rule: the settings are judged as a whole after the change, and sign-in pages offer it so from then on; alias
//! and issuer stay what they are, since addresses and people's identities hang on them.

use std::collections::BTreeMap;

use axum::extract::State;
use events::{
    identity_providers::{
        AnswerMode, ClientAuthentication, EmailTrust, IdentityProvider, IdentityProviderEvent,
        IdentityProviderSettings, Linking, Offers, SignUp,
    },
    ids::{ApplicationId, IdentityProviderId, RealmId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    subject::{Stream, Subject},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Answer, Command, CommandAnswer, Path, Problem, actions};

use super::{Rejection, rules};
use crate::{
    At, Commands, Faults,
    body::{present, replace},
};

/// What to change: absent stays, lists are replaced, claims are changed one by one.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityProviderPatch {
    /// What people know it as (at most 100 characters).
    #[serde(default, deserialize_with = "present")]
    pub display_name: Option<String>,
    /// The realm's `client_id` there.
    #[serde(default, deserialize_with = "present")]
    pub client_id: Option<String>,
    /// `client_secret_basic` (the default), `client_secret_post` or `private_key_jwt`, signed with the realm's own key.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "client_secret_basic")]
    pub client_authentication: Option<ClientAuthentication>,
    /// How the answer comes back: `query` (the default) or `form_post`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "query")]
    pub answer_mode: Option<AnswerMode>,
    /// The scopes that are asked for besides `openid`: `email` and `profile` unless said.
    #[serde(default, deserialize_with = "present")]
    pub scopes: Option<Vec<String>>,
    /// Which claim fills which field of a profile: `username`, `email`, `name`, `given_name`, `family_name`, `locale`, `zoneinfo`, or
    /// `attributes.<name>`; `null` for none. What is not mentioned stays: the standard claims, but for `username`.
    #[serde(default, deserialize_with = "present")]
    pub claims: Option<BTreeMap<String, Option<String>>>,
    /// Whether the userinfo endpoint is asked, too (the default).
    #[serde(default, deserialize_with = "present")]
    pub userinfo: Option<bool>,
    /// What becomes of who has the confirmed address of a user: `prove` (the default: they show with what the user has that they are the
    /// user), `verified_email` (it is theirs at once if both sides confirmed the address) or `never`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "prove")]
    pub linking: Option<Linking>,
    /// What becomes of who is new: `known_only` (the default: turned away) or `create` (a user is registered).
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "create")]
    pub sign_up: Option<SignUp>,
    /// When its addresses count as confirmed: `as_told` (the default: where `email_verified` says so), `always` or `never`. One that does
    /// not is not taken.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "as_told")]
    pub email_trust: Option<EmailTrust>,
    /// Values of `acr` by which it says that several factors were shown, and is believed; none unless said.
    #[serde(default, deserialize_with = "present")]
    pub multi_factor_acr: Option<Vec<String>>,
    /// The same for values of `amr`, such as `mfa`.
    #[serde(default, deserialize_with = "present")]
    pub multi_factor_amr: Option<Vec<String>>,
    /// The ids of the applications for whose sign-ins it counts; for all, and the realm's own pages, if empty.
    #[serde(default, deserialize_with = "present")]
    pub applications: Option<Vec<Uuid>>,
}

impl IdentityProviderPatch {
    /// Changes settings. What is wrong with it is found by [`rules::check`], but for the names of fields ([`Self::check`]).
    pub fn apply(&self, settings: &mut IdentityProviderSettings) {
        replace(&mut settings.display_name, self.display_name.clone());
        replace(&mut settings.client_id, self.client_id.clone());
        replace(&mut settings.client_authentication, self.client_authentication);
        replace(&mut settings.answer_mode, self.answer_mode);
        replace(&mut settings.scopes, self.scopes.clone());
        replace(&mut settings.userinfo, self.userinfo);
        replace(&mut settings.linking, self.linking);
        replace(&mut settings.sign_up, self.sign_up);
        replace(&mut settings.email_trust, self.email_trust);
        replace(&mut settings.multi_factor_acr, self.multi_factor_acr.clone());
        replace(&mut settings.multi_factor_amr, self.multi_factor_amr.clone());
        let applications = self.applications.as_ref();
        replace(
            &mut settings.applications,
            applications.map(|ids| ids.iter().copied().map(ApplicationId).collect()),
        );
        settings.scopes.retain(|scope| scope != "openid");
        for (field, claim) in self.claims.iter().flatten() {
            let claims = &mut settings.claims;
            let place = match field.as_str() {
                "username" => &mut claims.username,
                "email" => &mut claims.email,
                "name" => &mut claims.name,
                "given_name" => &mut claims.given_name,
                "family_name" => &mut claims.family_name,
                "locale" => &mut claims.locale,
                "zoneinfo" => &mut claims.zoneinfo,
                other => {
                    if let Some(attribute) = other.strip_prefix("attributes.") {
                        match claim {
                            Some(claim) => claims.attributes.insert(attribute.to_owned(), claim.clone()),
                            None => claims.attributes.remove(attribute),
                        };
                    }
                    continue;
                }
            };
            place.clone_from(claim);
        }
    }

    /// Notes fields of a profile that there are not.
    pub fn check(&self, faults: &mut Faults) {
        const FIELDS: [&str; 7] = [
            "username",
            "email",
            "name",
            "given_name",
            "family_name",
            "locale",
            "zoneinfo",
        ];
        for field in self.claims.iter().flat_map(BTreeMap::keys) {
            let attribute = field
                .strip_prefix("attributes.")
                .is_some_and(|name| !name.is_empty());
            faults.unless(
                attribute || FIELDS.contains(&field.as_str()),
                format!("claims.{field}"),
                "is no field of a profile",
            );
        }
    }
}

/// Changes a provider.
#[derive(Clone, Debug)]
pub struct ChangeIdentityProvider {
    /// Its realm.
    pub realm: RealmId,
    /// Which.
    pub provider: IdentityProviderId,
    /// What to change.
    pub patch: IdentityProviderPatch,
}

#[async_trait::async_trait]
impl Decide for ChangeIdentityProvider {
    type State = IdentityProvider;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<IdentityProvider, KernelError> {
        reader.subject::<Offers>(self.realm.0).await?;
        Ok(reader.subject::<IdentityProvider>(self.provider.0).await?.state)
    }

    fn decide(&self, provider: &IdentityProvider, _: &Context) -> Result<Decision, Rejection> {
        if !provider.exists {
            return Err(Rejection::NotFound);
        }
        let mut faults = Faults::default();
        self.patch.check(&mut faults);
        let mut after = provider.clone();
        self.patch.apply(&mut after.settings);
        rules::check(&after.settings, &mut faults);
        faults.unless(
            after.secret.is_some() || !after.settings.client_authentication.needs_secret(),
            "client_authentication",
            "needs a secret; set one first",
        );
        faults.into_result()?;
        let subject = Subject::identity_provider(self.provider);
        if after == *provider {
            return Ok(Decision::nothing(subject));
        }
        let changed = IdentityProviderEvent::Changed {
            settings: Box::new(after.settings.clone()),
        };
        let decision = Decision::of(subject, changed);
        if provider.disabled || after.offer() == provider.offer() {
            return Ok(decision);
        }
        let offered = IdentityProviderEvent::Offered {
            provider: self.provider,
            offer: after.offer(),
        };
        Ok(decision.and(Subject::identity_providers(self.realm), offered))
    }
}

/// Change an identity provider. Its alias and its issuer stay what they are.
#[utoipa::path(
    patch, path = "/command/v1/realms/{realm}/identity-providers/{id}", tag = "identity_providers",
    operation_id = "change_identity_provider",
    extensions(("x-events" = json!(["identity_provider.changed", "identity_provider.offered"]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The provider's id"),
    ),
    request_body = IdentityProviderPatch,
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn change(
    State(commands): State<Commands>,
    at: At<(String, IdentityProviderId)>,
    command: Command<actions::IdentityProvidersManage, IdentityProviderPatch>,
) -> Result<Answer, Problem> {
    let Path((_, provider)) = at?;
    let Command {
        realm, context, body, ..
    } = command;
    let command = ChangeIdentityProvider {
        realm: realm.id,
        provider,
        patch: body,
    };
    commands.change(&context, &command).await
}

#[cfg(test)]
mod tests {
    use events::{
        event::Event,
        testing::{context, given},
    };
    use serde_json::{Value, json};

    use super::*;

    const REALM: RealmId = RealmId(Uuid::from_u128(7));
    const PROVIDER: IdentityProviderId = IdentityProviderId(Uuid::from_u128(5));

    fn acme(more: impl IntoIterator<Item = Event>) -> IdentityProvider {
        let registered = IdentityProviderEvent::Registered {
            alias: "acme".to_owned(),
            issuer: "https://id.example".to_owned(),
            settings: Box::new(IdentityProviderSettings {
                display_name: "Acme".to_owned(),
                client_id: "chancery".to_owned(),
                client_authentication: ClientAuthentication::PrivateKeyJwt,
                ..IdentityProviderSettings::default()
            }),
        };
        given(PROVIDER.0, [registered.into()].into_iter().chain(more)).state
    }

    fn change(provider: &IdentityProvider, patch: Value) -> Result<Vec<&'static str>, Rejection> {
        let command = ChangeIdentityProvider {
            realm: REALM,
            provider: PROVIDER,
            patch: serde_json::from_value(patch).unwrap(),
        };
        let decision = command.decide(provider, &context())?;
        Ok(decision.events.iter().map(|(_, event)| event.name()).collect())
    }

    #[test]
    fn pages_hear_of_what_they_show_and_of_nothing_else() {
        let acme_ = acme([]);
        assert_eq!(change(&acme_, json!({})), Ok(vec![]));
        assert_eq!(change(&acme_, json!({ "client_id": "chancery" })), Ok(vec![]));
        let other = json!({ "sign_up": "create", "claims": { "username": "nickname", "zoneinfo": null } });
        assert_eq!(change(&acme_, other), Ok(vec!["identity_provider.changed"]));
        let name = || json!({ "display_name": "Acme & Sons" });
        let both = vec!["identity_provider.changed", "identity_provider.offered"];
        assert_eq!(change(&acme_, name()), Ok(both));
        let disabled = acme([IdentityProviderEvent::Disabled {}.into()]);
        assert_eq!(change(&disabled, name()), Ok(vec!["identity_provider.changed"]));
        assert_eq!(
            change(&IdentityProvider::default(), json!({})),
            Err(Rejection::NotFound)
        );
    }

    #[test]
    fn what_could_not_work_is_refused() {
        let fields = |patch| match change(&acme([]), patch) {
            Err(Rejection::Invalid(faults)) => faults.fields().map(str::to_owned).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let secret = json!({ "client_authentication": "client_secret_post" });
        assert_eq!(fields(secret), ["client_authentication"]);
        assert_eq!(
            fields(json!({ "claims": { "shoe_size": "shoes" } })),
            ["claims.shoe_size"]
        );
        for body in [
            json!({ "issuer": "https://other.example" }),
            json!({ "alias": "b" }),
            json!({ "userinfo": null }),
            json!({ "linking": "always" }),
        ] {
            assert!(
                serde_json::from_value::<IdentityProviderPatch>(body.clone()).is_err(),
                "{body}"
            );
        }
    }

    #[test]
    fn claims_are_changed_one_by_one() {
        let mut settings = IdentityProviderSettings::default();
        let patch = json!({ "claims": { "email": null, "username": "nickname", "attributes.team": "dept" } });
        let patch: IdentityProviderPatch = serde_json::from_value(patch).unwrap();
        patch.apply(&mut settings);
        let claims = &settings.claims;
        assert_eq!(
            (claims.email.as_deref(), claims.username.as_deref()),
            (None, Some("nickname"))
        );
        assert_eq!(claims.name.as_deref(), Some("name"));
        assert_eq!(claims.attributes.get("team").map(String::as_str), Some("dept"));
    }
}
