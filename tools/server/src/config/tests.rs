//! What a configuration may say, and what is refused before anything starts.

use super::*;
use serde_json::json;

/// An account of Twilio, as they are written.
const TWILIO: &str = "AC0123456789abcdef0123456789abcdef";

fn load(variables: &[(&str, &str)], flags: Value) -> Result<Config, ConfigError> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(None, variables, flags)
}

#[test]
fn flags_win_over_variables_win_over_defaults() {
    let config = load(
        &[("CHANCERY_DATA", "/srv/a"), ("CHANCERY_PASSWORDS__QUEUE", "7")],
        json!({"data": "/srv/b"}),
    )
    .expect("accepted");
    assert_eq!(config.data, PathBuf::from("/srv/b"));
    assert_eq!(config.passwords.queue, 7);
    assert_eq!(config.listen, Config::default().listen);
}

#[test]
fn unknown_keys_are_refused() {
    assert!(load(&[("CHANCERY_LGO__URL", "sqlite:x")], json!({})).is_err());
    assert!(load(&[("CHANCERY_LOG__URI", "sqlite:x")], json!({})).is_err());
}

#[test]
fn a_secret_of_digits_stays_a_text_and_is_never_shown() {
    let config = load(
        &[
            ("CHANCERY_BOOTSTRAP__CLIENT_ID", "ci"),
            ("CHANCERY_BOOTSTRAP__CLIENT_SECRET", "0123456789"),
        ],
        json!({}),
    )
    .expect("accepted");
    assert_eq!(
        config.bootstrap.client_secret.as_ref().map(Secret::expose),
        Some("0123456789")
    );
    assert!(!format!("{config:?}").contains("0123456789"));
    assert!(
        !serde_json::to_string(&config)
            .expect("JSON")
            .contains("0123456789")
    );
}

#[test]
fn outside_loopback_nothing_starts_with_a_default_secret_or_without_https() {
    let key = (
        "CHANCERY_MASTER_KEY",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    );
    let open = ("CHANCERY_LISTEN", "0.0.0.0:8080");
    assert!(load(&[open], json!({})).is_err());
    assert!(load(&[open, key], json!({})).is_err());
    assert!(
        load(
            &[open, key, ("CHANCERY_PUBLIC_URL", "http://id.example")],
            json!({})
        )
        .is_err()
    );
    assert!(load(&[open, ("CHANCERY_PUBLIC_URL", "https://id.example")], json!({})).is_err());
    assert!(
        load(
            &[open, key, ("CHANCERY_PUBLIC_URL", "http://localhost:8080")],
            json!({})
        )
        .is_err()
    );
    assert!(
        load(
            &[open, key, ("CHANCERY_PUBLIC_URL", "https://id.example")],
            json!({})
        )
        .is_ok()
    );
}

#[test]
fn an_engine_that_is_not_there_is_refused() {
    assert!(load(&[("CHANCERY_LOG__URL", "mysql://x")], json!({})).is_err());
}

const KEY: (&str, &str) = (
    "CHANCERY_MASTER_KEY",
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
);
const PUBLIC: (&str, &str) = ("CHANCERY_PUBLIC_URL", "https://id.example");

/// The three stores, each on its server.
fn stores<'a>(log: &'a str, keys: &'a str, read: &'a str) -> [(&'static str, &'a str); 3] {
    [
        ("CHANCERY_LOG__URL", log),
        ("CHANCERY_KEYS__URL", keys),
        ("CHANCERY_READ__URL", read),
    ]
}

fn refusal(variables: &[(&str, &str)]) -> String {
    load(variables, json!({})).expect_err("refused").to_string()
}

#[test]
fn roles_are_divided_only_where_all_stores_are_shared() {
    let (a, b, file) = (
        "postgres://127.0.0.1/log",
        "postgres://127.0.0.1/read",
        "sqlite:x",
    );
    let worker = ("CHANCERY_ROLES", "worker");
    let shared = ("CHANCERY_PUBLIC_URL", "http://127.0.0.1:8080");
    let with = |stores: [(&'static str, &'static str); 3], more: &[(&'static str, &'static str)]| {
        load(&[&stores[..], more].concat(), json!({}))
    };
    assert!(
        with(stores(a, a, b), &[worker, shared]).is_ok(),
        "a worker that knows where the others are"
    );
    for split in [stores(file, file, file), stores(file, a, b), stores(a, b, file)] {
        assert!(with(split, &[]).is_ok(), "{split:?}");
        assert!(with(split, &[worker]).is_err(), "{split:?}");
    }
    assert!(with(stores(a, file, b), &[]).is_err(), "nodes share keys");
    let divided = ("CHANCERY_ROLES", "command,query");
    assert!(refusal(&[&stores(a, a, b)[..], &[divided]].concat()).contains("public_url"));
    assert!(with(stores(a, a, b), &[divided, shared]).is_ok());
    assert!(with(stores(a, a, b), &[("CHANCERY_ROLES", "")]).is_err());
}

#[test]
fn outside_loopback_the_keys_stand_on_a_server_of_their_own() {
    let [log, keys] = [
        "postgres://a:b@db.example/log",
        "postgres://a:b@keys.example/keys",
    ];
    let read = "postgres://a:b@db.example/read";
    let with = |stores: [(&'static str, &'static str); 3]| [&stores[..], &[KEY, PUBLIC]].concat();
    assert!(load(&with(stores(log, keys, read)), json!({})).is_ok());
    let together = "postgres://c:d@db.example:5432/keys";
    let refused = refusal(&with(stores(log, together, read)));
    assert!(
        refused.contains("keys.url") && refused.contains("db.example:5432"),
        "{refused}"
    );
    // Stores that are elsewhere are not this machine's own, wherever requests come from.
    assert!(refusal(&stores(log, keys, read)).contains("master_key"));
    let here = "postgres://127.0.0.1/chancery";
    assert!(load(&stores(here, here, here), json!({})).is_ok());
}

#[test]
fn the_password_of_a_store_is_never_shown() {
    let address = "postgres://chancery:hunter2@127.0.0.1/chancery?sslmode=disable";
    let config = load(&stores(address, address, address), json!({})).expect("accepted");
    let shown = serde_json::to_string(&config).expect("JSON");
    assert!(
        !shown.contains("hunter2") && shown.contains("chancery:********@127.0.0.1/chancery"),
        "{shown}"
    );
    assert!(!format!("{config:?}").contains("hunter2"));
    for broken in [
        "postgres://chancery:hunter2@127.0.0.1",
        "mysql://a:hunter2@x/y",
        "chancery:hunter2@127.0.0.1/chancery",
    ] {
        let refused = refusal(&stores(broken, address, address));
        assert!(
            refused.contains("log.url") && !refused.contains("hunter2"),
            "{refused}"
        );
    }
}

#[test]
fn requests_are_taken_for_a_while_after_the_order_to_stop_unless_all_is_loopback() {
    let seconds =
        |variables: &[(&str, &str)]| load(variables, json!({})).expect("accepted").drain().as_secs();
    assert_eq!(seconds(&[]), 0);
    assert_eq!(seconds(&[KEY, PUBLIC]), 5);
    assert_eq!(seconds(&[("CHANCERY_DRAIN_SECONDS", "2")]), 2);
    assert!(load(&[("CHANCERY_DRAIN_SECONDS", "601")], json!({})).is_err());
}

#[test]
fn a_worker_is_told_the_public_address_and_has_no_default_secret_where_that_is_elsewhere() {
    // A proxy beside the process makes any database look near.
    let (log, keys) = ("postgres://127.0.0.1:5432/a", "postgres://127.0.0.1:5433/b");
    let worker = ("CHANCERY_ROLES", "worker");
    let with =
        |keys, more: &[(&'static str, &'static str)]| [&stores(log, keys, log)[..], &[worker], more].concat();
    assert!(refusal(&with(keys, &[KEY])).contains("public_url"));
    assert!(refusal(&with(keys, &[PUBLIC])).contains("master_key"));
    assert!(load(&with(keys, &[KEY, PUBLIC]), json!({})).is_ok());
    for beside in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "127.0.0.2",
        "localhost.",
    ] {
        let beside = format!("postgres://{beside}:5432/b?sslmode=disable");
        let refused = load(
            &[&stores(log, &beside, log)[..], &[worker, KEY, PUBLIC]].concat(),
            json!({}),
        );
        let refused = refused.expect_err(&beside).to_string();
        assert!(refused.contains("keys.url"), "{refused}");
    }
}

#[test]
fn a_server_is_the_same_however_its_name_is_written() {
    let (log, keys) = ("postgres://DB.example/log", "postgres://db.example.:5432/keys");
    let refused = refusal(&[&stores(log, keys, log)[..], &[KEY, PUBLIC]].concat());
    assert!(refused.contains("keys.url"), "{refused}");
}

#[test]
fn with_a_certificate_the_listener_speaks_https_and_nothing_else() {
    let certificate = ("CHANCERY_TLS__CERTIFICATE_FILE", "/etc/chancery/tls.crt");
    let key = ("CHANCERY_TLS__KEY_FILE", "/etc/chancery/tls.key");
    assert!(load(&[certificate, key], json!({})).is_ok());
    for half in [certificate, key] {
        assert!(refusal(&[half]).contains("go together"));
    }
    let at = |url| load(&[certificate, key, ("CHANCERY_PUBLIC_URL", url)], json!({}));
    assert!(at("https://localhost:8080").is_ok());
    assert!(at("http://localhost:8080").is_err());
}

#[test]
fn requests_that_tenants_cause_go_to_the_public_network_over_https_unless_more_is_said() {
    let closed = load(&[], json!({})).expect("accepted").outbound;
    assert!(closed.allow_private.is_empty() && !closed.allow_http);
    let open = load(
        &[
            ("CHANCERY_OUTBOUND__ALLOW_PRIVATE", "10.1.0.0/16, 192.168.7.7"),
            ("CHANCERY_OUTBOUND__ALLOW_HTTP", "true"),
        ],
        json!({}),
    );
    let open = open.expect("accepted").outbound;
    let networks: Vec<String> = open.allow_private.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.1.0.0/16", "192.168.7.7/32"]);
    assert!(open.allow_http);
    for variable in [
        ("CHANCERY_OUTBOUND__ALLOW_PRIVATE", "10.1.0.0/33"),
        ("CHANCERY_OUTBOUND__ALLOW_HTTP", "1"),
    ] {
        assert!(refusal(&[variable]).contains("outbound"), "{variable:?}");
    }
}

/// What is wrong in it, one thing at a time: the variables, and the key that is named.
#[test]
fn what_makes_no_sense_is_refused_in_one_line_that_names_the_key() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("public_url", &[("PUBLIC_URL", "https://id.example/#top")]),
        ("public_url", &[("PUBLIC_URL", "https://id.example/?a=b")]),
        ("public_url", &[("PUBLIC_URL", "https://id.example?")]),
        ("public_url", &[("PUBLIC_URL", "https://id.example/a/b")]),
        ("public_url", &[("PUBLIC_URL", "https://id.example//")]),
        ("public_url", &[("PUBLIC_URL", "https://me@id.example")]),
        ("public_url", &[("PUBLIC_URL", "https://:hunter2@id.example")]),
        ("public_url", &[("PUBLIC_URL", "https://id.example:0")]),
        ("public_url", &[("PUBLIC_URL", "mailto:id@example")]),
        ("public_url", &[("PUBLIC_URL", "id.example")]),
        ("public_url", &[("PUBLIC_URL", "")]),
        ("public_url", &[("PUBLIC_URL", "ftp://id.example")]),
        ("listen", &[("LISTEN", "localhost")]),
        ("listen", &[("LISTEN", "127.0.0.1:65536")]),
        ("management", &[("MANAGEMENT__LISTEN", "9000")]),
        ("management.listen", &[("MANAGEMENT__LISTEN", "127.0.0.1:8080")]),
        ("management.listen", &[("MANAGEMENT__LISTEN", "0.0.0.0:8080")]),
        ("trusted_proxies", &[("TRUSTED_PROXIES", "10.0.0.0/8")]),
        ("trusted_proxies", &[("TRUSTED_PROXIES", "10.0.0.1,")]),
        ("data", &[("DATA", "")]),
        ("log.url", &[("LOG__URL", "")]),
        ("log.url", &[("LOG__URL", "sqlite:")]),
        ("log.url", &[("LOG__URL", "sqlite://")]),
        ("log.url", &[("LOG__URL", "sqlite://host/log.sqlite")]),
        ("log.url", &[("LOG__URL", "sqlite:////log.sqlite")]),
        ("log.url", &[("LOG__URL", "sqlite::memory:")]),
        ("log.url", &[("LOG__URL", "sqlite:log.sqlite?mode=ro")]),
        ("keys.url", &[("KEYS__URL", "sqlite:keys/")]),
        ("keys.url", &[("KEYS__URL", "sqlite:keys#1")]),
        ("read.url", &[("READ__URL", "file:read")]),
        ("read.url", &[("READ__URL", "postgres://127.0.0.1")]),
        ("master_key", &[("MASTER_KEY", "")]),
        ("master_key", &[("MASTER_KEY", "hunter2")]),
        ("master_key", &[("MASTER_KEY", "AAECAwQFBgcICQoLDA0ODw==")]),
        (
            "master_key",
            &[("MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ==")],
        ),
        (
            "master_key",
            &[("MASTER_KEY", "hunter2!BwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=")],
        ),
        (
            "master_key",
            &[(
                "MASTER_KEY",
                "0000000000000000000000000000000000000000000000000000000000000000",
            )],
        ),
        ("drain_seconds", &[("DRAIN_SECONDS", "601")]),
        ("drain_seconds", &[("DRAIN_SECONDS", "-1")]),
        ("drain_seconds", &[("DRAIN_SECONDS", "5s")]),
        ("drain_seconds", &[("DRAIN_SECONDS", "")]),
        ("passwords.queue", &[("PASSWORDS__QUEUE", "0")]),
        ("passwords.queue", &[("PASSWORDS__QUEUE", "1000001")]),
        ("passwords.workers", &[("PASSWORDS__WORKERS", "1025")]),
        ("passwords.workers", &[("PASSWORDS__WORKERS", "two")]),
        ("roles", &[("ROLES", "commander")]),
        ("roles", &[("ROLES", "command")]),
        ("kafka.brokers", &[("KAFKA__BROKERS", "broker")]),
        ("kafka.brokers", &[("KAFKA__BROKERS", "http://broker:9092")]),
        ("kafka.shards", &[("KAFKA__SHARDS", "0")]),
        ("kafka", &[("KAFKA__SASL_USERNAME", "chancery")]),
        ("kafka.sasl_mechanism", &[("KAFKA__SASL_MECHANISM", "GSSAPI")]),
        ("smtp", &[("SMTP__URL", "smtp://user:hunter2@mail.example")]),
        ("smtp", &[("SMTP__FROM", "a@acme.example")]),
        (
            "smtp.url",
            &[
                ("SMTP__URL", "smtp://user:hunter2@mail.example?tls=none"),
                ("SMTP__FROM", "a@acme.example"),
            ],
        ),
        (
            "smtp.from",
            &[
                ("SMTP__URL", "smtps://user:hunter2@mail.example"),
                ("SMTP__FROM", "Acme"),
            ],
        ),
        ("sms", &[("SMS__ACCOUNT", TWILIO)]),
        ("sms", &[("SMS__SECRET", "hunter2"), ("SMS__FROM", "Acme")]),
        ("sms.countries", &[("SMS__COUNTRIES", "+41,49")]),
        (
            "sms.account",
            &[
                ("SMS__ACCOUNT", "AC1"),
                ("SMS__SECRET", "hunter2"),
                ("SMS__FROM", "Acme"),
            ],
        ),
        (
            "sms.from",
            &[
                ("SMS__ACCOUNT", TWILIO),
                ("SMS__SECRET", "hunter2"),
                ("SMS__FROM", "+1"),
            ],
        ),
        (
            "sms.token",
            &[
                ("SMS__ACCOUNT", TWILIO),
                ("SMS__KEY", "SK0123456789abcdef0123456789abcdef"),
                ("SMS__SECRET", "hunter2"),
                ("SMS__FROM", "Acme"),
                ("SMS__REPORTS", "true"),
            ],
        ),
        (
            "sms.url",
            &[
                ("SMS__ACCOUNT", TWILIO),
                ("SMS__SECRET", "hunter2"),
                ("SMS__FROM", "Acme"),
                ("SMS__URL", "http://sms.example"),
            ],
        ),
        ("bootstrap", &[("BOOTSTRAP__CLIENT_ID", "ci")]),
        (
            "bootstrap.client_id",
            &[
                ("BOOTSTRAP__CLIENT_ID", ""),
                ("BOOTSTRAP__CLIENT_SECRET", "hunter2"),
            ],
        ),
        (
            "bootstrap.client_secret",
            &[("BOOTSTRAP__CLIENT_ID", "ci"), ("BOOTSTRAP__CLIENT_SECRET", "")],
        ),
        ("bootstrap.admin_password", &[("BOOTSTRAP__ADMIN_PASSWORD", " ")]),
        ("telemetry.filter", &[("TELEMETRY__FILTER", "")]),
        (
            "telemetry.filter",
            &[("TELEMETRY__FILTER", "info,chancery_query=loud")],
        ),
        ("telemetry.format", &[("TELEMETRY__FORMAT", "xml")]),
        (
            "telemetry.otlp_endpoint",
            &[("TELEMETRY__OTLP_ENDPOINT", "localhost:4318")],
        ),
        (
            "telemetry.otlp_headers",
            &[("TELEMETRY__OTLP_HEADERS", "authorization")],
        ),
        ("telemetry.sample_ratio", &[("TELEMETRY__SAMPLE_RATIO", "1.5")]),
        ("log", &[("LOG", "sqlite:x")]),
    ];
    for (key, variables) in cases {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (format!("CHANCERY_{name}"), (*value).to_owned()))
            .collect();
        let refused = Config::load(None, variables.clone().into_iter(), json!({}));
        let refused = refused
            .map(|_| ())
            .expect_err(&format!("{variables:?}"))
            .to_string();
        assert!(
            refused.starts_with(&format!("configuration: {key}")),
            "{variables:?} says: {refused}"
        );
        assert!(refused.lines().count() == 1 && refused.len() < 240, "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

#[test]
fn what_makes_sense_is_taken_as_it_is_written() {
    for url in [
        "https://id.example",
        "https://id.example/",
        "https://id.example:8443",
        "https://[2001:db8::1]",
    ] {
        assert!(
            load(&[KEY, ("CHANCERY_PUBLIC_URL", url)], json!({})).is_ok(),
            "{url}"
        );
    }
    for (url, path) in [
        ("sqlite:log.sqlite", "log.sqlite"),
        ("sqlite:./a/log", "./a/log"),
        ("sqlite:/srv/log", "/srv/log"),
        ("sqlite:///srv/log", "/srv/log"),
    ] {
        let places = load(&[("CHANCERY_LOG__URL", url)], json!({}))
            .expect(url)
            .places()
            .expect(url);
        assert!(
            matches!(&places.log, Place::File(file) if file == Path::new(path)),
            "{url}: {places:?}"
        );
    }
}

/// The variables that the compose file gives a node, with the secrets of its `.env` filled in.
fn composed() -> Vec<(String, String)> {
    let (_, node) = include_str!("../../../deploy/compose.yaml")
        .split_once("x-node:")
        .expect("a node");
    let (node, _) = node.split_once("x-postgres:").expect("and what comes after it");
    let (_, key) = KEY;
    node.lines()
        .filter_map(|line| line.trim().strip_prefix("CHANCERY_")?.split_once(": "))
        .map(|(name, value)| {
            let value = value
                .replace("${CHANCERY_MASTER_KEY:?}", key)
                .replace("${LOG_PASSWORD:?}", "0a1b2c")
                .replace("${KEYS_PASSWORD:?}", "3d4e5f");
            assert!(
                !value.contains('$'),
                "{name} has a secret that nobody is told to give"
            );
            (format!("CHANCERY_{name}"), value)
        })
        .collect()
}

#[test]
fn the_compose_file_says_what_is_understood_and_safe() {
    let variables = composed();
    assert!(variables.len() >= 9, "{variables:?}");
    let config = Config::load(None, variables.clone().into_iter(), json!({})).expect("accepted");
    assert!(
        !config.is_loopback() && !config.is_development(),
        "it is held to all rules"
    );
    assert_eq!(config.trusted_proxies.len(), 1);
    let compose = include_str!("../../../deploy/compose.yaml");
    let proxy = config.trusted_proxies[0].to_string();
    assert!(
        compose.contains(&format!("ipv4_address: {proxy}")),
        "the proxy is the one that is believed"
    );
    let caddy = include_str!("../../../deploy/Caddyfile");
    let port = |address: SocketAddr| address.port().to_string();
    assert!(
        caddy.contains(&format!("one:{0} two:{0}", port(config.listen))),
        "{caddy}"
    );
    let management = config.management.listen.expect("given");
    assert!(
        caddy.contains(&format!("health_port {}", port(management))),
        "{caddy}"
    );
    // Each of them is needed: without one it is refused, or something else is in force.
    for (name, _) in &variables {
        let rest = variables.iter().filter(|(other, _)| other != name).cloned();
        let shown = |config: &Config| serde_json::to_string(config).expect("JSON");
        let without = Config::load(None, rest, json!({}));
        assert!(
            without.is_err() || without.is_ok_and(|it| shown(&it) != shown(&config)),
            "{name}"
        );
    }
}

#[test]
fn limits_are_changed_by_their_names_and_a_redis_elsewhere_takes_no_password_in_the_open() {
    let config = load(
        &[
            ("CHANCERY_LIMITS__BUILT_IN__SIGN_IN__REQUESTS", "7"),
            ("CHANCERY_LIMITS__BUILT_IN__SIGN_IN__WHEN_DOWN", "closed"),
            ("CHANCERY_LIMITS__BUILT_IN__RECOVERY__OFF", "true"),
            ("CHANCERY_LIMITS__LOOPBACK", "true"),
        ],
        json!({}),
    );
    let limits = config.expect("accepted").limits;
    assert_eq!(limits.loopback, Some(true));
    let rules = limits.rules().expect("accepted");
    let named = |name: &str| rules.iter().find(|rule| rule.name == name);
    assert_eq!(named("sign_in").map(|rule| rule.limit.requests()), Some(7));
    assert!(named("recovery").is_none() && named("token").is_some());

    let unknown = "CHANCERY_LIMITS__BUILT_IN__SIGN_IN__RATE";
    for (name, value) in [
        ("CHANCERY_LIMITS__BUILT_IN__SIGNIN__REQUESTS", "7"),
        ("CHANCERY_LIMITS__BUILT_IN__SIGN_IN__REQUESTS", "0"),
        ("CHANCERY_LIMITS__BUILT_IN__SIGN_IN__REQUESTS", "-1"),
        ("CHANCERY_LIMITS__BUILT_IN__SIGN_IN__SECONDS", "86401"),
        ("CHANCERY_LIMITS__BUILT_IN__SIGN_IN__WHEN_DOWN", "ajar"),
        (unknown, "7"),
        ("CHANCERY_REDIS__URL", "http://redis.example"),
        ("CHANCERY_REDIS__URL", "redis://user:hunter2@redis.example"),
        ("CHANCERY_REDIS__URL", "redis://:hunter2@192.0.2.1:6379/1"),
        ("CHANCERY_REDIS__PREFIX", ""),
    ] {
        let error = load(&[(name, value)], json!({})).expect_err(name).to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    for url in [
        "redis://127.0.0.1:6379",
        "redis://user:hunter2@localhost",
        "redis://:hunter2@127.0.0.1:6379",
        "redis://:hunter2@[::1]:6379",
        "redis://redis.example",
        "rediss://user:hunter2@redis.example/1",
    ] {
        let config = load(&[("CHANCERY_REDIS__URL", url)], json!({})).expect(url);
        assert!(!serde_json::to_string(&config).expect("JSON").contains("hunter2"));
    }
}
