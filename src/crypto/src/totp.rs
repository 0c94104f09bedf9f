//! The second factor: time-based one-time passwords (RFC 6238) and recovery codes.

use melo_domain::{Secret, Timestamp};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::random;
use crate::token::TokenHash;

/// Bytes of a shared secret (RFC 4226, section 4: 160 bits are recommended).
const SECRET: usize = 20;
/// Steps of 30 seconds before and after the present one that are accepted, for clocks that differ.
const SKEW: u16 = 1;
/// Characters of a recovery code, five bits each.
const RECOVERY: usize = 16;
/// Digits and letters that are not mistaken for each other (as in Crockford's base32, in lower case).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A second factor cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the second factor's secret or its label is malformed")]
pub struct TotpError;

/// The generator that a person's authenticator app and this server share: HMAC-SHA-1, six digits, 30 seconds,
/// which is what every such app supports.
pub struct SecondFactor(Totp);

impl SecondFactor {
    /// A new secret, 20 random bytes.
    pub fn generate_secret() -> Zeroizing<Vec<u8>> {
        Zeroizing::new(random::bytes::<SECRET>().to_vec())
    }

    /// The generator of that secret. `account` is what the app shows under `issuer`; neither may hold a colon.
    pub fn new(secret: &[u8], account: &str, issuer: &str) -> Result<Self, TotpError> {
        let bytes: [u8; SECRET] = secret.try_into().map_err(|_| TotpError)?;
        let totp = Builder::new()
            .with_secret(bytes)
            .with_skew(SKEW)
            .with_account_name(account)
            .with_issuer(Some(issuer))
            .build();
        totp.map(Self).map_err(|_| TotpError)
    }

    /// The step that `code` is the code of, if it is one around `now`. Whoever accepts it must refuse that
    /// step and the ones before it from then on (RFC 6238, section 5.2).
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        let seconds = u64::try_from(now.seconds()).ok()?;
        self.0.check(code, seconds)
    }

    /// The `otpauth://` address that an app reads from a QR code.
    pub fn provisioning_uri(&self) -> Result<Secret, TotpError> {
        self.0.to_url().map(Secret::new).map_err(|_| TotpError)
    }

    /// The secret in base32, to be typed in where no camera is.
    pub fn base32(&self) -> Secret {
        Secret::new(self.0.secret().to_base32())
    }
}

/// A way in when the authenticator is lost: 80 random bits, good once, kept as a hash.
pub struct RecoveryCode;

impl RecoveryCode {
    /// A new code, `xxxx-xxxx-xxxx-xxxx`, and the hash to keep in its place.
    pub fn generate() -> (Secret, TokenHash) {
        let bytes = Zeroizing::new(random::bytes::<RECOVERY>());
        let mut text = String::with_capacity(RECOVERY + 3);
        for (i, byte) in bytes.iter().enumerate() {
            if i > 0 && i % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(byte % 32)]));
        }
        let hash = Self::hash(&text);
        (Secret::new(text), hash)
    }

    /// The hash of a code as typed: case, spaces and dashes do not matter, nor do `o` for 0 and `i`, `l` for 1.
    pub fn hash(typed: &str) -> TokenHash {
        let plain: Zeroizing<String> = Zeroizing::new(
            typed
                .chars()
                .filter(|c| !matches!(c, '-' | ' '))
                .map(|c| match c.to_ascii_lowercase() {
                    'o' => '0',
                    'i' | 'l' => '1',
                    other => other,
                })
                .collect(),
        );
        TokenHash::of(&plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six of the eight digits; the secret is the ASCII string there.
    #[test]
    fn the_standard_s_own_codes_are_right() {
        let factor = SecondFactor::new(b"12345678901234567890", "10000001", "Melo").unwrap();
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            let now = Timestamp::from_millis(seconds * 1000);
            let step = u64::try_from(seconds / 30).unwrap();
            assert_eq!(factor.step_of(code, now), Some(step), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_or_late_and_no_more() {
        let factor = SecondFactor::new(b"12345678901234567890", "a", "Melo").unwrap();
        let at = |seconds: i64| factor.step_of("287082", Timestamp::from_millis(seconds * 1000));
        assert_eq!(at(30), Some(1));
        assert_eq!((at(0), at(89)), (Some(1), Some(1)));
        assert_eq!(at(90), None);
        for bad in ["", "28708", "2870822", "28708a", "２８７０８２", "000000"] {
            let now = Timestamp::from_millis(59_000);
            assert_eq!(factor.step_of(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn an_app_can_read_the_address() {
        let secret = SecondFactor::generate_secret();
        let factor = SecondFactor::new(&secret, "10000001", "Melo").unwrap();
        let uri = factor.provisioning_uri().unwrap();
        let base32 = factor.base32();
        assert!(uri.expose().starts_with("otpauth://totp/Melo:10000001?"));
        assert!(
            uri.expose()
                .contains(&format!("secret={}", base32.expose()))
        );
        assert!(SecondFactor::new(&[1; 19], "a", "Melo").is_err());
        assert!(SecondFactor::new(&secret, "a:b", "Melo").is_err());
    }

    #[test]
    fn recovery_codes_are_forgiving_to_type_and_never_alike() {
        let (code, hash) = RecoveryCode::generate();
        assert_eq!(code.expose().len(), RECOVERY + 3);
        let typed = code.expose().to_ascii_uppercase().replace('-', " ");
        assert_eq!(RecoveryCode::hash(&typed.replace('0', "O")), hash);
        assert_ne!(RecoveryCode::generate().1, hash);
    }
}
