//! The grant of one token for another (RFC 8693): an application goes on with a request of somebody else's.
//! The rules: what comes of it is never more than the token that was shown, in scopes, resources and time, and never more than the
//! application itself may; it names who acts, unless the application may do without; and it ends with the grant that it came from.

use std::collections::BTreeSet;

use events::{
    applications::{Application, TOKEN_EXCHANGE},
    auth::{RequestedClaims, Session},
    compliance::{Consent, consent_id},
    ids::UserId,
    kernel::Failure,
    log::ClaimKind,
    users::User,
};
use serde_json::Value;
use uuid::Uuid;
use web::{Acting, access::MANAGE, dpop::USED_BEFORE, oauth::OAuthError};

use super::{
    Request, TokenResponse,
    exchange_tokens::{ACCESS_TOKEN, Shown, Subject, refused, shown},
    issue::About,
    kernel, requested,
};
use crate::auth::{
    exchanges::ExchangeToken,
    grants::{Exchange, IssueBound, TokenNote},
    trouble,
};

/// The most who act one for the other (section 4.1).
const MAX_ACTORS: usize = 5;
/// The most tokens that one was got for, each for the one before it.
const MAX_TOKENS: usize = 10;

pub(super) async fn exchange(request: Request<'_>) -> Result<TokenResponse, OAuthError> {
    if !request.client.confidential {
        return Err(OAuthError::unauthorized_client(
            "only an application that authenticates exchanges tokens",
        ));
    }
    let wanted = request.form.given("requested_token_type");
    if wanted.is_some_and(|wanted| wanted != ACCESS_TOKEN) {
        return Err(refused("requested_token_type is not that of an access token"));
    }
    let subject = shown(&request, "subject_token", "subject_token_type")
        .await?
        .ok_or_else(|| refused("subject_token is missing"))?;
    let actor = shown(&request, "actor_token", "actor_token_type").await?;
    let actors = actors(&request, &subject, actor.as_ref()).await?;
    let scopes = scopes(&request, &subject)?;
    let tokens: Vec<Uuid> = [Some(&subject), actor.as_ref()]
        .into_iter()
        .flatten()
        .flat_map(|shown| shown.tokens.iter().copied())
        .collect();
    if tokens.len() > MAX_TOKENS {
        return Err(refused("subject_token was exchanged too often"));
    }
    let expires = actor.map_or(subject.expires, |actor| actor.expires.min(subject.expires));
    let mut note = request.note(&scopes, &resources(&request, &subject)?, Some(expires))?;
    if !note
        .audience
        .iter()
        .all(|one| may_be_for(&request, &subject, one))
    {
        return Err(beyond());
    }
    note.exchange = Some(Exchange {
        application: match subject.about {
            Subject::User(..) => None,
            Subject::Application(id) => Some(id),
        },
        tokens,
        actors,
    });
    let mut response = issue(&request, &subject, note).await?;
    response.issued_token_type = Some(ACCESS_TOKEN);
    Ok(response)
}

/// Who acts in the new token. An application that merely narrows its own token does not act for anybody.
async fn actors(
    request: &Request<'_>,
    subject: &Shown,
    actor: Option<&Shown>,
) -> Result<Vec<Acting>, OAuthError> {
    let client = &request.client;
    let itself = Acting {
        sub: client.id.to_string(),
        client_id: Some(client.state.client_id.clone()),
    };
    let mut actors = subject.actors.clone();
    match actor {
        Some(actor) if !actor.actors.is_empty() => {
            return Err(refused("actor_token is of one for whom somebody else acts"));
        }
        Some(actor) => {
            let acting = actor.acting(request).await?;
            permitted(subject, &acting, &request.visit.issuer())?;
            actors.insert(0, acting);
        }
        None if subject.client == client.id => {}
        None => {
            permitted(subject, &itself, &request.visit.issuer())?;
            if !client.state.settings.token_exchange_impersonation {
                actors.insert(0, itself);
            }
        }
    }
    if actors.len() > MAX_ACTORS {
        return Err(refused("too many act one for the other already"));
    }
    Ok(actors)
}

/// Whether the token names this one as who may act for its subject, if it names one (section 4.4). What it says of them beyond what is known
/// here is not taken for true.
fn permitted(subject: &Shown, actor: &Acting, issuer: &str) -> Result<(), OAuthError> {
    let is = |(name, value): (&String, &Value)| match name.as_str() {
        "iss" => value == issuer,
        "sub" => value == &actor.sub,
        "client_id" => actor.client_id.as_ref().is_some_and(|id| value == id),
        _ => false,
    };
    let permits = |named: &Value| {
        named
            .as_object()
            .is_some_and(|named| !named.is_empty() && named.iter().all(is))
    };
    if subject.may_act.as_ref().is_none_or(permits) {
        return Ok(());
    }
    Err(refused("subject_token names another who may act"))
}

/// The scopes that are asked for, of those that both the token and the application have.
fn scopes(request: &Request<'_>, subject: &Shown) -> Result<BTreeSet<String>, OAuthError> {
    let issuer = request.visit.issuer();
    let mut both = request.standing(&subject.scopes)?;
    both.remove("offline_access");
    if !subject.audience.contains(&issuer) {
        both.remove(MANAGE);
    }
    let asked = requested(
        &both,
        request.form.given("scope"),
        "scope names one that subject_token or this application does not have",
    )?;
    if asked.is_empty() {
        return Err(OAuthError::invalid_scope("no scope is left"));
    }
    Ok(asked)
}

/// The resources and audiences that are asked for (section 2.1); where none is, all of the application's that the token may be for.
fn resources(request: &Request<'_>, subject: &Shown) -> Result<Vec<String>, OAuthError> {
    let mut asked = request.form.all("resource");
    asked.extend(request.form.all("audience"));
    if !asked.is_empty() {
        return Ok(asked);
    }
    let own = &request.client.state.settings.audiences;
    let fit: Vec<String> = own
        .iter()
        .filter(|one| may_be_for(request, subject, one))
        .cloned()
        .collect();
    if fit.is_empty() && !own.is_empty() {
        return Err(beyond());
    }
    Ok(fit)
}

/// Whether the new token may be for this: the one that was shown is, or the application was set to get there.
fn may_be_for(request: &Request<'_>, subject: &Shown, resource: &str) -> bool {
    let further = &request.client.state.settings.token_exchange_audiences;
    subject.audience.iter().chain(further).any(|one| one == resource)
}

fn beyond() -> OAuthError {
    OAuthError::invalid_target(
        "the resource is not one that subject_token and this application may be used for",
    )
}

async fn issue(request: &Request<'_>, subject: &Shown, note: TokenNote) -> Result<TokenResponse, OAuthError> {
    let (log, realm) = (request.visit.edge.kernel(), request.visit.realm.id);
    let keys = request.keys(&BTreeSet::new()).await?;
    let ended = || refused("subject_token is not good (any more)");
    let Subject::User(user, session, grant) = subject.about else {
        let response = request.sign(&keys, &note, None, None).await?;
        let command = IssueBound {
            realm,
            client: request.client.id,
            token: note,
            grant_type: TOKEN_EXCHANGE,
        };
        return match log.execute(&request.context, &command).await {
            Ok(_) => Ok(response),
            Err(Failure::Claimed { .. }) => Err(USED_BEFORE.into()),
            Err(failure) => Err(kernel(trouble(failure))),
        };
    };
    if !consented(request, user, &note.scopes).await? {
        return Err(refused("the user did not allow this application that much"));
    }
    let signed_in = log.current::<Session>(realm, session.0).await?.state;
    let profile = log.current::<User>(realm, user.0).await?.state.profile;
    let about = About {
        user,
        profile: &profile,
        session,
        grant,
        auth_time: signed_in.started,
        amr: &signed_in.amr,
        claims: &RequestedClaims::default(),
        nonce: None,
    };
    let response = request.sign(&keys, &note, Some(&about), None).await?;
    let origin = signed_in
        .grant(grant, request.context.now)
        .ok_or_else(ended)?
        .client;
    let command = ExchangeToken {
        realm,
        session,
        grant,
        origin,
        client: request.client.id,
        grant_type: TOKEN_EXCHANGE,
        token: note,
    };
    match log.execute(&request.context, &command).await {
        Ok(_) => Ok(response),
        Err(Failure::Rejected(_)) => Err(ended()),
        Err(Failure::Claimed {
            kind: ClaimKind::DpopProof,
            ..
        }) => Err(USED_BEFORE.into()),
        Err(failure) => Err(kernel(trouble(failure))),
    }
}

/// Whether a user allows an application these scopes, where they are to be asked: nobody can be asked here.
pub(super) async fn consented(
    request: &Request<'_>,
    user: UserId,
    scopes: &[String],
) -> Result<bool, OAuthError> {
    let application: &Application = &request.client.state;
    if !application.settings.consent_required {
        return Ok(true);
    }
    let (log, realm) = (request.visit.edge.kernel(), request.visit.realm.id);
    let id = consent_id(user, request.client.id);
    let consent = log.current::<Consent>(realm, id).await?.state;
    Ok(consent.covers(&scopes.iter().cloned().collect(), &BTreeSet::new()))
}
