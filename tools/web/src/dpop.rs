//! DPoP (RFC 9449): that whoever sends a request holds the key that its token is bound to.
//! The rule: exactly one proof, of this very request as the public address names it, made a moment ago, and good once: its `jti` is spent
//! in the log, in the append of the token that it leads to where there is one, so that of a hundred uses at once, on any node, one succeeds.

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use events::{
    applications::Application,
    auth::AuthEvent,
    clock::Timestamp,
    envelope::Actor,
    ids::{ApplicationId, RealmId},
    kernel::{Claim, Context, Decide, Decision, Failure, KernelError, Reader},
    log::{ClaimKind, LogError},
    subject::{Stream, Subject},
};
use jose::dpop::{Expectation, verify};
use uuid::Uuid;

use crate::{
    AccessToken, Edge, RealmRef, TokenRefused, artefacts,
    bearer::{Presented, Scheme},
    profile::Requirements,
};

/// The header of a proof (section 4.1).
pub const PROOF: HeaderName = HeaderName::from_static("dpop");
/// The header of a nonce for the next proof (section 8).
pub const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// What proofs may be signed with in every realm, whatever its profile: `algs` of a challenge (section 7.1).
const ALGORITHMS: &str = "ES256 PS256 EdDSA";
/// How old a proof may be, in seconds.
const MAX_AGE_SECONDS: u32 = 60;
/// What `iat` may lie ahead at most, in seconds; what was spent is remembered for as long.
const AHEAD_SECONDS: u64 = 60;
/// How long a nonce is good, in seconds.
const NONCE_SECONDS: u64 = 300;
const NONCE_PURPOSE: &str = "dpop nonce";

/// A request as a proof must name it.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its method.
    pub method: &'a str,
    /// Its path below the public address.
    pub path: &'a str,
}

impl<'a> From<&'a Parts> for Sent<'a> {
    fn from(parts: &'a Parts) -> Self {
        Self {
            headers: &parts.headers,
            method: parts.method.as_str(),
            path: parts.uri.path(),
        }
    }
}

/// A proof that holds. It is used up only when [`Proof::once`] is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of the sender's key: `jkt` of what is bound to it.
    pub thumbprint: String,
    /// What makes it good once.
    pub once: Claim,
}

/// Why a proof is refused (sections 5 and 7.1).
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProofRefused {
    /// `invalid_dpop_proof`: there is not exactly one, or it is not good.
    #[error("the DPoP proof is not good: {0}")]
    Invalid(&'static str),
    /// `use_dpop_nonce`: it lacks a nonce of ours that is good.
    #[error("the DPoP proof needs the nonce of the header DPoP-Nonce")]
    UseNonce,
    /// It could not be judged.
    #[error(transparent)]
    Unavailable(#[from] KernelError),
}

use ProofRefused::Invalid;

/// Somebody has used it already: its sender, or who took it from them.
pub const USED_BEFORE: ProofRefused = Invalid("it was used before");

impl ProofRefused {
    /// The code (RFC 9449, sections 5 and 8), of what is the sender's to mend.
    pub const fn error(&self) -> &'static str {
        match self {
            ProofRefused::Invalid(_) => "invalid_dpop_proof",
            ProofRefused::UseNonce => "use_dpop_nonce",
            ProofRefused::Unavailable(_) => "temporarily_unavailable",
        }
    }
}

/// The proof of a request of an application, if it shows one, after section 4.3.
pub async fn shown(
    edge: &Edge,
    realm: RealmId,
    (client, application): (ApplicationId, &Application),
    sent: Sent<'_>,
    access_token: Option<&str>,
) -> Result<Option<Proof>, ProofRefused> {
    let mut headers = sent.headers.get_all(PROOF).iter();
    let text = match (headers.next(), headers.next()) {
        (None, _) => return Ok(None),
        (Some(_), Some(_)) => return Err(Invalid("there is more than one")),
        (Some(text), None) => text.to_str().map_err(|_| Invalid("it is not a token"))?,
    };
    let settings = edge.settings(realm).await?;
    let expect = Expectation {
        method: sent.method,
        url: &format!("{}{}", edge.public_url(), sent.path),
        access_token,
        now_secs: edge.kernel().now().seconds(),
        max_age_secs: MAX_AGE_SECONDS,
    };
    let proof = verify(text, &expect).map_err(|error| Invalid(error.code()))?;
    if !Requirements::of(application, &settings)
        .algorithms
        .contains(&proof.algorithm)
    {
        return Err(Invalid("its algorithm is not allowed here"));
    }
    if settings.oauth.dpop_nonce {
        let nonce = proof.nonce.ok_or(ProofRefused::UseNonce)?;
        artefacts::open::<()>(edge.kernel(), realm, NONCE_PURPOSE, &[], &nonce)
            .await?
            .ok_or(ProofRefused::UseNonce)?;
    }
    let invalid =
        Timestamp::from_seconds(proof.issued_at).after_seconds(u64::from(MAX_AGE_SECONDS) + AHEAD_SECONDS);
    Ok(Some(Proof {
        once: Claim::Spend {
            kind: ClaimKind::DpopProof,
            value: format!("{}:{}", proof.thumbprint, proof.jti),
            holder: client.0,
            invalid,
        },
        thumbprint: proof.thumbprint,
    }))
}

/// Gives a nonce for the next proof, where the realm wants one: with every answer, so that no client runs out of them.
pub async fn offer_nonce(edge: &Edge, realm: RealmId, headers: &mut HeaderMap) -> Result<(), KernelError> {
    if edge.settings(realm).await?.oauth.dpop_nonce {
        headers.insert(NONCE, nonce(edge, realm).await?);
    }
    Ok(())
}

/// A nonce: the moment until which it is good, sealed.
pub(crate) async fn nonce(edge: &Edge, realm: RealmId) -> Result<HeaderValue, KernelError> {
    let until = edge.kernel().now().after_seconds(NONCE_SECONDS);
    let sealed = artefacts::seal(edge.kernel(), realm, NONCE_PURPOSE, &[], &(), until).await?;
    HeaderValue::from_str(&sealed).map_err(|error| KernelError::Malformed(error.to_string()))
}

/// A challenge to show a token that is bound, and the proof (section 7.1).
pub fn challenge(error: Option<(&str, &str)>) -> String {
    let error = error.map_or_else(String::new, |(error, description)| {
        format!("error=\"{error}\", error_description=\"{description}\", ")
    });
    format!("DPoP {error}algs=\"{ALGORITHMS}\"")
}

impl Edge {
    /// Judges the token that a request presents, and whether whoever sends it may: a token that is bound to a key comes with a proof of
    /// it, which is used up; one that is not bound comes without. Without a realm it may be of any.
    pub async fn verify_presented(
        &self,
        realm: Option<&RealmRef>,
        presented: Presented<'_>,
        sent: Sent<'_>,
        request: Uuid,
    ) -> Result<AccessToken, TokenRefused> {
        let token = match realm {
            Some(realm) => self.verify_access_token_of(realm, presented.token).await?,
            None => self.verify_access_token(presented.token).await?,
        };
        let (realm, kernel) = (token.realm.id, self.kernel());
        let application = kernel.current::<Application>(realm, token.client.0).await?.state;
        let jkt = match (presented.scheme, &token.jkt) {
            (Scheme::Bearer, None) => {
                let required = Requirements::of(&application, &self.settings(realm).await?);
                if required.dpop {
                    return Err(TokenRefused::Invalid("its application binds its tokens"));
                }
                return Ok(token);
            }
            (Scheme::Bearer, Some(_)) => {
                return Err(TokenRefused::Invalid("a bound token without its proof"));
            }
            (Scheme::Dpop, None) => {
                return Err(TokenRefused::Invalid("a proof for a token that is not bound"));
            }
            (Scheme::Dpop, Some(jkt)) => jkt,
        };
        let client = (token.client, &application);
        let unproven = |refused| TokenRefused::unproven(realm, refused);
        let proof = shown(self, realm, client, sent, Some(presented.token))
            .await
            .and_then(|proof| proof.ok_or(Invalid("there is none")))
            .map_err(unproven)?;
        if proof.thumbprint != *jkt {
            return Err(TokenRefused::Invalid("bound to another key"));
        }
        let context = kernel.context(Actor {
            user: token.user,
            client: Some(token.client),
            session: token.session,
            request: Some(request),
            ..Actor::default()
        });
        use_up(self, &context, realm, token.client, token.jti, proof)
            .await
            .map_err(unproven)?;
        Ok(token)
    }
}

/// Uses up a proof that leads to no token, and so has no append of its own: `sent_with` is the id of the token or of the pushed request
/// that it came with.
pub async fn use_up(
    edge: &Edge,
    context: &Context,
    realm: RealmId,
    client: ApplicationId,
    sent_with: Uuid,
    proof: Proof,
) -> Result<(), ProofRefused> {
    let used = UseProof {
        realm,
        client,
        token: sent_with,
        once: proof.once,
    };
    match edge.kernel().execute(context, &used).await {
        Ok(_) => Ok(()),
        Err(Failure::Claimed { .. }) => Err(USED_BEFORE),
        Err(Failure::Kernel(error)) => Err(error.into()),
        Err(_) => Err(KernelError::from(LogError::Unavailable("lost the race too often".to_owned())).into()),
    }
}

/// A proof is used up where no token comes of it.
#[derive(Clone, Debug)]
struct UseProof {
    realm: RealmId,
    client: ApplicationId,
    token: Uuid,
    once: Claim,
}

#[async_trait]
impl Decide for UseProof {
    type State = ();
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, _: &mut Reader<'_>) -> Result<(), KernelError> {
        Ok(())
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, Self::Rejection> {
        let used = AuthEvent::DpopProofUsed {
            token: self.token,
            client: self.client,
        };
        Ok(Decision::nothing(Subject::application(self.client))
            .noting(used)
            .claiming(self.once.clone()))
    }
}

#[cfg(test)]
#[path = "dpop_tests.rs"]
mod tests;
