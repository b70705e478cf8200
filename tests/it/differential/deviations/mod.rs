//! Where ours differs from stock on purpose: rules, each with its reason, the cases that it is for, and what exactly may
//! differ there. A difference that no rule lets pass fails its case, and so does a line that stock keeps and ours loses.
//!
//! `src/rotate/manual.md` lists the rules under the same names. A rule names a case that needs it; when that case comes
//! out equal without it, the rule is dead and the suite fails. `LOGMILL_RULES=FILE` adds to a file which pattern of which
//! rule was needed in which case.

mod loses;
mod seen;
mod stricter;
mod wrong;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use rustix::fs::FallocateFlags;

use super::Judged;
use super::snapshot::Files;
pub use seen::Seen;

/// Why ours does it otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Stock loses data. In the case that needs the rule ours keeps a line that stock has lost.
    Loses,
    /// The same, but it takes a writer at the wrong moment to see it.
    LosesInARace,
    /// Stock is wrong, or newer versions do it as ours does.
    Wrong,
    /// Ours is stricter, or says it more clearly.
    Stricter,
}

/// What must be in the tree of ours in a round in which a rule has let something pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// Every line that stock leaves in its logs.
    All,
    /// The same, but for generations that the policy removes because there are others, which stock does not count.
    Counted,
    /// The same, but for what the policy removes of a log that ours rotates and stock does not.
    Rotated,
}

pub struct Rule {
    /// As in the manual.
    pub name: &'static str,
    pub why: Why,
    /// What stock does, and what ours does instead.
    pub reason: &'static str,
    /// The cases that it is for.
    pub when: fn(&Seen<'_>) -> bool,
    /// The differences that may be there. `*` stands for anything, `#` for a digit.
    pub differs: &'static [&'static str],
    pub kept: Kept,
    /// `THEME: CASE`
    pub needed_by: &'static str,
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    loses::RULES.iter().chain(stricter::RULES).chain(wrong::RULES)
}

/// What of the differences no rule lets pass, and what does not hold where one did.
pub fn judge(theme: &str, seen: &Seen<'_>, differences: Vec<(usize, String)>) -> Judged {
    let mut judged = Judged { wrong: Vec::new(), rules: BTreeSet::new() };
    if differences.is_empty() {
        return judged;
    }
    let candidates: Vec<&Rule> = rules().filter(|rule| (rule.when)(seen)).collect();
    let mut used: Vec<&Rule> = Vec::new();
    for (round, text) in differences {
        if let Some(log) = forgotten(seen, round, &text) {
            judged.wrong.push(format!("round {round}: ours has rotated {log} and does not say so: {text}"));
        }
        let lets_pass = |rule: &&&Rule| rule.differs.iter().find(|pattern| fits(pattern, &text));
        match candidates.iter().find(|rule| lets_pass(rule).is_some()) {
            Some(rule) => {
                record(theme, seen, rule, lets_pass(&rule).copied().unwrap_or_default());
                used.push(rule);
            }
            None => judged.wrong.push(format!("round {round}: {text}")),
        }
    }
    if !used.is_empty() {
        let is_there = |kept| used.iter().any(|rule| rule.kept == kept);
        judged.wrong.extend(lost(seen, is_there(Kept::Counted), is_there(Kept::Rotated)));
    }
    for rule in &used {
        let is_example = rule.needed_by == format!("{theme}: {}", seen.case.name);
        if is_example && rule.why == Why::Loses && !keeps_more(seen) {
            judged.wrong.push(format!("nothing is lost by stock, so this is no example of the rule {:?}", rule.name));
        }
        judged.rules.insert(rule.name);
    }
    judged
}

fn record(theme: &str, seen: &Seen<'_>, rule: &Rule, pattern: &str) {
    let Some(path) = std::env::var_os("LOGMILL_RULES") else { return };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    let case = seen.case.name.escape_debug();
    file.write_all(format!("{}\t{pattern}\t{theme}: {case}\n", rule.name).as_bytes()).unwrap();
}

/// Rules that name a case of the theme which has not needed them.
pub fn unneeded(theme: &str, folder: &Path, used: &BTreeMap<&'static str, Vec<String>>) -> Vec<String> {
    let is_dead = |rule: &&Rule| {
        // Only some file systems can do what ours does there.
        if rule.why == Why::LosesInARace && !collapses(folder) {
            return false;
        }
        let case = rule.needed_by.strip_prefix(theme).and_then(|rest| rest.strip_prefix(": "));
        case.is_some_and(|case| !used.get(rule.name).is_some_and(|cases| cases.iter().any(|known| known == case)))
    };
    let told = |rule: &Rule| format!("no difference needs {:?} in {:?}: {}", rule.name, rule.needed_by, rule.reason);
    rules().filter(is_dead).map(told).collect()
}

/// Whether blocks can be taken out of a file in `folder`.
fn collapses(folder: &Path) -> bool {
    const BLOCKS: u64 = 65_536;
    let path = folder.join("collapses");
    std::fs::write(&path, vec![b'x'; 4 * BLOCKS as usize]).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let done = rustix::fs::fallocate(&file, FallocateFlags::COLLAPSE_RANGE, 0, BLOCKS);
    std::fs::remove_file(path).unwrap();
    done.is_ok()
}

/// What the programs and the harness write besides the logs.
const NO_LOGS: [&str; 6] = ["state", "state.tmp", "conf", "ran", "mailed", "log"];
/// What only tells of what was there.
const TOLD: &[&str] = &["ran", "mailed", "log"];

fn contents<'a>(files: &'a Files, but: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    files.iter().filter(|(name, _)| !but.contains(&name.as_str())).filter_map(|(name, fields)| {
        let content = fields.iter().find(|(field, _)| *field == "content");
        content.map(|(_, text)| (name.as_str(), text.as_str()))
    })
}

fn all<'a>(contents: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    contents.map(|(_, text)| format!("{text}\n")).collect()
}

/// Lines of stock's logs and generations that are nowhere in ours, in any round.
fn lost(seen: &Seen<'_>, is_counted: bool, is_rotated: bool) -> Vec<String> {
    let mut found = Vec::new();
    for (round, (stock, ours)) in seen.stock.iter().zip(seen.ours).enumerate() {
        let left = all(contents(&ours.files, &NO_LOGS));
        for (name, text) in contents(&stock.files, &NO_LOGS) {
            let may_go = (is_counted && seen.is_pushed_out(name, round, &ours.files))
                || (is_rotated && seen.is_full(name, &ours.files));
            let missing = text.lines().filter(|line| !may_go && !left.contains(line));
            found.extend(
                missing.map(|line| format!("round {round}: lost in ours: {line:?}, which stock has in {name}")),
            );
        }
    }
    found
}

/// The log that ours has begun anew while its state says what it said before; no rule allows that.
fn forgotten<'t>(seen: &Seen<'_>, round: usize, difference: &'t str) -> Option<&'t str> {
    let (log, ours) = difference.strip_prefix("state, entry DIR/")?.split_once(": stock \"now\", ours \"")?;
    let fields = seen.ours.get(round)?.files.get(log)?;
    let is_new = fields.contains(&("mtime", "now".to_owned()));
    (is_new && ours.starts_with(|c: char| c.is_ascii_digit())).then_some(log)
}

/// Whether ours has a line in some round that stock has not.
fn keeps_more(seen: &Seen<'_>) -> bool {
    seen.stock.iter().zip(seen.ours).any(|(stock, ours)| {
        let stock = all(contents(&stock.files, TOLD));
        contents(&ours.files, TOLD).flat_map(|(_, text)| text.lines()).any(|line| !stock.contains(line))
    })
}

/// Whether the pattern fits all of the text.
fn fits(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.as_bytes(), text.as_bytes());
    // Where to go on when what follows the last star does not fit.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', rest)), _) => {
                star = Some((rest, text));
                pattern = rest;
            }
            (Some((p, ps)), Some((t, ts))) if p == t || (*p == b'#' && t.is_ascii_digit()) => {
                (pattern, text) = (ps, ts);
            }
            (None, None) => return true,
            _ => match star {
                Some((rest, [_, more @ ..])) => {
                    star = Some((rest, more));
                    (pattern, text) = (rest, more);
                }
                _ => return false,
            },
        }
    }
}

#[test]
fn patterns() {
    let rows = [
        ("a", "a", true),
        ("a", "ab", false),
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abcd", false),
        ("*.log.#", "x.log.y.log.7", true),
        ("*.log.#", "x.log.7x", false),
        ("*#*: missing in ours", "a.log.2.gz: missing in ours", true),
        ("*#*: missing in ours", "a.log: missing in ours", false),
    ];
    for (pattern, text, expected) in rows {
        assert_eq!(fits(pattern, text), expected, "{pattern:?} on {text:?}");
    }
}

/// What the manual lists and no case can show.
const NOT_COMPARED: [&str; 4] = [
    "compression while a program still writes",
    "the state file cannot be written (disk full)",
    "the lock while it is waited for",
    "a script without end",
];

#[test]
fn the_manual_lists_the_rules() {
    let manual = include_str!("../../../../src/rotate/manual.md");
    let (_, list) = manual.split_once("## Where it is not like logrotate").unwrap();
    let rows = list.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let listed: BTreeSet<&str> = rows.filter(|name| *name != "what").collect();
    let known: BTreeSet<&str> = rules().map(|rule| rule.name).chain(NOT_COMPARED).collect();
    assert_eq!(listed, known);
    assert_eq!(known.len(), rules().count() + NOT_COMPARED.len(), "two rules have the same name");
}
