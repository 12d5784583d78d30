//! The grant `client_credentials` (RFC 6749, 4.4): an application acts for itself. The rule: only one that
//! keeps a secret, and that has something of its own to do: a service application, or a web application that
//! holds roles.

use std::collections::BTreeSet;

use events::{applications::ApplicationType, permissions::Assignments};
use web::oauth::OAuthError;

use super::{Request, TokenResponse};
use crate::auth::authorize::request::Parameters;

pub(super) async fn issue(request: Request<'_>) -> Result<TokenResponse, OAuthError> {
    let log = request.visit.edge.kernel();
    let (realm, client) = (request.visit.realm.id, request.client.id);
    let allowed = match request.client.state.application_type {
        Some(ApplicationType::Service) => true,
        Some(ApplicationType::Web) => !log
            .current::<Assignments>(realm, client.0)
            .await?
            .state
            .roles
            .is_empty(),
        Some(ApplicationType::Spa | ApplicationType::Native) | None => false,
    };
    if !allowed || !request.client.confidential {
        return Err(OAuthError::unauthorized_client(
            "this application does not act for itself",
        ));
    }
    let scopes = scopes(&request.client.state.settings.scopes, request.form.given("scope"))?;
    let note = request.note(&scopes, request.form.given("resource"), None)?;
    let keys = request.keys(&BTreeSet::new()).await?;
    let issued = note.issued(client, None, None, "client_credentials");
    log.record(realm, &request.context, vec![issued.into()]).await?;
    request.response(&keys, &note, None, None)
}

/// The scopes asked for, all of which must be the application's own; all of those where nothing was asked
/// for.
fn scopes(own: &[String], asked: Option<&str>) -> Result<BTreeSet<String>, OAuthError> {
    let own: BTreeSet<String> = own.iter().cloned().collect();
    let Some(asked) = asked else { return Ok(own) };
    let asked: BTreeSet<String> = asked
        .split(' ')
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect();
    if asked.is_subset(&own) {
        Ok(asked)
    } else {
        Err(OAuthError::invalid_scope(
            "scope names one that this application does not have",
        ))
    }
}
