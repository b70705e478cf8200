//! `logmill health`, for those who start and restart services: Docker's health check, systemd, scripts.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use serde_json::Value;

use crate::cli::output::{Format, outln};
use crate::cli::{Common, Exit, Usage};
use crate::config::load_main;
use crate::http::Client;

/// Docker waits for half a minute.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
#[command(after_help = "\
Exit codes: 0 all is well, 1 something is wrong or nobody answers, 2 wrong use.

Examples:
  logmill health                                  beside the daemon, or at its address
  logmill health --url http://127.0.0.1:7600
  HEALTHCHECK CMD [\"logmill\", \"health\"]           in a Dockerfile")]
pub struct Arguments {
    /// Only whether a restart would help: a full disk is no reason for one
    #[arg(long)]
    live: bool,
    /// Where to ask [default: the daemon of the data folder, or the address in the configuration]
    #[arg(long, value_name = "URL", conflicts_with = "http")]
    url: Option<String>,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let client = client(common, arguments.url.as_deref())?;
    let target = if arguments.live { "/health/live" } else { "/health" };
    let answer = client.answer(target, None, PATIENCE)?;
    let health = answer.body;
    match common.format_or(Format::Table) {
        Format::Json => outln!("{health:#}"),
        Format::Ndjson => outln!("{health}"),
        _ => {
            outln!("{}", health["status"].as_str().unwrap_or("this is no answer of logmill"));
            let problems = health["problems"].as_array().into_iter().flatten().filter_map(Value::as_str);
            problems.for_each(|problem| outln!("{problem}"));
        }
    }
    if answer.status == 200 && health["status"].is_string() { Ok(()) } else { Err(Exit(1).into()) }
}

fn client(common: &Common, url: Option<&str>) -> anyhow::Result<Client> {
    if let Some(url) = url {
        return Ok(Client::Address(address(url)?));
    }
    let config = load_main(common.config.as_deref(), |config| common.adjust(config))?;
    let beside = if common.http.is_none() { Client::of_data_dir(&config.control_socket()) } else { None };
    match beside {
        Some(client) => Ok(client),
        None => Ok(Client::Address(address(&config.http)?)),
    }
}

/// Where a URL leads; its path does not matter.
fn address(url: &str) -> anyhow::Result<SocketAddr> {
    let wrong = |why: &str| Usage::error(format!("{url}: {why}; write for example http://127.0.0.1:7600"));
    let rest = match url.split_once("://") {
        Some(("http", rest)) => rest,
        Some(_) => return Err(wrong("only http:// can be asked")),
        None => url,
    };
    let host = rest.split('/').next().unwrap_or_default();
    let host =
        if host.rsplit(']').next().unwrap_or_default().contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut addresses = host.to_socket_addrs().map_err(|error| wrong(&error.to_string()))?;
    addresses.next().ok_or_else(|| wrong("it has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_to_addresses() {
        let check = |url: &str, want: &str| assert_eq!(address(url).unwrap().to_string(), want);
        check("http://127.0.0.1:7600", "127.0.0.1:7600");
        check("http://127.0.0.1:7600/health", "127.0.0.1:7600");
        check("127.0.0.1:1", "127.0.0.1:1");
        check("http://[::1]:7600/", "[::1]:7600");
        check("http://[::1]/", "[::1]:80");
        for wrong in ["https://127.0.0.1", "off", "", "http://"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
