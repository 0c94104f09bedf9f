//! The `melo` binary. Everything is in the library beside it.

use std::process::ExitCode;

/// The system's allocator keeps what password hashing and bursts of connections took; this one gives it back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    melo_server::main()
}
