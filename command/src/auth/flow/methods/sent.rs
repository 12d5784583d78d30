//! Codes that are sent to people while they sign in, by letter or by text message. The rules: what is sent is for one sign-in in one browser,
//! and for what the user had when it was asked for; a code is tried five times and used once.

use events::{
    auth::LoginFailure,
    envelope::Actor,
    ids::{CredentialId, EventId},
    kernel::Failure,
    letters::{LetterKind, TooSoon},
    log::ClaimKind,
    subject::Lane,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Asking, Judged, NotJudged, Proven, Spend};
use crate::{
    auth::{flow::journey::Journey, page::PageError, pages::SignInError, trouble},
    letters::{
        proof::{AttemptCode, Proof, by_code},
        request::{NotYet, RequestLetter},
    },
};

/// For how many seconds a code is good.
pub const SECONDS: u64 = 600;

/// What was sent in a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// To which mailbox, or phone; also of nobody.
    pub mailbox: Uuid,
    /// What it belongs to.
    pub about: Uuid,
}

impl Sent {
    /// Whether a proof is of this.
    pub fn is_of(self, proof: &Proof) -> bool {
        self.mailbox == proof.mailbox && Some(self.about) == proof.request.about
    }
}

/// Has it sent. The inner error: why there is none now.
pub async fn ask(
    journey: &Journey<'_>,
    command: RequestLetter,
) -> Result<Result<Sent, SignInError>, PageError> {
    let kernel = journey.visit.edge.kernel();
    let about = kernel.new_id();
    let command = RequestLetter {
        about: Some(about),
        ..command
    };
    let context = journey.visit.context(Actor {
        client: journey.flow.request.as_ref().map(|request| request.client),
        ..Actor::default()
    });
    match kernel.execute(&context, &command).await {
        Ok(_) => Ok(Ok(Sent {
            mailbox: command.mailbox,
            about,
        })),
        Err(Failure::Rejected(NotYet(TooSoon { seconds }))) => Ok(Err(SignInError::TryLater { seconds })),
        Err(Failure::Conflict) => Ok(Err(SignInError::Busy { seconds: 1 })),
        Err(failure) => Err(trouble(failure).into()),
    }
}

/// Judges a code that was typed. `theirs`: the fact that gave them what it was sent to.
pub async fn judge(
    asking: &Asking<'_>,
    sent: Option<Sent>,
    kind: LetterKind,
    theirs: Option<EventId>,
    typed: &str,
) -> Result<Judged, NotJudged> {
    let (kernel, realm) = (asking.visit.edge.kernel(), asking.visit.realm.id);
    let wrong = |reason| Ok(Judged::Wrong(asking.refused.unwrap_or(reason)));
    let Some(sent) = sent else {
        return wrong(LoginFailure::WrongCode);
    };
    let attempt = AttemptCode {
        realm,
        mailbox: sent.mailbox,
        kind,
        about: Some(sent.about),
    };
    let context = asking.visit.context(Actor::default());
    let proof = by_code(kernel, &context, &attempt, typed).await?;
    // To nobody nothing was sent; their code is none.
    let is_theirs =
        |proof: &Proof| proof.request.user == Some(asking.user) && proof.request.address == theirs;
    let (Some(proof), Some(fact)) = (proof.filter(is_theirs), theirs) else {
        return wrong(LoginFailure::WrongCode);
    };
    if proof.is_spent(kernel, realm, Lane::Activity).await? {
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
