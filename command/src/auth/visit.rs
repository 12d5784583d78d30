//! What a handler of the realm surface knows of its request before it looks at any parameter: the realm, the
//! caller's network, the request's id. The rule: a realm that does not exist and one that is suspended answer
//! the same; a body is a form of the one type that forms have.

use std::{convert::Infallible, sync::OnceLock};

use axum::{
    extract::{FromRef, FromRequest, FromRequestParts, RawPathParams, Request},
    response::Response,
};
use events::{
    envelope::Actor,
    event::Network,
    kernel::{Context, KernelError},
    languages::Language,
};
use http::{HeaderMap, Method, header, request::Parts};
use uuid::Uuid;
use web::{
    Code, Edge, Problem, RealmRef, access,
    clients::{self, Client},
    dpop::Sent,
    form::{self, Form, FormError},
    limits::Asked,
    oauth::OAuthError,
};

use super::{
    page::{PageError, Wrong},
    session_cookie::{self, Browser},
    sessions::SignedIn,
};
use crate::words::{self, Say};

/// One request to a realm that is there and works. As an extractor it is for pages: what fails is a page.
pub struct Visit {
    /// The HTTP edge.
    pub edge: Edge,
    /// The realm.
    pub realm: RealmRef,
    /// By which the operator finds the request.
    pub request_id: Uuid,
    /// Where it came from.
    pub network: Network,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its method.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// The request, as limits of rates see it.
    pub asked: Asked,
    /// In which language it is answered, and in whose name.
    pub say: Say,
    /// The language that the request asks for itself, for the browser to keep.
    wished: OnceLock<Language>,
}

impl Visit {
    /// The realm's issuer.
    pub fn issuer(&self) -> String {
        self.edge.issuer(&self.realm)
    }

    /// The path of the realm's sign-in page.
    pub fn sign_in_path(&self) -> String {
        format!("/realms/{}/sign-in", self.realm.name)
    }

    /// The request as a DPoP proof must name it.
    pub fn sent(&self) -> Sent<'_> {
        Sent {
            headers: &self.headers,
            method: self.method.as_str(),
            path: &self.path,
        }
    }

    /// The circumstances of a decision.
    pub fn context(&self, actor: Actor) -> Context {
        let mut context = self.edge.kernel().context(Actor {
            request: Some(self.request_id),
            ..actor
        });
        context.network = Some(self.network.clone());
        context
    }

    /// The circumstances of a decision in a session.
    pub fn context_of(&self, signed_in: &SignedIn) -> Context {
        self.context(Actor {
            user: Some(signed_in.user),
            session: Some(signed_in.id),
            ..Actor::default()
        })
    }

    /// The application that sent this form to the endpoint of this name (below `oauth2/`), counted by its limits.
    pub async fn client(&self, endpoint: &str, form: &Form, context: &Context) -> Result<Client, OAuthError> {
        let (edge, realm) = (&self.edge, &self.realm);
        let client = clients::authenticate(edge, realm, endpoint, &self.headers, form, context).await?;
        self.asked.known(edge, client.id, None).await?;
        Ok(client)
    }

    /// Gives the browser its value, if it does not have it yet.
    pub fn remember(&self, browser: &Browser, headers: &mut HeaderMap) -> Result<(), KernelError> {
        if let Some(cookie) = browser.set(&self.edge, self.realm.id)? {
            headers.append(header::SET_COOKIE, cookie);
        }
        Ok(())
    }

    /// Takes the language that is asked for by what a request names and does not carry itself (RFC 9101, RFC 9126): the pages that
    /// it leads to are in it.
    pub async fn wish(&self, ui_locales: Option<&str>) -> Result<(), KernelError> {
        let settings = self.edge.settings(self.realm.id).await?.languages;
        if let Some(language) = words::wished(&settings, ui_locales) {
            self.wished.get_or_init(|| language);
        }
        Ok(())
    }

    /// The answer, or the page that says what is wrong.
    pub fn answer(&self, answer: Result<Response, PageError>) -> Response {
        let mut response = answer.unwrap_or_else(|error| error.into_page(&self.say, self.request_id));
        if let Some(language) = self.wished.get()
            && let Some(cookie) = session_cookie::keep_language(self, *language)
            && !response
                .headers()
                .get_all(header::SET_COOKIE)
                .iter()
                .any(|set| set == cookie)
        {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// The realm that the path names, if it is there and works.
async fn open_realm<S: Send + Sync>(edge: &Edge, parts: &mut Parts, state: &S) -> Result<RealmRef, Closed> {
    let named = RawPathParams::from_request_parts(parts, state)
        .await
        .ok()
        .and_then(|params| {
            params
                .iter()
                .find(|(name, _)| *name == "realm")
                .map(|(_, value)| value.to_owned())
        })
        .unwrap_or_default();
    match edge.open_realm(&named).await {
        Ok(Some(realm)) => Ok(realm),
        Ok(None) => Err(Closed { named, error: None }),
        Err(error) => Err(Closed {
            named,
            error: Some(error),
        }),
    }
}

/// There is no such realm, it is suspended, or that could not be known.
struct Closed {
    named: String,
    error: Option<KernelError>,
}

/// What the query asks for as the language.
fn ui_locales(parts: &Parts) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "ui_locales")
        .map(|(_, value)| value.into_owned())
}

async fn visit<S: Send + Sync>(edge: Edge, parts: &mut Parts, state: &S) -> Result<Visit, Closed> {
    let realm = open_realm(&edge, parts, state).await?;
    let settings = edge.settings(realm.id).await.map_err(|error| Closed {
        named: realm.name.clone(),
        error: Some(error),
    })?;
    let (ui_locales, kept) = (
        ui_locales(parts),
        session_cookie::language(&edge, realm.id, &parts.headers),
    );
    let language = words::choice(&settings.languages, ui_locales.as_deref(), kept, &parts.headers);
    let wished = words::wished(&settings.languages, ui_locales.as_deref());
    Ok(Visit {
        say: Say::of(&realm, &settings, language),
        wished: wished.map_or_else(OnceLock::new, OnceLock::from),
        asked: Asked::of(parts, &edge, realm.id),
        realm,
        request_id: access::request_id(parts, &edge),
        network: access::network(parts),
        headers: parts.headers.clone(),
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        edge,
    })
}

impl<S: Send + Sync> FromRequestParts<S> for Visit
where
    Edge: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let edge = Edge::from_ref(state);
        let request_id = access::request_id(parts, &edge);
        visit(edge, parts, state).await.map_err(|closed| {
            let error = closed.error.map_or_else(PageError::no_realm, PageError::from);
            error.into_page(&words::nowhere(&closed.named, &parts.headers), request_id)
        })
    }
}

/// The same for endpoints that programs call: what fails is a problem.
pub struct Call(pub Visit);

impl<S: Send + Sync> FromRequestParts<S> for Call
where
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        visit(Edge::from_ref(state), parts, state)
            .await
            .map(Self)
            .map_err(|closed| {
                closed
                    .error
                    .map_or_else(|| Problem::new(Code::NotFound), Problem::from)
            })
    }
}

/// The parameters of a page's query.
pub struct Query(pub Result<Form, PageError>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(
            Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).map_err(PageError::from),
        ))
    }
}

/// The parameters of a page's body. What may be in a body is not looked for in the query.
pub struct Body(pub Result<Form, PageError>);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let (parts, body) = request.into_parts();
        let form = match axum::body::to_bytes(body, form::MAX_BYTES).await {
            Ok(body) => Form::of_body(&parts.headers, &body),
            Err(_) => Err(FormError::TooLong),
        };
        Ok(Self(form.map_err(PageError::from)))
    }
}

impl From<FormError> for PageError {
    fn from(error: FormError) -> Self {
        PageError::of(Wrong::Form, "invalid_request", error.to_string())
    }
}
