//! The scene that most tests of sign-in open on: a realm of its own, an application, Alice, and a service that asks
//! about tokens.

use super::{Answer, Application, Arrival, Authorization, Browser, Callback, Realm, Tokens, User, shared};

/// A realm with what a sign-in needs.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The realm.
    pub realm: Realm,
    /// The application that Alice signs in to.
    pub application: Application,
    /// A service application that asks about tokens.
    pub resource: Application,
    /// Alice.
    pub alice: User,
}

impl Scene {
    /// On the shared server; `kind` is the application's.
    pub async fn of(kind: &str) -> Self {
        let realm = Realm::on(&shared()).await;
        let (application, resource) = (realm.application(kind).await, realm.application("service").await);
        let alice = realm.user().await;
        Self {
            realm,
            application,
            resource,
            alice,
        }
    }

    /// An authorization request that is in order.
    pub fn ask(&self) -> Authorization {
        Authorization::new(&self.realm, &self.application, "openid")
    }

    /// Where a request leads a browser that was never here before.
    pub async fn open(&self, request: &Authorization) -> Arrival {
        Browser::new(&self.realm).open(&request.url()).await
    }

    /// What comes back when Alice signs in.
    pub async fn code(&self, request: &Authorization) -> Callback {
        Browser::new(&self.realm).sign_in(request, &self.alice).await
    }

    /// Tokens of a sign-in of Alice.
    pub async fn tokens(&self, scope: &str) -> Tokens {
        self.realm.sign_in(&self.application, &self.alice, scope).await
    }

    /// A request of the application at the token endpoint.
    pub async fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.realm.token(&self.application, form).await
    }

    /// Whether a token is good now.
    pub async fn is_active(&self, token: &str) -> bool {
        self.realm.is_active(&self.resource, token).await
    }

    /// The answer of the userinfo endpoint.
    pub async fn userinfo(&self, token: &str) -> Answer {
        self.realm.userinfo(token).await
    }
}
