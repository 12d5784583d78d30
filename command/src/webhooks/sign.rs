//! Signatures of deliveries after Standard Webhooks 1.0.0: over the id, the moment and the body, by every secret that is good.

use aws_lc_rs::{hmac, signature::Ed25519KeyPair};
use base64::{Engine, engine::general_purpose::STANDARD};
use events::{
    clock::Timestamp,
    webhooks::{Signature, Webhook, WebhookSecret},
};
use zeroize::Zeroizing;

/// The value of `webhook-signature`: one signature for each secret that is good now, the newest first. `None` if there is none.
pub fn signatures(webhook: &Webhook, id: &str, now: Timestamp, body: &str) -> Option<String> {
    let content = format!("{id}.{}.{body}", now.seconds());
    let good = webhook.secrets.iter().rev().filter(|secret| secret.is_good(now));
    let signed: Vec<_> = good
        .filter_map(|secret| signature(secret, content.as_bytes()))
        .collect();
    (!signed.is_empty()).then(|| signed.join(" "))
}

fn signature(secret: &WebhookSecret, content: &[u8]) -> Option<String> {
    let bytes = Zeroizing::new(STANDARD.decode(secret.secret.known()?).ok()?);
    Some(match secret.signature {
        Signature::Hmac => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
            format!("v1,{}", STANDARD.encode(hmac::sign(&key, content)))
        }
        Signature::Ed25519 => {
            let pair = Ed25519KeyPair::from_pkcs8(&bytes).ok()?;
            format!("v1a,{}", STANDARD.encode(pair.sign(content)))
        }
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
    use events::{clock::SystemRandom, ids::CredentialId, sealing::Sealed, testing::context};
    use uuid::Uuid;

    use super::*;
    use crate::webhooks::secrets::NewSecret;

    fn kept(signature: Signature, secret: &str, public_key: Option<String>) -> WebhookSecret {
        WebhookSecret {
            credential: CredentialId(Uuid::from_u128(1)),
            signature,
            secret: Sealed::Known(secret.to_owned()),
            public_key,
            added: Timestamp::default(),
            until: None,
        }
    }

    /// The example of the specification, and of its libraries.
    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        let webhook = Webhook {
            secrets: vec![kept(Signature::Hmac, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None)],
            ..Webhook::default()
        };
        let signed = signatures(
            &webhook,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Timestamp::from_seconds(1_614_265_330),
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signed.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn each_secret_that_is_good_signs_and_the_others_do_not() {
        let made = NewSecret::make(&context(), &SystemRandom, Signature::Ed25519).unwrap();
        let public_key = made.public_key.clone().unwrap();
        let mut old = kept(Signature::Hmac, "c2VjcmV0", None);
        old.until = Some(Timestamp::from_seconds(100));
        let webhook = Webhook {
            secrets: vec![
                old,
                kept(Signature::Ed25519, &made.kept, Some(public_key.clone())),
            ],
            ..Webhook::default()
        };
        let at = |second| signatures(&webhook, "a", Timestamp::from_seconds(second), "{}").unwrap();
        let both = at(99);
        let (first, second) = both.split_once(' ').unwrap();
        assert!(second.starts_with("v1,"));
        let signature = STANDARD.decode(first.strip_prefix("v1a,").unwrap()).unwrap();
        let public_key = STANDARD.decode(public_key).unwrap();
        let verifying = UnparsedPublicKey::new(&ED25519, public_key);
        verifying.verify(b"a.99.{}", &signature).unwrap();
        assert!(verifying.verify(b"a.98.{}", &signature).is_err());
        assert!(!at(100).contains("v1,"));
        assert_eq!(
            signatures(&Webhook::default(), "a", Timestamp::default(), "{}"),
            None
        );
    }
}
