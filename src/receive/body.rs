//! What a body is behind its compression, in bounded memory.

use std::io::{self, Read};

use snap::raw::{Decoder as Snappy, decompress_len};

/// zstd looks back at most so far (2^N bytes): what a decoder needs in memory.
const ZSTD_WINDOW_LOG: u32 = 23;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body has more than {0} bytes when it is decoded")]
    TooLong(usize),
    #[error("the body is no {0}: {1}")]
    Damaged(&'static str, String),
    #[error("Content-Encoding {0:?} is not known; use gzip, deflate, zstd, snappy or none")]
    Unknown(String),
}

/// The content of a body, at most `most` bytes of it.
pub fn decode(body: &[u8], encoding: Option<&str>, most: usize) -> Result<Vec<u8>, BodyError> {
    let encoding = encoding.map(|name| name.trim().to_ascii_lowercase());
    match encoding.as_deref() {
        None | Some("" | "identity") if body.len() > most => Err(BodyError::TooLong(most)),
        None | Some("" | "identity") => Ok(body.to_vec()),
        Some("gzip" | "x-gzip") => read("gzip", flate2::read::MultiGzDecoder::new(body), most),
        Some("deflate") => read("deflate", flate2::read::ZlibDecoder::new(body), most),
        Some("zstd") => {
            let damaged = |error: io::Error| BodyError::Damaged("zstd", error.to_string());
            let mut decoder = zstd::Decoder::with_buffer(body).map_err(damaged)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(damaged)?;
            read("zstd", decoder, most)
        }
        Some("snappy") => {
            let damaged = |error: snap::Error| BodyError::Damaged("snappy", error.to_string());
            match decompress_len(body).map_err(damaged)? {
                length if length > most => Err(BodyError::TooLong(most)),
                _ => Snappy::new().decompress_vec(body).map_err(damaged),
            }
        }
        Some(other) => Err(BodyError::Unknown(other.chars().take(40).collect())),
    }
}

fn read(kind: &'static str, decoder: impl Read, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut content = Vec::new();
    let read = decoder.take(most as u64 + 1).read_to_end(&mut content);
    read.map_err(|error| BodyError::Damaged(kind, error.to_string()))?;
    if content.len() > most { Err(BodyError::TooLong(most)) } else { Ok(content) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bodies() {
        let text = b"hello ".repeat(100);
        let gzip = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        deflate.write_all(&text).unwrap();
        let deflate = deflate.finish().unwrap();
        let zstd = zstd::bulk::compress(&text, 1).unwrap();
        let snappy = snap::raw::Encoder::new().compress_vec(&text).unwrap();
        let good = |body: &[u8], encoding: Option<&str>| {
            assert_eq!(decode(body, encoding, 600).as_ref(), Ok(&text), "{encoding:?}");
            assert_eq!(decode(body, encoding, 599), Err(BodyError::TooLong(599)), "{encoding:?}");
        };
        good(&text, None);
        good(&text, Some("identity"));
        good(&gzip(&text), Some("GZIP"));
        good(&deflate, Some("deflate"));
        good(&zstd, Some("zstd"));
        good(&snappy, Some("snappy"));
        let bad = |body: &[u8], encoding: &str, want: &str| {
            let error = decode(body, Some(encoding), 600).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        };
        bad(&text, "gzip", "no gzip");
        bad(&gzip(&text)[..20], "gzip", "no gzip");
        bad(&text, "zstd", "no zstd");
        bad(b"\xff\xff\x03abc", "snappy", "more than 600 bytes");
        bad(b"\x05\xff\xff", "snappy", "no snappy");
        bad(&text, "br", "\"br\" is not known");
        // A bomb: a thousand times as long as it looks.
        bad(&gzip(&vec![0; 10 << 20]), "gzip", "more than 600 bytes");
        bad(&zstd::bulk::compress(&vec![0; 10 << 20], 1).unwrap(), "zstd", "more than 600 bytes");
    }
}
