//! Tables of layouts and lines.

use super::*;

/// The layout's parts of a line as text: level, logger, message, then fields.
fn parts(layout: &str, line: &str) -> Option<Vec<String>> {
    let layout = Layout::new(layout).unwrap_or_else(|error| panic!("{layout}: {error}"));
    let mut head = Head::default();
    layout.matches(line, &mut head).then(|| {
        let text = |range: &Range<u32>| line[range.start as usize..range.end as usize].to_owned();
        let mut parts = Vec::new();
        parts.extend(head.level.map(|level| level.name().to_owned()));
        parts.extend(head.logger.as_ref().map(text));
        parts.push(text(&head.message));
        let field =
            |(slot, range): &(u16, Range<u32>)| format!("{}={}", layout.slots()[usize::from(*slot)].name, text(range));
        parts.extend(head.fields.iter().map(field));
        parts
    })
}

#[test]
fn lines() {
    let check = |layout: &str, line: &str, want: Option<&[&str]>| {
        let want = want.map(|parts| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
        assert_eq!(parts(layout, line), want, "{layout}\n{line}");
    };
    let python = "{time} - {logger:text} - {level} - {message}";
    check(python, "2026-11-23 10:15:30 - a - b - INFO - x - y", Some(&["info", "a - b", "x - y"]));
    check(python, "2026-11-23 10:15:30 - a - LOUD - x", None);
    check(
        "{level} [{thread:text}] {logger:name}: {message}",
        "WARN [a [1] b] x::y: m",
        Some(&["warning", "x::y", "m", "thread=a [1] b"]),
    );
    check("{logger:tag}([{pid:int}])?: {message}", "sshd[12]: m", Some(&["sshd", "m", "pid=12"]));
    check("{logger:tag}([{pid:int}])?: {message}", "cron: m", Some(&["cron", "m"]));
    check("{logger:tag}([{pid:int}])?: {message}", "cron[x]: m", None);
    check("[{level}] {message} \\({logger:dotted}\\)", "[INFO ] (a) b (c.d)", Some(&["info", "c.d", "(a) b"]));
    check("{level:caps}:{column:10}{message}", "INFO:     m", Some(&["info", "m"]));
    check("{level:caps}:{column:10}{message}", "INFO: m", None);
    check("\"{a:quoted}\" {message}", r#""x \" y" m"#, Some(&["m", r#"a=x \" y"#]));
    check("{message:all}{a} {b:int}", "x 12", Some(&["x 12", "a=x", "b=12"]));
    check("{a}\\t{message}", "x\tm n", Some(&["m n", "a=x"]));
    check("<{level:priority}>{message}", "<13>m", Some(&["notice", "m"]));
    check("<{level:priority}>{message}", "<999>m", None);
}

#[test]
fn mistakes_have_a_place() {
    let check = |layout: &str, at: usize, message: &str| {
        let error = Layout::new(layout).unwrap_err();
        assert!(error.at == at && error.message.contains(message), "{layout}: {error:?}");
    };
    check("", 0, "empty");
    check("{message}", 0, "always there");
    check("a {b", 2, "not closed");
    check("a (b", 2, "not closed");
    check("a (b)", 4, "(…)?");
    check("a (b (c)?)?", 5, "cannot stand in another");
    check("a }", 2, "brace");
    check("a {b:float64} c", 3, "no kind");
    check("a {time:soon}", 3, "no kind");
    check("a {b c}", 3, "no name");
    check("a \\", 2, "backslash");
    check("{a:text}{b}", 11, "behind them");
}

proptest::proptest! {
    #[test]
    fn any_layout_and_any_line(layout in "[a{}()?:\\\\\\[\\] -]{0,12}(\\{message\\})?", line in "\\PC{0,40}") {
        if let Ok(layout) = Layout::new(&layout) {
            layout.matches(&line, &mut Head::default());
        }
    }
}
