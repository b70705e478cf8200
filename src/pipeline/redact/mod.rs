//! Redaction of secrets in the text of logs, before it is parsed and stored.
//!
//! One pass finds places where a secret could be (`trigger`), code written by hand decides there (`keys`, `tokens`,
//! `personal`), and what was found gives way to `[redacted:NAME]` or to `[NAME:1f2e3d4c5b6a7988]`. A text in which
//! nothing is found is lent back as it came, without an allocation.
//!
//! What a text becomes:
//! - Redacting it again changes nothing. To that end a text in which something was found is looked through until
//!   nothing is, at most [`ROUNDS_MAX`] times; only patterns made for it need more.
//! - A line that is a JSON object or array remains one, see `json`. A text with lines of JSON in it need not: give
//!   such lines one by one.
//! - A private key over several lines becomes one mark, so the text may have fewer lines afterwards. A text that has
//!   only some lines from inside such a block shows nothing that they could be known by.
//!
//! It takes linear time, whatever the text is, except that patterns take what `regex` takes for all matches.
//!
//! **What a hash is worth.** SipHash-2-4 with a secret key: the same secret has the same mark in all lines, and who
//! does not have the key learns nothing from a mark but that: guesses cannot be tried. Who has the key can try all
//! card numbers or a list of passwords, so the key is to be kept as the secrets would be. 64 bits: among some
//! billions of different secrets two may have the same mark. Secrets are hashed as they stand in the text, with their
//! escapes; card numbers without blanks and dashes.

mod bytes;
mod hash;
mod json;
mod keys;
mod marks;
mod pattern;
mod pem;
mod personal;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod tokens;
mod trigger;
mod value;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use regex::Regex;

pub use hash::HashKey;
pub use pattern::compile;

use trigger::{Trigger, Windows, triggers};

/// How often a text is looked through at most.
pub const ROUNDS_MAX: usize = 8;

/// What can be redacted without writing a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Recipe {
    /// Secrets behind names (`password=…`, `"apiKey": "…"`), keys of AWS and Google, private keys.
    Keys,
    /// Tokens with a known look, `Authorization`, passwords in URLs.
    Tokens,
    /// Addresses of mail.
    Email,
    /// Numbers of payment cards.
    CreditCard,
    /// Addresses like `192.0.2.1`. A version with four numbers looks the same.
    Ipv4,
}

impl Recipe {
    pub const ALL: [Recipe; 5] = [Recipe::Keys, Recipe::Tokens, Recipe::Email, Recipe::CreditCard, Recipe::Ipv4];

    /// As it is written in configurations and marks.
    pub fn name(self) -> &'static str {
        match self {
            Recipe::Keys => "keys",
            Recipe::Tokens => "tokens",
            Recipe::Email => "email",
            Recipe::CreditCard => "credit_card",
            Recipe::Ipv4 => "ipv4",
        }
    }

    pub fn from_name(name: &str) -> Option<Recipe> {
        Recipe::ALL.into_iter().find(|r| r.name() == name)
    }
}

/// Bytes that are a secret.
#[derive(Clone, Copy, Debug)]
struct Hit {
    start: usize,
    end: usize,
    /// Index of its name.
    source: usize,
    /// Whether the mark needs quotes.
    quoted: bool,
}

/// Finds and replaces secrets. Cheap to share between threads; see the head of this file.
#[derive(Debug)]
pub struct Redactor {
    windows: Windows,
    patterns: Vec<Regex>,
    /// Of all recipes, in their order, then of the patterns.
    names: Vec<Box<str>>,
    counts: Vec<AtomicU64>,
    hash: Option<HashKey>,
}

impl Redactor {
    /// `patterns` have names; a group 1 in one means that only this part of a match is secret. Names become parts of
    /// marks: what is no ASCII letter, digit, `_`, `-` or `.` becomes `_`, and 64 bytes are kept. Compile patterns
    /// with [`compile`], which limits their size.
    pub fn new(recipes: &[Recipe], patterns: &[(String, Regex)], hash: Option<HashKey>) -> Redactor {
        let recipe_names = Recipe::ALL.iter().map(|r| Box::from(r.name()));
        let names: Vec<Box<str>> =
            recipe_names.chain(patterns.iter().map(|(name, _)| pattern::mark_name(name))).collect();
        Redactor {
            windows: Windows::new(recipes),
            patterns: patterns.iter().map(|(_, regex)| regex.clone()).collect(),
            counts: names.iter().map(|_| AtomicU64::new(0)).collect(),
            names,
            hash,
        }
    }

    /// `text` without secrets; the same text where none is found.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for _ in 0..ROUNDS_MAX {
            let hits = self.hits(&text);
            if hits.is_empty() {
                break;
            }
            for hit in &hits {
                if let Some(count) = self.counts.get(hit.source) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            text = Cow::Owned(self.replaced(&text, json::fit(&text, hits)));
        }
        text
    }

    /// How many secrets were replaced since the beginning, by name, where there were any.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        let counts = self.counts.iter().map(|c| c.load(Ordering::Relaxed));
        self.names.iter().map(|n| &**n).zip(counts).filter(|(_, count)| *count > 0)
    }

    /// In order, apart from each other, at boundaries of characters.
    fn hits(&self, text: &str) -> Vec<Hit> {
        let mut marks = None;
        let mut hits = self.scan(text, &mut marks);
        for (at, regex) in self.patterns.iter().enumerate() {
            self.search(text, regex, Recipe::ALL.len() + at, &mut marks, &mut hits);
        }
        if !self.patterns.is_empty() {
            hits = merged(hits);
        }
        hits
    }

    /// What the recipes find. The scan goes on behind what was found, so that no byte is looked at twice for it.
    fn scan(&self, text: &str, marks: &mut Option<Vec<Range<usize>>>) -> Vec<Hit> {
        let (mut hits, mut floor, mut middle) = (vec![], 0, 0);
        while let Some((at, bits)) = self.windows.next(text.as_bytes(), middle) {
            middle = at + 1;
            let Some((start, end, recipe)) = triggers(bits).find_map(|t| verify(text.as_bytes(), at, floor, t)) else {
                continue;
            };
            let marks = marks.get_or_insert_with(|| marks::find(text, &self.names));
            let hit = Hit { start: start.max(floor), end, source: recipe as usize, quoted: false };
            // What is nothing but marks is passed over as well, or each mark in a row would look at all behind it.
            middle = middle.max(hit.end);
            if let Some(hit) = marks::apart(marks, whole_characters(text, hit), true) {
                floor = hit.end;
                middle = middle.max(floor);
                hits.push(hit);
            }
        }
        hits
    }

    fn search(
        &self,
        text: &str,
        regex: &Regex,
        source: usize,
        marks: &mut Option<Vec<Range<usize>>>,
        hits: &mut Vec<Hit>,
    ) {
        let group = usize::from(regex.captures_len() > 1);
        let mut at = 0;
        while let Some(whole) = text.get(at..).and_then(|_| regex.find_at(text, at)) {
            let marks = marks.get_or_insert_with(|| marks::find(text, &self.names));
            // What begins in a mark is about the mark; what begins behind it may be hidden by that.
            if let Some(end) = marks::end_around(marks, whole.start()) {
                at = end;
                continue;
            }
            // Groups cost more, and most texts have no match.
            let part = match group {
                0 => Some(whole),
                _ => regex.captures_at(text, whole.start()).and_then(|c| c.get(1)),
            };
            at = whole.end();
            if whole.is_empty() {
                at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            }
            let Some(part) = part.filter(|p| !p.is_empty()) else { continue };
            let hit = Hit { start: part.start(), end: part.end(), source, quoted: false };
            hits.extend(marks::apart(marks, hit, false));
        }
    }

    fn replaced(&self, text: &str, hits: Vec<Hit>) -> String {
        let mut result = String::with_capacity(text.len() + 32);
        let mut done = 0;
        for hit in hits {
            result.push_str(text.get(done..hit.start).unwrap_or_default());
            let secret = text.get(hit.start..hit.end).unwrap_or_default();
            let quote = if hit.quoted { "\"" } else { "" };
            result.push_str(quote);
            self.mark(secret, hit.source, &mut result);
            result.push_str(quote);
            done = hit.end;
        }
        result.push_str(text.get(done..).unwrap_or_default());
        result
    }

    fn mark(&self, secret: &str, source: usize, result: &mut String) {
        let name = self.names.get(source).map_or("", |n| n);
        match &self.hash {
            None => result.extend([marks::PLAIN, name, "]"]),
            Some(key) => {
                let card = source == Recipe::CreditCard as usize;
                let hash = key.hash(secret.bytes().filter(|b| !card || b.is_ascii_digit()));
                result.push_str(&format!("[{name}:{hash:016x}]"));
            }
        }
    }
}

fn verify(bytes: &[u8], at: usize, floor: usize, trigger: Trigger) -> Option<(usize, usize, Recipe)> {
    let recipe = trigger.recipe();
    let found = match trigger {
        Trigger::At => personal::email(bytes, at, floor),
        Trigger::Card => personal::card(bytes, at),
        Trigger::Ipv4 => personal::ipv4(bytes, at),
        _ if recipe == Recipe::Tokens => tokens::find(bytes, at, trigger),
        _ => keys::find(bytes, at, trigger),
    };
    let (start, end) = found?;
    (start.max(floor) < end).then_some((start, end, recipe))
}

/// All recipes end at ASCII; should one not, the whole character goes.
fn whole_characters(text: &str, hit: Hit) -> Hit {
    Hit { start: text.floor_char_boundary(hit.start), end: text.ceil_char_boundary(hit.end), ..hit }
}

/// Hits that overlap become one, with the name of the first; of two that begin together, of the longer.
fn merged(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|h| (h.start, std::cmp::Reverse(h.end)));
    hits.dedup_by(|next, kept| {
        let overlaps = next.start < kept.end;
        if overlaps {
            kept.end = kept.end.max(next.end);
        }
        overlaps
    });
    hits
}
