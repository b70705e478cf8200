//! Every shipped alert, Logmill's own and Prometheus's: made true by what it is about, told to the real Alertmanager, and
//! ended again. Only times are shorter, and the share of memory is another: no test fills that of the machine.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::home::{Home, SmallDisk};
use crate::prometheus::{Server, brief_rules, config, have, prometheus};
use crate::ship::lines::{certificates, has};

/// How long all of it may take: windows of twelve and twenty-four seconds must pass.
const PATIENCE: Duration = Duration::from_secs(150);

const CONFIG: &str = r#"
[store]
commit_every = "200ms"
[follow]
discover_every = "100ms"
[host]
every = "500ms"
filesystems = ["small"]
"#;

const PIPELINES: [(&str, &str); 2] = [
    ("pipelines/all.toml", "name = \"all\"\n[source]\ninclude = [\"logs/*.log\"]\nexclude = [\"logs/quiet.log\"]\n"),
    ("pipelines/quiet.toml", "name = \"quiet\"\n[source]\ninclude = [\"logs/quiet.log\"]\n"),
];

/// By the names of their own files; `LogmillAbsent` is for when there is nothing to scrape, and has unit tests.
const OURS: [&str; 10] = [
    "service_down",
    "workflow_failures",
    "disk_free",
    "memory_used",
    "slow_responses",
    "slow_requests",
    "rising_retries",
    "growing_backlog",
    "certificate_expiry",
    "source_silent",
];
const PROMETHEUS: [&str; 10] = [
    "ServiceDown",
    "WorkflowFailures",
    "DiskFree",
    "MemoryUsed",
    "SlowResponses",
    "SlowRequests",
    "RisingRetries",
    "GrowingBacklog",
    "CertificateExpiry",
    "SourceSilent",
];
/// Of those, what needs a small file system.
const OF_DISKS: [&str; 2] = ["disk_free", "DiskFree"];

/// A service that is slow, or gone, as it is told.
struct Service {
    address: String,
    delay: Arc<AtomicU64>,
    is_gone: Arc<AtomicBool>,
}

impl Service {
    fn start() -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (delay, is_gone) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (late, gone) = (delay.clone(), is_gone.clone());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (late, gone) = (late.clone(), gone.clone());
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(late.load(Ordering::Relaxed)));
                    let mut request = [0; 4096];
                    if !gone.load(Ordering::Relaxed) && stream.read(&mut request).is_ok() {
                        let _ =
                            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                    }
                });
            }
        });
        Service { address, delay, is_gone }
    }
}

/// Shows the certificate `NAME.pem`, where the name is the first or, once it is told, the second.
fn tls_service(home: &Home, names: [&str; 2], is_second: &Arc<AtomicBool>) -> u16 {
    let config = names.map(|name| {
        let pem = |kind: &str| home.path(&format!("{name}.{kind}"));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        let certificate = CertificateDer::from_pem_file(pem("pem")).unwrap();
        Arc::new(
            builder.with_single_cert(vec![certificate], PrivateKeyDer::from_pem_file(pem("key")).unwrap()).unwrap(),
        )
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let is_second = is_second.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = config[usize::from(is_second.load(Ordering::Relaxed))].clone();
            let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            // The handshake, and until the other side has seen enough.
            let _ = stream.read(&mut [0; 16]);
        }
    });
    port
}

/// The shipped alerts with shorter times, looking at what this test has.
fn our_alerts(home: &Home, api: &Service, orchestrator: &Service, tls: u16, alertmanager: &str, memory: &str) {
    let mut text = fs::read_to_string(config("alerts.toml")).unwrap();
    for (from, to) in [
        ("\"15m\"", "\"12s\""),
        ("\"30m\"", "\"24s\""),
        ("\"24h\"", "\"3s\""),
        ("\"10m\"", "\"12s\""),
        ("above = \"90%\"", &format!("above = \"{memory}\"")),
        ("clear = \"85%\"", &format!("clear = \"{memory}\"")),
        ("disk_free = {}", "disk_free = { paths = [\"small\"] }"),
        ("127.0.0.1:8000", &api.address),
        ("127.0.0.1:8080", &orchestrator.address),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let lines = text.lines().map(|line| match line {
        "[[alert]]" => "[[alert]]\nevery = \"200ms\"",
        "[[probe]]" => "[[probe]]\nevery = \"500ms\"",
        line if line.starts_with("for = ") => "for = \"1s\"",
        line => line,
    });
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let more = format!(
        "[[probe]]\nname = \"site\"\ntls = \"localhost:{tls}\"\nevery = \"500ms\"\n\
         [[notifier]]\nkind = \"alertmanager\"\nurl = \"http://{alertmanager}\"\ngroup_wait = \"0s\"\n"
    );
    home.write("config/alerts.toml", &(text + &more));
}

/// Prometheus's rules with shorter times.
fn rules(home: &Home, memory: &str) {
    for name in ["alerts.yml", "recording.yml"] {
        let mut text = brief_rules(name);
        for (from, to) in [
            ("[15m]", "[12s]"),
            ("offset 15m", "offset 12s"),
            ("[30m]", "[24s]"),
            ("[10m]", "[12s]"),
            ("> 86400", "> 3"),
            ("> 0.90", memory),
        ] {
            text = text.replace(from, to);
        }
        home.write(&format!("prometheus/rules/{name}"), &text);
    }
}

/// Events of workflows.
fn events(home: &Home, event: &str, ids: std::ops::Range<u32>) {
    let line = |id| {
        format!(
            "{{\"level\": \"INFO\", \"message\": \"m\", \"context\": {{\"workflow_id\": \"wf-{id}\"}}, \"event_type\": \"{event}\", \"event_data\": {{\"workflow_type\": \"tdd\"}}}}\n"
        )
    };
    home.append("logs/a.log", ids.map(line).collect::<String>());
}

fn requests(home: &Home, count: usize, milliseconds: u32) {
    let line = format!(
        "{{\"level\": \"INFO\", \"message\": \"m\", \"method\": \"GET\", \"path\": \"/orders\", \"status\": 200, \"duration_ms\": {milliseconds}.0}}\n"
    );
    home.append("logs/a.log", line.repeat(count));
}

/// What Alertmanager holds for true, but for other disks of this machine.
fn active(alertmanager: &Server) -> BTreeSet<String> {
    let alerts = alertmanager.ask("/api/v2/alerts?active=true").unwrap_or_default();
    let is_ours = |alert: &&serde_json::Value| alert["labels"]["path"].as_str().is_none_or(|path| path == "small");
    let name = |alert: &serde_json::Value| {
        let summary = alert["annotations"]["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty() && !summary.contains(['{', '}']), "{alert}");
        alert["labels"]["alertname"].as_str().unwrap_or_default().to_owned()
    };
    alerts.as_array().into_iter().flatten().filter(is_ours).map(name).collect()
}

#[test]
fn every_alert_fires_reaches_alertmanager_and_ends() {
    if !have(&["prometheus", "prometheus-alertmanager"]) || !has("openssl") {
        return;
    }
    let home = Home::new(CONFIG);
    PIPELINES.iter().for_each(|(name, text)| home.write(name, text));
    fs::create_dir(home.path("small")).unwrap();
    let disk = SmallDisk::in_memory(&home.path("small"), "4m");
    certificates(&home, &[("short", 5), ("long", 90)]);
    let (api, orchestrator, is_renewed) = (Service::start(), Service::start(), Arc::new(AtomicBool::new(false)));
    let tls = tls_service(&home, ["short", "long"], &is_renewed);

    let storage = format!("--storage.path={}", home.path("alertmanager").display());
    let file = format!("--config.file={}", config("alertmanager/alertmanager.yml").display());
    let arguments = [storage, file, "--cluster.listen-address=".to_owned()];
    let alertmanager = Server::start(&home, "prometheus-alertmanager", &arguments);
    our_alerts(&home, &api, &orchestrator, tls, &alertmanager.address, "0.01%");
    // The types are known before anything happens to them.
    events(&home, "workflow_started", 0..10);
    events(&home, "workflow_completed", 0..4);
    home.append("logs/quiet.log", "the last that is heard of it\n");
    requests(&home, 1, 10);
    let daemon = home.run();
    rules(&home, "> 0.0001");
    let logmill = fs::read_to_string(home.path("data/http.addr")).unwrap();
    let prometheus = prometheus(&home, &logmill, &alertmanager.address);
    let is_up = || {
        let answer = prometheus.ask("/api/v1/query?query=log_workflows_started_total").unwrap_or_default();
        answer["data"]["result"].as_array().is_some_and(|all| !all.is_empty())
            && home.json(&["alerts"])["probes"].as_array().unwrap().iter().all(|probe| probe["state"] == "up")
    };
    crate::home::wait_until("Prometheus has seen the beginning, and every probe was answered", is_up);
    std::thread::sleep(Duration::from_secs(2));

    // All of it goes wrong.
    api.delay.store(2_300, Ordering::Relaxed);
    orchestrator.is_gone.store(true, Ordering::Relaxed);
    disk.iter().for_each(|disk| disk.fill_but(64 << 10));
    let mut missing: BTreeSet<String> = OURS.iter().chain(&PROMETHEUS).map(|name| (*name).to_owned()).collect();
    if disk.is_none() {
        missing.retain(|name| !OF_DISKS.contains(&name.as_str()));
    }
    let (begun, mut next, mut round) = (Instant::now(), Instant::now(), 0);
    while !missing.is_empty() {
        if Instant::now() >= next {
            // Again and again: what is counted in a window falls out of it.
            next = Instant::now() + Duration::from_secs(8);
            let from = 100 + 100 * round;
            events(&home, "workflow_started", from..from + 40);
            events(&home, "workflow_failed", from..from + 6);
            // More of them each time, so that they rise.
            events(&home, "retry", from..from + 20 * (round + 1));
            requests(&home, 20, 8_000);
            round += 1;
        }
        let fired = active(&alertmanager);
        missing.retain(|name| !fired.contains(name));
        assert!(begun.elapsed() < PATIENCE, "these never fired: {missing:?}\n{}", home.log());
        std::thread::sleep(Duration::from_millis(200));
    }

    // All of it is mended.
    api.delay.store(0, Ordering::Relaxed);
    orchestrator.is_gone.store(false, Ordering::Relaxed);
    disk.iter().for_each(SmallDisk::free);
    is_renewed.store(true, Ordering::Relaxed);
    our_alerts(&home, &api, &orchestrator, tls, &alertmanager.address, "99%");
    daemon.signal("HUP");
    rules(&home, "> 0.99");
    prometheus.reload();
    events(&home, "workflow_completed", 4..10);
    (0..round).for_each(|round| events(&home, "workflow_completed", 106 + 100 * round..140 + 100 * round));
    let begun = Instant::now();
    loop {
        home.append("logs/quiet.log", "here again\n");
        requests(&home, 40, 10);
        let left = active(&alertmanager);
        if left.is_empty() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "these never ended: {left:?}\n{}", home.log());
        std::thread::sleep(Duration::from_millis(500));
    }
}
