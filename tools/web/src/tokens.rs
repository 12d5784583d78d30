//! Access tokens (RFC 9068), judged in two steps: the signature and the claims, then everything that they speak of as it is now.
//! The rule: a token is as good as its realm, application, user, session and grant are at this moment; in doubt it is refused.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    applications::Application,
    clock::Timestamp,
    compliance::{Consent, consent_id},
    ids::{ApplicationId, GrantId, RealmId, SessionId, UserId},
    kernel::KernelError,
    log::ClaimKind,
    realms::SigningKeys,
    subject::Lane,
    users::User,
};
use jose::{Claims, Expectation, JoseError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Edge, RealmRef, claims::is_known, clients, dpop::ProofRefused, opaque, subject};

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
    /// The `jti`s of the tokens that it was got for (RFC 8693), if it was: then its grant may be that of another application. An id token has
    /// none.
    pub exchanged: Option<Vec<Uuid>>,
    /// Who acts for its subject, the one who acts now first (RFC 8693, 4.1). Empty unless it was exchanged.
    pub actors: Vec<Acting>,
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

/// One who acts for somebody else (RFC 8693, 4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acting {
    /// The user, by the name that the token's application has for them, or the application.
    pub sub: String,
    /// The `client_id`, of an application that acts itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
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
        if let Some(realm) = opaque::unverified_realm(token) {
            let realm = self.realm(&realm.to_string()).await?;
            let realm = realm.ok_or(Invalid("no such realm"))?;
            return self.verify_access_token_of(&realm, token).await;
        }
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
        let claims = self.access_token_claims(realm, token).await?;
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
        token.scopes.retain(|scope| is_known(&application, scope));
        token.user = match self.judge(&token, &application, now).await {
            // Another node may have granted a moment ago what this one has not heard of.
            Err(Invalid(_)) => {
                if let Some(session) = token.session {
                    self.hear_of(token.realm.id, session, token.grant).await?;
                }
                self.judge(&token, &application, now).await?
            }
            judged => judged?,
        };
        Ok(token)
    }

    /// What an access token of this realm says, whether it is signed or sealed, and whatever has become of what it speaks of.
    pub async fn access_token_claims(&self, realm: &RealmRef, token: &str) -> Result<Claims, TokenRefused> {
        let expected = Expectation::new(ACCESS_TOKEN_TYPE, self.issuer(realm));
        if opaque::unverified_realm(token).is_none() {
            return self.verify_signed(realm, token, &expected).await;
        }
        let claims = opaque::open(self.kernel(), realm.id, token).await?;
        let claims = claims.ok_or(Invalid(
            "an opaque token that is over, altered or of another realm",
        ))?;
        jose::judge_sealed(claims, &expected, self.kernel().now().seconds())
            .map_err(|error| Invalid(error.code()))
    }

    /// What a token says that this realm signed.
    pub(crate) async fn verify_signed(
        &self,
        realm: &RealmRef,
        token: &str,
        expected: &Expectation,
    ) -> Result<Claims, TokenRefused> {
        let now = self.kernel().now().seconds();
        let mut verified = jose::verify(token, &*self.key_set(realm.id).await?, expected, now);
        if matches!(verified, Err(JoseError::UnknownKey)) {
            // Another node may have made the key a moment ago.
            self.kernel().latest::<SigningKeys>(realm.id, realm.id.0).await?;
            verified = jose::verify(token, &*self.key_set(realm.id).await?, expected, now);
        }
        verified.map_err(|error| Invalid(error.code()))
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

    /// Whether one who acts for somebody still may do anything; who is neither a user nor an application of ours (by an id of theirs) is
    /// known to the application alone.
    async fn may_act(&self, realm: RealmId, actor: &Acting) -> Result<(), TokenRefused> {
        let Ok(id) = actor.sub.parse::<Uuid>() else {
            return Ok(());
        };
        let application = self.kernel().current::<Application>(realm, id).await?.state;
        let user = self.kernel().current::<User>(realm, id).await?.state;
        if (application.exists() && !application.is_active()) || (user.exists && !user.is_active()) {
            return Err(Invalid("whoever acts is not active"));
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
            let (user, session) = self.holder(realm, session).await?;
            // The session knows whose it is, whatever name the application has for them.
            if subject::of(kernel, realm, application, user).await? != token.claims.subject() {
                return Err(Invalid("another subject than the session's"));
            }
            let grant = self.good_grant(realm, user, &session, grant, now).await?;
            // A token that was exchanged is no better than the application that it came from.
            if grant.client != client {
                if token.exchanged.is_none() {
                    return Err(Invalid("a grant of another application"));
                }
                self.stands(realm, grant.client).await?;
            }
            holder = Some(user);
        } else if token.claims.subject() != client.to_string() {
            let subject = token.claims.subject().parse().ok();
            self.stands(realm, subject.ok_or(Invalid("no such application"))?)
                .await?;
        }
        if let Some(user) = holder
            && token.exchanged.is_some()
            && application.settings.consent_required
        {
            let consent = kernel
                .current::<Consent>(realm, consent_id(user, client))
                .await?
                .state;
            if !consent.covers(&token.scopes, &BTreeSet::new()) {
                return Err(Invalid("the consent was withdrawn"));
            }
        }
        for actor in &token.actors {
            self.may_act(realm, actor).await?;
        }
        // With a token ends what was got for it.
        for jti in token.exchanged.iter().flatten().chain([&token.jti]) {
            let revoked = kernel
                .claimed(realm, Lane::Activity, ClaimKind::RevokedToken, &jti.to_string())
                .await?;
            if revoked.is_some() {
                return Err(Invalid("the token was revoked"));
            }
        }
        Ok(holder)
    }
}

/// Who acts, from the claim `act` of a token of ours (RFC 8693, 4.1): the one who acts now first.
fn actors(mut act: Option<&Value>) -> Option<Vec<Acting>> {
    let mut actors = Vec::new();
    while let Some(actor) = act {
        actors.push(Acting::deserialize(actor).ok()?);
        act = actor.get("act");
    }
    Some(actors)
}

/// Whether a text looks like an access token rather than a refresh token: a JWT has dots, an opaque one says what it is.
pub fn looks_like_access(text: &str) -> bool {
    text.contains('.') || opaque::unverified_realm(text).is_some()
}

/// The claim `act` for these actors, the one who acts now first.
pub fn act(actors: &[Acting]) -> Option<Value> {
    actors.iter().rev().fold(None, |before, actor| {
        let mut act = serde_json::to_value(actor).ok()?;
        if let (Some(before), Some(act)) = (before, act.as_object_mut()) {
            act.insert("act".to_owned(), before);
        }
        Some(act)
    })
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
    let exchanged = match claims.get("exchanged") {
        None => None,
        Some(tokens) => Some(Vec::deserialize(tokens).ok()?),
    };
    // A token for a user names its session and its grant; one without them speaks of an application itself: of its own, unless it was exchanged.
    match (session, grant) {
        (Some(_), Some(_)) => {}
        (None, None) if claims.subject() == client.to_string() || exchanged.is_some() => {}
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
        exchanged,
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
