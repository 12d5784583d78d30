//! One-time passwords of a device (RFC 6238). The rule: a code is good for one step of one device, and a step is good
//! once, by a claim that is spent with what it leads to.

use async_trait::async_trait;
use events::{
    auth::{LoginFailure, Method},
    clock::Timestamp,
    credentials::TotpDevice,
    ids::CredentialId,
    log::ClaimKind,
    subject::Lane,
};
use totp::Secret;
use web::form::Form;

use super::{Asking, Authenticator, Challenge, Held, Judged, NotJudged, Proven, Room, Spend};
use crate::auth::flow::guard::Admitted;

/// Judges one-time passwords.
pub struct TotpAuthenticator;

/// What a code uses up, if it is one of this secret now.
pub fn spend(credential: CredentialId, secret: &Secret, code: &str, now: Timestamp) -> Option<Spend> {
    let seconds = u64::try_from(now.seconds()).ok()?;
    let step = secret.check(&digits(code), seconds)?;
    Some(Spend {
        kind: ClaimKind::TotpStep,
        value: format!("{credential}:{step}"),
        invalid: Timestamp::from_seconds(i64::try_from(totp::invalid_from(step)).ok()?),
    })
}

/// People type the space that applications show in the middle.
fn digits(code: &str) -> String {
    code.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// What a code uses up at one device.
fn spend_at(device: &TotpDevice, code: &str, now: Timestamp) -> Option<Spend> {
    let secret = Secret::parse(device.secret.as_ref()?).ok()?;
    spend(device.credential, &secret, code, now)
}

#[async_trait]
impl Authenticator for TotpAuthenticator {
    fn method(&self) -> Method {
        Method::Totp
    }

    fn challenge(&self) -> Challenge {
        Challenge::Totp
    }

    fn field(&self) -> &'static str {
        "code"
    }

    fn is_held(&self, held: &Held) -> bool {
        held.totp.devices.iter().any(|device| device.secret.is_some())
    }

    fn since(&self, held: &Held) -> u64 {
        held.totp.changed
    }

    async fn judge(
        &self,
        asking: &Asking<'_>,
        answer: &Form,
        _: Room,
        _: Admitted,
    ) -> Result<Judged, NotJudged> {
        let kernel = asking.visit.edge.kernel();
        let code = answer.get(self.field()).unwrap_or_default();
        let mut wrong = LoginFailure::WrongCode;
        for device in &asking.held.totp.devices {
            let Some(spend) = spend_at(device, code, kernel.now()) else {
                continue;
            };
            let (realm, lane) = (asking.visit.realm.id, Lane::Activity);
            if kernel
                .claimed(realm, lane, spend.kind, &spend.value)
                .await?
                .is_none()
            {
                return Ok(Judged::Proven(Proven {
                    credential: Some(device.credential),
                    spends: vec![spend],
                    ..Proven::default()
                }));
            }
            wrong = LoginFailure::UsedCode;
        }
        Ok(Judged::Wrong(asking.refused.unwrap_or(wrong)))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_code_uses_up_its_step_of_its_device_until_it_is_invalid() {
        let secret = Secret::of_bytes(*b"12345678901234567890");
        let credential = CredentialId(Uuid::from_u128(1));
        let now = Timestamp::from_seconds(59);
        let spent = spend(credential, &secret, " 287 082 ", now).unwrap();
        assert_eq!(spent.value, format!("{credential}:1"));
        assert_eq!(spent.invalid, Timestamp::from_seconds(90));
        assert_eq!(
            spend(credential, &secret, "287082", Timestamp::from_seconds(60)),
            Some(spent)
        );
        assert_eq!(
            spend(credential, &secret, "287082", Timestamp::from_seconds(90)),
            None
        );
        assert_eq!(spend(credential, &secret, "", now), None);
    }
}
