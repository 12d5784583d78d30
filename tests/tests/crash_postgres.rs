//! PostgreSQL taken away from under nodes that work: connections cut at random and in the middle of `COMMIT`, the server stopped
//! and started, nodes killed in turn.
//! The rule: every command is answered truthfully. Acknowledged is there once; what is not known is said to be not known, and the
//! same key settles it; and work goes on within five seconds after the database is back.
//!
//! They run with `TEST_ENGINE=postgres` (the file engine has its own: `crash_kills.rs`, `crash_faults.rs`).

use std::time::Duration;

use chancery_tests::{
    crash::{
        crew::{Crew, resumes},
        cutter::Cutter,
        dice::{Dice, rounds},
        journal::{Line, Outcome},
        stand::Installation,
    },
    harness::{Nodes, Postgres, Server, at_address},
};
use scratch::Engine;

const ALL: &str = "command,query,worker";
/// The platform's mark.
const RESUMES_WITHIN: Duration = Duration::from_secs(5);
const WORKERS: usize = 8;

/// An installation on a database of its own, where that is what is tested.
fn installation() -> Option<Installation> {
    (scratch::engine() == Engine::Postgres).then(Installation::new)?
}

/// How many commands were answered that nobody knows, by name.
fn told_as_unknown(lines: &[Line]) -> usize {
    let is_told = |line: &&Line| matches!(line.outcome, Outcome::Doubtful { request: Some(_) });
    lines.iter().filter(is_told).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_at_random_cost_nobody_the_truth() {
    let mut dice = Dice::of_the_day("crash_postgres: connections");
    let Some(installation) = installation() else {
        return;
    };
    let server = Server::start(installation.options());
    let mut crew = Crew::hire(&[&server], WORKERS, &mut dice).await;
    let cuts = rounds(12);
    crew.work_while(async {
        for _ in 0..cuts {
            tokio::time::sleep(dice.between(50, 400)).await;
            installation.cut();
        }
    })
    .await;
    crew.check(&installation).await;
    crew.check_read_models(&installation).await;
    crew.report(&format!("{cuts} times all connections were cut"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_cut_off_is_done_once_or_not_at_all() {
    let mut dice = Dice::of_the_day("crash_postgres: COMMIT");
    let Some(installation) = installation() else {
        return;
    };
    let database = installation.address().expect("it is in one");
    let cutter = Cutter::to(database, dice.split()).await;
    let mut options = installation.options();
    options.variables.extend(at_address(&cutter.url));
    let server = Server::start(options);
    let mut crew = Crew::hire(&[&server], WORKERS, &mut dice).await;
    cutter.cut_one_in(12);
    crew.work_while(tokio::time::sleep(Duration::from_secs(5))).await;
    cutter.cut_one_in(0);
    crew.check(&installation).await;
    crew.check_read_models(&installation).await;
    let (before, after) = cutter.cuts();
    crew.report(&format!(
        "{before} commits cut before and {after} after they arrived"
    ));
    assert!(before > 0 && after > 0, "too few were cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_stopped_and_started_is_missed_and_found_again() {
    let mut dice = Dice::of_the_day("crash_postgres: stopped");
    if scratch::engine() != Engine::Postgres {
        return;
    }
    let Some(postgres) = Postgres::start() else { return };
    let installation = Installation::at(&postgres.url);
    let server = Server::start(installation.options());
    let mut crew = Crew::hire(&[&server], WORKERS, &mut dice).await;
    let desk = crew.desk();
    for _ in 0..rounds(3) {
        let (stopped, waited) = (dice.between(100, 500), dice.between(100, 1_500));
        let took = crew
            .work_while(async {
                tokio::time::sleep(stopped).await;
                postgres.stop();
                tokio::time::sleep(waited).await;
                postgres.resume();
                resumes(&desk).await
            })
            .await;
        eprintln!("resumed {took:?} after the database was back");
        assert!(took < RESUMES_WITHIN, "it took {took:?}");
    }
    assert!(
        told_as_unknown(&crew.lines()) > 0,
        "nobody was told that the database is away"
    );
    crew.check(&installation).await;
    crew.check_read_models(&installation).await;
    crew.report("the database was stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_killed_in_turn_lose_and_double_nothing() {
    let mut dice = Dice::of_the_day("crash_postgres: two nodes");
    if scratch::engine() != Engine::Postgres {
        return;
    }
    let Some(nodes) = Nodes::new() else { return };
    let installation = Installation::of(&nodes);
    let mut servers = [Some(nodes.first(ALL)), Some(nodes.another(ALL))];
    let mut crew = {
        let [Some(first), Some(second)] = &servers else {
            unreachable!("both run")
        };
        Crew::hire(&[first, second], WORKERS, &mut dice).await
    };
    let kills = rounds(10);
    for round in 0..kills {
        let victim = &mut servers[round % 2];
        let (before, after) = (dice.between(50, 500), dice.between(0, 300));
        crew.work_while(async {
            tokio::time::sleep(before).await;
            let mut server = victim.take().expect("it runs");
            server.kill();
            // The other one works on alone for a while.
            tokio::time::sleep(after).await;
            *victim = Some(server.restart());
        })
        .await;
        crew.sign_on().await;
        crew.settle().await;
    }
    crew.check(&installation).await;
    crew.check_read_models(&installation).await;
    crew.report(&format!("{kills} nodes were killed"));
}
