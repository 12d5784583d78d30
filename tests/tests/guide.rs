//! The guides are whole. That of developers (`tools/examples/README.md`): every endpoint of an issuer with every parameter, as the OpenAPI
//! documents have them, and every error code that the code has. That of administrators (`command/src/auth/flow/README.md`): every setting of
//! how people sign in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chancery_tests::harness::{Api, document, operations_of, shared};

/// The codes that are registered with IANA for OAuth, and those of OpenID Connect.
const CODES: [&str; 34] = [
    "access_denied",
    "account_selection_required",
    "authorization_pending",
    "consent_required",
    "expired_token",
    "insufficient_scope",
    "insufficient_user_authentication",
    "interaction_required",
    "invalid_authorization_details",
    "invalid_client",
    "invalid_client_metadata",
    "invalid_dpop_proof",
    "invalid_grant",
    "invalid_redirect_uri",
    "invalid_request",
    "invalid_request_object",
    "invalid_request_uri",
    "invalid_scope",
    "invalid_software_statement",
    "invalid_target",
    "invalid_token",
    "login_required",
    "registration_not_supported",
    "request_not_supported",
    "request_uri_not_supported",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unauthorized_client",
    "unmet_authentication_requirements",
    "unsupported_grant_type",
    "unsupported_response_type",
    "unsupported_token_type",
    "use_dpop_nonce",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn guide() -> String {
    read("tools/examples/README.md")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All source below a folder, without what stands in files of tests.
fn sources(folder: &Path, into: &mut String) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries.map_while(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && !["tests", "journeys"].contains(&name.as_str()) {
            sources(&path, into);
        } else if path.extension().is_some_and(|kind| kind == "rs") && !name.contains("tests") {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
            into.push_str(text.split("#[cfg(test)]").next().unwrap_or_default());
        }
    }
}

#[tokio::test]
async fn the_guide_names_every_endpoint_and_every_parameter() {
    let (guide, api) = (guide(), Api::anonymous(&shared()));
    for name in ["command", "query"] {
        let document = document(&api, name).await;
        let mut seen = 0;
        for operation in operations_of(&document) {
            let Some(endpoint) = operation.path.strip_prefix("/realms/{realm}/oauth2/") else {
                continue;
            };
            seen += 1;
            let start = format!("| `oauth2/{endpoint}` (");
            let row = guide.lines().find(|line| line.starts_with(&start));
            let row = row.unwrap_or_else(|| panic!("no row {start}"));
            let methods = row[start.len()..].split(')').next().unwrap_or_default();
            assert!(
                methods
                    .split(", ")
                    .any(|method| method == operation.method.as_str()),
                "{} {endpoint}: {methods}",
                operation.method
            );
            // A request that is pushed is the authorization endpoint's, and how clients authenticate is told for all endpoints.
            let told = |parameter: &str| {
                let authorize = guide
                    .lines()
                    .find(|line| line.starts_with("| `oauth2/authorize`"));
                let named = |text: &str| {
                    text.contains(&format!("`{parameter}`")) || text.contains(&format!("`{parameter}="))
                };
                named(row) || (endpoint == "par" && authorize.is_some_and(named))
            };
            for parameter in operation.parameters(&document) {
                let authentication = [
                    "client_id",
                    "client_secret",
                    "client_assertion",
                    "client_assertion_type",
                ];
                let known = told(&parameter)
                    || (operation.method != "GET" && authentication.contains(&parameter.as_str()));
                assert!(known, "{endpoint}: {parameter} is not in its row");
            }
        }
        assert!(seen > 2, "{name}: {seen} endpoints");
    }
}

#[test]
fn the_guide_names_every_error_of_the_code_and_no_other() {
    let guide = guide();
    let errors = guide.split("## What can go wrong").nth(1);
    let errors = errors.unwrap_or_else(|| panic!("no part about errors"));
    let mut code = String::new();
    for folder in ["command/src", "query/src", "tools/web/src"] {
        sources(&root().join(folder), &mut code);
    }
    for one in CODES {
        let (used, told) = (
            code.contains(&format!("\"{one}\"")) || code.contains(&format!("error=\\\"{one}\\\"")),
            errors.contains(&format!("`{one}`")),
        );
        assert_eq!(used, told, "{one}: in the code {used}, in the guide {told}");
    }
}

#[tokio::test]
async fn the_guide_names_every_setting_of_how_people_sign_in() {
    let guide = read("command/src/auth/flow/README.md");
    let document = document(&Api::anonymous(&shared()), "command").await;
    let schemas = &document["components"]["schemas"];
    let mut seen = 0;
    for (group, schema) in [
        ("session", "SessionPatch"),
        ("password", "PasswordPatch"),
        ("registration", "RegistrationPatch"),
        ("mfa", "MfaPatch"),
        ("passkeys", "PasskeyPatch"),
        ("mail", "MailPatch"),
    ] {
        let fields = schemas[schema]["properties"].as_object();
        for field in fields.unwrap_or_else(|| panic!("no {schema}")).keys() {
            seen += 1;
            assert!(
                guide.contains(&format!("`{group}.{field}`")),
                "{group}.{field} is not in the guide"
            );
        }
    }
    assert!(seen > 15, "{seen} settings");
}
