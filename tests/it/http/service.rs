//! What starts, watches and restarts services hears how the daemon is.

use std::fs;
use std::os::unix::net::UnixDatagram;

use super::client::{get, post};
use crate::home::{Home, PATIENCE, wait_until};

#[test]
fn health_is_told_with_reasons() {
    let home = Home::new("");
    let (code, message) = home.fails(&["health"]);
    assert_eq!(code, 1, "nobody listens at port 0: {message}");
    let daemon = home.run();
    for path in ["/health", "/health/live", "/health/ready"] {
        let reply = get(&home, path);
        assert_eq!((reply.status, &reply.json()["status"]), (200, &"healthy".into()), "{path}");
    }
    assert_eq!(home.ok(&["health"]), "healthy\n");
    let address = fs::read_to_string(home.path("data/http.addr")).unwrap();
    assert_eq!(home.ok(&["health", "--url", &format!("http://{address}/")]), "healthy\n");
    assert_eq!(home.fails(&["health", "--url", "https://localhost"]).0, 2);
    daemon.stop();
    // The partition that was being written is damaged: it is set aside, and that is worth a look.
    fs::write(home.path("data/partitions/000001/meta.json"), "{").unwrap();
    let daemon = home.run();
    wait_until("it is told", || get(&home, "/health").status == 503);
    let reply = get(&home, "/health/ready").json();
    assert!(reply["problems"][0].as_str().unwrap().contains("000001"), "{reply}");
    assert_eq!((&reply["status"], &reply["live"], &reply["ready"]), (&"degraded".into(), &true.into(), &false.into()));
    assert_eq!(get(&home, "/health/live").status, 200, "a restart would not help");
    let output = home.output(&["health"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("degraded\n"));
    home.ok(&["health", "--live"]);
    daemon.stop();
}

#[test]
fn a_full_disk_is_told_before_it_is_full() {
    let home = Home::new("[health]\nmin_free_percent = 100.0\n");
    let daemon = home.run();
    wait_until("it is told", || get(&home, "/health").status == 503);
    let problems = get(&home, "/health").json()["problems"].to_string();
    assert!(problems.contains("nearly full"), "{problems}");
    daemon.stop();
}

#[test]
fn a_reload_is_asked_for_on_the_socket() {
    let home = Home::new("");
    let daemon = home.run();
    let reply = post(&home, "/api/v1/reload", "");
    assert_eq!((reply.status, &reply.json()["reloaded"]), (200, &true.into()), "{}", reply.text());
    home.write("config/logmill.toml", "http = \"127.0.0.1:1\"\n[store]\ncommit_every = \"1s\"\n");
    assert_eq!(post(&home, "/api/v1/reload", "").json()["from_next_start"][0], "http");
    home.write("config/logmill.toml", "htpp = \"off\"\n");
    let reply = post(&home, "/api/v1/reload", "");
    assert_eq!(reply.status, 422);
    assert!(reply.json()["detail"].as_str().unwrap().contains("unknown field `htpp`"), "{}", reply.text());
    assert_eq!(get(&home, "/health").status, 200, "the old one stays in use");
    daemon.stop();
}

#[test]
fn systemd_hears_of_everything() {
    let home = Home::new("");
    let path = home.path("notify");
    let listener = UnixDatagram::bind(&path).unwrap();
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut daemon =
        home.command(&["run"]).env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "2000000").spawn().unwrap();
    let hear = |want: &str| {
        let mut buffer = [0; 500];
        loop {
            let length = listener.recv(&mut buffer).unwrap_or_else(|e| panic!("{want} was not told: {e}"));
            if buffer[..length].starts_with(want.as_bytes()) {
                return;
            }
        }
    };
    hear("READY=1");
    assert!(home.path("data/control.sock").exists(), "it answers once it is ready");
    hear("WATCHDOG=1");
    hear("WATCHDOG=1");
    let signal = |name: &str| home.shell(&format!("kill -s {name} {}", daemon.id()));
    signal("HUP");
    hear("RELOADING=1\nMONOTONIC_USEC=");
    hear("READY=1");
    signal("TERM");
    hear("STOPPING=1");
    assert!(daemon.wait().unwrap().success());
}
