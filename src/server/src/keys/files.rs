//! Key files: made whole or not at all, never overwritten, closed to other users.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use melo_crypto::random;
use zeroize::Zeroizing;

/// Who besides the owner may read a private file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Nobody: for files that the server made.
    OwnerOnly,
    /// The file's group, as certificate tools and container platforms set it up; for files kept elsewhere.
    OwnerAndGroup,
}

impl Strictness {
    fn forbidden(self) -> u32 {
        match self {
            Self::OwnerOnly => 0o077,
            Self::OwnerAndGroup => 0o027,
        }
    }
}

/// A file that cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// It is not there.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("{} cannot be read: {source}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Other users may read or change it.
    #[error("{} is open to other users (mode {mode:04o}); run: chmod 600 {}", file.display(), file.display())]
    Exposed {
        /// Which.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Reads a file that only its owner may read. The bytes are wiped when dropped.
pub fn read_private(file: &Path, strictness: Strictness) -> Result<Zeroizing<String>, FileProblem> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => FileProblem::Missing(file.to_owned()),
        _ => FileProblem::Unreadable {
            file: file.to_owned(),
            source,
        },
    };
    let opened = File::open(file).map_err(unreadable)?;
    // Asked of the open file, not of the name: the file cannot be exchanged in between.
    let mode = opened.metadata().map_err(unreadable)?.mode() & 0o777;
    if mode & strictness.forbidden() != 0 {
        return Err(FileProblem::Exposed {
            file: file.to_owned(),
            mode,
        });
    }
    io::read_to_string(opened)
        .map(Zeroizing::new)
        .map_err(unreadable)
}

/// Reads a file that everybody may know, a certificate or a public key.
pub fn read_public(file: &Path) -> Result<String, FileProblem> {
    fs::read_to_string(file).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => FileProblem::Missing(file.to_owned()),
        _ => FileProblem::Unreadable {
            file: file.to_owned(),
            source,
        },
    })
}

/// Makes `file` with this content and mode 0600: flushed to disk and in place as a whole, or not there at
/// all. `false`: somebody else made it meanwhile, and theirs stays.
pub fn create_private(file: &Path, content: &[u8]) -> io::Result<bool> {
    let dir = file.parent().unwrap_or(Path::new("."));
    let stem = file.file_name().unwrap_or_default().to_string_lossy();
    let draft = dir.join(format!(".{stem}.{}.tmp", hex::encode(random::bytes::<8>())));
    let written = write_draft(&draft, content)
        // Unlike a rename, a link never replaces a file that is already there.
        .and_then(|()| match fs::hard_link(&draft, file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        });
    let removed = fs::remove_file(&draft);
    let made = written?;
    removed?;
    File::open(dir)?.sync_all()?;
    Ok(made)
}

fn write_draft(draft: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes a directory with mode 0700 unless it exists. One that exists and holds nothing but `ours` is
/// closed to other users; a shared one (`/etc`, say) is left as it is.
pub fn prepare_dir(dir: &Path, ours: &[&str]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mode = fs::metadata(dir)?.mode() & 0o777;
    if mode & 0o077 != 0 && holds_only(dir, ours)? {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn holds_only(dir: &Path, ours: &[&str]) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !ours.contains(&&*name) && name != "README.md" {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_file_is_made_once_closed_to_others_and_nothing_is_left_lying_about() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("root.key");
        assert!(create_private(&file, b"first").unwrap());
        assert!(!create_private(&file, b"second").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"first");
        assert_eq!(mode(&file), 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_private_file_that_others_can_read_is_refused_with_the_cure() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.pem");
        fs::write(&file, "secret").unwrap();
        let read = |mode, strictness| {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            read_private(&file, strictness)
        };
        for ok in [0o600, 0o400] {
            assert_eq!(*read(ok, Strictness::OwnerOnly).unwrap(), "secret");
        }
        assert!(read(0o640, Strictness::OwnerAndGroup).is_ok());
        for (bad, strictness) in [
            (0o644, Strictness::OwnerOnly),
            (0o640, Strictness::OwnerOnly),
            (0o604, Strictness::OwnerAndGroup),
            (0o660, Strictness::OwnerAndGroup),
        ] {
            let text = read(bad, strictness).unwrap_err().to_string();
            assert!(
                text.contains("chmod 600") && text.contains("key.pem"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_missing_file_is_told_apart() {
        let missing = Path::new("/nonexistent/key.pem");
        assert!(matches!(
            read_private(missing, Strictness::OwnerOnly),
            Err(FileProblem::Missing(_))
        ));
        assert!(matches!(read_public(missing), Err(FileProblem::Missing(_))));
    }

    #[test]
    fn a_directory_of_ours_is_closed_and_a_shared_one_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("keys");
        prepare_dir(&own, &["root.key"]).unwrap();
        assert_eq!(mode(&own), 0o700);

        fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(own.join("README.md"), "").unwrap();
        fs::write(own.join("root.key"), "").unwrap();
        prepare_dir(&own, &["root.key"]).unwrap();
        assert_eq!(mode(&own), 0o700);

        fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(own.join("passwd"), "").unwrap();
        prepare_dir(&own, &["root.key"]).unwrap();
        assert_eq!(mode(&own), 0o755);
    }
}
