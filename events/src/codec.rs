//! Between a domain event and the stored body: sealed fields go out under their owners' keys and come back, or come
//! back erased. The body names the owner of each sealed field, so that it can be read without the catalogue.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    envelope::Recorded,
    event::{DecodeError, Event, EventKind, Happened, Network},
    ids::{CredentialId, EventId, RealmId, UserId},
    keys::{Keyring, Owner},
    log::ClaimChange,
    sealing::{ERASED, Sealed, SealedBy},
    subject::Subject,
};

/// The stored body of an event.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    /// The event's open fields.
    data: Value,
    /// Its sealed fields: name to owner and ciphertext.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sealed: BTreeMap<String, (String, String)>,
    /// Where the request came from: owner and ciphertext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<(String, String)>,
    /// The claims of the append that this event leads, sealed by the realm: the claim table can be rebuilt from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claims: Option<String>,
}

/// The associated-data names of what is sealed beside an event's own fields.
const NETWORK_FIELD: &str = "$network";
const CLAIMS_FIELD: &str = "$claims";

/// Seals and serialises an event. `claims` go with the first event of an append.
pub async fn encode(
    keyring: &Keyring,
    realm: RealmId,
    id: EventId,
    subject: Option<Subject>,
    event: &Event,
    network: Option<(&Network, Owner)>,
    claims: &[ClaimChange],
) -> Result<(&'static EventKind, Vec<u8>), DecodeError> {
    let (kind, mut data) = event.encode()?;
    let malformed = |reason: String| DecodeError::Malformed {
        name: kind.name.to_owned(),
        reason,
    };
    let mut sealed = BTreeMap::new();
    if let Value::Object(fields) = &mut data {
        for (field, by) in kind.sealed {
            let owner =
                owner(*by, subject, fields).ok_or_else(|| malformed(format!("no owner for {field}")))?;
            match fields.remove(*field) {
                None | Some(Value::Null) => {}
                Some(value) => {
                    let text = keyring
                        .seal(realm, &owner, id, field, value.to_string().as_bytes())
                        .await?;
                    sealed.insert((*field).to_owned(), (owner.to_string(), text));
                }
            }
        }
    }
    let network = match network {
        None => None,
        Some((network, owner)) => {
            let plain = serde_json::to_vec(network).map_err(|error| malformed(error.to_string()))?;
            Some((
                owner.to_string(),
                keyring.seal(realm, &owner, id, NETWORK_FIELD, &plain).await?,
            ))
        }
    };
    let claims = if claims.is_empty() {
        None
    } else {
        let plain = serde_json::to_vec(claims).map_err(|error| malformed(error.to_string()))?;
        Some(
            keyring
                .seal(realm, &Owner::Realm, id, CLAIMS_FIELD, &plain)
                .await?,
        )
    };
    let body = serde_json::to_vec(&Body {
        data,
        sealed,
        network,
        claims,
    })
    .map_err(|error| malformed(error.to_string()))?;
    // What could not be read back would stop everything that follows the stream: it is refused before it is written.
    serde_json::from_slice::<Body>(&body).map_err(|error| malformed(error.to_string()))?;
    Ok((kind, body))
}

/// Understands a recorded event, with every field of its own whose key is still there.
pub async fn decode(keyring: &Keyring, recorded: &Recorded) -> Result<Happened, DecodeError> {
    let entry = &recorded.entry;
    let malformed = |reason: String| DecodeError::Malformed {
        name: entry.event_type.clone(),
        reason,
    };
    let mut body: Body =
        serde_json::from_slice(&recorded.body).map_err(|error| malformed(error.to_string()))?;
    for (field, (owner, text)) in &body.sealed {
        let owner: Owner = owner
            .parse()
            .map_err(|_| malformed(format!("owner of {field}")))?;
        let value = match keyring.unseal(entry.realm, &owner, entry.id, field, text).await? {
            Some(plain) => serde_json::from_slice(&plain).map_err(|error| malformed(error.to_string()))?,
            None => serde_json::json!({ ERASED: true }),
        };
        body.data
            .as_object_mut()
            .ok_or_else(|| malformed("data is not an object".into()))?
            .insert(field.clone(), value);
    }
    Ok(Happened {
        id: entry.id,
        stream: entry.stream(),
        seq: entry.seq,
        subject: entry.subject.map(crate::envelope::SubjectVersion::subject),
        version: entry.subject.map_or(0, |subject| subject.version),
        time: entry.time,
        actor: entry.actor.clone(),
        cause: entry.cause,
        trace: entry.trace.clone(),
        event_type: Event::kind_of(&entry.event_type)?.name,
        schema: entry.schema,
        leaf_hash: recorded.leaf_hash,
        event: Event::decode(&entry.event_type, entry.schema, body.data)?,
    })
}

/// The open fields of a recorded event as they are stored, in the shape of its version: what may leave the platform without a key.
pub fn open_fields(recorded: &Recorded) -> Result<&str, DecodeError> {
    #[derive(Deserialize)]
    struct Open<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    serde_json::from_slice::<Open<'_>>(&recorded.body)
        .map(|open| open.data.get())
        .map_err(|error| DecodeError::Malformed {
            name: recorded.entry.event_type.clone(),
            reason: error.to_string(),
        })
}

/// Where the request came from that a recorded event tells of, if it was one.
pub async fn network(keyring: &Keyring, recorded: &Recorded) -> Result<Option<Sealed<Network>>, DecodeError> {
    let entry = &recorded.entry;
    let malformed = |reason: String| DecodeError::Malformed {
        name: entry.event_type.clone(),
        reason,
    };
    let body: Body = serde_json::from_slice(&recorded.body).map_err(|error| malformed(error.to_string()))?;
    let Some((owner, text)) = body.network else {
        return Ok(None);
    };
    let owner: Owner = owner
        .parse()
        .map_err(|_| malformed("owner of the network data".into()))?;
    let opened = keyring
        .unseal(entry.realm, &owner, entry.id, NETWORK_FIELD, &text)
        .await?;
    match opened {
        Some(plain) => serde_json::from_slice(&plain)
            .map(|network| Some(Sealed::Known(network)))
            .map_err(|error| malformed(error.to_string())),
        None => Ok(Some(Sealed::Erased)),
    }
}

/// The claims that an append made, from its first event's body: what the claim table is rebuilt from.
pub async fn claims(keyring: &Keyring, recorded: &Recorded) -> Result<Vec<ClaimChange>, DecodeError> {
    let entry = &recorded.entry;
    let malformed = |reason: String| DecodeError::Malformed {
        name: entry.event_type.clone(),
        reason,
    };
    let body: Body = serde_json::from_slice(&recorded.body).map_err(|error| malformed(error.to_string()))?;
    let Some(text) = body.claims else {
        return Ok(Vec::new());
    };
    match keyring
        .unseal(entry.realm, &Owner::Realm, entry.id, CLAIMS_FIELD, &text)
        .await?
    {
        Some(plain) => serde_json::from_slice(&plain).map_err(|error| malformed(error.to_string())),
        None => Ok(Vec::new()),
    }
}

fn owner(by: SealedBy, subject: Option<Subject>, fields: &Map<String, Value>) -> Option<Owner> {
    let id = |field: &str| {
        fields
            .get(field)
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok())
    };
    match by {
        SealedBy::SubjectUser => subject.map(|subject| Owner::User(UserId(subject.id))),
        SealedBy::User(field) => id(field).map(|id| Owner::User(UserId(id))),
        SealedBy::Credential(field) => id(field).map(|id| Owner::Credential(CredentialId(id))),
    }
}
