//! Traces from outside: one from a request through what it decided, appended and caused, in the spans that a collector gets (OTLP); and
//! that nothing of it is kept, sent or told where nobody collects, and nothing personal where somebody does.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says where, and stops"
)]

use std::collections::BTreeMap;

use chancery_tests::harness::{Answer, MailServer, Method, Options, Realm, Receiver, Server, eventually};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value::Value as Any,
    trace::v1::{Span, span::SpanKind},
};
use prost::Message;
use serde_json::{Value, json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    events::envelope::hex(bytes)
}

/// What a collector was sent so far.
fn collected(collector: &Receiver) -> Vec<Span> {
    let sent = collector.received("/v1/traces");
    let requests = sent.iter().map(|one| {
        assert_eq!(one.headers["content-type"], "application/x-protobuf");
        assert_eq!(one.headers["authorization"], "Bearer collect");
        ExportTraceServiceRequest::decode(&*one.bytes).expect("OTLP")
    });
    let resources = requests.flat_map(|request| request.resource_spans);
    let scopes = resources.flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

/// Spans by their names: those of one trace, once these are there.
async fn spans(collector: &Receiver, trace: &str, names: &[&str]) -> BTreeMap<String, Span> {
    eventually(&format!("{names:?} of trace {trace}"), || async {
        let of_trace = collected(collector)
            .into_iter()
            .filter(|span| hex(&span.trace_id) == trace);
        let by_name: BTreeMap<_, _> = of_trace.map(|span| (span.name.clone(), span)).collect();
        names
            .iter()
            .all(|name| by_name.contains_key(*name))
            .then_some(by_name)
    })
    .await
}

fn options(collector: &str) -> Options {
    Options::default()
        .with("CHANCERY_TELEMETRY__OTLP_ENDPOINT", collector)
        .with("CHANCERY_TELEMETRY__OTLP_HEADERS", "Authorization=Bearer collect")
        .with("CHANCERY_OUTBOUND__ALLOW_HTTP", "true")
        .with("CHANCERY_OUTBOUND__ALLOW_PRIVATE", "127.0.0.0/8")
}

/// Registers a user within a trace.
async fn register(realm: &Realm, username: &str, traceparent: &str) -> Answer {
    let body = json!({ "username": username, "given_name": "Unmistakable" });
    let request = realm
        .api
        .commanding(Method::POST, &realm.at("/users"), &body)
        .header("traceparent", traceparent);
    Answer::to(request).await.is(201)
}

/// The registrations of a realm, once there are so many.
async fn registered(realm: &Realm, count: usize) -> Vec<Value> {
    eventually(&format!("{count} users are listed"), || async {
        let events = realm.events("facts", "&type=user.registered").await;
        (events.len() == count).then_some(events)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_a_request_to_all_that_it_caused() {
    let (collector, endpoint) = (Receiver::start().await, Receiver::start().await);
    let server = Server::start(options(&collector.base));
    let realm = Realm::on(&server).await;
    let webhook = json!({ "url": format!("{}/hook", endpoint.base), "events": ["user.registered"] });
    let _ = realm.api.post(&realm.at("/webhooks"), webhook).await.is(201);
    let _ = register(&realm, "traced-somebody", &format!("00-{TRACE}-{CALLER}-01")).await;

    let request = "POST /command/v1/realms/{realm}/users";
    let names = [request, "decide", "append", "project", "deliver"];
    let spans = spans(&collector, TRACE, &names).await;
    let parent = |name: &str| hex(&spans[name].parent_span_id);
    let id = |name: &str| hex(&spans[name].span_id);
    assert_eq!(parent(request), CALLER);
    assert_eq!(spans[request].kind(), SpanKind::Server);
    assert_eq!(parent("decide"), id(request));
    assert_eq!(parent("append"), id("decide"));
    for caused in ["project", "deliver"] {
        assert_eq!(parent(caused), id("decide"), "{caused} follows from the event");
    }
    assert_eq!(spans["deliver"].kind(), SpanKind::Client);

    // The event itself, whoever carries it, says which trace it is part of.
    let event = format!("00-{TRACE}-{}-01", id("decide"));
    let recorded = registered(&realm, 1).await;
    assert_eq!(recorded[0]["trace"], json!(event));
    let delivery = endpoint.received("/hook").remove(0);
    assert_eq!(delivery.text("traceparent"), event);
    assert_eq!(
        delivery.headers["traceparent"],
        format!("00-{TRACE}-{}-01", id("deliver")),
        "the receiver goes on from its own delivery"
    );

    for span in spans.values() {
        for attribute in &span.attributes {
            let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
            let Some(Any::StringValue(text)) = value else {
                continue;
            };
            for personal in ["traced-somebody", "Unmistakable", &*realm.name] {
                assert!(!text.contains(personal), "{}: {}", attribute.key, text);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_part_of_the_trace_of_the_request_that_asked_for_it() {
    let Some(mail) = MailServer::start() else { return };
    let collector = Receiver::start().await;
    let mailing = options(&collector.base)
        .with("CHANCERY_SMTP__URL", &mail.url())
        .with("CHANCERY_SMTP__FROM", "no-reply@acme.example");
    let server = Server::start(mailing);
    let realm = Realm::on(&server).await;
    let alice = realm.user().await;
    let path = realm.at(&format!("/users/{}/email-verification", alice.id));
    let request = realm
        .api
        .commanding(Method::POST, &path, &Value::Null)
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let _ = Answer::to(request).await.is(200);

    let request = "POST /command/v1/realms/{realm}/users/{id}/email-verification";
    let spans = spans(&collector, TRACE, &[request, "decide", "mail"]).await;
    let parent = |name: &str| hex(&spans[name].parent_span_id);
    let id = |name: &str| hex(&spans[name].span_id);
    assert_eq!(parent(request), CALLER);
    assert_eq!(parent("decide"), id(request));
    assert_eq!(parent("mail"), id("decide"), "it follows from the event");
    assert_eq!(spans["mail"].kind(), SpanKind::Client);
    let whole = format!("{:?}", spans["mail"]);
    assert!(whole.contains("email_verification"), "{whole}");
    assert!(!whole.contains(&alice.email) && !whole.contains(&alice.username));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_names_the_trace_and_does_not_decide_that_it_is_collected() {
    let collector = Receiver::start().await;
    let mut server = Server::start(options(&collector.base).with("CHANCERY_TELEMETRY__SAMPLE_RATIO", "0"));
    let realm = Realm::on(&server).await;
    let _ = register(&realm, "sampled", &format!("00-{TRACE}-{CALLER}-01")).await;
    let recorded = registered(&realm, 1).await;
    assert_eq!(recorded[0].get("trace"), None);
    server.stop();
    assert!(collected(&collector).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_is_malformed_is_as_good_as_none() {
    let collector = Receiver::start().await;
    let server = Server::start(options(&collector.base));
    let realm = Realm::on(&server).await;
    let _ = register(&realm, "malformed", &format!("00-{TRACE}-{CALLER}-01-extra")).await;
    let recorded = registered(&realm, 1).await;
    let trace = recorded[0]["trace"].as_str().expect("a trace of its own");
    assert!(!trace.contains(TRACE));
    let left_out = format!("00-{TRACE}-{CALLER}-00");
    let _ = register(&realm, "left-out", &left_out).await;
    let recorded = registered(&realm, 2).await;
    let traced = recorded.iter().filter(|event| event.get("trace").is_some());
    assert_eq!(traced.count(), 1, "who asked did not want it to be collected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_is_missed_by_nobody() {
    let gone = Receiver::start().await.base.clone();
    let mut server = Server::start(options(&gone));
    let realm = Realm::on(&server).await;
    let _ = register(&realm, "untold", &format!("00-{TRACE}-{CALLER}-01")).await;
    server.stop();
}
