//! Limits of rates on the running platform: requests are refused before anything is done for them, whoever they seem to come from and however
//! the endpoint is addressed; nodes that share a Redis share a budget; and while it is gone each limit holds as it says.

use chancery_tests::harness::{
    Answer, Authorization, Browser, Method, Nodes, Options, Realm, Server, at_once, eventually, form_of,
    unique,
};
use scratch::Redis;
use serde_json::{Value, json};

/// A server that believes what its proxy, this machine, says of a caller, and has these limits instead of those in the table.
fn limited(limits: &[(&str, u32)]) -> Options {
    let options = Options::default().with("CHANCERY_TRUSTED_PROXIES", "127.0.0.1");
    limits.iter().fold(options, |options, (name, requests)| {
        let name = format!("CHANCERY_LIMITS__BUILT_IN__{}", name.to_uppercase());
        options
            .with(&format!("{name}__REQUESTS"), &requests.to_string())
            .with(&format!("{name}__SECONDS"), "3600")
    })
}

/// A request to a realm's token endpoint, from an address; it is about nothing.
async fn token(realm: &Realm, address: &str) -> Answer {
    let form = [("grant_type", "client_credentials"), ("client_id", "nobody")];
    let request = realm.api.http().post(realm.endpoint("token")).form(&form);
    Answer::to(request.header("x-forwarded-for", address)).await
}

async fn metric(server: &Server, name: &str) -> f64 {
    let answer = Answer::to(reqwest::Client::new().get(format!("{}/metrics", server.management))).await;
    let lines = answer.text.lines().filter(|line| line.starts_with(name));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}

async fn health(server: &Server) -> Value {
    Answer::to(reqwest::Client::new().get(format!("{}/health/ready", server.management)))
        .await
        .json()
}

#[tokio::test]
async fn a_thousand_guesses_at_once_from_one_address_cost_no_more_hashes_than_its_limit() {
    let server = Server::start(limited(&[("sign_in", 20)]));
    let realm = Realm::on(&server).await;
    let application = realm.application("spa").await;
    let mut browser = Browser::new(&realm);
    let page = browser
        .open(&Authorization::new(&realm, &application, "openid").url())
        .await
        .sign_in_page();
    let form = form_of(&page.text);
    let cookies = browser.cookies().into_iter();
    let cookies: Vec<String> = cookies.map(|(name, value)| format!("{name}={value}")).collect();
    let hashed = "chancery_password_hash_seconds_count";
    let before = metric(&server, hashed).await;

    let answers = at_once(1_000, |number| {
        let mut fields = form.hidden.clone();
        // Each another name, so that no account's guard is in the way.
        fields.push(("username".into(), format!("somebody-{number}")));
        fields.push(("password".into(), "a guess".into()));
        let request = browser
            .http()
            .post(format!("{}{}", server.base, form.action))
            .header("cookie", cookies.join("; "))
            .header("x-forwarded-for", format!("2001:db8:1:2::{number:x}"))
            .header("accept", "text/html")
            .form(&fields);
        Answer::to(request)
    })
    .await;

    let judged = answers.iter().filter(|answer| answer.status != 429).count();
    assert_eq!(judged, 20);
    let hashes = metric(&server, hashed).await - before;
    assert!((1.0..=20.0).contains(&hashes), "{hashes}");
    let refused = answers
        .iter()
        .find(|answer| answer.status == 429)
        .expect("most are");
    assert!(refused.header("retry-after").is_some());
    assert!(
        refused
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"))
    );
    assert!(refused.text.contains("too_many_requests"), "{}", refused.text);
    assert_eq!(
        refused.header("ratelimit-policy"),
        Some("\"sign_in\";q=20;w=3600")
    );
    let remains = refused.header("ratelimit").expect("what remains");
    assert!(remains.starts_with("\"sign_in\";r=0;t="), "{remains}");

    // It is on the record, once, and the next to come is not kept out.
    let told = eventually("it is told", async || {
        let told = realm.events("activity", "&type=auth.throttled").await;
        (!told.is_empty()).then_some(told)
    })
    .await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["data"]["by"], "address");
    assert_eq!(told[0]["data"]["endpoint"], "sign_in");
    let refusals = metric(
        &server,
        "chancery_limits_requests_total{limit=\"sign_in\",result=\"refused\"}",
    )
    .await;
    assert!((refusals - 980.0).abs() < f64::EPSILON, "{refusals}");
    let user = realm.user().await;
    assert!(realm.lets_in(&application, &user.username, &user.password).await);
}

#[tokio::test]
async fn an_address_is_what_a_trusted_proxy_says_and_of_ipv6_a_household() {
    let server = Server::start(limited(&[("token", 2)]));
    let realm = Realm::on(&server).await;
    for (address, status) in [
        ("2001:db8:1:2::1", 401),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", 401),
        ("2001:db8:1:2::3", 429),
        ("2001:db8:1:3::1", 401),
        ("192.0.2.1", 401),
        ("::ffff:192.0.2.1", 401),
        ("192.0.2.1", 429),
        ("192.0.2.2", 401),
        // What stands before the last one that is no proxy, the caller made up.
        ("198.51.100.7, 192.0.2.1", 429),
    ] {
        let answer = token(&realm, address).await.is(status);
        if status == 429 {
            let answer = answer.is_oauth_error(429, "temporarily_unavailable");
            assert!(answer.header("retry-after").is_some());
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        }
    }
}

#[tokio::test]
async fn who_is_no_trusted_proxy_says_nothing_of_where_it_comes_from() {
    let options = limited(&[("token", 2)]).without("CHANCERY_TRUSTED_PROXIES");
    let server = Server::start(options.with("CHANCERY_LIMITS__LOOPBACK", "true"));
    let realm = Realm::on(&server).await;
    for (address, status) in [("192.0.2.1", 401), ("192.0.2.2", 401), ("192.0.2.3", 429)] {
        let _ = token(&realm, address).await.is(status);
    }
}

#[tokio::test]
async fn on_this_machine_alone_development_meets_no_limit() {
    let server = Server::start(limited(&[("token", 1)]).without("CHANCERY_TRUSTED_PROXIES"));
    let realm = Realm::on(&server).await;
    for _ in 0..3 {
        let answer = token(&realm, "192.0.2.1").await.is(401);
        assert_eq!(answer.header("ratelimit"), None);
    }
}

#[tokio::test]
async fn no_other_way_to_write_a_request_has_another_budget_and_another_realm_has_its_own() {
    let server = Server::start(limited(&[("token", 2), ("introspection", 2)]));
    let (realm, other) = (Realm::on(&server).await, Realm::on(&server).await);
    for _ in 0..2 {
        let _ = token(&realm, "192.0.2.1").await.is(401);
    }
    let _ = token(&realm, "192.0.2.1").await.is(429);
    let base = &server.base;
    let (name, id) = (&realm.name, &realm.id);
    let encoded: Vec<String> = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let encoded = encoded.concat();
    for path in [
        format!("/realms/{id}/oauth2/token"),
        format!("/realms/{}/oauth2/token", id.to_uppercase()),
        format!("/realms/{}/oauth2/token", id.replace('-', "")),
        format!("/realms/{encoded}/oauth2/token"),
        format!("/realms/{name}/oauth2/token?a=b"),
        format!("/realms/{name}/oauth2/revoke"),
        format!("/realms/{name}/oauth2/par"),
    ] {
        let request = realm.api.http().post(format!("{base}{path}"));
        let request = request
            .form(&[("client_id", "nobody"), ("_method", "GET")])
            .header("x-forwarded-for", "192.0.2.1")
            .header("x-http-method-override", "GET")
            .header("x-original-url", "/");
        let _ = Answer::to(request).await.is(429);
    }
    // These are no token endpoints.
    for path in [
        format!("/realms/{name}/oauth2/token/"),
        format!("/realms/{name}//oauth2/token"),
        format!("/realms/{name}/oauth2/Token"),
        format!("/realms/{name}/oauth2/%74oken"),
    ] {
        let request = realm.api.http().post(format!("{base}{path}"));
        let answer = Answer::to(request.header("x-forwarded-for", "192.0.2.1")).await;
        assert!([404, 429].contains(&answer.status), "{path}: {}", answer.status);
    }
    for _ in 0..2 {
        let _ = token(&other, "192.0.2.1").await.is(401);
    }
    let _ = token(&other, "192.0.2.1").await.is(429);
}

#[tokio::test]
async fn an_application_uses_up_its_own_budget_and_nobody_uses_it_up_in_its_name() {
    let server = Server::start(limited(&[("token_of_application", 3), ("queries", 2)]));
    let realm = Realm::on(&server).await;
    let service = realm.application_with("service", json!({})).await;
    let ask = async |secret: &str| {
        let request = realm.api.http().post(realm.endpoint("token"));
        let request = request.basic_auth(&service.client_id, Some(secret));
        let request = request.form(&[("grant_type", "client_credentials")]);
        Answer::to(request.header("x-forwarded-for", "192.0.2.1")).await
    };
    let secret = service.secret.as_deref().expect("a secret");
    for _ in 0..9 {
        let _ = ask("a guess").await.is(401);
    }
    for remains in [2, 1, 0] {
        let answer = ask(secret).await.is(200);
        let told = answer.header("ratelimit").expect("what remains");
        assert!(
            told.contains(&format!("\"token_of_application\";r={remains};")),
            "{told}"
        );
    }
    let _ = ask(secret).await.is_oauth_error(429, "temporarily_unavailable");

    // The management API, as problem details; the token is counted, wherever it comes from.
    let reader = realm.service(Some("auditor")).await;
    let read = async |address: &str| {
        let request = reader.request(Method::GET, &format!("/query/v1{}", realm.at("/users")));
        Answer::to(request.header("x-forwarded-for", address)).await
    };
    for (address, status) in [("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.3", 429)] {
        let answer = read(address).await.is(status);
        if status == 429 {
            let answer = answer.is_problem(429, "too_many_requests");
            assert!(answer.header("retry-after").is_some());
        }
    }
}

#[tokio::test]
async fn a_realm_makes_limits_for_any_operation_and_cannot_shut_itself_out() {
    let server = Server::start(Options::default().with("CHANCERY_TRUSTED_PROXIES", "127.0.0.1"));
    let (realm, other) = (Realm::on(&server).await, Realm::on(&server).await);
    let rate = |operations: Value, key: &str, requests: u32| json!({ "operations": operations, "key": key, "requests": requests, "seconds": 3600 });
    realm
        .set(json!({ "limits": { "rates": {
            "few_tokens": rate(json!(["token"]), "address", 2),
            "few_commands": rate(json!(["commands"]), "user", 1_000),
            "few_of_all": rate(json!(["all"]), "realm", 40),
        } } }))
        .await;
    for _ in 0..2 {
        let _ = token(&realm, "192.0.2.1").await.is(401);
    }
    let refused = token(&realm, "192.0.2.1").await;
    let refused = refused.is_oauth_error(429, "temporarily_unavailable");
    let policy = refused.header("ratelimit-policy").expect("the policy");
    assert!(policy.contains("\"few_tokens\";q=2;w=3600"), "{policy}");
    let _ = token(&realm, "192.0.2.2").await.is(401);
    for _ in 0..3 {
        let _ = token(&other, "192.0.2.1").await.is(401);
    }

    // How far they are used is told, and no address.
    let told = realm.api.query(&realm.at("/rate-limits")).await.is(200).json();
    let named = |name: &str| {
        let items = told["items"].as_array().into_iter().flatten();
        items.filter(|item| item["name"] == name).collect::<Vec<_>>()
    };
    let few = named("few_tokens");
    assert_eq!(
        (few.len(), &few[0]["origin"], &few[0]["counted"]),
        (1, &json!("realm"), &json!(2))
    );
    assert_eq!(few[0]["budgets"][0]["remaining"], 0);
    assert!(
        few[0]["budgets"][0]["retry_after_seconds"]
            .as_u64()
            .is_some_and(|wait| wait > 0)
    );
    assert!(!told.to_string().contains("192.0.2"), "{told}");
    assert_eq!(named("sign_in")[0]["origin"], "platform");

    // All of the realm is used up; its administrators change that all the same.
    for number in 0..60 {
        let _ = token(&realm, &format!("198.51.100.{number}")).await;
    }
    let _ = realm
        .api
        .query(&realm.at("/users"))
        .await
        .is_problem(429, "too_many_requests");
    realm.set(json!({ "limits": { "rates": {} } })).await;
    let _ = realm.api.query(&realm.at("/users")).await.is(200);
    let _ = token(&realm, "192.0.2.1").await.is(401);
}

#[tokio::test]
async fn a_limit_of_what_is_not_there_or_of_nobody_is_refused() {
    let server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    let rate = |change: Value| {
        let mut rate = json!({ "operations": ["token"], "key": "address", "requests": 5, "seconds": 60 });
        for (name, value) in change.as_object().into_iter().flatten() {
            rate[name] = value.clone();
        }
        json!({ "limits": { "rates": { "mine": rate } } })
    };
    let path = realm.at("/settings");
    for (change, field) in [
        (
            json!({ "operations": ["tokens"] }),
            "limits.rates.mine.operations",
        ),
        (json!({ "operations": [] }), "limits.rates.mine.operations"),
        (
            json!({ "operations": ["sign_in"], "key": "user" }),
            "limits.rates.mine.operations",
        ),
        (
            json!({ "operations": ["all"], "key": "application" }),
            "limits.rates.mine.operations",
        ),
        (json!({ "requests": 0 }), "limits.rates.mine"),
        (json!({ "seconds": 86_401 }), "limits.rates.mine"),
    ] {
        let refused = realm.api.patch(&path, rate(change.clone())).await.is(422);
        assert!(refused.faults().contains(field), "{change}: {}", refused.text);
    }
    for change in [
        json!({ "key": "country" }),
        json!({ "requests": -1 }),
        json!({ "per": 1 }),
    ] {
        let _ = realm.api.patch(&path, rate(change)).await.is(422);
    }
    let settings = realm.api.query(&path).await.is(200).json();
    assert_eq!(settings["limits"], json!({ "rates": {} }));
    let _ = realm.api.patch(&path, rate(json!({ "burst": 2 }))).await.is(200);
    let settings = realm.api.query(&path).await.is(200).json();
    let kept = json!({ "operations": ["token"], "key": "address", "requests": 5, "seconds": 60, "burst": 2, "when_down": "open" });
    assert_eq!(settings["limits"]["rates"]["mine"], kept);
}

#[tokio::test]
async fn while_redis_is_gone_open_limits_are_each_nodes_own_and_closed_ones_refuse() {
    let Some(redis) = Redis::start() else { return };
    let options = limited(&[("token", 3), ("recovery", 3)]).with("CHANCERY_REDIS__URL", redis.url());
    let server = Server::start(options);
    let realm = Realm::on(&server).await;
    let recover = async || {
        let request = realm
            .api
            .http()
            .post(format!("{}{}", server.base, realm.at("/recovery")));
        Answer::to(request.header("x-forwarded-for", "192.0.2.1").form(&[("a", "b")])).await
    };
    for _ in 0..3 {
        let _ = token(&realm, "192.0.2.1").await.is(401);
    }
    let _ = token(&realm, "192.0.2.1").await.is(429);
    assert_ne!(recover().await.status, 503);
    assert_eq!(health(&server).await["redis"], "ok");

    redis.kill();
    for _ in 0..3 {
        let _ = token(&realm, "192.0.2.1").await.is(401);
    }
    let _ = token(&realm, "192.0.2.1").await.is(429);
    let refused = recover().await.is(503);
    assert!(refused.header("retry-after").is_some());
    assert_ne!(health(&server).await["redis"], "ok");
    assert_eq!(health(&server).await["status"], "ready", "signing in goes on");
    assert!(metric(&server, "chancery_redis_up").await < 1.0);
    assert!(metric(&server, "chancery_redis_failures_total").await >= 1.0);

    redis.again();
    eventually("Redis counts again", async || {
        let _ = token(&realm, "192.0.2.9").await;
        (health(&server).await["redis"] == "ok").then_some(())
    })
    .await;
    assert_ne!(recover().await.status, 503);
    assert!(metric(&server, "chancery_redis_up").await > 0.0);
}

#[tokio::test]
async fn a_budget_in_redis_outlives_a_node_and_is_shared_by_all() {
    let Some(redis) = Redis::start() else { return };
    let limits = limited(&[("token", 6)]).with("CHANCERY_REDIS__URL", redis.url());
    if let Some(nodes) = Nodes::new() {
        let with_limits = |mut options: Options| {
            options.variables.extend(limits.variables.clone());
            options
        };
        let address = nodes.options("command,query,worker");
        let one = Server::start(with_limits(address));
        let another = Server::start(with_limits(nodes.options("command,query,worker")));
        let realm = Realm::on(&one).await;
        let beside = realm.at_node(&another);
        let _ = eventually("the other node knows the realm", async || {
            let answer = token(&beside, "192.0.2.77").await;
            (answer.status == 401).then_some(answer)
        })
        .await;
        let answers = at_once(40, |number| {
            let realm = if number % 2 == 0 {
                realm.clone()
            } else {
                beside.clone()
            };
            async move { token(&realm, "192.0.2.1").await.status }
        })
        .await;
        assert_eq!(
            answers.iter().filter(|status| **status == 401).count(),
            6,
            "{answers:?}"
        );
        assert_eq!(
            answers.iter().filter(|status| **status == 429).count(),
            34,
            "{answers:?}"
        );
    } else {
        let server = Server::start(limits);
        let realm = Realm::on(&server).await;
        for _ in 0..4 {
            let _ = token(&realm, "192.0.2.1").await.is(401);
        }
        let server = server.restart();
        let realm = realm.at_node(&server);
        for status in [401, 401, 429] {
            let _ = token(&realm, "192.0.2.1").await.is(status);
        }
    }
}

#[tokio::test]
async fn a_redis_that_is_not_ours_or_limits_that_are_none_keep_the_server_from_starting() {
    let start = |name: &str, value: &str| {
        let refused = Server::try_start(Options::default().with(name, value));
        refused
            .err()
            .unwrap_or_else(|| panic!("it started with {name}={value}"))
            .said
    };
    let said = start("CHANCERY_REDIS__URL", "http://user:a-secret@redis.example");
    assert!(said.contains("redis.url") && !said.contains("a-secret"), "{said}");
    let said = start("CHANCERY_REDIS__URL", "redis://user:a-secret@redis.example");
    assert!(said.contains("rediss://") && !said.contains("a-secret"), "{said}");
    let said = start("CHANCERY_LIMITS__BUILT_IN__SIGNIN__REQUESTS", "7");
    assert!(
        said.contains("limits.built_in") && said.contains("sign_in"),
        "{said}"
    );
    let said = start("CHANCERY_LIMITS__BUILT_IN__SIGN_IN__REQUESTS", "0");
    assert!(said.contains("sign_in"), "{said}");
    let Some(redis) = Redis::start() else { return };
    let password = unique();
    redis.require_password(&password);
    let said = start("CHANCERY_REDIS__URL", redis.url());
    assert!(said.contains("refuses us"), "{said}");
    let wrong = redis.url().replace("redis://", "redis://:another@");
    let said = start("CHANCERY_REDIS__URL", &wrong);
    assert!(said.contains("refuses us") && !said.contains("another"), "{said}");
    let right = redis.url().replace("redis://", &format!("redis://:{password}@"));
    let server = Server::start(Options::default().with("CHANCERY_REDIS__URL", &right));
    let checked = server.run(&["config", "check"]).succeeds();
    assert!(!checked.contains(&password), "{checked}");
}
