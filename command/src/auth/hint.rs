//! `id_token_hint`: an id token of ours that says who is meant (OpenID Connect Core, 3.1.2.1; RP-Initiated
//! Logout, section 2). The rule: it may have expired, but its signature, issuer and type hold as for any
//! token; and it grants nothing.

use events::{
    ids::{SessionId, UserId},
    kernel::KernelError,
};
use jose::Expectation;

use super::visit::Visit;

/// Who is meant, and by which application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Whose the token is.
    pub user: UserId,
    /// The session that it was issued in.
    pub session: Option<SessionId>,
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
    let (Ok(user), &[client_id]) = (claims.subject().parse(), claims.audiences().as_slice()) else {
        return Ok(None);
    };
    let session = claims.string("sid").and_then(|id| id.parse().ok());
    Ok(Some(Hint {
        user,
        session,
        client_id: client_id.to_owned(),
    }))
}
