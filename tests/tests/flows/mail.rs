//! How mail is handed over: within TLS or after STARTTLS, to who shows a certificate that is trusted, and to nobody
//! else.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use melo_tests::postbox::token_in;
use melo_tests::{Device, Postbox, Server};
use rustix::process::Signal;
use serde_json::json;

const FROM: &str = "Melo <melo@chat.example.org>";
/// What nobody may see.
const ADDRESS: &str = "anna@example.org";

async fn postbox() -> Postbox {
    Postbox::start(Path::new(env!("CARGO_BIN_EXE_postbox"))).await
}

/// `SMTP_URL` of a port of the postbox. It does not know the server as `LOCALHOST`, so that is another machine to it.
fn url(postbox: &Postbox, scheme: &str, host: &str, port: &str) -> String {
    let port = postbox.port(port).unwrap();
    format!("{scheme}://melo:p%40ss%20word@{host}:{port}")
}

/// Keeps the authority of the postbox where a server can read it.
fn trust(server: &mut Server, postbox: &Postbox) {
    let file = server.directory().join("mail-ca.pem");
    std::fs::write(&file, postbox.ca_pem()).unwrap();
    server.set("SMTP_CA_FILE", file.to_str().unwrap());
}

/// A server that sends mail there and was told to trust the authority of the postbox.
async fn trusting(postbox: &Postbox, url: &str) -> Server {
    let mut server = Server::with(&[("SMTP_URL", url), ("MAIL_FROM", FROM)]).await;
    trust(&mut server, postbox);
    restart(&mut server).await;
    server
}

/// Lets what runs come to its end, and starts again with the settings of now.
async fn restart(server: &mut Server) {
    server.signal(Signal::TERM);
    assert!(server.ended().await.success());
    server.start_again().await;
}

async fn ask(anna: &Device) {
    let email = json!({"email": ADDRESS});
    anna.put("/account/email", &email).await.ok();
}

#[tokio::test]
async fn mail_goes_out_within_tls_and_after_starttls() {
    let mut postbox = postbox().await;
    for (scheme, host, port, in_plain) in [
        ("smtps", "localhost", "smtps", json!([])),
        (
            "smtp",
            "LOCALHOST",
            "starttls",
            json!(["EHLO chat.example.org", "STARTTLS"]),
        ),
    ] {
        let url = url(&postbox, scheme, host, port);
        let server = trusting(&postbox, &url).await;
        let anna = server.anonymous().join("Anna").await;
        ask(&anna).await;
        let mail = postbox.mail().await;
        assert_eq!(mail["tls"], "TLSv1_3", "{scheme}");
        assert_eq!(mail["in_plain"], in_plain, "{scheme}");
        let auth = STANDARD.decode(mail["auth"].as_str().unwrap()).unwrap();
        assert_eq!(auth, b"\0melo\0p@ss word", "{scheme}");
        assert_eq!(mail["to"], json!([format!("RCPT TO:<{ADDRESS}>")]));
        let confirm = json!({"token": token_in(&mail)});
        anna.post("/account/email/confirm", &confirm).await.ok();
    }
}

#[tokio::test]
async fn an_untrusted_mail_server_gets_nothing_and_the_mail_waits() {
    for (scheme, host, port, in_plain) in [
        ("smtps", "localhost", "smtps", json!([])),
        (
            "smtp",
            "LOCALHOST",
            "starttls",
            json!(["EHLO chat.example.org", "STARTTLS"]),
        ),
    ] {
        let mut postbox = postbox().await;
        let url = url(&postbox, scheme, host, port);
        let mut server = Server::with(&[("SMTP_URL", &url), ("MAIL_FROM", FROM)]).await;
        let anna = server.anonymous().join("Anna").await;
        ask(&anna).await;
        // Tried, and tried again: each time it ends with the certificate.
        for _ in 0..2 {
            let session = postbox.session().await;
            assert_eq!(session["in_plain"], in_plain, "{session}");
            assert_eq!(session["tls"], json!(null), "{session}");
            let cause = session["cause"].as_str().unwrap();
            assert!(cause.contains("UnknownCA"), "{cause}");
        }
        // Said by the first try at the latest when the second one begins.
        let log = server.log();
        assert!(log.contains("invalid peer certificate"), "{log}");
        assert!(!log.contains(ADDRESS) && !log.contains("p@ss"), "{log}");

        // Nothing was lost: once the authority is trusted it goes out by itself.
        trust(&mut server, &postbox);
        restart(&mut server).await;
        let mail = postbox.mail().await;
        assert_eq!(mail["tls"], "TLSv1_3");
        let confirm = json!({"token": token_in(&mail)});
        anna.post("/account/email/confirm", &confirm).await.ok();
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_or_none_at_all_is_no_better() {
    let mut postbox = postbox().await;
    // Its certificate is from a trusted authority, and for `localhost` alone.
    let elsewhere = url(&postbox, "smtps", "127.0.0.1", "smtps");
    let server = trusting(&postbox, &elsewhere).await;
    let anna = server.anonymous().join("Anna").await;
    ask(&anna).await;
    let session = postbox.session().await;
    assert_eq!(session["tls"], json!(null), "{session}");
    assert!(session["cause"].is_string(), "{session}");
    drop(server);

    // Somebody in between has taken STARTTLS out of the answer.
    let stripped = url(&postbox, "smtp", "LOCALHOST", "smtp");
    let server = trusting(&postbox, &stripped).await;
    let anna = server.anonymous().join("Anna").await;
    ask(&anna).await;
    for _ in 0..2 {
        let session = postbox.session().await;
        let said = session["in_plain"].as_array().unwrap();
        assert_eq!(said[0], "EHLO chat.example.org", "{session}");
        assert!(said[1..].iter().all(|line| *line == "QUIT"), "{session}");
    }
    assert!(postbox.is_quiet());
}

#[tokio::test]
async fn a_mail_server_of_this_machine_may_be_named_by_its_address() {
    let mut postbox = postbox().await;
    for (host, port) in [("localhost", "smtp"), ("[::1]", "smtp6")] {
        if postbox.port(port).is_none() {
            eprintln!("skipped: this machine has no {host}");
            continue;
        }
        let url = url(&postbox, "smtp", host, port);
        let server = Server::with(&[("SMTP_URL", &url), ("MAIL_FROM", FROM)]).await;
        let anna = server.anonymous().join("Anna").await;
        ask(&anna).await;
        let confirm = json!({"token": postbox.token().await});
        anna.post("/account/email/confirm", &confirm).await.ok();
    }
}
