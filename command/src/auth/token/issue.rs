//! What tokens say, and how they are signed: access tokens after RFC 9068, id tokens after OpenID Connect
//! Core, section 2. The rules: nothing configured takes the place of a protocol claim; and everything is
//! signed before it is committed, so that nothing is spent on a token that cannot be made.

use std::collections::BTreeSet;

use events::{
    applications::ApplicationSettings,
    auth::{Assurance, RequestedClaims},
    clock::Timestamp,
    ids::{GrantId, SessionId, UserId},
    realms::Settings,
    users::Profile,
};
use jose::{JoseError, MAX_TOKEN_BYTES, SigningKey};
use serde_json::{Map, Value, json};
use web::{
    Requirements,
    bearer::Scheme,
    claims::{custom_claims, requested_claims, user_claims},
    clients::{encrypting, keys::KeyRefused},
    id_tokens::ID_TOKEN_TYPE,
    oauth::OAuthError,
    opaque, subject,
    tokens::{ACCESS_TOKEN_TYPE, act},
};

use super::{Request, TokenResponse, signing_key};
use crate::{
    auth::{
        audience::{self, InvalidTarget},
        grants::TokenNote,
    },
    realms::ensure_signing_key,
};

/// The user that tokens are about, and the sign-in that they come from.
pub(super) struct About<'a> {
    pub user: UserId,
    pub profile: &'a Profile,
    pub session: SessionId,
    pub grant: GrantId,
    pub auth_time: Timestamp,
    pub amr: &'a [String],
    /// The claims that were asked for one by one.
    pub claims: &'a RequestedClaims,
    /// Of the authorization request; absent when refreshing.
    pub nonce: Option<&'a str>,
}

/// The keys that a response is signed with.
pub(super) struct Keys {
    access: std::sync::Arc<SigningKey>,
    id: Option<std::sync::Arc<SigningKey>>,
}

impl Request<'_> {
    /// The keys for the tokens of these scopes.
    pub(super) async fn keys(&self, scopes: &BTreeSet<String>) -> Result<Keys, OAuthError> {
        let settings = &self.client.state.settings;
        let required = Requirements::of(&self.client.state, &self.settings);
        let key = async |configured: Option<&str>| {
            let algorithm = required.signing(configured).ok_or_else(|| {
                OAuthError::unauthorized_client(
                    "this application has its tokens signed by an algorithm that its security profile refuses",
                )
            })?;
            ensure_signing_key(&self.visit.edge, self.visit.realm.id, algorithm)
                .await
                .map_err(signing_key)
        };
        let openid = scopes.contains("openid");
        // Userinfo is signed where nothing is made (on the query side): its key is there before any token is.
        if let (true, Some(algorithm)) = (openid, settings.userinfo_signed_response_alg.as_deref()) {
            key(Some(algorithm)).await?;
        }
        Ok(Keys {
            access: key(settings.access_token_signed_response_alg.as_deref()).await?,
            id: if openid {
                Some(key(settings.id_token_signed_response_alg.as_deref()).await?)
            } else {
                None
            },
        })
    }

    /// The access token that is to be: for these scopes, at these resources, no longer than `latest`.
    pub(super) fn note(
        &self,
        scopes: &BTreeSet<String>,
        resources: &[String],
        latest: Option<Timestamp>,
    ) -> Result<TokenNote, OAuthError> {
        let application = &self.client.state;
        let audience =
            audience::of(application, &self.visit.issuer(), resources, scopes).map_err(|InvalidTarget| {
                OAuthError::invalid_target(
                    "the resource is not one of this application's, or not the one that was granted",
                )
            })?;
        let seconds = application
            .settings
            .access_token_seconds
            .unwrap_or(self.settings.tokens.access_token_seconds);
        let expires = Timestamp::from_seconds(self.context.now.seconds()).after_seconds(seconds);
        Ok(TokenNote {
            token: self.context.new_id(),
            scopes: scopes.iter().cloned().collect(),
            audience,
            expires: latest.map_or(expires, |latest| {
                expires.min(Timestamp::from_seconds(latest.seconds()))
            }),
            jkt: self.proof.as_ref().map(|proof| proof.thumbprint.clone()),
            exchange: None,
            once: self.proof.as_ref().map(|proof| proof.once.clone()),
        })
    }

    /// The response as it will be handed out, if what it tells of is committed.
    pub(super) async fn sign(
        &self,
        keys: &Keys,
        note: &TokenNote,
        about: Option<&About<'_>>,
        refresh_token: Option<String>,
    ) -> Result<TokenResponse, OAuthError> {
        let (kernel, realm) = (self.visit.edge.kernel(), self.visit.realm.id);
        let subject = match (about, &note.exchange) {
            (Some(about), _) => subject::of(kernel, realm, &self.client.state, about.user).await?,
            (None, Some(exchange)) => exchange.application.unwrap_or(self.client.id).to_string(),
            (None, None) => self.client.id.to_string(),
        };
        let said = Said {
            issuer: &self.visit.issuer(),
            client_id: &self.client.state.client_id,
            subject,
            application: &self.client.state.settings,
            realm: &self.settings,
            issued: self.context.now,
            note,
            about,
        };
        let sign =
            |key: &SigningKey, typ, claims: &Map<String, Value>| key.sign(typ, claims).map_err(unsigned);
        let settings = &self.client.state.settings;
        let access_token = if settings.access_token_format.as_deref() == Some("opaque") {
            let sealed = opaque::seal(kernel, realm, &said.access_token(), note.expires).await?;
            if sealed.len() > MAX_TOKEN_BYTES {
                return Err(unsigned(JoseError::TooLarge));
            }
            sealed
        } else {
            sign(&keys.access, ACCESS_TOKEN_TYPE, &said.access_token())?
        };
        let id_token = match (&keys.id, about) {
            (Some(key), Some(about)) => Some(sign(
                key,
                ID_TOKEN_TYPE,
                &said.id_token(about, &key.algorithm().left_half_hash(&access_token)),
            )?),
            _ => None,
        };
        let id_token = match id_token {
            None => None,
            Some(token) => Some(
                encrypting::token(
                    &self.visit.edge,
                    settings,
                    settings.id_token_encrypted_response_alg.as_deref(),
                    settings.id_token_encrypted_response_enc.as_deref(),
                    token,
                )
                .await
                .map_err(|error| unencrypted(&error))?,
            ),
        };
        Ok(TokenResponse {
            access_token,
            issued_token_type: None,
            token_type: Scheme::of(note.jkt.as_ref()).as_str(),
            expires_in: note.expires.seconds() - self.context.now.seconds(),
            scope: note.scopes.join(" "),
            refresh_token,
            id_token,
        })
    }
}

/// Attributes of a user may be longer than a token has room for: that is for whoever configured the claims.
fn unsigned(error: JoseError) -> OAuthError {
    match error {
        JoseError::TooLarge => OAuthError::invalid_request(
            "the token would be too long: ask for fewer scopes or for one resource, or let the application and the \
             realm add fewer claims",
        ),
        error => {
            tracing::error!(%error, "a token could not be signed");
            OAuthError::server_error()
        }
    }
}

/// The application's key is not there, or not good: that is for whoever runs it.
fn unencrypted(error: &KeyRefused) -> OAuthError {
    OAuthError::invalid_request(format!(
        "the id token could not be encrypted to this application: {error}"
    ))
}

/// All that tokens tell of.
struct Said<'a> {
    issuer: &'a str,
    client_id: &'a str,
    subject: String,
    application: &'a ApplicationSettings,
    realm: &'a Settings,
    issued: Timestamp,
    note: &'a TokenNote,
    about: Option<&'a About<'a>>,
}

impl Said<'_> {
    /// RFC 9068, section 2.2, with the session (`sid`) and the grant (`gid`) that resource servers of ours
    /// ask the log about.
    fn access_token(&self) -> Map<String, Value> {
        let mut claims = custom_claims(self.about.map(|about| about.profile), self.application);
        add(
            &mut claims,
            json!({
                "iss": self.issuer,
                "sub": self.subject,
                "aud": self.note.audience,
                "exp": self.note.expires.seconds(),
                "iat": self.issued.seconds(),
                "jti": self.note.token,
                "client_id": self.client_id,
                "scope": self.note.scopes.join(" "),
            }),
        );
        if let Some(about) = self.about {
            add(&mut claims, json!({ "sid": about.session, "gid": about.grant }));
            add(&mut claims, sign_in(about));
        }
        if let Some(jkt) = &self.note.jkt {
            add(&mut claims, json!({ "cnf": { "jkt": jkt } }));
        }
        if let Some(exchange) = &self.note.exchange {
            claims.insert("exchanged".to_owned(), json!(exchange.tokens));
            claims.extend(act(&exchange.actors).map(|act| ("act".to_owned(), act)));
        }
        claims.extend(self.may_act());
        claims
    }

    /// The one application that may act for its users (RFC 8693, 4.4), if there is one.
    fn may_act(&self) -> Option<(String, Value)> {
        let actor = self.application.may_act.as_ref()?;
        Some(("may_act".to_owned(), json!({ "client_id": actor })))
    }

    /// OpenID Connect Core, section 2; claims about the user for the scopes that were granted, and those asked
    /// for one by one.
    fn id_token(&self, about: &About<'_>, at_hash: &str) -> Map<String, Value> {
        let scopes = self.note.scopes.iter().cloned().collect();
        let mut claims = user_claims(about.profile, self.realm, self.application, &scopes);
        claims.extend(requested_claims(
            about.profile,
            self.realm,
            self.application,
            &about.claims.id_token,
        ));
        let seconds = self
            .application
            .id_token_seconds
            .unwrap_or(self.realm.tokens.id_token_seconds);
        add(
            &mut claims,
            json!({
                "iss": self.issuer,
                "sub": self.subject,
                "aud": self.client_id,
                "azp": self.client_id,
                "exp": self.issued.after_seconds(seconds).seconds(),
                "iat": self.issued.seconds(),
                "sid": about.session,
                "at_hash": at_hash,
            }),
        );
        add(&mut claims, sign_in(about));
        if let Some(nonce) = about.nonce {
            claims.insert("nonce".to_owned(), nonce.into());
        }
        claims.extend(self.may_act());
        claims
    }
}

/// When and how the user signed in; of one for whom somebody else vouched, only when.
fn sign_in(about: &About<'_>) -> Value {
    let auth_time = about.auth_time.seconds();
    if about.amr.is_empty() {
        return json!({ "auth_time": auth_time });
    }
    json!({ "auth_time": auth_time, "acr": Assurance::told_by(about.amr).acr(), "amr": about.amr })
}

fn add(claims: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        claims.extend(more);
    }
}

#[cfg(test)]
#[path = "issue_tests.rs"]
mod tests;
