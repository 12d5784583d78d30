//! Passkeys: registered on the way, used with and without a user name, as the only and as the second factor; and what is tried with them.
//! The authenticator is one in software; browsers of flesh and blood are in `tests/tests/passkeys.rs`.

use ::passkeys::testing::Device;
use events::{
    auth::{LoginFailure, Method},
    codec,
    passkeys::{PasskeyEvent, Passkeys},
    realms::{MfaPolicy, MfaSettings, PasskeySettings, Settings, SettingsChange, UserVerification},
};
use serde_json::json;

use super::*;

const HERE: &str = "https://id.example";
const AAL1: &str = "urn:chancery:acr:aal1";
const AAL2: &str = "urn:chancery:acr:aal2";

/// What a page's form asks of the browser.
fn options_on(page: &Answer) -> Value {
    let (_, after) = page
        .body
        .split_once(r#"data-options=""#)
        .unwrap_or_else(|| panic!("no passkey is asked for: {} {}", page.status, page.body));
    let text = after.split_once('"').unwrap().0.replace("&#34;", "\"");
    serde_json::from_str(&text).unwrap()
}

fn asks_for_passkey(page: &Answer) -> bool {
    page.body.contains("data-passkey")
}

impl World {
    async fn configure(
        &self,
        realm: RealmId,
        policy: MfaPolicy,
        methods: &[Method],
        passkeys: PasskeySettings,
    ) {
        let change = SettingsChange {
            mfa: Some(MfaSettings {
                policy,
                methods: methods.iter().copied().collect(),
                ..MfaSettings::default()
            }),
            passkeys: Some(passkeys),
            ..SettingsChange::default()
        };
        self.tell::<Settings>(realm, realm.0, RealmEvent::SettingsChanged(change))
            .await;
    }

    async fn passkeys(&self) -> Passkeys {
        let kernel = self.kernel();
        kernel.current::<Passkeys>(DEMO, ALICE.0).await.unwrap().state
    }

    /// Why the sign-ins after a seq failed.
    async fn failures(&self, after: u64) -> Vec<LoginFailure> {
        let (kernel, mut reasons) = (self.kernel(), Vec::new());
        let stream = Stream::activity(DEMO);
        for recorded in kernel.log().read(stream, after, 1_000).await.unwrap() {
            let happened = codec::decode(kernel.keyring(), &recorded).await.unwrap();
            if let Event::Auth(events::auth::AuthEvent::LoginFailed { reason, .. }) = happened.event {
                reasons.push(reason);
            }
        }
        reasons
    }
}

fn preferred() -> PasskeySettings {
    PasskeySettings {
        user_verification: UserVerification::Preferred,
        ..PasskeySettings::default()
    }
}

/// Registers a passkey of alice's in `demo`, by her password, as the realm requires it for a moment.
async fn register(world: &World, device: &mut Device, passkeys: PasskeySettings) {
    world
        .configure(DEMO, MfaPolicy::Required, &[Method::Passkey], passkeys.clone())
        .await;
    let browser = Browser::new(world);
    let flow = browser.flow(&[]).await;
    let page = browser.submit(&flow, "alice", PASSWORD).await;
    let answer = device.create(HERE, &options_on(&page)).to_string();
    let fields = [("passkey", &*answer), ("device_name", "Laptop")];
    browser.step(&page.flow(), &fields).await.param("code");
    let all = [Method::Passkey, Method::Totp, Method::RecoveryCode];
    world.configure(DEMO, MfaPolicy::Optional, &all, passkeys).await;
    world.clock.advance(60);
}

async fn with_passkey() -> (World, Device) {
    let (world, mut device) = (World::new().await, Device::new(true));
    register(&world, &mut device, PasskeySettings::default()).await;
    (world, device)
}

/// A page that asks for any passkey, in a browser of its own.
async fn asked<'a>(world: &'a World, changes: &[(&str, &str)]) -> (Browser<'a>, Answer) {
    let browser = Browser::new(world);
    let flow = browser.flow(changes).await;
    let page = browser.get(&format!("/realms/demo/sign-in?flow={flow}")).await;
    (browser, page)
}

async fn told(world: &World, code: &str) -> (String, Value) {
    let tokens = world.redeem(code).await.json();
    let claims = world.id_claims(tokens["id_token"].as_str().unwrap()).await;
    let acr = claims.string("acr").unwrap_or_default().to_owned();
    (acr, serde_json::to_value(claims.get("amr")).unwrap())
}

#[tokio::test]
async fn a_passkey_signs_in_alone_and_without_a_user_name() {
    let (world, mut device) = with_passkey().await;
    let (facts, activity) = (world.head(Lane::Facts).await, world.head(Lane::Activity).await);
    let (browser, page) = asked(&world, &[("acr_values", AAL2)]).await;
    let options = options_on(&page);
    assert_eq!(options["publicKey"]["rpId"], "id.example");
    assert_eq!(options["publicKey"]["allowCredentials"], json!([]));
    assert_eq!(options["publicKey"]["userVerification"], "required");
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.contains("script-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    let answer = device.get(HERE, &options).to_string();
    let code = browser
        .step(&page.flow(), &[("passkey", &answer)])
        .await
        .param("code");
    assert_eq!(
        world.activity(activity).await,
        [
            "login.attempted",
            "session.started",
            "known_device.added",
            "guard.cleared",
            "code.issued"
        ]
    );
    assert_eq!(world.head(Lane::Facts).await, facts + 1, "the counter went on");
    assert_eq!(
        told(&world, &code).await,
        (AAL2.to_owned(), json!(["swk", "user", "mfa"]))
    );
    assert_eq!(world.passkeys().await.passkeys[0].authenticator.counter, 1);
}

#[tokio::test]
async fn a_passkey_is_of_whoever_said_who_they_are() {
    let (world, mut device) = with_passkey().await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let page = browser.step(&flow, &[("username", "alice")]).await;
    assert!(
        page.body.contains(r#"name="use" value="passkey""#),
        "{}",
        page.body
    );
    let page = browser.step(&page.flow(), &[("use", "passkey")]).await;
    let answer = device.get(HERE, &options_on(&page)).to_string();
    let page_of_alice = page.flow();
    browser
        .step(&page_of_alice, &[("passkey", &answer)])
        .await
        .param("code");

    let somebody = Browser::new(&world);
    let flow = somebody.flow(&[]).await;
    let page = somebody
        .step(&flow, &[("username", "bob"), ("use", "passkey")])
        .await;
    let answer = device.get(HERE, &options_on(&page)).to_string();
    let answer = somebody.step(&page.flow(), &[("passkey", &answer)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.body);
}

#[tokio::test]
async fn a_passkey_that_made_sure_of_nobody_is_one_factor_and_a_password_the_other() {
    let (world, mut device) = (World::new().await, Device::new(false));
    register(&world, &mut device, preferred()).await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let page = browser.submit(&flow, "alice", PASSWORD).await;
    let options = options_on(&page);
    assert_eq!(
        options["publicKey"]["allowCredentials"].as_array().unwrap().len(),
        1,
        "she has shown something: her own is asked for"
    );
    let answer = device.get(HERE, &options).to_string();
    let code = browser
        .step(&page.flow(), &[("passkey", &answer)])
        .await
        .param("code");
    assert_eq!(
        told(&world, &code).await,
        (AAL2.to_owned(), json!(["pwd", "swk", "mfa"]))
    );

    // The other way round.
    let (browser, page) = asked(&world, &[]).await;
    let answer = device.get(HERE, &options_on(&page)).to_string();
    let page = browser.step(&page.flow(), &[("passkey", &answer)]).await;
    assert!(
        page.body.contains(r#"name="password""#) && page.body.contains(r#"value="alice""#),
        "{}",
        page.body
    );
    let code = browser
        .step(&page.flow(), &[("password", PASSWORD)])
        .await
        .param("code");
    assert_eq!(told(&world, &code).await.1, json!(["swk", "pwd", "mfa"]));

    // Where one factor is enough, it is one.
    world.configure(DEMO, MfaPolicy::Off, &[], preferred()).await;
    let (browser, page) = asked(&world, &[]).await;
    let answer = device.get(HERE, &options_on(&page)).to_string();
    let code = browser
        .step(&page.flow(), &[("passkey", &answer)])
        .await
        .param("code");
    assert_eq!(told(&world, &code).await, (AAL1.to_owned(), json!(["swk"])));

    // Where the realm asks for more by now, it does not sign in.
    let head = world.head(Lane::Activity).await;
    world
        .configure(DEMO, MfaPolicy::Off, &[], PasskeySettings::default())
        .await;
    let (browser, page) = asked(&world, &[]).await;
    let answer = device.get(HERE, &options_on(&page)).to_string();
    let answer = browser.step(&page.flow(), &[("passkey", &answer)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.failures(head).await, [LoginFailure::UnverifiedPasskey]);
}

#[tokio::test]
async fn what_is_not_of_this_page_realm_and_moment_is_refused_in_one_wording() {
    let (world, mut device) = with_passkey().await;
    let refused = async |answer: String| {
        let (browser, page) = asked(&world, &[]).await;
        let _ = options_on(&page);
        let answer = browser.step(&page.flow(), &[("passkey", &answer)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.body);
        assert!(answer.body.contains("This passkey does not sign you in here"));
        assert!(asks_for_passkey(&answer), "one may try again");
        assert!(!answer.headers.contains_key(header::SET_COOKIE));
    };
    let head = world.head(Lane::Activity).await;
    let (_, page) = asked(&world, &[]).await;
    let options = options_on(&page);
    refused(device.get(HERE, &options).to_string()).await;
    refused("{}".to_owned()).await;
    refused("not JSON".to_owned()).await;
    let mut stranger = Device::new(true);
    let made = json!({"publicKey": {
        "rp": {"id": "id.example", "name": "x"}, "challenge": "AAAA", "timeout": 1000, "attestation": "none",
        "user": {"id": "AAAA", "name": "x", "displayName": "x"},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": {"userVerification": "required", "requireResidentKey": false},
    }});
    stranger.create(HERE, &made);
    refused(stranger.get(HERE, &options).to_string()).await;
    assert_eq!(world.failures(head).await.len(), 4);

    // Of another place, for another user, by another key: for the page that asks.
    for spoil in [
        |answer: &mut Value| answer["response"]["userHandle"] = json!("AAAA"),
        |answer: &mut Value| answer["response"]["userHandle"] = Value::Null,
        |answer: &mut Value| {
            let text = answer["response"]["signature"]
                .as_str()
                .unwrap()
                .replace('A', "B");
            answer["response"]["signature"] = json!(text);
            answer["response"]["clientDataJSON"] = json!("e30");
        },
    ] {
        let (browser, page) = asked(&world, &[]).await;
        let mut answer = device.get(HERE, &options_on(&page));
        spoil(&mut answer);
        let answer = browser
            .step(&page.flow(), &[("passkey", &answer.to_string())])
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        world.clock.advance(3_600);
    }
    let (browser, page) = asked(&world, &[]).await;
    let phished = device
        .get("https://id.example.evil.test", &options_on(&page))
        .to_string();
    let answer = browser.step(&page.flow(), &[("passkey", &phished)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "another origin");

    // The page of another browser.
    let (_, page) = asked(&world, &[]).await;
    let answer = device.get(HERE, &options_on(&page)).to_string();
    let elsewhere = Browser::new(&world);
    elsewhere.flow(&[]).await;
    let answer = elsewhere.step(&page.flow(), &[("passkey", &answer)]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        world.failures(head).await.iter().all(|reason| [
            LoginFailure::WrongPasskey,
            LoginFailure::UnknownUser
        ]
        .contains(reason))
    );
}

#[tokio::test]
async fn a_passkey_of_one_realm_is_none_of_another_though_they_share_a_domain() {
    let (world, mut device) = with_passkey().await;
    let browser = Browser::new(&world);
    let page = browser.get("/realms/other/sign-in").await;
    let answer = device.get(HERE, &options_on(&page)).to_string();
    let fields = [("flow", &*page.flow()), ("passkey", &answer)];
    let refused = browser.go(form("/realms/other/sign-in", &fields)).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.body);
    // Not even by the name of somebody there, who has the same id.
    let fields = [
        ("flow", &*page.flow()),
        ("username", "alice"),
        ("passkey", &answer),
    ];
    let refused = browser.go(form("/realms/other/sign-in", &fields)).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.body);
    let fields = [("flow", &*page.flow()), ("passkey", &answer)];
    let refused = browser.go(form("/realms/demo/sign-in", &fields)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "a form of another realm");
}

#[tokio::test]
async fn a_counter_that_goes_back_is_refused_and_the_passkey_stays() {
    let (world, mut device) = with_passkey().await;
    let (first, page_of_first) = asked(&world, &[]).await;
    let (second, page_of_second) = asked(&world, &[]).await;
    let older = device.get(HERE, &options_on(&page_of_first)).to_string();
    let newer = device.get(HERE, &options_on(&page_of_second)).to_string();
    second
        .step(&page_of_second.flow(), &[("passkey", &newer)])
        .await
        .param("code");
    let head = world.head(Lane::Activity).await;
    let answer = first.step(&page_of_first.flow(), &[("passkey", &older)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.failures(head).await, [LoginFailure::CopiedPasskey]);
    let (browser, page) = asked(&world, &[]).await;
    let answer = device.get(HERE, &options_on(&page)).to_string();
    browser
        .step(&page.flow(), &[("passkey", &answer)])
        .await
        .param("code");
}

#[tokio::test]
async fn a_challenge_is_good_once_however_it_is_used() {
    let (world, mut device) = with_passkey().await;
    // One that does not count, so that the challenge alone stands between them.
    let uncounted = PasskeyEvent::Used {
        credential: world.passkeys().await.passkeys[0].credential,
        counter: 0,
        backed_up: false,
    };
    let (browser, page) = asked(&world, &[]).await;
    let answer = device.get(HERE, &options_on(&page)).to_string();
    let flow = page.flow();
    let answers = at_once((0..5).map(async |_| browser.step(&flow, &[("passkey", &answer)]).await)).await;
    let signed_in = |answers: &[Answer]| {
        let codes = answers
            .iter()
            .filter(|answer| answer.status == StatusCode::SEE_OTHER);
        codes.count()
    };
    assert_eq!(signed_in(&answers), 1);
    world.tell::<Passkeys>(DEMO, ALICE.0, uncounted).await;
    let head = world.head(Lane::Activity).await;
    let late = browser.step(&flow, &[("passkey", &answer)]).await;
    assert_ne!(late.status, StatusCode::SEE_OTHER, "{}", late.body);
    assert_eq!(world.failures(head).await, [LoginFailure::UsedCode]);
}

#[tokio::test]
async fn one_that_was_removed_or_whose_user_is_locked_is_told_like_one_that_never_was() {
    let (world, mut device) = with_passkey().await;
    let attempt = async |device: &mut Device| {
        let (browser, page) = asked(&world, &[]).await;
        let answer = device.get(HERE, &options_on(&page)).to_string();
        let answer = browser.step(&page.flow(), &[("passkey", &answer)]).await;
        let shown = answer.body.replace(&answer.flow(), "FLOW");
        let shown = match shown.split_once("data-options") {
            Some((before, after)) => format!("{before}{}", after.split_once("hidden>").unwrap().1),
            None => shown,
        };
        (answer.status, shown, answer.body.len())
    };
    let locked = UserEvent::Locked {
        reason: None,
        until: None,
    };
    world.tell::<User>(DEMO, ALICE.0, locked).await;
    let while_locked = attempt(&mut device).await;
    world.tell::<User>(DEMO, ALICE.0, UserEvent::Unlocked {}).await;
    let removed = PasskeyEvent::Removed {
        credential: world.passkeys().await.passkeys[0].credential,
    };
    world.tell::<Passkeys>(DEMO, ALICE.0, removed).await;
    let once_removed = attempt(&mut device).await;
    assert_eq!(while_locked.0, StatusCode::UNAUTHORIZED);
    assert_eq!(while_locked, once_removed);
}

#[tokio::test]
async fn before_the_first_proof_nobody_is_told_who_has_a_passkey() {
    let (world, _) = with_passkey().await;
    let browser = Browser::new(&world);
    let mut seen = Vec::new();
    for name in ["alice", "nobod"] {
        let flow = browser.flow(&[]).await;
        let page = browser
            .step(&flow, &[("username", name), ("use", "passkey")])
            .await;
        let options = options_on(&page);
        assert_eq!(options["publicKey"]["allowCredentials"], json!([]));
        let shown = page.body.replace(&page.flow(), "FLOW").replace(name, "NAME");
        let challenge = options["publicKey"]["challenge"].as_str().unwrap();
        let headers: Vec<_> = page.headers.keys().map(ToString::to_string).collect();
        seen.push((
            page.status,
            headers,
            page.body.len(),
            shown.replace(challenge, "CHALLENGE"),
        ));
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_realm_without_passkeys_asks_for_none_and_takes_none() {
    let (world, mut device) = with_passkey().await;
    let (browser, page) = asked(&world, &[]).await;
    let answer = device.get(HERE, &options_on(&page)).to_string();
    let off = PasskeySettings {
        enabled: false,
        ..PasskeySettings::default()
    };
    world
        .configure(DEMO, MfaPolicy::Optional, &[Method::Totp], off)
        .await;
    let late = browser.step(&page.flow(), &[("passkey", &answer)]).await;
    assert_ne!(late.status, StatusCode::SEE_OTHER, "{}", late.body);
    let (_, page) = asked(&world, &[]).await;
    assert!(!asks_for_passkey(&page), "{}", page.body);
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(!policy.contains("script-src"));
    assert!(!browser.code(&[]).await.is_empty(), "her password is enough");
}

#[tokio::test]
async fn a_passkey_is_registered_only_as_the_realm_wants_it_and_by_who_has_shown_all() {
    let (world, mut device) = (World::new().await, Device::new(false));
    world
        .configure(
            DEMO,
            MfaPolicy::Required,
            &[Method::Passkey],
            PasskeySettings::default(),
        )
        .await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let page = browser.submit(&flow, "alice", PASSWORD).await;
    let options = options_on(&page);
    assert_eq!(
        options["publicKey"]["authenticatorSelection"]["residentKey"],
        "required"
    );
    assert_eq!(options["publicKey"]["user"]["name"], "alice");
    assert!(!page.body.contains("Not now"));
    // It made sure of nobody.
    let answer = device.create(HERE, &options).to_string();
    let refused = browser.step(&page.flow(), &[("passkey", &answer)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.body.contains("did not check that it is you"),
        "{}",
        refused.body
    );
    // Of another page's challenge.
    let mut good = Device::new(true);
    let answer = good.create(HERE, &options).to_string();
    let other = browser.step(&refused.flow(), &[("passkey", &answer)]).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(world.passkeys().await.passkeys.is_empty());
    // A make that nobody vouches for.
    let picky = PasskeySettings {
        authenticators: vec![events::realms::TrustedAuthenticator {
            aaguid: Uuid::from_u128(1),
            name: "Key".to_owned(),
            root: rcgen_root(),
        }],
        ..PasskeySettings::default()
    };
    world
        .configure(DEMO, MfaPolicy::Required, &[Method::Passkey], picky)
        .await;
    let page = browser
        .step(&flow, &[("username", "alice"), ("password", PASSWORD)])
        .await;
    assert_eq!(options_on(&page)["publicKey"]["attestation"], "direct");
    let answer = good.create(HERE, &options_on(&page)).to_string();
    let refused = browser.step(&page.flow(), &[("passkey", &answer)]).await;
    assert!(
        refused.body.contains("This kind of passkey is not accepted"),
        "{}",
        refused.body
    );

    // A thief of the password has the page open when she registers: they are asked for hers.
    world
        .configure(
            DEMO,
            MfaPolicy::Required,
            &[Method::Passkey],
            PasskeySettings::default(),
        )
        .await;
    let thief = Browser::new(&world);
    let flow = thief.flow(&[]).await;
    let theirs = thief.submit(&flow, "alice", PASSWORD).await;
    register(&world, &mut Device::new(true), PasskeySettings::default()).await;
    let answer = Device::new(true).create(HERE, &options_on(&theirs)).to_string();
    let answer = thief.step(&theirs.flow(), &[("passkey", &answer)]).await;
    assert_ne!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(world.passkeys().await.passkeys.len(), 1);
}

/// The root of a maker that made none of these devices.
fn rcgen_root() -> String {
    let made = rcgen::generate_simple_self_signed(vec!["maker.example".to_owned()]).unwrap();
    made.cert.pem()
}

#[tokio::test]
async fn an_app_or_a_passkey_is_enrolled_as_one_likes_and_codes_go_with_the_first() {
    let (world, mut device) = (World::new().await, Device::new(true));
    let all = [Method::Passkey, Method::Totp, Method::RecoveryCode];
    world
        .configure(DEMO, MfaPolicy::Offered, &all, PasskeySettings::default())
        .await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let page = browser.submit(&flow, "alice", PASSWORD).await;
    assert!(page.body.contains("<svg") && page.body.contains("Set up a passkey instead"));
    let page = browser.step(&page.flow(), &[("use", "passkey")]).await;
    assert!(page.body.contains("Set up an authenticator app instead") && page.body.contains("Not now"));
    let answer = device.create(HERE, &options_on(&page)).to_string();
    let page = browser.step(&page.flow(), &[("passkey", &answer)]).await;
    assert!(page.body.contains("Keep these recovery codes"), "{}", page.body);
    let code = browser.step(&page.flow(), &[]).await.param("code");
    assert_eq!(
        told(&world, &code).await,
        (AAL2.to_owned(), json!(["pwd", "swk", "user", "mfa"]))
    );
    let passkey = &world.passkeys().await.passkeys[0];
    assert_eq!(passkey.name.as_deref(), Some("Passkey"));
}

#[tokio::test]
async fn who_is_signed_in_adds_another_after_showing_anew_who_they_are() {
    let (world, mut device) = with_passkey().await;
    let (browser, page) = asked(&world, &[]).await;
    let answer = device.get(HERE, &options_on(&page)).to_string();
    browser
        .step(&page.flow(), &[("passkey", &answer)])
        .await
        .param("code");
    let page = browser.get("/realms/demo/sign-in").await;
    assert!(page.body.contains("?add=passkey") && page.body.contains("?add=totp"));
    // She has just shown it.
    let page = browser.get("/realms/demo/sign-in?add=passkey").await;
    assert_eq!(
        options_on(&page)["publicKey"]["excludeCredentials"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(page.body.contains("Not now"));
    let away = browser.step(&page.flow(), &[("decline", "yes")]).await;
    assert_eq!(away.location(), "/realms/demo/sign-in");

    // Somebody who finds her browser open later shows nothing.
    world.clock.advance(3_600);
    let page = browser.get("/realms/demo/sign-in?add=passkey").await;
    assert!(page.body.contains(r#"name="password""#), "{}", page.body);
    let answer = Device::new(true)
        .create(HERE, &json!({"publicKey": {
            "rp": {"id": "id.example", "name": "x"}, "challenge": "AAAA", "timeout": 1000, "attestation": "none",
            "user": {"id": "AAAA", "name": "x", "displayName": "x"},
            "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
            "authenticatorSelection": {"userVerification": "required", "requireResidentKey": false},
        }}))
        .to_string();
    let refused = browser.step(&page.flow(), &[("passkey", &answer)]).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.passkeys().await.passkeys.len(), 1);

    let head = world.head(Lane::Activity).await;
    let page = browser.step(&page.flow(), &[("password", PASSWORD)]).await;
    let mut second = Device::new(true);
    let answer = second.create(HERE, &options_on(&page)).to_string();
    let done = browser
        .step(&page.flow(), &[("passkey", &answer), ("device_name", "Key")])
        .await;
    assert!(done.body.contains("Keep these recovery codes"), "{}", done.body);
    let done = browser.step(&done.flow(), &[]).await;
    assert_eq!(done.location(), "/realms/demo/sign-in");
    assert_eq!(
        world.activity(head).await,
        ["login.attempted", "session.elevated", "guard.cleared"]
    );
    assert_eq!(world.passkeys().await.passkeys.len(), 2);
    for device in [&mut device, &mut second] {
        let (browser, page) = asked(&world, &[]).await;
        let answer = device.get(HERE, &options_on(&page)).to_string();
        browser
            .step(&page.flow(), &[("passkey", &answer)])
            .await
            .param("code");
    }
    let nobody = Browser::new(&world);
    let page = nobody.get("/realms/demo/sign-in?add=passkey").await;
    assert!(page.body.contains(r#"name="username""#), "nobody is signed in");
}
