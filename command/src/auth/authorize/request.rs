//! The authorization request (RFC 6749, 4.1.1; OpenID Connect Core, 3.1.2.1; RFC 7636; RFC 8707), validated
//! without I/O. The rule: every parameter that is understood is checked for all that it may be, and one that
//! would change the meaning and is not supported is refused by name; what the application's profile requires
//! holds for every request, however it came.

use std::collections::BTreeSet;

use events::{
    applications::{AUTHORIZATION_CODE, Application},
    auth::{Assurance, RequestedClaims},
    clock::Timestamp,
    ids::{ApplicationId, UserId},
    realms::Settings,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::{Requirements, claims::is_known, form::Form, offered::RESPONSE_TYPE};

use super::{
    claims, params, redirect_uri,
    reply::{self, ReplyTo, Unanswerable},
};
use crate::auth::audience::{self, InvalidTarget};

/// Why a request is refused, as the application is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `error`.
    pub error: &'static str,
    /// `error_description`, for its developer.
    pub description: &'static str,
}

/// A refusal by this code.
pub(super) const fn refused<T>(error: &'static str, description: &'static str) -> Result<T, Refusal> {
    Err(Refusal { error, description })
}

/// A parameter is missing, malformed, or does not go with another.
pub(super) const fn invalid<T>(description: &'static str) -> Result<T, Refusal> {
    refused("invalid_request", description)
}

/// What the application wants of the person; more comes after less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Prompt {
    /// To sign in if that is needed.
    #[default]
    AsNeeded,
    /// To see nothing: the answer is an error if anything would have to be shown.
    Nothing,
    /// To sign in, even with a session.
    SignIn,
    /// To register, where people register themselves; else to sign in, even with a session.
    Register,
}

/// What a sign-in should be worth, as far as the request says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedAssurance {
    /// Less is of no use (an essential `acr`, OpenID Connect Core, 5.5.1.1).
    pub required: Option<Assurance>,
    /// What it would rather have (`acr_values`).
    pub preferred: Option<Assurance>,
}

/// How a request came to us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// It was pushed (RFC 9126): its id, and when it ends by itself.
    pub pushed: Option<(Uuid, Timestamp)>,
    /// It was signed by the application (RFC 9101).
    pub signed: bool,
    /// The `jti` of its request object, if that had one, and when that ends by itself.
    pub object: Option<(String, Timestamp)>,
    /// The thumbprint of the key that was shown when it was pushed (RFC 9449, 10.1).
    pub jkt: Option<String>,
}

/// A request that may be answered with a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeRequest {
    /// The application.
    pub client: ApplicationId,
    /// Where the answer goes.
    pub reply_to: ReplyTo,
    /// What is asked for.
    pub scopes: BTreeSet<String>,
    /// For the id token.
    pub nonce: Option<String>,
    /// PKCE: the S256 challenge.
    pub challenge: Option<String>,
    /// The resources that the access token is for (RFC 8707).
    pub resources: Vec<String>,
    /// What is wanted of the person.
    pub prompt: Prompt,
    /// Whether the person is asked for their consent even if they gave it before.
    pub ask_consent: bool,
    /// How long ago the person may have signed in, in seconds.
    pub max_age: Option<u64>,
    /// What the sign-in should be worth.
    #[serde(default)]
    pub assurance: AskedAssurance,
    /// The name to put into the form.
    pub login_hint: Option<String>,
    /// Who is meant, according to an id token of ours.
    pub hinted: Option<UserId>,
    /// Who is meant, by the name that the application has for them (`claims`, OpenID Connect Core, 5.5.1).
    pub subject: Option<String>,
    /// The claims that are asked for one by one.
    pub claims: RequestedClaims,
    /// The thumbprint of the key that the code is bound to (`dpop_jkt`, RFC 9449, section 10).
    pub jkt: Option<String>,
    /// How it came.
    pub origin: Origin,
}

impl AuthorizeRequest {
    /// Whether anything may still be sent to where the answer was to go: a request that waited for a sign-in
    /// is asked again of the application as it is now.
    pub fn is_still_answerable(&self, application: &Application) -> Result<(), Unanswerable> {
        reply::takes_users(application)?;
        if redirect_uri::is_registered(&application.settings.redirect_uris, &self.reply_to.redirect_uri) {
            Ok(())
        } else {
            Err(Unanswerable::UnregisteredRedirectUri)
        }
    }

    /// Whether the application may still ask for this, in this way.
    pub fn is_still_allowed(
        &self,
        application: &Application,
        required: &Requirements,
        issuer: &str,
    ) -> Result<(), Refusal> {
        as_required(application, required, &self.origin)?;
        if required.pkce && self.challenge.is_none() {
            return invalid("code_challenge is required of this application (PKCE, RFC 7636)");
        }
        allowed(&self.scopes, &self.resources, application, issuer)
    }

    /// The claims that were asked for and that no scope of the request releases: what consent is about
    /// besides the scopes.
    pub fn claims_beyond_scopes(&self) -> BTreeSet<String> {
        let asked = self.claims.id_token.union(&self.claims.userinfo);
        asked
            .filter(|claim| web::claims::scope_of(claim).is_none_or(|scope| !self.scopes.contains(scope)))
            .cloned()
            .collect()
    }
}

/// Whether a request came in the way that its application is held to.
fn as_required(application: &Application, required: &Requirements, origin: &Origin) -> Result<(), Refusal> {
    if !application.may_use(AUTHORIZATION_CODE) {
        return refused(
            "unauthorized_client",
            "this application may not use authorization codes",
        );
    }
    if required.confidential_only && !application.is_confidential() {
        return refused(
            "unauthorized_client",
            "the security profile serves only applications that authenticate",
        );
    }
    if required.pushed_requests && origin.pushed.is_none() {
        return invalid("requests of this application must be pushed first (RFC 9126)");
    }
    if required.signed_requests && !origin.signed {
        return invalid("requests of this application must be signed (RFC 9101)");
    }
    Ok(())
}

/// Whether an application may ask for these scopes at these resources.
fn allowed(
    scopes: &BTreeSet<String>,
    resources: &[String],
    application: &Application,
    issuer: &str,
) -> Result<(), Refusal> {
    if !scopes.iter().all(|scope| is_known(application, scope)) {
        return refused(
            "invalid_scope",
            "scope names one that this application may not ask for",
        );
    }
    if audience::of(application, issuer, resources, scopes) == Err(InvalidTarget) {
        return refused(
            "invalid_target",
            "resource is not one of the audiences of this application",
        );
    }
    Ok(())
}

/// Who asks, and what is required of them.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The application.
    pub client: ApplicationId,
    /// What is known of it.
    pub application: &'a Application,
    /// What is required of it.
    pub required: &'a Requirements,
    /// The realm's settings.
    pub settings: &'a Settings,
    /// The realm's issuer.
    pub issuer: &'a str,
}

/// The rest of the request. `hinted` is left for the caller, who can verify an id token.
pub fn validate(
    form: &Form,
    asking: &Asking<'_>,
    reply_to: ReplyTo,
    origin: Origin,
) -> Result<AuthorizeRequest, Refusal> {
    if form.given("registration").is_some() {
        return refused("registration_not_supported", "registration is not supported");
    }
    if form
        .given("response_mode")
        .is_some_and(|mode| reply::response_mode(mode).is_none())
    {
        return invalid("response_mode must be query, fragment, form_post, or one of these with .jwt");
    }
    if form.given("state").is_some_and(|state| !reply::is_state(state)) {
        return invalid("state is too long or has control characters");
    }
    match form.given("response_type") {
        Some(RESPONSE_TYPE) => {}
        Some(_) => return refused("unsupported_response_type", "response_type must be code"),
        None => return invalid("response_type is missing"),
    }
    as_required(asking.application, asking.required, &origin)?;
    let scopes = params::scopes(form)?;
    let resources = params::resources(form)?;
    allowed(&scopes, &resources, asking.application, asking.issuer)?;
    params::ignored(form)?;
    let asked = claims::parse(form.given("claims"), asking.settings)?;
    let (prompt, ask_consent) = params::prompt(form)?;
    let jkt = match (params::thumbprint(form)?, &origin.jkt) {
        (Some(named), Some(shown)) if named != *shown => {
            return invalid("dpop_jkt is not the key of the DPoP proof");
        }
        (named, shown) => named.or_else(|| shown.clone()),
    };
    Ok(AuthorizeRequest {
        client: asking.client,
        reply_to,
        nonce: params::nonce(form)?,
        challenge: params::challenge(form, asking.required)?,
        resources,
        prompt,
        ask_consent,
        max_age: params::max_age(form)?.or(asking.application.settings.default_max_age),
        assurance: AskedAssurance {
            required: asked.assurance.required,
            preferred: asked.assurance.preferred.max(params::acr_values(
                form,
                &asking.application.settings.default_acr_values,
            )?),
        },
        login_hint: params::login_hint(form)?,
        hinted: None,
        subject: asked.subject,
        claims: asked.requested,
        jkt,
        scopes,
        origin,
    })
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
