//! `id_token_hint`: an id token of ours that says who is meant (OpenID Connect Core, 3.1.2.1; RP-Initiated
//! Logout, section 2). The rule: it may have expired, but its signature, issuer and type hold as for any
//! token; and it grants nothing.

use events::{
    auth::Session,
    ids::{SessionId, UserId},
    kernel::KernelError,
};
use jose::Expectation;
use web::{clients, subject};

use super::visit::Visit;

/// Who is meant, and by which application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Whose the token is.
    pub user: UserId,
    /// The session that it was issued in.
    pub session: SessionId,
    /// The application that it was issued to.
    pub client_id: String,
}

/// Reads a hint. `None`: it is not an id token of this realm.
pub async fn read(visit: &Visit, token: &str) -> Result<Option<Hint>, KernelError> {
    let keys = visit.edge.key_set(visit.realm.id).await?;
    let expect = Expectation::new("JWT", visit.issuer()).allow_expired();
    let now = visit.edge.kernel().now().seconds();
    let Ok(claims) = jose::verify(token, &keys, &expect, now) else {
        return Ok(None);
    };
    let (Some(session), &[client_id]) = (
        claims.string("sid").and_then(|id| id.parse::<SessionId>().ok()),
        claims.audiences().as_slice(),
    ) else {
        return Ok(None);
    };
    let (kernel, realm) = (visit.edge.kernel(), &visit.realm);
    let Some((_, application)) = clients::resolve(&visit.edge, realm, client_id).await? else {
        return Ok(None);
    };
    // The session knows whose it is, whatever name the application has for them.
    let Some(user) = kernel.current::<Session>(realm.id, session.0).await?.state.user else {
        return Ok(None);
    };
    let named = subject::of(kernel, realm.id, &application, user).await?;
    Ok((named == claims.subject()).then(|| Hint {
        user,
        session,
        client_id: client_id.to_owned(),
    }))
}
