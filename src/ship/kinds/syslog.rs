//! Syslog messages of RFC 5424: one a datagram (RFC 5426), or counted by their octets over TCP (RFC 6587) and TLS
//! (RFC 5425).
//!
//! Syslog has no acknowledgement. Over TCP a batch counts when the receiver's host has all of its bytes, which is more than
//! that they were written and less than that they were stored; over UDP it counts when it was sent.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio_rustls::TlsConnector;

use crate::record::{Level, timestamp};
use crate::ship::kinds::stream::{Stream, connect, secure, with_port};
use crate::ship::{Answer, Item};
use crate::sys::tls::Tls;
use crate::sys::units::{Bytes, Span};

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub address: Address,
    pub tls: Tls,
    pub timeout: Span,
    pub facility: u8,
    pub hostname: String,
    /// A longer message is cut.
    pub max_message: Bytes,
    /// The SD-ID under which fields go along; unset: they do not.
    pub structured: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub transport: Transport,
    /// With the port.
    pub host: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// So long a new receiver over TLS may take to refuse us.
const JUDGED: Duration = Duration::from_millis(500);

const TRANSPORTS: [(&str, Transport, u16); 3] =
    [("udp", Transport::Udp, 514), ("tcp", Transport::Tcp, 601), ("tls", Transport::Tls, 6514)];

/// Facilities by their numbers.
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// A connection, made when it is needed.
pub struct Line {
    tls: Option<TlsConnector>,
    open: Option<Open>,
}

enum Open {
    Datagrams(UdpSocket),
    Stream(Box<dyn Stream>),
}

impl Address {
    /// `tcp://HOST:PORT`; the port may be missing.
    pub fn parse(text: &str) -> Option<Address> {
        let (scheme, host) = text.split_once("://")?;
        let (_, transport, port) = TRANSPORTS.iter().find(|(name, ..)| *name == scheme)?;
        Some(Address { transport: *transport, host: with_port(host, *port)? })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = TRANSPORTS.iter().find(|(_, transport, _)| *transport == self.transport).map_or("", |(n, ..)| n);
        write!(f, "{name}://{}", self.host)
    }
}

impl Line {
    pub fn new(settings: &Settings) -> Result<Line, String> {
        let is_tls = settings.address.transport == Transport::Tls;
        let tls = is_tls.then(|| settings.tls.config()).transpose()?;
        Ok(Line { tls: tls.map(|config| TlsConnector::from(Arc::new(config))), open: None })
    }

    pub async fn send(&mut self, settings: &Settings, items: &[Item]) -> Answer {
        let sent = tokio::time::timeout(settings.timeout.0, self.exchange(settings, items)).await;
        let sent = sent.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)));
        match sent {
            Ok(()) => Answer::Accepted,
            Err(error) => {
                self.open = None;
                Answer::Again { why: format!("{}: {error}", settings.address), after: None }
            }
        }
    }

    async fn exchange(&mut self, settings: &Settings, items: &[Item]) -> io::Result<()> {
        if let Some(Open::Stream(stream)) = &mut self.open
            && is_closed(stream).await
        {
            self.open = None;
        }
        if self.open.is_none() {
            self.open = Some(self.connect(settings).await?);
        }
        match &mut self.open {
            Some(Open::Datagrams(socket)) => {
                for item in items {
                    socket.send(message(settings, item).as_bytes()).await?;
                }
                Ok(())
            }
            Some(Open::Stream(stream)) => {
                let mut bytes = Vec::new();
                for item in items {
                    let message = message(settings, item);
                    bytes.extend(format!("{} ", message.len()).into_bytes());
                    bytes.extend(message.into_bytes());
                }
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                all_received(stream).await
            }
            None => Err(io::Error::from(io::ErrorKind::NotConnected)),
        }
    }

    async fn connect(&self, settings: &Settings) -> io::Result<Open> {
        let host = &settings.address.host;
        if settings.address.transport == Transport::Udp {
            let target = tokio::net::lookup_host(host).await?.next();
            let target = target.ok_or_else(|| io::Error::other("the name has no address"))?;
            let own = if target.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
            let socket = UdpSocket::bind(own).await?;
            socket.connect(target).await?;
            return Ok(Open::Datagrams(socket));
        }
        let stream = connect(host).await?;
        let stream = match &self.tls {
            Some(tls) => judged(secure(stream, host, tls).await?).await?,
            None => Box::new(stream),
        };
        Ok(Open::Stream(stream))
    }
}

/// In TLS 1.3 a server looks at our certificate when the handshake is over for us. What is sent before it has said no
/// would count as received.
async fn judged(mut stream: Box<dyn Stream>) -> io::Result<Box<dyn Stream>> {
    match tokio::time::timeout(JUDGED, stream.read(&mut [0])).await {
        Err(_) => Ok(stream),
        Ok(Err(error)) => Err(error),
        Ok(Ok(_)) => Err(io::Error::other("the receiver ended the connection when it had seen our certificate")),
    }
}

/// A receiver that is gone says so by an end, or an error; it has nothing else to say.
async fn is_closed(stream: &mut Box<dyn Stream>) -> bool {
    let mut buffer = [0; 64];
    match tokio::time::timeout(Duration::ZERO, stream.read(&mut buffer)).await {
        Err(_) => false,
        Ok(Ok(count)) => count == 0,
        Ok(Err(_)) => true,
    }
}

/// Waits until the other host has acknowledged every byte; the caller has the patience.
async fn all_received(stream: &mut Box<dyn Stream>) -> io::Result<()> {
    let mut pause = Duration::from_micros(200);
    while crate::sys::socket::unsent_bytes(stream.socket())? > 0 {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    match stream.socket().take_error()? {
        Some(error) => Err(error),
        None if is_closed(stream).await => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
        None => Ok(()),
    }
}

/// One message.
pub fn message(settings: &Settings, item: &Item) -> String {
    let entry = &item.entry;
    let priority = u32::from(settings.facility) * 8 + severity(entry.level);
    // RFC 5424 allows six digits of a second.
    let time = timestamp(entry.time.div_euclid(1000) * 1000);
    let host = header(&settings.hostname, 255);
    let service = header(&entry.service, 48);
    let event = header(entry.event.as_deref().unwrap_or(""), 32);
    let structured = structured(settings, item);
    let mut text = format!("<{priority}>1 {time} {host} {service} - {event} {structured} {}", entry.message());
    let mut end = usize::try_from(settings.max_message.0).unwrap_or(usize::MAX);
    if text.len() > end {
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

fn severity(level: Level) -> u32 {
    match level {
        Level::Fatal => 0,
        Level::Critical => 2,
        Level::Error => 3,
        Level::Warning => 4,
        Level::Notice => 5,
        Level::Info | Level::Unknown => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// A part of the header: printable ASCII without blanks, or `-`.
fn header(text: &str, max: usize) -> String {
    let clean = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    let part: String = text.chars().map(clean).take(max).collect();
    if part.is_empty() { "-".to_owned() } else { part }
}

fn structured(settings: &Settings, item: &Item) -> String {
    let Some(id) = &settings.structured else { return "-".to_owned() };
    let mut text = format!("[{id}");
    let mut parameter = |name: &str, value: &str| {
        let clean = |c: char| if c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"') { c } else { '_' };
        let name: String = name.chars().map(clean).take(32).collect();
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
        text.push_str(&format!(" {name}=\"{value}\""));
    };
    parameter("id", &item.id);
    for (name, value) in item.entry.named() {
        value.iter().filter(|_| name != "service" && name != "event").for_each(|value| parameter(name, value));
    }
    item.entry.fields().for_each(|(name, value)| parameter(name, &value.to_text()));
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ship::kinds::stream::name_of;
    use crate::ship::mapping::tests::item;

    fn settings() -> Settings {
        Settings {
            address: Address { transport: Transport::Tcp, host: "h:1".into() },
            tls: Tls::default(),
            timeout: Span(Duration::from_secs(1)),
            facility: 16,
            hostname: "host a".into(),
            max_message: Bytes(8192),
            structured: None,
        }
    }

    #[test]
    fn addresses() {
        let check = |text: &str, want: Option<(&str, &str)>| {
            let address = Address::parse(text);
            assert_eq!(address.as_ref().map(|a| a.to_string()).as_deref(), want.map(|(whole, _)| whole), "{text}");
            assert_eq!(address.as_ref().map(|a| name_of(&a.host)), want.map(|(_, name)| name), "{text}");
        };
        check("udp://10.0.0.1", Some(("udp://10.0.0.1:514", "10.0.0.1")));
        check("tcp://logs.example:1514/", Some(("tcp://logs.example:1514", "logs.example")));
        check("tls://[::1]:6514", Some(("tls://[::1]:6514", "::1")));
        check("tls://[::1]", Some(("tls://[::1]:6514", "::1")));
        check("http://h", None);
        check("h:514", None);
        check("tcp://", None);
        check("tcp://:514", None);
        check("tcp://h/path", None);
    }

    #[test]
    fn messages() {
        let check = |change: fn(&mut Settings, &mut Item), want: &str| {
            let (mut settings, mut item) = (settings(), item());
            change(&mut settings, &mut item);
            assert_eq!(message(&settings, &item), want);
        };
        let head = "1 2026-11-25T09:46:40.123456Z host_a";
        check(|_, _| (), &format!("<131>{head} api - - - no \"route\"\nto host"));
        check(|s, _| s.max_message = Bytes(60), &format!("<131>{head} api - - - no \"rout"));
        check(
            |s, i| {
                s.structured = Some("logmill@32473".into());
                i.entry.fields = [("a b]".into(), crate::record::Value::Str("x\"]\\".into()))].into();
                (i.entry.level, i.entry.time) = (Level::Debug, 0);
                i.entry.event = Some("phase started".into());
                i.entry.service = "".into();
                (i.entry.logger, i.entry.request_id) = (None, None);
            },
            "<135>1 1970-01-01T00:00:00Z host_a - - phase_started [logmill@32473 id=\"00c0ffee00c0ffee-3-77\" \
             source=\"logs/api.log\" a_b_=\"x\\\"\\]\\\\\"] no \"route\"\nto host",
        );
    }
}
