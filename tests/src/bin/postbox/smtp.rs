//! A mail server. Each connection is told about at its end, with all that was said without protection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::say;

/// How a port is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Not at all.
    Plain,
    /// Once the client asks for it; nothing is taken before.
    StartTls,
    /// From the first byte.
    Implicit,
}

/// What a session is in the middle of.
#[derive(Default)]
struct Session {
    /// Whether `STARTTLS` is offered.
    offers_tls: bool,
    /// Whether mail is taken.
    takes_mail: bool,
    /// Version of TLS.
    tls: Value,
    /// What the client has shown, as it stands in `AUTH PLAIN` (RFC 4616).
    auth: Value,
    from: String,
    to: Vec<String>,
    /// Commands, as far as they were not protected.
    in_plain: Vec<String>,
}

/// How a session ended.
enum End {
    /// By a goodbye, or because the other side went away.
    Gone,
    /// By `STARTTLS`.
    Upgrade,
}

/// One connection.
pub fn converse(mut stream: TcpStream, way: Way, tls: &Arc<ServerConfig>) {
    let mut session = Session {
        offers_tls: way == Way::StartTls,
        takes_mail: way != Way::StartTls,
        ..Session::default()
    };
    if way != Way::Implicit {
        // What was sent ahead of the handshake is forgotten with the buffer (RFC 3207, section 5).
        if !matches!(session.run(&mut stream, true), End::Upgrade) {
            say(&json!({"session": {"in_plain": session.in_plain, "tls": null}}));
            return;
        }
    }
    let mut protected = ServerConnection::new(Arc::clone(tls)).expect("a configuration");
    if let Err(error) = protected.complete_io(&mut stream) {
        let told = json!({"in_plain": session.in_plain, "tls": null, "cause": error.to_string()});
        say(&json!({ "session": told }));
        return;
    }
    let version = protected
        .protocol_version()
        .map(|version| format!("{version:?}"));
    let mut protected = StreamOwned::new(protected, stream);
    // Nothing of what was said before counts (RFC 3207, section 4.2).
    let mut inner = Session {
        takes_mail: true,
        tls: json!(version),
        in_plain: session.in_plain,
        ..Session::default()
    };
    inner.run(&mut protected, way == Way::Implicit);
    say(&json!({"session": {"in_plain": inner.in_plain, "tls": version}}));
}

impl Session {
    /// Answers commands to their end; `greets` first, unless the client has been here before.
    fn run<S: Read + Write>(&mut self, stream: &mut S, greets: bool) -> End {
        let mut stream = BufReader::new(stream);
        if greets && !answer(&mut stream, "220 postbox ESMTP") {
            return End::Gone;
        }
        let mut line = String::new();
        while stream.read_line(&mut line).is_ok_and(|read| read > 0) {
            let command = line.trim_end().to_owned();
            line.clear();
            if self.tls.is_null() {
                self.in_plain.push(command.clone());
            }
            if self.offers_tls && command.eq_ignore_ascii_case("STARTTLS") {
                answer(&mut stream, "220 go ahead");
                return End::Upgrade;
            }
            if !self.obey(&command, &mut stream) {
                break;
            }
        }
        End::Gone
    }

    /// Does what a command asks; says whether to go on.
    fn obey<S: Read + Write>(&mut self, command: &str, stream: &mut BufReader<S>) -> bool {
        let verb = command.split([' ', ':']).next().unwrap_or("");
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                let last = match (self.offers_tls, self.takes_mail) {
                    (true, _) => "250 STARTTLS",
                    (false, true) => "250 AUTH PLAIN",
                    (false, false) => "250 HELP",
                };
                let said = ["250-postbox", "250-8BITMIME", "250-SMTPUTF8", last];
                said.iter().all(|line| answer(stream, line))
            }
            "HELO" | "NOOP" => answer(stream, "250 postbox"),
            "RSET" => {
                self.to.clear();
                answer(stream, "250 OK")
            }
            "QUIT" => {
                answer(stream, "221 bye");
                false
            }
            _ if !self.takes_mail => answer(stream, "530 Must issue a STARTTLS command first"),
            "AUTH" => {
                self.auth = json!(command.strip_prefix("AUTH PLAIN "));
                answer(stream, "235 welcome")
            }
            "MAIL" => {
                command.clone_into(&mut self.from);
                answer(stream, "250 OK")
            }
            "RCPT" if command.contains("@refused.example") => answer(stream, "550 no such mailbox"),
            "RCPT" => {
                self.to.push(command.to_owned());
                answer(stream, "250 OK")
            }
            "DATA" => {
                answer(stream, "354 go on");
                let mail = json!({
                    "from": self.from, "to": self.to, "data": data(stream),
                    "tls": self.tls, "auth": self.auth, "in_plain": self.in_plain,
                });
                say(&json!({ "mail": mail }));
                self.to.clear();
                answer(stream, "250 accepted")
            }
            _ => answer(stream, "502 not here"),
        }
    }
}

fn answer<S: Write>(stream: &mut BufReader<S>, text: &str) -> bool {
    let stream = stream.get_mut();
    let written = stream.write_all(format!("{text}\r\n").as_bytes());
    written.and_then(|()| stream.flush()).is_ok()
}

/// Lines up to the lone dot, without the dots that were doubled on the way (RFC 5321, section 4.5.2).
fn data(reader: &mut impl BufRead) -> String {
    let mut data = String::new();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        if line == ".\r\n" {
            break;
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
        line.clear();
    }
    data
}
