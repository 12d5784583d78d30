//! How a user is named to an application: `sub` (OpenID Connect Core, section 8).
//! The rule: a user has one name in each sector, the same in every token and answer; two sectors cannot tell that theirs are one person.

use events::{
    applications::Application,
    ids::{RealmId, UserId},
    kernel::{Kernel, KernelError},
};
use url::Url;
use uuid::Builder;

/// What the key of the realm is used for.
const PURPOSE: &str = "pairwise subjects";

/// The `sub` of a user for an application: the user's id, or, for one that has pairwise subjects, an id that is made of the sector and
/// the user under a key of the realm.
pub async fn of(
    kernel: &Kernel,
    realm: RealmId,
    application: &Application,
    user: UserId,
) -> Result<String, KernelError> {
    if application.settings.subject_type.as_deref() != Some("pairwise") {
        return Ok(user.to_string());
    }
    let sector = sector(application);
    let digest = kernel
        .keyring()
        .digest(realm, PURPOSE, &[sector.as_bytes(), user.0.as_bytes()])
        .await?;
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Ok(Builder::from_custom_bytes(bytes).into_uuid().to_string())
}

/// The sector: the host of `sector_identifier_uri`, or of the redirect URIs (which then have one host). An application that has neither is a
/// sector of its own.
fn sector(application: &Application) -> String {
    let settings = &application.settings;
    settings
        .sector_identifier_uri
        .iter()
        .chain(&settings.redirect_uris)
        .find_map(|uri| Url::parse(uri).ok()?.host_str().map(str::to_owned))
        .unwrap_or_else(|| application.client_id.clone())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::{OTHER_REALM, REALM, World};

    const USER: UserId = UserId(Uuid::from_u128(7));

    fn pairwise(redirect_uri: &str, sector: Option<&str>) -> Application {
        let mut application = Application {
            client_id: "app".to_owned(),
            ..Application::default()
        };
        application.settings.subject_type = Some("pairwise".to_owned());
        application.settings.redirect_uris = vec![redirect_uri.to_owned()];
        application.settings.sector_identifier_uri = sector.map(str::to_owned);
        application
    }

    #[tokio::test]
    async fn a_public_subject_is_the_user() {
        let world = World::new().await;
        let subject = of(&world.kernel, REALM, &Application::default(), USER)
            .await
            .unwrap();
        assert_eq!(subject, USER.to_string());
    }

    #[tokio::test]
    async fn a_pairwise_subject_is_the_same_in_its_sector_and_another_elsewhere() {
        let world = World::new().await;
        let subject = async |realm, application: &Application, user| {
            of(&world.kernel, realm, application, user).await.unwrap()
        };
        let one = pairwise("https://a.example/cb", None);
        let same = subject(REALM, &one, USER).await;
        assert!(Uuid::parse_str(&same).is_ok() && same != USER.to_string());
        assert_eq!(
            subject(REALM, &pairwise("https://a.example:8443/x", None), USER).await,
            same
        );
        let shared = pairwise("https://b.example/cb", Some("https://a.example/uris.json"));
        assert_eq!(subject(REALM, &shared, USER).await, same);
        for other in [
            subject(REALM, &pairwise("https://b.example/cb", None), USER).await,
            subject(REALM, &one, UserId(Uuid::from_u128(8))).await,
            subject(OTHER_REALM, &one, USER).await,
        ] {
            assert_ne!(other, same);
        }
    }
}
