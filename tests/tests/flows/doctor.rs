//! `melo doctor` and the ways out: a real mail server is asked, and gets no mail.

use std::path::Path;

use melo_tests::{Postbox, Server};

/// What the doctor says of an area, with these settings.
fn said_of(server: &Server, area: &str, settings: &[(&str, &str)]) -> String {
    let lines = settings
        .iter()
        .map(|(name, value)| format!("{name}='{value}'\n"));
    std::fs::write(server.directory().join(".env"), lines.collect::<String>()).unwrap();
    let done = server.melo(&["doctor"], "");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(!said.contains("p%40ss") && !said.contains("p@ss"), "{said}");
    let failed = said.lines().any(|line| line.starts_with("fail"));
    assert_eq!(done.status.code(), Some(i32::from(failed)), "{said}");
    let of_area = |line: &&str| line.split_whitespace().nth(1) == Some(area);
    said.lines().filter(of_area).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_doctor_tries_the_mail_server_and_says_what_is_wrong() {
    let mut postbox = Postbox::start(Path::new(env!("CARGO_BIN_EXE_postbox"))).await;
    let server = Server::start().await;
    let ca = server.directory().join("mail-ca.pem");
    std::fs::write(&ca, postbox.ca_pem()).unwrap();
    let trusted = ("SMTP_CA_FILE", ca.to_str().unwrap());
    let from = ("MAIL_FROM", "Melo <melo@chat.example.org>");
    let url = |scheme: &str, host: &str, port: &str| {
        let port = postbox.port(port).unwrap();
        format!("{scheme}://melo:p%40ss%20word@{host}:{port}")
    };
    // To the server `LOCALHOST` is another machine than its own.
    let tls = url("smtps", "localhost", "smtps");
    let starttls = url("smtp", "LOCALHOST", "starttls");
    let stripped = url("smtp", "LOCALHOST", "smtp");
    for (url, more, says) in [
        (&tls, vec![from, trusted], "it answers within TLS"),
        (&starttls, vec![from, trusted], "it answers after STARTTLS"),
        (&tls, vec![from], "no TLS with the mail server"),
        (&starttls, vec![from], "no TLS with the mail server"),
        (&stripped, vec![from, trusted], "of no use"),
    ] {
        let mut settings = vec![("SMTP_URL", url.as_str())];
        settings.extend(more);
        let said = said_of(&server, "mail", &settings);
        assert!(said.contains(says), "{url}: {said}");
        assert_eq!(said.starts_with("ok"), says.contains("answers"), "{said}");
        assert_eq!(said.contains(" -> "), !says.contains("answers"), "{said}");
    }
    assert!(said_of(&server, "mail", &[]).contains("SMTP_URL is not set"));
    // The provider of text messages is not called.
    let url = postbox.sms_url();
    let settings = [("SMS_PROVIDER", "http"), ("SMS_HTTP_URL", &url)];
    let said = said_of(&server, "sms", &settings);
    assert!(
        said.starts_with("ok") && said.contains("not tried"),
        "{said}"
    );
    assert!(postbox.is_quiet());
}
