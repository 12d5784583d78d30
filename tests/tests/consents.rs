//! What a person allowed an application, by a browser and by a device: remembered, read, and withdrawn with effect on all that it gave. The
//! rule: it takes no longer than a second, and nobody else loses anything.

use std::time::{Duration, Instant};

use chancery_tests::harness::{
    Answer, Application, Arrival, Authorization, Browser, Realm, Tokens, User, eventually, form_of, shared,
};
use serde_json::{Value, json};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The platform's mark.
const SOON: Duration = Duration::from_secs(1);
const SCOPES: &str = "openid offline_access orders:read";

struct Scene {
    realm: Realm,
    alice: User,
    resource: Application,
}

/// What somebody's tokens are worth: the access token at introspection and at userinfo, the refresh token at introspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Worth {
    active: bool,
    userinfo: u16,
    refreshable: bool,
}

const GOOD: Worth = Worth {
    active: true,
    userinfo: 200,
    refreshable: true,
};
const VOID: Worth = Worth {
    active: false,
    userinfo: 401,
    refreshable: false,
};

impl Scene {
    async fn new() -> Self {
        let realm = Realm::on(&shared()).await;
        Self {
            alice: realm.user().await,
            resource: realm.application("service").await,
            realm,
        }
    }

    async fn stranger(&self, kind: &str) -> Application {
        let mut settings = json!({ "consent_required": true, "scopes": ["orders:read"] });
        if kind == "device" {
            settings["redirect_uris"] = json!([]);
            settings["post_logout_redirect_uris"] = json!([]);
        }
        self.realm.application_with(kind, settings).await
    }

    /// Whether an application that authenticates may be told of its own refresh token.
    async fn worth(&self, application: &Application, tokens: &Tokens) -> Worth {
        let active = self.realm.is_active(&self.resource, &tokens.access).await;
        let refreshable = match &application.secret {
            Some(_) => self.realm.is_active(application, tokens.refresh()).await,
            // A public one is told nothing: what its refresh token is worth, using it tells.
            None => active,
        };
        let userinfo = self.realm.userinfo(&tokens.access).await.status;
        Worth {
            active,
            userinfo,
            refreshable,
        }
    }

    /// Alice signs in to an application that asks her, and allows it what it asks for.
    async fn allows(&self, browser: &mut Browser, application: &Application) -> Tokens {
        let request = Authorization::new(&self.realm, application, SCOPES);
        let page = browser.open(&request.url()).await.sign_in_page();
        let asked = browser
            .fill(&page, &self.alice.username, &self.alice.password)
            .await
            .page();
        let callback = answer(browser, &asked, "allow").await.back();
        Tokens::from(self.realm.redeem(application, callback.code(), &request).await)
    }

    /// A device asks, and Alice types its code: what it was told, and the page that asks her.
    async fn types_the_code(&self, browser: &mut Browser, device: &Application) -> (Answer, Answer) {
        let form = [("scope", SCOPES)];
        let asked = self
            .realm
            .ask("device_authorization", device, &form)
            .await
            .is(200);
        let complete = asked.field("verification_uri_complete");
        let page = browser.open(&complete).await.sign_in_page();
        let (username, password) = (&self.alice.username, &self.alice.password);
        let page = browser.fill(&page, username, password).await.page();
        let entry = [("user_code".to_owned(), asked.field("user_code"))];
        let page = browser.post(&form_of(&page.text).action, &entry).await.page();
        (asked, page)
    }

    async fn polls(&self, device: &Application, asked: &Answer) -> Answer {
        let code = asked.field("device_code");
        let form = [("grant_type", DEVICE_CODE), ("device_code", &*code)];
        self.realm.token(device, &form).await
    }

    async fn consents(&self) -> Vec<Value> {
        let path = self.realm.at(&format!("/users/{}/consents", self.alice.id));
        self.realm.api.query(&path).await.is(200).items()
    }

    async fn listed(&self, application: &Application) -> Value {
        eventually("the consent is listed", async || {
            let mut listed = self.consents().await.into_iter();
            listed.find(|consent| consent["application"] == application.id)
        })
        .await
    }

    /// An administrator withdraws it, and all that it gave is void within a second.
    async fn withdraw(&self, application: &Application, tokens: &Tokens) {
        let path = format!("/users/{}/consents/{}", self.alice.id, application.id);
        let path = self.realm.at(&path);
        let answer = self.realm.api.delete(&path).await.is(200).json();
        assert_eq!(answer["events"], json!(["consent.withdrawn"]));
        let withdrawn = Instant::now();
        while self.worth(application, tokens).await != VOID {
            assert!(withdrawn.elapsed() < SOON, "it is good still");
        }
        let refused = self.realm.refresh(application, tokens.refresh()).await;
        let _ = refused.is_oauth_error(400, "invalid_grant");
        let again = self.realm.api.delete(&path).await.is(200).json();
        assert_eq!(again["events"], json!([]), "once is enough");
        eventually("it is not listed", async || {
            let listed = self.consents().await;
            listed
                .iter()
                .all(|consent| consent["application"] != application.id)
                .then_some(())
        })
        .await;
    }
}

/// Presses one of the two buttons of a page that asks.
async fn answer(browser: &mut Browser, page: &Answer, decision: &str) -> Arrival {
    let form = form_of(&page.text);
    let mut fields = form.hidden;
    fields.push(("decision".to_owned(), decision.to_owned()));
    browser.post(&form.action, &fields).await
}

#[tokio::test]
async fn withdrawing_ends_within_a_second_what_the_application_got_and_nothing_of_another() {
    let scene = Scene::new().await;
    let (first, second) = (scene.stranger("web").await, scene.stranger("web").await);
    let mut browser = Browser::new(&scene.realm);
    let tokens = scene.allows(&mut browser, &first).await;
    let others = scene.allows(&mut Browser::new(&scene.realm), &second).await;
    for (application, tokens) in [(&first, &tokens), (&second, &others)] {
        assert_eq!(scene.worth(application, tokens).await, GOOD);
    }
    let listed = scene.listed(&first).await;
    assert_eq!(
        listed["scopes"],
        json!(["offline_access", "openid", "orders:read"])
    );

    // A code that was sent before is worth nothing after.
    let request = Authorization::new(&scene.realm, &first, SCOPES);
    let unused = browser.open(&request.url()).await.back();
    scene.withdraw(&first, &tokens).await;
    let late = scene.realm.redeem(&first, unused.code(), &request).await;
    let _ = late.is_oauth_error(400, "invalid_grant");
    assert_eq!(scene.worth(&second, &others).await, GOOD, "nobody else's");

    // The session goes on, and the application has to ask again.
    let silent = Authorization::new(&scene.realm, &first, SCOPES).with("prompt", "none");
    let refused = browser.open(&silent.url()).await.back();
    assert_eq!(refused.param("error"), "consent_required");
    let request = Authorization::new(&scene.realm, &first, SCOPES);
    let asked = browser.open(&request.url()).await.page().is(200);
    let callback = answer(&mut browser, &asked, "allow").await.back();
    let anew = Tokens::from(scene.realm.redeem(&first, callback.code(), &request).await);
    assert_eq!(scene.worth(&first, &anew).await, GOOD);
    assert_eq!(
        scene.worth(&first, &tokens).await,
        VOID,
        "what was void stays void"
    );
}

#[tokio::test]
async fn what_is_allowed_on_a_device_is_a_consent_and_withdrawn_like_one() {
    let scene = Scene::new().await;
    let device = scene.stranger("device").await;
    let mut browser = Browser::new(&scene.realm);
    let (asked, page) = scene.types_the_code(&mut browser, &device).await;
    assert!(scene.consents().await.is_empty(), "nothing was allowed yet");
    let _ = answer(&mut browser, &page, "allow").await.page().is(200);
    let tokens = Tokens::from(scene.polls(&device, &asked).await);
    assert_eq!(scene.worth(&device, &tokens).await, GOOD);
    let listed = scene.listed(&device).await;
    assert_eq!(
        listed["scopes"],
        json!(["offline_access", "openid", "orders:read"])
    );
    scene.withdraw(&device, &tokens).await;
}

#[tokio::test]
async fn who_refuses_a_device_has_allowed_nothing() {
    let scene = Scene::new().await;
    let device = scene.stranger("device").await;
    let mut browser = Browser::new(&scene.realm);
    let (asked, page) = scene.types_the_code(&mut browser, &device).await;
    let page = answer(&mut browser, &page, "deny").await.page().is(200);
    assert!(page.text.contains("was refused"), "{}", page.text);
    let refused = scene.polls(&device, &asked).await;
    let _ = refused.is_oauth_error(400, "access_denied");
    let path = format!("/users/{}/consents/{}", scene.alice.id, device.id);
    let none = scene.realm.api.delete(&scene.realm.at(&path)).await;
    let _ = none.is_problem(404, "not_found");
}
