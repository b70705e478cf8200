//! A server that takes what sinks send, and behaves as it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What came in, decompressed.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// One JSON value a line.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// What is said to it.
pub enum Reply {
    Status(u16),
    With {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// The connection ends without a word.
    Reset,
    /// After some time.
    Late(Duration, Box<Reply>),
    /// One byte after the other, for ever.
    Drip,
    /// An answer without an end.
    Flood,
}

type Behave = dyn Fn(&Request) -> Reply + Send + Sync;

/// Stops when dropped; what it took stays.
pub struct Receiver {
    pub address: SocketAddr,
    stops: Arc<AtomicBool>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    pub fn start(behave: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Receiver {
        Receiver::start_at("127.0.0.1:0", behave)
    }

    pub fn start_at(address: &str, behave: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Receiver {
        let listener = TcpListener::bind(address).unwrap();
        let receiver =
            Receiver { address: listener.local_addr().unwrap(), stops: Arc::default(), requests: Arc::default() };
        let (stops, requests) = (receiver.stops.clone(), receiver.requests.clone());
        let behave: Arc<Behave> = Arc::new(behave);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stops.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), stops, requests, behave) = (stream, stops.clone(), requests.clone(), behave.clone())
                else {
                    continue;
                };
                std::thread::spawn(move || serve(stream, &stops, &requests, &*behave));
            }
        });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that came in, whatever was said to it.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        // So that it looks.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, stops: &AtomicBool, requests: &Mutex<Vec<Request>>, behave: &Behave) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader) {
        if stops.load(Ordering::Relaxed) {
            return;
        }
        let reply = behave(&request);
        requests.lock().unwrap().push(request);
        if !answer(&mut stream, reply, stops) {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim().split_once(':') {
            Some((name, value)) => drop(headers.insert(name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let body = match headers.get("content-encoding").map(String::as_str) {
        Some("gzip") => {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
            plain
        }
        Some("zstd") => zstd::stream::decode_all(&body[..]).unwrap(),
        _ => body,
    };
    Some(Request { path, headers, body })
}

/// Whether the connection goes on.
fn answer(stream: &mut TcpStream, reply: Reply, stops: &AtomicBool) -> bool {
    let mut write = |status: u16, headers: &[(&str, String)], body: &str| {
        let mut text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        text.push_str(&format!("\r\n{body}"));
        stream.write_all(text.as_bytes()).is_ok()
    };
    match reply {
        Reply::Status(status) => write(status, &[], ""),
        Reply::With { status, headers, body } => write(status, &headers, &body),
        Reply::Reset => false,
        Reply::Late(time, reply) => {
            std::thread::sleep(time);
            answer(stream, *reply, stops)
        }
        Reply::Drip => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
            while !stops.load(Ordering::Relaxed) && stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
            false
        }
        Reply::Flood => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            let block = vec![b'x'; 1 << 20];
            while !stops.load(Ordering::Relaxed) && stream.write_all(&block).is_ok() {}
            false
        }
    }
}
