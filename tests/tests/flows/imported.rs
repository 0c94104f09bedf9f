//! Accounts that were brought from elsewhere, with the password hashes they had there.

use melo_protocol::ErrorCode;
use melo_tests::Server;
use melo_tests::database::{import_password_hash, password_hash};
use serde_json::{Value, json};

const PASSWORD: &str = "tall ships leave early";
/// Of [`PASSWORD`], as libxcrypt makes them: the form of most libraries, and PHP's.
const HASHES: [&str; 2] = [
    "$2b$06$yhPGYJ2s1iWxQ6M3bNBtEOv4Q3PnHlo.SPSWKfq63sOa0P37T13RS",
    "$2y$06$yhPGYJ2s1iWxQ6M3bNBtEOv4Q3PnHlo.SPSWKfq63sOa0P37T13RS",
];

#[tokio::test]
async fn a_bcrypt_hash_is_good_for_one_login_and_replaced_by_it() {
    let server = Server::start().await;
    for hash in HASHES {
        let mut anna = server.anonymous().join("Anna").await.user;
        let own = anna.person.password.clone();
        import_password_hash(&server, &anna.uid, hash).await;
        PASSWORD.clone_into(&mut anna.person.password);
        let wrong = json!({"password": own});
        let first = anna.first_device.clone();

        let refused = anna.try_login(&first, &wrong).await;
        refused.problem(ErrorCode::InvalidCredentials);
        assert_eq!(
            password_hash(&server, &anna.uid).await,
            hash,
            "a wrong password replaces nothing"
        );
        let device = anna.login_first().await;
        device.get("/profile").await.ok();
        let replaced = password_hash(&server, &anna.uid).await;
        assert!(replaced.starts_with("$argon2id$v=19$"), "{replaced}");

        anna.login_new().await.get("/profile").await.ok();
        let after = password_hash(&server, &anna.uid).await;
        assert_eq!(after, replaced, "it stays");
        let refused = anna.try_login(&first, &wrong).await;
        refused.problem(ErrorCode::InvalidCredentials);
        // It is a password like any other: shown again, and changed.
        let shown = json!({"password": PASSWORD});
        device.post("/reauthenticate", &shown).await.ok();
        let change = json!({"current_password": PASSWORD, "new_password": own});
        device.post("/password/change", &change).await.ok();
        anna.person.password = own;
        anna.login_first().await;
    }
}

#[tokio::test]
async fn a_hash_of_no_known_kind_opens_nothing() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await.user;
    // Cut short, of a cost that nobody waits for, and of another scheme.
    let unreadable = [
        HASHES[0][..59].to_owned(),
        HASHES[0].replace("$06$", "$31$"),
        "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/".to_owned(),
        String::new(),
    ];
    for hash in unreadable {
        import_password_hash(&server, &anna.uid, &hash).await;
        let password = json!({"password": PASSWORD});
        let refused = anna.try_login(&anna.first_device, &password).await;
        refused.problem(ErrorCode::Internal);
        assert_eq!(password_hash(&server, &anna.uid).await, hash);
    }
    let log = server.log();
    assert!(!log.contains("saltsalt"), "no hash in the log: {log}");
    import_password_hash(&server, &anna.uid, HASHES[0]).await;
    let password = json!({"password": PASSWORD});
    anna.try_login(&anna.first_device, &password).await.ok();
    let own = anna.try_login(&anna.first_device, &Value::Null).await;
    own.problem(ErrorCode::InvalidCredentials);
}
