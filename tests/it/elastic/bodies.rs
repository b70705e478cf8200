//! Compressed bodies under `/elastic`: understood, or refused in the shape that clients know.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::home;
use crate::http::client::{connect, exchange};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_bodies() {
    let home = home(300);
    let daemon = home.run();
    daemon.settle();
    let send = |path: &str, encoding: &str, body: &[u8]| {
        let head = format!(
            "POST {path} HTTP/1.0\r\nhost: localhost\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        exchange(connect(&home), [head.as_bytes(), body].concat())
    };
    let query = br#"{"query":{"match_all":{}},"size":0,"track_total_hits":true}"#;
    let total = home.search("*").len();
    for (encoding, body) in
        [("gzip", gzip(query)), ("zstd", zstd::bulk::compress(query, 1).unwrap()), ("identity", query.to_vec())]
    {
        let reply = send("/elastic/_search", encoding, &body);
        assert_eq!(reply.json()["hits"]["total"]["value"], total, "{encoding}: {}", reply.text());
    }
    let searches = [b"{}\n", &query[..], b"\n{}\n", query, b"\n"].concat();
    let reply = send("/elastic/_msearch", "gzip", &gzip(&searches));
    assert_eq!(reply.json()["responses"][1]["hits"]["total"]["value"], total, "{}", reply.text());
    let check = |encoding: &str, body: &[u8], status: u16, want: &str| {
        let reply = send("/elastic/_search", encoding, body);
        assert_eq!((reply.status, reply.header("x-elastic-product")), (status, Some("elasticsearch")), "{encoding}");
        let reason = reply.json()["error"]["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(want), "{encoding}: {reason}");
    };
    check("gzip", &gzip(&vec![b' '; 200 << 20]), 413, "more than 1048576 bytes");
    check("gzip", &vec![b'x'; 2 << 20], 413, "more than 1048576 bytes");
    check("gzip", query, 400, "no gzip");
    check("br", query, 415, "\"br\" is not known");
    let memory = daemon.status()["memory_bytes"].as_u64().unwrap();
    assert!(memory < 400 << 20, "{memory}");
    // Elsewhere a body means nothing, and stays what it is.
    assert_eq!(send("/api/v1/search", "gzip", b"x").status, 405);
}
