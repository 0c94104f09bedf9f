//! What the operating system says about a process (proc(5)).

use std::time::Duration;

/// Ticks of a second in /proc/PID/stat: USER_HZ, which is 100 on every current Linux.
const TICKS: u64 = 100;

/// User and system time of a process since its start, all threads together. `None` when there is no such
/// process, or no /proc.
pub(crate) fn cpu_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in brackets and may hold anything: fields are counted after it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * (1000 / TICKS)))
}

/// Resident memory in KiB.
pub(crate) fn resident_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// What a process has read with read(2) and its like, files for the most part: sockets are received from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reads {
    pub calls: u64,
    pub bytes: u64,
}

/// Of a process since its start.
pub(crate) fn reads(pid: u32) -> Option<Reads> {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let field = |name: &str| {
        let line = io.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    Some(Reads {
        calls: field("syscr:")?,
        bytes: field("rchar:")?,
    })
}

/// Asks a process to stop, as an operator would.
pub(crate) fn terminate(pid: u32) {
    #[cfg(unix)]
    if let Some(pid) = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        // One that has ended already needs no asking.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    #[cfg(not(unix))]
    let _ = pid;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory_and_time() {
        let pid = std::process::id();
        assert!(resident_kib(pid).unwrap() > 100);
        assert!(cpu_time(pid).is_some());
        assert_eq!(cpu_time(u32::MAX), None);
        assert!(reads(pid).unwrap().calls > 0);
    }
}
