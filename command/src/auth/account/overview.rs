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
    flow::methods::Held,
    page::{self, PageError},
    pages::account::{About, Moment, Overview},
    visit::Visit,
};

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
    let ways = held
        .methods()
        .into_iter()
        .map(|method| way(method, &held))
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
fn way(method: Method, held: &Held) -> String {
    let several = |count: usize, one: &str, many: &str| match count {
        1 => one.to_owned(),
        count => format!("{count} {many}"),
    };
    match method {
        Method::Password => "A password".to_owned(),
        Method::Passkey => several(held.passkeys.passkeys.len(), "A passkey", "passkeys"),
        Method::Totp => several(
            held.totp.devices.len(),
            "An authenticator app",
            "authenticator apps",
        ),
        Method::RecoveryCode => several(
            held.recovery_codes.remaining(),
            "One recovery code",
            "recovery codes",
        ),
    }
}
