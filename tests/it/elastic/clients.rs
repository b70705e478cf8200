//! The official clients in Python; `clients.py` has what they ask.

use std::path::PathBuf;
use std::process::Command;

use super::home;

/// Where `tests/all` puts them, with a Python of their own.
pub fn python() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let python = cache.join("logmill/elastic-clients/bin/python");
    let there = Command::new(&python).args(["-c", "import elasticsearch, opensearchpy"]).output();
    let found = there.is_ok_and(|output| output.status.success()).then_some(python);
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI must have the clients; tests/all installs them");
        eprintln!("SKIPPED: there are no Python clients of Elasticsearch and OpenSearch; tests/all installs them");
    }
    found
}

#[test]
fn official_clients_find_what_logmill_finds() {
    let Some(python) = python() else { return };
    let home = home(3_000);
    let daemon = home.run();
    daemon.settle();
    let address = std::fs::read_to_string(home.path("data/http.addr")).unwrap();
    for (library, bodies) in [("elasticsearch", "plain"), ("elasticsearch", "packed"), ("opensearch", "packed")] {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/elastic/clients.py");
        let output = Command::new(&python).args([script, library, address.trim(), bodies]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{library} {bodies}: {errors}\n{}", home.log());
        assert_eq!(String::from_utf8_lossy(&output.stdout), "all good\n", "{library}");
    }
    assert!(!home.log().contains("panicked"), "{}", home.log());
    assert_eq!(daemon.stop(), Some(0));
}
