//! Who registers themselves: an address first, then the letter to it, then a name and a password. The rules: nobody has an account with an
//! address that they have not shown to be theirs; an address that has an account already is answered like one that has none, and the
//! letter to it says so.

use axum::response::Response;
use events::{
    envelope::Actor,
    letters::{LetterKind, TooSoon},
    realms::Settings,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::{artefacts, form::Form};

use super::{
    CODE_SECONDS, ask,
    decisions::may_register,
    letter,
    recovery::{too_many, wait},
};
use crate::{
    auth::{
        Issuer,
        page::{self, PageError},
        pages::{Field, MailedPage, PageForm, Trouble},
        session_cookie::Browser,
        visit::{Body, Visit},
    },
    letters::{
        proof::{AttemptCode, by_code},
        request::{RequestLetter, mailbox},
    },
    words::Say,
};

const PURPOSE: &str = "sign-up";
/// For how many seconds the page that asks for the code stays open.
const OPEN_SECONDS: u64 = 1_800;

/// A registration that waits for its letter, in one browser.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Waiting {
    mailbox: Uuid,
    about: Uuid,
}

/// The page where people register themselves.
#[utoipa::path(
    get, path = "/realms/{realm}/registration", tag = "pages", operation_id = "registration_page", params(Issuer),
    responses(
        (status = 200, description = "The form"),
        (status = 404, description = "People do not register themselves in this realm"),
    ),
)]
pub(in crate::auth) async fn get_registration(visit: Visit) -> Response {
    let answer = show(&visit).await;
    visit.answer(answer)
}

/// Register: an address, then the code that was mailed to it.
#[utoipa::path(
    post, path = "/realms/{realm}/registration", tag = "pages", operation_id = "registration", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`email`; or `flow` and `code`"),
    extensions(("x-events" = json!(["letter.requested", "letter.code_attempted"]))),
    responses(
        (status = 200, description = "The form that asks for the code, whether or not the address has an account; or, after the right one, for a name and a password"),
        (status = 400, description = "The form was too old, or of another browser"),
        (status = 401, description = "The form: the code is not right, over, or was tried too often"),
        (status = 404, description = "People do not register themselves in this realm"),
        (status = 422, description = "The form: it is no address that may register"),
        (status = 429, description = "The form: too many letters; `Retry-After` says when"),
    ),
)]
pub(in crate::auth) async fn post_registration(visit: Visit, body: Body) -> Response {
    let answer = submit(&visit, body).await;
    visit.answer(answer)
}

fn path(visit: &Visit) -> String {
    format!("/realms/{}/registration", visit.realm.name)
}

async fn offered(visit: &Visit) -> Result<Settings, PageError> {
    let settings = visit.edge.settings(visit.realm.id).await?;
    if visit.edge.mails() && settings.registration.self_registration {
        Ok(settings)
    } else {
        Err(PageError::no_letters())
    }
}

async fn show(visit: &Visit) -> Result<Response, PageError> {
    offered(visit).await?;
    Ok(entry(visit, "", None, StatusCode::OK))
}

/// Asks for an address.
fn entry(visit: &Visit, email: &str, trouble: Option<Trouble<'_>>, status: StatusCode) -> Response {
    let (action, sign_in) = (path(visit), format!("/realms/{}/sign-in", visit.realm.name));
    let forms = [PageForm {
        action: &action,
        fields: vec![Field::email("email-address", email)],
        button: "continue",
        ..PageForm::default()
    }];
    let page = MailedPage {
        say: &visit.say,
        title: "register",
        paragraphs: &[visit.say.text("register-lede")],
        code: None,
        trouble,
        forms: &forms,
        onward: Some((&sign_in, "register-known")),
        again: Some(&format!("{action}?")),
    };
    page::page(status, &page)
}

/// Asks for the code.
fn code(visit: &Visit, flow: &str, trouble: Option<Trouble<'_>>, status: StatusCode) -> Response {
    let action = path(visit);
    let forms = [PageForm {
        action: &action,
        hidden: vec![("flow", flow)],
        fields: vec![Field::code("code", "email-code")],
        button: "continue",
    }];
    let page = MailedPage {
        say: &visit.say,
        title: "email-code-heading",
        paragraphs: &[visit.say.text("register-sent")],
        code: None,
        trouble,
        forms: &forms,
        onward: Some((&action, "register-again")),
        again: None,
    };
    page::page(status, &page)
}

async fn submit(visit: &Visit, body: Body) -> Result<Response, PageError> {
    let settings = offered(visit).await?;
    let given = body.0?;
    match given.get("flow") {
        Some(flow) => answer(visit, flow, &given).await,
        None => begin(visit, &settings, &given).await,
    }
}

/// Has the letter mailed.
async fn begin(visit: &Visit, settings: &Settings, given: &Form) -> Result<Response, PageError> {
    let email = given.get("email").unwrap_or_default().trim();
    if !may_register(settings, email) {
        let wrong = Trouble::of(&visit.say, "unfit-address", "unfit-address-advice");
        return Ok(entry(visit, email, Some(wrong), StatusCode::UNPROCESSABLE_ENTITY));
    }
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let about = kernel.new_id();
    let letter = async {
        let (user, mailbox) = mailbox(kernel, realm, email).await?;
        Ok(RequestLetter {
            realm,
            mailbox,
            kind: LetterKind::Registration,
            user,
            address: None,
            to: Some(email.to_owned()),
            about: Some(about),
            expires: kernel.now().after_seconds(CODE_SECONDS),
        })
    };
    let mailbox = match ask(visit, &visit.context(Actor::default()), letter).await? {
        Ok(letter) => letter.mailbox,
        Err(TooSoon { seconds }) => {
            let page = entry(
                visit,
                email,
                Some(too_many(&visit.say)),
                StatusCode::TOO_MANY_REQUESTS,
            );
            return Ok(wait(page, seconds));
        }
    };
    let browser = Browser::of(&visit.edge, realm, &visit.headers);
    let expires = kernel.now().after_seconds(OPEN_SECONDS);
    let waiting = Waiting { mailbox, about };
    let flow = artefacts::seal(kernel, realm, PURPOSE, &[browser.bound()], &waiting, expires).await?;
    let mut response = code(visit, &flow, None, StatusCode::OK);
    visit.remember(&browser, response.headers_mut())?;
    Ok(response)
}

/// Takes the code, and goes on as its link does.
async fn answer(visit: &Visit, flow: &str, given: &Form) -> Result<Response, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let browser = Browser::of(&visit.edge, realm, &visit.headers);
    let opened = artefacts::open::<Waiting>(kernel, realm, PURPOSE, &[browser.bound()], flow).await?;
    let Some(Waiting { mailbox, about }) = opened else {
        return Err(PageError::stale());
    };
    let attempt = AttemptCode {
        realm,
        mailbox,
        kind: LetterKind::Registration,
        about: Some(about),
    };
    let typed = given.get("code").unwrap_or_default();
    // To who has an account no code was sent: theirs is none.
    let proof = by_code(kernel, &visit.context(Actor::default()), &attempt, typed).await?;
    match proof.filter(|proof| proof.request.user.is_none()) {
        Some(proof) => letter::form(visit, &proof, &Form::default(), None, StatusCode::OK).await,
        None => Ok(code(
            visit,
            flow,
            Some(wrong_code(&visit.say)),
            StatusCode::UNAUTHORIZED,
        )),
    }
}

/// The code of a letter is not right.
pub fn wrong_code(say: &Say) -> Trouble<'_> {
    Trouble::of(say, "did-not-work", "wrong-mailed-code")
}
