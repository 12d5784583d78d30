//! What the network sees of the process: its certificate, and where requests that tenants cause may go.
//! The rule: what is not said is closed, on loopback too.

use std::path::{Path, PathBuf};

use outbound::{Documents, Network, Settings, SettingsError};
use serde::{Deserialize, Serialize};

/// HTTPS by the server itself, with TLS 1.2 and 1.3; HTTP/2 and HTTP/1.1. Both files or none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// A PEM file: the certificate, and after it those of the authorities between it and a root. Read anew when it changes.
    pub certificate_file: Option<PathBuf>,
    /// A PEM file: its private key. Read anew when it changes.
    pub key_file: Option<PathBuf>,
}

impl Tls {
    /// Certificate and key.
    pub fn files(&self) -> Option<(&Path, &Path)> {
        self.certificate_file.as_deref().zip(self.key_file.as_deref())
    }

    /// One file without the other.
    pub fn is_half(&self) -> bool {
        self.certificate_file.is_some() != self.key_file.is_some()
    }
}

/// Requests that tenants cause: key sets and other documents of clients, logout tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// Networks (10.1.0.0/16), addresses or `*` that may be reached although they are not public.
    pub allow_private: Vec<Network>,
    /// Whether they may go over plain http.
    #[serde(deserialize_with = "super::switch")]
    pub allow_http: bool,
    /// A PEM file of certificate authorities that are trusted beside the platform's.
    pub ca_file: Option<PathBuf>,
}

impl Outbound {
    /// The client, and what it keeps.
    pub fn open(&self) -> Result<Documents, SettingsError> {
        let settings = Settings {
            allow_private: self.allow_private.clone(),
            allow_http: self.allow_http,
            extra_roots: self.ca_file.clone(),
            ..Settings::default()
        };
        Ok(Documents::new(outbound::Outbound::new(&settings)?))
    }
}
