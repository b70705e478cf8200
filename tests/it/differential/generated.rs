//! Random cases from a seed: directives, generations that are there, dates in the state file, sizes.

use std::fmt::Write;

use super::case::{Case, case};
use super::run;

const COUNT: u64 = 150;
const SEED: u64 = 1;

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// True in one of `times`.
    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

const WHEN: &[&str] = &[
    "",
    "daily",
    "weekly",
    "weekly 3",
    "monthly",
    "yearly",
    "hourly",
    "size 20",
    "size 1k",
    "maxsize 20\ndaily",
    "minsize 20\ndaily",
];
const TAKING: &[&str] = &[
    "",
    "",
    "",
    "create",
    "create 0600",
    "create 0640 nobody adm",
    "copy",
    "copytruncate",
    "copytruncate",
    "renamecopy",
    "renamecopy\ncreate",
];
const NAMING: &[&str] =
    &["", "", "", "extension .log", "addextension .old", "olddir old", "olddir new\ncreateolddir 0750"];
const DATING: &[&str] =
    &["dateext", "dateext\ndateformat .%d-%m-%Y", "dateext\ndateformat -%Y-%m-%d-%H", "dateext\ndateyesterday"];
const ASIDE: &[&str] = &[
    "missingok",
    "notifempty",
    "sharedscripts",
    "maxage 15",
    "minage 2",
    "shred\nshredcycles 1",
    "mail a@b",
    "mail a@b\nmailfirst",
    "allowhardlink",
    "ignoreduplicates",
];
const SCRIPTS: &[&str] = &["prerotate", "postrotate", "firstaction", "lastaction", "preremove"];
const STATES: &[&str] = &["0", "$H", "$D", "$((2*D))", "$((7*D))", "$((8*D))", "$((32*D))", "$((400*D))", "$((-3*D))"];
const CHANGES: &[&str] = &[
    "rm LOG",
    ": > LOG",
    "ln LOG other",
    "chmod 600 LOG",
    "chown nobody:adm LOG",
    "truncate -s 2k LOG",
    "aged LOG $((3*D))",
    "truncate -s 100 LOG",
    "setfacl -m u:nobody:r LOG",
];

/// A case and whether a rotation may go wrong in it, after which stock and ours part (see `deviations/`).
struct Drawn {
    body: String,
    compress: bool,
    delay: bool,
    dated: bool,
    start: u64,
    fails: bool,
}

fn draw(random: &mut Random) -> Drawn {
    let mut lines = vec![random.of(WHEN).to_owned(), random.of(TAKING).to_owned(), random.of(NAMING).to_owned()];
    let start = if random.one_in(5) { random.below(4) } else { 1 };
    if start != 1 {
        lines.push(format!("start {start}"));
    }
    if !random.one_in(6) {
        lines.push(format!("rotate {}", random.of(&["0", "1", "2", "3", "5", "-1"])));
    }
    let (compress, delay, dated) = (random.one_in(2), random.one_in(3), random.one_in(4));
    lines.extend(
        [(compress, "compress"), (delay, "delaycompress")].into_iter().filter(|(on, _)| *on).map(|l| l.1.into()),
    );
    if dated {
        lines.push(random.of(DATING).into());
    }
    (0..random.below(3)).for_each(|_| lines.push(random.of(ASIDE).into()));
    let mut fails = false;
    for kind in SCRIPTS {
        if random.one_in(4) {
            let bad = random.one_in(6);
            fails |= bad;
            let end = if bad { "exit 1" } else { "true" };
            lines.push(format!("{kind}\necho \"{kind}|$0|$1|$2\" >> DIR/ran\n{end}\nendscript"));
        }
    }
    let mut body = String::new();
    // Directives in any order, as people write them.
    while !lines.is_empty() {
        let line = lines.swap_remove(usize::try_from(random.below(lines.len() as u64)).unwrap());
        if !line.is_empty() {
            writeln!(body, "    {line}").unwrap();
        }
    }
    Drawn { body, compress, delay, dated, start, fails }
}

/// Generations that are there already: some of them compressed, with gaps, and names that mean nothing.
fn generations(random: &mut Random, drawn: &Drawn, folder: &str, log: &str) -> String {
    let (base, end) = match drawn.body.contains("extension .log") {
        true => (log.trim_end_matches(".log"), ".log"),
        false => (log, if drawn.body.contains("addextension .old") { ".old" } else { "" }),
    };
    let mut setup = String::new();
    for number in 0..7 {
        if random.one_in(2) {
            continue;
        }
        // The stock program renames over a plain file in the place of the newest when it compresses.
        let plain =
            !drawn.compress || (drawn.delay && number == drawn.start) || (number != drawn.start && random.one_in(5));
        let gz = if plain != random.one_in(12) || (drawn.compress && number == drawn.start && !drawn.delay) {
            ""
        } else {
            ".gz"
        };
        let gz = if drawn.compress && !plain { ".gz" } else { gz };
        let name = match drawn.dated {
            true if drawn.body.contains(".%d-%m-%Y") => {
                format!("{folder}{base}.0{}-0{}-20{}{end}{gz}", number + 1, 9 - number, 25 - number % 3)
            }
            true if drawn.body.contains("-%Y-%m-%d-%H") => {
                format!("{folder}{base}-2025-0{}-01-1{number}{end}{gz}", number + 1)
            }
            true => format!("{folder}{base}-2025010{}{end}{gz}", number + 1),
            false => format!("{folder}{base}.{number}{end}{gz}"),
        };
        writeln!(setup, "gen {name}").unwrap();
        if random.one_in(3) {
            writeln!(setup, "aged {name} $(({}*D+H))", 5 + 5 * random.below(6)).unwrap();
        }
    }
    if random.one_in(4) {
        writeln!(setup, "gen {folder}{log}.{}", random.of(&["bak", "01", "x.gz", "1.bz2", "-1", "77", "2025x"]))
            .unwrap();
    }
    setup
}

fn generate(seed: u64) -> Case {
    let random = &mut Random(seed);
    let drawn = draw(random);
    let pattern =
        random.of(&["DIR/?.log", "DIR/a.log DIR/b.log", "DIR/a.log", "DIR/*.log", "DIR/a.log DIR/none.log DIR/b.log"]);
    let folder = if drawn.body.contains("olddir old") { "old/" } else { "" };
    let mut setup = String::from("mkdir old\n");
    for log in ["a.log", "b.log"] {
        setup += &generations(random, &drawn, folder, log);
        if !random.one_in(3) {
            writeln!(setup, "state {log} {}", random.of(STATES)).unwrap();
        }
    }
    if random.one_in(3) {
        writeln!(setup, "{}", random.of(CHANGES).replace("LOG", "a.log")).unwrap();
    }
    let force = if random.one_in(2) { "-f " } else { "" };
    // What failed counts as rotated in stock and not in ours, so the next round differs.
    let rounds = if drawn.dated || (drawn.fails && (drawn.compress || force.is_empty())) { 1 } else { 3 };
    case(format!("generated {seed}"), format!("{pattern} {{\n{}}}\n", drawn.body))
        .setup(&setup)
        .args(&format!("{force}-m BIN/mail -s DIR/state DIR/conf"))
        .rounds(rounds)
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// A quarter of all generated cases, so that they run beside each other.
fn part(part: u64) {
    let (count, seed) = (number("LOGMILL_DIFFERENTIAL", COUNT), number("LOGMILL_SEED", SEED));
    println!("seeds {seed} to {}, each fourth of them", seed + count - 1);
    run("generated", (seed..seed + count).filter(|seed| seed % 4 == part).map(generate).collect());
}

#[test]
fn generated_0() {
    part(0);
}

#[test]
fn generated_1() {
    part(1);
}

#[test]
fn generated_2() {
    part(2);
}

#[test]
fn generated_3() {
    part(3);
}
