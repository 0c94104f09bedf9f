//! Takes over a changed certificate without a restart.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

use super::identity::{self, CertificateResolver};
use super::{CertificateFiles, CertificateInfo, Identity, TlsError};

/// How often the files are looked at. SIGHUP has them looked at sooner.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// What tells one state of a file from another: device, inode, length, and the times of the last change of
/// content and of the file itself, in nanoseconds. `None`: it is not there.
type Stamp = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

fn stamp(file: &Path) -> Stamp {
    let data = fs::metadata(file).ok()?;
    Some((
        data.dev(),
        data.ino(),
        data.len(),
        (data.mtime(), data.mtime_nsec()),
        (data.ctime(), data.ctime_nsec()),
    ))
}

/// What a look at the files led to.
#[derive(Debug)]
pub enum Reload {
    /// They are as they were.
    Unchanged,
    /// New connections are shown this one.
    Replaced(CertificateInfo),
    /// They changed, but cannot be used; the old certificate stays.
    Kept(TlsError),
}

/// Watches the files of one certificate.
pub struct Reloader {
    files: CertificateFiles,
    resolver: Arc<CertificateResolver>,
    seen: (Stamp, Stamp),
}

impl Reloader {
    /// Watches the files of `identity`. What changed since it was loaded is found at the first look.
    pub fn of(identity: &Identity) -> Self {
        Self {
            files: identity.files.clone(),
            resolver: Arc::clone(&identity.resolver),
            seen: (None, None),
        }
    }

    /// Looks at the files and takes over what is new and good. With `even_if_unchanged`, reads them in any
    /// case.
    pub fn look(&mut self, even_if_unchanged: bool) -> Reload {
        // Stamped before reading: a change during the reading is found at the next look.
        let now = (stamp(&self.files.certificate), stamp(&self.files.key));
        if now == self.seen && !even_if_unchanged {
            return Reload::Unchanged;
        }
        self.seen = now;
        let read = identity::read(&self.files)
            .and_then(|next| Ok((identity::inspect(&self.files, &next)?, next)));
        match read {
            Ok((_, next)) if next.cert == self.resolver.current().cert => Reload::Unchanged,
            Ok((info, next)) => {
                self.resolver.replace(next);
                Reload::Replaced(info)
            }
            Err(problem) => Reload::Kept(problem),
        }
    }

    /// Looks every [`INTERVAL`] and at every SIGHUP, for as long as the server runs.
    pub async fn run(mut self) {
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => Some(hangup),
            Err(error) => {
                tracing::warn!(%error, "SIGHUP cannot be received; the certificate is still checked regularly");
                None
            }
        };
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                _ = ticks.tick() => false,
                Some(()) = async { hangup.as_mut()?.recv().await } => true,
            };
            match self.look(asked) {
                Reload::Unchanged => {}
                Reload::Replaced(info) => tracing::info!(
                    fingerprint = info.fingerprint,
                    valid_until = info.last_day(),
                    "certificate replaced"
                ),
                Reload::Kept(error) => {
                    tracing::warn!(%error, "the new certificate cannot be used; the old one stays");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use melo_domain::Timestamp;

    use super::*;
    use crate::keys::files::Strictness;
    use crate::tls::self_signed;

    const NOW: Timestamp = Timestamp::from_millis(1_795_162_530_000);

    struct Served {
        _dir: tempfile::TempDir,
        identity: Identity,
        reloader: Reloader,
    }

    fn write(file: &Path, text: &str) {
        fs::write(file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn fresh_pair() -> (String, String) {
        let key = self_signed::key().unwrap().expose().to_owned();
        let certificate = self_signed::certificate(&key, None, NOW).unwrap();
        (certificate, key)
    }

    impl Served {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let files = CertificateFiles {
                certificate: dir.path().join("tls.crt"),
                key: dir.path().join("tls.key"),
                strictness: Strictness::OwnerOnly,
            };
            let (certificate, key) = fresh_pair();
            write(&files.certificate, &certificate);
            write(&files.key, &key);
            let identity = Identity::load(files).unwrap();
            let mut reloader = Reloader::of(&identity);
            assert!(matches!(reloader.look(false), Reload::Unchanged));
            Self {
                _dir: dir,
                identity,
                reloader,
            }
        }

        fn shown(&self) -> CertificateInfo {
            CertificateInfo::of(&self.identity.resolver.current().cert[0]).unwrap()
        }
    }

    #[test]
    fn a_new_pair_is_shown_to_new_connections() {
        let mut served = Served::new();
        let before = served.shown();
        assert_eq!(before, served.identity.info);
        let (certificate, key) = fresh_pair();
        write(&served.identity.files.certificate, &certificate);
        write(&served.identity.files.key, &key);
        let Reload::Replaced(info) = served.reloader.look(false) else {
            panic!("the new certificate was not taken over");
        };
        assert_ne!(info.fingerprint, before.fingerprint);
        assert_eq!(served.shown(), info);
        assert!(matches!(served.reloader.look(false), Reload::Unchanged));
    }

    #[test]
    fn between_the_two_writes_of_a_renewal_the_old_one_stays() {
        let mut served = Served::new();
        let before = served.shown();
        let (certificate, key) = fresh_pair();
        write(&served.identity.files.certificate, &certificate);
        assert!(matches!(
            served.reloader.look(false),
            Reload::Kept(TlsError::Mismatch { .. })
        ));
        assert_eq!(served.shown(), before);
        write(&served.identity.files.key, &key);
        assert!(matches!(served.reloader.look(false), Reload::Replaced(_)));
        assert_ne!(served.shown(), before);
    }

    #[test]
    fn a_broken_or_exposed_or_missing_file_keeps_the_old_one_and_is_said_once() {
        let mut served = Served::new();
        let before = served.shown();
        let files = served.identity.files.clone();
        let good = fs::read_to_string(&files.certificate).unwrap();

        write(&files.certificate, "not a certificate");
        assert!(matches!(
            served.reloader.look(false),
            Reload::Kept(TlsError::Certificate { .. })
        ));
        assert!(matches!(served.reloader.look(false), Reload::Unchanged));
        fs::remove_file(&files.certificate).unwrap();
        assert!(matches!(
            served.reloader.look(false),
            Reload::Kept(TlsError::File(_))
        ));
        write(&files.certificate, &good);
        assert!(matches!(served.reloader.look(false), Reload::Unchanged));

        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            served.reloader.look(false),
            Reload::Kept(TlsError::File(_))
        ));
        write(&files.key, "not a key");
        assert!(matches!(
            served.reloader.look(false),
            Reload::Kept(TlsError::Key(_))
        ));
        assert_eq!(served.shown(), before);
    }

    #[test]
    fn sighup_reads_the_files_in_any_case() {
        let mut served = Served::new();
        fs::remove_file(&served.identity.files.key).unwrap();
        assert!(matches!(served.reloader.look(false), Reload::Kept(_)));
        assert!(matches!(served.reloader.look(false), Reload::Unchanged));
        assert!(matches!(served.reloader.look(true), Reload::Kept(_)));
    }
}
