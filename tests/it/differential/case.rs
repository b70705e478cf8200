//! One case of the comparison: a configuration, what the tree looks like, how the program is called, how often.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{Local, TimeZone, Timelike};

use super::tree::Place;

/// What of a run is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compared {
    Everything,
    /// `-v`, `-d` and `-l`: of what is written, only errors and warnings.
    NoChatter,
    /// Texts are a program's own: its exit code and the files.
    ExitAndFiles,
}

/// In every text, `DIR` stands for the tree and `BIN` for the folder of helping scripts (see `tree.rs`).
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    /// Shell commands that complete the tree, run in it; see `tree::PRELUDE` for what they may use.
    pub setup: String,
    /// What `DIR/conf` holds.
    pub config: String,
    pub args: String,
    /// Shell commands before every round but the first, after the writer has written.
    pub between: String,
    pub rounds: usize,
    pub zone: &'static str,
    /// Another process holds the state file's lock.
    pub locked: bool,
    pub compared: Compared,
}

/// A forced run of one round over `config`.
pub fn case(name: impl Into<String>, config: impl Into<String>) -> Case {
    Case {
        name: name.into(),
        setup: String::new(),
        config: config.into(),
        args: "-f -s DIR/state DIR/conf".into(),
        between: String::new(),
        rounds: 1,
        zone: "UTC",
        locked: false,
        compared: Compared::Everything,
    }
}

/// Directives written on one line, with ` ; ` between them, on lines of their own.
pub fn lines(text: &str) -> String {
    text.replace(" ; ", "\n")
}

/// A section over all three logs of the tree with these directives (` ; ` between them), forced, four rounds.
pub fn logs(body: &str) -> Case {
    case(body, format!("DIR/?.log DIR/empty.log {{\n{}\n}}\n", lines(body))).rounds(4)
}

/// A section over `a.log` alone, forced, one round.
pub fn one(body: &str) -> Case {
    case(body, format!("DIR/a.log {{\n{}\n}}\n", lines(body)))
}

/// The same over `d/x.log`, a folder that the setup makes.
pub fn inner(body: &str) -> Case {
    case(body, format!("DIR/d/x.log {{\n{}\n}}\n", lines(body)))
}

impl Case {
    /// Says more about a case whose name is its directives.
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    pub fn setup(mut self, commands: &str) -> Self {
        if !self.setup.is_empty() {
            self.setup.push('\n');
        }
        self.setup.push_str(commands);
        self
    }

    pub fn between(mut self, commands: &str) -> Self {
        self.between = commands.into();
        self
    }

    pub fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    pub fn args(mut self, args: &str) -> Self {
        self.args = args.into();
        let chatty = |word: &str| {
            let short = word.starts_with('-') && !word.starts_with("--") && word.contains(['d', 'v', 'l']);
            short || ["--verbose", "--debug", "--log"].iter().any(|long| word.starts_with(long))
        };
        if args.split_whitespace().any(chatty) && self.compared == Compared::Everything {
            self.compared = Compared::NoChatter;
        }
        self
    }

    /// Not forced: what is due by its criterion.
    pub fn due(self) -> Self {
        self.args("-s DIR/state DIR/conf")
    }

    pub fn mailing(self) -> Self {
        self.args("-f -m BIN/mail -s DIR/state DIR/conf")
    }

    pub fn zone(mut self, zone: &'static str) -> Self {
        self.zone = zone;
        self
    }

    pub fn locked(mut self) -> Self {
        self.locked = true;
        self
    }

    pub fn own_texts(mut self) -> Self {
        self.compared = Compared::ExitAndFiles;
        self
    }

    /// Why the case cannot be run here. In CI everything must be there.
    pub fn cannot_run(&self) -> Option<String> {
        let text = [&self.setup, &self.config, &self.args, &self.between].map(String::as_str).join("\n");
        let uses = |program: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == program);
        for program in ["setfacl", "xz", "zstd", "bzip2", "shred"] {
            if uses(program) && !super::program::is_there(program) {
                assert!(std::env::var_os("CI").is_none(), "CI must have the program {program}");
                return Some(format!("the program {program} is not installed"));
            }
        }
        let root = rustix::process::geteuid().is_root();
        let needs_root = ["su", "chown", "chgrp", "nobody", "nogroup", "adm", "root", "mknod"];
        (!root && needs_root.into_iter().any(uses)).then(|| "it needs root".into())
    }

    /// The case with the real paths in it.
    pub fn at(mut self, place: &Place) -> Self {
        for text in [&mut self.setup, &mut self.config, &mut self.args, &mut self.between] {
            *text = place.paths(text);
        }
        self
    }
}

/// The part of the clock that may not change while both programs run, for the names they make.
#[derive(Clone, Copy)]
pub enum Clock {
    Hour,
    Minute,
    Second,
}

impl Clock {
    pub fn of(case: &Case) -> Self {
        let has = |what: &[&str]| what.iter().any(|w| case.config.contains(w));
        match () {
            () if has(&["%s", "%S"]) => Self::Second,
            () if has(&["%M"]) => Self::Minute,
            () => Self::Hour,
        }
    }

    /// The time now, early in the part that may not change.
    pub fn start(self) -> i64 {
        if matches!(self, Self::Second) {
            let part = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
            // And a little more, for programs that ask the coarse clock, which is some milliseconds behind.
            std::thread::sleep(Duration::from_nanos(u64::from(1_020_000_000 - part)));
        }
        Local::now().timestamp()
    }

    pub fn stood_still_since(self, start: i64) -> bool {
        let now = Local::now();
        let then = Local.timestamp_opt(start, 0).unwrap();
        let hour = now.date_naive() == then.date_naive() && now.hour() == then.hour();
        match self {
            Self::Hour => hour,
            Self::Minute => hour && now.minute() == then.minute(),
            Self::Second => now.timestamp() == start,
        }
    }
}
