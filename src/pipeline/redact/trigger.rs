//! Where a recipe has to look at all. Each recipe names windows of three bytes that none of its secrets is without;
//! one pass over the text finds all windows of all recipes together, at two loads a byte, and code written by hand
//! decides at the few places that are left.
//!
//! It is the fingerprint step of Teddy (Hyperscan, and `aho-corasick`'s `packed`), with scalar words in place of
//! vectors: a byte has one word with a bit for each window that has the byte first, second or third, and the `and` of
//! three neighbours, shifted, leaves the windows that are there.

use super::Recipe;

/// What to look at, by the window that was found; those of a recipe stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Key,
    Token,
    Secret,
    Passwd,
    Pass,
    Pwd,
    Pem,
    Aws,
    Google,
    Github,
    GithubPat,
    Gitlab,
    Slack,
    StripeOrOpenAi,
    Npm,
    Jwt,
    Scheme,
    Url,
    At,
    Card,
    Ipv4,
}

impl Trigger {
    pub fn recipe(self) -> Recipe {
        match self {
            Trigger::At => Recipe::Email,
            Trigger::Card => Recipe::CreditCard,
            Trigger::Ipv4 => Recipe::Ipv4,
            _ if self as usize >= Trigger::Github as usize => Recipe::Tokens,
            _ => Recipe::Keys,
        }
    }
}

const ANY: &str = "";
const DIGITS: &str = "0123456789";
/// What may stand before the first digit of a number.
const NO_DIGIT: &str = "!";

/// By number of their bit. A set of bytes is written as text, in lower case where `true` says that case is nothing.
const WINDOWS: [(Trigger, bool, [&str; 3]); 21] = [
    (Trigger::Key, true, ["k", "e", "y"]),
    (Trigger::Token, true, ["t", "o", "k"]),
    (Trigger::Secret, true, ["e", "c", "r"]),
    (Trigger::Passwd, true, ["s", "s", "wp"]),
    (Trigger::Pass, true, ["s", "s", "=:\"'\\ >]"]),
    (Trigger::Pwd, true, ["p", "w", "d"]),
    (Trigger::Pem, false, ["B", "E", "G"]),
    (Trigger::Aws, false, ["A", "KSBC", "IC"]),
    (Trigger::Google, false, ["A", "I", "z"]),
    (Trigger::Github, false, ["g", "h", "pousr"]),
    (Trigger::GithubPat, false, ["b", "_", "p"]),
    (Trigger::Gitlab, false, ["g", "l", "p"]),
    (Trigger::Slack, false, ["x", "oa", "xp"]),
    (Trigger::StripeOrOpenAi, false, ["sr", "k", "_-"]),
    (Trigger::Npm, false, ["p", "m", "_"]),
    (Trigger::Jwt, false, ["e", "y", "J"]),
    (Trigger::Scheme, true, ["b", "ea", "as"]),
    (Trigger::Url, false, [":", "/\\", "/"]),
    (Trigger::At, false, [ANY, "@", ANY]),
    (Trigger::Card, false, [NO_DIGIT, "23456", DIGITS]),
    (Trigger::Ipv4, false, [DIGITS, ".", DIGITS]),
];

const COUNT: usize = WINDOWS.len();
/// Three fields of this many bits fill a word.
const _: () = assert!(COUNT <= 21);

fn takes(set: &str, any_case: bool, byte: u8) -> bool {
    match set {
        ANY => true,
        NO_DIGIT => !byte.is_ascii_digit(),
        _ => set.bytes().any(|b| b == byte || any_case && b == byte.to_ascii_lowercase()),
    }
}

#[derive(Debug)]
pub struct Windows {
    words: Box<[u64; 256]>,
    empty: bool,
}

impl Windows {
    pub fn new(recipes: &[Recipe]) -> Windows {
        let mut words = Box::new([0; 256]);
        for (byte, word) in (0..=u8::MAX).zip(words.iter_mut()) {
            for (bit, (trigger, any_case, sets)) in WINDOWS.iter().enumerate() {
                for (place, set) in sets.iter().enumerate() {
                    let there = recipes.contains(&trigger.recipe()) && takes(set, *any_case, byte);
                    *word |= u64::from(there) << (bit + place * COUNT);
                }
            }
        }
        Windows { words, empty: recipes.is_empty() }
    }

    /// The first window whose middle byte is at `middle` or behind it: the place of the middle byte, and the bits of
    /// all windows there. Before the text stands a blank, so to say. Apart from its caller, all of whose variables would
    /// be kept in memory while it looks at each byte of every line.
    #[inline(never)]
    pub fn next(&self, bytes: &[u8], middle: usize) -> Option<(usize, u64)> {
        let word = |byte: u8| self.words[usize::from(byte)];
        let rest = bytes.get(middle..)?;
        let (head, tail) = rest.split_first()?;
        if self.empty {
            return None;
        }
        let mut first = word(middle.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(b' '));
        let mut second = word(*head);
        for (at, byte) in tail.iter().enumerate() {
            let third = word(*byte);
            let found = first & (second >> COUNT) & (third >> (2 * COUNT));
            if found != 0 {
                return Some((middle + at, found));
            }
            (first, second) = (second, third);
        }
        None
    }
}

/// The triggers whose bits are set.
pub fn triggers(mut bits: u64) -> impl Iterator<Item = Trigger> {
    std::iter::from_fn(move || {
        let (trigger, ..) = WINDOWS.get(bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(*trigger)
    })
}
