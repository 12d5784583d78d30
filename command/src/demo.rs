//! `--demo`: a realm, a person and an application, so that a newcomer signs in a minute after the first look.
//! The rule: the demo is made by the same commands as everything else, and lives in a realm of its own.

use events::{
    applications::{Application, ApplicationSettings, ApplicationType},
    envelope::Actor,
    ids::{ApplicationId, RealmId, UserId},
    kernel::Context,
    log::ClaimKind,
    permissions::{PrincipalKind, Role},
    subject::Lane,
    users::Profile,
};
use uuid::Uuid;

use crate::{
    Commands,
    applications::{
        self,
        change::{ApplicationPatch, ChangeApplication},
        register::RegisterApplication,
    },
    bootstrap::{BootstrapError, readable_password, settled},
    permissions::roles::ChangeRole,
    realms::create::CreateRealm,
    users::{
        password::{NewPassword, SetPassword, destroy_replaced},
        register::RegisterUser,
    },
};

/// The demo application's id, the same in every installation: whatever it is called, it is found again.
const APPLICATION: ApplicationId = ApplicationId(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0003));

/// What the demo consists of.
pub struct Demo {
    /// The realm's name.
    pub realm: String,
    /// Who signs in.
    pub username: String,
    /// With what: a new one at each start.
    pub password: String,
    /// The application's `client_id`.
    pub client_id: String,
    /// Where it is sent to.
    pub redirect_uri: String,
}

/// Makes the demo, or finds it: only alice's password is new at each start, and the address if that changed.
pub async fn demo(commands: &Commands) -> Result<Demo, BootstrapError> {
    settled(async || make(commands).await).await
}

async fn make(commands: &Commands) -> Result<Demo, BootstrapError> {
    let kernel = commands.edge.kernel();
    let context = kernel.context(Actor::component("demo"));
    let named = kernel
        .claimed(RealmId::SYSTEM, Lane::Facts, ClaimKind::RealmName, "demo")
        .await?;
    let realm = RealmId(named.unwrap_or_else(|| context.new_id()));
    if named.is_none() {
        let (name, display_name) = ("demo".to_owned(), "Demo".to_owned());
        CreateRealm {
            realm,
            name,
            display_name,
        }
        .execute(&commands.edge, &context)
        .await
        .map_err(BootstrapError::realm)?;
    }
    let password = alice(commands, &context, realm).await?;
    let redirect_uri = format!("{}/demo/", commands.edge.public_url());
    application(commands, &context, realm, &redirect_uri).await?;
    Ok(Demo {
        realm: "demo".to_owned(),
        username: "alice".to_owned(),
        password,
        client_id: APPLICATION.to_string(),
        redirect_uri,
    })
}

/// Alice, who may read everything in her realm, and her new password.
async fn alice(commands: &Commands, context: &Context, realm: RealmId) -> Result<String, BootstrapError> {
    let kernel = commands.edge.kernel();
    let chosen = readable_password(&**kernel.random());
    // It is ours and random: a policy that the realm got since the last start does not end this one.
    let password = NewPassword {
        judged: false,
        ..NewPassword::hash(&commands.hasher, context, chosen.clone().into()).await?
    };
    let named = kernel
        .claimed(realm, Lane::Facts, ClaimKind::LoginName, "alice")
        .await?;
    let user = UserId(named.unwrap_or_else(|| context.new_id()));
    if named.is_some() {
        let set = SetPassword {
            realm,
            user,
            password,
            keeps: None,
        };
        kernel
            .execute(context, &set)
            .await
            .map_err(BootstrapError::failed("alice's password"))?;
        destroy_replaced(kernel, realm, user).await;
    } else {
        let profile = Profile {
            username: Some("alice".to_owned()),
            email: Some("alice@example.com".to_owned()),
            email_verified: true,
            name: Some("Alice Liddell".to_owned()),
            given_name: Some("Alice".to_owned()),
            family_name: Some("Liddell".to_owned()),
            locale: Some("en".to_owned()),
            zoneinfo: Some("Europe/London".to_owned()),
            ..Profile::default()
        };
        let register = RegisterUser {
            realm,
            user,
            profile,
            password: Some(password),
        };
        kernel
            .execute(context, &register)
            .await
            .map_err(BootstrapError::failed("alice"))?;
    }
    let (principal, kind, role) = (user.0, PrincipalKind::User, Role::Auditor);
    let assign = ChangeRole {
        realm,
        principal,
        kind,
        role,
        given: true,
        own: false,
    };
    kernel
        .execute(context, &assign)
        .await
        .map_err(BootstrapError::failed("alice's role"))?;
    Ok(chosen)
}

/// The relying party that this process serves itself.
async fn application(
    commands: &Commands,
    context: &Context,
    realm: RealmId,
    redirect_uri: &str,
) -> Result<(), BootstrapError> {
    let kernel = commands.edge.kernel();
    let what = "the demo application";
    let uris = vec![redirect_uri.to_owned()];
    if kernel
        .current::<Application>(realm, APPLICATION.0)
        .await?
        .state
        .exists()
    {
        let patch = ApplicationPatch {
            redirect_uris: Some(uris.clone()),
            post_logout_redirect_uris: Some(uris),
            ..ApplicationPatch::default()
        };
        let change = ChangeApplication {
            realm,
            application: APPLICATION,
            patch,
            secret: None,
        };
        kernel
            .execute(context, &change)
            .await
            .map_err(BootstrapError::failed(what))?;
        return Ok(());
    }
    let register = RegisterApplication {
        realm,
        application: APPLICATION,
        client_id: None,
        application_type: ApplicationType::Spa,
        settings: ApplicationSettings {
            name: "Demo".to_owned(),
            redirect_uris: uris.clone(),
            post_logout_redirect_uris: uris,
            scopes: vec!["manage".to_owned()],
            ..ApplicationSettings::default()
        },
        secret: None,
        by_itself: false,
    };
    let there = applications::Rejection::Exists;
    kernel
        .execute(context, &register)
        .await
        .map_err(BootstrapError::failed_unless_there(what, there))?;
    Ok(())
}
