//! What a rule can ask about a case.

use super::super::case::Case;
use super::super::compare::Round;
use super::super::snapshot::Files;

/// A case, and what both programs made of it.
pub struct Seen<'a> {
    pub case: &'a Case,
    pub stock: &'a [Round],
    pub ours: &'a [Round],
}

/// A file's folder and the part of its name before the first dot or dash, and the rest.
fn parts(name: &str) -> (&str, &str) {
    let begin = name.rfind('/').map_or(0, |slash| slash + 1);
    let end = name[begin..].find(['.', '-']).map_or(name.len(), |end| begin + end);
    name.split_at(end)
}

fn has_digit(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

impl Seen<'_> {
    /// The lines of the configuration, some of which the setup may write.
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.case.config.lines().chain(self.case.setup.lines()).map(str::trim)
    }

    /// The values of a directive, wherever it stands.
    pub fn values<'s>(&'s self, word: &'s str) -> impl Iterator<Item = &'s str> {
        let value = move |line: &'s str| {
            line.strip_prefix(word).filter(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        };
        self.lines().filter_map(value).map(str::trim)
    }

    /// Whether the configuration has this directive.
    pub fn says(&self, word: &str) -> bool {
        self.values(word).next().is_some()
    }

    /// Whether a pattern of the configuration has a star.
    pub fn has_star(&self) -> bool {
        self.lines().any(|line| line.ends_with('{') && line.contains('*'))
    }

    /// Whether the configuration has this text.
    pub fn config_has(&self, text: &str) -> bool {
        self.case.config.contains(text) || self.case.setup.contains(text)
    }

    /// Whether the tree is made with this text among the commands.
    pub fn tree_has(&self, text: &str) -> bool {
        self.case.setup.contains(text) || self.case.between.contains(text)
    }

    /// Whether a generation that is not compressed is there before the first round.
    pub fn has_plain_generation(&self) -> bool {
        let words = self.case.setup.split(|c: char| c.is_whitespace() || c == ';');
        let is_plain = |word: &str| !["gz", "bz2"].iter().any(|ending| word.ends_with(ending));
        let is_name = |word: &str| word.starts_with(|c: char| c.is_ascii_alphabetic());
        words.filter(|word| is_name(word) && is_plain(word)).any(|word| has_digit(parts(word).1))
    }

    /// Whether the program is called with this option.
    pub fn called_with(&self, letter: char) -> bool {
        let mut words = self.case.args.split_whitespace();
        words.any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(letter))
    }

    /// Whether a script fails.
    pub fn has_failing_script(&self) -> bool {
        ["exit 1", "exit 3"].iter().any(|text| self.config_has(text))
    }

    /// Whether stock ends with 1 in some round.
    pub fn stock_fails(&self) -> bool {
        self.stock.iter().any(|round| round.ran.exit == "1")
    }

    /// Whether a message of stock has this text.
    pub fn stock_tells(&self, text: &str) -> bool {
        self.stock.iter().any(|round| round.ran.stderr.contains(text))
    }

    /// Generations that stay; `None` is no limit. Of several sections the one counts that keeps fewest.
    pub fn kept(&self) -> Option<usize> {
        let sections = self.lines().filter(|line| line.ends_with('{')).count();
        let counts: Vec<Option<usize>> = self.values("rotate").map(|value| value.parse().ok()).collect();
        if counts.len() < sections {
            Some(0)
        } else {
            counts.into_iter().min_by_key(|count| count.unwrap_or(usize::MAX))?
        }
    }

    /// Whether there are as many generations of the log that `name` is of as the policy keeps.
    pub fn is_full(&self, name: &str, files: &Files) -> bool {
        let (stem, _) = parts(name);
        let siblings = files.keys().map(|name| parts(name)).filter(|(other, rest)| *other == stem && has_digit(rest));
        self.kept().is_some_and(|kept| siblings.count() >= kept)
    }

    /// Whether the generation `name` may be gone by this round: it is too old or has come to the end of the row, or
    /// there are enough others.
    pub fn is_pushed_out(&self, name: &str, round: usize, files: &Files) -> bool {
        let (_, rest) = parts(name);
        let start = self.values("start").last().and_then(|start| start.parse().ok()).unwrap_or(1);
        let number = rest.split('.').find_map(|part| part.parse::<usize>().ok());
        let is_at_end =
            || number.zip(self.kept()).is_some_and(|(number, kept)| number + round + 1 >= start + kept.max(1));
        has_digit(rest) && (self.says("maxage") || is_at_end() || self.is_full(name, files))
    }
}
