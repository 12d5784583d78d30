//! Who has forgotten their password. The rules: what is answered is the same for a name that somebody has and one that nobody has, in status,
//! headers, length and work; a link that sets a password signs nobody in, so that a second factor is asked for as ever.

use axum::response::Response;
use events::{
    envelope::Actor,
    letters::{LetterKind, TooSoon},
    users::{User, login_name},
};
use http::{HeaderValue, StatusCode, header};

use super::{RECOVERY_SECONDS, ask, or_nobody};
use crate::{
    auth::{
        Issuer,
        page::{self, PageError},
        pages::{Field, MailedPage, PageForm, Trouble},
        visit::{Body, Visit},
    },
    letters::request::{RequestLetter, mailbox},
    words::Say,
};

/// The page of who has forgotten their password.
#[utoipa::path(
    get, path = "/realms/{realm}/recovery", tag = "pages", operation_id = "recovery_page", params(Issuer),
    responses(
        (status = 200, description = "The form"),
        (status = 404, description = "The realm mails no such letters"),
    ),
)]
pub(in crate::auth) async fn get_recovery(visit: Visit) -> Response {
    let answer = show(&visit).await;
    visit.answer(answer)
}

/// Have a letter mailed by which another password is set.
#[utoipa::path(
    post, path = "/realms/{realm}/recovery", tag = "pages", operation_id = "recovery", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`username`: a user name or an e-mail address"),
    extensions(("x-events" = json!(["letter.requested"]))),
    responses(
        (status = 200, description = "A letter goes out if somebody has that name, and an address"),
        (status = 404, description = "The realm mails no such letters"),
        (status = 422, description = "The form: no name was given"),
        (status = 429, description = "The form: too many letters, whether or not somebody has that name; `Retry-After` says when"),
    ),
)]
pub(in crate::auth) async fn post_recovery(visit: Visit, body: Body) -> Response {
    let answer = submit(&visit, body).await;
    visit.answer(answer)
}

async fn offered(visit: &Visit) -> Result<(), PageError> {
    let settings = visit.edge.settings(visit.realm.id).await?;
    if visit.edge.mails() && settings.mail.recovery {
        Ok(())
    } else {
        Err(PageError::no_letters())
    }
}

async fn show(visit: &Visit) -> Result<Response, PageError> {
    offered(visit).await?;
    Ok(form(visit, None, StatusCode::OK))
}

fn form(visit: &Visit, trouble: Option<Trouble<'_>>, status: StatusCode) -> Response {
    let action = format!("/realms/{}/recovery", visit.realm.name);
    let sign_in = visit.sign_in_path();
    let name = Field {
        required: true,
        ..Field::text("username", "username", "username", "")
    };
    let forms = [PageForm {
        action: &action,
        fields: vec![name],
        button: "recover-button",
        ..PageForm::default()
    }];
    let page = MailedPage {
        say: &visit.say,
        title: "forgot-password",
        paragraphs: &[visit.say.text("recover-lede")],
        code: None,
        trouble,
        forms: &forms,
        onward: Some((&sign_in, "back-to-sign-in")),
        again: Some(&format!("{action}?")),
    };
    page::page(status, &page)
}

/// The form, and when to try again.
pub fn wait(mut response: Response, seconds: u64) -> Response {
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Too many letters.
pub fn too_many(say: &Say) -> Trouble<'_> {
    Trouble::of(say, "too-many-letters", "too-many-letters-advice")
}

/// What was asked for was left empty.
pub fn missing(say: &Say) -> Trouble<'_> {
    Trouble::of(say, "missing", "missing-advice")
}

async fn submit(visit: &Visit, body: Body) -> Result<Response, PageError> {
    offered(visit).await?;
    let given = body.0?;
    let name = given.get("username").unwrap_or_default();
    if login_name(name).is_empty() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(form(visit, Some(missing(&visit.say)), status));
    }
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let letter = async {
        let (user, mailbox) = mailbox(kernel, realm, name).await?;
        let state = kernel.current::<User>(realm, or_nobody(user).0).await?.state;
        Ok(RequestLetter {
            realm,
            mailbox,
            kind: LetterKind::PasswordRecovery,
            user,
            address: state.address.map(|(fact, _)| fact),
            to: None,
            about: None,
            expires: kernel.now().after_seconds(RECOVERY_SECONDS),
        })
    };
    if let Err(TooSoon { seconds }) = ask(visit, &visit.context(Actor::default()), letter).await? {
        let page = form(visit, Some(too_many(&visit.say)), StatusCode::TOO_MANY_REQUESTS);
        return Ok(wait(page, seconds));
    }
    let sign_in = visit.sign_in_path();
    let page = MailedPage {
        say: &visit.say,
        title: "email-code-heading",
        paragraphs: &[visit.say.text("recover-sent"), visit.say.text("recover-nothing")],
        code: None,
        trouble: None,
        forms: &[],
        onward: Some((&sign_in, "back-to-sign-in")),
        again: None,
    };
    Ok(page::page(StatusCode::OK, &page))
}
