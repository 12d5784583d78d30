//! What the network sees of the process: where requests that tenants cause may go.
//! The rule: what is not said is closed, on loopback too.

use std::path::PathBuf;

use outbound::{Documents, Network, Settings, SettingsError};
use serde::{Deserialize, Serialize};

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
