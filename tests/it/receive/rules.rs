//! The rules of pipelines on what is received: no secret reaches the disk, whichever way it comes.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};

use crate::home::{Home, wait_until};
use crate::receive::{address, arrived, home, post};
use crate::ship::lines::free_port;

/// For received entries alone.
const PIPELINE: &str = "name = \"door\"\nservice = \"shop\"\n[source]\ninclude = []\n[redact]\nrecipes = [\"keys\", \"email\"]\n\
    [fields]\nextract = [{ from = \"message\", pattern = 'order (?P<order>[0-9]+)' }]\ntypes = { order = \"int\" }\n\
    [labels]\nzone = \"north\"\n[filter]\ndrop = \"chatter\"\n[[sample]]\nquery = \"sampled\"\nkeep = 0\n";

/// Nothing in the folder of the data has it, neither packed as text nor in the journal.
fn nowhere(home: &Home, secret: &str) {
    let found = std::process::Command::new("grep").args(["-rlaF", secret]).arg(home.path("data")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{secret} is on the disk");
}

#[test]
fn rules_hold_for_every_way() {
    let port = free_port();
    let home =
        home(&format!("pipeline = \"door\"\nsyslog = [\"udp://127.0.0.1:{port}\", \"tcp://127.0.0.1:{port}\"]\n"));
    home.write("pipelines/door.toml", PIPELINE);
    let daemon = home.run();
    let json = "content-type: application/json\r\n";
    let posts = [
        (
            "/v1/logs",
            json,
            r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"db.password","value":{"stringValue":"hunter2otlp"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"1795500000000000001","severityNumber":17,"body":{"stringValue":"otlp order 5 of me@otlp.example"}},{"body":{"stringValue":"otlp chatter"}}]}]}]}"#,
        ),
        (
            "/loki/api/v1/push",
            json,
            r#"{"streams":[{"stream":{"api_key":"hunter2loki"},"values":[["1795500000000000002","loki order 5 of me@loki.example"],["1795500000000000003","loki chatter"]]}]}"#,
        ),
        (
            "/_bulk",
            "",
            "{\"create\":{}}\n{\"message\":\"bulk chatter\"}\n{\"create\":{}}\n{\"@timestamp\":\"2026-11-24T06:00:00Z\",\"message\":\"bulk order 5 of me@bulk.example\",\"password\":\"hunter2bulk\"}\n",
        ),
        (
            "/api/v1/ingest",
            "",
            "2026-11-24 06:00:00,123 - till - ERROR - lines order 5 of me@lines.example password=hunter2lines\n2026-11-24 06:00:00,124 - till - INFO - chatter\n",
        ),
    ];
    for (target, headers, body) in posts {
        let reply = post(&home, target, headers, body.as_bytes());
        assert!(matches!(reply.status, 200 | 204), "{target}: {}", reply.text());
        if target == "/_bulk" {
            // Who sent what is left out is done with it, too.
            let statuses: Vec<_> =
                reply.json()["items"].as_array().unwrap().iter().map(|i| i["create"]["status"].clone()).collect();
            assert_eq!(statuses, [201, 201], "{}", reply.text());
        }
    }
    let message =
        |way: &str| format!("<11>Nov 24 06:00:00 host till: {way} order 5 of me@{way}.example password=hunter2{way}\n");
    let chatter = "<11>Nov 24 06:00:00 host till: chatter\n";
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.send_to(message("udp").as_bytes(), ("127.0.0.1", port)).unwrap();
    udp.send_to(chatter.as_bytes(), ("127.0.0.1", port)).unwrap();
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.write_all((message("tcp") + chatter).as_bytes()).unwrap();
    drop(tcp);
    arrived(&home, "order:5", 6);
    for way in ["otlp", "loki", "bulk", "lines", "udp", "tcp"] {
        let entry = home.search(&format!("\"{way} order\"")).remove(0);
        let message = entry["message"].as_str().unwrap();
        assert!(message.contains(&format!("{way} order 5 of [redacted:email]")), "{entry}");
        assert_eq!((&entry["fields"]["zone"], &entry["service"]), (&"north".into(), &"shop".into()), "{entry}");
        nowhere(&home, &format!("hunter2{way}"));
        nowhere(&home, &format!("me@{way}"));
    }
    let entry = home.search("\"bulk order\"").remove(0);
    assert_eq!(entry["fields"]["password"], "[redacted:keys]", "{entry}");
    let entry = home.search("\"lines order\"").remove(0);
    assert_eq!((&entry["level"], &entry["logger"]), (&"error".into(), &"till".into()), "read as a line: {entry}");
    let counted = || {
        let entries = daemon.status()["received"]["entries"].clone();
        ["otlp", "loki", "bulk", "lines", "syslog_udp", "syslog_tcp"].map(|way| entries[way]["filtered"].clone())
    };
    wait_until("what was left out is counted", || counted() == [1; 6].map(serde_json::Value::from));
    assert!(daemon.status()["redacted"]["email"].as_u64().unwrap() >= 6);
    assert!(home.search("chatter").is_empty());
}

#[test]
fn what_another_logmill_sends_is_redacted_and_not_sampled_twice() {
    let check = |setting: &str, want: &[&str]| {
        let there = home(setting);
        there.write("pipelines/door.toml", PIPELINE);
        let there_daemon = there.run();
        let here = Home::new(crate::ship::sinks::CONFIG);
        here.write("pipelines/all.toml", crate::ship::sinks::PIPELINE);
        let sink = format!(
            "[[sink]]\nname = \"centre\"\nkind = \"logmill\"\nurl = \"http://{}\"\n[sink.batch]\nage = \"20ms\"\n",
            address(&there)
        );
        here.write("config/sinks.toml", &sink);
        let here_daemon = here.run();
        here.append(
            "logs/a.log",
            "2026-11-24 06:00:00,000 - x - INFO - sampled one\n2026-11-24 06:00:00,001 - x - INFO - password=hunter2 two\n",
        );
        let sent = || here.json(&["ship", "status"])[0]["counts"]["delivered"] == 2;
        wait_until("both are sent", sent);
        arrived(&there, "*", want.len());
        assert_eq!(there.messages("*"), want, "{setting}");
        nowhere(&there, "hunter2");
        drop((here_daemon, there_daemon));
    };
    check("pipeline = \"door\"\n", &["sampled one", "password=[redacted:keys] two"]);
    check("pipeline = \"door\"\n[receive.pipelines]\nlogmill = \"door\"\n", &["password=[redacted:keys] two"]);
}

#[test]
fn rules_change_with_a_reload_and_mistakes_are_told() {
    let home = home("");
    home.write("pipelines/door.toml", PIPELINE);
    let config = std::fs::read_to_string(home.path("config/logmill.toml")).unwrap();
    let (_, said) = home.fails(&["check"]);
    assert!(said.contains("include is empty"), "{said}");
    home.write("config/logmill.toml", &(config.clone() + "pipeline = \"dor\"\n"));
    let (_, said) = home.fails(&["check"]);
    assert!(said.contains("receive.pipeline: no pipeline is called \"dor\"; there are all, door"), "{said}");
    let redacting = PIPELINE.replace("include = []", "include = [\"none/*.log\"]");
    home.write("pipelines/door.toml", &redacting);
    home.write("config/logmill.toml", &config);
    let said = home.ok(&["check"]);
    assert!(said.contains("receive.pipeline: the pipeline \"door\" redacts"), "{said}");
    let daemon = home.run();
    let line = |n: u32| format!("2026-11-24T06:00:00Z INFO password=hunter2 number {n}\n");
    assert_eq!(post(&home, "/api/v1/ingest", "", line(1).as_bytes()).status, 200);
    home.write("config/logmill.toml", &(config + "pipeline = \"door\"\n"));
    daemon.signal("HUP");
    wait_until("the new rules hold", || {
        assert_eq!(post(&home, "/api/v1/ingest", "", line(2).as_bytes()).status, 200);
        !home.search("\"[redacted:keys] number 2\"").is_empty()
    });
    arrived(&home, "\"hunter2 number 1\"", 1);
}
