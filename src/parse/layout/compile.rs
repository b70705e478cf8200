//! From the text of a layout to its steps.

use smol_str::SmolStr;

use super::{FirstBytes, Kind, Layout, LevelKind, Slot, Step, TimeKind, Until};
use crate::parse::bytes;
use crate::parse::home::Slots;

/// A longer layout, or one with more names, is refused.
const MAX_BYTES: usize = 1_024;
const MAX_SLOTS: usize = 64;
/// Each doubles what is behind it.
const MAX_OPTIONS: usize = 5;

/// A mistake in a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LayoutError {
    /// Byte of the layout's text where it is.
    pub at: usize,
    pub message: String,
}

fn wrong<T>(at: usize, message: impl Into<String>) -> Result<T, LayoutError> {
    Err(LayoutError { at, message: message.into() })
}

pub fn compile(text: &str) -> Result<Layout, LayoutError> {
    if text.len() > MAX_BYTES {
        return wrong(MAX_BYTES, format!("a layout has at most {MAX_BYTES} bytes"));
    }
    let mut reader = Reader { text, at: 0, slots: Vec::new() };
    let parts = reader.parts(false)?;
    if parts.is_empty() {
        return wrong(0, "an empty layout matches nothing");
    }
    if parts.iter().filter(|part| matches!(part, Part::Optional(_))).count() > MAX_OPTIONS {
        return wrong(0, format!("a layout has at most {MAX_OPTIONS} options"));
    }
    let mut steps = chain(&parts);
    end_captures(&mut steps, text)?;
    let (first, can_be_empty) = first_bytes(&steps);
    if can_be_empty {
        return wrong(0, "a layout needs something that is always there before {message}");
    }
    let needs = needs(&steps);
    simplify(&mut steps);
    Ok(Layout { steps, slots: Slots::new(&reader.slots), first, needs, logger: None })
}

/// A layout as it is read.
#[derive(Clone)]
enum Part {
    Step(Step),
    Optional(Vec<Part>),
}

/// Steps of which each option is a fork: with it, or without.
fn chain(parts: &[Part]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Step(step) => steps.push(step.clone()),
            Part::Optional(inner) => {
                let rest = &parts[index + 1..];
                let with: Vec<Part> = inner.iter().chain(rest).cloned().collect();
                steps.push(Step::Fork(chain(&with), chain(rest)));
                break;
            }
        }
    }
    steps
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    slots: Vec<(SmolStr, Kind)>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.text.get(self.at..)?.chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Parts up to the end, or up to the parenthesis that closes an option.
    fn parts(&mut self, inside: bool) -> Result<Vec<Part>, LayoutError> {
        let begin = self.at;
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        while let Some(next) = self.next() {
            if !matches!(next, ' ' | '\t' | '(' | ')' | '{') {
                literal.extend(self.character(next)?.to_string().bytes());
                continue;
            }
            if !literal.is_empty() {
                parts.push(Part::Step(Step::Literal(std::mem::take(&mut literal).into())));
            }
            match next {
                '(' if inside => {
                    return wrong(self.at - 1, "an option cannot stand in another; write \\( for a parenthesis");
                }
                '(' => parts.push(Part::Optional(self.parts(true)?)),
                ')' if inside && self.next() == Some('?') => return Ok(parts),
                ')' => return wrong(self.at - 1, "an option is written (…)?; write \\( and \\) for parentheses"),
                '{' => parts.push(Part::Step(self.name()?)),
                _ if matches!(parts.last(), Some(Part::Step(Step::Blanks))) => {}
                _ => parts.push(Part::Step(Step::Blanks)),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Step(Step::Literal(literal.into())));
        }
        if inside { wrong(begin - 1, "the option is not closed; write (…)?") } else { Ok(parts) }
    }

    /// The character that is meant.
    fn character(&mut self, next: char) -> Result<char, LayoutError> {
        match next {
            '\\' if self.text.get(self.at..).is_some_and(|rest| rest.starts_with('t')) => {
                self.at += 1;
                Ok('\t')
            }
            '\\' => self.next().ok_or(()).or_else(|()| wrong(self.at - 1, "a backslash needs a character behind it")),
            '}' => wrong(self.at - 1, "a brace that nothing opens; write \\} for the character"),
            other => Ok(other),
        }
    }

    /// What is between braces.
    fn name(&mut self) -> Result<Step, LayoutError> {
        let begin = self.at;
        let Some(length) = self.text[begin..].find('}') else { return wrong(begin - 1, "the brace is not closed") };
        let inside = &self.text[begin..begin + length];
        self.at = begin + length + 1;
        let (name, kind) = inside.split_once(':').map_or((inside, None), |(name, kind)| (name, Some(kind)));
        let step = match name {
            "time" => time_kind(kind).map(Step::Time),
            "level" => level_kind(kind).map(Step::Level),
            "message" if kind == Some("all") => Some(Step::Mark),
            "message" if kind.is_none() => Some(Step::Message(Until::End)),
            "gap" if kind.is_none() => Some(Step::Gap),
            "column" => kind.and_then(|n| n.parse().ok()).map(Step::Column),
            _ => return self.capture(name, kind, begin),
        };
        step.ok_or(()).or_else(|()| wrong(begin, format!("{name} has no kind {:?}", kind.unwrap_or(""))))
    }

    fn capture(&mut self, name: &str, kind: Option<&str>, begin: usize) -> Result<Step, LayoutError> {
        let kind = match kind {
            None => Kind::Word,
            Some(kind) => match capture_kind(kind) {
                Some(kind) => kind,
                None => return wrong(begin, format!("there is no kind {kind:?}")),
            },
        };
        let slot = match name {
            "_" => Slot::Forgotten,
            "logger" => Slot::Logger,
            _ if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-@".contains(&b)) => {
                return wrong(begin, format!("{name:?} is no name; use letters, digits, . _ - and @"));
            }
            _ => self.slot(name, kind, begin)?,
        };
        Ok(Step::Capture { slot, kind, until: Until::Any })
    }

    fn slot(&mut self, name: &str, kind: Kind, begin: usize) -> Result<Slot, LayoutError> {
        let known = self.slots.iter().position(|(known, _)| known == name);
        let index = known.unwrap_or(self.slots.len());
        if index == MAX_SLOTS {
            return wrong(begin, format!("a layout has at most {MAX_SLOTS} names"));
        }
        if known.is_none() {
            self.slots.push((name.into(), kind));
        }
        Ok(Slot::Field(index as u16))
    }
}

fn time_kind(kind: Option<&str>) -> Option<TimeKind> {
    Some(match kind {
        None => TimeKind::Date,
        Some("clock") => TimeKind::Clock,
        Some("epoch") => TimeKind::Epoch,
        Some("maybe") => TimeKind::Maybe,
        Some("yearless") => TimeKind::Yearless,
        Some("syslog") => TimeKind::Syslog,
        Some("zoned") => TimeKind::Zoned,
        Some("slashed") => TimeKind::Slashed,
        Some("twelve") => TimeKind::Twelve,
        Some("named") => TimeKind::Named,
        Some("ticks") => TimeKind::Ticks,
        Some("micros") => TimeKind::Micros,
        Some("klog") => TimeKind::Klog,
        Some(_) => return None,
    })
}

fn level_kind(kind: Option<&str>) -> Option<LevelKind> {
    Some(match kind {
        None => LevelKind::Word,
        Some("caps") => LevelKind::Caps,
        Some("letter") => LevelKind::Letter,
        Some("three") => LevelKind::Three,
        Some("dotnet") => LevelKind::Dotnet,
        Some("glib") => LevelKind::Glib,
        Some("erlang") => LevelKind::Erlang,
        Some("two") => LevelKind::Two,
        Some("topics") => LevelKind::Topics,
        Some("redis") => LevelKind::Redis,
        Some("postgres") => LevelKind::Postgres,
        Some("postgres-part") => LevelKind::PostgresPart,
        Some("php") => LevelKind::Php,
        Some("priority") => LevelKind::Priority,
        Some("severity") => LevelKind::Severity,
        Some("xorg") => LevelKind::Xorg,
        Some(_) => return None,
    })
}

fn capture_kind(kind: &str) -> Option<Kind> {
    Some(match kind {
        "word" => Kind::Word,
        "name" => Kind::Name,
        "dotted" => Kind::Dotted,
        "tag" => Kind::Tag,
        "host" => Kind::Host,
        "peer" => Kind::Peer,
        "lone-host" => Kind::LoneHost,
        "facility" => Kind::Facility,
        "text" => Kind::Text,
        "int" => Kind::Int,
        "float" => Kind::Float,
        "decimal" => Kind::Decimal,
        "hex" => Kind::Hex,
        "hex4" => Kind::Hex4,
        "hex8" => Kind::Hex8,
        "quoted" => Kind::Quoted,
        "rest" => Kind::Rest,
        "data" => Kind::Data,
        _ => return None,
    })
}

/// Tells captures what ends them, and a last `{message}` that it is the rest.
fn end_captures(steps: &mut [Step], text: &str) -> Result<(), LayoutError> {
    for index in 0..steps.len() {
        let ending = match steps.get(index + 1) {
            None => Until::End,
            Some(Step::Literal(literal)) => Until::Literal(literal.clone()),
            Some(Step::Blanks) => Until::Blank,
            Some(_) => Until::Any,
        };
        let is_last = matches!(ending, Until::End);
        match &mut steps[index] {
            step @ Step::Message(_) if is_last => *step = Step::Rest,
            Step::Message(until) => *until = ending,
            Step::Capture { kind: Kind::Text | Kind::Name | Kind::Dotted, until, .. } => {
                if matches!(ending, Until::Any) {
                    return wrong(text.len(), "text and name need a blank or a character behind them");
                }
                *until = ending;
            }
            Step::Capture { until, .. } => *until = ending,
            Step::Fork(with, without) => {
                end_captures(with, text)?;
                end_captures(without, text)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes of the most common steps fewer and quicker ones.
fn simplify(steps: &mut Vec<Step>) {
    let mut simple = Vec::with_capacity(steps.len());
    for step in std::mem::take(steps) {
        match (step, simple.last_mut()) {
            (Step::Blanks, Some(Step::Byte(_, blanks) | Step::Word(_, _, blanks))) if !*blanks => *blanks = true,
            (step, _) => simple.push(simplified(step)),
        }
    }
    *steps = simple;
}

fn simplified(mut step: Step) -> Step {
    match &mut step {
        Step::Literal(literal) => match **literal {
            [byte] => Step::Byte(byte, false),
            _ => step,
        },
        Step::Capture { slot, kind: Kind::Word, until } => match until {
            Until::Literal(literal) => Step::Word(*slot, literal.first().copied(), false),
            _ => Step::Word(*slot, None, false),
        },
        Step::Fork(with, without) => {
            simplify(with);
            simplify(without);
            step
        }
        _ => step,
    }
}

/// The characters that all ways through the steps ask for.
fn needs(steps: &[Step]) -> u64 {
    let needed = |step: &Step| match step {
        Step::Literal(literal) => bytes::marks(literal),
        Step::Fork(with, without) => needs(with) & needs(without),
        _ => 0,
    };
    steps.iter().fold(0, |set, step| set | needed(step))
}

/// The bytes that can come first, and whether nothing at all may.
fn first_bytes(steps: &[Step]) -> (FirstBytes, bool) {
    let mut set = FirstBytes::default();
    for step in steps {
        let (bytes, can_be_empty) = match step {
            Step::Literal(literal) => (FirstBytes::of(|b| Some(&b) == literal.first()), false),
            Step::Blanks | Step::Gap => (FirstBytes::of(|b| b == b' ' || b == b'\t'), false),
            Step::Time(TimeKind::Maybe) => (FirstBytes::of(|b| b.is_ascii_alphanumeric() || b == b'-'), false),
            Step::Time(TimeKind::Syslog | TimeKind::Named) => (FirstBytes::of(|b| b.is_ascii_uppercase()), false),
            Step::Time(TimeKind::Clock) => (FirstBytes::of(|b| b.is_ascii_digit() || b.is_ascii_uppercase()), false),
            Step::Time(TimeKind::Date | TimeKind::Yearless | TimeKind::Twelve) => {
                (FirstBytes::of(|b| b.is_ascii_digit() || b.is_ascii_uppercase()), false)
            }
            Step::Time(_) => (FirstBytes::of(|b| b.is_ascii_digit()), false),
            Step::Level(LevelKind::Priority | LevelKind::Severity) => (FirstBytes::of(|b| b.is_ascii_digit()), false),
            Step::Level(LevelKind::Redis) => (FirstBytes::of(|b| b".-*#".contains(&b)), false),
            Step::Level(LevelKind::Xorg) => (FirstBytes::of(|b| b"IWEN-*=!?".contains(&b)), false),
            Step::Level(LevelKind::Caps) => (FirstBytes::of(|b| b.is_ascii_uppercase()), false),
            Step::Level(_) => (FirstBytes::of(|b| b.is_ascii_alphabetic()), false),
            Step::Capture { kind: Kind::Int | Kind::Float | Kind::Decimal, .. } => {
                (FirstBytes::of(|b| b.is_ascii_digit() || b == b'-' || b == b'+' || b == b' '), false)
            }
            Step::Capture { kind: Kind::Text | Kind::Quoted | Kind::Rest, .. } => (FirstBytes::of(|_| true), true),
            // Words and bytes are made of these later.
            Step::Capture { .. } | Step::Word(..) | Step::Byte(..) => {
                (FirstBytes::of(|b| !b.is_ascii_whitespace()), false)
            }
            Step::Message(_) | Step::Rest => (FirstBytes::of(|_| true), true),
            Step::Mark | Step::Column(_) => (FirstBytes::default(), true),
            Step::Fork(with, without) => {
                let (with, without) = (first_bytes(with), first_bytes(without));
                set.and(with.0);
                (without.0, with.1 || without.1)
            }
        };
        set.and(bytes);
        if !can_be_empty {
            return (set, false);
        }
    }
    (set, true)
}
