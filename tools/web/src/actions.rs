//! What can be done through the management API. Each endpoint names one action by its extractor's type.

/// Whether an action changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It tells.
    Read,
    /// It changes.
    Write,
}

/// What an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// One realm and what is in it.
    Realm,
    /// The realms themselves.
    Platform,
}

/// An action, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionInfo {
    /// Its name, `<resource>:<verb>`.
    pub name: &'static str,
    /// Whether it changes anything.
    pub effect: Effect,
    /// What it is about.
    pub level: Level,
}

/// An action, as a type.
pub trait Action: Send + Sync + 'static {
    /// The same as a value.
    const INFO: ActionInfo;
}

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident = $name:literal $effect:ident $level:ident;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $action;

        impl Action for $action {
            const INFO: ActionInfo = ActionInfo { name: $name, effect: Effect::$effect, level: Level::$level };
        })*

        /// All actions.
        pub const ALL: &[ActionInfo] = &[$($action::INFO),*];
    };
}

actions! {
    /// Make a realm.
    RealmsCreate = "realms:create" Write Platform;
    /// List all realms.
    RealmsRead = "realms:read" Read Platform;
    /// Suspend and resume a realm.
    RealmSuspend = "realm:suspend" Write Platform;
    /// Read a realm.
    RealmRead = "realm:read" Read Realm;
    /// Rename a realm.
    RealmUpdate = "realm:update" Write Realm;
    /// Read a realm's settings.
    SettingsRead = "settings:read" Read Realm;
    /// Change a realm's settings.
    SettingsUpdate = "settings:update" Write Realm;
    /// List signing keys.
    SigningKeysRead = "signing-keys:read" Read Realm;
    /// Rotate and retire signing keys.
    SigningKeysManage = "signing-keys:manage" Write Realm;
    /// Register a user.
    UsersCreate = "users:create" Write Realm;
    /// Read and search users.
    UsersRead = "users:read" Read Realm;
    /// Change a user's profile.
    UsersUpdate = "users:update" Write Realm;
    /// Lock and unlock a user.
    UsersLock = "users:lock" Write Realm;
    /// Disable and enable a user.
    UsersDisable = "users:disable" Write Realm;
    /// Set a user's password.
    UsersSetPassword = "users:set-password" Write Realm;
    /// Read what users have to show who they are, besides a password.
    CredentialsRead = "credentials:read" Read Realm;
    /// Call it something else.
    CredentialsRename = "credentials:rename" Write Realm;
    /// Remove it.
    CredentialsRemove = "credentials:remove" Write Realm;
    /// Read how often somebody tried to sign in as a user.
    GuardsRead = "guards:read" Read Realm;
    /// Let it be tried again.
    GuardsLift = "guards:lift" Write Realm;
    /// Read how far the limits of a realm are used.
    RatesRead = "rates:read" Read Realm;
    /// Read the roles of a principal.
    RolesRead = "roles:read" Read Realm;
    /// Give and take roles.
    RolesAssign = "roles:assign" Write Realm;
    /// Register an application.
    ApplicationsCreate = "applications:create" Write Realm;
    /// Read applications.
    ApplicationsRead = "applications:read" Read Realm;
    /// Change an application's settings.
    ApplicationsUpdate = "applications:update" Write Realm;
    /// Disable and enable an application.
    ApplicationsDisable = "applications:disable" Write Realm;
    /// Add and revoke an application's secrets.
    SecretsManage = "secrets:manage" Write Realm;
    /// Read sessions.
    SessionsRead = "sessions:read" Read Realm;
    /// End sessions.
    SessionsEnd = "sessions:end" Write Realm;
    /// Read what users allow applications.
    ConsentsRead = "consents:read" Read Realm;
    /// Withdraw what a user allows an application.
    ConsentsWithdraw = "consents:withdraw" Write Realm;
    /// Read webhooks and their deliveries.
    WebhooksRead = "webhooks:read" Read Realm;
    /// Register, change and delete webhooks, and have events delivered once more.
    WebhooksManage = "webhooks:manage" Write Realm;
    /// Read identity providers.
    IdentityProvidersRead = "identity-providers:read" Read Realm;
    /// Register, change and delete identity providers.
    IdentityProvidersManage = "identity-providers:manage" Write Realm;
    /// Read the log.
    EventsRead = "events:read" Read Realm;
}
