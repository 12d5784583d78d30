//! A realm of a test's own, and the people and applications in it. The rule: everything is made through the API.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{Answer, Api, Arrival, Authorization, Browser, Tokens, password, unique};

/// A realm, and the platform's administrator to work on it.
#[derive(Clone, Debug)]
pub struct Realm {
    /// The platform's administrator.
    pub api: Api,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A user and the password.
#[derive(Clone, Debug)]
pub struct User {
    /// The id.
    pub id: String,
    /// The name to sign in with.
    pub username: String,
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
}

/// An application and what it needs to know.
#[derive(Clone, Debug)]
pub struct Application {
    /// The id.
    pub id: String,
    /// The `client_id`.
    pub client_id: String,
    /// The secret, of confidential ones.
    pub secret: Option<String>,
    /// Where it is sent back to.
    pub redirect_uri: String,
}

impl Application {
    /// Adds this client's authentication: `client_secret_basic`, or the `client_id` alone of a public one.
    pub fn authenticate(&self, request: RequestBuilder, form: &[(&str, &str)]) -> RequestBuilder {
        if let Some(secret) = &self.secret {
            return request.basic_auth(&self.client_id, Some(secret)).form(form);
        }
        let mut form = form.to_vec();
        form.push(("client_id", &self.client_id));
        request.form(&form)
    }
}

impl Realm {
    /// A new one with the default settings.
    pub async fn new(api: &Api) -> Self {
        let name = format!("t-{}", unique());
        let made = api
            .post(
                "/realms",
                json!({"name": name, "display_name": "A realm of the tests"}),
            )
            .await
            .is(201);
        Self {
            api: api.clone(),
            id: made.field("id"),
            name,
        }
    }

    /// A new one on a server.
    pub async fn on(server: &super::Server) -> Self {
        Self::new(&Api::admin(server).await).await
    }

    /// The same realm, asked about at another node.
    #[must_use]
    pub fn at_node(&self, server: &super::Server) -> Self {
        Self {
            api: self.api.at(server),
            ..self.clone()
        }
    }

    /// Sections of its settings are replaced.
    pub async fn set(&self, settings: Value) {
        let _ = self.api.patch(&self.at("/settings"), settings).await.is(200);
    }

    /// A path below this realm, the same on both APIs.
    pub fn at(&self, path: &str) -> String {
        format!("/realms/{}{path}", self.name)
    }

    /// Its issuer.
    pub fn issuer(&self) -> String {
        format!("{}/realms/{}", self.api.base(), self.name)
    }

    /// The address of one of its OAuth endpoints.
    pub fn endpoint(&self, name: &str) -> String {
        format!("{}/oauth2/{name}", self.issuer())
    }

    /// A user with a password.
    pub async fn user(&self) -> User {
        self.user_with(json!({})).await
    }

    /// The same, with more of a profile.
    pub async fn user_with(&self, profile: Value) -> User {
        let username = format!("user-{}", unique());
        let (email, password) = (format!("{username}@example.test"), password());
        let mut body = json!({"username": username, "email": email, "password": password});
        body.as_object_mut()
            .expect("an object")
            .extend(profile.as_object().expect("an object").clone());
        let made = self.api.post(&self.at("/users"), body).await.is(201);
        User {
            id: made.field("id"),
            username,
            email,
            password,
        }
    }

    /// An application: `kind` is `web`, `spa`, `native` or `service`. It may ask for `manage`.
    pub async fn application(&self, kind: &str) -> Application {
        self.application_with(kind, json!({})).await
    }

    /// The same, with other settings.
    pub async fn application_with(&self, kind: &str, settings: Value) -> Application {
        let redirect_uri = match kind {
            "native" => "http://127.0.0.1/callback".to_owned(),
            _ => format!("https://{}.example.test/callback", unique()),
        };
        let mut body = json!({"name": format!("The {kind} application"), "type": kind});
        if kind != "service" {
            body["redirect_uris"] = json!([redirect_uri]);
            body["post_logout_redirect_uris"] = json!([format!("https://app.example.test/{}", unique())]);
            body["scopes"] = json!(["manage", "orders:read", "orders:write"]);
        }
        body.as_object_mut()
            .expect("an object")
            .extend(settings.as_object().expect("an object").clone());
        let made = self.api.post(&self.at("/applications"), body).await.is(201);
        Application {
            id: made.field("id"),
            client_id: made.field("client_id"),
            secret: made.json()["client_secret"].as_str().map(str::to_owned),
            redirect_uri,
        }
    }

    /// A service application with a role, as a caller of the APIs.
    pub async fn service(&self, role: Option<&str>) -> Api {
        let application = self.application("service").await;
        if let Some(role) = role {
            let path = self.at(&format!("/applications/{}/roles/{role}", application.id));
            let _ = self.api.put(&path, Value::Null).await.is(200);
        }
        self.api
            .with_token(&self.own_token(&application).await.is(200).field("access_token"))
    }

    /// An administrator of this realm alone.
    pub async fn administrator(&self) -> Api {
        self.service(Some("realm-administrator")).await
    }

    /// A request at the token endpoint.
    pub async fn token(&self, application: &Application, form: &[(&str, &str)]) -> Answer {
        self.ask("token", application, form).await
    }

    /// A request of an application at an endpoint that takes forms.
    pub async fn ask(&self, endpoint: &str, application: &Application, form: &[(&str, &str)]) -> Answer {
        let request = self.api.http().post(self.endpoint(endpoint));
        Answer::to(application.authenticate(request, form)).await
    }

    /// A token for the application itself.
    pub async fn own_token(&self, application: &Application) -> Answer {
        self.token(application, &[("grant_type", "client_credentials")])
            .await
    }

    /// Redeems a code.
    pub async fn redeem(&self, application: &Application, code: &str, request: &Authorization) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &application.redirect_uri),
            ("code_verifier", &request.verifier),
        ];
        self.token(application, &form).await
    }

    /// Uses a refresh token.
    pub async fn refresh(&self, application: &Application, refresh_token: &str) -> Answer {
        self.token(
            application,
            &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)],
        )
        .await
    }

    /// The whole way: authorization request, sign-in page, code, tokens.
    pub async fn sign_in(&self, application: &Application, user: &User, scope: &str) -> Tokens {
        self.sign_in_with(&mut Browser::new(self), application, user, scope)
            .await
    }

    /// The same in a browser that goes on to be used.
    pub async fn sign_in_with(
        &self,
        browser: &mut Browser,
        application: &Application,
        user: &User,
        scope: &str,
    ) -> Tokens {
        let request = Authorization::new(self, application, scope);
        let callback = browser.sign_in(&request, user).await;
        Tokens::from(self.redeem(application, callback.code(), &request).await)
    }

    /// The answer of the userinfo endpoint.
    pub async fn userinfo(&self, access_token: &str) -> Answer {
        Answer::to(
            self.api
                .http()
                .get(self.endpoint("userinfo"))
                .bearer_auth(access_token),
        )
        .await
    }

    /// Whether name and password open the door.
    pub async fn lets_in(&self, application: &Application, username: &str, password: &str) -> bool {
        let mut browser = Browser::new(self);
        let request = Authorization::new(self, application, "openid");
        let page = browser.open(&request.url()).await.sign_in_page();
        match browser.fill(&page, username, password).await {
            Arrival::Back(callback) => callback.params.contains_key("code"),
            Arrival::Page(page) => {
                let _ = page.is(401);
                false
            }
        }
    }

    /// Whether a token is active, by introspection of a confidential application of the same realm.
    pub async fn is_active(&self, resource: &Application, token: &str) -> bool {
        let answer = self
            .ask("introspect", resource, &[("token", token)])
            .await
            .is(200)
            .json();
        answer["active"]
            .as_bool()
            .unwrap_or_else(|| panic!("no `active` in {answer}"))
    }

    /// The events of a lane, with the administrator's eyes; `filter` starts with `&` if there is one.
    pub async fn events(&self, lane: &str, filter: &str) -> Vec<Value> {
        let path = self.at(&format!("/events?lane={lane}&after=0&limit=500{filter}"));
        self.api.query(&path).await.is(200).items()
    }
}
