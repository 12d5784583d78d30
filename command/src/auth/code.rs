//! Authorization codes (RFC 6749, 4.1.2). The rule: a code is sealed for its realm and its application, names
//! all that it was issued for, lives for a minute at most, and is the identity of the one grant that it can
//! start.

use std::collections::BTreeSet;

use events::{
    auth::{AuthEvent, RequestedClaims},
    clock::Timestamp,
    compliance::{Consent, consent_id},
    ids::{ApplicationId, GrantId, RealmId, SessionId, UserId},
    kernel::{Kernel, KernelError},
    realms::Settings,
};
use serde::{Deserialize, Serialize};
use web::artefacts;

use super::{
    authorize::request::{AuthorizeRequest, ReplyTo},
    sessions::SignedIn,
    visit::Visit,
};

const PURPOSE: &str = "code";

/// What a code stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// The grant that it starts.
    pub grant: GrantId,
    /// The session that it was issued in.
    pub session: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// When they did.
    pub auth_time: Timestamp,
    /// Where it was sent, and whether the request named that.
    pub redirect_uri: String,
    /// See [`ReplyTo::redirect_uri_given`].
    pub redirect_uri_given: bool,
    /// What was granted.
    pub scopes: BTreeSet<String>,
    /// For the id token.
    pub nonce: Option<String>,
    /// PKCE: the S256 challenge.
    pub challenge: Option<String>,
    /// The resources that were asked for (RFC 8707); none for all of the application's.
    #[serde(default)]
    pub resources: Vec<String>,
    /// The claims that were asked for one by one.
    #[serde(default)]
    pub claims: RequestedClaims,
    /// The thumbprint of the key that must be shown to redeem it (`dpop_jkt`, RFC 9449, section 10).
    #[serde(default)]
    pub jkt: Option<String>,
    /// The version of the user's consent that it was issued under.
    #[serde(default)]
    pub consent: u64,
    /// When it ends.
    pub invalid: Timestamp,
}

/// Issues a code in a session, and records that.
pub async fn issue(
    visit: &Visit,
    settings: &Settings,
    request: &AuthorizeRequest,
    signed_in: &SignedIn,
) -> Result<String, KernelError> {
    let kernel = visit.edge.kernel();
    let mut context = visit.context_of(signed_in);
    context.actor.client = Some(request.client);
    let ReplyTo {
        redirect_uri,
        redirect_uri_given,
        ..
    } = request.reply_to.clone();
    let consent = consent_id(signed_in.user, request.client);
    let consent = kernel.current::<Consent>(visit.realm.id, consent).await?;
    let code = Code {
        grant: GrantId(context.new_id()),
        session: signed_in.id,
        user: signed_in.user,
        auth_time: signed_in.session.started,
        redirect_uri,
        redirect_uri_given,
        scopes: request.scopes.clone(),
        nonce: request.nonce.clone(),
        challenge: request.challenge.clone(),
        resources: request.resources.clone(),
        claims: RequestedClaims::default(),
        jkt: None,
        consent: consent.version,
        invalid: context.now.after_seconds(settings.tokens.code_seconds),
    };
    let bound = [request.client.0.as_bytes().as_slice()];
    let text = artefacts::seal(kernel, visit.realm.id, PURPOSE, &bound, &code, code.invalid).await?;
    let issued = AuthEvent::CodeIssued {
        grant: code.grant,
        client: request.client,
        user: code.user,
        scopes: code.scopes.into_iter().collect(),
    };
    kernel
        .record(visit.realm.id, &context, vec![issued.into()])
        .await?;
    Ok(text)
}

/// Opens a code that an application presents. `None`: too old, altered, or of another realm or application.
pub async fn open(
    kernel: &Kernel,
    realm: RealmId,
    client: ApplicationId,
    text: &str,
) -> Result<Option<Code>, KernelError> {
    artefacts::open(kernel, realm, PURPOSE, &[client.0.as_bytes()], text).await
}
