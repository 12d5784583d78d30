//! The life of a user through the two APIs: registered once under each name, changed at the version that was seen, read
//! as they are and as they were, and all of it in the log.

use std::collections::BTreeSet;

use chancery_tests::harness::{Answer, Api, Method, Realm, User, at_once, password, shared, unique};
use serde_json::{Value, json};

/// A path of a user.
fn of(realm: &Realm, user: &User, rest: &str) -> String {
    realm.at(&format!("/users/{}{rest}", user.id))
}

#[tokio::test]
async fn a_user_is_registered_and_read_back_at_once() {
    let realm = Realm::on(&shared()).await;
    let body = json!({
        "username": "Zoë", "email": "Zoe@Example.test", "phone": "+41791234567", "given_name": "Zoë", "family_name": "Müller",
        "name": "Zoë Müller", "locale": "de-CH", "zoneinfo": "Europe/Zurich", "password": password(),
    });
    let made = realm.api.post(&realm.at("/users"), body).await.is(201);
    assert_eq!(made.json()["events"], json!(["user.registered", "password.set"]));
    let location = made.header("location").expect("a location").to_owned();
    assert!(
        location.ends_with(&format!("/users/{}", made.field("id"))),
        "{location}"
    );

    let read = realm
        .api
        .query(&realm.at(&format!("/users/{}", made.field("id"))))
        .await
        .is(200);
    assert_eq!(read.header("etag"), Some("\"1\""));
    let user = read.json();
    for (field, value) in [
        ("username", json!("Zoë")),
        ("email", json!("Zoe@Example.test")),
        ("email_verified", json!(false)),
        ("phone", json!("+41791234567")),
        ("name", json!("Zoë Müller")),
        ("locale", json!("de-CH")),
        ("zoneinfo", json!("Europe/Zurich")),
        ("status", json!("active")),
        ("has_password", json!(true)),
        ("version", json!(1)),
    ] {
        assert_eq!(user[field], value, "{field}");
    }
    assert!(
        !read.text.contains("hash") && !read.text.contains("argon2"),
        "{}",
        read.text
    );
}

#[tokio::test]
async fn a_name_belongs_to_one_user_of_a_realm_however_it_is_written() {
    let realm = Realm::on(&shared()).await;
    let users = realm.at("/users");
    let first = realm
        .api
        .post(&users, json!({"username": "Straße", "email": "one@example.test"}))
        .await
        .is(201);
    for body in [
        json!({"username": "straße"}),
        json!({"username": "STRAßE"}),
        json!({"username": "  straße"}),
        json!({"username": "ＳＴＲＡßＥ"}),
        json!({"username": "other", "email": "ONE@example.test"}),
    ] {
        let refused = realm.api.post(&users, body.clone()).await;
        assert_eq!(refused.status, 409, "{body}: {}", refused.text);
        assert_eq!(refused.code(), "name_taken");
    }
    let other = Realm::new(&realm.api).await;
    let _ = other
        .api
        .post(&other.at("/users"), json!({"username": "straße"}))
        .await
        .is(201);

    // A name that is given up is free again.
    let path = realm.at(&format!("/users/{}", first.field("id")));
    let _ = realm
        .api
        .patch(&path, json!({"username": "another"}))
        .await
        .is(200);
    let second = realm
        .api
        .post(&users, json!({"username": "straße"}))
        .await
        .is(201);
    let _ = realm
        .api
        .patch(&path, json!({"username": "straße"}))
        .await
        .is_problem(409, "name_taken");
    let found = realm
        .api
        .query(&realm.at("/users?username=stra%C3%9Fe"))
        .await
        .is(200)
        .ids();
    assert_eq!(found, [second.field("id")]);
}

#[tokio::test]
async fn twenty_who_want_one_name_at_once_register_one_user() {
    let realm = Realm::on(&shared()).await;
    let answers = at_once(20, |number| {
        let realm = realm.clone();
        let body = json!({"username": "wanted", "email": format!("{number}@example.test")});
        async move { realm.api.post(&realm.at("/users"), body).await.status }
    });
    let answers = answers.await;
    assert_eq!(
        answers.iter().filter(|status| **status == 201).count(),
        1,
        "{answers:?}"
    );
    assert!(
        answers.iter().all(|status| [201, 409].contains(status)),
        "{answers:?}"
    );
    assert_eq!(
        realm
            .api
            .query(&realm.at("/users?username=wanted"))
            .await
            .is(200)
            .items()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_profile_that_is_not_as_it_must_be_is_refused_by_field() {
    let realm = Realm::on(&shared()).await;
    let cases = [
        (json!({}), "username"),
        (json!({"username": ""}), "username"),
        (json!({"username": "a\u{200b}b"}), "username"),
        (json!({"username": "somebody@elsewhere.test"}), "username"),
        (json!({"username": "x".repeat(129)}), "username"),
        (json!({"email": "no address"}), "email"),
        (json!({"email": "a@b@c"}), "email"),
        (json!({"username": "p", "phone": "079 123 45 67"}), "phone"),
        (json!({"username": "p", "locale": "Deutsch (Schweiz)"}), "locale"),
        (json!({"username": "p", "zoneinfo": "../etc/passwd"}), "zoneinfo"),
        (json!({"username": "p", "given_name": "a\u{202e}b"}), "given_name"),
        (
            json!({"username": "p", "attributes": {"tier": "gold"}}),
            "attributes.tier",
        ),
    ];
    for (body, field) in cases {
        let refused = realm.api.post(&realm.at("/users"), body.clone()).await.is(422);
        assert!(refused.faults().contains(field), "{body}: {}", refused.text);
    }
    assert!(
        realm
            .api
            .query(&realm.at("/users"))
            .await
            .is(200)
            .items()
            .is_empty()
    );
}

#[tokio::test]
async fn attributes_follow_the_schema_of_the_realm() {
    let realm = Realm::on(&shared()).await;
    let schema = json!({
        "tier": {"type": "string", "one_of": ["gold", "silver"], "required": true, "claim": true},
        "seats": {"type": "integer"},
        "beta": {"type": "boolean"},
        "teams": {"type": "string_list", "max_length": 10},
    });
    realm
        .set(json!({"registration": {"attributes": schema, "email_required": true}}))
        .await;
    let users = realm.at("/users");
    let register = async |attributes: Value| {
        let body = json!({"username": unique(), "email": format!("{}@example.test", unique()), "attributes": attributes});
        realm.api.post(&users, body).await
    };
    let good = json!({"tier": "gold", "seats": 3, "beta": true, "teams": ["a", "b"]});
    let made = register(good.clone()).await.is(201);
    let path = realm.at(&format!("/users/{}", made.field("id")));
    assert_eq!(realm.api.query(&path).await.is(200).json()["attributes"], good);

    for (bad, field) in [
        (json!({}), "attributes.tier"),
        (json!({"tier": "bronze"}), "attributes.tier"),
        (json!({"tier": 1}), "attributes.tier"),
        (json!({"tier": "gold", "seats": 1.5}), "attributes.seats"),
        (json!({"tier": "gold", "beta": "true"}), "attributes.beta"),
        (
            json!({"tier": "gold", "teams": ["far too long a name"]}),
            "attributes.teams[0]",
        ),
        (json!({"tier": "gold", "unknown": 1}), "attributes.unknown"),
    ] {
        let refused = register(bad.clone()).await.is(422);
        assert!(refused.faults().contains(field), "{bad}: {}", refused.text);
    }
    let refused = realm
        .api
        .post(
            &users,
            json!({"username": unique(), "attributes": {"tier": "gold"}}),
        )
        .await
        .is(422);
    assert!(refused.faults().contains("email"), "{}", refused.text);

    let _ = realm
        .api
        .patch(&path, json!({"attributes": {"seats": null, "tier": "silver"}}))
        .await
        .is(200);
    let after = realm.api.query(&path).await.is(200).json();
    assert_eq!(
        after["attributes"],
        json!({"tier": "silver", "beta": true, "teams": ["a", "b"]})
    );
    let _ = realm.api.patch(&path, json!({"attributes": null})).await.is(422);
}

#[tokio::test]
async fn a_profile_changes_by_field_at_the_version_that_was_seen() {
    let realm = Realm::on(&shared()).await;
    let user = realm
        .user_with(json!({"given_name": "Ann", "email_verified": true}))
        .await;
    let path = of(&realm, &user, "");
    let changed = realm
        .api
        .patch(&path, json!({"given_name": "Anna", "family_name": "Bell"}))
        .await
        .is(200)
        .json();
    assert_eq!(
        (&changed["events"], &changed["version"]),
        (&json!(["user.profile_changed"]), &json!(2))
    );
    let cleared = realm
        .api
        .patch(&path, json!({"family_name": null, "email": "new@example.test"}))
        .await
        .is(200)
        .json();
    assert_eq!(cleared["version"], 3);
    let read = realm.api.query(&path).await.is(200).json();
    assert_eq!(
        (&read["given_name"], &read["family_name"]),
        (&json!("Anna"), &Value::Null)
    );
    assert_eq!(read["email_verified"], false, "a new address is not verified");

    let change = async |tag: &str| {
        let request = realm
            .api
            .commanding(Method::PATCH, &path, &json!({"given_name": unique()}))
            .header("if-match", tag);
        realm.api.told(&path, request).await
    };
    let _ = change("\"2\"").await.is_problem(412, "version_mismatch");
    let _ = change("\"3\"").await.is(200);
    let _ = change("\"99\"").await.is_problem(412, "version_mismatch");

    let get = |tag: &str| {
        let request = realm
            .api
            .request(Method::GET, &format!("/query/v1{path}"))
            .header("if-none-match", tag);
        request.header(
            "chancery-position",
            realm.api.position(&path).expect("a position"),
        )
    };
    // A lock that runs out and a password change what is told of a user without another version: it is always told whole.
    let told = Answer::to(get("\"4\"")).await.is(200);
    assert_eq!(told.header("etag"), Some("\"4\""));
}

#[tokio::test]
async fn the_same_key_registers_one_user() {
    let realm = Realm::on(&shared()).await;
    let (path, key, username, secret) = (realm.at("/users"), unique(), unique(), password());
    let ask = async |api: &Api, body: Value| {
        let request = api
            .commanding(Method::POST, &path, &body)
            .header("idempotency-key", &key);
        api.told(&path, request).await
    };
    let body = json!({"username": username, "password": secret});
    let first = ask(&realm.api, body.clone()).await.is(201);
    assert_eq!(ask(&realm.api, body.clone()).await.is(201).json(), first.json());
    let _ = ask(&realm.api, json!({"username": username}))
        .await
        .is_problem(422, "idempotency_key_reused");
    assert_eq!(realm.api.query(&path).await.is(200).items().len(), 1);

    // The key is the caller's: another one's is another key.
    let other = realm.administrator().await;
    let _ = ask(&other, json!({"username": unique()})).await.is(201);

    let racing = at_once(20, |_| {
        let (realm, path, body) = (realm.clone(), path.clone(), json!({"username": "raced"}));
        async move {
            let request = realm
                .api
                .commanding(Method::POST, &path, &body)
                .header("idempotency-key", "raced");
            realm.api.told(&path, request).await.is(201).field("id")
        }
    });
    assert_eq!(
        racing.await.into_iter().collect::<BTreeSet<_>>().len(),
        1,
        "one user, told of twenty times"
    );
}

#[tokio::test]
async fn a_user_is_read_as_she_was() {
    let realm = Realm::on(&shared()).await;
    let user = realm.user_with(json!({"given_name": "Before"})).await;
    let path = of(&realm, &user, "");
    let then = realm.api.query(&path).await.is(200).field("created_at");
    let _ = realm
        .api
        .patch(&path, json!({"given_name": "After"}))
        .await
        .is(200);
    let changed = realm.api.query(&path).await.is(200).field("updated_at");
    let _ = realm.api.act(&of(&realm, &user, "/disable")).await.is(200);

    let as_of = async |moment: &str| realm.api.query(&format!("{path}?as_of={moment}")).await;
    let before = as_of(&then).await.is(200).json();
    assert_eq!(
        (&before["given_name"], &before["version"]),
        (&json!("Before"), &json!(1))
    );
    let between = as_of(&changed).await.is(200).json();
    assert_eq!(
        (&between["given_name"], &between["status"]),
        (&json!("After"), &json!("active"))
    );
    assert_eq!(realm.api.query(&path).await.is(200).json()["status"], "disabled");
    let _ = as_of("2001-01-01T00:00:00Z").await.is(404);
}

#[tokio::test]
async fn every_step_is_found_in_the_log_without_a_secret() {
    let realm = Realm::on(&shared()).await;
    let alice = realm.user().await;
    let _ = realm
        .api
        .post(&of(&realm, &alice, "/lock"), json!({"reason": "just so"}))
        .await
        .is(200);
    let events = realm
        .events("facts", &format!("&subject=user:{}", alice.id))
        .await;
    let types: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(types, ["user.registered", "user.locked"]);
    assert_eq!(events[0]["data"]["profile"]["username"], alice.username);
    assert_eq!(
        events[1]["subject"],
        json!({"kind": "user", "id": alice.id, "version": 2})
    );
    assert!(
        events[1]["actor"]["client"].is_string() && events[1]["actor"]["request"].is_string(),
        "{}",
        events[1]
    );
    assert!(events[0]["network"]["ip"].is_string(), "{}", events[0]);

    let all = realm.events("facts", "").await;
    let seqs: Vec<_> = all
        .iter()
        .map(|event| event["seq"].as_u64().unwrap_or_default())
        .collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "gapless");
    let told = json!(all).to_string();
    assert!(
        told.contains("password.set") && !told.contains("argon2") && !told.contains(&alice.password),
        "{told}"
    );
    for bad in [
        "lane=both",
        "lane=facts&type=user.vanished",
        "lane=facts&type=session.started",
        "lane=facts&subject=dog:1",
        "lane=facts&after=-1",
        "lane=facts&limit=501",
    ] {
        let _ = realm
            .api
            .query(&realm.at(&format!("/events?{bad}")))
            .await
            .is(422);
    }
}
