//! Places in lists, in the hands of those who read them: the key of the last item that was shown.
//! The rule: a token goes on with the same list of the same realm under the same filter, or it is no token.

use events::{
    ids::RealmId,
    kernel::{Kernel, KernelError},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::artefacts;

const PURPOSE: &str = "page";

/// How long a list may be left lying, in seconds.
const SECONDS: u64 = 86_400;

/// Seals the key after which the next page starts. `bound` names the list and its filter.
pub async fn seal<K: Serialize>(
    kernel: &Kernel,
    realm: RealmId,
    bound: &str,
    key: &K,
) -> Result<String, KernelError> {
    let expires = kernel.now().after_seconds(SECONDS);
    artefacts::seal(kernel, realm, PURPOSE, &[bound.as_bytes()], key, expires).await
}

/// Opens a token. `None`: it is not of this list, filter and realm, was altered, or is older than a day.
pub async fn open<K: DeserializeOwned>(
    kernel: &Kernel,
    realm: RealmId,
    bound: &str,
    token: &str,
) -> Result<Option<K>, KernelError> {
    artefacts::open(kernel, realm, PURPOSE, &[bound.as_bytes()], token).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OTHER_REALM, REALM, World};

    type Key = (String, u64);

    async fn opened(world: &World, realm: RealmId, bound: &str, token: &str) -> Option<Key> {
        open(&world.kernel, realm, bound, token).await.unwrap()
    }

    #[tokio::test]
    async fn a_token_is_of_one_list_of_one_realm_under_one_filter_for_a_day() {
        let world = World::new().await;
        let key: Key = ("alice".to_owned(), 7);
        let token = seal(&world.kernel, REALM, "users?status=active", &key)
            .await
            .unwrap();
        assert!(!token.contains("alice"));
        assert_eq!(
            opened(&world, REALM, "users?status=active", &token).await,
            Some(key)
        );
        assert_eq!(
            opened(&world, OTHER_REALM, "users?status=active", &token).await,
            None
        );
        for bound in ["users?", "users?status=locked", "sessions?status=active", ""] {
            assert_eq!(opened(&world, REALM, bound, &token).await, None, "{bound}");
        }
        world.clock.advance(86_400);
        assert_eq!(opened(&world, REALM, "users?status=active", &token).await, None);
    }

    #[tokio::test]
    async fn another_artefact_is_no_page_token() {
        let world = World::new().await;
        let expires = world.kernel.now().after_seconds(60);
        let code = artefacts::seal(&world.kernel, REALM, "code", &[b"users?"], &("alice", 7), expires)
            .await
            .unwrap();
        assert_eq!(opened(&world, REALM, "users?", &code).await, None);
    }
}
