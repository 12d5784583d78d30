//! The first page of an account: who one is, and by what one signs in. The rule: nothing secret is on it.

use axum::response::Response;
use events::auth::Method;
use http::StatusCode;

use super::{
    Section,
    visitor::{self, Entry},
};
use crate::auth::{
    Issuer,
    flow::{
        journey,
        methods::{self, Held, Place},
    },
    page::{self, PageError},
    pages::account::{About, Moment, Overview},
    visit::Visit,
};
use crate::words::Say;

/// The account of who is signed in.
#[utoipa::path(
    get, path = "/realms/{realm}/account", tag = "account", operation_id = "account_page", params(Issuer),
    extensions(("x-events" = json!(["session.continued"]))),
    responses(
        (status = 200, description = "Who one is, and by what one signs in"),
        (status = 303, description = "To the sign-in page, and back here"),
    ),
)]
pub(in crate::auth) async fn get_account(visit: Visit) -> Response {
    let answer = show(&visit).await;
    visit.answer(answer)
}

async fn show(visit: &Visit) -> Result<Response, PageError> {
    let visitor = match visitor::enter(visit, Section::Overview).await? {
        Entry::Visitor(visitor) => visitor,
        Entry::Away(response) => return Ok(*response),
    };
    let (kernel, realm, signed_in) = (visit.edge.kernel(), visit.realm.id, &visitor.signed_in);
    let held = Held::current(kernel, realm, signed_in.user).await?;
    let available = methods::available(&Place {
        edge: &visit.edge,
        realm: &visit.realm,
        settings: &visitor.settings,
        offers: &journey::offers(visit).await?,
        application: None,
    });
    let ways = held
        .methods()
        .into_iter()
        .filter(|method| available.contains(method))
        .map(|method| way(method, &held, &visit.say))
        .collect();
    let profile = &signed_in.state.profile;
    let about = About {
        name: profile.name.as_deref(),
        login: profile.username.as_deref(),
        email: profile.email.as_deref(),
        ways,
        since: Moment(signed_in.session.started),
    };
    let template = Overview::new(visitor.shell(None).await?, about);
    Ok(page::page(StatusCode::OK, &template))
}

/// How somebody signs in, in words.
fn way(method: Method, held: &Held, say: &Say) -> String {
    let several = |name, count: usize| {
        let number = u64::try_from(count).unwrap_or(u64::MAX);
        say.text(name).with("number", number).to_string()
    };
    match method {
        Method::Password => say.text("way-password").to_string(),
        Method::Email => say.text("way-email").to_string(),
        Method::Sms => say.text("way-sms").to_string(),
        Method::Passkey => several("way-passkeys", held.passkeys.passkeys.len()),
        Method::Totp => several("way-totp", held.totp.devices.len()),
        Method::RecoveryCode => several("way-recovery-codes", held.recovery_codes.remaining()),
        Method::Federated => several("way-federated", held.identities.identities.len()),
    }
}
