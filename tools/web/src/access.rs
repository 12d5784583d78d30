//! Who asks, and may they. The extractor names the action; [`decide`] is the one place that answers.
//!
//! | role | may |
//! | --- | --- |
//! | platform administrator (held in `system`) | everything, everywhere |
//! | realm administrator | everything in its own realm (in `system`: reads only) |
//! | auditor | read everything in its own realm |
//! | application | read users and applications of its own realm |
//!
//! The rule: another realm is answered as if there were none (404); in one's own realm a refusal is told (403).

use std::{marker::PhantomData, net::SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts, MatchedPath, RawPathParams},
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use events::{
    envelope::Actor,
    event::Network,
    ids::RealmId,
    permissions::{Assignments, Role},
    realms::is_realm_name,
};
use uuid::Uuid;

use crate::{
    AccessToken, Action, Code, Edge, Problem, RealmRef, TokenRefused,
    actions::{ActionInfo, ApplicationsRead, Effect, Level, UsersRead},
    bearer::{self, Misplaced, Scheme},
    dpop::{self, ProofRefused},
    layers::RequestId,
    limits::Asked,
};

/// The scope that a user's token must carry for the management API.
pub const MANAGE: &str = "manage";

/// Whoever asks, by a token that is good now.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The token.
    pub token: AccessToken,
    /// The roles that its holder has now.
    pub roles: Assignments,
}

impl Caller {
    /// The user, or the application that acts for itself.
    pub fn principal(&self) -> Uuid {
        self.token.user.map_or(self.token.client.0, |user| user.0)
    }

    /// As events name it, in the log of this realm.
    pub fn actor(&self, target: RealmId, request: Uuid) -> Actor {
        Actor {
            realm: (self.token.realm.id != target).then_some(self.token.realm.id),
            user: self.token.user,
            client: Some(self.token.client),
            session: self.token.session,
            request: Some(request),
            ..Actor::default()
        }
    }

    /// Whether it holds a role that counts where it holds it.
    pub fn holds(&self, role: Role) -> bool {
        let counts = role != Role::PlatformAdministrator || self.token.realm.id == RealmId::SYSTEM;
        counts && self.roles.roles.contains(&role)
    }
}

/// What a caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Yes.
    Allow,
    /// No.
    Forbid,
    /// There is no such realm.
    Hide,
}

/// May this caller do this in that realm?
pub fn decide(caller: &Caller, action: &ActionInfo, target: RealmId) -> Ruling {
    if caller.holds(Role::PlatformAdministrator) {
        return Ruling::Allow;
    }
    // Whoever changes anything in the realm that administers the others could make a way to all of them.
    if target == RealmId::SYSTEM && caller.token.realm.id == target && action.effect == Effect::Write {
        return Ruling::Forbid;
    }
    match action.level {
        // Where the realm itself is named, whoever is not of it does not learn that it is there.
        Level::Platform if target == RealmId::SYSTEM || caller.token.realm.id == target => {
            return Ruling::Forbid;
        }
        Level::Platform => return Ruling::Hide,
        Level::Realm if caller.token.realm.id != target => return Ruling::Hide,
        Level::Realm => {}
    }
    let reads_directory = *action == UsersRead::INFO || *action == ApplicationsRead::INFO;
    if caller.holds(Role::RealmAdministrator)
        || (caller.holds(Role::Auditor) && action.effect == Effect::Read)
        || (caller.holds(Role::Application) && reads_directory)
    {
        Ruling::Allow
    } else {
        Ruling::Forbid
    }
}

/// A request that may do `A` in the realm that its path names (or in `system` where it names none).
#[derive(Clone, Debug)]
pub struct Access<A: Action> {
    /// The realm that is asked about.
    pub realm: RealmRef,
    /// Who asks.
    pub caller: Caller,
    /// The request.
    pub request_id: Uuid,
    /// Where it came from.
    pub network: Network,
    action: PhantomData<A>,
}

impl<A: Action, S: Send + Sync> FromRequestParts<S> for Access<A>
where
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let edge = Edge::from_ref(state);
        let mut caller = caller(&edge, parts).await?;
        let realm = edge.realm(&named_realm(parts, state).await?).await?;
        let realm = realm.ok_or(Problem::new(Code::NotFound))?;
        permitted::<A>(&edge, &mut caller, realm.id).await?;
        let (client, user) = (caller.token.client, caller.token.user);
        Asked::of(parts, &edge, realm.id)
            .known(&edge, client, user)
            .await?;
        let request_id = request_id(parts, &edge);
        Ok(Self {
            realm,
            caller,
            request_id,
            network: network(parts),
            action: PhantomData,
        })
    }
}

impl<A: Action> Access<A> {
    /// Whether whoever was let in with these headers would be let in still: for an answer that goes on while things change. A proof of a
    /// key, if the token is bound to one, was for the request alone.
    pub async fn again(&self, edge: &Edge, headers: &HeaderMap) -> Result<(), Problem> {
        let refused = || Problem::new(Code::Unauthenticated);
        let presented = bearer::presented(headers, None, None).ok().flatten();
        let presented = presented.ok_or_else(refused)?;
        let token = match edge.verify_access_token(presented.token).await {
            Ok(token) => token,
            Err(TokenRefused::Invalid(reason)) => {
                tracing::debug!(reason, "access token refused while an answer goes on");
                return Err(refused());
            }
            Err(TokenRefused::Proof(..)) => return Err(refused()),
            Err(TokenRefused::Unavailable(error)) => return Err(error.into()),
        };
        if !is_for_us(edge, &token) || !may_manage(&token) {
            return Err(refused());
        }
        let mut caller = holding(edge, token).await?;
        let realm = edge.realm(&self.realm.id.to_string()).await?;
        let realm = realm.ok_or(Problem::new(Code::NotFound))?;
        permitted::<A>(edge, &mut caller, realm.id).await
    }
}

/// May this caller do `A` in that realm? Else, what it is told.
async fn permitted<A: Action>(edge: &Edge, caller: &mut Caller, realm: RealmId) -> Result<(), Problem> {
    let mut ruling = decide(caller, &A::INFO, realm);
    if ruling != Ruling::Allow {
        // Another node may have given the role a moment ago, and its caller was told so.
        let (home, principal) = (caller.token.realm.id, caller.principal());
        caller.roles = edge.kernel().latest::<Assignments>(home, principal).await?.state;
        ruling = decide(caller, &A::INFO, realm);
    }
    match ruling {
        Ruling::Allow => Ok(()),
        Ruling::Forbid => Err(Problem::new(Code::Forbidden).detail(format!("this needs {}", A::INFO.name))),
        Ruling::Hide => Err(Problem::new(Code::NotFound)),
    }
}

/// The realm that the path names. Only a route that names none is about `system`: a name that cannot be read is of no realm.
pub(crate) async fn named_realm<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, Problem> {
    let missing = || Problem::new(Code::NotFound);
    let names_one = parts
        .extensions
        .get::<MatchedPath>()
        .ok_or_else(missing)?
        .as_str()
        .contains("/{realm}");
    if !names_one {
        return Ok("system".to_owned());
    }
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| missing())?;
    params
        .iter()
        .find(|(name, _)| *name == "realm")
        .map(|(_, value)| value.to_owned())
        .ok_or_else(missing)
}

async fn caller(edge: &Edge, parts: &Parts) -> Result<Caller, Problem> {
    let place = edge.resource_metadata(addressed(parts.uri.path()));
    let presented = bearer::presented(&parts.headers, parts.uri.query(), None)
        .map_err(|wrong| misplaced(wrong, &place))?
        .ok_or_else(|| unauthenticated(None, &place))?;
    let scheme = presented.scheme;
    let invalid = || unauthenticated(Some((scheme, "invalid_token")), &place);
    let request = request_id(parts, edge);
    let verified = edge
        .verify_presented(None, presented, parts.into(), request)
        .await;
    let token = match verified {
        Ok(token) => token,
        Err(TokenRefused::Invalid(reason)) => {
            tracing::debug!(reason, "access token refused");
            return Err(invalid());
        }
        Err(TokenRefused::Proof(realm, refused)) => return Err(unproven(edge, realm, &refused, &place).await),
        Err(TokenRefused::Unavailable(error)) => return Err(error.into()),
    };
    if !is_for_us(edge, &token) {
        return Err(invalid());
    }
    if !may_manage(&token) {
        let scheme = scheme.as_str();
        let challenge = format!("{scheme} error=\"insufficient_scope\", scope=\"{MANAGE}\"");
        let problem = Problem::new(Code::Forbidden).detail(format!("the token lacks the scope {MANAGE}"));
        return Err(challenged(problem, &challenge, &place));
    }
    holding(edge, token).await
}

/// Whether a token is for this API. A user's token is only if it says so: otherwise any application that an administrator signs in to
/// could use it here. The roles of one that was exchanged for another application would be those of whoever acts, and it speaks of
/// another: here each application acts for itself or for a user.
fn is_for_us(edge: &Edge, token: &AccessToken) -> bool {
    token.audience.contains(&edge.issuer(&token.realm)) && (token.user.is_some() || token.exchanged.is_none())
}

/// Whether the user whose token it is let it be used for this API.
fn may_manage(token: &AccessToken) -> bool {
    token.user.is_none() || token.scopes.contains(MANAGE)
}

/// Whoever holds a token, with the roles of now.
async fn holding(edge: &Edge, token: AccessToken) -> Result<Caller, Problem> {
    let principal = token.user.map_or(token.client.0, |user| user.0);
    let roles = edge
        .kernel()
        .current::<Assignments>(token.realm.id, principal)
        .await?
        .state;
    Ok(Caller { token, roles })
}

/// The realm that a path is about, as it stands there: nobody learns from it whether there is one. A path that names none is about the
/// realm that administers the others.
fn addressed(path: &str) -> &str {
    let mut segments = path.split('/').skip_while(|segment| *segment != "realms");
    let named = segments.nth(1).unwrap_or_default();
    if is_realm_name(named) || named.parse::<RealmId>().is_ok() {
        named
    } else {
        "system"
    }
}

/// RFC 6750, section 3.1, `invalid_request`: a token is not where tokens stand.
fn misplaced(wrong: Misplaced, place: &str) -> Problem {
    let problem = Problem::new(Code::MalformedRequest).detail(wrong.to_string());
    challenged(
        problem,
        "Bearer realm=\"chancery\", error=\"invalid_request\"",
        place,
    )
}

/// RFC 6750, section 3: the challenge says what is wrong only if a token was sent.
fn unauthenticated(error: Option<(Scheme, &'static str)>, place: &str) -> Problem {
    let problem = Problem::new(Code::Unauthenticated);
    match error {
        None => challenged(problem, "Bearer realm=\"chancery\"", place),
        Some((Scheme::Bearer, error)) => challenged(
            problem,
            &format!("Bearer realm=\"chancery\", error=\"{error}\""),
            place,
        ),
        Some((Scheme::Dpop, error)) => challenged(
            problem,
            &dpop::challenge(Some((error, "the access token is not good"))),
            place,
        ),
    }
}

/// RFC 9449, section 7.1: a proof is not good, or lacks a nonce, of which one is offered.
async fn unproven(edge: &Edge, realm: RealmId, refused: &ProofRefused, place: &str) -> Problem {
    let error = refused.error();
    let challenge = dpop::challenge(Some((error, &refused.to_string())));
    let problem = challenged(Problem::new(Code::Unauthenticated), &challenge, place);
    match refused {
        ProofRefused::UseNonce => match dpop::nonce(edge, realm).await {
            Ok(nonce) => problem.header(dpop::NONCE, nonce),
            Err(error) => error.into(),
        },
        ProofRefused::Invalid(_) | ProofRefused::Unavailable(_) => problem,
    }
}

/// With a challenge, which tells where to read about the resource, too.
fn challenged(problem: Problem, challenge: &str, place: &str) -> Problem {
    match HeaderValue::from_str(&bearer::told_where(challenge, place)) {
        Ok(challenge) => problem.header(header::WWW_AUTHENTICATE, challenge),
        Err(_) => problem,
    }
}

/// The id that the outermost layer gave to the request.
pub fn request_id(parts: &Parts, edge: &Edge) -> Uuid {
    parts
        .extensions
        .get::<RequestId>()
        .map_or_else(|| edge.kernel().new_id(), |id| id.0)
}

/// Where a request came from.
pub fn network(parts: &Parts) -> Network {
    let ip = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|peer| peer.0.ip().to_string());
    let user_agent = parts
        .headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .map(|text| text.chars().take(256).collect());
    Network { ip, user_agent }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use events::{clock::Timestamp, ids::ApplicationId};

    use super::*;
    use crate::{
        actions::{ALL, RealmRead, RealmSuspend, RealmsCreate, UsersCreate},
        testing::World,
    };

    const OWN: RealmId = RealmId(Uuid::from_u128(1));
    const OTHER: RealmId = RealmId(Uuid::from_u128(2));

    fn caller(realm: RealmId, roles: &[Role]) -> Caller {
        let token = AccessToken {
            realm: RealmRef {
                id: realm,
                name: "r".into(),
                display_name: "R".into(),
                suspended: false,
            },
            jti: Uuid::nil(),
            client: ApplicationId(Uuid::nil()),
            client_id: String::new(),
            user: None,
            session: None,
            grant: None,
            jkt: None,
            exchanged: None,
            actors: Vec::new(),
            scopes: [].into(),
            audience: Vec::new(),
            issued: Timestamp(0),
            expires: Timestamp(0),
            claims: jose::Claims::default(),
        };
        Caller {
            token,
            roles: Assignments {
                roles: roles.iter().copied().collect(),
            },
        }
    }

    #[test]
    fn a_platform_administrator_may_everything_but_only_if_of_the_system_realm() {
        let true_one = caller(RealmId::SYSTEM, &[Role::PlatformAdministrator]);
        let false_one = caller(OWN, &[Role::PlatformAdministrator]);
        for action in ALL {
            assert_eq!(decide(&true_one, action, OTHER), Ruling::Allow, "{}", action.name);
            assert_ne!(decide(&false_one, action, OWN), Ruling::Allow, "{}", action.name);
        }
    }

    #[tokio::test]
    async fn who_names_nobody_is_asked_and_who_names_two_is_refused() {
        let edge = World::new().await.edge();
        for (authorization, code, challenge) in [
            (&[][..], Code::Unauthenticated, "Bearer realm=\"chancery\""),
            (
                &["Basic YTpi"],
                Code::Unauthenticated,
                "Bearer realm=\"chancery\"",
            ),
            (
                &["Bearer a.b.c"],
                Code::Unauthenticated,
                "error=\"invalid_token\"",
            ),
            (
                &["Bearer a", "Bearer a"],
                Code::MalformedRequest,
                "error=\"invalid_request\"",
            ),
            (&["Bearer"], Code::Unauthenticated, "error=\"invalid_token\""),
        ] {
            let mut request = Request::new(());
            for value in authorization {
                let value = HeaderValue::from_static(value);
                request.headers_mut().append(header::AUTHORIZATION, value);
            }
            let parts = request.into_parts().0;
            let problem = super::caller(&edge, &parts).await.unwrap_err();
            assert_eq!(problem.code(), code, "{authorization:?}");
            let told = problem.render(None).headers()[header::WWW_AUTHENTICATE].clone();
            let place = ", resource_metadata=\"https://id.example/.well-known/oauth-protected-resource/realms/system\"";
            let told = told.to_str().unwrap().strip_suffix(place);
            assert!(told.is_some_and(|told| told.ends_with(challenge)), "{told:?}");
        }
    }

    #[test]
    fn the_realm_that_is_addressed_is_told_back_and_nothing_else() {
        for (path, realm) in [
            ("/query/v1/realms/demo/users", "demo"),
            ("/query/v1/realms", "system"),
            ("/query/v1/realms/%22x/users", "system"),
            ("/query/v1/realms/a\"b", "system"),
            ("/command/v1/platform", "system"),
        ] {
            assert_eq!(addressed(path), realm, "{path}");
        }
    }

    #[test]
    fn another_realm_is_hidden_from_everyone_else() {
        for role in Role::ALL {
            for action in ALL {
                assert_eq!(
                    decide(&caller(OWN, &[role]), action, OTHER),
                    Ruling::Hide,
                    "{role:?} {}",
                    action.name
                );
            }
        }
    }

    #[test]
    fn in_its_own_realm_each_role_may_what_it_says() {
        for action in ALL {
            let may = |role| decide(&caller(OWN, &[role]), action, OWN) == Ruling::Allow;
            assert_eq!(
                may(Role::RealmAdministrator),
                action.level == Level::Realm,
                "{}",
                action.name
            );
            let reads = action.level == Level::Realm && action.effect == Effect::Read;
            assert_eq!(may(Role::Auditor), reads, "{}", action.name);
            assert_eq!(
                may(Role::Application),
                ["users:read", "applications:read"].contains(&action.name)
            );
            assert_eq!(
                decide(&caller(OWN, &[]), action, OWN),
                Ruling::Forbid,
                "{}",
                action.name
            );
        }
    }

    #[test]
    fn only_platform_administrators_change_anything_in_the_system_realm() {
        let administrator = caller(
            RealmId::SYSTEM,
            &[Role::RealmAdministrator, Role::Auditor, Role::Application],
        );
        for action in ALL {
            let ruling = decide(&administrator, action, RealmId::SYSTEM);
            let reads = action.effect == Effect::Read && action.level == Level::Realm;
            assert_eq!(ruling == Ruling::Allow, reads, "{}", action.name);
        }
    }

    #[test]
    fn the_realms_themselves_are_for_the_platform() {
        let administrator = caller(OWN, &[Role::RealmAdministrator]);
        assert_eq!(
            decide(&administrator, &RealmsCreate::INFO, RealmId::SYSTEM),
            Ruling::Forbid
        );
        assert_eq!(decide(&administrator, &RealmSuspend::INFO, OWN), Ruling::Forbid);
        assert_eq!(decide(&administrator, &RealmSuspend::INFO, OTHER), Ruling::Hide);
        assert_eq!(decide(&administrator, &RealmRead::INFO, OWN), Ruling::Allow);
        assert_eq!(
            decide(&administrator, &UsersCreate::INFO, RealmId::SYSTEM),
            Ruling::Hide
        );
    }
}
