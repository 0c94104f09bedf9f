//! What was found, in words, and what to do about it.

use std::io;
use std::net::IpAddr;

use melo_gateways::turn::{Transport, Unbound};
use melo_stun::code;

use super::probe::{Trouble, Way, Works};
use crate::doctor::finding::Finding;
use crate::relay::Known;

const AREA: &str = "calls";

fn named(way: &Way) -> String {
    let transport = way.transport.as_str().to_uppercase();
    format!("{transport} {}", way.address)
}

/// A port that could not be had.
pub fn unbound(missing: &Unbound) -> Finding {
    let (transport, address) = (missing.transport.as_str().to_uppercase(), missing.address);
    let setting = match missing.transport {
        Transport::Tls => "TURN_TLS_PORT",
        Transport::Udp | Transport::Tcp => "TURN_PORT",
    };
    let remedy = match missing.error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another program has it (coturn?): stop that, or set {setting}")
        }
        io::ErrorKind::PermissionDenied => format!("set {setting} to a port above 1023"),
        _ => format!("check BIND_ADDRESS and {setting}"),
    };
    let text = format!(
        "{transport} {address} cannot be listened on: {}",
        missing.error
    );
    Finding::fail(AREA, text, remedy)
}

/// What came of trying a way.
pub fn finding(way: &Way, outcome: Result<Works, Trouble>) -> Finding {
    let name = named(way);
    match outcome {
        Ok(Works {
            relayed,
            round_trip,
        }) => {
            let millis = round_trip.as_secs_f64() * 1000.0;
            let text =
                format!("{name}: relayed as {relayed}, all packets came back ({millis:.1} ms)");
            Finding::ok(AREA, text)
        }
        Err(trouble) => {
            let (cause, remedy) = explain(way, &trouble);
            Finding::fail(AREA, format!("{name}: {cause}"), remedy)
        }
    }
}

fn explain(way: &Way, trouble: &Trouble) -> (String, &'static str) {
    let tls = way.transport == Transport::Tls;
    match trouble {
        Trouble::Closed => (
            "the port is closed: nobody listens there".to_owned(),
            "look at the first lines of the server's log for why it does not, or correct the port",
        ),
        Trouble::Silent => (
            "no answer".to_owned(),
            "open the port in the firewall, for UDP and for TCP; if another program has it, stop that",
        ),
        Trouble::Unreachable(error) => (
            format!("cannot be reached: {error}"),
            "check the address and this machine's network",
        ),
        Trouble::Certificate(why) => (
            format!("the certificate is not good for {}: {why}", way.name),
            "get one for that name, or set TURN_HOST to a name that is in it",
        ),
        Trouble::Tls(error) => (
            format!("no TLS there: {error}"),
            "check that TURN_TLS_PORT is of this server and no proxy ends TLS before it",
        ),
        Trouble::Credentials => (
            "the credentials are refused".to_owned(),
            "TURN_SECRET must be the same there (coturn: static-auth-secret with use-auth-secret); after a change, restart",
        ),
        Trouble::Clock => (
            "credentials for a minute are refused, and those for two days are taken".to_owned(),
            "its clock runs ahead of this one: set both by a time service (timedatectl set-ntp true)",
        ),
        Trouble::Refused(code::FORBIDDEN, _) => (
            "it does not relay to its own relayed addresses".to_owned(),
            "coturn: take its own address out of denied-peer-ip; two people behind it cannot reach each other",
        ),
        Trouble::Refused(code::INSUFFICIENT_CAPACITY, _) => (
            "it has no port left to relay on".to_owned(),
            "widen TURN_RELAY_PORTS, or raise TURN_MAX_ALLOCATIONS and the limit of open files",
        ),
        Trouble::Refused(code::ALLOCATION_QUOTA_REACHED, _) => (
            "the quota of allocations is used up".to_owned(),
            "try again in ten minutes; raise the quota if it stays",
        ),
        Trouble::Refused(code, reason) => {
            (format!("refused with {code} {reason}"), "see docs/CALLS.md")
        }
        Trouble::Lost(sent, came) => (
            format!("addresses are given, but of {sent} packets {came} came back"),
            "open TURN_RELAY_PORTS for UDP in the firewall, and check TURN_PUBLIC_IP",
        ),
        Trouble::Other(error) => (
            format!("{error}"),
            if tls {
                "check that no other service listens there"
            } else {
                "check that it is a TURN server"
            },
        ),
    }
}

/// What came of trying the address that is given out, from within.
pub fn public(ip: IpAddr, known: Known, outcome: &Result<Works, Trouble>) -> Finding {
    const AREA: &str = "public ip";
    let from = if known == Known::Set {
        "TURN_PUBLIC_IP"
    } else {
        "PUBLIC_URL"
    };
    match outcome {
        Ok(_) => Finding::ok(AREA, format!("{ip} ({from}) leads to this server")),
        Err(Trouble::Credentials | Trouble::Clock | Trouble::Refused(..) | Trouble::Other(_)) => {
            Finding::fail(
                AREA,
                format!("{ip} ({from}) leads to another server"),
                "set TURN_PUBLIC_IP to this machine's address as the internet sees it",
            )
        }
        Err(_) => Finding::warn(
            AREA,
            format!("{ip} ({from}) does not answer from here"),
            "many routers do not turn packets round: try from another network. If it does not answer there either, \
             forward the ports to this machine, or correct the address",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::doctor::finding::Level;

    fn way(transport: Transport) -> Way {
        Way {
            transport,
            address: "192.0.2.1:3478".parse().unwrap(),
            name: "chat.example.org".to_owned(),
        }
    }

    #[test]
    fn each_cause_is_named_with_its_cure() {
        for (trouble, cause, cure) in [
            (Trouble::Closed, "closed", "log"),
            (Trouble::Silent, "no answer", "firewall"),
            (
                Trouble::Certificate("expired".to_owned()),
                "chat.example.org",
                "TURN_HOST",
            ),
            (Trouble::Credentials, "credentials", "TURN_SECRET"),
            (Trouble::Clock, "two days", "clock"),
            (
                Trouble::Refused(403, String::new()),
                "its own",
                "denied-peer-ip",
            ),
            (
                Trouble::Refused(508, String::new()),
                "no port",
                "TURN_RELAY_PORTS",
            ),
            (Trouble::Lost(3, 2), "2 came", "TURN_PUBLIC_IP"),
        ] {
            let finding = finding(&way(Transport::Tls), Err(trouble));
            assert_eq!(finding.level, Level::Fail);
            let text = finding.to_string();
            assert!(text.contains(cause) && text.contains(cure), "{text}");
        }
        let works = Works {
            relayed: "192.0.2.1:50000".parse().unwrap(),
            round_trip: Duration::from_micros(400),
        };
        let finding = finding(&way(Transport::Udp), Ok(works));
        assert_eq!(finding.level, Level::Ok);
        assert!(
            finding.text.contains("UDP 192.0.2.1:3478"),
            "{}",
            finding.text
        );
    }

    #[test]
    fn a_public_address_of_somebody_else_is_told_from_one_that_cannot_be_seen() {
        let ip = "192.0.2.1".parse().unwrap();
        let level = |outcome| public(ip, Known::Set, &outcome).level;
        assert_eq!(level(Err(Trouble::Credentials)), Level::Fail);
        assert_eq!(level(Err(Trouble::Silent)), Level::Warn);
        assert_eq!(level(Err(Trouble::Closed)), Level::Warn);
    }
}
