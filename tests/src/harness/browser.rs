//! A browser made of plain HTTP: it keeps cookies, follows the platform's own redirects, fills forms, and stops
//! where the application would take over. What it can do, a browser without script can.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, RequestBuilder};
use url::Url;

use super::{Answer, Application, Realm, User, api::plain_client, form_of, press, unique};

/// A browser of one person.
#[derive(Clone, Debug)]
pub struct Browser {
    http: Client,
    base: String,
    cookies: Vec<Cookie>,
    /// Every `Set-Cookie` that it was sent.
    pub set_cookies: Vec<String>,
}

#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    value: String,
    path: String,
}

/// Where a request of the browser ended.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// At a page of the platform (or an error of it).
    Page(Answer),
    /// Back at the application.
    Back(Callback),
}

/// What the application gets in its redirect URI.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The whole address.
    pub url: Url,
    /// The parameters of its query.
    pub params: BTreeMap<String, String>,
}

impl Callback {
    /// A parameter.
    #[track_caller]
    pub fn param(&self, name: &str) -> &str {
        self.params
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {}", self.url))
    }

    /// The code.
    #[track_caller]
    pub fn code(&self) -> &str {
        self.param("code")
    }
}

impl Arrival {
    /// It is back at the application.
    #[track_caller]
    pub fn back(self) -> Callback {
        match self {
            Arrival::Back(callback) => callback,
            Arrival::Page(page) => panic!("at a page: {} {}\n{}", page.status, page.asked, page.text),
        }
    }

    /// It is at a page.
    #[track_caller]
    pub fn page(self) -> Answer {
        match self {
            Arrival::Page(page) => page,
            Arrival::Back(callback) => panic!("back at the application: {}", callback.url),
        }
    }

    /// It is at the sign-in page.
    #[track_caller]
    pub fn sign_in_page(self) -> Answer {
        let page = self.page();
        let form = form_of(&page.text);
        assert!(
            form.names.iter().any(|name| name == "username"),
            "{}\n{}",
            page.asked,
            page.text
        );
        page
    }
}

/// An authorization request: complete and correct unless a test says otherwise.
#[derive(Clone, Debug)]
pub struct Authorization {
    endpoint: String,
    params: Vec<(String, String)>,
    /// The PKCE verifier (RFC 7636).
    pub verifier: String,
    /// The state that must come back.
    pub state: String,
    /// The nonce that must be in the id token.
    pub nonce: String,
}

impl Authorization {
    /// What an application asks for: `scope` is separated by spaces.
    pub fn new(realm: &Realm, application: &Application, scope: &str) -> Self {
        let verifier = format!("{}{}{}", unique(), unique(), unique());
        let (state, nonce) = (unique(), unique());
        let params = [
            ("response_type", "code"),
            ("client_id", &application.client_id),
            ("redirect_uri", &application.redirect_uri),
            ("scope", scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge(&verifier)),
            ("code_challenge_method", "S256"),
        ];
        let params = params
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        Self {
            endpoint: realm.endpoint("authorize"),
            params,
            verifier,
            state,
            nonce,
        }
    }

    /// With another value of a parameter, or one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.params.retain(|(held, _)| held != name);
        self.and(name, value)
    }

    /// With a parameter beside one of the same name.
    #[must_use]
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a parameter.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.params.retain(|(held, _)| held != name);
        self
    }

    /// The address that the application sends the browser to.
    pub fn url(&self) -> String {
        Url::parse_with_params(&self.endpoint, &self.params)
            .expect("an address")
            .into()
    }

    /// The parameters.
    pub fn params(&self) -> &[(String, String)] {
        &self.params
    }
}

/// The S256 challenge of a verifier.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        verifier.as_bytes(),
    ))
}

impl Browser {
    /// Without cookies.
    pub fn new(realm: &Realm) -> Self {
        Self {
            http: plain_client(),
            base: realm.api.base().to_owned(),
            cookies: Vec::new(),
            set_cookies: Vec::new(),
        }
    }

    /// Opens an address and follows the platform's own redirects.
    pub async fn open(&mut self, address: &str) -> Arrival {
        let request = self.http.get(self.absolute(address));
        self.arrive(request).await
    }

    /// Posts a form and follows the platform's own redirects.
    pub async fn post(&mut self, address: &str, form: &[(String, String)]) -> Arrival {
        let request = self.http.post(self.absolute(address)).form(form);
        self.arrive(request).await
    }

    /// One request with this browser's cookies, nothing followed.
    pub async fn send(&mut self, request: RequestBuilder) -> Answer {
        let (_, built) = request.try_clone().expect("no stream").build_split();
        let path = built.expect("a request").url().path().to_owned();
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .filter(|cookie| path.starts_with(&cookie.path))
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        let request = if cookies.is_empty() {
            request
        } else {
            request.header("cookie", cookies.join("; "))
        };
        let answer = Answer::to(request).await;
        for set in answer.headers.get_all("set-cookie") {
            self.keep(set.to_str().expect("text"));
        }
        answer
    }

    /// An HTTP client for [`Browser::send`].
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// Fills the sign-in form of a page and presses the button.
    pub async fn fill(&mut self, page: &Answer, username: &str, password: &str) -> Arrival {
        let form = form_of(&page.text);
        assert!(form.names.iter().any(|name| name == "username"), "{}", page.text);
        let mut fields = form.hidden;
        fields.push(("username".into(), username.into()));
        fields.push(("password".into(), password.into()));
        self.post(&form.action, &fields).await
    }

    /// Sends what an authenticator answered to a page that asks for a passkey, with other fields.
    pub async fn answer_passkey(
        &mut self,
        page: &Answer,
        answer: &serde_json::Value,
        more: &[(&str, &str)],
    ) -> Arrival {
        let form = form_of(&page.text);
        let mut fields = form.hidden;
        fields.retain(|(name, _)| name == "flow");
        fields.push(("passkey".into(), answer.to_string()));
        fields.extend(more.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        self.post(&form.action, &fields).await
    }

    /// Presses the button of a page whose form has only hidden fields.
    pub async fn confirm(&mut self, page: &Answer) -> Arrival {
        let form = form_of(&page.text);
        self.post(&form.action, &form.hidden).await
    }

    /// Presses the button of a page that is called so, with other fields of its form.
    pub async fn press(&mut self, page: &Answer, label: &str, more: &[(&str, &str)]) -> Arrival {
        let (action, mut fields) = press(&page.text, label);
        fields.extend(more.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        self.post(&action, &fields).await
    }

    /// Opens a page of the account, and signs in where that is asked.
    pub async fn account(&mut self, realm: &Realm, page: &str, user: &User) -> Answer {
        let arrived = self.open(&realm.at(&format!("/account{page}"))).await.page();
        if arrived.asked.contains("/account") {
            return arrived;
        }
        self.fill(&arrived, &user.username, &user.password).await.page()
    }

    /// From an authorization request, through the sign-in page, back to the application.
    pub async fn sign_in(&mut self, request: &Authorization, user: &User) -> Callback {
        let page = self.open(&request.url()).await.sign_in_page();
        let callback = self.fill(&page, &user.username, &user.password).await.back();
        assert_eq!(callback.param("state"), request.state);
        callback
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        self.cookies.clear();
    }

    /// The cookies, as a request would carry them.
    pub fn cookies(&self) -> Vec<(String, String)> {
        self.cookies
            .iter()
            .map(|cookie| (cookie.name.clone(), cookie.value.clone()))
            .collect()
    }

    /// Takes cookies from elsewhere, for every path.
    pub fn take(&mut self, cookies: Vec<(String, String)>) {
        for (name, value) in cookies {
            self.cookies.push(Cookie {
                name,
                value,
                path: "/".into(),
            });
        }
    }

    async fn arrive(&mut self, request: RequestBuilder) -> Arrival {
        let mut answer = self.send(request).await;
        for _ in 0..10 {
            let Some(location) = answer.header("location").map(str::to_owned) else {
                return Arrival::Page(answer);
            };
            // A 307 would post the password to the application (RFC 9700, section 4.12).
            assert!(
                [302, 303].contains(&answer.status),
                "{} {}",
                answer.status,
                answer.asked
            );
            let target = self.absolute(&location);
            if !target.starts_with(&format!("{}/realms/", self.base)) {
                let url = Url::parse(&target).expect("an address");
                let params = url.query_pairs().into_owned().collect();
                return Arrival::Back(Callback { url, params });
            }
            let next = self.http.get(target);
            answer = self.send(next).await;
        }
        panic!("ten redirects, the last one {}", answer.asked);
    }

    fn absolute(&self, address: &str) -> String {
        if address.starts_with('/') {
            format!("{}{address}", self.base)
        } else {
            address.to_owned()
        }
    }

    fn keep(&mut self, set: &str) {
        self.set_cookies.push(set.to_owned());
        let mut parts = set.split(';').map(str::trim);
        let (name, value) = parts
            .next()
            .and_then(|pair| pair.split_once('='))
            .expect("name=value");
        let attribute = |wanted: &str| {
            set.split(';').skip(1).map(str::trim).find_map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                name.eq_ignore_ascii_case(wanted).then(|| value.to_owned())
            })
        };
        self.cookies.retain(|cookie| cookie.name != name);
        if attribute("max-age").is_none_or(|age| age != "0") && !value.is_empty() {
            let path = attribute("path").unwrap_or_else(|| "/".into());
            self.cookies.push(Cookie {
                name: name.to_owned(),
                value: value.to_owned(),
                path,
            });
        }
    }
}
