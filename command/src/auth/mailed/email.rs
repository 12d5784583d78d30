//! The e-mail address of who is signed in: shown to be theirs, and changed. The rules: a form works in the session that it was made for; whoever
//! wants another address has shown who they are just now, with a second factor if they have one; and nothing changes before the letters
//! to both ends have come back.

use axum::response::Response;
use events::{
    kernel::Failure,
    letters::{LetterKind, Mailbox, TooSoon},
    realms::Settings,
    users::email_change::{EmailChange, End},
};
use http::StatusCode;
use uuid::Uuid;
use web::{artefacts, form::Form};

use super::{
    CODE_SECONDS, ask,
    decisions::RequestEmailChange,
    letter,
    recovery::{missing, too_many, wait},
    sign_up::wrong_code,
};
use crate::{
    auth::{
        Issuer,
        flow::{
            Flow, journey,
            methods::{Held, federated},
        },
        page::{self, PageError},
        pages::{Field, MailedPage, PageForm, Trouble},
        sessions::{self, SignedIn},
        trouble,
        visit::{Body, Visit},
    },
    letters::{
        proof::{AttemptCode, by_code},
        request::{RequestLetter, mailbox},
    },
    users::Rejection,
};

const PURPOSE: &str = "email";
/// For how many seconds the page stays open.
const OPEN_SECONDS: u64 = 1_800;

/// The e-mail address of who is signed in.
#[utoipa::path(
    get, path = "/realms/{realm}/email", tag = "pages", operation_id = "email_page", params(Issuer),
    responses(
        (status = 200, description = "The address, whether it was shown to be theirs, and what they can do about it"),
        (status = 303, description = "To the sign-in page, and back here"),
        (status = 404, description = "Nothing is mailed here"),
    ),
)]
pub(in crate::auth) async fn get_email(visit: Visit) -> Response {
    let answer = show(&visit).await;
    visit.answer(answer)
}

/// Have an address shown to be one's, or change it.
#[utoipa::path(
    post, path = "/realms/{realm}/email", tag = "pages", operation_id = "email", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, and one of: `send`, for a letter to the address; `code`, its code; `email`, another address; `code_new` and `code_before`, the codes of the letters to both"),
    extensions(("x-events" = json!([
        "letter.requested", "letter.code_attempted", "user.email_verified", "email_change.requested", "email_change.confirmed",
        "email_change.completed", "user.profile_changed"
    ]))),
    responses(
        (status = 200, description = "It is done, or the page says what comes next"),
        (status = 303, description = "To the sign-in page, to show who one is, and back here"),
        (status = 400, description = "The form was too old, or of another session"),
        (status = 401, description = "The page: the code is not right, over, or was tried too often"),
        (status = 404, description = "Nothing is mailed here"),
        (status = 422, description = "The page: it is no other address"),
        (status = 429, description = "The page: too many letters; `Retry-After` says when"),
    ),
)]
pub(in crate::auth) async fn post_email(visit: Visit, body: Body) -> Response {
    let answer = submit(&visit, body).await;
    visit.answer(answer)
}

/// The path of the page.
pub fn path(visit: &Visit) -> String {
    format!("/realms/{}/email", visit.realm.name)
}

/// Who is signed in, or the way to the sign-in page.
async fn enter(visit: &Visit) -> Result<Result<(Settings, SignedIn), Response>, PageError> {
    if !visit.edge.mails() {
        return Err(PageError::no_letters());
    }
    let settings = visit.edge.settings(visit.realm.id).await?;
    match sessions::current(visit, &settings).await? {
        Some(signed_in) => Ok(Ok((settings, signed_in))),
        None => away(visit, Flow::begin(visit, None)).await.map(Err),
    }
}

async fn away(visit: &Visit, mut flow: Flow) -> Result<Response, PageError> {
    flow.email = true;
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
    let (say, action, profile) = (&visit.say, path(visit), &signed_in.state.profile);
    let base = || PageForm {
        action: &action,
        hidden: vec![("flow", flow.as_str())],
        ..PageForm::default()
    };
    let (mut paragraphs, mut forms) = (Vec::new(), Vec::new());
    match &profile.email {
        Some(email) if profile.email_verified => {
            paragraphs.push(say.text("email-verified").with("address", email));
        }
        Some(email) => {
            paragraphs.push(say.text("email-unverified").with("address", email));
            let sent = kernel.current::<Mailbox>(realm, user.0).await?.state;
            let awaits_code = sent.good(LetterKind::EmailVerification, now).is_some();
            if awaits_code {
                forms.push(PageForm {
                    heading: Some("email-sent"),
                    fields: vec![Field::code("code", "email-code")],
                    button: "email-mine",
                    ..base()
                });
            }
            let mut send = base();
            send.hidden.push(("send", "verification"));
            forms.push(PageForm {
                button: if awaits_code {
                    "email-code-again"
                } else {
                    "email-code-send"
                },
                quiet: awaits_code,
                ..send
            });
        }
        None => paragraphs.push(say.text("email-none")),
    }
    let change = kernel.current::<EmailChange>(realm, user.0).await?.state;
    if let Some(pending) = change.waits(now) {
        let mut fields = Vec::new();
        for end in &pending.awaits {
            fields.push(match end {
                End::New => Field::code("code_new", "email-code-new"),
                End::Before => Field::code("code_before", "email-code-before"),
            });
        }
        for field in &mut fields {
            field.required = false;
        }
        forms.push(PageForm {
            heading: Some("email-changing"),
            fields,
            button: "email-change",
            ..base()
        });
    }
    forms.push(PageForm {
        heading: Some("email-another"),
        fields: vec![Field::email("email-new", "")],
        button: "email-another-send",
        quiet: true,
        ..base()
    });
    let page = MailedPage {
        say,
        title: "account-letters-link",
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
    if let Some(email) = given.given("email") {
        return change(visit, &settings, &signed_in, email.trim()).await;
    }
    confirm(visit, &signed_in, &given).await
}

/// Has a letter mailed. `Some`: the page that says why there is none now.
async fn mail(
    visit: &Visit,
    signed_in: &SignedIn,
    letter: RequestLetter,
) -> Result<Option<Response>, PageError> {
    let letter = std::future::ready(Ok(letter));
    let asked = ask(visit, &visit.context_of(signed_in), letter).await?;
    let Err(TooSoon { seconds }) = asked else {
        return Ok(None);
    };
    let page = overview(
        visit,
        signed_in,
        Some(too_many(&visit.say)),
        StatusCode::TOO_MANY_REQUESTS,
    )
    .await?;
    Ok(Some(wait(page, seconds)))
}

/// A letter to the address that they have.
fn to_theirs(visit: &Visit, signed_in: &SignedIn, kind: LetterKind, about: Option<Uuid>) -> RequestLetter {
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

async fn send(visit: &Visit, signed_in: &SignedIn) -> Result<Response, PageError> {
    let profile = &signed_in.state.profile;
    if profile.email.is_some() && !profile.email_verified {
        let letter = to_theirs(visit, signed_in, LetterKind::EmailVerification, None);
        if let Some(response) = mail(visit, signed_in, letter).await? {
            return Ok(response);
        }
    }
    overview(visit, signed_in, None, StatusCode::OK).await
}

/// Whether they have shown who they are just now, with all that they have; else they are asked to.
pub(super) async fn is_fresh(
    visit: &Visit,
    settings: &Settings,
    signed_in: &SignedIn,
) -> Result<bool, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let held = Held::current(kernel, realm, signed_in.user).await?;
    let offers = journey::offers(visit).await?;
    let proofs = federated::still_counting(&signed_in.session.proofs, &held, &offers, None);
    let policy = journey::policy(visit, settings, &offers, None, None);
    Ok(journey::is_fresh(&proofs, kernel.now()) && held.entitles(&proofs, &policy.second))
}

async fn change(
    visit: &Visit,
    settings: &Settings,
    signed_in: &SignedIn,
    email: &str,
) -> Result<Response, PageError> {
    if !is_fresh(visit, settings, signed_in).await? {
        return away(visit, Flow::begin_anew(visit, signed_in)).await;
    }
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
            let wrong = Trouble::of(&visit.say, "unfit", "email-no-other");
            return overview(visit, signed_in, Some(wrong), StatusCode::UNPROCESSABLE_ENTITY).await;
        }
        Err(Failure::Rejected(_)) => return Err(PageError::stale()),
        Err(failure) => return Err(trouble(failure).into()),
    }
    let new = RequestLetter {
        mailbox: to,
        address: None,
        ..to_theirs(visit, signed_in, LetterKind::EmailChange, Some(change))
    };
    if let Some(response) = mail(visit, signed_in, new).await? {
        return Ok(response);
    }
    let profile = &signed_in.state.profile;
    if profile.email.is_some() && profile.email_verified {
        let before = to_theirs(visit, signed_in, LetterKind::EmailChangeBefore, Some(change));
        if let Some(response) = mail(visit, signed_in, before).await? {
            return Ok(response);
        }
    }
    overview(visit, signed_in, None, StatusCode::OK).await
}

/// Takes codes.
async fn confirm(visit: &Visit, signed_in: &SignedIn, given: &Form) -> Result<Response, PageError> {
    let (kernel, realm, user) = (visit.edge.kernel(), visit.realm.id, signed_in.user);
    let change = kernel.current::<EmailChange>(realm, user.0).await?.state;
    let pending = change.waits(kernel.now()).cloned();
    let about = pending.as_ref().map(|pending| pending.change);
    let mut answered = None;
    for (field, kind) in [
        ("code", LetterKind::EmailVerification),
        ("code_new", LetterKind::EmailChange),
        ("code_before", LetterKind::EmailChangeBefore),
    ] {
        let Some(typed) = given.given(field) else { continue };
        let (mailbox, about) = match (
            kind,
            pending.as_ref().and_then(|pending| pending.email.as_deref()),
        ) {
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
        let proof = by_code(kernel, &visit.context_of(signed_in), &attempt, typed).await?;
        let Some(proof) = proof.filter(|proof| proof.request.user == Some(user)) else {
            return overview(
                visit,
                signed_in,
                Some(wrong_code(&visit.say)),
                StatusCode::UNAUTHORIZED,
            )
            .await;
        };
        answered = Some(letter::confirm(visit, user, &proof).await?);
    }
    if let Some(response) = answered {
        return Ok(response);
    }
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    overview(visit, signed_in, Some(missing(&visit.say)), status).await
}
