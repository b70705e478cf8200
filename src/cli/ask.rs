//! Where answers come from: the daemon when one runs, otherwise the store on disk.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use crate::cli::{Common, Usage};
use crate::config::{Config, load_main};
use crate::http::Client;
use crate::store::{Partitions, Snapshot};

/// Who answers.
pub enum Source {
    Daemon(Client),
    Disk(Snapshot),
}

impl Source {
    /// An address named with `--http` is asked; otherwise the daemon that has the data folder, or the store itself.
    pub fn find(common: &Common) -> anyhow::Result<(Source, Config)> {
        let config = load_main(common.config.as_deref(), |c| common.adjust(c))?;
        if let Some(address) = &common.http {
            let address = address.parse().map_err(|_| Usage::error(format!("--http {address}: not an address")))?;
            return Ok((Source::Daemon(Client::Address(address)), config));
        }
        if let Some(client) = Client::of_data_dir(&config.control_socket()) {
            return Ok((Source::Daemon(client), config));
        }
        Ok((Source::Disk(open(&config.data_dir)?), config))
    }
}

/// The committed partitions.
pub fn open(data: &Path) -> anyhow::Result<Snapshot> {
    let folder = data.join("partitions");
    anyhow::ensure!(
        folder.is_dir(),
        "there is no logmill data in {}; start `logmill run`, or name the folder with --data-dir",
        data.display()
    );
    let partitions = Partitions::open(&folder)?;
    for damage in &partitions.damaged {
        eprintln!("warning: {damage}; its entries are missing from the answer");
    }
    Ok(Snapshot { partitions: partitions.views(), ..Snapshot::default() })
}

/// A path with parameters, percent-encoded.
pub fn target(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let mut text = path.to_owned();
    let given = parameters.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    for (index, (key, value)) in given.enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{}{key}=", if index == 0 { '?' } else { '&' });
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => text.push(byte as char),
                _ => drop(write!(text, "%{byte:02X}")),
            }
        }
    }
    text
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
