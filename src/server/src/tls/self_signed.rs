//! The certificate that the server makes for itself, so that the first start is encrypted already.

use melo_domain::{Secret, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, Error, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

/// Platforms refuse server certificates that are good for more than 825 days, trusted or not.
const VALID_DAYS: i64 = 825;

/// A new P-256 key, PKCS#8 PEM.
pub fn key() -> Result<Secret, Error> {
    Ok(Secret::new(KeyPair::generate()?.serialize_pem()))
}

/// A certificate (PEM) of this key for `localhost`, its addresses, the machine's name and `host`.
pub fn certificate(key_pem: &str, host: Option<&str>, now: Timestamp) -> Result<String, Error> {
    let key = KeyPair::from_pem(key_pem)?;
    let mut params = CertificateParams::new(names(host))?;
    // A day earlier, for machines whose clocks are behind.
    let now =
        OffsetDateTime::from_unix_timestamp(now.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    params.not_before = now - Duration::DAY;
    params.not_after = params.not_before + Duration::days(VALID_DAYS);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Melo, self-signed");
    Ok(params.self_signed(&key)?.pem())
}

fn names(host: Option<&str>) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let machine = rustix::system::uname();
    let machine = machine.nodename().to_string_lossy();
    for name in [Some(&*machine), host].into_iter().flatten() {
        let is_host = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
        if is_host && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::CertificateInfo;
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    #[test]
    fn it_is_for_this_machine_and_not_for_longer_than_platforms_accept() {
        let now = Timestamp::from_millis(1_795_162_530_000);
        let pem = certificate(key().unwrap().expose(), Some("chat.example.org"), now).unwrap();
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let info = CertificateInfo::of(&der).unwrap();
        for host in ["localhost", "127.0.0.1", "::1", "chat.example.org"] {
            assert!(info.covers(host), "{host} in {:?}", info.names);
        }
        assert!(!info.covers("example.org"));
        assert!(info.self_signed && info.not_before < now);
        let days = info.not_after.since(info.not_before).as_secs() / 86_400;
        assert_eq!(days, 825);
        assert_eq!(info.fingerprint.len(), 32 * 3 - 1);
    }
}
