//! The payload of the existing clients: a JSON string that holds `{"ciphertext", "iv", "encrypted_key"}`, each
//! base64. AES-256-GCM with the tag at the end, the key wrapped with the account's one RSA key. Nobody signs it:
//! what is read this way is shown as unsigned.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use melo_protocol::MAX_FRAME_BYTES;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::rsa_keys::{DecryptionKey, EncryptionKey, RsaKeyError};
use super::sealing::{BadTag, IV_BYTES, open, seal};
use super::{RandomError, random};

/// The longest text that fits into a frame in this form, in bytes.
pub const MAX_TEXT: usize = 700 * 1024;

/// Standard base64, with or without padding: the existing clients do not agree.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a payload of the existing clients could not be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    /// Longer than a frame may be.
    #[error("the message is longer than a message may be")]
    TooLarge,
    /// Not the form described above.
    #[error("the payload is in no form this client knows")]
    Malformed,
    /// The key does not open: the message was for another key, for example one's own sent message.
    #[error("the message was not encrypted for this device's key")]
    NotForThisKey,
    /// AES-GCM refused.
    #[error("the message is damaged: its authentication tag does not hold")]
    BadTag,
    /// Not text.
    #[error("the message is not text")]
    NotText,
    /// The recipient's key could not be used.
    #[error("the recipient's key could not be used: {0}")]
    RecipientKey(RsaKeyError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<BadTag> for LegacyError {
    fn from(_: BadTag) -> Self {
        Self::BadTag
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    ciphertext: String,
    iv: String,
    encrypted_key: String,
}

/// The text of the payload string for `recipient`.
pub fn seal_text(text: &str, recipient: &EncryptionKey) -> Result<String, LegacyError> {
    let key = Zeroizing::new(random::bytes::<32>()?);
    seal_text_with(text, recipient, &key, &random::bytes()?)
}

/// As [`seal_text`], with the key and nonce given. For test vectors.
pub(crate) fn seal_text_with(
    text: &str,
    recipient: &EncryptionKey,
    key: &[u8; 32],
    iv: &[u8; IV_BYTES],
) -> Result<String, LegacyError> {
    if text.len() > MAX_TEXT {
        return Err(LegacyError::TooLarge);
    }
    let wire = Wire {
        ciphertext: BASE64.encode(seal(key, iv, b"", text.as_bytes())?),
        iv: BASE64.encode(iv),
        encrypted_key: BASE64.encode(recipient.wrap(key).map_err(LegacyError::RecipientKey)?),
    };
    serde_json::to_string(&wire).map_err(|_| LegacyError::Malformed)
}

/// Opens the text of a payload string.
pub fn open_text(payload: &str, own: &DecryptionKey) -> Result<String, LegacyError> {
    if payload.len() > MAX_FRAME_BYTES {
        return Err(LegacyError::TooLarge);
    }
    let wire: Wire = serde_json::from_str(payload).map_err(|_| LegacyError::Malformed)?;
    let decode = |text: &str| BASE64.decode(text).map_err(|_| LegacyError::Malformed);
    let iv: [u8; IV_BYTES] = decode(&wire.iv)?
        .try_into()
        .map_err(|_| LegacyError::Malformed)?;
    let wrapped = decode(&wire.encrypted_key)?;
    let ciphertext = decode(&wire.ciphertext)?;
    let key = own
        .unwrap_key(&wrapped)
        .map_err(|_| LegacyError::NotForThisKey)?;
    let plain = open(&key, &iv, b"", &ciphertext)?;
    std::str::from_utf8(&plain)
        .map(str::to_owned)
        .map_err(|_| LegacyError::NotText)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{rsa_a, rsa_b};
    use super::*;

    #[test]
    fn it_opens_for_its_recipient_alone() {
        let payload = seal_text("привет", rsa_a().public()).unwrap();
        assert_eq!(open_text(&payload, rsa_a()), Ok("привет".to_owned()));
        assert_eq!(
            open_text(&payload, rsa_b()),
            Err(LegacyError::NotForThisKey)
        );
    }

    #[test]
    fn base64_without_padding_is_read_too() {
        let payload = seal_text("hello", rsa_a().public())
            .unwrap()
            .replace('=', "");
        assert_eq!(open_text(&payload, rsa_a()), Ok("hello".to_owned()));
    }

    #[test]
    fn damage_is_noticed() {
        let payload = seal_text("hello", rsa_a().public()).unwrap();
        let mut wire: Wire = serde_json::from_str(&payload).unwrap();
        let mut bytes = BASE64.decode(&wire.ciphertext).unwrap();
        bytes[0] ^= 1;
        wire.ciphertext = BASE64.encode(bytes);
        assert_eq!(
            open_text(&serde_json::to_string(&wire).unwrap(), rsa_a()),
            Err(LegacyError::BadTag)
        );
        for bad in [
            "",
            "hello",
            "{}",
            r#"{"ciphertext":"","iv":"","encrypted_key":""}"#,
        ] {
            assert_eq!(
                open_text(bad, rsa_a()),
                Err(LegacyError::Malformed),
                "{bad}"
            );
        }
        assert_eq!(
            open_text(&"x".repeat(MAX_FRAME_BYTES + 1), rsa_a()),
            Err(LegacyError::TooLarge)
        );
        assert_eq!(
            seal_text(&"x".repeat(MAX_TEXT + 1), rsa_a().public()),
            Err(LegacyError::TooLarge)
        );
    }

    proptest! {
        #[test]
        fn no_payload_makes_the_decoder_panic(c in "\\PC{0,80}", iv in "[A-Za-z0-9+/=]{0,20}", key in "[A-Za-z0-9+/=]{0,600}") {
            let payload = serde_json::json!({"ciphertext": c, "iv": iv, "encrypted_key": key}).to_string();
            prop_assert!(open_text(&payload, rsa_a()).is_err());
        }
    }
}
