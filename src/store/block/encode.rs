//! Entries → block.

use std::collections::VecDeque;
use std::io;

use super::columns::{TextList, codes_of, write_dictionary};
use super::derive::derive;
use super::fields;
use super::frame::{Dictionaries, Packer, SECTIONS, Section};
use super::kind::Kind;
use super::numbers::{put, put_codes};
use super::packed;
use super::read_times;
use super::template::{Renderer, Template, is_candidate};
use super::values::put_duration;
use crate::record::Entry;

/// Named columns in the heads, where few distinct texts are the rule, and in the side section.
pub const HEAD_COLUMNS: [usize; 6] = [0, 1, 2, 6, 7, 8];
pub const SIDE_COLUMNS: [usize; 3] = [3, 4, 5];

/// Templates remembered from block to block; the one that fitted last is tried first.
const REMEMBERED: usize = 32;
/// Templates looked for in one block. Text without a shape shall not cost more.
const DERIVED_MAX: usize = 16;

/// Reusable buffers for writing blocks.
pub struct Encoder {
    sections: [Vec<u8>; SECTIONS],
    packer: Packer,
    templates: Templates,
}

impl Encoder {
    /// `level` is zstd's.
    pub fn new(level: i32, dictionaries: Option<&Dictionaries>) -> io::Result<Encoder> {
        let packer = Packer::new(level, dictionaries)?;
        Ok(Encoder { sections: Default::default(), packer, templates: Templates::default() })
    }

    /// The block of `entries`, each with its sequence number.
    pub fn encode(&mut self, entries: &[(u64, Entry)]) -> io::Result<Vec<u8>> {
        self.sections.iter_mut().for_each(Vec::clear);
        let [heads, names, ..] = &mut self.sections;
        write_heads(heads, names, entries);
        side(&mut self.sections[Section::Side as usize], entries);
        let text = &mut self.sections[Section::Text as usize];
        for (_, entry) in entries {
            text.extend_from_slice(entry.message().as_bytes());
            text.push(b'\n');
        }
        fields::write(&mut self.sections[Section::Fields as usize], entries);
        self.templates.write(&mut self.sections[Section::Raw as usize], entries);
        self.packer.pack(entries.len(), &self.sections)
    }

    /// A block of sections that another encoder made.
    pub fn pack(&mut self, entries: usize, sections: &[Vec<u8>; SECTIONS]) -> io::Result<Vec<u8>> {
        self.packer.pack(entries, sections)
    }
}

fn write_heads(out: &mut Vec<u8>, names: &mut Vec<u8>, entries: &[(u64, Entry)]) {
    let sequences: Vec<i64> = entries.iter().map(|(sequence, _)| *sequence as i64).collect();
    packed::put_deltas(out, &sequences);
    times(out, entries);
    kinds(out, entries);
    for column in HEAD_COLUMNS {
        let (texts, codes) = codes_of(entries.iter().map(|(_, entry)| entry.named()[column].1));
        packed::put_codes(out, &codes);
        texts.write(names);
    }
}

fn times(out: &mut Vec<u8>, entries: &[(u64, Entry)]) {
    let divides = |unit: &i64| entries.iter().all(|(_, e)| e.time % unit == 0);
    let units = [1_000_000_000, 1_000_000, 1_000];
    let (code, unit) = units.iter().position(divides).map_or((0, 1), |i| (3 - i as u8, units[i]));
    out.push(code);
    let times: Vec<i64> = entries.iter().map(|(_, entry)| entry.time / unit).collect();
    packed::put_deltas(out, &times);
}

fn kinds(out: &mut Vec<u8>, entries: &[(u64, Entry)]) {
    let mut distinct: Vec<u8> = Vec::new();
    let mut code = |kind: u8| {
        distinct.iter().position(|known| *known == kind).unwrap_or_else(|| {
            distinct.push(kind);
            distinct.len() - 1
        }) as u16
    };
    let codes: Vec<u16> = entries.iter().map(|(_, entry)| code(Kind::byte(entry))).collect();
    put(out, distinct.len() as u64);
    out.extend_from_slice(&distinct);
    packed::put_codes(out, &codes);
}

fn side(out: &mut Vec<u8>, entries: &[(u64, Entry)]) {
    for column in SIDE_COLUMNS {
        write_dictionary(out, entries.iter().map(|(_, entry)| entry.named()[column].1));
    }
    let any = entries.iter().any(|(_, entry)| entry.duration_ms.is_some());
    put(out, u64::from(any));
    if any {
        entries.iter().for_each(|(_, entry)| put_duration(out, entry.duration_ms));
    }
    read_times::write(out, entries);
    entries.iter().for_each(|(_, entry)| put(out, entry.message().len() as u64));
}

/// The templates of late, each with a number of its own.
#[derive(Default)]
struct Templates {
    recent: VecDeque<(u64, Template)>,
    next: u64,
    renderer: Renderer,
    buffer: String,
}

impl Templates {
    /// Writes the section.
    fn write(&mut self, out: &mut Vec<u8>, entries: &[(u64, Entry)]) {
        let mut used: Vec<u64> = Vec::new();
        let mut written = Vec::new();
        let mut literals = TextList::default();
        let mut derived = 0;
        let mut codes = Vec::with_capacity(entries.len());
        for (_, entry) in entries {
            let Some(number) = self.find(entry, &mut derived) else {
                literals.push(&entry.raw);
                codes.push(0);
                continue;
            };
            let code = used.iter().position(|other| *other == number).unwrap_or_else(|| {
                used.push(number);
                // It is at the front, because it was found just now.
                if let Some((_, template)) = self.recent.front() {
                    template.write(&mut written);
                }
                used.len() - 1
            });
            codes.push(code as u16 + 1);
        }
        put(out, used.len() as u64);
        out.extend_from_slice(&written);
        put_codes(out, &codes);
        literals.write(out);
    }

    /// The number of a template that gives the entry's raw text; it is then at the front.
    fn find(&mut self, entry: &Entry, derived: &mut usize) -> Option<u64> {
        if !is_candidate(entry) {
            return None;
        }
        let Templates { recent, renderer, buffer, .. } = self;
        if let Some(index) = recent.iter().position(|(_, template)| template.fits(entry, renderer, buffer)) {
            if index > 0
                && let Some(found) = recent.remove(index)
            {
                recent.push_front(found);
            }
            return recent.front().map(|(number, _)| *number);
        }
        if *derived == DERIVED_MAX {
            return None;
        }
        *derived += 1;
        let template = derive(entry)?;
        self.next += 1;
        self.recent.push_front((self.next, template));
        self.recent.truncate(REMEMBERED);
        Some(self.next)
    }
}
