//! Definitions: what is read, and how mistakes are told.

use super::*;

fn read(text: &str) -> Result<Vec<Sink>, String> {
    sinks(text, Path::new("sinks.toml")).map_err(|error| error.to_string())
}

#[test]
fn the_least_that_must_be_said() {
    let check = |lines: &str, target: &str| {
        let sink = read(&format!("[[sink]]\nname = \"a\"\n{lines}")).unwrap().remove(0);
        assert_eq!(sink.kind.target(), target);
        assert_eq!((sink.concurrency, sink.start, sink.retention), (1, Start::Beginning, Keep::Drop));
        assert!(sink.query.is_all());
    };
    check("kind = \"http\"\nurl = \"https://h/in\"", "https://h/in");
    check("kind = \"elasticsearch\"\nurl = \"http://h:9200\"", "http://h:9200");
    check("kind = \"loki\"\nurl = \"http://h:3100\"", "http://h:3100");
    check("kind = \"otlp\"\nurl = \"http://h:4318\"", "http://h:4318");
    check("kind = \"syslog\"\nurl = \"tls://h\"", "tls://h:6514");
    check("kind = \"file\"\npath = \"out.ndjson\"", "out.ndjson");
    check("kind = \"nats\"\nurl = \"nats://h\"\nsubject = \"logs.a\"", "nats://h:4222 logs.a");
    check("kind = \"stdout\"", "standard output");
    assert!(read("").unwrap().is_empty());
}

#[test]
fn mistakes_name_their_place() {
    let check = |lines: &str, want: &str| {
        let error = read(&format!("[[sink]]\nname = \"a\"\n{lines}\n")).unwrap_err();
        assert!(error.contains(want), "{lines}\n{error}");
    };
    let http = |more: &str| format!("kind = \"http\"\nurl = \"http://h\"\n{more}");
    check("kind = \"htp\"", "sinks.toml:3:8: \"htp\" is no kind; there are http, elasticsearch");
    check("kind = \"http\"", "sinks.toml:1:1: the sink lacks `url`");
    check("kind = \"http\"\nurl = \"h:80\"", "sinks.toml:4:7: \"h:80\" is no address");
    check("kind = \"http\"\nurl = \"http://a:b@h\"", "put it into a file");
    check(&http("index = \"x\""), "sinks.toml:5:9: `index` is nothing to a sink of kind http");
    check(&http("colour = 1"), "sinks.toml:5:1: unknown field `colour`");
    check(&http("query = \"a AND\""), "sinks.toml:5:9: query:");
    check(&http("query = \"a | limit 1\""), "has no pipes");
    check(&http("start = \"later\""), "unknown variant `later`, expected `beginning` or `now`");
    check(&http("concurrency = 0"), "concurrency must be from 1 to 64");
    check(&http("template = \"${\""), "has no `}`");
    check(&http("timeout = \"0s\""), "timeout must be more than 0");
    check(&http("[sink.batch]\nentries = 0"), "sinks.toml:6:11: batch.entries must be from 1");
    check(&http("[sink.batch]\nbytes = \"1GiB\""), "batch.bytes must be at most");
    check(&http("[sink.retry]\nmin = \"2m\""), "at most retry.max");
    check(&http("[sink.tls]\ncert = \"c.pem\""), "needs its `key`");
    check(&http("[sink.tls]\nkey = \"k.pem\""), "needs its `cert`");
    check(&http("[sink.auth]\nuser = \"u\""), "needs `password_file`");
    check(&http("[sink.auth]\npassword_env = \"P\""), "needs its `auth.user`");
    check(&http("[sink.auth]\npassword = \"p\""), "unknown field `password`");
    check(&http("[sink.auth.headers]\nX-Api-Key = \"p\""), "looks like a secret");
    check("kind = \"stdout\"\nurl = \"http://h\"", "`url` is nothing to a sink of kind stdout");
    check("kind = \"stdout\"\n[sink.auth]\nuser = \"u\"", "`auth.user` is nothing to a sink of kind stdout");
    check("kind = \"syslog\"\nurl = \"h:514\"", "write udp://HOST");
    check("kind = \"nats\"\nurl = \"http://h\"\nsubject = \"a\"", "write nats://HOST");
    check("kind = \"nats\"\nurl = \"nats://u:p@h\"\nsubject = \"a\"", "write nats://HOST");
    check("kind = \"nats\"\nurl = \"nats://h\"\nsubject = \"a.>\"", "is no subject");
    check("kind = \"nats\"\nurl = \"nats://h\"", "lacks `subject`");
    check("kind = \"syslog\"\nurl = \"udp://h\"\nfacility = \"local9\"", "is no facility");
    check("kind = \"syslog\"\nurl = \"udp://h\"\nstructured = \"logmill\"", "NAME@NUMBER");
    check("kind = \"syslog\"\nurl = \"udp://h\"\nmax_message = \"10\"", "between 480 bytes");
    check("kind = \"stdout\"\n[[sink]]\nname = \"a\"\nkind = \"stdout\"", "sinks.toml:5:8: two sinks are called \"a\"");
    let error = read("[[sink]]\nname = \"../a\"\nkind = \"stdout\"").unwrap_err();
    assert!(
        error.contains("\"../a\" is no name") && error.contains("  2 | name = \"../a\"\n    |        ^"),
        "{error}"
    );
}

#[test]
fn the_example_of_the_page_and_the_examples_that_ship_are_good() {
    let page = include_str!("../manual.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let sink = read(example).unwrap().remove(0);
    assert_eq!((sink.name.as_str(), sink.retention, sink.concurrency), ("lake", Keep::Hold, 2));
    let shipped = include_str!("../../../config/sinks.toml");
    assert!(read(shipped).unwrap().is_empty());
    let is_example = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
    let examples: Vec<&str> = shipped.lines().filter(is_example).map(|line| &line[1..]).collect();
    let kinds: Vec<&str> = read(&examples.join("\n")).unwrap().iter().map(|sink| sink.kind.name()).collect();
    assert_eq!(kinds, ["elasticsearch", "otlp", "loki", "http", "syslog", "nats", "file"]);
}
