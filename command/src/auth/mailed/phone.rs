//! The phone number of who is signed in: another one, and shown to be theirs. The rules: a form works in the session that it was made for;
//! whoever wants another number has shown who they are just now, with a second factor if they have one; and a number is nothing to
//! rely on before the code of a message to it has come back.

use axum::response::Response;
use events::{
    kernel::Failure,
    letters::{LetterKind, Mailbox, TooSoon},
    realms::Settings,
    users::User,
};
use http::StatusCode;
use web::{artefacts, form::Form};

use super::{
    ask,
    email::is_fresh,
    recovery::{missing, too_many, wait},
    sign_up::wrong_code,
};
use crate::{
    auth::{
        Issuer,
        flow::Flow,
        page::{self, PageError},
        pages::{Field, MailedPage, PageForm, Trouble},
        sessions::{self, SignedIn},
        trouble,
        visit::{Body, Visit},
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

const PURPOSE: &str = "phone";
/// For how many seconds the page stays open.
const OPEN_SECONDS: u64 = 1_800;

/// The phone number of who is signed in.
#[utoipa::path(
    get, path = "/realms/{realm}/phone", tag = "pages", operation_id = "phone_page", params(Issuer),
    responses(
        (status = 200, description = "The number, whether it was shown to be theirs, and what they can do about it"),
        (status = 303, description = "To the sign-in page, and back here"),
        (status = 404, description = "No text messages are sent here"),
    ),
)]
pub(in crate::auth) async fn get_phone(visit: Visit) -> Response {
    let answer = show(&visit).await;
    visit.answer(answer)
}

/// Have another phone number, or have it shown to be one's.
#[utoipa::path(
    post, path = "/realms/{realm}/phone", tag = "pages", operation_id = "phone", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, and one of: `send`, for a message to the number; `code`, its code; `phone`, another number"),
    extensions(("x-events" = json!([
        "letter.requested", "letter.code_attempted", "user.phone_verified", "user.profile_changed"
    ]))),
    responses(
        (status = 200, description = "It is done, or the page says what comes next"),
        (status = 303, description = "To the sign-in page, to show who one is, and back here"),
        (status = 400, description = "The form was too old, or of another session"),
        (status = 401, description = "The page: the code is not right, over, or was tried too often"),
        (status = 404, description = "No text messages are sent here"),
        (status = 422, description = "The page: it is no other number"),
        (status = 429, description = "The page: too many messages; `Retry-After` says when"),
    ),
)]
pub(in crate::auth) async fn post_phone(visit: Visit, body: Body) -> Response {
    let answer = submit(&visit, body).await;
    visit.answer(answer)
}

/// The path of the page.
pub fn path(visit: &Visit) -> String {
    format!("/realms/{}/phone", visit.realm.name)
}

/// Who is signed in, or the way to the sign-in page.
async fn enter(visit: &Visit) -> Result<Result<(Settings, SignedIn), Response>, PageError> {
    if !visit.edge.texts() {
        return Err(PageError::no_letters());
    }
    let settings = visit.edge.settings(visit.realm.id).await?;
    match sessions::current(visit, &settings).await? {
        Some(signed_in) => Ok(Ok((settings, signed_in))),
        None => away(visit, Flow::begin(visit, None)).await.map(Err),
    }
}

async fn away(visit: &Visit, mut flow: Flow) -> Result<Response, PageError> {
    flow.phone = true;
    flow.go(visit).await
}

async fn show(visit: &Visit) -> Result<Response, PageError> {
    match enter(visit).await? {
        Ok((_, signed_in)) => overview(visit, &signed_in, None, StatusCode::OK).await,
        Err(response) => Ok(response),
    }
}

async fn overview(
    visit: &Visit,
    signed_in: &SignedIn,
    trouble: Option<Trouble<'_>>,
    status: StatusCode,
) -> Result<Response, PageError> {
    let (kernel, realm, user) = (visit.edge.kernel(), visit.realm.id, signed_in.user);
    let (now, bound) = (kernel.now(), [signed_in.id.0.as_bytes().as_slice()]);
    let expires = now.after_seconds(OPEN_SECONDS);
    let flow = artefacts::seal(kernel, realm, PURPOSE, &bound, &(), expires).await?;
    // What was done just now shows.
    let profile = kernel.latest::<User>(realm, user.0).await?.state.profile;
    let (say, action) = (&visit.say, path(visit));
    let base = || PageForm {
        action: &action,
        hidden: vec![("flow", flow.as_str())],
        ..PageForm::default()
    };
    let (mut paragraphs, mut forms) = (Vec::new(), Vec::new());
    match &profile.phone {
        Some(number) if profile.phone_verified => {
            paragraphs.push(say.text("phone-verified").with("destination", number));
        }
        Some(number) => {
            paragraphs.push(say.text("phone-unverified").with("destination", number));
            let phone = request::phone(kernel, realm, number).await?;
            let sent = kernel.latest::<Mailbox>(realm, phone).await?.state;
            let good = sent.good(LetterKind::PhoneVerification, now);
            let awaits_code = good.is_some_and(|request| request.user == Some(user));
            if awaits_code {
                forms.push(PageForm {
                    heading: Some("phone-sent"),
                    fields: vec![Field::code("code", "phone-code")],
                    button: "phone-mine",
                    ..base()
                });
            }
            let mut send = base();
            send.hidden.push(("send", "verification"));
            forms.push(PageForm {
                button: if awaits_code {
                    "phone-code-again"
                } else {
                    "phone-code-send"
                },
                quiet: awaits_code,
                ..send
            });
        }
        None => paragraphs.push(say.text("phone-none")),
    }
    forms.push(PageForm {
        heading: Some("phone-another"),
        fields: vec![Field::phone("phone-new")],
        button: "phone-another-send",
        quiet: true,
        ..base()
    });
    let page = MailedPage {
        say,
        title: "phone-title",
        paragraphs: &paragraphs,
        code: None,
        trouble,
        forms: &forms,
        onward: None,
        again: Some(&format!("{action}?")),
    };
    Ok(page::page(status, &page))
}

async fn submit(visit: &Visit, body: Body) -> Result<Response, PageError> {
    let (settings, signed_in) = match enter(visit).await? {
        Ok(entered) => entered,
        Err(response) => return Ok(response),
    };
    let given = body.0?;
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let bound = [signed_in.id.0.as_bytes().as_slice()];
    let flow = given.get("flow").unwrap_or_default();
    if artefacts::open::<()>(kernel, realm, PURPOSE, &bound, flow)
        .await?
        .is_none()
    {
        return Err(PageError::stale());
    }
    if given.get("send").is_some() {
        return send(visit, &signed_in).await;
    }
    if let Some(number) = given.given("phone") {
        return change(visit, &settings, &signed_in, number).await;
    }
    confirm(visit, &signed_in, &given).await
}

/// Has a message sent to the number that they have, unless it was shown to be theirs.
async fn send(visit: &Visit, signed_in: &SignedIn) -> Result<Response, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let user = kernel.latest::<User>(realm, signed_in.user.0).await?.state;
    let message = message(kernel, realm, signed_in.user, &user).await?;
    let Some(message) = message.filter(|_| !user.profile.phone_verified) else {
        return overview(visit, signed_in, None, StatusCode::OK).await;
    };
    let message = std::future::ready(Ok(message));
    match ask(visit, &visit.context_of(signed_in), message).await? {
        Ok(_) => overview(visit, signed_in, None, StatusCode::OK).await,
        Err(TooSoon { seconds }) => {
            let (trouble, status) = (too_many(&visit.say), StatusCode::TOO_MANY_REQUESTS);
            let page = overview(visit, signed_in, Some(trouble), status).await?;
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

async fn change(
    visit: &Visit,
    settings: &Settings,
    signed_in: &SignedIn,
    number: &str,
) -> Result<Response, PageError> {
    if !is_fresh(visit, settings, signed_in).await? {
        return away(visit, Flow::begin_anew(visit, signed_in)).await;
    }
    let number = typed(number);
    let unfit = || Trouble::of(&visit.say, "unfit", "phone-no-other");
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    if signed_in.state.profile.phone.as_ref() == Some(&number) {
        return overview(visit, signed_in, Some(unfit()), status).await;
    }
    let command = ChangeProfile {
        realm: visit.realm.id,
        user: signed_in.user,
        patch: ProfilePatch {
            phone: Some(Some(number)),
            ..ProfilePatch::default()
        },
    };
    match visit
        .edge
        .kernel()
        .execute(&visit.context_of(signed_in), &command)
        .await
    {
        Ok(_) => send(visit, signed_in).await,
        Err(Failure::Rejected(Rejection::Invalid(_))) => {
            overview(visit, signed_in, Some(unfit()), status).await
        }
        Err(Failure::Rejected(_)) => Err(PageError::stale()),
        Err(failure) => Err(trouble(failure).into()),
    }
}

/// Takes a code.
async fn confirm(visit: &Visit, signed_in: &SignedIn, given: &Form) -> Result<Response, PageError> {
    let (kernel, realm, user) = (visit.edge.kernel(), visit.realm.id, signed_in.user);
    let Some(code) = given.given("code") else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return overview(visit, signed_in, Some(missing(&visit.say)), status).await;
    };
    let state = kernel.latest::<User>(realm, user.0).await?.state;
    let Some(number) = &state.profile.phone else {
        return Err(PageError::stale());
    };
    let attempt = AttemptCode {
        realm,
        mailbox: request::phone(kernel, realm, number).await?,
        kind: LetterKind::PhoneVerification,
        about: Some(user.0),
    };
    let context = visit.context_of(signed_in);
    let Some(proof) = by_code(kernel, &context, &attempt, code).await? else {
        let status = StatusCode::UNAUTHORIZED;
        return overview(visit, signed_in, Some(wrong_code(&visit.say)), status).await;
    };
    let command = VerifyPhone { realm, user, proof };
    match kernel.execute(&context, &command).await {
        Ok(_) => overview(visit, signed_in, None, StatusCode::OK).await,
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
