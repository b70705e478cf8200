//! Programs that ship to Elasticsearch: what they ask before they send has answers by which they go on.

use std::process::Command;

use serde_json::{Value, json};

use crate::elastic::clients::python;
use crate::http::client::{Reply, exchange};
use crate::receive::{address, arrived, home};
use crate::ship::lines::{has_rsyslog_with, rsyslogd};

/// The requests of Filebeat (root, license, policy, template, data stream), Logstash (the same by `HEAD`), Vector (health)
/// and older shippers at their start.
#[test]
fn what_is_asked_before_anything_is_sent() {
    let home = home("");
    let _daemon = home.run();
    let send = |method: &str, path: &str| -> Reply {
        let stream = std::net::TcpStream::connect(address(&home)).unwrap();
        exchange(stream, format!("{method} {path} HTTP/1.0\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"))
    };
    let check = |path: &str, want: Value| {
        let reply = send("GET", path);
        assert_eq!((reply.status, reply.header("x-elastic-product")), (200, Some("elasticsearch")), "{path}");
        for (pointer, want) in want.as_object().unwrap() {
            assert_eq!(reply.json().pointer(pointer), Some(want), "{path}: {}", reply.text());
        }
        let head = send("HEAD", path);
        assert_eq!((head.status, head.header("x-elastic-product")), (200, Some("elasticsearch")), "{path}");
    };
    check(
        "/",
        json!({ "/tagline": "You Know, for Search", "/version/build_flavor": "default", "/version/number": "8.17.0" }),
    );
    check("/_license?human=false", json!({ "/license/status": "active", "/license/type": "basic" }));
    check("/_xpack", json!({ "/license/status": "active", "/features/ilm/enabled": false }));
    check("/_cluster/health", json!({ "/status": "green" }));
    check("/_ilm/policy/filebeat", json!({ "/filebeat/version": 1 }));
    check("/_index_template/filebeat-8.17.0", json!({ "/index_templates/0/name": "filebeat-8.17.0" }));
    check("/_component_template/x", json!({ "/component_templates/0/name": "x" }));
    check("/_template/logstash", json!({ "/logstash/index_patterns/0": "*" }));
    check("/_data_stream/filebeat-8.17.0", json!({ "/data_streams/0/name": "filebeat-8.17.0" }));
    for path in ["/_ilm/policy/a", "/_index_template/a", "/_component_template/a", "/_template/a", "/_data_stream/a"] {
        let reply = send("PUT", path);
        assert_eq!((reply.status, &reply.json()["acknowledged"]), (200, &true.into()), "{path}");
    }
    // The other face tells the same.
    let reply = crate::elastic::send(&home, "GET", "/", "");
    assert_eq!(reply.json(), send("GET", "/").json());
    // Others find no such paths.
    assert_eq!(send("GET", "/_nodes/http").status, 404);
    assert_eq!(send("DELETE", "/_data_stream/a").status, 405);
}

#[test]
fn rsyslog_sends_as_to_elasticsearch() {
    if !has_rsyslog_with("omelasticsearch") {
        return;
    }
    let home = home("");
    let _daemon = home.run();
    let input = home.path("input.log");
    std::fs::write(&input, (0..2_000).map(|n| format!("line {n} of a file\n")).collect::<String>()).unwrap();
    let address = address(&home);
    let (host, port) = address.rsplit_once(':').unwrap();
    let config = format!(
        "global(workDirectory={:?})\nmodule(load=\"imfile\" mode=\"polling\" pollingInterval=\"1\")\nmodule(load=\"omelasticsearch\")\n\
         template(name=\"json\" type=\"list\" option.jsonf=\"on\") {{\n\
         property(outname=\"@timestamp\" name=\"timereported\" dateFormat=\"rfc3339\" format=\"jsonf\")\n\
         property(outname=\"level\" name=\"syslogseverity-text\" format=\"jsonf\")\n\
         property(outname=\"message\" name=\"msg\" format=\"jsonf\")\n}}\n\
         input(type=\"imfile\" file={:?} tag=\"till\" severity=\"warning\")\n\
         *.* action(type=\"omelasticsearch\" server={host:?} serverport=\"{port}\" template=\"json\" searchIndex=\"logs\" searchType=\"\" \
         bulkmode=\"on\" queue.type=\"linkedList\" queue.dequeuebatchsize=\"300\" action.resumeRetryCount=\"-1\")\n",
        home.path("").display().to_string(),
        input.display().to_string(),
    );
    let _rsyslog = rsyslogd(&home, &config);
    arrived(&home, "\"of a file\"", 2_000);
    let entry = home.search("\"line 1999 of\"").remove(0);
    assert_eq!((&entry["level"], &entry["service"]), (&"warning".into(), &"bulk".into()), "{entry}");
}

const CLIENT: &str = r#"
import sys
from elasticsearch import Elasticsearch, helpers

client = Elasticsearch(sys.argv[1], http_compress=True, basic_auth=("logmill", "a token"))
assert client.license.get()["license"]["type"] == "basic"
assert client.cluster.health()["status"] == "green"
assert client.indices.exists_index_template(name="logs")
assert client.ilm.get_lifecycle(name="logs")["logs"]["version"] == 1
documents = ({"_op_type": "create", "_index": "logs", "@timestamp": "2026-11-24T06:00:00Z", "message": f"document {n} of many"} for n in range(1000))
assert helpers.bulk(client, documents, chunk_size=300) == (1000, [])
"#;

#[test]
fn an_official_client_sends_compressed() {
    let Some(python) = python() else { return };
    let home = home("tokens_file = \"tokens\"\n");
    home.write("tokens", "a token\n");
    home.write("send.py", CLIENT);
    let _daemon = home.run();
    let url = format!("http://{}", address(&home));
    let output = Command::new(python).arg(home.path("send.py")).arg(url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    arrived(&home, "\"of many\"", 1_000);
}
