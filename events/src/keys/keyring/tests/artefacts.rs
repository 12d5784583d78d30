//! What is not a field: signing keys, artefacts that only we open, digests.

use super::*;

#[tokio::test]
async fn signing_keys_are_kept_under_their_kid_until_destroyed() {
    let (world, keyring) = prepared().await;
    assert_eq!(keyring.signing_key(REALM, "kid").await.unwrap(), None);
    keyring.put_signing_key(REALM, "kid", b"pkcs8").await.unwrap();
    keyring.put_signing_key(REALM, "kid", b"pkcs8").await.unwrap();
    assert!(matches!(
        keyring.put_signing_key(REALM, "kid", b"other").await,
        Err(KeyError::Refused(_))
    ));
    assert_eq!(keyring.signing_key(OTHER_REALM, "kid").await.unwrap(), None);

    let keyring = world.reopened().await;
    assert_eq!(
        keyring
            .signing_key(REALM, "kid")
            .await
            .unwrap()
            .unwrap()
            .as_slice(),
        b"pkcs8"
    );
    keyring.destroy_signing_key(REALM, "kid", DECEMBER).await.unwrap();
    assert_eq!(keyring.signing_key(REALM, "kid").await.unwrap(), None);
    assert_eq!(
        keyring.put_signing_key(REALM, "kid", b"pkcs8").await,
        Err(KeyError::Destroyed)
    );
}

#[tokio::test]
async fn an_artefact_opens_with_its_realm_purpose_and_binding_only() {
    let (world, keyring) = prepared().await;
    let text = keyring
        .seal_artefact(REALM, "code", &[b"client", b"uri"], b"grant")
        .await
        .unwrap();
    let open = async |realm, purpose, bound: &[&[u8]], text: &str| {
        keyring.open_artefact(realm, purpose, bound, text).await.unwrap()
    };
    assert_eq!(
        open(REALM, "code", &[b"client", b"uri"], &text).await.unwrap(),
        b"grant"
    );
    assert_eq!(open(OTHER_REALM, "code", &[b"client", b"uri"], &text).await, None);
    assert_eq!(open(REALM, "refresh", &[b"client", b"uri"], &text).await, None);
    for bound in [
        &[&b"client"[..]][..],
        &[b"clientu", b"ri"],
        &[b"uri", b"client"],
        &[b"client", b"uri", b""],
        &[],
    ] {
        assert_eq!(open(REALM, "code", bound, &text).await, None, "{bound:?}");
    }
    let bound: &[&[u8]] = &[b"client", b"uri"];
    let altered = format!(
        "{}{}",
        &text[..text.len() - 2],
        if text.ends_with("AA") { "BA" } else { "AA" }
    );
    let padded = format!("{text}=");
    let spaced = format!("{text} ");
    let oversized = "A".repeat(MAX_ARTEFACT + 1);
    for malformed in ["", "A", "é", &text[4..], &altered, &padded, &spaced, &oversized] {
        assert_eq!(open(REALM, "code", bound, malformed).await, None);
    }
    let reopened = world.reopened().await;
    assert_eq!(
        reopened
            .open_artefact(REALM, "code", bound, &text)
            .await
            .unwrap()
            .unwrap(),
        b"grant"
    );
}

#[tokio::test]
async fn an_artefact_is_never_longer_than_what_is_opened() {
    let (_world, keyring) = prepared().await;
    let most = MAX_ARTEFACT / 4 * 3 - 73;
    let text = keyring
        .seal_artefact(REALM, "flow", &[], &vec![1; most])
        .await
        .unwrap();
    assert_eq!(text.len(), MAX_ARTEFACT);
    assert!(
        keyring
            .open_artefact(REALM, "flow", &[], &text)
            .await
            .unwrap()
            .is_some()
    );
    let more = keyring
        .seal_artefact(REALM, "flow", &[], &vec![1; most + 1])
        .await;
    assert!(matches!(more, Err(KeyError::Refused(_))));
}

#[tokio::test]
async fn digests_differ_by_realm_purpose_and_parts_and_last() {
    let (world, keyring) = prepared().await;
    let digest = keyring.digest(REALM, "login", &[b"ab", b"c"]).await.unwrap();
    assert_ne!(
        keyring.digest(REALM, "login", &[b"a", b"bc"]).await.unwrap(),
        digest
    );
    assert_ne!(
        keyring.digest(REALM, "other", &[b"ab", b"c"]).await.unwrap(),
        digest
    );
    assert_ne!(
        keyring
            .digest(OTHER_REALM, "login", &[b"ab", b"c"])
            .await
            .unwrap(),
        digest
    );
    let derived = keyring.derive(REALM, "login").await.unwrap();
    assert_ne!(keyring.derive(OTHER_REALM, "login").await.unwrap(), derived);
    assert_ne!(keyring.derive(REALM, "other").await.unwrap(), derived);

    let reopened = world.reopened().await;
    assert_eq!(
        reopened.digest(REALM, "login", &[b"ab", b"c"]).await.unwrap(),
        digest
    );
    assert_eq!(reopened.derive(REALM, "login").await.unwrap(), derived);
}
