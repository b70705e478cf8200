//! Where answers come from: the daemon when one runs, otherwise the cluster that the configuration names, or the store on
//! disk.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use crate::cli::{Common, Usage};
use crate::config::{Backend, Config, load_main};
use crate::elastic::ask::{AskError, Cluster};
use crate::http::Client;
use crate::search::SearchError;
use crate::store::Snapshot;

/// Who tells of this host.
pub enum Host {
    Daemon(Client),
    Disk(Snapshot),
}

/// Who answers questions about entries.
pub enum Source {
    Daemon(Client),
    Cluster(Cluster),
    Disk(Snapshot),
}

impl Source {
    /// As [`Host::find`], but for a cluster, which is asked instead of the store.
    pub fn find(common: &Common) -> anyhow::Result<(Source, Config)> {
        let config = load_main(common.config.as_deref(), |c| common.adjust(c))?;
        if let Some(client) = daemon(common, &config)? {
            return Ok((Source::Daemon(client), config));
        }
        let source = match config.search.backend {
            Backend::Embedded => Source::Disk(open(&config.data_dir)?),
            Backend::Elasticsearch => {
                let cluster = config.search.cluster.cluster();
                Source::Cluster(cluster.map_err(|(setting, why)| Usage::error(format!("{setting}: {why}")))?)
            }
        };
        Ok((source, config))
    }
}

impl Host {
    /// An address named with `--http` is asked; otherwise the daemon that has the data folder, or the store itself.
    pub fn find(common: &Common) -> anyhow::Result<(Host, Config)> {
        let config = load_main(common.config.as_deref(), |c| common.adjust(c))?;
        let host = match daemon(common, &config)? {
            Some(client) => Host::Daemon(client),
            None => Host::Disk(open(&config.data_dir)?),
        };
        Ok((host, config))
    }
}

fn daemon(common: &Common, config: &Config) -> anyhow::Result<Option<Client>> {
    let Some(address) = &common.http else { return Ok(Client::of_data_dir(&config.control_socket())) };
    let address = address.parse().map_err(|_| Usage::error(format!("--http {address}: not an address")))?;
    Ok(Some(Client::Address(address)))
}

/// Waits for the answer of a cluster.
pub fn wait<T>(answer: impl Future<Output = Result<T, AskError>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(answer) {
        Err(AskError::Search(error @ SearchError::Question(_))) => Err(Usage::error(error)),
        answer => Ok(answer?),
    }
}

/// The committed partitions.
pub fn open(data: &Path) -> anyhow::Result<Snapshot> {
    anyhow::ensure!(
        data.join("partitions").is_dir(),
        "there is no logmill data in {}; start `logmill run`, or name the folder with --data-dir",
        data.display()
    );
    Ok(Snapshot::of_disk(data)?)
}

/// Says on the terminal what is missing from an answer; an error when it was cut.
pub fn complete(answer: &Value) -> anyhow::Result<()> {
    let damaged = answer.get("damaged").or_else(|| answer.get("effort")?.get("damaged"));
    for damage in damaged.and_then(Value::as_array).into_iter().flatten() {
        eprintln!("warning: {}; its entries are missing from the answer", damage.as_str().unwrap_or_default());
    }
    match answer["partial"].as_str() {
        Some(reason) => anyhow::bail!("the answer is not complete: {reason}"),
        None => Ok(()),
    }
}

/// A path with parameters, percent-encoded.
pub fn target(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let mut text = path.to_owned();
    let given = parameters.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    for (index, (key, value)) in given.enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{}{key}=", if index == 0 { '?' } else { '&' });
        text.push_str(&encode(value));
    }
    text
}

/// A text as it may stand in a path or behind a parameter.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(byte as char),
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

/// Asks a daemon to do something.
pub fn control(client: &Client, body: &Value) -> anyhow::Result<Value> {
    Ok(client.ask("/control", Some(body)).context("the daemon refused")?.body)
}

#[cfg(test)]
mod tests {
    #[test]
    fn parameters_are_encoded() {
        let got = super::target("/x", &[("a", Some("b c&d".into())), ("e", None), ("f", Some("ü*".into()))]);
        assert_eq!(got, "/x?a=b%20c%26d&f=%C3%BC%2A");
    }
}
