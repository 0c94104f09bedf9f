//! Keys for the tests of this crate.

use std::sync::OnceLock;

use melo_domain::{DeviceHandle, LogId};

use super::identity::{DeviceSecrets, SignatureKey};
use super::rsa_keys::DecryptionKey;

/// A key made once for all tests: they take a while.
pub fn rsa_a() -> &'static DecryptionKey {
    static KEY: OnceLock<DecryptionKey> = OnceLock::new();
    KEY.get_or_init(|| DecryptionKey::generate().unwrap())
}

/// Another one.
pub fn rsa_b() -> &'static DecryptionKey {
    static KEY: OnceLock<DecryptionKey> = OnceLock::new();
    KEY.get_or_init(|| DecryptionKey::generate().unwrap())
}

/// A device whose signature keys follow from `n`; odd ones have the first RSA key, even ones the other.
pub fn person(n: u8) -> DeviceSecrets {
    DeviceSecrets {
        encryption: if n % 2 == 1 { rsa_a() } else { rsa_b() }.clone(),
        signing: SignatureKey::from_seed(&[n; 32]),
        identity: SignatureKey::from_seed(&[n | 0x80; 32]),
    }
}

/// A device name.
pub fn device_of(n: u64) -> DeviceHandle {
    DeviceHandle::from_random(n << 8)
}

/// A log.
pub fn log_of(n: u64) -> LogId {
    LogId::from_random(n)
}
