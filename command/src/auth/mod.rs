//! # Signing in
//!
//! The realm surface: OAuth 2.0 and OpenID Connect endpoints that change something, and the hosted pages
//! around signing in and out. (What only reads is on the query side: discovery, keys, userinfo,
//! introspection.)
//!
//! | step | request (below `/realms/{realm}`) | event (activity lane) |
//! | --- | --- | --- |
//! | an application asks for a code | `GET oauth2/authorize` | `code.issued` (`session.continued` once a minute) |
//! | an application pushes its request first | `POST oauth2/par` | none |
//! | a person signs in | `GET sign-in`, `POST sign-in` | `session.started` with `known_device.added` or `known_device.seen`, or `login.failed` (`passkey.used`, facts lane, where a [passkey](crate::passkeys) counted its use) |
//! | they sign in with others | see `federation/` | the same, and `identity.linked` (facts lane; `user.registered` of who is new) |
//! | a person allows it | `GET consent`, `POST consent` | `consent.given` (facts lane), `code.issued` |
//! | the code becomes tokens | `POST oauth2/token`, `authorization_code` | `grant.started`, `token.issued` |
//! | the tokens are renewed | `POST oauth2/token`, `refresh_token` | `grant.refreshed`, `token.issued` |
//! | a device asks to be approved | `POST oauth2/device_authorization` | `device.requested` |
//! | its user answers | `GET device`, `POST device` | `device.approved` or `device.denied` |
//! | the answer becomes tokens | `POST oauth2/token`, `…:device_code` | `grant.started`, `token.issued` |
//! | a token becomes another | `POST oauth2/token`, `…:token-exchange` | `token.issued` |
//! | somebody else vouches for a person | `POST oauth2/token`, `…:jwt-bearer` | `session.started`, `grant.started`, `token.issued` |
//! | an application acts for itself | `POST oauth2/token`, `client_credentials` | `token.issued` |
//! | an application registers by itself | `POST oauth2/register` | `application.registered` (facts lane; `initial_access.used`) |
//! | it changes its registration | `PUT oauth2/register/{client_id}` | `application.changed`, `application.registration_token_issued` |
//! | it ends it | `DELETE oauth2/register/{client_id}` | `application.disabled` |
//! | a token is given back | `POST oauth2/revoke` | `token.revoked`, or `grant.revoked` |
//! | a person looks at their account | `GET account` and below | `session.continued` once a minute |
//! | they withdraw what they allowed | `POST account/applications` | `consent.withdrawn` (facts lane) |
//! | they change what they have | `POST account/profile`, `…/email`, `…/credentials`, `…/password`, `…/sessions`, `…/devices` | see [the account pages](account/mod.rs) |
//! | a person signs out | `GET oauth2/logout`, `POST oauth2/logout` | `session.ended` |
//! | applications hear that it ended | sent to their `backchannel_logout_uri` | `logout_token.delivered` or `logout_token.failed` |
//! | an application looks whether it is the same session | `GET oauth2/check-session`, in a frame | none |
//!
//! **What goes wrong.** Where the client or its redirect URI are in doubt the person sees a page, and nothing
//! is sent anywhere; everything else is told to the application (RFC 6749, 4.1.2.1 and 5.2). A name and
//! password that do not open an account are 401 with one wording, whatever the reason; the reason is in
//! `login.failed`. A code or refresh token used twice ends its grant: `grant.revoked` with the reason
//! `reused`. A realm that is suspended answers like one that does not exist.
//!
//! **It worked when** the application's redirect URI gets `code`, `state` and `iss`, the token endpoint
//! answers 200, and the realm's activity lane reads `session.started`, `code.issued`, `grant.started`,
//! `token.issued`.
//!
//! | file | what |
//! | --- | --- |
//! | `authorize/` | the authorization endpoint: request (pushed, signed), redirect URIs, answer |
//! | `sign_in.rs`, `flow.rs` | the sign-in page, and the sealed progress of a sign-in |
//! | `sessions/`, `session_cookie.rs`, `known_device.rs` | who the browser is signed in as, the decisions on that, and who was before |
//! | `account/` | where people see what they have, and change it: [the guide for users](account/mod.rs) |
//! | `federation/` | others as identity providers: request, answer, and the guide for administrators |
//! | `consent/` | what a person allows an application |
//! | `code.rs`, `token/`, `grants.rs`, `exchanges.rs` | codes, the grants of the token endpoint, and the decisions on them |
//! | `device/` | devices without a browser: asking, answering, codes |
//! | `registration/` | applications that register by themselves (RFC 7591, RFC 7592) |
//! | `revoke.rs`, `logout/`, `hint.rs` | tokens given back, sessions ended and who hears of it, id tokens as hints |
//! | `session_state.rs` | how applications notice that the session is another one |
//! | `mailed/` | what people do by letters: [the guide](mailed/mod.rs) |
//! | `page.rs`, `page_error.rs`, `pages/`, `assets.rs` | how pages travel, what they say when something is wrong |
//! | `visit.rs`, `parameters.rs` | what a request is known by, and what forms hold |
//! | `journeys/` | all of it over HTTP, as browsers and applications go about it |
//!
//! The rules: every artefact is bound to all that it is for, and checked for all of it where it is used; what
//! happens once is decided by the log; nothing tells an unknown user from a wrong password.

pub(crate) mod account;
mod assets;
mod audience;
mod authorize;
mod code;
pub(crate) mod consent;
mod device;
mod exchanges;
mod federation;
pub(crate) mod flow;
#[cfg(test)]
mod given;
mod grants;
mod hint;
#[cfg(test)]
mod journeys;
mod known_device;
mod logout;
pub(crate) mod mailed;
mod page;
mod page_error;
pub mod pages;
mod parameters;
mod registration;
mod revoke;
mod session_cookie;
mod session_state;
pub(crate) mod sessions;
mod sign_in;
mod token;
mod visit;

use axum::routing::MethodRouter;
use events::{
    kernel::{Failure, KernelError},
    log::LogError,
};
use http::{HeaderValue, header};
use utoipa::IntoParams;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};
use web::{Code, Problem, cors};

pub use account::{Holdings, NoHoldings};
pub(crate) use authorize::redirect_uri::PolicySource;
pub(crate) use device::pace::Pace;
pub use logout::{BackChannelLogout, EndedSessions};
pub use page_error::problem_page;

use crate::Commands;

/// The realm surface's writes and hosted pages: `/realms/{realm}/…`.
pub fn router(commands: Commands) -> OpenApiRouter {
    describe_metrics();
    operations().with_state(commands)
}

pub(crate) fn operations() -> OpenApiRouter<Commands> {
    OpenApiRouter::new()
        .routes(routes!(authorize::get_authorize, authorize::post_authorize).map(without_head))
        .routes(routes!(authorize::pushed::push).map(cors::open))
        .routes(routes!(sign_in::get_sign_in, sign_in::post_sign_in))
        .routes(routes!(federation::start))
        .routes(routes!(federation::callback, federation::posted_callback).map(without_head))
        .routes(routes!(consent::get_consent, consent::post_consent))
        .routes(routes!(token::token).map(cors::open))
        .routes(routes!(revoke::revoke).map(cors::open))
        .routes(routes!(logout::get_logout, logout::post_logout).map(without_head))
        .routes(routes!(session_state::check_session))
        .routes(routes!(registration::register).map(cors::open))
        .routes(
            routes!(
                registration::manage::read,
                registration::manage::update,
                registration::manage::delete
            )
            .map(cors::open),
        )
        .routes(routes!(device::device_authorization).map(cors::open))
        .routes(routes!(device::get_device, device::post_device))
        .routes(routes!(account::overview::get_account))
        .routes(routes!(
            account::profile::get_profile,
            account::profile::post_profile
        ))
        .routes(routes!(account::email::get_email, account::email::post_email))
        .routes(routes!(account::phone::get_phone, account::phone::post_phone))
        .routes(routes!(
            account::devices::get_devices,
            account::devices::post_devices
        ))
        .routes(routes!(
            account::credentials::get_credentials,
            account::credentials::post_credentials
        ))
        .routes(routes!(
            account::password::get_password,
            account::password::post_password
        ))
        .routes(routes!(
            account::sessions::get_sessions,
            account::sessions::post_sessions
        ))
        .routes(routes!(
            account::applications::get_applications,
            account::applications::post_applications
        ))
        .routes(routes!(mailed::letter::get_letter, mailed::letter::post_letter))
        .routes(routes!(
            mailed::recovery::get_recovery,
            mailed::recovery::post_recovery
        ))
        .routes(routes!(
            mailed::sign_up::get_registration,
            mailed::sign_up::post_registration
        ))
        .routes(routes!(mailed::report::report))
        .routes(routes!(assets::asset))
        .routes(routes!(assets::logo))
}

/// These GETs issue codes and end sessions, as OAuth and OpenID Connect have it. HEAD, which axum would answer by them,
/// asks for no effect at all (RFC 9110, 9.3.2).
fn without_head(methods: MethodRouter<Commands>) -> MethodRouter<Commands> {
    methods.head(async || {
        Problem::new(Code::MethodNotAllowed).header(header::ALLOW, HeaderValue::from_static("GET, POST"))
    })
}

/// The realm whose surface it is.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it describes the path; the extractors read it")]
struct Issuer {
    /// The realm's name or id.
    realm: String,
}

/// What remains of a failure that the caller has no answer of its own for.
fn trouble<R>(failure: Failure<R>) -> KernelError {
    match failure {
        Failure::Kernel(error) => error,
        Failure::Conflict => LogError::Unavailable("lost the race too often".to_owned()).into(),
        Failure::Rejected(_)
        | Failure::Claimed { .. }
        | Failure::PreconditionFailed { .. }
        | Failure::CommandReused => {
            KernelError::Malformed("a failure that this command does not have".to_owned())
        }
    }
}

fn describe_metrics() {
    metrics::describe_counter!(
        "chancery_sign_ins_total",
        "Sign-ins that were tried, by result and method"
    );
    metrics::describe_counter!(
        "chancery_tokens_issued_total",
        "Access tokens that were issued, by grant type"
    );
}
