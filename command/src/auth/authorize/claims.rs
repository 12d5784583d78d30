//! The `claims` parameter: claims asked for one by one, and who and how the user must be (OpenID Connect
//! Core, 5.5). The rule: it is read strictly; what is not known is left out, as the standard has it; what is
//! essential and cannot be is an error rather than an answer that lacks it.

use std::collections::BTreeSet;

use events::{
    auth::{Assurance, RequestedClaims},
    realms::Settings,
};
use serde_json::{Map, Value};
use web::claims::is_requestable;

use super::request::{AskedAssurance, Refusal, invalid, refused};

/// The longest parameter, in bytes.
const MAX_BYTES: usize = 8_192;

const MALFORMED: &str =
    "claims must be a JSON object with the members userinfo and id_token (OpenID Connect Core, 5.5)";

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The claims that are known.
    pub requested: RequestedClaims,
    /// The `sub` that the user must have.
    pub subject: Option<String>,
    /// What the sign-in should be worth.
    pub assurance: AskedAssurance,
}

/// Reads the parameter.
pub(super) fn parse(text: Option<&str>, settings: &Settings) -> Result<Asked, Refusal> {
    let Some(text) = text else {
        return Ok(Asked::default());
    };
    let Some(Value::Object(members)) = (text.len() <= MAX_BYTES)
        .then(|| serde_json::from_str(text).ok())
        .flatten()
    else {
        return invalid(MALFORMED);
    };
    let mut asked = Asked::default();
    for (member, value) in &members {
        let place = match member.as_str() {
            "userinfo" => &mut asked.requested.userinfo,
            "id_token" => &mut asked.requested.id_token,
            _ => continue,
        };
        let claims = match value {
            Value::Null => continue,
            Value::Object(claims) => claims,
            _ => return invalid(MALFORMED),
        };
        read(claims, settings, place, &mut asked.subject, &mut asked.assurance)?;
    }
    Ok(asked)
}

fn read(
    claims: &Map<String, Value>,
    settings: &Settings,
    known: &mut BTreeSet<String>,
    subject: &mut Option<String>,
    assurance: &mut AskedAssurance,
) -> Result<(), Refusal> {
    for (name, request) in claims {
        let wanted = Wanted::of(request)?;
        match name.as_str() {
            "acr" => {
                let known = || {
                    wanted
                        .values
                        .iter()
                        .filter_map(|value| Assurance::of_acr(value.as_str()?))
                };
                if !wanted.essential {
                    assurance.preferred = assurance.preferred.max(known().next());
                } else if let Some(least) = known().min() {
                    assurance.required = assurance.required.max(Some(least));
                } else if !wanted.values.is_empty() {
                    return refused(
                        "unmet_authentication_requirements",
                        "none of the essential acr values is known here",
                    );
                }
            }
            "sub" => match wanted.values[..] {
                [] => {}
                [Value::String(one)] if subject.as_ref().is_none_or(|other| other == one) => {
                    *subject = Some(one.clone());
                }
                _ => return invalid("claims must name at most one sub"),
            },
            _ if is_requestable(name, settings) => {
                known.insert(name.clone());
            }
            _ => {}
        }
    }
    Ok(())
}

/// How one claim is asked for: `null`, or an object with `essential`, `value`, `values`.
struct Wanted<'a> {
    essential: bool,
    /// The values that it should have; none for any.
    values: Vec<&'a Value>,
}

impl<'a> Wanted<'a> {
    fn of(request: &'a Value) -> Result<Self, Refusal> {
        let mut wanted = Self {
            essential: false,
            values: Vec::new(),
        };
        let members = match request {
            Value::Null => return Ok(wanted),
            Value::Object(members) => members,
            _ => return invalid(MALFORMED),
        };
        for (name, value) in members {
            match (name.as_str(), value) {
                ("essential", Value::Bool(essential)) => wanted.essential = *essential,
                ("value", value) => wanted.values.push(value),
                ("values", Value::Array(values)) => wanted.values.extend(values),
                ("essential" | "values", _) => return invalid(MALFORMED),
                _ => {}
            }
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Asked, &'static str> {
        parse(Some(text), &Settings::default()).map_err(|refusal| refusal.error)
    }

    #[test]
    fn known_claims_are_asked_for_where_they_are_due_and_others_are_left_out() {
        let asked = asked(
            r#"{"userinfo": {"email": null, "phone_number": {"essential": true}, "shoe_size": null},
                "id_token": {"name": {"value": "Alice"}, "auth_time": {"essential": true}, "iss": null},
                "other": 7}"#,
        )
        .unwrap();
        assert_eq!(
            asked.requested.userinfo,
            ["email", "phone_number"].map(str::to_owned).into()
        );
        assert_eq!(asked.requested.id_token, ["name".to_owned()].into());
        assert_eq!(asked.subject, None);
    }

    #[test]
    fn the_user_can_be_named() {
        let named = asked(r#"{"id_token": {"sub": {"value": "7"}}}"#).unwrap();
        assert_eq!(named.subject.as_deref(), Some("7"));
        for wrong in [
            r#"{"id_token": {"sub": {"value": 7}}}"#,
            r#"{"id_token": {"sub": {"values": ["7", "8"]}}}"#,
            r#"{"id_token": {"sub": {"value": "7"}}, "userinfo": {"sub": {"value": "8"}}}"#,
        ] {
            assert_eq!(asked(wrong), Err("invalid_request"), "{wrong}");
        }
    }

    #[test]
    fn an_essential_authentication_context_is_met_or_told() {
        assert!(
            asked(r#"{"id_token": {"acr": {"values": ["loa9"]}}}"#).is_ok(),
            "voluntary"
        );
        assert!(asked(r#"{"id_token": {"acr": {"essential": true}}}"#).is_ok());
        let ours = r#"{"id_token": {"acr": {"essential": true, "values": ["x", "urn:chancery:acr:aal2"]}}}"#;
        let assurance = asked(ours).unwrap().assurance;
        assert_eq!(
            (assurance.required, assurance.preferred),
            (Some(Assurance::Aal2), None)
        );
        let voluntary = r#"{"id_token": {"acr": {"values": ["x", "urn:chancery:acr:aal2"]}}}"#;
        let assurance = asked(voluntary).unwrap().assurance;
        assert_eq!(
            (assurance.required, assurance.preferred),
            (None, Some(Assurance::Aal2))
        );
        assert_eq!(
            asked(r#"{"id_token": {"acr": {"essential": true, "value": "loa9"}}}"#),
            Err("unmet_authentication_requirements")
        );
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let long = format!(r#"{{"userinfo": {{"{}": null}}}}"#, "x".repeat(MAX_BYTES));
        for wrong in [
            "",
            "null",
            "[]",
            "{",
            r#"{"userinfo": []}"#,
            r#"{"id_token": "email"}"#,
            r#"{"id_token": {"email": true}}"#,
            r#"{"id_token": {"email": {"essential": "yes"}}}"#,
            r#"{"id_token": {"email": {"values": "a"}}}"#,
            &long,
        ] {
            assert_eq!(asked(wrong), Err("invalid_request"), "{wrong}");
        }
    }
}
