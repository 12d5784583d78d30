//! A worker: an administrator, some users and an application in one, who does whatever chance says until the server is gone, and
//! remembers what must be true whenever it is back.
//!
//! The rule: a worker's people, applications and tokens are its own, so that after each answer it knows how they are; what it was
//! not answered it tries to settle by the same key, first thing after the server is back.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use events::{ids::RealmId, log::Position, subject::Lane};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    desk::{Desk, Wish, field, id_of},
    dice::Dice,
    journal::{Kind, Outcome, Told},
};
use crate::harness::{Answer, Application, Authorization, Realm, User, password, payload_of, unique};

/// So many of each are remembered to be tried again.
const REMEMBERED: usize = 24;

/// A user, and what is known of them.
#[derive(Clone, Debug)]
struct Person {
    user: User,
    /// What their given name may be now: one value, or more where answers are missing.
    given_names: Vec<Option<String>>,
    /// Whether they may be disabled now.
    disabled: Vec<bool>,
    /// They sign in: their status is left alone.
    signs_in: bool,
}

/// Something that is good once, and was used.
#[derive(Clone, Debug)]
enum Spent {
    Code { code: String, verifier: String },
    RefreshToken(String),
}

/// What a sign-in or a refresh gave.
#[derive(Clone, Debug)]
struct Held {
    access: String,
    refresh: String,
}

impl Held {
    fn of(answer: Option<&Answer>) -> Option<Self> {
        Some(Self {
            access: field(answer?, "access_token")?,
            refresh: field(answer?, "refresh_token")?,
        })
    }
}

/// One of those who work on a server while it is killed.
#[derive(Debug)]
pub struct Worker {
    desk: Desk,
    dice: Dice,
    realm: Realm,
    people: Vec<Person>,
    applications: Vec<Application>,
    secrets: Vec<(String, String)>,
    client: Application,
    service: Application,
    held: Vec<Held>,
    /// What was not answered and has a key.
    open: Vec<(Wish, Effect)>,
    /// What was answered and has a key, with the answer's receipt.
    settled: VecDeque<Wish>,
    spent: VecDeque<Spent>,
    names_taken: VecDeque<String>,
    /// Of the last fact that was acknowledged.
    position: Option<Position>,
    /// What an answer contradicted at once.
    complaints: Vec<String>,
}

/// What a command does to what the worker knows.
#[derive(Clone, Debug)]
enum Effect {
    Nothing,
    Registers(User),
    Names(usize, String),
    Disables(usize, bool),
    Takes(Application),
    AddsSecret(String),
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Answers,
    IsSilent,
}

impl Worker {
    /// Moves into a realm of its own. `None` if the server does not answer as it should.
    pub async fn settle(desk: &Desk, server: &crate::harness::Server, mut dice: Dice) -> Option<Self> {
        let name = format!("t-{}", unique());
        let create = Wish {
            kind: Kind::CreateRealm,
            realm: RealmId::SYSTEM.0,
            method: Method::POST,
            path: "/realms".to_owned(),
            body: json!({"name": name}),
            if_match: None,
            key: None,
        };
        let id = field(&desk.wish(&create).await.0?, "id")?.parse().ok()?;
        let nobody = Application {
            id: String::new(),
            client_id: String::new(),
            secret: None,
            redirect_uri: String::new(),
        };
        let mut worker = Self {
            desk: desk.clone(),
            dice: dice.split(),
            realm: desk.realm(server, id, &name),
            people: Vec::new(),
            applications: Vec::new(),
            secrets: Vec::new(),
            client: nobody.clone(),
            service: nobody,
            held: Vec::new(),
            open: Vec::new(),
            settled: VecDeque::new(),
            spent: VecDeque::new(),
            names_taken: VecDeque::new(),
            position: None,
            complaints: Vec::new(),
        };
        worker.client = worker.application("web").await?;
        worker.service = worker.application("service").await?;
        let user = new_user(password());
        let body = json!({"username": user.username, "password": user.password});
        let wish = worker.wish(
            Kind::RegisterUserWithPassword,
            Method::POST,
            "/users",
            body,
            false,
        );
        worker.send(wish, Effect::Registers(user)).await;
        worker.people.first_mut()?.signs_in = true;
        // Everybody has a code and a refresh token that were used before anything happens.
        worker.sign_in().await;
        worker.use_refresh_token().await;
        (worker.spent.len() == 2).then_some(worker)
    }

    async fn application(&mut self, kind: &str) -> Option<Application> {
        let (wish, expected) = self.new_application(kind, false);
        let (answer, _) = self.desk.wish(&wish).await;
        let answer = answer.filter(|answer| answer.status == 201)?;
        Some(Application {
            id: field(&answer, "id")?,
            client_id: field(&answer, "client_id")?,
            secret: field(&answer, "client_secret"),
            ..expected
        })
    }

    /// Works until told to stop, or until the server is silent.
    pub async fn work(mut self, stop: Arc<AtomicBool>) -> Self {
        while !stop.load(Ordering::Relaxed) && self.step().await == Server::Answers {}
        self
    }

    /// Settles what was left open: each command that has a key is sent again until it is answered.
    ///
    /// # Panics
    /// If the server does not answer for ten seconds.
    pub async fn settle_open(&mut self) {
        for (wish, effect) in std::mem::take(&mut self.open) {
            let mut attempts = 0;
            loop {
                let (answer, outcome) = self.desk.wish(&wish).await;
                if !matches!(outcome, Outcome::Doubtful { .. }) {
                    self.learn(&wish, effect, answer.as_ref(), &outcome);
                    break;
                }
                attempts += 1;
                assert!(attempts < 100, "{wish:?} is not answered");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// What is to stay as it is: receipts are given again, used things are refused, names are taken, and people are as they were
    /// last told to be. What is not so is a complaint.
    pub async fn look_back(&mut self) {
        for _ in 0..4 {
            if let Some(wish) = self.dice.one_of(self.settled.make_contiguous()).cloned() {
                let (_, outcome) = self.desk.wish(&wish).await;
                if !matches!(outcome, Outcome::Done { .. }) {
                    self.complain(format!(
                        "{wish:?} was done, and under the same key now: {outcome:?}"
                    ));
                }
            }
            if let Some(name) = self.dice.one_of(self.names_taken.make_contiguous()).cloned() {
                let body = json!({"username": name});
                let wish = self.wish(Kind::RegisterUser, Method::POST, "/users", body, false);
                let (_, outcome) = self.desk.wish(&wish).await;
                if !matches!(outcome, Outcome::Refused { status: 409, .. }) {
                    self.complain(format!("the name {name} was taken, and now: {outcome:?}"));
                }
            }
        }
        // Whoever comes with a used thing ends its family: those are tried once.
        if let Some(spent) = self.spent.pop_front() {
            self.show_again(&spent).await;
        }
        self.compare_people().await;
    }

    async fn show_again(&mut self, spent: &Spent) {
        let outcome = match spent {
            Spent::Code { code, verifier } => self.redeem(code, verifier).await.1,
            Spent::RefreshToken(token) => self.refresh(token).await.1,
        };
        if !matches!(outcome, Outcome::Refused { status: 400, .. }) {
            self.complain(format!("{spent:?} was used before, and now: {outcome:?}"));
        }
    }

    async fn compare_people(&mut self) {
        let mut there = std::collections::BTreeMap::new();
        let mut page_token = String::new();
        let position = self.position.map(|position| position.to_string());
        loop {
            let path = self.realm.at(&format!("/users?page_size=500{page_token}"));
            let answer = self.desk.read(&path, position.as_deref()).await;
            let Some(answer) = answer.filter(|answer| answer.status == 200) else {
                self.complain(format!("{path} cannot be read"));
                return;
            };
            for user in answer.items() {
                there.insert(user["id"].as_str().unwrap_or_default().to_owned(), user);
            }
            match answer.json()["next_page_token"].as_str() {
                Some(next) => page_token = format!("&page_token={next}"),
                None => break,
            }
        }
        let mut wrong = Vec::new();
        for person in &self.people {
            let Some(user) = there.get(&person.user.id) else {
                wrong.push(format!("{} is not there", person.user.id));
                continue;
            };
            let given_name = user["given_name"].as_str().map(str::to_owned);
            let disabled = user["status"] == "disabled";
            if !person.given_names.contains(&given_name) || !person.disabled.contains(&disabled) {
                wrong.push(format!("{person:?} is {user}"));
            }
        }
        self.complaints.extend(wrong);
    }

    fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }

    /// What contradicted an earlier answer.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// One thing, whatever chance says.
    async fn step(&mut self) -> Server {
        match self.dice.below(100) {
            0..=17 => self.register().await,
            18..=35 => self.rename().await,
            36..=43 => self.change_status().await,
            44..=49 => self.change_role().await,
            50..=54 => self.register_application().await,
            55..=58 => self.change_application().await,
            59..=63 => self.turn_secrets().await,
            64..=67 => self.change_settings().await,
            68 => self.rotate_key().await,
            69..=70 => self.set_password().await,
            71..=73 => self.end_sessions().await,
            74..=78 => self.own_token().await,
            79..=86 => self.sign_in().await,
            87..=93 => self.use_refresh_token().await,
            94..=96 => self.give_back().await,
            97 => self.stale_version().await,
            _ => self.repeat().await,
        }
    }

    fn wish(&mut self, kind: Kind, method: Method, path: &str, body: Value, keyed: bool) -> Wish {
        Wish {
            kind,
            realm: id_of(&self.realm),
            method,
            path: self.realm.at(path),
            body,
            if_match: None,
            key: keyed.then(unique),
        }
    }

    fn is_keyed(&mut self) -> bool {
        self.dice.once_in(2)
    }

    /// Sends a command, and takes note.
    async fn send(&mut self, wish: Wish, effect: Effect) -> Server {
        let (answer, outcome) = self.desk.wish(&wish).await;
        self.learn(&wish, effect, answer.as_ref(), &outcome);
        said(&outcome)
    }

    fn learn(&mut self, wish: &Wish, effect: Effect, answer: Option<&Answer>, outcome: &Outcome) {
        match outcome {
            Outcome::Refused { .. } => {}
            Outcome::Doubtful { .. } => {
                match &effect {
                    Effect::Names(person, name) => self.people[*person].given_names.push(Some(name.clone())),
                    Effect::Disables(person, disabled) => self.people[*person].disabled.push(*disabled),
                    _ => {}
                }
                if wish.key.is_some() {
                    self.open.push((wish.clone(), effect));
                }
            }
            Outcome::Done { told, .. } => {
                self.moved(told.as_ref());
                if wish.key.is_some() {
                    remember(&mut self.settled, wish.clone());
                }
                let id = answer.and_then(|answer| field(answer, "id")).unwrap_or_default();
                match effect {
                    Effect::Nothing => {}
                    Effect::Registers(user) => {
                        remember(&mut self.names_taken, user.username.clone());
                        self.people.push(Person {
                            user: User { id, ..user },
                            given_names: vec![None],
                            disabled: vec![false],
                            signs_in: false,
                        });
                    }
                    Effect::Names(person, name) => self.people[person].given_names = vec![Some(name)],
                    Effect::Disables(person, disabled) => self.people[person].disabled = vec![disabled],
                    Effect::Takes(application) => self.applications.push(Application { id, ..application }),
                    Effect::AddsSecret(application) => {
                        let secret = answer.and_then(|answer| field(answer, "secret_id"));
                        self.secrets.extend(secret.map(|secret| (application, secret)));
                    }
                }
            }
        }
    }

    fn moved(&mut self, told: Option<&Told>) {
        let Some(position) = told.map(|told| told.position) else {
            return;
        };
        let is_news = |held: Position| held.seq < position.seq;
        if position.stream.lane == Lane::Facts && self.position.is_none_or(is_news) {
            self.position = Some(position);
        }
    }

    async fn register(&mut self) -> Server {
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
    fn somebody(&mut self) -> (usize, String) {
        let number = self.dice.below(self.people.len());
        (number, self.people[number].user.id.clone())
    }

    async fn rename(&mut self) -> Server {
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

    async fn change_status(&mut self) -> Server {
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

    async fn change_role(&mut self) -> Server {
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

    fn new_application(&mut self, kind: &str, keyed: bool) -> (Wish, Application) {
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

    async fn register_application(&mut self) -> Server {
        let kind = ["web", "spa", "service"][self.dice.below(3)];
        let keyed = self.is_keyed();
        let (wish, application) = self.new_application(kind, keyed);
        self.send(wish, Effect::Takes(application)).await
    }

    async fn change_application(&mut self) -> Server {
        let Some(application) = self.dice.one_of(&self.applications).cloned() else {
            return Server::Answers;
        };
        let (keyed, body) = (self.is_keyed(), json!({"name": unique()}));
        let path = format!("/applications/{}", application.id);
        let wish = self.wish(Kind::ChangeApplication, Method::PATCH, &path, body, keyed);
        self.send(wish, Effect::Nothing).await
    }

    /// A new secret, or an old one is withdrawn.
    async fn turn_secrets(&mut self) -> Server {
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

    async fn change_settings(&mut self) -> Server {
        let seconds = 600 + self.dice.below(600);
        let (keyed, body) = (self.is_keyed(), json!({"tokens": {"id_token_seconds": seconds}}));
        let wish = self.wish(Kind::ChangeSettings, Method::PATCH, "/settings", body, keyed);
        self.send(wish, Effect::Nothing).await
    }

    async fn rotate_key(&mut self) -> Server {
        let (keyed, body) = (self.is_keyed(), json!({"algorithm": "ES256"}));
        let wish = self.wish(Kind::RotateKey, Method::POST, "/signing-keys", body, keyed);
        self.send(wish, Effect::Nothing).await
    }

    async fn set_password(&mut self) -> Server {
        let (number, id) = self.somebody();
        if self.people[number].signs_in {
            return Server::Answers;
        }
        let (keyed, body) = (self.is_keyed(), json!({"password": password()}));
        let path = format!("/users/{id}/password");
        let wish = self.wish(Kind::SetPassword, Method::PUT, &path, body, keyed);
        self.send(wish, Effect::Nothing).await
    }

    async fn end_sessions(&mut self) -> Server {
        let (_, id) = self.somebody();
        let keyed = self.is_keyed();
        let path = format!("/users/{id}/sessions");
        let wish = self.wish(Kind::EndSessions, Method::DELETE, &path, Value::Null, keyed);
        self.send(wish, Effect::Nothing).await
    }

    async fn own_token(&mut self) -> Server {
        let form = [("grant_type", "client_credentials")];
        let at = (&self.service, "token");
        said(&self.desk.form(Kind::OwnToken, &self.realm, at, &form).await.1)
    }

    async fn redeem(&self, code: &str, verifier: &str) -> (Option<Answer>, Outcome) {
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

    async fn refresh(&self, token: &str) -> (Option<Answer>, Outcome) {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.desk
            .form(Kind::Refresh, &self.realm, (&self.client, "token"), &form)
            .await
    }

    /// The whole way to a refresh token. A code whose redemption was not answered is shown again later: it is good once at most.
    async fn sign_in(&mut self) -> Server {
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

    async fn use_refresh_token(&mut self) -> Server {
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
    async fn give_back(&mut self) -> Server {
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

    async fn end_session(&mut self, held: &Held) -> Server {
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

    /// A change that insists on a version which nobody has any more, or yet.
    async fn stale_version(&mut self) -> Server {
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
    async fn repeat(&mut self) -> Server {
        match self.dice.one_of(self.settled.make_contiguous()).cloned() {
            Some(wish) => said(&self.desk.wish(&wish).await.1),
            None => Server::Answers,
        }
    }
}

fn said(outcome: &Outcome) -> Server {
    match outcome {
        Outcome::Doubtful { request: None } => Server::IsSilent,
        _ => Server::Answers,
    }
}

fn new_user(password: String) -> User {
    let username = format!("user-{}", unique());
    User {
        id: String::new(),
        email: format!("{username}@example.test"),
        username,
        password,
    }
}

fn remember<T>(all: &mut VecDeque<T>, one: T) {
    all.push_back(one);
    if all.len() > REMEMBERED {
        all.pop_front();
    }
}
