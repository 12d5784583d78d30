//! The FAPI 2.0 Security Profile, set on an application or on its realm: whatever is weaker is refused, one thing at a time, and the same
//! request with nothing changed goes through. (That ordinary client libraries get through is in `examples.rs` and `journeys.rs`.)

use chancery_tests::harness::{
    Answer, Application, Authorization, Browser, Callback, Realm, Signer, User, payload_of, proof_claims,
    shared,
};
use serde_json::{Value, json};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An application that keeps the profile, and its key.
struct Strict {
    realm: Realm,
    application: Application,
    key: Signer,
    alice: User,
}

type Form = Vec<(String, String)>;

impl Strict {
    /// The profile is set on the application, or on the realm.
    async fn new(on_realm: bool) -> Self {
        let realm = Realm::on(&shared()).await;
        let key = Signer::default();
        let mut settings = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks() });
        if on_realm {
            realm
                .set(json!({ "oauth": { "security_profile": "fapi2" } }))
                .await;
        } else {
            settings["security_profile"] = json!("fapi2");
        }
        Self {
            application: realm.application_with("web", settings).await,
            alice: realm.user().await,
            realm,
            key,
        }
    }

    fn assertion(&self) -> String {
        self.key
            .client_assertion(&self.application.client_id, &self.realm.issuer())
    }

    fn authenticated(&self, form: &[(String, String)]) -> Form {
        let mut form = form.to_vec();
        form.push(("client_assertion_type".to_owned(), ASSERTION_TYPE.to_owned()));
        form.push(("client_assertion".to_owned(), self.assertion()));
        form
    }

    fn asks(&self) -> Authorization {
        Authorization::new(&self.realm, &self.application, "openid offline_access")
    }

    /// A form at an endpoint, with a proof of a key or without.
    async fn post(&self, endpoint: &str, form: &[(String, String)], proof: Option<&Signer>) -> Answer {
        let address = self.realm.endpoint(endpoint);
        let mut request = self.realm.api.http().post(&address).form(form);
        if let Some(key) = proof {
            request = request.header("dpop", key.proof("POST", &address));
        }
        Answer::to(request).await
    }

    async fn push(&self, request: &Authorization) -> Answer {
        let params = self.authenticated(request.params());
        self.post("par", &params, None).await
    }

    /// Alice goes through a request that was pushed.
    async fn back(&self, pushed: &Answer) -> Callback {
        let params = [
            ("client_id", &*self.application.client_id),
            ("request_uri", &*pushed.field("request_uri")),
        ];
        let url = url::Url::parse_with_params(&self.realm.endpoint("authorize"), params);
        let url = url.unwrap_or_else(|error| panic!("{error}"));
        let mut browser = Browser::new(&self.realm);
        let page = browser.open(url.as_str()).await.sign_in_page();
        let (username, password) = (&self.alice.username, &self.alice.password);
        browser.fill(&page, username, password).await.back()
    }

    fn redemption(&self, callback: &Callback, request: &Authorization) -> Form {
        [
            ("grant_type", "authorization_code"),
            ("code", callback.code()),
            ("redirect_uri", &self.application.redirect_uri),
            ("code_verifier", &request.verifier),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// A code that is good.
    async fn code(&self) -> (Callback, Authorization) {
        let request = self.asks();
        let pushed = self.push(&request).await.is(201);
        (self.back(&pushed).await, request)
    }
}

#[tokio::test]
async fn a_request_is_pushed_with_pkce_by_a_client_that_signs() {
    for on_realm in [false, true] {
        let strict = Strict::new(on_realm).await;
        // Not pushed, however good: the application is told.
        let back = Browser::new(&strict.realm)
            .open(&strict.asks().url())
            .await
            .back();
        assert_eq!(back.param("error"), "invalid_request");

        let pushed = strict.push(&strict.asks()).await.is(201).json();
        assert!(
            pushed["expires_in"].as_u64().is_some_and(|seconds| seconds < 600),
            "FAPI 2.0, 5.3.2.2: less than 600 seconds"
        );
        for (how, request, error) in [
            (
                "without PKCE",
                strict
                    .asks()
                    .without("code_challenge")
                    .without("code_challenge_method"),
                "invalid_request",
            ),
            (
                "with PKCE in the clear",
                strict.asks().with("code_challenge_method", "plain"),
                "invalid_request",
            ),
            (
                "a redirect URI that was not registered",
                strict.asks().with("redirect_uri", "https://evil.example/cb"),
                "invalid_request",
            ),
            (
                "an implicit grant",
                strict.asks().with("response_type", "token"),
                "unsupported_response_type",
            ),
            (
                "a hybrid one",
                strict.asks().with("response_type", "code id_token"),
                "unsupported_response_type",
            ),
        ] {
            eprintln!("{how}");
            let _ = strict.push(&request).await.is_oauth_error(400, error);
        }
    }
}

#[tokio::test]
async fn a_client_shows_who_it_is_by_its_key_and_in_no_other_way() {
    for on_realm in [false, true] {
        let strict = Strict::new(on_realm).await;
        let (client, issuer) = (&strict.application.client_id, strict.realm.issuer());
        let token_endpoint = strict.realm.endpoint("token");
        let assertion = |claims: &Value| {
            strict
                .key
                .sign(&strict.key.header("client-authentication+jwt"), claims)
        };
        let good = || chancery_tests::harness::assertion_claims(client, client, &issuer);
        let with = |name: &str, value: Value| {
            let mut claims = good();
            claims[name] = value;
            assertion(&claims)
        };
        let own = |assertion: Option<String>| -> Form {
            let mut form = vec![
                ("token".to_owned(), "unknown".to_owned()),
                ("client_id".to_owned(), client.clone()),
            ];
            if let Some(assertion) = assertion {
                form.push(("client_assertion_type".to_owned(), ASSERTION_TYPE.to_owned()));
                form.push(("client_assertion".to_owned(), assertion));
            }
            form
        };
        for (how, form) in [
            ("no authentication", own(None)),
            (
                "the token endpoint as its audience",
                own(Some(with("aud", json!(token_endpoint)))),
            ),
            (
                "several audiences",
                own(Some(with("aud", json!([issuer, token_endpoint])))),
            ),
            (
                "another's key",
                own(Some(Signer::default().client_assertion(client, &issuer))),
            ),
            (
                "a secret",
                [own(None), vec![("client_secret".to_owned(), "secret".to_owned())]].concat(),
            ),
        ] {
            eprintln!("{how}");
            let refused = strict.post("introspect", &form, None).await;
            let _ = refused.is_oauth_error(401, "invalid_client");
        }
        let form = own(Some(assertion(&good())));
        let heard = strict.post("introspect", &form, None).await.is(200);
        assert_eq!(heard.json(), json!({ "active": false }));
    }
}

#[tokio::test]
async fn tokens_are_bound_to_a_key_and_of_no_use_without_it() {
    for on_realm in [false, true] {
        let strict = Strict::new(on_realm).await;
        let (callback, request) = strict.code().await;
        assert_eq!(callback.param("iss"), strict.realm.issuer(), "RFC 9207");
        let form = strict.redemption(&callback, &request);
        let unproven = strict.post("token", &strict.authenticated(&form), None).await;
        let _ = unproven.is_oauth_error(400, "invalid_dpop_proof");
        let tokens = strict
            .post("token", &strict.authenticated(&form), Some(&strict.key))
            .await
            .is(200);
        let access = tokens.field("access_token");
        assert!(payload_of(&access)["cnf"]["jkt"].is_string());

        let userinfo = strict.realm.endpoint("userinfo");
        let ask = async |scheme: &str, proof: Option<String>| {
            let request = strict.realm.api.http().get(&userinfo);
            let request = request.header("authorization", format!("{scheme} {access}"));
            Answer::to(match proof {
                Some(proof) => request.header("dpop", proof),
                None => request,
            })
            .await
            .status
        };
        assert_eq!(ask("Bearer", None).await, 401);
        assert_eq!(ask("DPoP", None).await, 401);
        let proof = |key: &Signer| {
            let mut claims = proof_claims("GET", &userinfo);
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, access.as_bytes());
            let hash = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, digest);
            claims["ath"] = json!(hash);
            key.sign(&key.proof_header(), &claims)
        };
        assert_eq!(ask("DPoP", Some(proof(&Signer::default()))).await, 401);
        assert_eq!(ask("DPoP", Some(proof(&strict.key))).await, 200);

        let refresh = vec![
            ("grant_type".to_owned(), "refresh_token".to_owned()),
            ("refresh_token".to_owned(), tokens.field("refresh_token")),
        ];
        let unproven = strict.post("token", &strict.authenticated(&refresh), None).await;
        let _ = unproven.is_oauth_error(400, "invalid_dpop_proof");
        let unauthenticated = strict.post("token", &refresh, Some(&strict.key)).await;
        let _ = unauthenticated.is_oauth_error(401, "invalid_client");
        let renewed = strict
            .post("token", &strict.authenticated(&refresh), Some(&strict.key))
            .await;
        let _ = renewed.is(200);
    }
}

#[tokio::test]
async fn in_a_realm_that_keeps_it_nobody_weaker_is_served() {
    let strict = Strict::new(true).await;
    let realm = &strict.realm;
    let spa = realm.application("spa").await;
    let request = Authorization::new(realm, &spa, "openid");
    let back = Browser::new(realm).open(&request.url()).await.back();
    assert!(back.params.contains_key("error"), "{}", back.url);
    let secret = realm.application("service").await;
    let _ = realm
        .own_token(&secret)
        .await
        .is_oauth_error(401, "invalid_client");
    let pkcs1 = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": strict.key.jwks(), "id_token_signed_response_alg": "RS256",
    });
    let weak = Strict {
        application: realm.application_with("web", pkcs1).await,
        realm: realm.clone(),
        alice: realm.user().await,
        key: strict.key,
    };
    let (callback, request) = weak.code().await;
    let form = weak.authenticated(&weak.redemption(&callback, &request));
    let refused = weak.post("token", &form, Some(&weak.key)).await;
    let _ = refused.is_oauth_error(400, "unauthorized_client");
}
