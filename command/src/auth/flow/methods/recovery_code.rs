//! Recovery codes: look-up secrets that were written down for the day when the device is gone (NIST SP 800-63B-4, section
//! 3.1.2). The rules: the log has their digests under a key of the realm alone; each is good once, by a claim that
//! is spent with what it leads to, and by a fact that follows and outlives it.

use async_trait::async_trait;
use events::{
    auth::{LoginFailure, Method},
    clock::{Random, Timestamp},
    envelope::Actor,
    ids::{CredentialId, RealmId, UserId},
    kernel::{Kernel, KernelError},
    log::ClaimKind,
    subject::Lane,
};
use subtle::ConstantTimeEq;
use web::form::Form;
use zeroize::Zeroizing;

use super::{Asking, Authenticator, Challenge, Held, Judged, NotJudged, Proven, Room, Shown, Spend};
use crate::{
    auth::{flow::guard::Admitted, trouble, visit::Visit},
    users::recovery_codes::NoteRecoveryCode,
};

/// How many codes a set has.
pub const CODES: usize = 10;
/// Five bits each: letters and digits that are not taken for one another.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// The letters of a code: 60 bits.
const LENGTH: usize = 12;
/// A set does not end by itself: claims on it are kept for a lifetime.
const NEVER: Timestamp = Timestamp::from_seconds(7_258_118_400);

/// Judges recovery codes.
pub struct RecoveryCodeAuthenticator;

/// A new set, as it is shown once: `abcd-efgh-jkmn`.
pub fn generate(random: &dyn Random) -> Vec<Zeroizing<String>> {
    let one = |_| {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        random.fill(&mut bytes[..]);
        let mut code = Zeroizing::new(String::with_capacity(LENGTH + 2));
        for (place, byte) in bytes.iter().enumerate() {
            if place > 0 && place % 4 == 0 {
                code.push('-');
            }
            code.push(char::from(LETTERS[usize::from(byte % 32)]));
        }
        code
    };
    (0..CODES).map(one).collect()
}

/// What the log keeps of a code.
pub async fn digest(
    kernel: &Kernel,
    realm: RealmId,
    credential: CredentialId,
    code: &str,
) -> Result<String, KernelError> {
    let letters: Zeroizing<String> = Zeroizing::new(
        code.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect(),
    );
    let parts: [&[u8]; 2] = [credential.0.as_bytes(), letters.as_bytes()];
    let digest = kernel.keyring().digest(realm, "recovery codes", &parts).await?;
    Ok(digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        use std::fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[async_trait]
impl Authenticator for RecoveryCodeAuthenticator {
    fn method(&self) -> Method {
        Method::RecoveryCode
    }

    fn challenge(&self) -> Challenge {
        Challenge::RecoveryCode
    }

    fn field(&self) -> &'static str {
        "recovery_code"
    }

    fn is_held(&self, held: &Held) -> bool {
        !held.recovery_codes.digests.is_empty() && held.recovery_codes.remaining() > 0
    }

    fn since(&self, held: &Held) -> u64 {
        held.recovery_codes.changed
    }

    async fn judge(
        &self,
        asking: &Asking<'_>,
        answer: &Form,
        _: Room,
        _: Admitted,
    ) -> Result<Judged, NotJudged> {
        let (kernel, realm) = (asking.visit.edge.kernel(), asking.visit.realm.id);
        let codes = &asking.held.recovery_codes;
        let wrong = |reason| Ok(Judged::Wrong(asking.refused.unwrap_or(reason)));
        let Some(credential) = codes.credential else {
            return wrong(LoginFailure::WrongCode);
        };
        let given = answer.get(self.field()).unwrap_or_default();
        let digest = digest(kernel, realm, credential, given).await?;
        let Some(number) = codes
            .digests
            .iter()
            .position(|known| bool::from(known.as_bytes().ct_eq(digest.as_bytes())))
            .and_then(|place| u32::try_from(place).ok())
        else {
            return wrong(LoginFailure::WrongCode);
        };
        let spend = Spend {
            kind: ClaimKind::RecoveryCode,
            value: format!("{credential}:{number}"),
            invalid: NEVER,
        };
        let spent = kernel
            .claimed(realm, Lane::Activity, spend.kind, &spend.value)
            .await?;
        if spent.is_some() || codes.used.contains(&number) {
            return wrong(LoginFailure::UsedCode);
        }
        Ok(Judged::Proven(Proven {
            credential: Some(credential),
            spends: vec![spend],
            ..Proven::default()
        }))
    }

    async fn follow(&self, visit: &Visit, user: UserId, shown: &Shown) -> Result<(), KernelError> {
        let used = shown
            .spends
            .iter()
            .find(|spend| spend.kind == ClaimKind::RecoveryCode);
        let number = used.and_then(|spend| spend.value.rsplit_once(':')?.1.parse().ok());
        let (Some(credential), Some(number)) = (shown.proof.credential, number) else {
            return Ok(());
        };
        let command = NoteRecoveryCode {
            realm: visit.realm.id,
            user,
            credential,
            number,
        };
        let context = visit.context(Actor {
            user: Some(user),
            ..Actor::default()
        });
        visit
            .edge
            .kernel()
            .execute(&context, &command)
            .await
            .map_err(trouble)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use events::clock::SystemRandom;

    use super::*;

    #[test]
    fn a_set_has_ten_codes_that_can_be_read_aloud() {
        let codes = generate(&SystemRandom);
        assert_eq!(
            codes
                .iter()
                .map(|code| code.as_str())
                .collect::<BTreeSet<_>>()
                .len(),
            CODES
        );
        for code in codes {
            let groups: Vec<_> = code.split('-').collect();
            assert_eq!(
                groups.iter().map(|group| group.len()).collect::<Vec<_>>(),
                [4, 4, 4]
            );
            assert!(!code.contains(['i', 'l', 'o', '1']), "{}", *code);
        }
        assert_eq!(LETTERS.iter().collect::<BTreeSet<_>>().len(), 32);
    }
}
