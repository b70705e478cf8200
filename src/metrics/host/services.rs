//! Named services: which processes are theirs, and what those use.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use regex::Regex;
use serde::{Deserialize, Deserializer};
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::metrics::{Family, Kind};

/// How the processes of a service are known: by one of the four.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub name: String,
    /// File with the number of the first process; its children belong to it.
    pub pid_file: Option<PathBuf>,
    /// Found in the command line, its words joined by blanks; children belong to it.
    pub command: Option<Expression>,
    /// Of systemd, such as `nginx.service`.
    pub unit: Option<String>,
    /// A glob for the control group's path, as in `/proc/PID/cgroup`: `/docker/*`.
    pub cgroup: Option<Glob>,
}

/// A regular expression that was compiled once.
#[derive(Clone, Debug)]
pub struct Expression(Regex);

#[derive(Clone, Debug, PartialEq)]
pub struct Glob(glob::Pattern);

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

#[cfg(test)]
impl From<&str> for Expression {
    fn from(text: &str) -> Expression {
        Expression(Regex::new(text).unwrap())
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Expression, D::Error> {
        let text = String::deserialize(deserializer)?;
        Regex::new(&text).map(Expression).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Glob, D::Error> {
        let text = String::deserialize(deserializer)?;
        glob::Pattern::new(&text).map(Glob).map_err(serde::de::Error::custom)
    }
}

impl Service {
    /// Whether one way to know its processes is said.
    pub fn is_whole(&self) -> bool {
        let ways = [self.pid_file.is_some(), self.command.is_some(), self.unit.is_some(), self.cgroup.is_some()];
        ways.into_iter().filter(|way| *way).count() == 1 && !self.name.is_empty()
    }

    /// Whether a process is of the service by itself, whoever its parent is.
    fn owns(&self, process: &Process, pid_of_file: Option<Pid>) -> bool {
        if let Some(Expression(command)) = &self.command {
            let words: Vec<_> = process.cmd().iter().map(|word| word.to_string_lossy()).collect();
            // This looks for services, and is none.
            return process.pid().as_u32() != std::process::id() && command.is_match(&words.join(" "));
        }
        if self.unit.is_none() && self.cgroup.is_none() {
            return pid_of_file == Some(process.pid());
        }
        let text = std::fs::read_to_string(format!("/proc/{}/cgroup", process.pid())).unwrap_or_default();
        text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).any(|path| self.is_in(path))
    }

    fn is_in(&self, path: &str) -> bool {
        match (&self.unit, &self.cgroup) {
            (Some(unit), _) => path.split('/').any(|part| part == unit),
            (_, Some(Glob(glob))) => glob.matches(path),
            _ => false,
        }
    }

    fn pid(&self) -> Option<Pid> {
        std::fs::read_to_string(self.pid_file.as_ref()?).ok()?.trim().parse().ok()
    }
}

/// A process: numbers are given again, so its start belongs to it.
type Life = (Pid, u64);

/// Processor time so far, of processes that ended as well.
#[derive(Default)]
pub struct Services {
    used: HashMap<String, Used>,
}

#[derive(Default)]
struct Used {
    milliseconds: u64,
    /// What each living process had at the last look.
    living: HashMap<Life, u64>,
}

impl Services {
    pub fn look(&mut self, system: &mut System, services: &[Service], families: &mut Vec<Family>) {
        self.used.retain(|name, _| services.iter().any(|service| service.name == *name));
        if services.is_empty() {
            return;
        }
        let kind =
            ProcessRefreshKind::nothing().with_cpu().with_memory().with_cmd(UpdateKind::OnlyIfNotSet).without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let new = |kind, name, help| Family::new(kind, name, help, &["service"]);
        let mut up = new(Kind::Gauge, "service_up", "1 while a service has a process.");
        let mut count = new(Kind::Gauge, "service_processes", "Processes of a service.");
        let mut cpu = new(Kind::Counter, "service_cpu_seconds_total", "Processor time of a service.");
        let mut memory = new(Kind::Gauge, "service_memory_bytes", "Resident memory of a service's processes.");
        let mut files = new(Kind::Gauge, "service_open_files", "Open files of a service, as far as they may be seen.");
        for service in services {
            let processes = processes_of(service, system);
            let name = [service.name.as_str()];
            up.set(&name, f64::from(u8::from(!processes.is_empty())));
            count.set(&name, processes.len() as f64);
            memory.set(&name, processes.iter().map(|process| process.memory()).sum::<u64>() as f64);
            files.set(&name, processes.iter().filter_map(|process| process.open_files()).sum::<usize>() as f64);
            cpu.set(&name, self.used.entry(service.name.clone()).or_default().note(&processes));
        }
        families.extend([up, count, cpu, memory, files]);
    }
}

impl Used {
    /// Seconds so far. What a process used before it was first seen counts; what it used between the last look and its
    /// end cannot be known.
    fn note(&mut self, processes: &[&Process]) -> f64 {
        let living =
            processes.iter().map(|process| ((process.pid(), process.start_time()), process.accumulated_cpu_time()));
        let living: HashMap<Life, u64> = living.collect();
        for (life, used) in &living {
            let before = self.living.get(life).copied().unwrap_or(0);
            self.milliseconds += used.saturating_sub(before);
        }
        self.living = living;
        self.milliseconds as f64 / 1e3
    }
}

fn processes_of<'s>(service: &Service, system: &'s System) -> Vec<&'s Process> {
    let pid = service.pid();
    let own: HashSet<Pid> =
        system.processes().iter().filter(|(_, process)| service.owns(process, pid)).map(|(pid, _)| *pid).collect();
    let belongs = |process: &&Process| {
        let mut next = Some(process.pid());
        // A circle of parents cannot be, and would end here.
        for _ in 0..64 {
            match next {
                Some(pid) if own.contains(&pid) => return true,
                Some(pid) => next = system.process(pid).and_then(Process::parent),
                None => return false,
            }
        }
        false
    };
    system.processes().values().filter(|process| process.thread_kind().is_none()).filter(belongs).collect()
}
