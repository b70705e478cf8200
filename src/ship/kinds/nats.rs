//! NATS JetStream: each record is published to a subject with the entry's id as `Nats-Msg-Id`, by which the stream
//! de-duplicates, and counts when the stream has acknowledged it. The protocol is text: <https://docs.nats.io/reference/reference-protocols/nats-protocol>.

use std::io;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio_rustls::TlsConnector;

use crate::ship::kinds::http::write;
use crate::ship::kinds::stream::{self, Stream};
use crate::ship::mapping::Mapping;
use crate::ship::{Answer, Item, One};
use crate::sys::auth::Auth;
use crate::sys::tls::Tls;
use crate::sys::units::Span;

/// No line and no message of a server is longer.
const SAID_BYTES: u64 = 1 << 20;

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// With the port.
    pub host: String,
    /// TLS whatever the server says.
    pub needs_tls: bool,
    pub tls: Tls,
    pub auth: Auth,
    pub subject: String,
    pub timeout: Span,
}

/// A connection, made when it is needed.
pub struct Publisher {
    tls: TlsConnector,
    open: Option<Open>,
}

struct Open {
    stream: BufReader<Box<dyn Stream>>,
    inbox: String,
    max_payload: usize,
    /// Counts what was published, so that a late acknowledgement is not taken for another's.
    published: u64,
}

/// What of the server's word about itself matters.
#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    tls_required: bool,
    #[serde(default)]
    headers: bool,
    max_payload: usize,
}

/// Something the server said.
#[derive(Debug)]
enum Said {
    /// To a subject of ours, perhaps with the status of its headers.
    Message {
        subject: String,
        status: Option<String>,
        body: Vec<u8>,
    },
    Other,
}

/// Why nothing came of it: a person has to mend it, or not.
enum Trouble {
    Io(io::Error),
    Stuck(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Io(error)
    }
}

impl Publisher {
    pub fn new(settings: &Settings) -> Result<Publisher, String> {
        Ok(Publisher { tls: TlsConnector::from(Arc::new(settings.tls.config()?)), open: None })
    }

    pub async fn send(&mut self, settings: &Settings, mapping: &Mapping, items: &[Item]) -> Answer {
        let sent = tokio::time::timeout(settings.timeout.0, self.exchange(settings, mapping, items)).await;
        let trouble = match sent {
            Ok(Ok(words)) => return Answer::Each(words),
            Ok(Err(trouble)) => trouble,
            Err(_) => Trouble::Io(io::Error::from(io::ErrorKind::TimedOut)),
        };
        self.open = None;
        let named = |why: &dyn std::fmt::Display| format!("nats://{}: {why}", settings.host);
        match trouble {
            Trouble::Io(error) => Answer::Again { why: named(&error), after: None },
            Trouble::Stuck(why) => Answer::Stuck { why: named(&why) },
        }
    }

    async fn exchange(&mut self, settings: &Settings, mapping: &Mapping, items: &[Item]) -> Result<Vec<One>, Trouble> {
        if self.open.is_none() {
            self.open = Some(self.connect(settings).await?);
        }
        let Some(open) = &mut self.open else { return Err(io::Error::from(io::ErrorKind::NotConnected).into()) };
        let mut words: Vec<Option<One>> = Vec::new();
        let (first, mut bytes) = (open.published, Vec::new());
        for item in items {
            let reply = format!("{}.{}", open.inbox, open.published);
            open.published += 1;
            words.push(publish(&mut bytes, settings, mapping, item, &reply, open.max_payload));
        }
        open.stream.write_all(&bytes).await?;
        open.stream.flush().await?;
        while words.iter().any(Option::is_none) {
            let Said::Message { subject, status, body } = open.listen().await? else { continue };
            let number = subject.strip_prefix(&open.inbox).and_then(|rest| rest.strip_prefix('.')?.parse::<u64>().ok());
            let place = number.and_then(|number| usize::try_from(number.checked_sub(first)?).ok());
            if let Some(word) = place.and_then(|place| words.get_mut(place)) {
                *word = Some(acknowledged(status.as_deref(), &body, &settings.subject));
            }
        }
        Ok(words.into_iter().flatten().collect())
    }

    async fn connect(&self, settings: &Settings) -> Result<Open, Trouble> {
        let plain = stream::connect(&settings.host).await?;
        let mut reader = BufReader::new(Box::new(plain));
        let line = line(&mut reader).await?;
        let info = line.strip_prefix("INFO ").and_then(|text| serde_json::from_str::<Info>(text).ok());
        let info = info.ok_or_else(|| Trouble::Stuck("it does not speak NATS".to_owned()))?;
        if !info.headers {
            return Err(Trouble::Stuck("it takes no headers, so it has no JetStream".to_owned()));
        }
        let is_tls = info.tls_required || settings.needs_tls;
        let stream: Box<dyn Stream> = match is_tls {
            true => stream::secure(*reader.into_inner(), &settings.host, &self.tls).await?,
            false => reader.into_inner(),
        };
        let inbox = format!("_INBOX.{:016x}", std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0));
        let mut open = Open { stream: BufReader::new(stream), inbox, max_payload: info.max_payload, published: 0 };
        let hello = format!(
            "CONNECT {}\r\nSUB {}.* 1\r\nPING\r\n",
            hello(&settings.auth, is_tls).map_err(Trouble::Stuck)?,
            open.inbox
        );
        open.stream.write_all(hello.as_bytes()).await?;
        open.stream.flush().await?;
        // The answer to the ping comes when everything before it was taken.
        loop {
            match &*self::line(&mut open.stream).await? {
                "PONG" => return Ok(open),
                said => open.heard(said).await?,
            }
        }
    }
}

/// Our word about ourselves.
fn hello(auth: &Auth, is_tls: bool) -> Result<Value, String> {
    let mut hello = json!({
        "verbose": false, "pedantic": false, "headers": true, "no_responders": true, "tls_required": is_tls,
        "lang": "rust", "name": "logmill", "version": env!("CARGO_PKG_VERSION"),
    });
    if let Some((user, password)) = &auth.user {
        hello["user"] = user.as_str().into();
        hello["pass"] = password.read()?.into();
    }
    if let Some(token) = &auth.bearer {
        hello["auth_token"] = token.read()?.into();
    }
    Ok(hello)
}

/// Puts one message behind the others; a word at once when it cannot be sent.
fn publish(
    bytes: &mut Vec<u8>,
    settings: &Settings,
    mapping: &Mapping,
    item: &Item,
    reply: &str,
    max_payload: usize,
) -> Option<One> {
    let headers = format!("NATS/1.0\r\nNats-Msg-Id: {}\r\n\r\n", item.id);
    let mut body = Vec::new();
    write(&mut body, &Value::Object(mapping.record(item)));
    let total = headers.len() + body.len();
    if total > max_payload {
        return Some(One::Refused(format!("it has {total} bytes, and the server takes {max_payload}")));
    }
    bytes.extend(format!("HPUB {} {reply} {} {total}\r\n{headers}", settings.subject, headers.len()).into_bytes());
    bytes.extend(body);
    bytes.extend(b"\r\n");
    None
}

/// What a stream's answer to one message means.
fn acknowledged(status: Option<&str>, body: &[u8], subject: &str) -> One {
    if status == Some("503") {
        return One::Stuck(format!("no stream takes the subject {subject}; make one"));
    }
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return One::Again("an answer is no JSON".to_owned());
    };
    match (&answer["error"], &answer["stream"], &answer["duplicate"]) {
        (Value::Null, Value::String(_), Value::Bool(true)) => One::Known,
        (Value::Null, Value::String(_), _) => One::Accepted,
        (Value::Null, ..) => One::Again("an answer names no stream".to_owned()),
        (error, ..) => {
            let why = format!("{} {}", error["code"], error["description"].as_str().unwrap_or_default());
            // 400: this message is at fault; 503 and the like: the stream is full, or has no leader now.
            if error["code"] == 400 { One::Refused(why) } else { One::Again(why) }
        }
    }
}

async fn line(reader: &mut BufReader<impl tokio::io::AsyncRead + Unpin>) -> io::Result<String> {
    let mut line = String::new();
    let count = reader.take(SAID_BYTES).read_line(&mut line).await?;
    if count == 0 || !line.ends_with('\n') {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    Ok(line.trim_end().to_owned())
}

impl Open {
    async fn listen(&mut self) -> Result<Said, Trouble> {
        let line = line(&mut self.stream).await?;
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (head, subject) = match words[..] {
            ["MSG" | "HMSG", subject, ..] => (words[0] == "HMSG", subject.to_owned()),
            _ => return self.heard(&line).await.map(|()| Said::Other),
        };
        let number = |word: Option<&&str>| word.and_then(|word| word.parse::<usize>().ok());
        let total = number(words.last()).filter(|total| *total as u64 <= SAID_BYTES);
        let headers = if head { number(words.get(words.len() - 2)) } else { Some(0) };
        let (Some(total), Some(headers)) = (total, headers) else {
            return Err(Trouble::Io(io::Error::other(format!("{line:?} is no message"))));
        };
        let mut body = vec![0; total + 2];
        self.stream.read_exact(&mut body).await?;
        body.truncate(total);
        let payload = body.split_off(headers.min(total));
        let text = String::from_utf8_lossy(&body);
        let status = text.lines().next().and_then(|first| first.split(' ').nth(1)).map(str::to_owned);
        Ok(Said::Message { subject, status, body: payload })
    }

    /// What is no message.
    async fn heard(&mut self, line: &str) -> Result<(), Trouble> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("PING", _) => {
                self.stream.write_all(b"PONG\r\n").await?;
                Ok(self.stream.flush().await?)
            }
            ("-ERR", why) if why.contains("Authorization") || why.contains("Permissions") => {
                Err(Trouble::Stuck(why.to_owned()))
            }
            ("-ERR", why) => Err(Trouble::Io(io::Error::other(why.to_owned()))),
            _ => Ok(()),
        }
    }
}

/// Whether a text can be published to: words between dots, without wildcards.
pub fn is_subject(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic() && b != b'*' && b != b'>');
    text.len() <= 256 && text.split('.').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ship::mapping::tests::item;

    #[test]
    fn messages() {
        let settings = Settings {
            host: "h:4222".into(),
            needs_tls: false,
            tls: Tls::default(),
            auth: Auth::default(),
            subject: "logs.a".into(),
            timeout: Span(std::time::Duration::from_secs(1)),
        };
        let mapping = Mapping { only: vec!["level".into()], ..Mapping::default() };
        let mut bytes = Vec::new();
        assert_eq!(publish(&mut bytes, &settings, &mapping, &item(), "_INBOX.x.0", 100), None);
        let want = "HPUB logs.a _INBOX.x.0 48 65\r\nNATS/1.0\r\nNats-Msg-Id: 00c0ffee00c0ffee-3-77\r\n\r\n{\"level\":\"error\"}\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), want);
        let refused = publish(&mut Vec::new(), &settings, &mapping, &item(), "r", 64);
        assert_eq!(refused, Some(One::Refused("it has 65 bytes, and the server takes 64".into())));
    }

    #[test]
    fn answers() {
        let check = |status: Option<&str>, body: &str, want: One| {
            assert_eq!(acknowledged(status, body.as_bytes(), "logs"), want, "{body}");
        };
        check(None, r#"{"stream":"LOGS","seq":7}"#, One::Accepted);
        check(None, r#"{"stream":"LOGS","seq":7,"duplicate":true}"#, One::Known);
        check(
            None,
            r#"{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},"stream":"LOGS","seq":0}"#,
            One::Refused("400 message size exceeds maximum allowed".into()),
        );
        check(
            None,
            r#"{"error":{"code":503,"description":"insufficient resources"}}"#,
            One::Again("503 insufficient resources".into()),
        );
        check(Some("503"), "", One::Stuck("no stream takes the subject logs; make one".into()));
        check(None, "+OK", One::Again("an answer is no JSON".into()));
        check(None, "{}", One::Again("an answer names no stream".into()));
    }

    #[test]
    fn subjects() {
        let check = |text: &str, want: bool| assert_eq!(is_subject(text), want, "{text}");
        check("logs.app", true);
        check("logs", true);
        check("logs.>", false);
        check("logs.*", false);
        check("logs..a", false);
        check("logs a", false);
        check("logs\r\nPUB", false);
        check("", false);
    }
}
