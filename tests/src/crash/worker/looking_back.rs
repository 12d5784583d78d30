//! What a worker does once the server is back: it settles what was not answered, and compares what is with what it was told.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{Spent, Worker};
use crate::crash::journal::{Kind, Outcome};

impl Worker {
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
}
