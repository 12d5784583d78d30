//! What answers have in common: how moments are written, and what the parts of every path mean.
//! The rule: a field that has no value is `null`, so that every answer of a kind has the same shape.

use events::clock::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A moment, written after RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl From<Timestamp> for Moment {
    fn from(moment: Timestamp) -> Self {
        Self(moment)
    }
}

/// The realm that is asked about.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it describes the path; web's extractors read it")]
pub struct InRealm {
    /// The realm's name or id.
    realm: String,
}

/// One resource of a realm.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it describes the path; web's extractors read it")]
pub struct ById {
    /// The realm's name or id.
    realm: String,
    /// The resource's id; one of another realm is answered as one that does not exist.
    id: Uuid,
}
