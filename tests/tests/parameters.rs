//! Every parameter of every OAuth endpoint, as the OpenAPI documents name them, sent as it must not be: twice, too long, not encoded, empty.
//! The rule: such a request is `invalid_request`, or a page; nothing is sent to a redirect URI that was not validated; nothing breaks.

use chancery_tests::harness::{
    Answer, Application, Authorization, Method, Realm, Scene, document, operations_of, shared,
};
use serde_json::{Value, json};
use url::form_urlencoded;

/// What may be there several times (RFC 8707, section 2; RFC 8693, section 2.1).
const REPEATABLE: [&str; 2] = ["resource", "audience"];
/// More than any form may hold.
const TOO_LONG: usize = 70_000;
/// More than any parameter has a use for.
const LONG: usize = 20_000;

/// An endpoint with requests to it that are in order, or would be if their secrets were good.
struct Endpoint {
    name: &'static str,
    method: Method,
    parameters: Vec<String>,
    requests: Vec<Vec<(String, String)>>,
}

struct Table {
    realm: Realm,
    application: Application,
    endpoints: Vec<Endpoint>,
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The parameters of an operation: of its query, or of its form.
fn parameters(document: &Value, endpoint: &str, method: &str) -> Vec<String> {
    let path = format!("/realms/{{realm}}/oauth2/{endpoint}");
    let operation = operations_of(document)
        .into_iter()
        .find(|one| one.path == path && one.method.as_str().eq_ignore_ascii_case(method));
    let operation = operation.unwrap_or_else(|| panic!("{method} {endpoint} is not in the document"));
    let names = operation.parameters(document);
    assert!(names.len() > 4, "{method} {endpoint}: {names:?}");
    names
}

impl Table {
    async fn new() -> Self {
        let scene = Scene::of("web").await;
        let (realm, application) = (scene.realm.clone(), scene.application.clone());
        let device = json!({ "redirect_uris": [], "post_logout_redirect_uris": [] });
        let device = realm.application_with("device", device).await;
        let (command, query) = (
            document(&realm.api, "command").await,
            document(&realm.api, "query").await,
        );
        let authorization = Authorization::new(&realm, &application, "openid")
            .params()
            .to_vec();
        let credentials = |application: &Application| {
            let mut pairs = owned(&[("client_id", &application.client_id)]);
            pairs.extend(
                application
                    .secret
                    .iter()
                    .map(|secret| ("client_secret".to_owned(), secret.clone())),
            );
            pairs
        };
        let of = |application: &Application, more: &[(&str, &str)]| {
            [credentials(application), owned(more)].concat()
        };
        let own = [("grant_type", "client_credentials")];
        let token = realm
            .own_token(&scene.resource)
            .await
            .is(200)
            .field("access_token");
        let exchange = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token.as_str()),
            (
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
        ];
        let bearer = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", "a.b.c"),
        ];
        let code = [
            ("grant_type", "authorization_code"),
            ("code", "a-code"),
            ("redirect_uri", &*application.redirect_uri),
            ("code_verifier", &"v".repeat(43)),
        ];
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", "a-token")];
        let polling = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", "a-code"),
        ];
        let shown = [("token", token.as_str())];
        let post = |name, document: &Value, requests| Endpoint {
            name,
            method: Method::POST,
            parameters: parameters(document, name, "post"),
            requests,
        };
        let endpoints = vec![
            Endpoint {
                name: "authorize",
                method: Method::GET,
                parameters: parameters(&command, "authorize", "get"),
                requests: vec![authorization.clone()],
            },
            post("authorize", &command, vec![authorization.clone()]),
            post(
                "par",
                &command,
                vec![
                    [
                        credentials(&application),
                        authorization[..1].to_vec(),
                        authorization[2..].to_vec(),
                    ]
                    .concat(),
                ],
            ),
            post(
                "token",
                &command,
                vec![
                    of(&scene.resource, &own),
                    of(&scene.resource, &exchange),
                    of(&scene.resource, &bearer),
                    of(&application, &code),
                    of(&application, &refresh),
                    of(&device, &polling),
                ],
            ),
            post(
                "device_authorization",
                &command,
                vec![of(&device, &[("scope", "openid")])],
            ),
            post(
                "revoke",
                &command,
                vec![of(&scene.resource, &[("token", "a-token")])],
            ),
            post("introspect", &query, vec![of(&scene.resource, &shown)]),
        ];
        Self {
            realm,
            application,
            endpoints,
        }
    }

    async fn send(&self, endpoint: &Endpoint, encoded: &str) -> Answer {
        let address = self.realm.endpoint(endpoint.name);
        let http = self.realm.api.http();
        let request = if endpoint.method == Method::GET {
            http.get(format!("{address}?{encoded}"))
        } else {
            http.post(address)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(encoded.to_owned())
        };
        let answer = Answer::to(request).await;
        assert!(answer.status < 500, "{answer:?}");
        if let Some(location) = answer.header("location") {
            let (ours, theirs) = (self.realm.at("/"), &self.application.redirect_uri);
            assert!(
                location.starts_with(&ours) || location.starts_with(theirs),
                "{}: sent to {location}",
                answer.asked
            );
        }
        answer
    }

    /// A request that cannot be read is refused as such, and leads nowhere.
    async fn unreadable(&self, endpoint: &Endpoint, what: &str, encoded: &str) {
        let answer = self.send(endpoint, encoded).await;
        let place = format!("{} {}: {what}", endpoint.method, endpoint.name);
        assert_eq!(answer.status, 400, "{place}: {}", answer.text);
        assert_eq!(answer.header("location"), None, "{place}");
        if endpoint.name == "authorize" {
            assert!(
                answer.text.contains("invalid_request"),
                "{place}: {}",
                answer.text
            );
        } else {
            let _ = answer.is_oauth_error(400, "invalid_request");
        }
    }
}

fn encoded(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

fn without(pairs: &[(String, String)], name: &str) -> Vec<(String, String)> {
    pairs.iter().filter(|(held, _)| held != name).cloned().collect()
}

/// What an answer says, without what is new in each: where a browser is sent, the error, and that it worked.
fn gist(answer: &Answer) -> (u16, Option<String>) {
    let error = match answer.header("location") {
        Some(location) => location
            .split_once("error=")
            .map(|(_, rest)| rest.split('&').next().unwrap_or_default().to_owned()),
        None => serde_json::from_str::<Value>(&answer.text)
            .ok()
            .and_then(|body| body["error"].as_str().map(str::to_owned)),
    };
    (answer.status, error)
}

#[tokio::test]
async fn no_parameter_is_there_twice_or_longer_than_a_form_or_out_of_its_encoding() {
    let table = Table::new().await;
    for endpoint in &table.endpoints {
        for request in &endpoint.requests[..1] {
            let _ = table.send(endpoint, &encoded(request)).await;
            for name in &endpoint.parameters {
                let held = request.iter().find(|(held, _)| held == name);
                let value = held.map_or("x", |(_, value)| value);
                let rest = encoded(&without(request, name));
                let pair = encoded(&owned(&[(name, value)]));
                if !REPEATABLE.contains(&name.as_str()) {
                    let twice = format!("{rest}&{pair}&{pair}");
                    table.unreadable(endpoint, &format!("{name} twice"), &twice).await;
                    let apart = format!("{pair}&{rest}&{name}=other");
                    table
                        .unreadable(endpoint, &format!("{name} twice, apart"), &apart)
                        .await;
                }
                // An address of that length is none: neither clients nor servers take it.
                if endpoint.method == Method::POST {
                    let long = format!("{rest}&{name}={}", "x".repeat(TOO_LONG));
                    let what = format!("{name} of {TOO_LONG} bytes");
                    table.unreadable(endpoint, &what, &long).await;
                }
                for wrong in [
                    "%00",
                    "a%00b",
                    "%ff",
                    "%c3%28",
                    "%ed%a0%80",
                    "%",
                    "%2",
                    "%zz",
                    "%u0041",
                ] {
                    let what = format!("{name}={wrong}");
                    table.unreadable(endpoint, &what, &format!("{rest}&{what}")).await;
                }
                table
                    .unreadable(
                        endpoint,
                        &format!("{name}, its name cut"),
                        &format!("{rest}&{name}%f=x"),
                    )
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn a_parameter_without_a_value_counts_as_left_out() {
    let table = Table::new().await;
    for endpoint in &table.endpoints {
        for request in &endpoint.requests {
            for name in &endpoint.parameters {
                let rest = encoded(&without(request, name));
                let left_out = table.send(endpoint, &rest).await;
                for empty in [format!("{rest}&{name}="), format!("{name}&{rest}")] {
                    let answer = table.send(endpoint, &empty).await;
                    assert_eq!(
                        gist(&answer),
                        gist(&left_out),
                        "{} {}: {name} is empty\n{}\n{}",
                        endpoint.method,
                        endpoint.name,
                        answer.text,
                        left_out.text
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn whatever_a_parameter_holds_nothing_breaks_and_nothing_goes_astray() {
    let table = Table::new().await;
    let evil = "https://evil.example/cb";
    let long = "x".repeat(LONG);
    for endpoint in &table.endpoints {
        for request in &endpoint.requests {
            for name in &endpoint.parameters {
                let rest = without(request, name);
                for value in [
                    long.as_str(),
                    "\u{7f}\u{1}\r\n",
                    "../../",
                    "☃ \u{202e}",
                    "{}",
                    "[1]",
                    "-1",
                    "null",
                    evil,
                ] {
                    let pairs = [rest.clone(), owned(&[(name, value)])].concat();
                    let answer = table.send(endpoint, &encoded(&pairs)).await;
                    if name == "redirect_uri" && endpoint.name == "authorize" {
                        assert_eq!((answer.status, answer.header("location")), (400, None), "{value}");
                    }
                    if value == evil && ["client_id", "redirect_uri"].contains(&name.as_str()) {
                        assert_eq!(answer.header("location"), None, "{} {name}", endpoint.name);
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn the_documents_name_the_parameters_of_their_standards() {
    let api = Realm::on(&shared()).await.api;
    let command = document(&api, "command").await;
    let token = parameters(&command, "token", "post");
    for name in [
        "grant_type",
        "client_assertion",
        "code_verifier",
        "device_code",
        "subject_token",
        "assertion",
        "resource",
    ] {
        assert!(token.iter().any(|known| known == name), "{name}: {token:?}");
    }
    let (get, mut par) = (
        parameters(&command, "authorize", "get"),
        parameters(&command, "par", "post"),
    );
    par.retain(|name| {
        !["client_secret", "client_assertion", "client_assertion_type"].contains(&name.as_str())
    });
    for name in &get {
        assert!(par.contains(name), "{name}");
    }
}
