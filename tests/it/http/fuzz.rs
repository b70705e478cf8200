//! schemathesis makes requests of `openapi.json`, sensible and hostile ones, and no answer is a 5xx or undescribed.

use std::path::PathBuf;
use std::process::Command;

use logmill::generate::Generator;
use logmill::sys::clock::{self, SECOND};

use super::client::get;
use crate::home::Home;

/// Requests for each path and phase.
const EXAMPLES: &str = "25";
/// What the daemon may take more after it, in bytes.
const MEMORY: u64 = 200 << 20;

/// Where it is: on the path, or where `tests/all` puts it.
fn schemathesis() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let ours = cache.map(|cache| cache.join("logmill/schemathesis/bin/schemathesis"));
    let candidates = [std::env::var_os("LOGMILL_SCHEMATHESIS").map(PathBuf::from), ours, Some("schemathesis".into())];
    let runs = |program: &PathBuf| Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    candidates.into_iter().flatten().find(runs)
}

#[test]
fn schemathesis_finds_no_fault() {
    let Some(program) = schemathesis() else {
        assert!(std::env::var_os("CI").is_none(), "CI must have schemathesis; tests/all installs it");
        eprintln!("SKIPPED: there is no schemathesis, hostile requests were not tried; tests/all installs it");
        return;
    };
    let home = Home::new("[store]\ncommit_every = \"100ms\"\n");
    let mut generator = Generator::new(5, clock::now() - 600 * SECOND);
    for line in (0..1_000).map(|_| generator.next()) {
        home.append(&line.file, &line.text);
    }
    let daemon = home.run();
    daemon.settle();
    let before = daemon.status()["memory_bytes"].as_u64().unwrap();
    let address = std::fs::read_to_string(home.path("data/http.addr")).unwrap();
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let output = Command::new(program)
        .current_dir(home.path(""))
        .args(["run", &format!("http://{address}/api/v1/openapi.json"), "--checks", checks])
        .args(["--max-examples", EXAMPLES, "--phases", "examples,coverage,fuzzing", "--seed", "1"])
        // It streams for ever, and a stream without an end is no answer to compare.
        .args([
            "--exclude-path",
            "/api/v1/tail",
            "--no-color",
            "--request-timeout",
            "30",
            "--generation-database",
            "none",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let short: Vec<String> = said.lines().map(|line| line.chars().take(300).collect()).collect();
    assert!(output.status.success(), "{}\n{}", short.join("\n"), String::from_utf8_lossy(&output.stderr));
    assert_eq!(get(&home, "/health").status, 200);
    let after = daemon.status()["memory_bytes"].as_u64().unwrap();
    assert!(after < before + MEMORY, "memory grew from {before} to {after} bytes");
    let log = home.log();
    assert!(!log.contains("panicked") && !log.contains("an HTTP request failed"), "{log}");
    assert_eq!(daemon.stop(), Some(0));
}
