//! # The account pages
//!
//! Where somebody who is signed in sees what they have, and changes it: `/realms/{realm}/account`. They work without JavaScript, behind the
//! realm's session cookie.
//!
//! | page | what one sees | what one can do | event |
//! | --- | --- | --- | --- |
//! | `account` | who one is, and by what one signs in | sign out | |
//! | `account/profile` | what is known of one | change it, as far as the realm lets people: `registration.username_changes`, and the attributes that are `editable` | `user.profile_changed` |
//! | `account/email` | the address, and whether it is known to be one's own | have it shown to be, change it (where letters are mailed) | see [letters](../mailed/mod.rs) |
//! | `account/phone` | the number, and whether it is known to be one's own | have it shown to be, change it (where text messages are sent) | `user.profile_changed`, `user.phone_verified` |
//! | `account/credentials` | password, passkeys, authenticator apps, recovery codes, accounts elsewhere | rename and remove them, make new codes, add more | `passkey.renamed`, `passkey.removed`, `totp.removed`, `identity.unlinked`, `recovery_codes.generated` |
//! | `account/password` | what a password must be here | choose another one | `password.set`, `session.elevated` |
//! | `account/sessions` | where one is signed in, by what, since when | end one, or all others | `session.ended`, `user.sessions_ended` |
//! | `account/devices` | the devices that one signs in on, since when, trusted until when | name one, trust it no more, revoke it | `known_device.named`, `known_device.trust_ended`, `known_device.revoked` |
//! | `account/applications` | which applications one allowed what, and when | withdraw that | `consent.withdrawn` |
//!
//! **For users.** Open `/realms/{realm}/account` of the service that you sign in to, or follow "Your account" from the page that says that you
//! are signed in. What you withdraw from an application ends within a second: it can neither use what it has nor get more of it, and asks you
//! anew the next time that you go there. Your address is changed by the codes of two letters: to the new one, and to the one that you have.
//!
//! By what you sign in is changed only by who has shown in the last ten minutes that they are you: the page asks, and leads back. Another
//! password ends all your other sessions. Your last way to sign in cannot be removed, nor one that is required of you: add another first.
//!
//! A browser that you sign in with is a device, known by a cookie for half a year. Where the realm lets you (`mfa.trust_days`), you may tick
//! "Do not ask again on this device" when you show your second factor: until the days are over, you revoke the device or change your password, it is
//! not asked for there, unless an application wants it. A device that you do not know is revoked with one button: whoever has it is signed out.
//!
//! **For administrators.** Who may change what is the realm's: `mfa.trust_days` (0 to 365; 0, the default, lets nobody trust a device),
//! `registration.username_changes`, and `editable` of each custom attribute. A user's devices are listed by `GET
//! /query/v1/realms/{realm}/users/{id}/devices`, for who may read sessions, and revoked by `DELETE
//! /command/v1/realms/{realm}/users/{id}/devices/{device}`, for who may end them; the sessions that began on it end in the same append.
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

pub mod agent;
pub(super) mod applications;
pub(super) mod credentials;
pub(super) mod devices;
pub(super) mod email;
mod holdings;
pub(super) mod overview;
mod own;
pub(super) mod password;
pub(super) mod phone;
pub(super) mod profile;
pub(super) mod sessions;
mod visitor;

pub use holdings::{Holdings, NoHoldings};

use serde::{Deserialize, Serialize};

use super::{pages::account::Notice, visit::Visit};

/// A page of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// All in all.
    Overview,
    /// What is known of one.
    Profile,
    /// One's e-mail address.
    Email,
    /// One's phone number.
    Phone,
    /// By what one signs in.
    Credentials,
    /// Another password.
    Password,
    /// Where one is signed in.
    Sessions,
    /// The devices that one signs in on.
    Devices,
    /// Which applications one allowed what.
    Applications,
}

impl Section {
    /// Those that are offered on every page, in order.
    pub const OFFERED: [Self; 8] = [
        Self::Overview,
        Self::Profile,
        Self::Email,
        Self::Phone,
        Self::Credentials,
        Self::Sessions,
        Self::Devices,
        Self::Applications,
    ];

    /// Below the account's address.
    pub const fn segment(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Profile => "/profile",
            Self::Email => "/email",
            Self::Phone => "/phone",
            Self::Credentials => "/credentials",
            Self::Password => "/password",
            Self::Sessions => "/sessions",
            Self::Devices => "/devices",
            Self::Applications => "/applications",
        }
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overview => "account-overview",
            Self::Profile => "account-profile",
            Self::Email => "account-email",
            Self::Phone => "account-phone",
            Self::Credentials => "account-credentials",
            Self::Password => "account-password",
            Self::Sessions => "account-sessions",
            Self::Devices => "account-devices",
            Self::Applications => "account-applications",
        }
    }

    /// The page of those that are offered which it belongs to.
    pub const fn within(self) -> Self {
        match self {
            Self::Password => Self::Credentials,
            Self::Overview
            | Self::Profile
            | Self::Email
            | Self::Phone
            | Self::Credentials
            | Self::Sessions
            | Self::Devices
            | Self::Applications => self,
        }
    }
}

/// Where a sign-in that was begun here comes back to.
pub fn after_sign_in(visit: &Visit, section: Section, confirmed: bool) -> String {
    match section {
        Section::Credentials | Section::Profile | Section::Email if confirmed => {
            format!("{}?done={}", path(visit, section), Notice::Confirmed.as_str())
        }
        _ => path(visit, section),
    }
}

/// The path of a page of the account.
pub fn path(visit: &Visit, section: Section) -> String {
    format!("/realms/{}/account{}", visit.realm.name, section.segment())
}
