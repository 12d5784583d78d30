//! Scale: many realms, very many users in one of them, a long log; and whether a single realm notices. Each question is asked of
//! the large installation and, in turns with it, of one with next to nothing in it: what is told is the time of half of
//! the answers on the large one as a share of the small one's. Beside it start, memory, and bytes on the disk.

use std::path::Path;

use crate::{
    Outcome,
    generate::{self, username},
    http::{self, Answer, Caller, request},
    report::{Ceiling, Figure, Of, Spread, Unit},
    rounds::{Pace, quantile},
    server::Server,
    store::Store,
    users,
    world::World,
};

/// How much longer a lookup or an append may take than on an installation with next to nothing in it.
const MARK: f64 = 1.2;
/// Users of the small installation.
const FEW: usize = 100;
/// Connections: few, since it is the time of an answer that is asked for, not how many there are.
const CONNECTIONS: usize = 4;
/// How far the next question is from the last.
const STRIDE: usize = 7_919;

/// How large.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Realms.
    #[arg(long, default_value_t = 10_000)]
    pub realms: usize,
    /// Users, all in one realm.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    pub users: u32,
    /// About how many events in all.
    #[arg(long, default_value_t = 5_000_000)]
    pub events: usize,
}

/// A server on a world, and what asks it.
struct Side {
    world: World,
    server: Server,
    bearer: String,
    token: Vec<u8>,
}

/// Measures everything.
pub async fn measure(
    options: &Options,
    program: &Path,
    store: &Store,
    folder: &Path,
    pace: Pace,
) -> Outcome<Vec<Figure>> {
    let users = usize::try_from(options.users)?;
    let sessions = generate::sessions_for(options.events, users);
    let large = World::of(program, store, folder, options.realms, users, sessions).await?;
    let small = World::of(program, store, folder, 0, FEW, FEW).await?;
    let size = format!(
        "{} realms, {users} users, {} events",
        options.realms,
        generate::events_of(users, sessions)
    );
    let mut figures = Vec::new();
    for (name, bytes) in large.place.sizes().await? {
        let mib = to_f64(bytes) / 1_048_576.0;
        figures.push(Figure::bare(
            "scale",
            format!("{name} on disk, {size}"),
            Unit::Mib,
            Spread::of([mib]),
        ));
    }
    let (large, small) = (
        Side::start(large, program).await?,
        Side::start(small, program).await?,
    );
    let beside = |case: &str, unit, of: [f64; 2]| Figure {
        ceiling: Some(Ceiling {
            name: "with next to nothing".to_owned(),
            value: Spread::of([of[1]]),
        }),
        ratio: Some(Spread::of([of[0] / of[1]])),
        ..Figure::bare("scale", format!("{case}, {size}"), unit, Spread::of([of[0]]))
    };
    let resident = |side: &Side| side.server.process().resident_mib();
    let ms = |side: &Side| side.server.took.as_secs_f64() * 1_000.0;
    figures.push(beside("start to ready", Unit::Ms, [ms(&large), ms(&small)]));
    figures.push(beside(
        "resident after the start",
        Unit::Mib,
        [resident(&large)?, resident(&small)?],
    ));

    for question in [
        Question::LoginName,
        Question::Id,
        Question::Search,
        Question::Token,
        Question::NewUser,
    ] {
        let (mut times, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
        let mut slowest = Vec::new();
        for round in 0..pace.rounds {
            let mut of_round = [0.0; 2];
            for (index, side) in [&large, &small].into_iter().enumerate() {
                let callers = side.callers(question, round);
                let mut taken =
                    http::load(side.server.address, side.server.process(), callers, pace.time).await?;
                of_round[index] = quantile(&mut taken.answers, 50);
                times[index].push(of_round[index]);
                if index == 0 {
                    slowest.push(quantile(&mut taken.answers, 99));
                }
            }
            ratios.push(of_round[0] / of_round[1]);
        }
        let [here, there] = times.map(Spread::of);
        let figure = Figure {
            p50_ms: Some(here),
            p99_ms: Some(Spread::of(slowest)),
            ceiling: Some(Ceiling {
                name: "with next to nothing".to_owned(),
                value: there,
            }),
            ratio: Some(Spread::of(ratios)),
            ..Figure::bare("scale", format!("{}, {size}", question.name()), Unit::Ms, here)
        };
        figures.push(match question {
            Question::LoginName | Question::Token | Question::NewUser => figure.at_most(Of::Ratio, MARK),
            Question::Id | Question::Search => figure,
        });
    }
    figures.push(beside(
        "resident after all of this",
        Unit::Mib,
        [resident(&large)?, resident(&small)?],
    ));
    large.server.stop()?;
    small.server.stop()?;
    Ok(figures)
}

fn to_f64(bytes: u64) -> f64 {
    u32::try_from(bytes >> 10).map_or(f64::MAX, |kib| f64::from(kib) * 1_024.0)
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
enum Question {
    /// The lookup of a sign-in: who has this name.
    LoginName,
    /// A user by id.
    Id,
    /// A search by the beginning of a name.
    Search,
    /// A token, which is an append without conditions.
    Token,
    /// A new user, which is an append with conditions and claims (and a key of their own).
    NewUser,
}

impl Question {
    const fn name(self) -> &'static str {
        match self {
            Self::LoginName => "user by login name",
            Self::Id => "user by id",
            Self::Search => "search by the beginning of a name",
            Self::Token => "append: a token",
            Self::NewUser => "append: a new user",
        }
    }
}

impl Side {
    async fn start(world: World, program: &Path) -> Outcome<Self> {
        let server = Server::start(program, &world.place)?;
        let bearer = server.administrator().await?.bearer;
        let token = world.client.token_request();
        Ok(Self {
            world,
            server,
            bearer,
            token,
        })
    }

    fn callers(&self, question: Question, round: usize) -> Vec<Asking> {
        (0..CONNECTIONS)
            .map(|number| self.caller(question, &format!("new-{round}-{number}-"), number))
            .collect()
    }

    /// Asks for users that are far from one another, or makes new ones.
    fn caller(&self, question: Question, prefix: &str, number: usize) -> Asking {
        let (bearer, token, prefix) = (self.bearer.clone(), self.token.clone(), prefix.to_owned());
        let count = self.world.users.len();
        let some = self.world.users.iter().step_by(count.div_ceil(STRIDE));
        let ids: Vec<_> = some.map(ToString::to_string).collect();
        let mut at = number * count / CONNECTIONS;
        let get = move |path: &str| {
            let path = format!("/query/v1/{}{path}", users::path());
            request("GET", &path, &[("authorization", &bearer)], "")
        };
        let post = self.bearer.clone();
        let next = move || {
            at += STRIDE;
            match question {
                Question::LoginName => get(&format!("?username={}", username(at % count))),
                Question::Id => get(&format!("/{}", ids[at % ids.len()])),
                Question::Search => get(&format!("?q={}", username(at % count))),
                Question::Token => token.clone(),
                Question::NewUser => users::registration(&post, &format!("{prefix}{at}"), None),
            }
        };
        Asking {
            next: Box::new(next),
            status: if matches!(question, Question::NewUser) {
                201
            } else {
                200
            },
        }
    }
}

/// One connection's questions.
struct Asking {
    next: Box<dyn FnMut() -> Vec<u8> + Send>,
    status: u16,
}

impl Caller for Asking {
    fn next(&mut self, request: &mut Vec<u8>) {
        request.extend((self.next)());
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(self.status)
    }
}
