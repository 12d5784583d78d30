//! Whether an access token is good, and for what (RFC 7662).
//! The rule: only a confidential client is answered, only about a token of this realm that concerns it, and everything in doubt is
//! `{"active": false}` without a reason.
//!
//! A token concerns a client if it was issued to that client, or names it as an audience (by its `client_id`, its id, or one of its configured
//! audiences); a service application is asked by others on behalf of resources (a gateway) and may ask about every token of its realm.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    applications::{Application, ApplicationType},
    envelope::Actor,
    ids::ApplicationId,
    users::User,
};
use http::request::Parts;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    AccessToken, Edge, Path, Problem, TokenRefused,
    access::{network, request_id},
    bearer::Scheme,
    clients,
    form::Form,
    oauth::{OAuthError, OAuthErrorBody},
};

use super::{Issuer, open_realm};
use crate::{Queries, etag::NO_STORE};

/// What is said of a token (RFC 7662, section 2.2).
#[derive(Debug, Serialize, ToSchema)]
struct Introspection {
    /// Whether it is good now. If not, nothing else is said.
    active: bool,
    #[serde(flatten)]
    token: Option<ActiveToken>,
}

/// A token that is good now.
#[derive(Debug, Serialize, ToSchema)]
struct ActiveToken {
    /// What it may be used for, separated by spaces.
    scope: String,
    /// To which application it was issued.
    client_id: String,
    /// The name that its user signs in with, if the scope `profile` releases it.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// `Bearer`, or `DPoP` for one that is bound to a key.
    token_type: &'static str,
    /// What it is bound to (RFC 7800): the thumbprint of a key (RFC 9449, 6.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    cnf: Option<Value>,
    /// Who acts for its subject, and for whom they act in turn (RFC 8693, 4.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    act: Option<Value>,
    /// When it ends, in seconds since 1970.
    exp: i64,
    /// When it was issued, in seconds since 1970.
    iat: i64,
    /// Its user, or the application that acts for itself.
    sub: String,
    /// For which resources.
    aud: Vec<String>,
    /// The issuer.
    iss: String,
    /// Its own id.
    jti: Uuid,
    /// The session that it came of.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
}

/// The form of a request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the form, which is read by name")]
struct IntrospectionForm {
    /// The token.
    token: String,
    /// `access_token`; only access tokens are known here, whatever it says.
    token_type_hint: Option<String>,
    /// For `client_secret_post`.
    client_id: Option<String>,
    /// For `client_secret_post`.
    client_secret: Option<String>,
}

/// Whether an access token is good, and for what.
#[utoipa::path(
    post,
    path = "/realms/{realm}/oauth2/introspect",
    tag = "oauth",
    params(Issuer),
    request_body(content = IntrospectionForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What is said of the token", body = Introspection),
        (status = 400, description = "The request is malformed", body = OAuthErrorBody),
        (status = 401, description = "The client did not prove who it is", body = OAuthErrorBody),
    )
)]
pub(super) async fn introspect(
    State(queries): State<Queries>,
    Path(realm): Path<String>,
    parts: Parts,
    form: Result<Form, OAuthError>,
) -> Result<Response, Refused> {
    let edge = &queries.edge;
    let realm = open_realm(edge, &realm).await?;
    let form = form?;
    let mut context = edge.kernel().context(Actor {
        request: Some(request_id(&parts, edge)),
        ..Actor::default()
    });
    context.network = Some(network(&parts));
    let client = clients::authenticate(edge, &realm, "introspect", &parts.headers, &form, &context).await?;
    if !client.confidential {
        // RFC 7662, section 2.1: otherwise anybody could try tokens out.
        return Err(OAuthError::invalid_client().into());
    }
    let token = form
        .given("token")
        .ok_or_else(|| OAuthError::invalid_request("token is missing"))?;
    let said = match edge.verify_access_token_of(&realm, token).await {
        Ok(token) if concerns(client.id, &client.state, token.client, &token.audience) => Introspection {
            active: true,
            token: Some(describe(edge, token).await?),
        },
        Ok(_) | Err(TokenRefused::Invalid(_) | TokenRefused::Proof(..)) => Introspection {
            active: false,
            token: None,
        },
        Err(TokenRefused::Unavailable(error)) => return Err(OAuthError::from(error).into()),
    };
    Ok(([NO_STORE], Json(said)).into_response())
}

/// Why there is no answer: there is no such realm, or OAuth has a word for it.
pub(super) enum Refused {
    Problem(Problem),
    OAuth(OAuthError),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Refused::Problem(problem)
    }
}

impl From<OAuthError> for Refused {
    fn from(error: OAuthError) -> Self {
        Refused::OAuth(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Refused::Problem(problem) => problem.into_response(),
            Refused::OAuth(error) => error.into_response(),
        }
    }
}

async fn describe(edge: &Edge, token: AccessToken) -> Result<ActiveToken, OAuthError> {
    let username = match token.user.filter(|_| token.scopes.contains("profile")) {
        Some(user) => {
            edge.kernel()
                .current::<User>(token.realm.id, user.0)
                .await?
                .state
                .profile
                .username
        }
        None => None,
    };
    Ok(ActiveToken {
        scope: Vec::from_iter(token.scopes).join(" "),
        client_id: token.client_id,
        username,
        token_type: Scheme::of(token.jkt.as_ref()).as_str(),
        cnf: token.claims.get("cnf").cloned(),
        act: token.claims.get("act").cloned(),
        exp: token.expires.seconds(),
        iat: token.issued.seconds(),
        sub: token.claims.subject().to_owned(),
        aud: token.audience,
        iss: token.claims.issuer().to_owned(),
        jti: token.jti,
        sid: token.session.map(|session| session.0),
    })
}

/// Whether a token concerns a client.
fn concerns(
    client: ApplicationId,
    application: &Application,
    token_client: ApplicationId,
    audience: &[String],
) -> bool {
    let own: BTreeSet<_> = [application.client_id.clone(), client.to_string()]
        .into_iter()
        .chain(application.settings.audiences.iter().cloned())
        .collect();
    application.application_type == Some(ApplicationType::Service)
        || token_client == client
        || audience.iter().any(|resource| own.contains(resource))
}

#[cfg(test)]
mod tests {
    use events::applications::ApplicationSettings;
    use serde_json::json;

    use super::*;

    const CLIENT: ApplicationId = ApplicationId(Uuid::from_u128(1));
    const OTHER: ApplicationId = ApplicationId(Uuid::from_u128(2));

    fn application(application_type: ApplicationType) -> Application {
        Application {
            client_id: "orders".to_owned(),
            application_type: Some(application_type),
            settings: ApplicationSettings {
                audiences: vec!["https://orders.example".to_owned()],
                ..ApplicationSettings::default()
            },
            ..Application::default()
        }
    }

    fn concerned(application_type: ApplicationType, token_client: ApplicationId, audience: &[&str]) -> bool {
        let audience: Vec<_> = audience.iter().map(|&resource| resource.to_owned()).collect();
        concerns(CLIENT, &application(application_type), token_client, &audience)
    }

    #[test]
    fn a_client_learns_of_its_own_tokens_and_of_those_meant_for_it() {
        let web = ApplicationType::Web;
        assert!(concerned(web, CLIENT, &[]));
        assert!(concerned(web, OTHER, &["https://orders.example"]));
        assert!(concerned(web, OTHER, &["orders"]));
        assert!(concerned(web, OTHER, &[&CLIENT.to_string()]));
        assert!(!concerned(web, OTHER, &["https://invoices.example"]));
        assert!(!concerned(web, OTHER, &[]));
    }

    #[test]
    fn a_service_learns_of_every_token_of_its_realm() {
        assert!(concerned(
            ApplicationType::Service,
            OTHER,
            &["https://invoices.example"]
        ));
    }

    #[test]
    fn of_a_token_that_is_not_good_nothing_is_said() {
        let said = serde_json::to_value(Introspection {
            active: false,
            token: None,
        })
        .unwrap();
        assert_eq!(said, json!({ "active": false }));
    }
}
