//! One's e-mail address: shown to be one's own, and changed. The rules: whoever wants another address has shown who they are just now, with a
//! second factor if they have one; and nothing changes before the letters to both ends have come back.

use axum::response::Response;
use events::{
    kernel::Failure,
    letters::{LetterKind, Mailbox, TooSoon},
    users::email_change::{EmailChange, End},
};
use uuid::Uuid;
use web::form::Form;

use super::{
    Section,
    visitor::{self, Entry, Visitor},
};
use crate::{
    auth::{
        Issuer,
        mailed::{
            CODE_SECONDS, ask,
            decisions::RequestEmailChange,
            letter::{self, Confirmed},
            recovery::wait,
        },
        page::{self, PageError},
        pages::account::{EmailPage, Notice, PendingAddress},
        trouble,
        visit::{Body, Query, Visit},
    },
    letters::{
        proof::{AttemptCode, by_code},
        request::{RequestLetter, mailbox},
    },
    users::Rejection,
};

/// The e-mail address of who is signed in.
#[utoipa::path(
    get, path = "/realms/{realm}/account/email", tag = "account", operation_id = "account_email_page",
    params(Issuer, ("done" = Option<String>, Query, description = "What the page before has done, to say so")),
    extensions(("x-events" = json!(["session.continued"]))),
    responses(
        (status = 200, description = "The address, whether it was shown to be theirs, and what they can do about it"),
        (status = 303, description = "To the sign-in page, and back here"),
        (status = 404, description = "Nothing is mailed here"),
    ),
)]
pub(in crate::auth) async fn get_email(visit: Visit, query: Query) -> Response {
    let answer = show(&visit, query).await;
    visit.answer(answer)
}

/// Have an address shown to be one's, or change it.
#[utoipa::path(
    post, path = "/realms/{realm}/account/email", tag = "account", operation_id = "account_email", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, and one of: `send`, for a letter to the address; `code`, its code; `email`, another address; `code_new` and `code_before`, the codes of the letters to both"),
    extensions(("x-events" = json!([
        "letter.requested", "letter.code_attempted", "user.email_verified", "email_change.requested", "email_change.confirmed",
        "email_change.completed", "user.profile_changed"
    ]))),
    responses(
        (status = 303, description = "Back to the page; or to show anew who one is, and back there"),
        (status = 400, description = "The page: the form was too old, or of another session"),
        (status = 401, description = "The page: the code is not right, over, or was tried too often"),
        (status = 404, description = "Nothing is mailed here"),
        (status = 422, description = "The page: it is no other address, or nothing was filled in"),
        (status = 429, description = "The page: too many letters; `Retry-After` says when"),
    ),
)]
pub(in crate::auth) async fn post_email(visit: Visit, body: Body) -> Response {
    let answer = submit(&visit, body).await;
    visit.answer(answer)
}

async fn enter(visit: &Visit) -> Result<Entry<'_>, PageError> {
    if !visit.edge.mails() {
        return Err(PageError::no_letters());
    }
    visitor::enter(visit, Section::Email).await
}

async fn show(visit: &Visit, query: Query) -> Result<Response, PageError> {
    let form = query.0?;
    match enter(visit).await? {
        Entry::Visitor(visitor) => page(&visitor, visitor::told(&form)).await,
        Entry::Away(response) => Ok(*response),
    }
}

async fn page(visitor: &Visitor<'_>, notice: Option<Notice>) -> Result<Response, PageError> {
    let (visit, user) = (visitor.visit, visitor.signed_in.user);
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let (now, profile) = (kernel.now(), &visitor.signed_in.state.profile);
    let sent = kernel.current::<Mailbox>(realm, user.0).await?.state;
    let change = kernel.current::<EmailChange>(realm, user.0).await?.state;
    let change = change.waits(now).map(|pending| PendingAddress {
        email: pending.email.clone(),
        awaits_new: pending.awaits.contains(&End::New),
        awaits_before: pending.awaits.contains(&End::Before),
    });
    let template = EmailPage::new(
        visitor.shell(notice).await?,
        profile.email.as_deref(),
        profile.email_verified,
        sent.good(LetterKind::EmailVerification, now).is_some(),
        change.as_ref(),
    );
    Ok(page::page(visitor::status(notice), &template))
}

async fn submit(visit: &Visit, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let visitor = match enter(visit).await? {
        Entry::Visitor(visitor) => visitor,
        Entry::Away(response) => return Ok(*response),
    };
    if !visitor.is_own(&form).await? {
        return page(&visitor, Some(Notice::Stale)).await;
    }
    if form.get("send").is_some() {
        return send(&visitor).await;
    }
    match form.given("email") {
        Some(email) => change(&visitor, email.trim()).await,
        None => confirm(&visitor, &form).await,
    }
}

/// Has a letter mailed. `Some`: the page that says why there is none now.
async fn mail(visitor: &Visitor<'_>, letter: RequestLetter) -> Result<Option<Response>, PageError> {
    let letter = std::future::ready(Ok(letter));
    let context = visitor.visit.context_of(&visitor.signed_in);
    let Err(TooSoon { seconds }) = ask(visitor.visit, &context, letter).await? else {
        return Ok(None);
    };
    let page = page(visitor, Some(Notice::TooManyLetters)).await?;
    Ok(Some(wait(page, seconds)))
}

/// A letter to the address that they have.
fn to_theirs(visitor: &Visitor<'_>, kind: LetterKind, about: Option<Uuid>) -> RequestLetter {
    let (visit, signed_in) = (visitor.visit, &visitor.signed_in);
    RequestLetter {
        realm: visit.realm.id,
        mailbox: signed_in.user.0,
        kind,
        user: Some(signed_in.user),
        address: signed_in.state.address.map(|(fact, _)| fact),
        to: None,
        about,
        expires: visit.edge.kernel().now().after_seconds(CODE_SECONDS),
    }
}

async fn send(visitor: &Visitor<'_>) -> Result<Response, PageError> {
    let profile = &visitor.signed_in.state.profile;
    if profile.email.is_none() || profile.email_verified {
        return page(visitor, Some(Notice::Gone)).await;
    }
    let letter = to_theirs(visitor, LetterKind::EmailVerification, None);
    match mail(visitor, letter).await? {
        Some(response) => Ok(response),
        None => visitor.done(Notice::LetterSent),
    }
}

async fn change(visitor: &Visitor<'_>, email: &str) -> Result<Response, PageError> {
    if !visitor.has_shown().await? {
        return visitor.confirm().await;
    }
    let (visit, signed_in) = (visitor.visit, &visitor.signed_in);
    let (kernel, realm, change) = (visit.edge.kernel(), visit.realm.id, visit.edge.kernel().new_id());
    let (_, to) = mailbox(kernel, realm, email).await?;
    let expires = kernel.now().after_seconds(CODE_SECONDS);
    let command = RequestEmailChange {
        realm,
        user: signed_in.user,
        change,
        email: email.to_owned(),
        expires,
    };
    match kernel.execute(&visit.context_of(signed_in), &command).await {
        Ok(_) => {}
        Err(Failure::Rejected(Rejection::Invalid(_))) => {
            return page(visitor, Some(Notice::NoOtherAddress)).await;
        }
        Err(Failure::Rejected(_)) => return Err(PageError::stale()),
        Err(failure) => return Err(trouble(failure).into()),
    }
    let new = RequestLetter {
        mailbox: to,
        address: None,
        ..to_theirs(visitor, LetterKind::EmailChange, Some(change))
    };
    if let Some(response) = mail(visitor, new).await? {
        return Ok(response);
    }
    let profile = &signed_in.state.profile;
    if profile.email.is_some() && profile.email_verified {
        let before = to_theirs(visitor, LetterKind::EmailChangeBefore, Some(change));
        if let Some(response) = mail(visitor, before).await? {
            return Ok(response);
        }
    }
    visitor.done(Notice::ChangeAsked)
}

/// Takes codes.
async fn confirm(visitor: &Visitor<'_>, form: &Form) -> Result<Response, PageError> {
    let (visit, user) = (visitor.visit, visitor.signed_in.user);
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let change = kernel.current::<EmailChange>(realm, user.0).await?.state;
    let pending = change.waits(kernel.now());
    let about = pending.map(|pending| pending.change);
    let to = pending.and_then(|pending| pending.email.as_deref());
    let mut confirmed = None;
    for (field, kind) in [
        ("code", LetterKind::EmailVerification),
        ("code_new", LetterKind::EmailChange),
        ("code_before", LetterKind::EmailChangeBefore),
    ] {
        let Some(typed) = form.given(field) else { continue };
        let (mailbox, about) = match (kind, to) {
            (LetterKind::EmailVerification, _) => (user.0, None),
            (LetterKind::EmailChange, Some(email)) => (mailbox(kernel, realm, email).await?.1, about),
            _ => (user.0, about),
        };
        let attempt = AttemptCode {
            realm,
            mailbox,
            kind,
            about,
        };
        let context = visit.context_of(&visitor.signed_in);
        let proof = by_code(kernel, &context, &attempt, typed).await?;
        let Some(proof) = proof.filter(|proof| proof.request.user == Some(user)) else {
            return page(visitor, Some(Notice::WrongCode)).await;
        };
        confirmed = Some(letter::confirm(visit, user, &proof).await?);
    }
    match confirmed {
        Some(Confirmed::Verified) => visitor.done(Notice::EmailVerified),
        Some(Confirmed::AwaitsOther) => visitor.done(Notice::AwaitsOther),
        Some(Confirmed::Changed) => visitor.done(Notice::EmailChanged),
        None => page(visitor, Some(Notice::Missing)).await,
    }
}
