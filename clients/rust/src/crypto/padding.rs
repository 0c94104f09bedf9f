//! Padding that hides the length of what is written: a byte 0x80, then zeros up to the next power of
//! two, at least 256 bytes (ISO/IEC 7816-4, padding method 2, with these block sizes).

use zeroize::Zeroizing;

/// The shortest padded content, in bytes.
pub const MIN_PADDED: usize = 256;

/// The longest padded content, in bytes. One step more would not fit into a frame after base64.
pub const MAX_PADDED: usize = 1 << 19;

/// The longest content that can be padded, in bytes.
pub const MAX_CONTENT: usize = MAX_PADDED - 1;

/// Padding that cannot be put on, or that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PaddingError {
    /// More than [`MAX_CONTENT`] bytes.
    #[error("the content is longer than 524287 bytes")]
    TooLong,
    /// What was opened is not padded as this suite pads.
    #[error("the content is not padded as the suite asks")]
    Malformed,
}

/// The length that content of `length` bytes is padded to.
fn padded_length(length: usize) -> Option<usize> {
    if length > MAX_CONTENT {
        None
    } else {
        Some((length + 1).next_power_of_two().max(MIN_PADDED))
    }
}

/// Pads `content`.
pub fn pad(content: &[u8]) -> Result<Zeroizing<Vec<u8>>, PaddingError> {
    let padded = padded_length(content.len()).ok_or(PaddingError::TooLong)?;
    let mut out = Zeroizing::new(Vec::with_capacity(padded));
    out.extend_from_slice(content);
    out.push(0x80);
    out.resize(padded, 0);
    Ok(out)
}

/// Finds the content within `padded`. Only the one padding that [`pad`] makes is accepted.
pub fn unpad(padded: &[u8]) -> Result<&[u8], PaddingError> {
    let end = padded
        .iter()
        .rposition(|b| *b != 0)
        .ok_or(PaddingError::Malformed)?;
    let (content, rest) = padded.split_at(end);
    if rest.first() == Some(&0x80) && padded_length(content.len()) == Some(padded.len()) {
        Ok(content)
    } else {
        Err(PaddingError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_go_up_in_powers_of_two() {
        for (length, padded) in [
            (0, 256),
            (255, 256),
            (256, 512),
            (511, 512),
            (512, 1024),
            (MAX_CONTENT, MAX_PADDED),
        ] {
            assert_eq!(pad(&vec![7; length]).unwrap().len(), padded, "{length}");
        }
        assert_eq!(pad(&vec![7; MAX_CONTENT + 1]), Err(PaddingError::TooLong));
    }

    #[test]
    fn other_paddings_are_refused() {
        let mut longer_than_needed = vec![0; 512];
        longer_than_needed[0] = 0x80;
        let mut not_a_power = vec![0; 300];
        not_a_power[280] = 0x80;
        for bad in [
            vec![],
            vec![0; 256],
            vec![1; 256],
            longer_than_needed,
            not_a_power,
        ] {
            assert_eq!(unpad(&bad), Err(PaddingError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn what_is_padded_comes_back(content in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let padded = pad(&content).unwrap();
            prop_assert_eq!(unpad(&padded).unwrap(), &content[..]);
        }

        #[test]
        fn anything_is_refused_or_is_canonical(bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(0x80), any::<u8>()], 0..600)) {
            if let Ok(content) = unpad(&bytes) {
                prop_assert_eq!(&*pad(content).unwrap(), &bytes);
            }
        }
    }
}
