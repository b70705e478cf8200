//! Matching a line against the steps of a layout.

use std::ops::Range;

use memchr::memchr;

use super::{Head, Kind, LevelKind, Looked, Slot, Step, TimeKind, Until, levels, names};
use crate::parse::bytes::{self, BLANK, DIGIT, HEX, SPACE, TAG_END, WORD};
use crate::parse::closing_quote;
use crate::parse::time::{Day, Stamp, Written, klog, stamp};
use crate::record::Level;

/// Ends of captures tried for a layout, in all.
const MAX_TRIES: u32 = 64;
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
                Step::Gap => self.blanks(at).filter(|end| end - at > 1)?,
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
            TimeKind::Ticks => self.bytes.get(at + 4) == Some(&b'/') && length == "2026/11/23 10:15:30.1234567".len(),
            TimeKind::Micros => {
                self.bytes.get(at + 19) == Some(&b',') && matches!(self.bytes.get(at + 26), Some(b'+' | b'-'))
            }
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
        let (level, length) = levels::level(kind, rest)?;
        if level != Level::Unknown {
            head.level = Some(level);
            head.level_at = at as u32..(at + length) as u32;
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
            Kind::Int | Kind::Float | Kind::Decimal => return number(kind, self.bytes, at),
            Kind::Tag => bytes::until(rest, TAG_END),
            Kind::Hex => bytes::run(rest, HEX),
            Kind::Hex4 | Kind::Hex8 => {
                let length = if kind == Kind::Hex4 { 4 } else { 8 };
                return (bytes::run(rest, HEX) == length).then_some((at, at + length));
            }
            Kind::Facility => bytes::run(rest, WORD),
            _ => bytes::until_or(rest, SPACE, b' '),
        };
        let is_one = || match kind {
            Kind::Host | Kind::LoneHost => {
                self.line.get(at..at + length).is_some_and(|host| names::is_host(kind, host))
            }
            Kind::Peer => !names::is_date(&rest[..length]),
            Kind::Facility => names::is_facility(&rest[..length]),
            Kind::Tag => names::is_tag(&rest[..length], rest.get(length) == Some(&b':')),
            _ => true,
        };
        (length > 0 && is_one()).then_some((at, at + length))
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
        let before_colon = matches!(until, Until::Literal(literal) if literal.starts_with(b":"));
        let mut from = at;
        loop {
            let end = self.next_end(until, from)?;
            let text = self.bytes.get(at..end)?;
            if !capture.is_none_or(|(_, kind)| names::is_possible(kind, text)) {
                return None;
            }
            if capture.is_none_or(|(_, kind)| names::is_one(kind, text, before_colon)) {
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
        Step::Gap => "two blanks".to_owned(),
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

/// Where a number begins and ends that is looked for at `at`; `-` is none, and good. Blanks that pad it count behind a
/// blank or a bracket.
fn number(kind: Kind, line: &[u8], at: usize) -> Option<(usize, usize)> {
    let is_padded = at == 0 || matches!(line[at - 1], b' ' | b'\t' | b'[' | b'(' | b'<');
    let padding = if is_padded { bytes::run(&line[at..], BLANK) } else { 0 };
    let begin = at + padding;
    let text = &line[begin..];
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
