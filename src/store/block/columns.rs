//! Lists of texts, and columns of texts that repeat.

use foldhash::HashMap;

use super::MAX_ENTRIES;
use super::numbers::{Reader, put, put_codes, to_text};
use crate::store::StoreError;

/// Texts one after the other in one string.
#[derive(Clone, Debug, Default)]
pub struct TextList {
    text: String,
    ends: Vec<u32>,
    /// Bytes between a text and the next.
    gap: u32,
}

impl TextList {
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline]
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { (self.ends[index - 1] + self.gap) as usize };
        self.text.get(start..end)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        put(out, self.len() as u64);
        let mut start = 0;
        for end in &self.ends {
            put(out, u64::from(end - start));
            start = *end;
        }
        out.extend_from_slice(self.text.as_bytes());
    }

    /// Replaces the content by a list of at most `most` texts.
    pub fn read(&mut self, reader: &mut Reader<'_>, most: usize) -> Result<(), StoreError> {
        self.clear();
        let count = reader.size(most.min(reader.0.len()))?;
        let mut end = 0u32;
        for _ in 0..count {
            end = end.saturating_add(reader.size(super::frame::MAX_SECTION)? as u32);
            self.ends.push(end);
        }
        self.text.push_str(to_text(reader.bytes(end as usize)?)?);
        self.check()
    }

    /// Goes past a list without looking into it.
    pub fn skip(reader: &mut Reader<'_>) -> Result<(), StoreError> {
        let count = reader.size(reader.0.len())?;
        let mut length = 0usize;
        for _ in 0..count {
            length = length.saturating_add(reader.size(super::frame::MAX_SECTION)?);
        }
        reader.bytes(length).map(drop)
    }

    /// Takes the lengths of `count` texts that are all of `text`, each with a line end behind it.
    pub fn set_lines(&mut self, text: String, reader: &mut Reader<'_>, count: usize) -> Result<(), StoreError> {
        self.ends.clear();
        (self.text, self.gap) = (text, 1);
        let mut end = 0usize;
        for _ in 0..count {
            end += reader.size(self.text.len())?;
            self.ends.push(u32::try_from(end).unwrap_or(u32::MAX));
            end += 1;
        }
        if end != self.text.len() {
            return Err(StoreError::Block("the texts are longer or shorter than their lengths say"));
        }
        self.check()
    }

    /// Takes lines whose lengths are not known yet; see [`TextList::set_lines`].
    pub fn set_text(&mut self, text: String) {
        self.ends.clear();
        self.text = text;
    }

    /// All texts as one, with what is between them.
    pub fn whole(&self) -> &str {
        &self.text
    }

    /// Gives the memory of the texts back, to be used again.
    pub fn take_text(&mut self) -> String {
        self.ends.clear();
        std::mem::take(&mut self.text)
    }

    fn check(&self) -> Result<(), StoreError> {
        match self.ends.iter().all(|end| self.text.is_char_boundary(*end as usize)) {
            true => Ok(()),
            false => Err(StoreError::Block("a text ends within a character")),
        }
    }
}

/// Distinct texts, and which of them each entry has.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    pub texts: TextList,
    /// 0 for none, otherwise index + 1. Empty when the column is not decoded.
    pub codes: Vec<u16>,
}

impl Dictionary {
    #[inline]
    pub fn get(&self, entry: usize) -> Option<&str> {
        self.texts.get(usize::from(*self.codes.get(entry)?).checked_sub(1)?)
    }

    pub fn clear(&mut self) {
        self.texts.clear();
        self.codes.clear();
    }

    pub fn read(&mut self, reader: &mut Reader<'_>, entries: usize) -> Result<(), StoreError> {
        self.texts.read(reader, MAX_ENTRIES)?;
        reader.codes(entries, self.texts.len(), &mut self.codes)
    }

    /// Goes past a dictionary without looking into it.
    pub fn skip(reader: &mut Reader<'_>, entries: usize) -> Result<(), StoreError> {
        TextList::skip(reader)?;
        reader.skip_codes(entries)
    }

    /// Whether every code is of a text or of none.
    pub fn check(&self) -> Result<(), StoreError> {
        match self.codes.iter().max() {
            Some(most) if usize::from(*most) > self.texts.len() => Err(StoreError::Block("a code is out of range")),
            _ => Ok(()),
        }
    }
}

/// Writes a column of texts that repeat.
pub fn write_dictionary<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = Option<&'a str>>) {
    let (texts, codes) = codes_of(values);
    texts.write(out);
    put_codes(out, &codes);
}

/// The distinct texts in order of appearance, and for each value 0 for none, otherwise index + 1.
pub fn codes_of<'a>(values: impl Iterator<Item = Option<&'a str>>) -> (TextList, Vec<u16>) {
    let mut numbers: HashMap<&str, u16> = HashMap::default();
    let mut texts = TextList::default();
    let mut last: Option<(&str, u16)> = None;
    let mut code = |value: Option<&'a str>| {
        let Some(text) = value else { return 0 };
        if let Some((before, number)) = last
            && before == text
        {
            return number;
        }
        let number = *numbers.entry(text).or_insert_with(|| {
            texts.push(text);
            texts.len() as u16
        });
        last = Some((text, number));
        number
    };
    let codes: Vec<u16> = values.map(&mut code).collect();
    (texts, codes)
}
