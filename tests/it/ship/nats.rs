//! NATS JetStream with Debian's nats-server: nothing counts without a stream, and a stream has each entry once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::home::{Home, wait_until};
use crate::ship::lines::{Running, free_port, has};
use crate::ship::sinks::{drained, home, log, numbers, status};

fn server(home: &Home, port: u16) -> Running {
    let store = home.path("nats").display().to_string();
    let program =
        if std::path::Path::new("/usr/sbin/nats-server").exists() { "/usr/sbin/nats-server" } else { "nats-server" };
    let child = Command::new(program)
        .args(["-js", "-sd", &store, "-a", "127.0.0.1", "-p", &port.to_string(), "--user", "me", "--pass", "secret"])
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(home.path("nats.log")).unwrap())
        .spawn()
        .unwrap();
    wait_until("nats-server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    Running(child)
}

/// Asks JetStream's own interface.
fn ask(port: u16, subject: &str, question: &Value) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(crate::home::PATIENCE)).unwrap();
    let text = question.to_string();
    let hello = json!({ "verbose": false, "user": "me", "pass": "secret" });
    write!(stream, "CONNECT {hello}\r\nSUB answer 1\r\nPUB {subject} answer {}\r\n{text}\r\n", text.len()).unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "{subject}: no answer");
        if let Some(rest) = line.strip_prefix("MSG ") {
            let mut body = vec![0; rest.trim().rsplit(' ').next().unwrap().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            return serde_json::from_slice(&body).unwrap();
        }
    }
}

fn stored(port: u16) -> u64 {
    ask(port, "$JS.API.STREAM.INFO.LOGS", &json!({}))["state"]["messages"].as_u64().unwrap()
}

#[test]
fn a_stream_has_each_entry_once() {
    if !has("nats-server") {
        return;
    }
    let port = free_port();
    let auth = "[sink.auth]\nuser = \"me\"\npassword_file = \"password\"";
    let home = home(&format!("kind = \"nats\"\nurl = \"nats://127.0.0.1:{port}\"\nsubject = \"logs.app\"\n{auth}"));
    home.write("password", "wrong\n");
    log(&home, numbers(0..2500));
    let daemon = home.run();
    daemon.settle();
    let running = server(&home, port);
    let problem = |want: &str| {
        wait_until(want, || status(&home)["problem"]["why"].as_str().is_some_and(|why| why.contains(want)));
    };
    problem("Authorization");
    home.write("password", "secret\n");
    problem("no stream takes the subject logs.app");
    assert_eq!(status(&home)["counts"]["delivered"], 0);
    let stream = json!({
        "name": "LOGS", "subjects": ["logs.>"], "storage": "file", "num_replicas": 1, "retention": "limits",
        "discard": "old", "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_age": 0, "duplicate_window": 120_000_000_000_i64,
    });
    let made = ask(port, "$JS.API.STREAM.CREATE.LOGS", &stream);
    assert!(made["error"].is_null(), "{made}");
    drained(&home);
    assert_eq!(stored(port), 2500);
    let third = ask(port, "$JS.API.STREAM.MSG.GET.LOGS", &json!({ "seq": 3 }));
    let data =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, third["message"]["data"].as_str().unwrap())
            .unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&data).unwrap()["message"], "entry 2");
    // What is sent again is known.
    home.ok(&["ship", "replay", "out", "--since", "2026-11-23 00:00"]);
    wait_until("all of it was known", || status(&home)["counts"]["known"] == 2500);
    assert_eq!(stored(port), 2500);
    // The server dies, and comes back with its files.
    drop(running);
    log(&home, numbers(2500..3000));
    daemon.settle();
    let _running = server(&home, port);
    drained(&home);
    assert_eq!(stored(port), 3000);
}
