//! Devices that wait for approval.

use super::*;

const DEVICE: ApplicationId = ApplicationId(Uuid::from_u128(0xde));
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl World {
    async fn with_device() -> Self {
        let world = Self::new().await;
        world.application(DEMO, DEVICE, ApplicationType::Device).await;
        world
    }

    async fn ask(&self, scope: &str) -> Value {
        let client_id = DEVICE.to_string();
        let params = [("client_id", client_id.as_str()), ("scope", scope)];
        let answer = self.call("device_authorization", &params).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }

    async fn poll(&self, asked: &Value) -> Answer {
        self.send(polling(asked)).await
    }

    /// Asks a node that has not been asked before, so that nothing but the log is in the way.
    async fn poll_elsewhere(&self, asked: &Value) -> Answer {
        let commands = Commands {
            device_pace: crate::auth::Pace::default(),
            ..self.commands.clone()
        };
        let router = crate::auth::operations().with_state(commands).split_for_parts().0;
        self.send_to(router, polling(asked)).await
    }
}

fn polling(asked: &Value) -> Request<Body> {
    let client_id = DEVICE.to_string();
    let params = [
        ("grant_type", GRANT_TYPE),
        ("client_id", client_id.as_str()),
        ("device_code", asked["device_code"].as_str().unwrap()),
    ];
    form("/realms/demo/oauth2/token", &params)
}

/// The sealed field of the form on a page.
fn flow_of(page: &Answer) -> String {
    let (_, rest) = page.body.split_once(r#"name="flow" value=""#).expect("a form");
    rest.split_once('"').unwrap().0.to_owned()
}

/// Signs alice in by way of the device page.
async fn at_the_page<'a>(world: &'a World, asked: &Value) -> Browser<'a> {
    let browser = Browser::new(world);
    let complete = asked["verification_uri_complete"].as_str().unwrap();
    let path = complete.strip_prefix("https://id.example").unwrap();
    let answer = browser.get(path).await;
    let flow = answer
        .location()
        .split_once("/realms/demo/sign-in?flow=")
        .expect("nobody types codes before signing in")
        .1
        .to_owned();
    let answer = browser.submit(&flow, "alice", PASSWORD).await;
    assert_eq!(format!("https://id.example{}", answer.location()), complete);
    let page = browser.get(answer.location()).await;
    assert!(
        page.body.contains(asked["user_code"].as_str().unwrap()),
        "{}",
        page.body
    );
    browser
}

async fn type_code(browser: &Browser<'_>, code: &str) -> Answer {
    browser
        .go(form("/realms/demo/device", &[("user_code", code)]))
        .await
}

async fn answer(browser: &Browser<'_>, flow: &str, decision: &str) -> Answer {
    let fields = [("flow", flow), ("decision", decision)];
    browser.go(form("/realms/demo/device", &fields)).await
}

#[tokio::test]
async fn a_device_is_approved_elsewhere_and_gets_its_tokens_once() {
    let world = World::with_device().await;
    let asked = world.ask("openid offline_access orders").await;
    assert_eq!(
        (asked["interval"].clone(), asked["expires_in"].clone()),
        (5.into(), 600.into())
    );
    assert_eq!(world.poll(&asked).await.error(), "authorization_pending");
    assert_eq!(world.poll(&asked).await.error(), "slow_down");
    let browser = at_the_page(&world, &asked).await;
    let page = type_code(&browser, &asked["user_code"].as_str().unwrap().to_lowercase()).await;
    assert!(
        page.body.contains("The App") && page.body.contains("<li>orders</li>"),
        "{}",
        page.body
    );
    let flow = flow_of(&page);
    let page = answer(&browser, &flow, "allow").await;
    assert!(page.body.contains("is connected"), "{}", page.body);
    assert_eq!(
        answer(&browser, &flow, "deny").await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "answered is answered"
    );
    world.clock.advance(10);
    let many = at_once((0..100).map(|_| world.poll_elsewhere(&asked))).await;
    let won: Vec<_> = many.iter().filter(|one| one.status == StatusCode::OK).collect();
    assert_eq!(won.len(), 1);
    let tokens = won[0].json();
    assert!(world.is_good(tokens["access_token"].as_str().unwrap()).await);
    assert!(tokens["id_token"].is_string());
    let client_id = DEVICE.to_string();
    let refreshed = [
        ("grant_type", "refresh_token"),
        ("client_id", client_id.as_str()),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    assert_eq!(world.call("token", &refreshed).await.status, StatusCode::OK);
    world.clock.advance(60);
    assert_eq!(world.poll(&asked).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_refused_device_and_one_that_waited_too_long_get_nothing() {
    let world = World::with_device().await;
    let (refused, late) = (world.ask("openid").await, world.ask("openid").await);
    let browser = at_the_page(&world, &refused).await;
    let page = type_code(&browser, refused["user_code"].as_str().unwrap()).await;
    let page = answer(&browser, &flow_of(&page), "deny").await;
    assert!(page.body.contains("was refused"), "{}", page.body);
    assert_eq!(world.poll(&refused).await.error(), "access_denied");
    let page = type_code(&browser, late["user_code"].as_str().unwrap()).await;
    world.clock.advance(600);
    assert_eq!(world.poll(&late).await.error(), "expired_token");
    assert_eq!(
        answer(&browser, &flow_of(&page), "allow").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn what_leads_nowhere_looks_the_same_and_runs_out() {
    let world = World::with_device().await;
    let asked = world.ask("openid").await;
    let browser = at_the_page(&world, &asked).await;
    let page = type_code(&browser, asked["user_code"].as_str().unwrap()).await;
    answer(&browser, &flow_of(&page), "deny").await;
    let answered = type_code(&browser, asked["user_code"].as_str().unwrap()).await;
    let unknown = type_code(&browser, "BBBB-BBBB").await;
    assert_eq!(
        (answered.status, unknown.status),
        (StatusCode::UNPROCESSABLE_ENTITY, StatusCode::UNPROCESSABLE_ENTITY)
    );
    let without = |page: &Answer, code: &str| page.body.replace(code, "");
    assert_eq!(
        without(&answered, asked["user_code"].as_str().unwrap()),
        without(&unknown, "BBBB-BBBB")
    );
    for _ in 2..10 {
        type_code(&browser, "not a code").await;
    }
    let fresh = world.ask("openid").await;
    let answer = type_code(&browser, fresh["user_code"].as_str().unwrap()).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "also a good one");
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn a_confirmation_is_worth_nothing_in_another_session() {
    let world = World::with_device().await;
    let asked = world.ask("openid").await;
    let browser = at_the_page(&world, &asked).await;
    let page = type_code(&browser, asked["user_code"].as_str().unwrap()).await;
    let thief = Browser::new(&world);
    thief.code(&[]).await;
    let stolen = answer(&thief, &flow_of(&page), "allow").await;
    assert_eq!(stolen.status, StatusCode::UNPROCESSABLE_ENTITY);
    let nobody = answer(&Browser::new(&world), &flow_of(&page), "allow").await;
    assert_eq!(nobody.status, StatusCode::SEE_OTHER, "to the sign-in page");
    assert_eq!(world.poll(&asked).await.error(), "authorization_pending");
}

#[tokio::test]
async fn a_device_code_is_bound_to_its_application_and_realm_and_others_have_none() {
    let world = World::with_device().await;
    let asked = world.ask("openid").await;
    let (spa, device) = (SPA.to_string(), DEVICE.to_string());
    let code = asked["device_code"].as_str().unwrap();
    let with = |client_id| {
        [
            ("grant_type", GRANT_TYPE),
            ("client_id", client_id),
            ("device_code", code),
        ]
    };
    assert_eq!(
        world.call("token", &with(&spa)).await.error(),
        "unauthorized_client"
    );
    assert_eq!(
        world.call_in("other", "token", &with(&device)).await.error(),
        "invalid_client"
    );
    let answer = world.call("device_authorization", &[("client_id", &spa)]).await;
    assert_eq!(answer.error(), "unauthorized_client");
    let params = [("client_id", device.as_str()), ("scope", "nothing")];
    assert_eq!(
        world.call("device_authorization", &params).await.error(),
        "invalid_scope"
    );
    let own = world
        .call("device_authorization", &[("client_id", &device)])
        .await;
    assert_eq!(own.status, StatusCode::OK, "its own scopes where it names none");
}

#[tokio::test]
async fn approving_a_device_is_the_consent_and_names_the_resources() {
    const API: &str = "https://api.example";
    let world = World::with_device().await;
    let settings = ApplicationSettings {
        name: "A stranger".to_owned(),
        scopes: vec!["orders".to_owned()],
        audiences: vec![API.to_owned(), "https://stock.example".to_owned()],
        consent_required: true,
        ..ApplicationSettings::default()
    };
    let changed = ApplicationEvent::Changed {
        fields: Vec::new(),
        settings: Box::new(settings),
    };
    world.tell::<Application>(DEMO, DEVICE.0, changed).await;
    let device = DEVICE.to_string();
    let ask = async |resource: &str| {
        let params = [
            ("client_id", device.as_str()),
            ("scope", "openid orders"),
            ("resource", resource),
        ];
        world.call("device_authorization", &params).await
    };
    assert_eq!(ask("https://other.example").await.error(), "invalid_target");
    let asked = ask(API).await.json();
    let browser = at_the_page(&world, &asked).await;
    let page = type_code(&browser, asked["user_code"].as_str().unwrap()).await;
    answer(&browser, &flow_of(&page), "allow").await;
    let consent = events::compliance::consent_id(ALICE, DEVICE);
    let consent = world
        .kernel()
        .current::<events::compliance::Consent>(DEMO, consent)
        .await
        .unwrap()
        .state;
    assert!(consent.scopes.contains("orders"));
    let tokens = world.poll(&asked).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let token = world.commands.edge.verify_access_token(&token).await.unwrap();
    assert_eq!(token.audience, [API]);
}
