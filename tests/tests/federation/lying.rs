//! A provider that lies, is down, or is asked by the wrong one. The rule that is tried: nobody is let in, everybody is told something of use,
//! and every other way stays open.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chancery_tests::harness::{Arrival, Browser, Realm, Signer, now};
use serde_json::{Value, json};

use super::{
    Scene, alice, link,
    provider::{Conduct, Provider, Reply, sent_back},
    register,
};

/// Signed by nobody.
fn unsigned(claims: &Value, _: &Signer) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none" })), part(claims))
}

/// With the public key as if it were a secret.
fn confused(claims: &Value, signer: &Signer) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!(
        "{}.{}",
        part(&json!({ "alg": "HS256", "kid": signer.kid() })),
        part(claims)
    );
    let key = json!(signer.public_jwk()).to_string();
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
        signed.as_bytes(),
    );
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// What it does, and the status of the page that the person sees.
fn lies() -> Vec<(&'static str, Conduct, u16)> {
    let claims = |name, claims| (name, Conduct::saying(claims), 401);
    let made = |make| Conduct {
        made: Some(make),
        ..Conduct::default()
    };
    let answering = |name, path, reply| (name, Conduct::answering(path, reply), 502);
    let mut all = vec![
        claims("another issuer", json!({ "iss": "https://evil.example" })),
        claims("no issuer", json!({ "iss": null })),
        claims("another audience", json!({ "aud": "somebody-else" })),
        claims(
            "several audiences, nobody's",
            json!({ "aud": ["the-realm", "somebody-else"] }),
        ),
        claims("another party", json!({ "azp": "somebody-else" })),
        claims("another request", json!({ "nonce": "a nonce" })),
        claims("no request", json!({ "nonce": null })),
        claims("long over", json!({ "exp": now() - 600, "iat": now() - 900 })),
        claims("never over", json!({ "exp": null })),
        claims("not yet", json!({ "iat": now() + 3_600 })),
        claims("at no time", json!({ "iat": null })),
        claims("about nobody", json!({ "sub": null })),
        claims("about a number", json!({ "sub": 7 })),
        claims(
            "another access token",
            json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }),
        ),
        claims("a subject without end", json!({ "sub": "a".repeat(300) })),
        ("unsigned", made(unsigned), 401),
        ("signed with the public key", made(confused), 401),
        (
            "a key that is not its own",
            Conduct {
                foreign: true,
                ..Conduct::default()
            },
            401,
        ),
        (
            "a key of its own in the token",
            Conduct {
                header: Some(json!({ "alg": "ES256", "jwk": {} })),
                ..Conduct::default()
            },
            401,
        ),
        (
            "userinfo of somebody else",
            Conduct {
                userinfo: json!({ "sub": "mallory" }),
                ..Conduct::default()
            },
            401,
        ),
        (
            "userinfo of nobody",
            Conduct {
                userinfo: json!({ "sub": null }),
                ..Conduct::default()
            },
            401,
        ),
        answering("no tokens", "/token", Reply::With(500, String::new())),
        answering("tokens elsewhere", "/token", Reply::Redirect),
        answering("tokens without end", "/token", Reply::Huge),
        answering(
            "tokens that are none",
            "/token",
            Reply::With(200, "<html>".to_owned()),
        ),
        answering(
            "userinfo that is none",
            "/userinfo",
            Reply::With(200, "[]".to_owned()),
        ),
        answering("no userinfo", "/userinfo", Reply::With(503, String::new())),
    ];
    let refused = Reply::With(400, json!({ "error": "invalid_grant" }).to_string());
    all.push((
        "a code that it does not take",
        Conduct::answering("/token", refused),
        401,
    ));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_by_a_lie() {
    let scene = Scene::with(json!({})).await;
    let mut browser = Browser::new(&scene.realm);
    for (lie, conduct, status) in lies() {
        scene.provider.behaves(Conduct::default());
        let back = scene.comes_back(&mut browser, &alice()).await;
        scene.provider.behaves(conduct);
        let page = match browser.open(&back).await {
            Arrival::Page(page) => page,
            Arrival::Back(callback) => panic!("{lie}: let in, {}", callback.url),
        };
        assert_eq!(page.status, status, "{lie}: {}", page.text);
        // The way is open still, here and everywhere.
        let _ = link(&page, "acme");
        assert!(page.text.contains(r#"name="username""#), "{lie}");
    }
    scene.provider.behaves(Conduct::default());
    let back = scene.comes_back(&mut browser, &alice()).await;
    let _ = browser.open(&back).await.back();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_says_of_itself_is_believed_of_itself_alone() {
    for (what, metadata) in [
        ("another issuer", json!({ "issuer": "https://evil.example" })),
        ("nowhere to sign in", json!({ "authorization_endpoint": null })),
        (
            "a script",
            json!({ "authorization_endpoint": "javascript:alert(1)" }),
        ),
    ] {
        let scene = Scene::with(json!({})).await;
        scene.provider.behaves(Conduct {
            metadata,
            ..Conduct::default()
        });
        let mut browser = Browser::new(&scene.realm);
        let page = browser.open(&scene.request().url()).await.page();
        let page = browser.open(&link(&page, "acme")).await.page();
        assert_eq!(page.status, 502, "{what}: {}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_too_long_ends_and_the_others_go_on() {
    let scene = Scene::with(json!({})).await;
    let user = scene.realm.user().await;
    let mut browser = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut browser, &alice()).await;
    scene.provider.behaves(Conduct::answering("/token", Reply::Never));
    let page = browser.open(&back).await.page();
    assert_eq!(page.status, 502, "{}", page.text);
    let _ = browser.fill(&page, &user.username, &user.password).await.back();
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_a_provider_are_told_as_what_they_are() {
    let scene = Scene::with(json!({})).await;
    let issuer = scene.provider.issuer.clone();
    for (error, status, words) in [
        ("access_denied", 401, "You came back without signing in there"),
        ("temporarily_unavailable", 502, "does not answer as it should"),
        ("invalid_scope", 401, "cannot be used"),
    ] {
        let mut browser = Browser::new(&scene.realm);
        let arrived = scene.goes(&mut browser).await;
        let back = sent_back(
            &arrived,
            &[
                ("error", error),
                ("error_description", "<b>x</b>"),
                ("iss", &issuer),
            ],
        );
        let page = browser.open(&back).await.page();
        assert_eq!(page.status, status, "{error}: {}", page.text);
        assert!(
            page.text.contains(words) && !page.text.contains("<b>x"),
            "{error}: {}",
            page.text
        );
        let _ = link(&page, "acme");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_new_is_asked_for_and_many_that_are_not_there_are_not() {
    let scene = Scene::with(json!({})).await;
    let mut browser = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut browser, &alice()).await;
    let _ = browser.open(&back).await.back();
    assert_eq!(scene.provider.asked("/jwks"), 1);
    scene.provider.behaves(Conduct {
        foreign: true,
        ..Conduct::default()
    });
    for _ in 0..5 {
        let mut browser = Browser::new(&scene.realm);
        let back = scene.comes_back(&mut browser, &alice()).await;
        let _ = browser.open(&back).await.page().is(401);
    }
    assert!(
        scene.provider.asked("/jwks") <= 2,
        "at most once in half a minute"
    );
    assert_eq!(
        scene.provider.asked("/.well-known/openid-configuration"),
        1,
        "kept"
    );
    // After half a minute a key that is new is found, once it is needed.
    tokio::time::sleep(std::time::Duration::from_secs(31)).await;
    scene.provider.behaves(Conduct::default());
    scene.provider.rotates();
    let mut browser = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut browser, &alice()).await;
    let _ = browser.open(&back).await.back();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_good_once_for_its_browser_its_realm_and_its_provider() {
    let scene = Scene::with(json!({})).await;
    let second = Provider::start().await;
    let _ = register(&scene.realm, "second", &second.issuer, json!({})).await;
    let elsewhere = Realm::on(&scene.server).await;
    let _ = register(&elsewhere, "acme", &scene.provider.issuer, json!({})).await;
    scene.provider.behaves(Conduct {
        forgetful: true,
        ..Conduct::default()
    });
    let mut browser = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut browser, &alice()).await;
    // In another browser (which may hold what that browser was given in another realm, but nothing of this one).
    let stolen = Browser::new(&scene.realm).open(&back).await.page();
    assert_eq!(stolen.status, 400, "{}", stolen.text);
    // At another provider, which would redeem the code there (mix-up), and in another realm.
    for other in [
        back.replace("/identity-providers/acme/", "/identity-providers/second/"),
        back.replace(&scene.realm.name, &elsewhere.name),
    ] {
        let page = browser.clone().open(&other).await.page();
        assert_eq!(page.status, 400, "{}", page.text);
    }
    assert_eq!(second.asked("/token"), 0, "no code went to another");
    // From another issuer than the one that was asked (RFC 9207), from none, altered, or without a state.
    let issuer = format!(
        "iss={}",
        scene.provider.issuer.replace(':', "%3A").replace('/', "%2F")
    );
    assert!(back.contains(&issuer), "{back}");
    for (altered, status) in [
        (back.replace(&issuer, "iss=https%3A%2F%2Fevil.example"), 401),
        (back.replace(&issuer, "a=b"), 401),
        (back.replace("state=", "state=A"), 400),
        (back.replace("state=", "other="), 400),
    ] {
        let page = browser.clone().open(&altered).await.page();
        assert_eq!(page.status, status, "{altered}: {}", page.text);
    }
    let asked = scene.provider.asked("/token");
    assert_eq!(asked, 0, "nothing of that was redeemed");
    let first = browser.clone();
    let _ = browser.open(&back).await.back();
    // Once more, though the provider would give tokens again.
    for mut again in [browser, first] {
        let page = again.open(&back).await.page();
        assert!([400, 401].contains(&page.status), "{} {}", page.status, page.text);
    }
    assert_eq!(scene.provider.asked("/token"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_by_a_form_comes_without_cookies_and_goes_on_by_itself() {
    let scene = Scene::with(json!({ "answer_mode": "form_post", "sign_up": "create" })).await;
    let mut browser = Browser::new(&scene.realm);
    let arrived = scene.goes(&mut browser).await;
    assert_eq!(arrived.param("response_mode"), "form_post");
    let who = json!({ "sub": "apple", "email": "apple@acme.example", "email_verified": "true" });
    let back = url::Url::parse(&scene.provider.signs_in(&arrived, &who)).expect("an address");
    let mut fields: Vec<(String, String)> = back.query_pairs().into_owned().collect();
    let name = json!({ "name": { "firstName": "Ann", "lastName": "Apple" } });
    fields.push(("user".to_owned(), name.to_string()));
    let place = back.as_str().split('?').next().expect("a place").to_owned();
    // Another site posts it: the browser sends no cookie (SameSite=Lax).
    let mut other = Browser::new(&scene.realm);
    let posted = other.http().post(&place).form(&fields);
    let answer = other.send(posted).await.is(303);
    let next = answer.header("location").expect("a place").to_owned();
    let _ = browser.open(&next).await.back();
    let path = scene.realm.at("/users?q=apple@acme.example");
    let found = scene.realm.api.query(&path).await.is(200).json();
    assert_eq!(found["items"][0]["given_name"], "Ann", "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_says_that_a_provider_answered_means_nothing() {
    let scene = Scene::with(json!({})).await;
    let user = scene.realm.user().await;
    let mut browser = Browser::new(&scene.realm);
    let page = browser.open(&scene.request().url()).await.sign_in_page();
    let mut form: BTreeMap<String, String> = chancery_tests::harness::form_of(&page.text)
        .hidden
        .into_iter()
        .collect();
    form.insert("username".to_owned(), user.username.clone());
    form.insert("federated".to_owned(), "yes".to_owned());
    let fields: Vec<_> = form.into_iter().collect();
    let action = format!("{}/sign-in", scene.realm.issuer());
    let page = browser.post(&action, &fields).await.page();
    assert!(page.text.contains("name=\"password\""), "{}", page.text);
}
