//! The life of a realm through the two APIs: made once under its name, configured within bounds, its keys rotated
//! with overlap, suspended with everything in it, resumed.

use chancery_tests::harness::{
    Answer, Api, Arrival, Authorization, Browser, Keys, Method, Realm, header_of, shared, unique,
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_realm_is_made_and_read_back_at_once_by_name_and_by_id() {
    let api = Api::admin(&shared()).await;
    let name = format!("t-{}", unique());
    let made = api
        .post("/realms", json!({"name": name, "display_name": "Acme Ltd"}))
        .await
        .is(201);
    let body = made.json();
    assert_eq!(body["events"], json!(["realm.created"]));
    assert_eq!(body["version"], 1);
    assert_eq!(
        Some(made.field("position").as_str()),
        made.header("chancery-position")
    );

    let location = made.header("location").expect("a location").to_owned();
    let position = made.field("position");
    let at = |path: &str| {
        api.request(Method::GET, path)
            .header("chancery-position", &position)
    };
    let by_location = Answer::to(at(&location)).await.is(200).json();
    let by_name = Answer::to(at(&format!("/query/v1/realms/{name}")))
        .await
        .is(200)
        .json();
    assert_eq!(by_location, by_name);
    assert_eq!(by_name["id"], made.field("id"));
    assert_eq!(
        (&by_name["name"], &by_name["display_name"]),
        (&json!(name), &json!("Acme Ltd"))
    );
    assert_eq!(
        (&by_name["suspended"], &by_name["version"]),
        (&json!(false), &json!(1))
    );

    let renamed = api
        .patch(&format!("/realms/{name}"), json!({"display_name": "Acme"}))
        .await
        .is(200)
        .json();
    assert_eq!(
        (&renamed["events"], &renamed["version"]),
        (&json!(["realm.renamed"]), &json!(2))
    );
    assert_eq!(
        api.query(&format!("/realms/{name}")).await.is(200).json()["display_name"],
        "Acme"
    );
    let again = api
        .patch(&format!("/realms/{name}"), json!({"display_name": "Acme"}))
        .await
        .is(200)
        .json();
    assert_eq!(
        (&again["events"], &again["version"]),
        (&json!([]), &json!(2)),
        "what is so already is no event"
    );
}

#[tokio::test]
async fn a_name_is_taken_once_and_must_be_a_name() {
    let api = Api::admin(&shared()).await;
    let realm = Realm::new(&api).await;
    let _ = api
        .post("/realms", json!({"name": realm.name}))
        .await
        .is_problem(409, "name_taken");
    for name in [
        "",
        "-a",
        "a-",
        "A",
        "a b",
        "a.b",
        "a/b",
        "ä",
        "system",
        "0192f0c1-2b1d-7c5e-8a3a-0123456789ab",
        &"a".repeat(64),
    ] {
        let refused = api.post("/realms", json!({"name": name})).await;
        let refused = if name == "system" {
            refused
        } else {
            refused.is(422)
        };
        assert!([409, 422].contains(&refused.status), "{name:?}: {}", refused.text);
        assert!(
            refused.status == 409 || refused.faults().contains("name"),
            "{name:?}: {}",
            refused.text
        );
    }
    for display_name in [
        "",
        " padded ",
        "a\u{0}b",
        "turned \u{202e}round",
        &"x".repeat(201),
    ] {
        let body = json!({"name": format!("t-{}", unique()), "display_name": display_name});
        let _ = api.post("/realms", body).await.is(422);
    }
}

#[tokio::test]
async fn the_same_key_gives_the_same_answer_and_another_body_is_refused() {
    let api = Api::admin(&shared()).await;
    let (name, key) = (format!("t-{}", unique()), unique());
    let ask = async |body: Value| {
        let request = api
            .commanding(Method::POST, "/realms", &body)
            .header("idempotency-key", &key);
        api.told("/realms", request).await
    };
    let first = ask(json!({"name": name})).await.is(201);
    let second = ask(json!({"name": name})).await.is(201);
    assert_eq!(first.json(), second.json());
    assert_eq!(first.header("location"), second.header("location"));
    let _ = ask(json!({"name": format!("{name}-x")}))
        .await
        .is_problem(422, "idempotency_key_reused");
    let _ = api.query(&format!("/realms/{name}-x")).await.is(404);

    for (how, keys) in [
        ("empty", vec![String::new()]),
        ("too long", vec!["k".repeat(256)]),
        ("two", vec![unique(), unique()]),
    ] {
        let mut request = api.commanding(
            Method::POST,
            "/realms",
            &json!({"name": format!("t-{}", unique())}),
        );
        for key in keys {
            request = request.header("idempotency-key", key);
        }
        let answer = api.told("/realms", request).await;
        assert!((400..500).contains(&answer.status), "{how}: {}", answer.status);
    }
}

#[tokio::test]
async fn ten_who_want_one_name_at_once_make_one_realm() {
    let api = Api::admin(&shared()).await;
    let name = format!("t-{}", unique());
    let answers = chancery_tests::harness::at_once(10, |_| {
        let (api, name) = (api.clone(), name.clone());
        async move { api.post("/realms", json!({"name": name})).await.status }
    });
    let mut answers = answers.await;
    answers.sort_unstable();
    assert_eq!(answers, [201, 409, 409, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn settings_have_defaults_change_by_field_and_stay_within_bounds() {
    let realm = Realm::on(&shared()).await;
    let settings = realm.at("/settings");
    let before = realm.api.query(&settings).await.is(200).json();
    assert_eq!(before["tokens"]["code_seconds"], 60);
    assert_eq!(before["password"]["minimum_length"], 15);
    assert_eq!(before["registration"]["self_registration"], false);

    let changed = realm
        .api
        .patch(&settings, json!({"tokens": {"code_seconds": 30}}))
        .await
        .is(200)
        .json();
    assert_eq!(changed["events"], json!(["settings.changed"]));
    let after = realm.api.query(&settings).await.is(200);
    assert_eq!(
        after.header("etag").map(str::to_owned),
        Some(format!("\"{}\"", changed["version"]))
    );
    let after = after.json();
    assert_eq!(after["tokens"]["code_seconds"], 30);
    assert_eq!(
        after["tokens"]["access_token_seconds"],
        before["tokens"]["access_token_seconds"]
    );
    assert_eq!(after["session"], before["session"]);

    let bad = [
        (json!({"tokens": {"code_seconds": 61}}), "tokens.code_seconds"),
        (json!({"tokens": {"code_seconds": 9}}), "tokens.code_seconds"),
        (
            json!({"tokens": {"access_token_seconds": 59}}),
            "tokens.access_token_seconds",
        ),
        (json!({"session": {"idle_seconds": 0}}), "session.idle_seconds"),
        (
            json!({"password": {"minimum_length": 7}}),
            "password.minimum_length",
        ),
        (
            json!({"password": {"maximum_length": 63}}),
            "password.maximum_length",
        ),
        (
            json!({"registration": {"attributes": {"Tier": {"type": "string"}}}}),
            "registration.attributes.Tier",
        ),
        (
            json!({"registration": {"attributes": {"sub": {"type": "string"}}}}),
            "registration.attributes.sub",
        ),
        (
            json!({"registration": {"attributes": {"n": {"type": "integer", "max_length": 3}}}}),
            "registration.attributes.n",
        ),
    ];
    for (body, field) in bad {
        let refused = realm.api.patch(&settings, body.clone()).await.is(422);
        assert!(refused.faults().contains(field), "{body}: {}", refused.text);
    }
    for body in [
        json!({"tokens": {"code_seconds": "30"}}),
        json!({"tokens": {"code_seconds": -1}}),
        json!({"tokens": {"code_seconds": null}}),
        json!({"tokens": null}),
        json!({"tokens": {"kode_seconds": 30}}),
        json!({"registration": {"attributes": {"tier": {"type": "colour"}}}}),
    ] {
        let refused = realm.api.patch(&settings, body.clone()).await;
        assert!(
            [400, 422].contains(&refused.status),
            "{body}: {} {}",
            refused.status,
            refused.text
        );
    }
    assert_eq!(
        realm.api.query(&settings).await.is(200).json(),
        after,
        "refused changes changed nothing"
    );
}

#[tokio::test]
async fn settings_are_changed_at_the_version_that_was_seen() {
    let realm = Realm::on(&shared()).await;
    let path = realm.at("/settings");
    let change = async |tag: &str, seconds: u64| {
        let body = json!({"tokens": {"code_seconds": seconds}});
        let request = realm
            .api
            .commanding(Method::PATCH, &path, &body)
            .header("if-match", tag);
        realm.api.told(&path, request).await
    };
    let version = change("\"0\"", 20).await.is(200).json()["version"].clone();
    let _ = change("\"0\"", 21).await.is_problem(412, "version_mismatch");
    let _ = change(&format!("\"{version}\""), 21).await.is(200);
    for tag in ["1", "W/\"1\"", "\"x\"", "\"-1\"", "\"1\", \"2\""] {
        let refused = change(tag, 22).await;
        assert!(
            [400, 412, 422].contains(&refused.status),
            "{tag}: {} {}",
            refused.status,
            refused.text
        );
    }
    assert_eq!(
        realm.api.query(&path).await.is(200).json()["tokens"]["code_seconds"],
        21
    );
}

#[tokio::test]
async fn realms_are_listed_page_by_page_for_the_platform_alone() {
    let api = Api::admin(&shared()).await;
    let prefix = unique();
    let mut made = Vec::new();
    for number in 0..5 {
        let name = format!("{prefix}-{number}");
        made.push(
            api.post("/realms", json!({"name": name}))
                .await
                .is(201)
                .field("id"),
        );
    }
    let mut seen = Vec::new();
    let mut path = format!("/realms?q={prefix}&page_size=2");
    loop {
        let page = api.query(&path).await.is(200);
        assert!(page.items().len() <= 2);
        seen.extend(page.ids());
        match page.json()["next_page_token"].as_str() {
            Some(token) => path = format!("/realms?q={prefix}&page_size=2&page_token={token}"),
            None => break,
        }
    }
    seen.sort();
    made.sort();
    assert_eq!(seen, made);
}

#[tokio::test]
async fn a_realm_is_read_as_it_was() {
    let api = Api::admin(&shared()).await;
    let realm = Realm::new(&api).await;
    let path = format!("/realms/{}", realm.name);
    let created = api.query(&path).await.is(200).field("created_at");
    let _ = api.patch(&path, json!({"display_name": "Later"})).await.is(200);
    let then = api.query(&format!("{path}?as_of={created}")).await.is(200).json();
    assert_eq!(then["display_name"], "A realm of the tests");
    assert_eq!(api.query(&path).await.is(200).json()["display_name"], "Later");
    let _ = api
        .query(&format!("{path}?as_of=2000-01-01T00:00:00Z"))
        .await
        .is(404);
    for moment in ["yesterday", "2000-13-01T00:00:00Z", "9999-01-01T00:00:00Z"] {
        let refused = api.query(&format!("{path}?as_of={moment}")).await;
        assert!(
            (400..500).contains(&refused.status),
            "{moment}: {}",
            refused.status
        );
    }
}

#[tokio::test]
async fn a_replaced_signing_key_verifies_until_it_is_withdrawn() {
    let realm = Realm::on(&shared()).await;
    let (application, alice) = (realm.application("spa").await, realm.user().await);
    let old = realm.sign_in(&application, &alice, "openid manage").await;
    let old_kid = header_of(&old.access)["kid"].as_str().expect("a kid").to_owned();

    let made = realm
        .api
        .post(&realm.at("/signing-keys"), json!({"algorithm": "ES256"}))
        .await
        .is(201);
    assert_eq!(made.json()["events"], json!(["signing_key.created"]));
    let new = realm.sign_in(&application, &alice, "openid manage").await;
    let new_kid = header_of(&new.access)["kid"].as_str().expect("a kid").to_owned();
    assert_ne!(old_kid, new_kid, "the new key signs at once");

    let keys = Keys::of(&realm).await;
    for token in [&old, &new] {
        keys.access(&token.access, &realm.issuer())
            .expect("published, so it verifies");
    }
    let userinfo = async |token: &str| {
        Answer::to(
            realm
                .api
                .http()
                .get(realm.endpoint("userinfo"))
                .bearer_auth(token),
        )
        .await
        .status
    };
    assert_eq!(
        (userinfo(&old.access).await, userinfo(&new.access).await),
        (200, 200)
    );

    let _ = realm
        .api
        .delete(&realm.at(&format!("/signing-keys/{new_kid}")))
        .await
        .is_problem(409, "conflict");
    let retired = realm
        .api
        .delete(&realm.at(&format!("/signing-keys/{old_kid}")))
        .await
        .is(200)
        .json();
    assert_eq!(retired["events"], json!(["signing_key.retired"]));
    assert!(!Keys::of(&realm).await.kids().contains(&old_kid));
    assert_eq!(
        (userinfo(&old.access).await, userinfo(&new.access).await),
        (401, 200)
    );
    let _ = realm
        .api
        .delete(&realm.at(&format!("/signing-keys/{old_kid}")))
        .await
        .is(404);

    let listed = realm.api.query(&realm.at("/signing-keys")).await.is(200).items();
    assert!(listed.iter().all(|key| key["kid"] != old_kid), "{listed:?}");
    assert!(
        !listed.iter().any(|key| key.to_string().contains("\"d\"")),
        "a private key is never shown"
    );
    for algorithm in ["HS256", "none", "es256", ""] {
        let refused = realm
            .api
            .post(&realm.at("/signing-keys"), json!({"algorithm": algorithm}))
            .await;
        assert!(
            [400, 422].contains(&refused.status),
            "{algorithm}: {}",
            refused.status
        );
    }
}

#[tokio::test]
async fn a_key_without_overlap_is_gone_when_it_is_replaced() {
    let realm = Realm::on(&shared()).await;
    realm.set(json!({"tokens": {"key_overlap_seconds": 0}})).await;
    let before = Keys::of(&realm).await.kids();
    let _ = realm
        .api
        .post(&realm.at("/signing-keys"), json!({"algorithm": "ES256"}))
        .await
        .is(201);
    let after = Keys::of(&realm).await.kids();
    assert!(
        !after.is_empty() && after.iter().all(|kid| !before.contains(kid)),
        "{before:?} {after:?}"
    );
}

#[tokio::test]
async fn nothing_of_a_suspended_realm_works_until_the_platform_resumes_it() {
    let realm = Realm::on(&shared()).await;
    let (application, alice) = (realm.application("spa").await, realm.user().await);
    let service = realm.application("service").await;
    let administrator = realm.administrator().await;
    let mut browser = Browser::new(&realm);
    let tokens = realm
        .sign_in_with(&mut browser, &application, &alice, "openid manage offline_access")
        .await;
    let users = realm.at("/users");
    let _ = administrator.query(&users).await.is(200);

    let suspended = realm
        .api
        .post(&realm.at("/suspend"), json!({"reason": "unpaid"}))
        .await
        .is(200)
        .json();
    assert_eq!(suspended["events"], json!(["realm.suspended"]));

    let refused = administrator.query(&users).await;
    assert!(
        [401, 403].contains(&refused.status),
        "its own administrator: {}",
        refused.status
    );
    let refused = administrator.post(&users, json!({"username": "x"})).await;
    assert!(
        [401, 403].contains(&refused.status),
        "its own administrator: {}",
        refused.status
    );
    let userinfo = realm
        .api
        .http()
        .get(realm.endpoint("userinfo"))
        .bearer_auth(&tokens.access);
    assert!([401, 403, 404].contains(&Answer::to(userinfo).await.status));
    let refreshed = realm.refresh(&application, tokens.refresh()).await;
    assert!(
        (400..500).contains(&refreshed.status),
        "refresh: {} {}",
        refreshed.status,
        refreshed.text
    );
    let own = realm.own_token(&service).await;
    assert!(
        (400..500).contains(&own.status),
        "client credentials: {} {}",
        own.status,
        own.text
    );
    let request = Authorization::new(&realm, &application, "openid");
    match browser.open(&request.url()).await {
        Arrival::Page(page) => assert!((400..500).contains(&page.status), "{} {}", page.status, page.text),
        Arrival::Back(callback) => assert!(callback.params.contains_key("error"), "{}", callback.url),
    }

    assert_eq!(
        realm.api.query(&realm.at("")).await.is(200).json()["suspended"],
        true
    );
    let resumed = realm.api.act(&realm.at("/resume")).await.is(200).json();
    assert_eq!(resumed["events"], json!(["realm.resumed"]));
    let _ = administrator.query(&users).await.is(200);
    let _ = realm.own_token(&service).await.is(200);
    let _ = browser.open(&request.url()).await.back().code();
}

#[tokio::test]
async fn the_realm_that_administers_the_others_is_never_suspended() {
    let api = Api::admin(&shared()).await;
    let _ = api
        .post("/realms/system/suspend", json!({}))
        .await
        .is_problem(409, "conflict");
    let _ = api.query("/realms/system").await.is(200);
}
