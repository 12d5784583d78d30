//! The command and the query API as a client sees them: requests with a token, answers with everything in them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use reqwest::{Client, Method, RequestBuilder, header::HeaderMap, redirect::Policy};
use serde_json::{Value, json};

use super::{CLIENT_ID, CLIENT_SECRET, Server, carried};

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// Sends a request and reads the answer.
    ///
    /// # Panics
    /// If there is none.
    pub async fn to(request: RequestBuilder) -> Self {
        Self::try_to(request)
            .await
            .unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// Sends a request that may stay without an answer.
    pub async fn try_to(request: RequestBuilder) -> Result<Self, reqwest::Error> {
        let (client, request) = request.build_split();
        let request = request?;
        let asked = format!("{} {}", request.method(), request.url());
        let response = client.execute(request).await?;
        carried::note(&asked, response.headers());
        if is_endless(&response) {
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let text = String::new();
            return Ok(Self {
                asked,
                status,
                headers,
                text,
            });
        }
        Self::try_read(asked, response).await
    }

    /// Reads an answer that has begun.
    ///
    /// # Panics
    /// If it cannot be read.
    pub async fn read(asked: String, response: reqwest::Response) -> Self {
        Self::try_read(asked, response)
            .await
            .unwrap_or_else(|error| panic!("half an answer: {error:?}"))
    }

    async fn try_read(asked: String, response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self {
            asked,
            status,
            headers,
            text: response.text().await?,
        })
    }

    /// Asserts the status.
    #[must_use]
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(
            self.status, status,
            "{}\n{:#?}\n{}",
            self.asked, self.headers, self.text
        );
        self
    }

    /// Asserts a problem (RFC 9457) of a status and a code.
    #[must_use]
    #[track_caller]
    pub fn is_problem(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.code(), code, "{}\n{}", answer.asked, answer.text);
        answer
    }

    /// Asserts an OAuth error (RFC 6749, section 5.2).
    #[must_use]
    #[track_caller]
    pub fn is_oauth_error(self, status: u16, error: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.json()["error"], error, "{}\n{}", answer.asked, answer.text);
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{}",
            answer.asked
        );
        answer
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| {
            panic!(
                "{}: {} and no JSON ({error}): {}",
                self.asked, self.status, self.text
            )
        })
    }

    /// A text of the body.
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        match &self.json()[name] {
            Value::String(text) => text.clone(),
            other => panic!("{}: {name} is {other}, not a text, in {}", self.asked, self.text),
        }
    }

    /// The ids of a list's items.
    #[track_caller]
    pub fn ids(&self) -> Vec<String> {
        self.items()
            .iter()
            .map(|item| item["id"].as_str().expect("an id").to_owned())
            .collect()
    }

    /// A list's items.
    #[track_caller]
    pub fn items(&self) -> Vec<Value> {
        self.json()["items"]
            .as_array()
            .unwrap_or_else(|| panic!("{}: no items: {}", self.asked, self.text))
            .clone()
    }

    /// A header, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The `code` of a problem; checks that it is one.
    #[track_caller]
    pub fn code(&self) -> String {
        let kind = self.header("content-type").unwrap_or_default();
        assert!(
            kind.starts_with("application/problem+json"),
            "{}: {kind}: {}",
            self.asked,
            self.text
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{}: {problem}", self.asked);
        for member in ["type", "title", "code", "request_id"] {
            let text = problem[member].as_str();
            assert!(
                text.is_some_and(|text| !text.is_empty()),
                "{}: no {member}: {problem}",
                self.asked
            );
        }
        problem["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The fields that a 422 names.
    #[track_caller]
    pub fn faults(&self) -> String {
        self.json()["errors"].to_string()
    }
}

/// Whether an answer goes on until one leaves: of such a one only the head is read.
fn is_endless(response: &reqwest::Response) -> bool {
    let kind = response.headers().get("content-type");
    kind.is_some_and(|kind| kind == "text/event-stream")
}

/// A caller of both APIs.
#[derive(Clone, Debug)]
pub struct Api {
    http: Client,
    base: String,
    token: String,
    /// The position of the last write by realm: one realm's says nothing about another's.
    positions: Arc<Mutex<BTreeMap<String, String>>>,
    /// A shared server runs as long as somebody calls it.
    _shared: Option<Arc<Server>>,
}

/// A client that follows nothing and keeps nothing.
pub(super) fn plain_client() -> Client {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .expect("a client")
}

impl Api {
    /// The administrator of the platform: the service application that the first start made.
    pub async fn admin(server: &Server) -> Self {
        let nobody = Self::anonymous(server);
        let request = nobody
            .http
            .post(format!("{}/realms/system/oauth2/token", server.base))
            .basic_auth(CLIENT_ID, Some(CLIENT_SECRET))
            .form(&[("grant_type", "client_credentials")]);
        let token = Answer::to(request).await.is(200).field("access_token");
        nobody.with_token(&token)
    }

    /// Somebody without a token.
    pub fn anonymous(server: &Server) -> Self {
        Self {
            http: plain_client(),
            base: server.base.clone(),
            token: String::new(),
            positions: Arc::default(),
            _shared: server.shared(),
        }
    }

    /// Another caller.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            positions: Arc::default(),
            ..self.clone()
        }
    }

    /// The same caller, who asks another node from now on; what was written is known there by its position.
    #[must_use]
    pub fn at(&self, server: &Server) -> Self {
        Self {
            // It may be the same address again, where none of the connections lives that were kept.
            http: plain_client(),
            base: server.base.clone(),
            ..self.clone()
        }
    }

    /// Where the server is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The HTTP client.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// A request to any path, with the token if there is one.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        if self.token.is_empty() {
            request
        } else {
            request.bearer_auth(&self.token)
        }
    }

    /// A command as a request, to be changed before it is sent with [`Api::told`].
    pub fn commanding(&self, method: Method, path: &str, body: &Value) -> RequestBuilder {
        let request = self.request(method, &format!("/command/v1{path}"));
        if body.is_null() {
            request
        } else {
            request.json(body)
        }
    }

    /// A command: `path` is relative to `/command/v1`; a body of `null` is none.
    pub async fn command(&self, method: Method, path: &str, body: Value) -> Answer {
        self.told(path, self.commanding(method, path, &body)).await
    }

    /// Sends a command that was changed, and remembers its position.
    pub async fn told(&self, path: &str, request: RequestBuilder) -> Answer {
        let answer = Answer::to(request).await;
        if let Some(position) = answer.header("chancery-position") {
            self.positions
                .lock()
                .expect("not poisoned")
                .insert(realm_of(path).to_owned(), position.to_owned());
        }
        answer
    }

    /// `POST`.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.command(Method::POST, path, body).await
    }

    /// `PATCH`.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.command(Method::PATCH, path, body).await
    }

    /// `PUT`.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.command(Method::PUT, path, body).await
    }

    /// `DELETE` without a body.
    pub async fn delete(&self, path: &str) -> Answer {
        self.command(Method::DELETE, path, Value::Null).await
    }

    /// A verb without a body.
    pub async fn act(&self, path: &str) -> Answer {
        self.post(path, json!({})).await
    }

    /// A read that sees this caller's last write: `path` is relative to `/query/v1`.
    pub async fn query(&self, path: &str) -> Answer {
        let mut request = self.request(Method::GET, &format!("/query/v1{path}"));
        if let Some(position) = self.position(path) {
            request = request.header("chancery-position", position);
        }
        Answer::to(request).await
    }

    /// The position of this caller's last write in the realm that a path is about; the platform's where there is none.
    pub fn position(&self, path: &str) -> Option<String> {
        let positions = self.positions.lock().expect("not poisoned");
        positions
            .get(realm_of(path))
            .or_else(|| positions.get(""))
            .cloned()
    }
}

/// The realm that a path names; empty if it names none.
fn realm_of(path: &str) -> &str {
    let rest = path.strip_prefix("/realms/").unwrap_or_default();
    rest.split(['/', '?']).next().unwrap_or_default()
}
