//! The grant of an assertion (RFC 7523, 2.1): an issuer that the realm trusts vouches for a user.
//! The rules: the issuer was named beforehand, with its keys, for this application and these scopes; the assertion is for us alone, over soon,
//! and good once; and the session that comes of it lasts as long as its one token.

use std::collections::BTreeSet;

use events::{
    applications::JWT_BEARER,
    auth::RequestedClaims,
    clock::Timestamp,
    compliance::{Consent, consent_id},
    ids::{GrantId, SessionId, UserId},
    kernel::Failure,
    log::ClaimKind,
    realms::{AssertedSubject, TrustedIssuer},
    subject::Lane,
    users::{User, login_name},
};
use jose::{Claims, Expectation, JoseError};
use web::{
    Requirements,
    clients::keys::{KeyRefused, KeySource},
    dpop::USED_BEFORE,
    oauth::OAuthError,
};

use super::{Request, TokenResponse, exchange::consented, issue::About, kernel, requested};
use crate::auth::{exchanges::AcceptAssertion, trouble};

const REFUSED: &str = "the assertion is not good, was used before, or is about nobody here";

/// Until when an assertion is remembered beyond its end, in seconds.
const REMEMBERED: u64 = 60;
/// When to try again where the issuer's keys cannot be fetched, in seconds.
const RETRY_AFTER: u64 = 10;

pub(super) async fn accept(request: Request<'_>) -> Result<TokenResponse, OAuthError> {
    if !request.client.confidential {
        return Err(OAuthError::unauthorized_client(
            "only an application that authenticates uses assertions",
        ));
    }
    let (log, realm) = (request.visit.edge.kernel(), request.visit.realm.id);
    let refused = || OAuthError::invalid_grant(REFUSED);
    let text = request.required("assertion")?;
    let issuer = trusted(&request, text)?;
    let claims = verified(&request, issuer, text).await?;
    let (user, state) = user(&request, issuer, claims.subject())
        .await?
        .ok_or_else(refused)?;

    let mut allowed = request.standing(&issuer.scopes)?;
    allowed.remove("offline_access");
    let scopes = requested(
        &allowed,
        request.form.given("scope"),
        "scope names one that this issuer or this application may not give",
    )?;
    if scopes.is_empty() {
        return Err(OAuthError::invalid_scope("no scope is left"));
    }
    let note = request.note(&scopes, &request.form.all("resource"), None)?;
    if !consented(&request, user, &note.scopes).await? {
        return Err(OAuthError::invalid_grant(
            "the user did not allow this application that much",
        ));
    }
    let id = consent_id(user, request.client.id);
    let consent = log.current::<Consent>(realm, id).await?.version;
    let keys = request.keys(&BTreeSet::new()).await?;
    let session = SessionId(request.context.new_id());
    let grant = GrantId(request.context.new_id());
    let about = About {
        user,
        profile: &state.profile,
        session,
        grant,
        auth_time: request.context.now,
        amr: &[],
        claims: &RequestedClaims::default(),
        nonce: None,
    };
    let response = request.sign(&keys, &note, Some(&about), None).await?;
    let token_id = claims.token_id().unwrap_or_default();
    let invalid = Timestamp::from_seconds(claims.expires_at()).after_seconds(REMEMBERED);
    let command = AcceptAssertion {
        realm,
        session,
        grant,
        user,
        client: request.client.id,
        consent,
        // The length tells where the one ends and the other begins.
        spent: (
            format!("{}:{}:{token_id}", issuer.issuer.len(), issuer.issuer),
            invalid,
        ),
        grant_type: JWT_BEARER,
        token: note,
    };
    match log.execute(&request.context, &command).await {
        Ok(_) => Ok(response),
        Err(
            Failure::Rejected(_)
            | Failure::Claimed {
                kind: ClaimKind::Assertion,
                ..
            },
        ) => Err(refused()),
        Err(Failure::Claimed {
            kind: ClaimKind::DpopProof,
            ..
        }) => Err(USED_BEFORE.into()),
        Err(failure) => Err(kernel(trouble(failure))),
    }
}

/// The trusted issuer that the assertion says it is from, if this application may use it.
fn trusted<'a>(request: &'a Request<'_>, text: &str) -> Result<&'a TrustedIssuer, OAuthError> {
    let named = jose::unverified_issuer(text).map_err(|error| not_good(&error.into()))?;
    let issuer = request
        .settings
        .oauth
        .trusted_issuers
        .iter()
        .find(|issuer| issuer.issuer == named)
        .ok_or_else(|| OAuthError::invalid_grant("the issuer of the assertion is not trusted here"))?;
    let client = &request.client;
    // Whoever registered by itself is named, or is not meant.
    let all = !client.state.registered_itself();
    let may =
        |one: &String| (all && one == "*") || *one == client.state.client_id || *one == client.id.to_string();
    if issuer.applications.iter().any(may) {
        Ok(issuer)
    } else {
        Err(OAuthError::unauthorized_client(
            "this application may not use assertions of this issuer",
        ))
    }
}

async fn verified(request: &Request<'_>, issuer: &TrustedIssuer, text: &str) -> Result<Claims, OAuthError> {
    let required = Requirements::of(&request.client.state, &request.settings);
    let names = audiences(request, &required);
    let expect = Expectation::authorization_grant(&issuer.issuer, &names);
    let now = request.context.now.seconds();
    let claims = KeySource::from(issuer)
        .verify(&request.visit.edge, |keys| {
            jose::verify_foreign(text, keys, &required.algorithms, &expect, now)
        })
        .await
        .map_err(|refused| not_good(&refused))?;
    // One that is for others, too, could be one that they were sent and pass on.
    if claims
        .audiences()
        .iter()
        .all(|audience| names.iter().any(|name| name == audience))
    {
        Ok(claims)
    } else {
        Err(not_good(&JoseError::WrongAudience.into()))
    }
}

/// How this server may be called in an assertion: as the issuer, or as the token endpoint (RFC 7523, section 3).
fn audiences(request: &Request<'_>, required: &Requirements) -> Vec<String> {
    let issuer = request.visit.issuer();
    if required.issuer_audience {
        return vec![issuer];
    }
    vec![format!("{issuer}/oauth2/token"), issuer]
}

/// Why is for our log alone; that keys are out of reach is no fault of the assertion.
fn not_good(refused: &KeyRefused) -> OAuthError {
    tracing::debug!(%refused, "an assertion was refused");
    match refused {
        KeyRefused::Unreachable(_) => OAuthError::unavailable(RETRY_AFTER),
        KeyRefused::Jose(_) | KeyRefused::NoKeys => OAuthError::invalid_grant(REFUSED),
    }
}

/// The user whom an issuer calls so. A name is a user name or an e-mail address, as the realm's settings say, and never the one for the other.
async fn user(
    request: &Request<'_>,
    issuer: &TrustedIssuer,
    subject: &str,
) -> Result<Option<(UserId, User)>, OAuthError> {
    let (log, realm) = (request.visit.edge.kernel(), request.visit.realm.id);
    let name = login_name(subject);
    let id = match issuer.subject {
        AssertedSubject::Id => subject.parse::<UserId>().ok(),
        AssertedSubject::Username | AssertedSubject::Email => log
            .claimed(realm, Lane::Facts, ClaimKind::LoginName, &name)
            .await?
            .map(UserId),
    };
    let Some(id) = id else {
        return Ok(None);
    };
    let user = log.current::<User>(realm, id.0).await?.state;
    let is = |known: Option<&String>| known.is_some_and(|known| login_name(known) == name);
    let profile = &user.profile;
    let meant = match issuer.subject {
        AssertedSubject::Id => true,
        AssertedSubject::Username => is(profile.username.as_ref()),
        AssertedSubject::Email => profile.email_verified && is(profile.email.as_ref()),
    };
    Ok((meant && user.exists).then_some((id, user)))
}
