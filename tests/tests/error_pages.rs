//! What a person sees when something is wrong, on every hosted page and at the endpoints that browsers are sent to. The rule: the page says
//! what it means and what to do, gives the developer the code and the one thing to mend, names the request, and repeats no value that was sent.

use chancery_tests::harness::{Answer, Realm, Scene};
use reqwest::{Method, RequestBuilder};

/// What was sent must not come back.
const SENT: &str = "sent-and-never-shown";
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// An error page: its heading, its code, and whether it tells a developer what to mend.
#[track_caller]
fn is_error_page(answer: &Answer, status: u16, title: &str, code: &str, mend: Option<&str>) {
    let what = &answer.asked;
    assert_eq!(answer.status, status, "{what}: {}", answer.text);
    let header = |name| answer.header(name).unwrap_or_default();
    assert!(header("content-type").starts_with("text/html"), "{what}");
    assert_eq!(header("cache-control"), "no-store", "{what}");
    assert_eq!(answer.header("location"), None, "{what}");
    let policy = header("content-security-policy");
    assert!(
        policy.contains("frame-ancestors 'none'") && !policy.contains("script-src"),
        "{what}: {policy}"
    );
    for part in [
        format!("<h1>{title}</h1>"),
        format!("<code>{code}</code>"),
        format!("<code>{}</code>", header("x-request-id")),
        "role=\"alert\"".to_owned(),
    ] {
        assert!(
            answer.text.contains(&part),
            "{what}: no {part} in {}",
            answer.text
        );
    }
    match mend {
        Some(mend) => assert!(
            answer.text.contains("<details>") && answer.text.contains(mend),
            "{what}: no {mend:?} in {}",
            answer.text
        ),
        None => assert!(!answer.text.contains("<details>"), "{what}: {}", answer.text),
    }
    for never in [SENT, "panicked", "sqlx", ".rs:", "evil.example"] {
        assert!(
            !answer.text.contains(never),
            "{what} repeats {never}: {}",
            answer.text
        );
    }
}

fn by_a_browser(realm: &Realm, method: Method, path: &str) -> RequestBuilder {
    let address = format!("{}{path}", realm.issuer());
    realm
        .api
        .http()
        .request(method, address)
        .header("accept", BROWSER)
}

#[tokio::test]
async fn what_an_application_asks_wrongly_is_told_to_people_and_developers() {
    let scene = Scene::of("web").await;
    let service = scene.realm.application("service").await;
    let client = &scene.application.client_id;
    let evil = "https%3A%2F%2Fevil.example%2Fsent-and-never-shown";
    let twice = "is there more than once";
    for (path, title, code, mend) in [
        (
            format!("/oauth2/authorize?state={SENT}"),
            "This request cannot be answered",
            "invalid_request",
            "client_id is missing",
        ),
        (
            format!("/oauth2/authorize?client_id={SENT}"),
            "This application is not known here",
            "invalid_client",
            "no active application",
        ),
        (
            format!(
                "/oauth2/authorize?client_id={}&client_secret={SENT}",
                service.client_id
            ),
            "This application is not known here",
            "unauthorized_client",
            "another grant",
        ),
        (
            format!("/oauth2/authorize?client_id={client}&response_type=code&scope=openid"),
            "This request cannot be answered",
            "invalid_request",
            "redirect_uri is missing",
        ),
        (
            format!("/oauth2/authorize?client_id={client}&redirect_uri={evil}"),
            "There is no safe way back",
            "invalid_request",
            "redirect_uri is not exactly one of those registered",
        ),
        (
            format!("/oauth2/authorize?client_id={client}&state={SENT}&state={SENT}"),
            "This request cannot be read",
            "invalid_request",
            twice,
        ),
        (
            format!("/oauth2/logout?client_id={SENT}"),
            "You were not signed out",
            "invalid_request",
            "no active application",
        ),
        (
            format!("/oauth2/logout?client_id={client}&post_logout_redirect_uri={evil}"),
            "You were not signed out",
            "invalid_request",
            "post_logout_redirect_uri is not exactly one of those registered",
        ),
        (
            format!("/oauth2/logout?post_logout_redirect_uri={evil}"),
            "You were not signed out",
            "invalid_request",
            "post_logout_redirect_uri needs",
        ),
        (
            format!("/oauth2/logout?client_id={SENT}&client_id={SENT}"),
            "This request cannot be read",
            "invalid_request",
            twice,
        ),
        (
            format!("/device?user_code={SENT}&user_code={SENT}"),
            "This request cannot be read",
            "invalid_request",
            twice,
        ),
        (
            format!("/sign-in?flow={SENT}&flow={SENT}"),
            "This request cannot be read",
            "invalid_request",
            twice,
        ),
        (
            format!("/consent?flow={SENT}&flow={SENT}"),
            "This request cannot be read",
            "invalid_request",
            twice,
        ),
    ] {
        let answer = Answer::to(by_a_browser(&scene.realm, Method::GET, &path)).await;
        is_error_page(&answer, 400, title, code, Some(mend));
    }
}

#[tokio::test]
async fn a_page_that_is_over_says_so_and_blames_no_developer() {
    let scene = Scene::of("web").await;
    for request in [
        by_a_browser(&scene.realm, Method::GET, &format!("/consent?flow={SENT}")),
        by_a_browser(&scene.realm, Method::POST, "/consent").form(&[("flow", SENT), ("decision", "allow")]),
    ] {
        let answer = Answer::to(request).await;
        is_error_page(&answer, 400, "This page was out of date", "stale", None);
    }
}

/// The server answers before it has read all, and closes the connection: whether the answer is seen by a client that is still writing is a
/// race, so that it is asked for again, each time over a connection of its own.
async fn too_long(realm: &Realm) -> Answer {
    for _ in 0..20 {
        let request = by_a_browser(realm, Method::POST, "/sign-in")
            .header("connection", "close")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("x".repeat(2 << 20));
        if let Ok(answer) = Answer::try_to(request).await {
            return answer;
        }
    }
    panic!("twenty times no answer to a long body");
}

#[tokio::test]
async fn what_never_came_to_a_page_is_a_page_for_people_and_a_problem_for_programs() {
    let scene = Scene::of("web").await;
    let nowhere = Realm {
        name: "nowhere".to_owned(),
        ..scene.realm.clone()
    };
    for (realm, path) in [
        (&nowhere, "/sign-in"),
        (&nowhere, "/oauth2/authorize"),
        (&nowhere, "/device"),
        (&nowhere, "/oauth2/logout"),
        (&scene.realm, "/oauth2/nothing"),
    ] {
        let answer = Answer::to(by_a_browser(realm, Method::GET, path)).await;
        is_error_page(&answer, 404, "There is nothing here", "not_found", None);
    }
    let answer = Answer::to(by_a_browser(&scene.realm, Method::DELETE, "/sign-in")).await;
    let title = "This page is not used in this way";
    is_error_page(&answer, 405, title, "method_not_allowed", None);
    let about = Some("A body has at most");
    let answer = too_long(&scene.realm).await;
    is_error_page(&answer, 413, "This request cannot be read", "too_large", about);

    let address = format!("{}/oauth2/nothing", scene.realm.issuer());
    for accept in ["*/*", "application/json"] {
        let request = scene.realm.api.http().get(&address).header("accept", accept);
        let _ = Answer::to(request).await.is_problem(404, "not_found");
    }
    let api = format!("{}/query/v1/nothing", scene.realm.api.base());
    let request = scene.realm.api.http().get(api).header("accept", BROWSER);
    let _ = Answer::to(request).await.is_problem(404, "not_found");
}
