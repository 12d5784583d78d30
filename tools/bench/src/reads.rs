//! Reading over HTTP from a realm with many users: one by id, one by the name that signs in, a search by the beginning of a
//! name, a page of the list; each against bare answers of the same length.

use std::{path::Path, sync::Arc};

use crate::{
    Outcome,
    bare::Bare,
    generate::username,
    http::{self, Answer, Caller, Connection, request},
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
    paths: Arc<[String]>,
    bearer: String,
    at: usize,
}

impl Caller for Questions {
    fn next(&mut self, buffer: &mut Vec<u8>) {
        self.at = (self.at + STRIDE) % self.paths.len();
        let headers = [("authorization", self.bearer.as_str())];
        buffer.extend(request("GET", &self.paths[self.at], &headers, ""));
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
    let path = format!("/query/v1/realms/{REALM}/users");
    let many = |path: &dyn Fn(usize) -> String| -> Arc<[String]> { (0..users).map(path).collect() };
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
        ("a page of users", [path.clone()].into()),
    ];
    let mut figures = Vec::new();
    for (kind, paths) in kinds {
        let callers = async || -> Outcome<Vec<Questions>> {
            let bearer = server.administrator().await?.bearer;
            let caller = |number| Questions {
                paths: Arc::clone(&paths),
                bearer: bearer.clone(),
                at: number * users / connections,
            };
            Ok((0..connections).map(caller).collect())
        };
        let mut first = Vec::new();
        callers()
            .await?
            .iter_mut()
            .take(1)
            .for_each(|caller| caller.next(&mut first));
        let mut connection = Connection::open(server.address).await?;
        let answer = connection.ask(&first).await?;
        answer.expect(200)?;
        let bare = Bare::start(answer.body.len())?;
        let figure = rounds::measure(
            "reads",
            format!("{kind}, {users} users, {connections} connections"),
            pace.rounds,
            "bare HTTP answers",
            async || bare.answers(callers().await?, pace.time).await,
            async || http::load(server.address, server.process(), callers().await?, pace.time).await,
        )
        .await?;
        figures.push(figure);
    }
    server.stop()?;
    Ok(figures)
}
