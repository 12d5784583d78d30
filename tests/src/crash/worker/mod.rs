//! A worker: an administrator, some users and an application in one, who does whatever chance says until the server is gone, and
//! remembers what must be true whenever it is back.
//!
//! The rule: a worker's people, applications and tokens are its own, so that after each answer it knows how they are; what it was
//! not answered it tries to settle by the same key, first thing after the server is back.

mod changes;
mod looking_back;
mod signing_in;

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use events::{ids::RealmId, log::Position, subject::Lane};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    desk::{Desk, Wish, field, id_of},
    dice::Dice,
    journal::{Kind, Outcome, Told},
};
use crate::harness::{Answer, Application, Realm, User, password, unique};

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
