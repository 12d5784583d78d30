//! The sign-in page. The rules: an unknown name, a wrong password, a locked and a disabled user get one
//! answer, with the same work, status, headers and length; a form works in the browser that it was opened in,
//! and once.

use axum::response::Response;
use events::{
    auth::{AuthEvent, LoginFailure},
    envelope::Actor,
    ids::{CredentialId, SessionId, UserId},
    kernel::{Failure, KernelError},
    log::{ClaimKind, LogError},
    realms::Settings,
    subject::Lane,
    users::{Password, User, login_name},
};
use http::{HeaderValue, StatusCode, header};
use passwords::{HashError, Hasher, Verdict};
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Issuer,
    authorize::{self, answer, redirect_uri::PolicySource},
    device,
    flow::Flow,
    logout,
    page::{self, PageError},
    pages::{SignIn, SignInError, SignedIn as SignedInPage},
    session_cookie::{self, Browser},
    sessions::{self, RehashPassword, SignedIn, StartSession, refusal},
    trouble,
    visit::{Body, Query, Visit},
};
use crate::{Commands, users::password::destroy_replaced};

/// The sign-in page; with a session and without a sign-in under way, it says who is signed in.
#[utoipa::path(
    get, path = "/realms/{realm}/sign-in", tag = "pages", operation_id = "sign_in_page",
    params(Issuer, ("flow" = Option<String>, Query, description = "A sign-in under way, from the authorization endpoint")),
    responses(
        (status = 200, description = "The form"),
        (status = 400, description = "The form, anew: the sign-in under way was too old or of another browser"),
    ),
)]
pub(super) async fn get_sign_in(visit: Visit, query: Query) -> Response {
    let answer = show(&visit, query).await;
    visit.answer(answer)
}

/// Sign in with a name and a password.
#[utoipa::path(
    post, path = "/realms/{realm}/sign-in", tag = "pages", operation_id = "sign_in", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, `username`, `password`"),
    responses(
        (status = 303, description = "Signed in: to the application with a code, or to this page"),
        (status = 400, description = "The form, anew: it was too old, used before, or of another browser"),
        (status = 401, description = "The form: name and password do not open an account, whatever the reason"),
        (status = 422, description = "The form: name or password are missing"),
        (status = 503, description = "The form: no room to check a password just now; `Retry-After` says when"),
    ),
)]
pub(super) async fn post_sign_in(
    axum::extract::State(commands): axum::extract::State<Commands>,
    visit: Visit,
    body: Body,
) -> Response {
    let answer = submit(&visit, &commands.hasher, body).await;
    visit.answer(answer)
}

async fn show(visit: &Visit, query: Query) -> Result<Response, PageError> {
    let form = query.0?;
    let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
    let Some(text) = form.get("flow") else {
        let settings = visit.edge.settings(visit.realm.id).await?;
        return match sessions::current(visit, &settings).await? {
            Some(signed_in) => show_signed_in(visit, &signed_in).await,
            None => anew(visit, &browser, "", StatusCode::OK, None).await,
        };
    };
    match Flow::open(visit, &browser, text).await? {
        None => {
            anew(
                visit,
                &browser,
                "",
                StatusCode::BAD_REQUEST,
                Some(SignInError::Stale),
            )
            .await
        }
        Some(flow) => {
            let hint = flow
                .request
                .as_ref()
                .and_then(|request| request.login_hint.as_deref())
                .unwrap_or_default();
            form_page(visit, &flow, text, hint, StatusCode::OK, None).await
        }
    }
}

async fn show_signed_in(visit: &Visit, signed_in: &SignedIn) -> Result<Response, PageError> {
    let template = SignedInPage {
        realm_display_name: &visit.realm.display_name,
        realm: &visit.realm.name,
        username: signed_in.name(),
        signed_in_at: OffsetDateTime::from_unix_timestamp(signed_in.session.started.seconds())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH),
        sign_out_action: &logout::path(visit),
        flow: &logout::confirmation(visit, signed_in.id, None).await?,
    };
    Ok(page::page(StatusCode::OK, &template))
}

/// A form that belongs to no application's request.
async fn anew(
    visit: &Visit,
    browser: &Browser,
    username: &str,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let flow = Flow::begin(visit, None);
    let text = flow.seal(visit, browser).await?;
    let mut response = form_page(visit, &flow, &text, username, status, error).await?;
    visit.remember(browser, response.headers_mut())?;
    Ok(response)
}

/// The form of a sign-in under way.
async fn form_page(
    visit: &Visit,
    flow: &Flow,
    text: &str,
    username: &str,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let application = match &flow.request {
        Some(request) => Some(authorize::asking(visit, request).await?),
        None => None,
    };
    let reply_to = flow.request.as_ref().map(|request| &request.reply_to);
    let cancel = match (&application, reply_to) {
        (Some(application), Some(reply_to)) => {
            answer::link(visit, application, reply_to, answer::ACCESS_DENIED).await?
        }
        _ => None,
    };
    let leads_to = reply_to.and_then(|reply_to| PolicySource::of(&reply_to.redirect_uri));
    let template = SignIn {
        realm_display_name: &visit.realm.display_name,
        realm: &visit.realm.name,
        application_name: application
            .as_ref()
            .map(|application| application.settings.name.as_str()),
        action: &format!("/realms/{}/sign-in", visit.realm.name),
        flow: text,
        username,
        error,
        cancel_url: cancel.as_deref(),
    };
    Ok(page::form_page(status, &template, leads_to.as_ref()))
}

async fn submit(visit: &Visit, hasher: &Hasher, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let (text, username) = (
        form.get("flow").unwrap_or_default(),
        form.get("username").unwrap_or_default(),
    );
    let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
    let stale = async || {
        anew(
            visit,
            &browser,
            username,
            StatusCode::BAD_REQUEST,
            Some(SignInError::Stale),
        )
        .await
    };
    let Some(flow) = Flow::open(visit, &browser, text).await? else {
        return stale().await;
    };
    // Nobody gives their password for an application that is gone, or moved.
    if let Some(request) = &flow.request {
        authorize::asking(visit, request).await?;
    }
    let again = async |status, error| form_page(visit, &flow, text, username, status, Some(error)).await;

    let password = SecretString::from(form.get("password").unwrap_or_default());
    let name = login_name(username);
    if name.is_empty() || form.get("password").is_none_or(str::is_empty) {
        return again(StatusCode::UNPROCESSABLE_ENTITY, SignInError::Incomplete).await;
    }
    let settings = visit.edge.settings(visit.realm.id).await?;
    match sign_in(visit, hasher, &settings, &flow, &name, &password).await? {
        SignInResult::SignedIn(signed_in) => {
            counted("succeeded");
            let answer = match (&flow.request, &flow.device) {
                (Some(request), _) => authorize::grant(visit, request, &signed_in, None).await,
                (None, Some(user_code)) => page::see_other(&device::after_sign_in(visit, user_code)),
                (None, None) => page::see_other(&format!("/realms/{}/sign-in", visit.realm.name)),
            };
            // Signed in they are, whatever the application is answered.
            let mut response = visit.answer(answer);
            let cookie = session_cookie::set_session(&visit.edge, visit.realm.id, signed_in.id).await?;
            response.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(response)
        }
        SignInResult::Refused => {
            counted("failed");
            again(StatusCode::UNAUTHORIZED, SignInError::NotRecognised).await
        }
        SignInResult::Busy { seconds } => {
            counted("overloaded");
            let mut response = again(StatusCode::SERVICE_UNAVAILABLE, SignInError::Busy).await?;
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
        SignInResult::UsedBefore => stale().await,
    }
}

fn counted(result: &'static str) {
    metrics::counter!("chancery_sign_ins_total", "result" => result, "method" => "password").increment(1);
}

/// What became of a name and a password.
enum SignInResult {
    SignedIn(Box<SignedIn>),
    /// Whatever the reason.
    Refused,
    /// There was no room to check the password; nothing was done.
    Busy {
        /// When to try again.
        seconds: u64,
    },
    /// The form was used for a sign-in before.
    UsedBefore,
}

async fn sign_in(
    visit: &Visit,
    hasher: &Hasher,
    settings: &Settings,
    flow: &Flow,
    name: &str,
    password: &SecretString,
) -> Result<SignInResult, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let client = flow.request.as_ref().map(|request| request.client);
    // Nobody of this name is looked up like somebody: the nil id has no events, and never will.
    let holder = kernel
        .claimed(realm, Lane::Facts, ClaimKind::LoginName, name)
        .await?;
    let user = UserId(holder.unwrap_or(Uuid::nil()));
    let state = kernel.current::<User>(realm, user.0).await?.state;
    let stored = kernel.current::<Password>(realm, user.0).await?.state;
    let refused = refusal(&state, kernel.now());
    let hash = stored.hash.as_deref().filter(|_| refused.is_none());
    let verdict = match hasher.verify(password, hash).await {
        Err(HashError::MalformedHash | HashError::ExcessiveParameters) => {
            tracing::error!(%user, "a stored password hash cannot be used");
            hasher.verify(password, None).await
        }
        verdict => verdict,
    };
    let needs_rehash = match verdict {
        Ok(Verdict::Match { needs_rehash }) => Ok(needs_rehash),
        Ok(Verdict::Mismatch) => Err(refused.unwrap_or(LoginFailure::WrongPassword)),
        Err(HashError::Overloaded { retry_after_seconds }) => {
            return Ok(SignInResult::Busy {
                seconds: retry_after_seconds,
            });
        }
        Err(error) => {
            tracing::error!(%error, "a password could not be verified");
            return Err(PageError::internal());
        }
    };
    let failed = async |reason| {
        let context = visit.context(Actor {
            client,
            ..Actor::default()
        });
        let failure = AuthEvent::LoginFailed {
            user: holder.map(UserId),
            client,
            reason,
        };
        kernel
            .record(realm, &context, vec![failure.into()])
            .await
            .map(|_| SignInResult::Refused)
    };
    let (needs_rehash, credential) = match (needs_rehash, stored.credential) {
        (Ok(needs_rehash), Some(credential)) => (needs_rehash, credential),
        (Ok(_), None) => return Ok(failed(LoginFailure::WrongPassword).await?),
        (Err(reason), _) => return Ok(failed(reason).await?),
    };

    let session = SessionId(kernel.new_id());
    let context = visit.context(Actor {
        user: Some(user),
        client,
        session: Some(session),
        ..Actor::default()
    });
    let start = StartSession {
        realm,
        session,
        user,
        credential,
        client,
        amr: vec!["pwd".to_owned()],
        expires: context.now.after_seconds(settings.session.absolute_seconds),
        flow: (flow.id, flow.expires),
        replaces: session_cookie::session(&visit.edge, realm, &visit.headers).await?,
    };
    match kernel.execute(&context, &start).await {
        Ok(_) => {}
        Err(Failure::Rejected(reason)) => return Ok(failed(reason).await?),
        Err(Failure::Claimed {
            kind: ClaimKind::Flow,
            ..
        }) => return Ok(SignInResult::UsedBefore),
        Err(failure) => return Err(trouble(failure).into()),
    }
    if needs_rehash {
        rehash(visit, hasher, user, credential, password).await;
    }
    let session_state = kernel.current(realm, session.0).await?.state;
    Ok(SignInResult::SignedIn(Box::new(SignedIn {
        id: session,
        session: session_state,
        user,
        state,
    })))
}

/// Hashes a password anew with today's parameters, while it is at hand. The user is signed in whether or not
/// this succeeds.
async fn rehash(visit: &Visit, hasher: &Hasher, user: UserId, from: CredentialId, password: &SecretString) {
    if let Err(error) = try_rehash(visit, hasher, user, from, password).await {
        tracing::warn!(%error, %user, "a password was not hashed anew; the next sign-in tries again");
    }
}

async fn try_rehash(
    visit: &Visit,
    hasher: &Hasher,
    user: UserId,
    from: CredentialId,
    password: &SecretString,
) -> Result<(), KernelError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let hash = hasher
        .hash(password)
        .await
        .map_err(|error| LogError::Unavailable(error.to_string()))?;
    let to = CredentialId(kernel.new_id());
    let context = visit.context(Actor {
        user: Some(user),
        ..Actor::default()
    });
    kernel
        .execute(
            &context,
            &RehashPassword {
                realm,
                user,
                from,
                to,
                hash,
            },
        )
        .await
        .map_err(trouble)?;
    destroy_replaced(kernel, realm, user).await;
    Ok(())
}
