//! What one node has taken away or spent, no other one gives: within a second, and at once for what is good once.

use std::time::{Duration, Instant};

use chancery_tests::harness::{
    Answer, Application, Authorization, Browser, Line, Nodes, Realm, Server, Signer, Tokens, User, at_once,
    form_of, how_long, unique,
};
use serde_json::{Value, json};

use crate::ALL;

/// The platform's mark is a second; a busy machine gets some more.
const SOON: Duration = Duration::from_millis(1_500);

/// Two nodes, a realm, and somebody who is signed in at one of them.
struct Pair {
    _nodes: [Server; 2],
    realm: Realm,
    /// The same realm at the other node.
    far: Realm,
    application: Application,
    resource: Application,
}

impl Pair {
    async fn of(here: Server, there: Server) -> Self {
        let realm = Realm::on(&here).await;
        Self {
            application: realm.application("web").await,
            resource: realm.application("service").await,
            far: realm.at_node(&there),
            realm,
            _nodes: [here, there],
        }
    }

    /// Somebody new, whose tokens are good at the other node at once.
    async fn sign_in(&self) -> (User, Tokens) {
        let user = self.realm.user().await;
        let tokens = self
            .realm
            .sign_in(&self.application, &user, "openid offline_access")
            .await;
        assert!(self.is_good(&tokens).await, "granted here, good there");
        (user, tokens)
    }

    /// Whether the other node lets an access token in. It then has at hand what it was asked about.
    async fn is_good(&self, tokens: &Tokens) -> bool {
        let active = self.far.is_active(&self.resource, &tokens.access).await;
        let answered = self.far.userinfo(&tokens.access).await.status;
        assert!(matches!(answered, 200 | 401), "{answered}");
        active && answered == 200
    }

    async fn act(&self, path: &str) {
        let _ = self.realm.api.act(&self.realm.at(path)).await.is(200);
    }
}

/// Something was taken away at one node: the other one refuses within a second.
async fn is_refused<F: Future<Output = bool>>(what: &str, refused: impl FnMut() -> F) {
    let took = how_long(what, refused).await;
    println!("{what}: refused by the other node after {took:?}");
    assert!(took < SOON, "{what}: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_away_on_one_node_is_refused_on_every_other_within_a_second() {
    let Some(nodes) = Nodes::new() else { return };
    let pair = Pair::of(nodes.first(ALL), nodes.another(ALL)).await;
    let (realm, far) = (&pair.realm, &pair.far);
    let (alice, tokens) = pair.sign_in().await;

    let application = format!("/applications/{}", pair.application.id);
    pair.act(&format!("{application}/disable")).await;
    is_refused("a disabled application", async || !pair.is_good(&tokens).await).await;
    pair.act(&format!("{application}/enable")).await;
    how_long("enabled again", async || pair.is_good(&tokens).await).await;

    pair.act("/suspend").await;
    is_refused("a suspended realm", async || {
        far.userinfo(&tokens.access).await.status == 404
    })
    .await;
    pair.act("/resume").await;
    how_long("resumed", async || {
        far.userinfo(&tokens.access).await.status == 200
    })
    .await;

    let sessions = realm.at(&format!("/users/{}/sessions", alice.id));
    let session = realm.api.query(&sessions).await.is(200).ids().remove(0);
    let session = realm.at(&format!("/sessions/{session}"));
    let _ = realm.api.delete(&session).await.is(200);
    is_refused("an ended session", async || !pair.is_good(&tokens).await).await;

    let (bob, tokens) = pair.sign_in().await;
    pair.act(&format!("/users/{}/disable", bob.id)).await;
    is_refused("a disabled user", async || !pair.is_good(&tokens).await).await;
    let refused = far.refresh(&pair.application, tokens.refresh()).await;
    let _ = refused.is_oauth_error(400, "invalid_grant");
    assert!(!far.lets_in(&pair.application, &bob.username, &bob.password).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_withdrawn_on_one_node_is_gone_from_every_other_within_a_second() {
    let Some(nodes) = Nodes::new() else { return };
    let mut pair = Pair::of(nodes.first(ALL), nodes.another(ALL)).await;
    let asking = json!({ "consent_required": true });
    pair.application = pair.realm.application_with("web", asking).await;
    let (realm, far, alice) = (&pair.realm, &pair.far, pair.realm.user().await);
    let mut browser = Browser::new(realm);
    let request = Authorization::new(realm, &pair.application, "openid offline_access");
    let page = browser.open(&request.url()).await.sign_in_page();
    let asked = browser.fill(&page, &alice.username, &alice.password).await.page();
    let form = form_of(&asked.text);
    let mut fields = form.hidden;
    fields.push(("decision".to_owned(), "allow".to_owned()));
    let callback = browser.post(&form.action, &fields).await.back();
    let tokens = Tokens::from(realm.redeem(&pair.application, callback.code(), &request).await);
    assert!(pair.is_good(&tokens).await);

    let consent = realm.at(&format!("/users/{}/consents/{}", alice.id, pair.application.id));
    let _ = realm.api.delete(&consent).await.is(200);
    is_refused("a withdrawn consent", async || {
        !pair.is_good(&tokens).await && !far.is_active(&pair.application, tokens.refresh()).await
    })
    .await;
    let refused = far.refresh(&pair.application, tokens.refresh()).await;
    let _ = refused.is_oauth_error(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_withdraws_at_one_node_is_gone_from_every_other_within_a_second() {
    let Some(nodes) = Nodes::new() else { return };
    // The one takes commands alone: its pages ask the read models that the other builds.
    let worker = nodes.another("query,worker");
    let mut pair = Pair::of(nodes.first("command"), nodes.another(ALL)).await;
    let asking = json!({ "consent_required": true, "name": "The Shop" });
    pair.application = pair.realm.application_with("web", asking).await;
    let (realm, far, alice) = (&pair.realm, &pair.far, pair.realm.user().await);
    let mut browser = Browser::new(realm);
    let request = Authorization::new(realm, &pair.application, "openid offline_access");
    let page = browser.open(&request.url()).await.sign_in_page();
    let asked = browser.fill(&page, &alice.username, &alice.password).await.page();
    let callback = browser.press(&asked, "Allow", &[]).await.back();
    let tokens = Tokens::from(realm.redeem(&pair.application, callback.code(), &request).await);
    assert!(pair.is_good(&tokens).await);

    // Shown by the far node at once, too, and withdrawn at the near one.
    let mut there = Browser::new(far);
    there.take(browser.cookies());
    let shown = there.account(far, "/applications", &alice).await.is(200);
    assert!(shown.text.contains("The Shop"), "{}", shown.text);
    let asked = Instant::now();
    let page = loop {
        // Until a node of commands has opened the read models, the page is for later.
        let page = browser.account(realm, "/applications", &alice).await;
        if page.status == 200 {
            break page;
        }
        assert!(asked.elapsed() < Duration::from_mins(1), "{}", page.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let _ = browser.press(&page, "access: The Shop", &[]).await.page().is(200);
    is_refused("what a person withdrew", async || {
        !pair.is_good(&tokens).await && !far.is_active(&pair.application, tokens.refresh()).await
    })
    .await;
    let refused = far.refresh(&pair.application, tokens.refresh()).await;
    let _ = refused.is_oauth_error(400, "invalid_grant");
    let after = there.account(far, "/applications", &alice).await.is(200);
    assert!(!after.text.contains("The Shop"), "{}", after.text);
    drop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_good_on_every_node_at_once_and_gone_within_a_second() {
    let Some(nodes) = Nodes::new() else { return };
    let pair = Pair::of(nodes.first(ALL), nodes.another(ALL)).await;
    let (realm, far) = (&pair.realm, &pair.far);
    let service = realm.application("service").await;
    let role = realm.at(&format!("/applications/{}/roles/realm-administrator", service.id));
    let token = far.own_token(&service).await.is(200).field("access_token");
    let caller = far.api.with_token(&token);
    let may = async || caller.query(&realm.at("/users")).await.status == 200;
    assert!(!may().await);
    let _ = realm.api.put(&role, Value::Null).await.is(200);
    assert!(may().await, "whoever was told that they have it may use it");
    let _ = realm.api.delete(&role).await.is(200);
    is_refused("a role that was taken away", async || !may().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_knows_of_a_moment_ago_refuses_nobody() {
    let Some(nodes) = Nodes::new() else { return };
    let pair = Pair::of(nodes.first(ALL), nodes.another(ALL)).await;
    let (_, mut tokens) = pair.sign_in().await;
    // Each refresh at the node that did not see the one before: no honest client is taken for a thief.
    for round in 0..20 {
        let node = if round % 2 == 0 { &pair.far } else { &pair.realm };
        tokens = Tokens::from(node.refresh(&pair.application, tokens.refresh()).await);
    }
    let user = pair.realm.user().await;
    for _ in 0..10 {
        let path = pair.realm.at(&format!("/users/{}", user.id));
        let disabled = pair.realm.api.act(&format!("{path}/disable")).await.is(200);
        let enabled = pair.far.api.act(&format!("{path}/enable")).await.is(200);
        let event = |answer: &Answer| answer.json()["events"].clone();
        assert_eq!(
            (event(&disabled), event(&enabled)),
            (json!(["user.disabled"]), json!(["user.enabled"])),
            "neither finds nothing to do"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_cut_off_refuses_rather_than_to_answer_from_the_past() {
    let Some(nodes) = Nodes::new() else { return };
    let line = Line::to(&nodes.database).await;
    let pair = Pair::of(nodes.first(ALL), nodes.behind(&line, ALL)).await;
    for cut in [Line::cut, Line::silence] {
        let (user, tokens) = pair.sign_in().await;
        // Asked with little patience: who gets no answer is not let in either.
        let asked = async || {
            let request = pair.far.api.http().get(pair.far.endpoint("userinfo"));
            let request = request
                .bearer_auth(&tokens.access)
                .timeout(Duration::from_secs(2));
            Answer::try_to(request).await.map_or(0, |answer| answer.status)
        };
        cut(&line);
        pair.act(&format!("/users/{}/disable", user.id)).await;
        tokio::time::sleep(SOON).await;
        for _ in 0..3 {
            let answered = asked().await;
            assert!(matches!(answered, 503 | 408 | 0), "cut off, it said {answered}");
        }
        line.mend();
        let took = how_long("it answers again", async || asked().await == 401).await;
        println!("mended, it answers after {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_once_is_once_also_across_nodes() {
    const TIMES: usize = 100;
    let Some(nodes) = Nodes::new() else { return };
    let pair = Pair::of(nodes.first(ALL), nodes.another(ALL)).await;
    let sides = [pair.realm.clone(), pair.far.clone()];
    let (alice, tokens) = pair.sign_in().await;

    let application = pair.application.clone();
    let refreshed = at_once(TIMES, |number| {
        let (side, application) = (sides[number % 2].clone(), application.clone());
        let refresh_token = tokens.refresh().to_owned();
        async move { side.refresh(&application, &refresh_token).await.status }
    });
    let succeeded = refreshed
        .await
        .into_iter()
        .filter(|status| *status == 200)
        .count();
    assert_eq!(succeeded, 1, "one use of a refresh token");

    let request = Authorization::new(&pair.realm, &application, "openid");
    let callback = Browser::new(&pair.realm).sign_in(&request, &alice).await;
    let redeemed = at_once(TIMES, |number| {
        let (side, application) = (sides[number % 2].clone(), application.clone());
        let (code, request) = (callback.code().to_owned(), request.clone());
        async move { side.redeem(&application, &code, &request).await.status }
    });
    let succeeded = redeemed.await.into_iter().filter(|status| *status == 200).count();
    assert_eq!(succeeded, 1, "one use of a code");

    // The proof names the public address, whichever node it comes to.
    let proof = Signer::default().proof("POST", &pair.realm.endpoint("token"));
    let proven = at_once(TIMES, |number| {
        let (side, service) = (sides[number % 2].clone(), pair.resource.clone());
        let request = side
            .api
            .http()
            .post(side.endpoint("token"))
            .header("dpop", &proof);
        let request = service.authenticate(request, &[("grant_type", "client_credentials")]);
        async move { Answer::to(request).await.status }
    });
    let succeeded = proven.await.into_iter().filter(|status| *status == 200).count();
    assert_eq!(succeeded, 1, "one use of a DPoP proof");

    let name = unique();
    let named = at_once(TIMES, |number| {
        let (side, body) = (sides[number % 2].clone(), json!({ "username": name }));
        async move { side.api.post(&side.at("/users"), body).await }
    });
    let (made, refused): (Vec<_>, Vec<_>) = named.await.into_iter().partition(|it| it.status == 201);
    assert_eq!(made.len(), 1, "one holder of a name");
    for answer in refused {
        let _ = answer.is_problem(409, "name_taken");
    }
}
