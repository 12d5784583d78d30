//! Another password, by its owner. The rules: they have shown in the last ten minutes who they are, the page is not even shown to others; what
//! would be refused is refused before it is hashed; all other sessions end, and this one goes on under a new cookie.

use axum::{extract::State, response::Response};
use events::{
    auth::{Method, Proof},
    ids::CredentialId,
    kernel::Failure,
};
use http::{StatusCode, header};
use passwords::HashError;
use secrecy::{ExposeSecret, SecretString};
use web::form::Form;

use super::{
    Section,
    credentials::refused,
    own::{Change, ChangeOwn},
    path,
    visitor::{self, Entry, Visitor},
};
use crate::{
    Commands,
    auth::{
        Issuer,
        flow::{finish, guard, methods::Shown},
        page::{self, PageError},
        pages::account::{NewPasswordError, NewPasswordPage, Notice},
        sessions::{ElevateSession, SignedIn},
        trouble,
        visit::{Body, Visit},
    },
    users::{
        Rejection,
        password::{NewPassword, destroy_replaced, judge},
    },
};

/// The page for another password.
#[utoipa::path(
    get, path = "/realms/{realm}/account/password", tag = "account", operation_id = "account_password_page", params(Issuer),
    extensions(("x-events" = json!(["session.continued"]))),
    responses(
        (status = 200, description = "The form"),
        (status = 303, description = "To show anew who one is, and back here"),
    ),
)]
pub(in crate::auth) async fn get_password(visit: Visit) -> Response {
    let answer = show(&visit).await;
    visit.answer(answer)
}

/// Change one's password; all other sessions end.
#[utoipa::path(
    post, path = "/realms/{realm}/account/password", tag = "account", operation_id = "account_password", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, `new_password`, and `repeated`, the same again"),
    extensions(("x-events" = json!(["password.set", "session.elevated", "guard.cleared"]))),
    responses(
        (status = 303, description = "It is changed, back to the credentials; or to show anew who one is, and back here"),
        (status = 400, description = "The form: it was too old, or of another session"),
        (status = 422, description = "The form: why the password is not taken"),
        (status = 503, description = "No room to hash a password just now; `Retry-After` says when"),
    ),
)]
pub(in crate::auth) async fn post_password(
    State(commands): State<Commands>,
    visit: Visit,
    body: Body,
) -> Response {
    let answer = Box::pin(submit(&commands, &visit, body)).await;
    visit.answer(answer)
}

async fn show(visit: &Visit) -> Result<Response, PageError> {
    match visitor::enter(visit, Section::Password).await? {
        Entry::Visitor(visitor) if visitor.has_shown().await? => page(&visitor, None, None).await,
        Entry::Visitor(visitor) => visitor.confirm().await,
        Entry::Away(response) => Ok(*response),
    }
}

async fn page(
    visitor: &Visitor<'_>,
    notice: Option<Notice>,
    error: Option<NewPasswordError>,
) -> Result<Response, PageError> {
    let settings = &visitor.settings.password;
    let status = match &error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => visitor::status(notice),
    };
    let back = path(visitor.visit, Section::Credentials);
    let template = NewPasswordPage::new(
        visitor.shell(notice).await?,
        visitor.signed_in.name(),
        u64::try_from(settings.minimum_length).unwrap_or(u64::MAX),
        u64::try_from(settings.maximum_length).unwrap_or(u64::MAX),
        settings.blocklist,
        &back,
        error,
    );
    Ok(page::page(status, &template))
}

/// The password of a form, as far as it can be judged before it is hashed.
fn chosen(visitor: &Visitor<'_>, form: &Form) -> Result<SecretString, NewPasswordError> {
    let given = |name| form.get(name).unwrap_or_default();
    if given("new_password").is_empty() {
        return Err(NewPasswordError::Missing);
    }
    if given("new_password") != given("repeated") {
        return Err(NewPasswordError::Differs);
    }
    let password = SecretString::from(given("new_password"));
    let profile = &visitor.signed_in.state.profile;
    let (settings, realm) = (&visitor.settings.password, &visitor.visit.realm.name);
    match judge(&password, settings, profile, realm) {
        Ok(()) => Ok(password),
        Err(rejection) => Err(weak(&rejection)),
    }
}

fn weak(rejection: &Rejection) -> NewPasswordError {
    match rejection {
        Rejection::WeakPassword(weakness) => NewPasswordError::Weak(*weakness),
        _ => NewPasswordError::Missing,
    }
}

async fn submit(commands: &Commands, visit: &Visit, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let visitor = match visitor::enter(visit, Section::Password).await? {
        Entry::Visitor(visitor) => visitor,
        Entry::Away(response) => return Ok(*response),
    };
    if !visitor.has_shown().await? {
        return visitor.confirm().await;
    }
    if !visitor.is_own(&form).await? {
        return page(&visitor, Some(Notice::Stale), None).await;
    }
    let password = match chosen(&visitor, &form) {
        Ok(password) => password,
        Err(error) => return page(&visitor, None, Some(error)).await,
    };
    let context = visit.context_of(&visitor.signed_in);
    let password = match NewPassword::hash(&commands.hasher, &context, password.expose_secret().into()).await
    {
        Ok(password) => password,
        Err(HashError::Overloaded { retry_after_seconds }) => {
            return Err(PageError::busy(retry_after_seconds));
        }
        Err(error) => {
            tracing::error!(%error, "a password could not be hashed");
            return Err(PageError::internal());
        }
    };
    let (realm, user, credential) = (visit.realm.id, visitor.signed_in.user, password.credential);
    let policy = visitor.policy().await?;
    let command = ChangeOwn {
        realm,
        user,
        session: visitor.signed_in.id,
        policy: &policy,
        change: Change::SetPassword(password),
    };
    match commands.edge.kernel().execute(&context, &command).await {
        Ok(_) => {}
        Err(Failure::Rejected(Rejection::Unproven)) => return visitor.confirm().await,
        Err(Failure::Rejected(rejection @ Rejection::WeakPassword(_))) => {
            return page(&visitor, None, Some(weak(&rejection))).await;
        }
        Err(Failure::Rejected(rejection)) => return page(&visitor, Some(refused(&rejection)), None).await,
        Err(failure) => return Err(trouble(failure).into()),
    }
    destroy_replaced(commands.edge.kernel(), realm, user).await;
    let mut response = page::see_other(&format!(
        "{}?done={}",
        path(visit, Section::Credentials),
        Notice::PasswordChanged.as_str()
    ))?;
    if let Some(signed_in) = shown(&visitor, credential).await? {
        for cookie in finish::cookies(visit, &signed_in).await? {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

/// Whoever sets a password has shown that they know it: the session goes on with that, under a new cookie. `None`: it ended in the
/// meantime.
async fn shown(visitor: &Visitor<'_>, credential: CredentialId) -> Result<Option<SignedIn>, PageError> {
    let (visit, signed_in) = (visitor.visit, &visitor.signed_in);
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let now = kernel.now();
    let command = ElevateSession {
        realm,
        session: signed_in.id,
        user: signed_in.user,
        client: None,
        shown: vec![Shown {
            proof: Proof {
                method: Method::Password,
                at: now,
                credential: Some(credential),
                user_verified: false,
                hardware: false,
            },
            spends: Vec::new(),
        }],
        flow: (kernel.new_id(), now),
        guard: guard::of(visit, Some(signed_in.user), "").await?.id,
    };
    match kernel.execute(&visit.context_of(signed_in), &command).await {
        Ok(_) => {}
        Err(Failure::Rejected(_)) => return Ok(None),
        Err(failure) => return Err(trouble(failure).into()),
    }
    Ok(Some(SignedIn {
        session: kernel.current(realm, signed_in.id.0).await?.state,
        ..signed_in.clone()
    }))
}
