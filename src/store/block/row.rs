//! A line of a decoded block.

use std::borrow::Cow;

use super::decode::Decoder;
use super::template::{Renderer, Source};
use crate::record::{Level, LevelSource, Row, TimeSource, ValueRef};

/// An entry in a block; it has those columns for which the block was opened.
#[derive(Clone, Copy)]
pub struct BlockRow<'a> {
    block: &'a Decoder,
    index: usize,
}

impl<'a> BlockRow<'a> {
    pub(super) fn new(block: &'a Decoder, index: usize) -> BlockRow<'a> {
        BlockRow { block, index }
    }

    /// The raw text.
    pub fn render(&self, renderer: &mut Renderer) -> String {
        let raw = &self.block.raw;
        let code = raw.codes.get(self.index).copied().unwrap_or(0);
        match usize::from(code).checked_sub(1) {
            // A template that does not give a text back was never written; damage has a checksum.
            Some(number) => raw.templates.get(number).and_then(|t| t.render(self, renderer)).unwrap_or_default(),
            None => {
                let number = raw.literal_of.get(self.index).copied().unwrap_or(0);
                raw.literals.get(number as usize).unwrap_or_default().to_owned()
            }
        }
    }
}

impl Row for BlockRow<'_> {
    #[inline]
    fn time(&self) -> i64 {
        self.block.times.get(self.index).copied().unwrap_or(0)
    }

    fn time_source(&self) -> TimeSource {
        self.block.kind(self.index).time_source
    }

    fn read_time(&self) -> Option<i64> {
        self.block.read_times.get(self.index).copied().flatten()
    }

    #[inline]
    fn level(&self) -> Level {
        self.block.kind(self.index).level
    }

    fn level_source(&self) -> LevelSource {
        self.block.kind(self.index).level_source
    }

    #[inline]
    fn message(&self) -> &str {
        self.block.messages.get(self.index).unwrap_or("")
    }

    fn raw(&self) -> Cow<'_, str> {
        self.render(&mut Renderer::default()).into()
    }

    #[inline]
    fn named(&self, column: usize) -> Option<&str> {
        self.block.named.get(column)?.get(self.index)
    }

    fn duration_ms(&self) -> Option<f64> {
        self.block.durations.get(self.index).copied().flatten()
    }

    fn field(&self, name: &str) -> Option<ValueRef<'_>> {
        self.block.fields.get(self.index, name)
    }

    fn any_field(&self, test: &mut dyn FnMut(&str, ValueRef<'_>) -> bool) -> bool {
        self.block.fields.of(self.index).any(|(name, value)| test(name, value))
    }
}

impl Source for BlockRow<'_> {
    fn time(&self) -> i64 {
        Row::time(self)
    }

    fn level(&self) -> Level {
        Row::level(self)
    }

    fn message(&self) -> &str {
        Row::message(self)
    }

    fn named(&self, column: usize) -> Option<&str> {
        Row::named(self, column)
    }

    fn field(&self, place: usize) -> Option<ValueRef<'_>> {
        self.block.fields.of(self.index).nth(place).map(|(_, value)| value)
    }

    fn duration_ms(&self) -> Option<f64> {
        Row::duration_ms(self)
    }
}
