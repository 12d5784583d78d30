//! What the provider of text messages tells later of one. The rules: nothing is believed but what is signed under the account's token, for
//! the very URL that the provider was told; what is told twice is recorded once.

use std::convert::Infallible;

use async_trait::async_trait;
use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    envelope::Actor,
    ids::{EventId, RealmId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    letters::{Arrival, LetterEvent, Mailbox},
    subject::{Stream, Subject},
};
use http::StatusCode;
use sms::{
    CallbackError, State as Whereabouts,
    callback::{self, SIGNATURE},
};
use uuid::Uuid;
use web::{Code, Edge, Path, Problem};

use crate::{
    At, Commands,
    auth::{Issuer, trouble, visit::Call},
    letters::texts::failure,
};

/// The URL that a provider is told for a message: the one whose signature is checked.
pub fn url(edge: &Edge, realm: RealmId, phone: Uuid, letter: EventId) -> String {
    format!(
        "{}/realms/{realm}/text-messages/{phone}/{letter}/reports",
        edge.public_url()
    )
}

/// Tell what became of a text message: Twilio's `StatusCallback`.
#[utoipa::path(
    post, path = "/realms/{realm}/text-messages/{phone}/{letter}/reports", tag = "messages", operation_id = "text_message_report",
    params(
        Issuer,
        ("phone" = Uuid, Path, description = "The phone, as `letter.requested` names its subject"),
        ("letter" = Uuid, Path, description = "The event that asked for the message"),
        ("X-Twilio-Signature" = String, Header, description = "HMAC-SHA1 over the URL and the parameters, under the account's token"),
    ),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`MessageSid`, `MessageStatus`, and `ErrorCode` of one that failed"),
    extensions(("x-events" = json!(["letter.delivered", "letter.undelivered"]))),
    responses(
        (status = 204, description = "Taken; what is told of a message twice, or of none that is known, changes nothing"),
        (status = 400, description = "It is signed, and tells nothing of a message"),
        (status = 403, description = "It is not signed under the account's token for this URL"),
        (status = 404, description = "Nobody is asked to tell anything here"),
    ),
)]
pub(in crate::auth) async fn report(
    State(commands): State<Commands>,
    path: At<(String, Uuid, Uuid)>,
    Call(visit): Call,
    body: Bytes,
) -> Result<Response, Problem> {
    let Path((_, phone, letter)) = path?;
    let Some(token) = &commands.reports else {
        return Err(Problem::new(Code::NotFound));
    };
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let told = url(&visit.edge, realm, phone, EventId(letter));
    let signature = visit.headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    let report = callback::read(&told, signature.unwrap_or_default(), &body, token).map_err(refused)?;
    let arrival = match report.state {
        Whereabouts::Underway | Whereabouts::Sent => return Ok(StatusCode::NO_CONTENT.into_response()),
        Whereabouts::Delivered => Arrival::Delivered,
        Whereabouts::Failed(error) => Arrival::Undelivered(failure(&error)),
    };
    let command = ReportMessage {
        realm,
        phone,
        letter: EventId(letter),
        arrival,
    };
    let mut context = visit.context(Actor::component("sms"));
    context.cause = Some(command.letter);
    match kernel.execute(&context, &command).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(failure) => Err(trouble(failure).into()),
    }
}

fn refused(error: CallbackError) -> Problem {
    tracing::warn!(%error, "a report of a text message was refused");
    match error {
        CallbackError::Signature => {
            Problem::new(Code::Forbidden).detail("The signature is not the account's.")
        }
        CallbackError::Content => {
            Problem::new(Code::MalformedRequest).detail("It tells nothing of a message.")
        }
    }
}

/// The provider tells what became of a text message.
#[derive(Clone, Copy, Debug)]
struct ReportMessage {
    realm: RealmId,
    /// To which phone it went.
    phone: Uuid,
    /// What asked for it.
    letter: EventId,
    /// What became of it.
    arrival: Arrival,
}

#[async_trait]
impl Decide for ReportMessage {
    type State = Mailbox;
    type Rejection = Infallible;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Mailbox, KernelError> {
        Ok(reader.subject::<Mailbox>(self.phone).await?.state)
    }

    fn decide(&self, mailbox: &Mailbox, _: &Context) -> Result<Decision, Infallible> {
        let subject = Subject::mailbox(self.phone);
        let mut last = mailbox.last.values();
        // Of a message that another voided nobody waits for anything.
        let request = last.find(|request| request.event == self.letter && request.kind.is_text());
        let known = request.map(|request| (request, request.arrival));
        // What arrived has arrived, whatever comes late.
        let Some((request, None | Some(Arrival::Undelivered(_)))) =
            known.filter(|(_, had)| *had != Some(self.arrival))
        else {
            return Ok(Decision::nothing(subject));
        };
        let (letter, kind, user) = (request.event, request.kind, request.user);
        let event = match self.arrival {
            Arrival::Delivered => LetterEvent::Delivered { letter, kind, user },
            Arrival::Undelivered(reason) => LetterEvent::Undelivered {
                letter,
                kind,
                user,
                reason,
            },
        };
        Ok(Decision::of(subject, event))
    }
}

#[cfg(test)]
mod tests {
    use events::{
        ids::CredentialId,
        letters::{LetterFailure, LetterKind},
        testing::{NOW, context, given},
    };

    use super::*;

    const PHONE: Uuid = Uuid::from_u128(1);

    fn asked(kind: LetterKind) -> LetterEvent {
        LetterEvent::Requested {
            kind,
            user: None,
            address: None,
            credential: CredentialId(Uuid::from_u128(2)),
            to: None,
            about: None,
            expires: NOW,
        }
    }

    /// What is recorded of the first message to a phone after this.
    fn told(events: impl IntoIterator<Item = LetterEvent>, arrival: Arrival) -> Option<LetterEvent> {
        let mailbox = given::<Mailbox>(PHONE, events.into_iter().map(Into::into));
        let command = ReportMessage {
            realm: RealmId(Uuid::from_u128(7)),
            phone: PHONE,
            letter: EventId(Uuid::from_u128(1)),
            arrival,
        };
        let Ok(decision) = command.decide(&mailbox.state, &context());
        let mut events = decision.events.into_iter();
        let Some((_, events::event::Event::Letters(event))) = events.next() else {
            return None;
        };
        Some(event)
    }

    #[test]
    fn what_became_of_a_message_is_told_once_and_arrived_it_stays() {
        let (kind, failed) = (
            LetterKind::SignInText,
            Arrival::Undelivered(LetterFailure::Recipient),
        );
        let delivered = told([asked(kind)], Arrival::Delivered).unwrap();
        let undelivered = told([asked(kind)], failed).unwrap();
        let after = |event: &LetterEvent, arrival| told([asked(kind), event.clone()], arrival);
        assert_eq!(after(&delivered, Arrival::Delivered), None);
        assert_eq!(after(&delivered, failed), None, "it came late");
        assert_eq!(after(&undelivered, failed), None);
        assert_eq!(after(&undelivered, Arrival::Delivered), Some(delivered.clone()));
        assert_eq!(told([asked(kind), asked(kind)], failed), None, "void");
        assert_eq!(told([asked(LetterKind::SignIn)], failed), None, "no message");
        assert_eq!(told([], Arrival::Delivered), None);
    }
}
