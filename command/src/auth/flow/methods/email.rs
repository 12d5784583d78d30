//! What is mailed to an address that is known to be somebody's: a code, and a link that brings it. The rules: the letter is for one sign-in
//! in one browser, and a link that is opened in another shows the code and signs nobody in, so that nobody is led into somebody else's
//! account; a name that nobody has is asked for a code like one that somebody has; the code is tried five times and used once.

use async_trait::async_trait;
use events::{
    auth::{LoginFailure, Method},
    envelope::Actor,
    ids::CredentialId,
    kernel::{Failure, KernelError},
    letters::{LetterKind, TooSoon},
    log::ClaimKind,
    realms::MailSignIn,
    subject::Lane,
};
use http::HeaderValue;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::form::Form;

use super::{Asking, Authenticator, Challenge, Held, Judged, NotJudged, Place, Proven, Room, Spend};
use crate::{
    auth::{
        PolicySource,
        flow::{Flow, guard::Admitted, journey::Journey},
        page::PageError,
        pages::SignInError,
        session_cookie::{self, Browser, Name},
        trouble,
        visit::Visit,
    },
    letters::{
        proof::{AttemptCode, Proof, by_code},
        request::{NotYet, RequestLetter, mailbox},
    },
};

/// The field that carries a code.
pub const FIELD: &str = "email_code";
/// For how many seconds a code is good.
const SECONDS: u64 = 600;
/// Browsers keep cookies of 4,096 bytes; with its name and its attributes one holds so much.
const COOKIE: usize = 3_700;

/// What was mailed in a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailed {
    /// To which mailbox; also of nobody.
    mailbox: Uuid,
    /// What the letter belongs to.
    about: Uuid,
}

/// Judges what was mailed.
pub struct EmailAuthenticator;

/// Has a letter mailed. `Some`: why there is none now.
pub async fn ask(journey: &mut Journey<'_>) -> Result<Option<SignInError>, PageError> {
    let visit = journey.visit;
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let (_, named) = mailbox(kernel, realm, &journey.flow.progress.name).await?;
    let person = journey.person().await?;
    let mailbox = person.user.map_or(named, |user| user.0);
    let about = kernel.new_id();
    let command = RequestLetter {
        realm,
        mailbox,
        kind: LetterKind::SignIn,
        user: person.user,
        address: person.held.email.map(|(fact, _)| fact),
        to: None,
        about: Some(about),
        expires: kernel.now().after_seconds(SECONDS),
    };
    let context = visit.context(Actor {
        client: journey.flow.request.as_ref().map(|request| request.client),
        ..Actor::default()
    });
    match kernel.execute(&context, &command).await {
        Ok(_) => {
            journey.flow.progress.mailed = Some(Mailed { mailbox, about });
            Ok(None)
        }
        Err(Failure::Rejected(NotYet(TooSoon { seconds }))) => Ok(Some(SignInError::TryLater { seconds })),
        Err(Failure::Conflict) => Ok(Some(SignInError::Busy { seconds: 1 })),
        Err(failure) => Err(trouble(failure).into()),
    }
}

/// `Set-Cookie` that keeps the sign-in for the link, where the realm mails links.
pub fn keep(journey: &Journey<'_>, sealed: &str) -> Result<Option<HeaderValue>, KernelError> {
    let links = journey.settings.mail.sign_in == MailSignIn::CodeAndLink;
    if !links || journey.flow.progress.mailed.is_none() || sealed.len() > COOKIE {
        return Ok(None);
    }
    let (edge, realm) = (&journey.visit.edge, journey.visit.realm.id);
    let loopback = edge.is_loopback_http();
    let name = session_cookie::name(Name::Mailed, realm, loopback);
    let attributes = session_cookie::attributes(loopback);
    session_cookie::header_value(&format!("{name}={sealed}; Max-Age={SECONDS}{attributes}")).map(Some)
}

/// The sign-in that this browser keeps for a letter, sealed as it is, and where it leads. `None`: it was begun elsewhere.
pub async fn kept(
    visit: &Visit,
    browser: &Browser,
    proof: &Proof,
) -> Result<Option<(String, Option<PolicySource>)>, KernelError> {
    let name = session_cookie::name(Name::Mailed, visit.realm.id, visit.edge.is_loopback_http());
    let Some(sealed) = session_cookie::value(&visit.headers, &name) else {
        return Ok(None);
    };
    let is_ours =
        |mailed: Mailed| mailed.mailbox == proof.mailbox && Some(mailed.about) == proof.request.about;
    let flow = Flow::open(visit, browser, sealed).await?;
    let flow = flow.filter(|flow| flow.progress.mailed.is_some_and(is_ours));
    Ok(flow.map(|flow| {
        let leads_to = flow
            .request
            .and_then(|request| PolicySource::of(&request.reply_to.redirect_uri));
        (sealed.to_owned(), leads_to)
    }))
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
        let (visit, realm) = (asking.visit, asking.visit.realm.id);
        let wrong = |reason| Ok(Judged::Wrong(asking.refused.unwrap_or(reason)));
        let Some(mailed) = asking.mailed else {
            return wrong(LoginFailure::WrongCode);
        };
        let attempt = AttemptCode {
            realm,
            mailbox: mailed.mailbox,
            kind: LetterKind::SignIn,
            about: Some(mailed.about),
        };
        let typed = answer.get(FIELD).unwrap_or_default();
        let proof = by_code(
            visit.edge.kernel(),
            &visit.context(Actor::default()),
            &attempt,
            typed,
        )
        .await?;
        // To nobody nothing was sent; their code is none.
        let fact = asking.held.email.map(|(fact, _)| fact);
        let theirs = |proof: &Proof| proof.request.user == Some(asking.user) && proof.request.address == fact;
        let (Some(proof), Some(fact)) = (proof.filter(theirs), fact) else {
            return wrong(LoginFailure::WrongCode);
        };
        if proof.is_spent(visit.edge.kernel(), realm, Lane::Activity).await? {
            return wrong(LoginFailure::UsedCode);
        }
        Ok(Judged::Proven(Proven {
            credential: Some(CredentialId(fact.0)),
            spends: vec![Spend {
                kind: ClaimKind::Letter,
                value: proof.request.event.to_string(),
                invalid: proof.request.expires,
            }],
            ..Proven::default()
        }))
    }
}
