//! Asking for a letter. The rules: there are few of them to one mailbox, whoever asks; what is answered to who asks is the same whether the
//! mailbox is somebody's; and the letter is sent by the reactor, so that it takes as long.

use async_trait::async_trait;
use events::{
    clock::Timestamp,
    fold::Versioned,
    ids::{CredentialId, EventId, RealmId, UserId},
    kernel::{Context, Decide, Decision, Kernel, KernelError, Reader},
    letters::{LetterEvent, LetterKind, Mailbox, TooSoon},
    log::ClaimKind,
    sealing::Sealed,
    subject::{Lane, Stream, Subject},
    users::login_name,
};
use uuid::{Builder, Uuid};
use web::{Code, Problem};

/// A letter is to be sent.
#[derive(Clone)]
pub struct RequestLetter {
    /// The realm.
    pub realm: RealmId,
    /// Where it goes ([`mailbox`]).
    pub mailbox: Uuid,
    /// What for.
    pub kind: LetterKind,
    /// To whom, if it is a user.
    pub user: Option<UserId>,
    /// The fact that gave them the address that it is for.
    pub address: Option<EventId>,
    /// The address, where no user's profile has it.
    pub to: Option<String>,
    /// What it belongs to.
    pub about: Option<Uuid>,
    /// Until when it is good.
    pub expires: Timestamp,
}

#[async_trait]
impl Decide for RequestLetter {
    type State = Versioned<Mailbox>;
    type Rejection = NotYet;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        reader.subject::<Mailbox>(self.mailbox).await
    }

    fn decide(&self, state: &Self::State, context: &Context) -> Result<Decision, NotYet> {
        state.state.admits(self.kind, context.now).map_err(NotYet)?;
        let requested = LetterEvent::Requested {
            kind: self.kind,
            user: self.user,
            address: self.address,
            credential: CredentialId(context.new_id()),
            to: self.to.clone().map(Sealed::Known),
            about: self.about,
            expires: self.expires,
        };
        Ok(Decision::of(Subject::mailbox(self.mailbox), requested))
    }
}

/// It is too soon for another letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotYet(pub TooSoon);

impl From<NotYet> for Problem {
    fn from(NotYet(TooSoon { seconds }): NotYet) -> Self {
        Problem::new(Code::TooManyLetters).retry_after(seconds)
    }
}

/// What is answered to a program where nothing is mailed.
pub fn no_mail() -> Problem {
    Problem::new(Code::Unavailable).detail("This platform has no mail server: set smtp.url and smtp.from.")
}

/// The mailbox of who has a name or an address, and who that is: of a user it has their id, of nobody it follows from the name.
pub async fn mailbox(
    kernel: &Kernel,
    realm: RealmId,
    name: &str,
) -> Result<(Option<UserId>, Uuid), KernelError> {
    let name = login_name(name);
    let user = kernel
        .claimed(realm, Lane::Facts, ClaimKind::LoginName, &name)
        .await?
        .map(UserId);
    // Derived in both cases, so that it takes as long.
    let derived = derived(kernel, realm, "mailboxes", &name).await?;
    Ok((user, user.map_or(derived, |user| user.0)))
}

/// Where what is sent to a phone number is counted: of a realm, whoever has the number.
pub async fn phone(kernel: &Kernel, realm: RealmId, number: &str) -> Result<Uuid, KernelError> {
    derived(kernel, realm, "phones", number).await
}

/// The id that follows from a text, for a purpose and in a realm.
async fn derived(
    kernel: &Kernel,
    realm: RealmId,
    purpose: &'static str,
    text: &str,
) -> Result<Uuid, KernelError> {
    let digest = kernel
        .keyring()
        .digest(realm, purpose, &[text.as_bytes()])
        .await?;
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Ok(Builder::from_custom_bytes(bytes).into_uuid())
}

/// What is answered to a program where no text messages are sent.
pub fn no_texts() -> Problem {
    Problem::new(Code::Unavailable)
        .detail("This platform sends no text messages: set sms.account, sms.secret and sms.from.")
}

#[cfg(test)]
mod tests {
    use events::testing::{context, given};

    use super::*;

    #[test]
    fn a_letter_is_asked_for_unless_it_is_too_soon() {
        let mailbox = Uuid::from_u128(1);
        let command = RequestLetter {
            realm: RealmId(Uuid::from_u128(7)),
            mailbox,
            kind: LetterKind::EmailVerification,
            user: Some(UserId(mailbox)),
            address: None,
            to: None,
            about: None,
            expires: Timestamp::from_seconds(1),
        };
        let decision = command.decide(&Versioned::default(), &context()).unwrap();
        let events: Vec<_> = decision.events.into_iter().map(|(_, event)| event).collect();
        assert_eq!(events.len(), 1);
        let mut full = Vec::new();
        for _ in 0..5 {
            full.extend(events.clone());
        }
        // They were asked for a day before.
        let state = given::<Mailbox>(mailbox, full);
        assert!(command.decide(&state, &context()).is_ok());
        let mut at_once = context();
        at_once.now = Timestamp::from_seconds(context().now.seconds() - 86_400 + 6);
        assert!(command.decide(&state, &at_once).is_err());
    }
}
