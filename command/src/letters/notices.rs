//! Which facts a user is told of. The rule (NIST SP 800-63B-4, section 4.6): whatever changes how somebody shows who they are is told to
//! them at an address that they had before it changed.

use events::{
    credentials::CredentialEvent,
    event::{Event, Happened},
    fold::Versioned,
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
        _ => return None,
    };
    Some((letter, UserId(id)))
}

/// The person and the address that a notice goes to. `None`: there is none, or there is nothing to tell.
pub async fn recipient(
    kernel: &Kernel,
    happened: &Happened,
    kind: LetterKind,
    user: UserId,
) -> Result<Option<(Profile, String)>, KernelError> {
    let realm = happened.stream.realm;
    let now = kernel.current::<User>(realm, user.0).await?.state;
    if !now.exists || now.erased {
        return Ok(None);
    }
    // The first password comes with the user.
    let is_first = happened.version == 1 && now.registered == happened.time;
    if kind == LetterKind::PasswordChanged && is_first {
        return Ok(None);
    }
    if kind != LetterKind::EmailChanged {
        let address = now.profile.email.clone();
        return Ok(address.map(|address| (now.profile, address)));
    }
    let (before, after) = around(kernel, happened, user).await?;
    let same = |other: &String| after.as_deref().map(login_name) == Some(login_name(other));
    Ok(before
        .filter(|before| !same(before))
        .map(|before| (now.profile, before)))
}

/// The address before a fact, and after it.
async fn around(
    kernel: &Kernel,
    happened: &Happened,
    user: UserId,
) -> Result<(Option<String>, Option<String>), KernelError> {
    let mut then = Versioned::<User>::default();
    let mut before = None;
    for recorded in kernel.log().load(happened.stream, Subject::user(user), 0).await? {
        if recorded.entry.seq > happened.seq {
            break;
        }
        before = then.state.profile.email.take();
        then.state.profile.email.clone_from(&before);
        then.apply_all([&kernel.decode(&recorded).await?]);
    }
    Ok((before, then.state.profile.email))
}

#[cfg(test)]
mod tests {
    use events::{ids::CredentialId, sealing::Sealed, testing::happened};
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
