//! Reading over HTTP from a realm with many users: one by id, one by the name that signs in, a search by the beginning of a
//! name, a page of the list; each against bare answers of the same length.

use std::path::Path;

use crate::{
    Outcome,
    bare::Bare,
    generate::username,
    http::{self, Answer, Caller, Connection},
    report::Figure,
    rounds::{self, Pace},
    server::{REALM, Server},
    store::Store,
    world::World,
};

/// How far the next question is from the last: a prime, so that all users are asked for, and no two in a row are neighbours.
const STRIDE: usize = 7_919;

/// Different questions of one kind, in turns.
#[derive(Clone, Debug)]
struct Questions {
    requests: std::sync::Arc<[Vec<u8>]>,
    at: usize,
}

impl Caller for Questions {
    fn next(&mut self, request: &mut Vec<u8>) {
        self.at = (self.at + STRIDE) % self.requests.len();
        request.extend_from_slice(&self.requests[self.at]);
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(200)
    }
}

/// Measures all kinds.
pub async fn measure(
    users: usize,
    connections: usize,
    program: &Path,
    store: &Store,
    folder: &Path,
    pace: Pace,
) -> Outcome<Vec<Figure>> {
    let world = World::make(program, store, folder, users).await?;
    let server = Server::start(program, &world.place)?;
    let administrator = server.administrator().await?;
    let many = |path: &dyn Fn(usize) -> String| -> std::sync::Arc<[Vec<u8>]> {
        (0..users)
            .map(|number| administrator.get(&path(number)))
            .collect()
    };
    let path = format!("realms/{REALM}/users");
    let kinds = [
        (
            "user by id",
            many(&|number| format!("{path}/{}", world.users[number])),
        ),
        (
            "user by login name",
            many(&|number| format!("{path}?username={}", username(number))),
        ),
        (
            "search by the beginning of a name",
            many(&|number| format!("{path}?q={}", username(number))),
        ),
        ("a page of users", [administrator.get(&path)].into()),
    ];
    let mut figures = Vec::new();
    let mut connection = Connection::open(server.address).await?;
    for (kind, requests) in kinds {
        let answer = connection.ask(&requests[0]).await?;
        answer.expect(200)?;
        let bare = Bare::start(answer.body.len())?;
        let callers = || -> Vec<Questions> {
            let caller = |number| Questions {
                requests: requests.clone(),
                at: number * users / connections,
            };
            (0..connections).map(caller).collect()
        };
        let figure = rounds::measure(
            "reads",
            format!("{kind}, {users} users, {connections} connections"),
            pace.rounds,
            "bare HTTP answers",
            async || bare.answers(callers(), pace.time).await,
            async || http::load(server.address, server.process(), callers(), pace.time).await,
        )
        .await?;
        figures.push(figure);
    }
    server.stop()?;
    Ok(figures)
}
