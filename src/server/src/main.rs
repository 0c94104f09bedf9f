//! The `melo` binary. Everything is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    melo_server::main()
}
