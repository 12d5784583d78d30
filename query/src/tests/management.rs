//! The query API: pages, parameters, versions, history, realms kept apart, positions, the log.

use super::*;

#[tokio::test]
async fn a_list_is_read_page_by_page_with_tokens_that_are_good_for_nothing_else() {
    let world = World::new().await;
    let first = world.ok(&format!("{API}/users?page_size=1")).await;
    assert_eq!(first["items"][0]["username"], "alice");
    let token = first["next_page_token"].as_str().unwrap();
    let second = world
        .ok(&format!(
            "/query/v1/realms/{DEMO}/users?page_size=1&page_token={token}"
        ))
        .await;
    assert_eq!(
        (
            second["items"][0]["username"].as_str(),
            &second["next_page_token"]
        ),
        (Some("bob"), &Value::Null)
    );
    let other = if token.ends_with('A') { 'Q' } else { 'A' };
    let altered = format!("{}{other}", &token[..token.len() - 1]);
    for foreign in [
        format!("users?page_token={altered}"),
        format!("users?q=a&page_token={token}"),
        format!("applications?page_token={token}"),
        format!("events?page_token={token}"),
        "users?page_token=".to_owned(),
    ] {
        let (status, problem) = world.refused(&format!("{API}/{foreign}")).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("page_token"))
        );
    }
    for (filter, found) in [
        ("q=ALI", 1),
        ("username=Bob", 1),
        ("email=bob", 0),
        ("status=active", 2),
        ("status=locked", 0),
    ] {
        let users = world.ok(&format!("{API}/users?{filter}")).await;
        assert_eq!(users["items"].as_array().unwrap().len(), found, "{filter}");
    }
}

#[tokio::test]
async fn what_is_not_understood_is_refused_by_name() {
    let world = World::new().await;
    for (path, field) in [
        ("users?stauts=active", "stauts"),
        ("users?status=asleep", "status"),
        ("users?page_size=501", "page_size"),
        ("users?q=a&q=a", "q"),
        ("applications?type=robot", "type"),
        ("sessions?active=yes", "active"),
        ("settings?page_size=1", "page_size"),
        ("signing-keys?as_of=2020-01-01T00:00:00Z", "as_of"),
        ("events?limit=0", "limit"),
    ] {
        let (status, problem) = world.refused(&format!("{API}/{path}")).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn one_resource_carries_its_version_and_tells_its_history() {
    let world = World::new().await;
    let path = format!("{API}/users/{ALICE}");
    world.clock.advance(60);
    let changed = world.tell::<User>(
        Stream::facts(DEMO),
        ALICE.0,
        [UserEvent::Locked {
            reason: None,
            until: None,
        }
        .into()],
    );
    world.settle(&changed.await).await;
    let (status, headers, user) = world.get(&path).await;
    assert_eq!(
        (status, &headers[header::ETAG]),
        (StatusCode::OK, &"\"2\"".parse().unwrap())
    );
    assert_eq!(
        (&user["status"], &user["has_password"], &user["version"]),
        (&json!("locked"), &json!(true), &json!(2))
    );
    let conditional = async |path: &str, tag: &str| world.get_with(path, &[("if-none-match", tag)]).await.0;
    let application = format!("{API}/applications/{SHOP}");
    assert_eq!(conditional(&application, "\"2\"").await, StatusCode::NOT_MODIFIED);
    assert_eq!(conditional(&application, "\"1\"").await, StatusCode::OK);

    let before = world.ok(&format!("{path}?as_of={}", NOW.after_seconds(59))).await;
    assert_eq!(
        (&before["status"], &before["version"]),
        (&json!("active"), &json!(1))
    );
    assert_eq!(
        world
            .refused(&format!("{path}?as_of=2025-01-01T00:00:00Z"))
            .await
            .0,
        StatusCode::NOT_FOUND
    );
    let (status, future) = world.refused(&format!("{path}?as_of=2030-01-01T00:00:00Z")).await;
    assert_eq!(
        (status, &future["errors"][0]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("as_of"))
    );
    for resource in ["", "/settings", &format!("/applications/{SHOP}")] {
        assert_eq!(
            world
                .refused(&format!("{API}{resource}?as_of=2025-01-01T00:00:00Z"))
                .await
                .0,
            StatusCode::NOT_FOUND
        );
        assert!(
            world
                .ok(&format!("{API}{resource}?as_of={NOW}"))
                .await
                .is_object()
        );
    }
}

#[tokio::test]
async fn what_changes_without_its_version_is_always_told() {
    let world = World::new().await;
    let conditional = async |path: &str| {
        let (_, headers, _) = world.get(path).await;
        let tag = headers[header::ETAG].to_str().unwrap().to_owned();
        let (status, again, body) = world.get_with(path, &[("if-none-match", &tag)]).await;
        assert_eq!(
            (status, &again[header::ETAG]),
            (StatusCode::OK, &headers[header::ETAG])
        );
        body
    };
    let session = format!("{API}/sessions/{SESSION}");
    assert_eq!(conditional(&session).await["active"], true);
    let user = format!("{API}/users/{ALICE}");
    let until = Some(NOW.after_seconds(60));
    let locked = world.tell::<User>(
        Stream::facts(DEMO),
        ALICE.0,
        [UserEvent::Locked { reason: None, until }.into()],
    );
    world.settle(&locked.await).await;
    assert_eq!(conditional(&user).await["status"], "locked");
    world.clock.advance(60);
    assert_eq!(conditional(&user).await["status"], "active");
}

#[tokio::test]
async fn an_id_of_another_realm_is_a_missing_one() {
    let world = World::new().await;
    let (_, missing) = world
        .refused(&format!("{API}/users/{}", Uuid::from_u128(0xdead)))
        .await;
    for path in [
        format!("{API}/users/{STRANGER}"),
        format!("{API}/users/{STRANGER}/roles"),
        format!("{API}/users/{STRANGER}/sessions"),
        format!("{API}/users/not-an-id"),
        format!("{API}/users/{SHOP}"),
        format!("{API}/applications/{ALICE}/secrets"),
        format!("{API}/sessions/{GRANT}"),
        "/query/v1/realms/other".to_owned(),
        "/query/v1/realms/nowhere/users".to_owned(),
    ] {
        let (status, problem) = world.refused(&path).await;
        let told = |problem: &Value| {
            (
                problem["code"].clone(),
                problem["detail"].clone(),
                problem["errors"].clone(),
            )
        };
        assert_eq!(
            (status, told(&problem)),
            (StatusCode::NOT_FOUND, told(&missing)),
            "{path}"
        );
    }
    assert_eq!(world.refused("/query/v1/realms").await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        world.send(Request::get(format!("{API}/users")), "").await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_read_waits_for_the_position_that_it_names() {
    let world = World::new().await;
    let id = UserId(Uuid::from_u128(0xca));
    let profile = Sealed::Known(Profile::default());
    let position = world
        .tell::<User>(
            Stream::facts(DEMO),
            id.0,
            [UserEvent::Registered { profile }.into()],
        )
        .await;
    let path = format!("{API}/users/{id}");
    let (status, ..) = world
        .get_with(&path, &[("chancery-position", &position.to_string())])
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(world.ok(&format!("{path}?position={position}")).await.is_object());
    let of_other = Position {
        stream: Stream::facts(OTHER),
        ..position
    };
    let of_another_log = Position {
        incarnation: Uuid::nil(),
        ..position
    };
    let beyond = Position {
        seq: position.seq + 1,
        ..position
    };
    for wrong in [
        of_other.to_string(),
        of_another_log.to_string(),
        beyond.to_string(),
        "x".to_owned(),
    ] {
        let (status, problem) = world.refused(&format!("{path}?position={wrong}")).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("position"))
        );
    }
}

#[tokio::test]
async fn the_log_is_read_in_order_and_tells_no_secret() {
    let world = World::new().await;
    let all = world.ok(&format!("{API}/events?limit=500")).await;
    let items = all["items"].as_array().unwrap();
    let seqs: Vec<_> = items.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(
        (&all["next_page_token"], all["next_after"].as_u64()),
        (&Value::Null, seqs.last().copied())
    );
    let text = all.to_string();
    assert!(text.contains("password.set") && text.contains("application.secret_added"));
    assert!(!text.contains("argon2id") && !text.contains("digest"), "{text}");

    let of_alice = world.ok(&format!("{API}/events?subject=user:{ALICE}")).await;
    assert_eq!(of_alice["items"][0]["data"]["profile"]["username"], "alice");
    assert_eq!(of_alice["items"].as_array().unwrap().len(), 1);
    let by_id = world.ok(&format!("{API}/events?subject={ALICE}")).await;
    assert_eq!(
        by_id["items"].as_array().unwrap().len(),
        2,
        "the user and the password"
    );

    let first = world
        .ok(&format!("{API}/events?type=user.registered&limit=1"))
        .await;
    let token = first["next_page_token"].as_str().unwrap();
    let second = world
        .ok(&format!("{API}/events?type=user.registered&page_token={token}"))
        .await;
    assert_eq!(second["items"][0]["data"]["profile"]["username"], "bob");
    let after = first["next_after"].as_u64().unwrap();
    assert_eq!(
        world
            .ok(&format!("{API}/events?type=user.registered&after={after}"))
            .await["items"],
        second["items"]
    );
    let activity = world.ok(&format!("{API}/events?lane=activity")).await;
    assert_eq!(activity["items"][0]["type"], "session.started");
    assert_eq!(
        world.ok(&format!("{API}/events?to=2025-01-01T00:00:00Z")).await["items"],
        json!([])
    );
}

#[tokio::test]
async fn roles_secrets_keys_settings_and_sessions_are_shown() {
    let world = World::new().await;
    let roles = world.ok(&format!("{API}/applications/{SERVICE}/roles")).await;
    assert_eq!(
        (&roles["items"], &roles["version"]),
        (&json!([{ "role": "realm-administrator" }]), &json!(1))
    );
    assert_eq!(
        world.ok(&format!("{API}/users/{ALICE}/roles")).await["items"],
        json!([])
    );
    let secrets = world.ok(&format!("{API}/applications/{SHOP}/secrets")).await;
    assert_eq!(secrets["items"].as_array().unwrap().len(), 1);
    let keys = world.ok(&format!("{API}/signing-keys")).await;
    assert_eq!(keys["items"][0]["status"], "active");
    assert_eq!(
        world.ok(&format!("{API}/settings")).await["tokens"]["access_token_seconds"],
        600
    );
    assert_eq!(world.ok(API).await["name"], "demo");
    assert_eq!(
        world.ok(&format!("{API}/applications?type=web")).await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let session = world.ok(&format!("{API}/sessions/{SESSION}")).await;
    assert_eq!(
        (&session["active"], &session["grants"][0]["client"]),
        (&json!(true), &json!(SHOP))
    );
    let found = async |filter: &str| {
        world.ok(&format!("{API}/sessions?{filter}")).await["items"]
            .as_array()
            .unwrap()
            .len()
    };
    let alice = format!("user={ALICE}&client={SHOP}&active=true");
    assert_eq!(found(&alice).await, 1);
    assert_eq!(found(&format!("user={BOB}")).await, 0);
    assert_eq!(found("client=nobody").await, 0);
    assert_eq!(found("active=false").await, 0);
    assert_eq!(
        world.ok(&format!("{API}/users/{ALICE}/sessions")).await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let ended = AuthEvent::SessionEnded {
        reason: EndReason::SignedOut,
    };
    let position = world
        .tell::<Session>(Stream::activity(DEMO), SESSION.0, [ended.into()])
        .await;
    world.settle(&position).await;
    assert_eq!((found(&alice).await, found("active=false").await), (0, 1));
}
