//! Binary values in text: base64url without padding (RFC 4648, section 5).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Not base64url, or not of the length that belongs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not base64url of the expected length")]
pub struct NotBase64Url;

/// Writes base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding.
pub fn decode(text: &str) -> Result<Vec<u8>, NotBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64Url)
}

/// Reads exactly `N` bytes of base64url without padding.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], NotBase64Url> {
    if text.len() > N * 2 {
        return Err(NotBase64Url);
    }
    decode(text)?.try_into().map_err(|_| NotBase64Url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_is_read() {
        assert_eq!(
            decode_array::<3>(&encode(&[251, 255, 254])),
            Ok([251, 255, 254])
        );
        assert_eq!(encode(&[251, 255, 254]), "-__-");
        for bad in ["-__", "+//+", "-__-==", "-__- ", "-__--__-"] {
            assert!(decode_array::<3>(bad).is_err(), "{bad}");
        }
    }
}
