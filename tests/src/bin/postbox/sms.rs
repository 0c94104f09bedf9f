//! The provider of text messages.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use serde_json::json;

use crate::say;

/// One HTTP request (RFC 9112), answered as the mode says.
pub fn text_message(stream: &TcpStream, mode: &Mutex<String>) {
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
