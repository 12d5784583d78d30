//! Whether a token is good, and for what (RFC 7662; signed where that is asked for, RFC 9701).
//! The rule: only a confidential client is answered, only about a token of this realm that concerns it, and everything in doubt is
//! `{"active": false}` without a reason.
//!
//! A token concerns a client if it was issued to that client, or names it as an audience (by its `client_id`, its id, or one of its configured
//! audiences); a service application is asked by others on behalf of resources (a gateway) and may ask about every access token of its realm,
//! unless it registered by itself: nobody vouches for such a one.
//! A refresh token concerns the client alone to which it was issued.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    applications::{Application, ApplicationType},
    envelope::Actor,
    ids::{ApplicationId, UserId},
    kernel::KernelError,
    users::User,
};
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use jose::Claims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    Edge, Path, Problem, RealmRef, Requirements, TokenRefused,
    access::{network, request_id},
    bearer::Scheme,
    claims::RESERVED,
    clients::{self, Client, Credentials},
    form::Form,
    limits::Asked,
    oauth::{OAuthError, OAuthErrorBody},
    subject,
    tokens::looks_like_access,
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
    /// `Bearer`, or `DPoP` for one that is bound to a key; of access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
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
    /// For which resources; of access tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aud: Vec<String>,
    /// The issuer.
    iss: String,
    /// Its own id; of access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<Uuid>,
    /// The session that it came of.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
    /// When its user signed in, and how; the claims that its application adds: what the token says, or would say if it could be read.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    others: Map<String, Value>,
}

/// The form of a request.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the form, which is read by name")]
struct IntrospectionForm {
    /// The token.
    token: String,
    /// `access_token` or `refresh_token`; a token tells itself which it is, whatever this says.
    token_type_hint: Option<String>,
    #[serde(flatten)]
    credentials: Credentials,
}

/// Whether a token is good, and for what. With `Accept: application/token-introspection+jwt` the answer is signed.
#[utoipa::path(
    post,
    path = "/realms/{realm}/oauth2/introspect",
    tag = "oauth",
    params(Issuer),
    request_body(content = inline(IntrospectionForm), content_type = "application/x-www-form-urlencoded"),
    extensions(("x-events" = json!(["client_authentication.succeeded", "client_authentication.failed"]))),
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
    let asked = Asked::of(&parts, edge, realm.id);
    let counted = asked.known(edge, client.id, None).await;
    counted.map_err(OAuthError::from)?;
    if !client.confidential {
        // RFC 7662, section 2.1: otherwise anybody could try tokens out.
        return Err(OAuthError::invalid_client().into());
    }
    let token = form
        .given("token")
        .ok_or_else(|| OAuthError::invalid_request("token is missing"))?;
    let known = if looks_like_access(token) {
        access_token(edge, &realm, &client, token).await
    } else {
        refresh_token(edge, &realm, &client, token).await
    };
    let token = match known {
        Ok(token) => token,
        Err(TokenRefused::Invalid(_) | TokenRefused::Proof(..)) => None,
        Err(TokenRefused::Unavailable(error)) => return Err(OAuthError::from(error).into()),
    };
    let said = Introspection {
        active: token.is_some(),
        token,
    };
    if wants_signed(&parts.headers) {
        let signed = signed(edge, &realm, &client, &said).await?;
        return Ok(([NO_STORE, SIGNED], signed).into_response());
    }
    Ok(([NO_STORE], Json(said)).into_response())
}

/// An answer that is signed (RFC 9701, section 5).
const SIGNED: (HeaderName, HeaderValue) = (
    header::CONTENT_TYPE,
    HeaderValue::from_static("application/token-introspection+jwt"),
);

/// Whether the client asks for a signed answer (RFC 9701, section 4).
fn wants_signed(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| {
            range
                .trim()
                .eq_ignore_ascii_case("application/token-introspection+jwt")
        })
}

/// The answer as a token for this client (RFC 9701, section 5).
async fn signed(
    edge: &Edge,
    realm: &RealmRef,
    client: &Client,
    said: &Introspection,
) -> Result<String, OAuthError> {
    let settings = edge.settings(realm.id).await?;
    let chosen = client.state.settings.introspection_signed_response_alg.as_deref();
    let key = match Requirements::of(&client.state, &settings).signing(chosen) {
        Some(algorithm) => edge.signing_key(realm.id, algorithm).await?,
        None => None,
    };
    let key = key.ok_or_else(|| OAuthError::unavailable(RETRY_AFTER))?;
    let claims = json!({
        "iss": edge.issuer(realm),
        "aud": client.state.client_id,
        "iat": edge.kernel().now().seconds(),
        "token_introspection": said,
    });
    key.sign("token-introspection+jwt", &claims).map_err(|error| {
        tracing::error!(%error, "an introspection could not be signed");
        OAuthError::server_error()
    })
}

/// When to try again where the realm has no key yet, in seconds.
const RETRY_AFTER: u64 = 2;

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

async fn access_token(
    edge: &Edge,
    realm: &RealmRef,
    client: &Client,
    text: &str,
) -> Result<Option<ActiveToken>, TokenRefused> {
    let token = edge.verify_access_token_of(realm, text).await?;
    if !concerns(client.id, &client.state, token.client, &token.audience) {
        return Ok(None);
    }
    Ok(Some(ActiveToken {
        username: username(edge, realm, token.user, &token.scopes).await?,
        scope: Vec::from_iter(token.scopes).join(" "),
        client_id: token.client_id,
        token_type: Some(Scheme::of(token.jkt.as_ref()).as_str()),
        cnf: token.claims.get("cnf").cloned(),
        act: token.claims.get("act").cloned(),
        exp: token.expires.seconds(),
        iat: token.issued.seconds(),
        sub: token.claims.subject().to_owned(),
        aud: token.audience,
        iss: token.claims.issuer().to_owned(),
        jti: Some(token.jti),
        sid: token.session.map(|session| session.0),
        others: others(&token.claims),
    }))
}

async fn refresh_token(
    edge: &Edge,
    realm: &RealmRef,
    client: &Client,
    text: &str,
) -> Result<Option<ActiveToken>, TokenRefused> {
    let token = edge.verify_refresh_token(realm, client, text).await?;
    Ok(Some(ActiveToken {
        username: username(edge, realm, Some(token.user), &token.scopes).await?,
        scope: Vec::from_iter(token.scopes).join(" "),
        client_id: client.state.client_id.clone(),
        token_type: None,
        cnf: token.jkt.map(|jkt| json!({ "jkt": jkt })),
        act: None,
        exp: token.expires.seconds(),
        iat: token.issued.seconds(),
        sub: subject::of(edge.kernel(), realm.id, &client.state, token.user).await?,
        aud: Vec::new(),
        iss: edge.issuer(realm),
        jti: None,
        sid: Some(token.session.0),
        others: Map::new(),
    }))
}

async fn username(
    edge: &Edge,
    realm: &RealmRef,
    user: Option<UserId>,
    scopes: &BTreeSet<String>,
) -> Result<Option<String>, KernelError> {
    let Some(user) = user.filter(|_| scopes.contains("profile")) else {
        return Ok(None);
    };
    let state = edge.kernel().current::<User>(realm.id, user.0).await?.state;
    Ok(state.profile.username)
}

/// What a token says besides what has a member of its own here.
fn others(claims: &Claims) -> Map<String, Value> {
    let sign_in = ["auth_time", "acr", "amr", "may_act"];
    let is_other = |name: &str| sign_in.contains(&name) || !(RESERVED.contains(&name) || name == "username");
    let claims = claims.as_map().iter();
    claims
        .filter(|(name, _)| is_other(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
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
    let is_gateway =
        application.application_type == Some(ApplicationType::Service) && !application.registered_itself();
    is_gateway || token_client == client || audience.iter().any(|resource| own.contains(resource))
}

#[cfg(test)]
mod tests {
    use events::applications::ApplicationSettings;

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
