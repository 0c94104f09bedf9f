//! The one source of randomness: the operating system's generator, asked anew each time. No state is
//! kept in the process, so there is none to leak, to fork or to restore from a snapshot.

use std::convert::Infallible;
use std::io::Write;

use rsa::rand_core::{TryCryptoRng, TryRng};
use uuid::Uuid;

/// Fills `buf` with random bytes fit for keys and nonces.
///
/// When the operating system cannot give any, the process ends: there is no safe way on, and an error
/// that a caller could swallow would end in a predictable key or a repeated nonce.
pub fn fill(buf: &mut [u8]) {
    #[allow(clippy::disallowed_methods)] // the one place where randomness enters
    let outcome = getrandom::fill(buf);
    if let Err(error) = outcome {
        // Not `eprintln!`: it panics when stderr is closed, and a panic can be caught.
        let _ = writeln!(
            std::io::stderr(),
            "melo: the operating system gives no random numbers ({error}); stopping"
        );
        std::process::abort();
    }
}

/// `N` random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut buf = [0; N];
    fill(&mut buf);
    buf
}

/// A random number, each of the 2^64 as likely.
pub fn u64() -> u64 {
    u64::from_ne_bytes(bytes())
}

/// A code of `N` random decimal digits, each code as likely.
pub fn digits<const N: usize>() -> String {
    let mut code = String::with_capacity(N);
    while code.len() < N {
        let [byte] = bytes::<1>();
        // 250 is the last multiple of ten: what is beyond would make the first digits likelier.
        if byte < 250 {
            code.push(char::from(b'0' + byte % 10));
        }
    }
    code
}

/// A random UUID, version 4 (RFC 9562, section 5.4).
pub fn uuid() -> Uuid {
    uuid::Builder::from_random_bytes(bytes()).into_uuid()
}

/// The same source in the form that key generation asks for.
pub(crate) struct SystemRng;

impl TryRng for SystemRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_ne_bytes(bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        fill(dst);
        Ok(())
    }
}

impl TryCryptoRng for SystemRng {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_draws_are_alike() {
        assert_ne!(bytes::<32>(), bytes::<32>());
        assert_ne!(u64(), u64());
        assert_ne!(uuid(), uuid());
    }

    #[test]
    fn every_byte_is_drawn() {
        // A byte that `fill` forgot would stay zero in all 64 rounds; by chance this happens once in 2^504.
        let mut seen = [0_u8; 40];
        for _ in 0..64 {
            for (seen, drawn) in seen.iter_mut().zip(bytes::<40>()) {
                *seen |= drawn;
            }
        }
        assert!(seen.iter().all(|b| *b != 0));
    }

    #[test]
    fn codes_have_all_digits_at_all_places() {
        let codes: Vec<String> = (0..400).map(|_| digits::<6>()).collect();
        for place in 0..6 {
            let mut seen: Vec<u8> = codes.iter().map(|code| code.as_bytes()[place]).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen, b"0123456789");
        }
    }

    #[test]
    fn uuids_say_version_4() {
        assert_eq!(uuid().get_version_num(), 4);
    }
}
