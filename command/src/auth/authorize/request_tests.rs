//! What an authorization request may ask for, and to whom each refusal is told: nothing is sent to a redirect URI that is not
//! the application's.

use std::collections::BTreeMap;

use events::applications::{ApplicationSettings, ApplicationType};
use uuid::Uuid;
use web::offered::ResponseMode;

use super::*;
use crate::auth::authorize::{
    params::{MAX_LOGIN_HINT, MAX_NONCE},
    reply::{MAX_STATE, client_id},
};

const ISSUER: &str = "https://id.example/realms/demo";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A request that is good for a public application, with changes; an empty value takes a parameter away.
fn query(changes: &[(&str, &str)]) -> Form {
    let good = [
        ("client_id", "app"),
        ("redirect_uri", "https://app.example/cb"),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let parameters: BTreeMap<_, _> = good.iter().chain(changes).copied().collect();
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    Form::parse(encoded.as_bytes()).expect("it is a form")
}

fn application(application_type: ApplicationType) -> Application {
    Application {
        client_id: "app".to_owned(),
        application_type: Some(application_type),
        settings: ApplicationSettings {
            redirect_uris: vec!["https://app.example/cb".to_owned()],
            scopes: vec!["orders".to_owned()],
            audiences: vec!["https://api.example".to_owned()],
            ..ApplicationSettings::default()
        },
        ..Application::default()
    }
}

fn reply_to(form: &Form, application: &Application) -> Result<ReplyTo, Unanswerable> {
    let required = Requirements::of(application, &Settings::default());
    reply::reply_to(form, application, &required)
}

fn validated_for(
    application_type: ApplicationType,
    changes: &[(&str, &str)],
) -> Result<AuthorizeRequest, &'static str> {
    let (query, application) = (query(changes), application(application_type));
    let settings = Settings::default();
    let required = Requirements::of(&application, &settings);
    let reply_to = reply_to(&query, &application).expect("the redirect URI is registered");
    let asking = Asking {
        client: ApplicationId(Uuid::nil()),
        application: &application,
        required: &required,
        settings: &settings,
        issuer: ISSUER,
    };
    validate(&query, &asking, reply_to, Origin::default()).map_err(|refusal| refusal.error)
}

fn validated(changes: &[(&str, &str)]) -> Result<AuthorizeRequest, &'static str> {
    validated_for(ApplicationType::Spa, changes)
}

fn error(changes: &[(&str, &str)]) -> &'static str {
    validated(changes).expect_err("the request is refused")
}

#[test]
fn a_good_request_is_understood() {
    let request = validated(&[
        ("scope", "openid  orders offline_access"),
        ("state", "s t"),
        ("nonce", "n"),
        ("max_age", "0"),
        ("login_hint", "alice"),
        ("prompt", "consent"),
        ("resource", "https://api.example"),
        ("display", "page"),
    ])
    .expect("the request is good");
    assert_eq!(
        request.scopes.iter().collect::<Vec<_>>(),
        ["offline_access", "openid", "orders"]
    );
    assert_eq!(request.reply_to.state.as_deref(), Some("s t"));
    assert_eq!(request.reply_to.mode, ResponseMode::Query);
    assert!(request.reply_to.redirect_uri_given);
    assert_eq!(request.challenge.as_deref(), Some(CHALLENGE));
    assert_eq!((request.max_age, request.prompt), (Some(0), Prompt::AsNeeded));
    assert_eq!(request.resources, ["https://api.example"]);
}

#[test]
fn nothing_is_sent_anywhere_while_client_or_redirect_uri_are_in_doubt() {
    let app = application(ApplicationType::Spa);
    assert_eq!(
        client_id(&query(&[("client_id", "")])),
        Err(Unanswerable::MissingClient)
    );
    let disabled = Application {
        disabled: true,
        ..app.clone()
    };
    assert_eq!(reply_to(&query(&[]), &disabled), Err(Unanswerable::UnknownClient));
    let service = application(ApplicationType::Service);
    assert_eq!(reply_to(&query(&[]), &service), Err(Unanswerable::NotForUsers));
    let evil = query(&[("redirect_uri", "https://evil.example/cb")]);
    assert_eq!(reply_to(&evil, &app), Err(Unanswerable::UnregisteredRedirectUri));
    let absent = query(&[("redirect_uri", "")]);
    assert_eq!(reply_to(&absent, &app), Err(Unanswerable::MissingRedirectUri));
}

#[test]
fn the_only_redirect_uri_may_be_left_out_except_in_openid_connect() {
    let mut app = application(ApplicationType::Spa);
    let plain = query(&[("redirect_uri", ""), ("scope", "orders")]);
    let reply = reply_to(&plain, &app).expect("there is only one");
    assert_eq!(
        (reply.redirect_uri.as_str(), reply.redirect_uri_given),
        ("https://app.example/cb", false)
    );
    app.settings
        .redirect_uris
        .push("https://app.example/other".to_owned());
    assert_eq!(reply_to(&plain, &app), Err(Unanswerable::MissingRedirectUri));
}

#[test]
fn only_the_code_flow_is_there() {
    assert_eq!(error(&[("response_type", "")]), "invalid_request");
    for other in ["token", "id_token", "code id_token", "code token", "none", "CODE"] {
        assert_eq!(
            error(&[("response_type", other)]),
            "unsupported_response_type",
            "{other}"
        );
    }
}

#[test]
fn the_answer_travels_as_was_asked() {
    let mode = |text| {
        validated(&[("response_mode", text)]).map(|request| (request.reply_to.mode, request.reply_to.signed))
    };
    assert_eq!(mode("query"), Ok((ResponseMode::Query, false)));
    assert_eq!(mode("fragment"), Ok((ResponseMode::Fragment, false)));
    assert_eq!(mode("form_post"), Ok((ResponseMode::FormPost, false)));
    assert_eq!(mode("jwt"), Ok((ResponseMode::Query, true)));
    assert_eq!(mode("fragment.jwt"), Ok((ResponseMode::Fragment, true)));
    assert_eq!(mode("form_post.jwt"), Ok((ResponseMode::FormPost, true)));
    assert_eq!(mode("web_message"), Err("invalid_request"));
}

#[test]
fn public_applications_prove_possession_with_s256() {
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    for public in [ApplicationType::Spa, ApplicationType::Native] {
        assert_eq!(validated_for(public, &without), Err("invalid_request"));
    }
    let web = validated_for(ApplicationType::Web, &without).expect("it has a secret");
    assert_eq!(web.challenge, None);
    for application_type in [ApplicationType::Spa, ApplicationType::Web] {
        for wrong in [
            [("code_challenge", CHALLENGE), ("code_challenge_method", "plain")],
            [("code_challenge", CHALLENGE), ("code_challenge_method", "")],
            [("code_challenge", CHALLENGE), ("code_challenge_method", "s256")],
            [("code_challenge", ""), ("code_challenge_method", "S256")],
            [("code_challenge", "short"), ("code_challenge_method", "S256")],
            [
                ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"),
                ("code_challenge_method", "S256"),
            ],
            [
                ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="),
                ("code_challenge_method", "S256"),
            ],
        ] {
            assert_eq!(
                validated_for(application_type, &wrong),
                Err("invalid_request"),
                "{wrong:?}"
            );
        }
    }
}

#[test]
fn scopes_must_be_known_to_the_application() {
    assert!(validated(&[("scope", "openid profile email phone offline_access orders")]).is_ok());
    assert_eq!(error(&[("scope", "")]), "invalid_scope");
    assert_eq!(error(&[("scope", " ")]), "invalid_scope");
    assert_eq!(error(&[("scope", "openid payments")]), "invalid_scope");
    assert_eq!(error(&[("scope", "openid manage")]), "invalid_scope");
    assert_eq!(error(&[("scope", "openid\torders")]), "invalid_scope");
    assert_eq!(error(&[("scope", &"openid ".repeat(400))]), "invalid_scope");
}

#[test]
fn prompts_combine_only_where_they_make_sense() {
    let prompt = |text| validated(&[("prompt", text)]).map(|request| (request.prompt, request.ask_consent));
    assert_eq!(prompt("none"), Ok((Prompt::Nothing, false)));
    assert_eq!(prompt("login"), Ok((Prompt::SignIn, false)));
    assert_eq!(prompt("select_account consent"), Ok((Prompt::SignIn, true)));
    assert_eq!(prompt("consent"), Ok((Prompt::AsNeeded, true)));
    assert_eq!(prompt("create"), Ok((Prompt::Register, false)));
    assert_eq!(prompt("create login consent"), Ok((Prompt::Register, true)));
    assert_eq!(prompt("login create"), Ok((Prompt::Register, false)));
    for wrong in [
        "none login",
        "login none",
        "none create",
        "create none",
        "none none",
        "CREATE",
        "LOGIN",
    ] {
        assert_eq!(prompt(wrong), Err("invalid_request"), "{wrong}");
    }
}

#[test]
fn numbers_and_texts_are_bounded() {
    for wrong in ["-1", "+1", "1.5", "x", " 1", "99999999999"] {
        assert_eq!(error(&[("max_age", wrong)]), "invalid_request", "{wrong}");
    }
    assert_eq!(error(&[("nonce", &"n".repeat(MAX_NONCE + 1))]), "invalid_request");
    assert_eq!(error(&[("nonce", "a\nb")]), "invalid_request");
    assert_eq!(
        error(&[("login_hint", &"n".repeat(MAX_LOGIN_HINT + 1))]),
        "invalid_request"
    );
    assert_eq!(error(&[("state", &"s".repeat(MAX_STATE + 1))]), "invalid_request");
}

#[test]
fn a_state_that_is_refused_is_not_given_back() {
    let query = query(&[("state", "a\u{1}b")]);
    let reply = reply_to(&query, &application(ApplicationType::Spa)).expect("the redirect URI is registered");
    assert_eq!(reply.state, None);
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    assert_eq!(error(&[("registration", "{}")]), "registration_not_supported");
    assert_eq!(error(&[("resource", "https://other.example")]), "invalid_target");
}

#[test]
fn what_is_about_a_key_or_a_claim_is_read_strictly() {
    let request = validated(&[
        ("dpop_jkt", CHALLENGE),
        ("claims", r#"{"userinfo": {"email": null}}"#),
    ]);
    let request = request.expect("the request is good");
    assert_eq!(request.jkt.as_deref(), Some(CHALLENGE));
    assert_eq!(request.claims_beyond_scopes(), ["email".to_owned()].into());
    assert_eq!(error(&[("dpop_jkt", "short")]), "invalid_request");
    assert_eq!(error(&[("claims", "[]")]), "invalid_request");
    let scoped = validated(&[
        ("scope", "openid email"),
        ("claims", r#"{"userinfo": {"email": null}}"#),
    ]);
    assert!(
        scoped
            .expect("the request is good")
            .claims_beyond_scopes()
            .is_empty()
    );
}

#[test]
fn a_profile_is_kept_whatever_else_is_asked() {
    let mut settings = Settings::default();
    settings.oauth.security_profile = Some(events::realms::SecurityProfile::Fapi2);
    let judged = |application_type, changes: &[(&str, &str)], origin: Origin| {
        let (form, application) = (query(changes), application(application_type));
        let required = Requirements::of(&application, &settings);
        let reply_to = reply::reply_to(&form, &application, &required).expect("it is https");
        let asking = Asking {
            client: ApplicationId(Uuid::nil()),
            application: &application,
            required: &required,
            settings: &settings,
            issuer: ISSUER,
        };
        validate(&form, &asking, reply_to, origin).map_err(|refusal| refusal.error)
    };
    let pushed = || Origin {
        pushed: Some((Uuid::nil(), Timestamp::from_seconds(0))),
        ..Origin::default()
    };
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    assert!(judged(ApplicationType::Web, &[], pushed()).is_ok());
    assert_eq!(
        judged(ApplicationType::Web, &[], Origin::default()),
        Err("invalid_request")
    );
    assert_eq!(
        judged(ApplicationType::Web, &without, pushed()),
        Err("invalid_request")
    );
    assert_eq!(
        judged(ApplicationType::Spa, &[], pushed()),
        Err("unauthorized_client")
    );
    let mut plain = application(ApplicationType::Web);
    plain.settings.redirect_uris = vec!["http://127.0.0.1/cb".to_owned()];
    let required = Requirements::of(&plain, &settings);
    assert_eq!(
        reply::reply_to(
            &query(&[("redirect_uri", "http://127.0.0.1:4000/cb")]),
            &plain,
            &required
        ),
        Err(Unanswerable::InsecureRedirectUri)
    );
}
