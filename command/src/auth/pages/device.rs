//! The pages of devices that wait for approval (RFC 8628, 3.3).

use super::Template;

/// Why the page that asks for a code is shown again. A code that never was, one that is over and one that was answered are told alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceCodeError {
    /// The code leads to no request that waits.
    LeadsNowhere,
    /// Too many codes did.
    TooMany,
}

impl DeviceCodeError {
    /// The heading of the error summary.
    pub fn title(self) -> &'static str {
        match self {
            Self::LeadsNowhere => "That code does not work",
            Self::TooMany => "Too many attempts",
        }
    }

    /// What the person can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::LeadsNowhere => {
                "Compare it with what your device shows. If it is the same, start anew on the device."
            }
            Self::TooMany => "Wait half an hour, then start anew on the device.",
        }
    }
}

/// Asks for the code that a device shows: posts `user_code` to `action`.
#[derive(Template)]
#[template(path = "device_entry.html")]
pub struct DeviceEntry<'a> {
    /// The realm as people know it.
    pub realm_display_name: &'a str,
    /// The realm as it stands in the URL.
    pub realm: &'a str,
    /// Where the form is posted.
    pub action: &'a str,
    /// What is already in the field; may be empty.
    pub user_code: &'a str,
    /// Why the page is shown again, if it is.
    pub error: Option<DeviceCodeError>,
}

/// Asks whether a device may have what it asks for: posts `flow` and `decision` to `action`.
#[derive(Template)]
#[template(path = "device_confirmation.html")]
pub struct DeviceConfirmation<'a> {
    /// The realm as people know it.
    pub realm_display_name: &'a str,
    /// The realm as it stands in the URL.
    pub realm: &'a str,
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
    /// The realm as people know it.
    pub realm_display_name: &'a str,
    /// The realm as it stands in the URL.
    pub realm: &'a str,
    /// The application on the device.
    pub application_name: &'a str,
    /// Whether it was approved.
    pub allowed: bool,
}
