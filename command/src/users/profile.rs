//! Changing a profile. The rule: login names change hands in the append that changes the profile, and an address or
//! number that changed is not verified any more.

use std::collections::BTreeMap;

use axum::extract::State;
use events::{
    ids::{RealmId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    realms::Settings,
    sealing::Sealed,
    subject::{Stream, Subject},
    users::{Profile, User, UserEvent},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Path, Problem, actions};

use super::{
    Rejection, refused,
    rules::{self, Touched},
};
use crate::{
    At, Commands,
    body::{present, removable, replace},
};

/// What to change: absent stays, `null` removes.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfilePatch {
    /// The name to sign in with.
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<String>)]
    pub username: Option<Option<String>>,
    /// E-mail address; a new one is not verified unless `email_verified` says so.
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Option<String>>,
    /// Whether the address was shown to be theirs.
    #[serde(default, deserialize_with = "present")]
    pub email_verified: Option<bool>,
    /// Phone number, E.164; a new one is not verified unless `phone_verified` says so.
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<String>)]
    pub phone: Option<Option<String>>,
    /// Whether the number was shown to be theirs.
    #[serde(default, deserialize_with = "present")]
    pub phone_verified: Option<bool>,
    /// Full name for display.
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Option<String>>,
    /// Given name.
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<String>)]
    pub given_name: Option<Option<String>>,
    /// Family name.
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<String>)]
    pub family_name: Option<Option<String>>,
    /// Preferred language, BCP 47.
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<String>)]
    pub locale: Option<Option<String>>,
    /// Time zone, IANA name.
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<String>)]
    pub zoneinfo: Option<Option<String>>,
    /// Custom attributes: those that are not mentioned stay, `null` removes one, `null` for all of it removes all.
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    pub attributes: Option<Option<BTreeMap<String, Value>>>,
}

impl ProfilePatch {
    /// The profile after the change.
    fn onto(&self, before: &Profile) -> Profile {
        let trimmed = |given: &Option<Option<String>>| {
            given.clone().map(|text| text.map(|text| text.trim().to_owned()))
        };
        let mut after = before.clone();
        replace(&mut after.username, trimmed(&self.username));
        replace(&mut after.email, trimmed(&self.email));
        replace(&mut after.phone, self.phone.clone());
        replace(&mut after.name, trimmed(&self.name));
        replace(&mut after.given_name, trimmed(&self.given_name));
        replace(&mut after.family_name, trimmed(&self.family_name));
        replace(&mut after.locale, self.locale.clone());
        replace(&mut after.zoneinfo, self.zoneinfo.clone());
        after.email_verified = self
            .email_verified
            .unwrap_or(before.email_verified && after.email == before.email);
        after.phone_verified = self
            .phone_verified
            .unwrap_or(before.phone_verified && after.phone == before.phone);
        match &self.attributes {
            None => {}
            Some(None) => after.attributes.clear(),
            Some(Some(changes)) => {
                for (name, change) in changes {
                    match change {
                        Value::Null => after.attributes.remove(name),
                        value => after.attributes.insert(name.clone(), value.clone()),
                    };
                }
            }
        }
        after
    }
}

/// Changes a user's profile.
#[derive(Clone, Debug)]
pub struct ChangeProfile {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// What.
    pub patch: ProfilePatch,
}

#[async_trait::async_trait]
impl Decide for ChangeProfile {
    type State = (User, Settings);
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        let user = reader.subject::<User>(self.user.0).await?.state;
        Ok((
            user,
            reader.beside::<Settings>(self.realm, self.realm.0).await?.state,
        ))
    }

    fn decide(&self, (user, settings): &Self::State, _: &Context) -> Result<Decision, Rejection> {
        if !user.exists {
            return Err(Rejection::NotFound);
        }
        if user.erased {
            return Err(Rejection::Erased);
        }
        let (before, after) = (&user.profile, self.patch.onto(&user.profile));
        let touched = Touched {
            login: (&after.username, &after.email) != (&before.username, &before.email),
            attributes: after.attributes != before.attributes,
        };
        rules::check(&after, &settings.registration, touched)?;
        let changes = differences(before, &after);
        let subject = Subject::user(self.user);
        if changes.is_empty() {
            return Ok(Decision::nothing(subject));
        }
        let fields = changes.keys().cloned().collect();
        let changed = UserEvent::ProfileChanged {
            fields,
            changes: Sealed::Known(changes),
        };
        let mut decision = Decision::of(subject, changed);
        let (old, new) = (before.login_names(), after.login_names());
        let (kind, holder) = (ClaimKind::LoginName, self.user.0);
        for value in old.iter().filter(|name| !new.contains(name)) {
            decision = decision.claiming(Claim::Release {
                kind,
                value: value.clone(),
                holder,
            });
        }
        for value in new.iter().filter(|name| !old.contains(name)) {
            decision = decision.claiming(Claim::Hold {
                kind,
                value: value.clone(),
                holder,
            });
        }
        Ok(decision)
    }
}

/// The fields that differ, with their new values; `null` where there is none any more.
fn differences(before: &Profile, after: &Profile) -> BTreeMap<String, Value> {
    let fields = |profile: &Profile| match serde_json::to_value(profile) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let mut changes: BTreeMap<String, Value> = before
        .keys()
        .filter(|name| !after.contains_key(*name))
        .map(|name| (name.clone(), Value::Null))
        .collect();
    changes.extend(
        after
            .into_iter()
            .filter(|(name, value)| before.get(name) != Some(value)),
    );
    changes
}

/// Change a user's profile.
#[utoipa::path(
    patch, path = "/command/v1/realms/{realm}/users/{id}", tag = "users", operation_id = "change_profile",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    request_body = ProfilePatch,
    extensions(("x-events" = json!(["user.profile_changed"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn change(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::UsersUpdate, ProfilePatch>,
) -> Result<Answer, Problem> {
    let Path((_, user)) = at?;
    let Command {
        realm, context, body, ..
    } = command;
    let kernel = commands.edge.kernel();
    let command = ChangeProfile {
        realm: realm.id,
        user,
        patch: body,
    };
    match kernel.execute(&context, &command).await {
        Ok(outcome) => Ok(Answer::changed(outcome)),
        Err(failure) => {
            let wanted = command.patch.onto(&Profile::default());
            Err(refused(kernel, realm.id, user, &wanted, failure).await)
        }
    }
}

#[cfg(test)]
mod tests {
    use events::{
        event::Event,
        testing::{context, given},
    };
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    const ALICE: UserId = UserId(Uuid::from_u128(9));

    fn alice() -> User {
        let profile: Profile = serde_json::from_value(json!({
            "username": "alice", "email": "alice@example.org", "email_verified": true, "given_name": "Alice",
            "attributes": { "team": "red", "size": 3 },
        }))
        .unwrap();
        given::<User>(
            ALICE.0,
            [UserEvent::Registered {
                profile: profile.into(),
            }
            .into()],
        )
        .state
    }

    fn settings() -> Settings {
        let registration =
            json!({ "attributes": { "team": { "type": "string" }, "size": { "type": "integer" } } });
        Settings {
            registration: serde_json::from_value(registration).unwrap(),
            ..Settings::default()
        }
    }

    fn when(user: User, patch: Value) -> Result<(Value, Vec<Claim>), Rejection> {
        let patch = serde_json::from_value(patch).unwrap();
        let command = ChangeProfile {
            realm: RealmId(Uuid::from_u128(7)),
            user: ALICE,
            patch,
        };
        let decision = command.decide(&(user, settings()), &context())?;
        let changes = match decision.events.first() {
            None => Value::Null,
            Some((_, Event::Users(UserEvent::ProfileChanged { fields, changes }))) => {
                let changes = changes.known().unwrap();
                assert!(changes.keys().eq(fields));
                serde_json::to_value(changes).unwrap()
            }
            Some(other) => panic!("{other:?}"),
        };
        Ok((changes, decision.claims))
    }

    fn release(value: &str) -> Claim {
        Claim::Release {
            kind: ClaimKind::LoginName,
            value: value.into(),
            holder: ALICE.0,
        }
    }

    fn hold(value: &str) -> Claim {
        Claim::Hold {
            kind: ClaimKind::LoginName,
            value: value.into(),
            holder: ALICE.0,
        }
    }

    #[test]
    fn a_new_name_is_held_as_the_old_one_is_released() {
        let (changes, claims) = when(alice(), json!({ "username": "alicia" })).unwrap();
        assert_eq!(changes, json!({ "username": "alicia" }));
        assert_eq!(claims, [release("alice"), hold("alicia")]);
    }

    #[test]
    fn another_spelling_of_a_name_changes_no_claim() {
        let (changes, claims) = when(alice(), json!({ "username": "Alice" })).unwrap();
        assert_eq!(changes, json!({ "username": "Alice" }));
        assert_eq!(claims, []);
    }

    #[test]
    fn a_new_address_is_not_verified_unless_it_is_said() {
        let (changes, _) = when(alice(), json!({ "email": "a@example.org" })).unwrap();
        assert_eq!(
            changes,
            json!({ "email": "a@example.org", "email_verified": false })
        );
        let (changes, _) = when(
            alice(),
            json!({ "email": "a@example.org", "email_verified": true }),
        )
        .unwrap();
        assert_eq!(changes, json!({ "email": "a@example.org" }));
    }

    #[test]
    fn null_removes_and_absent_stays() {
        let (changes, claims) = when(alice(), json!({ "given_name": null, "email": null })).unwrap();
        assert_eq!(
            changes,
            json!({ "given_name": null, "email": null, "email_verified": false })
        );
        assert_eq!(claims, [release("alice@example.org")]);
        assert_eq!(when(alice(), json!({})), Ok((Value::Null, vec![])));
        assert_eq!(
            when(alice(), json!({ "given_name": "Alice" })),
            Ok((Value::Null, vec![]))
        );
    }

    #[test]
    fn attributes_are_merged_by_name() {
        let (changes, _) = when(alice(), json!({ "attributes": { "team": "blue" } })).unwrap();
        assert_eq!(changes, json!({ "attributes": { "team": "blue", "size": 3 } }));
        let (changes, _) = when(alice(), json!({ "attributes": { "team": null, "size": null } })).unwrap();
        assert_eq!(changes, json!({ "attributes": null }));
        let (changes, _) = when(alice(), json!({ "attributes": null })).unwrap();
        assert_eq!(changes, json!({ "attributes": null }));
    }

    #[test]
    fn a_user_keeps_a_name_to_sign_in_with_and_follows_the_schema() {
        let refused = when(alice(), json!({ "username": null, "email": null }));
        assert!(matches!(refused, Err(Rejection::Invalid(faults)) if faults.fields().eq(["username"])));
        let refused = when(alice(), json!({ "attributes": { "size": "large" } }));
        assert!(
            matches!(refused, Err(Rejection::Invalid(faults)) if faults.fields().eq(["attributes.size"]))
        );
        assert_eq!(when(User::default(), json!({})), Err(Rejection::NotFound));
    }

    #[test]
    fn what_was_changed_is_what_the_fold_then_tells() {
        let user = alice();
        let patch = json!({ "email": "b@example.org", "given_name": null, "attributes": { "size": 4 }, "locale": "de" });
        let after = serde_json::from_value::<ProfilePatch>(patch)
            .unwrap()
            .onto(&user.profile);
        assert_eq!(
            user.profile.with(&differences(&user.profile, &after)).unwrap(),
            after
        );
    }
}
