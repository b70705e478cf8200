//! Where ours behaves otherwise on purpose, because the stock program loses something. These cases are not compared:
//! ours is judged by what is said here, and stock is shown to lose it (or the entry is out of date).

use super::compare::Round;

pub struct Deviation {
    /// The name of the case.
    case: &'static str,
    /// What the stock program loses.
    reason: &'static str,
    /// What ours does.
    instead: &'static str,
    /// Texts that must be in some file of the tree in the end.
    kept: &'static [&'static str],
    /// The exit code of the last round; empty when it does not matter.
    exit: &'static str,
    /// Files that must be there in the end, and such that must not.
    files: &'static [&'static str],
    gone: &'static [&'static str],
    /// Lines of the state file that must be there in the end, and such that must not.
    state: &'static [&'static str],
    not_in_state: &'static [&'static str],
}

const NONE: Deviation = Deviation {
    case: "",
    reason: "",
    instead: "",
    kept: &[],
    exit: "",
    files: &[],
    gone: &[],
    state: &[],
    not_in_state: &[],
};

const DEVIATIONS: &[Deviation] = &[
    Deviation {
        case: "compress finds a plain generation in its way",
        reason: "a.log is renamed over the plain a.log.1 that an interrupted compression left",
        instead: "the generation left over is kept",
        kept: &["was a.log.1\n", "a.log in round 0\n"],
        gone: &["a.log"],
        ..NONE
    },
    Deviation {
        case: "compress fails every time",
        reason: "each rotation renames over the generation that could not be compressed",
        instead: "generations that could not be compressed are kept, as many as rotate says",
        kept: &["a.log in round 0\n", "a.log in round 1\n", "a.log in round 2\n"],
        exit: "1",
        gone: &["a.log"],
        ..NONE
    },
    Deviation {
        case: "postrotate fails every time with compress",
        reason: "a failed postrotate leaves the generation plain, and the next rotation renames over it",
        instead: "the generation left plain is kept",
        kept: &["a.log in round 0\n", "a.log in round 1\n", "a.log in round 2\n"],
        exit: "1",
        gone: &["a.log"],
        ..NONE
    },
    Deviation {
        case: "dateext with compress finds a plain generation of today",
        reason: "a.log is renamed over the plain file of the same day",
        instead: "the file of the same day is kept; whether a.log waits or gets another name is left open",
        kept: &["was today\n", "a.log in round 0\n"],
        ..NONE
    },
    Deviation {
        case: "dateext finds its name taken",
        reason: "nothing was rotated, yet the state says it was, so that the log waits for another period",
        instead: "the state keeps the time of the last rotation",
        kept: &["was today\n", "a.log in round 0\n"],
        exit: "1",
        not_in_state: &["a.log\" now"],
        ..NONE
    },
    Deviation {
        case: "dateext with compress finds its name taken",
        reason: "nothing was rotated, yet the state says it was, so that the log waits for another period",
        instead: "the state keeps the time of the last rotation",
        kept: &["was today\n", "a.log in round 0\n"],
        exit: "1",
        not_in_state: &["a.log\" now"],
        ..NONE
    },
    Deviation {
        case: "state with a bad line in the middle",
        reason: "the entries after a bad line are forgotten",
        instead: "only the bad line is passed over",
        exit: "1",
        files: &["a.log.1", "b.log.1"],
        state: &["b.log\" now"],
        ..NONE
    },
];

pub fn of(case: &str) -> Option<&'static Deviation> {
    DEVIATIONS.iter().find(|deviation| deviation.case == case)
}

impl Deviation {
    /// What is wrong. When stock runs as both programs only the entry itself can be judged.
    pub fn judge(&self, stock: &[Round], ours: &[Round], only_stock: bool) -> Vec<String> {
        let mut found = Vec::new();
        if self.faults(stock).is_empty() {
            found.push(format!("the stock program does not show this: {}", self.reason));
        }
        if !only_stock {
            let faults = self.faults(ours).into_iter();
            found.extend(faults.map(|fault| format!("{fault}; ours should do this: {}", self.instead)));
        }
        found
    }

    fn faults(&self, rounds: &[Round]) -> Vec<String> {
        let last = rounds.last().expect("a case has a round");
        let contents: Vec<(&str, &str)> = last
            .files
            .iter()
            .flat_map(|(name, fields)| fields.iter().map(move |(field, value)| (name.as_str(), *field, value.as_str())))
            .filter_map(|(name, field, value)| (field == "content").then_some((name, value)))
            .collect();
        let state = contents.iter().find(|(name, _)| *name == "state").map_or("", |(_, text)| text);
        let kept = |text: &&&str| !contents.iter().any(|(_, content)| content.contains(**text));
        let lost = self.kept.iter().filter(kept).map(|text| format!("lost: {text:?}"));
        let missing =
            self.state.iter().filter(|line| !state.contains(**line)).map(|l| format!("not in the state: {l}"));
        let wrong =
            self.not_in_state.iter().filter(|line| state.contains(**line)).map(|l| format!("in the state: {l}"));
        let exit =
            (!self.exit.is_empty() && self.exit != last.ran.exit).then(|| format!("exit code {}", last.ran.exit));
        let absent = self.files.iter().filter(|name| !last.files.contains_key(**name)).map(|n| format!("missing: {n}"));
        let left = self.gone.iter().filter(|name| last.files.contains_key(**name)).map(|n| format!("still there: {n}"));
        lost.chain(missing).chain(wrong).chain(exit).chain(absent).chain(left).collect()
    }
}
