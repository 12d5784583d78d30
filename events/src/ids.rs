//! Typed identifiers: an id of one kind cannot be passed for another, and the realm is always in the type.
//!
//! Every id is a UUID (version 7 where we make it, so that ids sort by the time of their making) and is written
//! hyphenated, in JSON as in read models.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

id! {
    /// A realm (tenant).
    RealmId;
    /// A user of one realm.
    UserId;
    /// An application (OAuth client) of one realm. Its `client_id` is this id unless it was given another.
    ApplicationId;
    /// A session: one sign-in of one user in one browser, with the grants that came of it.
    SessionId;
    /// A grant: what one authorization gave to one application; refresh tokens are its generations.
    GrantId;
    /// A credential whose secret is sealed by a key of its own.
    CredentialId;
    /// An endpoint that is told what happens in one realm.
    WebhookId;
    /// An identity provider of one realm.
    IdentityProviderId;
    /// A device that one user signs in on.
    DeviceId;
    /// One recorded event.
    EventId;
}

impl RealmId {
    /// The realm that administers the others. Its id is the same in every installation.
    pub const SYSTEM: RealmId = RealmId(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));
}
