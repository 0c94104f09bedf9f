//! Keyed hashes: HMAC-SHA-256 (RFC 2104) under subkeys that HKDF (RFC 5869) derives.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// HMAC under the 32-byte subkey for `info`, which is given in parts and taken as one.
pub(crate) fn subkey(keys: &Hkdf<Sha256>, info: &[&[u8]]) -> Hmac<Sha256> {
    // HMAC pads its key with zeros to the block size: given as a whole block, it cannot be refused.
    let mut block = Zeroizing::new([0_u8; 64]);
    if keys.expand_multi_info(info, &mut block[..32]).is_err() {
        // Only for more than 8,160 bytes of output. Going on would mean a key of zeros.
        std::process::abort();
    }
    Hmac::new((&*block).into())
}

/// HMAC of the parts one after another; the caller sees to it that they cannot run into each other.
pub(crate) fn mac(mut key: Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    for part in parts {
        key.update(part);
    }
    key.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subkey_is_an_ordinary_32_byte_hmac_key() {
        let keys = Hkdf::<Sha256>::new(None, b"input");
        let mut key = [0; 32];
        keys.expand(b"ab", &mut key).unwrap();
        let mut plain = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        plain.update(b"xy");
        let expected: [u8; 32] = plain.finalize().into_bytes().into();
        assert_eq!(mac(subkey(&keys, &[b"a", b"b"]), &[b"x", b"y"]), expected);
    }
}
