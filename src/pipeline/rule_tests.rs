//! Definitions that prove themselves by their samples, and mistakes in them.

use super::*;

/// A definition's samples hold.
fn check(rules: &str) {
    let text = format!("name = \"x\"\n[source]\ninclude = [\"x.log\"]\nzone = \"UTC\"\n{rules}");
    let pipeline = Pipeline::parse(&text, Path::new("x.toml")).unwrap_or_else(|error| panic!("{error}"));
    match pipeline.test() {
        Ok(count) => assert!(count > 0, "no sample in {rules}"),
        Err(error) => panic!("{error}"),
    }
}

/// The page's example is a pipeline, and its list is the catalog.
#[test]
fn the_page_is_true() {
    let page = include_str!("manual.md");
    let example = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let example = example.lines().filter(|line| !line.starts_with("hash_key_file")).collect::<Vec<_>>().join("\n");
    let pipeline = Pipeline::parse(&example, Path::new("manual.md")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(pipeline.test().unwrap_or_else(|error| panic!("{error}")), 1);
    let list = page.split("are tried: ").nth(1).and_then(|rest| rest.split("text.").next()).unwrap();
    // What is in parentheses explains.
    let list: String = list.split('(').flat_map(|part| part.split(')').next_back()).collect();
    let listed: Vec<_> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let names: Vec<_> = known().iter().map(|format| format.name()).filter(|name| *name != "text").collect();
    assert_eq!(listed, names);
}

#[test]
fn formats_of_ones_own() {
    check(
        r#"
[parse]
formats = ["billing", "odd", "json"]
[[format]]
name = "billing"
pattern = '^(?P<id>[0-9]+);(?P<time>[^;]+);(?P<level>[A-Z]+);(?P<logger>[a-z]+);(?P<message>.*)$'
[[format]]
name = "odd"
joins = "indented"
layouts = ["<<{level}>> {time} ({who}) {message}", "<<{level}>> {message}"]
[fields]
types = { id = "int" }
[[test]]
source = "x.log"
lines = '''
17;2026-11-23T10:15:30Z;WARNING;billing;took 3 ms
  and more
<<error>> 2026-11-23 10:15:31 (alice) no; money
<<error>> only words
18;yesterday;WARNING;billing;is no time
{"level": "info", "msg": "m"}
'''
[[test.entries]]
timestamp = "2026-11-23T10:15:30Z"
level = "warning"
logger = "billing"
message = "took 3 ms\n  and more"
fields = { id = 17 }
[[test.entries]]
timestamp = "2026-11-23T10:15:31Z"
level = "error"
message = "no; money"
fields = { who = "alice" }
[[test.entries]]
level = "error"
message = "only words"
[[test.entries]]
level = "unknown"
message = "18;yesterday;WARNING;billing;is no time"
[[test.entries]]
level = "info"
message = "m"
"#
        .replace("({who})", r"\\({who}\\)")
        .as_str(),
    );
}

#[test]
fn fields_labels_and_routes() {
    check(
        r#"
[labels]
host = "a1"
[fields]
extract = [{ pattern = 'order (?P<order>[0-9]+) of (?P<session_id>\S+)' }, { from = "fields.url", pattern = '^(?P<scheme>[a-z]+):' }]
rename = { usr = "user", wf = "workflow_id", sev = "level" }
types = { order = "int", ratio = "float", ok = "bool", text = "int" }
[[route]]
query = "order:>5"
service = "big"
labels = { size = "large" }
[[route]]
query = "*"
labels = { size = "small" }
[[test]]
source = "x.log"
lines = '''
{"msg": "order 7 of s-1", "usr": "alice", "wf": "wf-1", "sev": "warn", "ratio": "0.5", "ok": "yes", "text": "x", "url": "https://x"}
{"msg": "order 3 of s-2"}
'''
[[test.entries]]
service = "big"
session_id = "s-1"
workflow_id = "wf-1"
level = "warning"
fields = { order = 7, user = "alice", ratio = 0.5, ok = true, text = "x", scheme = "https", host = "a1", size = "large" }
[[test.entries]]
service = "x"
session_id = "s-2"
fields = { order = 3, host = "a1", size = "small" }
"#,
    );
}

#[test]
fn filters_samples_and_limits() {
    check(
        r#"
[filter]
keep = "level>=info OR keep"
drop = "healthz"
[[sample]]
query = "level:info sampled"
keep = 0.0
[[limit]]
query = "level:error"
per_second = 1
burst = 2
by = "logger"
[[test]]
source = "x.log"
lines = '''
ERROR:a:one
ERROR:a:two
ERROR:a:three
ERROR:b:one
INFO:a:GET /healthz
INFO:a:sampled
DEBUG:a:not wanted
DEBUG:a:keep this
'''
[[test.entries]]
message = "one"
[[test.entries]]
message = "two"
[[test.entries]]
logger = "b"
[[test.entries]]
message = "keep this"
"#,
    );
}

#[test]
fn secrets_do_not_get_in() {
    check(
        r#"
[redact]
recipes = ["keys", "tokens", "email", "credit_card"]
patterns = { ticket = 'TICKET-[0-9]+' }
[[test]]
source = "x.log"
lines = '''
2026-11-23 10:15:30 - auth - INFO - login of alice@example.org with password=hunter2 for TICKET-12
{"msg": "card 4111 1111 1111 1111", "api_key": "0123456789abcdef0123"}
-----BEGIN RSA PRIVATE KEY-----
MIIEpAIBAAKCAQEA
-----END RSA PRIVATE KEY-----
'''
[[test.entries]]
logger = "auth"
level = "info"
message = "login of [redacted:email] with password=[redacted:keys] for [redacted:ticket]"
raw = "2026-11-23 10:15:30 - auth - INFO - login of [redacted:email] with password=[redacted:keys] for [redacted:ticket]"
[[test.entries]]
message = "card [redacted:credit_card]"
fields = { api_key = "[redacted:keys]" }
[[test.entries]]
message = "[redacted:keys]"
"#,
    );
    // What gave way stands where a host does; and what was cut in two is found whole.
    check(
        r#"
[redact]
recipes = ["keys", "ipv4"]
[[test]]
source = "x.log"
lines = '''
10.0.0.7 - - [23/Nov/2026:10:15:30 +0000] "GET /x HTTP/1.1" 200 512
Nov 23 10:15:30 10.0.0.9 sshd[12]: bye
2026-11-23T10:15:31Z stdout P password=hun
2026-11-23T10:15:32Z stdout F ter2longsecret rest
'''
[[test.entries]]
timestamp = "2026-11-23T10:15:30Z"
fields = { client = "[redacted:ipv4]", status = 200 }
[[test.entries]]
logger = "sshd"
fields = { host = "[redacted:ipv4]" }
message = "bye"
[[test.entries]]
message = "password=[redacted:keys] rest"
raw = "password=[redacted:keys] rest"
"#,
    );
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let check = |rules: &str, want: &str| {
        let text = format!("name = \"x\"\n[source]\ninclude = [\"x.log\"]\n{rules}");
        let error = Pipeline::parse(&text, Path::new("x.toml")).unwrap_err().to_string();
        assert!(error.contains(want), "{rules}\n{error}");
    };
    check("zone = \"Mars\"", "x.toml:4:8: \"Mars\" is no time zone");
    check("zone = \"Mars\"", "\n  4 | zone = \"Mars\"\n    |        ^");
    check("[parse]\nformats = [\"jsn\"]", "x.toml:5:12: there is no format \"jsn\"; there are json, python");
    check("[[format]]\nname = \"a\"", "needs either layouts or a pattern");
    check("[[format]]\nname = \"a\"\nlayouts = [\"x {b:c} y\"]", "x.toml:6:16: layout: there is no kind \"c\"");
    check("[[format]]\nname = \"a\"\npattern = 'x'", "x.toml:6:11: pattern: has no named group");
    check("[[format]]\nname = \"a\"\npattern = '(?P<a>'", "x.toml:6:11: pattern: regex parse error");
    check("[[format]]\nname = \"json\"\npattern = '(?P<a>x)'", "there is a format \"json\" already");
    check("[filter]\nkeep = \"level:>=\"", "x.toml:5:");
    check("[filter]\nkeep = \"a | stats count()\"", "only chooses entries");
    check("[redact]\nrecipes = [\"keyz\"]", "x.toml:5:12: there is no recipe \"keyz\"; there are keys, tokens");
    check("[redact]\nhash_key_file = \"/does/not/exist\"", "openssl rand -hex 16");
    check("[[sample]]\nkeep = 2.0", "a share from 0 to 1");
    check("[[limit]]\nper_second = 0", "above 0");
    check("[fields]\ntypes = { a = \"uint\" }", "there is no type \"uint\"");
    check("[fields]\nextract = [{ pattern = 'x' }]", "needs a named group");
    check("[labels]\na = [1]", "x.toml:5:1: label \"a\" is array");
    check("[nonsense]", "unknown field `nonsense`");
}
