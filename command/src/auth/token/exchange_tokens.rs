//! The tokens that are shown to be exchanged (RFC 8693, 2.1): whose they are, and what they are still worth.
//! The rule: they are judged as whoever is sent one judges them; one that is bound to a key is worth nothing without the proof of it; and each
//! is of an application whose tokens the one that asks may exchange.

use std::collections::BTreeSet;

use events::{
    applications::Application,
    clock::Timestamp,
    ids::{ApplicationId, GrantId, SessionId, UserId},
    kernel::KernelError,
};
use jose::Claims;
use serde_json::Value;
use uuid::Uuid;
use web::{Acting, Requirements, TokenRefused, oauth::OAuthError, subject};

use super::Request;
use crate::auth::audience::{self, InvalidTarget};

/// The type of an access token (RFC 8693, section 3).
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The type of an id token.
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// A token that was shown and is good.
pub(super) struct Shown {
    /// The application that it was issued to.
    pub client: ApplicationId,
    /// That application's `client_id`.
    pub client_id: String,
    /// Whom it is about.
    pub about: Subject,
    /// What it may be used for.
    pub scopes: BTreeSet<String>,
    /// Where.
    pub audience: Vec<String>,
    /// Until when.
    pub expires: Timestamp,
    /// Its `jti`, and those of the tokens that it was got for.
    pub tokens: Vec<Uuid>,
    /// Who acts for its subject already.
    pub actors: Vec<Acting>,
    /// Who alone may act for its subject (section 4.4).
    pub may_act: Option<Value>,
}

/// Whom a token is about.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    /// A user, by the grant of a session of theirs.
    User(UserId, SessionId, GrantId),
    /// An application that acts for itself.
    Application(ApplicationId),
}

/// The token of a parameter, if there is one; its type stands in the parameter `<name>_type`.
pub(super) async fn shown(
    request: &Request<'_>,
    name: &'static str,
    type_name: &'static str,
) -> Result<Option<Shown>, OAuthError> {
    let (text, token_type) = (request.form.given(name), request.form.given(type_name));
    let (text, token_type) = match (text, token_type) {
        (None, None) => return Ok(None),
        (Some(text), Some(token_type)) => (text, token_type),
        _ => return Err(refused(format!("{name} and {type_name} go together"))),
    };
    let token = match token_type {
        ACCESS_TOKEN => access_token(request, text).await,
        ID_TOKEN => id_token(request, text).await,
        _ => {
            return Err(refused(format!(
                "{type_name} is not one of an access token or an id token"
            )));
        }
    };
    match token {
        Ok(token) => {
            may_exchange(request, &token)?;
            Ok(Some(token))
        }
        Err(NotShown::Refused(error)) => Err(error),
        Err(NotShown::Token(TokenRefused::Unavailable(error))) => Err(error.into()),
        // Why is for our log alone.
        Err(NotShown::Token(reason)) => {
            tracing::debug!(%reason, name, "a token to be exchanged was refused");
            Err(refused(format!("{name} is not good (any more)")))
        }
    }
}

/// Section 2.2.2: whatever is wrong with a token, also by policy, is `invalid_request`.
pub(super) fn refused(description: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::invalid_request(description)
}

/// Why a token counts for nothing.
enum NotShown {
    Token(TokenRefused),
    Refused(OAuthError),
}

impl From<TokenRefused> for NotShown {
    fn from(refused: TokenRefused) -> Self {
        Self::Token(refused)
    }
}

impl From<OAuthError> for NotShown {
    fn from(error: OAuthError) -> Self {
        Self::Refused(error)
    }
}

impl From<KernelError> for NotShown {
    fn from(error: KernelError) -> Self {
        Self::Token(error.into())
    }
}

async fn access_token(request: &Request<'_>, text: &str) -> Result<Shown, NotShown> {
    let (edge, realm) = (&request.visit.edge, &request.visit.realm);
    let token = edge.verify_access_token_of(realm, text).await?;
    request.proves(token.jkt.as_deref())?;
    let about = match (token.user, token.session, token.grant) {
        (Some(user), Some(session), Some(grant)) => Subject::User(user, session, grant),
        _ => Subject::Application(
            token
                .claims
                .subject()
                .parse()
                .map_err(|_| TokenRefused::Invalid("no such application"))?,
        ),
    };
    let kernel = edge.kernel();
    let application = kernel
        .current::<Application>(realm.id, token.client.0)
        .await?
        .state;
    if token.jkt.is_none() {
        unbound(request, &application)?;
    }
    Ok(Shown {
        client: token.client,
        client_id: token.client_id,
        about,
        scopes: token.scopes,
        audience: token.audience,
        expires: token.expires,
        tokens: token.exchanged.into_iter().flatten().chain([token.jti]).collect(),
        actors: token.actors,
        may_act: may_act(&token.claims),
    })
}

/// An id token is worth what its application's grant is worth, at the resources of that application.
async fn id_token(request: &Request<'_>, text: &str) -> Result<Shown, NotShown> {
    let token = request
        .visit
        .edge
        .verify_id_token_of(&request.visit.realm, text)
        .await?;
    // Nothing binds it, so it is not taken for what is bound.
    unbound(request, &token.application)?;
    if token.grant.jkt.is_some() {
        return Err(TokenRefused::Invalid("its grant is bound to a key").into());
    }
    let scopes: BTreeSet<String> = token
        .grant
        .scopes
        .iter()
        .filter(|scope| web::claims::is_known(&token.application, scope))
        .cloned()
        .collect();
    let audience = audience::of(&token.application, &request.visit.issuer(), &[], &scopes)
        .map_err(|InvalidTarget| TokenRefused::Invalid("it is for no resource"))?;
    Ok(Shown {
        client: token.client,
        client_id: token.application.client_id,
        about: Subject::User(token.user, token.session, token.grant.id),
        scopes,
        audience,
        expires: token.expires,
        tokens: Vec::new(),
        actors: Vec::new(),
        may_act: may_act(&token.claims),
    })
}

fn may_act(claims: &Claims) -> Option<Value> {
    claims.get("may_act").cloned()
}

/// A token that is bound to nothing is not good where its application binds them all.
fn unbound(request: &Request<'_>, application: &Application) -> Result<(), TokenRefused> {
    if Requirements::of(application, &request.settings).dpop {
        return Err(TokenRefused::Invalid("its application binds its tokens"));
    }
    Ok(())
}

/// Its own tokens, and those of the applications that its settings name: not where it registered by itself, since nobody vouches for what it
/// says of itself.
fn may_exchange(request: &Request<'_>, token: &Shown) -> Result<(), OAuthError> {
    let listed = &request.client.state.settings.token_exchange_subjects;
    let names = |one: &String| one == "*" || one == &token.client_id || *one == token.client.to_string();
    let named = !request.client.state.registered_itself() && listed.iter().any(names);
    if token.client == request.client.id || named {
        return Ok(());
    }
    Err(refused("this application may not exchange tokens of that one"))
}

impl Shown {
    /// The one that it is about, as one who acts for somebody else in a token of the application that asks.
    pub(super) async fn acting(&self, request: &Request<'_>) -> Result<Acting, OAuthError> {
        let (kernel, realm) = (request.visit.edge.kernel(), request.visit.realm.id);
        match self.about {
            Subject::User(user, ..) => Ok(Acting {
                sub: subject::of(kernel, realm, &request.client.state, user).await?,
                client_id: None,
            }),
            Subject::Application(id) => {
                let application = kernel.current::<Application>(realm, id.0).await?.state;
                Ok(Acting {
                    sub: id.to_string(),
                    client_id: Some(application.client_id),
                })
            }
        }
    }
}
