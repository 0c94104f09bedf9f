//! Files and limits of this machine.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use crate::fail::Failure;

/// Lets this process hold as many connections as it is allowed to.
pub(crate) fn raise_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        // Without it, many connections fail with a message of their own.
        let _ = setrlimit(Resource::Nofile, raised);
    }
}

/// Makes a directory, and those above it, that only its owner can enter.
pub(crate) fn make_private_dir(path: &Path) -> Result<(), Failure> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(Failure::file(path))
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        make_private_dir(parent)?;
    }
    let mut open = OpenOptions::new();
    open.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let written = open.open(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(Failure::file(path))
}

/// Copies a directory with everything in it; permissions of files are kept.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> Result<(), Failure> {
    make_private_dir(to)?;
    for entry in fs::read_dir(from).map_err(Failure::file(from))? {
        let entry = entry.map_err(Failure::file(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_dir(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(Failure::file(&source))?;
        }
    }
    Ok(())
}

/// The size of a file in bytes.
pub(crate) fn size(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|known| known.len())
}

/// Removes a directory with everything in it, if it is there.
pub(crate) fn remove_dir(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::file(path)(error))
        }
        _ => Ok(()),
    }
}
