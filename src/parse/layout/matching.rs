//! Matching a line against the steps of a layout.

use std::ops::Range;

use memchr::{memchr, memmem};

use super::{Head, Kind, LevelKind, Looked, Slot, Step, TimeKind, Until};
use crate::parse::bytes::{self, BLANK, DIGIT, HEX, NAME, SPACE, TAG_END, WORD};
use crate::parse::closing_quote;
use crate::parse::time::{Day, Stamp, Written, klog, stamp};
use crate::record::Level;

/// Ends of captures tried for a line, in all.
const MAX_TRIES: u32 = 64;
/// Bytes a `name` has at most, and a `text` that is no message.
const MAX_NAME: usize = 200;
const MAX_TEXT: usize = 4_096;

pub fn run<'a>(steps: &'a [Step], line: &'a str, head: &mut Head) -> bool {
    Run::<false>::new(line).steps(steps, 0, head).is_some()
}

/// How far a line that does not match came: the byte, and what was wanted there.
pub fn stuck<'a>(steps: &'a [Step], line: &'a str) -> (usize, String) {
    let mut run = Run::<true>::new(line);
    run.steps(steps, 0, &mut Head::default());
    (run.furthest, run.wanted.map_or_else(|| "the end of the line".to_owned(), describe))
}

/// A line and where in it we are; `TELL` to keep how far it came.
struct Run<'a, const TELL: bool> {
    line: &'a str,
    bytes: &'a [u8],
    tries: u32,
    /// The furthest byte at which a step was tried, and the step.
    furthest: usize,
    wanted: Option<&'a Step>,
}

impl<'a, const TELL: bool> Run<'a, TELL> {
    fn new(line: &'a str) -> Run<'a, TELL> {
        Run { line, bytes: line.as_bytes(), tries: MAX_TRIES, furthest: 0, wanted: None }
    }

    /// Whether all steps match from `at` on, to the end of the line.
    fn steps(&mut self, steps: &'a [Step], mut at: usize, head: &mut Head) -> Option<()> {
        for (index, step) in steps.iter().enumerate() {
            if TELL && at >= self.furthest {
                (self.furthest, self.wanted) = (at, Some(step));
            }
            at = match step {
                Step::Byte(byte, blanks) => {
                    let end = self.bytes.get(at).filter(|found| *found == byte).map(|_| at + 1)?;
                    if *blanks { self.blanks_behind(end)? } else { end }
                }
                Step::Literal(literal) => self.bytes.get(at..)?.starts_with(literal).then_some(at + literal.len())?,
                Step::Blanks => self.blanks(at)?,
                Step::Time(kind) => self.time(*kind, at, head)?,
                Step::Level(kind) => self.level(*kind, at, head)?,
                Step::Column(column) => self.blanks(at).or(Some(at)).filter(|at| at == column)?,
                Step::Rest => {
                    head.message = at as u32..self.bytes.len() as u32;
                    return Some(());
                }
                Step::Mark => {
                    head.message = at as u32..self.bytes.len() as u32;
                    at
                }
                Step::Fork(with, without) => {
                    let saved = Saved::of(head);
                    return self.steps(with, at, head).or_else(|| {
                        saved.restore(head);
                        self.steps(without, at, head)
                    });
                }
                Step::Message(until) => return self.lazy(None, until, &steps[index + 1..], at, head),
                Step::Capture { slot, kind: kind @ (Kind::Text | Kind::Name | Kind::Dotted), until } => {
                    return self.lazy(Some((*slot, *kind)), until, &steps[index + 1..], at, head);
                }
                Step::Word(slot, stop, blanks) => {
                    let end = at + bytes::until_or(self.bytes.get(at..)?, SPACE, stop.unwrap_or(b' '));
                    // An empty value may stand between quotes or brackets only.
                    if end == at && stop.is_none() {
                        return None;
                    }
                    keep(head, *slot, at, end);
                    if *blanks { self.blanks_behind(end)? } else { end }
                }
                Step::Capture { slot, kind, .. } => {
                    let (begin, end) = self.greedy(*kind, at)?;
                    keep(head, *slot, begin, end);
                    end
                }
            };
        }
        if TELL && at >= self.furthest {
            (self.furthest, self.wanted) = (at, None);
        }
        self.bytes.get(at..)?.iter().all(u8::is_ascii_whitespace).then_some(())
    }

    fn blanks(&self, at: usize) -> Option<usize> {
        let count = bytes::run(self.bytes.get(at..)?, BLANK);
        (count > 0).then_some(at + count)
    }

    /// The same as the second half of a step.
    fn blanks_behind(&mut self, at: usize) -> Option<usize> {
        if TELL && at >= self.furthest {
            (self.furthest, self.wanted) = (at, Some(&Step::Blanks));
        }
        self.blanks(at)
    }

    fn time(&self, kind: TimeKind, at: usize, head: &mut Head) -> Option<usize> {
        if kind == TimeKind::Maybe && self.bytes.get(at) == Some(&b'-') {
            return Some(at + 1);
        }
        let found = match head.looked {
            _ if kind == TimeKind::Klog => self.line.get(at..).and_then(klog),
            Some(looked) if looked.at == at => looked.found,
            _ => {
                let found = self.line.get(at..).and_then(stamp);
                head.looked = Some(Looked { at, found });
                found
            }
        };
        let (stamp, length) = found?;
        let good = match kind {
            TimeKind::Date | TimeKind::Maybe => stamp.day != Day::Unknown,
            TimeKind::Clock | TimeKind::Klog => true,
            TimeKind::Epoch => is_epoch(&stamp),
            TimeKind::Yearless => matches!(stamp.day, Day::Yearless(..)),
            TimeKind::Syslog => {
                let is_named = self.bytes.get(at).is_some_and(u8::is_ascii_uppercase);
                is_named && matches!(stamp.day, Day::Yearless(..))
            }
            TimeKind::Zoned => stamp.zone != Written::Nothing && self.bytes.get(at + 10) == Some(&b'T'),
            TimeKind::Twelve => self.ends_with_half(at + length),
            TimeKind::Named => self.bytes[at].is_ascii_uppercase() && self.ends_with_half(at + length),
            TimeKind::Slashed => self.bytes.get(at + 4) == Some(&b'/'),
        };
        if !good {
            return None;
        }
        head.stamp = Some(match head.stamp {
            Some(other) => finer(other, stamp),
            None => stamp,
        });
        Some(at + length)
    }

    /// Whether `AM` or `PM` ends there.
    fn ends_with_half(&self, end: usize) -> bool {
        matches!(self.bytes.get(end - 1), Some(b'M' | b'm'))
    }

    /// The place behind a level, and behind the blanks that pad it inside of brackets.
    fn level(&self, kind: LevelKind, at: usize, head: &mut Head) -> Option<usize> {
        let rest = self.line.get(at..)?;
        let (level, length) = match kind {
            LevelKind::Redis => (redis(*rest.as_bytes().first()?)?, 1),
            LevelKind::Priority => priority(rest)?,
            LevelKind::Severity => severity(rest)?,
            LevelKind::Xorg => xorg(rest)?,
            LevelKind::Php => php(rest)?,
            LevelKind::PostgresPart => postgres_part(rest)?,
            _ => {
                let most = if kind == LevelKind::Letter { 1 } else { 16 };
                let length = bytes::run(&rest.as_bytes()[..rest.len().min(most)], WORD);
                (word(kind, &rest[..length])?, length)
            }
        };
        if level != Level::Unknown {
            head.level = Some(level);
            head.level_leads = at == 0;
        }
        let end = at + length;
        match self.blanks(end) {
            Some(behind) if self.bytes.get(behind) == Some(&b']') => Some(behind),
            _ => Some(end),
        }
    }

    /// Where a capture that cannot end in several places begins and ends.
    fn greedy(&self, kind: Kind, at: usize) -> Option<(usize, usize)> {
        let rest = self.bytes.get(at..)?;
        let length = match kind {
            Kind::Rest => return Some((at, self.bytes.len())),
            Kind::Data => return data(self.bytes, at).map(|end| (at, end)),
            Kind::Quoted => return closing_quote(rest).map(|length| (at, at + length)),
            Kind::Int | Kind::Float | Kind::Decimal => return number(kind, rest, at),
            Kind::Tag => bytes::until(rest, TAG_END),
            Kind::Hex => bytes::run(rest, HEX),
            _ => bytes::until_or(rest, SPACE, b' '),
        };
        if kind == Kind::Host && !is_host(self.line.get(at..at + length)?) {
            return None;
        }
        let is_good = length > 0 && (kind != Kind::Tag || !is_outcome(&rest[..length]));
        is_good.then_some((at, at + length))
    }

    /// Tries the ends of a capture, nearest first, until the steps behind it match.
    fn lazy(
        &mut self,
        capture: Option<(Slot, Kind)>,
        until: &Until,
        rest: &'a [Step],
        at: usize,
        head: &mut Head,
    ) -> Option<()> {
        let saved = Saved::of(head);
        let mut from = at;
        loop {
            let end = self.next_end(until, from)?;
            let text = self.bytes.get(at..end)?;
            if !capture.is_none_or(|(_, kind)| is_possible(kind, text)) {
                return None;
            }
            if capture.is_none_or(|(_, kind)| kind != Kind::Dotted || is_dotted(text)) {
                self.tries = self.tries.checked_sub(1)?;
                match capture {
                    Some((slot, _)) => {
                        let padding = bytes::run(text, BLANK);
                        keep(head, slot, at + padding, end - trailing(&text[padding..]));
                    }
                    None => head.message = at as u32..end as u32,
                }
                if self.steps(rest, end, head).is_some() {
                    return Some(());
                }
                saved.restore(head);
            }
            from = end + 1;
        }
    }

    /// The next place where a capture may end.
    fn next_end(&self, until: &Until, from: usize) -> Option<usize> {
        let rest = self.bytes.get(from..)?;
        let found = match until {
            Until::Literal(literal) => find(rest, literal),
            Until::Blank => Some(bytes::until_or(rest, BLANK, b' ')).filter(|length| *length < rest.len()),
            Until::End | Until::Any => Some(rest.len()).filter(|length| *length > 0),
        };
        found.map(|length| from + length)
    }
}

/// What a step wants, for people.
fn describe(step: &Step) -> String {
    match step {
        Step::Literal(literal) => format!("{:?}", String::from_utf8_lossy(literal)),
        Step::Byte(byte, _) => format!("{:?}", String::from_utf8_lossy(&[*byte])),
        Step::Blanks => "a blank".to_owned(),
        Step::Time(TimeKind::Date) => "a time with a date".to_owned(),
        Step::Time(kind) => format!("a time ({kind:?})").to_lowercase(),
        Step::Level(LevelKind::Word) => "a level".to_owned(),
        Step::Level(kind) => format!("a level ({kind:?})").to_lowercase(),
        Step::Word(..) => "a word".to_owned(),
        Step::Capture { kind, .. } => format!("{kind:?}").to_lowercase(),
        Step::Message(_) | Step::Rest | Step::Mark => "the message".to_owned(),
        Step::Column(column) => format!("column {column}"),
        Step::Fork(with, _) => with.first().map_or_else(|| "an option".to_owned(), describe),
    }
}

/// What a way that came to nothing has to give back.
struct Saved {
    stamp: Option<Stamp>,
    level: Option<Level>,
    logger: Option<Range<u32>>,
    fields: usize,
}

impl Saved {
    fn of(head: &Head) -> Saved {
        Saved { stamp: head.stamp, level: head.level, logger: head.logger.clone(), fields: head.fields.len() }
    }

    fn restore(&self, head: &mut Head) {
        head.stamp = self.stamp;
        head.level = self.level;
        head.logger = self.logger.clone();
        head.fields.truncate(self.fields);
    }
}

/// Where a literal is next. Texts between are short, so that this is quicker than to prepare a search.
fn find(text: &[u8], literal: &[u8]) -> Option<usize> {
    let (first, rest) = literal.split_first()?;
    let mut from = 0;
    loop {
        let at = from + memchr(*first, text.get(from..)?)?;
        if text[at + 1..].starts_with(rest) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Where a number begins and ends, of a text that begins at `at`; `-` is none, and good.
fn number(kind: Kind, text: &[u8], at: usize) -> Option<(usize, usize)> {
    let padding = bytes::run(text, BLANK);
    let text = &text[padding..];
    let begin = at + padding;
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let digits = &text[sign..];
    let length = match kind {
        Kind::Float | Kind::Decimal => digits.iter().take_while(|b| bytes::is(**b, DIGIT) || **b == b'.').count(),
        _ => bytes::run(digits, DIGIT),
    };
    match length {
        _ if kind == Kind::Decimal && memchr(b'.', &digits[..length]).is_none() => None,
        0 => (text.first() == Some(&b'-')).then_some((begin, begin + 1)),
        _ => Some((begin, begin + sign + length)),
    }
}

fn trailing(text: &[u8]) -> usize {
    text.iter().rev().take_while(|b| bytes::is(**b, BLANK)).count()
}

fn keep(head: &mut Head, slot: Slot, begin: usize, end: usize) {
    let range = begin as u32..end as u32;
    match slot {
        Slot::Forgotten => {}
        Slot::Logger => head.logger = Some(range),
        Slot::Field(slot) => head.fields.push((slot, range)),
    }
}

/// Whether a capture can hold this, and longer texts that begin with it.
fn is_possible(kind: Kind, text: &[u8]) -> bool {
    match kind {
        Kind::Text => text.len() <= MAX_TEXT,
        _ => {
            text.len() <= MAX_NAME
                && text.first().is_some_and(|b| !bytes::is(*b, DIGIT | BLANK) && *b != b':')
                && is_name(text)
                && !is_outcome(text)
        }
    }
}

/// What messages begin with before a colon, and what is no name: `Error`, `Listening`, `Installed`.
fn is_outcome(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 5] = [b"Warning", b"Command", b"OPTION", b"Note", b"Reason"];
    let ends = |endings: &[&[u8]]| endings.iter().any(|ending| text.ends_with(ending));
    let is_error = ends(&[b"Error", b"Exception"]) && memchr(b'.', text).is_none();
    let is_verb =
        ends(&[b"ing", b"ed"]) && text[0].is_ascii_uppercase() && text[1..].iter().all(u8::is_ascii_lowercase);
    is_error || is_verb || WORDS.contains(&text)
}

/// A name, perhaps padded behind.
fn is_name(text: &[u8]) -> bool {
    text.trim_ascii_end().iter().all(|b| bytes::is(*b, NAME))
}

/// Whether it can be a host: no level, no date, no beginning of a sentence, and with colons only if it is an address.
fn is_host(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
        return true;
    }
    let good = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80 || b"._-:%/@+".contains(b);
    let is_address = |b: &u8| bytes::is(*b, HEX) || b".:%/".contains(b);
    let is_date = matches!(bytes, [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', _, _, b'-', _, _]);
    let is_address = memchr(b':', bytes).is_none() || bytes.iter().all(is_address) && !bytes.ends_with(b":");
    let is_bare = bytes.iter().all(u8::is_ascii_alphabetic);
    let is_gerund = is_bare && bytes[0].is_ascii_uppercase() && bytes.ends_with(b"ing");
    bytes != b"-" && bytes.iter().all(good) && is_address && !is_date && !is_gerund && Level::from_word(text).is_none()
}

fn is_dotted(text: &[u8]) -> bool {
    memchr(b'.', text).is_some_and(|at| at > 0) || memmem::find(text, b"::").is_some()
}

fn is_epoch(stamp: &Stamp) -> bool {
    stamp.day == Day::Date(0) && stamp.zone == Written::Offset(0)
}

/// Of two times in one head the one that is sure of its zone, with the other's fraction of a second.
fn finer(one: Stamp, other: Stamp) -> Stamp {
    const SECOND: i64 = crate::sys::clock::SECOND;
    let (sure, detailed) = if is_epoch(&other) { (other, one) } else { (one, other) };
    match sure.of_day % SECOND {
        0 => Stamp { of_day: sure.of_day + detailed.of_day % SECOND, ..sure },
        _ => sure,
    }
}

fn word(kind: LevelKind, word: &str) -> Option<Level> {
    match kind {
        LevelKind::Letter => Level::from_column(word.get(..1)?),
        LevelKind::Three if word.len() != 3 => None,
        LevelKind::Dotnet => matches!(word, "trce" | "dbug" | "info" | "warn" | "fail" | "crit")
            .then(|| Level::from_column(word).or(Some(Level::Critical)))?,
        LevelKind::Glib if word == "Message" => Some(Level::Notice),
        LevelKind::Caps | LevelKind::Glib => {
            Level::from_word(word).filter(|_| word.bytes().all(|b| b.is_ascii_uppercase()))
        }
        LevelKind::Postgres => {
            Level::from_column(word).filter(|_| word.len() > 2 && word.bytes().all(|b| !b.is_ascii_lowercase()))
        }
        // Letters mean levels only where a letter is expected.
        LevelKind::Word if word.len() < 2 => None,
        _ => Level::from_column(word),
    }
}

/// What Redis writes between the time and the message.
fn redis(mark: u8) -> Option<Level> {
    Some(match mark {
        b'.' => Level::Debug,
        // `verbose`, which Redis sends to syslog as info.
        b'-' => Level::Info,
        b'*' => Level::Notice,
        b'#' => Level::Warning,
        _ => return None,
    })
}

/// `134` of `<134>`: facility × 8 + severity.
fn priority(text: &str) -> Option<(Level, usize)> {
    let length = text.bytes().take(4).take_while(u8::is_ascii_digit).count();
    let number: u8 = text[..length].parse().ok().filter(|n| *n < 192)?;
    Some((Level::from_syslog(number & 7)?, length))
}

/// One digit, as syslog counts.
fn severity(text: &str) -> Option<(Level, usize)> {
    let digit = text.bytes().next().filter(|_| bytes::run(text.as_bytes(), DIGIT) == 1)?;
    Some((Level::from_syslog(digit - b'0')?, 1))
}

/// The two characters that X writes in parentheses.
fn xorg(text: &str) -> Option<(Level, usize)> {
    let level = match text.get(..2)? {
        "EE" => Level::Error,
        "WW" => Level::Warning,
        "II" | "--" | "**" | "==" => Level::Info,
        "!!" => Level::Notice,
        "NI" | "??" => Level::Unknown,
        _ => return None,
    };
    Some((level, 2))
}

/// What PostgreSQL writes before lines that explain the one before: no level.
fn postgres_part(text: &str) -> Option<(Level, usize)> {
    const PARTS: [&str; 6] = ["DETAIL", "HINT", "STATEMENT", "CONTEXT", "QUERY", "LOCATION"];
    let part = PARTS.iter().find(|part| text.strip_prefix(**part).is_some_and(|rest| rest.starts_with(':')))?;
    Some((Level::Unknown, part.len()))
}

/// PHP's words, which may be two.
fn php(text: &str) -> Option<(Level, usize)> {
    const WORDS: [(&str, Level); 9] = [
        ("Fatal error", Level::Fatal),
        ("Recoverable fatal error", Level::Error),
        ("Parse error", Level::Fatal),
        ("Core error", Level::Fatal),
        ("Compile error", Level::Fatal),
        ("Warning", Level::Warning),
        ("Notice", Level::Notice),
        ("Deprecated", Level::Warning),
        ("Strict Standards", Level::Notice),
    ];
    let (word, level) = WORDS.iter().find(|(word, _)| text.starts_with(word))?;
    Some((*level, word.len()))
}

/// The end of RFC 5424's structured data: `-`, or elements in brackets with quoted values.
fn data(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) == Some(&b'-') {
        return Some(at + 1);
    }
    let mut end = at;
    while bytes.get(end) == Some(&b'[') {
        loop {
            let next = end + bytes.get(end..)?.iter().position(|b| *b == b'"' || *b == b']')?;
            if bytes[next] == b']' {
                end = next + 1;
                break;
            }
            end = next + 1 + closing_quote(bytes.get(next + 1..)?)? + 1;
        }
    }
    (end > at).then_some(end)
}
