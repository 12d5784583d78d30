//! Discovery is true: every member of it is compared with what the endpoints do, in a realm as it is made and in one that keeps FAPI 2.0.
//! The rule: a member that this does not know fails, so that nothing is told that nobody tries.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use chancery_tests::harness::{Answer, Application, Authorization, Browser, Method, Realm, Signer, shared};
use serde_json::{Map, Value, json};

const CALLBACK: &str = "https://client.example.test/cb";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A realm where whoever has the token registers, what it tells of itself, and an application whose requests are in order.
struct Told {
    realm: Realm,
    metadata: Map<String, Value>,
    initial: String,
    signer: Signer,
    client_id: String,
    secret: Option<String>,
}

impl Told {
    async fn of(settings: Value) -> Self {
        let realm = Realm::on(&shared()).await;
        let mut oauth = json!({ "dynamic_registration": "token", "device_code_seconds": 600 });
        oauth
            .as_object_mut()
            .unwrap()
            .extend(settings.as_object().unwrap().clone());
        realm.set(json!({ "oauth": oauth })).await;
        let made = realm
            .api
            .post(&realm.at("/initial-access-tokens"), json!({ "uses": 500 }))
            .await
            .is(201);
        let place = format!("{}/.well-known/openid-configuration", realm.issuer());
        let metadata = Answer::to(realm.api.http().get(place)).await.is(200).json();
        let mut told = Self {
            realm,
            metadata: metadata.as_object().unwrap().clone(),
            initial: made.field("initial_access_token"),
            signer: Signer::default(),
            client_id: String::new(),
            secret: None,
        };
        let registered = told.register(json!({})).await.is(201);
        told.client_id = registered.field("client_id");
        told.secret = registered.json()["client_secret"].as_str().map(str::to_owned);
        told
    }

    /// Registers an application of the realm's usual kind, with more.
    async fn register(&self, more: Value) -> Answer {
        let mut all = json!({ "redirect_uris": [CALLBACK] });
        if self.offers("token_endpoint_auth_methods_supported", "client_secret_post") {
            all["token_endpoint_auth_method"] = json!("client_secret_post");
        } else {
            all["jwks"] = self.signer.jwks();
        }
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let place = self.metadata["registration_endpoint"].as_str().expect("told");
        Answer::to(
            self.realm
                .api
                .http()
                .post(place)
                .bearer_auth(&self.initial)
                .json(&all),
        )
        .await
    }

    fn list(&self, member: &str) -> Vec<String> {
        let list = self.metadata[member]
            .as_array()
            .unwrap_or_else(|| panic!("{member} is no list"));
        list.iter()
            .map(|one| one.as_str().expect("a text").to_owned())
            .collect()
    }

    fn offers(&self, member: &str, value: &str) -> bool {
        self.list(member).iter().any(|one| one == value)
    }

    fn is(&self, member: &str) -> bool {
        self.metadata[member]
            .as_bool()
            .unwrap_or_else(|| panic!("{member} is no truth value"))
    }

    /// The client's authentication, for a form.
    fn credentials(&self) -> Vec<(String, String)> {
        let mut form = vec![("client_id".to_owned(), self.client_id.clone())];
        if let Some(secret) = &self.secret {
            form.push(("client_secret".to_owned(), secret.clone()));
        } else {
            let assertion = self
                .signer
                .client_assertion(&self.client_id, &self.realm.issuer());
            form.push(("client_assertion_type".to_owned(), ASSERTION_TYPE.to_owned()));
            form.push(("client_assertion".to_owned(), assertion));
        }
        form
    }

    async fn ask(&self, endpoint: &str, more: &[(&str, &str)]) -> Answer {
        let place = self.metadata[endpoint].as_str().expect("told");
        let mut form = self.credentials();
        form.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let mut request = self.realm.api.http().post(place).form(&form);
        if self.secret.is_none() {
            request = request.header("dpop", self.signer.proof("POST", place));
        }
        Answer::to(request).await
    }

    /// The error that an authorization request with these changes meets, if it meets one: pushed, as every realm takes it.
    async fn error(&self, changes: &[(&str, &str)]) -> Option<String> {
        let application = Application {
            id: self.client_id.clone(),
            client_id: self.client_id.clone(),
            secret: self.secret.clone(),
            redirect_uri: CALLBACK.to_owned(),
        };
        let mut request = Authorization::new(&self.realm, &application, "openid");
        for (name, value) in changes {
            request = request.with(name, value);
        }
        let params: Vec<_> = request
            .params()
            .iter()
            .filter(|(name, _)| name != "client_id")
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let answer = self.ask("pushed_authorization_request_endpoint", &params).await;
        match answer.status {
            201 => None,
            400 => Some(answer.field("error")),
            _ => panic!("{answer:?}"),
        }
    }

    /// Each of a list is taken, and what is not in it is refused.
    async fn judge(&self, member: &str, parameter: &str, refused: &str) {
        for value in self.list(member) {
            assert_eq!(
                self.error(&[(parameter, &value)]).await,
                None,
                "{member}: {value}"
            );
        }
        let error = self.error(&[(parameter, "something-else")]).await;
        assert_eq!(error.as_deref(), Some(refused), "{member}");
    }

    /// Each of a list can be registered, and what is not in it cannot.
    async fn registers(&self, member: &str, metadata: &str, beside: Value) {
        for value in self.list(member) {
            let mut more = beside.clone();
            more[metadata] = json!(value);
            let answer = self.register(more).await;
            assert_eq!(answer.status, 201, "{member}: {value}: {}", answer.text);
            assert_eq!(answer.json()[metadata], json!(value), "{member}");
        }
        for value in ["none", "RS1", "dir"] {
            let mut more = beside.clone();
            more[metadata] = json!(value);
            let answer = self.register(more).await;
            assert_eq!(answer.status, 400, "{member}: {value}");
        }
    }

    async fn grants(&self) {
        for grant_type in self.list("grant_types_supported") {
            let answer = self.ask("token_endpoint", &[("grant_type", &grant_type)]).await;
            assert_ne!(answer.field("error"), "unsupported_grant_type", "{grant_type}");
        }
        let answer = self.ask("token_endpoint", &[("grant_type", "password")]).await;
        let _ = answer.is_oauth_error(400, "unsupported_grant_type");
    }

    /// The methods of a client that can be registered are those that are told, and each is taken at the token endpoint.
    async fn methods(&self) {
        for method in [
            "client_secret_basic",
            "client_secret_post",
            "client_secret_jwt",
            "private_key_jwt",
            "none",
            "tls_client_auth",
        ] {
            let mut more = json!({ "token_endpoint_auth_method": method });
            if method == "private_key_jwt" {
                more["jwks"] = self.signer.jwks();
            }
            let taken = self.register(more).await.status == 201;
            assert_eq!(
                taken,
                self.offers("token_endpoint_auth_methods_supported", method),
                "{method}"
            );
        }
        for endpoint in ["introspection", "revocation"] {
            for method in self.list(&format!("{endpoint}_endpoint_auth_methods_supported")) {
                assert!(
                    self.offers("token_endpoint_auth_methods_supported", &method),
                    "{endpoint}: {method}"
                );
            }
            let answer = self
                .ask(&format!("{endpoint}_endpoint"), &[("token", "unknown")])
                .await;
            assert_eq!(answer.status, 200, "{endpoint}: {}", answer.text);
        }
        assert!(!self.offers("introspection_endpoint_auth_methods_supported", "none"));
    }

    async fn compare(&self, member: &str) {
        let http = self.realm.api.http();
        match member {
            "issuer" => assert_eq!(self.metadata[member], json!(self.realm.issuer())),
            "authorization_endpoint" => {
                let request = http.request(Method::GET, self.metadata[member].as_str().expect("an address"));
                assert_eq!(
                    Answer::to(request).await.status,
                    400,
                    "a page about the missing client"
                );
            }
            "token_endpoint" => {
                let _ = self.ask(member, &[]).await.is_oauth_error(400, "invalid_request");
            }
            "userinfo_endpoint" => {
                let answer = Answer::to(http.get(self.metadata[member].as_str().expect("an address")))
                    .await
                    .is(401);
                assert!(
                    answer
                        .header("www-authenticate")
                        .is_some_and(|told| told.contains("resource_metadata="))
                );
            }
            "jwks_uri" => {
                let answer = Answer::to(http.get(self.metadata[member].as_str().expect("an address")))
                    .await
                    .is(200);
                assert!(
                    answer.json()["keys"]
                        .as_array()
                        .is_some_and(|keys| !keys.is_empty())
                );
            }
            "introspection_endpoint" => {
                let answer = self.ask(member, &[("token", "unknown")]).await.is(200);
                assert_eq!(answer.json(), json!({ "active": false }));
            }
            "revocation_endpoint" => {
                let _ = self.ask(member, &[("token", "unknown")]).await.is(200);
            }
            "pushed_authorization_request_endpoint" => assert_eq!(self.error(&[]).await, None),
            "device_authorization_endpoint" => {
                let device = self.register(json!({
                    "token_endpoint_auth_method": "none", "redirect_uris": [], "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"],
                }));
                let client_id = device.await.is(201).field("client_id");
                let place = self.metadata[member].as_str().expect("an address");
                let form = [("client_id", client_id.as_str()), ("scope", "openid")];
                let _ = Answer::to(http.post(place).form(&form)).await.is(200);
            }
            "registration_endpoint" => {
                let _ = self.register(json!({})).await.is(201);
            }
            "end_session_endpoint" | "service_documentation" => {
                let answer = Answer::to(http.get(self.metadata[member].as_str().expect("an address"))).await;
                assert!(answer.status < 400, "{answer:?}");
            }
            "check_session_iframe" => {
                let place = self.metadata[member].as_str().expect("an address");
                let frame = Answer::to(http.get(place)).await.is(200);
                let policy = frame.header("content-security-policy").unwrap_or_default();
                assert!(policy.contains("frame-ancestors *"), "{policy}");
            }
            // What it does in a browser is in `journeys.rs`; here, that an application can have it.
            "frontchannel_logout_supported" | "frontchannel_logout_session_supported" => {
                assert!(self.is(member));
                let out = "https://client.example.test/out";
                let answer = self
                    .register(json!({ "frontchannel_logout_uri": out, "frontchannel_logout_session_required": true }))
                    .await
                    .is(201);
                assert_eq!(answer.json()["frontchannel_logout_uri"], json!(out));
            }
            // What is sent there is in `back_channel.rs`.
            "backchannel_logout_supported" | "backchannel_logout_session_supported" => {
                assert!(self.is(member));
                let out = "https://elsewhere.example.test/out";
                let answer = self
                    .register(
                        json!({ "backchannel_logout_uri": out, "backchannel_logout_session_required": true }),
                    )
                    .await
                    .is(201);
                assert_eq!(answer.json()["backchannel_logout_uri"], json!(out));
            }
            "protected_resources" => {
                assert_eq!(self.list(member), [self.realm.issuer()]);
                let place = self
                    .realm
                    .issuer()
                    .replace("/realms/", "/.well-known/oauth-protected-resource/realms/");
                let resource = Answer::to(http.get(place)).await.is(200).json();
                assert_eq!(resource["resource"], json!(self.realm.issuer()));
                assert_eq!(resource["authorization_servers"], json!([self.realm.issuer()]));
            }
            "scopes_supported" => self.judge(member, "scope", "invalid_scope").await,
            "response_types_supported" => {
                self.judge(member, "response_type", "unsupported_response_type")
                    .await;
            }
            "response_modes_supported" => self.judge(member, "response_mode", "invalid_request").await,
            "prompt_values_supported" => self.judge(member, "prompt", "invalid_request").await,
            "code_challenge_methods_supported" => {
                self.judge(member, "code_challenge_method", "invalid_request")
                    .await;
                assert_eq!(
                    self.error(&[("code_challenge_method", "plain")]).await.as_deref(),
                    Some("invalid_request")
                );
            }
            "display_values_supported" | "acr_values_supported" | "ui_locales_supported" => {
                // Wishes: what is not known is ignored (OpenID Connect Core, 3.1.2.1).
                let parameter = member.trim_end_matches("_supported").trim_end_matches("_values");
                let parameter = if parameter == "acr" {
                    "acr_values"
                } else {
                    parameter
                };
                for value in self.list(member) {
                    assert_eq!(
                        self.error(&[(parameter, &value)]).await,
                        None,
                        "{member}: {value}"
                    );
                }
            }
            "claims_parameter_supported" | "claims_supported" => {
                assert!(self.is("claims_parameter_supported"));
                for claim in self.list("claims_supported") {
                    let asked = json!({ "id_token": { claim.as_str(): null } }).to_string();
                    assert_eq!(self.error(&[("claims", &asked)]).await, None, "{claim}");
                }
                assert_eq!(
                    self.error(&[("claims", "[]")]).await.as_deref(),
                    Some("invalid_request")
                );
            }
            "claim_types_supported" => assert_eq!(self.list(member), ["normal"]),
            "grant_types_supported" => self.grants().await,
            "subject_types_supported" => {
                for value in self.list(member) {
                    let _ = self.register(json!({ "subject_type": value })).await.is(201);
                }
                let _ = self.register(json!({ "subject_type": "shared" })).await.is(400);
            }
            "token_endpoint_auth_methods_supported"
            | "introspection_endpoint_auth_methods_supported"
            | "revocation_endpoint_auth_methods_supported" => self.methods().await,
            "token_endpoint_auth_signing_alg_values_supported"
            | "introspection_endpoint_auth_signing_alg_values_supported"
            | "revocation_endpoint_auth_signing_alg_values_supported" => {
                for algorithm in self.list(member) {
                    let method = if algorithm == "HS256" {
                        "client_secret_jwt"
                    } else {
                        "private_key_jwt"
                    };
                    let mut more = json!({
                        "token_endpoint_auth_method": method, "token_endpoint_auth_signing_alg": algorithm,
                    });
                    if method == "private_key_jwt" {
                        more["jwks"] = self.signer.jwks();
                    }
                    let _ = self.register(more).await.is(201);
                }
            }
            "dpop_signing_alg_values_supported" => {
                assert_eq!(
                    self.list(member),
                    self.list("id_token_signing_alg_values_supported")
                );
            }
            "require_pushed_authorization_requests" => {
                let application = Application {
                    id: self.client_id.clone(),
                    client_id: self.client_id.clone(),
                    secret: None,
                    redirect_uri: CALLBACK.to_owned(),
                };
                let request = Authorization::new(&self.realm, &application, "openid");
                let mut browser = Browser::new(&self.realm);
                let answer = browser.send(http.get(request.url())).await;
                let refused = answer
                    .header("location")
                    .is_some_and(|place| place.starts_with(CALLBACK));
                assert_eq!(refused, self.is(member), "{answer:?}");
            }
            "require_signed_request_object" => assert_eq!(self.error(&[]).await.is_some(), self.is(member)),
            "request_parameter_supported" => {
                let error = self.error(&[("request", "a.b.c")]).await;
                assert_eq!(
                    error.as_deref() == Some("invalid_request_object"),
                    self.is(member)
                );
            }
            // What is fetched is tried where there is a server to fetch it from; here, that a list of addresses can be registered.
            "request_uri_parameter_supported" | "require_request_uri_registration" => {
                let _ = self
                    .register(json!({ "request_uris": ["https://client.example.test/request"] }))
                    .await
                    .is(201);
            }
            "authorization_response_iss_parameter_supported" => {
                let answer = self
                    .realm
                    .api
                    .http()
                    .get(self.metadata["authorization_endpoint"].as_str().expect("one"));
                let query = [
                    ("client_id", self.client_id.as_str()),
                    ("redirect_uri", CALLBACK),
                    ("prompt", "none"),
                ];
                let answer = Answer::to(answer.query(&query)).await;
                let place = answer.header("location").unwrap_or_default().to_owned();
                assert_eq!(place.contains("iss="), self.is(member), "{place}");
            }
            "request_object_signing_alg_values_supported" => {
                self.registers(
                    member,
                    "request_object_signing_alg",
                    json!({ "jwks": self.signer.jwks() }),
                )
                .await;
            }
            "introspection_signing_alg_values_supported" => {
                self.registers(member, "introspection_signed_response_alg", json!({}))
                    .await;
            }
            _ => self.compare_tokens(member).await,
        }
    }

    /// How what is told to an application is signed and encrypted.
    async fn compare_tokens(&self, member: &str) {
        let keys = json!({ "jwks": self.signer.jwks() });
        let (what, how) = ["id_token", "userinfo", "authorization"]
            .into_iter()
            .find_map(|what| {
                Some((
                    what,
                    member.strip_prefix(what)?.strip_suffix("_values_supported")?,
                ))
            })
            .unwrap_or_else(|| panic!("discovery tells {member}, which is not compared with anything"));
        match how {
            "_signing_alg" => {
                self.registers(member, &format!("{what}_signed_response_alg"), json!({}))
                    .await;
            }
            "_encryption_alg" => {
                self.registers(member, &format!("{what}_encrypted_response_alg"), keys)
                    .await;
            }
            "_encryption_enc" => {
                let mut beside = keys;
                beside[format!("{what}_encrypted_response_alg")] = json!("ECDH-ES");
                self.registers(member, &format!("{what}_encrypted_response_enc"), beside)
                    .await;
            }
            _ => panic!("discovery tells {member}, which is not compared with anything"),
        }
    }
}

async fn all_is_true(settings: Value) {
    let told = Told::of(settings).await;
    for member in told.metadata.keys() {
        eprintln!("{member}");
        told.compare(member).await;
    }
    // The same document wherever clients look for it (RFC 8414, sections 3.1 and 5).
    let (base, path) = (told.realm.api.base(), format!("/realms/{}", told.realm.name));
    for name in ["openid-configuration", "oauth-authorization-server"] {
        for place in [
            format!("{base}{path}/.well-known/{name}"),
            format!("{base}/.well-known/{name}{path}"),
        ] {
            let same = Answer::to(told.realm.api.http().get(&place)).await.is(200).json();
            assert_eq!(same, json!(told.metadata), "{place}");
        }
    }
}

#[tokio::test]
async fn every_member_is_true_in_a_realm_as_it_is_made() {
    all_is_true(json!({})).await;
}

#[tokio::test]
async fn every_member_is_true_in_a_realm_that_keeps_fapi() {
    all_is_true(json!({ "security_profile": "fapi2" })).await;
}
