//! The pages as a browser gets them: what they must hold, and what must never be in them.

use events::languages::Language;
use time::macros::datetime;

use super::*;
use crate::words::testing::{alone, english, everywhere};

const LETTERS: Letters = Letters {
    recovery: true,
    registration: true,
};

const HOSTILE: &str = r#""><script>alert('x')</script>&"#;

fn around() -> Surroundings<'static> {
    Surroundings {
        say: english(),
        application_name: Some("Reading Room"),
        action: "/realms/demo/sign-in",
        flow: "sealed",
        cancel_url: None,
        providers: &[],
        joining: None,
    }
}

fn identify(error: Option<SignInError>) -> String {
    Identify::new(around(), "alice", None, LETTERS, error)
        .render()
        .unwrap()
}

fn password(error: Option<SignInError>) -> String {
    PasswordPage::new(around(), "alice", LETTERS, &[], error)
        .render()
        .unwrap()
}

fn one_time_code(recovery: bool, error: Option<SignInError>) -> String {
    OneTimeCode::new(around(), "alice", recovery, 0, &[], error)
        .render()
        .unwrap()
}

/// Every page, with the same text in every place that takes text from outside.
fn every_page(text: &str) -> Vec<(&'static str, String)> {
    every_page_in(text, Language::English)
}

/// The same in a language.
fn every_page_in(text: &str, language: Language) -> Vec<(&'static str, String)> {
    let say = &everywhere(text, language);
    let params = [
        ("code".to_owned(), text.to_owned()),
        (text.to_owned(), "s".to_owned()),
    ];
    let providers = [ProviderLink {
        name: text.to_owned(),
        href: text.to_owned(),
    }];
    let around = Surroundings {
        say,
        application_name: Some(text),
        action: text,
        flow: text,
        cancel_url: Some(text),
        providers: &providers,
        joining: Some(text),
    };
    let others = [WayIn {
        method: "recovery_code",
        label: "use-recovery-code",
    }];
    let again = Some(SignInError::NotRecognised);
    let signed_in = SignedIn {
        say,
        username: text,
        signed_in_at: datetime!(2026-07-22 14:05 +2),
        adds: &others,
        sign_out_action: text,
        flow: text,
    };
    let confirm = ConfirmSignOut {
        say,
        application_name: Some(text),
        action: text,
        flow: text,
        cancel_url: Some(text),
    };
    let signed_out = SignedOut {
        say,
        application_name: Some(text),
        continue_url: text,
        goes_on: true,
        frames: &[text.to_owned()],
    };
    let error = ErrorPage {
        say,
        title: text,
        message: text,
        code: text,
        request_id: text,
        developer_detail: Some(text),
    };
    let form_post = FormPost {
        say,
        application_name: Some(text),
        action: text,
        params: &params,
    };
    let device_entry = |error| DeviceEntry {
        say,
        action: text,
        user_code: text,
        error,
    };
    let scopes = [text.to_owned()];
    let pages = account_pages(text, say);
    let device_confirmation = DeviceConfirmation {
        say,
        application_name: text,
        user_code: text,
        username: text,
        scopes: &scopes,
        action: text,
        flow: text,
    };
    let device_answered = |allowed| DeviceAnswered {
        say,
        application_name: text,
        allowed,
    };
    let paragraphs = [
        say.text("letter-elsewhere"),
        say.text("register-details").with("account", text),
    ];
    let forms = [PageForm {
        action: text,
        hidden: vec![("flow", text)],
        fields: vec![
            Field::email("email-address", text),
            Field::code("code", "email-code"),
            Field::new_password(),
        ],
        button: "continue",
    }];
    let mailed = MailedPage {
        say,
        title: "register",
        paragraphs: &paragraphs,
        code: Some(text),
        trouble: Some(Trouble {
            title: "unfit",
            advice: say.text("unfit-advice").with("name", text),
        }),
        forms: &forms,
        onward: Some((text, "register-again")),
        again: Some(text),
    };
    let of_a_sign_in = vec![
        ("mailed", mailed.render().unwrap()),
        (
            "e-mail code",
            EmailCodePage::new(around, text, &others, again).render().unwrap(),
        ),
        (
            "text code",
            TextCodePage::new(around, text, 30, &others, again)
                .render()
                .unwrap(),
        ),
        ("device entry", device_entry(None).render().unwrap()),
        (
            "device entry again",
            device_entry(Some(DeviceCodeError::LeadsNowhere))
                .render()
                .unwrap(),
        ),
        ("device confirmation", device_confirmation.render().unwrap()),
        ("device connected", device_answered(true).render().unwrap()),
        ("device refused", device_answered(false).render().unwrap()),
        (
            "identify",
            Identify::new(around, text, None, LETTERS, None).render().unwrap(),
        ),
        (
            "identify or passkey",
            Identify::new(around, text, Some(text), LETTERS, None)
                .render()
                .unwrap(),
        ),
        (
            "identity providers",
            FederatedPage::new(around, &others, again).render().unwrap(),
        ),
        (
            "another identity",
            AddIdentityPage::new(around, true, again).render().unwrap(),
        ),
        (
            "identify again",
            Identify::new(around, text, None, LETTERS, again)
                .render()
                .unwrap(),
        ),
        (
            "password",
            PasswordPage::new(around, text, LETTERS, &others, again)
                .render()
                .unwrap(),
        ),
        (
            "passkey",
            PasskeyPage::new(around, text, text, &others, again)
                .render()
                .unwrap(),
        ),
        (
            "enrol passkey",
            EnrolPasskeyPage::new(around, text, &others, true, again)
                .render()
                .unwrap(),
        ),
        (
            "code",
            OneTimeCode::new(around, text, false, 30, &others, again)
                .render()
                .unwrap(),
        ),
        (
            "recovery code",
            OneTimeCode::new(around, text, true, 0, &others, None)
                .render()
                .unwrap(),
        ),
        (
            "enrol",
            EnrolTotpPage::new(around, "<svg></svg>", text, text, &others, true, again)
                .render()
                .unwrap(),
        ),
        (
            "recovery codes",
            RecoveryCodesPage::new(around, &[text]).render().unwrap(),
        ),
        ("go on", GoOn::new(around).render().unwrap()),
        ("signed in", signed_in.render().unwrap()),
        ("confirm sign-out", confirm.render().unwrap()),
        ("signed out", signed_out.render().unwrap()),
        ("error", error.render().unwrap()),
        ("form post", form_post.render().unwrap()),
    ];
    of_a_sign_in.into_iter().chain(pages).collect()
}

/// Every page of an account.
fn account_pages<'a>(text: &'a str, say: &'a Say) -> Vec<(&'static str, String)> {
    let link = account::Link {
        name: "account-overview",
        path: text.to_owned(),
        is_here: true,
    };
    let shell = |notice| account::Shell {
        say,
        heading: "account-overview",
        links: vec![link.clone()],
        action: text.to_owned(),
        form: text.to_owned(),
        notice,
        username: text.to_owned(),
        sign_out_action: text.to_owned(),
        sign_out_flow: text.to_owned(),
    };
    let now = account::Moment(events::clock::Timestamp::from_seconds(1_767_225_600));
    let about = account::About {
        name: Some(text),
        login: Some(text),
        email: Some(text),
        ways: vec![text.to_owned()],
        since: now,
    };
    let known = [account::Known {
        id: text.to_owned(),
        at: text.to_owned(),
        name: Some(text.to_owned()),
        since: now,
    }];
    let allowed = [account::Allowed {
        id: text.to_owned(),
        name: text.to_owned(),
        is_active: false,
        about: Some(text.to_owned()),
        what: vec![text.to_owned()],
        since: now,
    }];
    let credential = [account::Credential {
        id: text.to_owned(),
        name: text.to_owned(),
        since: now,
        is_synchronised: true,
    }];
    let codes = account::Codes {
        remaining: 9,
        since: now,
    };
    let credentials = |shell, some: &[account::Credential], codes: Option<account::Codes>| {
        let password = codes.map(|_| now);
        let known = if some.is_empty() { &[] } else { &known[..] };
        let page = account::Credentials::new(
            shell, password, text, some, some, known, codes, true, true, true, true,
        );
        page.render().unwrap()
    };
    let choice = account::Input::Choice(vec![(text.to_owned(), text.to_owned())]);
    let inputs = [
        account::Input::Text,
        account::Input::Number,
        account::Input::Lines,
        choice,
    ];
    let fields = inputs.map(|input| account::Field {
        name: text.to_owned(),
        label: text.to_owned(),
        hint: "profile-zoneinfo-hint",
        autocomplete: "off",
        input,
        value: text.to_owned(),
        error: Some("fault-other"),
    });
    let devices = [account::KnownDevice {
        id: text.to_owned(),
        is_here: false,
        name: Some(text.to_owned()),
        agent: text.to_owned(),
        address: Some(text.to_owned()),
        first: now,
        last: now,
        trusted_until: Some(now),
    }];
    let place = [account::Place {
        id: text.to_owned(),
        is_here: false,
        agent: text.to_owned(),
        address: Some(text.to_owned()),
        applications: vec![text.to_owned()],
        started: now,
        used: now,
        expires: now,
    }];
    let pending = account::PendingAddress {
        email: Some(text.to_owned()),
        awaits_new: true,
        awaits_before: true,
    };
    let weak = account::NewPasswordError::Weak(passwords::Weakness::Common);
    let (done, stale) = (Some(account::Notice::Withdrawn), Some(account::Notice::Stale));
    vec![
        (
            "account",
            account::Overview::new(shell(None), about).render().unwrap(),
        ),
        (
            "account profile",
            account::ProfilePage::new(shell(None), &fields, Some(text), Some(text), false, true)
                .render()
                .unwrap(),
        ),
        (
            "account email",
            account::EmailPage::new(shell(None), Some(text), false, true, Some(&pending))
                .render()
                .unwrap(),
        ),
        (
            "account email, none",
            account::EmailPage::new(shell(None), None, false, false, None)
                .render()
                .unwrap(),
        ),
        (
            "account credentials",
            credentials(shell(None), &credential, Some(codes)),
        ),
        ("account credentials, none", credentials(shell(None), &[], None)),
        (
            "account codes",
            account::NewCodesPage::new(shell(done), &[text]).render().unwrap(),
        ),
        (
            "account password",
            account::NewPasswordPage::new(shell(None), text, 15, 256, true, text, Some(weak))
                .render()
                .unwrap(),
        ),
        (
            "account devices",
            account::DevicesPage::new(shell(None), &devices).render().unwrap(),
        ),
        (
            "account sessions",
            account::Sessions::new(shell(None), &place, 60, 60)
                .render()
                .unwrap(),
        ),
        (
            "account applications",
            account::Applications::new(shell(done), &allowed)
                .render()
                .unwrap(),
        ),
        (
            "account applications, none",
            account::Applications::new(shell(stale), &[]).render().unwrap(),
        ),
    ]
}

#[test]
fn whatever_comes_from_outside_is_escaped() {
    for (name, page) in every_page(HOSTILE) {
        assert!(!page.contains("<script>"), "{name}: {page}");
        assert!(
            !page.contains(r#"=""">"#),
            "{name} lets a value end its attribute: {page}"
        );
        assert!(
            page.contains("alert(&#39;x&#39;)"),
            "{name} lost the text: {page}"
        );
    }
}

#[test]
fn nothing_is_inline_and_nothing_is_loaded_from_elsewhere() {
    for (name, page) in every_page("demo") {
        for never in [
            "<style",
            " style=",
            "javascript:",
            " onclick",
            " onsubmit",
            " onload",
            "http:",
            "https:",
            "//",
        ] {
            assert!(!page.contains(never), "{name} holds {never:?}: {page}");
        }
        assert_eq!(
            page.matches("<script").count(),
            usize::from(["form post", "signed out"].contains(&name) || name.contains("passkey")),
            "{name}"
        );
        assert!(
            page.contains(r#"<link rel="stylesheet" href="/realms/demo/assets/chancery.css">"#),
            "{name}"
        );
    }
}

#[test]
fn every_page_has_a_language_a_title_one_heading_and_one_main() {
    for (name, page) in every_page("Demo") {
        assert!(
            page.starts_with("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">"),
            "{name}: {page}"
        );
        assert!(!page.contains("<title></title>"), "{name}");
        assert_eq!(page.matches("<h1>").count(), 1, "{name}");
        assert_eq!(page.matches("<main").count(), 1, "{name}");
    }
}

#[test]
fn every_page_is_in_the_language_that_it_says_and_can_be_shown_in_the_others() {
    for language in Language::ALL {
        for (name, page) in every_page_in("Demo", language) {
            let head = format!("<html lang=\"{}\" dir=\"ltr\">", language.tag());
            assert!(page.contains(&head), "{name}: {page}");
            let chosen = format!("<span aria-current=\"true\">{}</span>", language.own_name());
            assert_eq!(page.contains("aria-current"), page.contains(&chosen), "{name}");
            for other in Language::ALL.into_iter().filter(|other| *other != language) {
                let link = format!(
                    "ui_locales={0}\" lang=\"{0}\" hreflang=\"{0}\">{1}</a>",
                    other.tag(),
                    other.own_name()
                );
                assert_eq!(page.contains("aria-current"), page.contains(&link), "{name}");
            }
        }
    }
    let page = password(None);
    let link = r#"<a href="/realms/demo/sign-in?flow=sealed&#38;ui_locales=de" lang="de""#;
    assert!(page.contains(link), "{page}");
}

#[test]
fn a_realm_of_one_language_offers_no_other() {
    let one = alone(Language::German);
    let page = Identify::new(
        Surroundings {
            say: &one,
            ..around()
        },
        "",
        None,
        LETTERS,
        None,
    )
    .render()
    .unwrap();
    assert!(
        page.contains("Benutzername") && !page.contains("ui_locales"),
        "{page}"
    );
}

#[test]
fn the_sign_in_forms_are_plain_forms_with_the_agreed_fields() {
    let shown = [
        (
            identify(None),
            &[
                r#"name="username" type="text" value="alice" autocomplete="username""#,
                r#"<label for="username">"#,
            ][..],
        ),
        (
            password(None),
            &[
                r#"name="username" type="text" value="alice""#,
                r#"name="password" type="password" autocomplete="current-password""#,
                r#"<label for="password">"#,
            ],
        ),
        (
            one_time_code(false, None),
            &[
                r#"name="code" type="text" inputmode="numeric" autocomplete="one-time-code""#,
                r#"<label for="code">"#,
            ],
        ),
        (
            one_time_code(true, None),
            &[r#"name="recovery_code""#, r#"<label for="recovery_code">"#],
        ),
    ];
    for (page, fields) in shown {
        assert!(page.contains(r#"<form method="post" action="/realms/demo/sign-in">"#));
        assert!(page.contains(r#"<input type="hidden" name="flow" value="sealed">"#));
        for field in fields {
            assert!(page.contains(field), "{field} is missing: {page}");
        }
        assert!(!page.contains("role=\"alert\"") && !page.contains("aria-invalid"));
        assert!(!page.contains("Cancel"));
    }
}

#[test]
fn a_passkey_is_asked_for_by_the_script_of_its_form_alone() {
    let options = r#"{"publicKey":{"challenge":"AA"}}"#;
    let escaped = "data-options=\"{&#34;publicKey&#34;:{&#34;challenge&#34;:&#34;AA&#34;}}\"";
    let at_first = Identify::new(around(), "", Some(options), LETTERS, None)
        .render()
        .unwrap();
    assert!(at_first.contains(r#"autocomplete="username webauthn""#) && at_first.contains("data-autofill"));
    let alone = PasskeyPage::new(around(), "alice", options, &[], None)
        .render()
        .unwrap();
    let made = EnrolPasskeyPage::new(around(), options, &[], false, None)
        .render()
        .unwrap();
    for (page, asks) in [(&at_first, "get"), (&alone, "get"), (&made, "create")] {
        assert!(page.contains(escaped), "{page}");
        assert!(page.contains(&format!(r#"data-passkey="{asks}""#)), "{page}");
        assert!(
            page.contains(r#"src="/realms/demo/assets/passkey.js" defer"#),
            "{page}"
        );
        assert!(page.contains(r#"name="passkey" value="""#), "{page}");
    }
    assert!(!alone.contains("data-autofill") && !made.contains("Not now"));
}

#[test]
fn without_an_application_none_is_named() {
    let around = Surroundings {
        application_name: None,
        cancel_url: Some("/away"),
        ..around()
    };
    let page = Identify::new(around, "", None, LETTERS, None).render().unwrap();
    assert!(!page.contains("to go on to"));
    assert!(page.contains(r#"<a href="/away">Cancel and go back</a>"#));
}

#[test]
fn an_error_is_announced_described_and_blames_neither_field_alone() {
    let page = password(Some(SignInError::NotRecognised));
    assert!(page.contains("<title>Error: Sign in · Demo</title>"));
    assert!(page.contains(r#"id="sign-in-error" role="alert""#));
    assert_eq!(page.matches(r#"aria-describedby="sign-in-error""#).count(), 2);
    assert_eq!(page.matches(r#"aria-invalid="true""#).count(), 2);
    assert!(page.contains(r#"value="alice""#));
    let password = page
        .lines()
        .find(|line| line.contains(r#"type="password""#))
        .unwrap();
    assert!(
        password.contains("autofocus") && !password.contains("value="),
        "{password}"
    );
}

#[test]
fn an_error_that_is_not_the_persons_fault_marks_no_field() {
    for error in [
        SignInError::Busy { seconds: 1 },
        SignInError::Stale,
        SignInError::TryLater { seconds: 30 },
    ] {
        for page in [
            identify(Some(error)),
            password(Some(error)),
            one_time_code(false, Some(error)),
        ] {
            let (title, advice) = (english().text(error.title()), error.advice(english()));
            assert!(page.contains(&title.to_string()) && page.contains(&advice.to_string()));
            assert!(!page.contains("aria-invalid"), "{error:?}");
        }
    }
}

#[test]
fn the_time_of_a_sign_in_is_given_in_utc_for_people_and_machines() {
    let pages = every_page("demo");
    let page = &pages.iter().find(|(name, _)| *name == "signed in").unwrap().1;
    assert!(
        page.contains(r#"<time datetime="2026-07-22T12:05:00Z">22 July 2026, 12:05 UTC</time>"#),
        "{page}"
    );
}

#[test]
fn a_form_post_keeps_its_parameters_in_order_and_works_by_hand() {
    let params = [
        ("code".to_owned(), "abc".to_owned()),
        ("iss".to_owned(), "a\"b".to_owned()),
    ];
    let page = FormPost {
        say: english(),
        application_name: None,
        action: "https://app.example/cb?x=1&y=2",
        params: &params,
    }
    .render()
    .unwrap();
    assert!(
        page.contains(r#"method="post" action="https://app.example/cb?x=1&#38;y=2""#),
        "{page}"
    );
    let code = page.find(r#"name="code" value="abc""#).unwrap();
    assert!(code < page.find(r#"name="iss" value="a&#34;b""#).unwrap());
    assert!(page.contains(r#"<button type="submit">Continue</button>"#));
    assert!(page.contains(r#"src="/realms/demo/assets/form-post.js" defer"#));
}

#[test]
fn the_frame_names_its_cookie_and_holds_one_script() {
    let frame = |cookie| {
        CheckSession {
            say: english(),
            cookie,
        }
        .render()
        .unwrap()
    };
    let page = frame("chancery-state-1");
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\" data-cookie=\"chancery-state-1\">"));
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains(r#"<script src="/realms/demo/assets/check-session.js" defer></script>"#));
    assert!(!frame(HOSTILE).contains("<script>"));
}

#[test]
fn only_a_page_that_goes_on_by_itself_has_the_script_for_it() {
    let page = SignedOut {
        say: english(),
        application_name: None,
        continue_url: "/away",
        goes_on: false,
        frames: &["/out?a=1&b=2".to_owned()],
    };
    let page = page.render().unwrap();
    assert!(page.contains(r#"<iframe src="/out?a=1&#38;b=2" title="Signing out" hidden></iframe>"#));
    assert!(!page.contains("<script"), "{page}");
}

#[test]
fn an_error_page_without_a_realm_still_has_its_look() {
    let page = ErrorPage {
        say: &Say::nowhere("no such/realm", Language::English),
        title: "Unknown realm",
        message: "There is nothing at this address.",
        code: "realm.unknown",
        request_id: "r-1",
        developer_detail: None,
    }
    .render()
    .unwrap();
    assert!(
        page.contains(r#"href="/realms/no%20such%2Frealm/assets/chancery.css""#),
        "{page}"
    );
    assert!(page.contains("realm.unknown") && page.contains("r-1") && !page.contains("<details>"));
}

#[test]
fn the_assets_are_small_self_contained_and_only_these() {
    for name in [
        "chancery.css",
        "check-session.js",
        "form-post.js",
        "passkey.js",
        "seal.svg",
        "signed-out.js",
    ] {
        let asset = asset(name).unwrap();
        assert!(asset.body.len() < 20_000, "{name} is {} bytes", asset.body.len());
        let elsewhere = asset.body.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !elsewhere.contains("http") && !elsewhere.contains("@import") && !elsewhere.contains("data:")
        );
    }
    assert_eq!(asset("../Cargo.toml"), None);
    let page = password(None);
    let all = page.len() + asset("chancery.css").unwrap().body.len() + asset("seal.svg").unwrap().body.len();
    assert!(all < 50_000, "the sign-in page weighs {all} bytes");
}
