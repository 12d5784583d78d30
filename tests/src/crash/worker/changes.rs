//! What a worker changes as an administrator: users, applications, settings, keys; each change once, some under a key, some twice.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Effect, Server, Worker, new_user, said};
use crate::{
    crash::{
        desk::Wish,
        journal::{Kind, Outcome},
    },
    harness::{Application, password, unique},
};

impl Worker {
    pub(super) async fn register(&mut self) -> Server {
        let keyed = self.is_keyed();
        let user = new_user(password());
        let (kind, body) = if self.dice.once_in(8) {
            let body = json!({"username": user.username, "email": user.email, "password": user.password});
            (Kind::RegisterUserWithPassword, body)
        } else {
            (Kind::RegisterUser, json!({"username": user.username}))
        };
        let wish = self.wish(kind, Method::POST, "/users", body, keyed);
        self.send(wish, Effect::Registers(user)).await
    }

    /// One of the people, by number; always there, since the first one is made at the start.
    pub(super) fn somebody(&mut self) -> (usize, String) {
        let number = self.dice.below(self.people.len());
        (number, self.people[number].user.id.clone())
    }

    pub(super) async fn rename(&mut self) -> Server {
        let (number, id) = self.somebody();
        let (keyed, name) = (self.is_keyed(), unique());
        let body = json!({"given_name": name});
        let wish = self.wish(
            Kind::ChangeProfile,
            Method::PATCH,
            &format!("/users/{id}"),
            body,
            keyed,
        );
        self.send(wish, Effect::Names(number, name)).await
    }

    pub(super) async fn change_status(&mut self) -> Server {
        let (number, id) = self.somebody();
        if self.people[number].signs_in {
            return Server::Answers;
        }
        let keyed = self.is_keyed();
        let (verb, effect) = match self.dice.below(4) {
            0 => ("lock", Effect::Nothing),
            1 => ("unlock", Effect::Nothing),
            2 => ("disable", Effect::Disables(number, true)),
            _ => ("enable", Effect::Disables(number, false)),
        };
        let path = format!("/users/{id}/{verb}");
        let wish = self.wish(Kind::ChangeStatus, Method::POST, &path, json!({}), keyed);
        self.send(wish, effect).await
    }

    pub(super) async fn change_role(&mut self) -> Server {
        let (_, id) = self.somebody();
        let keyed = self.is_keyed();
        let method = if self.dice.once_in(2) {
            Method::PUT
        } else {
            Method::DELETE
        };
        let path = format!("/users/{id}/roles/auditor");
        let wish = self.wish(Kind::ChangeRole, method, &path, Value::Null, keyed);
        self.send(wish, Effect::Nothing).await
    }

    pub(super) fn new_application(&mut self, kind: &str, keyed: bool) -> (Wish, Application) {
        let redirect_uri = format!("https://{}.example.test/callback", unique());
        let mut body = json!({"name": "An application", "type": kind});
        if kind != "service" {
            body["redirect_uris"] = json!([redirect_uri]);
        }
        let what = match kind {
            "spa" => Kind::RegisterPublicApplication,
            _ => Kind::RegisterApplication,
        };
        let application = Application {
            id: String::new(),
            client_id: String::new(),
            secret: None,
            redirect_uri,
        };
        (
            self.wish(what, Method::POST, "/applications", body, keyed),
            application,
        )
    }

    pub(super) async fn register_application(&mut self) -> Server {
        let kind = ["web", "spa", "service"][self.dice.below(3)];
        let keyed = self.is_keyed();
        let (wish, application) = self.new_application(kind, keyed);
        self.send(wish, Effect::Takes(application)).await
    }

    pub(super) async fn change_application(&mut self) -> Server {
        let Some(application) = self.dice.one_of(&self.applications).cloned() else {
            return Server::Answers;
        };
        let (keyed, body) = (self.is_keyed(), json!({"name": unique()}));
        let path = format!("/applications/{}", application.id);
        let wish = self.wish(Kind::ChangeApplication, Method::PATCH, &path, body, keyed);
        self.send(wish, Effect::Nothing).await
    }

    /// A new secret, or an old one is withdrawn.
    pub(super) async fn turn_secrets(&mut self) -> Server {
        let keyed = self.is_keyed();
        if self.dice.once_in(2)
            && let Some((application, secret)) = self.secrets.pop()
        {
            let path = format!("/applications/{application}/secrets/{secret}");
            let wish = self.wish(Kind::RevokeSecret, Method::DELETE, &path, Value::Null, keyed);
            return self.send(wish, Effect::Nothing).await;
        }
        let path = format!("/applications/{}/secrets", self.client.id);
        let wish = self.wish(Kind::AddSecret, Method::POST, &path, json!({}), keyed);
        let application = self.client.id.clone();
        self.send(wish, Effect::AddsSecret(application)).await
    }

    pub(super) async fn change_settings(&mut self) -> Server {
        let seconds = 600 + self.dice.below(600);
        let (keyed, body) = (self.is_keyed(), json!({"tokens": {"id_token_seconds": seconds}}));
        let wish = self.wish(Kind::ChangeSettings, Method::PATCH, "/settings", body, keyed);
        self.send(wish, Effect::Nothing).await
    }

    pub(super) async fn rotate_key(&mut self) -> Server {
        let (keyed, body) = (self.is_keyed(), json!({"algorithm": "ES256"}));
        let wish = self.wish(Kind::RotateKey, Method::POST, "/signing-keys", body, keyed);
        self.send(wish, Effect::Nothing).await
    }

    pub(super) async fn set_password(&mut self) -> Server {
        let (number, id) = self.somebody();
        if self.people[number].signs_in {
            return Server::Answers;
        }
        let (keyed, body) = (self.is_keyed(), json!({"password": password()}));
        let path = format!("/users/{id}/password");
        let wish = self.wish(Kind::SetPassword, Method::PUT, &path, body, keyed);
        self.send(wish, Effect::Nothing).await
    }

    pub(super) async fn end_sessions(&mut self) -> Server {
        let (_, id) = self.somebody();
        let keyed = self.is_keyed();
        let path = format!("/users/{id}/sessions");
        let wish = self.wish(Kind::EndSessions, Method::DELETE, &path, Value::Null, keyed);
        self.send(wish, Effect::Nothing).await
    }

    /// A change that insists on a version which nobody has any more, or yet.
    pub(super) async fn stale_version(&mut self) -> Server {
        let (_, id) = self.somebody();
        let body = json!({"family_name": unique()});
        let mut wish = self.wish(
            Kind::ChangeProfile,
            Method::PATCH,
            &format!("/users/{id}"),
            body,
            false,
        );
        wish.if_match = Some(1_000_000);
        let (_, outcome) = self.desk.wish(&wish).await;
        if matches!(outcome, Outcome::Done { .. }) {
            self.complain(format!("{wish:?} was done"));
        }
        said(&outcome)
    }

    /// Something that was done is asked for again under its key.
    pub(super) async fn repeat(&mut self) -> Server {
        match self.dice.one_of(self.settled.make_contiguous()).cloned() {
            Some(wish) => said(&self.desk.wish(&wish).await.1),
            None => Server::Answers,
        }
    }
}
