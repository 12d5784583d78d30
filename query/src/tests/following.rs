//! Events followed live where the clock is ours.

use axum::body::to_bytes;

use super::*;

impl World {
    /// All that a stream tells until it ends.
    async fn stream(&self, query: &str, meanwhile: impl AsyncFnOnce()) -> String {
        let request = Request::get(format!("{API}/events/stream{query}"))
            .header("authorization", format!("Bearer {}", self.service_token()));
        let response = self
            .app
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        meanwhile().await;
        let ended = tokio::time::timeout(Duration::from_secs(10), to_bytes(response.into_body(), 1 << 20));
        String::from_utf8(ended.await.expect("it ends").unwrap().to_vec()).unwrap()
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let world = World::new().await;
    let told = world.stream("", async || world.clock.advance(601)).await;
    assert!(
        told.ends_with("event: end\ndata: {\"reason\":\"unauthenticated\",\"title\":\"A valid access token is needed\"}\n\n"),
        "{told}"
    );
}

#[tokio::test]
async fn secrets_are_not_told_and_nothing_is_after_a_moment_that_is_past() {
    let world = World::new().await;
    let to = NOW.after_seconds(1);
    world.clock.advance(60);
    let told = world
        .stream(&format!("?lane=facts&after=0&to={to}"), async || {})
        .await;
    let events: Vec<_> = told
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    let (end, events) = events.split_last().unwrap();
    assert!(end.contains("\"complete\""), "{end}");
    let listed = world.ok(&format!("{API}/events")).await["items"].clone();
    let events: Vec<Value> = events
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    assert_eq!(json!(events), listed);
    assert!(
        told.contains("password.set") && !told.contains("argon2id"),
        "{told}"
    );
}
