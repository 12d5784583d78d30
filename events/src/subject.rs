//! What the log is about: streams (one per realm and lane) and subjects (one aggregate each, with a version).

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{ApplicationId, IdentityProviderId, RealmId, SessionId, UserId, WebhookId};

/// The two streams of a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Every change to users, roles, consents, credentials, applications, configuration. Kept for ever.
    Facts,
    /// Sign-ins, sessions, tokens. Kept for the realm's retention.
    Activity,
}

impl Lane {
    /// Both.
    pub const ALL: [Lane; 2] = [Lane::Facts, Lane::Activity];

    /// `facts` or `activity`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Lane::Facts => "facts",
            Lane::Activity => "activity",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Lane {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == text).ok_or(())
    }
}

/// One stream: gapless, seq 1, 2, 3, … in commit order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stream {
    /// Whose.
    pub realm: RealmId,
    /// Which of the realm's two.
    pub lane: Lane,
}

impl Stream {
    /// The realm's facts.
    pub const fn facts(realm: RealmId) -> Self {
        Self {
            realm,
            lane: Lane::Facts,
        }
    }

    /// The realm's activity.
    pub const fn activity(realm: RealmId) -> Self {
        Self {
            realm,
            lane: Lane::Activity,
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.realm, self.lane)
    }
}

macro_rules! subject_kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal $name:literal in $lane:ident;)*) => {
        /// What kind of aggregate a subject is. Names and codes are stored: they never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum SubjectKind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)*
        }

        impl SubjectKind {
            /// All kinds.
            pub const ALL: &'static [SubjectKind] = &[$(SubjectKind::$kind),*];

            /// The stored name.
            pub const fn as_str(self) -> &'static str {
                match self { $(SubjectKind::$kind => $name),* }
            }

            /// The stored code, for the engines' compact columns.
            pub const fn code(self) -> u8 {
                match self { $(SubjectKind::$kind => $code),* }
            }

            /// The lane in which subjects of this kind live.
            pub const fn lane(self) -> Lane {
                match self { $(SubjectKind::$kind => Lane::$lane),* }
            }
        }
    };
}

subject_kinds! {
    /// A realm's existence, name and suspension; lives in the `system` realm.
    Realm = 1 "realm" in Facts;
    /// A realm's settings; its id is the realm's.
    Settings = 2 "settings" in Facts;
    /// A realm's signing keys; its id is the realm's.
    SigningKeys = 3 "signing_keys" in Facts;
    /// A user's profile and status.
    User = 4 "user" in Facts;
    /// A user's password; its id is the user's.
    Password = 5 "password" in Facts;
    /// An application.
    Application = 6 "application" in Facts;
    /// The roles of one principal; its id is the principal's.
    Assignments = 7 "assignments" in Facts;
    /// A session with its grants.
    Session = 8 "session" in Activity;
    /// What a user consented to give one application; its id follows from both.
    Consent = 9 "consent" in Facts;
    /// A device that waits for its user's approval (RFC 8628).
    DeviceAuthorization = 10 "device_authorization" in Activity;
    /// How often somebody tried to sign in to one account; its id is the user's, or follows from a name that nobody has.
    SignInGuard = 11 "sign_in_guard" in Activity;
    /// A user's devices that show one-time passwords; its id is the user's.
    Totp = 12 "totp" in Facts;
    /// A user's recovery codes; its id is the user's.
    RecoveryCodes = 13 "recovery_codes" in Facts;
    /// A user's passkeys; its id is the user's.
    Passkeys = 14 "passkeys" in Facts;
    /// A token by which applications register by themselves (RFC 7591, initial access token).
    InitialAccess = 20 "initial_access" in Facts;
    /// The devices that a user signs in on; its id is the user's.
    Devices = 60 "devices" in Activity;
    /// An endpoint that is told what happens.
    Webhook = 30 "webhook" in Facts;
    /// Where the events of a realm go; its id is the realm's.
    WebhookRoutes = 31 "webhook_routes" in Facts;
    /// What goes to the mailbox of a user, whose id it has, or of an address that is nobody's, from which it follows.
    Mailbox = 40 "mailbox" in Activity;
    /// The other e-mail address that a user wants to have; its id is the user's.
    EmailChange = 41 "email_change" in Facts;
    /// A small file of a realm, such as its logo; its id follows from what it holds.
    File = 45 "file" in Facts;
    /// An identity provider whose sign-ins a realm takes.
    IdentityProvider = 50 "identity_provider" in Facts;
    /// The identity providers that a realm offers; its id is the realm's.
    IdentityProviders = 51 "identity_providers" in Facts;
    /// What a user is known as at identity providers; its id is the user's.
    Identities = 52 "identities" in Facts;
}

impl SubjectKind {
    /// The kind of this stored code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

impl FromStr for SubjectKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or(())
    }
}

/// One aggregate of a realm. Its lane follows from its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Which one.
    pub id: Uuid,
}

impl Subject {
    /// The subject of this kind and id.
    pub const fn new(kind: SubjectKind, id: Uuid) -> Self {
        Self { kind, id }
    }

    /// A realm's existence, name and suspension (in the `system` realm).
    pub const fn realm(id: RealmId) -> Self {
        Self::new(SubjectKind::Realm, id.0)
    }

    /// A realm's settings.
    pub const fn settings(id: RealmId) -> Self {
        Self::new(SubjectKind::Settings, id.0)
    }

    /// A small file of a realm.
    pub const fn file(id: Uuid) -> Self {
        Self::new(SubjectKind::File, id)
    }

    /// A realm's signing keys.
    pub const fn signing_keys(id: RealmId) -> Self {
        Self::new(SubjectKind::SigningKeys, id.0)
    }

    /// A user.
    pub const fn user(id: UserId) -> Self {
        Self::new(SubjectKind::User, id.0)
    }

    /// A user's password.
    pub const fn password(id: UserId) -> Self {
        Self::new(SubjectKind::Password, id.0)
    }

    /// A user's devices that show one-time passwords.
    pub const fn totp(id: UserId) -> Self {
        Self::new(SubjectKind::Totp, id.0)
    }

    /// A user's recovery codes.
    pub const fn recovery_codes(id: UserId) -> Self {
        Self::new(SubjectKind::RecoveryCodes, id.0)
    }

    /// A user's passkeys.
    pub const fn passkeys(id: UserId) -> Self {
        Self::new(SubjectKind::Passkeys, id.0)
    }

    /// The devices that a user signs in on.
    pub const fn devices(id: UserId) -> Self {
        Self::new(SubjectKind::Devices, id.0)
    }

    /// The guard of an account, or of a name that nobody has.
    pub const fn sign_in_guard(id: Uuid) -> Self {
        Self::new(SubjectKind::SignInGuard, id)
    }

    /// An application.
    pub const fn application(id: ApplicationId) -> Self {
        Self::new(SubjectKind::Application, id.0)
    }

    /// A token by which applications register by themselves.
    pub const fn initial_access(id: Uuid) -> Self {
        Self::new(SubjectKind::InitialAccess, id)
    }

    /// The roles of a user or an application.
    pub const fn assignments(principal: Uuid) -> Self {
        Self::new(SubjectKind::Assignments, principal)
    }

    /// What a user consented to give an application.
    pub fn consent(user: UserId, client: ApplicationId) -> Self {
        Self::new(SubjectKind::Consent, crate::compliance::consent_id(user, client))
    }

    /// An endpoint that is told what happens.
    pub const fn webhook(id: WebhookId) -> Self {
        Self::new(SubjectKind::Webhook, id.0)
    }

    /// Where the events of a realm go.
    pub const fn webhook_routes(id: RealmId) -> Self {
        Self::new(SubjectKind::WebhookRoutes, id.0)
    }

    /// What goes to a mailbox.
    pub const fn mailbox(id: Uuid) -> Self {
        Self::new(SubjectKind::Mailbox, id)
    }

    /// The other e-mail address that a user wants to have.
    pub const fn email_change(id: UserId) -> Self {
        Self::new(SubjectKind::EmailChange, id.0)
    }

    /// An identity provider.
    pub const fn identity_provider(id: IdentityProviderId) -> Self {
        Self::new(SubjectKind::IdentityProvider, id.0)
    }

    /// The identity providers that a realm offers.
    pub const fn identity_providers(id: RealmId) -> Self {
        Self::new(SubjectKind::IdentityProviders, id.0)
    }

    /// What a user is known as at identity providers.
    pub const fn identities(id: UserId) -> Self {
        Self::new(SubjectKind::Identities, id.0)
    }

    /// A device that waits for approval.
    pub const fn device_authorization(id: Uuid) -> Self {
        Self::new(SubjectKind::DeviceAuthorization, id)
    }

    /// A session.
    pub const fn session(id: SessionId) -> Self {
        Self::new(SubjectKind::Session, id.0)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.id.hyphenated())
    }
}

impl FromStr for Subject {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, id) = text.split_once(':').ok_or(())?;
        Ok(Self::new(kind.parse()?, Uuid::parse_str(id).map_err(|_| ())?))
    }
}
