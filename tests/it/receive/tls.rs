//! The doors over TLS: those who know the authority come in, and whoever must show a certificate shows a good one.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use crate::home::{Home, PATIENCE, wait_until};
use crate::receive::{address, arrived, home};
use crate::ship::lines::{certificates, free_port, has, has_rsyslog_with, rsyslogd};
use crate::ship::sinks::{drained, log, status};

const LINE: &str = "2026-11-24T06:00:00Z INFO over a safe line\n";

/// A folder with certificates: `good` and `client`, `old`, whose time is over, and `stranger` of an authority of its own.
fn secure_home(more: &str, tls: &str) -> Home {
    let home = home(&format!("{more}\n[receive.tls]\ncert = \"server.pem\"\nkey = \"server.key\"\n{tls}"));
    certificates(&home, &[("stranger", 2)]);
    std::fs::rename(home.path("CA.pem"), home.path("other.pem")).unwrap();
    certificates(&home, &[("good", 2), ("client", 2), ("old", -1)]);
    show(&home, "good");
    home
}

/// What the server is to show from the next start or reload on.
fn show(home: &Home, name: &str) {
    for kind in ["pem", "key"] {
        std::fs::copy(home.path(&format!("{name}.{kind}")), home.path(&format!("server.{kind}"))).unwrap();
    }
}

/// What curl says: its exit code and the status of the answer.
fn curl(home: &Home, arguments: &[&str]) -> (i32, String) {
    let port = address(home).rsplit_once(':').unwrap().1.to_owned();
    let url = format!("https://localhost:{port}/api/v1/ingest");
    let output = Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", LINE])
        .args(arguments)
        .arg(&url)
        .current_dir(home.path(""))
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn curl_comes_in_over_tls_and_only_so() {
    if !has("openssl") || !has("curl") {
        return;
    }
    let home = secure_home("", "");
    let daemon = home.run();
    assert_eq!(curl(&home, &["--cacert", "CA.pem"]), (0, "200".to_owned()));
    let (code, _) = curl(&home, &["--cacert", "other.pem"]);
    assert_eq!(code, 60, "the authority is another");
    arrived(&home, "\"a safe line\"", 1);
    // Without TLS there is no answer at all.
    let mut plain = TcpStream::connect(address(&home)).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(b"GET /ready HTTP/1.0\r\nhost: localhost\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    // Another certificate is there with a reload, and a broken one is refused.
    show(&home, "old");
    daemon.signal("HUP");
    wait_until("the certificate is over", || curl(&home, &["--cacert", "CA.pem"]).0 == 60);
    home.write("server.pem", "nonsense");
    let (_, said) = home.fails(&["check"]);
    assert!(said.contains("receive.tls: server.pem: has no certificate in PEM form"), "{said}");
    show(&home, "good");
    daemon.signal("HUP");
    wait_until("a good one is shown again", || curl(&home, &["--cacert", "CA.pem"]).0 == 0);
    assert!(daemon.status()["problems"].as_array().unwrap().is_empty());
}

#[test]
fn a_certificate_is_asked_for() {
    if !has("openssl") || !has("curl") {
        return;
    }
    let port = free_port();
    let home = secure_home(&format!("syslog = [\"tls://127.0.0.1:{port}\"]"), "client_ca = \"CA.pem\"\n");
    let daemon = home.run();
    let check = |name: Option<&str>, want: bool| {
        let files = name.map(|name| (format!("{name}.pem"), format!("{name}.key")));
        let shown = files.iter().flat_map(|(cert, key)| ["--cert", cert, "--key", key]);
        let arguments: Vec<&str> = ["--cacert", "CA.pem"].into_iter().chain(shown).collect();
        let (code, status) = curl(&home, &arguments);
        assert_eq!((code == 0, status == "200"), (want, want), "{name:?}: {code} {status}");
    };
    check(None, false);
    check(Some("stranger"), false);
    check(Some("old"), false);
    check(Some("client"), true);
    arrived(&home, "\"a safe line\"", 1);
    // The same over syslog, by our own sinks.
    let sink = |tls: &str| {
        let settings =
            format!("kind = \"syslog\"\nurl = \"tls://localhost:{port}\"\n[sink.tls]\nca = \"CA.pem\"\n{tls}");
        let here = crate::ship::sinks::home(&settings);
        for name in ["CA.pem", "client.pem", "client.key"] {
            std::fs::copy(home.path(name), here.path(name)).unwrap();
        }
        log(&here, (0..100).map(|n| format!("entry {n}")));
        here
    };
    let here = sink("cert = \"client.pem\"\nkey = \"client.key\"\n");
    let here_daemon = here.run();
    drained(&here);
    arrived(&home, "entry", 100);
    drop(here_daemon);
    let here = sink("");
    let here_daemon = here.run();
    let refused = || daemon.status()["received"]["entries"]["syslog_tcp"]["refused"].as_u64() >= Some(1);
    wait_until("it is refused", refused);
    wait_until("it says so", || !status(&here)["problem"].is_null());
    assert_eq!(home.search("entry").len(), 100);
    drop(here_daemon);
}

#[test]
fn our_own_sinks_know_whom_they_send_to() {
    if !has("openssl") {
        return;
    }
    let there = secure_home("", "");
    let there_daemon = there.run();
    let port = address(&there).rsplit_once(':').unwrap().1.to_owned();
    let check = |host: &str, ca: &str, want: Option<&str>| {
        let settings = format!("kind = \"logmill\"\nurl = \"https://{host}:{port}\"\n[sink.tls]\nca = \"{ca}\"\n");
        let here = crate::ship::sinks::home(&settings);
        std::fs::copy(there.path(ca), here.path(ca)).unwrap();
        log(&here, [format!("{host} {ca} it is")]);
        let here_daemon = here.run();
        match want {
            None => {
                drained(&here);
                arrived(&there, &format!("\"{host} {ca} it is\""), 1);
            }
            Some(why) => wait_until(why, || status(&here)["problem"].to_string().contains(why)),
        }
        drop(here_daemon);
    };
    check("localhost", "CA.pem", None);
    check("localhost", "other.pem", Some("invalid peer certificate"));
    check("127.0.0.1", "CA.pem", Some("certificate not valid for name"));
    show(&there, "old");
    there_daemon.signal("HUP");
    check("localhost", "CA.pem", Some("xpired"));
    assert_eq!(there.search("*").len(), 1);
}

#[test]
fn rsyslog_comes_in_over_tls() {
    if !has_rsyslog_with("lmnsd_ossl") || !has("openssl") {
        return;
    }
    let port = free_port();
    let home = secure_home(&format!("syslog = [\"tls://127.0.0.1:{port}\"]"), "");
    let _daemon = home.run();
    let input = home.path("input.log");
    std::fs::write(&input, (0..2_000).map(|n| format!("line {n} of a file\n")).collect::<String>()).unwrap();
    let path = |name: &str| format!("{:?}", home.path(name).display().to_string());
    let config = format!(
        "global(workDirectory={} defaultNetstreamDriverCAFile={})\nmodule(load=\"imfile\" mode=\"polling\" pollingInterval=\"1\")\n\
         input(type=\"imfile\" file={} tag=\"till\" severity=\"warning\")\n\
         *.* action(type=\"omfwd\" target=\"localhost\" port=\"{port}\" protocol=\"tcp\" tcp_framing=\"octet-counted\" \
         StreamDriver=\"ossl\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/name\" StreamDriverPermittedPeers=\"localhost\" \
         template=\"RSYSLOG_SyslogProtocol23Format\" queue.type=\"linkedList\" action.resumeRetryCount=\"-1\" action.resumeInterval=\"1\")\n",
        path(""),
        path("CA.pem"),
        path("input.log"),
    );
    let _rsyslog = rsyslogd(&home, &config);
    arrived(&home, "\"of a file\"", 2_000);
    let entry = home.search("\"line 1999 of\"").remove(0);
    assert_eq!((&entry["level"], &entry["logger"]), (&"warning".into(), &"till".into()), "{entry}");
}
