//! The pages of devices that wait for approval (RFC 8628, 3.3).

use super::{Template, again};
use crate::words::Say;

/// Why the page that asks for a code is shown again. A code that never was, one that is over and one that was answered are told alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceCodeError {
    /// The code leads to no request that waits.
    LeadsNowhere,
    /// Too many codes did.
    TooMany,
}

impl DeviceCodeError {
    /// The heading of the error summary: the message's name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::LeadsNowhere => "device-nowhere",
            Self::TooMany => "too-many",
        }
    }

    /// What the person can do about it: the message's name.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::LeadsNowhere => "device-nowhere-advice",
            Self::TooMany => "device-too-many-advice",
        }
    }
}

/// Asks for the code that a device shows: posts `user_code` to `action`.
#[derive(Template)]
#[template(path = "device_entry.html")]
pub struct DeviceEntry<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// Where the form is posted.
    pub action: &'a str,
    /// What is already in the field; may be empty.
    pub user_code: &'a str,
    /// Why the page is shown again, if it is.
    pub error: Option<DeviceCodeError>,
}

impl DeviceEntry<'_> {
    /// Where the page is shown again, in another language.
    fn again(&self) -> String {
        again(self.action, "user_code", self.user_code)
    }
}

/// Asks whether a device may have what it asks for: posts `flow` and `decision` to `action`.
#[derive(Template)]
#[template(path = "device_confirmation.html")]
pub struct DeviceConfirmation<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// The application on the device.
    pub application_name: &'a str,
    /// The code, to be compared.
    pub user_code: &'a str,
    /// Who is signed in.
    pub username: &'a str,
    /// What it asks for.
    pub scopes: &'a [String],
    /// Where the form is posted.
    pub action: &'a str,
    /// The question, sealed; comes back as the field `flow`.
    pub flow: &'a str,
}

/// The device was answered.
#[derive(Template)]
#[template(path = "device_answered.html")]
pub struct DeviceAnswered<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// The application on the device.
    pub application_name: &'a str,
    /// Whether it was approved.
    pub allowed: bool,
}
