//! One's phone number: another one, and shown to be one's own. The rules: whoever wants another number has shown who they are just now, with a
//! second factor if they have one; and a number is nothing to rely on before the code of a message to it has come back.

use axum::response::Response;
use events::{
    kernel::Failure,
    letters::{LetterKind, Mailbox, TooSoon},
    users::User,
};
use web::form::Form;

use super::{
    Section,
    visitor::{self, Entry, Visitor},
};
use crate::{
    auth::{
        Issuer,
        mailed::{ask, recovery::wait},
        page::{self, PageError},
        pages::account::{Notice, PhonePage},
        trouble,
        visit::{Body, Query, Visit},
    },
    letters::{
        proof::{AttemptCode, by_code},
        request,
    },
    users::{
        Rejection,
        phone::{VerifyPhone, message},
        profile::{ChangeProfile, ProfilePatch},
    },
};

/// The phone number of who is signed in.
#[utoipa::path(
    get, path = "/realms/{realm}/account/phone", tag = "account", operation_id = "account_phone_page",
    params(Issuer, ("done" = Option<String>, Query, description = "What the page before has done, to say so")),
    extensions(("x-events" = json!(["session.continued"]))),
    responses(
        (status = 200, description = "The number, whether it was shown to be theirs, and what they can do about it"),
        (status = 303, description = "To the sign-in page, and back here"),
        (status = 404, description = "No text messages are sent here"),
    ),
)]
pub(in crate::auth) async fn get_phone(visit: Visit, query: Query) -> Response {
    let answer = show(&visit, query).await;
    visit.answer(answer)
}

/// Have another phone number, or have it shown to be one's.
#[utoipa::path(
    post, path = "/realms/{realm}/account/phone", tag = "account", operation_id = "account_phone", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, and one of: `send`, for a message to the number; `code`, its code; `phone`, another number"),
    extensions(("x-events" = json!([
        "letter.requested", "letter.code_attempted", "user.phone_verified", "user.profile_changed"
    ]))),
    responses(
        (status = 303, description = "Back to the page; or to show anew who one is, and back there"),
        (status = 400, description = "The page: the form was too old, or of another session"),
        (status = 401, description = "The page: the code is not right, over, or was tried too often"),
        (status = 404, description = "No text messages are sent here"),
        (status = 422, description = "The page: it is no other number, or nothing was filled in"),
        (status = 429, description = "The page: too many messages; `Retry-After` says when"),
    ),
)]
pub(in crate::auth) async fn post_phone(visit: Visit, body: Body) -> Response {
    let answer = submit(&visit, body).await;
    visit.answer(answer)
}

async fn enter(visit: &Visit) -> Result<Entry<'_>, PageError> {
    if !visit.edge.texts() {
        return Err(PageError::no_letters());
    }
    visitor::enter(visit, Section::Phone).await
}

async fn show(visit: &Visit, query: Query) -> Result<Response, PageError> {
    let form = query.0?;
    match enter(visit).await? {
        Entry::Visitor(visitor) => page(&visitor, visitor::told(&form)).await,
        Entry::Away(response) => Ok(*response),
    }
}

async fn page(visitor: &Visitor<'_>, notice: Option<Notice>) -> Result<Response, PageError> {
    let (kernel, realm) = (visitor.visit.edge.kernel(), visitor.visit.realm.id);
    let user = visitor.signed_in.user;
    // What was done just now shows.
    let profile = kernel.latest::<User>(realm, user.0).await?.state.profile;
    let awaits_code = match &profile.phone {
        Some(number) if !profile.phone_verified => {
            let phone = request::phone(kernel, realm, number).await?;
            let sent = kernel.latest::<Mailbox>(realm, phone).await?.state;
            let good = sent.good(LetterKind::PhoneVerification, kernel.now());
            good.is_some_and(|request| request.user == Some(user))
        }
        _ => false,
    };
    let template = PhonePage::new(
        visitor.shell(notice).await?,
        profile.phone.as_deref(),
        profile.phone_verified,
        awaits_code,
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
    match form.given("phone") {
        Some(number) => change(&visitor, &typed(number)).await,
        None => confirm(&visitor, &form).await,
    }
}

/// Has a message sent to the number that they have, unless it was shown to be theirs.
async fn send(visitor: &Visitor<'_>) -> Result<Response, PageError> {
    let (visit, id) = (visitor.visit, visitor.signed_in.user);
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let user = kernel.latest::<User>(realm, id.0).await?.state;
    let message = message(kernel, realm, id, &user).await?;
    let Some(message) = message.filter(|_| !user.profile.phone_verified) else {
        return page(visitor, Some(Notice::Gone)).await;
    };
    let message = std::future::ready(Ok(message));
    match ask(visit, &visit.context_of(&visitor.signed_in), message).await? {
        Ok(_) => visitor.done(Notice::TextSent),
        Err(TooSoon { seconds }) => {
            let page = page(visitor, Some(Notice::TooManyTexts)).await?;
            Ok(wait(page, seconds))
        }
    }
}

/// A number as people write it: with spaces, hyphens and parentheses, `00` for `+`.
fn typed(number: &str) -> String {
    let digits: String = number
        .chars()
        .filter(|letter| !letter.is_whitespace() && !['-', '(', ')', '.', '/'].contains(letter))
        .collect();
    match digits.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => digits,
    }
}

async fn change(visitor: &Visitor<'_>, number: &str) -> Result<Response, PageError> {
    if !visitor.has_shown().await? {
        return visitor.confirm().await;
    }
    let (visit, signed_in) = (visitor.visit, &visitor.signed_in);
    if signed_in.state.profile.phone.as_deref() == Some(number) {
        return page(visitor, Some(Notice::NoOtherNumber)).await;
    }
    let command = ChangeProfile {
        realm: visit.realm.id,
        user: signed_in.user,
        patch: ProfilePatch {
            phone: Some(Some(number.to_owned())),
            ..ProfilePatch::default()
        },
    };
    let kernel = visit.edge.kernel();
    match kernel.execute(&visit.context_of(signed_in), &command).await {
        Ok(_) => send(visitor).await,
        Err(Failure::Rejected(Rejection::Invalid(_))) => page(visitor, Some(Notice::NoOtherNumber)).await,
        Err(Failure::Rejected(_)) => Err(PageError::stale()),
        Err(failure) => Err(trouble(failure).into()),
    }
}

/// Takes a code.
async fn confirm(visitor: &Visitor<'_>, form: &Form) -> Result<Response, PageError> {
    let (visit, user) = (visitor.visit, visitor.signed_in.user);
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let Some(code) = form.given("code") else {
        return page(visitor, Some(Notice::Missing)).await;
    };
    let state = kernel.latest::<User>(realm, user.0).await?.state;
    let Some(number) = &state.profile.phone else {
        return page(visitor, Some(Notice::Gone)).await;
    };
    let attempt = AttemptCode {
        realm,
        mailbox: request::phone(kernel, realm, number).await?,
        kind: LetterKind::PhoneVerification,
        about: Some(user.0),
    };
    let context = visit.context_of(&visitor.signed_in);
    let Some(proof) = by_code(kernel, &context, &attempt, code).await? else {
        return page(visitor, Some(Notice::WrongCode)).await;
    };
    let command = VerifyPhone { realm, user, proof };
    match kernel.execute(&context, &command).await {
        Ok(_) => visitor.done(Notice::PhoneVerified),
        Err(Failure::Rejected(_) | Failure::Claimed { .. }) => Err(PageError::void_letter()),
        Err(failure) => Err(trouble(failure).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_as_people_write_them() {
        for text in ["+41 79 123 45 67", "0041 (79) 123-45-67", "+41.79/1234567"] {
            assert_eq!(typed(text), "+41791234567");
        }
        assert_eq!(typed("079 123 45 67"), "0791234567");
    }
}
