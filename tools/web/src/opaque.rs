//! Access tokens of which nobody but us can read anything (`access_token_format: opaque`): the claims of one, sealed.
//! The rule: what is read out of one is judged like the claims of a signed token; which realm it is of stands before the seal, and the
//! seal holds in that realm alone.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    clock::Timestamp,
    ids::RealmId,
    kernel::{Kernel, KernelError},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::artefacts;

/// How such a token begins: by this, scanners for secrets find one that lies where it should not.
const PREFIX: &str = "chancery_at~";
/// The seal is for this alone.
const PURPOSE: &str = "access token";

/// Seals the claims of an access token.
pub async fn seal(
    kernel: &Kernel,
    realm: RealmId,
    claims: &Map<String, Value>,
    expires: Timestamp,
) -> Result<String, KernelError> {
    let sealed = artefacts::seal(kernel, realm, PURPOSE, &[], claims, expires).await?;
    let realm = URL_SAFE_NO_PAD.encode(realm.0.as_bytes());
    Ok(format!("{PREFIX}{realm}~{sealed}"))
}

/// The realm that a token says it is of, if it looks like one of these: nothing of it is believed yet.
pub fn unverified_realm(token: &str) -> Option<RealmId> {
    parts(token).map(|(realm, _)| realm)
}

/// What a token of this realm says. `None`: it is over, was altered, or is another's.
pub(crate) async fn open(
    kernel: &Kernel,
    realm: RealmId,
    token: &str,
) -> Result<Option<Map<String, Value>>, KernelError> {
    match parts(token) {
        Some((named, sealed)) if named == realm => artefacts::open(kernel, realm, PURPOSE, &[], sealed).await,
        _ => Ok(None),
    }
}

fn parts(token: &str) -> Option<(RealmId, &str)> {
    if token.len() > jose::MAX_TOKEN_BYTES {
        return None;
    }
    let (realm, sealed) = token.strip_prefix(PREFIX)?.split_once('~')?;
    let realm = URL_SAFE_NO_PAD.decode(realm).ok()?;
    Some((RealmId(Uuid::from_slice(&realm).ok()?), sealed))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{NOW, OTHER_REALM, REALM, World};

    #[tokio::test]
    async fn a_token_opens_in_its_realm_and_tells_nothing_to_others() {
        let world = World::new().await;
        let claims = Map::from_iter([("sub".to_owned(), json!("alice"))]);
        let token = seal(&world.kernel, REALM, &claims, NOW.after_seconds(60))
            .await
            .unwrap();
        assert!(token.len() < 512 && !token.contains("alice") && !token.contains('.'));
        assert!(
            token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte))
        );
        assert_eq!(unverified_realm(&token), Some(REALM));
        assert_eq!(open(&world.kernel, REALM, &token).await.unwrap(), Some(claims));
        assert_eq!(open(&world.kernel, OTHER_REALM, &token).await.unwrap(), None);
        let moved = token.replace(
            &URL_SAFE_NO_PAD.encode(REALM.0.as_bytes()),
            &URL_SAFE_NO_PAD.encode(OTHER_REALM.0.as_bytes()),
        );
        assert_eq!(open(&world.kernel, OTHER_REALM, &moved).await.unwrap(), None);
        world.clock.advance(60);
        assert_eq!(open(&world.kernel, REALM, &token).await.unwrap(), None);
    }

    #[test]
    fn what_looks_otherwise_is_of_no_realm() {
        for text in [
            "",
            "a.b.c",
            "chancery_at~",
            "chancery_at~x~y",
            "chancery_at~AAAA~y",
        ] {
            assert_eq!(unverified_realm(text), None, "{text}");
        }
        assert_eq!(
            unverified_realm(&format!("{PREFIX}AAAAAAAAAAAAAAAAAAAAAA~{}", "x".repeat(20_000))),
            None
        );
    }
}
