//! Letters that somebody asked for: to whom they go, and what they prove. The rules: whether there is anybody to send to is asked here, by
//! the reactor, so that who asks learns nothing by waiting; a letter goes to the address that it was asked for, or nowhere.

use events::{
    ids::{RealmId, UserId},
    kernel::{Kernel, KernelError},
    letters::{LetterKind, Request},
    passkeys::Passkeys,
    realms::MailSignIn,
    users::{Password, Profile, User, email_change::EmailChange},
};
use uuid::Uuid;
use web::{Edge, RealmRef};

use super::{
    proof,
    words::{self, Asked},
    written::Content,
};
use crate::auth::sessions::refusal;

/// Whom a letter goes to.
struct Recipient {
    to: String,
    profile: Profile,
    /// Whether they have an account already, and the letter tells them so.
    taken: bool,
}

/// A letter that was asked for, to an address. `None`: there is nobody to send it to, or not any more.
pub async fn compose(
    edge: &Edge,
    realm: &RealmRef,
    mailbox: Uuid,
    request: &Request,
) -> Result<Option<(String, Content)>, KernelError> {
    let kernel = edge.kernel();
    let Some(Recipient { to, profile, taken }) = recipient(kernel, realm.id, request).await? else {
        return Ok(None);
    };
    let settings = edge.settings(realm.id).await?;
    let say = words::say(realm, &settings, &profile);
    let asked = |code, link| Asked {
        say: &say,
        kind: request.kind,
        profile: &profile,
        seconds: u64::try_from(request.expires.seconds() - request.at.seconds()).unwrap_or_default(),
        code,
        link,
    };
    if taken {
        return Ok(Some((to, asked(None, None).taken())));
    }
    let (with_code, with_link) = match request.kind {
        LetterKind::PasswordRecovery | LetterKind::Invitation => (false, true),
        LetterKind::SignIn => (true, settings.mail.sign_in == MailSignIn::CodeAndLink),
        _ => (true, true),
    };
    let event = request.event;
    let code = if with_code {
        Some(proof::code(kernel, realm.id, mailbox, event).await?)
    } else {
        None
    };
    let link = if with_link {
        let token = proof::token(kernel, realm.id, mailbox, event).await?;
        let link = format!("{}/letter?token={}", edge.issuer(realm), token.as_str());
        Some(link.into())
    } else {
        None
    };
    Ok(Some((to, asked(code, link).content())))
}

async fn recipient(
    kernel: &Kernel,
    realm: RealmId,
    request: &Request,
) -> Result<Option<Recipient>, KernelError> {
    let user = match request.user {
        Some(user) => Some((user, kernel.latest::<User>(realm, user.0).await?.state)),
        None => None,
    };
    if request.kind == LetterKind::Registration {
        // Who has an account is told in their language, and is given no way to another.
        let profile = user.as_ref().map(|(_, user)| user.profile.clone());
        return Ok(request.to.clone().map(|to| Recipient {
            to,
            profile: profile.unwrap_or_default(),
            taken: user.is_some(),
        }));
    }
    let Some((id, state)) = user.filter(|(_, state)| refusal(state, kernel.now()).is_none()) else {
        return Ok(None);
    };
    let profile = state.profile.clone();
    let known = |to| Recipient {
        to,
        profile,
        taken: false,
    };
    if request.kind == LetterKind::EmailChange {
        let change = kernel.latest::<EmailChange>(realm, id.0).await?.state;
        let ours = change
            .pending
            .filter(|pending| Some(pending.change) == request.about);
        return Ok(ours.and_then(|pending| pending.email).map(known));
    }
    let is_same = request.address.is_some() && state.address.map(|(fact, _)| fact) == request.address;
    let may = match request.kind {
        LetterKind::SignIn => state.profile.email_verified,
        LetterKind::PasswordRecovery => may_recover(kernel, realm, id).await?,
        _ => true,
    };
    Ok(state.profile.email.clone().filter(|_| is_same && may).map(known))
}

/// Whether a password may be set by a letter: who never had one and shows who they are by other things does not get one so, since it would
/// be worth less than those.
pub async fn may_recover(kernel: &Kernel, realm: RealmId, user: UserId) -> Result<bool, KernelError> {
    let password = kernel.current::<Password>(realm, user.0).await?.state;
    let passkeys = kernel.current::<Passkeys>(realm, user.0).await?.state;
    Ok(password.credential.is_some() || passkeys.passkeys.is_empty())
}
