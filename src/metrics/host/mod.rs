//! The machine and what runs on it, as `[host]` in the configuration names it: memory, processor, network, file systems,
//! the size of folders, and services with what they use.

mod folders;
mod services;

use std::path::PathBuf;

use serde::Deserialize;
use sysinfo::{Networks, System};

use crate::metrics::{Family, Kind};
use crate::sys::files::disk_space;
use crate::sys::process::host_memory;
use crate::sys::units::Span;

pub use services::Service;

use folders::size;
use services::Services;

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// How often. Folders are looked at every fourth time.
    pub every: Span,
    /// Any path on each file system; that of the data folder is always among them.
    pub filesystems: Vec<PathBuf>,
    /// Folders whose size is told, with everything under them.
    pub folders: Vec<PathBuf>,
    pub service: Vec<Service>,
}

impl Default for Options {
    fn default() -> Options {
        let every = Span(std::time::Duration::from_secs(15));
        Options { every, filesystems: Vec::new(), folders: Vec::new(), service: Vec::new() }
    }
}

/// Looks at the machine; counters of services that ended live on in it.
pub struct Host {
    system: System,
    networks: Networks,
    services: Services,
    folders: Vec<Family>,
    looks: u64,
}

impl Host {
    /// Fails where the system does not tell about itself.
    pub fn new() -> Result<Host, sysinfo::Error> {
        let (system, networks) = (System::new()?, Networks::new()?);
        Ok(Host { system, networks, services: Services::default(), folders: Vec::new(), looks: 0 })
    }

    /// What there is to see by now. What cannot be seen is left out.
    pub fn look(&mut self, options: &Options, data_folder: &std::path::Path) -> Vec<Family> {
        let mut families = Vec::new();
        memory(&mut families);
        processor(&mut families);
        self.network(&mut families);
        filesystems(options.filesystems.iter().map(PathBuf::as_path).chain([data_folder]), &mut families);
        self.services.look(&mut self.system, &options.service, &mut families);
        if self.looks.is_multiple_of(4) {
            self.folders = folders(&options.folders);
        }
        self.looks += 1;
        families.extend(self.folders.iter().cloned());
        families
    }

    fn network(&mut self, families: &mut Vec<Family>) {
        self.networks.refresh(true);
        let labels = ["interface"];
        let new = |name, help| Family::new(Kind::Counter, name, help, &labels);
        let mut received = new("host_network_receive_bytes_total", "Bytes received.");
        let mut sent = new("host_network_transmit_bytes_total", "Bytes sent.");
        for (name, data) in &self.networks {
            let name = name.to_string_lossy();
            received.set(&[&name], data.total_received() as f64);
            sent.set(&[&name], data.total_transmitted() as f64);
        }
        families.extend([received, sent]);
    }
}

fn memory(families: &mut Vec<Family>) {
    if let Some((available, total)) = host_memory() {
        gauge(families, "host_memory_total_bytes", "Memory of the machine.", total as f64);
        let help = "Memory that programs could still get.";
        gauge(families, "host_memory_available_bytes", help, available as f64);
    }
    if let Ok(load) = System::load_average() {
        gauge(families, "host_load1", "Load of the last minute.", load.one);
    }
}

fn gauge(families: &mut Vec<Family>, name: &'static str, help: &'static str, value: f64) {
    let mut family = Family::new(Kind::Gauge, name, help, &[]);
    family.set(&[], value);
    families.push(family);
}

/// Time of all processors, from `/proc/stat`; Linux counts it there in hundredths of a second.
fn processor(families: &mut Vec<Family>) {
    let Ok(text) = std::fs::read_to_string("/proc/stat") else { return };
    let Some(line) = text.lines().next().and_then(|line| line.strip_prefix("cpu ")) else { return };
    let times: Vec<f64> = line.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; what guests use is in user already.
    let Some((user, [idle, waiting, rest @ ..])) = times.get(..8).and_then(|times| times.split_at_checked(3)) else {
        return;
    };
    let mut family = Family::new(Kind::Counter, "host_cpu_seconds_total", "Time of all processors.", &["mode"]);
    family.set(&["idle"], (idle + waiting) / 100.0);
    family.set(&["busy"], user.iter().chain(rest).sum::<f64>() / 100.0);
    families.push(family);
}

fn filesystems<'p>(paths: impl Iterator<Item = &'p std::path::Path>, families: &mut Vec<Family>) {
    let new = |name, help| Family::new(Kind::Gauge, name, help, &["path"]);
    let mut free = new("filesystem_free_bytes", "Bytes that are free on the file system of a path.");
    let mut all = new("filesystem_size_bytes", "Bytes of the file system of a path.");
    for path in paths {
        if let Ok((free_bytes, size)) = disk_space(path) {
            let name = path.display().to_string();
            free.set(&[&name], free_bytes as f64);
            all.set(&[&name], size as f64);
        }
    }
    families.extend([free, all]);
}

fn folders(folders: &[PathBuf]) -> Vec<Family> {
    let new = |name, help| Family::new(Kind::Gauge, name, help, &["folder"]);
    let mut bytes = new("folder_bytes", "Bytes of the files in a folder and under it.");
    let mut files = new("folder_files", "Files in a folder and under it.");
    for folder in folders {
        if let Some((size, count)) = size(folder) {
            let name = folder.display().to_string();
            bytes.set(&[&name], size as f64);
            files.set(&[&name], count as f64);
        }
    }
    vec![bytes, files]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::text;

    #[test]
    fn the_machine_under_this_test() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), [0; 1000]).unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("sub/b"), [0; 24]).unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("link")).unwrap();
        let pid_file = folder.path().join("test.pid");
        std::fs::write(&pid_file, format!("{}\n", std::process::id())).unwrap();
        let mut child = std::process::Command::new("sleep").arg("4711.25").spawn().unwrap();
        let service = |name: &str| Service { name: name.into(), ..Service::default() };
        let options = Options {
            folders: vec![folder.path().into()],
            service: vec![
                Service { pid_file: Some(pid_file), ..service("self") },
                Service { command: Some("^sleep 4711[.]25$".into()), ..service("sleeper") },
                Service { unit: Some("no-such.service".into()), ..service("none") },
            ],
            ..Options::default()
        };
        let mut host = Host::new().unwrap();
        let families = host.look(&options, folder.path());
        let value = |families: &[Family], name: &str, label: &str| {
            let all = families.iter().flat_map(|family| family.samples(name));
            let one = all.into_iter().find(|sample| sample.labels.iter().all(|(_, value)| value == label));
            one.map(|sample| sample.value)
        };
        let place = folder.path().display().to_string();
        let pid_bytes = std::process::id().to_string().len() as f64 + 1.0;
        assert_eq!(value(&families, "folder_bytes", &place), Some(1024.0 + pid_bytes));
        assert_eq!(value(&families, "folder_files", &place), Some(3.0));
        assert!(value(&families, "filesystem_free_bytes", &place) <= value(&families, "filesystem_size_bytes", &place));
        let (all, free) = ("host_memory_total_bytes", "host_memory_available_bytes");
        assert!(value(&families, free, "").unwrap() > 0.0 && value(&families, free, "") < value(&families, all, ""));
        assert!(value(&families, "host_cpu_seconds_total", "busy").unwrap() > 0.0, "{}", text(&families));
        assert_eq!(value(&families, "service_up", "self"), Some(1.0));
        assert_eq!(value(&families, "service_up", "sleeper"), Some(1.0));
        assert_eq!(value(&families, "service_up", "none"), Some(0.0));
        assert_eq!(value(&families, "service_processes", "sleeper"), Some(1.0));
        // The sleeper is a child of this process.
        assert!(value(&families, "service_processes", "self").unwrap() >= 2.0);
        assert!(value(&families, "service_memory_bytes", "self").unwrap() > 1e6);
        assert!(value(&families, "service_open_files", "self").unwrap() >= 3.0);
        let before = value(&families, "service_cpu_seconds_total", "self").unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let families = host.look(&options, folder.path());
        assert_eq!(value(&families, "service_up", "sleeper"), Some(0.0));
        assert!(value(&families, "service_cpu_seconds_total", "self").unwrap() >= before);
    }
}
