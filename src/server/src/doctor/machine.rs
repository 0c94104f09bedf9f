//! Checks of the machine: files, ports, clock, limits.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use melo_domain::Timestamp;
use rustix::fs::{Access, access, statvfs};

use super::finding::Finding;
use crate::open_files;
use crate::settings::{Network, Settings};

/// 2026-01-01T00:00:00Z: this program did not exist before.
const PROGRAM_EXISTS_SINCE: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// With less than this the database may stop in the middle of a day.
const LOW_DISK: u64 = 1 << 30;
/// With less than this it stops at once.
const NO_DISK: u64 = 64 << 20;
/// Each connection takes one; with less a server is small.
const FEW_FILES: u64 = 4096;

/// The settings file may hold secrets.
pub fn env_file(file: &Path) -> Vec<Finding> {
    let Ok(data) = fs::metadata(file) else {
        return Vec::new();
    };
    let mode = data.mode() & 0o777;
    let name = file.display();
    let open = mode & 0o077 != 0;
    vec![if open {
        Finding::warn(
            "settings",
            format!("{name} is open to other users (mode {mode:04o}) and may hold secrets"),
            format!("chmod 600 {name}"),
        )
    } else {
        Finding::ok("settings", format!("{name} is readable by its owner alone"))
    }]
}

/// The data directory: writable, closed to others, with room.
pub fn data_dir(dir: &Path) -> Vec<Finding> {
    const AREA: &str = "data";
    let name = dir.display();
    let data = match fs::metadata(dir) {
        Ok(data) if data.is_dir() => data,
        Ok(_) => {
            return vec![Finding::fail(
                AREA,
                format!("{name} is not a directory"),
                "set DATA_DIR to a directory",
            )];
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return vec![to_be_made(dir)],
        Err(error) => {
            return vec![Finding::fail(
                AREA,
                format!("{name} cannot be looked at: {error}"),
                "check its path and owner",
            )];
        }
    };
    let mut findings = Vec::new();
    if access(dir, Access::WRITE_OK | Access::READ_OK | Access::EXEC_OK).is_err() {
        findings.push(Finding::fail(
            AREA,
            format!("{name} cannot be written to"),
            "make it belong to the user that runs the server",
        ));
    } else if data.mode() & 0o077 != 0 {
        findings.push(Finding::warn(
            AREA,
            format!(
                "{name} is open to other users (mode {:04o})",
                data.mode() & 0o777
            ),
            format!("chmod 700 {name}"),
        ));
    } else {
        findings.push(Finding::ok(
            AREA,
            format!("{name} is writable, and closed to other users"),
        ));
    }
    findings.extend(disk_space(dir));
    findings
}

fn to_be_made(dir: &Path) -> Finding {
    let name = dir.display();
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let nearest = absolute.ancestors().skip(1).find(|parent| parent.exists());
    match nearest {
        Some(parent) if access(parent, Access::WRITE_OK).is_ok() => Finding::ok(
            "data",
            format!("{name} does not exist yet; the first start makes it"),
        ),
        _ => Finding::fail(
            "data",
            format!("{name} does not exist and cannot be made by this user"),
            "make it, give it to the user that runs the server, or set DATA_DIR",
        ),
    }
}

fn disk_space(dir: &Path) -> Option<Finding> {
    let disk = statvfs(dir).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let text = format!("{} MiB free for {}", free >> 20, dir.display());
    Some(if free < NO_DISK {
        Finding::fail("disk", text, "free some space")
    } else if free < LOW_DISK {
        Finding::warn("disk", text, "free some space soon")
    } else {
        Finding::ok("disk", text)
    })
}

/// The log file, if one is set.
pub fn log_file(file: Option<&Path>) -> Option<Finding> {
    let file = file?;
    let name = file.display();
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let usable = if file.exists() {
        access(file, Access::WRITE_OK)
    } else {
        access(parent, Access::WRITE_OK)
    };
    Some(match usable {
        Ok(()) => Finding::ok("log", format!("{name} can be appended to")),
        Err(error) => Finding::fail(
            "log",
            format!("{name} cannot be appended to: {error}"),
            "correct LOG_FILE_PATH or the owner",
        ),
    })
}

/// Both ports: free, or ours.
pub fn ports(network: &Network, running: bool) -> Vec<Finding> {
    [
        ("HTTP_PORT", network.http_address()),
        ("WS_PORT", network.ws_address()),
    ]
    .map(|(setting, address)| port(setting, address, running))
    .into()
}

fn port(setting: &str, address: SocketAddr, running: bool) -> Finding {
    const AREA: &str = "ports";
    // Binding without listening: nobody can connect, and the port is free again at once.
    match TcpListener::bind(address) {
        Ok(_) if running => Finding::warn(
            AREA,
            format!("{address} is free, though a server is using this data directory"),
            format!("if it should listen here, check its {setting}"),
        ),
        Ok(_) => Finding::ok(AREA, format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && running => Finding::ok(
            AREA,
            format!("{address} is served, as a server is using this data directory"),
        ),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Finding::fail(
            AREA,
            format!("{address} is taken by another program"),
            format!("stop it, or set {setting} to a free port"),
        ),
        Err(error) => Finding::fail(
            AREA,
            format!("{address} cannot be listened on: {error}"),
            format!(
                "set BIND_ADDRESS to an address of this machine, {setting} to a port above 1023"
            ),
        ),
    }
}

/// Certificates, tokens and timestamps need the right time.
pub fn clock(settings: &Settings, now: Timestamp) -> Finding {
    const AREA: &str = "clock";
    const REMEDY: &str = "set the clock, best by a time service (timedatectl set-ntp true)";
    if now < PROGRAM_EXISTS_SINCE {
        return Finding::fail(AREA, format!("the clock shows {now}"), REMEDY);
    }
    // What was written in the future was written by a clock that ran ahead, or this one is behind.
    let newest = [&settings.storage.data_dir, &settings.secrets.keys_dir]
        .iter()
        .filter_map(|dir| fs::metadata(dir).ok())
        .map(|data| Timestamp::from_millis(data.mtime().saturating_mul(1000)))
        .max()
        .unwrap_or_default();
    if newest.since(now).as_secs() > 60 {
        return Finding::fail(
            AREA,
            format!("the clock shows {now}, but files were written later, at {newest}"),
            REMEDY,
        );
    }
    Finding::ok(AREA, format!("{now}"))
}

/// Each connection takes an open file.
pub fn open_files() -> Finding {
    const AREA: &str = "open files";
    match open_files::highest_limit() {
        Some(limit) if limit < FEW_FILES => Finding::warn(
            AREA,
            format!("at most {limit}, and each connection takes one"),
            "raise the limit (LimitNOFILE= in the systemd unit, ulimit -Hn)",
        ),
        Some(limit) => Finding::ok(AREA, format!("at most {limit}")),
        None => Finding::ok(AREA, "no limit"),
    }
}
