//! Something that keeps cookies and fills in forms, and what it is answered.

use std::{cell::RefCell, collections::BTreeMap};

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use serde_json::Value;
use url::form_urlencoded;

use super::{CALLBACK, PASSWORD, World};

/// What was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(super) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// The sealed progress that the page's form carries.
    pub(super) fn flow(&self) -> String {
        let (_, after) = self.body.split_once(r#"name="flow" value=""#).expect("a form");
        after.split_once('"').expect("its end").0.to_owned()
    }

    /// The parameters that a redirect to the application carries.
    pub(super) fn params(&self) -> BTreeMap<String, String> {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        let query = self
            .location()
            .strip_prefix(CALLBACK)
            .expect("the redirect URI")
            .strip_prefix('?')
            .expect("a query");
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    pub(super) fn param(&self, name: &str) -> String {
        self.params().remove(name).unwrap_or_default()
    }
}

pub(super) fn encoded(params: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .finish()
}

pub(super) fn form(path: &str, params: &[(&str, &str)]) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(encoded(params)))
        .unwrap()
}

/// Something that keeps cookies and fills in forms.
pub(super) struct Browser<'a> {
    pub(super) world: &'a World,
    pub(super) cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        Self {
            world,
            cookies: RefCell::default(),
        }
    }

    pub(super) async fn go(&self, mut request: Request<Body>) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .borrow()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request
                .headers_mut()
                .insert(header::COOKIE, cookies.join("; ").parse().unwrap());
        }
        let answer = self.world.send(request).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            // One is for the script of a frame.
            let for_a_script = name.starts_with("__Host-chancery-state-");
            assert!(name.starts_with("__Host-") && attributes.contains("Secure"));
            assert_eq!(attributes.contains("HttpOnly"), !for_a_script, "{name}");
            if attributes.contains("Max-Age=0") {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.cookies
                    .borrow_mut()
                    .insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.go(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Asks for a code for the SPA, with changes to a good request; an empty value takes a parameter away.
    pub(super) async fn authorize(&self, changes: &[(&str, &str)]) -> Answer {
        self.get(&format!(
            "/realms/demo/oauth2/authorize?{}",
            encoded(&authorization(changes))
        ))
        .await
    }

    /// Asks for a code and follows to the sign-in page.
    pub(super) async fn flow(&self, changes: &[(&str, &str)]) -> String {
        let answer = self.authorize(changes).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        answer
            .location()
            .split_once("/realms/demo/sign-in?flow=")
            .expect("the sign-in page")
            .1
            .to_owned()
    }

    pub(super) async fn submit(&self, flow: &str, username: &str, password: &str) -> Answer {
        let fields = [("flow", flow), ("username", username), ("password", password)];
        self.go(form("/realms/demo/sign-in", &fields)).await
    }

    /// Sends a step of a sign-in.
    pub(super) async fn step(&self, flow: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<_> = [("flow", flow)]
            .into_iter()
            .chain(fields.iter().copied())
            .collect();
        self.go(form("/realms/demo/sign-in", &fields)).await
    }

    /// Signs alice in and gives the code.
    pub(super) async fn code(&self, changes: &[(&str, &str)]) -> String {
        let flow = self.flow(changes).await;
        self.submit(&flow, "alice", PASSWORD).await.param("code")
    }
}

pub(super) fn authorization<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let good = [
        ("client_id", "00000000-0000-0000-0000-0000000000c1"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "the-state"),
        ("nonce", "the-nonce"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let params: BTreeMap<_, _> = good.into_iter().chain(changes.iter().copied()).collect();
    params
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}
