//! # What people do by letters
//!
//! The pages of the realm surface that lead to a letter, or that one leads to. What is mailed, to whom and how is told in
//! [letters](crate::letters).
//!
//! | step | request (below `/realms/{realm}`) | event |
//! | --- | --- | --- |
//! | somebody has forgotten their password | `GET recovery`, `POST recovery` | `letter.requested` |
//! | they set another by the link | `GET letter`, `POST letter` | `password.set`, `user.email_verified` |
//! | somebody registers: an address | `GET registration`, `POST registration` | `letter.requested` |
//! | the code, or the link; a name and a password | `POST registration`, `POST letter` | `letter.code_attempted`; `user.registered`, `password.set`, then as by signing in |
//! | who is invited sets a password by the link | `GET letter`, `POST letter` | `password.set`, `user.email_verified` |
//! | who is signed in shows that an address is theirs | `POST account/email`; or `POST letter` | `letter.requested`, `letter.code_attempted`, `user.email_verified` |
//! | they want another address | `POST account/email` | `email_change.requested`, `letter.requested` (to both addresses) |
//! | both addresses say so | `POST account/email`, or `POST letter` | `email_change.confirmed`, `email_change.completed`, `user.profile_changed` |
//! | who is signed in has another phone number | `POST account/phone` | `user.profile_changed`, `letter.requested` |
//! | they show that it is theirs, by the code of a text message to it | `POST account/phone` | `letter.code_attempted`, `user.phone_verified` |
//! | somebody signs in by a link | `GET letter`, in the browser in which they began | then as by the code |
//!
//! **For administrators.** A realm says what letters are for: `mail.sign_in` (`off`, `code`, `code_and_link`), `mail.recovery`,
//! `mail.sender_name`; `registration.self_registration` and `registration.email_domains` who may register themselves. Who is registered by
//! `POST users` without a password is invited by `POST users/{id}/invitation`, with whatever roles they were given; the link is good for
//! seven days, and another invitation voids it. `POST users/{id}/email-verification` has an address shown to be somebody's; `PATCH
//! users/{id}` with `email_verified` says so without a letter. Without a mail server all of it is refused, and no page offers it.
//!
//! **For applications.** Who registers comes back to the application that sent them to sign in, signed in, with a code; `prompt=create`
//! (Initiating User Registration via OpenID Connect 1.0) sends them to register at once, and `login_hint` fills in the address. Where nobody
//! registers themselves, it asks to sign in. A link that is opened in another browser finishes the registration there; they sign in themselves.
//!
//! **For users.** A code works for ten minutes and is tried five times; a link to set a password works for a quarter of an hour; each works
//! once, and another letter voids the one before. There is one in half a minute, and five in an hour.
//!
//! **What goes wrong.** Whether an address or a name is somebody's is told by no page: the answer is the same, and the letter goes out later,
//! or not at all. An address that has an account already gets a letter that says so. A link that is over, used, of another realm or made up is
//! 400 with one page. A second factor that somebody has is asked for when they sign in with a password that they set by a letter; sessions that
//! began before have ended.
//!
//! | file | what |
//! | --- | --- |
//! | `decisions.rs` | the decisions, each of which uses its letter up |
//! | `letter.rs` | where links lead |
//! | `report.rs` | what the provider of text messages tells later of one |
//! | `recovery.rs`, `sign_up.rs`, and `account/{email,phone}.rs` | the pages that lead to a letter |

pub mod decisions;
pub(super) mod letter;
pub(super) mod recovery;
pub(crate) mod report;
pub(super) mod sign_up;

use events::{
    ids::UserId,
    kernel::{Context, Failure, KernelError},
    letters::TooSoon,
};
use web::limits::Refused;

use super::{page::PageError, trouble, visit::Visit};
use crate::letters::request::{NotYet, RequestLetter};

/// For how many seconds a code is good.
pub const CODE_SECONDS: u64 = 600;
/// For how many seconds a password may be set by a link.
pub const RECOVERY_SECONDS: u64 = 900;
/// For how many seconds an invitation is good.
pub const INVITATION_SECONDS: u64 = 7 * 86_400;

/// Nobody is looked up like somebody: the nil id has no events, and never will.
fn or_nobody(user: Option<UserId>) -> UserId {
    user.unwrap_or(UserId(uuid::Uuid::nil()))
}

/// Has a letter mailed, which is looked up only once whoever asks is not asking too often. `Err`: when there may be another.
pub(super) async fn ask(
    visit: &Visit,
    context: &Context,
    letter: impl Future<Output = Result<RequestLetter, KernelError>>,
) -> Result<Result<RequestLetter, TooSoon>, PageError> {
    match visit.asked.named(&visit.edge, &["letters"]).await {
        Ok(()) => {}
        Err(Refused::TooMany(seconds)) => return Ok(Err(TooSoon { seconds })),
        Err(refused @ Refused::Unavailable) => return Err(refused.into()),
    }
    let letter = letter.await?;
    match visit.edge.kernel().execute(context, &letter).await {
        Ok(_) => Ok(Ok(letter)),
        Err(Failure::Rejected(NotYet(soon))) => Ok(Err(soon)),
        Err(Failure::Conflict) => Ok(Err(TooSoon { seconds: 1 })),
        Err(failure) => Err(trouble(failure).into()),
    }
}
