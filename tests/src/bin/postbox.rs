//! The outside world of the flows, in a process of its own: a mail server that speaks SMTP (RFC 5321) and a provider
//! of text messages that speaks HTTP, both on loopback. What arrives is one JSON line each on standard output;
//! lines on standard input say how the provider is to behave: `ok`, `fail`, `hold`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // ends with a word when anything is amiss

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

fn say(line: &Value) {
    let mut out = std::io::stdout().lock();
    // A reader that is gone has seen enough.
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn main() {
    let bind = |port: &str| {
        let port: u16 = port.parse().expect("a port");
        TcpListener::bind(("127.0.0.1", port)).expect("a free port")
    };
    let smtp = bind("0");
    let sms = bind("0");
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    say(&json!({"smtp": port(&smtp), "sms": port(&sms)}));
    let mode = Arc::new(Mutex::new("ok".to_owned()));
    serve(smtp, |stream| mail(&stream));
    let of_sms = Arc::clone(&mode);
    serve(sms, move |stream| text_message(&stream, &of_sms));
    for line in std::io::stdin().lines().map_while(Result::ok) {
        line.trim().clone_into(&mut mode.lock().expect("the mode"));
        say(&json!({"mode": line.trim()}));
    }
}

fn serve(listener: TcpListener, act: impl Fn(TcpStream) + Clone + Send + 'static) {
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let act = act.clone();
            std::thread::spawn(move || act(stream));
        }
    });
}

/// One SMTP session.
fn mail(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    let mut answer = |text: &str| writer.write_all(format!("{text}\r\n").as_bytes()).is_ok();
    let (mut from, mut to) = (String::new(), Vec::new());
    if !answer("220 postbox ESMTP") {
        return;
    }
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        let command = line.trim_end().to_owned();
        line.clear();
        let verb = command
            .split([' ', ':'])
            .next()
            .unwrap_or("")
            .to_ascii_uppercase();
        let going_on = match verb.as_str() {
            "EHLO" => answer("250-postbox") && answer("250-8BITMIME") && answer("250 SMTPUTF8"),
            "HELO" | "NOOP" => answer("250 postbox"),
            "RSET" => {
                to.clear();
                answer("250 OK")
            }
            "MAIL" => {
                command.clone_into(&mut from);
                answer("250 OK")
            }
            "RCPT" if command.contains("@refused.example") => answer("550 no such mailbox"),
            "RCPT" => {
                to.push(command);
                answer("250 OK")
            }
            "DATA" => {
                answer("354 go on");
                let data = data(&mut reader);
                say(&json!({"mail": {"from": from, "to": to, "data": data}}));
                to.clear();
                answer("250 accepted")
            }
            "QUIT" => {
                answer("221 bye");
                false
            }
            _ => answer("502 not here"),
        };
        if !going_on {
            return;
        }
    }
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

/// One HTTP request (RFC 9112), answered as the mode says.
fn text_message(stream: &TcpStream, mode: &Mutex<String>) {
    let mut reader = BufReader::new(stream);
    let mut head = json!({});
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some((name, value)) = line.split_once(": ") {
            head[name.to_ascii_lowercase()] = json!(value.trim());
        }
        line.clear();
    }
    let length = head["content-length"].as_str().and_then(|l| l.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let mode = mode.lock().expect("the mode").clone();
    say(&json!({"sms": {"headers": head, "body": String::from_utf8_lossy(&body), "mode": mode}}));
    let status = match mode.as_str() {
        "fail" => "503 Service Unavailable",
        "hold" => {
            // Until the other side has had enough.
            let _ = reader.read(&mut [0]);
            return;
        }
        _ => "202 Accepted",
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let mut writer = stream;
    // Who went away needs no answer.
    let _ = writer.write_all(answer.as_bytes());
}
