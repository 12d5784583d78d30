//! One value of a row, and how the types of the domain become one. What a column holds is text, a whole number or
//! bytes, since that is what every engine compares and sorts alike.

use std::collections::BTreeSet;

use events::{
    applications::{ApplicationSettings, ApplicationType},
    auth::EndReason,
    clock::Timestamp,
    identity_providers::IdentityProviderSettings,
    ids::{
        ApplicationId, CredentialId, DeviceId, EventId, GrantId, IdentityProviderId, RealmId, SessionId,
        UserId, WebhookId,
    },
    permissions::{PrincipalKind, Role},
    realms::Settings,
    subject::Lane,
    users::Profile,
    webhooks::{DisabledBy, WebhookSettings},
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Text, compared byte by byte.
    Text,
    /// A whole number of 64 bits; moments are microseconds, `true` is 1.
    Integer,
    /// Bytes.
    Bytes,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing: unknown, absent, erased.
    Null,
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A type that a column can hold.
pub trait Cell: Sized {
    /// What kind of column holds it.
    const TYPE: ColumnType;
    /// Whether it may be nothing.
    const NULLABLE: bool = false;
    /// As it is stored.
    fn to_value(&self) -> Value;
    /// As it was; `None` if a column of this type cannot hold such a value.
    fn from_value(value: &Value) -> Option<Self>;
}

impl<T: Cell> Cell for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Cell::to_value)
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl Cell for String {
    const TYPE: ColumnType = ColumnType::Text;

    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value {
            Some(text.clone())
        } else {
            None
        }
    }
}

impl Cell for Vec<u8> {
    const TYPE: ColumnType = ColumnType::Bytes;

    fn to_value(&self) -> Value {
        Value::Bytes(self.clone())
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Bytes(bytes) = value {
            Some(bytes.clone())
        } else {
            None
        }
    }
}

impl Cell for i64 {
    const TYPE: ColumnType = ColumnType::Integer;

    fn to_value(&self) -> Value {
        Value::Integer(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Integer(number) = value {
            Some(*number)
        } else {
            None
        }
    }
}

impl Cell for u64 {
    const TYPE: ColumnType = ColumnType::Integer;

    fn to_value(&self) -> Value {
        Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
    }

    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl Cell for bool {
    const TYPE: ColumnType = ColumnType::Integer;

    fn to_value(&self) -> Value {
        Value::Integer(i64::from(*self))
    }

    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl Cell for Timestamp {
    const TYPE: ColumnType = ColumnType::Integer;

    fn to_value(&self) -> Value {
        Value::Integer(self.0)
    }

    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(Self)
    }
}

impl Cell for Uuid {
    const TYPE: ColumnType = ColumnType::Text;

    fn to_value(&self) -> Value {
        Value::Text(self.hyphenated().to_string())
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value {
            Self::parse_str(text).ok()
        } else {
            None
        }
    }
}

macro_rules! text_cells {
    ($($type:ty),*) => {$(
        impl Cell for $type {
            const TYPE: ColumnType = ColumnType::Text;

            fn to_value(&self) -> Value {
                Value::Text(self.to_string())
            }

            fn from_value(value: &Value) -> Option<Self> {
                if let Value::Text(text) = value { text.parse().ok() } else { None }
            }
        }
    )*};
}

text_cells!(
    RealmId,
    UserId,
    ApplicationId,
    SessionId,
    GrantId,
    CredentialId,
    DeviceId,
    EventId,
    WebhookId,
    IdentityProviderId,
    Lane
);

/// What JSON names, stored under that name; what JSON structures, stored as JSON.
macro_rules! json_cells {
    ($($type:ty),*) => {$(
        impl $crate::cell::Cell for $type {
            const TYPE: $crate::cell::ColumnType = $crate::cell::ColumnType::Text;

            fn to_value(&self) -> $crate::cell::Value {
                $crate::cell::to_json(self)
            }

            fn from_value(value: &$crate::cell::Value) -> Option<Self> {
                $crate::cell::from_json(value)
            }
        }
    )*};
}
pub(crate) use json_cells;

json_cells!(
    Profile,
    Settings,
    ApplicationSettings,
    ApplicationType,
    PrincipalKind,
    EndReason,
    WebhookSettings,
    DisabledBy,
    IdentityProviderSettings,
    BTreeSet<Role>,
    Vec<String>
);

/// JSON text; plain names (the variants of an enum) without their quotes.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Value {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Value::Text(name),
        Ok(json) => Value::Text(json.to_string()),
        // Read back as what cannot be: it stops the projection rather than passing for something else.
        Err(_) => Value::Null,
    }
}

pub(crate) fn from_json<T: DeserializeOwned>(value: &Value) -> Option<T> {
    let Value::Text(text) = value else { return None };
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_value(serde_json::Value::String(text.clone())))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returns<T: Cell + PartialEq + std::fmt::Debug>(value: T) {
        assert_eq!(T::from_value(&value.to_value()), Some(value));
    }

    #[test]
    fn every_type_comes_back_as_it_went() {
        returns("ä' ''".to_owned());
        returns(Some(String::new()));
        returns(None::<String>);
        returns(u64::MAX >> 1);
        returns(-7_i64);
        returns(true);
        returns(Timestamp(1_767_225_600_000_001));
        returns(RealmId::SYSTEM);
        returns(Lane::Activity);
        returns(vec![0_u8, 255]);
        returns(vec!["a".to_owned(), "b\"".to_owned()]);
        returns(BTreeSet::from([Role::Auditor, Role::RealmAdministrator]));
        returns(Profile {
            username: Some("alice".into()),
            ..Profile::default()
        });
        returns(ApplicationType::Spa);
        assert_eq!(ApplicationType::Spa.to_value(), Value::Text("spa".into()));
    }

    #[test]
    fn what_is_not_of_the_type_is_refused() {
        assert_eq!(u64::from_value(&Value::Integer(-1)), None);
        assert_eq!(Lane::from_value(&Value::Text("other".into())), None);
        assert_eq!(String::from_value(&Value::Null), None);
        assert_eq!(Profile::from_value(&Value::Text("{".into())), None);
    }
}
