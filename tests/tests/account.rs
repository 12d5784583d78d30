//! The account pages from outside, as a browser without script uses them. The rule: what is taken away there ends within a second, on every
//! node, and nothing else does.

use std::time::{Duration, Instant};

use chancery_tests::harness::{
    Answer, Authorization, Browser, HtmlForm, Realm, Tokens, User, eventually, form_of, forms_of, shared,
};
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
    let page = browser
        .press(&page, "Withdraw access: The Shop", &[])
        .await
        .page();
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

/// Whether a browser is let in without being asked who it is.
async fn is_in(realm: &Realm, browser: &mut Browser) -> bool {
    let page = browser.open(&realm.at("/account")).await.page();
    page.asked.ends_with("/account")
}

#[tokio::test]
async fn who_signs_out_elsewhere_or_chooses_another_password_stays_where_they_are() {
    let realm = Realm::on(&shared()).await;
    let (alice, application) = (realm.user().await, realm.application("web").await);
    let resource = realm.application("service").await;
    let (mut here, mut there) = (Browser::new(&realm), Browser::new(&realm));
    let scope = "openid offline_access";
    let kept = realm.sign_in_with(&mut here, &application, &alice, scope).await;
    let others = realm.sign_in_with(&mut there, &application, &alice, scope).await;
    let is_good = async |tokens: &Tokens| realm.is_active(&resource, &tokens.access).await;

    let page = here.account(&realm, "/sessions", &alice).await;
    let page = says(page, "This one");
    assert!(
        page.text.contains("The web application") && page.text.contains("127.0.0.1"),
        "{}",
        page.text
    );
    let page = here.press(&page, "Sign out everywhere else", &[]).await.page();
    let ended = Instant::now();
    let _ = says(page, "You are signed out everywhere else");
    while is_good(&others).await {
        assert!(ended.elapsed() < SOON, "it is good still");
    }
    assert!(is_in(&realm, &mut here).await && !is_in(&realm, &mut there).await);
    assert!(is_good(&kept).await);

    let _ = there.account(&realm, "", &alice).await.is(200);
    let page = here.account(&realm, "/password", &alice).await;
    let new = "a river of green ink at noon";
    let typed = [("new_password", new), ("repeated", new)];
    let page = here
        .press(&page, "Change the password and save", &typed)
        .await
        .page();
    let _ = says(page, "Your password is changed");
    assert!(is_in(&realm, &mut here).await && !is_in(&realm, &mut there).await);
    assert!(is_good(&kept).await, "what this session gave goes on");
    assert!(
        !realm
            .lets_in(&application, &alice.username, &alice.password)
            .await
    );
    assert!(realm.lets_in(&application, &alice.username, new).await);
    // The one that goes on is told to stand, the others to have ended.
    let path = realm.at(&format!("/users/{}/sessions?active=true", alice.id));
    let standing = eventually("the sessions are listed", async || {
        let listed = realm.api.query(&path).await.is(200).items();
        (listed.len() == 2).then_some(listed)
    });
    assert_eq!(standing.await.len(), 2, "this one, and the last sign-in");
}

#[tokio::test]
async fn a_device_is_listed_named_and_revoked_by_its_user_and_by_an_administrator() {
    let realm = Realm::on(&shared()).await;
    let (alice, application) = (realm.user().await, realm.application("web").await);
    let resource = realm.application("service").await;
    let (mut here, mut there) = (Browser::new(&realm), Browser::new(&realm));
    let scope = "openid offline_access";
    let tokens = realm.sign_in_with(&mut there, &application, &alice, scope).await;
    let page = here.account(&realm, "/devices", &alice).await;
    let page = says(page, "This one");
    let path = realm.at(&format!("/users/{}/devices", alice.id));
    let listed = eventually("the devices are listed", async || {
        let listed = realm.api.query(&path).await.is(200).items();
        (listed.len() == 2).then_some(listed)
    })
    .await;
    // The last form is of the device that was seen before this one.
    let (far, near) = (listed[0]["id"].clone(), listed[1]["id"].clone());
    let id = far.as_str().unwrap_or_default();
    let field = form_fields(&page, id);
    let named = [
        &field[..],
        &[
            ("rename".to_owned(), id.to_owned()),
            ("name".to_owned(), "Kitchen".to_owned()),
        ],
    ]
    .concat();
    let page = here.post(&realm.at("/account/devices"), &named).await.page();
    let page = says(page, "Kitchen");
    let revoke = [
        &form_fields(&page, id)[..],
        &[("revoke".to_owned(), id.to_owned())],
    ]
    .concat();
    let page = here.post(&realm.at("/account/devices"), &revoke).await.page();
    let revoked = Instant::now();
    let _ = says(page, "The device is revoked");
    while realm.is_active(&resource, &tokens.access).await {
        assert!(revoked.elapsed() < SOON, "it is good still");
    }
    assert!(!is_in(&realm, &mut there).await && is_in(&realm, &mut here).await);
    let refused = realm.refresh(&application, tokens.refresh()).await;
    let _ = refused.is_oauth_error(400, "invalid_grant");

    let near = near.as_str().unwrap_or_default();
    let answer = realm.api.delete(&format!("{path}/{near}")).await.is(200).json();
    assert_eq!(answer["events"], json!(["known_device.revoked", "session.ended"]));
    assert!(!is_in(&realm, &mut here).await);
    let _ = realm
        .api
        .delete(&format!("{path}/{near}"))
        .await
        .is_problem(404, "not_found");
    eventually("none is listed", async || {
        let listed = realm.api.query(&path).await.is(200).items();
        listed.is_empty().then_some(())
    })
    .await;
}

/// The hidden fields of the forms of a page that hold this id.
fn form_fields(page: &Answer, id: &str) -> Vec<(String, String)> {
    let holds = |form: &HtmlForm| {
        form.buttons
            .iter()
            .any(|button| button.field.as_ref().is_some_and(|(_, value)| value == id))
    };
    let form = forms_of(&page.text).into_iter().find(holds);
    form.unwrap_or_else(|| panic!("{id} is not on {}", page.text))
        .hidden
}

#[tokio::test]
async fn people_change_what_the_realm_lets_them_change_of_themselves() {
    let realm = Realm::on(&shared()).await;
    let attributes = json!({
        "department": { "type": "string", "one_of": ["Sales", "Research"], "editable": true },
        "grade": { "type": "string" },
    });
    realm
        .set(json!({ "registration": { "attributes": attributes, "username_changes": true } }))
        .await;
    let (alice, bob) = (realm.user().await, realm.user().await);
    let mut browser = Browser::new(&realm);
    let page = browser.account(&realm, "/profile", &alice).await;
    assert!(!page.text.contains("grade"), "{}", page.text);
    let typed = [
        ("name", "Alice Liddell"),
        ("attribute.department", "Research"),
        ("attribute.grade", "9"),
        ("email", "other@example.test"),
    ];
    let page = browser.press(&page, "Save", &typed).await.page();
    let page = says(page, "Your profile is changed");
    let path = realm.at(&format!("/users/{}", alice.id));
    let user = eventually("the profile is read", async || {
        let user = realm.api.query(&path).await.is(200).json();
        (user["name"] == "Alice Liddell").then_some(user)
    })
    .await;
    assert_eq!(user["attributes"], json!({ "department": "Research" }));
    assert_eq!(user["email"], alice.email.as_str());
    // What is wrong is told at its field, and somebody else's name is nobody's to take.
    for (typed, said) in [
        (
            [("zoneinfo", "in the north"), ("name", "x")],
            "This is not a time zone",
        ),
        (
            [("username", bob.username.as_str()), ("name", "x")],
            "Somebody else has this name",
        ),
        (
            [("attribute.department", "Kitchen"), ("name", "x")],
            "aria-invalid",
        ),
    ] {
        let answer = browser.press(&page, "Save", &typed).await.page().is(422);
        assert!(answer.text.contains(said), "{said}: {}", answer.text);
    }
    let user = realm.api.query(&path).await.is(200).json();
    assert_eq!(user["name"], "Alice Liddell");
}
