//! Alerts by mail over TLS: to servers whose certificate is good, and to others, who are not told anything.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::home::{Home, QUICK, wait_until};
use crate::ship::lines::{certificates, has};

/// What a server heard.
type Heard = Arc<Mutex<String>>;

fn config(home: &Home, name: &str) -> Arc<ServerConfig> {
    let pem = |kind: &str| home.path(&format!("{name}.{kind}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let certificate = CertificateDer::from_pem_file(pem("pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(pem("key")).unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
}

/// Takes mail over TLS: at once, or after STARTTLS.
fn server(home: &Home, certificate: &str, at_once: bool) -> (u16, Heard) {
    let config = config(home, certificate);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let into = heard.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if !at_once {
                let mut plain = BufReader::new(stream.try_clone().unwrap());
                let _ = stream.write_all(b"220 test\r\n");
                let mut line = String::new();
                while plain.read_line(&mut line).unwrap_or(0) > 0 && !line.starts_with("STARTTLS") {
                    let _ = stream.write_all(b"250-test\r\n250 STARTTLS\r\n");
                    line.clear();
                }
                let _ = stream.write_all(b"220 go on\r\n");
            }
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            if at_once {
                let _ = stream.write_all(b"220 test\r\n");
            }
            mail(stream, &into);
        }
    });
    (port, heard)
}

/// The dialogue of one mail.
fn mail(stream: impl Read + Write, heard: &Heard) {
    let mut stream = BufReader::new(stream);
    let (mut line, mut in_data) = (String::new(), false);
    while stream.read_line(&mut line).unwrap_or(0) > 0 {
        heard.lock().unwrap().push_str(&line);
        let answer = match line.trim_end() {
            "." => "250 taken\r\n",
            _ if in_data => "",
            "DATA" => "354 go on\r\n",
            "QUIT" => "221 bye\r\n",
            text if text.starts_with("EHLO") => "250-test\r\n250 AUTH PLAIN\r\n",
            text if text.starts_with("AUTH") => "235 you are you\r\n",
            _ => "250 good\r\n",
        };
        in_data = (in_data || line == "DATA\r\n") && line != ".\r\n";
        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
        line.clear();
    }
}

#[test]
fn mail_goes_over_tls_to_those_whose_certificate_is_good() {
    if !has("openssl") {
        return;
    }
    let home = Home::new(QUICK);
    // The name in them is `localhost`; of the second the time is over.
    certificates(&home, &[("good", 2), ("old", -1)]);
    let servers =
        [("after", "good", false), ("at_once", "good", true), ("old", "old", true), ("other_name", "good", true)];
    let servers = servers.map(|(name, certificate, at_once)| (name, at_once, server(&home, certificate, at_once)));
    let notifier = |(name, at_once, (port, _)): &(&str, bool, (u16, Heard))| {
        let host = if *name == "other_name" { "127.0.0.1" } else { "localhost" };
        let security = if *at_once { "tls" } else { "starttls" };
        format!(
            "[[notifier]]\nname = '{name}'\nkind = 'email'\nserver = '{host}:{port}'\nsecurity = '{security}'\nfrom = 'l@example.org'\n\
             to = ['o@example.org']\nuser = 'me'\npassword = {{ file = 'password' }}\ngroup_wait = '0s'\n"
        )
    };
    let alert = "[[alert]]\nname = 'errors'\nsummary = '{{ value | short }} errors'\nquery = 'level:error | stats count() as value'\n\
        over = '10m'\nabove = 2\nevery = '100ms'\n";
    home.write("config/alerts.toml", &(alert.to_owned() + &servers.iter().map(notifier).collect::<String>()));
    home.write("password", "secret\n");
    let daemon = home.spawn_with(&[("SSL_CERT_FILE", &home.path("CA.pem").display().to_string())]);
    home.append("logs/orchestrator.log", "ERROR: one\nERROR: two\nERROR: three\n");
    let status = |name: &str| {
        let alerts = home.json(&["alerts"]);
        let all = alerts["notifiers"].as_array().unwrap().clone();
        all.into_iter().find(|notifier| notifier["notifier"] == name).unwrap()
    };
    wait_until("the daemon answers", || home.output(&["alerts"]).status.success());
    for (name, _, (_, heard)) in &servers[..2] {
        wait_until(name, || heard.lock().unwrap().contains("3 errors"));
        // AUTH PLAIN, after TLS.
        assert!(heard.lock().unwrap().contains("AUTH PLAIN AG1lAHNlY3JldA=="), "{name}");
    }
    for (name, _, (_, heard)) in &servers[2..] {
        wait_until(name, || status(name)["error"].as_str().is_some_and(|error| error.contains("ertificate")));
        assert_eq!(*heard.lock().unwrap(), "", "{name}");
        assert_eq!(status(name)["sent"], 0);
    }
    drop(daemon);
}
