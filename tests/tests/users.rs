//! The life of a user through the two APIs: registered once under each name, searched, changed, locked, disabled;
//! and what each of these does to sign-ins and to tokens that are out already: at once.

use std::collections::BTreeSet;

use chancery_tests::harness::{
    Answer, Api, Application, Authorization, Browser, Method, Realm, Tokens, User, password, shared, unique,
};
use serde_json::{Value, json};

async fn userinfo(realm: &Realm, tokens: &Tokens) -> Answer {
    Answer::to(
        realm
            .api
            .http()
            .get(realm.endpoint("userinfo"))
            .bearer_auth(&tokens.access),
    )
    .await
}

/// Whether name and password open the door.
async fn may_sign_in(realm: &Realm, application: &Application, username: &str, password: &str) -> bool {
    let mut browser = Browser::new(realm);
    let request = Authorization::new(realm, application, "openid");
    let page = browser.open(&request.url()).await.sign_in_page();
    match browser.fill(&page, username, password).await {
        chancery_tests::harness::Arrival::Back(callback) => callback.params.contains_key("code"),
        chancery_tests::harness::Arrival::Page(page) => {
            assert_eq!(page.status, 401, "{}", page.text);
            false
        }
    }
}

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
    let answers = chancery_tests::harness::at_once(20, |number| {
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
    assert!(may_sign_in(&realm, &application, &username, long).await);
    assert!(
        !may_sign_in(&realm, &application, &username, &long[..64]).await,
        "passwords are not cut off"
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
    let known = Answer::to(get("\"4\"")).await.is(304);
    assert!(known.text.is_empty());
    assert_eq!(known.header("etag"), Some("\"4\""));
    let _ = Answer::to(get("\"3\"")).await.is(200);
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

    let racing = chancery_tests::harness::at_once(20, |_| {
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
    let ids = chancery_tests::harness::at_once(20, |number| {
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
    assert!(!may_sign_in(&realm, &application, &alice.username, &alice.password).await);
    let _ = userinfo(&realm, &tokens).await.is(200);
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
    assert!(may_sign_in(&realm, &application, &alice.username, &alice.password).await);

    let _ = realm
        .api
        .post(
            &of(&realm, &alice, "/lock"),
            json!({"until": "2999-01-01T00:00:00Z"}),
        )
        .await
        .is(200);
    assert!(!may_sign_in(&realm, &application, &alice.username, &alice.password).await);
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
    let _ = userinfo(&realm, &tokens).await.is(401);
    assert!(!realm.is_active(&resource, &tokens.access).await);
    assert!(!realm.is_active(&resource, tokens.refresh()).await);
    let _ = realm
        .refresh(&application, tokens.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    let request = Authorization::new(&realm, &application, "openid");
    let _ = browser.open(&request.url()).await.sign_in_page();
    assert!(!may_sign_in(&realm, &application, &alice.username, &alice.password).await);

    let enabled = realm.api.act(&of(&realm, &alice, "/enable")).await.is(200).json();
    assert_eq!(enabled["events"], json!(["user.enabled"]));
    let _ = realm
        .refresh(&application, tokens.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    let _ = userinfo(&realm, &tokens).await.is(401);
    let _ = browser.open(&request.url()).await.sign_in_page();
    assert!(may_sign_in(&realm, &application, &alice.username, &alice.password).await);
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

    let _ = userinfo(&realm, &tokens).await.is(401);
    let _ = realm
        .refresh(&application, tokens.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    let request = Authorization::new(&realm, &application, "openid");
    let _ = browser.open(&request.url()).await.sign_in_page();
    assert!(!may_sign_in(&realm, &application, &alice.username, &alice.password).await);
    assert!(may_sign_in(&realm, &application, &alice.username, &new).await);
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
            may_sign_in(&realm, &application, name, &alice.password).await,
            "{name:?}"
        );
    }
    assert!(
        !may_sign_in(
            &realm,
            &application,
            &alice.username,
            &alice.password.to_uppercase()
        )
        .await
    );
    assert!(
        !may_sign_in(
            &realm,
            &application,
            &alice.username,
            &format!("{} ", alice.password)
        )
        .await
    );
    let other = Realm::new(&realm.api).await;
    let elsewhere = other.application("spa").await;
    assert!(!may_sign_in(&other, &elsewhere, &alice.username, &alice.password).await);
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
