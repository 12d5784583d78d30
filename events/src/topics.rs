//! The topics in which the log is published, and which events go to which.
//!
//! | topic | holds | key | so that in order are |
//! | --- | --- | --- | --- |
//! | `realms`, `applications`, `users`, `auth`, `permissions`, `compliance` | the events of a domain, each in one of them | realm and subject | the events of a subject |
//! | `security` | once more those that whoever watches over security wants to see | realm and subject | the same |
//! | `audit` | every event of every domain | realm and lane | the events of a stream, without gaps |
//!
//! A name in full is `identity.<topic>.v1`: the version is raised where a change of what is in it would break its readers.

use std::{fmt, str::FromStr};

use crate::event::EventKind;

/// A topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Realms, their settings, keys and webhooks.
    Realms,
    /// Applications, their secrets and tokens of registration.
    Applications,
    /// Users and their credentials.
    Users,
    /// Sign-ins, sessions, grants, tokens.
    Auth,
    /// Roles.
    Permissions,
    /// Consents.
    Compliance,
    /// What whoever watches over security wants to see, of all domains.
    Security,
    /// Everything, in the order of the log.
    Audit,
}

impl Topic {
    /// All topics.
    pub const ALL: [Topic; 8] = [
        Topic::Realms,
        Topic::Applications,
        Topic::Users,
        Topic::Auth,
        Topic::Permissions,
        Topic::Compliance,
        Topic::Security,
        Topic::Audit,
    ];

    /// Its word, such as `users`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Topic::Realms => "realms",
            Topic::Applications => "applications",
            Topic::Users => "users",
            Topic::Auth => "auth",
            Topic::Permissions => "permissions",
            Topic::Compliance => "compliance",
            Topic::Security => "security",
            Topic::Audit => "audit",
        }
    }

    /// What is in it, in a sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Topic::Realms => "Realms, their settings, signing keys and webhooks.",
            Topic::Applications => "Applications, their secrets and tokens of registration.",
            Topic::Users => "Users and their credentials.",
            Topic::Auth => "Sign-ins, sessions, grants and tokens.",
            Topic::Permissions => "Roles given and taken.",
            Topic::Compliance => "Consents given and withdrawn.",
            Topic::Security => "What whoever watches over security wants to see, of all domains.",
            Topic::Audit => "Every event of every domain, in the order of the log.",
        }
    }

    /// The topics of an event of a kind whose domain's topic this is.
    pub fn and_more(self, kind: &EventKind) -> impl Iterator<Item = Topic> + use<> {
        let security = kind.watched.then_some(Topic::Security);
        [Some(self), security, Some(Topic::Audit)].into_iter().flatten()
    }
}

impl FromStr for Topic {
    type Err = String;

    /// By its word.
    fn from_str(word: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|topic| topic.as_str() == word);
        named.ok_or_else(|| format!("one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "identity.{}.v1", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use crate::event::Event;

    fn topics(name: &str) -> Vec<String> {
        Event::topics_of(name)
            .unwrap()
            .map(|topic| topic.to_string())
            .collect()
    }

    #[test]
    fn an_event_goes_to_its_domain_and_to_audit_and_what_is_watched_to_security_too() {
        assert_eq!(
            topics("user.registered"),
            ["identity.users.v1", "identity.audit.v1"]
        );
        assert_eq!(
            topics("totp.removed"),
            ["identity.users.v1", "identity.security.v1", "identity.audit.v1"]
        );
        assert_eq!(
            topics("login.failed"),
            ["identity.auth.v1", "identity.security.v1", "identity.audit.v1"]
        );
        assert!(Event::topics_of("user.invented").is_err());
    }

    #[test]
    fn the_watched_are_named_in_the_catalogue() {
        let watched: Vec<_> = Event::catalogue()
            .filter(|(_, _, kind)| kind.watched)
            .map(|(_, _, kind)| kind.name)
            .collect();
        for name in [
            "login.failed",
            "auth.throttled",
            "client_authentication.failed",
            "password.set",
            "role.assigned",
        ] {
            assert!(watched.contains(&name), "{name}");
        }
        for name in ["token.issued", "session.continued", "user.profile_changed"] {
            assert!(!watched.contains(&name), "{name}");
        }
    }
}
