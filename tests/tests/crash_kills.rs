//! A server under commands of every kind is killed at random moments, also while it starts, and started again on the same stores.
//! The rule: whatever was acknowledged is there exactly once, whatever was not is there wholly or not at all, and what was used up
//! stays used up.
//!
//! `TEST_ROUNDS=2000 cargo test -p chancery-tests --test crash_kills` for a long night, on the engine of `TEST_ENGINE`.

use chancery_tests::{
    crash::{
        crew::Crew,
        dice::{Dice, rounds},
        stand::Installation,
    },
    harness::Server,
};

/// So many rounds on one installation; then a new one is killed from its very first start on.
const ROUNDS_OF_AN_ERA: usize = 8;
/// How often all of it is checked, in rounds.
const CHECKED_EVERY: usize = 4;
const WORKERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_keeps_what_it_acknowledged_and_nothing_by_halves() {
    let mut dice = Dice::of_the_day("crash_kills");
    let mut left = rounds(16);
    while left > 0 {
        let rounds = left.min(ROUNDS_OF_AN_ERA);
        let Some(installation) = Installation::new() else {
            return;
        };
        era(&installation, rounds, &mut dice).await;
        left -= rounds;
    }
}

/// One installation, from its first start to its end.
async fn era(installation: &Installation, rounds: usize, dice: &mut Dice) {
    // Also the first start may be cut short, and the second.
    let mut kills = dice.below(3);
    for _ in 0..kills {
        installation.false_start("127.0.0.1:0", dice.between(5, 900));
    }
    let mut server = Server::start(installation.options());
    let mut crew = Crew::hire(&[&server], WORKERS, dice).await;
    for round in 1..=rounds {
        let after = dice.between(10, 600);
        crew.work_while(async {
            tokio::time::sleep(after).await;
            server.kill();
        })
        .await;
        kills += 1;
        let base = server.base.clone();
        while dice.once_in(3) {
            installation.false_start(base.trim_start_matches("http://"), dice.between(5, 150));
            kills += 1;
        }
        server = server.restart();
        crew.sign_on().await;
        crew.settle().await;
        if round % CHECKED_EVERY == 0 || round == rounds {
            crew.check(installation).await;
            crew.check_read_models(installation).await;
        }
    }
    crew.report(&format!("{kills} kills"));
}
