//! The log.

use melo_telemetry::{LogFormat, LogSettings};

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Log",
    specs: &[LOG_FORMAT, LOG_FILE_PATH, DEBUG_MODE],
};

const LOG_FORMAT: Spec = Spec {
    name: "LOG_FORMAT",
    default: Some("human"),
    example: "json",
    secret: false,
    help: "human: lines for a person. json: one object per line, for a collector.",
};
const LOG_FILE_PATH: Spec = Spec {
    name: "LOG_FILE_PATH",
    default: None,
    example: "/var/log/melo/melo.log",
    secret: false,
    help: "File that the log is appended to, besides the standard error stream. Rotate it with copytruncate.",
};
const DEBUG_MODE: Spec = Spec {
    name: "DEBUG_MODE",
    default: Some("false"),
    example: "true",
    secret: false,
    help: "true: the server's own log in more detail. No personal data then either.",
};

/// Reads the section.
pub fn from(reader: &mut Reader<'_>) -> Option<LogSettings> {
    let format = reader.value(&LOG_FORMAT, format);
    let file = reader.optional(&LOG_FILE_PATH, parse::path);
    let debug = reader.value(&DEBUG_MODE, parse::flag);
    Some(LogSettings {
        format: format?,
        file: file?,
        debug: debug?,
    })
}

fn format(text: &str) -> Result<LogFormat, String> {
    match text.to_ascii_lowercase().as_str() {
        "human" | "text" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be human or json".to_owned()),
    }
}
