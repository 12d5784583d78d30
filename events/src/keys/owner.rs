//! Who owns a sealed field: the owner names the key that opens it, and with whose destruction it reads as erased.
//! The rule: an owner's text is stored and bound into every seal, so it is canonical and never changes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{Date, Month, OffsetDateTime};

use super::KeyError;
use crate::{
    clock::Timestamp,
    ids::{CredentialId, UserId},
};

/// The owner of a sealed field. As text: `realm`, `user:<id>`, `credential:<id>`, `network:2026-11`,
/// `network:2026-11:<user>`.
#[derive(Clone, Debug)]
pub enum Owner {
    /// The realm.
    Realm,
    /// A user: profile fields.
    User(UserId),
    /// A credential: its secret, destroyed when it is replaced.
    Credential(CredentialId),
    /// The network (IP address, user agent): the month and, where one is known, the user. It is gone when either
    /// of the two is.
    Network {
        /// When it was seen. Only its month (UTC) counts, also for equality; parsed from text, it is the first
        /// moment of that month.
        at: Timestamp,
        /// The user whom it tells of.
        user: Option<UserId>,
    },
}

impl PartialEq for Owner {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Owner::Realm, Owner::Realm) => true,
            (Owner::User(left), Owner::User(right)) => left == right,
            (Owner::Credential(left), Owner::Credential(right)) => left == right,
            (
                Owner::Network {
                    at: left,
                    user: left_user,
                },
                Owner::Network {
                    at: right,
                    user: right_user,
                },
            ) => left_user == right_user && month(*left) == month(*right),
            (Owner::Realm | Owner::User(_) | Owner::Credential(_) | Owner::Network { .. }, _) => false,
        }
    }
}

impl Eq for Owner {}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Realm => f.write_str("realm"),
            Owner::User(user) => write!(f, "user:{user}"),
            Owner::Credential(credential) => write!(f, "credential:{credential}"),
            Owner::Network { at, user: None } => write!(f, "network:{}", month(*at)),
            Owner::Network { at, user: Some(user) } => write!(f, "network:{}:{user}", month(*at)),
        }
    }
}

impl FromStr for Owner {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // Comparing with what would be written refuses every spelling but the canonical one.
        parse(text)
            .filter(|owner| owner.to_string() == text)
            .ok_or_else(|| KeyError::Refused("this is not the owner of a sealed field".to_owned()))
    }
}

fn parse(text: &str) -> Option<Owner> {
    let Some((kind, rest)) = text.split_once(':') else {
        return (text == "realm").then_some(Owner::Realm);
    };
    match kind {
        "user" => rest.parse().ok().map(Owner::User),
        "credential" => rest.parse().ok().map(Owner::Credential),
        "network" => {
            let (month, user) = match rest.split_once(':') {
                Some((month, user)) => (month, Some(user.parse().ok()?)),
                None => (rest, None),
            };
            Some(Owner::Network {
                at: first_moment(month)?,
                user,
            })
        }
        _ => None,
    }
}

impl Serialize for Owner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// The month in UTC, such as `2026-11`. Moments outside of the years 0 to 9999, which no clock gives, count to the
/// nearest month within.
pub(super) fn month(at: Timestamp) -> String {
    const FIRST: i64 = -62_167_219_200;
    const LAST: i64 = 253_402_300_799;
    let moment = OffsetDateTime::from_unix_timestamp(at.seconds().clamp(FIRST, LAST))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!("{:04}-{:02}", moment.year(), u8::from(moment.month()))
}

fn first_moment(month: &str) -> Option<Timestamp> {
    let (year, month) = month.split_once('-')?;
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, 1).ok()?;
    Some(Timestamp::from_seconds(
        date.midnight().assume_utc().unix_timestamp(),
    ))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn an_owner_is_read_back_from_its_text_and_from_json() {
        let id = Uuid::parse_str(ID).unwrap();
        let at = Timestamp::parse_rfc3339("2026-11-30T23:59:59.999999Z").unwrap();
        for (owner, text) in [
            (Owner::Realm, "realm".to_owned()),
            (Owner::User(UserId(id)), format!("user:{ID}")),
            (Owner::Credential(CredentialId(id)), format!("credential:{ID}")),
            (Owner::Network { at, user: None }, "network:2026-11".to_owned()),
            (
                Owner::Network {
                    at,
                    user: Some(UserId(id)),
                },
                format!("network:2026-11:{ID}"),
            ),
        ] {
            assert_eq!(owner.to_string(), text);
            assert_eq!(text.parse::<Owner>().unwrap(), owner);
            let json = serde_json::to_string(&owner).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Owner>(&json).unwrap(), owner);
        }
    }

    #[test]
    fn months_change_at_midnight_utc_and_owners_of_other_months_differ() {
        let of = |text: &str| Owner::Network {
            at: Timestamp::parse_rfc3339(text).unwrap(),
            user: None,
        };
        assert_eq!(of("2026-11-01T00:00:00Z"), of("2026-11-30T23:59:59.999999Z"));
        assert_ne!(of("2026-11-30T23:59:59.999999Z"), of("2026-12-01T00:00:00Z"));
        assert_eq!(of("2027-01-01T00:30:00+01:00").to_string(), "network:2026-12");
        assert_eq!(month(Timestamp(i64::MAX)), "9999-12");
        assert_eq!(month(Timestamp(i64::MIN)), "0000-01");
        assert_ne!(Owner::Realm, of("2026-11-01T00:00:00Z"));
    }

    #[test]
    fn any_other_text_is_refused() {
        let upper = format!("user:{}", ID.to_uppercase());
        let braced = format!("user:{{{ID}}}");
        let trailing = format!("network:2026-11:{ID}:");
        for text in [
            "",
            "Realm",
            "realm:",
            "user",
            "user:",
            "user:1",
            "network:",
            "network:2026",
            "network:2026-13",
            "network:2026-00",
            "network:2026-1",
            "network:+026-11",
            "network:2026-11:",
            "network:2026-11-01",
            "month:2026-11",
            &upper,
            &braced,
            &trailing,
        ] {
            assert!(
                matches!(text.parse::<Owner>(), Err(KeyError::Refused(_))),
                "{text}"
            );
        }
        assert!(serde_json::from_str::<Owner>("\"nobody\"").is_err());
    }
}
