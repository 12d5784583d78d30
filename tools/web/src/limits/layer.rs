//! Where all requests pass. The rule: whoever is over a limit is refused before anything else is looked at, in the words that whoever
//! is at the other end understands.

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use events::{ids::RealmId, kernel::KernelError};
use http::request::Parts;

use super::{Asked, Operation, Refused, Rule, Surface};
use crate::{Edge, Problem, RealmRef, access, cors, oauth::OAuthError};

/// The operation that changes a realm's limits.
const CHANGES_LIMITS: &str = "change_settings";

/// Counts a request by what is known of it, or refuses it.
pub(crate) async fn limited(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let route = parts.extensions.get::<MatchedPath>().cloned();
    let operations = edge.limits().operations();
    let operation = route.and_then(|route| operations.find(&parts.method, route.as_str()));
    // What is described nowhere is the page that describes the rest, or nothing at all.
    let Some(operation) = operation else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let realm = match realm(&edge, &mut parts).await {
        Ok(Some(realm)) => realm,
        // It is answered as everything is that is not there.
        Ok(None) => return next.run(Request::from_parts(parts, body)).await,
        Err(problem) => return problem.into_response(),
    };
    let rules = match rules(&edge, realm.id, &operation).await {
        Ok(rules) => rules,
        Err(error) => return Problem::from(error).into_response(),
    };
    let surface = operation.surface;
    let asked = Asked::new(&parts, &edge, realm.id, Some(operation), rules);
    parts.extensions.insert(asked.clone());
    let mut response = match asked.arrives(&edge).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refused) => refusal(refused, surface),
    };
    // A browser that follows a redirect is not to wait before it does (draft-ietf-httpapi-ratelimit-headers, section 5).
    if !response.status().is_redirection() {
        asked.tell(response.headers_mut());
    }
    response
}

/// The realm that the request is about, by whatever name.
async fn realm(edge: &Edge, parts: &mut Parts) -> Result<Option<RealmRef>, Problem> {
    match access::named_realm(parts, &()).await {
        Ok(named) => Ok(edge.realm(&named).await?),
        Err(_) => Ok(None),
    }
}

/// The limits of an operation: those that are built in, and the realm's own. The one by which administrators change these is never one of the realm's.
async fn rules(edge: &Edge, realm: RealmId, operation: &Operation) -> Result<Vec<Rule>, KernelError> {
    let built_in = edge.limits().built_in().iter();
    let mut rules: Vec<Rule> = built_in.filter(|rule| rule.is_of(operation)).cloned().collect();
    if operation.id != CHANGES_LIMITS {
        let mut own = edge.settings(realm).await?.limits;
        own.rates.retain(|_, rate| operation.is_among(&rate.operations));
        rules.extend(Rule::all_of(&own));
    }
    Ok(rules)
}

fn refusal(refused: Refused, surface: Surface) -> Response {
    match surface {
        Surface::Management | Surface::Page => Problem::from(refused).into_response(),
        Surface::Client => {
            let mut response = OAuthError::from(refused).into_response();
            // An application in a browser is to see why, too.
            cors::show(response.headers_mut());
            response
        }
    }
}
