//! Client authentication by assertions: `private_key_jwt` and `client_secret_jwt` (RFC 7523; OpenID Connect Core, section 9).
//! The rule: an assertion is of this client and about it, for this server and nobody else, over soon, and good once: its `jti` is spent
//! in the log, so that of a hundred who use it at once, on whichever nodes, one succeeds.

use async_trait::async_trait;
use events::{
    applications::{Application, CLIENT_SECRET_JWT, PRIVATE_KEY_JWT},
    auth::AuthEvent,
    clock::Timestamp,
    ids::{ApplicationId, RealmId},
    kernel::{Claim, Context, Decide, Decision, Failure, KernelError, Reader},
    log::{ClaimKind, LogError},
    subject::{Stream, Subject},
};
use jose::{Algorithm, Claims, Expectation, JoseError};

use super::keys::{KeyRefused, KeySource};
use crate::{Edge, RealmRef, profile::Requirements};

/// An assertion, and where it is shown.
pub(super) struct Shown<'a> {
    pub edge: &'a Edge,
    pub realm: &'a RealmRef,
    /// The endpoint that was called, below `oauth2/`.
    pub endpoint: &'a str,
    pub context: &'a Context,
    /// What the application must keep to.
    pub required: &'a Requirements,
    /// Who the assertion says that it is from.
    pub client_id: &'a str,
    pub assertion: &'a str,
}

impl Shown<'_> {
    /// Whether it shows that it was sent by this application; if so, it is used up.
    pub(super) async fn is_by(
        &self,
        id: ApplicationId,
        application: &Application,
    ) -> Result<bool, KernelError> {
        let may = |method: &str| self.required.auth_methods.contains(&method);
        let (method, verified) = if may(PRIVATE_KEY_JWT) {
            (PRIVATE_KEY_JWT, self.verified_by_key(application).await)
        } else if may(CLIENT_SECRET_JWT) {
            (CLIENT_SECRET_JWT, self.verified_by_secret(application))
        } else {
            return Ok(false);
        };
        let claims = match verified {
            Ok(claims) if self.is_for_us_alone(&claims) => claims,
            Ok(_) => return Ok(self.refused(id, &JoseError::WrongAudience.into())),
            Err(refused) => return Ok(self.refused(id, &refused)),
        };
        let command = UseAssertion {
            realm: self.realm.id,
            client: id,
            method,
            token_id: claims.token_id().unwrap_or_default().to_owned(),
            invalid: Timestamp::from_seconds(claims.expires_at()),
        };
        match self.edge.kernel().execute(self.context, &command).await {
            Ok(_) => Ok(true),
            Err(Failure::Claimed { .. }) => {
                tracing::debug!(client = %id, "a client assertion was used before");
                Ok(false)
            }
            Err(Failure::Kernel(error)) => Err(error),
            Err(_) => Err(LogError::Unavailable("lost the race too often".to_owned()).into()),
        }
    }

    /// Why is for our log alone.
    fn refused(&self, id: ApplicationId, refused: &KeyRefused) -> bool {
        tracing::debug!(client = %id, realm = %self.realm.id, %refused, "a client assertion was refused");
        false
    }

    async fn verified_by_key(&self, application: &Application) -> Result<Claims, KeyRefused> {
        let settings = &application.settings;
        let chosen = settings.token_endpoint_auth_signing_alg.as_deref();
        let allowed: Vec<Algorithm> = self
            .required
            .algorithms
            .iter()
            .copied()
            .filter(|algorithm| chosen.is_none_or(|chosen| chosen == algorithm.as_str()))
            .collect();
        let (expect, now) = (self.expected(), self.context.now.seconds());
        KeySource::from(settings)
            .verify(self.edge, |keys| {
                jose::verify_foreign(self.assertion, keys, &allowed, &expect, now)
            })
            .await
    }

    /// By any of the secrets that are not over; those that were made for another method are not known here.
    fn verified_by_secret(&self, application: &Application) -> Result<Claims, KeyRefused> {
        let (expect, now) = (self.expected(), self.context.now);
        application
            .secrets
            .iter()
            .filter(|secret| secret.expires.is_none_or(|end| now < end))
            .filter_map(|secret| secret.secret.as_ref())
            .map(|secret| jose::verify_with_secret(self.assertion, secret.as_bytes(), &expect, now.seconds()))
            .reduce(Result::or)
            .unwrap_or(Err(JoseError::NoSuitableKey))
            .map_err(KeyRefused::from)
    }

    fn expected(&self) -> Expectation {
        Expectation::client_assertion(self.client_id, self.audiences())
    }

    /// How this server may be called in an assertion: as the issuer (RFC 7523bis; alone under FAPI 2.0, section 5.3.2.1), the token endpoint
    /// (RFC 7523, section 3), or the endpoint that was called (RFC 9126, section 2).
    fn audiences(&self) -> Vec<String> {
        let issuer = self.edge.issuer(self.realm);
        if self.required.issuer_audience {
            return vec![issuer];
        }
        let at = |endpoint| format!("{issuer}/oauth2/{endpoint}");
        vec![at("token"), at(self.endpoint), issuer]
    }

    /// An assertion that is for others, too, could be one that they were sent and pass on.
    fn is_for_us_alone(&self, claims: &Claims) -> bool {
        let names = self.audiences();
        let is_text = claims.get("aud").is_some_and(serde_json::Value::is_string);
        (is_text || !self.required.issuer_audience)
            && claims
                .audiences()
                .iter()
                .all(|audience| names.iter().any(|name| name == audience))
    }
}

/// An assertion is used up.
#[derive(Clone, Debug)]
struct UseAssertion {
    realm: RealmId,
    client: ApplicationId,
    method: &'static str,
    token_id: String,
    /// When it would be invalid by itself.
    invalid: Timestamp,
}

#[async_trait]
impl Decide for UseAssertion {
    type State = ();
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, _: &mut Reader<'_>) -> Result<(), KernelError> {
        Ok(())
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, Self::Rejection> {
        let succeeded = AuthEvent::ClientAuthenticationSucceeded {
            client: self.client,
            method: self.method.to_owned(),
        };
        Ok(Decision::nothing(Subject::application(self.client))
            .noting(succeeded)
            .claiming(Claim::Spend {
                kind: ClaimKind::ClientAssertion,
                value: format!("{}:{}", self.client, self.token_id),
                holder: self.client.0,
                invalid: self.invalid,
            }))
    }
}
