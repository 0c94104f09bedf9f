//! Four emoji that two people in a call say to each other, to know that nobody stands between them.
//!
//! `first` and `second` are the two sides of the call, each `identity key (32 bytes) || fingerprint (32 bytes)`, the
//! smaller one first, so both people see the same code:
//!
//! ```text
//! code = PBKDF2-HMAC-SHA-256("melo-call-code/1\n" || first || second, salt = "melo-call-code/1\n" || call id,
//!                            600,000 rounds, 3 bytes)
//! ```
//!
//! The 24 bits, from the highest on in groups of six, are places in [`TABLE`]. Twenty-four bits alone could be tried
//! out while it rings by somebody who stands between two people who have never compared safety numbers: each try needs
//! other media keys and 600,000 rounds, which is what they are there for.

use std::fmt;

use melo_domain::CallId;
use sha2::Sha256;

use super::call::Fingerprint;
use super::emoji::{Emoji, TABLE};

/// Names what is derived, and its version.
const LABEL: &[u8] = b"melo-call-code/1\n";
/// As for passphrases.
const ROUNDS: u32 = 600_000;

/// One side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallSide {
    /// The person's identity key.
    pub identity: [u8; 32],
    /// Of the certificate of their device's media connection.
    pub fingerprint: Fingerprint,
}

impl CallSide {
    fn bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let (identity, fingerprint) = bytes.split_at_mut(32);
        identity.copy_from_slice(&self.identity);
        fingerprint.copy_from_slice(self.fingerprint.bytes());
        bytes
    }
}

/// Four emoji.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortCode([usize; 4]);

impl ShortCode {
    /// The code of a call, whichever side asks. Takes a good part of a second.
    pub fn of(call: CallId, one: &CallSide, other: &CallSide) -> Self {
        let (one, other) = (one.bytes(), other.bytes());
        let (first, second) = if one <= other {
            (one, other)
        } else {
            (other, one)
        };
        let secret = [LABEL, &first, &second].concat();
        let salt = [LABEL, call.bytes()].concat();
        let mut bits = [0_u8; 3];
        pbkdf2::pbkdf2_hmac::<Sha256>(&secret, &salt, ROUNDS, &mut bits);
        let [a, b, c] = bits.map(usize::from);
        Self([
            a >> 2,
            ((a & 3) << 4) | (b >> 4),
            ((b & 15) << 2) | (c >> 6),
            c & 63,
        ])
    }

    /// The four, in their order.
    pub fn emoji(&self) -> impl Iterator<Item = &'static Emoji> + '_ {
        self.0.iter().filter_map(|place| TABLE.get(*place))
    }

    /// Their places in the table.
    pub fn places(&self) -> [usize; 4] {
        self.0
    }
}

impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, emoji) in self.emoji().enumerate() {
            let space = if n > 0 { " " } else { "" };
            write!(f, "{space}{}", emoji.symbol)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use serde::{Deserialize, Serialize};
    use uuid::Uuid;

    use super::*;
    use crate::crypto::encoding::{decode_array, encode};

    fn side(identity: u8, fingerprint: u8) -> CallSide {
        CallSide {
            identity: [identity; 32],
            fingerprint: Fingerprint::new([fingerprint; 32]),
        }
    }

    #[test]
    fn both_sides_see_the_same_four_and_everything_counts() {
        let call = CallId(Uuid::from_u128(1));
        let code = ShortCode::of(call, &side(1, 2), &side(3, 4));
        assert_eq!(code, ShortCode::of(call, &side(3, 4), &side(1, 2)));
        assert_eq!(code.emoji().count(), 4);
        assert_eq!(code.to_string().split(' ').count(), 4);
        // Keys and fingerprints that change places belong to other people.
        for (one, other) in [
            (side(1, 4), side(3, 2)),
            (side(3, 2), side(1, 4)),
            (side(1, 2), side(3, 5)),
            (side(1, 2), side(5, 4)),
        ] {
            assert_ne!(code, ShortCode::of(call, &one, &other));
        }
        assert_ne!(
            code,
            ShortCode::of(CallId(Uuid::from_u128(2)), &side(1, 2), &side(3, 4))
        );
    }

    /// docs/vectors/short-code.json.
    #[derive(Serialize, Deserialize)]
    struct Vectors {
        about: String,
        table: Vec<Entry>,
        codes: Vec<Vector>,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Entry {
        symbol: String,
        names: BTreeMap<String, String>,
    }

    #[derive(Serialize, Deserialize)]
    struct Vector {
        call_id: CallId,
        one: Side,
        other: Side,
        places: [usize; 4],
        shown: String,
    }

    #[derive(Serialize, Deserialize)]
    struct Side {
        identity: String,
        fingerprint: String,
    }

    fn path() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/vectors/short-code.json")
    }

    fn table() -> Vec<Entry> {
        let names = |emoji: &Emoji| {
            [("en", emoji.english), ("ru", emoji.russian)]
                .map(|(language, name)| (language.to_owned(), name.to_owned()))
                .into()
        };
        let entries = TABLE.iter().map(|emoji| Entry {
            symbol: emoji.symbol.to_owned(),
            names: names(emoji),
        });
        entries.collect()
    }

    fn read(side: &Side) -> CallSide {
        CallSide {
            identity: decode_array(&side.identity).unwrap(),
            fingerprint: Fingerprint::new(decode_array(&side.fingerprint).unwrap()),
        }
    }

    #[test]
    fn the_vectors_hold() {
        let text = std::fs::read_to_string(path()).unwrap();
        let vectors: Vectors = serde_json::from_str(&text).unwrap();
        assert_eq!(vectors.table, table());
        assert!(vectors.codes.len() >= 4);
        for vector in vectors.codes {
            let code = ShortCode::of(vector.call_id, &read(&vector.one), &read(&vector.other));
            assert_eq!(code.places(), vector.places);
            assert_eq!(code.to_string(), vector.shown);
        }
    }

    #[test]
    #[ignore = "writes docs/vectors/short-code.json anew; for a change of the derivation"]
    fn regenerate() {
        let codes = (1..=4_u8).map(|n| {
            let call_id = CallId(Uuid::from_u128(
                (u128::from(n) << 64) | 0x8000_0000_0000_0000 | u128::from(n),
            ));
            let sides = [side(n, n + 100), side(2 * n + 1, 200 - n)];
            let code = ShortCode::of(call_id, &sides[0], &sides[1]);
            let [one, other] = sides.map(|side| Side {
                identity: encode(&side.identity),
                fingerprint: encode(side.fingerprint.bytes()),
            });
            Vector {
                call_id,
                one,
                other,
                places: code.places(),
                shown: code.to_string(),
            }
        });
        let vectors = Vectors {
            about: "The short code of a call (docs/CRYPTO.md). Binary values are base64url without padding.".to_owned(),
            table: table(),
            codes: codes.collect(),
        };
        let text = serde_json::to_string_pretty(&vectors).unwrap();
        std::fs::write(path(), text + "\n").unwrap();
    }
}
