//! Reads typed settings and remembers everything that is wrong, so that all of it is said at once.

use std::collections::BTreeSet;
use std::fmt;

use super::source::{Origin, Source};
use super::spec::Spec;

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting.
    pub name: &'static str,
    /// Who set it; `None` when it is missing.
    pub origin: Option<Origin>,
    /// The value, unless it is secret.
    pub value: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// What would be right.
    pub example: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if let Some(value) = &self.value {
            write!(f, "={value:?}")?;
        }
        if let Some(origin) = self.origin {
            write!(f, " ({origin})")?;
        }
        write!(
            f,
            ": {}. Example: {}={}",
            self.problem, self.name, self.example
        )
    }
}

/// Settings that cannot be used: all of them, not only the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError(pub Vec<Problem>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("a setting is wrong:")?,
            many => write!(f, "{many} settings are wrong:")?,
        }
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        f.write_str("\nAll settings are explained in .env.example; `melo doctor` checks them.")
    }
}

/// Reads settings from a [`Source`]. Reading goes on after a bad value; [`Reader::finish`] tells.
pub struct Reader<'s> {
    source: &'s Source,
    problems: Vec<Problem>,
    read: BTreeSet<&'static str>,
}

impl<'s> Reader<'s> {
    /// Reads from this source.
    pub fn new(source: &'s Source) -> Self {
        Self {
            source,
            problems: Vec::new(),
            read: BTreeSet::new(),
        }
    }

    /// The value, or the setting's default. `None`: it was wrong, and that is noted.
    pub fn value<T>(
        &mut self,
        spec: &'static Spec,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.read.insert(spec.name);
        match self.text(spec)? {
            Some((text, origin)) => match parse(&text) {
                Ok(value) => Some(value),
                Err(problem) => {
                    self.note(spec, Some((&text, origin)), problem);
                    None
                }
            },
            None => match spec.default.map(parse) {
                Some(Ok(value)) => Some(value),
                Some(Err(problem)) => {
                    self.note(spec, None, format!("its default does not work: {problem}"));
                    None
                }
                None => {
                    self.note(spec, None, "must be set".to_owned());
                    None
                }
            },
        }
    }

    /// The value of a setting that may stay unset. The outer `None`: it was wrong, and that is noted.
    #[allow(clippy::option_option)] // wrong, unset and set are three different things
    pub fn optional<T>(
        &mut self,
        spec: &'static Spec,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        self.read.insert(spec.name);
        if self.text(spec)?.is_none() {
            return Some(None);
        }
        self.value(spec, parse).map(Some)
    }

    /// Notes a problem that shows only when several settings are looked at together.
    pub fn conflict(&mut self, spec: &'static Spec, problem: impl Into<String>) {
        let shown = self.text(spec).flatten();
        let shown = shown
            .as_ref()
            .map(|(text, origin)| (text.as_str(), *origin));
        self.note(spec, shown, problem.into());
    }

    /// The collected problems, or that there were none.
    pub fn finish(self) -> Result<(), SettingsError> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(SettingsError(self.problems))
        }
    }

    /// The names that were read.
    #[cfg(test)]
    pub(super) fn names_read(&self) -> &BTreeSet<&'static str> {
        &self.read
    }

    /// `Some(None)`: not set. `None`: not text, and that is noted.
    #[allow(clippy::option_option)] // as above
    fn text(&mut self, spec: &'static Spec) -> Option<Option<(String, Origin)>> {
        let Some((value, origin)) = self.source.get(spec.name) else {
            return Some(None);
        };
        if let Some(text) = value.to_str() {
            return Some(Some((text.trim().to_owned(), origin)));
        }
        self.note(spec, Some(("", origin)), "is not UTF-8 text".to_owned());
        None
    }

    fn note(&mut self, spec: &'static Spec, shown: Option<(&str, Origin)>, problem: String) {
        self.problems.push(Problem {
            name: spec.name,
            origin: shown.map(|(_, origin)| origin),
            value: shown
                .filter(|_| !spec.secret)
                .map(|(text, _)| text.chars().take(80).collect()),
            problem,
            example: spec.example,
        });
    }
}
