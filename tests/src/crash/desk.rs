//! Where everything that is asked of a server goes through, so that it is written down with its answer.
//! The rule: nothing is sent around the journal that could leave an event.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use events::ids::RealmId;
use reqwest::{Client, Method, RequestBuilder, redirect::Policy};
use serde_json::Value;
use uuid::Uuid;

use super::journal::{Journal, Kind, Line, Outcome, outcome};
use crate::harness::{
    Answer, Api, Application, Authorization, CLIENT_ID, CLIENT_SECRET, Realm, Server, User, form_of,
};

/// Longer than the platform lets a request live.
const PATIENCE: Duration = Duration::from_secs(40);

/// The realm of the platform itself.
const SYSTEM: Uuid = RealmId::SYSTEM.0;

/// A command of the management API, as it can be sent again.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What it is.
    pub kind: Kind,
    /// The realm in which it is told.
    pub realm: Uuid,
    /// How.
    pub method: Method,
    /// Below `/command/v1`.
    pub path: String,
    /// What it says; `null` for nothing.
    pub body: Value,
    /// The version that it insists on.
    pub if_match: Option<u64>,
    /// The identity under which it may be sent again.
    pub key: Option<String>,
}

/// One who asks: with an administrator's token, in front of one node.
#[derive(Clone, Debug)]
pub struct Desk {
    http: Client,
    base: String,
    token: Arc<Mutex<String>>,
    journal: Journal,
}

/// A browser's cookies.
type Cookies = BTreeMap<String, String>;

impl Desk {
    /// In front of a server.
    pub fn new(server: &Server, journal: &Journal) -> Self {
        let http = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .build();
        Self {
            http: http.expect("a client"),
            base: server.base.clone(),
            token: Arc::default(),
            journal: journal.clone(),
        }
    }

    /// The same, in front of another node.
    #[must_use]
    pub fn at(&self, server: &Server) -> Self {
        Self {
            base: server.base.clone(),
            ..self.clone()
        }
    }

    /// What was asked and answered.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The administrator's token.
    pub fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gets a token for the administrator.
    pub async fn open(&self) -> Outcome {
        let request = self
            .http
            .post(format!("{}/realms/system/oauth2/token", self.base))
            .basic_auth(CLIENT_ID, Some(CLIENT_SECRET))
            .form(&[("grant_type", "client_credentials")]);
        let (answer, outcome) = self.ask(Kind::OwnToken, SYSTEM, None, request).await;
        if let Some(token) = answer.and_then(|answer| field(&answer, "access_token")) {
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        }
        outcome
    }

    /// Asks, and writes down what was answered.
    pub async fn ask(
        &self,
        kind: Kind,
        realm: Uuid,
        key: Option<&str>,
        request: RequestBuilder,
    ) -> (Option<Answer>, Outcome) {
        let asked = Instant::now();
        let answer = Answer::try_to(request).await.map_err(|error| error.to_string());
        let outcome = outcome(&answer);
        self.journal.write(Line {
            kind,
            realm,
            key: key.map(str::to_owned),
            outcome: outcome.clone(),
            asked,
            answered: Instant::now(),
        });
        (answer.ok(), outcome)
    }

    /// Sends a command of the management API.
    pub async fn wish(&self, wish: &Wish) -> (Option<Answer>, Outcome) {
        let url = format!("{}/command/v1{}", self.base, wish.path);
        let mut request = self
            .http
            .request(wish.method.clone(), url)
            .bearer_auth(self.token());
        if !wish.body.is_null() {
            request = request.json(&wish.body);
        }
        if let Some(version) = wish.if_match {
            request = request.header("if-match", format!("\"{version}\""));
        }
        if let Some(key) = &wish.key {
            request = request.header("idempotency-key", key);
        }
        self.ask(wish.kind, wish.realm, wish.key.as_deref(), request)
            .await
    }

    /// A read, which leaves nothing in the log, of a state at least as new as a position. It waits ten seconds for that: the read
    /// models, too, were cut off.
    pub async fn read(&self, path: &str, position: Option<&str>) -> Option<Answer> {
        let (started, url) = (Instant::now(), format!("{}/query/v1{path}", self.base));
        loop {
            let mut request = self.http.get(&url).bearer_auth(self.token());
            if let Some(position) = position {
                request = request.header("chancery-position", position);
            }
            let answer = Answer::try_to(request).await.ok()?;
            if answer.status != 503 || started.elapsed() > Duration::from_secs(10) {
                return Some(answer);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The realm, as the other parts of the harness know it.
    pub fn realm(&self, server: &Server, id: Uuid, name: &str) -> Realm {
        Realm {
            api: Api::anonymous(server).with_token(&self.token()),
            id: id.to_string(),
            name: name.to_owned(),
        }
    }

    /// A form of an application at one of the realm's endpoints.
    pub async fn form(
        &self,
        kind: Kind,
        realm: &Realm,
        (application, endpoint): (&Application, &str),
        form: &[(&str, &str)],
    ) -> (Option<Answer>, Outcome) {
        let url = format!("{}/realms/{}/oauth2/{endpoint}", self.base, realm.name);
        let request = application.authenticate(self.http.post(url), form);
        self.ask(kind, id_of(realm), None, request).await
    }

    /// From an authorization request through the sign-in page to the code; `None` where that did not come to its end.
    pub async fn sign_in(&self, realm: &Realm, request: &Authorization, user: &User) -> Option<String> {
        let mut cookies = Cookies::new();
        let mut next = request.url().replacen(realm.api.base(), &self.base, 1);
        let page = loop {
            let answer = Answer::try_to(with(&cookies, self.http.get(&next))).await.ok()?;
            keep(&mut cookies, &answer);
            match answer.header("location") {
                Some(location) => next = self.absolute(location),
                None if answer.status == 200 => break answer,
                None => return None,
            }
        };
        let form = form_of(&page.text);
        let mut fields = form.hidden;
        fields.push(("username".to_owned(), user.username.clone()));
        fields.push(("password".to_owned(), user.password.clone()));
        let request = with(
            &cookies,
            self.http.post(self.absolute(&form.action)).form(&fields),
        );
        let (answer, _) = self.ask(Kind::SignIn, id_of(realm), None, request).await;
        let location = answer?.header("location")?.to_owned();
        let url = url::Url::parse(&self.absolute(&location)).ok()?;
        let code = url.query_pairs().find(|(name, _)| name == "code")?;
        Some(code.1.into_owned())
    }

    fn absolute(&self, address: &str) -> String {
        if address.starts_with('/') {
            format!("{}{address}", self.base)
        } else {
            address.to_owned()
        }
    }
}

/// The id of a realm as the log has it.
pub fn id_of(realm: &Realm) -> Uuid {
    realm.id.parse().expect("an id")
}

/// A text of an answer's body.
pub fn field(answer: &Answer, name: &str) -> Option<String> {
    let body: Value = serde_json::from_str(&answer.text).ok()?;
    body[name].as_str().map(str::to_owned)
}

fn with(cookies: &Cookies, request: RequestBuilder) -> RequestBuilder {
    let told: Vec<_> = cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    request.header("cookie", told.join("; "))
}

fn keep(cookies: &mut Cookies, answer: &Answer) {
    for set in answer.headers.get_all("set-cookie") {
        let pair = set
            .to_str()
            .ok()
            .and_then(|set| set.split(';').next()?.split_once('='));
        if let Some((name, value)) = pair {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}
