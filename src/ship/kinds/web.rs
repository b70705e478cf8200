//! Bodies to a server that speaks HTTP, and what its answer means.

use std::io::Write;
use std::sync::Arc;

use crate::ship::Answer;
use crate::ship::retry::{Fate, Table};
use crate::ship::sink::{Compression, Web};
use crate::sys::web::{self, Call, Reply};

/// Of an answer no more is read: a `_bulk` answer has some hundred bytes an entry.
const ANSWER_BYTES: usize = 16 << 20;
/// Characters of an answer that stand in messages.
const SHOWN: usize = 300;

/// Posts to one sink.
#[derive(Clone)]
pub struct Poster {
    web: web::Web,
    settings: Arc<Web>,
}

impl Poster {
    pub fn new(settings: &Web) -> Result<Poster, String> {
        let web = web::Web::with(settings.tls.config()?, ANSWER_BYTES).map_err(|error| error.to_string())?;
        Ok(Poster { web, settings: Arc::new(settings.clone()) })
    }

    /// The reply, or what to do when there is none.
    pub async fn post(&self, url: &str, kind: &str, body: Vec<u8>) -> Result<Reply, Answer> {
        let stuck = |why| Answer::Stuck { why };
        let mut headers = self.settings.auth.http_headers().map_err(stuck)?;
        headers.push(("content-type".to_owned(), kind.to_owned()));
        let (body, encoding) =
            compress(body, self.settings.compression).map_err(|error| stuck(format!("cannot compress: {error}")))?;
        if let Some(encoding) = encoding {
            headers.push(("content-encoding".to_owned(), encoding.to_owned()));
        }
        let call = Call { url: url.to_owned(), headers, body: Some(body), timeout: self.settings.timeout.0 };
        match self.web.send(call).await {
            Ok(reply) if reply.body.len() >= ANSWER_BYTES => {
                Err(Answer::Again { why: format!("{}: the answer is too long", self.name()), after: None })
            }
            Ok(reply) => Ok(reply),
            Err(error) => Err(Answer::Again { why: error.to_string(), after: None }),
        }
    }

    /// What a reply means by its status alone.
    pub fn answer(&self, reply: &Reply, table: &Table) -> Answer {
        let why = || format!("{} answered {}{}", self.name(), reply.status, excerpt(&reply.body));
        match table.fate(reply.status) {
            Fate::Accepted | Fate::Known => Answer::Accepted,
            Fate::Again => Answer::Again { why: why(), after: reply.retry_after },
            Fate::Refused => Answer::Refused { why: why() },
            Fate::Stuck => Answer::Stuck { why: why() },
        }
    }

    /// An answer that says nothing that can be understood.
    pub fn nonsense(&self, reply: &Reply, what: &str) -> Answer {
        let why = format!("{}: {what}{}", self.name(), excerpt(&reply.body));
        Answer::Again { why, after: None }
    }

    fn name(&self) -> String {
        web::without_password(&self.settings.url)
    }
}

/// The beginning of what a server said, fit for a message.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN)]);
    let clean: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    if clean.is_empty() { clean } else { format!(": {clean}") }
}

fn compress(body: Vec<u8>, compression: Compression) -> std::io::Result<(Vec<u8>, Option<&'static str>)> {
    match compression {
        Compression::None => Ok((body, None)),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&body)?;
            Ok((encoder.finish()?, Some("gzip")))
        }
        Compression::Zstd => Ok((zstd::bulk::compress(&body, 1)?, Some("zstd"))),
    }
}

/// An address with another path behind its own; its parameters stay.
pub fn under(url: &str, path: &str) -> String {
    let (base, parameters) = url.split_once('?').map_or((url, None), |(base, rest)| (base, Some(rest)));
    let base = base.trim_end_matches('/');
    let whole = if base.ends_with(path) { base.to_owned() } else { format!("{base}{path}") };
    parameters.map_or(whole.clone(), |parameters| format!("{whole}?{parameters}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |url: &str, want: &str| assert_eq!(under(url, "/_bulk"), want);
        check("http://h:9200", "http://h:9200/_bulk");
        check("http://h:9200/", "http://h:9200/_bulk");
        check("http://h:9200/_bulk", "http://h:9200/_bulk");
        check(
            "http://h/insert/elasticsearch?_msg_field=message",
            "http://h/insert/elasticsearch/_bulk?_msg_field=message",
        );
    }

    #[test]
    fn bodies_come_back() {
        let body = b"{\"a\":1}\n".repeat(100);
        assert_eq!(compress(body.clone(), Compression::None).unwrap(), (body.clone(), None));
        let (gzip, name) = compress(body.clone(), Compression::Gzip).unwrap();
        assert_eq!(name, Some("gzip"));
        assert_eq!(std::io::read_to_string(flate2::read::GzDecoder::new(&gzip[..])).unwrap().as_bytes(), body);
        let (zstd, name) = compress(body.clone(), Compression::Zstd).unwrap();
        assert_eq!((name, zstd::bulk::decompress(&zstd, 10_000).unwrap()), (Some("zstd"), body));
    }

    #[test]
    fn what_servers_say_is_made_fit_to_print() {
        assert_eq!(excerpt(b"  "), "");
        assert_eq!(excerpt(b"no\x1b[31m\nway "), ": no [31m way");
        assert_eq!(excerpt(&[0xff; 5000]).chars().count(), SHOWN + 2);
    }
}
