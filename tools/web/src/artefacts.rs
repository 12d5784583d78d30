//! What is sealed into a client's hands (codes, refresh tokens, sign-ins under way, places in lists), with a type and an end.
//! The rule: an artefact opens only in the realm, for the purpose, with the binding and in the life of the log that it was
//! made for; why one does not open is not told.

use events::{
    clock::Timestamp,
    ids::RealmId,
    kernel::{Kernel, KernelError},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What is sealed: a value and the moment from which it counts no more.
#[derive(Serialize, Deserialize)]
struct Artefact<T> {
    #[serde(rename = "e")]
    expires: Timestamp,
    #[serde(rename = "v")]
    value: T,
}

/// Seals a value, as base64url. `bound` is what the one who opens it must name too, such as the client's id.
pub async fn seal<T: Serialize>(
    kernel: &Kernel,
    realm: RealmId,
    purpose: &str,
    bound: &[&[u8]],
    value: &T,
    expires: Timestamp,
) -> Result<String, KernelError> {
    let plaintext = serde_json::to_vec(&Artefact { expires, value })
        .map_err(|error| KernelError::Malformed(format!("{purpose}: {error}")))?;
    let incarnation = kernel.log().incarnation();
    let bound = [&[incarnation.as_bytes().as_slice()], bound].concat();
    Ok(kernel
        .keyring()
        .seal_artefact(realm, purpose, &bound, &plaintext)
        .await?)
}

/// Opens what [`seal`] made. `None`: it is over, was altered, is another's, or is of a log that was replaced since.
pub async fn open<T: DeserializeOwned>(
    kernel: &Kernel,
    realm: RealmId,
    purpose: &str,
    bound: &[&[u8]],
    text: &str,
) -> Result<Option<T>, KernelError> {
    let incarnation = kernel.log().incarnation();
    let bound = [&[incarnation.as_bytes().as_slice()], bound].concat();
    let Some(plaintext) = kernel
        .keyring()
        .open_artefact(realm, purpose, &bound, text)
        .await?
    else {
        return Ok(None);
    };
    // What is ours and yet is not understood was made by another version of this program: it is over, too.
    let artefact = serde_json::from_slice::<Artefact<T>>(&plaintext).ok();
    Ok(artefact
        .filter(|artefact| kernel.now() < artefact.expires)
        .map(|artefact| artefact.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, OTHER_REALM, REALM, World};

    const END: Timestamp = Timestamp::from_seconds(NOW.seconds() + 60);

    async fn opened(
        world: &World,
        realm: RealmId,
        purpose: &str,
        bound: &[&[u8]],
        text: &str,
    ) -> Option<String> {
        open(&world.kernel, realm, purpose, bound, text).await.unwrap()
    }

    #[tokio::test]
    async fn it_opens_for_what_it_was_made_for_and_nothing_else() {
        let world = World::new().await;
        let value = "what it says".to_owned();
        let text = seal(&world.kernel, REALM, "code", &[b"app", b"x"], &value, END)
            .await
            .unwrap();
        assert_eq!(
            opened(&world, REALM, "code", &[b"app", b"x"], &text).await,
            Some(value)
        );
        assert_eq!(
            opened(&world, OTHER_REALM, "code", &[b"app", b"x"], &text).await,
            None
        );
        assert_eq!(opened(&world, REALM, "flow", &[b"app", b"x"], &text).await, None);
        let bindings: [&[&[u8]]; 5] = [&[], &[b"app"], &[b"app", b"y"], &[b"x", b"app"], &[b"appx"]];
        for bound in bindings {
            assert_eq!(
                opened(&world, REALM, "code", bound, &text).await,
                None,
                "{bound:?}"
            );
        }
    }

    #[tokio::test]
    async fn an_altered_one_does_not_open() {
        let world = World::new().await;
        let text = seal(&world.kernel, REALM, "code", &[], &7, END).await.unwrap();
        for at in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(
                open::<u8>(&world.kernel, REALM, "code", &[], &altered)
                    .await
                    .unwrap(),
                None,
                "byte {at}"
            );
        }
        for altered in [
            "",
            "A",
            "=",
            "{}",
            &text[1..],
            &format!("{text}A"),
            &format!("{text}="),
        ] {
            assert_eq!(
                open::<u8>(&world.kernel, REALM, "code", &[], altered)
                    .await
                    .unwrap(),
                None,
                "{altered}"
            );
        }
    }

    #[tokio::test]
    async fn it_ends_at_its_moment() {
        let world = World::new().await;
        let text = seal(&world.kernel, REALM, "code", &[], &7, END).await.unwrap();
        world.clock.advance(59);
        assert_eq!(
            open::<u8>(&world.kernel, REALM, "code", &[], &text)
                .await
                .unwrap(),
            Some(7)
        );
        world.clock.advance(1);
        assert_eq!(
            open::<u8>(&world.kernel, REALM, "code", &[], &text)
                .await
                .unwrap(),
            None
        );
    }

    #[tokio::test]
    async fn it_is_over_when_the_log_is_replaced_or_its_shape_is_another() {
        let world = World::new().await;
        let text = seal(&world.kernel, REALM, "code", &[], &7, END).await.unwrap();
        assert_eq!(
            opened(&world, REALM, "code", &[], &text).await,
            None,
            "a number is not a text"
        );
        let world = world.with_another_log().await;
        assert_eq!(
            open::<u8>(&world.kernel, REALM, "code", &[], &text)
                .await
                .unwrap(),
            None
        );
    }
}
