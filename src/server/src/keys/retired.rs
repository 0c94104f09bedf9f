//! Public JWT keys that have been replaced: kept while access tokens of theirs may still be about.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use melo_domain::{Clock, SystemClock, Timestamp};

/// What their names begin with; the key's own name follows.
const PREFIX: &str = "jwt-retired-";
const SUFFIX: &str = ".pub.pem";
/// Clocks may differ by this much.
const MARGIN: Duration = Duration::from_hours(1);

/// The file for the key named `kid`.
pub fn file(dir: &Path, kid: &str) -> PathBuf {
    dir.join(format!("{PREFIX}{kid}{SUFFIX}"))
}

/// The files of keys that were replaced so lately that tokens of theirs, good for `life`, may be about.
pub fn current(dir: &Path, life: Duration) -> Vec<PathBuf> {
    let now = SystemClock.now();
    all(dir)
        .into_iter()
        .filter(|file| retired_at(file).is_some_and(|at| now.since(at) <= life + MARGIN))
        .collect()
}

/// Removes the files of keys that nobody needs any more.
pub fn prune(dir: &Path, life: Duration) -> std::io::Result<()> {
    let needed = current(dir, life);
    for file in all(dir).iter().filter(|file| !needed.contains(file)) {
        fs::remove_file(file)?;
    }
    Ok(())
}

fn all(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| {
            let name = file.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
        })
        .collect();
    files.sort();
    files
}

/// A retired key's file is written when it retires.
fn retired_at(file: &Path) -> Option<Timestamp> {
    let changed = fs::metadata(file).ok()?.modified().ok()?;
    let since_epoch = changed.duration_since(std::time::UNIX_EPOCH).ok()?;
    let millis = i64::try_from(since_epoch.as_millis()).ok()?;
    Some(Timestamp::from_millis(millis))
}
