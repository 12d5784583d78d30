//! What is logged and traced. The rule: without a collector no trace is made; what authorizes to one is a secret.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use url::Url;

use super::{ConfigError, Secret, check::refuse, fraction};

/// What is logged and traced, and how. Logs go to standard error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// A filter, such as `info` or `info,chancery_query=debug`.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
    /// Where traces are collected: an OTLP endpoint over HTTP without the path of the signal, such as `http://localhost:4318`. Left out,
    /// none are made.
    pub otlp_endpoint: Option<Url>,
    /// Headers that the collector wants: `name=value`, set apart by commas.
    pub otlp_headers: Option<Secret>,
    /// Of how many traces spans are collected: 1 of all, 0.01 of one in a hundred.
    #[serde(deserialize_with = "fraction")]
    pub sample_ratio: f64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            filter: "info".into(),
            format: LogFormat::Text,
            otlp_endpoint: None,
            otlp_headers: None,
            sample_ratio: 1.0,
        }
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Telemetry {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.filter.trim().is_empty() || EnvFilter::try_new(&self.filter).is_err() {
            return refuse(
                "telemetry.filter",
                "must be a filter such as `info` or `info,chancery_query=debug`",
            );
        }
        let is_endpoint = |url: &Url| {
            matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none()
        };
        if !self.otlp_endpoint.as_ref().is_none_or(is_endpoint) {
            return refuse(
                "telemetry.otlp_endpoint",
                "must be an address such as http://localhost:4318",
            );
        }
        if self.headers().is_none() {
            return refuse(
                "telemetry.otlp_headers",
                "must be name=value, set apart by commas",
            );
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return refuse("telemetry.sample_ratio", "is 0 to 1");
        }
        Ok(())
    }

    /// Where traces go, if anywhere.
    pub fn traces(&self) -> Option<traces::Settings> {
        Some(traces::Settings {
            endpoint: self.otlp_endpoint.as_ref()?.to_string(),
            headers: self.headers().unwrap_or_default(),
            sample_ratio: self.sample_ratio,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    /// `None` if they are malformed.
    fn headers(&self) -> Option<Vec<(String, String)>> {
        let Some(headers) = &self.otlp_headers else {
            return Some(Vec::new());
        };
        let headers = headers.0.expose_secret();
        let pairs = headers.split(',').map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let is_header = http::HeaderName::try_from(name.trim()).is_ok()
                && http::HeaderValue::try_from(value.trim()).is_ok();
            is_header.then(|| (name.trim().to_owned(), value.trim().to_owned()))
        });
        pairs.collect()
    }
}
