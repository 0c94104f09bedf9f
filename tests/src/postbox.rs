//! The process that takes mails and text messages, from the flows' side.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;
use tokio::sync::mpsc;

use crate::PATIENCE;

/// A running postbox. Killed when dropped.
#[derive(Debug)]
pub struct Postbox {
    child: Child,
    orders: ChildStdin,
    arrived: mpsc::UnboundedReceiver<Value>,
    ports: Value,
}

impl Postbox {
    /// Starts the program, and waits until it listens.
    pub async fn start(program: &Path) -> Self {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a postbox");
        let orders = child.stdin.take().expect("a pipe");
        let output = child.stdout.take().expect("a pipe");
        let (lines, mut arrived) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("JSON");
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        let ports: Value = arrived.recv().await.expect("ports");
        Self {
            child,
            orders,
            arrived,
            ports,
        }
    }

    /// A port, by its name in the program; `None` where this machine has no such address.
    pub fn port(&self, name: &str) -> Option<u64> {
        self.ports[name].as_u64()
    }

    /// The authority that the mail server's certificate is from, PEM.
    pub fn ca_pem(&self) -> &str {
        self.ports["ca"].as_str().expect("a certificate")
    }

    /// `SMTP_URL` of the port that knows no TLS.
    pub fn smtp_url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port("smtp").expect("a port"))
    }

    /// `SMS_HTTP_URL`.
    pub fn sms_url(&self) -> String {
        let port = self.port("sms").expect("a port");
        format!("http://127.0.0.1:{port}/messages")
    }

    /// Has the provider answer otherwise from now on: `ok`, `fail`, `hold`.
    pub async fn behave(&mut self, mode: &str) {
        writeln!(self.orders, "{mode}").expect("a running postbox");
        while self.next().await.get("mode").is_none() {}
    }

    async fn next(&mut self) -> Value {
        let next = tokio::time::timeout(PATIENCE, self.arrived.recv()).await;
        next.expect("something arrives").expect("a running postbox")
    }

    /// The next text message: headers and body.
    pub async fn sms(&mut self) -> (Value, Value) {
        loop {
            let mut next = self.next().await;
            if let Some(sms) = next.get_mut("sms") {
                let sms = sms.take();
                let body = sms["body"].as_str().expect("a body");
                return (
                    sms["headers"].clone(),
                    serde_json::from_str(body).expect("JSON"),
                );
            }
        }
    }

    /// The code in the next text message, and who got it.
    pub async fn code(&mut self) -> (String, String) {
        let (_, body) = self.sms().await;
        let text = body["text"].as_str().expect("a text");
        let mut digits = text.split(|c: char| !c.is_ascii_digit());
        let code = digits.rfind(|d| d.len() == 6).expect("a code");
        let phone = body["to"].as_str().expect("a phone");
        (phone.to_owned(), code.to_owned())
    }

    /// The next mail: envelope and data, which is not decoded.
    pub async fn mail(&mut self) -> Value {
        loop {
            let mut next = self.next().await;
            if let Some(mail) = next.get_mut("mail") {
                return mail.take();
            }
        }
    }

    /// The next connection to a mail server that has come to its end: what was said in plain, and how the rest was
    /// protected. No mail may have come before it.
    pub async fn session(&mut self) -> Value {
        loop {
            let mut next = self.next().await;
            assert!(next.get("mail").is_none(), "a mail: {next}");
            if let Some(session) = next.get_mut("session") {
                return session.take();
            }
        }
    }

    /// The token in the next mail.
    pub async fn token(&mut self) -> String {
        let mail = self.mail().await;
        token_in(&mail)
    }

    /// Whether nothing more has arrived.
    pub fn is_quiet(&mut self) -> bool {
        while let Ok(next) = self.arrived.try_recv() {
            if next.get("mail").is_some() || next.get("sms").is_some() {
                return false;
            }
        }
        true
    }
}

/// The token in a mail, which must be in English to be readable as it is.
pub fn token_in(mail: &Value) -> String {
    let data = mail["data"].as_str().expect("data").replace("=\r\n", "");
    let is_token = |line: &&str| {
        line.len() == 43
            && line
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let token = data.lines().find(is_token);
    token
        .unwrap_or_else(|| panic!("a token in {data}"))
        .to_owned()
}

impl Drop for Postbox {
    fn drop(&mut self) {
        // One that has ended already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
