//! The pages on which people sign in: how soon the first of them is there at a hundred requests a second, against bare answers of its length
//! at the same pace; and whether the time that an answer takes tells a name that somebody has from one that nobody has.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    Outcome,
    bare::Bare,
    http::{Connection, on_one_thread, request},
    report::{Ceiling, Figure, Of, Spread, Unit},
    rounds::{Pace, quantile},
    server::{Administrator, REALM, Server},
    store::Store,
    users,
};

/// All but one in a hundred shall be there within this, in milliseconds.
const P99: f64 = 3.0;
/// Between two requests.
const EVERY: Duration = Duration::from_millis(10);
/// The slower of the two medians, as a share of the other, shall be at most this.
const APART: f64 = 1.02;
/// So often a password is guessed of one name: guards have not begun to slow anybody down by then.
const GUESSES: usize = 5;
const PASSWORD: &str = "correct horse ripens slowly";

/// What can be said of this workload.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How often each page is asked with a name that somebody has, and with one that nobody has.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..100_000))]
    pub tries: u32,
}

/// What is sent with a name, and what has to be answered whether or not somebody has it.
#[derive(Clone, Copy, Debug)]
struct Question {
    case: &'static str,
    /// Below the realm.
    page: &'static str,
    /// Whether the form carries what the page gave it.
    flow: bool,
    field: &'static str,
    /// What else it carries.
    more: &'static str,
    /// How often the same name is asked for.
    each: usize,
    status: u16,
}

const QUESTIONS: [Question; 4] = [
    Question {
        case: "wrong password",
        page: "sign-in",
        flow: true,
        field: "username",
        more: "&password=an+incorrect+horse",
        each: GUESSES,
        status: 401,
    },
    Question {
        case: "who it is, with what a passkey is asked",
        page: "sign-in",
        flow: true,
        field: "username",
        more: "",
        each: 1,
        status: 200,
    },
    Question {
        case: "recovery",
        page: "recovery",
        flow: false,
        field: "username",
        more: "",
        each: 1,
        status: 200,
    },
    Question {
        case: "registration",
        page: "registration",
        flow: false,
        field: "email",
        more: "",
        each: 1,
        status: 200,
    },
];

/// Measures both.
pub async fn measure(
    options: &Options,
    program: &Path,
    store: &Store,
    folder: &Path,
    pace: Pace,
) -> Outcome<Vec<Figure>> {
    let place = store.place(folder).await?;
    // Nobody is there to take letters: they are tried, and tried again.
    let mails = [
        ("CHANCERY_SMTP__URL", "smtp://127.0.0.1:9/?tls=none"),
        ("CHANCERY_SMTP__FROM", "no-reply@bench.example"),
    ];
    let server = Server::with(program, &place, &mails)?;
    let mut administrator = server.administrator().await?;
    administrator.realm().await?;
    let settings = json!({ "registration": { "self_registration": true }, "mail": { "recovery": true } });
    administrator.set(&settings).await?;
    let mut figures = vec![first_page(server.address, pace).await?];
    let tries = usize::try_from(options.tries)?;
    people(&mut administrator, tries).await?;
    for question in QUESTIONS {
        figures.push(apart(server.address, question, tries, pace.rounds).await?);
    }
    server.stop()?;
    Ok(figures)
}

/// The page that asks who it is.
async fn first_page(address: SocketAddr, pace: Pace) -> Outcome<Figure> {
    let page = request("GET", &format!("/realms/{REALM}/sign-in"), &[], "");
    let mut connection = Connection::open(address).await?;
    let bytes = connection.ask(&page).await?.body.len();
    let bare = Bare::start(bytes)?;
    let (mut ours, mut ceilings) = (Vec::new(), Vec::new());
    for _ in 0..pace.rounds {
        ceilings.push(paced(bare.address, page.clone(), pace.time).await?);
        ours.push(paced(address, page.clone(), pace.time).await?);
    }
    let of = |percent: usize, times: &mut [Vec<Duration>]| {
        Spread::of(times.iter_mut().map(|times| quantile(times, percent)))
    };
    let (value, ceiling, p99) = (of(50, &mut ours), of(50, &mut ceilings), of(99, &mut ours));
    let case = format!("sign-in page, {bytes} bytes, 100 a second");
    let mut figure = Figure::bare("pages", case, Unit::Ms, value);
    figure.ratio = Some(share(value, ceiling));
    figure.ceiling = Some(Ceiling {
        name: "bare HTTP answers".to_owned(),
        value: ceiling,
    });
    figure.p50_ms = Some(value);
    figure.p99_ms = Some(p99);
    Ok(figure.at_most(Of::P99Ms, P99))
}

fn share(value: Spread, of: Spread) -> Spread {
    Spread::of([value.median / of.median])
}

/// Asks at fixed times; what comes late counts from when it was due.
async fn paced(address: SocketAddr, request: Vec<u8>, time: Duration) -> Outcome<Vec<Duration>> {
    on_one_thread(async move {
        let mut connection = Connection::open(address).await?;
        let (mut times, started) = (Vec::new(), Instant::now());
        let mut due = started;
        while due < started + time {
            tokio::time::sleep_until(due.into()).await;
            connection.ask(&request).await?.expect(200)?;
            times.push(due.elapsed());
            due += EVERY;
        }
        Ok(times)
    })
    .await
}

/// As many users as there are tries, some of them with a password.
async fn people(administrator: &mut Administrator, tries: usize) -> Outcome<()> {
    for number in 0..tries {
        let password = (number * GUESSES < tries).then_some(PASSWORD);
        let mut user = users::user(&known(number), password);
        user["email_verified"] = true.into();
        administrator.command(&users::path(), &user).await?;
    }
    Ok(())
}

fn known(number: usize) -> String {
    format!("someone-{number:06}")
}

fn unknown(number: usize) -> String {
    format!("no-body-{number:06}")
}

/// One question, of names that somebody has and of as many that nobody has, in turns: what one leaves to be done in the background falls upon
/// both alike.
async fn apart(address: SocketAddr, question: Question, tries: usize, rounds: usize) -> Outcome<Figure> {
    let mut browser = Browser::open(address).await?;
    let (mut theirs, mut nobodys) = (Vec::new(), Vec::new());
    for number in 0..tries {
        let of = number / question.each;
        let mut pair = [(known(of), true), (unknown(of), false)];
        if number % 2 == 1 {
            pair.reverse();
        }
        for (name, is_known) in pair {
            let name = match question.field {
                "email" => format!("{name}%40example.org"),
                _ => name,
            };
            let took = browser.ask(question, &name).await?;
            let times = if is_known { &mut theirs } else { &mut nobodys };
            times.push(took);
        }
    }
    let half = |times: &mut Vec<Duration>| {
        let each = times.len().div_ceil(rounds);
        let whole = quantile(times.clone().as_mut_slice(), 50);
        let parts = Spread::of(times.chunks_mut(each.max(1)).map(|part| quantile(part, 50)));
        Spread {
            median: whole,
            ..parts
        }
    };
    let (value, other) = (half(&mut theirs), half(&mut nobodys));
    let ratio = value.median / other.median;
    let case = format!("{}, {tries} tries each", question.case);
    let mut figure = Figure::bare("pages", case, Unit::Ms, value);
    figure.ceiling = Some(Ceiling {
        name: "a name that nobody has".to_owned(),
        value: other,
    });
    figure.ratio = Some(Spread::of([ratio.max(ratio.recip())]));
    Ok(figure.at_most(Of::Ratio, APART))
}

/// What keeps a cookie and fills in forms.
#[derive(Debug)]
struct Browser {
    connection: Connection,
    cookie: String,
}

impl Browser {
    async fn open(address: SocketAddr) -> Outcome<Self> {
        let mut connection = Connection::open(address).await?;
        let page = request("GET", &format!("/realms/{REALM}/sign-in"), &[], "");
        let answer = connection.ask(&page).await?;
        let set = answer.head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("set-cookie").then_some(value)
        });
        let cookie = set.and_then(|set| set.split(';').next()).ok_or("no cookie")?;
        let cookie = cookie.to_owned();
        Ok(Self { connection, cookie })
    }

    /// How long the answer to a form takes, sent from a page that was opened just now.
    async fn ask(&mut self, question: Question, name: &str) -> Outcome<Duration> {
        let path = format!("/realms/{REALM}/{}", question.page);
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let page = self.connection.ask(&request("GET", &path, &headers, "")).await?;
        page.expect(200)?;
        let mut form = format!("{}={name}{}", question.field, question.more);
        if question.flow {
            let page = String::from_utf8_lossy(page.body);
            let (_, after) = page.split_once(r#"name="flow" value=""#).ok_or("no form")?;
            let (flow, _) = after.split_once('"').ok_or("no end of the form")?;
            form = format!("flow={flow}&{form}");
        }
        let posted = request("POST", &path, &headers, &form);
        let sent = Instant::now();
        self.connection.ask(&posted).await?.expect(question.status)?;
        Ok(sent.elapsed())
    }
}
