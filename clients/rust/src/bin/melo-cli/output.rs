//! Standard output. A reader that went away (`melo-cli history | head`) is no error worth a word.

use std::fmt::Display;
use std::io::Write as _;

/// Writes a line.
pub fn line(text: impl Display) {
    text_now(&format!("{text}\n"));
}

/// Writes a text and makes sure that it is seen now.
pub fn text_now(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
