//! Proxies in front of the server, and what strangers have to do before they get in.

use std::net::IpAddr;

use ipnet::IpNet;
use melo_api::{ProxyHeader, TrustedProxies};

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Protection",
    specs: &[
        TRUSTED_PROXIES,
        TRUSTED_PROXY_HEADER,
        ACCOUNT_RATE_LIMIT_CALLS,
        REGISTRATION_POW_BITS,
    ],
};

const TRUSTED_PROXIES: Spec = Spec {
    name: "TRUSTED_PROXIES",
    default: None,
    example: "127.0.0.1,10.0.0.0/8",
    secret: false,
    help: "Addresses or networks (CIDR) of proxies in front of this server, separated by commas. Only they are believed
           when they name the client's address, which limits, bans, session lists and the audit log go by.
           Unset: nobody is, and the address of the connection counts. Never name a network that clients come from.",
};
const TRUSTED_PROXY_HEADER: Spec = Spec {
    name: "TRUSTED_PROXY_HEADER",
    default: Some("x-forwarded-for"),
    example: "x-forwarded-for",
    secret: false,
    help: "Where they name it: x-forwarded-for, or forwarded (RFC 7239). The proxy must add to this header, or replace it;
           the other one is not read.",
};
const ACCOUNT_RATE_LIMIT_CALLS: Spec = Spec {
    name: "ACCOUNT_RATE_LIMIT_CALLS",
    default: Some("1200"),
    example: "1200",
    secret: false,
    help: "REST calls with a token that one account may make in a minute, besides narrower limits; one device half of it. 0: no limit.",
};
const REGISTRATION_POW_BITS: Spec = Spec {
    name: "REGISTRATION_POW_BITS",
    default: Some("0"),
    example: "20",
    secret: false,
    help: "Work that a client must do before registering, in leading zero bits of a SHA-256: each bit doubles it, 20 take about
           a second, 26 a minute. Makes mass registration dear. Existing clients cannot do it. 0: none.",
};

/// Proxies, and the price of getting in.
#[derive(Debug, Clone)]
pub struct Protection {
    /// Who may say whom they speak for.
    pub proxies: TrustedProxies,
    /// Calls of an account in a minute; 0 means no limit.
    pub account_calls: u32,
    /// Leading zero bits of a registration's work; 0 means none.
    pub pow_bits: u8,
}

impl Protection {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let networks = reader.optional(&TRUSTED_PROXIES, networks);
        let header = reader.value(&TRUSTED_PROXY_HEADER, header);
        let account_calls = reader.value(&ACCOUNT_RATE_LIMIT_CALLS, parse::number(0, u32::MAX));
        let bits = reader.value(&REGISTRATION_POW_BITS, parse::number(0, 26));
        Some(Self {
            proxies: TrustedProxies {
                networks: networks?.unwrap_or_default(),
                header: header?,
            },
            account_calls: account_calls?,
            pow_bits: u8::try_from(bits?).unwrap_or(0),
        })
    }

    /// The defaults.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            proxies: TrustedProxies::default(),
            account_calls: 1200,
            pow_bits: 0,
        }
    }
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let address = || entry.parse::<IpAddr>().map(IpNet::from);
            let network = entry.parse::<IpNet>().or_else(|_| address());
            let network = network.map_err(|_| {
                "must be IP addresses or networks like 10.0.0.0/8, separated by commas".to_owned()
            })?;
            if network.prefix_len() == 0 {
                return Err(
                    "must not name every address: anybody could claim any address".to_owned(),
                );
            }
            Ok(network)
        })
        .collect()
}

fn header(text: &str) -> Result<ProxyHeader, String> {
    [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded]
        .into_iter()
        .find(|header| text.eq_ignore_ascii_case(header.name()))
        .ok_or("must be x-forwarded-for or forwarded".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_addresses_and_networks() {
        let read = networks("127.0.0.1, 10.0.0.0/8,,2001:db8::/32").unwrap();
        let shown: Vec<String> = read.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["127.0.0.1/32", "10.0.0.0/8", "2001:db8::/32"]);
        for bad in [
            "proxy.example.org",
            "10.0.0.0/33",
            "10.0.0",
            "0.0.0.0/0",
            "::/0",
        ] {
            assert!(networks(bad).is_err(), "{bad}");
        }
        assert_eq!(header("Forwarded"), Ok(ProxyHeader::Forwarded));
        assert!(header("x-real-ip").is_err());
    }
}
