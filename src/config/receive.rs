//! `[receive]`: where others send entries to. Its page is `receive/manual.md`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use serde::Deserialize;

use crate::sys::units::Bytes;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Receive {
    /// Address of the HTTP server that takes entries, or `off`.
    pub http: String,
    /// `udp://ADDRESS` and `tcp://ADDRESS`.
    pub syslog: Vec<String>,
    /// Who may send over HTTP: a token a line.
    pub tokens_file: Option<PathBuf>,
    /// What is received and not indexed yet, at most.
    pub journal: Bytes,
    /// Of a request, and of what it is when it is decoded.
    pub max_body: Bytes,
    /// A second, of one client.
    pub client_rate: Bytes,
    /// At once, of one client.
    pub client_requests: usize,
}

/// Where it is listened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doors {
    pub http: Option<SocketAddr>,
    pub udp: Vec<SocketAddr>,
    pub tcp: Vec<SocketAddr>,
}

impl Default for Receive {
    fn default() -> Receive {
        Receive {
            http: "off".to_owned(),
            syslog: Vec::new(),
            tokens_file: None,
            journal: Bytes(1 << 30),
            max_body: Bytes(16 << 20),
            client_rate: Bytes(32 << 20),
            client_requests: 16,
        }
    }
}

impl Receive {
    /// What is wrong: the setting and why.
    pub fn doors(&self) -> Result<Doors, (&'static str, String)> {
        if !(Bytes(1 << 10)..=Bytes(256 << 20)).contains(&self.max_body) {
            return Err(("receive.max_body", "must be between 1KiB and 256MiB".to_owned()));
        }
        if self.client_requests == 0 {
            return Err(("receive.client_requests", "must be at least 1".to_owned()));
        }
        let mut doors = Doors::default();
        if self.http != "off" {
            let message = || format!("{:?} is not an address; write for example \"127.0.0.1:4318\"", self.http);
            doors.http = Some(address(&self.http).ok_or_else(|| ("receive.http", message()))?);
        }
        for url in &self.syslog {
            let (into, rest) = match url.split_once("://") {
                Some(("udp", rest)) => (&mut doors.udp, rest),
                Some(("tcp", rest)) => (&mut doors.tcp, rest),
                _ => (&mut doors.udp, ""),
            };
            let message = || format!("{url:?} is no place for syslog; write for example \"udp://127.0.0.1:5514\"");
            into.push(address(rest).ok_or_else(|| ("receive.syslog", message()))?);
        }
        Ok(doors)
    }
}

impl Doors {
    /// Nobody can send anything.
    pub fn is_shut(&self) -> bool {
        *self == Doors::default()
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    text.to_socket_addrs().ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let check = |text: &str, want: Result<(usize, usize, usize), &str>| {
            let receive: Receive = toml::from_str(text).unwrap();
            let found = receive.doors();
            let found = found.map(|doors| (usize::from(doors.http.is_some()), doors.udp.len(), doors.tcp.len()));
            match want {
                Ok(want) => assert_eq!(found, Ok(want), "{text}"),
                Err(want) => assert_eq!(found.unwrap_err().0, want, "{text}"),
            }
        };
        check("", Ok((0, 0, 0)));
        check("http = \"127.0.0.1:0\"\nsyslog = [\"udp://127.0.0.1:0\", \"tcp://[::1]:0\"]", Ok((1, 1, 1)));
        check("http = \"nonsense\"", Err("receive.http"));
        check("syslog = [\"127.0.0.1:514\"]", Err("receive.syslog"));
        check("syslog = [\"tls://127.0.0.1:514\"]", Err("receive.syslog"));
        check("max_body = \"1\"", Err("receive.max_body"));
        check("client_requests = 0", Err("receive.client_requests"));
    }
}
