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
    smtp: u64,
    sms: u64,
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
        let port = |name: &str| ports[name].as_u64().expect("a port");
        let (smtp, sms) = (port("smtp"), port("sms"));
        Self {
            child,
            orders,
            arrived,
            smtp,
            sms,
        }
    }

    /// `SMTP_URL`.
    pub fn smtp_url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.smtp)
    }

    /// `SMS_HTTP_URL`.
    pub fn sms_url(&self) -> String {
        format!("http://127.0.0.1:{}/messages", self.sms)
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

    /// The token in the next mail, which must be in English to be readable as it is.
    pub async fn token(&mut self) -> String {
        let mail = self.mail().await;
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

    /// Whether nothing more has arrived.
    pub fn is_quiet(&mut self) -> bool {
        self.arrived.try_recv().is_err()
    }
}

impl Drop for Postbox {
    fn drop(&mut self) {
        // One that has ended already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
