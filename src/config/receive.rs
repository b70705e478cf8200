//! `[receive]`: where others send entries to. Its page is `receive/manual.md`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::pipeline::Pipeline;
use crate::receive::{LOGMILL, Rules, WAYS};
use crate::sys::net::Network;
use crate::sys::tls::ServerTls;
use crate::sys::units::{Bytes, Span};

/// More connections of syslog than this are not meant.
const MAX_CONNECTIONS: usize = 100_000;
/// The shortest time after which a connection counts as idle.
const MIN_IDLE: Duration = Duration::from_millis(100);
/// No pipeline, on purpose.
const NONE: &str = "none";

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Receive {
    /// Address of the HTTP server that takes entries, or `off`.
    pub http: String,
    /// `udp://ADDRESS`, `tcp://ADDRESS` and `tls://ADDRESS`.
    pub syslog: Vec<String>,
    /// Networks that may send it; none: all.
    pub syslog_from: Vec<String>,
    /// A connection over which nothing comes for so long is ended.
    pub syslog_idle: Span,
    /// Connections of all senders at once.
    pub syslog_connections: usize,
    /// What the server of HTTP and `tls://` show; the former speaks nothing but TLS then.
    pub tls: Option<TlsTable>,
    /// Who may send over HTTP: a token a line.
    pub tokens_file: Option<PathBuf>,
    /// Whose rules hold for what is received, by name.
    pub pipeline: Option<String>,
    /// The same for one way of receiving.
    pub pipelines: BTreeMap<String, String>,
    /// What is received and not indexed yet, at most.
    pub journal: Bytes,
    /// Of a request, and of what it is when it is decoded.
    pub max_body: Bytes,
    /// A second, of one client.
    pub client_rate: Bytes,
    /// At once, of one client.
    pub client_requests: usize,
}

/// Files in PEM form.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsTable {
    pub cert: PathBuf,
    pub key: PathBuf,
    /// Who must have signed the sender's certificate; unset: none is asked for.
    pub client_ca: Option<PathBuf>,
}

impl TlsTable {
    pub fn server(&self) -> ServerTls {
        let TlsTable { cert, key, client_ca } = self.clone();
        ServerTls { certificate: cert, key, client_ca }
    }
}

/// Where it is listened, and to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doors {
    pub http: Option<SocketAddr>,
    pub udp: Vec<SocketAddr>,
    pub tcp: Vec<SocketAddr>,
    pub tls: Vec<SocketAddr>,
    from: Vec<Network>,
}

impl Default for Receive {
    fn default() -> Receive {
        Receive {
            http: "off".to_owned(),
            syslog: Vec::new(),
            syslog_from: Vec::new(),
            syslog_idle: Span(Duration::from_secs(600)),
            syslog_connections: 512,
            tls: None,
            tokens_file: None,
            pipeline: None,
            pipelines: BTreeMap::new(),
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
        if !(1..=MAX_CONNECTIONS).contains(&self.syslog_connections) {
            return Err(("receive.syslog_connections", format!("must be between 1 and {MAX_CONNECTIONS}")));
        }
        if self.syslog_idle.0 < MIN_IDLE {
            return Err(("receive.syslog_idle", "must be at least 100ms".to_owned()));
        }
        let mut doors = Doors::default();
        for text in &self.syslog_from {
            doors.from.push(text.parse().map_err(|message| ("receive.syslog_from", message))?);
        }
        if self.http != "off" {
            let message = || format!("{:?} is not an address; write for example \"127.0.0.1:4318\"", self.http);
            doors.http = Some(address(&self.http).ok_or_else(|| ("receive.http", message()))?);
        }
        for url in &self.syslog {
            let (into, rest) = match url.split_once("://") {
                Some(("udp", rest)) => (&mut doors.udp, rest),
                Some(("tcp", rest)) => (&mut doors.tcp, rest),
                Some(("tls", _)) if self.tls.is_none() => {
                    return Err(("receive.syslog", format!("{url:?} needs a certificate; name it in [receive.tls]")));
                }
                Some(("tls", rest)) => (&mut doors.tls, rest),
                _ => (&mut doors.udp, ""),
            };
            let message = || format!("{url:?} is no place for syslog; write for example \"udp://127.0.0.1:5514\"");
            into.push(address(rest).ok_or_else(|| ("receive.syslog", message()))?);
        }
        Ok(doors)
    }

    /// The pipelines that are named, of those that there are. Another logmill's entries have been through one: for them it
    /// has to be said by their own name.
    pub fn rules(&self, pipelines: &[Pipeline]) -> Result<Rules, (&'static str, String)> {
        let mut rules = Rules::default();
        let named = |setting: &'static str, name: &str| match pipelines.iter().find(|known| known.name() == name) {
            _ if name == NONE => Ok(None),
            Some(pipeline) => Ok(Some(pipeline.clone())),
            None => {
                let known: Vec<&str> = pipelines.iter().map(Pipeline::name).collect();
                Err((setting, format!("no pipeline is called {name:?}; there are {}, or {NONE:?}", known.join(", "))))
            }
        };
        if let Some(unknown) = self.pipelines.keys().find(|way| !WAYS.contains(&way.as_str())) {
            return Err(("receive.pipelines", format!("{unknown:?} is none of {}", WAYS.join(", "))));
        }
        let of_all = self.pipeline.as_deref().map(|name| named("receive.pipeline", name)).transpose()?.flatten();
        for way in WAYS {
            let found = match self.pipelines.get(way) {
                Some(name) => named("receive.pipelines", name)?,
                None => of_all.clone().filter(|_| way != LOGMILL),
            };
            found.into_iter().for_each(|pipeline| rules.set(way, pipeline));
        }
        Ok(rules)
    }

    /// What is allowed and perhaps not meant.
    pub fn doubts(&self, doors: &Doors, pipelines: &[Pipeline]) -> Vec<String> {
        let redacts = pipelines.iter().find(|pipeline| pipeline.redacts());
        let is_silent = self.pipeline.is_none() && self.pipelines.is_empty() && !doors.is_shut();
        let doubt = |pipeline: &Pipeline| {
            format!(
                "receive.pipeline: the pipeline {0:?} redacts, and nothing does so with what is received; name it here, or {NONE:?}",
                pipeline.name()
            )
        };
        let mut doubts: Vec<String> = redacts.filter(|_| is_silent).map(doubt).into_iter().collect();
        // Whoever has a certificate has shown who it is.
        let tls = if self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()) { &[][..] } else { &doors.tls };
        let open = doors.udp.iter().chain(&doors.tcp).chain(tls).find(|address| !address.ip().is_loopback());
        doubts.extend(open.filter(|_| doors.from.is_empty()).map(|address| {
            format!("receive.syslog: whoever reaches {address} may send; name their networks in receive.syslog_from")
        }));
        doubts
    }
}

impl Doors {
    /// Nobody can send anything.
    pub fn is_shut(&self) -> bool {
        self.http.is_none() && [&self.udp, &self.tcp, &self.tls].iter().all(|addresses| addresses.is_empty())
    }

    /// Whether an address is of the networks that may send syslog.
    pub fn may_send(&self, peer: IpAddr) -> bool {
        self.from.is_empty() || self.from.iter().any(|network| network.contains(peer))
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
            let found = found
                .map(|doors| (usize::from(doors.http.is_some()), doors.udp.len(), doors.tcp.len() + doors.tls.len()));
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
        let tls = "[tls]\ncert = \"c\"\nkey = \"k\"\n";
        check(&format!("syslog = [\"tls://127.0.0.1:514\"]\n{tls}"), Ok((0, 0, 1)));
        check("syslog_from = [\"10.0.0.0/99\"]", Err("receive.syslog_from"));
        check("syslog_connections = 0", Err("receive.syslog_connections"));
        check("syslog_idle = \"1ms\"", Err("receive.syslog_idle"));
        check("max_body = \"1\"", Err("receive.max_body"));
        check("client_requests = 0", Err("receive.client_requests"));
    }

    #[test]
    fn pipelines_by_name() {
        let pipeline = |name: &str| {
            let text = format!("name = {name:?}\n[source]\ninclude = []\n[redact]\nrecipes = [\"keys\"]\n");
            Pipeline::parse(&text, std::path::Path::new("p.toml")).unwrap()
        };
        let pipelines = [pipeline("a"), pipeline("b")];
        let check = |text: &str, want: Result<&str, &str>, doubts: usize| {
            let receive: Receive = toml::from_str(&format!("http = \"127.0.0.1:0\"\n{text}")).unwrap();
            let rules = receive.rules(&pipelines);
            let name = |way: &&str| Some(format!("{way}={}", rules.as_ref().ok()?.of(way)?.name()));
            let named = WAYS.iter().filter_map(name).collect::<Vec<_>>().join(" ");
            let got = rules.as_ref().map(|_| named.as_str()).map_err(|(setting, _)| *setting);
            assert_eq!(got, want, "{text}");
            assert_eq!(receive.doubts(&receive.doors().unwrap(), &pipelines).len(), doubts, "{text}");
        };
        check("", Ok(""), 1);
        check("pipeline = \"none\"", Ok(""), 0);
        check("pipeline = \"none\"\nsyslog = [\"udp://0.0.0.0:1\"]", Ok(""), 1);
        check("pipeline = \"none\"\nsyslog = [\"udp://0.0.0.0:1\"]\nsyslog_from = [\"10.0.0.0/8\"]", Ok(""), 0);
        check("pipeline = \"a\"", Ok("otlp=a loki=a bulk=a lines=a syslog=a"), 0);
        check("pipelines = { otlp = \"b\" }", Ok("otlp=b"), 0);
        check(
            "pipeline = \"a\"\npipelines = { syslog = \"b\", loki = \"none\", logmill = \"a\" }",
            Ok("otlp=a bulk=a lines=a syslog=b logmill=a"),
            0,
        );
        check("pipeline = \"c\"", Err("receive.pipeline"), 0);
        check("pipelines = { otlp = \"c\" }", Err("receive.pipelines"), 0);
        check("pipelines = { smtp = \"a\" }", Err("receive.pipelines"), 0);
    }
}
