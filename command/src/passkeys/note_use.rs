//! What a passkey says of itself when it is used. The rule: a counter only goes on (Web Authentication Level 3, section 6.1.1), and that is decided
//! by the log: of two uses that tell the same number one fails, however close they are.

use async_trait::async_trait;
use events::{
    auth::LoginFailure,
    ids::{CredentialId, RealmId, UserId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    passkeys::{PasskeyEvent, Passkeys},
    subject::{Stream, Subject},
};

/// Notes what a passkey said of itself, if it is news.
#[derive(Clone, Copy, Debug)]
pub struct NotePasskeyUse {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub credential: CredentialId,
    /// The counter; 0 where it does not count.
    pub counter: u32,
    /// Whether it is copied to other devices.
    pub backed_up: bool,
}

#[async_trait]
impl Decide for NotePasskeyUse {
    type State = Passkeys;
    type Rejection = LoginFailure;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Passkeys, KernelError> {
        Ok(reader.subject::<Passkeys>(self.user.0).await?.state)
    }

    fn decide(&self, passkeys: &Passkeys, _: &Context) -> Result<Decision, LoginFailure> {
        let passkey = passkeys.passkey(self.credential).ok_or(LoginFailure::Replaced)?;
        let (before, subject) = (&passkey.authenticator, Subject::passkeys(self.user));
        let counts = self.counter > 0 || before.counter > 0;
        if counts && self.counter <= before.counter {
            return Err(LoginFailure::CopiedPasskey);
        }
        if self.counter == before.counter && self.backed_up == before.backed_up {
            return Ok(Decision::nothing(subject));
        }
        let used = PasskeyEvent::Used {
            credential: self.credential,
            counter: self.counter,
            backed_up: self.backed_up,
        };
        Ok(Decision::of(subject, used))
    }
}

#[cfg(test)]
mod tests {
    use events::{
        passkeys::AuthenticatorTold,
        testing::{context, given},
    };
    use uuid::Uuid;

    use super::*;

    const LAPTOP: CredentialId = CredentialId(Uuid::from_u128(2));
    const ALICE: UserId = UserId(Uuid::from_u128(9));

    /// How many events a use makes of a passkey that has said `before`.
    fn note(before: u32, counter: u32, backed_up: bool) -> Result<usize, LoginFailure> {
        let registered = PasskeyEvent::Registered {
            credential: LAPTOP,
            name: "Laptop".to_owned().into(),
            credential_id: "AA".to_owned().into(),
            public_key: "pQEC".to_owned().into(),
            authenticator: AuthenticatorTold {
                counter: before,
                ..AuthenticatorTold::default()
            },
        };
        let passkeys = given::<Passkeys>(ALICE.0, [registered.into()]).state;
        let command = NotePasskeyUse {
            realm: RealmId(Uuid::from_u128(7)),
            user: ALICE,
            credential: LAPTOP,
            counter,
            backed_up,
        };
        let decision = command.decide(&passkeys, &context())?;
        Ok(decision.events.len())
    }

    #[test]
    fn a_counter_only_goes_on_and_one_that_does_not_count_says_nothing() {
        assert_eq!(note(5, 6, false), Ok(1));
        for counter in [0, 4, 5] {
            assert_eq!(
                note(5, counter, false),
                Err(LoginFailure::CopiedPasskey),
                "{counter}"
            );
        }
        assert_eq!(note(0, 0, false), Ok(0));
        assert_eq!(note(0, 0, true), Ok(1), "it is backed up by now");
        assert_eq!(note(0, 1, false), Ok(1), "it counts from now on");
    }

    #[test]
    fn one_that_was_removed_is_not_used() {
        let command = NotePasskeyUse {
            realm: RealmId(Uuid::from_u128(7)),
            user: ALICE,
            credential: LAPTOP,
            counter: 1,
            backed_up: false,
        };
        let refused = command.decide(&Passkeys::default(), &context());
        assert_eq!(refused, Err(LoginFailure::Replaced));
    }
}
