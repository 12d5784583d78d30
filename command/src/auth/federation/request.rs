//! The request to a provider (OpenID Connect Core, section 3.1.2.1), and what is kept of it until the answer. The rule: it is bound to the
//! browser, the realm and the provider, carries the sign-in that it belongs to, and is good once, for a quarter of an hour; the code that
//! comes of it is bound to it by PKCE, the id token by the nonce.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    auth::Assurance,
    clock::{Random, Timestamp},
    identity_providers::{AnswerMode, IdentityProvider},
    ids::IdentityProviderId,
    kernel::KernelError,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::artefacts;

use super::metadata::Metadata;
use crate::{
    auth::{
        authorize::request::Prompt,
        flow::{Flow, journey::Journey},
        session_cookie::Browser,
        visit::Visit,
    },
    identity_providers::redirect_uri,
};

const PURPOSE: &str = "federated request";
/// How long a provider may take to answer, in seconds.
const SECONDS: u64 = 900;

/// A request that waits for its answer.
#[derive(Serialize, Deserialize)]
pub struct Pending {
    /// What makes its answer usable once.
    pub id: Uuid,
    /// When it was made.
    pub made: Timestamp,
    /// When it is over.
    pub expires: Timestamp,
    /// What the id token must repeat.
    pub nonce: String,
    /// What the code must be redeemed with (RFC 7636).
    pub verifier: String,
    /// How long ago the person may have signed in there, in seconds, where that matters.
    pub max_age: Option<u64>,
    /// The sign-in that it belongs to.
    pub flow: Flow,
}

fn bound(browser: &Browser, provider: IdentityProviderId) -> [Vec<u8>; 2] {
    [browser.bound().to_vec(), provider.0.as_bytes().to_vec()]
}

/// 256 random bits, as text.
fn secret(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Pending {
    /// One for a sign-in.
    pub fn new(journey: &Journey<'_>) -> Self {
        let kernel = journey.visit.edge.kernel();
        let mut flow = journey.flow.clone();
        // What a passkey was to sign is asked anew on the next page.
        flow.progress.ceremony = None;
        let made = kernel.now();
        Self {
            id: kernel.new_id(),
            made,
            expires: made.after_seconds(SECONDS).min(flow.expires),
            nonce: secret(&**kernel.random()),
            verifier: secret(&**kernel.random()),
            max_age: max_age(journey),
            flow,
        }
    }

    /// Seals it: the `state` of the request.
    pub async fn seal(
        &self,
        visit: &Visit,
        browser: &Browser,
        provider: IdentityProviderId,
    ) -> Result<String, KernelError> {
        let bound = bound(browser, provider);
        let bound: Vec<&[u8]> = bound.iter().map(Vec::as_slice).collect();
        let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
        artefacts::seal(kernel, realm, PURPOSE, &bound, self, self.expires).await
    }

    /// Opens one. `None`: too old, altered, or of another browser, realm or provider.
    pub async fn open(
        visit: &Visit,
        browser: &Browser,
        provider: IdentityProviderId,
        text: &str,
    ) -> Result<Option<Self>, KernelError> {
        let bound = bound(browser, provider);
        let bound: Vec<&[u8]> = bound.iter().map(Vec::as_slice).collect();
        artefacts::open(visit.edge.kernel(), visit.realm.id, PURPOSE, &bound, text).await
    }
}

/// How long ago the person may have signed in at the provider: as the application asks, and not at all where a session is to be worth more.
fn max_age(journey: &Journey<'_>) -> Option<u64> {
    if journey.session.is_some() && journey.flow.progress.adds.is_none() {
        return Some(0);
    }
    let request = journey.flow.request.as_ref()?;
    match request.prompt {
        Prompt::SignIn | Prompt::Register => Some(0),
        Prompt::AsNeeded | Prompt::Nothing => request.max_age,
    }
}

/// Where the browser goes.
pub fn address(
    journey: &Journey<'_>,
    provider: &IdentityProvider,
    metadata: &Metadata,
    pending: &Pending,
    state: &str,
) -> String {
    let settings = &provider.settings;
    let challenge = digest::digest(&digest::SHA256, pending.verifier.as_bytes());
    let scopes = ["openid"]
        .into_iter()
        .chain(settings.scopes.iter().map(String::as_str));
    let mut url = metadata.authorization_endpoint.clone();
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair(
                "redirect_uri",
                &redirect_uri(&journey.visit.issuer(), &provider.alias),
            )
            .append_pair("scope", &scopes.collect::<Vec<_>>().join(" "))
            .append_pair("state", state)
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256");
        if settings.answer_mode == AnswerMode::FormPost {
            query.append_pair("response_mode", "form_post");
        }
        if let Some(seconds) = pending.max_age {
            query.append_pair("max_age", &seconds.to_string());
        }
        if journey.policy.required >= Assurance::Aal2 && !settings.multi_factor_acr.is_empty() {
            query.append_pair("acr_values", &settings.multi_factor_acr.join(" "));
        }
    }
    url.into()
}
