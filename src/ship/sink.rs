//! A sink as its definition means it; see `definition` for how it is written.

use std::time::Duration;

use crate::query::Query;
use crate::ship::kinds::{bulk, file, http, logmill, loki, nats, otlp, syslog};
use crate::ship::mapping::Mapping;
use crate::ship::retry::Backoff;
use crate::sys::auth::Auth;
use crate::sys::tls::Tls;
use crate::sys::units::{Bytes, Span};

/// See `manual.md`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sink {
    pub name: String,
    pub kind: Kind,
    /// Which entries; without pipes.
    pub query: Query,
    pub start: Start,
    pub retention: Keep,
    pub mapping: Mapping,
    pub batch: Batch,
    /// Batches on their way at once; entries of one source always follow one another.
    pub concurrency: usize,
    pub retry: Backoff,
    /// Both files of dead letters together.
    pub dead_letters: Bytes,
}

/// Where entries go, with what only that kind has.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Http(http::Settings),
    Elasticsearch(bulk::Settings),
    Logmill(logmill::Settings),
    Loki(loki::Settings),
    Otlp(otlp::Settings),
    Syslog(syslog::Settings),
    Nats(nats::Settings),
    File(file::Settings),
    Stdout,
}

/// From where on, for a sink that has no cursor yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Everything in the store.
    #[default]
    Beginning,
    /// What comes from now on.
    Now,
}

/// What becomes of entries that retention would remove before the sink has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// They go, and are counted.
    #[default]
    Drop,
    /// They stay.
    Hold,
}

/// A batch is sent when it is this large, or this old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    pub entries: usize,
    pub bytes: usize,
    pub age: Span,
}

/// What all that speak HTTP have.
#[derive(Clone, Debug, PartialEq)]
pub struct Web {
    pub url: String,
    pub auth: Auth,
    pub tls: Tls,
    pub compression: Compression,
    /// For one request, from its beginning to the end of the answer.
    pub timeout: Span,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    None,
    #[default]
    Gzip,
    Zstd,
}

#[cfg(test)]
impl Web {
    /// Nothing but an address.
    pub fn plain(url: &str) -> Web {
        let timeout = Span(Duration::from_secs(5));
        Web { url: url.to_owned(), auth: Auth::default(), tls: Tls::default(), compression: Compression::None, timeout }
    }
}

impl Default for Batch {
    fn default() -> Batch {
        Batch { entries: 1000, bytes: 1 << 20, age: Span(Duration::from_secs(1)) }
    }
}

impl Keep {
    pub fn name(self) -> &'static str {
        match self {
            Keep::Drop => "drop",
            Keep::Hold => "hold",
        }
    }
}

impl Kind {
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Http(_) => "http",
            Kind::Elasticsearch(_) => "elasticsearch",
            Kind::Logmill(_) => "logmill",
            Kind::Loki(_) => "loki",
            Kind::Otlp(_) => "otlp",
            Kind::Syslog(_) => "syslog",
            Kind::Nats(_) => "nats",
            Kind::File(_) => "file",
            Kind::Stdout => "stdout",
        }
    }

    /// Where to, for people. No secret is in it.
    pub fn target(&self) -> String {
        match self {
            Kind::Http(http::Settings { web, .. })
            | Kind::Elasticsearch(bulk::Settings { web, .. })
            | Kind::Logmill(logmill::Settings { web, .. })
            | Kind::Loki(loki::Settings { web, .. })
            | Kind::Otlp(otlp::Settings { web, .. }) => crate::sys::web::without_password(&web.url),
            Kind::Syslog(settings) => settings.address.to_string(),
            Kind::Nats(settings) => format!("nats://{} {}", settings.host, settings.subject),
            Kind::File(settings) => settings.path.display().to_string(),
            Kind::Stdout => "standard output".to_owned(),
        }
    }
}
