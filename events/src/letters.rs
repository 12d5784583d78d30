//! Letters: what is mailed to people, and what became of it. All of it is activity. The rules: nothing that a letter proves is told here
//! (its code and its link follow from the request and a key of the realm), and no address in the clear; a letter that asks for a proof
//! voids the one of its kind before it, and there are few of them to one mailbox.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use uuid::Uuid;

use crate::{
    clock::Timestamp,
    event::{DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::{CredentialId, EventId, UserId},
    sealing::{Sealed, SealedBy},
    subject::{Lane, SubjectKind},
    topics::Topic,
};

/// Two letters of a kind to one mailbox are at least so many seconds apart.
pub const APART_SECONDS: u64 = 30;
/// So many letters that were asked for go to one mailbox in [`WINDOW_SECONDS`].
pub const MOST: usize = 5;
/// An hour.
pub const WINDOW_SECONDS: u64 = 3_600;
/// So often the code of a letter is tried.
pub const TRIES: u32 = 5;

/// What a letter is for. Names are stored: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterKind {
    /// It tells that the password was set anew.
    PasswordChanged,
    /// It tells the address before that the account has another one.
    EmailChanged,
    /// It tells that a device that shows one-time passwords was added.
    TotpAdded,
    /// It tells that one was removed.
    TotpRemoved,
    /// It tells that a passkey was added.
    PasskeyAdded,
    /// It tells that one was removed.
    PasskeyRemoved,
    /// It tells that recovery codes were made, in place of any before.
    RecoveryCodesMade,
    /// It tells that they were removed.
    RecoveryCodesRemoved,
    /// It asks whether an address is its user's.
    EmailVerification,
    /// It asks the new address of somebody who wants another whether it is theirs.
    EmailChange,
    /// It asks the address before whether it may be another.
    EmailChangeBefore,
    /// It lets somebody sign in.
    SignIn,
    /// It lets somebody set another password who has forgotten theirs.
    PasswordRecovery,
    /// It lets somebody register with an address, or tells them that they have.
    Registration,
    /// It lets somebody who was registered by an administrator set their first password.
    Invitation,
    /// It asks whether a phone number is its user's, by a text message to it.
    PhoneVerification,
    /// It lets somebody sign in who has shown something else, by a text message to their phone number.
    SignInText,
    /// It tells that the account has another phone number.
    PhoneChanged,
    /// It tells that somebody signed in on a device that was not known.
    DeviceAdded,
    /// It tells that what the user is known as at an identity provider became a way to sign in.
    IdentityLinked,
    /// It tells that it is none any more.
    IdentityUnlinked,
}

impl LetterKind {
    /// All kinds.
    pub const ALL: &'static [LetterKind] = &[
        LetterKind::PasswordChanged,
        LetterKind::EmailChanged,
        LetterKind::TotpAdded,
        LetterKind::TotpRemoved,
        LetterKind::PasskeyAdded,
        LetterKind::PasskeyRemoved,
        LetterKind::RecoveryCodesMade,
        LetterKind::RecoveryCodesRemoved,
        LetterKind::EmailVerification,
        LetterKind::EmailChange,
        LetterKind::EmailChangeBefore,
        LetterKind::SignIn,
        LetterKind::PasswordRecovery,
        LetterKind::Registration,
        LetterKind::Invitation,
        LetterKind::PhoneVerification,
        LetterKind::SignInText,
        LetterKind::PhoneChanged,
        LetterKind::DeviceAdded,
        LetterKind::IdentityLinked,
        LetterKind::IdentityUnlinked,
    ];

    /// Whether it asks for a proof; else it tells what happened.
    pub const fn asks(self) -> bool {
        match self {
            LetterKind::PasswordChanged
            | LetterKind::EmailChanged
            | LetterKind::TotpAdded
            | LetterKind::TotpRemoved
            | LetterKind::PasskeyAdded
            | LetterKind::PasskeyRemoved
            | LetterKind::RecoveryCodesMade
            | LetterKind::RecoveryCodesRemoved
            | LetterKind::PhoneChanged
            | LetterKind::DeviceAdded
            | LetterKind::IdentityLinked
            | LetterKind::IdentityUnlinked => false,
            LetterKind::EmailVerification
            | LetterKind::EmailChange
            | LetterKind::EmailChangeBefore
            | LetterKind::SignIn
            | LetterKind::PasswordRecovery
            | LetterKind::Registration
            | LetterKind::Invitation
            | LetterKind::PhoneVerification
            | LetterKind::SignInText => true,
        }
    }

    /// Whether it goes to a phone, as a text message.
    pub const fn is_text(self) -> bool {
        matches!(self, LetterKind::PhoneVerification | LetterKind::SignInText)
    }

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            LetterKind::PasswordChanged => "password_changed",
            LetterKind::EmailChanged => "email_changed",
            LetterKind::TotpAdded => "totp_added",
            LetterKind::TotpRemoved => "totp_removed",
            LetterKind::PasskeyAdded => "passkey_added",
            LetterKind::PasskeyRemoved => "passkey_removed",
            LetterKind::RecoveryCodesMade => "recovery_codes_made",
            LetterKind::RecoveryCodesRemoved => "recovery_codes_removed",
            LetterKind::EmailVerification => "email_verification",
            LetterKind::EmailChange => "email_change",
            LetterKind::EmailChangeBefore => "email_change_before",
            LetterKind::SignIn => "sign_in",
            LetterKind::PasswordRecovery => "password_recovery",
            LetterKind::Registration => "registration",
            LetterKind::Invitation => "invitation",
            LetterKind::PhoneVerification => "phone_verification",
            LetterKind::SignInText => "sign_in_text",
            LetterKind::PhoneChanged => "phone_changed",
            LetterKind::DeviceAdded => "device_added",
            LetterKind::IdentityLinked => "identity_linked",
            LetterKind::IdentityUnlinked => "identity_unlinked",
        }
    }
}

/// Why a letter was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterFailure {
    /// The mail server is away, busy, or wants to be asked again.
    Temporary,
    /// The mail server takes no letter for this address, or it is none.
    Recipient,
    /// No mail server is configured, or it takes nothing from us.
    Configuration,
    /// What it asks for was over before it could be sent.
    Late,
    /// The letter could not be written.
    Letter,
}

/// What became of a letter that was taken, as far as who carries it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It arrived.
    Delivered,
    /// It does not.
    Undelivered(LetterFailure),
}

/// What happens to letters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum LetterEvent {
    /// A letter is to be sent that asks for a proof; the one of its kind before it is void.
    #[serde(rename = "letter.requested")]
    Requested {
        /// What it is for.
        kind: LetterKind,
        /// To whom, if it is a user. Without one it may be that nothing is sent.
        user: Option<UserId>,
        /// The fact that gave them the address that it is for.
        address: Option<EventId>,
        /// The credential whose key seals the address, where no user's profile has it.
        credential: CredentialId,
        /// The address, where no user's profile has it.
        to: Option<Sealed<String>>,
        /// What it belongs to: a sign-in, a change.
        about: Option<Uuid>,
        /// Until when what it proves is good.
        expires: Timestamp,
    },
    /// Somebody is about to be judged by the code of a letter; told before it is looked at.
    #[serde(rename = "letter.code_attempted")]
    CodeAttempted {
        /// Of the last letter of this kind.
        kind: LetterKind,
    },
    /// The mail server took a letter.
    #[serde(rename = "letter.sent")]
    Sent {
        /// What it is for.
        kind: LetterKind,
        /// To whom, if it is a user.
        user: Option<UserId>,
        /// The how manieth attempt it was; the first is 1.
        attempt: u32,
    },
    /// It did not.
    #[serde(rename = "letter.failed")]
    Failed {
        /// What it is for.
        kind: LetterKind,
        /// To whom, if it is a user.
        user: Option<UserId>,
        /// The how manieth attempt it was; the first is 1.
        attempt: u32,
        /// Why.
        reason: LetterFailure,
        /// Whether it is not tried again.
        given_up: bool,
    },
    /// Who carries messages told that one arrived.
    #[serde(rename = "letter.delivered")]
    Delivered {
        /// The event that asked for it.
        letter: EventId,
        /// What it is for.
        kind: LetterKind,
        /// To whom, if it is a user.
        user: Option<UserId>,
    },
    /// They told that one does not, though it was taken.
    #[serde(rename = "letter.undelivered")]
    Undelivered {
        /// The event that asked for it.
        letter: EventId,
        /// What it is for.
        kind: LetterKind,
        /// To whom, if it is a user.
        user: Option<UserId>,
        /// Why.
        reason: LetterFailure,
    },
}

impl DomainEvent for LetterEvent {
    const LANE: Lane = Lane::Activity;
    const TOPIC: Topic = Topic::Users;
    const KINDS: &'static [EventKind] = &[
        EventKind::sealing(
            "letter.requested",
            &[("to", SealedBy::Credential("credential"))],
            "A letter that asks for a proof was to be sent.",
        ),
        EventKind::plain(
            "letter.code_attempted",
            "Somebody was about to be judged by the code of a letter.",
        ),
        EventKind::plain("letter.sent", "The mail server took a letter to somebody."),
        EventKind::plain("letter.failed", "A letter to somebody could not be sent."),
        EventKind::plain("letter.delivered", "A text message arrived on somebody's phone."),
        EventKind::plain(
            "letter.undelivered",
            "A text message that the provider took did not arrive.",
        ),
    ];
}

/// A letter that asks for a proof.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The event that asked for it: its code and its link follow from that.
    pub event: EventId,
    /// What it is for.
    pub kind: LetterKind,
    /// When it was asked for.
    pub at: Timestamp,
    /// To whom, if it is a user.
    pub user: Option<UserId>,
    /// The fact that gave them the address that it is for.
    pub address: Option<EventId>,
    /// The credential whose key seals the address.
    pub credential: CredentialId,
    /// The address, where no user's profile has it; nothing once erased.
    pub to: Option<String>,
    /// What it belongs to.
    pub about: Option<Uuid>,
    /// Until when it is good.
    pub expires: Timestamp,
    /// How often its code was tried.
    pub tries: u32,
    /// What became of it, as far as that was told.
    pub arrival: Option<Arrival>,
}

/// Shows no address.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("event", &self.event)
            .field("kind", &self.kind)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// What an event asks for.
    pub fn of(happened: &Happened) -> Option<Self> {
        match &happened.event {
            Event::Letters(LetterEvent::Requested {
                kind,
                user,
                address,
                credential,
                to,
                about,
                expires,
            }) => Some(Self {
                event: happened.id,
                kind: *kind,
                at: happened.time,
                user: *user,
                address: *address,
                credential: *credential,
                to: to.as_ref().and_then(Sealed::known).cloned(),
                about: *about,
                expires: *expires,
                tries: 0,
                arrival: None,
            }),
            _ => None,
        }
    }
}

/// It is too soon for another letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSoon {
    /// In how many seconds there may be one, at least one.
    pub seconds: u64,
}

/// What goes to one mailbox: of a user, or of an address that is nobody's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mailbox {
    /// The last letter of each kind.
    pub last: BTreeMap<LetterKind, Request>,
    /// When the last letters were asked for, the oldest first.
    recent: Vec<Timestamp>,
}

impl Mailbox {
    /// Whether another letter of a kind may be asked for at a moment.
    pub fn admits(&self, kind: LetterKind, now: Timestamp) -> Result<(), TooSoon> {
        let apart = self
            .last
            .get(&kind)
            .map(|last| last.at.after_seconds(APART_SECONDS));
        let full = (self.recent.len() >= MOST).then(|| self.recent[0].after_seconds(WINDOW_SECONDS));
        let free = apart.into_iter().chain(full).max();
        match free.filter(|free| now < *free) {
            None => Ok(()),
            Some(free) => Err(TooSoon {
                seconds: u64::try_from(free.seconds() - now.seconds())
                    .unwrap_or(1)
                    .clamp(1, WINDOW_SECONDS),
            }),
        }
    }

    /// The last letter of a kind, if it is good at a moment.
    pub fn good(&self, kind: LetterKind, now: Timestamp) -> Option<&Request> {
        self.last.get(&kind).filter(|request| now < request.expires)
    }
}

impl Fold for Mailbox {
    const KIND: SubjectKind = SubjectKind::Mailbox;

    fn apply(&mut self, happened: &Happened) {
        if let Some(request) = Request::of(happened) {
            self.recent.push(request.at);
            self.recent.drain(..self.recent.len().saturating_sub(MOST));
            self.last.insert(request.kind, request);
            return;
        }
        let (letter, arrival) = match &happened.event {
            Event::Letters(LetterEvent::CodeAttempted { kind }) => {
                if let Some(request) = self.last.get_mut(kind) {
                    request.tries += 1;
                }
                return;
            }
            Event::Letters(LetterEvent::Delivered { letter, .. }) => (letter, Arrival::Delivered),
            Event::Letters(LetterEvent::Undelivered { letter, reason, .. }) => {
                (letter, Arrival::Undelivered(*reason))
            }
            _ => return,
        };
        let mut last = self.last.values_mut();
        if let Some(request) = last.find(|request| request.event == *letter) {
            request.arrival = Some(arrival);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{subject::Subject, testing::happened};

    const MAILBOX: Subject = Subject::new(SubjectKind::Mailbox, Uuid::from_u128(1));

    fn asked(mailbox: &mut Mailbox, kind: LetterKind, version: u64, seconds: i64) {
        let requested = LetterEvent::Requested {
            kind,
            user: None,
            address: None,
            credential: CredentialId(Uuid::from_u128(2)),
            to: None,
            about: None,
            expires: Timestamp::from_seconds(seconds + 600),
        };
        let mut happened = happened(MAILBOX, version, requested);
        happened.time = Timestamp::from_seconds(seconds);
        mailbox.apply(&happened);
    }

    #[test]
    fn letters_of_a_kind_are_half_a_minute_apart_and_five_an_hour() {
        let (mut mailbox, verify) = (Mailbox::default(), LetterKind::EmailVerification);
        let at = Timestamp::from_seconds;
        assert_eq!(mailbox.admits(verify, at(0)), Ok(()));
        for (version, seconds) in (1..).zip([0, 30, 60, 90, 120]) {
            assert_eq!(mailbox.admits(verify, at(seconds)), Ok(()));
            asked(&mut mailbox, verify, version, seconds);
            let soon = Err(TooSoon { seconds: 1 });
            assert!(version == 5 || mailbox.admits(verify, at(seconds + 29)) == soon);
        }
        assert_eq!(mailbox.admits(verify, at(150)), Err(TooSoon { seconds: 3_450 }));
        assert_eq!(
            mailbox.admits(LetterKind::EmailChange, at(150)),
            Err(TooSoon { seconds: 3_450 }),
            "of whatever kind"
        );
        assert_eq!(mailbox.admits(verify, at(3_600)), Ok(()));
        asked(&mut mailbox, verify, 6, 3_600);
        assert_eq!(
            mailbox.admits(LetterKind::EmailChange, at(3_601)),
            Err(TooSoon { seconds: 29 })
        );
    }

    #[test]
    fn a_letter_voids_the_one_of_its_kind_before_and_is_good_for_a_while() {
        let (mut mailbox, verify) = (Mailbox::default(), LetterKind::EmailVerification);
        asked(&mut mailbox, verify, 1, 0);
        mailbox.apply(&happened(MAILBOX, 2, LetterEvent::CodeAttempted { kind: verify }));
        assert_eq!(mailbox.last[&verify].tries, 1);
        asked(&mut mailbox, verify, 3, 30);
        let good = mailbox.good(verify, Timestamp::from_seconds(629)).unwrap();
        assert_eq!((good.event, good.tries), (EventId(Uuid::from_u128(3)), 0));
        assert_eq!(mailbox.good(verify, Timestamp::from_seconds(630)), None);
        assert_eq!(
            mailbox.good(LetterKind::EmailChange, Timestamp::from_seconds(31)),
            None
        );
    }

    #[test]
    fn names_are_those_that_are_stored() {
        for kind in LetterKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
