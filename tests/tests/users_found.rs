//! Users are found: by what is known of them, page by page, and not before the write that the caller has seen.

use std::collections::BTreeSet;

use chancery_tests::harness::{Answer, Method, Realm, at_once, shared};
use serde_json::json;

#[tokio::test]
async fn users_are_found_by_what_is_known_of_them() {
    let realm = Realm::on(&shared()).await;
    for (username, name, email) in [
        ("anna.bell", "Anna Bell", "anna@north.test"),
        ("bruno", "Bruno Belluno", "bruno@south.test"),
        ("clara", "Clara Óg", "clara@north.test"),
    ] {
        let body = json!({"username": username, "name": name, "email": email});
        let _ = realm.api.post(&realm.at("/users"), body).await.is(201);
    }
    let find = async |filter: &str| {
        let items = realm
            .api
            .query(&realm.at(&format!("/users?{filter}")))
            .await
            .is(200)
            .items();
        let mut names: Vec<_> = items
            .iter()
            .map(|item| item["username"].as_str().unwrap_or_default().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(find("q=bell").await, ["anna.bell", "bruno"]);
    assert_eq!(find("q=BELL").await, ["anna.bell", "bruno"]);
    assert_eq!(find("q=north").await, ["anna.bell", "clara"]);
    assert_eq!(find("q=%C3%B3g").await, ["clara"]);
    assert_eq!(find("email=Bruno@South.test").await, ["bruno"]);
    assert_eq!(find("username=CLARA").await, ["clara"]);
    assert_eq!(find("q=bell&email=bruno@south.test").await, ["bruno"]);
    assert!(
        find("q=%25").await.is_empty(),
        "a per cent sign is a letter like others"
    );
    assert!(find("q=_").await.is_empty());
    assert!(find("q=%27%20OR%201=1--").await.is_empty());
    assert!(find("status=disabled").await.is_empty());
    assert_eq!(find("status=active").await.len(), 3);
    let _ = realm.api.query(&realm.at("/users?status=asleep")).await.is(422);
}

#[tokio::test]
async fn all_users_come_once_page_by_page_and_a_page_token_is_good_for_its_list_alone() {
    let realm = Realm::on(&shared()).await;
    let mut made = BTreeSet::new();
    for number in 0..23 {
        let body = json!({"username": format!("user{number}"), "given_name": "Many"});
        made.insert(
            realm
                .api
                .post(&realm.at("/users"), body)
                .await
                .is(201)
                .field("id"),
        );
    }
    let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = realm
            .api
            .query(&realm.at(&format!("/users?page_size=5{token}")))
            .await
            .is(200);
        assert!(page.items().len() <= 5);
        seen.extend(page.ids());
        pages += 1;
        match page.json()["next_page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => break,
        }
    }
    assert_eq!((seen.len(), pages), (23, 5));
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), made);

    let token = realm
        .api
        .query(&realm.at("/users?page_size=5&q=many"))
        .await
        .is(200)
        .field("next_page_token");
    let next = format!("page_size=5&q=many&page_token={token}");
    let _ = realm
        .api
        .query(&realm.at(&format!("/users?{next}")))
        .await
        .is(200);
    let other = Realm::new(&realm.api).await;
    let altered = format!(
        "{}{}",
        &token[..token.len() - 2],
        if token.ends_with("AA") { "BB" } else { "AA" }
    );
    for (how, path) in [
        (
            "another filter",
            realm.at(&format!("/users?page_size=5&q=man&page_token={token}")),
        ),
        (
            "no filter",
            realm.at(&format!("/users?page_size=5&page_token={token}")),
        ),
        (
            "another list",
            realm.at(&format!("/applications?q=many&page_token={token}")),
        ),
        ("another realm", other.at(&format!("/users?{next}"))),
        (
            "an altered token",
            realm.at(&format!("/users?page_size=5&q=many&page_token={altered}")),
        ),
        ("no token", realm.at("/users?q=many&page_token=AAAA")),
        ("an empty token", realm.at("/users?q=many&page_token=")),
    ] {
        let refused = realm.api.query(&path).await;
        assert!(
            [400, 422].contains(&refused.status),
            "{how}: {} {}",
            refused.status,
            refused.text
        );
    }
    for size in ["0", "501", "-1", "x", "5.0"] {
        let _ = realm
            .api
            .query(&realm.at(&format!("/users?page_size={size}")))
            .await
            .is(422);
    }
}

#[tokio::test]
async fn a_position_is_waited_for_in_its_own_realm_and_refused_elsewhere() {
    let realm = Realm::on(&shared()).await;
    let ids = at_once(20, |number| {
        let realm = realm.clone();
        async move {
            let made = realm
                .api
                .post(&realm.at("/users"), json!({"username": format!("u{number}")}))
                .await
                .is(201);
            let path = realm.at(&format!(
                "/users/{}?position={}",
                made.field("id"),
                made.field("position")
            ));
            let read = realm.api.request(Method::GET, &format!("/query/v1{path}"));
            Answer::to(read).await.is(200).field("id")
        }
    });
    assert_eq!(ids.await.into_iter().collect::<BTreeSet<_>>().len(), 20);

    let position = realm.api.position(&realm.at("")).expect("a position");
    let other = Realm::new(&realm.api).await;
    let foreign = realm
        .api
        .request(Method::GET, &format!("/query/v1{}", other.at("/users")));
    let _ = Answer::to(foreign.header("chancery-position", &position))
        .await
        .is(422);
    for bad in ["", "x", "AAAA", &position[..position.len() - 1]] {
        let request = realm
            .api
            .request(Method::GET, &format!("/query/v1{}", realm.at("/users")));
        let _ = Answer::to(request.header("chancery-position", bad)).await.is(422);
    }
}
