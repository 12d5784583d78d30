//! What a worker does with tokens: codes and refresh tokens that are good once, what is given back, sessions that end.

use reqwest::Method;
use serde_json::Value;

use super::{Effect, Held, Server, Spent, Worker, remember, said};
use crate::{
    crash::journal::{Kind, Outcome},
    harness::{Answer, Authorization, payload_of},
};

impl Worker {
    pub(super) async fn own_token(&mut self) -> Server {
        let form = [("grant_type", "client_credentials")];
        let at = (&self.service, "token");
        said(&self.desk.form(Kind::OwnToken, &self.realm, at, &form).await.1)
    }

    pub(super) async fn redeem(&self, code: &str, verifier: &str) -> (Option<Answer>, Outcome) {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.client.redirect_uri),
            ("code_verifier", verifier),
        ];
        self.desk
            .form(Kind::Redeem, &self.realm, (&self.client, "token"), &form)
            .await
    }

    pub(super) async fn refresh(&self, token: &str) -> (Option<Answer>, Outcome) {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.desk
            .form(Kind::Refresh, &self.realm, (&self.client, "token"), &form)
            .await
    }

    /// The whole way to a refresh token. A code whose redemption was not answered is shown again later: it is good once at most.
    pub(super) async fn sign_in(&mut self) -> Server {
        let Some(person) = self.people.iter().find(|person| person.signs_in) else {
            return Server::Answers;
        };
        let request = Authorization::new(&self.realm, &self.client, "openid offline_access");
        let Some(code) = self.desk.sign_in(&self.realm, &request, &person.user).await else {
            return Server::Answers;
        };
        let (answer, outcome) = self.redeem(&code, &request.verifier).await;
        if matches!(outcome, Outcome::Done { .. }) {
            let verifier = request.verifier.clone();
            remember(&mut self.spent, Spent::Code { code, verifier });
            self.held.extend(Held::of(answer.as_ref()));
        }
        said(&outcome)
    }

    pub(super) async fn use_refresh_token(&mut self) -> Server {
        let Some(held) = self.held.pop() else {
            return self.sign_in().await;
        };
        let (answer, outcome) = self.refresh(&held.refresh).await;
        if matches!(outcome, Outcome::Done { .. }) {
            remember(&mut self.spent, Spent::RefreshToken(held.refresh));
            self.held.extend(Held::of(answer.as_ref()));
        }
        said(&outcome)
    }

    /// A token is given back, or the session ended that it came from: its refresh token is worth nothing any more.
    pub(super) async fn give_back(&mut self) -> Server {
        let Some(held) = self.held.pop() else {
            return Server::Answers;
        };
        let at = (&self.client, "revoke");
        let (kind, token) = match self.dice.below(3) {
            0 => (Kind::RevokeToken, &held.access),
            1 => (Kind::RevokeGrant, &held.refresh),
            _ => return self.end_session(&held).await,
        };
        let (_, outcome) = self.desk.form(kind, &self.realm, at, &[("token", token)]).await;
        if kind == Kind::RevokeGrant && matches!(outcome, Outcome::Done { .. }) {
            remember(&mut self.spent, Spent::RefreshToken(held.refresh));
        }
        said(&outcome)
    }

    pub(super) async fn end_session(&mut self, held: &Held) -> Server {
        let claims = payload_of(&held.access);
        let path = format!("/sessions/{}", claims["sid"].as_str().unwrap_or_default());
        let keyed = self.is_keyed();
        let wish = self.wish(Kind::EndSession, Method::DELETE, &path, Value::Null, keyed);
        let (answer, outcome) = self.desk.wish(&wish).await;
        self.learn(&wish, Effect::Nothing, answer.as_ref(), &outcome);
        if matches!(outcome, Outcome::Done { .. }) {
            remember(&mut self.spent, Spent::RefreshToken(held.refresh.clone()));
        }
        said(&outcome)
    }
}
