//! HTTP requests that a tenant can cause: `jwks_uri`, `sector_identifier_uri`, `request_uri`, logout tokens, webhooks.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`networks`] | which addresses may be reached |
//! | `names` | names into addresses that were judged, for the very connection that is made |
//! | [`documents`] | what was fetched, kept for a while |
//! | `error` | why there is no answer |
//!
//! The rule: whoever may write a URL into a tenant cannot use this process to reach what only this process can reach, nor
//! keep it busy. Addresses are judged at connect time, redirects and proxies are not followed, and time and sizes are
//! bounded. A connection serves one request, so that what was judged is never older than it.

pub mod documents;
mod error;
mod names;
pub mod networks;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::{Certificate, Client, ClientBuilder, Method, RequestBuilder, Response, redirect, retry};
use url::{Host, Url};

pub use documents::Documents;
pub use error::OutboundError;
pub use networks::{Network, NotANetwork};

use names::{Judged, Lookup, System};

/// The longest URL that is asked for, in bytes.
const URL: usize = 2_048;
/// How many header lines an answer may have.
const HEADERS: usize = 64;
/// How much of the answer to a post is read, in bytes: what a receiver says of an error, not more.
const ANSWER: usize = 8 * 1024;

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses that may be reached although they are not public.
    pub allow_private: Vec<Network>,
    /// Whether plain http is taken.
    pub allow_http: bool,
    /// A PEM file of certificate authorities that are trusted beside the platform's.
    pub extra_roots: Option<PathBuf>,
    /// How long DNS, TCP and TLS may take.
    pub connect: Duration,
    /// How long all of it may take.
    pub total: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_private: Vec::new(),
            allow_http: false,
            extra_roots: None,
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file of certificate authorities cannot be read, or holds none.
    #[error("{file}: {reason}", file = .file.display())]
    Roots {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error("outbound TLS: {0}")]
    Tls(String),
}

/// The client. Clones share everything.
#[derive(Clone)]
pub struct Outbound {
    client: Client,
    allowed: Arc<[Network]>,
    allow_http: bool,
    total: Duration,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("allowed", &self.allowed)
            .field("allow_http", &self.allow_http)
            .finish_non_exhaustive()
    }
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The body.
    pub body: Vec<u8>,
    /// For how long its origin lets it be kept (RFC 9111, section 4.2.1): zero where it forbids it, nothing where it says nothing.
    pub cache_for: Option<Duration>,
}

/// The answer to a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status; redirects are errors.
    pub status: StatusCode,
    /// Its headers, at most 64.
    pub headers: HeaderMap,
    /// The body; of a [`post`](Outbound::post), its first 8 KiB.
    pub body: Vec<u8>,
    /// When the other side wants to be asked again (RFC 9110, section 10.2.3), where it says so in seconds.
    pub retry_after: Option<Duration>,
}

impl Outbound {
    /// A client that obeys these settings.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        Self::asking(settings, Arc::<System>::default())
    }

    fn asking(settings: &Settings, lookup: Arc<dyn Lookup>) -> Result<Self, SettingsError> {
        let allowed: Arc<[Network]> = settings.allow_private.as_slice().into();
        let judged = Arc::new(Judged {
            lookup,
            allowed: Arc::clone(&allowed),
        });
        let roots = settings.extra_roots.as_deref().map(roots).transpose()?;
        let build = |trust: fn(ClientBuilder, Vec<Certificate>) -> ClientBuilder, roots| {
            let builder = Client::builder()
                .user_agent("Chancery")
                .tls_backend_rustls()
                .dns_resolver(Arc::clone(&judged))
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .no_proxy()
                .referer(false)
                .http1_only()
                .http1_max_headers(HEADERS)
                .no_gzip()
                .no_brotli()
                .no_zstd()
                .no_deflate()
                .pool_max_idle_per_host(0)
                .connect_timeout(settings.connect);
            trust(builder, roots).build()
        };
        let client = match (
            build(ClientBuilder::tls_certs_merge, roots.clone().unwrap_or_default()),
            roots,
        ) {
            // A machine without a store of authorities can do everything but this.
            (Err(error), None) => {
                tracing::warn!(
                    error = causes(&error),
                    "no certificate authority is trusted: outbound https will fail"
                );
                build(ClientBuilder::tls_certs_only, Vec::new())
            }
            (built, _) => built,
        };
        let client = client.map_err(|error| SettingsError::Tls(causes(&error)))?;
        Ok(Self {
            client,
            allowed,
            allow_http: settings.allow_http,
            total: settings.total,
        })
    }

    /// Fetches a JSON document of at most `most` bytes; any status but 200 is an error.
    pub async fn get_json(&self, url: &Url, most: usize) -> Result<Fetched, OutboundError> {
        self.get_json_as(url, HeaderMap::new(), most).await
    }

    /// The same with headers, by which one says who asks.
    pub async fn get_json_as(
        &self,
        url: &Url,
        headers: HeaderMap,
        most: usize,
    ) -> Result<Fetched, OutboundError> {
        let accept = "application/json, */*;q=0.5";
        let request = self
            .request(Method::GET, url)?
            .headers(headers)
            .header(header::ACCEPT, accept);
        self.in_time(async {
            let response = sent(request).await?;
            if response.status() != StatusCode::OK {
                return Err(OutboundError::Status(response.status().as_u16()));
            }
            let cache_for = cache_for(response.headers());
            let body = body(response, most, false).await?;
            Ok(Fetched { body, cache_for })
        })
        .await
    }

    /// Posts a body. What the other side answers is told whatever its status, redirects excepted.
    pub async fn post(
        &self,
        url: &Url,
        content_type: &'static str,
        body: Vec<u8>,
        headers: HeaderMap,
    ) -> Result<Answered, OutboundError> {
        self.posted(url, content_type, body, headers, (ANSWER, true))
            .await
    }

    /// Posts a form for a JSON answer of at most `most` bytes, which is wanted whole.
    pub async fn post_form(
        &self,
        url: &Url,
        form: String,
        mut headers: HeaderMap,
        most: usize,
    ) -> Result<Answered, OutboundError> {
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let form_type = "application/x-www-form-urlencoded";
        self.posted(url, form_type, form.into_bytes(), headers, (most, false))
            .await
    }

    /// Posts a body, and reads so much of the answer: the rest is cut, or refused.
    async fn posted(
        &self,
        url: &Url,
        content_type: &'static str,
        body: Vec<u8>,
        headers: HeaderMap,
        (most, cut): (usize, bool),
    ) -> Result<Answered, OutboundError> {
        let request = self
            .request(Method::POST, url)?
            .headers(headers)
            .header(header::CONTENT_TYPE, content_type)
            .body(body);
        self.in_time(async {
            let response = sent(request).await?;
            Ok(Answered {
                status: response.status(),
                retry_after: seconds(response.headers().get(header::RETRY_AFTER)),
                headers: response.headers().clone(),
                body: self::body(response, most, cut).await?,
            })
        })
        .await
    }

    /// A request to a URL that was looked at: names are judged when they are resolved, addresses here.
    fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, OutboundError> {
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err(OutboundError::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::Url("names a user"));
        }
        if url.as_str().len() > URL {
            return Err(OutboundError::Url("is too long"));
        }
        let literal = match url.host() {
            None => return Err(OutboundError::Url("names no host")),
            Some(Host::Domain(_)) => None,
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
        };
        if literal.is_some_and(|address| !networks::may_reach(address, &self.allowed)) {
            return Err(OutboundError::Refused);
        }
        let request = self.client.request(method, url.clone());
        Ok(request.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")))
    }

    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, OutboundError>>,
    ) -> Result<T, OutboundError> {
        let answered = tokio::time::timeout(self.total, answer).await;
        answered.unwrap_or(Err(OutboundError::TimedOut))
    }
}

async fn sent(request: RequestBuilder) -> Result<Response, OutboundError> {
    let response = request.send().await?;
    if response.status().is_redirection() {
        return Err(OutboundError::Redirect);
    }
    let mut encodings = response.headers().get_all(header::CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(OutboundError::Compressed);
    }
    Ok(response)
}

/// A body of at most `most` bytes; one that is larger is refused, or `cut`.
async fn body(mut response: Response, most: usize, cut: bool) -> Result<Vec<u8>, OutboundError> {
    let told = response.content_length().unwrap_or(0);
    if !cut && told > most as u64 {
        return Err(OutboundError::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = most - body.len();
        if chunk.len() > room {
            if !cut {
                return Err(OutboundError::TooLarge);
            }
            body.extend_from_slice(&chunk[..room]);
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// RFC 9111, sections 4.2.1 and 5.2.2: `max-age` less the age that the answer has already.
fn cache_for(headers: &HeaderMap) -> Option<Duration> {
    let mut longest = None;
    for value in headers.get_all(header::CACHE_CONTROL) {
        for directive in value.to_str().ok()?.split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return Some(Duration::ZERO),
                "max-age" => longest = argument.trim().trim_matches('"').parse().ok(),
                _ => {}
            }
        }
    }
    let age = seconds(headers.get(header::AGE)).unwrap_or_default();
    longest.map(|longest| Duration::from_secs(longest).saturating_sub(age))
}

fn seconds(value: Option<&HeaderValue>) -> Option<Duration> {
    let seconds = value?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn roots(file: &Path) -> Result<Vec<Certificate>, SettingsError> {
    let refuse = |reason: String| SettingsError::Roots {
        file: file.to_owned(),
        reason,
    };
    let pem = std::fs::read(file).map_err(|error| refuse(error.to_string()))?;
    let roots = Certificate::from_pem_bundle(&pem).map_err(|error| refuse(causes(&error)))?;
    if roots.is_empty() {
        return Err(refuse("holds no certificate".to_owned()));
    }
    Ok(roots)
}

/// An error with all that lies below it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(at) = cause {
        told = format!("{told}: {at}");
        cause = at.source();
    }
    told
}

#[cfg(test)]
mod tests;
