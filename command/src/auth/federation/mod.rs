//! # Signing in with others
//!
//! A realm as the relying party of other OpenID Connect providers: people show who they are by signing in there.
//!
//! | step | request (below `/realms/{realm}`) | event |
//! | --- | --- | --- |
//! | a person chooses a provider on a sign-in page | `GET identity-providers/{alias}/start` | none |
//! | they come back from there | `GET identity-providers/{alias}/callback`, or `POST` where the answer is a form | `login.attempted`, `session.started`, or the next step of the sign-in |
//! | who is new is registered | the same | `user.registered`, `identity.linked` |
//! | who has a user's address shows to be that user | `POST sign-in`, as always | `identity.linked`, after `session.started` |
//! | who is signed in adds an identity | `GET sign-in?add=federated`, and the first two | `identity.linked`, `session.elevated` |
//!
//! | file | what |
//! | --- | --- |
//! | `request.rs` | the request, and what is kept of it until the answer: sealed, bound to browser, realm and provider |
//! | `metadata.rs` | discovery |
//! | `answer.rs` | the answer: issuer, code, id token, userinfo, each checked |
//! | `profile.rs` | what is taken of what a provider says of somebody |
//! | `trouble.rs` | why it does not count, and who hears what of it |
//!
//! What becomes of whom the provider names is in `flow/federated.rs`; that a sign-in there is one factor of ours like others, in
//! `flow/methods/federated.rs`.
//!
//! # For administrators
//!
//! **Adding a provider.** Register the realm there as a web application, with the redirect URI
//! `https://<host>/realms/<realm>/identity-providers/<alias>/callback`, and here with what it gave you:
//!
//! ```sh
//! curl -H "Authorization: Bearer $token" -H 'Content-Type: application/json' $base/command/v1/realms/acme/identity-providers \
//!   -d '{"preset":"google","client_id":"…","client_secret":"…","sign_up":"create"}'
//! ```
//!
//! | preset | what to say besides `client_id` and `client_secret` |
//! | --- | --- |
//! | `google` | nothing (Google Cloud console, APIs & Services, Credentials, an OAuth client of type web application) |
//! | `microsoft` | `"issuer": "https://login.microsoftonline.com/<tenant id>/v2.0"`, one tenant each: what is in common to all tenants has no issuer of its own. Its addresses are not confirmed by anybody and not taken (`"email_trust": "never"`); for your own tenant, where you give them out yourself, `"email_trust": "always"` |
//! | `apple` | the services id as `client_id`; as the secret the token that you sign with the key that Apple gave you (ES256, `iss` your team id, `sub` the services id, `aud` `https://appleid.apple.com`), good for half a year at most: set the next one in time by `PUT …/secret`. Apple answers by a form, and tells names once, at the first sign-in |
//! | `gitlab` | nothing; of a server of your own its `issuer` |
//! | `okta`, `auth0`, `onelogin`, `ping_one`, `salesforce`, `amazon_cognito`, `keycloak`, `chancery` | the `issuer` of your tenant, to the letter (Auth0's ends with `/`) |
//! | none | `alias` and `issuer` of any OpenID Connect provider |
//!
//! LinkedIn has no preset: it repeats no nonce and takes no PKCE, so that nothing would bind its answers to the request (RFC 9700,
//! section 2.1.1). GitHub is no OpenID Connect provider. `"client_authentication": "private_key_jwt"` needs no secret: the provider verifies
//! with the keys at `https://<host>/realms/<realm>/oauth2/jwks`.
//!
//! A provider on a private network is asked only if the operator allows it (`CHANCERY_OUTBOUND__ALLOW_PRIVATE`). Metadata and keys are
//! kept as long as the provider says, between a minute and a day; a key that is not among them is asked for at most every half minute.
//!
//! **Whom it lets in.** An identity is the provider's issuer and what it calls somebody (`sub`), never an address, which passes on. Whoever
//! has an identity that is a user's signs in as that user. Of everybody else:
//!
//! | who | `linking` | what happens |
//! | --- | --- | --- |
//! | has the confirmed address of a user | `prove` (default) | they sign in as that user with what that user has; then the identity is theirs, too |
//! | | `verified_email` | it is theirs at once, if the user's address was confirmed here as well; else as with `prove`. Whoever runs the provider can then sign in as any of these users |
//! | | `never` | they are told to sign in as before, and to add the provider when they are signed in |
//! | anybody else | | with `"sign_up": "create"` they become a user by `claims`; with `known_only` (default) they are turned away |
//!
//! An address counts as confirmed where `email_verified` says so (`"email_trust": "as_told"`, the default), always or never. One that does not
//! is not taken, so that nobody occupies another's. Such a user has the name that `claims.username` tells, or a made one.
//!
//! **What it is worth.** One factor, as a password is: a realm that requires two asks for another one of its own. Where the provider's word
//! counts for two, name the values of `acr` or `amr` by which it says so (`multi_factor_acr`, `multi_factor_amr`).
//! An application's `prompt=login` and `max_age` are passed on as `max_age`; an `auth_time` that is too old is refused, while a provider that
//! tells none (Google) is taken at its word.
//!
//! **Applications.** With `applications` a provider counts for the sign-ins of these alone: others neither offer it nor take a session that
//! rests on it. The same is so of all once it is disabled or deleted.
//!
//! **What goes wrong.** A provider that does not answer, or answers what it should not, leaves the person on the sign-in page with every
//! other way open; `login.failed` tells of it (`provider_failed`, `untrusted_provider`), and the server's log of the reason.

pub mod answer;
pub mod metadata;
pub mod profile;
pub mod request;
pub mod trouble;

use axum::{
    extract::{Path, State},
    response::Response,
};
use events::{
    identity_providers::{IdentityProvider, Offers},
    ids::IdentityProviderId,
};
use url::form_urlencoded;
use web::form::Form;

use self::{answer::Asserted, metadata::Metadata, request::Pending, trouble::Trouble};
use super::{
    Issuer,
    flow::journey::Journey,
    page::{self, PageError},
    pages::SignInError,
    session_cookie::Browser,
    sign_in,
    visit::{Body, Query, Visit},
};
use crate::Commands;

/// The longest query that a browser is sent on with, in bytes: what servers and proxies take.
const MAX_QUERY: usize = 12 * 1024;

/// Go to an identity provider to sign in there, on from a sign-in page.
#[utoipa::path(
    get, path = "/realms/{realm}/identity-providers/{alias}/start", tag = "pages", operation_id = "federated_sign_in",
    params(
        Issuer,
        ("alias" = String, Path, description = "The provider's alias"),
        ("flow" = String, Query, description = "The sign-in under way, from the page"),
    ),
    responses(
        (status = 303, description = "To the provider"),
        (status = 400, description = "The form, anew: the sign-in under way was too old or of another browser"),
        (status = 404, description = "There is no such provider"),
        (status = 502, description = "The form, anew: the provider does not answer"),
    ),
)]
pub(super) async fn start(
    State(commands): State<Commands>,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    visit: Visit,
    query: Query,
) -> Response {
    let answer = Box::pin(begin(&visit, &commands, alias(path), query)).await;
    visit.answer(answer)
}

/// Come back from an identity provider.
#[utoipa::path(
    get, path = "/realms/{realm}/identity-providers/{alias}/callback", tag = "pages", operation_id = "federated_answer",
    params(
        Issuer,
        ("alias" = String, Path, description = "The provider's alias"),
        ("state" = String, Query, description = "As it was sent"),
        ("code" = Option<String>, Query, description = "What the provider gives tokens for"),
        ("error" = Option<String>, Query, description = "Why it gives none"),
        ("iss" = Option<String>, Query, description = "Who answers (RFC 9207)"),
    ),
    extensions(("x-events" = json!([
        "login.attempted", "login.failed", "auth.throttled", "guard.cleared", "session.started", "session.elevated",
        "session.ended", "user.registered", "identity.linked", "code.issued", "signing_key.created"
    ]))),
    responses(
        (status = 303, description = "Signed in: to the application with a code, or to the sign-in page"),
        (status = 200, description = "The form of the next step"),
        (status = 400, description = "The form, anew: the answer is of another browser, was used before or came too late"),
        (status = 401, description = "The form: the answer is not to be believed, or the person is nobody here"),
        (status = 502, description = "The form: the provider does not answer as it should"),
    ),
)]
pub(super) async fn callback(
    State(commands): State<Commands>,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    visit: Visit,
    query: Query,
) -> Response {
    let answer = Box::pin(come_back(&visit, &commands, alias(path), query)).await;
    visit.answer(answer)
}

/// Come back from an identity provider that answers by a form. It was posted from there, so that no cookie came along: the browser asks once
/// more, by itself.
#[utoipa::path(
    post, path = "/realms/{realm}/identity-providers/{alias}/callback", tag = "pages", operation_id = "federated_answer_posted",
    params(Issuer, ("alias" = String, Path, description = "The provider's alias")),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`state`, and `code` or `error`; `iss`, `user`"),
    responses(
        (status = 303, description = "To this address, with the same"),
        (status = 400, description = "An error page: that cannot be read"),
    ),
)]
pub(super) async fn posted_callback(
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    visit: Visit,
    body: Body,
) -> Response {
    let answer = go_on(&visit, alias(path), body);
    visit.answer(answer)
}

fn alias(path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>) -> String {
    path.map(|Path((_, alias))| alias).unwrap_or_default()
}

fn go_on(visit: &Visit, alias: String, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in ["state", "code", "error", "iss", "user"] {
        if let Some(value) = form.get(name) {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.len() > MAX_QUERY || !crate::identity_providers::rules::is_alias(&alias) {
        return Err(PageError::stale());
    }
    let (realm, place) = (&visit.realm.name, "identity-providers");
    page::see_other(&format!("/realms/{realm}/{place}/{alias}/callback?{query}"))
}

/// The provider of an alias, if the realm offers it.
async fn provider(
    visit: &Visit,
    offers: &Offers,
    alias: &str,
) -> Result<(IdentityProviderId, IdentityProvider), PageError> {
    let (id, _) = offers.of_alias(alias).ok_or_else(PageError::no_realm)?;
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let provider = kernel.current::<IdentityProvider>(realm, id.0).await?.state;
    if provider.is_active() && provider.alias == alias {
        Ok((id, provider))
    } else {
        Err(PageError::no_realm())
    }
}

async fn offers(visit: &Visit) -> Result<Offers, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    Ok(kernel.current::<Offers>(realm, realm.0).await?.state)
}

async fn begin(
    visit: &Visit,
    commands: &Commands,
    alias: String,
    query: Query,
) -> Result<Response, PageError> {
    let form = query.0?;
    let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
    let (id, provider) = provider(visit, &offers(visit).await?, &alias).await?;
    let text = form.get("flow").unwrap_or_default();
    let Some(journey) = sign_in::take_up(visit, commands, &browser, text).await? else {
        return sign_in::anew(visit, commands, browser, "", Some(SignInError::Stale)).await;
    };
    if !journey.takes_federated(id).await? {
        return journey.look().await;
    }
    let metadata = match Metadata::of(&visit.edge, &provider.issuer).await {
        Ok(metadata) => metadata,
        Err(trouble) => return Box::pin(hindered(journey, id, trouble)).await,
    };
    let pending = Pending::new(&journey);
    let state = pending.seal(visit, &browser, id).await?;
    let address = request::address(&journey, &provider, &metadata, &pending, &state);
    let mut response = page::see_other(&address)?;
    visit.remember(&browser, response.headers_mut())?;
    Ok(response)
}

async fn come_back(
    visit: &Visit,
    commands: &Commands,
    alias: String,
    query: Query,
) -> Result<Response, PageError> {
    let form = query.0?;
    let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
    let (id, provider) = provider(visit, &offers(visit).await?, &alias).await?;
    let text = form.get("state").unwrap_or_default();
    let stale = Some(SignInError::Stale);
    let Some(pending) = Pending::open(visit, &browser, id, text).await? else {
        return sign_in::anew(visit, commands, browser, "", stale).await;
    };
    let taken_up = Journey::take_up(visit, commands, browser.clone(), pending.flow.clone()).await?;
    let Some(journey) = taken_up else {
        return sign_in::anew(visit, commands, browser, "", stale).await;
    };
    if !journey.takes_federated(id).await? {
        return journey.look().await;
    }
    match asserted(visit, (id, &provider), &pending, &form).await {
        Ok(asserted) => match Box::pin(journey.federate(&provider, asserted)).await? {
            Some(response) => Ok(response),
            None => sign_in::anew(visit, commands, browser, "", stale).await,
        },
        Err(trouble) => Box::pin(hindered(journey, id, trouble)).await,
    }
}

/// What the provider says, if its answer was not used before: whoever finds it in a history gets nothing for it.
async fn asserted(
    visit: &Visit,
    provider: (IdentityProviderId, &IdentityProvider),
    pending: &Pending,
    form: &Form,
) -> Result<Asserted, Trouble> {
    let spent = visit
        .edge
        .kernel()
        .claimed(
            visit.realm.id,
            events::subject::Lane::Activity,
            events::log::ClaimKind::FederatedRequest,
            &pending.id.to_string(),
        )
        .await?;
    if spent.is_some() {
        return Err(Trouble::Untrusted("it was used before"));
    }
    answer::take(visit, provider, pending, form).await
}

/// The page with every other way, and what was wrong.
async fn hindered(
    journey: Journey<'_>,
    provider: IdentityProviderId,
    trouble: Trouble,
) -> Result<Response, PageError> {
    if let Trouble::Kernel(error) = trouble {
        return Err(error.into());
    }
    let realm = journey.visit.realm.id;
    let request = journey.visit.request_id;
    tracing::warn!(%trouble, %realm, %provider, %request, "a federated sign-in failed");
    if let Some(reason) = trouble.recorded() {
        journey.record_failure(reason).await?;
    }
    journey.hindered(trouble.told()).await
}
