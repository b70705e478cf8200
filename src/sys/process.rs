//! What this process costs, read from /proc; the source of our own metrics and of the benches.

use std::fs;

/// Resident memory now, in bytes; 0 where /proc is missing.
pub fn resident_bytes() -> u64 {
    status_field("VmRSS:")
}

/// Highest resident memory so far, in bytes.
pub fn peak_resident_bytes() -> u64 {
    status_field("VmHWM:")
}

/// User and system time of all threads so far, in seconds.
pub fn cpu_seconds() -> f64 {
    clock_seconds(rustix::time::ClockId::ProcessCPUTime)
}

/// User and system time of the calling thread so far, in seconds.
pub fn thread_cpu_seconds() -> f64 {
    clock_seconds(rustix::time::ClockId::ThreadCPUTime)
}

/// Files this process has open; 0 where /proc is missing.
pub fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1))
}

/// Lets this process open as many files as it may: each followed file is one.
pub fn raise_file_limit() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    // It may always go up to its own maximum.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, raised);
}

/// Gives the calling thread the lowest priority: it works when nobody else does. Where that is refused, it does not matter.
pub fn be_nice() {
    let _ = rustix::process::nice(19);
}

fn clock_seconds(clock: rustix::time::ClockId) -> f64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn status_field(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name));
    let kib = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Asks a process to stop (SIGTERM).
pub fn terminate(pid: u32) -> std::io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    Ok(rustix::process::kill_process(pid, rustix::process::Signal::TERM)?)
}

/// Kills a process that was started as the first of a group, and all of that group.
pub fn kill_group(child: &std::process::Child) {
    kill_group_of(child.id());
}

/// The same by its number, which must be of a process that nobody has waited for.
pub fn kill_group_of(pid: u32) {
    let group = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    // It may just have ended.
    group.map(|group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL));
}

/// Available and total memory of the host, in bytes.
pub fn host_memory() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some((field("MemAvailable:")?, field("MemTotal:").filter(|total| *total > 0)?))
}

/// What this host is called.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
