//! The pieces of words that a text must contain for a regular expression to find something in it, or for a wildcard
//! pattern to match.
//!
//! A pattern is unfolded into a few *paths*, of which every matching text goes along one. A path is made of characters
//! in lower case, of breaks (where a word begins or ends), and of gaps, of which nothing is known. What stands between
//! two breaks is a whole word; what touches a gap, or an end of the path, is a piece of one. Where a pattern says more
//! than a few paths can hold, a gap takes its place, so the result may ask too little and never too much.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use crate::query::need::Need;
use crate::query::tokens::{is_token_char, lower};

/// Most paths of one pattern. A search looks for each of them.
const MAX_PATHS: usize = 16;
/// Longest path; what follows is a gap.
const MAX_STEPS: usize = 256;
/// Most repetitions that are written out.
const MAX_REPEATED: u32 = 4;
/// Most characters of a class that is looked at, and most different ones of a class that is unfolded. Three are enough
/// for a letter whose case does not matter: `k`, `K` and the Kelvin sign.
const MAX_CLASS: usize = 64;
const MAX_UNFOLDED: usize = 3;
/// Most pieces that are asked for on one path, the longest.
const MAX_PIECES: usize = 8;
/// Shortest piece worth a look at all words.
const MIN_PIECE: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A character of a word, in lower case.
    Char(char),
    /// At least one separator, or the beginning or end of the text.
    Break,
    /// Any text, or none.
    Gap,
}

type Path = Vec<Step>;

/// What a text needs for the regular expression to find something in it.
pub(super) fn of_regex(pattern: &str) -> Need {
    match regex_syntax::parse(pattern) {
        Ok(hir) => Need::any(paths(&hir).iter().map(|path| of_path(path))),
        // It was compiled with the same syntax, so this does not happen; every block is a safe answer.
        Err(_) => Need::Anything,
    }
}

/// What a text with wildcards needs, whether it must match words or a whole value.
pub(super) fn of_glob(text: &str) -> Need {
    let inner = text.chars().map(|c| if c == '*' { Step::Gap } else { step(c) });
    let path: Path = std::iter::once(Step::Break).chain(inner).chain([Step::Break]).collect();
    of_path(&path)
}

fn step(c: char) -> Step {
    if is_token_char(c) { Step::Char(lower(c)) } else { Step::Break }
}

fn paths(hir: &Hir) -> Vec<Path> {
    match hir.kind() {
        HirKind::Empty => vec![Path::new()],
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) if text.len() <= MAX_STEPS => vec![text.chars().map(step).collect()],
            _ => gap(),
        },
        HirKind::Class(class) => of_class(class),
        HirKind::Look(look) => vec![match look {
            Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF => {
                vec![Step::Break]
            }
            // Words are not quite what `\b` takes for words: `²` belongs to one here. It says nothing, and is nothing.
            _ => Path::new(),
        }],
        HirKind::Repetition(repetition) => of_repetition(repetition),
        HirKind::Capture(capture) => paths(&capture.sub),
        HirKind::Concat(items) => items.iter().fold(vec![Path::new()], |ways, item| then(ways, paths(item))),
        HirKind::Alternation(items) => {
            let mut ways = Vec::new();
            for item in items {
                ways.extend(paths(item));
                if ways.len() > MAX_PATHS {
                    return gap();
                }
            }
            ways
        }
    }
}

fn gap() -> Vec<Path> {
    vec![vec![Step::Gap]]
}

/// Every way of `ways` and behind it every one of `more`.
fn then(mut ways: Vec<Path>, more: Vec<Path>) -> Vec<Path> {
    let more = if ways.len() * more.len() > MAX_PATHS { gap() } else { more };
    if let [more] = more.as_slice() {
        ways.iter_mut().for_each(|way| append(way, more));
        return ways;
    }
    let each = ways.iter().flat_map(|way| {
        more.iter().map(|more| {
            let mut way = way.clone();
            append(&mut way, more);
            way
        })
    });
    each.collect()
}

fn append(way: &mut Path, more: &[Step]) {
    if way.len() + more.len() <= MAX_STEPS {
        way.extend_from_slice(more);
    } else if way.last() != Some(&Step::Gap) {
        way.push(Step::Gap);
    }
}

fn of_repetition(repetition: &Repetition) -> Vec<Path> {
    let sub = paths(&repetition.sub);
    let optional = |mut ways: Vec<Path>| {
        ways.push(Path::new());
        if ways.len() > MAX_PATHS { gap() } else { ways }
    };
    let breaks = sub.iter().all(|way| way.as_slice() == [Step::Break]);
    match (repetition.min, repetition.max) {
        (_, Some(0)) => vec![Path::new()],
        // Some separators are one break, however many.
        (0, _) if breaks => optional(vec![vec![Step::Break]]),
        (_, _) if breaks => vec![vec![Step::Break]],
        (0, Some(1)) => optional(sub),
        (0, _) => gap(),
        (least, most) => {
            let written = least.min(MAX_REPEATED);
            let mut ways = (0..written).fold(vec![Path::new()], |ways, _| then(ways, sub.clone()));
            if most != Some(written) {
                ways = then(ways, gap());
            }
            ways
        }
    }
}

fn of_class(class: &Class) -> Vec<Path> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) if class.is_ascii() => {
            class.ranges().iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect()
        }
        Class::Bytes(_) => return gap(),
    };
    let mut kinds: Vec<Step> = Vec::new();
    for (count, c) in ranges.into_iter().flat_map(|(first, last)| first..=last).enumerate() {
        let kind = step(c);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
        if count >= MAX_CLASS || kinds.len() > MAX_UNFOLDED {
            return gap();
        }
    }
    // A class of nothing matches nothing; as a gap it needs nothing.
    if kinds.is_empty() { gap() } else { kinds.into_iter().map(|kind| vec![kind]).collect() }
}

/// What a text that goes along this path contains.
fn of_path(path: &[Step]) -> Need {
    let mut pieces: Vec<Need> = Vec::new();
    let mut run = String::new();
    let mut begins = false; // a word begins where the run does
    for step in path.iter().copied().chain([Step::Gap]) {
        if let Step::Char(c) = step {
            run.push(c);
            continue;
        }
        let ends = step == Step::Break;
        let text = std::mem::take(&mut run);
        match (begins, ends) {
            _ if text.is_empty() => {}
            (true, true) => pieces.push(Need::Word(text)),
            (true, false) => pieces.push(Need::Prefix(text)),
            (false, _) if text.chars().count() >= MIN_PIECE => pieces.push(Need::Contains(text)),
            (false, _) => {}
        }
        begins = ends;
    }
    pieces.sort_by_key(|piece| std::cmp::Reverse(text_of(piece).len()));
    pieces.truncate(MAX_PIECES);
    Need::all(pieces)
}

fn text_of(piece: &Need) -> &str {
    match piece {
        Need::Word(text) | Need::Prefix(text) | Need::Contains(text) => text,
        _ => "",
    }
}
