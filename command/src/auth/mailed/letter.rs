//! Where the links of letters lead. The rules: opening a link changes nothing, since programs that look through mail open links; the button
//! does; and a link that leads nowhere is told alike whatever the reason.

use std::collections::BTreeSet;

use axum::{extract::State, response::Response};
use events::{
    envelope::Actor,
    ids::UserId,
    kernel::Failure,
    letters::{LetterKind, Request},
    log::ClaimKind,
    subject::Lane,
    users::{Profile, User},
};
use http::{HeaderValue, StatusCode, header};
use passwords::HashError;
use secrecy::SecretString;
use web::form::Form;

use super::decisions::{ConfirmEmailChange, RegisterByLetter, SetPasswordByLetter, VerifyEmail};
use crate::{
    Commands, Faults,
    auth::{
        Issuer,
        flow::{
            journey::Journey,
            methods::email::{self, Kept},
        },
        page::{self, PageError},
        pages::{Field, MailedPage, PageForm, Trouble},
        session_cookie::Browser,
        trouble,
        visit::{Body, Query, Visit},
    },
    letters::proof::{self, Proof},
    users::{
        Rejection,
        password::{self, NewPassword, destroy_replaced},
        register::RegisterUser,
    },
    words::{Message, Say},
};

/// Where the link of a letter leads.
#[utoipa::path(
    get, path = "/realms/{realm}/letter", tag = "pages", operation_id = "letter_page",
    params(Issuer, ("token" = String, Query, description = "What the link carries")),
    responses(
        (status = 200, description = "A form that does what the letter is for; or, of a sign-in that was begun in another browser, the code"),
        (status = 400, description = "The link is over, used, of another realm, or made up"),
    ),
)]
pub(in crate::auth) async fn get_letter(visit: Visit, query: Query) -> Response {
    let answer = show(&visit, query).await;
    visit.answer(answer)
}

/// Do what a letter is for.
#[utoipa::path(
    post, path = "/realms/{realm}/letter", tag = "pages", operation_id = "letter", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`token`; what the form asks for: `password`, `given_name`, `family_name`; and of who registers, `flow`, the sign-in that it is part of"),
    extensions(("x-events" = json!([
        "user.email_verified", "password.set", "user.registered", "email_change.confirmed", "email_change.completed",
        "user.profile_changed", "login.attempted", "guard.cleared", "session.started", "session.ended", "known_device.added",
        "known_device.seen", "code.issued", "letter.requested"
    ]))),
    responses(
        (status = 200, description = "It is done; or the next step of the sign-in that a registration is part of"),
        (status = 303, description = "Registered and signed in: to the application with a code, or to the sign-in page"),
        (status = 400, description = "The link is over, used, of another realm, or made up"),
        (status = 422, description = "The form: the password is too weak, or something is not as it must be"),
        (status = 503, description = "The form: no room to hash a password just now; `Retry-After` says when"),
    ),
)]
pub(in crate::auth) async fn post_letter(
    State(commands): State<Commands>,
    visit: Visit,
    body: Body,
) -> Response {
    let answer = submit(&commands, &visit, body).await;
    visit.answer(answer)
}

/// The path that forms of letters are posted to.
pub fn path(visit: &Visit) -> String {
    format!("/realms/{}/letter", visit.realm.name)
}

/// Where the page of a letter is shown again.
fn again(visit: &Visit, token: &str) -> String {
    format!("{}?token={token}&", path(visit))
}

/// The letter that a form or a link names, if it was not used.
async fn opened(visit: &Visit, form: &Form) -> Result<Proof, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let token = form.get("token").unwrap_or_default();
    let Some(proof) = proof::open(kernel, realm, token).await? else {
        return Err(PageError::void_letter());
    };
    let lane = match proof.request.kind {
        LetterKind::SignIn => Lane::Activity,
        _ => Lane::Facts,
    };
    if proof.is_spent(kernel, realm, lane).await? {
        return Err(PageError::void_letter());
    }
    Ok(proof)
}

async fn show(visit: &Visit, query: Query) -> Result<Response, PageError> {
    let proof = opened(visit, &query.0?).await?;
    if proof.request.kind == LetterKind::SignIn {
        return sign_in(visit, &proof).await;
    }
    form(visit, &proof, &Form::default(), None, StatusCode::OK).await
}

/// In the browser in which the sign-in was begun its code is sent by a button; in another it is shown.
async fn sign_in(visit: &Visit, proof: &Proof) -> Result<Response, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let code = proof::code(kernel, realm, proof.mailbox, proof.request.event).await?;
    let action = visit.sign_in_path();
    let kept = Kept::by(visit, proof).await?;
    let (title, paragraphs, forms) = match &kept {
        Some(kept) => (
            "sign-in",
            vec![visit.say.text("letter-here")],
            vec![PageForm {
                action: &action,
                hidden: vec![("flow", kept.sealed.as_str()), (email::FIELD, code.as_str())],
                button: "sign-in",
                ..PageForm::default()
            }],
        ),
        None => (
            "letter-code",
            vec![
                visit.say.text("letter-elsewhere"),
                visit.say.text("letter-not-begun"),
            ],
            Vec::new(),
        ),
    };
    let page = MailedPage {
        say: &visit.say,
        title,
        paragraphs: &paragraphs,
        code: kept.is_none().then_some(code.as_str()),
        trouble: None,
        forms: &forms,
        onward: None,
        again: Some(&again(visit, &proof.token(kernel, realm).await?)),
    };
    let leads_to = kept.as_ref().and_then(Kept::leads_to);
    Ok(page::form_page(StatusCode::OK, &page, leads_to.as_ref()))
}

/// The sign-in under way that a registration is part of, if it is of this browser: as a form carried it, or as the browser keeps it.
async fn under_way(visit: &Visit, proof: &Proof, given: &Form) -> Result<Option<Kept>, PageError> {
    if proof.request.kind != LetterKind::Registration {
        return Ok(None);
    }
    Ok(match given.get("flow") {
        Some(sealed) => Kept::of(visit, proof, sealed).await?,
        None => Kept::by(visit, proof).await?,
    })
}

/// The form of a letter.
pub async fn form(
    visit: &Visit,
    proof: &Proof,
    given: &Form,
    trouble: Option<Trouble<'_>>,
    status: StatusCode,
) -> Result<Response, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let Request { kind, user, to, .. } = &proof.request;
    let account = match user {
        Some(user) => account(&kernel.current::<User>(realm, user.0).await?.state.profile),
        None => to.clone().unwrap_or_default(),
    };
    let value = |name| given.get(name).unwrap_or_default();
    let (title, lede, fields, button) = match kind {
        LetterKind::EmailVerification => ("email-question", "email-question-lede", Vec::new(), "email-mine"),
        LetterKind::EmailChange => ("email-question", "email-new-lede", Vec::new(), "email-mine"),
        LetterKind::EmailChangeBefore => (
            "email-change-question",
            "email-before-lede",
            Vec::new(),
            "email-change",
        ),
        LetterKind::PasswordRecovery => (
            "set-password",
            "set-password-lede",
            vec![Field::new_password()],
            "set-password-button",
        ),
        LetterKind::Invitation => (
            "invited",
            "invited-lede",
            vec![Field::new_password()],
            "set-password-button",
        ),
        LetterKind::Registration => (
            "register",
            "register-details",
            vec![
                Field::text(
                    "given_name",
                    "profile-given-name",
                    "given-name",
                    value("given_name"),
                ),
                Field::text(
                    "family_name",
                    "profile-family-name",
                    "family-name",
                    value("family_name"),
                ),
                Field::new_password(),
            ],
            "register",
        ),
        _ => return Err(PageError::void_letter()),
    };
    let (action, token) = (path(visit), proof.token(kernel, realm).await?);
    let kept = under_way(visit, proof, given).await?;
    let mut hidden = vec![("token", token.as_str())];
    hidden.extend(kept.iter().map(|kept| ("flow", kept.sealed.as_str())));
    let forms = [PageForm {
        action: &action,
        hidden,
        fields,
        button,
    }];
    let page = MailedPage {
        say: &visit.say,
        title,
        paragraphs: &[visit.say.text(lede).with("account", account)],
        code: None,
        trouble,
        forms: &forms,
        onward: None,
        again: Some(&again(visit, &token)),
    };
    let leads_to = kept.as_ref().and_then(Kept::leads_to);
    Ok(page::form_page(status, &page, leads_to.as_ref()))
}

fn account(profile: &Profile) -> String {
    let known = profile.username.as_ref().or(profile.email.as_ref());
    known.cloned().unwrap_or_default()
}

/// It is done: the names of the messages that say so.
fn done(visit: &Visit, title: &'static str, text: &'static str) -> Response {
    let onward = visit.sign_in_path();
    let page = MailedPage {
        say: &visit.say,
        title,
        paragraphs: &[visit.say.text(text)],
        code: None,
        trouble: None,
        forms: &[],
        onward: Some((&onward, "on-to-sign-in")),
        again: None,
    };
    page::page(StatusCode::OK, &page)
}

async fn submit(commands: &Commands, visit: &Visit, body: Body) -> Result<Response, PageError> {
    let given = body.0?;
    let proof = opened(visit, &given).await?;
    match (proof.request.kind, proof.request.user) {
        (
            LetterKind::EmailVerification | LetterKind::EmailChange | LetterKind::EmailChangeBefore,
            Some(user),
        ) => Ok(told(visit, confirm(visit, user, &proof).await?)),
        (LetterKind::PasswordRecovery | LetterKind::Invitation, Some(user)) => {
            set_password(commands, visit, user, &proof, &given).await
        }
        (LetterKind::Registration, None) => register(commands, visit, &proof, &given).await,
        _ => Err(PageError::void_letter()),
    }
}

/// What became of it that an address says that it is its user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// It is known to be.
    Verified,
    /// It is, in place of the one before.
    Changed,
    /// The other one has yet to say so.
    AwaitsOther,
}

/// The same for who followed the link.
fn told(visit: &Visit, confirmed: Confirmed) -> Response {
    match confirmed {
        Confirmed::Verified => done(visit, "email-confirmed", "email-confirmed-text"),
        Confirmed::Changed => done(visit, "email-changed", "email-changed-text"),
        Confirmed::AwaitsOther => done(visit, "email-half", "email-half-text"),
    }
}

/// An address says that it is its user's.
pub async fn confirm(visit: &Visit, user: UserId, proof: &Proof) -> Result<Confirmed, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let context = visit.context(Actor {
        user: Some(user),
        ..Actor::default()
    });
    if proof.request.kind == LetterKind::EmailVerification {
        let command = VerifyEmail {
            realm,
            user,
            proof: proof.clone(),
        };
        kernel.execute(&context, &command).await.map_err(refused)?;
        return Ok(Confirmed::Verified);
    }
    let command = ConfirmEmailChange {
        realm,
        user,
        proof: proof.clone(),
    };
    let outcome = kernel.execute(&context, &command).await.map_err(refused)?;
    let completed = outcome
        .receipt
        .events
        .iter()
        .any(|event| *event == "email_change.completed");
    Ok(if completed {
        Confirmed::Changed
    } else {
        Confirmed::AwaitsOther
    })
}

/// What remains of a failure of somebody who showed a letter.
fn refused(failure: Failure<Rejection>) -> PageError {
    match failure {
        Failure::Rejected(_)
        | Failure::Claimed {
            kind: ClaimKind::Letter | ClaimKind::LoginName,
            ..
        } => PageError::void_letter(),
        failure => trouble(failure).into(),
    }
}

/// The form again, with what was wrong with the password or what else was given; `None` if nothing was.
fn mend<'a>(say: &'a Say, rejection: &Rejection) -> Option<Trouble<'a>> {
    match rejection {
        Rejection::WeakPassword(weakness) => Some(Trouble {
            title: "unfit-password",
            advice: say.weakness(*weakness),
        }),
        Rejection::Invalid(faults) => Some(Trouble {
            title: "unfit",
            advice: unfit(say, faults),
        }),
        _ => None,
    }
}

/// What is to be entered otherwise. What the form does not ask for people cannot mend: the administrator is told of the names of it.
fn unfit<'a>(say: &'a Say, faults: &Faults) -> Message<'a> {
    let label = |field: &str| match field {
        "given_name" => Some(say.text("profile-given-name").to_string()),
        "family_name" => Some(say.text("profile-family-name").to_string()),
        _ => None,
    };
    let labels: BTreeSet<_> = faults.fields().filter_map(label).collect();
    if labels.is_empty() {
        let fields: Vec<_> = faults.fields().collect();
        tracing::warn!(
            ?fields,
            "nobody can register themselves: the form does not ask for what the realm requires"
        );
        return say.text("unfit-realm");
    }
    let labels: Vec<_> = labels.into_iter().collect();
    say.text("unfit-advice").with("name", labels.join(", "))
}

/// A password that was chosen: judged first, since hashing is dear.
async fn chosen(
    commands: &Commands,
    visit: &Visit,
    proof: &Proof,
    given: &Form,
    profile: &Profile,
) -> Result<Result<NewPassword, Response>, PageError> {
    let settings = visit.edge.settings(visit.realm.id).await?;
    let text = SecretString::from(given.get("password").unwrap_or_default());
    if let Err(rejection) = password::judge(&text, &settings.password, profile, &visit.realm.name) {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(Err(form(
            visit,
            proof,
            given,
            mend(&visit.say, &rejection),
            status,
        )
        .await?));
    }
    match NewPassword::hash(&commands.hasher, &visit.context(Actor::default()), text).await {
        Ok(password) => Ok(Ok(password)),
        Err(HashError::Overloaded { retry_after_seconds }) => {
            let busy = Trouble::of(&visit.say, "busy", "busy-advice");
            let mut response = form(visit, proof, given, Some(busy), StatusCode::SERVICE_UNAVAILABLE).await?;
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
            Ok(Err(response))
        }
        Err(error) => {
            tracing::error!(%error, "a password could not be hashed");
            Err(PageError::internal())
        }
    }
}

async fn set_password(
    commands: &Commands,
    visit: &Visit,
    user: UserId,
    proof: &Proof,
    given: &Form,
) -> Result<Response, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let profile = kernel.current::<User>(realm, user.0).await?.state.profile;
    let password = match chosen(commands, visit, proof, given, &profile).await? {
        Ok(password) => password,
        Err(response) => return Ok(response),
    };
    let command = SetPasswordByLetter {
        realm,
        user,
        proof: proof.clone(),
        password,
    };
    let context = visit.context(Actor {
        user: Some(user),
        ..Actor::default()
    });
    match kernel.execute(&context, &command).await {
        Ok(_) => {}
        Err(Failure::Rejected(rejection)) if mend(&visit.say, &rejection).is_some() => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return form(visit, proof, given, mend(&visit.say, &rejection), status).await;
        }
        Err(failure) => return Err(refused(failure)),
    }
    destroy_replaced(kernel, realm, user).await;
    Ok(done(visit, "password-set", "password-set-text"))
}

async fn register(
    commands: &Commands,
    visit: &Visit,
    proof: &Proof,
    given: &Form,
) -> Result<Response, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let text = |name: &str| {
        let text = given.given(name).map(str::trim).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let profile = Profile {
        email: proof.request.to.clone(),
        email_verified: true,
        given_name: text("given_name"),
        family_name: text("family_name"),
        ..Profile::default()
    };
    let password = match chosen(commands, visit, proof, given, &profile).await? {
        Ok(password) => password,
        Err(response) => return Ok(response),
    };
    let user = UserId(kernel.new_id());
    let command = RegisterByLetter {
        user: RegisterUser {
            realm,
            user,
            profile,
            password: Some(password),
        },
        proof: proof.clone(),
    };
    let context = visit.context(Actor {
        user: Some(user),
        ..Actor::default()
    });
    match kernel.execute(&context, &command).await {
        Ok(_) => {
            let led_on = Box::pin(lead_on(commands, visit, proof, given)).await;
            Ok(led_on.unwrap_or_else(|| done(visit, "registered", "registered-text")))
        }
        Err(Failure::Rejected(rejection)) if mend(&visit.say, &rejection).is_some() => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            form(visit, proof, given, mend(&visit.say, &rejection), status).await
        }
        Err(failure) => Err(refused(failure)),
    }
}

/// Who has just registered signs in where the sign-in that it is part of leads, by the same steps as everybody. `None`: it was begun in another
/// browser, or is over. Registered they are, whatever comes of it.
async fn lead_on(commands: &Commands, visit: &Visit, proof: &Proof, given: &Form) -> Option<Response> {
    let signed_in = async {
        // Only what the form carried: another site may send a form, and the browser's cookies with it.
        let sealed = given.get("flow").unwrap_or_default();
        let Some(kept) = Kept::of(visit, proof, sealed).await? else {
            return Ok(None);
        };
        let answers = [
            ("username", proof.request.to.as_deref()),
            ("password", given.get("password")),
        ];
        let answers = answers.map(|(name, value)| (name.to_owned(), value.unwrap_or_default().to_owned()));
        let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
        match Journey::take_up(visit, commands, browser, kept.flow).await? {
            Some(journey) => Box::pin(journey.submit(&Form::of(answers)?)).await,
            None => Ok(None),
        }
    };
    let signed_in: Result<_, PageError> = signed_in.await;
    signed_in.unwrap_or_else(|error| {
        tracing::info!(?error, realm = %visit.realm.id, "who has registered is not signed in");
        None
    })
}
