//! What the status and the password of a user do to sign-ins and to tokens that are out already: at once.

use std::{fmt::Write, process::Command};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use chancery_tests::harness::{
    Authorization, Browser, Options, Realm, Server, User, binary, password, shared, unique,
};
use serde_json::{Value, json};

/// A path of a user.
fn of(realm: &Realm, user: &User, rest: &str) -> String {
    realm.at(&format!("/users/{}{rest}", user.id))
}

#[tokio::test]
async fn somebody_signs_in_by_name_or_address_however_it_is_written() {
    let realm = Realm::on(&shared()).await;
    let (application, alice) = (realm.application("spa").await, realm.user().await);
    for name in [
        &alice.username,
        &alice.username.to_uppercase(),
        &alice.email,
        &format!(" {} ", alice.email),
    ] {
        assert!(
            realm.lets_in(&application, name, &alice.password).await,
            "{name:?}"
        );
    }
    assert!(
        !realm
            .lets_in(&application, &alice.username, &alice.password.to_uppercase())
            .await
    );
    assert!(
        !realm
            .lets_in(&application, &alice.username, &format!("{} ", alice.password))
            .await
    );
    let other = Realm::new(&realm.api).await;
    let elsewhere = other.application("spa").await;
    assert!(!other.lets_in(&elsewhere, &alice.username, &alice.password).await);
}

#[tokio::test]
async fn a_password_that_is_easy_to_guess_is_refused_with_the_reason() {
    let realm = Realm::on(&shared()).await;
    let username = format!("guessable-{}", unique());
    for weak in [
        "Xk7#q",
        "password12345678",
        "aaaaaaaaaaaaaaaaaaaa",
        &username,
        &format!("x{}", "y".repeat(256)),
    ] {
        let body = json!({"username": username, "password": weak});
        let refused = realm
            .api
            .post(&realm.at("/users"), body)
            .await
            .is_problem(422, "weak_password");
        assert!(
            refused.json()["detail"].is_string() || refused.json()["errors"].is_array(),
            "{}",
            refused.text
        );
        assert!(!refused.text.contains(weak), "the password is not repeated");
    }
    let long = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich, und der 65. schaut zu!";
    let _ = realm
        .api
        .post(
            &realm.at("/users"),
            json!({"username": username, "password": long}),
        )
        .await
        .is(201);
    let application = realm.application("spa").await;
    assert!(realm.lets_in(&application, &username, long).await);
    assert!(
        !realm.lets_in(&application, &username, &long[..64]).await,
        "passwords are not cut off"
    );
}

/// A line of a list such as that of Pwned Passwords.
fn line(password: &str, seen: u32) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let mut line = String::new();
    for byte in hash.as_ref() {
        let _ = write!(line, "{byte:02X}");
    }
    format!("{line}:{seen}\n")
}

#[tokio::test]
async fn a_password_that_was_stolen_elsewhere_is_refused_where_its_realm_wants_that() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let [list, file] = ["list", "file"].map(|name| folder.path().join(name));
    let [often, rarely] = [(); 2].map(|()| password());
    let mut lines = [line(&often, 40), line(&rarely, 3), line("somebody else's", 700)];
    lines.sort();
    std::fs::write(&list, lines.concat()).expect("a list");
    let make = |at_least: &str| {
        let mut command = Command::new(binary());
        let command = command.arg("breached").args([&list, &file]);
        command.args(["--at-least", at_least]).output().expect("it runs")
    };
    let made = make("4");
    assert!(made.status.success(), "{made:?}");
    let said = String::from_utf8_lossy(&made.stdout);
    assert!(said.starts_with("2 passwords"), "{said}");

    let named = Options::default().with("CHANCERY_PASSWORDS__BREACHED", &file.display().to_string());
    let server = Server::start(named.clone());
    let realm = Realm::on(&server).await;
    let alice = realm.user().await;
    let choose = |password: &str| {
        let (place, password) = (of(&realm, &alice, "/password"), json!({ "password": password }));
        let api = &realm.api;
        async move { api.put(&place, password).await }
    };
    let refused = choose(&often).await.is_problem(422, "weak_password");
    assert_eq!(
        refused.json()["errors"][0]["reason"],
        "password_breached",
        "{}",
        refused.text
    );
    let _ = choose(&rarely).await.is(200);
    realm.set(json!({ "password": { "blocklist": false } })).await;
    let _ = choose(&often).await.is(200);
    drop(server);

    // A list in another order makes no file, and leaves the one that is there; half a file is none.
    lines.reverse();
    std::fs::write(&list, lines.concat()).expect("a list");
    let refused = make("1");
    assert!(!refused.status.success(), "{refused:?}");
    let whole = std::fs::read(&file).expect("it is as it was");
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 2);
    std::fs::write(&file, &whole[..whole.len() - 1]).expect("half a file");
    let refused = Server::try_start(named).expect_err("it starts with half a file");
    assert!(refused.said.contains("passwords.breached"), "{refused:?}");
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_that_began_before_it() {
    let realm = Realm::on(&shared()).await;
    let (application, alice) = (realm.application("spa").await, realm.user().await);
    let mut browser = Browser::new(&realm);
    let tokens = realm
        .sign_in_with(&mut browser, &application, &alice, "openid offline_access")
        .await;
    let new = password();
    let set = realm
        .api
        .put(&of(&realm, &alice, "/password"), json!({"password": new}))
        .await
        .is(200)
        .json();
    assert_eq!(set["events"], json!(["password.set"]));

    let _ = realm.userinfo(&tokens.access).await.is(401);
    let _ = realm
        .refresh(&application, tokens.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    let request = Authorization::new(&realm, &application, "openid");
    let _ = browser.open(&request.url()).await.sign_in_page();
    assert!(
        !realm
            .lets_in(&application, &alice.username, &alice.password)
            .await
    );
    assert!(realm.lets_in(&application, &alice.username, &new).await);
    let _ = realm
        .api
        .put(&of(&realm, &alice, "/password"), json!({"password": "short"}))
        .await
        .is_problem(422, "weak_password");
    for body in [
        json!({}),
        json!({"password": null}),
        json!({"password": 5}),
        json!({"password": new, "hash": "x"}),
    ] {
        let refused = realm
            .api
            .put(&of(&realm, &alice, "/password"), body.clone())
            .await;
        assert!([400, 422].contains(&refused.status), "{body}: {}", refused.status);
    }
}

#[tokio::test]
async fn a_locked_user_signs_in_no_more_but_goes_on_with_what_is_open() {
    let realm = Realm::on(&shared()).await;
    let (application, alice) = (realm.application("spa").await, realm.user().await);
    let tokens = realm.sign_in(&application, &alice, "openid").await;
    let locked = realm
        .api
        .post(&of(&realm, &alice, "/lock"), json!({"reason": "lost phone"}))
        .await
        .is(200)
        .json();
    assert_eq!(locked["events"], json!(["user.locked"]));
    assert!(
        !realm
            .lets_in(&application, &alice.username, &alice.password)
            .await
    );
    let _ = realm.userinfo(&tokens.access).await.is(200);
    let read = realm.api.query(&of(&realm, &alice, "")).await.is(200).json();
    assert_eq!(read["status"], "locked");
    assert_eq!(
        realm
            .api
            .query(&realm.at("/users?status=locked"))
            .await
            .is(200)
            .ids(),
        std::slice::from_ref(&alice.id)
    );

    let unlocked = realm.api.act(&of(&realm, &alice, "/unlock")).await.is(200).json();
    assert_eq!(unlocked["events"], json!(["user.unlocked"]));
    assert!(
        realm
            .lets_in(&application, &alice.username, &alice.password)
            .await
    );

    let _ = realm
        .api
        .post(
            &of(&realm, &alice, "/lock"),
            json!({"until": "2999-01-01T00:00:00Z"}),
        )
        .await
        .is(200);
    assert!(
        !realm
            .lets_in(&application, &alice.username, &alice.password)
            .await
    );
    for until in [json!("2001-01-01T00:00:00Z"), json!("soon"), json!(5)] {
        let refused = realm
            .api
            .post(&of(&realm, &alice, "/lock"), json!({"until": until}))
            .await;
        assert!(
            [400, 422].contains(&refused.status),
            "{until}: {} {}",
            refused.status,
            refused.text
        );
    }
}

#[tokio::test]
async fn a_disabled_user_is_out_everywhere_at_once_and_what_was_out_stays_void() {
    let realm = Realm::on(&shared()).await;
    let (application, resource) = (realm.application("spa").await, realm.application("service").await);
    let alice = realm.user().await;
    let role = of(&realm, &alice, "/roles/realm-administrator");
    let _ = realm.api.put(&role, Value::Null).await.is(200);
    let mut browser = Browser::new(&realm);
    let tokens = realm
        .sign_in_with(&mut browser, &application, &alice, "openid manage offline_access")
        .await;
    let herself = realm.api.with_token(&tokens.access);
    let _ = herself.query(&realm.at("/users")).await.is(200);
    assert!(realm.is_active(&resource, &tokens.access).await);

    let disabled = realm
        .api
        .post(&of(&realm, &alice, "/disable"), json!({"reason": "left"}))
        .await
        .is(200)
        .json();
    assert_eq!(disabled["events"], json!(["user.disabled"]));
    let _ = herself.query(&realm.at("/users")).await.is(401);
    let _ = herself
        .post(&realm.at("/users"), json!({"username": "x"}))
        .await
        .is(401);
    let _ = realm.userinfo(&tokens.access).await.is(401);
    assert!(!realm.is_active(&resource, &tokens.access).await);
    assert!(!realm.is_active(&resource, tokens.refresh()).await);
    let _ = realm
        .refresh(&application, tokens.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    let request = Authorization::new(&realm, &application, "openid");
    let _ = browser.open(&request.url()).await.sign_in_page();
    assert!(
        !realm
            .lets_in(&application, &alice.username, &alice.password)
            .await
    );

    let enabled = realm.api.act(&of(&realm, &alice, "/enable")).await.is(200).json();
    assert_eq!(enabled["events"], json!(["user.enabled"]));
    let _ = realm
        .refresh(&application, tokens.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    let _ = realm.userinfo(&tokens.access).await.is(401);
    let _ = browser.open(&request.url()).await.sign_in_page();
    assert!(
        realm
            .lets_in(&application, &alice.username, &alice.password)
            .await
    );
}
