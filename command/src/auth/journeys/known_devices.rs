//! Devices that people sign in on: known by their cookie alone, named, trusted for a while where the realm lets them, and revoked.

use events::{
    devices::{Device, DeviceEvent, Devices},
    ids::{DeviceId, SessionId},
    realms::{MfaPolicy, MfaSettings, Settings, SettingsChange},
};

use super::{account_changes::values_of, steps::enrol, *};

const DEVICES: &str = "/realms/demo/account/devices";
const AAL2: &str = "urn:chancery:acr:aal2";

impl World {
    async fn devices(&self) -> Vec<Device> {
        let devices = self.kernel().latest::<Devices>(DEMO, ALICE.0).await.unwrap();
        devices.state.devices
    }

    /// The realm requires a second factor, and lets people trust their devices for so many days.
    async fn trusts(&self, trust_days: u64) {
        let mfa = MfaSettings {
            policy: MfaPolicy::Required,
            trust_days,
            ..MfaSettings::default()
        };
        let change = SettingsChange {
            mfa: Some(mfa),
            ..SettingsChange::default()
        };
        self.tell::<Settings>(DEMO, DEMO.0, RealmEvent::SettingsChanged(change))
            .await;
    }
}

impl Browser<'_> {
    /// Forgets the session, and stays the device that it is.
    fn forgets_the_session(&self) {
        self.cookies
            .borrow_mut()
            .retain(|name, _| name.contains("chancery-device-"));
    }

    /// Signs alice in with her password, and whatever is answered to that.
    async fn with_password(&self, changes: &[(&str, &str)]) -> Answer {
        let flow = self.flow(changes).await;
        self.submit(&flow, "alice", PASSWORD).await
    }

    async fn posts(&self, fields: &[(&str, &str)]) -> Answer {
        let flow = self.get(DEVICES).await.own_form(DEVICES);
        let fields: Vec<_> = [("flow", flow.as_str())]
            .into_iter()
            .chain(fields.iter().copied())
            .collect();
        self.go(form(DEVICES, &fields)).await
    }
}

#[tokio::test]
async fn a_device_is_new_once_named_and_revoked_with_what_began_on_it() {
    let world = World::new().await;
    let (here, tokens) = world.tokens("openid offline_access").await;
    let (there, others) = world.tokens("openid offline_access").await;
    here.forgets_the_session();
    let head = world.head(Lane::Activity).await;
    here.with_password(&[]).await.param("code");
    let told = world.activity(head).await;
    assert!(told.contains(&"known_device.seen".to_owned()), "{told:?}");
    assert!(!told.contains(&"known_device.added".to_owned()), "{told:?}");
    assert_eq!(world.devices().await.len(), 2);

    let page = there.account(DEVICES).await;
    assert_eq!(page.body.matches("class=\"tag\"").count(), 1, "{}", page.body);
    let ids = values_of(&page, "revoke");
    assert_eq!(ids.len(), 2, "this one first");
    let answer = there.posts(&[("rename", &ids[1]), ("name", "Kitchen")]).await;
    assert_eq!(answer.location(), format!("{DEVICES}?done=device"));
    assert!(there.get(DEVICES).await.body.contains("Kitchen"));
    for (fields, status) in [
        ([("rename", ids[1].as_str()), ("name", "")], 422),
        (
            [("rename", "00000000-0000-0000-0000-0000000000c2"), ("name", "x")],
            404,
        ),
        ([("revoke", "x"), ("name", "x")], 404),
    ] {
        assert_eq!(there.posts(&fields).await.status.as_u16(), status, "{fields:?}");
    }

    // Somebody else's is none of hers.
    let bob = UserId(Uuid::from_u128(0xb0b));
    let added = DeviceEvent::Added {
        user: bob,
        device: DeviceId(Uuid::from_u128(0xb0bd)),
        session: SessionId(Uuid::from_u128(0xb0b5)),
        expires: world.kernel().now().after_seconds(3_600),
        agent: "Firefox on Linux".to_owned().into(),
    };
    world.tell::<Devices>(DEMO, bob.0, added).await;
    let theirs = Uuid::from_u128(0xb0bd).to_string();
    for fields in [
        [("revoke", theirs.as_str()), ("name", "x")],
        [("rename", theirs.as_str()), ("name", "x")],
        [("end_trust", theirs.as_str()), ("name", "x")],
    ] {
        assert_eq!(
            there.posts(&fields).await.status,
            StatusCode::NOT_FOUND,
            "{fields:?}"
        );
    }
    let devices = world.kernel().latest::<Devices>(DEMO, bob.0).await.unwrap();
    assert_eq!((devices.state.devices.len(), devices.version > 0), (1, true));

    // Both sessions that began on it are over, and all that they gave; nothing else is.
    let answer = there.posts(&[("revoke", &ids[1])]).await;
    assert_eq!(answer.location(), format!("{DEVICES}?done=revoked"));
    assert!(!world.is_good(tokens["access_token"].as_str().unwrap()).await);
    assert_eq!(
        world
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .await
            .error(),
        "invalid_grant"
    );
    assert_eq!(here.get(DEVICES).await.status, StatusCode::SEE_OTHER);
    assert!(world.is_good(others["access_token"].as_str().unwrap()).await);
    // Its cookie is worth nothing: whoever signs in with it is on a new device.
    let head = world.head(Lane::Activity).await;
    here.with_password(&[]).await.param("code");
    assert!(
        world
            .activity(head)
            .await
            .contains(&"known_device.added".to_owned())
    );
    assert!(
        world
            .devices()
            .await
            .iter()
            .all(|device| device.id.to_string() != ids[1])
    );
}

#[tokio::test]
async fn the_second_factor_is_spared_on_a_trusted_device_and_nowhere_else() {
    let world = World::new().await;
    let (secret, _) = enrol(&world).await;
    world.trusts(30).await;
    let here = Browser::new(&world);
    let page = here.with_password(&[]).await;
    assert!(
        page.body.contains("Do not ask again on this device for 30 days"),
        "{}",
        page.body
    );
    let code = world.code_of(&secret);
    let fields = [("code", code.as_str()), ("trust_device", "yes")];
    here.step(&page.flow(), &fields).await.param("code");
    assert!(
        world
            .devices()
            .await
            .iter()
            .any(|device| device.trusted.is_some())
    );

    // Signed in anew with the password alone; the application is told what that is worth.
    here.forgets_the_session();
    let code = here.with_password(&[]).await.param("code");
    let tokens = world.redeem(&code).await.json();
    let claims = world.id_claims(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(claims.string("acr"), Some("urn:chancery:acr:aal1"));
    // What a request asks for is shown there, too.
    let asked = here.authorize(&[("acr_values", AAL2)]).await;
    let step = here.get(asked.location()).await;
    assert!(step.body.contains(r#"name="code""#), "{}", step.body);
    assert!(!step.body.contains("trust_device"), "nothing would be spared");
    // And by whoever changes how they sign in.
    let credentials = here.get("/realms/demo/account/credentials").await;
    assert_eq!(credentials.status, StatusCode::OK, "{}", credentials.body);
    let own = credentials.own_form("/realms/demo/account/credentials");
    let fields = [("flow", own.as_str()), ("new_codes", "yes")];
    let answer = here.go(form("/realms/demo/account/credentials", &fields)).await;
    let asked = here.get(answer.location()).await;
    assert!(asked.body.contains(r#"name="code""#), "{}", asked.body);
    // Another device, or one that only says so, is asked.
    let elsewhere = Browser::new(&world);
    let page = elsewhere.with_password(&[]).await;
    assert!(page.body.contains(r#"name="code""#), "{}", page.body);
    let forged = Browser::new(&world);
    for (name, value) in here.cookies.borrow().iter() {
        if name.contains("chancery-device-") {
            let cut = value[..value.len() - 2].to_owned();
            forged.cookies.borrow_mut().insert(name.clone(), cut);
        }
    }
    let page = forged.with_password(&[]).await;
    assert!(page.body.contains(r#"name="code""#), "{}", page.body);
}

#[tokio::test]
async fn trust_ends_by_hand_with_its_days_with_the_setting_and_with_another_password() {
    let world = World::new().await;
    let (secret, _) = enrol(&world).await;
    world.trusts(30).await;
    let is_spared = async |browser: &Browser<'_>| {
        browser.forgets_the_session();
        let answer = browser.with_password(&[]).await;
        answer.status == StatusCode::SEE_OTHER
    };
    let trusting = async || {
        let browser = Browser::new(&world);
        world.clock.advance(60);
        let page = browser.with_password(&[]).await;
        let code = world.code_of(&secret);
        let fields = [("code", code.as_str()), ("trust_device", "yes")];
        browser.step(&page.flow(), &fields).await.param("code");
        assert!(is_spared(&browser).await);
        browser
    };
    let by_hand = trusting().await;
    let id = values_of(&by_hand.get(DEVICES).await, "end_trust").remove(0);
    let answer = by_hand.posts(&[("end_trust", &id)]).await;
    assert_eq!(
        answer.location(),
        format!("{DEVICES}?done=trust"),
        "{}",
        answer.body
    );
    assert!(!is_spared(&by_hand).await);

    let by_setting = trusting().await;
    world.trusts(0).await;
    assert!(!is_spared(&by_setting).await);
    world.trusts(30).await;
    assert!(is_spared(&by_setting).await);
    world.set_password(DEMO, PASSWORD).await;
    assert!(!is_spared(&by_setting).await, "another password was set");

    let by_time = trusting().await;
    world.clock.advance(30 * 86_400);
    assert!(!is_spared(&by_time).await);
}

#[tokio::test]
async fn where_the_realm_lets_nobody_trust_a_device_none_is_trusted() {
    let world = World::new().await;
    let (secret, _) = enrol(&world).await;
    world.trusts(0).await;
    let here = Browser::new(&world);
    let page = here.with_password(&[]).await;
    assert!(!page.body.contains("trust_device"), "{}", page.body);
    let code = world.code_of(&secret);
    let fields = [("code", code.as_str()), ("trust_device", "yes")];
    here.step(&page.flow(), &fields).await.param("code");
    assert!(
        world
            .devices()
            .await
            .iter()
            .all(|device| device.trusted.is_none())
    );
}
