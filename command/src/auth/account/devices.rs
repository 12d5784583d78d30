//! The devices that somebody signs in on: named, trusted no more, revoked. The rule: one that is revoked is signed out within a second, with
//! all that began on it.

use axum::response::Response;
use events::{
    auth::EndReason,
    devices::{Device, Devices},
    ids::DeviceId,
    kernel::{Failure, KernelError},
    users::{Password, last_ending},
};
use web::form::Form;

use super::{
    Section,
    agent::Agent,
    visitor::{self, Entry, Visitor},
};
use crate::{
    auth::{
        Issuer, known_device,
        page::{self, PageError},
        pages::account::{DevicesPage, KnownDevice, Moment, Notice},
        trouble,
        visit::{Body, Query, Visit},
    },
    users::{
        Rejection,
        devices::{ChangeDevice, DeviceChange, RevokeDevice},
    },
};

/// The devices that who is signed in signs in on.
#[utoipa::path(
    get, path = "/realms/{realm}/account/devices", tag = "account", operation_id = "account_devices_page",
    params(Issuer, ("done" = Option<String>, Query, description = "What the page before has done, to say so")),
    extensions(("x-events" = json!(["session.continued"]))),
    responses(
        (status = 200, description = "The devices, the one that was seen last first"),
        (status = 303, description = "To the sign-in page, and back here"),
    ),
)]
pub(in crate::auth) async fn get_devices(visit: Visit, query: Query) -> Response {
    let answer = show(&visit, query).await;
    visit.answer(answer)
}

/// Name a device, trust it no more, or revoke it.
#[utoipa::path(
    post, path = "/realms/{realm}/account/devices", tag = "account", operation_id = "account_devices", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, and one of `rename` (with `name`), `end_trust` and `revoke`, each the id of one"),
    extensions(("x-events" = json!(["known_device.named", "known_device.trust_ended", "known_device.revoked", "session.ended"]))),
    responses(
        (status = 303, description = "Back to the page; or to the sign-in page, and back there"),
        (status = 400, description = "The page: the form was too old, or of another session"),
        (status = 404, description = "The page: there is no such device of theirs"),
        (status = 422, description = "The page: the name is empty or too long"),
    ),
)]
pub(in crate::auth) async fn post_devices(visit: Visit, body: Body) -> Response {
    let answer = submit(&visit, body).await;
    visit.answer(answer)
}

async fn show(visit: &Visit, query: Query) -> Result<Response, PageError> {
    let form = query.0?;
    match visitor::enter(visit, Section::Devices).await? {
        Entry::Visitor(visitor) => page(&visitor, visitor::told(&form)).await,
        Entry::Away(response) => Ok(*response),
    }
}

async fn page(visitor: &Visitor<'_>, notice: Option<Notice>) -> Result<Response, PageError> {
    let (visit, user) = (visitor.visit, visitor.signed_in.user);
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let devices = kernel.latest::<Devices>(realm, user.0).await?.state;
    let password = kernel.current::<Password>(realm, user.0).await?.state;
    let (now, ending) = (kernel.now(), last_ending(&visitor.signed_in.state, &password));
    let here = known_device::of(visit, user).await?;
    let mut known = Vec::new();
    for device in devices.devices.iter().rev() {
        let trusted = device.is_trusted(now, ending) && visitor.settings.mfa.trust_days > 0;
        let (agent, address) = seen(visitor, device).await?;
        known.push(KnownDevice {
            id: device.id.to_string(),
            is_here: Some(device.id) == here,
            name: device.name.clone(),
            agent,
            address,
            first: Moment(device.first),
            last: Moment(device.last),
            trusted_until: device.trusted.filter(|_| trusted).map(|(until, _)| Moment(until)),
        });
    }
    known.sort_by_key(|device| !device.is_here);
    let template = DevicesPage::new(visitor.shell(notice).await?, &known);
    Ok(page::page(visitor::status(notice), &template))
}

/// What a device was when it was last seen, and where: as the request said, else as it was noted.
async fn seen(visitor: &Visitor<'_>, device: &Device) -> Result<(String, Option<String>), KernelError> {
    let network = visitor.network(device.seen).await?;
    let user_agent = network.as_ref().and_then(|network| network.user_agent.as_deref());
    let say = &visitor.visit.say;
    let agent = match (user_agent, &device.agent) {
        (Some(user_agent), _) => Agent::of(user_agent).said(say),
        (None, Some(noted)) => noted.clone(),
        (None, None) => Agent::UNKNOWN.said(say),
    };
    Ok((agent, network.and_then(|network| network.ip)))
}

async fn submit(visit: &Visit, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let visitor = match visitor::enter(visit, Section::Devices).await? {
        Entry::Visitor(visitor) => visitor,
        Entry::Away(response) => return Ok(*response),
    };
    if !visitor.is_own(&form).await? {
        return page(&visitor, Some(Notice::Stale)).await;
    }
    match change(&visitor, &form).await? {
        notice if notice.is_trouble() => page(&visitor, Some(notice)).await,
        notice => visitor.done(notice),
    }
}

/// Does what a form wants, and gives what is to be said of it.
async fn change(visitor: &Visitor<'_>, form: &Form) -> Result<Notice, PageError> {
    let (visit, user) = (visitor.visit, visitor.signed_in.user);
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let context = visit.context_of(&visitor.signed_in);
    let id = |name: &str| form.given(name).and_then(|id| id.parse().ok()).map(DeviceId);
    let (done, notice) = if let Some(device) = id("revoke") {
        let command = RevokeDevice {
            realm,
            user,
            device,
            reason: EndReason::SignedOut,
        };
        (kernel.execute(&context, &command).await, Notice::DeviceRevoked)
    } else {
        let name = form.get("name").unwrap_or_default().trim().to_owned();
        let (device, change, notice) = match (id("rename"), id("end_trust")) {
            (Some(device), _) => (device, DeviceChange::Name(name), Notice::DeviceNamed),
            (None, Some(device)) => (device, DeviceChange::EndTrust, Notice::TrustEnded),
            (None, None) => return Ok(Notice::Gone),
        };
        let command = ChangeDevice {
            realm,
            user,
            device,
            change,
        };
        (kernel.execute(&context, &command).await, notice)
    };
    match done {
        Ok(_) => Ok(notice),
        Err(Failure::Rejected(Rejection::Invalid(_))) => Ok(Notice::BadName),
        Err(Failure::Rejected(_)) => Ok(Notice::Gone),
        Err(failure) => Err(trouble(failure).into()),
    }
}
