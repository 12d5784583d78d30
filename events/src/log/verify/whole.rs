//! Verifying the whole log: every stream, that no realm's stream is gone, and with the keys that no claim is.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use super::{Check, Claims, Finding, VerifyError};
use crate::{
    clock::Clock,
    ids::RealmId,
    keys::Keyring,
    log::{Log, Mark},
    subject::Stream,
};

/// How long a server beside us may take between a realm's creation and its first signing key.
const IN_BETWEEN: Duration = Duration::from_secs(1);

/// What was looked at in the whole log, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedLog {
    /// Streams that hold events, or should.
    pub streams: u64,
    /// Events that are readable.
    pub events: u64,
    /// Realms that the system realm names.
    pub realms: u64,
    /// Claims that are as the events tell them; `None` without the keys.
    pub claims: Option<u64>,
    /// The realm whose creation is the last that the system realm tells, if it has no events: it was not finished, or its
    /// streams are gone, which cannot be told apart.
    pub unfinished: Option<RealmId>,
    /// Nothing, if the log is sound.
    pub findings: Vec<Finding>,
}

/// Checks every stream as [`verify_stream`](super::verify_stream) does, and beyond that:
///
/// - that every realm which the system realm names has facts (each gets a signing key when it is made; one whose
///   creation is the system realm's last event may not have come to that: [`VerifiedLog::unfinished`]), and that every stream is of such a realm;
/// - with the keys, that every claim which the events tell is there, held or spent by the same holder. A spent one may
///   be gone once its time has passed.
///
/// Whatever is concluded from a stream is concluded only where the stream itself is sound, so that one damage is
/// not reported as many. Unseen remain: the removal of a stream's last events with its head lowered to fit, and
/// claims that no event tells. Memory grows with the held claims of the largest stream.
pub async fn verify_log(
    log: &dyn Log,
    keyring: Option<&Keyring>,
    clock: &dyn Clock,
) -> Result<VerifiedLog, VerifyError> {
    let system = Stream::facts(RealmId::SYSTEM);
    // Before the system realm is read: whatever is there now is of a realm that it will have named.
    let there: BTreeSet<Stream> = log
        .heads(Mark::default())
        .await?
        .heads
        .into_iter()
        .map(|head| head.stream)
        .collect();
    let mut verified = VerifiedLog {
        streams: 0,
        events: 0,
        realms: 0,
        claims: keyring.map(|_| 0),
        unfinished: None,
        findings: Vec::new(),
    };
    let named = verified.stream(log, system, keyring, clock).await?;
    verified.realms = named.realms.len() as u64;

    let realms: HashSet<RealmId> = named.realms.iter().map(|(realm, _)| *realm).collect();
    let mut streams = there.clone();
    for realm in &realms {
        streams.extend([Stream::facts(*realm), Stream::activity(*realm)]);
    }
    let mut empty = HashSet::new();
    for stream in streams.into_iter().filter(|stream| *stream != system) {
        if verified.stream(log, stream, keyring, clock).await?.last == 0 {
            empty.insert(stream);
        }
    }
    if named.sound {
        for stream in there.iter().filter(|stream| stream.realm != RealmId::SYSTEM) {
            if !realms.contains(&stream.realm) {
                verified.find(*stream, "is of a realm that the system realm does not name");
            }
        }
    }
    let mut gone = Vec::new();
    for (realm, created) in &named.realms {
        let facts = Stream::facts(*realm);
        if !empty.contains(&facts) {
            continue;
        }
        if *created == named.last && empty.contains(&Stream::activity(*realm)) {
            verified.unfinished = Some(*realm);
        } else {
            gone.push(facts);
        }
    }
    if !gone.is_empty() {
        tokio::time::sleep(IN_BETWEEN).await;
    }
    for stream in gone {
        if log.head(stream).await?.seq == 0 {
            verified.find(
                stream,
                "is missing, and all after it: the realm was made, and its stream is empty",
            );
        }
    }
    Ok(verified)
}

/// What is concluded from one stream.
struct Concluded {
    last: u64,
    sound: bool,
    realms: Vec<(RealmId, u64)>,
}

impl VerifiedLog {
    fn find(&mut self, stream: Stream, what: &str) {
        self.findings.push(Finding {
            stream,
            seq: 1,
            what: what.to_owned(),
        });
    }

    async fn stream(
        &mut self,
        log: &dyn Log,
        stream: Stream,
        keyring: Option<&Keyring>,
        clock: &dyn Clock,
    ) -> Result<Concluded, VerifyError> {
        let mut check = Check::new(log, stream, keyring.map(|keyring| Claims::new(keyring, clock)));
        check.run().await?;
        let sound = check.findings.is_empty();
        if sound {
            let right = check.compare_claims().await?;
            self.claims = self.claims.map(|claims| claims + right);
        }
        self.streams += u64::from(check.last > 0);
        self.events += check.events;
        self.findings.append(&mut check.findings);
        Ok(Concluded {
            last: check.last,
            sound,
            realms: check.realms,
        })
    }
}
