//! What goes to a phone. The rules: a message goes to the number that it was asked for, or nowhere; it goes to no number outside of the
//! countries that the operator pays for; and it says its code first, where phones show it.

use std::sync::Arc;

use events::{
    kernel::KernelError,
    letters::{LetterFailure, Request},
    users::User,
};
use sms::{Message, Messenger, Number, SendError};
use uuid::Uuid;
use web::{Edge, RealmRef};
use zeroize::Zeroizing;

use super::{
    proof,
    words::{self, Asked},
};
use crate::auth::sessions::refusal;

/// Who sends text messages, and where to.
#[derive(Clone, Debug)]
pub struct Texts {
    messenger: Arc<dyn Messenger>,
    countries: Arc<[String]>,
    reports: bool,
}

impl Texts {
    /// To numbers with one of these beginnings; to all if there is none.
    pub fn new(messenger: Arc<dyn Messenger>, countries: &[String]) -> Self {
        Self {
            messenger,
            countries: countries.into(),
            reports: false,
        }
    }

    /// The same, asking to be told what becomes of each message.
    #[must_use]
    pub fn reporting(self, reports: bool) -> Self {
        Self { reports, ..self }
    }

    /// Sends a text that is of use for so many seconds. What becomes of it may be told to this URL.
    pub(super) async fn send(
        &self,
        to: &str,
        text: &str,
        seconds: u32,
        told: &str,
    ) -> Result<(), LetterFailure> {
        let to: Number = to.parse().map_err(|_| LetterFailure::Recipient)?;
        if !self.countries.is_empty() && !to.is_within(&self.countries) {
            return Err(LetterFailure::Recipient);
        }
        let told = self.reports.then(|| told.parse().ok()).flatten();
        let message = Message {
            to: &to,
            text,
            seconds,
            callback: told.as_ref(),
        };
        let sent = self.messenger.send(&message).await;
        sent.map(|_| ()).map_err(|error| {
            tracing::warn!(%error, kind = error.kind(), "a text message was not sent");
            failure(&error)
        })
    }
}

/// Why a message was not taken, or did not arrive.
pub(crate) fn failure(error: &SendError) -> LetterFailure {
    match error {
        SendError::Temporary { .. } => LetterFailure::Temporary,
        SendError::Number(_) | SendError::OptedOut(_) | SendError::Region(_) | SendError::Refused(_) => {
            LetterFailure::Recipient
        }
        SendError::Configuration(_) => LetterFailure::Configuration,
        SendError::Message(_) => LetterFailure::Letter,
    }
}

/// A message that was asked for, and the number that it goes to. `None`: there is nobody to send it to, or not any more.
pub(super) async fn compose(
    edge: &Edge,
    realm: &RealmRef,
    phone: Uuid,
    request: &Request,
) -> Result<Option<(String, Zeroizing<String>)>, KernelError> {
    let (kernel, Some(id)) = (edge.kernel(), request.user) else {
        return Ok(None);
    };
    let user = kernel.latest::<User>(realm.id, id.0).await?.state;
    let is_same = request.address.is_some() && user.number.map(|(fact, _)| fact) == request.address;
    let may = is_same && refusal(&user, kernel.now()).is_none();
    let Some(to) = user.profile.phone.clone().filter(|_| may) else {
        return Ok(None);
    };
    let settings = edge.settings(realm.id).await?;
    let say = words::say(realm, &settings, &user.profile);
    let asked = Asked {
        say: &say,
        kind: request.kind,
        profile: &user.profile,
        seconds: u64::try_from(request.expires.seconds() - request.at.seconds()).unwrap_or_default(),
        code: Some(proof::code(kernel, realm.id, phone, request.event).await?),
        link: None,
    };
    Ok(Some((to, asked.line())))
}
