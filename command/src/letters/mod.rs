//! # Letters
//!
//! What is mailed to people. A reactor follows the log and sends by SMTP; no request waits for a mail server.
//!
//! **For operators.** `smtp.url` and `smtp.from` (`CHANCERY_SMTP__URL`, `CHANCERY_SMTP__FROM`; `chancery config check`) name the server and
//! the sender, on workers and on nodes that take commands alike. Without them nothing is mailed, and nothing that needs it is offered.
//! A server that is away is tried again for a day; `letter.sent` and `letter.failed` (activity lane) tell how it went, by the kind of
//! letter and the user's id and never by an address. `GET /reactors` of the management listener tells what is queued.
//!
//! **For users.** Whoever has an e-mail address is told when something changes by which they show who they are, and when somebody signs in on a new device:
//!
//! | it happens | the letter |
//! | --- | --- |
//! | `password.set`, but for the first one of a new user | `password_changed` |
//! | `user.profile_changed` to another address | `email_changed`, to the address before |
//! | `user.profile_changed` to another phone number | `phone_changed` |
//! | `totp.enrolled`, `totp.removed` | `totp_added`, `totp_removed` |
//! | `passkey.registered`, `passkey.removed` | `passkey_added`, `passkey_removed` |
//! | `recovery_codes.generated`, `recovery_codes.removed` | `recovery_codes_made`, `recovery_codes_removed` |
//! | `identity.linked`, but for one that comes with a new user; `identity.unlinked` | `identity_linked`, `identity_unlinked` |
//! | `known_device.added`, but for a user's first device | `device_added` |
//!
//! **What is asked for.** A letter that proves something is asked for by `letter.requested`, of the mailbox that it goes to; there is one of a
//! kind in half a minute, five in an hour, and each voids the one before. Its code and its link follow from that event and a key of the
//! realm; they are used up by what they lead to. Who may ask for which, and what it leads to, is told in
//! what people do by letters (`auth::mailed`).
//!
//! **What goes to a phone.** `phone_verification` and `sign_in_text` are text messages, sent by Twilio (`sms.*`; see `tools/sms`) to the number
//! that the user had when they were asked for. The second is the code of a second factor (`amr` `sms`): it is asked of who has a number that
//! was shown to be theirs, where `mfa.methods` of the realm has `sms`, which it has not unless somebody says so, since numbers can be
//! taken over (NIST SP 800-63B-4, section 3.1.3.3). All else is as for letters: there are few to one number, whoever of the realm asks; its code follows from the
//! event; what became of it is told by `letter.sent` and `letter.failed`, and once the provider says so by `letter.delivered` and
//! `letter.undelivered`. `sms.countries` names the beginnings of numbers that anything
//! is sent to, since messages cost money, and some who ask for them are paid for that. A message that may have been taken is sent again
//! only where the provider says that it was not, or does not answer: then the same may come twice.
//!
//! They are in the user's language (`locale`) if the realm speaks it, else in the realm's default; what they say stands in `languages/`, as what
//! pages say does ([`words`](crate::words)). They have the name, the colour and the logo that the realm's pages have
//! ([branding](crate::realms::branding)); the logo is a part of the letter: nothing is loaded when it is opened.
//!
//! | metric | labels | what it tells |
//! | --- | --- | --- |
//! | `chancery_letters_total` | kind, result (`sent`, `failed`) | letters that the mail server took or did not |
//!
//! | file | what |
//! | --- | --- |
//! | `reactor.rs` | following the log, sending, and telling of it |
//! | `request.rs`, `proof.rs` | asking for a letter that proves something, and what its link and its code prove |
//! | `asked.rs` | to whom it goes, and what is in it |
//! | `texts.rs` | what goes to a phone, and to which ones |
//! | `notices.rs` | which facts a user is told of, and at which address |
//! | `words.rs` | what each letter says, and in which language |
//! | `head.rs` | in whose name a letter is written, and how it looks |
//! | `written.rs` | a letter as text and HTML |

mod asked;
mod head;
mod notices;
pub mod proof;
mod reactor;
pub mod request;
pub(crate) mod texts;
mod words;
mod written;

pub use reactor::Letters;
pub use texts::Texts;
