//! What is sent to a phone number that is known to be somebody's: a code, as a text message. The rules: nobody's phone rings before they, or
//! whoever says to be them, have shown something else; the page tells of the number no more than its end; and a number that was
//! changed is none until it was shown to be theirs.

use async_trait::async_trait;
use events::{auth::Method, letters::LetterKind};
use web::form::Form;

use super::{
    Asking, Authenticator, Challenge, Held, Judged, NotJudged, Place, Room,
    sent::{self, SECONDS},
};
use crate::{
    auth::{
        flow::{guard::Admitted, journey::Journey},
        page::PageError,
        pages::SignInError,
    },
    letters::request::{self, RequestLetter},
};

/// The field that carries a code.
const FIELD: &str = "sms_code";
/// So many of the last digits of a number are shown.
const SHOWN: usize = 2;

/// Judges what was sent to a phone.
pub struct SmsAuthenticator;

/// A message that was sent, or why none was.
pub struct Texted {
    /// The end of the number.
    pub ending: String,
    /// Why there is none now.
    pub error: Option<SignInError>,
}

/// The end of their number; if `sends`, with a message to it.
pub async fn ask(journey: &mut Journey<'_>, sends: bool) -> Result<Texted, PageError> {
    let (kernel, realm) = (journey.visit.edge.kernel(), journey.visit.realm.id);
    let person = journey.person().await?;
    let (Some(user), Some(number), Some((fact, _))) =
        (person.user, person.state.profile.phone, person.held.phone)
    else {
        return Err(PageError::stale());
    };
    let ending = number
        .get(number.len().saturating_sub(SHOWN)..)
        .unwrap_or_default()
        .to_owned();
    if !sends {
        return Ok(Texted { ending, error: None });
    }
    let command = RequestLetter {
        realm,
        mailbox: request::phone(kernel, realm, &number).await?,
        kind: LetterKind::SignInText,
        user: Some(user),
        address: Some(fact),
        to: None,
        about: None,
        expires: kernel.now().after_seconds(SECONDS),
    };
    let error = match sent::ask(journey, command).await? {
        Ok(sent) => {
            journey.flow.progress.texted = Some(sent);
            None
        }
        Err(error) => Some(error),
    };
    Ok(Texted { ending, error })
}

#[async_trait]
impl Authenticator for SmsAuthenticator {
    fn method(&self) -> Method {
        Method::Sms
    }

    fn challenge(&self) -> Challenge {
        Challenge::Sms
    }

    fn field(&self) -> &'static str {
        FIELD
    }

    fn is_available(&self, place: &Place<'_>) -> bool {
        place.edge.texts()
    }

    fn is_held(&self, held: &Held) -> bool {
        held.phone.is_some()
    }

    fn since(&self, held: &Held) -> u64 {
        held.phone.map_or(0, |(_, seq)| seq)
    }

    async fn judge(
        &self,
        asking: &Asking<'_>,
        answer: &Form,
        _: Room,
        _: Admitted,
    ) -> Result<Judged, NotJudged> {
        let theirs = asking.held.phone.map(|(fact, _)| fact);
        let typed = answer.get(FIELD).unwrap_or_default();
        sent::judge(asking, asking.texted, LetterKind::SignInText, theirs, typed).await
    }
}
