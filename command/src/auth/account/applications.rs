//! Which applications somebody allowed what, and withdrawing that. The rule: what is withdrawn ends on every node within a second, with all
//! that the application got by it; what is shown is what the consent itself says.

use axum::{extract::State, response::Response};
use events::{
    applications::Application,
    compliance::{Consent, consent_id},
    ids::ApplicationId,
    kernel::Failure,
};
use web::form::Form;

use super::{
    Section,
    visitor::{self, Entry, Visitor},
};
use crate::{
    Commands,
    auth::{
        Issuer,
        consent::{
            decisions::{NoConsent, WithdrawConsent},
            words,
        },
        page::{self, PageError},
        pages::account::{Allowed, Applications, Moment, Notice},
        trouble,
        visit::{Body, Query, Visit},
    },
};

/// Which applications who is signed in allowed what.
#[utoipa::path(
    get, path = "/realms/{realm}/account/applications", tag = "account", operation_id = "account_applications_page",
    params(Issuer, ("done" = Option<String>, Query, description = "What the page before has done, to say so")),
    extensions(("x-events" = json!(["session.continued"]))),
    responses(
        (status = 200, description = "The applications, each with what it was allowed, in words"),
        (status = 303, description = "To the sign-in page, and back here"),
    ),
)]
pub(in crate::auth) async fn get_applications(
    State(commands): State<Commands>,
    visit: Visit,
    query: Query,
) -> Response {
    let answer = show(&commands, &visit, query).await;
    visit.answer(answer)
}

/// Withdraw what one allowed an application.
#[utoipa::path(
    post, path = "/realms/{realm}/account/applications", tag = "account", operation_id = "account_applications", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, and `application`: the id of the one from which it is withdrawn"),
    extensions(("x-events" = json!(["consent.withdrawn"]))),
    responses(
        (status = 303, description = "Back to the page; or to the sign-in page, and back there"),
        (status = 400, description = "The page: the form was too old, or of another session"),
    ),
)]
pub(in crate::auth) async fn post_applications(
    State(commands): State<Commands>,
    visit: Visit,
    body: Body,
) -> Response {
    let answer = submit(&commands, &visit, body).await;
    visit.answer(answer)
}

async fn show(commands: &Commands, visit: &Visit, query: Query) -> Result<Response, PageError> {
    let form = query.0?;
    match visitor::enter(visit, Section::Applications).await? {
        Entry::Visitor(visitor) => page(commands, &visitor, visitor::told(&form)).await,
        Entry::Away(response) => Ok(*response),
    }
}

async fn page(
    commands: &Commands,
    visitor: &Visitor<'_>,
    notice: Option<Notice>,
) -> Result<Response, PageError> {
    let (visit, user) = (visitor.visit, visitor.signed_in.user);
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let mut allowed = Vec::new();
    for client in commands.holdings.allowed(realm, user).await? {
        let consent = kernel.latest::<Consent>(realm, consent_id(user, client)).await?;
        // Withdrawn since it was listed.
        if consent.version == consent.state.withdrawn {
            continue;
        }
        let consent = consent.state;
        let application = kernel.current::<Application>(realm, client.0).await?.state;
        allowed.push(Allowed {
            id: client.to_string(),
            is_active: application.is_active(),
            name: application.settings.name,
            about: application.settings.client_uri,
            what: words::allowed(&consent, &visit.say, &visitor.settings),
            since: Moment(consent.given),
        });
    }
    allowed.sort_by(|one, other| {
        (one.name.to_lowercase(), &one.id).cmp(&(other.name.to_lowercase(), &other.id))
    });
    let template = Applications::new(visitor.shell(notice).await?, &allowed);
    Ok(page::page(visitor::status(notice), &template))
}

async fn submit(commands: &Commands, visit: &Visit, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let visitor = match visitor::enter(visit, Section::Applications).await? {
        Entry::Visitor(visitor) => visitor,
        Entry::Away(response) => return Ok(*response),
    };
    if !visitor.is_own(&form).await? {
        return page(commands, &visitor, Some(Notice::Stale)).await;
    }
    if withdraw(&visitor, &form).await? {
        visitor.done(Notice::Withdrawn)
    } else {
        page(commands, &visitor, Some(Notice::Gone)).await
    }
}

/// Withdraws. `false`: there is nothing to withdraw from such an application.
async fn withdraw(visitor: &Visitor<'_>, form: &Form) -> Result<bool, PageError> {
    let visit = visitor.visit;
    let named = form.given("application").and_then(|id| id.parse().ok());
    let Some(client) = named.map(ApplicationId) else {
        return Ok(false);
    };
    let command = WithdrawConsent {
        realm: visit.realm.id,
        user: visitor.signed_in.user,
        client,
    };
    let context = visit.context_of(&visitor.signed_in);
    match visit.edge.kernel().execute(&context, &command).await {
        Ok(_) => Ok(true),
        Err(Failure::Rejected(NoConsent)) => Ok(false),
        Err(failure) => Err(trouble(failure).into()),
    }
}
