//! Which facts a user is told of. The rule (NIST SP 800-63B-4, section 4.6): whatever changes how somebody shows who they are is told to
//! them at an address that they had before it changed; and so is a sign-in on a device that was not known.

use events::{
    credentials::CredentialEvent,
    devices::DeviceEvent,
    event::{Event, Happened},
    fold::{Fold, Versioned},
    identities::{Identities, IdentityEvent},
    identity_providers::IdentityProvider,
    ids::UserId,
    kernel::{Kernel, KernelError},
    letters::LetterKind,
    passkeys::PasskeyEvent,
    subject::{Subject, SubjectKind},
    users::{Profile, User, UserEvent, login_name},
};

/// Whom a fact is told to, and by which letter.
pub fn of(happened: &Happened) -> Option<(LetterKind, UserId)> {
    let Subject { kind, id } = happened.subject?;
    let letter = match (&happened.event, kind) {
        (Event::Users(UserEvent::PasswordSet { .. }), SubjectKind::Password) => LetterKind::PasswordChanged,
        (Event::Users(UserEvent::ProfileChanged { fields, .. }), SubjectKind::User)
            if fields.iter().any(|field| field == "email") =>
        {
            LetterKind::EmailChanged
        }
        (Event::Users(UserEvent::ProfileChanged { fields, .. }), SubjectKind::User)
            if fields.iter().any(|field| field == "phone") =>
        {
            LetterKind::PhoneChanged
        }
        (Event::Credentials(event), SubjectKind::Totp | SubjectKind::RecoveryCodes) => match event {
            CredentialEvent::TotpEnrolled { .. } => LetterKind::TotpAdded,
            CredentialEvent::TotpRemoved { .. } => LetterKind::TotpRemoved,
            CredentialEvent::RecoveryCodesGenerated { .. } => LetterKind::RecoveryCodesMade,
            CredentialEvent::RecoveryCodesRemoved { .. } => LetterKind::RecoveryCodesRemoved,
            CredentialEvent::RecoveryCodeUsed { .. } => return None,
        },
        (Event::Passkeys(event), SubjectKind::Passkeys) => match event {
            PasskeyEvent::Registered { .. } => LetterKind::PasskeyAdded,
            PasskeyEvent::Removed { .. } => LetterKind::PasskeyRemoved,
            PasskeyEvent::Renamed { .. } | PasskeyEvent::Used { .. } => return None,
        },
        (Event::Devices(DeviceEvent::Added { .. }), SubjectKind::Devices) => LetterKind::DeviceAdded,
        (Event::Identities(event), SubjectKind::Identities) => match event {
            IdentityEvent::Linked { .. } => LetterKind::IdentityLinked,
            IdentityEvent::Unlinked { .. } => LetterKind::IdentityUnlinked,
        },
        _ => return None,
    };
    Some((letter, UserId(id)))
}

/// A notice that is to be sent.
pub struct Notice {
    /// Which.
    pub kind: LetterKind,
    /// Who is told.
    pub profile: Profile,
    /// At which address.
    pub to: String,
    /// What it is about, where its kind alone does not tell: a device, an identity provider.
    pub what: String,
}

/// The notice of a fact. `None`: there is no address, or there is nothing to tell.
pub async fn notice(
    kernel: &Kernel,
    happened: &Happened,
    kind: LetterKind,
    user: UserId,
) -> Result<Option<Notice>, KernelError> {
    let realm = happened.stream.realm;
    let now = kernel.current::<User>(realm, user.0).await?.state;
    if !now.exists || now.erased {
        return Ok(None);
    }
    let is_first = happened.version == 1;
    let (mut to, mut what) = (now.profile.email.clone(), String::new());
    match kind {
        // The first password and the first identity may come with the user.
        LetterKind::PasswordChanged | LetterKind::IdentityLinked
            if is_first && now.registered == happened.time =>
        {
            return Ok(None);
        }
        // Of the first device there is no other that it could be told from.
        LetterKind::DeviceAdded if is_first => return Ok(None),
        LetterKind::DeviceAdded => what = agent(&happened.event).unwrap_or_default(),
        LetterKind::EmailChanged => {
            let (before, after) = around::<User>(kernel, happened).await?;
            let after = after.profile.email.as_deref().map(login_name);
            let other = |before: &String| Some(login_name(before)) != after;
            to = before.profile.email.filter(other);
        }
        LetterKind::IdentityLinked | LetterKind::IdentityUnlinked => {
            let around = around::<Identities>(kernel, happened).await?;
            what = provider(kernel, happened, around).await?.unwrap_or_default();
        }
        _ => {}
    }
    Ok(to.map(|to| Notice {
        kind,
        profile: now.profile,
        to,
        what,
    }))
}

/// The browser and the system of a device that became known.
fn agent(event: &Event) -> Option<String> {
    match event {
        Event::Devices(DeviceEvent::Added { agent, .. }) => agent.known().cloned(),
        _ => None,
    }
}

/// What the identity provider is called whose identity a fact linked or unlinked.
async fn provider(
    kernel: &Kernel,
    happened: &Happened,
    (before, after): (Identities, Identities),
) -> Result<Option<String>, KernelError> {
    let Event::Identities(IdentityEvent::Linked { credential, .. } | IdentityEvent::Unlinked { credential }) =
        &happened.event
    else {
        return Ok(None);
    };
    let Some(identity) = after.identity(*credential).or(before.identity(*credential)) else {
        return Ok(None);
    };
    let id = identity.provider.0;
    let provider = kernel
        .current::<IdentityProvider>(happened.stream.realm, id)
        .await?;
    Ok(Some(provider.state.settings.display_name.clone()))
}

/// The state of the subject of a fact before it, and after it.
async fn around<F: Fold>(kernel: &Kernel, happened: &Happened) -> Result<(F, F), KernelError> {
    let Some(subject) = happened.subject else {
        return Ok(<(F, F)>::default());
    };
    let (mut before, mut after) = (F::default(), Versioned::<F>::default());
    for recorded in kernel.log().load(happened.stream, subject, 0).await? {
        if recorded.entry.seq > happened.seq {
            break;
        }
        before = after.state.clone();
        after.apply_all([&kernel.decode(&recorded).await?]);
    }
    Ok((before, after.state))
}

#[cfg(test)]
mod tests {
    use events::{
        ids::{CredentialId, DeviceId},
        sealing::Sealed,
        testing::happened,
    };
    use uuid::Uuid;

    use super::*;

    const ALICE: UserId = UserId(Uuid::from_u128(9));

    #[test]
    fn what_changes_credentials_is_told_and_nothing_else_is() {
        let credential = CredentialId(Uuid::from_u128(1));
        let told = |subject: Subject, event: Event| of(&happened(subject, 2, event)).map(|(kind, _)| kind);
        let set = UserEvent::PasswordSet {
            credential,
            hash: Sealed::Erased,
            keeps: None,
        };
        assert_eq!(
            told(Subject::password(ALICE), set.into()),
            Some(LetterKind::PasswordChanged)
        );
        let rehashed = UserEvent::PasswordRehashed {
            credential,
            hash: Sealed::Erased,
        };
        assert_eq!(told(Subject::password(ALICE), rehashed.into()), None);
        let removed = PasskeyEvent::Removed { credential };
        assert_eq!(
            told(Subject::passkeys(ALICE), removed.into()),
            Some(LetterKind::PasskeyRemoved)
        );
        let used = CredentialEvent::RecoveryCodeUsed {
            credential,
            number: 1,
        };
        assert_eq!(told(Subject::recovery_codes(ALICE), used.into()), None);
        let unlinked = IdentityEvent::Unlinked { credential };
        assert_eq!(
            told(Subject::identities(ALICE), unlinked.into()),
            Some(LetterKind::IdentityUnlinked)
        );
        let device = DeviceId(Uuid::from_u128(2));
        let revoked = DeviceEvent::Revoked { user: ALICE, device };
        assert_eq!(told(Subject::devices(ALICE), revoked.into()), None);
        let changed = |field: &str| UserEvent::ProfileChanged {
            fields: vec![field.to_owned()],
            changes: Sealed::Erased,
        };
        let user = Subject::user(ALICE);
        assert_eq!(
            told(user, changed("email").into()),
            Some(LetterKind::EmailChanged)
        );
        assert_eq!(
            told(user, changed("phone").into()),
            Some(LetterKind::PhoneChanged)
        );
        assert_eq!(told(user, changed("phone_verified").into()), None);
        assert_eq!(told(user, changed("given_name").into()), None);
        assert_eq!(told(user, changed("email_verified").into()), None);
    }
}
