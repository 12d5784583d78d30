//! One-time passwords before a library that we did not write: PyPI's pyotp (`journeys/totp_library.py`). It reads our URI, we
//! accept its codes, it accepts ours, over steps and skew. Where it is not installed, this is said loudly; with `CI=true` it fails.
#![expect(clippy::expect_used, reason = "a test")]

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use totp::{STEP_SECONDS, Secret, step_of};

const NOW: u64 = 1_800_000_007;

fn pyotp(journey: &Value) -> Option<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("journeys");
    let python = folder.join(".venv/bin/python");
    if !python.exists() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "tests/journeys/.venv is missing: run tools/test"
        );
        eprintln!("\n=== SKIPPED: tests/journeys/.venv is missing; tools/test sets it up ===\n");
        return None;
    }
    let output = Command::new(python)
        .arg("totp_library.py")
        .current_dir(folder)
        .env("JOURNEY", journey.to_string())
        .stdin(Stdio::null())
        .output()
        .expect("python");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn pypi_pyotp_and_we_agree_on_every_code() {
    let secret = Secret::of_bytes(*b"a device and we both");
    let moments: Vec<u64> = (0..200)
        .map(|step| NOW + step * 7 * STEP_SECONDS + step % 30)
        .collect();
    // Ours, judged by it a step too early to two steps too late.
    let judged: Vec<(u64, u64)> = (0..4)
        .flat_map(|late| moments.iter().map(move |moment| (*moment, late)))
        .collect();
    let codes: Vec<_> = judged
        .iter()
        .map(|(moment, _)| secret.code(step_of(*moment)).to_string())
        .collect();
    let judged_at: Vec<_> = judged
        .iter()
        .map(|(moment, late)| moment + late * STEP_SECONDS - STEP_SECONDS)
        .collect();
    let journey = json!({
        "uri": *secret.uri("Acme Söhne", "alice@example.org"),
        "moments": moments, "codes": codes, "judged_at": judged_at,
    });
    let Some(made) = pyotp(&journey) else { return };
    assert_eq!(
        (&made["name"], &made["issuer"]),
        (&json!("alice@example.org"), &json!("Acme Söhne"))
    );
    for (moment, code) in moments.iter().zip(made["codes"].as_array().expect("codes")) {
        let code = code.as_str().expect("a code");
        for now in [moment - STEP_SECONDS, *moment, moment + STEP_SECONDS] {
            assert_eq!(secret.check(code, now), Some(step_of(*moment)), "{code} at {now}");
        }
        assert_eq!(secret.check(code, moment + 2 * STEP_SECONDS), None);
        assert_eq!(secret.check(code, moment - 2 * STEP_SECONDS), None);
    }
    let believed: Vec<bool> = serde_json::from_value(made["believed"].clone()).expect("verdicts");
    let expected: Vec<bool> = judged.iter().map(|(_, late)| *late < 3).collect();
    assert_eq!(believed, expected);
}
