//! A client that says to the byte what it is told to say.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::home::{Home, PATIENCE};

/// What came back.
pub struct Reply {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub fn connect(home: &Home) -> TcpStream {
    let address = std::fs::read_to_string(home.path("data/http.addr")).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends these bytes and takes what comes until the end.
pub fn exchange(mut stream: impl Read + Write, request: impl AsRef<[u8]>) -> Reply {
    // Who is refused early may be cut off while still sending.
    let _ = stream.write_all(request.as_ref());
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    let end =
        reply.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| panic!("no reply: {reply:?}"));
    let head = String::from_utf8(reply[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: reply[end + 4..].to_vec() }
}

/// HTTP/1.0, so that a body ends with the connection and nothing else.
pub fn get_with(home: &Home, target: &str, headers: &str) -> Reply {
    exchange(connect(home), format!("GET {target} HTTP/1.0\r\nhost: localhost\r\n{headers}\r\n"))
}

pub fn get(home: &Home, target: &str) -> Reply {
    get_with(home, target, "")
}

/// Over the control socket.
pub fn post(home: &Home, target: &str, body: &str) -> Reply {
    let stream = UnixStream::connect(home.path("data/control.sock")).unwrap();
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.0\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    exchange(stream, &(head + body))
}

/// A text as it may stand behind a parameter.
pub fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}
