//! What a certificate says about itself.

use std::net::IpAddr;
use std::time::Duration;

use melo_domain::Timestamp;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Facts about a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// SHA-256 of the certificate, as browsers show it: upper-case hex pairs with colons.
    pub fingerprint: String,
    /// Host names and addresses it is for (RFC 5280, section 4.2.1.6).
    pub names: Vec<String>,
    /// Good from here.
    pub not_before: Timestamp,
    /// Good until here.
    pub not_after: Timestamp,
    /// Signed by itself: clients must be told to trust it.
    pub self_signed: bool,
}

impl CertificateInfo {
    /// Reads a DER certificate; `None` when it is damaged.
    pub fn of(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let body = certificate.tbs_certificate();
        let names = match body.get_extension::<SubjectAltName>() {
            Ok(Some((_, names))) => names.0.iter().filter_map(name).collect(),
            Ok(None) => Vec::new(),
            Err(_) => return None,
        };
        let validity = body.validity();
        Some(Self {
            fingerprint: fingerprint(der),
            names,
            not_before: timestamp(validity.not_before.to_unix_duration()),
            not_after: timestamp(validity.not_after.to_unix_duration()),
            self_signed: body.issuer() == body.subject(),
        })
    }

    /// How long it is still good; zero when it is over.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.not_after.since(now)
    }

    /// The last day, `2029-02-25`.
    pub fn last_day(&self) -> String {
        self.not_after.to_string().chars().take(10).collect()
    }

    /// Whether it is for this host (RFC 9525, section 6.3: a wildcard stands for one whole label).
    pub fn covers(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.names.iter().any(|name| {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix("*.") {
                Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => name == host,
            }
        })
    }
}

fn fingerprint(der: &[u8]) -> String {
    let pairs: Vec<String> = Sha256::digest(der)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    pairs.join(":")
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
        GeneralName::IpAddress(bytes) => match bytes.as_bytes() {
            v4 if v4.len() == 4 => Some(IpAddr::from(<[u8; 4]>::try_from(v4).ok()?).to_string()),
            v6 => Some(IpAddr::from(<[u8; 16]>::try_from(v6).ok()?).to_string()),
        },
        _ => None,
    }
}

fn timestamp(since_epoch: Duration) -> Timestamp {
    Timestamp::default().plus(since_epoch)
}
