//! The operations of both APIs as their OpenAPI documents tell them, and a realm with one of everything to call them on.
//! The rule: nothing is listed by hand, so that a new endpoint is in the tables of tests on the day it appears.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, Api, Browser, Method, Realm, Server, eventually, shared};

/// One operation of the documents.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path with its parameters' names, as `/command/v1/realms/{realm}`.
    pub path: String,
    /// What the document says of it.
    pub described: Value,
}

/// Ids to put in the places of a path's parameters.
#[derive(Clone, Debug)]
pub struct Places {
    /// The realm's name.
    pub realm: String,
    /// A user's id.
    pub user: String,
    /// An application's id.
    pub application: String,
    /// The id of a secret of that application.
    pub secret: String,
    /// The id of a session of that user.
    pub session: String,
    /// A signing key.
    pub kid: String,
    /// A token by which applications register by themselves.
    pub initial_access: String,
    /// An endpoint that is told what happens.
    pub webhook: String,
    /// An identity provider.
    pub identity_provider: String,
}

/// A realm with one of everything.
#[derive(Debug)]
pub struct World {
    /// The shared server.
    pub server: Arc<Server>,
    /// The platform's administrator.
    pub admin: Api,
    /// The realm.
    pub realm: Realm,
    /// What is in it.
    pub places: Places,
}

impl Operation {
    /// Of the two APIs, and not of the realm's own surface.
    pub fn is_managed(&self) -> bool {
        self.path.starts_with("/command/v1/") || self.path.starts_with("/query/v1/")
    }

    /// A write.
    pub fn is_command(&self) -> bool {
        self.path.starts_with("/command/v1/")
    }

    /// Whether it is the platform's matter, so that no administrator of a realm may do it.
    pub fn is_platform(&self) -> bool {
        !self.path.contains("{realm}") || self.path.ends_with("/suspend") || self.path.ends_with("/resume")
    }

    /// Its path with the parameters filled in.
    pub fn at(&self, places: &Places) -> String {
        let mut before = "";
        let segments = self.path.split('/').map(|segment| {
            let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            let value = match (name, before) {
                (None, _) => segment,
                (Some("realm"), _) => &places.realm,
                (Some("role"), _) => "auditor",
                (Some("path" | "asset" | "name" | "file"), _) => "chancery.css",
                (Some(_), "users") => &places.user,
                (Some(_), "applications" | "consents" | "register") => &places.application,
                (Some(_), "initial-access-tokens") => &places.initial_access,
                (Some(_), "webhooks") => &places.webhook,
                (Some(_), "identity-providers") => &places.identity_provider,
                // No user has a device there, and nobody was sent anything: its id is of nothing.
                (Some("phone" | "letter"), _)
                | (Some(_), "secrets" | "totp" | "passkeys" | "identities" | "devices") => &places.secret,
                (Some(_), "sessions") => &places.session,
                (Some(_), "signing-keys") => &places.kid,
                (Some(name), before) => panic!("what is {{{name}}} after {before:?} in {}?", self.path),
            };
            before = segment;
            value
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// The names of what it reads of its query, or of its form.
    pub fn parameters(&self, document: &Value) -> Vec<String> {
        let mut names = Vec::new();
        let form = &self.described["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
        properties(document, form, &mut names);
        let parameters = self.described["parameters"].as_array().into_iter().flatten();
        let queried = parameters.filter(|parameter| parameter["in"] == "query");
        names.extend(queried.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)));
        names
    }

    /// The names of the fields of its JSON body.
    pub fn fields(&self, document: &Value) -> Vec<String> {
        let schema = &self.described["requestBody"]["content"]["application/json"]["schema"];
        let schema = match schema["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
            Some(place) => document
                .pointer(place)
                .unwrap_or_else(|| panic!("{place} is not in the document")),
            None => schema,
        };
        schema["properties"]
            .as_object()
            .map(|fields| fields.keys().cloned().collect())
            .unwrap_or_default()
    }
}

/// The properties of a schema, wherever it keeps them.
fn properties(document: &Value, schema: &Value, into: &mut Vec<String>) {
    if let Some(place) = schema["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
        let named = document
            .pointer(place)
            .unwrap_or_else(|| panic!("{place} is not in the document"));
        properties(document, named, into);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        properties(document, part, into);
    }
    into.extend(
        schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.keys().cloned()),
    );
}

/// The document `command` or `query`.
pub async fn document(api: &Api, name: &str) -> Value {
    Answer::to(api.request(Method::GET, &format!("/openapi/{name}.json")))
        .await
        .is(200)
        .json()
}

/// The operations of a document.
pub fn operations_of(document: &Value) -> Vec<Operation> {
    let paths = document["paths"]
        .as_object()
        .unwrap_or_else(|| panic!("no paths: {document}"));
    let mut operations = Vec::new();
    for (path, item) in paths {
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(described) = item.get(method) {
                let method = Method::from_bytes(method.to_uppercase().as_bytes());
                let method = method.unwrap_or_else(|error| panic!("{error}"));
                operations.push(Operation {
                    method,
                    path: path.clone(),
                    described: described.clone(),
                });
            }
        }
    }
    operations
}

/// The operations of both documents.
pub async fn operations(api: &Api) -> Vec<Operation> {
    let mut all = operations_of(&document(api, "command").await);
    all.extend(operations_of(&document(api, "query").await));
    assert!(all.len() > 40, "only {} operations are documented", all.len());
    all
}

/// Those of the two APIs.
pub async fn managed(api: &Api) -> Vec<Operation> {
    operations(api)
        .await
        .into_iter()
        .filter(Operation::is_managed)
        .collect()
}

impl Places {
    /// Ids of a realm into which one of everything is put.
    pub async fn of(realm: &Realm) -> Self {
        let (user, application) = (realm.user().await, realm.application("web").await);
        realm
            .sign_in_with(&mut Browser::new(realm), &application, &user, "openid")
            .await;
        let sessions = eventually("the session is listed", || async {
            let found = realm
                .api
                .query(&realm.at(&format!("/users/{}/sessions", user.id)))
                .await
                .is(200)
                .ids();
            (!found.is_empty()).then_some(found)
        });
        let session = sessions.await.remove(0);
        let secrets = realm
            .api
            .query(&realm.at(&format!("/applications/{}/secrets", application.id)))
            .await
            .is(200);
        let keys = realm.api.query(&realm.at("/signing-keys")).await.is(200).items();
        let kid = keys[0]["kid"]
            .as_str()
            .unwrap_or_else(|| panic!("no kid: {keys:?}"))
            .to_owned();
        let initial_access = realm
            .api
            .post(&realm.at("/initial-access-tokens"), Value::Null)
            .await
            .is(201);
        // Disabled, so that nothing is posted to where nobody is.
        let webhook = json!({"url": "https://receiver.test/hook"});
        let webhook = realm
            .api
            .post(&realm.at("/webhooks"), webhook)
            .await
            .is(201)
            .field("id");
        let provider = json!({
            "alias": "other", "issuer": "https://id.other.test", "client_id": "chancery", "client_secret": "s",
        });
        let provider = realm
            .api
            .post(&realm.at("/identity-providers"), provider)
            .await
            .is(201);
        let disable = realm.at(&format!("/webhooks/{webhook}/disable"));
        let _ = realm.api.post(&disable, Value::Null).await.is(200);
        Self {
            initial_access: initial_access.field("id"),
            webhook,
            identity_provider: provider.field("id"),
            realm: realm.name.clone(),
            user: user.id,
            application: application.id,
            secret: secrets.ids().remove(0),
            session,
            kid,
        }
    }
}

impl World {
    /// On the shared server.
    pub async fn new() -> Self {
        let server = shared();
        let admin = Api::admin(&server).await;
        let realm = Realm::new(&admin).await;
        let places = Places::of(&realm).await;
        Self {
            server,
            admin,
            realm,
            places,
        }
    }
}
