//! Creating users over HTTP. Without a password the ceiling is a bare answer of the same length; with one it is Argon2id,
//! which is what such a command waits for.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    Outcome,
    bare::Bare,
    http::{self, Answer, Caller, request},
    logins,
    report::Figure,
    rounds::{self, Pace},
    server::{Administrator, REALM, Server},
    store::Store,
};

/// A new user each time.
#[derive(Debug)]
struct NewUsers {
    bearer: String,
    /// Before the number, so that no two callers make the same name.
    prefix: String,
    password: Option<&'static str>,
    made: usize,
}

/// A user's registration.
pub fn user(name: &str, password: Option<&str>) -> Value {
    let mut user = json!({
        "username": name, "email": format!("{name}@example.org"), "name": "Ada Example", "given_name": "Ada",
        "family_name": "Example", "locale": "en",
    });
    if let (Some(password), Value::Object(fields)) = (password, &mut user) {
        fields.insert("password".to_owned(), password.into());
    }
    user
}

/// The path of registrations.
pub fn path() -> String {
    format!("realms/{REALM}/users")
}

/// The request of a registration.
pub fn registration(bearer: &str, name: &str, password: Option<&str>) -> Vec<u8> {
    let headers = [("authorization", bearer), ("content-type", "application/json")];
    let path = format!("/command/v1/{}", path());
    request("POST", &path, &headers, &user(name, password).to_string())
}

impl Caller for NewUsers {
    fn next(&mut self, buffer: &mut Vec<u8>) {
        let name = format!("{}{}", self.prefix, self.made);
        self.made += 1;
        buffer.extend(registration(&self.bearer, &name, self.password));
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        // The ceiling answers 200 to everything.
        if answer.status == 200 {
            Ok(())
        } else {
            answer.expect(201)
        }
    }
}

/// Measures both.
pub async fn measure(
    connections: usize,
    program: &Path,
    store: &Store,
    folder: &Path,
    pace: Pace,
) -> Outcome<Vec<Figure>> {
    let place = store.place(folder).await?;
    let server = Server::start(program, &place)?;
    let mut administrator = server.administrator().await?;
    administrator.realm().await?;
    let made = administrator.command(&path(), &user("first", None)).await?;
    let bare = Bare::start(made.to_string().len())?;
    let mut rounds = 0;
    let mut callers = |administrator: &Administrator, password| -> Vec<NewUsers> {
        rounds += 1;
        let caller = |number| NewUsers {
            bearer: administrator.bearer.clone(),
            prefix: format!("user-{rounds}-{number}-"),
            password,
            made: 0,
        };
        (0..connections).map(caller).collect()
    };
    let ceiling = callers(&administrator, None);
    let ceiling = || -> Vec<NewUsers> { ceiling.iter().map(NewUsers::again).collect() };
    let without = rounds::measure(
        "users",
        format!("create, no password, {connections} connections"),
        pace.rounds,
        "bare HTTP answers",
        async || bare.answers(ceiling(), pace.time).await,
        async || {
            let callers = callers(&server.administrator().await?, None);
            http::load(server.address, server.process(), callers, pace.time).await
        },
    )
    .await?;
    // No more than the admission queue takes at once.
    let connections = connections.min(32);
    let cores = std::thread::available_parallelism()?.get();
    let with = rounds::measure(
        "users",
        format!("create, with password, {connections} connections"),
        pace.rounds,
        format!("bare Argon2id on {cores} cores"),
        async || logins::bare(cores, pace.time).await,
        async || {
            let mut callers = callers(
                &server.administrator().await?,
                Some("correct horse ripens slowly"),
            );
            callers.truncate(connections);
            http::load(server.address, server.process(), callers, pace.time).await
        },
    )
    .await?;
    server.stop()?;
    Ok(vec![without, with])
}

impl NewUsers {
    fn again(&self) -> Self {
        Self {
            bearer: self.bearer.clone(),
            prefix: self.prefix.clone(),
            made: 0,
            ..*self
        }
    }
}
