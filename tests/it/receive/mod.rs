//! The receiving side of the real program: real senders, another logmill, kills, and whatever the network may bring.

mod hostile;
mod logmill;
mod programs;
mod protocols;
mod rules;
mod shippers;
mod syslog;
mod tls;

use std::net::TcpStream;
use std::process::Command;

use crate::home::{Home, PATIENCE, QUICK, wait_until};
use crate::http::client::{Reply, exchange};
use crate::ship::lines::{free_port, has};

/// A folder whose daemon takes entries over HTTP; `more` goes to `[receive]`.
fn home(more: &str) -> Home {
    let port = free_port();
    let receive = format!("[receive]\nhttp = \"127.0.0.1:{port}\"\n{more}\n");
    let home = Home::new(&format!("{QUICK}[rotation]\nenabled = false\n{receive}"));
    home.write("pipelines/all.toml", crate::ship::sinks::PIPELINE);
    home.write("receive.addr", &format!("127.0.0.1:{port}"));
    home
}

/// Where entries are taken; somebody listens there.
fn address(home: &Home) -> String {
    let address = std::fs::read_to_string(home.path("receive.addr")).unwrap();
    wait_until("entries are taken", || TcpStream::connect(&address).is_ok());
    address
}

/// Posts a body by hand.
fn post(home: &Home, target: &str, headers: &str, body: &[u8]) -> Reply {
    let stream = TcpStream::connect(address(home)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("POST {target} HTTP/1.0\r\nhost: localhost\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    exchange(stream, [head.as_bytes(), body].concat())
}

/// Runs curl, and gives the status and the body.
fn curl(home: &Home, target: &str, arguments: &[&str]) -> Option<(u16, String)> {
    if !has("curl") {
        return None;
    }
    let url = format!("http://{}{target}", address(home));
    let output = Command::new("curl").args(["-s", "-w", "\n%{http_code}", &url]).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    Some((status.parse().unwrap(), body.to_owned()))
}

/// Waits until so many entries match.
fn arrived(home: &Home, query: &str, count: usize) {
    wait_until(&format!("{count} entries match {query:?}"), || home.search(query).len() >= count);
    assert_eq!(home.search(query).len(), count, "{query}");
}
