//! Looks for personal values in files, in every form they might have slipped out in.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Every form of `value` that is searched for, each with its name.
pub fn forms(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = value.as_bytes();
    let hex = hex::encode(bytes);
    let percent_encoded = |digits: fn(u8) -> String| -> String {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
        let encode = |b: &u8| {
            if unreserved(*b) {
                char::from(*b).to_string()
            } else {
                digits(*b)
            }
        };
        bytes.iter().map(encode).collect()
    };
    let percent = percent_encoded(|b| format!("%{b:02X}"));
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| value.encode_utf16().flat_map(to_bytes).collect();
    let mut forms = vec![
        ("plain", bytes.to_vec()),
        ("hex", hex.clone().into_bytes()),
        ("HEX", hex.to_uppercase().into_bytes()),
        ("URL-encoded", percent.clone().into_bytes()),
        (
            "url-encoded",
            percent_encoded(|b| format!("%{b:02x}")).into_bytes(),
        ),
        ("form-encoded", percent.replace("%20", "+").into_bytes()),
        ("UTF-16LE", utf16(u16::to_le_bytes)),
        ("UTF-16BE", utf16(u16::to_be_bytes)),
    ];
    for offset in 0..3 {
        let text = base64_at(bytes, offset);
        forms.push((
            "base64url",
            text.replace('+', "-").replace('/', "_").into_bytes(),
        ));
        forms.push(("base64", text.into_bytes()));
    }
    forms
}

/// What base64 of any text shows that has `bytes` at a distance of `offset` (modulo 3) from its start:
/// without the characters that depend on the neighbours.
fn base64_at(bytes: &[u8], offset: usize) -> String {
    let padded: Vec<u8> = vec![0; offset]
        .into_iter()
        .chain(bytes.iter().copied())
        .collect();
    let text = STANDARD_NO_PAD.encode(&padded);
    let from = (offset * 8).div_ceil(6);
    let to = padded.len() * 8 / 6;
    text.get(from..to).unwrap_or_default().to_owned()
}

/// All files below a directory.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}
