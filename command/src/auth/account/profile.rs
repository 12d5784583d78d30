//! What is known of somebody, and changing it. The rules: people change what the realm lets them change of themselves, and nothing else that a
//! form may hold; another user name is a change of how they sign in, and asks for a proof of the last ten minutes.

use std::collections::BTreeMap;

use axum::response::Response;
use events::{
    kernel::Failure,
    log::ClaimKind,
    realms::{AttributeSchema, AttributeType, RegistrationSettings},
    users::Profile,
};
use http::StatusCode;
use serde_json::Value;
use web::form::Form;

use super::{
    Section,
    visitor::{self, Entry, Visitor},
};
use crate::{
    Faults,
    auth::{
        Issuer,
        page::{self, PageError},
        pages::account::{Field, Input, Notice, ProfilePage},
        trouble,
        visit::{Body, Query, Visit},
    },
    users::{
        Rejection,
        profile::{ChangeProfile, ProfilePatch},
    },
    words::Say,
};

/// What stands before the name of a custom attribute in the name of its field.
const ATTRIBUTE: &str = "attribute.";

/// What is known of who is signed in.
#[utoipa::path(
    get, path = "/realms/{realm}/account/profile", tag = "account", operation_id = "account_profile_page",
    params(Issuer, ("done" = Option<String>, Query, description = "What the page before has done, to say so")),
    extensions(("x-events" = json!(["session.continued"]))),
    responses(
        (status = 200, description = "The profile, with fields for what may be changed"),
        (status = 303, description = "To the sign-in page, and back here"),
    ),
)]
pub(in crate::auth) async fn get_profile(visit: Visit, query: Query) -> Response {
    let answer = show(&visit, query).await;
    visit.answer(answer)
}

/// Change one's profile.
#[utoipa::path(
    post, path = "/realms/{realm}/account/profile", tag = "account", operation_id = "account_profile", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, and what is to change of `username` (where the realm lets people), `name`, `given_name`, `family_name`, `locale`, `zoneinfo` and `attribute.…` (those that people may change); empty takes it away"),
    extensions(("x-events" = json!(["user.profile_changed"]))),
    responses(
        (status = 303, description = "Back to the page; or to show anew who one is, and back there"),
        (status = 400, description = "The page: the form was too old, or of another session"),
        (status = 422, description = "The page: what is wrong with which field"),
    ),
)]
pub(in crate::auth) async fn post_profile(visit: Visit, body: Body) -> Response {
    let answer = submit(&visit, body).await;
    visit.answer(answer)
}

async fn show(visit: &Visit, query: Query) -> Result<Response, PageError> {
    let form = query.0?;
    match visitor::enter(visit, Section::Profile).await? {
        Entry::Visitor(visitor) => page(&visitor, None, &Faults::default(), visitor::told(&form)).await,
        Entry::Away(response) => Ok(*response),
    }
}

/// The page: with what was typed, and what is wrong with it, if a form was sent.
async fn page(
    visitor: &Visitor<'_>,
    typed: Option<&Form>,
    faults: &Faults,
    notice: Option<Notice>,
) -> Result<Response, PageError> {
    let profile = &visitor.signed_in.state.profile;
    let fields = fields(
        &visitor.visit.say,
        profile,
        &visitor.settings.registration,
        typed,
        faults,
    );
    let is_wrong = faults.fields().next().is_some();
    let status = if is_wrong {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        visitor::status(notice)
    };
    let template = ProfilePage::new(
        visitor.shell(notice).await?,
        &fields,
        profile.username.as_deref(),
        profile.email.as_deref(),
        profile.email_verified,
        is_wrong,
    );
    Ok(page::page(status, &template))
}

/// What may be changed, as fields.
fn fields(
    say: &Say,
    profile: &Profile,
    settings: &RegistrationSettings,
    typed: Option<&Form>,
    faults: &Faults,
) -> Vec<Field> {
    let field = |name: &str, label: String, hint, autocomplete, input, known: Option<String>| Field {
        name: name.to_owned(),
        label,
        hint,
        autocomplete,
        input,
        value: typed
            .and_then(|form| form.get(name))
            .map(str::to_owned)
            .or(known)
            .unwrap_or_default(),
        error: faults
            .iter()
            .find(|(fault, _)| is_about(fault, name))
            .map(|(_, detail)| said_of(name, detail)),
    };
    let text =
        |name: &str, label: &str, hint: &'static str, autocomplete: &'static str, known: Option<&str>| {
            let label = say.text(label).to_string();
            field(
                name,
                label,
                hint,
                autocomplete,
                Input::Text,
                known.map(str::to_owned),
            )
        };
    let mut fields = Vec::new();
    if settings.username_changes {
        fields.push(text(
            "username",
            "account-username",
            "",
            "username",
            profile.username.as_deref(),
        ));
    }
    for (name, label, hint, autocomplete, known) in [
        ("name", "profile-name", "", "name", profile.name.as_deref()),
        (
            "given_name",
            "profile-given-name",
            "",
            "given-name",
            profile.given_name.as_deref(),
        ),
        (
            "family_name",
            "profile-family-name",
            "",
            "family-name",
            profile.family_name.as_deref(),
        ),
        (
            "locale",
            "profile-locale",
            "profile-locale-hint",
            "language",
            profile.locale.as_deref(),
        ),
        (
            "zoneinfo",
            "profile-zoneinfo",
            "profile-zoneinfo-hint",
            "off",
            profile.zoneinfo.as_deref(),
        ),
    ] {
        fields.push(text(name, label, hint, autocomplete, known));
    }
    for (name, schema) in editable(settings) {
        let known = profile.attributes.get(name).map(said);
        let (place, label) = (format!("{ATTRIBUTE}{name}"), name.replace('_', " "));
        fields.push(field(&place, label, "", "off", input(schema, say), known));
    }
    fields
}

/// What is said of a fault: the message's name.
fn said_of(field: &str, detail: &str) -> &'static str {
    match (field, detail) {
        ("username", "is taken") => "fault-taken",
        (_, "is required in this realm") => "fault-required",
        ("locale", _) => "fault-locale",
        ("zoneinfo", _) => "fault-zoneinfo",
        _ => "fault-other",
    }
}

/// Whether a fault is one of this field, or of a part of it.
fn is_about(fault: &str, field: &str) -> bool {
    let meant = field.replacen(ATTRIBUTE, "attributes.", 1);
    fault
        .strip_prefix(&meant)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
}

/// The custom attributes that people may change of themselves.
fn editable(settings: &RegistrationSettings) -> impl Iterator<Item = (&String, &AttributeSchema)> {
    settings.attributes.iter().filter(|(_, schema)| schema.editable)
}

/// By what an attribute is changed.
fn input(schema: &AttributeSchema, say: &Say) -> Input {
    let choices = |choices: &[(&str, &str)]| {
        let owned = choices.iter();
        Input::Choice(
            owned
                .map(|&(value, label)| (value.to_owned(), label.to_owned()))
                .collect(),
        )
    };
    match schema.value_type {
        AttributeType::String if !schema.one_of.is_empty() => {
            let named = schema.one_of.iter().map(|one| (one.as_str(), one.as_str()));
            choices(&named.collect::<Vec<_>>())
        }
        AttributeType::String => Input::Text,
        AttributeType::Integer => Input::Number,
        AttributeType::Boolean => {
            let (yes, no) = (say.text("yes").to_string(), say.text("no").to_string());
            choices(&[("true", &yes), ("false", &no)])
        }
        AttributeType::StringList => Input::Lines,
    }
}

/// The value of an attribute, as its field holds it.
fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let lines: Vec<_> = list.iter().filter_map(Value::as_str).collect();
            lines.join("\n")
        }
        other => other.to_string(),
    }
}

/// What a field says of an attribute; `null` takes it away. `None`: it cannot be that.
fn meant(schema: &AttributeSchema, text: &str) -> Option<Value> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Value::Null);
    }
    match schema.value_type {
        AttributeType::String => Some(text.into()),
        AttributeType::Integer => text.parse::<i64>().ok().map(Value::from),
        AttributeType::Boolean => text.parse::<bool>().ok().map(Value::from),
        AttributeType::StringList => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            Some(lines.map(Value::from).collect())
        }
    }
}

/// What a form changes of what may be changed; whatever else is in it is not looked at.
fn patch(settings: &RegistrationSettings, form: &Form) -> Result<ProfilePatch, Faults> {
    let given = |name: &str| {
        let text = form.get(name).map(str::trim);
        text.map(|text| Some(text).filter(|text| !text.is_empty()).map(str::to_owned))
    };
    let mut faults = Faults::default();
    let mut attributes = BTreeMap::new();
    for (name, schema) in editable(settings) {
        let Some(text) = form.get(&format!("{ATTRIBUTE}{name}")) else {
            continue;
        };
        match meant(schema, text) {
            Some(value) => {
                attributes.insert(name.clone(), value);
            }
            None => faults.add(format!("attributes.{name}"), "is not a value of its kind"),
        }
    }
    faults.into_result()?;
    Ok(ProfilePatch {
        username: given("username").filter(|_| settings.username_changes),
        name: given("name"),
        given_name: given("given_name"),
        family_name: given("family_name"),
        locale: given("locale"),
        zoneinfo: given("zoneinfo"),
        attributes: (!attributes.is_empty()).then_some(Some(attributes)),
        ..ProfilePatch::default()
    })
}

async fn submit(visit: &Visit, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let visitor = match visitor::enter(visit, Section::Profile).await? {
        Entry::Visitor(visitor) => visitor,
        Entry::Away(response) => return Ok(*response),
    };
    if !visitor.is_own(&form).await? {
        return page(&visitor, None, &Faults::default(), Some(Notice::Stale)).await;
    }
    let patch = match patch(&visitor.settings.registration, &form) {
        Ok(patch) => patch,
        Err(faults) => return page(&visitor, Some(&form), &faults, None).await,
    };
    let renames = patch
        .username
        .as_ref()
        .is_some_and(|name| *name != visitor.signed_in.state.profile.username);
    if renames && !visitor.has_shown().await? {
        return visitor.confirm().await;
    }
    let command = ChangeProfile {
        realm: visit.realm.id,
        user: visitor.signed_in.user,
        patch,
    };
    let context = visit.context_of(&visitor.signed_in);
    let faults = match visit.edge.kernel().execute(&context, &command).await {
        Ok(_) => return visitor.done(Notice::ProfileChanged),
        Err(Failure::Rejected(Rejection::Invalid(faults))) => faults,
        Err(Failure::Claimed {
            kind: ClaimKind::LoginName,
            ..
        }) => Faults::of("username", "is taken"),
        Err(Failure::Rejected(_)) => return Err(PageError::stale()),
        Err(failure) => return Err(trouble(failure).into()),
    };
    page(&visitor, Some(&form), &faults, None).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(value_type: AttributeType, editable: bool) -> AttributeSchema {
        AttributeSchema {
            value_type,
            required: false,
            max_length: None,
            one_of: Vec::new(),
            claim: false,
            editable,
        }
    }

    fn settings(username_changes: bool) -> RegistrationSettings {
        let attributes = [
            ("size", schema(AttributeType::Integer, true)),
            ("news", schema(AttributeType::Boolean, true)),
            ("tags", schema(AttributeType::StringList, true)),
            ("grade", schema(AttributeType::String, false)),
        ];
        RegistrationSettings {
            attributes: attributes.map(|(name, one)| (name.to_owned(), one)).into(),
            username_changes,
            ..RegistrationSettings::default()
        }
    }

    #[test]
    fn a_form_changes_what_people_may_change_and_nothing_else_that_it_holds() {
        let form = Form::parse(
            b"username=bob&email=b%40example.org&email_verified=true&phone=%2B41&name=+Bob+&given_name=&attribute.grade=9\
              &attribute.size=7&attribute.news=true&attribute.tags=a%0D%0A%0D%0Ab",
        )
        .unwrap();
        let patch_of = |username_changes| patch(&settings(username_changes), &form).unwrap();
        let patch = patch_of(false);
        assert_eq!(
            (&patch.username, &patch.email, &patch.phone),
            (&None, &None, &None)
        );
        assert_eq!((patch.email_verified, patch.phone_verified), (None, None));
        assert_eq!(patch.name, Some(Some("Bob".to_owned())));
        assert_eq!((patch.given_name, patch.family_name), (Some(None), None));
        let attributes = patch.attributes.unwrap().unwrap();
        assert_eq!(
            serde_json::json!(attributes),
            serde_json::json!({ "size": 7, "news": true, "tags": ["a", "b"] })
        );
        assert_eq!(patch_of(true).username, Some(Some("bob".to_owned())));
    }

    #[test]
    fn what_is_not_of_its_kind_is_told_and_what_is_empty_is_taken_away() {
        for wrong in ["attribute.size=x", "attribute.news=maybe"] {
            let form = Form::parse(wrong.as_bytes()).unwrap();
            assert!(patch(&settings(false), &form).is_err(), "{wrong}");
        }
        let form = Form::parse(b"attribute.size=").unwrap();
        let attributes = patch(&settings(false), &form)
            .unwrap()
            .attributes
            .unwrap()
            .unwrap();
        assert_eq!(attributes["size"], Value::Null);
    }

    #[test]
    fn a_field_holds_what_it_says() {
        for (value, kind) in [
            (serde_json::json!("a b"), AttributeType::String),
            (serde_json::json!(-7), AttributeType::Integer),
            (serde_json::json!(false), AttributeType::Boolean),
            (serde_json::json!(["a", "b c"]), AttributeType::StringList),
        ] {
            assert_eq!(meant(&schema(kind, true), &said(&value)), Some(value));
        }
    }
}
