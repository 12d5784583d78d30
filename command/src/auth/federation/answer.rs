//! A provider's answer (OpenID Connect Core, sections 3.1.2.5 to 3.1.3.8 and 5.3). The rules: it names the provider that was asked, where that
//! says so (RFC 9207, so that no other passes its answers off as this one's); the code is redeemed with what binds it to the request; the
//! id token is checked for all that it can be checked for, by keys from where the provider's metadata says; userinfo is of the same person.

use base64::{Engine, engine::general_purpose::STANDARD};
use events::{
    clock::Timestamp,
    identity_providers::{ClientAuthentication, IdentityProvider, IdentityProviderSettings},
    ids::IdentityProviderId,
    log::ClaimKind,
    sealing::Sealed,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jose::{Claims, Expectation};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq;
use url::form_urlencoded;
use web::{
    clients::keys::{KeyRefused, KeySource},
    form::Form,
};

use super::{
    metadata::Metadata,
    request::Pending,
    trouble::{Declined, Trouble},
};
use crate::{
    auth::{flow::methods::Spend, visit::Visit},
    identities::link::Identified,
    identity_providers::redirect_uri,
    realms::{SigningKeyError, ensure_signing_key},
};

/// The largest answer of a token or userinfo endpoint, in bytes.
const LARGEST: usize = 128 * 1024;
/// Longest code, and name of an error that is looked at.
const CODE: usize = 4_096;
/// Longest `sub` (OpenID Connect Core, section 2).
const SUBJECT: usize = 255;
/// How much clocks may differ, in seconds.
const CLOCKS: u64 = 60;
/// How long an assertion is good by which the realm shows who it is, in seconds.
const ASSERTION_SECONDS: i64 = 60;

/// What a provider says of who signed in there.
#[derive(Clone)]
pub struct Asserted {
    /// Who it is, as the provider knows them.
    pub identity: Identified,
    /// What else it says: the id token's claims, with those of userinfo besides.
    pub claims: Map<String, Value>,
    /// When they signed in there.
    pub at: Timestamp,
    /// Whether they showed several factors, where the provider is believed that.
    pub multi_factor: bool,
    /// What its answer uses up.
    pub spend: Spend,
}

/// What a token endpoint answers.
#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    access_token: Option<String>,
    id_token: String,
}

/// Takes an answer to a request: the code is redeemed, and what comes of it is checked.
pub async fn take(
    visit: &Visit,
    (id, provider): (IdentityProviderId, &IdentityProvider),
    pending: &Pending,
    answer: &Form,
) -> Result<Asserted, Trouble> {
    let metadata = Metadata::of(&visit.edge, &provider.issuer).await?;
    is_from(answer, &provider.issuer, &metadata)?;
    if let Some(error) = answer.given("error") {
        return Err(Trouble::Declined(Declined::of(error)));
    }
    let code = answer
        .given("code")
        .filter(|code| code.len() <= CODE)
        .ok_or(Trouble::Malformed("answer has neither a code nor an error"))?;
    let tokens = redeem(visit, provider, &metadata, pending, code).await?;
    let now = visit.edge.kernel().now();
    let claims = verify(visit, provider, &metadata, &tokens, now).await?;
    let (subject, at) = check(&claims, &tokens, provider, pending, now)?;
    let mut all = claims.0.as_map().clone();
    if provider.settings.userinfo
        && let Some(more) = userinfo(visit, &metadata, &tokens, &subject).await?
    {
        for (name, value) in more {
            all.entry(name).or_insert(value);
        }
    }
    if let Some(name) = answer.given("user") {
        names_beside(name, &mut all);
    }
    Ok(Asserted {
        identity: Identified {
            provider: id,
            issuer: provider.issuer.clone(),
            subject,
            name: known_as(&all),
        },
        multi_factor: shows_several(&provider.settings, &all),
        claims: all,
        at,
        spend: Spend {
            kind: ClaimKind::FederatedRequest,
            value: pending.id.to_string(),
            invalid: pending.expires,
        },
    })
}

/// RFC 9207, section 2.4. An answer that names somebody is from them, whether or not the metadata promised it.
fn is_from(answer: &Form, issuer: &str, metadata: &Metadata) -> Result<(), Trouble> {
    match answer.get("iss") {
        Some(named) if named == issuer => Ok(()),
        Some(_) => Err(Trouble::Untrusted("it is from another issuer")),
        None if metadata.authorization_response_iss_parameter_supported => {
            Err(Trouble::Untrusted("it does not say which issuer it is from"))
        }
        None => Ok(()),
    }
}

/// OpenID Connect Core, section 3.1.3.1.
async fn redeem(
    visit: &Visit,
    provider: &IdentityProvider,
    metadata: &Metadata,
    pending: &Pending,
    code: &str,
) -> Result<Tokens, Trouble> {
    let settings = &provider.settings;
    let redirect_uri = redirect_uri(&visit.issuer(), &provider.alias);
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri.as_str()),
        ("code_verifier", pending.verifier.as_str()),
    ];
    let signed;
    let secret = provider.secret.as_ref().map(|secret| &secret.secret);
    let secret = || match secret {
        Some(Sealed::Known(secret)) => Ok(secret.as_str()),
        Some(Sealed::Erased) | None => Err(Trouble::Malformed("client secret is not set here")),
    };
    let mut headers = HeaderMap::new();
    match settings.client_authentication {
        ClientAuthentication::ClientSecretBasic => {
            headers.insert(header::AUTHORIZATION, basic(&settings.client_id, secret()?)?);
        }
        ClientAuthentication::ClientSecretPost => {
            form.extend([
                ("client_id", settings.client_id.as_str()),
                ("client_secret", secret()?),
            ]);
        }
        ClientAuthentication::PrivateKeyJwt => {
            signed = assertion(visit, settings, metadata).await?;
            form.extend([
                ("client_id", settings.client_id.as_str()),
                (
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                ),
                ("client_assertion", signed.as_str()),
            ]);
        }
    }
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let answered = visit
        .edge
        .outbound()
        .post_form(&metadata.token_endpoint, encoded, headers, LARGEST)
        .await
        .map_err(|error| Trouble::Outage("token endpoint", error))?;
    match answered.status {
        StatusCode::OK => serde_json::from_slice(&answered.body)
            .map_err(|_| Trouble::Malformed("token endpoint gave no id token")),
        status if status.is_server_error() => Err(Trouble::Outage(
            "token endpoint",
            outbound::OutboundError::Status(status.as_u16()),
        )),
        status => Err(Trouble::NotExchanged(status.as_u16(), error_code(&answered.body))),
    }
}

/// The code of an error answer, if it is one (RFC 6749, section 5.2); nothing else of it is repeated.
fn error_code(body: &[u8]) -> String {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let code = body.as_ref().and_then(|body| body.get("error")?.as_str());
    let good = |code: &&str| {
        code.len() <= 64
            && code
                .bytes()
                .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
    };
    code.filter(good).unwrap_or("no error code").to_owned()
}

/// RFC 6749, section 2.3.1: encoded as in a form, and then after RFC 7617.
fn basic(client_id: &str, secret: &str) -> Result<HeaderValue, Trouble> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(secret)));
    let mut value = HeaderValue::from_str(&format!("Basic {pair}"))
        .map_err(|_| Trouble::Malformed("client secret cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// OpenID Connect Core, section 9: `private_key_jwt`, with the key that signs the realm's own tokens, which its `jwks_uri` publishes.
async fn assertion(
    visit: &Visit,
    settings: &IdentityProviderSettings,
    metadata: &Metadata,
) -> Result<String, Trouble> {
    let algorithm = metadata.assertion_algorithm()?;
    let key = match ensure_signing_key(&visit.edge, visit.realm.id, algorithm).await {
        Ok(key) => key,
        Err(SigningKeyError::Kernel(error)) => return Err(error.into()),
        Err(error) => {
            tracing::error!(%error, "no key could be made to authenticate with");
            return Err(Trouble::Malformed("key to authenticate with could not be made"));
        }
    };
    let kernel = visit.edge.kernel();
    let now = kernel.now().seconds();
    let claims = json!({
        "iss": settings.client_id,
        "sub": settings.client_id,
        "aud": metadata.token_endpoint.as_str(),
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
        "jti": kernel.new_id(),
    });
    key.sign("JWT", &claims)
        .map_err(|_| Trouble::Malformed("assertion could not be signed"))
}

/// The claims of an id token whose signature and times hold, which is of this issuer and for the realm.
async fn verify(
    visit: &Visit,
    provider: &IdentityProvider,
    metadata: &Metadata,
    tokens: &Tokens,
    now: Timestamp,
) -> Result<(Claims, jose::Algorithm), Trouble> {
    let expected = Expectation::id_token(&provider.issuer, &provider.settings.client_id);
    let allowed = metadata.id_token_algorithms();
    let verified = KeySource::at(&metadata.jwks_uri)
        .verify(&visit.edge, |keys| {
            jose::verify_foreign_with(&tokens.id_token, keys, &allowed, &expected, now.seconds())
        })
        .await;
    verified.map_err(|refused| match refused {
        KeyRefused::Unreachable(error) => Trouble::Outage("keys", error),
        KeyRefused::NoKeys => Trouble::Malformed("metadata names no keys"),
        KeyRefused::Jose(error) => Trouble::Untrusted(error.code()),
    })
}

/// What is left to check of an id token (OpenID Connect Core, section 3.1.3.7): who it is about, and when they signed in.
fn check(
    (claims, algorithm): &(Claims, jose::Algorithm),
    tokens: &Tokens,
    provider: &IdentityProvider,
    pending: &Pending,
    now: Timestamp,
) -> Result<(String, Timestamp), Trouble> {
    let client_id = provider.settings.client_id.as_str();
    match (claims.get("azp"), claims.audiences().as_slice()) {
        (None, [_]) => {}
        (None, _) => {
            return Err(Trouble::Untrusted(
                "it is for several, and does not say who asked",
            ));
        }
        (Some(Value::String(party)), _) if party == client_id => {}
        (Some(_), _) => return Err(Trouble::Untrusted("another asked for it")),
    }
    if claims.issued_at().is_none() {
        return Err(Trouble::Untrusted("it does not say when it was issued"));
    }
    let nonce = claims.string("nonce").unwrap_or_default();
    if !bool::from(nonce.as_bytes().ct_eq(pending.nonce.as_bytes())) {
        return Err(Trouble::Untrusted("it is for another request"));
    }
    if let Some(hash) = claims.get("at_hash") {
        let token = tokens.access_token.as_deref();
        let expected = token.map(|token| algorithm.left_half_hash(token));
        if hash.as_str() != expected.as_deref() {
            return Err(Trouble::Untrusted("it goes with another access token"));
        }
    }
    let subject = claims.subject();
    if subject.len() > SUBJECT || subject.chars().any(char::is_control) {
        return Err(Trouble::Untrusted("its subject is not one"));
    }
    let at = match claims.get("auth_time") {
        None => now,
        Some(_) => claims
            .seconds("auth_time")
            .map(Timestamp::from_seconds)
            .ok_or(Trouble::Untrusted("its auth_time is no time"))?,
    };
    // OpenID Connect Core, section 3.1.2.1. Who does not tell when is taken at their word that it was now.
    if let Some(seconds) = pending.max_age
        && at.after_seconds(seconds + CLOCKS) < pending.made
    {
        return Err(Trouble::Untrusted("the person signed in there too long ago"));
    }
    Ok((subject.to_owned(), at.min(now)))
}

/// OpenID Connect Core, section 5.3. `None`: there is no such endpoint, or no token for it.
async fn userinfo(
    visit: &Visit,
    metadata: &Metadata,
    tokens: &Tokens,
    subject: &str,
) -> Result<Option<Map<String, Value>>, Trouble> {
    let (Some(endpoint), Some(token)) = (&metadata.userinfo_endpoint, &tokens.access_token) else {
        return Ok(None);
    };
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| Trouble::Malformed("access token cannot be sent"))?;
    bearer.set_sensitive(true);
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
    let fetched = visit
        .edge
        .outbound()
        .get_json_as(endpoint, headers, LARGEST)
        .await
        .map_err(|error| Trouble::Outage("userinfo endpoint", error))?;
    let claims: Map<String, Value> = serde_json::from_slice(&fetched.body)
        .map_err(|_| Trouble::Malformed("userinfo endpoint answered no JSON object"))?;
    // Section 5.3.4: else somebody could be told of under another's name (token substitution).
    if claims.get("sub").and_then(Value::as_str) != Some(subject) {
        return Err(Trouble::Untrusted("userinfo is of somebody else"));
    }
    Ok(Some(claims))
}

/// What Apple tells of a name, once, and beside the id token: nobody vouches for it, and a name proves nothing.
fn names_beside(user: &str, claims: &mut Map<String, Value>) {
    let user: Option<Value> = serde_json::from_str(user).ok();
    for (member, claim) in [("firstName", "given_name"), ("lastName", "family_name")] {
        let name = user
            .as_ref()
            .and_then(|user| user.get("name")?.get(member)?.as_str());
        if let Some(name) = name {
            claims.entry(claim).or_insert_with(|| name.into());
        }
    }
}

/// What tells an identity from others for its owner.
fn known_as(claims: &Map<String, Value>) -> String {
    let names = ["email", "preferred_username", "name"].into_iter();
    let mut known = names.filter_map(|claim| claims.get(claim)?.as_str());
    let shown = known.find(|name| !name.trim().is_empty() && crate::faults::is_plain(name));
    shown.unwrap_or_default().chars().take(SUBJECT).collect()
}

/// Whether the provider says that several factors were shown, in words that the realm believes.
fn shows_several(settings: &IdentityProviderSettings, claims: &Map<String, Value>) -> bool {
    let acr = claims.get("acr").and_then(Value::as_str);
    let amr = claims.get("amr").and_then(Value::as_array);
    let references = amr.into_iter().flatten().filter_map(Value::as_str);
    acr.is_some_and(|acr| settings.multi_factor_acr.iter().any(|good| good == acr))
        || references
            .into_iter()
            .any(|one| settings.multi_factor_amr.iter().any(|good| good == one))
}
