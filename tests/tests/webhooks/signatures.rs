//! Who sent it: every delivery is believed by the receiver's library, and nothing else is.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use chancery_tests::harness::{Realm, ReceivedDelivery, Receiver};
use serde_json::{Value, json};

use super::{received, register, server};

/// Whether the library believes each of these; `None` where it is not installed.
fn believed(deliveries: &[Value]) -> Option<Vec<bool>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("journeys");
    if !folder.join("node_modules/standardwebhooks").exists() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "standardwebhooks is missing: run tools/test"
        );
        eprintln!("\n=== SKIPPED: npm's standardwebhooks is missing; tools/test sets it up ===\n");
        return None;
    }
    let output = Command::new("node")
        .arg("webhooks_library.mjs")
        .current_dir(folder)
        .env("JOURNEY", Value::from(deliveries).to_string())
        .stdin(Stdio::null())
        .output()
        .expect("node");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Some(serde_json::from_slice(&output.stdout).expect("a list"))
}

fn told(secret: &str, delivery: &ReceivedDelivery) -> Value {
    json!({ "secret": secret, "headers": delivery.headers, "body": delivery.body })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receivers_library_believes_each_delivery_and_none_that_was_altered() {
    let server = server();
    let realm = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    let made = register(&realm, &receiver, "/hook", json!({})).await;
    let secret = made.field("secret");
    for _ in 0..3 {
        let _ = realm.user().await;
    }
    let all = received(&receiver, "/hook", 6).await;
    let genuine: Vec<_> = all.iter().map(|delivery| told(&secret, delivery)).collect();
    let Some(answers) = believed(&genuine) else { return };
    assert_eq!(answers, vec![true; all.len()]);

    let altered = |alter: &dyn Fn(&mut ReceivedDelivery)| {
        let mut delivery = all[0].clone();
        alter(&mut delivery);
        told(&secret, &delivery)
    };
    let set = |name: &'static str, value: &str| {
        let value = value.to_owned();
        altered(&move |delivery| {
            delivery.headers.insert(name.to_owned(), value.clone());
        })
    };
    let stale = all[0].headers["webhook-timestamp"]
        .parse::<i64>()
        .expect("a number")
        - 3_600;
    let forged = [
        altered(&|delivery| delivery.body = delivery.body.replace("facts", "Facts")),
        altered(&|delivery| delivery.body.push(' ')),
        set("webhook-id", &all[1].headers["webhook-id"]),
        set("webhook-timestamp", &stale.to_string()),
        set("webhook-signature", &all[1].headers["webhook-signature"]),
        set("webhook-signature", ""),
        told(&format!("whsec_{}", STANDARD.encode([7; 32])), &all[0]),
    ];
    assert_eq!(believed(&forged), Some(vec![false; forged.len()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_rotated_while_receivers_move_from_one_to_the_other() {
    let server = server();
    let realm = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    let made = register(
        &realm,
        &receiver,
        "/hook",
        json!({ "events": ["user.registered"] }),
    )
    .await;
    let (old, webhook) = (made.field("secret"), made.field("id"));
    let at = |rest: &str| realm.at(&format!("/webhooks/{webhook}/secrets{rest}"));
    let added = realm
        .api
        .post(&at(""), json!({ "overlap_seconds": 3_600 }))
        .await
        .is(201);
    let new = added.field("secret");
    let _ = realm.user().await;
    let delivery = received(&receiver, "/hook", 1).await.remove(0);
    assert_eq!(delivery.headers["webhook-signature"].split(' ').count(), 2);
    let both = [told(&old, &delivery), told(&new, &delivery)];
    let Some(answers) = believed(&both) else { return };
    assert_eq!(answers, [true, true]);

    // The old one is withdrawn at once; the last one is not.
    let first = made.field("secret_id");
    let _ = realm.api.delete(&at(&format!("/{first}"))).await.is(200);
    let _ = realm
        .api
        .delete(&at(&format!("/{first}")))
        .await
        .is_problem(404, "not_found");
    let last = at(&format!("/{}", added.field("secret_id")));
    let _ = realm.api.delete(&last).await.is_problem(409, "conflict");
    let _ = realm.user().await;
    let delivery = received(&receiver, "/hook", 2).await.remove(1);
    let both = [told(&old, &delivery), told(&new, &delivery)];
    assert_eq!(believed(&both), Some(vec![false, true]));

    // Without an overlap, the new one alone signs.
    let newest = realm
        .api
        .post(&at(""), json!({ "overlap_seconds": 0 }))
        .await
        .is(201)
        .field("secret");
    let _ = realm.user().await;
    let delivery = received(&receiver, "/hook", 3).await.remove(2);
    let both = [told(&new, &delivery), told(&newest, &delivery)];
    assert_eq!(believed(&both), Some(vec![false, true]));
    let refused = realm
        .api
        .post(&at(""), json!({ "overlap_seconds": 604_801 }))
        .await;
    assert!(
        refused
            .is_problem(422, "invalid")
            .faults()
            .contains("overlap_seconds")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ed25519_signs_for_receivers_that_should_not_be_able_to() {
    let server = server();
    let realm = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    let body = json!({ "signature": "ed25519", "events": ["user.registered"] });
    let made = register(&realm, &receiver, "/hook", body).await;
    assert!(made.json().get("secret").is_none(), "{}", made.text);
    let _ = realm.user().await;
    let delivery = received(&receiver, "/hook", 1).await.remove(0);
    let public_key = made.field("public_key");
    let public_key = STANDARD
        .decode(public_key.strip_prefix("whpk_").expect("a prefix"))
        .expect("base64");
    let signature = delivery.headers["webhook-signature"]
        .strip_prefix("v1a,")
        .expect("v1a");
    let signature = STANDARD.decode(signature).expect("base64");
    let headers = &delivery.headers;
    let content = format!(
        "{}.{}.{}",
        headers["webhook-id"], headers["webhook-timestamp"], delivery.body
    );
    let key = UnparsedPublicKey::new(&ED25519, public_key);
    key.verify(content.as_bytes(), &signature).expect("good");
    assert!(key.verify(format!("{content} ").as_bytes(), &signature).is_err());
    let read = realm
        .api
        .query(&realm.at(&format!("/webhooks/{}", made.field("id"))))
        .await
        .is(200);
    assert_eq!(read.json()["secrets"][0]["public_key"], made.json()["public_key"]);
}
