//! The panic hook is one per process: it is tested in a process of its own.

use melo_telemetry::{LogSettings, init, install_panic_hook};

#[test]
fn a_panic_is_logged_by_its_place_and_not_by_its_payload() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("melo.log");
    init(&LogSettings {
        file: Some(file.clone()),
        ..LogSettings::default()
    })
    .unwrap();
    install_panic_hook();

    let panicked = std::thread::spawn(|| panic!("phone +79991234567 was not expected")).join();

    assert!(panicked.is_err());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("panicked") && text.contains("panic_hook.rs"),
        "{text}"
    );
    assert!(!text.contains("999"), "{text}");
}
