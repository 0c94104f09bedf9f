//! Settings as an operator meets them.

use std::time::Duration;

use super::*;

fn problems(pairs: &[(&str, &str)]) -> Vec<Problem> {
    match Settings::from(&Source::of(pairs)) {
        Ok(_) => Vec::new(),
        Err(SettingsError(problems)) => problems,
    }
}

#[test]
fn with_nothing_set_everything_has_its_default() {
    let settings = Settings::from(&Source::default()).unwrap();
    assert_eq!(settings.network.http_address().to_string(), "0.0.0.0:8088");
    assert_eq!(settings.network.ws_address().to_string(), "0.0.0.0:8089");
    assert_eq!(
        settings.storage.database.connect_url().expose(),
        "sqlite://./data/melo.db?mode=rwc"
    );
    assert_eq!(settings.limits, Limits::for_testing());
    assert_eq!(settings.retention, Retention::for_testing());
    assert_eq!(settings.chats, Chats::for_testing());
    assert_eq!(settings.calls, Calls::for_testing());
    assert_eq!(settings.tokens, Tokens::for_testing());
    assert!(settings.secrets.root_key.is_none() && settings.secrets.certificate.is_none());
    assert!(settings.warnings.is_empty());
}

#[test]
fn every_wrong_value_is_refused_by_name() {
    for (name, bad) in [
        ("HTTP_PORT", "0"),
        ("MAX_GROUP_MEMBERS", "1"),
        ("MAX_OWNED_CHATS", "-1"),
        ("CALL_RING_SECONDS", "61"),
        ("CALL_LOST_SECONDS", "2"),
        ("WS_PORT", "eighty"),
        ("BIND_ADDRESS", "localhost"),
        ("PUBLIC_URL", "http://chat.example.org"),
        ("ALLOWED_ORIGINS", "*"),
        ("DB_URL", "oracle://db"),
        ("REDIS_URL", "localhost:6379"),
        ("ENCRYPTION_KEY_STR", "c2hvcnQ="),
        ("APP_SECRET_KEY", "short"),
        ("JWT_ALGORITHM", "HS256"),
        ("JWT_ALGORITHM", "none"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "-5"),
        ("VAPID_SUBJECT", "admin"),
        ("RATE_LIMIT_CALLS", "0"),
        ("RATE_LIMIT_PERIOD", "1m"),
        ("BLOCK_PERIOD", "-1"),
        ("WS_RATE_LIMIT_MESSAGES", "many"),
        ("WS_RATE_LIMIT_PERIOD", "0"),
        ("WS_MAX_CONNECTIONS_PER_IP", "-1"),
        ("FAILED_LOGIN_LIMIT", "0"),
        ("FAILED_LOGIN_BLOCK_PERIOD", "0"),
        ("TRUSTED_PROXIES", "proxy.example.org"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXY_HEADER", "x-real-ip"),
        ("ACCOUNT_RATE_LIMIT_CALLS", "-1"),
        ("REGISTRATION_POW_BITS", "27"),
        ("TURN_MODE", "maybe"),
        ("TURN_PORT", "0"),
        ("TURN_TLS_PORT", "70000"),
        ("TURN_HOST", "turn.example.org:3478"),
        ("TURN_PUBLIC_IP", "turn.example.org"),
        ("TURN_RELAY_PORTS", "6000-5000"),
        ("TURN_SECRET", "short"),
        ("TURN_CREDENTIAL_LIFE", "0"),
        ("TURN_URLS", "https://turn.example.org"),
        ("TURN_ALLOW_NETWORKS", "office"),
        ("TURN_MAX_ALLOCATIONS", "0"),
        ("TURN_USER_ALLOCATIONS", "0"),
        ("TURN_USER_KBIT", "-1"),
        ("TURN_TOTAL_KBIT", "all"),
        ("TURN_MAX_STREAMS", "0"),
        ("TURN_MAX_STREAMS_PER_IP", "0"),
        ("HISTORY_TTL", "10"),
        ("E2E_KEY_ROTATION_DAYS", "0"),
        ("LOG_FORMAT", "xml"),
        ("DEBUG_MODE", "maybe"),
    ] {
        let problems = problems(&[(name, bad)]);
        assert_eq!(problems.len(), 1, "{name}={bad}: {problems:?}");
        assert_eq!(problems[0].name, name);
        let text = problems[0].to_string();
        assert!(
            text.contains("must") && text.contains(&format!("Example: {name}=")),
            "{text}"
        );
    }
}

#[test]
fn halves_of_a_pair_are_refused() {
    let point =
        "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM";
    for (set, missing) in [
        (("SSL_CERTFILE", "a.pem"), "SSL_KEYFILE"),
        (("SSL_KEYFILE", "a.pem"), "SSL_CERTFILE"),
        (("JWT_PUBLIC_KEY_PATH", "a.pem"), "JWT_PRIVATE_KEY_PATH"),
        (
            (
                "VAPID_PRIVATE_KEY",
                "tUxbf-a_vYoCWEPdLIfPBhpaDpCZfyhBB5t6RGkvFUk",
            ),
            "VAPID_PUBLIC_KEY",
        ),
        (("VAPID_PUBLIC_KEY", point), "VAPID_PRIVATE_KEY"),
    ] {
        let problems = problems(&[set]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].name, missing);
    }
    assert_eq!(
        problems(&[("HTTP_PORT", "9000"), ("WS_PORT", "9000")])[0].name,
        "WS_PORT"
    );
}

#[test]
fn all_wrong_settings_are_listed_at_once_and_secrets_are_not_shown() {
    let error = Settings::from(&Source::of(&[
        ("HTTP_PORT", "80a8"),
        ("ENCRYPTION_KEY_STR", "hunter2-root"),
        ("APP_SECRET_KEY", "hunter2-app"),
        ("DB_URL", "mysql://u:hunter2@db"),
        ("VAPID_PRIVATE_KEY", "hunter2"),
        ("LOG_FORMAT", "xml"),
    ]))
    .unwrap_err();
    let text = error.to_string();
    for name in [
        "HTTP_PORT=\"80a8\" (environment)",
        "ENCRYPTION_KEY_STR",
        "APP_SECRET_KEY",
        "DB_URL",
        "VAPID_PRIVATE_KEY",
        "LOG_FORMAT=\"xml\"",
    ] {
        assert!(text.contains(name), "{name} is missing in {text}");
    }
    assert!(text.starts_with("6 settings are wrong"), "{text}");
    assert!(
        !text.contains("hunter2") && !format!("{error:?}").contains("hunter2"),
        "{text}"
    );
}

#[test]
fn secrets_that_are_right_are_not_shown_either() {
    let settings = Settings::from(&Source::of(&[
        ("APP_SECRET_KEY", "hunter2hunter2hunter2hunter2hunter2"),
        ("DB_URL", "mysql+aiomysql://u:hunter2@db/melo"),
        ("REDIS_PASSWORD", "hunter2"),
    ]))
    .unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert!(settings.warnings[0].contains("REDIS_URL is not used"));
}

#[test]
fn half_of_a_way_out_is_mentioned() {
    let settings = Settings::from(&Source::of(&[
        ("MAIL_FROM", "melo@example.org"),
        ("SMS_HTTP_URL", "https://u:hunter2@sms.example.org/"),
    ]))
    .unwrap();
    let [mail, sms] = &settings.warnings[..] else {
        panic!("{:?}", settings.warnings);
    };
    assert!(mail.contains("MAIL_FROM") && mail.contains("SMTP_URL"));
    assert!(sms.contains("SMS_HTTP_URL") && sms.contains("SMS_PROVIDER=http"));
    assert!(!sms.contains("hunter2"), "{sms}");
}

#[test]
fn the_public_url_is_an_allowed_origin() {
    let settings = Settings::from(&Source::of(&[
        ("PUBLIC_URL", "https://chat.example.org/"),
        ("ALLOWED_ORIGINS", "http://localhost:5173"),
    ]))
    .unwrap();
    assert_eq!(
        settings.network.allowed_origins,
        ["http://localhost:5173", "https://chat.example.org"]
    );
}

#[test]
fn zero_lifts_the_websocket_limits() {
    let settings = Settings::from(&Source::of(&[
        ("WS_MAX_CONNECTIONS_PER_IP", "0"),
        ("WS_RATE_LIMIT_MESSAGES", "0"),
    ]))
    .unwrap();
    assert_eq!(settings.limits.ws_connections_per_ip, None);
    assert_eq!(
        settings.limits.ws_messages,
        Rate {
            count: 0,
            per: Duration::from_mins(1)
        }
    );
}

#[test]
fn an_unknown_name_in_the_file_is_mentioned() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(".env");
    std::fs::write(&file, "HTTP_PROT=1234\n").unwrap();
    let settings = Settings::from(&Source::read(&file, true).unwrap()).unwrap();
    assert!(
        settings.warnings.iter().any(|w| w.contains("HTTP_PROT")),
        "{:?}",
        settings.warnings
    );
}

#[test]
fn every_setting_that_is_read_is_explained_and_the_other_way_round() {
    let source = Source::default();
    let mut reader = Reader::new(&source);
    assert!(Settings::read(&mut reader).is_some());
    let explained: BTreeSet<&str> = SECTIONS
        .iter()
        .flat_map(|s| s.specs)
        .map(|s| s.name)
        .collect();
    let read: BTreeSet<&str> = reader.names_read().iter().copied().collect();
    assert_eq!(read, explained);
}

#[test]
fn the_committed_env_example_is_the_generated_one() {
    let committed = include_str!("../../../../.env.example");
    assert!(
        committed == env_example(SECTIONS),
        ".env.example is out of date; run: melo doctor --print-env-example > .env.example"
    );
}

#[test]
fn uncommenting_every_default_of_the_example_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(".env");
    let defaults: String = SECTIONS
        .iter()
        .flat_map(|section| section.specs)
        .filter_map(|spec| Some(format!("{}={}\n", spec.name, quoted(spec.default?))))
        .collect();
    std::fs::write(&file, defaults).unwrap();
    let set = Settings::from(&Source::read(&file, true).unwrap()).unwrap();
    let unset = Settings::from(&Source::default()).unwrap();
    assert_eq!(format!("{set:?}"), format!("{unset:?}"));
}
