//! First start, second start, and what operators do to key files in between.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use melo_domain::Timestamp;

use super::*;
use crate::settings::{GivenVapid, Settings};

const NOW: Timestamp = Timestamp::from_millis(1_795_162_530_000);

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn refusal(settings: &Settings) -> String {
    match load(settings) {
        Ok(_) => panic!("the keys were accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_first_start_makes_everything_and_the_second_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::for_testing(dir.path());
    let keys_dir = &settings.secrets.keys_dir;

    let made = make_missing(&settings, NOW).unwrap();
    assert_eq!(made.len(), locations::OWN_FILES.len());
    let first = contents(keys_dir);
    assert_eq!(
        first.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "app.secret",
            "jwt.pem",
            "jwt.pub.pem",
            "root.key",
            "tls.crt",
            "tls.key",
            "turn.secret",
            "vapid.json"
        ]
    );
    for name in first.keys() {
        let mode = fs::metadata(keys_dir.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let mode = fs::metadata(keys_dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let keys = load(&settings).unwrap();
    assert_eq!(
        keys.jwt.public_pem(),
        String::from_utf8_lossy(&first["jwt.pub.pem"])
    );

    assert!(make_missing(&settings, NOW).unwrap().is_empty());
    assert_eq!(contents(keys_dir), first);
}

#[test]
fn one_missing_file_is_made_again_and_the_others_stay() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::for_testing(dir.path());
    let keys_dir = &settings.secrets.keys_dir;
    make_missing(&settings, NOW).unwrap();
    let first = contents(keys_dir);

    for name in ["jwt.pub.pem", "tls.crt", "vapid.json"] {
        fs::remove_file(keys_dir.join(name)).unwrap();
        assert_eq!(make_missing(&settings, NOW).unwrap(), [keys_dir.join(name)]);
        assert!(load(&settings).is_ok(), "{name}");
    }
    let second = contents(keys_dir);
    for name in [
        "root.key",
        "app.secret",
        "jwt.pem",
        "jwt.pub.pem",
        "tls.key",
    ] {
        assert_eq!(second[name], first[name], "{name}");
    }
}

#[test]
fn a_certificate_without_its_key_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::for_testing(dir.path());
    make_missing(&settings, NOW).unwrap();
    fs::remove_file(settings.secrets.keys_dir.join("tls.key")).unwrap();
    let error = make_missing(&settings, NOW).unwrap_err().to_string();
    assert!(
        error.contains("tls.crt") && error.contains("tls.key"),
        "{error}"
    );
}

#[test]
fn a_lost_root_key_is_not_replaced_while_there_is_data() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::for_testing(dir.path());
    make_missing(&settings, NOW).unwrap();
    fs::create_dir_all(&settings.storage.data_dir).unwrap();
    fs::write(settings.storage.data_dir.join("melo.db"), "SQLite format 3").unwrap();
    fs::remove_file(settings.secrets.keys_dir.join("root.key")).unwrap();

    let error = make_missing(&settings, NOW).unwrap_err().to_string();
    assert!(
        error.contains("root.key") && error.contains("backup"),
        "{error}"
    );
    assert!(!settings.secrets.keys_dir.join("root.key").exists());
}

#[test]
fn every_private_file_that_others_can_read_is_refused_with_the_cure() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::for_testing(dir.path());
    make_missing(&settings, NOW).unwrap();
    for name in ["root.key", "app.secret", "jwt.pem", "vapid.json", "tls.key"] {
        let file = settings.secrets.keys_dir.join(name);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let text = refusal(&settings);
        assert!(
            text.contains(&format!("chmod 600 {}", file.display())),
            "{text}"
        );
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(load(&settings).is_ok());
}

#[test]
fn damaged_files_are_all_named_at_once_and_not_quoted() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::for_testing(dir.path());
    make_missing(&settings, NOW).unwrap();
    let names = ["root.key", "app.secret", "jwt.pem", "vapid.json", "tls.key"];
    for name in names {
        fs::write(settings.secrets.keys_dir.join(name), "hunter2").unwrap();
    }
    let text = refusal(&settings);
    for name in names {
        assert!(text.contains(name), "{name} is missing in {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn halves_that_do_not_belong_together_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::for_testing(dir.path());
    make_missing(&settings, NOW).unwrap();
    let other = tempfile::tempdir().unwrap();
    let foreign = Settings::for_testing(other.path());
    make_missing(&foreign, NOW).unwrap();

    for name in ["jwt.pub.pem", "tls.crt"] {
        let file = settings.secrets.keys_dir.join(name);
        let own = fs::read(&file).unwrap();
        fs::copy(foreign.secrets.keys_dir.join(name), &file).unwrap();
        let text = refusal(&settings);
        assert!(text.contains(name), "{text}");
        fs::write(&file, own).unwrap();
    }
    settings.push.vapid = Some(GivenVapid {
        private: load(&settings).unwrap().vapid.private,
        public: load(&foreign).unwrap().vapid.public,
    });
    assert!(refusal(&settings).contains("VAPID"));
}

#[test]
fn keys_given_by_value_or_by_path_are_used_and_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let given = Settings::for_testing(dir.path());
    make_missing(&given, NOW).unwrap();
    let kid = load(&given).unwrap().jwt.kid().to_owned();

    let elsewhere = tempfile::tempdir().unwrap();
    let mut settings = Settings::for_testing(elsewhere.path());
    settings.secrets.jwt_private_key = Some(given.secrets.keys_dir.join("jwt.pem"));
    settings.secrets.root_key = Some(RootKey::generate().to_base64url());
    let made = make_missing(&settings, NOW).unwrap();
    assert!(
        made.iter()
            .all(|file| !file.ends_with("jwt.pem") && !file.ends_with("root.key"))
    );
    assert_eq!(load(&settings).unwrap().jwt.kid(), kid);

    settings.secrets.jwt_private_key = Some("/nonexistent/jwt.pem".into());
    assert!(refusal(&settings).contains("/nonexistent/jwt.pem does not exist"));
}
