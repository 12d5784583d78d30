//! What is mailed to an address that is known to be somebody's: a code, and a link that brings it. The rules: the letter is for one sign-in
//! in one browser, and a link that is opened in another shows the code and signs nobody in, so that nobody is led into somebody else's
//! account; a name that nobody has is asked for a code like one that somebody has; the code is tried five times and used once.

use async_trait::async_trait;
use events::{auth::Method, kernel::KernelError, letters::LetterKind, realms::MailSignIn};
use http::HeaderValue;
use web::form::Form;

use super::{
    Asking, Authenticator, Challenge, Held, Judged, NotJudged, Place, Room,
    sent::{self, SECONDS},
};
use crate::{
    auth::{
        PolicySource,
        flow::{Flow, guard::Admitted, journey::Journey},
        page::PageError,
        pages::SignInError,
        session_cookie::{self, Browser, Name},
        visit::Visit,
    },
    letters::{
        proof::Proof,
        request::{RequestLetter, mailbox},
    },
};

/// The field that carries a code.
pub const FIELD: &str = "email_code";
/// Browsers keep cookies of 4,096 bytes; with its name and its attributes one holds so much.
const COOKIE: usize = 3_700;

/// Judges what was mailed.
pub struct EmailAuthenticator;

/// Has a letter mailed. `Some`: why there is none now.
pub async fn ask(journey: &mut Journey<'_>) -> Result<Option<SignInError>, PageError> {
    let visit = journey.visit;
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let (_, named) = mailbox(kernel, realm, &journey.flow.progress.name).await?;
    let person = journey.claimed().await?;
    let mailbox = person.user.map_or(named, |user| user.0);
    let command = RequestLetter {
        realm,
        mailbox,
        kind: LetterKind::SignIn,
        user: person.user,
        address: person.held.email.map(|(fact, _)| fact),
        to: None,
        about: None,
        expires: kernel.now().after_seconds(SECONDS),
    };
    match sent::ask(journey, command).await? {
        Ok(sent) => {
            journey.flow.progress.mailed = Some(sent);
            Ok(None)
        }
        Err(error) => Ok(Some(error)),
    }
}

/// `Set-Cookie` that keeps the sign-in for the link, where the realm mails links.
pub fn keep(journey: &Journey<'_>, sealed: &str) -> Result<Option<HeaderValue>, KernelError> {
    let links = journey.settings.mail.sign_in == MailSignIn::CodeAndLink;
    if !links || journey.flow.progress.mailed.is_none() {
        return Ok(None);
    }
    keep_sealed(journey.visit, sealed)
}

/// The same for what leads to a letter with a link in any case.
pub fn keep_sealed(visit: &Visit, sealed: &str) -> Result<Option<HeaderValue>, KernelError> {
    if sealed.len() > COOKIE {
        return Ok(None);
    }
    let (edge, realm) = (&visit.edge, visit.realm.id);
    let loopback = edge.is_loopback_http();
    let name = session_cookie::name(Name::Mailed, realm, loopback);
    let attributes = session_cookie::attributes(loopback);
    session_cookie::header_value(&format!("{name}={sealed}; Max-Age={SECONDS}{attributes}")).map(Some)
}

/// A sign-in under way that had a letter mailed.
pub struct Kept {
    /// As a form carries it.
    pub sealed: String,
    /// What it is.
    pub flow: Flow,
}

impl Kept {
    /// The one that a text holds, if it is of this browser, and the letter is its own.
    pub async fn of(visit: &Visit, proof: &Proof, sealed: &str) -> Result<Option<Self>, KernelError> {
        let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
        let flow = Flow::open(visit, &browser, sealed).await?;
        let ours = flow.filter(|flow| flow.progress.mailed.is_some_and(|mailed| mailed.is_of(proof)));
        Ok(ours.map(|flow| Self {
            sealed: sealed.to_owned(),
            flow,
        }))
    }

    /// The one that this browser keeps for a letter. `None`: it was begun elsewhere.
    pub async fn by(visit: &Visit, proof: &Proof) -> Result<Option<Self>, KernelError> {
        let name = session_cookie::name(Name::Mailed, visit.realm.id, visit.edge.is_loopback_http());
        match session_cookie::value(&visit.headers, &name) {
            Some(sealed) => Self::of(visit, proof, sealed).await,
            None => Ok(None),
        }
    }

    /// Where it leads: browsers hold the policy of a page against where the answer to its form goes.
    pub fn leads_to(&self) -> Option<PolicySource> {
        let request = self.flow.request.as_ref()?;
        PolicySource::of(&request.reply_to.redirect_uri)
    }
}

#[async_trait]
impl Authenticator for EmailAuthenticator {
    fn method(&self) -> Method {
        Method::Email
    }

    fn challenge(&self) -> Challenge {
        Challenge::Email
    }

    fn field(&self) -> &'static str {
        FIELD
    }

    fn is_available(&self, place: &Place<'_>) -> bool {
        place.edge.mails() && place.settings.mail.sign_in != MailSignIn::Off
    }

    fn is_held(&self, held: &Held) -> bool {
        held.email.is_some()
    }

    fn since(&self, held: &Held) -> u64 {
        held.email.map_or(0, |(_, seq)| seq)
    }

    async fn judge(
        &self,
        asking: &Asking<'_>,
        answer: &Form,
        _: Room,
        _: Admitted,
    ) -> Result<Judged, NotJudged> {
        let theirs = asking.held.email.map(|(fact, _)| fact);
        let typed = answer.get(FIELD).unwrap_or_default();
        sent::judge(asking, asking.mailed, LetterKind::SignIn, theirs, typed).await
    }
}
