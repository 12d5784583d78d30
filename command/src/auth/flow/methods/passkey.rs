//! Passkeys (Web Authentication Level 3). The rules: what a passkey is to sign is sealed into the sign-in that asks for it, and used up with
//! what it leads to; before the first proof any passkey of the realm will do, and nobody is told which there are; a counter
//! that went back is refused, by the log.

use ::passkeys::{Assertion, Authentication, PasskeyError, Use};
use async_trait::async_trait;
use events::{
    auth::{LoginFailure, Method},
    clock::Timestamp,
    envelope::Actor,
    kernel::Failure,
    log::ClaimKind,
    passkeys::Passkey,
    subject::Lane,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::form::Form;

use super::{Asking, Authenticator, Challenge, Held, Judged, NotJudged, Place, Proven, Room, Spend};
use crate::{
    auth::{
        flow::{guard::Admitted, journey::Journey},
        page::PageError,
        trouble,
    },
    passkeys::{note_use::NotePasskeyUse, record, relying_party, user_verification},
};

/// Judges passkeys.
pub struct PasskeyAuthenticator;

/// The field that carries what the browser answered, as JSON.
pub const FIELD: &str = "passkey";

/// What a passkey is to sign, once, in the sign-in that it is sealed into.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ceremony {
    /// What makes it usable once.
    id: Uuid,
    /// When it is over.
    expires: Timestamp,
    /// What was asked.
    authentication: Authentication,
}

/// Asks for one of these passkeys of who is to show one, or for any: what `navigator.credentials.get` is called with, as JSON. From then on
/// the sign-in awaits the answer to that, and to nothing that it asked before.
pub fn ask(journey: &mut Journey<'_>, offered: &[Passkey]) -> Result<String, PageError> {
    let visit = journey.visit;
    let wanted = user_verification(&journey.settings.passkeys);
    let offered: Vec<_> = offered.iter().filter_map(record).collect();
    let party = relying_party(&visit.edge, &visit.realm).ok_or_else(PageError::internal)?;
    let (options, authentication) = party
        .begin_authentication(&offered, wanted)
        .map_err(|error| broken(&error))?;
    journey.flow.progress.ceremony = Some(Box::new(Ceremony {
        id: visit.edge.kernel().new_id(),
        expires: journey.flow.expires,
        authentication,
    }));
    Ok(options.to_string())
}

/// What should not happen when a ceremony begins.
pub fn broken(error: &PasskeyError) -> PageError {
    tracing::error!(%error, "no passkey can be asked for");
    PageError::internal()
}

/// The credential id that an answer names, if it is one that could be of a passkey.
pub fn named_by(answer: &str) -> Option<String> {
    Assertion::parse(answer)
        .ok()
        .map(|assertion| assertion.credential_id())
}

/// Why an answer is not right, for the record.
const fn reason(error: &PasskeyError) -> LoginFailure {
    match error {
        PasskeyError::NotVerified => LoginFailure::UnverifiedPasskey,
        PasskeyError::Copied => LoginFailure::CopiedPasskey,
        _ => LoginFailure::WrongPasskey,
    }
}

#[async_trait]
impl Authenticator for PasskeyAuthenticator {
    fn method(&self) -> Method {
        Method::Passkey
    }

    fn challenge(&self) -> Challenge {
        Challenge::Passkey
    }

    fn field(&self) -> &'static str {
        FIELD
    }

    fn is_available(&self, place: &Place<'_>) -> bool {
        place.settings.passkeys.enabled && relying_party(place.edge, place.realm).is_some()
    }

    fn is_held(&self, held: &Held) -> bool {
        held.passkeys
            .passkeys
            .iter()
            .any(|passkey| passkey.credential_id.is_some())
    }

    fn since(&self, held: &Held) -> u64 {
        held.passkeys.changed
    }

    async fn judge(
        &self,
        asking: &Asking<'_>,
        answer: &Form,
        _: Room,
        _: Admitted,
    ) -> Result<Judged, NotJudged> {
        let (visit, realm) = (asking.visit, asking.visit.realm.id);
        let kernel = visit.edge.kernel();
        let wrong = |reason| Ok(Judged::Wrong(asking.refused.unwrap_or(reason)));
        let answer = answer.get(FIELD).unwrap_or_default();
        let (Some(ceremony), Some(party), Ok(assertion)) = (
            asking.ceremony,
            relying_party(&visit.edge, &visit.realm),
            Assertion::parse(answer),
        ) else {
            return wrong(LoginFailure::WrongPasskey);
        };
        let theirs = asking.held.passkeys.of_credential_id(&assertion.credential_id());
        let Some((passkey, record)) = theirs.and_then(|passkey| Some((passkey, record(passkey)?))) else {
            return wrong(LoginFailure::WrongPasskey);
        };
        let handle = asking.user.0.as_bytes();
        let authentication = &ceremony.authentication;
        let used = match party.finish_authentication(&assertion, authentication, &record, handle) {
            Ok(used) => used,
            Err(error) => return wrong(reason(&error)),
        };
        let spend = Spend {
            kind: ClaimKind::PasskeyChallenge,
            value: ceremony.id.to_string(),
            invalid: ceremony.expires,
        };
        let spent = kernel
            .claimed(realm, Lane::Activity, spend.kind, &spend.value)
            .await?;
        if spent.is_some() {
            return wrong(LoginFailure::UsedCode);
        }
        if let Some(refused) = asking.refused {
            return Ok(Judged::Wrong(refused));
        }
        match note(asking, passkey, used).await? {
            None => Ok(Judged::Proven(Proven {
                credential: Some(passkey.credential),
                user_verified: used.user_verified,
                hardware: passkey.is_in_hardware(),
                at: None,
                spends: vec![spend],
            })),
            Some(reason) => wrong(reason),
        }
    }
}

/// Notes what the passkey said of itself. `Some`: why it may not be used after all.
async fn note(asking: &Asking<'_>, passkey: &Passkey, used: Use) -> Result<Option<LoginFailure>, NotJudged> {
    let visit = asking.visit;
    let command = NotePasskeyUse {
        realm: visit.realm.id,
        user: asking.user,
        credential: passkey.credential,
        counter: used.counter,
        backed_up: used.backed_up,
    };
    let context = visit.context(Actor {
        user: Some(asking.user),
        ..Actor::default()
    });
    match visit.edge.kernel().execute(&context, &command).await {
        Ok(_) => Ok(None),
        Err(Failure::Rejected(reason)) => Ok(Some(reason)),
        Err(Failure::Conflict) => Err(NotJudged::Busy { seconds: 1 }),
        Err(failure) => Err(trouble(failure).into()),
    }
}
