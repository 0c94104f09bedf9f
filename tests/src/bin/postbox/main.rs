//! The outside world of the flows, in a process of its own: mail servers that speak SMTP (RFC 5321) in plain, after
//! STARTTLS (RFC 3207) or within TLS (RFC 8314), and a provider of text messages that speaks HTTP, all on loopback.
//! What arrives is one JSON line each on standard output; lines on standard input say how the provider is to
//! behave: `ok`, `fail`, `hold`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // ends with a word when anything is amiss

mod sms;
mod smtp;
mod tls;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use smtp::Way;

fn say(line: &Value) {
    let mut out = std::io::stdout().lock();
    // A reader that is gone has seen enough.
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn main() {
    let (ca_pem, server_tls) = tls::make();
    let mut ports = json!({"ca": ca_pem});
    for (name, address, way) in [
        ("smtp", IpAddr::from(Ipv4Addr::LOCALHOST), Way::Plain),
        ("smtp6", Ipv6Addr::LOCALHOST.into(), Way::Plain),
        ("starttls", Ipv4Addr::LOCALHOST.into(), Way::StartTls),
        ("smtps", Ipv4Addr::LOCALHOST.into(), Way::Implicit),
    ] {
        // A machine without IPv6 has no such address.
        let Ok(listener) = TcpListener::bind((address, 0)) else {
            continue;
        };
        ports[name] = json!(port(&listener));
        let server_tls = Arc::clone(&server_tls);
        serve(listener, move |stream| {
            smtp::converse(stream, way, &server_tls);
        });
    }
    let sms = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    ports["sms"] = json!(port(&sms));
    let mode = Arc::new(Mutex::new("ok".to_owned()));
    let of_sms = Arc::clone(&mode);
    serve(sms, move |stream| sms::text_message(&stream, &of_sms));
    say(&ports);
    for line in std::io::stdin().lines().map_while(Result::ok) {
        line.trim().clone_into(&mut mode.lock().expect("the mode"));
        say(&json!({"mode": line.trim()}));
    }
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("an address").port()
}

fn serve(listener: TcpListener, act: impl Fn(TcpStream) + Clone + Send + 'static) {
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let act = act.clone();
            std::thread::spawn(move || act(stream));
        }
    });
}
