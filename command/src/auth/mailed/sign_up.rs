//! Who registers themselves: an address first, then the letter to it, then a name and a password. The rules: nobody has an account with an
//! address that they have not shown to be theirs; an address that has an account already is answered like one that has none, and the
//! letter to it says so. A registration is part of a sign-in, and leads to where that does, in the browser in which it was begun.

use axum::response::Response;
use events::{
    envelope::Actor,
    letters::{LetterKind, TooSoon},
    realms::Settings,
};
use http::{StatusCode, header};
use web::form::Form;

use super::{
    CODE_SECONDS, ask,
    decisions::may_register,
    letter,
    recovery::{too_many, wait},
};
use crate::{
    auth::{
        Issuer,
        flow::{
            Flow,
            methods::{email, sent::Sent},
        },
        page::{self, PageError},
        pages::{Field, MailedPage, PageForm, Trouble},
        session_cookie::Browser,
        visit::{Body, Query, Visit},
    },
    letters::{
        proof::{AttemptCode, by_code},
        request::{RequestLetter, mailbox},
    },
    words::Say,
};

/// The page where people register themselves.
#[utoipa::path(
    get, path = "/realms/{realm}/registration", tag = "pages", operation_id = "registration_page",
    params(Issuer, ("flow" = Option<String>, Query, description = "The sign-in under way that somebody new comes from, and that it leads on")),
    responses(
        (status = 200, description = "The form"),
        (status = 400, description = "The sign-in under way was too old, or of another browser"),
        (status = 404, description = "People do not register themselves in this realm"),
    ),
)]
pub(in crate::auth) async fn get_registration(visit: Visit, query: Query) -> Response {
    let answer = show(&visit, query).await;
    visit.answer(answer)
}

/// Register: an address, then the code that was mailed to it.
#[utoipa::path(
    post, path = "/realms/{realm}/registration", tag = "pages", operation_id = "registration", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`email`, and `flow`, if it is part of a sign-in; or `flow` and `code`"),
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

/// The path of the page.
pub fn path(visit: &Visit) -> String {
    format!("/realms/{}/registration", visit.realm.name)
}

/// Whether people register themselves in a realm with these settings.
pub fn registers(visit: &Visit, settings: &Settings) -> bool {
    visit.edge.mails() && settings.registration.self_registration
}

async fn offered(visit: &Visit) -> Result<Settings, PageError> {
    let settings = visit.edge.settings(visit.realm.id).await?;
    if registers(visit, &settings) {
        Ok(settings)
    } else {
        Err(PageError::no_letters())
    }
}

/// The sign-in under way that a form or a link names; none, if it names none.
async fn under_way(visit: &Visit, browser: &Browser, form: &Form) -> Result<Option<Flow>, PageError> {
    let Some(sealed) = form.given("flow") else {
        return Ok(None);
    };
    let flow = Flow::open(visit, browser, sealed).await?;
    flow.map(Some).ok_or_else(PageError::stale)
}

async fn show(visit: &Visit, query: Query) -> Result<Response, PageError> {
    offered(visit).await?;
    let form = query.0?;
    let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
    let flow = under_way(visit, &browser, &form).await?;
    let request = flow.as_ref().and_then(|flow| flow.request.as_ref());
    let hint = request
        .and_then(|request| request.login_hint.as_deref())
        .filter(|hint| hint.contains('@'));
    Ok(entry(
        visit,
        &form,
        hint.unwrap_or_default(),
        None,
        StatusCode::OK,
    ))
}

/// Asks for an address. `given` may carry a sign-in under way.
fn entry(
    visit: &Visit,
    given: &Form,
    email: &str,
    trouble: Option<Trouble<'_>>,
    status: StatusCode,
) -> Response {
    let action = path(visit);
    let (mut here, mut sign_in) = (format!("{action}?"), visit.sign_in_path());
    let flow = given.given("flow");
    if let Some(flow) = flow {
        here = format!("{action}?flow={flow}&");
        sign_in = format!("{sign_in}?flow={flow}");
    }
    let forms = [PageForm {
        action: &action,
        hidden: flow.iter().map(|flow| ("flow", *flow)).collect(),
        fields: vec![Field::email("email-address", email)],
        button: "continue",
    }];
    let page = MailedPage {
        say: &visit.say,
        title: "register",
        paragraphs: &[visit.say.text("register-lede")],
        code: None,
        trouble,
        forms: &forms,
        onward: Some((&sign_in, "register-known")),
        again: Some(&here),
    };
    page::page(status, &page)
}

/// Asks for the code.
fn code(visit: &Visit, flow: &str, trouble: Option<Trouble<'_>>, status: StatusCode) -> Response {
    let action = path(visit);
    let again = format!("{action}?flow={flow}");
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
        onward: Some((&again, "register-again")),
        again: None,
    };
    page::page(status, &page)
}

async fn submit(visit: &Visit, body: Body) -> Result<Response, PageError> {
    let settings = offered(visit).await?;
    let given = body.0?;
    let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
    let flow = under_way(visit, &browser, &given).await?;
    match (
        given.get("code"),
        flow.as_ref().and_then(|flow| flow.progress.mailed),
    ) {
        (Some(typed), Some(sent)) => answer(visit, &given, sent, typed).await,
        (Some(_), None) => Err(PageError::stale()),
        (None, _) => begin(visit, &settings, &browser, flow, &given).await,
    }
}

/// Has the letter mailed.
async fn begin(
    visit: &Visit,
    settings: &Settings,
    browser: &Browser,
    flow: Option<Flow>,
    given: &Form,
) -> Result<Response, PageError> {
    let email = given.get("email").unwrap_or_default().trim();
    if !may_register(settings, email) {
        let wrong = Trouble::of(&visit.say, "unfit-address", "unfit-address-advice");
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(entry(visit, given, email, Some(wrong), status));
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
            let soon = Some(too_many(&visit.say));
            let page = entry(visit, given, email, soon, StatusCode::TOO_MANY_REQUESTS);
            return Ok(wait(page, seconds));
        }
    };
    let mut flow = match flow {
        Some(flow) => flow.anew(visit),
        None => Flow::begin(visit, None),
    };
    flow.progress.mailed = Some(Sent { mailbox, about });
    let sealed = flow.seal(visit, browser).await?;
    let mut response = code(visit, &sealed, None, StatusCode::OK);
    visit.remember(browser, response.headers_mut())?;
    // The letter's link leads on in this browser, too.
    if let Some(cookie) = email::keep_sealed(visit, &sealed)? {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Takes the code, and goes on as its link does.
async fn answer(visit: &Visit, given: &Form, sent: Sent, typed: &str) -> Result<Response, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let attempt = AttemptCode {
        realm,
        mailbox: sent.mailbox,
        kind: LetterKind::Registration,
        about: Some(sent.about),
    };
    // To who has an account no code was sent: theirs is none.
    let proof = by_code(kernel, &visit.context(Actor::default()), &attempt, typed).await?;
    if let Some(proof) = proof.filter(|proof| proof.request.user.is_none()) {
        return letter::form(visit, &proof, given, None, StatusCode::OK).await;
    }
    let (flow, wrong) = (given.get("flow").unwrap_or_default(), wrong_code(&visit.say));
    Ok(code(visit, flow, Some(wrong), StatusCode::UNAUTHORIZED))
}

/// The code of a letter is not right.
pub fn wrong_code(say: &Say) -> Trouble<'_> {
    Trouble::of(say, "did-not-work", "wrong-mailed-code")
}
