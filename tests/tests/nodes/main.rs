//! Several nodes on one database. The rule: what one node has acknowledged every other one holds to, within a second
//! where it takes something away; nodes come, go and lose their database, and nothing that was acknowledged is lost or
//! done twice.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says where, and stops"
)]

mod outages;
mod roles;
mod taken_away;

use chancery_tests::harness::{Realm, eventually, unique};
use serde_json::{Value, json};

const ALL: &str = "command,query,worker";
/// All user names of a realm, each as often as it is listed.
async fn user_names(realm: &Realm) -> Vec<String> {
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let path = realm.at(&format!("/users?page_size=500{token}"));
        let page = realm.api.query(&path).await.is(200);
        let of = |item: &Value| item["username"].as_str().unwrap_or_default().to_owned();
        names.extend(page.items().iter().map(of));
        match page.json()["next_page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => return names,
        }
    }
}

/// Each of those that were made is there, once, and nobody else is; one more is made for it.
async fn are_exactly(realm: &Realm, made: &mut Vec<String>) {
    // A read after the last write sees all that were before it.
    let last = unique();
    let body = json!({ "username": last });
    let _ = realm.api.post(&realm.at("/users"), body).await.is(201);
    made.push(last.clone());
    made.sort();
    eventually("the read models have the last one", async || {
        let path = realm.at("/users?page_size=1");
        (realm.api.query(&path).await.status == 200).then_some(())
    })
    .await;
    let mut found = user_names(realm).await;
    found.sort();
    assert_eq!(found, *made);
}
