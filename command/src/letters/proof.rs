//! What a letter proves, by its link or its code. The rules: both follow from the event that asked for the letter, under a key of the
//! realm, so that a retry sends the same and no secret waits in the log; both are good for the last letter of its kind alone, for
//! what it was asked for, for a while, and once, by a claim that is spent with what they lead to; a code is tried five times,
//! which is told to the log before it is looked at.

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    fold::Versioned,
    ids::{EventId, RealmId},
    kernel::{Claim, Context, Decide, Decision, Failure, Kernel, KernelError, Reader},
    letters::{LetterEvent, LetterKind, Mailbox, Request, TRIES},
    log::ClaimKind,
    subject::{Lane, Stream, Subject},
};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The digits of a code.
const DIGITS: usize = 6;
/// The bytes of a link: the mailbox, the event, our MAC over both.
const LINK: usize = 16 + 16 + 32;

/// A letter that somebody showed to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The mailbox that it went to.
    pub mailbox: Uuid,
    /// What asked for it.
    pub request: Request,
}

impl Proof {
    /// The letter is used up by what it leads to.
    pub fn spend(&self) -> Claim {
        Claim::Spend {
            kind: ClaimKind::Letter,
            value: self.request.event.to_string(),
            holder: self.mailbox,
            invalid: self.request.expires,
        }
    }

    /// Whether it was used before, in the lane in which letters of its kind are.
    pub async fn is_spent(&self, kernel: &Kernel, realm: RealmId, lane: Lane) -> Result<bool, KernelError> {
        let value = self.request.event.to_string();
        let spent = kernel.claimed(realm, lane, ClaimKind::Letter, &value).await?;
        Ok(spent.is_some())
    }

    /// Its link, as [`open`] reads it.
    pub async fn token(&self, kernel: &Kernel, realm: RealmId) -> Result<Zeroizing<String>, KernelError> {
        token(kernel, realm, self.mailbox, self.request.event).await
    }
}

async fn digest(
    kernel: &Kernel,
    realm: RealmId,
    purpose: &str,
    mailbox: Uuid,
    event: EventId,
) -> Result<[u8; 32], KernelError> {
    // Of a log that was replaced since, nothing is good.
    let incarnation = kernel.log().incarnation();
    let parts: [&[u8]; 3] = [incarnation.as_bytes(), mailbox.as_bytes(), event.0.as_bytes()];
    Ok(kernel.keyring().digest(realm, purpose, &parts).await?)
}

/// What the link of a letter carries.
pub async fn token(
    kernel: &Kernel,
    realm: RealmId,
    mailbox: Uuid,
    event: EventId,
) -> Result<Zeroizing<String>, KernelError> {
    let mac = digest(kernel, realm, "letter links", mailbox, event).await?;
    let parts: [&[u8]; 3] = [mailbox.as_bytes(), event.0.as_bytes(), &mac];
    let bytes = Zeroizing::new(parts.concat());
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(&bytes[..])))
}

/// The code of a letter.
pub async fn code(
    kernel: &Kernel,
    realm: RealmId,
    mailbox: Uuid,
    event: EventId,
) -> Result<Zeroizing<String>, KernelError> {
    let digest = digest(kernel, realm, "letter codes", mailbox, event).await?;
    let mut number = [0; 8];
    number.copy_from_slice(&digest[..8]);
    let number = u64::from_be_bytes(number) % 10_u64.pow(6);
    Ok(Zeroizing::new(format!("{number:0DIGITS$}")))
}

/// The letter that a link is of, if it is the last of its kind and not over. Whether it was used is asked of the claim.
pub async fn open(kernel: &Kernel, realm: RealmId, text: &str) -> Result<Option<Proof>, KernelError> {
    let Some(bytes) = URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .filter(|bytes| bytes.len() == LINK)
    else {
        return Ok(None);
    };
    let id = |from: usize| Uuid::from_slice(&bytes[from..from + 16]).unwrap_or_default();
    let (mailbox, event) = (id(0), EventId(id(16)));
    let mac = digest(kernel, realm, "letter links", mailbox, event).await?;
    if !bool::from(mac[..].ct_eq(&bytes[32..])) {
        return Ok(None);
    }
    let state = kernel.latest::<Mailbox>(realm, mailbox).await?.state;
    let now = kernel.now();
    let request = state
        .last
        .into_values()
        .find(|request| request.event == event && now < request.expires);
    Ok(request.map(|request| Proof { mailbox, request }))
}

/// Somebody is about to be judged by a code.
#[derive(Clone, Copy, Debug)]
pub struct AttemptCode {
    /// The realm.
    pub realm: RealmId,
    /// The mailbox that the letter went to.
    pub mailbox: Uuid,
    /// What it was for.
    pub kind: LetterKind,
    /// What it belongs to.
    pub about: Option<Uuid>,
}

/// There is no such letter, or its code was tried too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoLetter;

#[async_trait]
impl Decide for AttemptCode {
    type State = Versioned<Mailbox>;
    type Rejection = NoLetter;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        reader.subject::<Mailbox>(self.mailbox).await
    }

    fn decide(&self, state: &Self::State, context: &Context) -> Result<Decision, NoLetter> {
        let request = state.state.good(self.kind, context.now).ok_or(NoLetter)?;
        if request.tries >= TRIES || request.about != self.about {
            return Err(NoLetter);
        }
        let attempted = LetterEvent::CodeAttempted { kind: self.kind };
        Ok(Decision::of(Subject::mailbox(self.mailbox), attempted))
    }
}

/// The letter whose code somebody typed. `None`: it is not the code, there is no such letter, or it was tried too often; which is not told.
pub async fn by_code(
    kernel: &Kernel,
    context: &Context,
    attempt: &AttemptCode,
    typed: &str,
) -> Result<Option<Proof>, KernelError> {
    let realm = attempt.realm;
    match kernel.execute(context, attempt).await {
        Ok(_) => {}
        // So many at once are not somebody who reads a letter.
        Err(Failure::Rejected(NoLetter) | Failure::Conflict) => return Ok(None),
        Err(Failure::Kernel(error)) => return Err(error),
        Err(_) => return Err(KernelError::Malformed("a failure that no attempt has".to_owned())),
    }
    let state = kernel.latest::<Mailbox>(realm, attempt.mailbox).await?.state;
    let Some(request) = state.good(attempt.kind, kernel.now()) else {
        return Ok(None);
    };
    let right = code(kernel, realm, attempt.mailbox, request.event).await?;
    let typed: Zeroizing<String> = Zeroizing::new(typed.chars().filter(char::is_ascii_digit).collect());
    let is_right = bool::from(right.as_bytes().ct_eq(typed.as_bytes()));
    let ours = is_right && request.about == attempt.about && request.tries <= TRIES;
    Ok(ours.then(|| Proof {
        mailbox: attempt.mailbox,
        request: request.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use events::{
        clock::Timestamp,
        ids::CredentialId,
        testing::{NOW, context, given},
    };

    use super::*;

    const MAILBOX: Uuid = Uuid::from_u128(1);

    fn asked(about: Option<u128>, expires: Timestamp) -> LetterEvent {
        LetterEvent::Requested {
            kind: LetterKind::EmailVerification,
            user: None,
            address: None,
            credential: CredentialId(Uuid::from_u128(2)),
            to: None,
            about: about.map(Uuid::from_u128),
            expires,
        }
    }

    fn when(
        events: impl IntoIterator<Item = LetterEvent>,
        about: Option<u128>,
    ) -> Result<Decision, NoLetter> {
        let mailbox = given::<Mailbox>(MAILBOX, events.into_iter().map(Into::into));
        AttemptCode {
            realm: RealmId(Uuid::from_u128(7)),
            mailbox: MAILBOX,
            kind: LetterKind::EmailVerification,
            about: about.map(Uuid::from_u128),
        }
        .decide(&mailbox, &context())
    }

    #[test]
    fn a_code_is_tried_five_times_for_what_it_was_asked_for_while_it_is_good() {
        let later = NOW.after_seconds(1);
        let tried = LetterEvent::CodeAttempted {
            kind: LetterKind::EmailVerification,
        };
        let decision = when([asked(None, later)], None).unwrap();
        assert_eq!(
            decision.events,
            [(Some(Subject::mailbox(MAILBOX)), tried.clone().into())]
        );
        let times = |count| [asked(None, later)].into_iter().chain(vec![tried.clone(); count]);
        assert!(when(times(4), None).is_ok());
        assert_eq!(when(times(5), None), Err(NoLetter));
        assert!(
            when(times(5).chain([asked(None, later)]), None).is_ok(),
            "another letter"
        );
        assert_eq!(when([], None), Err(NoLetter));
        assert_eq!(when([asked(None, NOW)], None), Err(NoLetter), "over");
        assert_eq!(when([asked(Some(1), later)], Some(2)), Err(NoLetter));
        assert_eq!(when([asked(Some(1), later)], None), Err(NoLetter));
        assert!(when([asked(Some(1), later)], Some(1)).is_ok());
    }
}
