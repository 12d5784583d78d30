//! By what somebody signs in, and changing that. The rules: every change asks for a proof of the last ten minutes ([`ChangeOwn`]); what is
//! shown once is shown in the answer to the form that made it, and nowhere else.

use axum::{extract::State, response::Response};
use events::{auth::Method, ids::CredentialId, kernel::Failure};
use web::form::Form;

use super::{
    Section,
    own::{Change, ChangeOwn, may_have_codes},
    visitor::{self, Entry, Visitor},
};
use crate::{
    Commands,
    auth::{
        Issuer,
        flow::{enrolment, journey, methods::Held},
        page::{self, PageError},
        pages::account::{Codes, Credential, Credentials, Known, Moment, NewCodesPage, Notice},
        trouble,
        visit::{Body, Query, Visit},
    },
    users::{Rejection, recovery_codes::NewCodes, totp::destroy_removed},
};

/// By what who is signed in signs in.
#[utoipa::path(
    get, path = "/realms/{realm}/account/credentials", tag = "account", operation_id = "account_credentials_page",
    params(Issuer, ("done" = Option<String>, Query, description = "What the page before has done, to say so")),
    extensions(("x-events" = json!(["session.continued"]))),
    responses(
        (status = 200, description = "Password, passkeys, authenticator apps, recovery codes, accounts elsewhere"),
        (status = 303, description = "To the sign-in page, and back here"),
    ),
)]
pub(in crate::auth) async fn get_credentials(visit: Visit, query: Query) -> Response {
    let answer = show(&visit, query).await;
    visit.answer(answer)
}

/// Rename or remove a passkey, remove an authenticator app, unlink an account elsewhere, make new recovery codes.
#[utoipa::path(
    post, path = "/realms/{realm}/account/credentials", tag = "account", operation_id = "account_credentials", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, and one of `remove_passkey`, `rename_passkey` (with `name`), `remove_totp` and `unlink`, each the id of one; or `new_codes`"),
    extensions(("x-events" = json!(["passkey.renamed", "passkey.removed", "totp.removed", "recovery_codes.removed", "recovery_codes.generated", "identity.unlinked"]))),
    responses(
        (status = 303, description = "Back to the page; or to show anew who one is, and back there"),
        (status = 200, description = "The new recovery codes, this once"),
        (status = 400, description = "The page: the form was too old, or of another session"),
        (status = 404, description = "The page: there is no such thing of theirs"),
        (status = 409, description = "The page: it is the last way to sign in, or one that is required"),
        (status = 422, description = "The page: the name is empty or too long"),
    ),
)]
pub(in crate::auth) async fn post_credentials(
    State(commands): State<Commands>,
    visit: Visit,
    body: Body,
) -> Response {
    let answer = submit(&commands, &visit, body).await;
    visit.answer(answer)
}

async fn show(visit: &Visit, query: Query) -> Result<Response, PageError> {
    let form = query.0?;
    match visitor::enter(visit, Section::Credentials).await? {
        Entry::Visitor(visitor) => page(&visitor, visitor::told(&form)).await,
        Entry::Away(response) => Ok(*response),
    }
}

async fn page(visitor: &Visitor<'_>, notice: Option<Notice>) -> Result<Response, PageError> {
    let (visit, user) = (visitor.visit, visitor.signed_in.user);
    let held = Held::current(visit.edge.kernel(), visit.realm.id, user).await?;
    let offers = journey::offers(visit).await?;
    let policy = journey::policy(visit, &visitor.settings, &offers, None, None);
    let passkeys = held.passkeys.passkeys.iter().map(|passkey| Credential {
        id: passkey.credential.to_string(),
        name: passkey.name.clone().unwrap_or_default(),
        since: Moment(passkey.registered),
        is_synchronised: passkey.authenticator.backup_eligible,
    });
    let devices = held.totp.devices.iter().map(|device| Credential {
        id: device.credential.to_string(),
        name: device.name.clone().unwrap_or_default(),
        since: Moment(device.enrolled),
        is_synchronised: false,
    });
    let identities = held.identities.identities.iter().map(|identity| {
        let offer = offers.0.get(&identity.provider);
        Known {
            id: identity.credential.to_string(),
            at: offer.map_or(identity.issuer.clone(), |offer| offer.display_name.clone()),
            name: identity.name.clone(),
            since: Moment(identity.linked),
        }
    });
    let codes = &held.recovery_codes;
    let addable: Vec<_> = enrolment::addable(&policy).collect();
    let (passkeys, devices): (Vec<_>, Vec<_>) = (passkeys.collect(), devices.collect());
    let identities: Vec<_> = identities.collect();
    let password_path = super::path(visit, Section::Password);
    let template = Credentials::new(
        visitor.shell(notice).await?,
        held.password
            .hash
            .is_some()
            .then_some(Moment(held.password.changed)),
        &password_path,
        &passkeys,
        &devices,
        &identities,
        codes.credential.map(|_| Codes {
            remaining: u64::try_from(codes.remaining()).unwrap_or(u64::MAX),
            since: Moment(codes.generated),
        }),
        may_have_codes(&policy, &held),
        addable.contains(&Method::Passkey),
        addable.contains(&Method::Totp),
        addable.contains(&Method::Federated),
    );
    Ok(page::page(visitor::status(notice), &template))
}

/// What a form wants to have changed, with what it says when that is done. `None`: nothing that there is.
async fn wanted(visitor: &Visitor<'_>, form: &Form) -> Result<Option<(Change, Notice)>, PageError> {
    let id = |name: &str| form.given(name).and_then(|id| id.parse().ok()).map(CredentialId);
    if form.given("new_codes").is_some() {
        let (kernel, realm) = (visitor.visit.edge.kernel(), visitor.visit.realm.id);
        let codes = NewCodes::generate(kernel, realm).await?;
        return Ok(Some((Change::NewCodes(codes), Notice::CodesMade)));
    }
    if let Some(passkey) = id("remove_passkey") {
        return Ok(Some((Change::RemovePasskey(passkey), Notice::PasskeyRemoved)));
    }
    if let Some(device) = id("remove_totp") {
        return Ok(Some((Change::RemoveTotp(device), Notice::TotpRemoved)));
    }
    if let Some(identity) = id("unlink") {
        return Ok(Some((Change::Unlink(identity), Notice::Unlinked)));
    }
    let named = form.get("name").unwrap_or_default().trim().to_owned();
    Ok(id("rename_passkey").map(|passkey| (Change::RenamePasskey(passkey, named), Notice::PasskeyRenamed)))
}

async fn submit(commands: &Commands, visit: &Visit, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let visitor = match visitor::enter(visit, Section::Credentials).await? {
        Entry::Visitor(visitor) => visitor,
        Entry::Away(response) => return Ok(*response),
    };
    if !visitor.is_own(&form).await? {
        return page(&visitor, Some(Notice::Stale)).await;
    }
    let Some((change, notice)) = wanted(&visitor, &form).await? else {
        return page(&visitor, Some(Notice::Gone)).await;
    };
    let (realm, user) = (visit.realm.id, visitor.signed_in.user);
    let policy = visitor.policy().await?;
    let command = ChangeOwn {
        realm,
        user,
        session: visitor.signed_in.id,
        policy: &policy,
        change,
    };
    let kernel = commands.edge.kernel();
    match kernel
        .execute(&visit.context_of(&visitor.signed_in), &command)
        .await
    {
        Ok(_) => {}
        Err(Failure::Rejected(Rejection::Unproven)) => return visitor.confirm().await,
        Err(Failure::Rejected(rejection)) => return page(&visitor, Some(refused(&rejection))).await,
        Err(failure) => return Err(trouble(failure).into()),
    }
    destroy_removed(kernel, realm, user).await;
    match &command.change {
        Change::NewCodes(codes) => {
            let shown: Vec<_> = codes.codes.iter().map(|code| code.as_str()).collect();
            let template = NewCodesPage::new(visitor.shell(Some(notice)).await?, &shown);
            Ok(page::page(visitor::status(Some(notice)), &template))
        }
        _ => visitor.done(notice),
    }
}

/// What is said of what was refused.
pub(super) const fn refused(rejection: &Rejection) -> Notice {
    match rejection {
        Rejection::LastWay => Notice::LastWay,
        Rejection::Invalid(_) => Notice::BadName,
        _ => Notice::Gone,
    }
}
