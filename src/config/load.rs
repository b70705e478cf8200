//! From files to a configuration that is known to work, or to the list of everything wrong with it.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;

use crate::alert::Rules;
use crate::archive;
use crate::config::archive::settings as archive_settings;
use crate::config::{Backend, Config, Doors, SHIPPED_POLICY, retention, sinks};
use crate::elastic::ask::Cluster;
use crate::pipeline::{Pipeline, RECEIVED};
use crate::receive;
use crate::rotate::{Level, Policy, Problem};
use crate::ship::Sink;
use crate::store::Retention;
use crate::sys::clock;
use crate::sys::units::Bytes;
use crate::tail::Source;

/// One mistake in the main file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}:{line}:{column}: {message}")]
    Wrong { path: PathBuf, line: usize, column: usize, message: String },
    #[error("{path}: {setting}: {message}")]
    Setting { path: PathBuf, setting: &'static str, message: String },
}

/// Everything that is wrong, one message a line.
#[derive(Debug, Default)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// A configuration with everything it names, checked.
#[derive(Clone)]
pub struct Loaded {
    pub config: Config,
    /// The main file, when there is one.
    pub path: Option<PathBuf>,
    pub pipelines: Arc<Vec<Pipeline>>,
    /// Samples in the pipelines that were tried.
    pub samples: usize,
    pub policy: Arc<Policy>,
    pub policy_path: PathBuf,
    /// No section of it was left out.
    pub policy_is_whole: bool,
    pub retention: Retention,
    pub alerts: Arc<Rules>,
    pub alerts_path: PathBuf,
    pub sinks: Arc<Vec<Arc<Sink>>>,
    /// The file they are in, when there is one.
    pub sinks_path: Option<PathBuf>,
    /// `None`: nothing is archived.
    pub archive: Option<Arc<archive::Settings>>,
    pub warnings: Vec<String>,
    /// `None`: no server.
    pub http: Option<SocketAddr>,
    /// Where entries are received.
    pub doors: Doors,
    /// What they show, where they speak TLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// Which rules hold for them.
    pub rules: Arc<receive::Rules>,
    /// Who answers questions instead of the store.
    pub cluster: Option<Cluster>,
}

impl Loaded {
    /// What the tailer is to follow.
    pub fn sources(&self) -> Vec<Source> {
        let source = |pipeline: &Pipeline| Source {
            name: pipeline.name().to_owned(),
            include: pipeline.include().to_vec(),
            exclude: pipeline.exclude().to_vec(),
            encoding: pipeline.encoding(),
            start_at_end: pipeline.start_at_end(),
            on_request: false,
        };
        self.pipelines.iter().map(source).collect()
    }

    /// Whether the journal of what was received is read: there may be one of earlier.
    pub fn has_journal(&self) -> bool {
        self.pipelines.iter().any(|pipeline| pipeline.name() == RECEIVED)
    }
}

/// The main file used when none is named and it is there.
const DEFAULT_PATH: &str = "config/logmill.toml";

/// The main file alone, for commands that only need to know where the data is.
pub fn load_main(path: Option<&Path>, adjust: impl FnOnce(&mut Config)) -> Result<Config, Problems> {
    let path = path.map(Path::to_owned).or_else(default_path);
    let config = path.as_deref().map(read).transpose().map_err(|error| Problems(vec![error.to_string()]))?;
    let mut config = config.unwrap_or_default();
    adjust(&mut config);
    Ok(config)
}

fn default_path() -> Option<PathBuf> {
    Some(PathBuf::from(DEFAULT_PATH)).filter(|p| p.exists())
}

/// Reads and checks everything; `adjust` applies the command line before the checks.
pub fn load(path: Option<&Path>, adjust: impl FnOnce(&mut Config)) -> Result<Loaded, Problems> {
    let path = path.map(Path::to_owned).or_else(default_path);
    let mut problems = Vec::new();
    let mut config = match path.as_deref().map(read).transpose() {
        Ok(config) => config.unwrap_or_default(),
        Err(error) => return Err(Problems(vec![error.to_string()])),
    };
    adjust(&mut config);
    let shown = path.clone().unwrap_or_else(|| "command line".into());
    let http = match check(&config, &shown) {
        Ok(http) => http,
        Err(error) => {
            problems.push(error.to_string());
            None
        }
    };
    let doors = config.receive.doors().unwrap_or_else(|(setting, message)| {
        problems.push(ConfigError::Setting { path: shown.clone(), setting, message }.to_string());
        Doors::default()
    });
    let tls = config.receive.tls.as_ref().filter(|_| !doors.is_shut()).and_then(|table| {
        let made = table.server().config().map_err(|message| {
            let setting = "receive.tls";
            problems.push(ConfigError::Setting { path: shown.clone(), setting, message }.to_string());
        });
        made.ok().map(Arc::new)
    });
    let cluster = match config.search.backend {
        Backend::Embedded => None,
        Backend::Elasticsearch => match config.search.cluster.cluster() {
            Ok(cluster) => Some(cluster),
            Err((setting, message)) => {
                problems.push(ConfigError::Setting { path: shown.clone(), setting, message }.to_string());
                None
            }
        },
    };
    let mut samples = 0;
    let mut pipelines = pipelines(&config, &mut samples, &mut problems);
    let rules = config.receive.rules(&pipelines).unwrap_or_else(|(setting, message)| {
        problems.push(ConfigError::Setting { path: shown.clone(), setting, message }.to_string());
        receive::Rules::default()
    });
    for idle in pipelines.iter().filter(|pipeline| pipeline.include().is_empty() && !rules.has(pipeline.name())) {
        let message =
            "include is empty; name at least one glob, such as \"logs/*.log\", or the pipeline in receive.pipeline";
        problems.push(format!("{}: {message}", idle.path().display()));
    }
    let doubts = config.receive.doubts(&doors, &pipelines);
    let journal = config.data_dir.join(receive::FOLDER);
    if !doors.is_shut() || journal.is_dir() {
        if let Some(other) = pipelines.iter().find(|pipeline| pipeline.name() == RECEIVED) {
            let message = format!("{RECEIVED:?} is the name of what is received from elsewhere; choose another");
            problems.push(format!("{}: {message}", other.path().display()));
        }
        let folder = glob::Pattern::escape(&journal.display().to_string());
        pipelines.push(Pipeline::received(format!("{folder}/[0-9]*.ndjson")));
    }
    // A mistake in a policy costs a part of it, as in logrotate, and not the start.
    let (policy, found, policy_path) = policy(&config);
    let policy = Arc::new(policy);
    let mut warnings: Vec<String> = found.iter().filter(|p| p.level > Level::Debug).map(ToString::to_string).collect();
    warnings
        .extend(config.doubtful_budgets().iter().chain(&doubts).map(|doubt| format!("{}: {doubt}", shown.display())));
    let policy_is_whole = !found.iter().any(|problem| problem.costs);
    let retention = retention(&config, clock::now()).unwrap_or_else(|error| {
        problems.push(format!("{}: {error}", shown.display()));
        Retention::default()
    });
    let (alerts_path, alerts) = crate::config::alerts::load(config.alerts.as_deref());
    let alerts = alerts.unwrap_or_else(|wrong| {
        problems.extend(wrong);
        Rules::default()
    });
    let (sinks, sinks_path) = sinks::load(&config).unwrap_or_else(|error| {
        problems.push(error);
        Default::default()
    });
    let archive = archive_settings(&config.archive).unwrap_or_else(|error| {
        problems.push(format!("{}: {error}", shown.display()));
        None
    });
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let pipelines = Arc::new(pipelines);
    Ok(Loaded {
        config,
        path,
        pipelines,
        samples,
        policy,
        policy_path,
        policy_is_whole,
        retention,
        alerts: Arc::new(alerts),
        alerts_path,
        sinks: Arc::new(sinks),
        sinks_path,
        archive,
        warnings,
        http,
        doors,
        tls,
        rules: Arc::new(rules),
        cluster,
    })
}

fn read(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| {
        let before = &text[..error.span().map_or(0, |s| s.start.min(text.len()))];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        ConfigError::Wrong { path: path.to_owned(), line, column, message: error.message().to_owned() }
    })
}

/// Ranges that no type expresses. Returns the HTTP address.
fn check(config: &Config, path: &Path) -> Result<Option<SocketAddr>, ConfigError> {
    let wrong = |setting, message: String| ConfigError::Setting { path: path.to_owned(), setting, message };
    if !(Bytes(4 << 10)..=Bytes(16 << 20)).contains(&config.follow.max_line) {
        return Err(wrong("follow.max_line", "must be between 4KiB and 16MiB".into()));
    }
    if config.store.partition_bytes < Bytes(1 << 20) {
        return Err(wrong("store.partition_bytes", "must be at least 1MiB".into()));
    }
    if config.store.commit_entries == 0 {
        return Err(wrong("store.commit_entries", "must be at least 1".into()));
    }
    for (setting, span) in [
        ("follow.discover_every", config.follow.discover_every),
        ("store.commit_every", config.store.commit_every),
        ("retention.every", config.retention.every),
        ("rotation.every", config.rotation.every),
        ("host.every", config.host.every),
    ] {
        if span.0.as_millis() < 10 {
            return Err(wrong(setting, "must be at least 10ms".into()));
        }
    }
    let services = &config.host.service;
    for (index, service) in services.iter().enumerate() {
        if !service.is_whole() {
            let message = format!("{:?} needs one of pid_file, command, unit, cgroup", service.name);
            return Err(wrong("host.service", message));
        }
        if services[..index].iter().any(|other| other.name == service.name) {
            return Err(wrong("host.service", format!("there are two of the name {:?}", service.name)));
        }
    }
    if config.http == "off" {
        return Ok(None);
    }
    let address = config.http.to_socket_addrs().ok().and_then(|mut found| found.next());
    let message = || format!("{:?} is not an address; write for example \"127.0.0.1:7600\", or \"off\"", config.http);
    address.map(Some).ok_or_else(|| wrong("http", message()))
}

fn pipelines(config: &Config, samples: &mut usize, problems: &mut Vec<String>) -> Vec<Pipeline> {
    let folder = config.pipelines.clone().or_else(|| Some("pipelines".into()).filter(|p: &PathBuf| p.is_dir()));
    let pipelines = match folder.as_deref().map(crate::pipeline::load_folder) {
        None => Pipeline::shipped(),
        Some(Ok(pipelines)) if pipelines.is_empty() => {
            let folder = folder.unwrap_or_default();
            problems.push(format!("{}: holds no pipeline (*.toml); nothing would be followed", folder.display()));
            Vec::new()
        }
        Some(Ok(pipelines)) => pipelines,
        Some(Err(errors)) => {
            problems.extend(errors.iter().map(ToString::to_string));
            Vec::new()
        }
    };
    for pipeline in &pipelines {
        match pipeline.test() {
            Ok(count) => *samples += count,
            Err(error) => problems.push(error.to_string()),
        }
    }
    pipelines
}

/// The policy, what there is to say about it, and where it is.
fn policy(config: &Config) -> (Policy, Vec<Problem>, PathBuf) {
    let default: PathBuf = "config/logrotate.conf".into();
    let path = config.rotation.policy.clone().or_else(|| Some(default).filter(|p| p.exists()));
    match path {
        Some(path) => {
            let (policy, problems) = Policy::load(std::slice::from_ref(&path));
            (policy, problems, path)
        }
        None => {
            let path = PathBuf::from("config/logrotate.conf (built in)");
            let (policy, problems) = Policy::parse(SHIPPED_POLICY, &path);
            (policy, problems, path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logmill.toml");
        std::fs::write(&path, text).unwrap();
        let config = read(&path)?;
        check(&config, Path::new("logmill.toml"))?;
        Ok(config)
    }

    #[test]
    fn the_shipped_file_shows_the_defaults() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/logmill.toml");
        assert_eq!(read(&shipped).unwrap(), Config::default());
    }

    #[test]
    fn mistakes_name_their_place() {
        let check = |text: &str, want: &str| {
            let error = read_text(text).unwrap_err().to_string();
            assert!(error.contains(want), "{text:?}: {error}");
        };
        check("data_dri = \"x\"", "logmill.toml:1:1: unknown field `data_dri`, expected one of `data_dir`");
        check("\n[store]\ncommit_every = 5\n", "logmill.toml:3:16:");
        check("[store]\ncommit_every = \"5 parsecs\"\n", "is not a duration; write for example 30s");
        check("[retention]\nmax_bytes = \"lots\"\n", "logmill.toml:2:13:");
        check("http = \"nonsense\"", "http: \"nonsense\" is not an address");
        check("[follow]\nmax_line = \"1\"", "follow.max_line: must be between");
        check("data_dir = [", "logmill.toml:1:");
    }
}
