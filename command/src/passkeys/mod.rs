//! # Passkeys
//!
//! What the authenticators of a realm's people made for it (Web Authentication Level 3): a passkey signs in without a password and
//! without a user name, or is a second factor.
//!
//! | step | request | who may | event |
//! | --- | --- | --- | --- |
//! | add one | a step of a sign-in, where the realm offers or requires it (`mfa`); or `/realms/{realm}/sign-in?add=passkey`, when signed in | whoever has shown all that they have, lately | `passkey.registered` |
//! | sign in with one | the first or second step of a sign-in | everybody | `passkey.used`, `session.started` |
//! | name it | `PATCH users/{id}/passkeys/{credential}` | realm administrators | `passkey.renamed` |
//! | remove it | `DELETE users/{id}/passkeys/{credential}` | realm administrators | `passkey.removed` |
//! | list them | `GET users/{id}/passkeys` of the query API | realm administrators, auditors | |
//!
//! The requests are below `/command/v1/realms/{realm}`. What a realm asks of passkeys is the section `passkeys` of its settings: whether
//! there are any, whether the authenticator makes sure who is there (`user_verification`), whether it is found without a user name
//! (`discoverable`), whether it may be copied to other devices (`synchronised`), and which makes are accepted (`authenticators`, whose
//! makers then must vouch for them).
//!
//! **What it is worth.** One that made sure who was there is two factors: `urn:chancery:acr:aal2`, with the references `user` and
//! `mfa`; one that did not is one, something had (where the realm lets it; one that made sure when it was registered must go on doing so). It is told as `hwk` where its maker vouches that the key is in hardware and it cannot be
//! copied, else as `swk` (RFC 8176).
//!
//! **Where.** Passkeys belong to the domain of the public address and work on its pages alone. An address without a domain (`127.0.0.1`) has
//! none: browsers would refuse. Plain http does on `localhost` alone. All realms of a platform have one domain, so a browser offers the
//! passkeys of all of them; that of another realm is refused.
//!
//! **What goes wrong.** Before the first proof nobody is told which passkeys a user has: the browser is asked for any. A passkey that is not
//! known, was removed, is of somebody else or of another realm, or whose signature, origin or challenge is not right, is told
//! in one wording; why is in `login.failed`. One whose counter went back is refused there and then, and stays (`copied_passkey`):
//! remove it, and look into the sign-ins before. A challenge is good once, and as long as its page.
//!
//! **It worked when** the answer's events are those of the table, and the next sign-in with the passkey leads to `session.started` with the
//! method `passkey` among its proofs; after a removal it leads to `login.failed`.

pub mod note_use;
pub mod register;
pub mod remove;
pub mod rename;

use std::time::Duration;

use events::{
    passkeys::Passkey,
    realms::{PasskeySettings, UserVerification},
};
use passkeys::{Attestation, Policy, RelyingParty, TrustedAuthenticator};
use url::Url;
use utoipa_axum::routes;
use web::{Edge, OpenApiRouter, RealmRef};

use crate::Commands;

/// How long a browser waits for its user.
const PATIENCE: Duration = Duration::from_mins(5);
/// The most characters of a name.
pub const NAME: usize = 60;

/// Whom the passkeys of a realm are made for. `None`: the public address is none that passkeys work on.
pub fn relying_party(edge: &Edge, realm: &RealmRef) -> Option<RelyingParty> {
    let url = Url::parse(edge.public_url()).ok()?;
    let origin = Url::parse(&url.origin().ascii_serialization()).ok()?;
    RelyingParty::new(url.domain()?, &[origin], &realm.display_name, PATIENCE).ok()
}

/// What a realm asks of a new passkey.
pub fn policy(settings: &PasskeySettings) -> Policy {
    let trusted = settings.authenticators.iter().map(|one| TrustedAuthenticator {
        aaguid: one.aaguid,
        name: one.name.clone(),
        root: one.root.clone(),
    });
    Policy {
        user_verification: user_verification(settings),
        discoverable: settings.discoverable,
        synchronised: settings.synchronised,
        attestation: if settings.authenticators.is_empty() {
            Attestation::None
        } else {
            Attestation::Trusted(trusted.collect())
        },
    }
}

/// Whether a realm asks authenticators to make sure who is there.
pub fn user_verification(settings: &PasskeySettings) -> passkeys::UserVerification {
    match settings.user_verification {
        UserVerification::Required => passkeys::UserVerification::Required,
        UserVerification::Preferred => passkeys::UserVerification::Preferred,
    }
}

/// A passkey as the library knows it. `None`: it was erased.
pub fn record(passkey: &Passkey) -> Option<passkeys::Passkey> {
    let told = &passkey.authenticator;
    Some(passkeys::Passkey {
        id: passkey.credential_id.clone()?,
        public_key: passkey.public_key.clone()?,
        aaguid: told.aaguid,
        counter: told.counter,
        user_verified: told.user_verified,
        backup_eligible: told.backup_eligible,
        backed_up: told.backed_up,
        transports: told.transports.clone(),
    })
}

/// The routes of this domain.
pub(crate) fn router() -> OpenApiRouter<Commands> {
    OpenApiRouter::new().routes(routes!(rename::rename, remove::remove))
}
