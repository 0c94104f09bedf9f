//! The number of connections is bounded by the number of files the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, as servers may, and returns it; `None` means no limit.
pub fn raise_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    }
}

/// What [`raise_limit`] would reach.
pub fn highest_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}
