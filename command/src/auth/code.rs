//! Authorization codes (RFC 6749, 4.1.2). The rule: a code is sealed for its realm and its application, names
//! all that it was issued for, lives for a minute at most, and is the identity of the one grant that it can
//! start.

use std::collections::BTreeSet;

use async_trait::async_trait;
use events::{
    auth::{AuthEvent, RequestedClaims},
    clock::Timestamp,
    ids::{ApplicationId, GrantId, RealmId, SessionId, UserId},
    kernel::{Claim, Context, Decide, Decision, Failure, Kernel, KernelError, Reader},
    log::ClaimKind,
    realms::Settings,
    subject::{Stream, Subject},
};
use serde::{Deserialize, Serialize};
use web::artefacts;

use super::{
    authorize::{reply::ReplyTo, request::AuthorizeRequest},
    flow::{self, Flow},
    sessions::SignedIn,
    trouble,
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

/// Why no code was issued.
#[derive(Debug)]
pub enum NotIssued {
    /// The request, or the form that answered it, gave a code before.
    UsedBefore(ClaimKind),
    /// That could not be done.
    Kernel(KernelError),
}

impl From<KernelError> for NotIssued {
    fn from(error: KernelError) -> Self {
        Self::Kernel(error)
    }
}

/// Issues a code in a session, under a version of the user's consent, and records that. What gives one code (a
/// pushed request, a request object with an id, a consent form) is spent in the same append.
pub async fn issue(
    visit: &Visit,
    settings: &Settings,
    request: &AuthorizeRequest,
    signed_in: &SignedIn,
    consent: u64,
    allowed: Option<&Flow>,
) -> Result<String, NotIssued> {
    let kernel = visit.edge.kernel();
    let mut context = visit.context_of(signed_in);
    context.actor.client = Some(request.client);
    let ReplyTo {
        redirect_uri,
        redirect_uri_given,
        ..
    } = request.reply_to.clone();
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
        claims: request.claims.clone(),
        jkt: request.jkt.clone(),
        consent,
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
    let spent = spent(request, allowed);
    if spent.is_empty() {
        kernel
            .record(visit.realm.id, &context, vec![issued.into()])
            .await?;
        return Ok(text);
    }
    let command = IssueCode {
        realm: visit.realm.id,
        session: code.session,
        issued,
        spent,
    };
    match kernel.execute(&context, &command).await {
        Ok(_) => Ok(text),
        Err(Failure::Claimed { kind, .. }) => Err(NotIssued::UsedBefore(kind)),
        Err(failure) => Err(NotIssued::Kernel(trouble(failure))),
    }
}

/// What a request and the form that answered it use up: kind, value, and when it would be invalid by itself. A
/// sign-in may begin at the last moment and takes its time.
fn spent(request: &AuthorizeRequest, allowed: Option<&Flow>) -> Vec<(ClaimKind, String, Timestamp)> {
    let client = request.client;
    let pushed = request.origin.pushed.iter().map(|(id, ends)| {
        let value = format!("{client}:{id}");
        (ClaimKind::PushedRequest, value, ends.after_seconds(flow::SECONDS))
    });
    let object = request.origin.object.iter().map(|(id, ends)| {
        let value = format!("{client}:{id}");
        (ClaimKind::RequestObject, value, ends.after_seconds(flow::SECONDS))
    });
    let form = allowed.map(|flow| (ClaimKind::Flow, flow.id.to_string(), flow.expires));
    pushed.chain(object).chain(form).collect()
}

/// A code is issued for something that gives one.
struct IssueCode {
    realm: RealmId,
    session: SessionId,
    issued: AuthEvent,
    spent: Vec<(ClaimKind, String, Timestamp)>,
}

#[async_trait]
impl Decide for IssueCode {
    type State = ();
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, _: &mut Reader<'_>) -> Result<(), KernelError> {
        Ok(())
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, Self::Rejection> {
        let decision = Decision::nothing(Subject::session(self.session)).noting(self.issued.clone());
        Ok(self
            .spent
            .iter()
            .fold(decision, |decision, (kind, value, invalid)| {
                decision.claiming(Claim::Spend {
                    kind: *kind,
                    value: value.clone(),
                    holder: self.session.0,
                    invalid: *invalid,
                })
            }))
    }
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
