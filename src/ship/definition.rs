//! Sinks as they are written: `[[sink]]` in a TOML file, checked as a whole. What is wrong is told with its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::pipeline::{PipelineError as Mistake, Place as Text};
use crate::query::Query;
use crate::ship::kinds::http::{Body, Template};
use crate::ship::kinds::stream::with_port;
use crate::ship::kinds::syslog::{Address, FACILITIES, Transport};
use crate::ship::kinds::{bulk, file, http, logmill, loki, nats, otlp, syslog};
use crate::ship::mapping::Mapping;
use crate::ship::retry::Backoff;
use crate::ship::sink::{Batch, Compression, Keep, Kind, Sink, Start, Web};
use crate::sys::auth::Auth;
use crate::sys::process::host_name;
use crate::sys::secret::Secret;
use crate::sys::tls::Tls;
use crate::sys::units::{Bytes, Span};
use crate::sys::web::is_http_url;

/// More sinks are a mistake: each reads the store for itself.
const SINKS_MAX: usize = 64;
const NAME_MAX: usize = 64;
const BATCH_ENTRIES_MAX: usize = 100_000;
const BATCH_BYTES_MAX: u64 = 64 << 20;
const CONCURRENCY_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    sink: Vec<Spanned<Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: Spanned<String>,
    kind: Spanned<String>,
    query: Option<Spanned<String>>,
    #[serde(default)]
    start: Start,
    #[serde(default)]
    retention: Keep,
    concurrency: Option<Spanned<usize>>,
    dead_letters: Option<Bytes>,
    #[serde(default)]
    batch: BatchTable,
    #[serde(default)]
    retry: RetryTable,
    #[serde(default)]
    fields: FieldsTable,
    #[serde(default)]
    tls: TlsTable,
    #[serde(default)]
    auth: AuthTable,
    url: Option<Spanned<String>>,
    compression: Option<Spanned<Compression>>,
    timeout: Option<Spanned<Span>>,
    body: Option<Spanned<Body>>,
    template: Option<Spanned<String>>,
    content_type: Option<Spanned<String>>,
    index: Option<Spanned<String>>,
    labels: Option<Spanned<Vec<String>>>,
    line: Option<Spanned<loki::Line>>,
    metadata: Option<Spanned<bool>>,
    encoding: Option<Spanned<otlp::Encoding>>,
    facility: Option<Spanned<String>>,
    hostname: Option<Spanned<String>>,
    max_message: Option<Spanned<Bytes>>,
    structured: Option<Spanned<String>>,
    path: Option<Spanned<PathBuf>>,
    subject: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchTable {
    entries: Option<Spanned<usize>>,
    bytes: Option<Spanned<Bytes>>,
    age: Option<Span>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RetryTable {
    min: Option<Spanned<Span>>,
    max: Option<Spanned<Span>>,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct FieldsTable {
    rename: BTreeMap<String, String>,
    only: Vec<String>,
    drop: Vec<String>,
    add: BTreeMap<String, toml::Value>,
    flat: Option<bool>,
    raw: bool,
    text: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsTable {
    ca: Option<PathBuf>,
    cert: Option<Spanned<PathBuf>>,
    key: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AuthTable {
    user: Option<Spanned<String>>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    bearer_file: Option<PathBuf>,
    bearer_env: Option<String>,
    headers: BTreeMap<String, Spanned<String>>,
    header_files: BTreeMap<String, PathBuf>,
    header_env: BTreeMap<String, String>,
}

/// The sinks of a file, or the first mistake in it.
pub fn sinks(text: &str, path: &Path) -> Result<Vec<Sink>, Mistake> {
    let place = Text { text, path };
    let file: File = toml::from_str(text).map_err(|e| place.wrong(e.span().unwrap_or(0..0), e.message()))?;
    let mut sinks: Vec<Sink> = Vec::new();
    for table in file.sink {
        if sinks.len() == SINKS_MAX {
            return Err(place.wrong(table.span(), format!("more than {SINKS_MAX} sinks")));
        }
        let span = table.get_ref().name.span();
        let sink = Reader { place: &place, table: table.span() }.sink(table.into_inner())?;
        if sinks.iter().any(|other| other.name == sink.name) {
            return Err(place.wrong(span, format!("two sinks are called {:?}", sink.name)));
        }
        sinks.push(sink);
    }
    Ok(sinks)
}

struct Reader<'a> {
    place: &'a Text<'a>,
    /// Of the whole sink.
    table: std::ops::Range<usize>,
}

impl Reader<'_> {
    fn sink(&self, mut table: Table) -> Result<Sink, Mistake> {
        let name = self.name(&table.name)?;
        let kind = self.kind(&mut table)?;
        let mut mapping = self.mapping(table.fields, &kind)?;
        mapping.raw |= matches!(&kind, Kind::Loki(settings) if settings.line == loki::Line::Raw);
        Ok(Sink {
            name,
            mapping,
            query: table.query.as_ref().map_or_else(|| Ok(Query::all()), |text| self.query(text))?,
            start: table.start,
            retention: table.retention,
            batch: self.batch(&table.batch)?,
            concurrency: self.within(table.concurrency.as_ref(), 1, 1..=CONCURRENCY_MAX, "concurrency")?,
            retry: self.retry(&table.retry)?,
            dead_letters: table.dead_letters.unwrap_or(Bytes(64 << 20)),
            kind,
        })
    }

    fn name(&self, name: &Spanned<String>) -> Result<String, Mistake> {
        let text = name.get_ref();
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if text.is_empty() || text.len() > NAME_MAX || !text.bytes().all(good) {
            let message = format!("{text:?} is no name; use letters, digits, - and _, at most {NAME_MAX}");
            return Err(self.place.wrong(name.span(), message));
        }
        Ok(text.clone())
    }

    fn query(&self, text: &Spanned<String>) -> Result<Query, Mistake> {
        let query = Query::parse(text.get_ref()).map_err(|e| self.place.wrong(text.span(), format!("query: {e}")))?;
        if !query.pipes().is_empty() {
            return Err(self.place.wrong(text.span(), "a sink's query has no pipes: it only says which entries"));
        }
        Ok(query)
    }

    fn kind(&self, table: &mut Table) -> Result<Kind, Mistake> {
        let kind = match table.kind.get_ref().as_str() {
            "http" => Kind::Http(http::Settings {
                web: self.web(table, Compression::Gzip)?,
                body: table.body.take().map(Spanned::into_inner).unwrap_or_default(),
                template: table.template.take().map(|text| self.template(&text)).transpose()?,
                content_type: table.content_type.take().map(Spanned::into_inner),
            }),
            "elasticsearch" => Kind::Elasticsearch(bulk::Settings {
                web: self.web(table, Compression::Gzip)?,
                index: table.index.take().map(Spanned::into_inner),
            }),
            "logmill" => Kind::Logmill(logmill::Settings {
                web: self.web(table, Compression::Zstd)?,
                hostname: table.hostname.take().map_or_else(host_name, Spanned::into_inner),
            }),
            "loki" => Kind::Loki(loki::Settings {
                web: self.web(table, Compression::Gzip)?,
                labels: table.labels.take().map_or_else(|| vec!["service".into(), "level".into()], Spanned::into_inner),
                line: table.line.take().map(Spanned::into_inner).unwrap_or_default(),
                metadata: table.metadata.take().is_none_or(Spanned::into_inner),
            }),
            "otlp" => Kind::Otlp(otlp::Settings {
                web: self.web(table, Compression::Gzip)?,
                encoding: table.encoding.take().map(Spanned::into_inner).unwrap_or_default(),
            }),
            "syslog" => Kind::Syslog(self.syslog(table)?),
            "nats" => Kind::Nats(self.nats(table)?),
            "file" => Kind::File(file::Settings { path: self.needed(table.path.take(), "path")?.into_inner() }),
            "stdout" => Kind::Stdout,
            other => {
                let known = "http, elasticsearch, logmill, loki, otlp, syslog, nats, file and stdout";
                return Err(self.place.wrong(table.kind.span(), format!("{other:?} is no kind; there are {known}")));
            }
        };
        self.nothing_left(table, kind.name())?;
        Ok(kind)
    }

    /// What a kind has taken is gone from the table by now.
    fn nothing_left(&self, table: &Table, kind: &str) -> Result<(), Mistake> {
        fn span<T>(value: &Option<Spanned<T>>) -> Option<std::ops::Range<usize>> {
            value.as_ref().map(Spanned::span)
        }
        let left = [
            ("url", span(&table.url)),
            ("compression", span(&table.compression)),
            ("timeout", span(&table.timeout)),
            ("body", span(&table.body)),
            ("template", span(&table.template)),
            ("content_type", span(&table.content_type)),
            ("index", span(&table.index)),
            ("labels", span(&table.labels)),
            ("line", span(&table.line)),
            ("metadata", span(&table.metadata)),
            ("encoding", span(&table.encoding)),
            ("facility", span(&table.facility)),
            ("hostname", span(&table.hostname)),
            ("max_message", span(&table.max_message)),
            ("structured", span(&table.structured)),
            ("path", span(&table.path)),
            ("subject", span(&table.subject)),
            ("auth.user", span(&table.auth.user)),
            ("tls.cert", span(&table.tls.cert)),
        ];
        match left.into_iter().find_map(|(name, span)| Some((name, span?))) {
            Some((name, span)) => Err(self.place.wrong(span, format!("`{name}` is nothing to a sink of kind {kind}"))),
            None => Ok(()),
        }
    }

    fn needed<T>(&self, value: Option<T>, name: &str) -> Result<T, Mistake> {
        value.ok_or_else(|| self.place.wrong(self.table.start..self.table.start, format!("the sink lacks `{name}`")))
    }

    fn web(&self, table: &mut Table, compression: Compression) -> Result<Web, Mistake> {
        let url = self.needed(table.url.take(), "url")?;
        if !is_http_url(url.get_ref()) {
            let message = format!("{:?} is no address; write for example \"https://logs.example/in\"", url.get_ref());
            return Err(self.place.wrong(url.span(), message));
        }
        if crate::sys::web::without_password(url.get_ref()) != *url.get_ref() {
            let message = "a password stands in the address; put it into a file and name that as `auth.password_file`";
            return Err(self.place.wrong(url.span(), message));
        }
        Ok(Web {
            url: url.into_inner(),
            auth: self.auth(std::mem::take(&mut table.auth))?,
            tls: self.tls(std::mem::take(&mut table.tls))?,
            compression: table.compression.take().map_or(compression, Spanned::into_inner),
            timeout: self.timeout(table)?,
        })
    }

    fn timeout(&self, table: &mut Table) -> Result<Span, Mistake> {
        let default = Span(std::time::Duration::from_secs(30));
        match table.timeout.take() {
            Some(span) if span.get_ref().0.is_zero() => {
                Err(self.place.wrong(span.span(), "timeout must be more than 0"))
            }
            span => Ok(span.map_or(default, Spanned::into_inner)),
        }
    }

    fn template(&self, text: &Spanned<String>) -> Result<Template, Mistake> {
        Template::parse(text.get_ref()).map_err(|why| self.place.wrong(text.span(), why))
    }

    fn syslog(&self, table: &mut Table) -> Result<syslog::Settings, Mistake> {
        let url = self.needed(table.url.take(), "url")?;
        let address = Address::parse(url.get_ref()).ok_or_else(|| {
            let message = format!("{:?} is no address; write udp://HOST, tcp://HOST:PORT or tls://HOST", url.get_ref());
            self.place.wrong(url.span(), message)
        })?;
        let facility = table.facility.take();
        let name = facility.as_ref().map_or("local0", |name| name.get_ref().as_str());
        let number = FACILITIES.iter().position(|known| *known == name).ok_or_else(|| {
            let span = facility.as_ref().map_or(0..0, Spanned::span);
            self.place.wrong(span, format!("{name:?} is no facility; there are {}", FACILITIES.join(" ")))
        })?;
        let max = if address.transport == Transport::Udp { Bytes(2048) } else { Bytes(64 << 10) };
        let max_message = match table.max_message.take() {
            Some(size) if !(480..=1 << 20).contains(&size.get_ref().0) => {
                return Err(self.place.wrong(size.span(), "max_message must be between 480 bytes and 1MiB"));
            }
            size => size.map_or(max, Spanned::into_inner),
        };
        let structured = table.structured.take();
        if let Some(id) = &structured
            && !is_structured_id(id.get_ref())
        {
            let message = "no id of structured data: write NAME@NUMBER, with the enterprise number of yours";
            return Err(self.place.wrong(id.span(), message));
        }
        let tls = self.tls(std::mem::take(&mut table.tls))?;
        Ok(syslog::Settings {
            address,
            tls,
            timeout: self.timeout(table)?,
            facility: number as u8,
            hostname: table.hostname.take().map_or_else(host_name, Spanned::into_inner),
            max_message,
            structured: structured.map(Spanned::into_inner),
        })
    }

    fn nats(&self, table: &mut Table) -> Result<nats::Settings, Mistake> {
        let url = self.needed(table.url.take(), "url")?;
        let subject = self.needed(table.subject.take(), "subject")?;
        let (scheme, host) = url.get_ref().split_once("://").unwrap_or_default();
        let host = with_port(host, 4222).filter(|_| matches!(scheme, "nats" | "tls"));
        let host = host.ok_or_else(|| {
            let message = format!("{:?} is no address; write nats://HOST or tls://HOST", url.get_ref());
            self.place.wrong(url.span(), message)
        })?;
        if !nats::is_subject(subject.get_ref()) {
            let message = format!("{:?} is no subject; write words with dots between them", subject.get_ref());
            return Err(self.place.wrong(subject.span(), message));
        }
        Ok(nats::Settings {
            host,
            needs_tls: scheme == "tls",
            tls: self.tls(std::mem::take(&mut table.tls))?,
            auth: self.auth(std::mem::take(&mut table.auth))?,
            subject: subject.into_inner(),
            timeout: self.timeout(table)?,
        })
    }

    fn mapping(&self, fields: FieldsTable, kind: &Kind) -> Result<Mapping, Mistake> {
        if matches!(kind, Kind::Logmill(_)) && fields != FieldsTable::default() {
            let message = "an entry goes to another logmill as it is: `fields` is nothing to it";
            return Err(self.place.wrong(self.table.start..self.table.start, message));
        }
        let is_bulk = matches!(kind, Kind::Elasticsearch(_));
        let json = |(name, value): (String, toml::Value)| serde_json::to_value(value).map(|value| (name, value));
        let add: Result<Vec<_>, _> = fields.add.into_iter().map(json).collect();
        let mut rename: Vec<(String, String)> = fields.rename.into_iter().collect();
        if is_bulk && !rename.iter().any(|(from, _)| from == "timestamp") {
            // Data streams want it so.
            rename.push(("timestamp".to_owned(), "@timestamp".to_owned()));
        }
        Ok(Mapping {
            rename,
            only: fields.only,
            drop: fields.drop,
            add: add.map_err(|error| self.place.wrong(self.table.start..self.table.start, error.to_string()))?,
            flat: fields.flat.unwrap_or(false),
            raw: fields.raw,
            text: fields.text,
        })
    }

    fn batch(&self, table: &BatchTable) -> Result<Batch, Mistake> {
        let default = Batch::default();
        let bytes = table.bytes.as_ref().map(|bytes| (bytes.get_ref().0, bytes.span()));
        let bytes = match bytes {
            Some((size, span)) if !(1..=BATCH_BYTES_MAX).contains(&size) => {
                return Err(self.place.wrong(span, format!("batch.bytes must be at most {}", Bytes(BATCH_BYTES_MAX))));
            }
            Some((size, _)) => size as usize,
            None => default.bytes,
        };
        let entries = self.within(table.entries.as_ref(), default.entries, 1..=BATCH_ENTRIES_MAX, "batch.entries")?;
        Ok(Batch { entries, bytes, age: table.age.unwrap_or(default.age) })
    }

    fn within(
        &self,
        value: Option<&Spanned<usize>>,
        default: usize,
        range: std::ops::RangeInclusive<usize>,
        name: &str,
    ) -> Result<usize, Mistake> {
        match value {
            Some(number) if !range.contains(number.get_ref()) => {
                let message = format!("{name} must be from {} to {}", range.start(), range.end());
                Err(self.place.wrong(number.span(), message))
            }
            number => Ok(number.map_or(default, |number| *number.get_ref())),
        }
    }

    fn retry(&self, table: &RetryTable) -> Result<Backoff, Mistake> {
        let default = Backoff::default();
        let of = |span: &Option<Spanned<Span>>, default| span.as_ref().map_or(default, |span| *span.get_ref());
        let (min, max) = (of(&table.min, default.min), of(&table.max, default.max));
        if min.0.is_zero() || min > max {
            let span = table.min.as_ref().or(table.max.as_ref()).map_or(0..0, Spanned::span);
            return Err(self.place.wrong(span, "retry.min must be more than 0 and at most retry.max"));
        }
        Ok(Backoff { min, max })
    }

    fn tls(&self, table: TlsTable) -> Result<Tls, Mistake> {
        let identity = match (table.cert, table.key) {
            (Some(cert), Some(key)) => Some((cert.into_inner(), key)),
            (None, None) => None,
            (Some(cert), None) => return Err(self.place.wrong(cert.span(), "a certificate needs its `key`")),
            (None, Some(_)) => {
                return Err(self.place.wrong(self.table.start..self.table.start, "tls.key needs its `cert`"));
            }
        };
        Ok(Tls { ca: table.ca, identity })
    }

    fn auth(&self, table: AuthTable) -> Result<Auth, Mistake> {
        let secret = |file: Option<PathBuf>, name: Option<String>| {
            file.map(Secret::File).or_else(|| name.map(Secret::Environment))
        };
        let password = secret(table.password_file, table.password_env);
        let user = match (table.user, password) {
            (Some(user), Some(password)) => Some((user.into_inner(), password)),
            (Some(user), None) => {
                let message = "a user needs `password_file` or `password_env`";
                return Err(self.place.wrong(user.span(), message));
            }
            (None, Some(_)) => {
                return Err(self.place.wrong(self.table.start..self.table.start, "a password needs its `auth.user`"));
            }
            (None, None) => None,
        };
        let mut headers = Vec::new();
        for (name, value) in table.headers {
            let looks_secret = ["authorization", "key", "token", "secret", "cookie"];
            if looks_secret.iter().any(|word| name.to_ascii_lowercase().contains(word)) {
                let message = format!("{name} looks like a secret; put it into a file and name that in `header_files`");
                return Err(self.place.wrong(value.span(), message));
            }
            headers.push((name, value.into_inner()));
        }
        let files = table.header_files.into_iter().map(|(name, path)| (name, Secret::File(path)));
        let variables = table.header_env.into_iter().map(|(name, variable)| (name, Secret::Environment(variable)));
        Ok(Auth {
            user,
            bearer: secret(table.bearer_file, table.bearer_env),
            headers,
            secret_headers: files.chain(variables).collect(),
        })
    }
}

fn is_structured_id(id: &str) -> bool {
    let good = |c: char| c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"');
    id.len() <= 32
        && id.split_once('@').is_some_and(|(name, number)| {
            !name.is_empty()
                && name.chars().all(good)
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests;
