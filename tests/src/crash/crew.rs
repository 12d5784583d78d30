//! The workers of one installation together: they work while something happens to it, and then all that they know is checked.
//! The rule: every crash test ends with the same check, whatever it did.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    check::differences,
    desk::Desk,
    dice::Dice,
    journal::{Journal, Line, Outcome},
    stand::Installation,
    worker::Worker,
};
use crate::harness::Server;

/// Everybody who works on an installation.
#[derive(Debug)]
pub struct Crew {
    desks: Vec<Desk>,
    workers: Vec<Worker>,
}

impl Crew {
    /// So many workers, spread over the nodes of one installation.
    ///
    /// # Panics
    /// If a server does not answer as it should.
    pub async fn hire(servers: &[&Server], count: usize, dice: &mut Dice) -> Self {
        let first = Desk::new(servers[0], &Journal::default());
        let desks: Vec<_> = servers.iter().map(|server| first.at(server)).collect();
        let mut crew = Self {
            desks,
            workers: Vec::new(),
        };
        crew.sign_on().await;
        for number in 0..count {
            let node = number % servers.len();
            let worker = Worker::settle(&crew.desks[node], servers[node], dice.split()).await;
            crew.workers.push(worker.expect("the server answers"));
        }
        crew
    }

    /// A new token for all: one outlives a server, and not a long night. Says how long it took until the platform gave one,
    /// which takes a durable event.
    ///
    /// # Panics
    /// If there is none within twenty seconds.
    pub async fn sign_on(&self) -> Duration {
        resumes(&self.desks[0]).await
    }

    /// Where the first node is asked.
    pub fn desk(&self) -> Desk {
        self.desks[0].clone()
    }

    /// Everything that was asked and answered.
    pub fn lines(&self) -> Vec<Line> {
        self.desks[0].journal().lines()
    }

    /// Everybody works while something happens. Whoever finds the server silent is done for this time.
    pub async fn work_while<T>(&mut self, happening: impl Future<Output = T>) -> T {
        let stop = Arc::new(AtomicBool::new(false));
        let working: Vec<_> = self
            .workers
            .drain(..)
            .map(|worker| tokio::spawn(worker.work(Arc::clone(&stop))))
            .collect();
        let happened = happening.await;
        stop.store(true, Ordering::Relaxed);
        for worker in working {
            self.workers.push(worker.await.expect("no panic"));
        }
        happened
    }

    /// What was not answered is asked again, where it has a key.
    pub async fn settle(&mut self) {
        for worker in &mut self.workers {
            worker.settle_open().await;
        }
    }

    /// What everybody knows against what is there.
    ///
    /// # Panics
    /// If it is not so, saying what.
    pub async fn check(&mut self, installation: &Installation) {
        self.settle().await;
        for worker in &mut self.workers {
            worker.look_back().await;
        }
        let (entries, mut found) = installation.entries().await;
        found.extend(differences(&self.lines(), &entries));
        for worker in &self.workers {
            found.extend_from_slice(worker.complaints());
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
        installation.run("verify");
    }

    /// The read models against themselves, built anew from the log.
    ///
    /// # Panics
    /// If they differ.
    pub async fn check_read_models(&self, installation: &Installation) {
        let live = settled_read_models(installation).await;
        installation.run("rebuild");
        let rebuilt = settled_read_models(installation).await;
        assert!(live.len() > 5, "{} tables are too few", live.len());
        for (table, rows) in &live {
            let again = rebuilt.get(table).map(Vec::as_slice).unwrap_or_default();
            assert_eq!(rows, again, "{table} is another when it is built anew");
        }
    }

    /// Says how much was done, and refused, and left open.
    pub fn report(&self, what: &str) {
        let lines = self.lines();
        let count = |is: fn(&Outcome) -> bool| lines.iter().filter(|line| is(&line.outcome)).count();
        let done = count(|outcome| matches!(outcome, Outcome::Done { .. }));
        let refused = count(|outcome| matches!(outcome, Outcome::Refused { .. }));
        let open = lines.len() - done - refused;
        eprintln!("{what}: {done} commands done, {refused} refused, {open} left open");
    }
}

/// How long until a command is done at this desk.
///
/// # Panics
/// If none is within twenty seconds.
pub async fn resumes(desk: &Desk) -> Duration {
    let started = Instant::now();
    while !matches!(desk.open().await, Outcome::Done { .. }) {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "nothing is done any more"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    started.elapsed()
}

/// The read models once they have come to the end of the log: nobody works now.
async fn settled_read_models(installation: &Installation) -> BTreeMap<String, Vec<String>> {
    let mut before = installation.read_models().await;
    loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = installation.read_models().await;
        if now == before {
            return now;
        }
        before = now;
    }
}
