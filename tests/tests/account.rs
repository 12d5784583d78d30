//! The account pages from outside, as a browser without script uses them. The rule: what is taken away there ends within a second, on every
//! node, and nothing else does.

use std::time::{Duration, Instant};

use chancery_tests::harness::{Answer, Authorization, Browser, Realm, Tokens, User, form_of, shared};
use serde_json::json;

/// The platform's mark.
const SOON: Duration = Duration::from_secs(1);
const SCOPES: &str = "openid email offline_access orders:read";

/// Alice signs in to an application that asks her, and allows it what it asks for.
async fn allows(
    realm: &Realm,
    browser: &mut Browser,
    alice: &User,
    application: &chancery_tests::harness::Application,
) -> Tokens {
    let request = Authorization::new(realm, application, SCOPES);
    let page = browser.open(&request.url()).await.page();
    let asked = if page.asked.contains("/consent") {
        page
    } else {
        browser.fill(&page, &alice.username, &alice.password).await.page()
    };
    let form = form_of(&asked.text);
    let mut fields = form.hidden;
    fields.push(("decision".to_owned(), "allow".to_owned()));
    let callback = browser.post(&form.action, &fields).await.back();
    Tokens::from(realm.redeem(application, callback.code(), &request).await)
}

/// The page says what was done, and is none of trouble.
#[track_caller]
fn says(page: Answer, what: &str) -> Answer {
    let page = page.is(200);
    assert!(page.text.contains(what), "{what}: {}", page.text);
    page
}

#[tokio::test]
async fn what_a_person_withdraws_ends_within_a_second_and_nothing_else_does() {
    let realm = Realm::on(&shared()).await;
    let (alice, resource) = (realm.user().await, realm.application("service").await);
    let asking = |name: &str| json!({"name": name, "consent_required": true, "scopes": ["orders:read"]});
    let first = realm.application_with("web", asking("The Shop")).await;
    let second = realm.application_with("web", asking("The News")).await;
    let mut browser = Browser::new(&realm);
    let tokens = allows(&realm, &mut browser, &alice, &first).await;
    let others = allows(&realm, &mut browser, &alice, &second).await;
    let is_good = async |application, tokens: &Tokens| {
        realm.is_active(&resource, &tokens.access).await
            && realm.is_active(application, tokens.refresh()).await
            && realm.userinfo(&tokens.access).await.status == 200
    };
    assert!(is_good(&first, &tokens).await && is_good(&second, &others).await);

    let page = browser.account(&realm, "/applications", &alice).await;
    let page = says(page, "Use “orders:read” in your name");
    assert!(page.text.contains("The News"));
    let page = browser.press(&page, "access of The Shop", &[]).await.page();
    let withdrawn = Instant::now();
    let page = says(page, "The access was withdrawn");
    assert!(
        !page.text.contains("The Shop") && page.text.contains("The News"),
        "{}",
        page.text
    );
    loop {
        let access = realm.is_active(&resource, &tokens.access).await;
        let refresh = realm.is_active(&first, tokens.refresh()).await;
        let userinfo = realm.userinfo(&tokens.access).await.status;
        if (access, refresh, userinfo) == (false, false, 401) {
            break;
        }
        assert!(
            withdrawn.elapsed() < SOON,
            "it is good still: {access} {refresh} {userinfo}"
        );
    }
    let refused = realm.refresh(&first, tokens.refresh()).await;
    let _ = refused.is_oauth_error(400, "invalid_grant");
    assert!(is_good(&second, &others).await, "nobody else's");
    // The person goes on being signed in, and the application has to ask again.
    let again = Authorization::new(&realm, &first, SCOPES).with("prompt", "none");
    let refused = browser.open(&again.url()).await.back();
    assert_eq!(refused.param("error"), "consent_required");
    let told = realm.events("facts", "&type=consent.withdrawn").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["actor"]["user"], alice.id.as_str(), "{}", told[0]);
}
