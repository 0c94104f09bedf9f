//! Where the values of settings come from: the environment, and a `.env` file beneath it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Who set a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A variable of the process environment.
    Environment,
    /// A line of the `.env` file.
    EnvFile,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "environment",
            Self::EnvFile => ".env",
        })
    }
}

/// The `.env` file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is there, or was asked for, but cannot be read.
    #[error("the settings file {file} cannot be read: {source}")]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not `NAME=value`. The line itself may hold a secret and is not shown.
    #[error(
        "the settings file {file} has a line that is not NAME=value: line {line}. \
         Put a value that contains spaces, $ or # into single quotes"
    )]
    Line {
        /// Which file.
        file: PathBuf,
        /// Counted from one.
        line: usize,
    },
}

/// All values that were set, each with its origin. An empty value counts as not set, so that
/// `NAME=` in a compose file means the default.
#[derive(Default)]
pub struct Source {
    values: BTreeMap<String, (OsString, Origin)>,
}

impl Source {
    /// The environment of this process over the settings file. A missing file is no error unless
    /// `required`.
    pub fn read(file: &Path, required: bool) -> Result<Self, SourceError> {
        let mut source = Self::default();
        source.add_file(file, required)?;
        for (name, value) in std::env::vars_os() {
            if let Some(name) = name.to_str() {
                source.set(name, value, Origin::Environment);
            }
        }
        Ok(source)
    }

    fn add_file(&mut self, file: &Path, required: bool) -> Result<(), SourceError> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !required => return Ok(()),
            Err(source) => {
                return Err(SourceError::Unreadable {
                    file: file.to_owned(),
                    source,
                });
            }
        };
        for pair in dotenvy::from_read_iter(text.as_bytes()) {
            let (name, value) = pair.map_err(|error| SourceError::Line {
                file: file.to_owned(),
                line: line_of(&error, &text),
            })?;
            self.set(&name, value.into(), Origin::EnvFile);
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: OsString, origin: Origin) {
        if value.to_str().is_some_and(|text| text.trim().is_empty()) {
            return;
        }
        self.values.insert(name.to_owned(), (value, origin));
    }

    /// What was set under this name.
    pub(super) fn get(&self, name: &str) -> Option<(&OsString, Origin)> {
        self.values
            .get(name)
            .map(|(value, origin)| (value, *origin))
    }

    /// Names that stand in the settings file. (The environment is full of names that are not ours.)
    pub(super) fn names_in_file(&self) -> impl Iterator<Item = &str> {
        self.values
            .iter()
            .filter(|(_, (_, origin))| *origin == Origin::EnvFile)
            .map(|(name, _)| name.as_str())
    }

    /// A source of just these values, as if they stood in the environment.
    #[cfg(test)]
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        let mut source = Self::default();
        for (name, value) in pairs {
            source.set(name, (*value).into(), Origin::Environment);
        }
        source
    }
}

/// The number of the line that the parser gave up on. It hands out the line or, when the name was fine,
/// the part after the name.
fn line_of(error: &dotenvy::Error, text: &str) -> usize {
    let dotenvy::Error::LineParse(bad, _) = error else {
        return 0;
    };
    text.lines()
        .position(|line| line.trim_end().ends_with(bad.trim_end()))
        .map_or(0, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".env");
        fs::write(&file, text).unwrap();
        (dir, file)
    }

    #[test]
    fn values_of_the_file_are_read_and_the_environment_wins() {
        let (_dir, file) = file("HTTP_PORT=1\nPATH=shadowed\n# comment\nDB_URL='a$b#c'\nEMPTY=\n");
        let source = Source::read(&file, true).unwrap();
        assert_eq!(
            source.get("HTTP_PORT"),
            Some((&"1".into(), Origin::EnvFile))
        );
        assert_eq!(
            source.get("DB_URL"),
            Some((&"a$b#c".into(), Origin::EnvFile))
        );
        assert_eq!(
            source.get("PATH").map(|(_, origin)| origin),
            Some(Origin::Environment)
        );
        assert_eq!(source.get("EMPTY"), None);
    }

    #[test]
    fn a_missing_file_matters_only_when_it_was_asked_for() {
        let missing = Path::new("/nonexistent/.env");
        assert!(Source::read(missing, false).is_ok());
        assert!(matches!(
            Source::read(missing, true),
            Err(SourceError::Unreadable { .. })
        ));
    }

    #[test]
    fn a_bad_line_is_named_by_number_and_not_shown() {
        let (_dir, file) = file("HTTP_PORT=1\nAPP_SECRET_KEY=two words of secret\n");
        let Err(error) = Source::read(&file, true) else {
            panic!("accepted");
        };
        let text = error.to_string();
        assert!(
            text.contains("line 2") && !text.contains("secret"),
            "{text}"
        );
    }
}
