//! A small application that people sign in to, with the crate openidconnect:
//!
//! ```text
//! cargo run -- ISSUER CLIENT_ID PORT
//! ```
//!
//! Open `http://127.0.0.1:PORT/` in a browser. The application is registered with the redirect URI
//! `http://127.0.0.1:PORT/callback` and the post-logout redirect URI `http://127.0.0.1:PORT/bye`. It has no secret (type
//! `native` or `spa`), or one in `CLIENT_SECRET` (type `web`).

use std::{
    collections::HashMap,
    error::Error,
    fmt::Display,
    pin::Pin,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use openidconnect::{
    AccessTokenHash, AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse,
    core::{CoreAuthenticationFlow, CoreClient, CoreUserInfoClaims},
};

type Failure = Box<dyn Error + Send + Sync>;

/// How the library asks: by reqwest, and no redirect is followed.
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = reqwest::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.0.execute(request.try_into()?).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = HttpResponse::new(answer.bytes().await?.to_vec());
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            Ok(response)
        })
    }
}

/// What was sent along with a request that is under way.
struct Checks {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

struct Application {
    issuer: IssuerUrl,
    client_id: ClientId,
    secret: Option<ClientSecret>,
    base: String,
    http: Http,
    /// By the cookie of the browser that it is of.
    pending: Mutex<HashMap<String, Checks>>,
}

/// The library's client, made of the realm's discovery document; a macro, because its type tells which endpoints are known.
macro_rules! client {
    ($application:expr, $metadata:expr) => {
        CoreClient::from_provider_metadata(
            $metadata,
            $application.client_id.clone(),
            $application.secret.clone(),
        )
        .set_redirect_uri(RedirectUrl::new(format!("{}/callback", $application.base))?)
    };
}

impl Application {
    async fn discover(&self) -> Result<ProviderMetadataWithLogout, Failure> {
        Ok(ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http).await?)
    }

    /// Sends the browser to the platform.
    async fn begin(&self) -> Result<Response, Failure> {
        let client = client!(self, self.discover().await?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (location, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(["profile", "email", "offline_access"].map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge)
            .url();
        let browser = CsrfToken::new_random().into_secret();
        let cookie = format!("sign_in={browser}; HttpOnly; SameSite=Lax; Path=/");
        let checks = Checks {
            state,
            nonce,
            verifier,
        };
        self.pending
            .lock()
            .map_err(|error| error.to_string())?
            .insert(browser, checks);
        Ok((
            StatusCode::SEE_OTHER,
            [
                (header::LOCATION, location.to_string()),
                (header::SET_COOKIE, cookie),
            ],
        )
            .into_response())
    }

    /// The browser is back: the code becomes tokens, and the id token says who it is.
    async fn finish(&self, query: &str, browser: Option<&str>) -> Result<Response, Failure> {
        let pending = browser.and_then(|browser| self.pending.lock().ok()?.remove(browser));
        let Some(checks) = pending else {
            return Ok(refuse("No sign-in is under way in this browser."));
        };
        let answer: Uri = format!("/?{query}").parse()?;
        let axum::extract::Query(answer) =
            axum::extract::Query::<HashMap<String, String>>::try_from_uri(&answer)?;
        if answer.get("state") != Some(checks.state.secret()) {
            return Ok(refuse("This answer is of another request."));
        }
        // RFC 9207: the answer of another server is not for us.
        if answer.get("iss") != Some(&self.issuer) {
            return Ok(refuse("This answer is of another server."));
        }
        let Some(code) = answer.get("code") else {
            return Ok(refuse(answer.get("error").map_or("no code", String::as_str)));
        };

        let metadata = self.discover().await?;
        let end_session = metadata.additional_metadata().end_session_endpoint.clone();
        let client = client!(self, metadata);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.clone()))?
            .set_pkce_verifier(checks.verifier)
            .request_async(&self.http)
            .await?;
        let id_token = tokens.id_token().ok_or("no id token")?;
        let verifier = client.id_token_verifier();
        let claims = id_token.claims(&verifier, &checks.nonce)?;
        if let Some(expected) = claims.access_token_hash() {
            let (algorithm, key) = (id_token.signing_alg()?, id_token.signing_key(&verifier)?);
            if AccessTokenHash::from_token(tokens.access_token(), algorithm, key)? != *expected {
                return Ok(refuse("This access token is of another answer."));
            }
        }
        let person: CoreUserInfoClaims = client
            .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?
            .request_async(&self.http)
            .await?;
        // Access tokens are short-lived; the refresh token is good once, and brings the next one.
        let refresh_token = tokens.refresh_token().ok_or("no refresh token")?;
        client
            .exchange_refresh_token(refresh_token)?
            .request_async(&self.http)
            .await?;

        let sign_out = LogoutRequest::from(end_session.ok_or("no end_session_endpoint")?)
            .set_id_token_hint(id_token)
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(format!("{}/bye", self.base))?)
            .http_get_url();
        let name = person
            .preferred_username()
            .map_or("whoever you are", |name| name.as_str());
        let sub = claims.subject().as_str();
        Ok(format!("Hello, {name}.\nYou are {sub}.\nSign out: {sign_out}\n").into_response())
    }
}

fn refuse(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response()
}

/// An error of the platform says what went wrong in `error` and `error_description` (RFC 6749, 4.1.2.1 and 5.2).
fn told(answer: Result<Response, impl Display>) -> Response {
    answer.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, format!("{error}\n")).into_response())
}

async fn start(State(application): State<Arc<Application>>) -> Response {
    told(application.begin().await)
}

async fn callback(
    State(application): State<Arc<Application>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let cookies = headers
        .get(header::COOKIE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let browser = cookies
        .split("; ")
        .find_map(|cookie| cookie.strip_prefix("sign_in="));
    told(application.finish(&query.unwrap_or_default(), browser).await)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [issuer, client_id, port] = arguments.as_slice() else {
        return Err("usage: sign-in ISSUER CLIENT_ID PORT".into());
    };
    let base = format!("http://127.0.0.1:{port}");
    let application = Arc::new(Application {
        issuer: IssuerUrl::new(issuer.clone())?,
        client_id: ClientId::new(client_id.clone()),
        secret: std::env::var("CLIENT_SECRET").ok().map(ClientSecret::new),
        http: Http(
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()?,
        ),
        base: base.clone(),
        pending: Mutex::default(),
    });
    let pages = Router::new()
        .route("/", get(start))
        .route("/callback", get(callback))
        .route("/bye", get(async || "Signed out.\n"))
        .with_state(application);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("Open {base}/");
    Ok(axum::serve(listener, pages).await?)
}
