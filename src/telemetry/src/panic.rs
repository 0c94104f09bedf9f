//! What is logged when something panics.

use std::panic::Location;

/// From now on a panic is logged by its place in the code alone. Its payload may quote the value that
/// broke an assumption, and that value may be personal; so neither payload nor backtrace is written.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| report(info.location())));
}

fn report(location: Option<&Location<'_>>) {
    let (file, line) = location.map_or(("unknown", 0), |at| (at.file(), at.line()));
    if tracing::dispatcher::has_been_set() {
        tracing::error!(file, line, "panicked");
    } else {
        eprintln!("panicked at {file}:{line}");
    }
}
