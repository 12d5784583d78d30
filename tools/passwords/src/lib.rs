//! Passwords: which ones are accepted, and how they are hashed (NIST SP 800-63B-4 section 3.1.1, OWASP ASVS 5
//! section 6.2, RFC 9106).
//!
//! Two rules are protected here. **A password is judged by what an attacker would try, not by its kinds of
//! characters**: length, a list of common passwords, and what is known about the account. And **memory-hard
//! work is admitted, never piled up**: a bounded queue refuses at once what could not be answered in time, so
//! that a flood of sign-ins cannot take the process down.
//!
//! # Policy
//! [`Policy`] is part of a realm's settings. [`Policy::check`] says what is wrong in words for the person who
//! chose the password.
//!
//! ```
//! use passwords::{Policy, Weakness};
//!
//! let policy = Policy::default();
//! assert_eq!(policy.check("correct horse ripens slowly", &["alice"]), Ok(()));
//! assert_eq!(policy.check("alicealicealice2026", &["alice"]), Err(Weakness::Contextual));
//! ```
//!
//! # Hashing
//! A [`Hasher`] owns a few threads, each with the memory that Argon2 needs, and the queue before them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), passwords::HashError> {
//! use passwords::{Hasher, Parameters, Verdict};
//! use secrecy::SecretString;
//!
//! let hasher = Hasher::new(Parameters::default(), 1, 16)?;
//! let password = SecretString::from("correct horse ripens slowly");
//! let stored = hasher.hash(&password).await?; // "$argon2id$v=19$m=19456,t=2,p=1$…"
//! assert_eq!(hasher.verify(&password, Some(&stored)).await?, Verdict::Match { needs_rehash: false });
//!
//! // Nobody of that name: the same work, so the answer takes as long, and says as little.
//! assert_eq!(hasher.verify(&password, None).await?, Verdict::Mismatch);
//! # Ok(())
//! # }
//! ```
//!
//! - Off the async threads: a hash is 19 MiB and some 20 ms of one core.
//! - When the queue is full, [`HashError::Overloaded`] comes at once and says when to try again.
//! - A caller that goes away before its turn costs nothing: its job is dropped unseen.
//! - Parameters may change: old hashes verify with their own, and [`Verdict::Match`] says that they should be
//!   replaced.
//! - A stored hash that asks for absurd work is refused rather than executed.
//!
//! # Unicode
//! Passwords are brought to NFKC before they are judged or hashed (NIST SP 800-63B-4 section 3.1.1.2), so
//! that two keyboards that write one password differently both get in. They are never cut short.
//!
//! # Breaches
//! A [`Hasher`] may be given the passwords that were found in breaches, as a file ([`Breached`]); what is in it, it [says](Hasher::is_breached).
//!
//! # Metrics
//! | name | kind | what |
//! | --- | --- | --- |
//! | `chancery_password_queue_depth` | gauge | jobs that wait for a thread |
//! | `chancery_password_hash_seconds` | histogram | one hash, without the wait before it |
//! | `chancery_password_refused_total` | counter | jobs refused because the queue was full |

mod blocklist;
pub mod breached;
mod error;
mod hasher;
mod normalize;
mod parameters;
mod patterns;
mod policy;
mod queue;
mod stored;
mod worker;

pub use breached::{Breached, BreachedError};
pub use error::{HashError, PolicyError, Weakness};
pub use hasher::{Hasher, Place, Verdict};
pub use parameters::Parameters;
pub use policy::Policy;
