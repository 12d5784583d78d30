//! A realm as the provider of another one, on the same server: the whole way, as people go it.

use chancery_tests::harness::{Arrival, Authorization, Browser, Options, Realm, Server, Tokens, payload_of};
use serde_json::{Value, json};

use super::{events, identities, link, register, server};

/// The provider, with an application for the other realm.
async fn at_home(home: &Realm, work: &Realm, settings: Value) -> (String, Option<String>) {
    let redirect_uri = format!("{}/identity-providers/home/callback", work.issuer());
    let mut body = json!({ "name": "Work", "type": "web", "redirect_uris": [redirect_uri] });
    body.as_object_mut()
        .expect("an object")
        .extend(settings.as_object().expect("an object").clone());
    let made = home.api.post(&home.at("/applications"), body).await.is(201);
    let secret = made.json()["client_secret"].as_str().map(str::to_owned);
    (made.field("client_id"), secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_one_realm_becomes_a_user_of_another_and_comes_back_as_the_same() {
    let server = server();
    let (home, work) = (Realm::on(&server).await, Realm::on(&server).await);
    let (client_id, secret) = at_home(&home, &work, json!({})).await;
    let settings = json!({ "preset": "chancery", "client_id": client_id, "client_secret": secret });
    let provider = register(&work, "home", &home.issuer(), settings).await;
    let person = home
        .user_with(json!({ "email_verified": true, "given_name": "Ada", "locale": "en-GB" }))
        .await;
    let application = work.application("web").await;
    let mut subjects = Vec::new();
    for _ in 0..2 {
        let mut browser = Browser::new(&work);
        let request = Authorization::new(&work, &application, "openid email profile");
        let page = browser.open(&request.url()).await.page();
        assert!(
            page.text.contains("Continue with Acme &#38; Sons"),
            "{}",
            page.text
        );
        let page = browser.open(&link(&page, "home")).await.sign_in_page();
        assert!(page.asked.contains(&home.name), "{}", page.asked);
        let callback = browser
            .fill(&page, &person.username, &person.password)
            .await
            .back();
        assert_eq!(callback.param("state"), request.state);
        let tokens = Tokens::from(work.redeem(&application, callback.code(), &request).await);
        let claims = payload_of(tokens.id());
        assert_eq!(
            (&claims["amr"], &claims["acr"]),
            (&json!(["fed"]), &json!("urn:chancery:acr:aal1"))
        );
        let told = work.userinfo(&tokens.access).await.is(200).json();
        assert_eq!(
            (&told["email"], &told["email_verified"], &told["given_name"]),
            (&json!(person.email), &json!(true), &json!("Ada"))
        );
        subjects.push(claims["sub"].as_str().expect("a subject").to_owned());
    }
    assert_eq!(subjects[0], subjects[1]);
    let theirs = identities(&work, &subjects[0]).await;
    assert_eq!(theirs.len(), 1);
    assert_eq!(
        (&theirs[0]["provider"], &theirs[0]["issuer"], &theirs[0]["name"]),
        (&json!(provider), &json!(home.issuer()), &json!(person.email))
    );
    assert_eq!(theirs[0]["subject"], person.id);
    assert!(theirs[0]["last_used_at"].is_string());
    let facts = events(&work, "facts").await;
    let registered = facts.iter().filter(|name| *name == "user.registered").count();
    assert_eq!(registered, 1, "{facts:?}");
    // What the provider is configured with is shown, but for the secret.
    let shown = work
        .api
        .query(&work.at(&format!("/identity-providers/{provider}")))
        .await
        .is(200);
    assert_eq!(shown.json()["client_id"], client_id);
    assert!(shown.json()["secret_set_at"].is_string());
    assert!(!shown.text.contains(&secret.expect("a secret")), "{}", shown.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_shows_its_own_key_to_a_provider_that_takes_no_secret() {
    let server = server();
    let (home, work) = (Realm::on(&server).await, Realm::on(&server).await);
    let keys = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": work.endpoint("jwks") });
    let (client_id, _) = at_home(&home, &work, keys).await;
    let body = json!({
        "preset": "chancery", "alias": "home", "issuer": home.issuer(), "client_id": client_id,
        "client_authentication": "private_key_jwt", "sign_up": "create",
    });
    let _ = work.api.post(&work.at("/identity-providers"), body).await.is(201);
    let person = home.user_with(json!({ "email_verified": true })).await;
    let application = work.application("web").await;
    let request = Authorization::new(&work, &application, "openid");
    let mut browser = Browser::new(&work);
    let page = browser.open(&request.url()).await.page();
    let page = browser.open(&link(&page, "home")).await.sign_in_page();
    let callback = browser
        .fill(&page, &person.username, &person.password)
        .await
        .back();
    let _ = work.redeem(&application, callback.code(), &request).await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_factors_there_are_one_here_unless_the_realm_believes_them() {
    let server = server();
    let (home, work) = (Realm::on(&server).await, Realm::on(&server).await);
    let (client_id, secret) = at_home(&home, &work, json!({})).await;
    let settings = json!({ "client_id": client_id, "client_secret": secret, "multi_factor_amr": ["pwd"] });
    let provider = register(&work, "home", &home.issuer(), settings).await;
    work.set(json!({ "mfa": { "policy": "required" } })).await;
    let person = home.user_with(json!({ "email_verified": true })).await;
    let application = work.application("web").await;
    let arrives = async || {
        let mut browser = Browser::new(&work);
        let request = Authorization::new(&work, &application, "openid");
        let page = browser.open(&request.url()).await.page();
        let page = browser.open(&link(&page, "home")).await.sign_in_page();
        (
            browser.fill(&page, &person.username, &person.password).await,
            request,
        )
    };
    let (arrived, request) = arrives().await;
    let tokens = work.redeem(&application, arrived.back().code(), &request).await;
    let claims = payload_of(Tokens::from(tokens).id());
    assert_eq!(claims["acr"], "urn:chancery:acr:aal2", "{claims}");
    let path = work.at(&format!("/identity-providers/{provider}"));
    let _ = work
        .api
        .patch(&path, json!({ "multi_factor_amr": [] }))
        .await
        .is(200);
    let (arrived, _) = arrives().await;
    match arrived {
        // A second factor of this realm is to be set up.
        Arrival::Page(page) => assert!(
            page.status == 200 && page.text.contains("name=\"code\""),
            "{}",
            page.text
        ),
        Arrival::Back(callback) => panic!("let in: {}", callback.url),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_on_a_private_network_is_not_asked_unless_the_operator_allows_it() {
    let server = Server::start(Options::default());
    let (home, work) = (Realm::on(&server).await, Realm::on(&server).await);
    let _ = register(&work, "home", &home.issuer(), json!({})).await;
    let user = work.user().await;
    let application = work.application("web").await;
    let request = Authorization::new(&work, &application, "openid");
    let mut browser = Browser::new(&work);
    let page = browser.open(&request.url()).await.page();
    let page = browser.open(&link(&page, "home")).await.page().is(502);
    assert!(page.text.contains("does not answer"), "{}", page.text);
    assert!(!page.text.contains(&home.name), "where it is is nobody's affair");
    // Every other way stays open.
    let _ = browser.fill(&page, &user.username, &user.password).await.back();
    assert!(
        events(&work, "activity")
            .await
            .contains(&"login.failed".to_owned())
    );
}
