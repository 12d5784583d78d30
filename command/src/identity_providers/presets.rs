//! What is known beforehand of the large providers (`presets.json`). The rule: a preset is where settings begin, and nothing that holds
//! later: what a realm has is in its own events.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use super::change::IdentityProviderPatch;

/// What is known of a provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Its issuer identifier, if it has one for everybody.
    #[serde(default)]
    pub issuer: Option<String>,
    /// What its issuer identifiers look like, if each tenant has one.
    #[serde(default)]
    pub issuer_like: Option<String>,
    /// What its settings begin with.
    pub settings: IdentityProviderPatch,
}

static PRESETS: LazyLock<BTreeMap<String, Preset>> =
    LazyLock::new(|| serde_json::from_str(include_str!("presets.json")).unwrap_or_default());

/// The preset of this name.
pub fn named(name: &str) -> Option<&'static Preset> {
    PRESETS.get(name)
}

/// The names of all presets.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.keys().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use events::identity_providers::IdentityProviderSettings;

    use super::*;
    use crate::{Faults, identity_providers::rules};

    #[test]
    fn every_preset_is_understood_and_lacks_the_client_alone() {
        let all: BTreeMap<String, Preset> = serde_json::from_str(include_str!("presets.json")).unwrap();
        assert!(all.len() >= 10 && names().eq(all.keys()));
        for (name, preset) in &all {
            assert!(rules::is_alias(&name.replace('_', "-")), "{name}");
            assert_ne!(preset.issuer.is_some(), preset.issuer_like.is_some(), "{name}");
            let mut faults = Faults::default();
            if let Some(issuer) = &preset.issuer {
                rules::check_issuer(issuer, &mut faults);
            }
            let mut settings = IdentityProviderSettings::default();
            preset.settings.apply(&mut settings);
            rules::check(&settings, &mut faults);
            assert_eq!(faults.fields().collect::<Vec<_>>(), ["client_id"], "{name}");
        }
    }
}
