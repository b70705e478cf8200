//! What is read of a policy, and what is told about the rest.

use std::fs;
use std::path::Path;

use logmill::rotate::{Level, Policy};

#[test]
fn policies() {
    // The sections that are left, and how what is told begins.
    let check = |text: &str, sections: usize, told: &[&str]| {
        let (policy, problems) = Policy::parse(text, Path::new("f"));
        let problems: Vec<_> = problems.iter().filter(|problem| problem.level > Level::Debug).collect();
        assert_eq!((policy.sections.len(), problems.len()), (sections, told.len()), "{text}: {problems:?}");
        for (problem, want) in problems.iter().zip(told) {
            assert!(problem.text.starts_with(want), "{problem}, not {want}");
        }
    };
    check("", 0, &[]);
    check("# only\nrotate 3\n/a {\n}\n\n\"/b c\" '/d' {\ndaily\n}\n", 2, &[]);
    check("/a\n# between\n/b {\nsize=10k\n}", 1, &[]);
    check("\"logs/*.log\" {\nweekly 3\n}", 1, &[]);
    check("/a {\npostrotate\n  daily }\n endscript\n}", 1, &[]);
    check("/a {}\n/b { daily }", 2, &[]);
    check("/a { daily compress rotate 3\n}", 1, &[]);
    check("/a {\nrotate 010\nstart 0x2\nmonthly 31\nminutes 5\nnodatehourago\n}", 1, &[]);
    check("/a {\nrotate 1 # x\n}\n/b {\n}", 1, &["f:2 bad rotation count '1 # x'", "found error in /a , skipping"]);
    check("/a {\npostrotate\n}\nendscript\nrotate x\n}\n/b {\n}", 1, &["f:5 bad rotation", "found error"]);
    check("/a {\nrotate x\nprerotate\n}\nendscript\n}\n/b {\n}", 1, &["f:2 bad rotation", "found error"]);
    check("/a {\nfoo bar\n}", 1, &["f:2 unknown option 'foo' -- ignoring line"]);
    check("/a {\nsize 1m\n}", 0, &["f:2 unknown unit 'm'", "found error"]);
    check("/a {\nsize\n}", 1, &["f:2 argument expected after size"]);
    check("/a {\nrotate\n}\n/b {\n}", 1, &["f:2 argument expected after rotate count", "found error"]);
    check("/a {\nweekly 9\n}\n/b {\n}", 0, &["f:2 bad weekly directive ' 9'"]);
    check("/a {\ndaily", 1, &[]);
    check("/a\n/b", 0, &["f:1 missing '{' after log files definition"]);
    check("}\n/a {\n}", 0, &["f:1 unexpected }"]);
    check("daily x y z\n/a {\n}", 1, &["f:1 unknown option 'x'"]);
    check("create 0640 no-such-user\n/a {\n}", 0, &["f:1 unknown user 'no-such-user'"]);
    check("/a {\ncreate :12345 :12346\nsu root root\n}", 1, &[]);
    check("/a {\nsu root\n}", 0, &["f:2 no group for su", "found error"]);
    check("/a {\npostrotate\nkill\n}", 0, &["f:prerotate, postrotate or preremove without endscript"]);
    check("include /does/not/exist\n/a {\n}", 1, &["cannot stat /does/not/exist"]);
    check("/a {\n} x\n/b {\n}", 2, &["f:2, unexpected text after }"]);
    check("/a {\n/b {\n}\n}", 0, &["f:2 unexpected log filename", "found error", "f:4 unexpected }"]);
    check("rotate+1", 0, &["f:1 keyword 'rotate' not properly separated, found 0x2b"]);
    check("\u{0}\u{1}", 0, &["f:1 lines must begin with a keyword"]);
    check("/a {\ncompressext ../x\n}", 0, &["f:2 bad compress-ext", "found error"]);
}

#[test]
fn defaults_go_on_and_a_failing_file_takes_its_own_back() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("1-good", "rotate 5\n/a {\n}\n");
    write("2-bad", "rotate 9\n/b {\n}\n!\n/c {\n}\n");
    write("3-good", "/d {\n}\n");
    write("4.bak", "/e {\n}\n");
    let (policy, problems) = Policy::load(&[folder.path().to_owned()]);
    let found: Vec<_> = policy.sections.iter().map(|s| (s.patterns[0].as_str(), s.settings.keep)).collect();
    assert_eq!(found, [("/a", Some(5)), ("/b", Some(9)), ("/d", Some(5))]);
    assert!(problems.iter().any(|problem| problem.text == "found error in file 2-bad, skipping"));
}

#[test]
fn the_shipped_policy_is_good() {
    let text = fs::read_to_string("config/logrotate.conf").unwrap();
    let (policy, problems) = Policy::parse(&text, Path::new("config/logrotate.conf"));
    assert_eq!((policy.sections.len(), problems), (1, Vec::new()));
}
