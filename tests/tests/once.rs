//! What is good once is good once: for a hundred who use it at the same moment, and across a restart, since the log keeps what was used up.

use chancery_tests::harness::{
    Answer, Application, Authorization, Browser, Options, Realm, Server, Signer, User, at_once, form_of,
};
use reqwest::RequestBuilder;
use serde_json::json;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const PARTNER: &str = "https://partner.example";

/// Who uses things in these tests.
struct Cast {
    realm: Realm,
    alice: User,
    web: Application,
    device: Application,
    service: Application,
    signing: Application,
    key: Signer,
}

impl Cast {
    async fn on(server: &Server) -> Self {
        let (realm, key) = (Realm::on(server).await, Signer::default());
        let trusted = json!({
            "issuer": PARTNER, "jwks": key.jwks(), "subject": "username", "applications": ["*"],
            "scopes": ["openid", "orders:read"],
        });
        realm
            .set(json!({ "oauth": { "trusted_issuers": [trusted] } }))
            .await;
        let signing = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks() });
        Self {
            alice: realm.user().await,
            web: realm.application("web").await,
            device: realm
                .application_with(
                    "device",
                    json!({ "redirect_uris": [], "post_logout_redirect_uris": [] }),
                )
                .await,
            service: realm
                .application_with("service", json!({ "scopes": ["orders:read"] }))
                .await,
            signing: realm.application_with("service", signing).await,
            realm,
            key,
        }
    }

    fn at_token(&self) -> RequestBuilder {
        self.realm.api.http().post(self.realm.endpoint("token"))
    }

    /// One request for each thing that is good once, each with a new one of it.
    async fn requests(&self) -> Vec<(&'static str, RequestBuilder)> {
        let own = [("grant_type", "client_credentials")];
        let token = self.realm.endpoint("token");
        let assertion = self
            .key
            .client_assertion(&self.signing.client_id, &self.realm.issuer());
        let signed = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion.as_str()),
        ];
        let vouched = self
            .key
            .grant_assertion(PARTNER, &self.alice.username, &self.realm.issuer());
        let bearer = [("grant_type", JWT_BEARER), ("assertion", vouched.as_str())];
        vec![
            ("a code", self.code().await),
            ("a refresh token", self.refresh_token().await),
            ("a device code", self.device_code().await),
            (
                "a DPoP proof",
                self.service
                    .authenticate(self.at_token(), &own)
                    .header("dpop", self.key.proof("POST", &token)),
            ),
            ("a client assertion", self.at_token().form(&signed)),
            (
                "an assertion",
                self.service.authenticate(self.at_token(), &bearer),
            ),
        ]
    }

    async fn code(&self) -> RequestBuilder {
        let request = Authorization::new(&self.realm, &self.web, "openid");
        let callback = Browser::new(&self.realm).sign_in(&request, &self.alice).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", callback.code()),
            ("redirect_uri", &self.web.redirect_uri),
            ("code_verifier", &request.verifier),
        ];
        self.web.authenticate(self.at_token(), &form)
    }

    async fn refresh_token(&self) -> RequestBuilder {
        let tokens = self
            .realm
            .sign_in(&self.web, &self.alice, "openid offline_access")
            .await;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh()),
        ];
        self.web.authenticate(self.at_token(), &form)
    }

    /// A device that alice approved.
    async fn device_code(&self) -> RequestBuilder {
        let asked = self
            .realm
            .ask("device_authorization", &self.device, &[("scope", "openid")])
            .await
            .is(200);
        let mut browser = Browser::new(&self.realm);
        let page = browser
            .open(&asked.field("verification_uri_complete"))
            .await
            .sign_in_page();
        let page = browser
            .fill(&page, &self.alice.username, &self.alice.password)
            .await
            .page();
        let entry = [("user_code".to_owned(), asked.field("user_code"))];
        let page = browser.post(&form_of(&page.text).action, &entry).await.page();
        let form = form_of(&page.text);
        let mut fields = form.hidden;
        fields.push(("decision".to_owned(), "allow".to_owned()));
        let _ = browser.post(&form.action, &fields).await.page().is(200);
        let form = [
            ("grant_type", DEVICE_CODE),
            ("device_code", &*asked.field("device_code")),
        ];
        self.device.authenticate(self.at_token(), &form)
    }
}

/// The same request once more.
fn again(request: &RequestBuilder) -> RequestBuilder {
    request
        .try_clone()
        .unwrap_or_else(|| panic!("a stream: {request:?}"))
}

/// How many of a hundred at once succeed; the others are refused, and nothing breaks.
async fn successes(what: &str, request: &RequestBuilder) -> usize {
    let answers = at_once(100, |_| Answer::to(again(request))).await;
    let odd = answers
        .iter()
        .find(|answer| ![200, 400, 401].contains(&answer.status));
    assert!(odd.is_none(), "{what}: {odd:?}");
    answers.iter().filter(|answer| answer.status == 200).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_good_once_is_good_once_for_a_hundred_also_across_a_restart() {
    let mut server = Server::start(Options::default());
    let cast = Cast::on(&server).await;
    let used = cast.requests().await;
    for (what, request) in &used {
        assert_eq!(successes(what, request).await, 1, "{what}");
    }
    let kept = cast.requests().await;
    server.kill();
    let _server = server.restart();
    for (what, request) in &used {
        let answer = Answer::to(again(request)).await;
        assert!(
            [400, 401].contains(&answer.status),
            "{what} was used before: {answer:?}"
        );
    }
    for (what, request) in &kept {
        assert_eq!(successes(what, request).await, 1, "{what}, after the restart");
    }
}
