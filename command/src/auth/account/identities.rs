//! What somebody is known as at identity providers, and unlinking that. The rules: who unlinks has shown just now who they are, with a second
//! factor if they have one that counts; and nobody unlinks what alone lets them sign in.

use axum::response::Response;
use events::{auth::Method, ids::CredentialId, kernel::Failure};
use web::form::Form;

use super::{
    Section,
    visitor::{self, Entry, Visitor},
};
use crate::{
    auth::{
        Issuer,
        flow::{
            Flow, journey,
            methods::{Held, federated},
        },
        page::{self, PageError},
        pages::account::{Identities, Known, Moment, Notice},
        trouble,
        visit::{Body, Query, Visit},
    },
    identities::unlink::{By, UnlinkIdentity},
    users::{Rejection, totp::destroy_removed},
};

/// What who is signed in is known as at identity providers.
#[utoipa::path(
    get, path = "/realms/{realm}/account/identities", tag = "account", operation_id = "account_identities_page",
    params(Issuer, ("done" = Option<String>, Query, description = "What the page before has done, to say so")),
    extensions(("x-events" = json!(["session.continued"]))),
    responses(
        (status = 200, description = "The identities, and the way to another one"),
        (status = 303, description = "To the sign-in page, and back here"),
    ),
)]
pub(in crate::auth) async fn get_identities(visit: Visit, query: Query) -> Response {
    let answer = show(&visit, query).await;
    visit.answer(answer)
}

/// Unlink an identity. Who did not show who they are in the last ten minutes is asked to, and comes back to the page.
#[utoipa::path(
    post, path = "/realms/{realm}/account/identities", tag = "account", operation_id = "account_identities", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, and `identity`: the id of the one that is unlinked"),
    extensions(("x-events" = json!(["identity.unlinked"]))),
    responses(
        (status = 303, description = "Back to the page; or to the sign-in page, and back there"),
        (status = 400, description = "The page: the form was too old, or of another session"),
        (status = 409, description = "The page: without it they could not sign in any more"),
    ),
)]
pub(in crate::auth) async fn post_identities(visit: Visit, body: Body) -> Response {
    let answer = submit(&visit, body).await;
    visit.answer(answer)
}

async fn show(visit: &Visit, query: Query) -> Result<Response, PageError> {
    let form = query.0?;
    match visitor::enter(visit, Section::Identities).await? {
        Entry::Visitor(visitor) => page(&visitor, visitor::told(&form)).await,
        Entry::Away(response) => Ok(*response),
    }
}

async fn page(visitor: &Visitor<'_>, notice: Option<Notice>) -> Result<Response, PageError> {
    let (visit, user) = (visitor.visit, visitor.signed_in.user);
    let held = Held::current(visit.edge.kernel(), visit.realm.id, user).await?;
    let offers = journey::offers(visit).await?;
    let known: Vec<_> = held
        .identities
        .identities
        .iter()
        .map(|identity| {
            let offer = offers.0.get(&identity.provider);
            Known {
                id: identity.credential.to_string(),
                at: offer.map_or(identity.issuer.clone(), |offer| offer.display_name.clone()),
                name: identity.name.clone(),
                since: Moment(identity.linked),
            }
        })
        .collect();
    let policy = journey::policy(visit, &visitor.settings, &offers, None, None);
    let add = policy
        .first
        .contains(&Method::Federated)
        .then(|| format!("/realms/{}/sign-in?add=federated", visit.realm.name));
    let template = Identities::new(visitor.shell(notice).await?, &known, add.as_deref());
    Ok(page::page(visitor::status(notice), &template))
}

async fn submit(visit: &Visit, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let visitor = match visitor::enter(visit, Section::Identities).await? {
        Entry::Visitor(visitor) => visitor,
        Entry::Away(response) => return Ok(*response),
    };
    if !visitor.is_own(&form).await? {
        return page(&visitor, Some(Notice::Stale)).await;
    }
    let held = Held::current(visit.edge.kernel(), visit.realm.id, visitor.signed_in.user).await?;
    let offers = journey::offers(visit).await?;
    let proofs = federated::still_counting(&visitor.signed_in.session.proofs, &held, &offers, None);
    let now = visit.edge.kernel().now();
    if !journey::is_fresh(&proofs, now) {
        let flow = Flow::begin_anew(visit, &visitor.signed_in);
        return match visitor::away(visit, flow, Section::Identities).await? {
            Entry::Away(response) => Ok(*response),
            Entry::Visitor(_) => Err(PageError::internal()),
        };
    }
    let policy = journey::policy(visit, &visitor.settings, &offers, None, None);
    let by = By::Themselves {
        proofs,
        begins: policy.first,
        counts: policy.second,
    };
    match unlink(&visitor, &form, by).await? {
        Notice::Unlinked => visitor.done(Notice::Unlinked),
        notice => page(&visitor, Some(notice)).await,
    }
}

/// Unlinks, and says what came of it.
async fn unlink(visitor: &Visitor<'_>, form: &Form, by: By) -> Result<Notice, PageError> {
    let (visit, user) = (visitor.visit, visitor.signed_in.user);
    let named = form.given("identity").and_then(|id| id.parse().ok());
    let Some(credential) = named.map(CredentialId) else {
        return Ok(Notice::Gone);
    };
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let command = UnlinkIdentity {
        realm,
        user,
        credential,
        by,
    };
    match kernel
        .execute(&visit.context_of(&visitor.signed_in), &command)
        .await
    {
        Ok(_) => {
            destroy_removed(kernel, realm, user).await;
            Ok(Notice::Unlinked)
        }
        Err(Failure::Rejected(Rejection::NotFound)) => Ok(Notice::Gone),
        Err(Failure::Rejected(Rejection::LastWay)) => Ok(Notice::LastWay),
        Err(Failure::Rejected(_)) => Ok(Notice::Unproven),
        Err(failure) => Err(trouble(failure).into()),
    }
}
