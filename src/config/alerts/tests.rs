//! Files of alerts, and their mistakes.

use super::*;

fn read(text: &str) -> Result<Rules, Vec<Wrong>> {
    parse(text, Path::new("alerts.toml"))
}

#[test]
fn the_shipped_file_has_the_alerts_of_the_guide() {
    let rules = read(SHIPPED_ALERTS).unwrap_or_else(|problems| panic!("{}", problems.join("\n")));
    let names: Vec<&str> = rules.alerts.iter().map(|rule| rule.name.as_str()).collect();
    let want = [
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
    assert_eq!(names, want);
    let threshold = |name: &str| rules.alerts.iter().find(|rule| rule.name == name).unwrap().condition.threshold;
    assert_eq!((threshold("workflow_failures"), threshold("disk_free"), threshold("memory_used")), (0.1, 0.1, 0.9));
    assert_eq!(threshold("source_silent"), 86_400.0);
    assert_eq!(rules.probes.len(), 2);
    assert!(rules.notifiers.is_empty());
}

/// What stands commented out works, too.
#[test]
fn the_examples_in_the_shipped_file_are_right() {
    let (head, tail) = SHIPPED_ALERTS.split_once("# [[probe]]").unwrap();
    let shown = format!("# [[probe]]{tail}").replace("\n# ", "\n").replacen("# ", "", 1);
    let shown = shown.lines().filter(|line| !line.starts_with("---")).collect::<Vec<_>>().join("\n");
    let rules = read(&format!("{head}{shown}")).unwrap_or_else(|problems| panic!("{}", problems.join("\n")));
    assert_eq!((rules.probes.len(), rules.notifiers.len()), (3, 4));
}

#[test]
fn mistakes_name_their_place_and_the_way_out() {
    let check = |text: &str, place: &str, want: &str| {
        let problems = read(text).map(drop).unwrap_err().join("\n");
        assert!(problems.contains(&format!("alerts.toml:{place}:")) && problems.contains(want), "{text}\n{problems}");
        assert!(problems.contains('^'), "{problems}");
    };
    let alert = |more: &str| format!("[[alert]]\nname = 'a'\nsummary = 's'\n{more}\n");
    check("[[alrt]]", "1:3", "unknown field `alrt`");
    check(&alert("memory_used = {}"), "1:1", "either above or below");
    check(&alert("above = 1"), "1:1", "write one of failure_rate, query");
    check(&alert("above = 1\nmemory_used = {}\ndisk_free = {}"), "1:1", "measures one thing");
    check(&alert("above = 'much'\nmemory_used = {}"), "4:9", "\"10%\"");
    check(&alert("above = 1\nclear = 2\nmemory_used = {}"), "5:9", "bad side");
    check(&alert("above = 1\nquery = 'level:'\nover = '5m'"), "5:16", "query:");
    check(&alert("above = 1\nquery = 'level:error'\nover = '5m'"), "5:9", "stats count()");
    check(&alert("above = 1\nquery = '* | count'"), "5:9", "`over`");
    check(&alert("above = 1\nquery = 'timestamp>now-1h | stats count()'\nover = '5m'"), "5:9", "timestamp");
    check(&alert("above = 1\nquery = '* | stats count()'\nover = '0s'"), "6:8", "no length");
    check(&alert("above = 1\nratio = { query = '* | count', of = '*', over = '1m' }"), "5:19", "only entries");
    check(
        &alert("above = 1\nratio = { query = '*', of = '*', over = '1m', by = ['a b'] }"),
        "5:53",
        "no name of a field",
    );
    check(&alert("above = 1\nsilence = {}"), "5:11", "either");
    check(&alert("above = 1\nmemory_used = {}\nover = '1m'"), "1:1", "for a query");
    check(&alert("above = 1\nmemory_used = {}\nlabels = { severity = 'x' }"), "6:12", "cannot be a label");
    check(&alert("above = 1\nmemory_used = {}\nevery = '1ms'"), "6:9", "at least");
    check(&alert("above = 1\nmemory_used = {}\nfor = '5 parsecs'"), "6:7", "30s");
    check("[[alert]]\nname = 'a b'\nsummary = 's'\nabove = 1\nmemory_used = {}", "2:8", "is no name");
    check("[[alert]]\nname = 'a'\nsummary = '{{ x }}'\nabove = 1\nmemory_used = {}", "3:15", "there is no \"x\"");
    let twice = format!("{0}{0}", alert("above = 1\nmemory_used = {}"));
    check(&twice, "7:8", "already");
    check("[[probe]]\nname = 'p'", "1:1", "either http or tls");
    check("[[probe]]\nname = 'p'\nhttp = 'x'", "3:8", "no address");
    check("[[probe]]\nname = 'p'\ntls = 'x'", "3:7", "host with a port");
    check("[[notifier]]\nkind = 'pigeon'", "2:8", "unknown variant");
    check("[[notifier]]\nkind = 'webhook'", "1:1", "needs a url");
    check("[[notifier]]\nkind = 'command'\ncommand = []", "1:1", "needs a command");
    check("[[notifier]]\nkind = 'command'\ncommand = ['x']\nurl = 'http://x'", "1:1", "no meaning");
    check("[[notifier]]\nkind = 'webhook'\nurl = 'http://x'\nbody = '{{ x }}'", "4:12", "there is no \"x\"");
    let mail = "[[notifier]]\nkind = 'email'\nserver = 'm:25'\nfrom = 'a@b.c'\nto = ['d@e.f']\n";
    check(&format!("{mail}user = 'u'\npassword = 'p'"), "7:12", "does not belong here");
    check(&format!("{mail}user = 'u'"), "1:1", "both user and password");
    check(&mail.replace("d@e.f", "nobody"), "5:7", "no address");
    assert_eq!(read(mail).unwrap().notifiers.len(), 1);
}

#[test]
fn numbers_are_written_in_several_ways() {
    let check = |text: &str, want: f64| {
        let rules = read(&format!("[[alert]]\nname = 'a'\nsummary = ''\nmemory_used = {{}}\nabove = {text}")).unwrap();
        assert!((rules.alerts[0].condition.threshold - want).abs() < 1e-9, "{text}");
    };
    check("5", 5.0);
    check("0.5", 0.5);
    check("'10 %'", 0.1);
    check("'1h30m'", 5400.0);
    check("'2GiB'", (2u64 << 30) as f64);
}

#[test]
fn the_example_of_the_page_is_right() {
    let page = include_str!("../../alert/manual.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let rules = read(example).unwrap_or_else(|problems| panic!("{}", problems.join("\n")));
    assert_eq!((rules.alerts.len(), rules.probes.len(), rules.notifiers.len()), (1, 1, 1));
}
