//! Layouts: the head of a line as it looks, with names where the parts are. All text formats are layouts, the built-in
//! ones and those in pipelines.
//!
//! ```text
//! {time} - {logger:text} - {level} - {message}
//! ```
//!
//! | written | matches |
//! |---|---|
//! | a blank | one or more blanks or tabs |
//! | `(…)?` | what is inside, or nothing |
//! | `\x` | the character x; `\t` is a tab |
//! | any other character | itself |
//! | `{name}` | a run of anything but blanks, up to the character that follows in the layout |
//! | `{name:KIND}` | `word`, the above · `name` a name with `. : $ / - _ @ #` in it, up to what follows in the layout; before a colon no word that messages begin with, such as `Error` and `Listening` · `tag` a name without `:` and `[` · `host` a name or an address of a host, `lone-host` one that is no capitalised word · `peer` what is no date, `facility` one of syslog's · `text` anything, up to what follows · `int` · `float` · `decimal` a number with a point · `hex`, `hex4`, `hex8` of so many digits · `quoted` anything but an unescaped `"` · `dotted` a name with a dot in it · `rest` all that is left · `data` structured data of RFC 5424 |
//! | `{_}` | the same, forgotten |
//! | `{time}` | a time in any shape with a date, see `parse/time`; `{time:clock}` needs no date, `{time:maybe}` may be `-`, and `{time:epoch}`, `{time:yearless}`, `{time:syslog}`, `{time:zoned}`, `{time:slashed}`, `{time:ticks}`, `{time:micros}`, `{time:twelve}` (hours), `{time:named}` (twelve hours, and the month by name), `{time:klog}` are of that shape |
//! | `{level}` | a level: word, abbreviation; `{level:caps}` a word in capitals, `{level:three}` three letters, `{level:letter}` one, a capital, and `{level:dotnet}`, `{level:glib}`, `{level:erlang}`, `{level:two}`, `{level:topics}`, `{level:redis}`, `{level:postgres}`, `{level:postgres-part}`, `{level:php}`, `{level:xorg}`, `{level:priority}`, `{level:severity}` as these programs and syslog write it |
//! | `{message}` | the rest, with the lines that follow; within a layout the text up to what follows |
//! | `{message:all}` | nothing: the message begins here, and what it consists of is matched too |
//! | `{gap}` | two or more blanks or tabs, as between columns |
//! | `{column:N}` | nothing: the line has come to column N, from 0 |
//!
//! `logger` and `time`, `level`, `message` fill the entry's own places, every other name becomes a field; a value of `-`
//! or nothing is left out. A layout is matched in time linear in the line, but for `text` and `name`, of which a bounded
//! number of ends are tried.

mod compile;
mod levels;
mod matching;
mod names;

#[cfg(test)]
mod tests;

use std::ops::Range;

use smol_str::SmolStr;

use crate::parse::bytes;
use crate::parse::home::Slots;
use crate::parse::time::Stamp;
use crate::record::Level;

pub use compile::LayoutError;

/// A compiled layout.
#[derive(Clone, Debug)]
pub struct Layout {
    steps: Vec<Step>,
    /// Names of the fields, by slot, and what kind of value they hold.
    slots: Slots,
    /// Bytes a line of this layout can begin with.
    first: FirstBytes,
    /// Characters that every line of this layout has somewhere, see [`bytes::marks`].
    needs: u64,
    /// The logger of all its lines.
    logger: Option<SmolStr>,
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FirstBytes([u64; 4]);

/// What a step of a layout takes.
#[derive(Clone, Debug)]
#[repr(u8)]
enum Step {
    Literal(Box<[u8]>),
    /// A literal of one byte; and whether blanks follow.
    Byte(u8, bool),
    /// One or more.
    Blanks,
    /// Two or more.
    Gap,
    Time(TimeKind),
    Level(LevelKind),
    Capture {
        slot: Slot,
        kind: Kind,
        until: Until,
    },
    /// A capture of the kind `word`, and the byte that ends it beside white space, if there is one; and whether blanks follow.
    Word(Slot, Option<u8>, bool),
    /// The message up to what follows.
    Message(Until),
    /// The message is the rest.
    Rest,
    /// The message begins here.
    Mark,
    Column(usize),
    /// The last step: one of two ways to go on, the first that matches.
    Fork(Vec<Step>, Vec<Step>),
}

/// Where a capture goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Forgotten,
    Logger,
    Field(u16),
}

/// Which characters a capture takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Word,
    Name,
    Dotted,
    Tag,
    Host,
    LoneHost,
    Peer,
    Facility,
    Text,
    Int,
    Float,
    /// A number with a point.
    Decimal,
    Hex,
    /// Of so many digits.
    Hex4,
    Hex8,
    Quoted,
    Data,
    Rest,
}

impl Kind {
    /// Whether what it takes is a value as it stands.
    pub fn is_text(self) -> bool {
        !matches!(self, Kind::Int | Kind::Float | Kind::Decimal | Kind::Data)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeKind {
    /// With a date.
    Date,
    Clock,
    Epoch,
    Maybe,
    Yearless,
    /// The same, month first by name.
    Syslog,
    /// ISO 8601 with `T` and an offset.
    Zoned,
    /// `2026/11/23 10:15:30`.
    Slashed,
    /// `Nov 23, 2026 3:04:05 PM`, or with the month as a number.
    Twelve,
    /// The same with the month by name.
    Named,
    /// `2026/11/23 10:15:30.1234567`.
    Ticks,
    /// `2026-11-23T10:15:30,123456+01:00`.
    Micros,
    /// `1123 10:15:30.123456`, `1123/101530.123456`.
    Klog,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LevelKind {
    Word,
    Caps,
    Letter,
    Three,
    Dotnet,
    Glib,
    Erlang,
    /// The first two letters of a word, as VMware writes them.
    Two,
    /// One of MikroTik's topics.
    Topics,
    Redis,
    Postgres,
    /// A word of lines that explain the one before.
    PostgresPart,
    Php,
    Priority,
    Severity,
    Xorg,
}

/// What ends a capture.
#[derive(Clone, Debug)]
enum Until {
    Literal(Box<[u8]>),
    Blank,
    /// The end of the line.
    End,
    /// A step that says itself where it begins.
    Any,
}

/// What the first line of an entry says, as places in it.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub stamp: Option<Stamp>,
    pub level: Option<Level>,
    /// Where the level stands.
    pub level_at: Range<u32>,
    pub logger: Option<Range<u32>>,
    /// Of the first line; if it goes to its end, further lines belong to it.
    pub message: Range<u32>,
    /// Slots of the layout and where their values are.
    pub fields: Vec<(u16, Range<u32>)>,
    /// Which of the format's layouts it is.
    pub layout: usize,
    /// Bytes of the line.
    pub line: usize,
    /// Where in this line a time was looked for last, and what was found: layouts in turn look at the same places.
    looked: Option<Looked>,
    /// Characters of this line, see [`bytes::marks`]; found out when somebody asks.
    characters: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Looked {
    at: usize,
    found: Option<(Stamp, usize)>,
}

impl Head {
    /// Forgets another line.
    pub fn clear(&mut self) {
        self.forget_match();
        self.looked = None;
        self.characters = None;
    }

    /// Whether `line`, for which it was cleared, has all of these characters, see [`Layout::needs`].
    pub fn has(&mut self, needs: u64, line: &str) -> bool {
        needs & !*self.characters.get_or_insert_with(|| bytes::marks(line.as_bytes())) == 0
    }

    /// Forgets what a layout that did not match has left.
    fn forget_match(&mut self) {
        self.stamp = None;
        self.level = None;
        self.level_at = 0..0;
        self.logger = None;
        self.message = 0..0;
        self.fields.clear();
    }
}

impl Layout {
    /// Compiles; an error names the place in `text`.
    pub fn new(text: &str) -> Result<Layout, LayoutError> {
        compile::compile(text)
    }

    /// The same with a logger for all its lines.
    pub fn with_logger(self, logger: &str) -> Layout {
        Layout { logger: Some(logger.into()), ..self }
    }

    pub fn logger(&self) -> Option<&SmolStr> {
        self.logger.as_ref()
    }

    /// Its names, by slot.
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    /// How far a line that has not this layout has it: the byte, and what should be there.
    pub fn stuck(&self, line: &str) -> (usize, String) {
        matching::stuck(&self.steps, line)
    }

    pub fn can_begin_with(&self, byte: u8) -> bool {
        self.first.has(byte)
    }

    /// Characters that every line of this layout has somewhere, for [`Head::has`].
    pub fn needs(&self) -> u64 {
        self.needs
    }

    /// Whether `line` has this layout; if so `head`, which was cleared for the line, is filled.
    pub fn matches(&self, line: &str, head: &mut Head) -> bool {
        if !line.as_bytes().first().is_some_and(|byte| self.first.has(*byte)) {
            return false;
        }
        head.forget_match();
        matching::run(&self.steps, line, head)
    }
}

impl FirstBytes {
    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn and(&mut self, other: FirstBytes) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, other)| *mine |= other);
    }

    fn of(test: impl Fn(u8) -> bool) -> FirstBytes {
        let mut set = FirstBytes::default();
        (0..=255).filter(|byte| test(*byte)).for_each(|byte| set.add(byte));
        set
    }
}
