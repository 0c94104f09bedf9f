//! Proof of work for a registration (docs/PROTOCOL.md, GET /register/challenge).

use sha2::{Digest, Sha256};

/// Finds a nonce for which SHA-256 of `challenge:nonce` begins with `bits` zero bits. Takes 2^`bits` hashes on
/// average: not for an event loop.
pub fn solve(challenge: &str, bits: u8) -> String {
    let mut front = Sha256::new();
    front.update(challenge.as_bytes());
    front.update(b":");
    let mut nonce = 0_u64;
    loop {
        let text = nonce.to_string();
        let mut hash = front.clone();
        hash.update(text.as_bytes());
        if leading_zeros(&hash.finalize()) >= u32::from(bits) {
            return text;
        }
        nonce = nonce.wrapping_add(1);
    }
}

fn leading_zeros(bytes: &[u8]) -> u32 {
    let whole = bytes.iter().take_while(|byte| **byte == 0).count();
    let rest = bytes.get(whole).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(whole).unwrap_or(0) * 8 + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_nonce_that_solves_is_found() {
        assert_eq!(solve("example", 0), "0");
        let nonce = solve("example", 12);
        let hash = Sha256::digest(format!("example:{nonce}").as_bytes());
        assert!(hash[0] == 0 && hash[1] < 0x10, "{hash:?}");
        // As in docs/PROTOCOL.md.
        assert_eq!(nonce, EXAMPLE);
    }

    const EXAMPLE: &str = "4891";

    #[test]
    fn zero_bits_are_counted_from_the_front() {
        assert_eq!(leading_zeros(&[0x80, 0]), 0);
        assert_eq!(leading_zeros(&[0, 0x10, 0xff]), 11);
        assert_eq!(leading_zeros(&[0, 0]), 16);
    }
}
