//! What is to be watched and who is told, as the configuration says it. `config::alerts` makes these.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use crate::alert::engine::Condition;
use crate::alert::ledger::Notice;
use crate::alert::measure::Measure;
use crate::alert::template::Template;

/// What tells one thing that is watched from another: `workflow_type` = `tdd`.
pub type Labels = BTreeMap<String, String>;

/// Everything in `config/alerts.toml`, checked.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Those that are enabled.
    pub alerts: Vec<Rule>,
    pub probes: Vec<Probe>,
    pub notifiers: Vec<Notifier>,
}

/// An alert.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    pub severity: String,
    pub summary: Template,
    /// Put to those of the samples.
    pub labels: Labels,
    pub measure: Measure,
    pub condition: Condition,
    /// What a label set that has no sample any more counts as; otherwise it keeps its state.
    pub absent: Option<f64>,
    /// Nanoseconds between two evaluations.
    pub every: i64,
}

/// Names that a summary may speak of.
pub const SUMMARY_NAMES: [&str; 5] = ["alert", "severity", "labels", "value", "threshold"];

/// Something that is asked whether it is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub name: String,
    pub target: ProbeTarget,
    pub every: Duration,
    pub timeout: Duration,
    /// It counts as down also when it never was up.
    pub required: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeTarget {
    Http { url: String },
    Tls { host: String, port: u16 },
}

/// Somebody who is told.
#[derive(Clone, Debug)]
pub struct Notifier {
    pub name: String,
    pub kind: Kind,
    /// All must match.
    pub filter: Vec<Matcher>,
    /// Alerts with the same values of these labels come in one message.
    pub group_by: Vec<String>,
    /// So long a message waits for others of its group; nanoseconds.
    pub group_wait: i64,
    /// What goes on is told again after so long; nanoseconds.
    pub repeat: i64,
    pub timeout: Duration,
}

impl Notifier {
    /// Whether a notice is for this one.
    pub fn wants(&self, notice: &Notice) -> bool {
        self.filter.iter().all(|matcher| matcher.matches(&notice.alert, &notice.severity, &notice.labels))
    }
}

#[derive(Clone, Debug)]
pub enum Kind {
    /// Its address, without `/api/v2`.
    Alertmanager {
        url: String,
        headers: Vec<(String, Secret)>,
    },
    Webhook {
        url: String,
        headers: Vec<(String, Secret)>,
        body: Body,
    },
    Email(Box<Email>),
    Command {
        argv: Vec<String>,
    },
}

/// Names that the texts of a message may speak of.
pub const MESSAGE_NAMES: [&str; 7] = ["status", "firing", "resolved", "group", "alerts", "host", "notifier"];

/// What a webhook is sent.
#[derive(Clone, Debug)]
pub enum Body {
    /// The message as it is.
    Whole,
    Text(Template),
    /// Every text in it is a template.
    Json(JsonBody),
}

#[derive(Clone, Debug)]
pub enum JsonBody {
    Text(Template),
    Other(serde_json::Value),
    List(Vec<JsonBody>),
    Object(Vec<(String, JsonBody)>),
}

#[derive(Clone, Debug)]
pub struct Email {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub from: lettre::message::Mailbox,
    pub to: Vec<lettre::message::Mailbox>,
    pub login: Option<(String, Secret)>,
    pub subject: Template,
    pub body: Template,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    Tls,
    StartTls,
    None,
}

/// A text that may not stand in the configuration. It is read when it is used, so that a new one is.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    Text(String),
    File { path: PathBuf, prefix: String },
    Environment { name: String, prefix: String },
}

/// A longer secret is a wrong file.
const MAX_SECRET: u64 = 16 << 10;

impl Secret {
    pub fn read(&self) -> Result<String, String> {
        match self {
            Secret::Text(text) => Ok(text.clone()),
            Secret::File { path, prefix } => {
                let read = || {
                    let (file, metadata) = crate::sys::files::open_regular(path)?;
                    match metadata.len() > MAX_SECRET {
                        true => Err(std::io::Error::other("is too large for a secret")),
                        false => std::io::read_to_string(file),
                    }
                };
                let text = read().map_err(|error| format!("{}: {error}", path.display()))?;
                Ok(format!("{prefix}{}", text.trim_end_matches(['\n', '\r'])))
            }
            Secret::Environment { name, prefix } => {
                let value = std::env::var(name).map_err(|_| format!("the environment has no variable {name}"))?;
                Ok(format!("{prefix}{value}"))
            }
        }
    }
}

/// The text itself is not shown.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Secret::Text(_) => f.write_str("Text(…)"),
            Secret::File { path, .. } => write!(f, "File({})", path.display()),
            Secret::Environment { name, .. } => write!(f, "Environment({name})"),
        }
    }
}

/// A condition on a label, on `alert` (the name) or on `severity`: a value with `*` for any text.
#[derive(Clone, Debug)]
pub struct Matcher {
    pub label: String,
    pub pattern: String,
    regex: Regex,
}

/// A longer pattern is refused.
const MAX_PATTERN: usize = 1_000;

impl Matcher {
    pub fn new(label: &str, pattern: &str) -> Result<Matcher, String> {
        if pattern.len() > MAX_PATTERN || label.len() > MAX_PATTERN {
            return Err(format!("a label and its value have at most {MAX_PATTERN} bytes"));
        }
        let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
        let regex = Regex::new(&format!("(?s)^(?:{})$", parts.join(".*"))).map_err(|error| error.to_string())?;
        Ok(Matcher { label: label.to_owned(), pattern: pattern.to_owned(), regex })
    }

    /// `name=value`, as on the command line.
    pub fn parse(text: &str) -> Result<Matcher, String> {
        let wrong = || format!("{text:?} is no condition; write for example alert=disk_free or path=/srv*");
        let (label, pattern) = text.split_once('=').ok_or_else(wrong)?;
        if label.trim().is_empty() {
            return Err(wrong());
        }
        Matcher::new(label.trim(), pattern.trim())
    }

    /// A label that is not there is empty.
    pub fn matches(&self, alert: &str, severity: &str, labels: &Labels) -> bool {
        let value = match self.label.as_str() {
            "alert" | "alertname" => alert,
            "severity" => severity,
            label => labels.get(label).map_or("", String::as_str),
        };
        self.regex.is_match(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_on_labels() {
        let check = |text: &str, want: bool| {
            let labels = Labels::from([("path".to_owned(), "/srv/a b".to_owned())]);
            assert_eq!(Matcher::parse(text).unwrap().matches("disk_free", "critical", &labels), want, "{text}");
        };
        check("alert=disk_free", true);
        check("alert=disk*", true);
        check("alertname=disk", false);
        check("severity=critical", true);
        check("path=/srv*", true);
        check("path=*", true);
        check("path=/srv/a.b", false);
        check("none=", true);
        check("none=x", false);
        assert!(Matcher::parse("alert").is_err());
        assert!(Matcher::parse("=x").is_err());
    }

    #[test]
    fn secrets_are_read_when_they_are_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let secret = Secret::File { path: path.clone(), prefix: "Bearer ".to_owned() };
        assert!(secret.read().unwrap_err().contains("token"));
        std::fs::write(&path, "one\n").unwrap();
        assert_eq!(secret.read().as_deref(), Ok("Bearer one"));
        std::fs::write(&path, "two").unwrap();
        assert_eq!(secret.read().as_deref(), Ok("Bearer two"));
        let missing = Secret::Environment { name: "LOGMILL_NO_SUCH".to_owned(), prefix: String::new() };
        assert!(missing.read().unwrap_err().contains("LOGMILL_NO_SUCH"));
        assert!(!format!("{:?}", Secret::Text("hidden".to_owned())).contains("hidden"));
    }
}
