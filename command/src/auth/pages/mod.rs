//! The hosted pages: what a person sees of a realm. Each page is a struct that knows how to render itself and
//! nothing else; the handlers decide. Rule protected: nothing inline, no script needed (but for passkeys, which browsers give to scripts alone), everything escaped, and
//! no wording that tells an unknown user from a wrong password.

pub mod account;
mod assets;
mod device;
mod mailed;
mod sign_in;
#[cfg(test)]
mod tests;

pub use askama::Template;
pub use assets::{Asset, asset};
pub use device::{DeviceAnswered, DeviceCodeError, DeviceConfirmation, DeviceEntry};
pub use mailed::{Field, MailedPage, PageForm, Trouble};
pub use sign_in::{
    AddIdentityPage, EmailCodePage, EnrolPasskeyPage, EnrolTotpPage, FederatedPage, GoOn, Identify, Letters,
    OneTimeCode, PasskeyPage, PasswordPage, ProviderLink, RecoveryCodesPage, SignInError, Surroundings,
    TextCodePage, WayIn,
};

use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::words::Say;

/// Where a page is shown again by GET: its address with what it is of, and room for one more parameter.
fn again(action: &str, name: &'static str, value: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(name, value);
    format!("{action}?{}&", query.finish())
}

/// Asks whether an application may have something of the person's. Posts `flow` and `decision` to `action`.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct Consent<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// The application that asks.
    pub application_name: &'a str,
    /// Where the answer goes, of an application that registered by itself: nobody vouches for its name.
    pub unvouched: Option<&'a str>,
    /// Who is asked.
    pub username: &'a str,
    /// What it asks for and was not allowed yet, in words.
    pub new: &'a [String],
    /// What it asks for and was allowed before.
    pub known: &'a [String],
    /// Its home page.
    pub client_uri: Option<&'a str>,
    /// Its privacy policy.
    pub policy_uri: Option<&'a str>,
    /// Its terms of service.
    pub tos_uri: Option<&'a str>,
    /// Where the form is posted.
    pub action: &'a str,
    /// The request, sealed; comes back as the field `flow`.
    pub flow: &'a str,
}

impl Consent<'_> {
    /// Where the page is shown again, in another language.
    fn again(&self) -> String {
        again(self.action, "flow", self.flow)
    }
}

/// For someone who opens the sign-in page without an application and has a session, or has just got one.
#[derive(Template)]
#[template(path = "signed_in.html")]
pub struct SignedIn<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// Who is signed in.
    pub username: &'a str,
    /// When the session started.
    pub signed_in_at: OffsetDateTime,
    /// What they may add to what they have to show who they are.
    pub adds: &'a [WayIn],
    /// Where the sign-out button posts.
    pub sign_out_action: &'a str,
    /// Binds the sign-out form to this session; comes back as the field `flow`.
    pub flow: &'a str,
}

impl SignedIn<'_> {
    fn since_for_machines(&self) -> String {
        self.signed_in_at
            .to_offset(UtcOffset::UTC)
            .format(&Rfc3339)
            .unwrap_or_default()
    }
}

/// Asked before a session is ended by a request that carries no usable `id_token_hint` (RP-Initiated Logout 1.0,
/// section 2). Posts `flow` to `action`.
#[derive(Template)]
#[template(path = "confirm_sign_out.html")]
pub struct ConfirmSignOut<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// The application that asked, if it is known.
    pub application_name: Option<&'a str>,
    /// Where the form is posted.
    pub action: &'a str,
    /// The logout request, sealed; comes back as the field `flow`.
    pub flow: &'a str,
    /// Where "Stay signed in" leads; without it the page says to close itself.
    pub cancel_url: Option<&'a str>,
}

/// The session has ended.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub struct SignedOut<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// The application that `continue_url` belongs to, if it is known.
    pub application_name: Option<&'a str>,
    /// A way onward: a registered post-logout redirect URI, or the sign-in page.
    pub continue_url: &'a str,
    /// Whether the browser goes there by itself, by the page's one script, once the frames have loaded.
    pub goes_on: bool,
    /// Where applications sign out in a frame (Front-Channel Logout 1.0); the page's policy names their origins in `frame-src`.
    pub frames: &'a [String],
}

/// The frame in which applications look whether the session is the same one (Session Management 1.0, section 3.2). It shows nothing;
/// any page may frame it.
#[derive(Template)]
#[template(path = "check_session.html")]
pub struct CheckSession<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// The name of the cookie that its script reads.
    pub cookie: &'a str,
}

/// A request that must not be answered by a redirect, because its client or redirect URI is not valid (RFC 6749,
/// section 4.1.2.1), or a hosted page that failed.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    /// How it speaks, and in whose name: also where there is no such realm.
    pub say: &'a Say,
    /// What happened, in a few words.
    pub title: &'a str,
    /// What it means for the person, and what to do.
    pub message: &'a str,
    /// The stable code of the catalogue of errors.
    pub code: &'a str,
    /// By which the operator finds the request.
    pub request_id: &'a str,
    /// What the application's developer should change, folded away; nothing internal.
    pub developer_detail: Option<&'a str>,
}

/// The authorization response as a form that posts itself (OAuth 2.0 Form Post Response Mode), or waits for a
/// press of its button where scripts do not run. Its policy needs `script-src 'self'` and the origin of `action`
/// in `form-action`.
#[derive(Template)]
#[template(path = "form_post.html")]
pub struct FormPost<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// The application that the answer goes to, if it is to be named.
    pub application_name: Option<&'a str>,
    /// The client's redirect URI, validated before.
    pub action: &'a str,
    /// The parameters of the response, in order.
    pub params: &'a [(String, String)],
}
