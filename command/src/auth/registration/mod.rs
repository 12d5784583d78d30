//! Dynamic client registration (RFC 7591, RFC 7592; OpenID Connect Dynamic Client Registration 1.0): applications that register by
//! themselves. The rule: the realm says who may; whoever does is a third party that people are asked about, gets no more than the realm
//! offers to strangers, and manages its registration by a token that is replaced at each change.
//!
//! | who may (`oauth.dynamic_registration`) | with | limited by |
//! | --- | --- | --- |
//! | `disabled`: nobody | | the endpoint is not there |
//! | `token`: whoever an administrator lets | an initial access token as `Bearer` | its uses and its time |
//! | `open`: anybody | nothing (or such a token) | 60 in ten minutes from one address, 1,000 an hour in all |
//!
//! | step | request (below `/realms/{realm}`) | answer |
//! | --- | --- | --- |
//! | register | `POST oauth2/register`, the metadata as JSON | 201: the metadata as registered, `client_id`, `client_secret`, `registration_access_token`, `registration_client_uri` |
//! | read | `GET oauth2/register/{client_id}` with that token | 200: the metadata |
//! | change | `PUT`, all of the metadata and the `client_id` | 200: the same with a new `registration_access_token`; the one before is void |
//! | end | `DELETE` | 204: the application is disabled, and so are all of its tokens |
//!
//! | error | when |
//! | --- | --- |
//! | 400 `invalid_redirect_uri` | a redirect URI is not as it must be |
//! | 400 `invalid_client_metadata` | anything else of it is not; what is not known is ignored |
//! | 401 `invalid_token` | the token is over, used up, replaced, withdrawn or of another application |
//! | 429 `temporarily_unavailable` | too many; `Retry-After` tells when to come back |
//!
//! What a secret is kept as does not give it back: it is shown when it is made, and not when the registration is read.

mod decisions;
pub(super) mod manage;
mod metadata;

use axum::{
    Json,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use events::{
    applications::{Application, ApplicationSettings},
    clock::Timestamp,
    envelope::Actor,
    ids::{ApplicationId, RealmId},
    kernel::{Context, Failure, Kernel, KernelError},
    realms::{DynamicRegistration, Settings},
};
use http::{HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;
use web::{
    Code, Problem, artefacts,
    bearer::{self, Scheme},
    oauth::{OAuthError, OAuthErrorBody},
};

use self::{
    decisions::{RegisterByItself, Rejection},
    metadata::Refused,
};
use super::{
    Issuer, page, trouble,
    visit::{Call, Visit},
};
use crate::{
    applications::{
        initial_access,
        register::RegisterApplication,
        secrets::{NewSecret, generate},
    },
    realms::publish_signing_keys,
};

/// What scanners of repositories know a registration access token by.
const PREFIX: &str = "chr_";
const PURPOSE: &str = "registration";
/// A registration has no end of its own.
const CENTURY: u64 = 100 * 365 * 86_400;

/// What a registration access token holds: whose registration it manages, and which of its tokens it is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Managing {
    application: ApplicationId,
    number: u64,
}

impl Managing {
    async fn seal(self, kernel: &Kernel, realm: RealmId) -> Result<SecretString, KernelError> {
        let end = kernel.now().after_seconds(CENTURY);
        let sealed = artefacts::seal(kernel, realm, PURPOSE, &[], &self, end).await?;
        Ok(format!("{PREFIX}{sealed}").into())
    }

    async fn open(kernel: &Kernel, realm: RealmId, token: &str) -> Result<Option<Self>, KernelError> {
        match token.strip_prefix(PREFIX) {
            Some(sealed) => artefacts::open(kernel, realm, PURPOSE, &[], sealed).await,
            None => Ok(None),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Refusal {
    /// No token, where one is needed.
    NothingPresented,
    /// A token that is good for nothing here (any more).
    InvalidToken,
    /// What is wrong with the request.
    OAuth(OAuthError),
    /// The realm lets nobody register.
    NotHere,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let challenge = match self {
            Self::OAuth(error) => return error.into_response(),
            Self::NotHere => return Problem::new(Code::NotFound).into_response(),
            Self::NothingPresented => "Bearer",
            Self::InvalidToken => {
                "Bearer error=\"invalid_token\", error_description=\"the token is over, used up, replaced or of another application\""
            }
        };
        let mut response = StatusCode::UNAUTHORIZED.into_response();
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        page::unstored(response.headers_mut());
        response
    }
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

impl From<KernelError> for Refusal {
    fn from(error: KernelError) -> Self {
        Self::OAuth(error.into())
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::OAuth(refused.into())
    }
}

impl From<Failure<Rejection>> for Refusal {
    fn from(failure: Failure<Rejection>) -> Self {
        match failure {
            Failure::Rejected(Rejection::Void) => Self::InvalidToken,
            Failure::Rejected(Rejection::Metadata(refused)) => refused.into(),
            Failure::Rejected(Rejection::Application(rejection)) => {
                OAuthError::refused("invalid_client_metadata", rejection.to_string()).into()
            }
            failure => trouble(failure).into(),
        }
    }
}

/// The metadata as they were sent.
pub struct Metadata(Result<Map<String, Value>, OAuthError>);

impl<S: Send + Sync> FromRequest<S> for Metadata {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let read = web::json::read::<Map<String, Value>, S>(request, state).await;
        Ok(Self(read.map(|(metadata, _)| metadata).map_err(|problem| {
            let why = match problem.code() {
                Code::UnsupportedMediaType => "the metadata are sent as application/json",
                Code::TooLarge => "the metadata are too long",
                _ => "the metadata are one JSON object, in which no member is there twice",
            };
            OAuthError::refused("invalid_client_metadata", why)
        })))
    }
}

/// Register an application (RFC 7591, section 3). In a realm whose `oauth.dynamic_registration` is `token`, with an initial access
/// token as `Bearer`.
#[utoipa::path(
    post, path = "/realms/{realm}/oauth2/register", tag = "oauth", operation_id = "register_client", params(Issuer),
    request_body(content = Object, content_type = "application/json", description = "Client metadata (RFC 7591, section 2)"),
    extensions(("x-events" = json!([
        "application.registered", "application.secret_added", "application.registration_token_issued",
        "initial_access.used"
    ]))),
    responses(
        (status = 201, description = "The application as it is registered, and what it manages that by", body = Object),
        (status = 400, description = "`invalid_redirect_uri` or `invalid_client_metadata`", body = OAuthErrorBody),
        (status = 401, description = "The initial access token is missing, over or used up"),
        (status = 404, description = "The realm lets nobody register", body = web::ProblemBody),
        (status = 429, description = "Too many: `Retry-After` tells when to come back", body = OAuthErrorBody),
    ),
)]
pub(super) async fn register(Call(visit): Call, Metadata(metadata): Metadata) -> Result<Response, Refusal> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let settings = open(&visit).await?;
    let initial = match presented(&visit)? {
        Some(token) => {
            let id = initial_access::open(kernel, realm, token).await?;
            Some(id.ok_or(Refusal::InvalidToken)?)
        }
        None if settings.oauth.dynamic_registration == DynamicRegistration::Token => {
            return Err(Refusal::NothingPresented);
        }
        None => {
            // Nobody fills a realm with applications.
            let limits = ["client_registration", "client_registration_of_realm"];
            let counted = visit.asked.named(&visit.edge, &limits).await;
            counted.map_err(OAuthError::from)?;
            None
        }
    };
    let (application_type, asked) = metadata::understand(&metadata?, None, &settings)?;
    check_sector(&visit, &asked).await?;
    let context = visit.context(Actor::default());
    let application = ApplicationId(context.new_id());
    let has_secret = application_type.is_confidential() && asked.has_secrets();
    let value = has_secret.then(|| generate(&**kernel.random()));
    let command = RegisterByItself {
        application: RegisterApplication {
            realm,
            application,
            client_id: None,
            application_type,
            settings: asked,
            secret: secret(&visit, &context, value.as_ref()).await?,
            by_itself: true,
        },
        initial,
    };
    kernel.execute(&context, &command).await?;
    publish_signing_keys(&visit.edge, realm, &command.application.settings).await;
    let token = Managing {
        application,
        number: 1,
    };
    answer(
        &visit,
        StatusCode::CREATED,
        Some(token),
        application,
        value.as_ref(),
    )
    .await
}

/// The realm's settings, if anybody may register there.
async fn open(visit: &Visit) -> Result<Settings, Refusal> {
    let settings = visit.edge.settings(visit.realm.id).await?;
    if settings.oauth.dynamic_registration == DynamicRegistration::Disabled {
        return Err(Refusal::NotHere);
    }
    Ok(settings)
}

/// The token of the `Authorization` header; it is nowhere else.
fn presented(visit: &Visit) -> Result<Option<&str>, Refusal> {
    let presented = bearer::presented(&visit.headers, None, None);
    let presented = presented.map_err(|wrong| OAuthError::invalid_request(wrong.to_string()))?;
    match presented {
        None => Ok(None),
        Some(presented) if presented.scheme == Scheme::Bearer => Ok(Some(presented.token)),
        Some(_) => Err(Refusal::InvalidToken),
    }
}

/// What is kept of a secret, if there is one.
async fn secret(
    visit: &Visit,
    context: &Context,
    value: Option<&SecretString>,
) -> Result<Option<NewSecret>, KernelError> {
    match value {
        Some(value) => {
            let kernel = visit.edge.kernel();
            NewSecret::of(kernel, visit.realm.id, context, value, None)
                .await
                .map(Some)
        }
        None => Ok(None),
    }
}

/// Fetches the document of a sector, and looks whether it lists what it must (OpenID Connect Dynamic Client Registration, section 5).
async fn check_sector(visit: &Visit, settings: &ApplicationSettings) -> Result<(), Refusal> {
    let Some(address) = &settings.sector_identifier_uri else {
        return Ok(());
    };
    let unreachable = || Refused::Metadata("sector_identifier_uri could not be fetched".to_owned());
    let address = Url::parse(address).map_err(|_| unreachable())?;
    let document = visit.edge.documents().refresh(&address).await;
    let document = document.map_err(|error| {
        tracing::debug!(%error, "the document of a sector could not be fetched");
        unreachable()
    })?;
    Ok(metadata::check_sector(&document, settings)?)
}

/// The application as it is registered now (RFC 7591, 3.2.1). A secret is told when it is made.
async fn answer(
    visit: &Visit,
    status: StatusCode,
    token: Option<Managing>,
    application: ApplicationId,
    secret: Option<&SecretString>,
) -> Result<Response, Refusal> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let state = kernel.latest::<Application>(realm, application.0).await?.state;
    let mut told = metadata::told(&state);
    if let Some(secret) = secret {
        told.insert("client_secret".to_owned(), json!(secret.expose_secret()));
    }
    if state.is_confidential() && state.settings.has_secrets() {
        let mut ends = state
            .secrets
            .iter()
            .map(|one| one.expires.map_or(0, Timestamp::seconds));
        told.insert(
            "client_secret_expires_at".to_owned(),
            json!(ends.next_back().unwrap_or_default()),
        );
    }
    if let Some(token) = token {
        let token = token.seal(kernel, realm).await?;
        told.insert(
            "registration_access_token".to_owned(),
            json!(token.expose_secret()),
        );
    }
    let place = format!("{}/oauth2/register/{application}", visit.issuer());
    told.insert("registration_client_uri".to_owned(), json!(place));
    let mut response = (status, Json(told)).into_response();
    page::unstored(response.headers_mut());
    Ok(response)
}

/// The id that a `client_id` is, where applications register by themselves.
fn id_of(client_id: &str) -> Option<ApplicationId> {
    let id = ApplicationId(Uuid::try_parse(client_id).ok()?);
    (id.to_string() == client_id).then_some(id)
}
