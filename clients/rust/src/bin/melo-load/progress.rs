//! How far a preparation is.

use std::io::{IsTerminal as _, Write as _};

/// A counter on the terminal.
pub(crate) struct Progress {
    what: &'static str,
    done: usize,
    all: usize,
    live: bool,
}

impl Progress {
    /// For `all` of `what`.
    pub(crate) fn new(what: &'static str, all: usize) -> Self {
        let live = std::io::stderr().is_terminal();
        Self {
            what,
            done: 0,
            all,
            live,
        }
    }

    /// One more is done.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        let mut err = std::io::stderr();
        // A terminal that cannot be written to loses nothing but this.
        if self.live {
            let end = if self.done == self.all { "\n" } else { "" };
            let _ = write!(err, "\r{} {}/{}{end}", self.what, self.done, self.all);
        } else if self.done.is_multiple_of(50) || self.done == self.all {
            let _ = writeln!(err, "{} {}/{}", self.what, self.done, self.all);
        }
        let _ = err.flush();
    }
}
