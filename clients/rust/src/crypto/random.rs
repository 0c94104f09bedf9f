//! Random numbers: the single place of this crate that asks the operating system for them.

use getrandom::SysRng;
use rsa::rand_core::UnwrapErr;
use uuid::Uuid;

use super::RandomError;

/// `N` random bytes from the operating system.
pub fn bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut out = [0; N];
    #[allow(clippy::disallowed_methods)] // the one place where randomness enters this crate
    getrandom::fill(&mut out).map_err(|_| RandomError)?;
    Ok(out)
}

/// A random UUID, version 4 (RFC 9562, section 5.4): the id of a message.
pub fn uuid() -> Result<Uuid, RandomError> {
    Ok(uuid::Builder::from_random_bytes(bytes()?).into_uuid())
}

/// A number from 0 up to and without `bound`; 0 for a bound of 0. For jitter, not for keys: it is not
/// perfectly even.
pub fn below(bound: u64) -> u64 {
    bytes().map_or(0, |b| u64::from_le_bytes(b).checked_rem(bound).unwrap_or(0))
}

/// The operating system's generator in the form that the RSA operations take. They have no error for
/// a generator that fails, so it is tried first.
pub(crate) fn generator() -> Result<UnwrapErr<SysRng>, RandomError> {
    bytes::<1>()?;
    Ok(UnwrapErr(SysRng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_differ_and_uuids_are_version_4() {
        assert_ne!(bytes::<16>().unwrap(), bytes::<16>().unwrap());
        assert_eq!(uuid().unwrap().get_version_num(), 4);
        assert_eq!(below(0), 0);
        assert!((0..100).all(|_| below(7) < 7));
    }
}
