//! What the doctor finds, on machines in various states.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use melo_domain::{Secret, Timestamp};

use super::finding::{Finding, Level};
use super::{machine, ours, outside};
use crate::keys::make_missing;
use crate::settings::{Mail, Settings, SmsProvider};

const NOW: Timestamp = Timestamp::from_millis(1_795_162_530_000);
const DAY: u64 = 86_400;

fn worst(findings: &[Finding]) -> Level {
    let has = |level| findings.iter().any(|f| f.level == level);
    if has(Level::Fail) {
        Level::Fail
    } else if has(Level::Warn) {
        Level::Warn
    } else {
        Level::Ok
    }
}

fn days_later(days: u64) -> Timestamp {
    NOW.plus(std::time::Duration::from_secs(days * DAY))
}

#[tokio::test]
async fn a_fresh_machine_is_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::for_testing(dir.path());
    assert_eq!(
        worst(&machine::data_dir(&settings.storage.data_dir)),
        Level::Ok
    );
    assert_eq!(worst(&ours::keys(&settings, NOW)), Level::Ok);
    assert_eq!(ours::database(&settings).await.level, Level::Ok);
    assert!(!settings.storage.data_dir.exists() && !settings.secrets.keys_dir.exists());
}

#[test]
fn keys_are_checked_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::for_testing(dir.path());
    make_missing(&settings, NOW).unwrap();
    assert_eq!(worst(&ours::keys(&settings, NOW)), Level::Ok);

    let key = settings.secrets.keys_dir.join("jwt.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let findings = ours::keys(&settings, NOW);
    assert_eq!(worst(&findings), Level::Fail);
    assert!(
        findings[0].to_string().contains("chmod 600"),
        "{findings:?}"
    );
}

#[test]
fn lost_keys_are_a_failure_once_there_is_data() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::for_testing(dir.path());
    fs::create_dir_all(&settings.storage.data_dir).unwrap();
    fs::write(settings.storage.data_dir.join("melo.db"), "SQLite format 3").unwrap();
    assert_eq!(worst(&ours::keys(&settings, NOW)), Level::Fail);
}

#[test]
fn the_certificate_is_watched_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::for_testing(dir.path());
    make_missing(&settings, NOW).unwrap();
    for (now, level) in [
        (days_later(700), Level::Ok),
        (days_later(810), Level::Warn),
        (days_later(825), Level::Fail),
        (Timestamp::from_millis(0), Level::Fail),
    ] {
        assert_eq!(worst(&ours::keys(&settings, now)), level, "{now}");
    }
    settings.network.public_url = Some("https://elsewhere.example".to_owned());
    assert_eq!(worst(&ours::keys(&settings, NOW)), Level::Fail);
}

#[test]
fn a_taken_port_is_a_failure_unless_a_server_of_ours_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut network = Settings::for_testing(dir.path()).network;
    let taken = [0, 0].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    network.http_port = taken[0].local_addr().unwrap().port();
    network.ws_port = taken[1].local_addr().unwrap().port();
    assert_eq!(worst(&machine::ports(&network, false)), Level::Fail);
    assert_eq!(worst(&machine::ports(&network, true)), Level::Ok);
    drop(taken);
    assert_eq!(worst(&machine::ports(&network, false)), Level::Ok);
}

#[test]
fn a_clock_that_is_behind_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::for_testing(dir.path());
    assert_eq!(machine::clock(&settings, NOW).level, Level::Ok);
    assert_eq!(
        machine::clock(&settings, Timestamp::from_millis(0)).level,
        Level::Fail
    );
}

#[test]
fn files_open_to_others_are_mentioned() {
    let dir = tempfile::tempdir().unwrap();
    let env = dir.path().join(".env");
    fs::write(&env, "").unwrap();
    for (mode, level) in [(0o644, Level::Warn), (0o600, Level::Ok)] {
        fs::set_permissions(&env, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(worst(&machine::env_file(&env)), level);
    }
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(machine::data_dir(dir.path())[0].level, Level::Warn);
}

#[test]
fn paths_that_lead_nowhere_fail_with_a_remedy() {
    for findings in [
        machine::data_dir(Path::new("/proc/version/data")),
        machine::data_dir(Path::new("/proc/version")),
        machine::log_file(Some(Path::new("/nonexistent/melo.log")))
            .into_iter()
            .collect(),
    ] {
        assert_eq!(worst(&findings), Level::Fail);
        assert!(findings.iter().all(|finding| finding.remedy.is_some()));
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_fails() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::for_testing(dir.path());
    fs::create_dir_all(&settings.storage.data_dir).unwrap();
    fs::write(
        settings.storage.data_dir.join("melo.db"),
        "not a database, by far ".repeat(100),
    )
    .unwrap();
    assert_eq!(ours::database(&settings).await.level, Level::Fail);
}

/// A mail server that says this to whoever connects, and nothing after it.
async fn mail_server(says: &'static [u8]) -> u16 {
    use tokio::io::AsyncWriteExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(says).await.unwrap();
            open.push(stream);
        }
    });
    port
}

fn with_mail(dir: &Path, url: String) -> Settings {
    Settings {
        mail: Some(Mail {
            url: Secret::new(url),
            from: "Melo <melo@example.org>".to_owned(),
            ca_file: None,
        }),
        ..Settings::for_testing(dir)
    }
}

#[tokio::test]
async fn a_mail_server_that_cannot_be_used_is_a_failure_with_a_remedy() {
    crate::tls::install_crypto_provider();
    let dir = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = nobody.local_addr().unwrap().port();
    drop(nobody);
    // Both answers are there before they are asked for.
    let plain = mail_server(b"220 here\r\n250 HELP\r\n").await;
    let refusing = mail_server(b"554 not for you\r\n").await;
    for (url, says, remedy) in [
        (
            format!("smtp://melo:hunter2@127.0.0.1:{closed}"),
            "cannot be reached",
            "firewall",
        ),
        (
            format!("smtp://melo:hunter2@127.0.0.1:{plain}"),
            "of no use",
            "sign in",
        ),
        (
            format!("smtps://melo:hunter2@127.0.0.1:{plain}"),
            "no TLS",
            "SMTP_CA_FILE",
        ),
        (
            format!("smtp://melo:hunter2@127.0.0.1:{refusing}"),
            "answered 554",
            "password",
        ),
        (
            "smtp://melo:hunter2%zz@127.0.0.1".to_owned(),
            "percent-encoded",
            "SMTP_URL",
        ),
    ] {
        let finding = outside::mail(&with_mail(dir.path(), url)).await;
        let line = finding.to_string();
        assert_eq!(finding.level, Level::Fail, "{line}");
        assert!(line.contains(says), "{line}");
        assert!(finding.remedy.unwrap().contains(remedy), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
    }
    let unset = outside::mail(&Settings::for_testing(dir.path())).await;
    assert_eq!(unset.level, Level::Ok);
    assert!(unset.text.contains("SMTP_URL"), "{unset}");
}

#[test]
fn text_messages_are_looked_at_without_a_call() {
    crate::tls::install_crypto_provider();
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::for_testing(dir.path());
    assert_eq!(worst(&outside::sms(&settings)), Level::Ok);
    settings.sms.provider = SmsProvider::Log;
    assert_eq!(worst(&outside::sms(&settings)), Level::Warn);
    let provider = |header: &str| {
        SmsProvider::Http(Box::new(crate::settings::HttpProvider {
            url: Secret::new("https://u:hunter2@sms.example.org/?key=hunter2".to_owned()),
            body: r#"{"to":"{phone}","text":"{text}","id":"{id}"}"#.parse().unwrap(),
            header: Some((header.to_owned(), Secret::new("hunter2".to_owned()))),
            signing_key: None,
        }))
    };
    for (header, level) in [("Authorization", Level::Ok), ("not a name", Level::Fail)] {
        settings.sms.provider = provider(header);
        let findings = outside::sms(&settings);
        assert_eq!(worst(&findings), level, "{findings:?}");
        assert!(!format!("{findings:?}").contains("hunter2"));
    }
}
