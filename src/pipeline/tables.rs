//! A pipeline as it is written, in TOML.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub name: Spanned<String>,
    pub service: Option<String>,
    pub source: SourceTable,
    #[serde(default)]
    pub parse: ParseTable,
    #[serde(default)]
    pub format: Vec<Spanned<FormatTable>>,
    #[serde(default)]
    pub redact: Option<RedactTable>,
    #[serde(default)]
    pub fields: FieldsTable,
    #[serde(default)]
    pub labels: BTreeMap<Spanned<String>, toml::Value>,
    #[serde(default)]
    pub route: Vec<RouteTable>,
    #[serde(default)]
    pub filter: FilterTable,
    #[serde(default)]
    pub sample: Vec<SampleTable>,
    #[serde(default)]
    pub limit: Vec<LimitTable>,
    #[serde(default)]
    pub metric: Vec<Spanned<MetricTable>>,
    #[serde(default)]
    pub test: Vec<Spanned<TestTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceTable {
    pub include: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub exclude: Vec<Spanned<String>>,
    #[serde(default)]
    pub start: Start,
    pub zone: Option<Spanned<String>>,
    pub encoding: Option<Spanned<String>>,
    pub session_id: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    #[default]
    Beginning,
    End,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct ParseTable {
    pub formats: Option<Vec<Spanned<String>>>,
}

/// A format of one's own: layouts or a pattern.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatTable {
    pub name: Spanned<String>,
    #[serde(default)]
    pub layouts: Vec<Spanned<String>>,
    pub pattern: Option<Spanned<String>>,
    #[serde(default)]
    pub joins: Joining,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Joining {
    #[default]
    All,
    Indented,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedactTable {
    #[serde(default)]
    pub recipes: Vec<Spanned<String>>,
    #[serde(default)]
    pub patterns: BTreeMap<String, Spanned<String>>,
    /// File with the key of stable marks, 32 hexadecimal digits.
    pub hash_key_file: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct FieldsTable {
    #[serde(default)]
    pub extract: Vec<ExtractTable>,
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    #[serde(default)]
    pub types: BTreeMap<String, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtractTable {
    #[serde(default = "message")]
    pub from: String,
    pub pattern: Spanned<String>,
}

fn message() -> String {
    "message".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    pub query: Spanned<String>,
    pub service: Option<String>,
    #[serde(default)]
    pub labels: BTreeMap<Spanned<String>, toml::Value>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct FilterTable {
    pub keep: Option<Spanned<String>>,
    pub drop: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleTable {
    pub query: Option<Spanned<String>>,
    pub keep: Spanned<f64>,
    pub by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitTable {
    pub query: Option<Spanned<String>>,
    pub per_second: Spanned<f64>,
    pub burst: Option<u32>,
    pub by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricTable {
    pub name: Spanned<String>,
    pub kind: Spanned<String>,
    pub help: Option<String>,
    pub query: Option<Spanned<String>>,
    pub value: Option<String>,
    /// Names of labels, with the fields they come from.
    #[serde(default)]
    pub labels: BTreeMap<Spanned<String>, String>,
    pub buckets: Option<Spanned<Vec<f64>>>,
}

/// Lines, and what they are to become.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestTable {
    pub source: String,
    pub zone: Option<Spanned<String>>,
    /// When the lines are read.
    pub read: Option<Spanned<toml::Value>>,
    pub lines: String,
    pub entries: Vec<BTreeMap<String, Spanned<toml::Value>>>,
}
