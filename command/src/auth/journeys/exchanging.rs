//! Tokens that are exchanged for others (RFC 8693), as services do it that go on with somebody's request, and as those who want more.

use jose::{
    Algorithm, SigningKey,
    testing::{proof, proof_header},
};
use serde_json::json;
use web::AccessToken;

use super::*;

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const API: &str = "https://api.example";
const STOCK: &str = "https://stock.example";

impl World {
    /// The settings of an application change.
    async fn set(&self, id: ApplicationId, change: impl FnOnce(&mut ApplicationSettings)) {
        let mut settings = self
            .kernel()
            .current::<Application>(DEMO, id.0)
            .await
            .unwrap()
            .state
            .settings;
        change(&mut settings);
        let changed = ApplicationEvent::Changed {
            fields: Vec::new(),
            settings: Box::new(settings),
        };
        self.tell::<Application>(DEMO, id.0, changed).await;
    }

    /// A world in which the service is what answers at `API` and may go on to `STOCK` with tokens of the SPA.
    async fn of_services() -> Self {
        let world = Self::new().await;
        world
            .set(SPA, |settings| settings.audiences = vec![API.to_owned()])
            .await;
        world
            .set(SERVICE, |settings| {
                settings.audiences = vec![API.to_owned(), STOCK.to_owned()];
                settings.token_exchange_audiences = vec![STOCK.to_owned()];
                settings.token_exchange_subjects = vec![SPA.to_string()];
            })
            .await;
        world
    }

    /// The service exchanges an access token, with changes to a good request; an empty value takes a parameter away.
    async fn exchange(&self, token: &str, changes: &[(&str, &str)]) -> Answer {
        self.exchange_by(SERVICE, token, changes, None).await
    }

    async fn exchange_by(
        &self,
        client: ApplicationId,
        token: &str,
        changes: &[(&str, &str)],
        proof: Option<&str>,
    ) -> Answer {
        let client = client.to_string();
        let good = [
            ("grant_type", TOKEN_EXCHANGE),
            ("client_id", client.as_str()),
            ("client_secret", SECRET),
            ("subject_token", token),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        let mut params: BTreeMap<&str, &str> = good.into_iter().chain(changes.iter().copied()).collect();
        params.retain(|_, value| !value.is_empty());
        let mut request = form("/realms/demo/oauth2/token", &Vec::from_iter(params));
        if let Some(proof) = proof {
            request.headers_mut().append("dpop", proof.parse().unwrap());
        }
        self.send(request).await
    }

    async fn judged(&self, answer: &Answer) -> AccessToken {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let text = answer.json()["access_token"].as_str().unwrap().to_owned();
        self.commands.edge.verify_access_token(&text).await.unwrap()
    }

    /// The token of an application that acts for itself.
    async fn own(&self, client: ApplicationId) -> String {
        let client = client.to_string();
        let params = [
            ("grant_type", "client_credentials"),
            ("client_id", client.as_str()),
            ("client_secret", SECRET),
        ];
        text(&self.call("token", &params).await)
    }
}

fn text(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn access(tokens: &Value) -> String {
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_service_goes_on_with_a_request_and_is_named_as_the_one_who_acts() {
    let world = World::of_services().await;
    let (_, tokens) = world.tokens("openid orders").await;
    world.clock.advance(30);
    let head = world.head(Lane::Activity).await;
    let answer = world
        .exchange(&access(&tokens), &[("audience", STOCK), ("scope", "orders")])
        .await;
    let token = world.judged(&answer).await;
    let body = answer.json();
    assert_eq!(body["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&json!("Bearer"), &json!(570))
    );
    assert_eq!(body.get("refresh_token"), None);
    assert_eq!((token.user, token.client), (Some(ALICE), SERVICE));
    assert_eq!(token.audience, [STOCK]);
    assert_eq!(token.scopes, ["orders".to_owned()].into());
    assert_eq!(
        token.claims.get("act"),
        Some(&json!({ "sub": SERVICE.to_string(), "client_id": SERVICE.to_string() }))
    );
    let events = world
        .kernel()
        .log()
        .read(Stream::activity(DEMO), head, 10)
        .await
        .unwrap();
    let [issued] = events.as_slice() else {
        panic!("one event: {events:?}");
    };
    let happened = world.kernel().decode(issued).await.unwrap();
    let Event::Auth(events::auth::AuthEvent::TokenIssued {
        actors,
        grant_type,
        user,
        ..
    }) = happened.event
    else {
        panic!("{:?}", happened.event);
    };
    assert_eq!((actors, user), (vec![SERVICE.to_string()], Some(ALICE)));
    assert_eq!(grant_type, TOKEN_EXCHANGE);
}

#[tokio::test]
async fn nothing_grows_by_an_exchange() {
    let world = World::of_services().await;
    let (_, tokens) = world.tokens("openid orders").await;
    let token = access(&tokens);
    for (changes, error) in [
        (vec![("scope", "orders manage")], "invalid_scope"),
        (vec![("scope", "email")], "invalid_scope"),
        (vec![("audience", "https://other.example")], "invalid_target"),
        (vec![("resource", ISSUER)], "invalid_target"),
        (vec![("subject_token", "")], "invalid_request"),
        (vec![("subject_token_type", "")], "invalid_request"),
        (vec![("subject_token_type", ID_TOKEN)], "invalid_request"),
        (
            vec![(
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:refresh_token",
            )],
            "invalid_request",
        ),
        (vec![("requested_token_type", ID_TOKEN)], "invalid_request"),
        (vec![("actor_token", token.as_str())], "invalid_request"),
        (vec![("actor_token_type", ACCESS_TOKEN)], "invalid_request"),
        (vec![("subject_token", "a.b.c")], "invalid_request"),
    ] {
        let answer = world.exchange(&token, &changes).await;
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (StatusCode::BAD_REQUEST, error),
            "{changes:?}"
        );
    }
    let plain = world.judged(&world.exchange(&token, &[]).await).await;
    assert_eq!(plain.audience, [API, STOCK], "all that it may be for");
    assert_eq!(plain.scopes, ["openid".to_owned(), "orders".to_owned()].into());
    world.clock.advance(600);
    assert_eq!(
        world.exchange(&token, &[]).await.error(),
        "invalid_request",
        "over"
    );
}

#[tokio::test]
async fn only_whoever_was_named_exchanges_tokens_of_others() {
    let world = World::of_services().await;
    let (_, tokens) = world.tokens("openid orders").await;
    let token = access(&tokens);
    let answer = world.exchange_by(WEB, &token, &[], None).await;
    assert_eq!(answer.error(), "invalid_request", "it is no token of its own");
    let spa = SPA.to_string();
    let public = [
        ("grant_type", TOKEN_EXCHANGE),
        ("client_id", spa.as_str()),
        ("subject_token", token.as_str()),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    assert_eq!(world.call("token", &public).await.error(), "unauthorized_client");
    world
        .set(SERVICE, |settings| {
            settings.grant_types = vec!["client_credentials".to_owned()];
        })
        .await;
    assert_eq!(world.exchange(&token, &[]).await.error(), "unauthorized_client");
    world
        .set(WEB, |settings| {
            settings.token_exchange_subjects = vec!["*".to_owned()];
        })
        .await;
    world
        .set(SPA, |settings| settings.may_act = Some("another".to_owned()))
        .await;
    let (_, tokens) = world.tokens("openid orders").await;
    world
        .set(WEB, |settings| settings.audiences = vec![API.to_owned()])
        .await;
    let refused = world.exchange_by(WEB, &access(&tokens), &[], None).await;
    assert_eq!(refused.error(), "invalid_request", "the token names another");
    world
        .set(SPA, |settings| settings.may_act = Some(WEB.to_string()))
        .await;
    let (_, tokens) = world.tokens("openid orders").await;
    world
        .judged(&world.exchange_by(WEB, &access(&tokens), &[], None).await)
        .await;
}

#[tokio::test]
async fn whoever_acts_is_remembered_in_their_order_and_no_longer_than_the_bound() {
    let world = World::of_services().await;
    world
        .set(WEB, |settings| {
            settings.audiences = vec![STOCK.to_owned()];
            settings.token_exchange_subjects = vec![SERVICE.to_string()];
        })
        .await;
    let (_, tokens) = world.tokens("openid orders").await;
    let first = text(&world.exchange(&access(&tokens), &[]).await);
    let answer = world.exchange_by(WEB, &first, &[], None).await;
    let token = world.judged(&answer).await;
    let subs: Vec<_> = token.actors.iter().map(|actor| actor.sub.clone()).collect();
    assert_eq!(subs, [WEB.to_string(), SERVICE.to_string()]);
    assert_eq!(
        token.claims.get("act").unwrap()["act"]["sub"],
        json!(SERVICE.to_string())
    );
    // An application that narrows its own token acts for nobody new.
    let narrowed = world
        .exchange_by(WEB, &text(&answer), &[("scope", "orders")], None)
        .await;
    assert_eq!(world.judged(&narrowed).await.actors.len(), 2);

    world
        .set(SERVICE, |settings| {
            settings.token_exchange_subjects.push(WEB.to_string());
        })
        .await;
    world
        .set(WEB, |settings| {
            settings.audiences = vec![API.to_owned(), STOCK.to_owned()];
        })
        .await;
    let (mut token, mut turns) = (text(&narrowed), 2);
    let refused = loop {
        let client = if turns % 2 == 0 { SERVICE } else { WEB };
        let answer = world.exchange_by(client, &token, &[], None).await;
        if answer.status != StatusCode::OK {
            break answer;
        }
        (token, turns) = (text(&answer), turns + 1);
    };
    assert_eq!((refused.error().as_str(), turns), ("invalid_request", 5));

    let disabled = ApplicationEvent::Disabled { reason: None };
    assert!(world.is_good(&token).await);
    world.tell::<Application>(DEMO, SERVICE.0, disabled).await;
    assert!(!world.is_good(&token).await, "one of those who act is not active");
}

#[tokio::test]
async fn an_actor_token_says_who_acts() {
    let world = World::of_services().await;
    let (_, tokens) = world.tokens("openid orders").await;
    let own = world.own(SERVICE).await;
    let actor = [("actor_token", own.as_str()), ("actor_token_type", ACCESS_TOKEN)];
    let answer = world.exchange(&access(&tokens), &actor).await;
    let token = world.judged(&answer).await;
    assert_eq!(token.actors[0].sub, SERVICE.to_string());

    let foreign = world.own(SERVICE).await;
    world
        .set(SERVICE, |settings| settings.token_exchange_impersonation = true)
        .await;
    let silent = world.judged(&world.exchange(&access(&tokens), &[]).await).await;
    assert!(silent.exchanged.is_some() && silent.actors.is_empty() && silent.claims.get("act").is_none());
    let delegated = text(&answer);
    let chained = [
        ("actor_token", delegated.as_str()),
        ("actor_token_type", ACCESS_TOKEN),
    ];
    assert_eq!(
        world.exchange(&foreign, &chained).await.error(),
        "invalid_request",
        "somebody else acts for that one"
    );
}

#[tokio::test]
async fn an_application_that_acts_for_itself_is_acted_for() {
    let world = World::of_services().await;
    world.assign(WEB, Role::Application).await;
    world
        .set(WEB, |settings| settings.audiences = vec![API.to_owned()])
        .await;
    world
        .set(SERVICE, |settings| {
            settings.token_exchange_subjects = vec!["*".to_owned()];
        })
        .await;
    let own = world.own(WEB).await;
    let answer = world.exchange(&own, &[("resource", STOCK)]).await;
    let token = world.judged(&answer).await;
    assert_eq!(
        (token.user, token.claims.subject()),
        (None, WEB.to_string().as_str())
    );
    assert_eq!(token.actors[0].sub, SERVICE.to_string());
    world
        .tell::<Application>(DEMO, WEB.0, ApplicationEvent::Disabled { reason: None })
        .await;
    assert!(!world.is_good(&text(&answer)).await);
}

#[tokio::test]
async fn what_ends_a_token_ends_what_was_got_for_it() {
    let world = World::of_services().await;
    let spa = SPA.to_string();
    let (_, tokens) = world.tokens("openid orders offline_access").await;
    let exchanged = text(&world.exchange(&access(&tokens), &[]).await);
    let token = world.commands.edge.verify_access_token(&exchanged).await.unwrap();
    assert!(!token.scopes.contains("offline_access"));
    let given_back = [
        ("client_id", spa.as_str()),
        ("token", tokens["refresh_token"].as_str().unwrap()),
    ];
    world.call("revoke", &given_back).await;
    assert!(!world.is_good(&exchanged).await, "the grant ended");
    assert_eq!(
        world.exchange(&access(&tokens), &[]).await.error(),
        "invalid_request"
    );

    let (_, tokens) = world.tokens("openid orders").await;
    let exchanged = text(&world.exchange(&access(&tokens), &[]).await);
    world
        .tell::<User>(DEMO, ALICE.0, UserEvent::SessionsEnded { keeps: None })
        .await;
    assert!(!world.is_good(&exchanged).await, "all sessions ended");

    let (_, tokens) = world.tokens("openid orders").await;
    let exchanged = text(&world.exchange(&access(&tokens), &[]).await);
    let service = SERVICE.to_string();
    let own = [
        ("client_id", service.as_str()),
        ("client_secret", SECRET),
        ("token", exchanged.as_str()),
    ];
    world.call("revoke", &own).await;
    assert!(!world.is_good(&exchanged).await && world.is_good(&access(&tokens)).await);
    let another = text(&world.exchange(&access(&tokens), &[]).await);
    assert!(world.is_good(&another).await);
    world
        .call("revoke", &[("client_id", &spa), ("token", &access(&tokens))])
        .await;
    assert!(
        !world.is_good(&another).await,
        "what it was got for was given back"
    );
    assert_eq!(
        world.exchange(&access(&tokens), &[]).await.error(),
        "invalid_request",
        "revoked"
    );
}

#[tokio::test]
async fn an_id_token_is_worth_what_its_applications_grant_is() {
    let world = World::of_services().await;
    let (_, tokens) = world.tokens("openid orders").await;
    let id_token = tokens["id_token"].as_str().unwrap();
    let of_id = [("subject_token_type", ID_TOKEN)];
    let token = world.judged(&world.exchange(id_token, &of_id).await).await;
    assert_eq!(
        (token.user, token.audience),
        (Some(ALICE), vec![API.to_owned(), STOCK.to_owned()])
    );
    assert_eq!(
        world.exchange(&access(&tokens), &of_id).await.error(),
        "invalid_request"
    );
    world
        .set(SPA, |settings| settings.dpop_bound_access_tokens = true)
        .await;
    assert_eq!(
        world.exchange(id_token, &of_id).await.error(),
        "invalid_request",
        "nothing binds it"
    );
    world
        .set(SPA, |settings| settings.dpop_bound_access_tokens = false)
        .await;
    world
        .tell::<User>(DEMO, ALICE.0, UserEvent::SessionsEnded { keeps: None })
        .await;
    assert_eq!(world.exchange(id_token, &of_id).await.error(), "invalid_request");
}

#[tokio::test]
async fn a_bound_token_is_exchanged_with_its_key_alone_and_what_comes_of_it_is_bound() {
    let world = World::of_services().await;
    world
        .set(WEB, |settings| settings.audiences = vec![API.to_owned()])
        .await;
    world.assign(WEB, Role::Application).await;
    let (mine, another) = (key(), key());
    let shown = |key: &SigningKey| {
        let claims = json!({
            "jti": world.kernel().new_id(), "htm": "POST", "htu": format!("{ISSUER}/oauth2/token"),
            "iat": world.kernel().now().seconds(),
        });
        proof(key, &proof_header(key), &claims).unwrap()
    };
    let web = WEB.to_string();
    let params = [
        ("grant_type", "client_credentials"),
        ("client_id", web.as_str()),
        ("client_secret", SECRET),
    ];
    let mut request = form("/realms/demo/oauth2/token", &params);
    request
        .headers_mut()
        .append("dpop", shown(&mine).parse().unwrap());
    let bound = text(&world.send(request).await);
    for proof in [None, Some(shown(&another))] {
        let refused = world.exchange_by(WEB, &bound, &[], proof.as_deref()).await;
        assert_eq!(refused.error(), "invalid_dpop_proof");
    }
    let proof = shown(&mine);
    let answer = world.exchange_by(WEB, &bound, &[], Some(&proof)).await;
    assert_eq!(answer.json()["token_type"], "DPoP", "{}", answer.body);
    let token = world.judged(&answer).await;
    assert_eq!(token.jkt, Some(mine.public_jwk().thumbprint().unwrap()));
    let again = world.exchange_by(WEB, &bound, &[], Some(&proof)).await;
    assert_eq!(again.error(), "invalid_dpop_proof", "a proof is good once");
}

#[tokio::test]
async fn an_application_that_registered_by_itself_exchanges_its_own_tokens_alone() {
    let world = World::of_services().await;
    let (_, tokens) = world.tokens("openid orders").await;
    world
        .tell::<Application>(DEMO, SERVICE.0, ApplicationEvent::RegistrationTokenIssued {})
        .await;
    assert_eq!(
        world.exchange(&access(&tokens), &[]).await.error(),
        "invalid_request"
    );
}

#[tokio::test]
async fn a_user_is_named_as_the_application_that_acts_knows_them() {
    let world = World::of_services().await;
    let (_, tokens) = world.tokens("openid orders").await;
    world
        .set(SERVICE, |settings| {
            settings.subject_type = Some("pairwise".to_owned());
            settings.access_token_format = Some("opaque".to_owned());
        })
        .await;
    let token = world.judged(&world.exchange(&access(&tokens), &[]).await).await;
    assert_eq!(token.user, Some(ALICE));
    assert_ne!(token.claims.subject(), ALICE.to_string());
    assert!(token.exchanged.is_some() && token.claims.get("act").is_some());
}

#[tokio::test]
async fn an_application_that_needs_consent_gets_no_more_than_its_user_allows() {
    let world = World::of_services().await;
    world
        .set(SERVICE, |settings| settings.consent_required = true)
        .await;
    let (_, tokens) = world.tokens("openid orders").await;
    assert_eq!(
        world.exchange(&access(&tokens), &[]).await.error(),
        "invalid_request"
    );
    let id = events::compliance::consent_id(ALICE, SERVICE);
    let given = events::compliance::ComplianceEvent::ConsentGiven {
        user: ALICE,
        client: SERVICE,
        scopes: ["orders".to_owned()].into(),
        claims: [].into(),
    };
    world.tell::<events::compliance::Consent>(DEMO, id, given).await;
    assert_eq!(
        world.exchange(&access(&tokens), &[]).await.error(),
        "invalid_request"
    );
    let exchanged = text(&world.exchange(&access(&tokens), &[("scope", "orders")]).await);
    assert!(world.is_good(&exchanged).await);
    let withdrawn = events::compliance::ComplianceEvent::ConsentWithdrawn {
        user: ALICE,
        client: SERVICE,
    };
    world
        .tell::<events::compliance::Consent>(DEMO, id, withdrawn)
        .await;
    assert!(!world.is_good(&exchanged).await, "what they withdrew is over");
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}
