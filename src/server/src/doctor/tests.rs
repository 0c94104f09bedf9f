//! What the doctor finds, on machines in various states.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use melo_domain::Timestamp;

use super::finding::{Finding, Level};
use super::{machine, ours};
use crate::keys::make_missing;
use crate::settings::Settings;

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
