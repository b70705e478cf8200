//! What the network may bring: refused with a reason, in bounded memory, and the next sender is served as ever.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::home::{PATIENCE, wait_until};
use crate::receive::{address, arrived, home, post};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bodies_that_are_refused() {
    let home = home("max_body = \"1MiB\"\n");
    let daemon = home.run();
    let check = |target: &str, headers: &str, body: &[u8], status: u16, want: &str| {
        let reply = post(&home, target, headers, body);
        assert_eq!(reply.status, status, "{target} {headers}: {}", reply.text());
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(want), "{target} {headers}: {detail}");
    };
    const JSON: &str = "content-type: application/json\r\n";
    const PROTOBUF: &str = "content-type: application/x-protobuf\r\n";
    let bomb = gzip(&vec![b'x'; 200 << 20]);
    check("/api/v1/ingest", "content-encoding: gzip\r\n", &bomb, 413, "more than 1048576 bytes");
    check("/v1/logs", &format!("{JSON}content-encoding: gzip\r\n"), &bomb, 413, "more than 1048576 bytes");
    check("/api/v1/ingest", "", &vec![b'x'; 2 << 20], 413, "more than 1048576 bytes");
    check("/api/v1/ingest", "content-encoding: br\r\n", b"x", 415, "\"br\" is not known");
    check("/api/v1/ingest", "content-encoding: gzip\r\n", b"x", 400, "no gzip");
    check("/v1/logs", "", b"{}", 415, "application/x-protobuf");
    check("/v1/logs", JSON, "[".repeat(100_000).as_bytes(), 400, "recursion");
    check("/v1/logs", JSON, b"{\"resourceLogs\":5}", 400, "invalid type");
    check("/v1/logs", PROTOBUF, b"\x0a\xff\xff\xff\xff\x0f", 400, "no protobuf");
    check("/loki/api/v1/push", PROTOBUF, b"\xff\xff\xff\xff\x0f\xff", 413, "more than");
    check("/loki/api/v1/push", JSON, b"{}", 400, "streams");
    check("/_bulk", "", b"{\"create\":{}}\n", 400, "document is missing");
    check("/nothing", "", b"", 404, "/v1/logs");
    let status = daemon.status();
    assert!(status["received"]["entries"]["otlp"]["malformed"].as_u64().unwrap() >= 3, "{}", status["received"]);
    let memory = status["memory_bytes"].as_u64().unwrap();
    assert!(memory < 400 << 20, "{memory}");
    assert_eq!(post(&home, "/api/v1/ingest", "", b"2026-11-24T06:00:00Z INFO still here\n").status, 200);
    arrived(&home, "\"still here\"", 1);
    assert_eq!(home.search("*").len(), 1, "nothing of what was refused is there");
}

#[test]
fn connections_that_misbehave() {
    let port = crate::ship::lines::free_port();
    let home = home(&format!("client_requests = 4\nsyslog = [\"tcp://127.0.0.1:{port}\"]"));
    let daemon = home.run();
    let address = address(&home);
    // Bodies that never come, and one that is shorter than it says.
    let head = "POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nabc";
    let slow: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    wait_until("the fifth is put off", || post(&home, "/api/v1/ingest", "", b"x\n").status == 429);
    drop(slow);
    wait_until("they are forgotten", || post(&home, "/api/v1/ingest", "", b"after the slow ones\n").status == 200);
    // Syslog that is none.
    let send = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    };
    send(b"9999999 x");
    send(b"12x");
    send(&[0xff; 100]);
    send("<13>Nov 24 06:00:00 h app: good one\n<13>Nov 24 06:00:00 h app: without an end".as_bytes());
    arrived(&home, "\"good one\"", 1);
    arrived(&home, "\"without an end\"", 1);
    wait_until("it is counted", || {
        daemon.status()["received"]["entries"]["syslog_tcp"]["malformed"].as_u64().unwrap_or(0) >= 2
    });
    let problems: &Value = &daemon.status()["problems"];
    assert_eq!(problems.as_array().unwrap().len(), 0, "{problems}");
}
