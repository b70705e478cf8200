//! The stock logrotate and ours on the same trees: exit code, messages, output, and every file's name, type, content,
//! mode, owner, times, links and ACL must be the same after every round, and so must the state file.
//!
//! A tree is made, the stock program works on it, it is made anew at the same path, and ours works on it. All cases of
//! a theme are run; what differs is told at the end, together.
//!
//! | variable | what it does |
//! |---|---|
//! | `LOGMILL_ROTATE=/path` | the program under test; the stock one itself proves that the harness is steady |
//! | `LOGMILL_CASE=text` | only cases with this in their names |
//! | `LOGMILL_DIFFERENTIAL=n` | how many generated cases; `LOGMILL_SEED` begins another row of them |
//! | `TMPDIR=/dev/shm` | takes half the time: the programs sync what they write |
//! | `LOGMILL_RULES=FILE` | adds what of which rule was needed in which case to a file |
//! | `LOGMILL_SHOW=1` | prints every case with what the stock program does |
//! | `LOGMILL_VERBOSE=1` | prints how the texts of `-v` and `-d` differ, which is information and no failure |

mod case;
mod command_line;
mod compare;
mod configs;
mod deviations;
mod directives;
mod dues;
mod failures;
mod generated;
mod grammar;
mod names;
mod noticing;
mod owners;
mod packages;
mod program;
mod scripts;
mod snapshot;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use self::case::{Case, Clock};
use self::compare::Round;
use self::deviations::Seen;
use self::tree::Place;

/// How often a case is run again because the clock's hour (or what its names are made of) changed meanwhile.
const RETRIES: usize = 40;

/// The program under test: what `LOGMILL_ROTATE` says, or ours under the name logrotate.
fn program_under_test(place: &Place) -> PathBuf {
    if let Some(path) = std::env::var_os("LOGMILL_ROTATE") {
        return path.into();
    }
    let link = place.root().join("logrotate");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_logmill"), &link).unwrap();
    link
}

/// Whether the stock program is compared with itself.
fn is_stock(program: &Path, stock: &Path) -> bool {
    program.canonicalize().unwrap() == stock.canonicalize().unwrap()
}

/// Runs `program` through all rounds of `case`, on a tree made for it.
fn rounds(program: &Path, case: &Case, place: &Place, now: i64) -> Vec<Round> {
    let logs = place.make(case, now);
    let round = |number| {
        if number > 0 {
            place.write(&logs, case, number, now);
        }
        place.settle(number, now);
        let ran = program::run(program, case, place);
        Round { ran, files: snapshot::take(place.tree(), now, case.zone) }
    };
    (0..case.rounds).map(round).collect()
}

/// What both programs made of a case while the clock stood still as far as the case can see.
fn both(stock: &Path, ours: &Path, case: &Case, place: &Place) -> [Vec<Round>; 2] {
    let clock = Clock::of(case);
    for _ in 0..RETRIES {
        let now = clock.start();
        let result = [stock, ours].map(|program| rounds(program, case, place, now));
        if clock.stood_still_since(now) {
            return result;
        }
    }
    panic!("{}: the clock moved on in each of {RETRIES} tries", case.name);
}

/// What was found in a case.
struct Judged {
    /// Differences that no rule lets pass, and what a rule asks for in vain.
    wrong: Vec<String>,
    /// The rules that let something pass.
    rules: BTreeSet<&'static str>,
}

fn judge(theme: &str, stock: &Path, ours: &Path, case: &Case, place: &Place) -> Judged {
    let [theirs, results] = both(stock, ours, case, place);
    if std::env::var_os("LOGMILL_SHOW").is_some() {
        println!("{}", compare::told_by_stock(case, &theirs));
    }
    let tree = place.tree().display().to_string();
    let differences = compare::differences(case, &theirs, &results).into_iter();
    let differences = differences.map(|(round, text)| (round, text.replace(&tree, "DIR"))).collect();
    deviations::judge(theme, &Seen { case, stock: &theirs, ours: &results }, differences)
}

/// Runs the cases of a theme and fails with all differences.
fn run(theme: &str, cases: Vec<Case>) {
    let Some(stock) = program::stock() else { return };
    let place = Place::new();
    let ours = program_under_test(&place);
    let only = std::env::var("LOGMILL_CASE").unwrap_or_default();
    let (mut failures, mut counts) = (Vec::new(), Counts::default());
    for case in cases.into_iter().filter(|case| case.name.contains(&only)) {
        if let Some(why) = case.cannot_run() {
            eprintln!("SKIPPED: {}: {why}", case.name);
            counts.left_out += 1;
            continue;
        }
        let case = case.at(&place);
        let Judged { wrong, rules } = judge(theme, &stock, &ours, &case, &place);
        counts.add(&case.name, &wrong, &rules);
        if !wrong.is_empty() {
            failures.push(compare::report(&case, &wrong));
        }
    }
    counts.tell(theme);
    if only.is_empty() && !is_stock(&ours, &stock) && counts.left_out == 0 {
        failures.extend(deviations::unneeded(theme, place.root(), &counts.by_rule));
    }
    let count = failures.len();
    assert!(count == 0, "{theme}: {count} of {} cases differ\n\n{}", counts.compared, failures.join("\n"));
}

/// What became of the cases of a theme.
#[derive(Default)]
struct Counts {
    compared: usize,
    equal: usize,
    left_out: usize,
    by_rule: BTreeMap<&'static str, Vec<String>>,
}

impl Counts {
    fn add(&mut self, case: &str, wrong: &[String], rules: &BTreeSet<&'static str>) {
        self.compared += 1;
        self.equal += usize::from(wrong.is_empty() && rules.is_empty());
        for rule in rules {
            self.by_rule.entry(rule).or_default().push(case.to_owned());
        }
    }

    fn tell(&self, theme: &str) {
        println!("{theme}: {} cases compared, {} equal, {} left out", self.compared, self.equal, self.left_out);
        for (rule, cases) in &self.by_rule {
            println!("{theme}: {} by the rule: {rule}", cases.len());
        }
    }
}
