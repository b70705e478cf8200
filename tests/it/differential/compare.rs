//! What differs between two runs of a case, and how it is told.

use std::collections::{BTreeMap, BTreeSet};

use super::case::{Case, Compared};
use super::program::Ran;
use super::snapshot::Files;

/// One run of a program, and the tree after it.
pub struct Round {
    pub ran: Ran,
    pub files: Files,
}

/// Longer texts are cut where they are shown.
const SHOWN: usize = 400;

fn shown(text: &str) -> String {
    let text = text.escape_debug().to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("\"{}…\" ({} bytes)", &text[..end], text.len()),
        None => format!("\"{text}\""),
    }
}

fn pair(what: &str, stock: &str, ours: &str) -> String {
    format!("{what}: stock {}, ours {}", shown(stock), shown(ours))
}

/// All differences, each with the number of its round.
pub fn differences(case: &Case, stock: &[Round], ours: &[Round]) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for (number, (stock, ours)) in stock.iter().zip(ours).enumerate() {
        let mut found = Vec::new();
        if stock.ran.exit != ours.ran.exit {
            found.push(pair("exit code", &stock.ran.exit, &ours.ran.exit));
        }
        if case.compared != Compared::ExitAndFiles {
            messages(case, &stock.ran.stderr, &ours.ran.stderr, &mut found);
            if stock.ran.stdout != ours.ran.stdout {
                found.push(pair("stdout", &stock.ran.stdout, &ours.ran.stdout));
            }
        }
        files(case, &stock.files, &ours.files, &mut found);
        all.extend(found.into_iter().map(|text| (number, text)));
    }
    all
}

/// The message without what the C library happened to leave in `errno`: after a failed preremove nothing was called
/// that could have failed. Ours may say there what it likes.
fn told(line: &str) -> &str {
    line.strip_suffix(": No data available").unwrap_or(line)
}

fn has_level(line: &str) -> bool {
    line.contains("error: ") || line.contains("warning: ")
}

/// Every line of stock's must begin one of ours, which may add a hint; ours has no other lines. Order is free.
fn messages(case: &Case, stock: &str, ours: &str, found: &mut Vec<String>) {
    let quiet = case.compared == Compared::NoChatter;
    let kept = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !quiet || has_level(line));
        lines.map(|line| told(line).to_owned()).collect()
    };
    let (mut expected, mut left) = (kept(stock), kept(ours));
    // Longest first, so that a line is not used up by the beginning of another.
    expected.sort_by_key(|line| std::cmp::Reverse(line.len()));
    for line in &expected {
        match left.iter().position(|l| l == line).or_else(|| left.iter().position(|l| l.starts_with(line))) {
            Some(index) => drop(left.swap_remove(index)),
            None => found.push(format!("message missing in ours: {}", shown(line))),
        }
    }
    found.extend(left.iter().map(|line| format!("message only in ours: {}", shown(line))));
    if quiet && std::env::var_os("LOGMILL_VERBOSE").is_some() {
        chatter(case, stock, ours);
    }
}

/// Tells which lines of `-v` one program has and the other has not.
fn chatter(case: &Case, stock: &str, ours: &str) {
    let [stock, ours] = [stock, ours].map(|text| text.lines().collect::<BTreeSet<_>>());
    for (mark, lines) in [('-', stock.difference(&ours)), ('+', ours.difference(&stock))] {
        lines.for_each(|line| println!("{}: {mark} {line}", case.name));
    }
}

fn files(case: &Case, stock: &Files, ours: &Files, found: &mut Vec<String>) {
    let names: BTreeSet<_> = stock.keys().chain(ours.keys()).collect();
    for name in names {
        let (stock, ours) = match (stock.get(name), ours.get(name)) {
            (Some(stock), Some(ours)) => (stock, ours),
            (Some(_), None) => {
                found.push(format!("{name}: missing in ours"));
                continue;
            }
            (None, _) => {
                found.push(format!("{name}: only in ours"));
                continue;
            }
        };
        // What -l writes is chatter, too.
        let skipped = if case.compared != Compared::Everything && name == "log" { "content" } else { "" };
        let fields: BTreeSet<_> = stock.iter().chain(ours).map(|(field, _)| *field).filter(|f| *f != skipped).collect();
        for field in fields {
            let value =
                |of: &[(&str, String)]| of.iter().find(|(f, _)| *f == field).map_or("-".into(), |f| f.1.clone());
            let (stock, ours) = (value(stock), value(ours));
            match (state_entries(&stock), state_entries(&ours)) {
                (Some(stock), Some(ours)) if field == "content" => entries(name, &stock, &ours, found),
                _ if stock != ours => found.push(pair(&format!("{name}, {field}"), &stock, &ours)),
                _ => {}
            }
        }
    }
}

/// Log → time of a state file, its head included, if the text is one.
fn state_entries(text: &str) -> Option<BTreeMap<&str, &str>> {
    text.starts_with("logrotate state -- ").then(|| text.lines().filter_map(|line| line.rsplit_once(' ')).collect())
}

fn entries(name: &str, stock: &BTreeMap<&str, &str>, ours: &BTreeMap<&str, &str>, found: &mut Vec<String>) {
    let logs: BTreeSet<_> = stock.keys().chain(ours.keys()).collect();
    for log in logs {
        let value = |of: &BTreeMap<&str, &str>| of.get(log).map_or("-", |time| *time).to_owned();
        let (stock, ours) = (value(stock), value(ours));
        if stock != ours {
            found.push(pair(&format!("{name}, entry {}", log.trim_matches('"')), &stock, &ours));
        }
    }
}

/// A case and what is wrong with it.
pub fn report(case: &Case, found: &[String]) -> String {
    let indented = |text: &str| text.trim_end().lines().fold(String::new(), |all, line| format!("{all}      {line}\n"));
    let mut text = format!("case: {}\n", case.name);
    for (what, value) in [("setup", &case.setup), ("between", &case.between), ("conf", &case.config)] {
        if !value.is_empty() {
            let start: String = value.chars().take(3000).collect();
            text.push_str(&format!("    {what}:\n{}", indented(&start)));
        }
    }
    text.push_str(&format!("    called with: {}\n", case.args));
    found.iter().for_each(|line| text.push_str(&format!("  ! {line}\n")));
    text
}

/// A case and what the stock program does in it, to read.
pub fn told_by_stock(case: &Case, rounds: &[Round]) -> String {
    let mut text = report(case, &[]);
    for (number, Round { ran, files }) in rounds.iter().enumerate() {
        text.push_str(&format!("    round {number}: exit {}\n", ran.exit));
        for line in ran.stderr.lines().chain(ran.stdout.lines()) {
            text.push_str(&format!("      > {line}\n"));
        }
        let names: Vec<_> = files.keys().filter(|name| *name != "conf").map(String::as_str).collect();
        text.push_str(&format!("      {}\n", names.join(" ")));
        for name in ["state", "ran", "mailed"] {
            if let Some((_, content)) = files.get(name).and_then(|fields| fields.iter().find(|f| f.0 == "content")) {
                text.push_str(&format!("      {name}: {}\n", shown(content)));
            }
        }
    }
    text
}
