//! Programs that people send logs with.

use std::path::Path;
use std::process::Command;

use crate::receive::{address, arrived, home};
use crate::ship::lines::{free_port, has, rsyslogd};

#[test]
fn logger_sends_over_tcp_and_udp() {
    if !has("logger") {
        return;
    }
    let port = free_port();
    let home = home(&format!("syslog = [\"udp://127.0.0.1:{port}\", \"tcp://127.0.0.1:{port}\"]"));
    let _daemon = home.run();
    let port = port.to_string();
    let check = |flags: &[&str], message: &str| {
        let program = Command::new("logger")
            .args(["-n", "127.0.0.1", "-P", &port, "-p", "daemon.err", "-t", "till"])
            .args(flags)
            .arg(message)
            .output()
            .unwrap();
        assert!(program.status.success(), "{flags:?}: {}", String::from_utf8_lossy(&program.stderr));
        arrived(&home, &format!("\"{message}\""), 1);
        let entry = home.search(&format!("\"{message}\"")).remove(0);
        assert_eq!((&entry["level"], &entry["logger"]), (&"error".into(), &"till".into()), "{flags:?}: {entry}");
        assert_eq!(entry["source"], "syslog://127.0.0.1");
    };
    check(&["--udp", "--rfc3164"], "datagram of 3164");
    check(&["--udp", "--rfc5424"], "datagram of 5424");
    check(&["--tcp", "--rfc3164"], "stream of 3164");
    check(&["--tcp", "--rfc5424", "--octet-count"], "stream of 5424 with lengths");
}

#[test]
fn rsyslog_forwards_all_it_reads() {
    if !has("rsyslogd") {
        return;
    }
    let port = free_port();
    let home = home(&format!("syslog = [\"tcp://127.0.0.1:{port}\"]"));
    let _daemon = home.run();
    let input = home.path("input.log");
    std::fs::write(&input, (0..2_000).map(|n| format!("line {n} of a file\n")).collect::<String>()).unwrap();
    let config = format!(
        "global(workDirectory={:?})\nmodule(load=\"imfile\" mode=\"polling\" pollingInterval=\"1\")\n\
         input(type=\"imfile\" file={:?} tag=\"till\" severity=\"warning\")\n\
         *.* action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{port}\" protocol=\"tcp\" tcp_framing=\"octet-counted\" \
         template=\"RSYSLOG_SyslogProtocol23Format\" queue.type=\"linkedList\" action.resumeRetryCount=\"-1\")\n",
        home.path("").display().to_string(),
        input.display().to_string(),
    );
    let _rsyslog = rsyslogd(&home, &config);
    arrived(&home, "\"of a file\"", 2_000);
    let entry = home.search("\"line 1999 of\"").remove(0);
    assert_eq!((&entry["level"], &entry["logger"]), (&"warning".into(), &"till".into()), "{entry}");
}

const OPENTELEMETRY: &str = r#"
import logging, sys
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

provider = LoggerProvider(resource=Resource.create({"service.name": "shop"}))
provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=sys.argv[1] + "/v1/logs")))
log = logging.getLogger("till.counter")
log.addHandler(LoggingHandler(logger_provider=provider))
log.setLevel(logging.DEBUG)
for n in range(1000):
    log.info("counted %d of a thousand", n, extra={"n": n})
log.error("it is broken", extra={"workflow_id": "wf-8f3a12cd"})
provider.shutdown()
"#;

/// OpenTelemetry's own SDK for Python.
#[test]
fn opentelemetry_sends_records() {
    let cache = std::env::var("XDG_CACHE_HOME").or_else(|_| std::env::var("HOME").map(|home| home + "/.cache"));
    let python = Path::new(&cache.unwrap_or_default()).join("logmill/opentelemetry/bin/python");
    if !python.exists() {
        assert!(std::env::var_os("CI").is_none(), "CI must have OpenTelemetry for Python, see tests/all");
        eprintln!("SKIPPED: there is no {}", python.display());
        return;
    }
    let home = home("");
    let _daemon = home.run();
    home.write("send.py", OPENTELEMETRY);
    let url = format!("http://{}", address(&home));
    let output = Command::new(python).arg(home.path("send.py")).arg(url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    arrived(&home, "\"of a thousand\"", 1_000);
    let entry = home.search("\"counted 7 of a thousand\"").remove(0);
    assert_eq!(
        (&entry["level"], &entry["service"], &entry["logger"], &entry["fields"]["n"]),
        (&"info".into(), &"shop".into(), &"till.counter".into(), &7.into()),
        "{entry}"
    );
    arrived(&home, "workflow_id:wf-8f3a12cd", 1);
    let entry = home.search("workflow_id:wf-8f3a12cd").remove(0);
    assert_eq!((&entry["level"], &entry["message"]), (&"error".into(), &"it is broken".into()), "{entry}");
}
