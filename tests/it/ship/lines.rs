//! Syslog to real and to strict receivers: rsyslog, datagrams, TLS with certificates on both sides.

use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::home::{Home, wait_until};
use crate::ship::sinks::{drained, home, log, numbers, status};

/// Killed when dropped.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a program is there; without it the test says so, and fails in CI.
pub fn has(program: &str) -> bool {
    let found =
        ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|folder| Path::new(folder).join(program).exists());
    assert!(found || std::env::var_os("CI").is_none(), "CI must have {program}");
    if !found {
        eprintln!("SKIPPED: there is no {program}");
    }
    found
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn rsyslog(home: &Home, port: u16, input: &str) -> Running {
    let out = home.path("rsyslog.out");
    let config = format!(
        "global(workDirectory={:?} maxMessageSize=\"64k\")\nmodule(load={input:?})\ninput(type={input:?} port=\"{port}\" address=\"127.0.0.1\")\n\
         template(name=\"t\" type=\"string\" string=\"%syslogseverity-text%|%timestamp:::date-rfc3339%|%hostname%|%app-name%|%structured-data%|%msg%\\n\")\n\
         *.* action(type=\"omfile\" file={:?} template=\"t\")\n",
        home.path("").display().to_string(),
        out.display().to_string(),
    );
    rsyslogd(home, &config)
}

/// Whether rsyslog is there with a module that comes in a package of its own.
pub fn has_rsyslog_with(module: &str) -> bool {
    let found = glob::glob(&format!("/usr/lib/*/rsyslog/{module}.so")).unwrap().next().is_some();
    assert!(found || std::env::var_os("CI").is_none(), "CI must have rsyslog's {module}");
    if !found {
        eprintln!("SKIPPED: rsyslog has no {module}");
    }
    has("rsyslogd") && found
}

/// rsyslogd in the folder, with a configuration of its own.
pub fn rsyslogd(home: &Home, config: &str) -> Running {
    home.write("rsyslog.conf", config);
    let program = if Path::new("/usr/sbin/rsyslogd").exists() { "/usr/sbin/rsyslogd" } else { "rsyslogd" };
    let child = Command::new(program)
        .args(["-n", "-f"])
        .arg(home.path("rsyslog.conf"))
        .arg("-i")
        .arg(home.path("rsyslog.pid"))
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(home.path("rsyslog.err")).unwrap())
        .spawn()
        .unwrap();
    Running(child)
}

fn lines_of(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn rsyslog_reads_what_is_sent_over_tcp() {
    if !has("rsyslogd") {
        return;
    }
    let port = free_port();
    let more = "hostname = \"web-1\"\nfacility = \"daemon\"\nstructured = \"app@32473\"\nquery = \"service:app\"";
    let home = home(&format!("kind = \"syslog\"\nurl = \"tcp://127.0.0.1:{port}\"\n{more}"));
    log(&home, numbers(0..3000));
    home.append("logs/a.log", "2026-11-23 10:15:31 - app.x - ERROR - with a tail \"a]\\\"\nTraceback (most recent call last):\n\nValueError: x\n");
    let daemon = home.run();
    daemon.settle();
    // Until there is somebody, nothing counts as sent.
    wait_until("the problem is told", || !status(&home)["problem"].is_null());
    assert_eq!(status(&home)["counts"]["delivered"], 0);
    let _rsyslog = rsyslog(&home, port, "imtcp");
    let counts = drained(&home)["counts"].clone();
    assert_eq!(counts["delivered"], 3001);
    let out = home.path("rsyslog.out");
    wait_until("rsyslog wrote all of it", || lines_of(&out).len() >= 3001);
    let lines = lines_of(&out);
    let parts: Vec<Vec<&str>> = lines.iter().map(|line| line.splitn(6, '|').collect()).collect();
    let messages: Vec<&str> = parts[..3000].iter().map(|parts| parts[5].trim_start()).collect();
    assert_eq!(messages, numbers(0..3000).collect::<Vec<_>>());
    assert_eq!(parts[0][..4], ["info", "2026-11-23T10:15:30Z", "web-1", "app"]);
    assert!(parts[0][4].starts_with("[app@32473 id=\"") && parts[0][4].contains("logger=\"app.x\""), "{}", parts[0][4]);
    // rsyslog writes control characters as #012.
    assert_eq!(parts[3000][0], "err");
    assert!(parts[3000][5].contains("with a tail \"a]\\\"#012Traceback"), "{}", parts[3000][5]);
}

#[test]
fn a_datagram_has_one_message() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let home = home(&format!("kind = \"syslog\"\nurl = \"udp://{}\"\nhostname = \"h\"", socket.local_addr().unwrap()));
    log(&home, numbers(0..2).chain(["x".repeat(5000)]));
    let daemon = home.run();
    daemon.settle();
    let mut buffer = [0; 65536];
    let mut receive = || {
        let count = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    };
    assert_eq!(receive(), "<134>1 2026-11-23T10:15:30Z h app - - - entry 0");
    assert_eq!(receive(), "<134>1 2026-11-23T10:15:30Z h app - - - entry 1");
    assert_eq!(receive().len(), 2048);
    drained(&home);
}

fn openssl(home: &Home, arguments: &str) {
    home.shell(&format!("openssl {arguments} 2>>openssl.log"));
}

/// An authority `CA.pem`, and what it signed: `NAME.pem` with `NAME.key`.
pub fn certificates(home: &Home, signed: &[(&str, i32)]) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(home, &format!("req -x509 {key} -keyout CA.key -out CA.pem -subj /CN=authority -days 2"));
    for (name, days) in signed {
        openssl(
            home,
            &format!(
                "req {key} -keyout {name}.key -out {name}.csr -subj /CN={name} -addext subjectAltName=DNS:localhost"
            ),
        );
        openssl(
            home,
            &format!(
                "x509 -req -in {name}.csr -CA CA.pem -CAkey CA.key -CAcreateserial -copy_extensions copyall -out {name}.pem -days {days}"
            ),
        );
    }
}

/// Takes TLS from those whom the authority knows, and keeps what they say.
fn tls_receiver(home: &Home, name: &str) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let pem = |name: &str| -> PathBuf { home.path(name) };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pem("CA.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_file(pem(&format!("{name}.pem"))).unwrap()],
            PrivateKeyDer::from_pem_file(pem(&format!("{name}.key"))).unwrap(),
        )
        .unwrap();
    let (config, taken) = (Arc::new(config), Arc::new(Mutex::new(Vec::new())));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let into = taken.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            let mut buffer = [0; 4096];
            while let Ok(count) = stream.read(&mut buffer)
                && count > 0
            {
                into.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        }
    });
    (port, taken)
}

#[test]
fn tls_knows_both_sides_or_says_why_not() {
    if !has("openssl") {
        return;
    }
    let home = home("kind = \"stdout\"");
    certificates(&home, &[("server", 2), ("stale", -1), ("client", 2)]);
    let (good, taken) = tls_receiver(&home, "server");
    let (stale, _) = tls_receiver(&home, "stale");
    let define = |port: u16, tls: &str| {
        let sink = format!(
            "[[sink]]\nname = \"out\"\nkind = \"syslog\"\nurl = \"tls://localhost:{port}\"\nhostname = \"h\"\n\
             [sink.tls]\n{tls}\n[sink.batch]\nage = \"20ms\"\n[sink.retry]\nmin = \"10ms\"\nmax = \"100ms\"\n"
        );
        home.write("config/sinks.toml", &sink);
    };
    log(&home, numbers(0..100));
    define(good, "");
    let daemon = home.run();
    daemon.settle();
    let client = "cert = \"client.pem\"\nkey = \"client.key\"";
    for (port, tls, want) in [
        (good, "", "UnknownIssuer"),
        (stale, &*format!("ca = \"CA.pem\"\n{client}"), "invalid peer certificate"),
        (good, "ca = \"CA.pem\"", "CertificateRequired"),
        (good, "ca = \"missing.pem\"", "missing.pem"),
        (good, "ca = \"CA.key\"", "CA.key: has no certificate"),
    ] {
        define(port, tls);
        daemon.signal("HUP");
        wait_until(want, || status(&home)["problem"]["why"].as_str().is_some_and(|why| why.contains(want)));
        assert_eq!(status(&home)["counts"]["delivered"], 0, "{want}");
    }
    define(good, &format!("ca = \"CA.pem\"\n{client}"));
    daemon.signal("HUP");
    drained(&home);
    let text = || String::from_utf8(taken.lock().unwrap().clone()).unwrap();
    let message = |n: u32| format!("<134>1 2026-11-23T10:15:30Z h app - - - entry {n}");
    let want: String = (0..100).map(message).map(|message| format!("{} {message}", message.len())).collect();
    wait_until("all of it was read", || text().len() >= want.len());
    assert_eq!(text(), want);
}
