//! # The account pages
//!
//! Where somebody who is signed in sees what they have, and changes it: `/realms/{realm}/account`. They work without JavaScript, behind the
//! realm's session cookie.
//!
//! | page | what one sees | what one can do | event |
//! | --- | --- | --- | --- |
//! | `account` | who one is, and by what one signs in | sign out | |
//! | `account/identities` | what one is known as at identity providers | add one, remove one | `identity.linked`, `identity.unlinked` |
//! | `account/applications` | which applications one allowed what, and when | withdraw that | `consent.withdrawn` |
//!
//! **For users.** Open `/realms/{realm}/account` of the service that you sign in to, or follow "Your account" from the page that says that you
//! are signed in. What you withdraw from an application ends within a second: it can neither use what it has nor get more of it, and asks you
//! anew the next time that you go there.
//!
//! **How.** Whoever is not signed in is asked to, and comes back to the page; whoever has a session that is worth less than the realm
//! requires shows more first. Which applications and sessions are a user's is asked of the read models ([`Holdings`]), waited for until they
//! hold all that the log tells; what they are, and whether they stand, is asked of the subjects themselves, so that each page shows what the
//! one before it changed. A node that only takes commands opens the read models to ask them.
//!
//! **What goes wrong.** A form is good for half an hour, in the session and on the page that it was made for. Any other changes nothing: the
//! page is shown anew with the status 400, and says so. When the read models do not come so far within two seconds, the page is 503
//! with `Retry-After`.
//!
//! **It worked when** the browser is back at the page by `303`, and the page says what was done.

pub(super) mod applications;
mod holdings;
pub(super) mod identities;
pub(super) mod overview;
mod visitor;

pub use holdings::{Holdings, NoHoldings};

use serde::{Deserialize, Serialize};

use super::visit::Visit;

/// A page of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// All in all.
    Overview,
    /// What one is known as at identity providers.
    Identities,
    /// Which applications one allowed what.
    Applications,
}

impl Section {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Overview, Self::Identities, Self::Applications];

    /// Below the account's address.
    pub const fn segment(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Identities => "/identities",
            Self::Applications => "/applications",
        }
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overview => "account-overview",
            Self::Identities => "account-identities",
            Self::Applications => "account-applications",
        }
    }
}

/// The path of a page of the account.
pub fn path(visit: &Visit, section: Section) -> String {
    format!("/realms/{}/account{}", visit.realm.name, section.segment())
}
