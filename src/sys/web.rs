//! Asking other hosts over HTTP and TLS: the one client of this program, with the limits that every use of it shares.
//!
//! TLS is rustls with ring; the certificates that are trusted are the system's (`SSL_CERT_FILE` names others). Nothing
//! is sent through a proxy, and no redirect is followed: what an address is for, and what may be sent there, stands in
//! the configuration.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// Of an answer no more is read than this, where nothing else is said.
const MAX_ANSWER: usize = 64 << 10;
/// A host that takes no connection in this time does not count as there.
const CONNECT: Duration = Duration::from_secs(10);

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    #[error("cannot ask over HTTP: {0}")]
    Client(String),
    #[error("{url}: {reason}")]
    Failed { url: String, reason: String },
}

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub url: String,
    pub headers: Vec<(String, String)>,
    /// With a body it is a POST, otherwise a GET.
    pub body: Option<Vec<u8>>,
    pub timeout: Duration,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Header `Retry-After`, in seconds or as a date.
    pub retry_after: Option<Duration>,
    /// Its beginning.
    pub body: Vec<u8>,
}

/// See the module. Clones share their connections.
#[derive(Clone)]
pub struct Web {
    client: reqwest::Client,
    answer_bytes: usize,
}

impl Web {
    pub fn new() -> Result<Web, WebError> {
        Web::with(trusting_the_system(), MAX_ANSWER)
    }

    /// With certificates of one's own; of an answer no more is read than `answer_bytes`.
    pub fn with(tls: ClientConfig, answer_bytes: usize) -> Result<Web, WebError> {
        let client = builder(tls).build().map_err(|error| WebError::Client(chain(&error)))?;
        Ok(Web { client, answer_bytes })
    }

    /// Sends and waits for the answer, whatever its status is.
    pub async fn send(&self, call: Call) -> Result<Reply, WebError> {
        // Passwords in a URL stay out of messages.
        let url = without_password(&call.url);
        let failed = |error: reqwest::Error| WebError::Failed { url: url.clone(), reason: chain(&error.without_url()) };
        let mut request = match call.body {
            Some(body) => self.client.post(&call.url).body(body),
            None => self.client.get(&call.url),
        };
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let mut response = request.timeout(call.timeout).send().await.map_err(failed)?;
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(retry_after);
        let mut body = Vec::new();
        while body.len() < self.answer_bytes {
            match response.chunk().await.map_err(failed)? {
                Some(chunk) => body.extend_from_slice(&chunk[..chunk.len().min(self.answer_bytes - body.len())]),
                None => break,
            }
        }
        Ok(Reply { status: response.status().as_u16(), retry_after, body })
    }
}

/// The client, for those who send by other means than [`Web::send`].
pub fn builder(tls: ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(Duration::from_secs(60))
        .pool_max_idle_per_host(2)
        .user_agent(concat!("logmill/", env!("CARGO_PKG_VERSION")))
}

/// Whether a text is an address that can be asked.
pub fn is_http_url(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// TLS as this program speaks it. Where the system has no certificates nobody is trusted, and plain HTTP still works.
pub fn trusting_the_system() -> ClientConfig {
    match versions().with_platform_verifier() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(error) => {
            tracing::warn!("no certificates of the system can be used, so no https address will be trusted: {error}");
            versions().with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    }
}

/// rustls with ring, TLS 1.2 and 1.3.
pub fn versions() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // Ring knows what both versions need.
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("ring has the ciphers")
}

fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?;
    (date.to_utc() - chrono::Utc::now()).to_std().ok()
}

/// An error with what caused it: the outermost alone says nothing.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let cause_text = inner.to_string();
        // Some errors tell their causes themselves.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        cause = inner.source();
    }
    text
}

/// An address for messages: a password in it is not shown.
pub fn without_password(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(mut url) if url.password().is_some() => {
            // It fails for addresses that have no host, which have no password either.
            let _ = url.set_password(Some("…"));
            url.to_string()
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, want: bool| assert_eq!(is_http_url(text), want, "{text}");
        check("http://127.0.0.1:8000/health", true);
        check("https://example.org", true);
        check("ftp://example.org", false);
        check("127.0.0.1:8000", false);
        check("http://", false);
        assert_eq!(without_password("http://a:b@h/x"), "http://a:%E2%80%A6@h/x");
    }

    #[test]
    fn waiting_times() {
        assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("soon"), None);
        let later = (chrono::Utc::now() + chrono::TimeDelta::seconds(100)).to_rfc2822();
        assert!(retry_after(&later).is_some_and(|wait| wait > Duration::from_secs(90)));
    }
}
