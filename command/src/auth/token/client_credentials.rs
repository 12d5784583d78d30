//! The grant `client_credentials` (RFC 6749, 4.4): an application acts for itself. The rule: only one that
//! keeps a secret, and that has something of its own to do: a service application, or a web application that
//! holds roles.

use std::collections::BTreeSet;

use events::{
    applications::{ApplicationType, CLIENT_CREDENTIALS},
    kernel::Failure,
    permissions::Assignments,
};
use web::{dpop::USED_BEFORE, oauth::OAuthError};

use super::{Request, TokenResponse, kernel, requested};
use crate::auth::{grants::IssueBound, trouble};

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
        Some(ApplicationType::Spa | ApplicationType::Native | ApplicationType::Device) | None => false,
    };
    if !allowed || !request.client.confidential {
        return Err(OAuthError::unauthorized_client(
            "this application does not act for itself",
        ));
    }
    let own = request.client.state.settings.scopes.iter().cloned().collect();
    let scopes = requested(
        &own,
        request.form.given("scope"),
        "scope names one that this application does not have",
    )?;
    let note = request.note(&scopes, &request.form.all("resource"), None)?;
    let keys = request.keys(&BTreeSet::new()).await?;
    let response = request.sign(&keys, &note, None, None).await?;
    if note.once.is_none() {
        let issued = note.issued(client, None, None, CLIENT_CREDENTIALS);
        log.record(realm, &request.context, vec![issued.into()]).await?;
        return Ok(response);
    }
    let command = IssueBound {
        realm,
        client,
        token: note,
        grant_type: CLIENT_CREDENTIALS,
    };
    match log.execute(&request.context, &command).await {
        Ok(_) => Ok(response),
        Err(Failure::Claimed { .. }) => Err(USED_BEFORE.into()),
        Err(failure) => Err(kernel(trouble(failure))),
    }
}
