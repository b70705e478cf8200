//! `config/alerts.toml` as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use crate::search::By;
use crate::sys::units::Span;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Definition {
    pub alert: Vec<Spanned<AlertTable>>,
    pub probe: Vec<Spanned<ProbeTable>>,
    pub notifier: Vec<Spanned<NotifierTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertTable {
    pub name: Spanned<String>,
    #[serde(default)]
    pub severity: Option<Spanned<String>>,
    pub summary: Spanned<String>,
    #[serde(default)]
    pub labels: BTreeMap<Spanned<String>, String>,
    #[serde(default = "yes")]
    pub enabled: bool,
    pub above: Option<Spanned<toml::Value>>,
    pub below: Option<Spanned<toml::Value>>,
    pub clear: Option<Spanned<toml::Value>>,
    #[serde(default, rename = "for")]
    pub pending: Option<Span>,
    pub keep_for: Option<Span>,
    pub forget: Option<Span>,
    pub every: Option<Spanned<Span>>,
    // What is measured: one of these.
    pub failure_rate: Option<FailureRateTable>,
    pub query: Option<Spanned<String>>,
    pub ratio: Option<RatioTable>,
    pub difference: Option<DifferenceTable>,
    pub silence: Option<Spanned<SilenceTable>>,
    pub probe: Option<ProbeWord>,
    pub disk_free: Option<DiskTable>,
    pub memory_used: Option<NothingTable>,
    pub metric: Option<MetricTable>,
    // With a query.
    pub over: Option<Spanned<Span>>,
    pub change: Option<Span>,
    pub absent: Option<f64>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureRateTable {
    #[serde(default)]
    pub by: By,
    pub over: Spanned<Span>,
    #[serde(default)]
    pub at_least: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatioTable {
    pub query: Spanned<String>,
    pub of: Spanned<String>,
    pub over: Spanned<Span>,
    #[serde(default)]
    pub by: Vec<Spanned<String>>,
    #[serde(default)]
    pub at_least: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DifferenceTable {
    pub query: Spanned<String>,
    pub less: Spanned<String>,
    pub over: Spanned<Span>,
    #[serde(default)]
    pub by: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilenceTable {
    pub pipeline: Option<String>,
    pub source: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeWord {
    Up,
    Seconds,
    TlsDays,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskTable {
    #[serde(default)]
    pub paths: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NothingTable {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricTable {
    pub name: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    pub change: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeTable {
    pub name: Spanned<String>,
    pub http: Option<Spanned<String>>,
    pub tls: Option<Spanned<String>>,
    pub every: Option<Spanned<Span>>,
    pub timeout: Option<Spanned<Span>>,
    #[serde(default)]
    pub required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindWord {
    Alertmanager,
    Webhook,
    Email,
    Command,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifierTable {
    pub name: Option<Spanned<String>>,
    pub kind: KindWord,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default)]
    pub filter: BTreeMap<Spanned<String>, String>,
    pub group_by: Option<Vec<String>>,
    pub group_wait: Option<Span>,
    pub repeat: Option<Spanned<Span>>,
    pub timeout: Option<Spanned<Span>>,
    // Alertmanager, webhook.
    pub url: Option<Spanned<String>>,
    #[serde(default)]
    pub headers: BTreeMap<Spanned<String>, SecretTable>,
    // Webhook, e-mail.
    pub body: Option<Spanned<toml::Value>>,
    // E-mail.
    pub server: Option<Spanned<String>>,
    pub security: Option<SecurityWord>,
    pub from: Option<Spanned<String>>,
    pub to: Option<Vec<Spanned<String>>>,
    pub user: Option<String>,
    pub password: Option<Spanned<SecretTable>>,
    pub subject: Option<Spanned<String>>,
    // Command.
    pub command: Option<Spanned<Vec<String>>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecurityWord {
    Tls,
    StartTls,
    None,
}

/// A text that is no secret, or where the secret is.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum SecretTable {
    Text(String),
    #[serde(rename_all = "snake_case")]
    File {
        file: PathBuf,
        #[serde(default)]
        prefix: String,
    },
    Environment {
        env: String,
        #[serde(default)]
        prefix: String,
    },
}
