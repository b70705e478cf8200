//! Answers as their readers take them: JSON, or NDJSON in pieces; compressed where they say so.

use std::convert::Infallible;
use std::io::{self, Write};

use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

pub(super) const JSON: &str = "application/json";
pub(super) const NDJSON: &str = "application/x-ndjson";

/// A smaller answer is not worth the work, in bytes.
const GZIP_MIN: usize = 1024;

/// What a reader takes, by the headers of its request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Accepts {
    pub gzip: bool,
    pub ndjson: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Accepts {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Accepts, Infallible> {
        let names = |header: &HeaderName, wanted: &str| is_accepted(&parts.headers, header, wanted);
        Ok(Accepts { gzip: names(&ACCEPT_ENCODING, "gzip"), ndjson: names(&ACCEPT, NDJSON) })
    }
}

/// Whether a list such as `gzip, br;q=0` has `wanted`, and not with the weight of nothing.
fn is_accepted(headers: &HeaderMap, header: &HeaderName, wanted: &str) -> bool {
    let lists = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_wanted = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
        is_wanted && weight != Some(0.0)
    })
}

/// A whole answer. Of a long one this takes a while: make it beside the server.
pub(super) fn whole(accepts: Accepts, kind: &'static str, text: Vec<u8>) -> Response {
    let is_packed = accepts.gzip && text.len() >= GZIP_MIN;
    let mut packer = Packer::new(is_packed);
    let bytes = packer.pack(&text).and_then(|bytes| Ok([bytes, packer.finish()?].concat()));
    // Memory takes everything.
    with_headers(Body::from(bytes.unwrap_or_default()), kind, is_packed)
}

pub(super) fn json(accepts: Accepts, value: &Value) -> Response {
    whole(accepts, JSON, value.to_string().into_bytes())
}

/// An answer that comes in pieces.
pub(super) fn with_headers(body: Body, kind: &'static str, is_packed: bool) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if is_packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Compresses pieces of one answer, or leaves them as they are.
pub(super) struct Packer(Option<GzEncoder<Vec<u8>>>);

impl Packer {
    pub fn new(is_packed: bool) -> Packer {
        Packer(is_packed.then(|| GzEncoder::new(Vec::new(), Compression::fast())))
    }

    pub fn is_packing(&self) -> bool {
        self.0.is_some()
    }

    /// A piece that its reader can use before the next one comes.
    pub fn pack(&mut self, text: &[u8]) -> io::Result<Bytes> {
        let Some(encoder) = &mut self.0 else { return Ok(Bytes::copy_from_slice(text)) };
        encoder.write_all(text)?;
        encoder.flush()?;
        Ok(std::mem::take(encoder.get_mut()).into())
    }

    /// What is behind the last piece.
    pub fn finish(&mut self) -> io::Result<Bytes> {
        self.0.take().map_or(Ok(Bytes::new()), |encoder| Ok(encoder.finish()?.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_a_reader_takes() {
        let check = |value: &'static str, want: bool| {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            assert_eq!(is_accepted(&headers, &ACCEPT_ENCODING, "gzip"), want, "{value}");
        };
        check("gzip", true);
        check("br;q=1.0, GZIP;q=0.5", true);
        check("gzip;q=0", false);
        check("gzip;q=0.0, deflate", false);
        check("identity", false);
        check("", false);
    }

    #[test]
    fn pieces_are_one_stream() {
        let mut packer = Packer::new(true);
        let pieces =
            [packer.pack(b"one\n").unwrap(), packer.pack(b"two\n").unwrap(), packer.finish().unwrap()].concat();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&pieces[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }
}
