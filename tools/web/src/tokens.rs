//! Access tokens (RFC 9068), judged in two steps: the signature and the claims, then everything that they speak of as it is now.
//! The rule: a token is as good as its realm, application, user, session and grant are at this moment; in doubt it is refused.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    applications::Application,
    auth::Session,
    clock::Timestamp,
    compliance::{Consent, consent_id},
    ids::{ApplicationId, GrantId, RealmId, SessionId, UserId},
    kernel::KernelError,
    log::ClaimKind,
    realms::SigningKeys,
    subject::Lane,
    users::{Password, User, last_ending},
};
use jose::{Claims, Expectation, JoseError};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{Edge, RealmRef, claims::STANDARD_SCOPES, clients, dpop::ProofRefused, subject};

/// The `typ` of an access token (RFC 9068, section 2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// An access token that is good now.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The realm that issued it.
    pub realm: RealmRef,
    /// Its own id.
    pub jti: Uuid,
    /// The application that it was issued to.
    pub client: ApplicationId,
    /// That application's `client_id`.
    pub client_id: String,
    /// For whom; without it the application acts for itself.
    pub user: Option<UserId>,
    /// The session in which it was issued.
    pub session: Option<SessionId>,
    /// The grant under which it was issued.
    pub grant: Option<GrantId>,
    /// The thumbprint of the key that it is bound to (RFC 9449), if it is.
    pub jkt: Option<String>,
    /// Who acts for its subject, the one who acts now first (RFC 8693, 4.1): their `sub`s. Empty unless it was exchanged.
    pub actors: Vec<String>,
    /// What it may be used for: what was granted and the application may still ask for.
    pub scopes: BTreeSet<String>,
    /// Where it may be used.
    pub audience: Vec<String>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// All that it says.
    pub claims: Claims,
}

/// Why a token is refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenRefused {
    /// It is not good; the reason is for our log only.
    #[error("{0}")]
    Invalid(&'static str),
    /// It is bound to a key, and the proof of that is not good; the realm is the token's.
    #[error("{1}")]
    Proof(RealmId, ProofRefused),
    /// It could not be judged.
    #[error(transparent)]
    Unavailable(#[from] KernelError),
}

use TokenRefused::Invalid;

impl TokenRefused {
    /// A token of this realm is bound to a key, and that was not shown.
    pub(crate) fn unproven(realm: RealmId, refused: ProofRefused) -> Self {
        match refused {
            ProofRefused::Unavailable(error) => Self::Unavailable(error),
            refused => Self::Proof(realm, refused),
        }
    }
}

impl Edge {
    /// Judges a token of whichever realm issued it. Whose audience it has is for the caller to check.
    pub async fn verify_access_token(&self, token: &str) -> Result<AccessToken, TokenRefused> {
        let issuer = unverified_issuer(token).ok_or(Invalid("not a token of ours"))?;
        let name = issuer
            .strip_prefix(self.public_url())
            .and_then(|rest| rest.strip_prefix("/realms/"))
            .ok_or(Invalid("another issuer"))?;
        let realm = self.realm(name).await?.ok_or(Invalid("no such realm"))?;
        self.verify_access_token_of(&realm, token).await
    }

    /// Judges a token that must be of this realm.
    pub async fn verify_access_token_of(
        &self,
        realm: &RealmRef,
        token: &str,
    ) -> Result<AccessToken, TokenRefused> {
        let now = self.kernel().now();
        let expected = Expectation::new(ACCESS_TOKEN_TYPE, self.issuer(realm));
        let mut keys = self.key_set(realm.id).await?;
        let mut verified = jose::verify(token, &keys, &expected, now.seconds());
        if matches!(verified, Err(JoseError::UnknownKey)) {
            // Another node may have made the key a moment ago.
            self.kernel().latest::<SigningKeys>(realm.id, realm.id.0).await?;
            keys = self.key_set(realm.id).await?;
            verified = jose::verify(token, &keys, &expected, now.seconds());
        }
        let claims = verified.map_err(|error| Invalid(error.code()))?;
        if realm.suspended {
            return Err(Invalid("the realm is suspended"));
        }
        let client_id = claims.string("client_id").ok_or(Invalid("incomplete claims"))?;
        let (client, application) = clients::resolve(self, realm, client_id)
            .await?
            .ok_or(Invalid("no such application"))?;
        if !application.is_active() {
            return Err(Invalid("the application is not active"));
        }
        let mut token = read(realm.clone(), client, claims).ok_or(Invalid("incomplete claims"))?;
        // What the application may not ask for any more, its older tokens do not open any more either.
        let allowed = &application.settings.scopes;
        token
            .scopes
            .retain(|scope| STANDARD_SCOPES.contains(&scope.as_str()) || allowed.contains(scope));
        token.user = match self.judge(&token, &application, now).await {
            // Another node may have granted a moment ago what this one has not heard of.
            Err(Invalid(_)) => {
                self.hear_of(&token).await?;
                self.judge(&token, &application, now).await?
            }
            judged => judged?,
        };
        Ok(token)
    }

    /// Whether an application besides the token's own is active.
    async fn stands(&self, realm: RealmId, id: ApplicationId) -> Result<(), TokenRefused> {
        let application = self.kernel().current::<Application>(realm, id.0).await?.state;
        if application.is_active() {
            Ok(())
        } else {
            Err(Invalid("the application that it came from is not active"))
        }
    }

    /// Reads what a token speaks of as the log tells it now.
    async fn hear_of(&self, token: &AccessToken) -> Result<(), KernelError> {
        let (realm, kernel) = (token.realm.id, self.kernel());
        let Some(session) = token.session else {
            return Ok(());
        };
        let session = kernel.latest::<Session>(realm, session.0).await?.state;
        if let Some(user) = session.user {
            kernel.latest::<User>(realm, user.0).await?;
            kernel.latest::<Password>(realm, user.0).await?;
            for grant in session
                .grants
                .iter()
                .filter(|grant| Some(grant.id) == token.grant)
            {
                let consent = consent_id(user, grant.client);
                kernel.latest::<Consent>(realm, consent).await?;
            }
        }
        Ok(())
    }

    /// Whether what the token speaks of is still so; the user whose it is, if it is a user's.
    async fn judge(
        &self,
        token: &AccessToken,
        application: &Application,
        now: Timestamp,
    ) -> Result<Option<UserId>, TokenRefused> {
        let (realm, kernel, client) = (token.realm.id, self.kernel(), token.client);
        let mut holder = None;
        if let (Some(session), Some(grant)) = (token.session, token.grant) {
            let session = kernel.current::<Session>(realm, session.0).await?.state;
            let user = session.user.ok_or(Invalid("no such session"))?;
            // The session knows whose it is, whatever name the application has for them.
            if subject::of(kernel, realm, application, user).await? != token.claims.subject() {
                return Err(Invalid("another subject than the session's"));
            }
            let state = kernel.current::<User>(realm, user.0).await?.state;
            if !state.is_active() {
                return Err(Invalid("the user is not active"));
            }
            let password = kernel.current::<Password>(realm, user.0).await?.state;
            if session.outlived_by(last_ending(&state, &password)) {
                return Err(Invalid("the session was ended"));
            }
            let grant = session
                .grant(grant, now)
                .filter(|grant| grant.client == client || token.is_exchanged())
                .ok_or(Invalid("the grant was ended"))?;
            // A token that was exchanged is no better than the application that it came from.
            if grant.client != client {
                self.stands(realm, grant.client).await?;
            }
            let consent = consent_id(user, grant.client);
            if kernel
                .current::<Consent>(realm, consent)
                .await?
                .state
                .ended(grant.consent)
            {
                return Err(Invalid("the consent was withdrawn"));
            }
            holder = Some(user);
        } else if token.claims.subject() != client.to_string() {
            let subject = token.claims.subject().parse().ok();
            self.stands(realm, subject.ok_or(Invalid("no such application"))?)
                .await?;
        }
        let jti = token.jti.to_string();
        if kernel
            .claimed(realm, Lane::Activity, ClaimKind::RevokedToken, &jti)
            .await?
            .is_some()
        {
            return Err(Invalid("the token was revoked"));
        }
        Ok(holder)
    }
}

impl AccessToken {
    /// Whether it was got for another token (RFC 8693).
    pub const fn is_exchanged(&self) -> bool {
        !self.actors.is_empty()
    }
}

/// Who acts, from the claim `act` of a token of ours (RFC 8693, 4.1): the one who acts now first.
fn actors(mut act: Option<&Value>) -> Option<Vec<String>> {
    let mut actors = Vec::new();
    while let Some(actor) = act {
        actors.push(actor.get("sub")?.as_str()?.to_owned());
        act = actor.get("act");
    }
    Some(actors)
}

/// The claims of an access token, each of its type; whose it is, its session tells.
fn read(realm: RealmRef, client: ApplicationId, claims: Claims) -> Option<AccessToken> {
    let id = |name: &str| -> Option<Option<Uuid>> {
        match claims.get(name) {
            None => Some(None),
            Some(value) => Some(Some(value.as_str()?.parse().ok()?)),
        }
    };
    let client_id = claims.string("client_id")?.to_owned();
    let (session, grant) = (id("sid")?.map(SessionId), id("gid")?.map(GrantId));
    let actors = actors(claims.get("act"))?;
    // A token for a user names its session and its grant; one without them speaks of an application itself: of its own, unless it was exchanged.
    match (session, grant) {
        (Some(_), Some(_)) => {}
        (None, None) if claims.subject() == client.to_string() || !actors.is_empty() => {}
        _ => return None,
    }
    // What binds it in a way that is not known here is not taken for nothing.
    let jkt = match claims.get("cnf") {
        None => None,
        Some(confirmation) => Some(confirmation.get("jkt")?.as_str()?.to_owned()),
    };
    Some(AccessToken {
        realm,
        jti: id("jti")??,
        client,
        client_id,
        user: None,
        session,
        grant,
        jkt,
        actors,
        scopes: claims
            .string("scope")
            .unwrap_or_default()
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect(),
        audience: claims.audiences().iter().map(ToString::to_string).collect(),
        issued: Timestamp::from_seconds(claims.issued_at()?),
        expires: Timestamp::from_seconds(claims.expires_at()),
        claims,
    })
}

/// The issuer that a token names, before anything of it is believed: only to find the realm whose keys judge it.
fn unverified_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }
    if token.len() > jose::MAX_TOKEN_BYTES {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Named>(&payload)
        .ok()
        .map(|named| named.iss)
}
