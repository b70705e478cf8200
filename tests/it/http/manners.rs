//! Mistakes get an answer in one shape, and who does not behave is refused or cut off while the others are served.

use std::io::{Read, Write};

use super::client::{connect, exchange, get, post};
use crate::home::{Home, PATIENCE};

#[test]
fn errors_have_one_shape() {
    let home = Home::new("");
    let daemon = home.run();
    let check = |request: &str, status: u16, detail: &str| {
        let reply = exchange(connect(&home), request);
        assert_eq!(reply.status, status, "{request:.200}\n{}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{request:.200}");
        let body = reply.json();
        assert_eq!(body["status"], status);
        let said = body["detail"].as_str().unwrap();
        assert!(said.contains(detail), "{said}");
        assert!(body["type"].is_string() && body["title"].is_string(), "{body}");
    };
    let asks = |target: &str, status, detail| {
        check(&format!("GET {target} HTTP/1.0\r\nhost: localhost\r\n\r\n"), status, detail)
    };
    asks("/nothing", 404, "openapi.json");
    asks("/api/v1/search/", 404, "openapi.json");
    asks("/api/v1/search?query=%28a", 400, "not closed");
    asks("/api/v1/search?query=level:eror", 400, "did you mean `error`");
    asks("/api/v1/search?limit=-1", 400, "limit");
    asks("/api/v1/search?raw=maybe", 400, "raw");
    asks("/api/v1/search?since=soon", 400, "since");
    asks("/api/v1/search?after=1.2", 400, "not a cursor");
    asks("/api/v1/search?format=xml", 400, "json or ndjson");
    asks("/api/v1/search?lim=1", 400, "unknown field `lim`");
    asks("/api/v1/search?limit=1&limit=2", 400, "duplicate field");
    asks("/api/v1/aggregate", 400, "query");
    asks("/api/v1/aggregate?query=a", 400, "no pipe counts");
    asks("/api/v1/rate?by=size", 400, "by:");
    asks("/api/v1/rate?since=2000-01-01&step=1s", 400, "more than 10000 steps");
    asks("/api/v1/rate?query=*%7Climit%201", 400, "only a condition");
    asks("/api/v1/histogram?steps=0", 400, "steps");
    asks("/api/v1/context?id=x", 400, "not the id");
    asks("/api/v1/fields/%ff", 400, "UTF-8");
    asks("/api/v1/tail?query=*%7Climit%201", 400, "only a condition");
    asks("/api/v1/workflows?outcome=lost", 400, "outcome");
    asks(&format!("/api/v1/search?query={}", "a".repeat(40_000)), 414, "longer than");
    asks(&format!("/api/v1/search?query={}", "a".repeat(9_000)), 400, "8192");
    // What changes something is not here.
    asks("/control", 404, "openapi.json");
    check("POST /api/v1/reload HTTP/1.0\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n", 404, "openapi.json");
    check("POST /health HTTP/1.0\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n", 405, "allow");
    check("BREW /health HTTP/1.0\r\nhost: localhost\r\n\r\n", 405, "allow");
    // A page elsewhere that has its name lead here.
    check("GET /status HTTP/1.0\r\nhost: example.org\r\n\r\n", 421, "example.org");
    check("GET /status HTTP/1.0\r\nhost: localhost\r\nhost: localhost\r\n\r\n", 400, "more than one");
    check("GET /status HTTP/1.0\r\n\r\n", 400, "missing");
    let place = get(&home, "/api/v1/search?query=a%0A%28b").json();
    assert_eq!((&place["line"], &place["column"], &place["hint"]), (&2.into(), &1.into(), &"add a `)`".into()));
    daemon.stop();
}

#[test]
fn what_is_too_large_is_refused() {
    let home = Home::new("");
    let daemon = home.run();
    assert_eq!(post(&home, "/control", &"x".repeat(2 << 20)).status, 413);
    assert_eq!(post(&home, "/control", "{").status, 400);
    assert_eq!(post(&home, "/control", r#"{"do":"nothing"}"#).status, 422);
    let headers: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    assert_eq!(
        exchange(connect(&home), format!("GET /health HTTP/1.0\r\nhost: localhost\r\n{headers}\r\n")).status,
        431
    );
    let header = "x".repeat(100_000);
    assert_eq!(
        exchange(connect(&home), format!("GET /health HTTP/1.0\r\nhost: localhost\r\nx: {header}\r\n\r\n")).status,
        431
    );
    assert_eq!(exchange(connect(&home), "\0\x01nonsense\r\n\r\n").status, 400);
    assert_eq!(get(&home, "/health").status, 200);
    daemon.stop();
}

#[test]
fn who_says_nothing_is_cut_off_and_the_others_are_served() {
    let home = Home::new("");
    let daemon = home.run();
    // More than are served at once, some of which have begun to speak.
    let mut idle: Vec<_> = (0..600).map(|_| connect(&home)).collect();
    for stream in idle.iter_mut().step_by(2) {
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: lo").unwrap();
    }
    assert_eq!(get(&home, "/health").status, 200);
    let mut rest = Vec::new();
    idle[0].set_read_timeout(Some(PATIENCE)).unwrap();
    // The end, or a reset: not a timeout.
    let ended = idle[0].read_to_end(&mut rest);
    assert!(
        ended.as_ref().is_ok() || ended.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset),
        "{ended:?}"
    );
    daemon.stop();
}

#[test]
fn a_question_ends_when_nobody_waits_for_it() {
    let home = Home::new("");
    home.append("logs/api.log", (0..50_000).map(|n| format!("INFO:     line {n} of many\n")).collect::<String>());
    let daemon = home.run();
    daemon.settle();
    for _ in 0..40 {
        let mut stream = connect(&home);
        let target = "/api/v1/aggregate?query=%2F%5B0-9a-f%5D%7B3%7D%2F%20%7C%20stats%20count()%20by%20message,%20raw";
        write!(stream, "GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    }
    let reply = get(&home, "/api/v1/search?limit=1");
    assert_eq!(reply.status, 200, "{}", reply.text());
    daemon.stop();
}
