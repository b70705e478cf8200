//! The fields of an entry, beyond those that have a place of their own. Lines of one format have the same names, so
//! entries share them; and a text that stands in the entry's raw text is kept as its place there. So a field is two
//! words and nothing is copied for it; fields are looked at together with the raw text.

use std::ops::Range;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::record::{Value, ValueRef};

/// A field beyond the named ones. Names are mostly short, and short texts need no memory of their own.
pub type Field = (SmolStr, Value);

/// Fields in the order of the line. Names may occur more than once; the first is the one that is found.
#[derive(Clone, Debug, Default)]
pub struct FieldList {
    list: Vec<Packed>,
    /// Names that other entries have, too.
    shared: Option<Arc<[SmolStr]>>,
    /// Names and values that only this one has.
    own: Vec<SmolStr>,
}

/// Which name, and what kind of value; and the value, or where it is.
#[derive(Clone, Copy, Debug)]
struct Packed(u64, u64);

/// Marks a name's number as one of its own.
const OWN: u64 = 1 << 31;
/// What a value is, above the number of the name.
const KIND: u64 = 1 << 32;
const NULL: u64 = 0;
const BOOL: u64 = KIND;
const INT: u64 = 2 * KIND;
const FLOAT: u64 = 3 * KIND;
/// A text of its own.
const TEXT: u64 = 4 * KIND;
/// Byte range of the raw text, on character boundaries.
const PIECE: u64 = 5 * KIND;

impl FieldList {
    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Fields of these names may follow, about so many: see [`FieldList::push_shared`].
    pub fn share(&mut self, names: &Arc<[SmolStr]>, room: usize) {
        if self.shared.is_some() {
            self.own_names();
        }
        self.shared = Some(names.clone());
        if self.list.is_empty() {
            self.list = Vec::with_capacity(room);
        }
    }

    pub fn push(&mut self, (name, value): Field) {
        let name = self.keep(name) | OWN;
        let (kind, value) = self.packed(value);
        self.list.push(Packed(kind | name, value));
    }

    /// A field whose name has this number among the shared ones.
    pub fn push_shared(&mut self, name: u16, value: Value) {
        let (kind, value) = self.packed(value);
        self.list.push(Packed(kind | u64::from(name), value));
    }

    /// The same with a piece of the raw text.
    pub fn push_shared_piece(&mut self, name: u16, piece: &Range<u32>) {
        self.list.push(Packed(PIECE | u64::from(name), packed_range(piece)));
    }

    pub fn push_piece(&mut self, name: SmolStr, piece: &Range<u32>) {
        let name = self.keep(name) | OWN;
        self.list.push(Packed(PIECE | name, packed_range(piece)));
    }

    /// The fields of an entry with this raw text.
    pub fn of<'a>(&'a self, raw: &'a str) -> impl ExactSizeIterator<Item = (&'a str, ValueRef<'a>)> + Clone {
        self.list.iter().map(move |packed| (self.name(*packed), self.value(*packed, raw)))
    }

    /// The field at this place.
    pub fn at<'a>(&'a self, place: usize, raw: &'a str) -> Option<(&'a str, ValueRef<'a>)> {
        self.list.get(place).map(|packed| (self.name(*packed), self.value(*packed, raw)))
    }

    pub fn position(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|packed| self.name(*packed) == name)
    }

    /// Another value for the field at this place, which is there.
    pub fn set(&mut self, place: usize, value: Value) {
        let (kind, value) = self.packed(value);
        if let Some(packed) = self.list.get_mut(place) {
            *packed = Packed(kind | (packed.0 % KIND), value);
        }
    }

    /// Takes out the first field of this name.
    pub fn remove(&mut self, name: &str, raw: &str) -> Option<Value> {
        let packed = self.list.remove(self.position(name)?);
        Some(self.value(packed, raw).to_value())
    }

    /// Bytes they take in memory beside the raw text and what they share.
    pub fn size(&self) -> usize {
        let own: usize = self.own.iter().map(|text| size_of::<SmolStr>() + text.len()).sum();
        self.list.len() * size_of::<Packed>() + own
    }

    /// Copies what stands in the raw text, which is about to become another.
    pub fn own(&mut self, raw: &str) {
        for place in 0..self.list.len() {
            if self.list[place].0 / KIND == PIECE / KIND {
                let value = self.value(self.list[place], raw).to_value();
                self.set(place, value);
            }
        }
    }

    fn own_names(&mut self) {
        for place in 0..self.list.len() {
            let Packed(what, value) = self.list[place];
            if what & OWN == 0 {
                let name = self.keep(self.name(self.list[place]).into()) | OWN;
                self.list[place] = Packed((what / KIND * KIND) | name, value);
            }
        }
    }

    /// Keeps a text; its number.
    fn keep(&mut self, text: SmolStr) -> u64 {
        self.own.push(text);
        self.own.len() as u64 - 1
    }

    fn packed(&mut self, value: Value) -> (u64, u64) {
        match value {
            Value::Null => (NULL, 0),
            Value::Bool(b) => (BOOL, u64::from(b)),
            Value::Int(n) => (INT, n.cast_unsigned()),
            Value::Float(n) => (FLOAT, n.to_bits()),
            Value::Str(text) => (TEXT, self.keep(text)),
        }
    }

    fn name(&self, Packed(what, _): Packed) -> &str {
        let number = (what % OWN) as usize;
        let names = if what & OWN == 0 { self.shared.as_deref().unwrap_or_default() } else { &self.own[..] };
        names.get(number).map_or("", SmolStr::as_str)
    }

    fn value<'a>(&'a self, Packed(what, value): Packed, raw: &'a str) -> ValueRef<'a> {
        match what / KIND * KIND {
            BOOL => ValueRef::Bool(value != 0),
            INT => ValueRef::Int(value.cast_signed()),
            FLOAT => ValueRef::Float(f64::from_bits(value)),
            TEXT => ValueRef::Str(self.own.get(value as usize).map_or("", SmolStr::as_str)),
            PIECE => ValueRef::Str(raw.get((value >> 32) as usize..value as u32 as usize).unwrap_or("")),
            _ => ValueRef::Null,
        }
    }
}

fn packed_range(piece: &Range<u32>) -> u64 {
    (u64::from(piece.start) << 32) | u64::from(piece.end)
}

impl Extend<Field> for FieldList {
    fn extend<T: IntoIterator<Item = Field>>(&mut self, fields: T) {
        fields.into_iter().for_each(|field| self.push(field));
    }
}

impl FromIterator<Field> for FieldList {
    fn from_iter<T: IntoIterator<Item = Field>>(fields: T) -> FieldList {
        let mut list = FieldList::default();
        list.extend(fields);
        list
    }
}

impl<const N: usize> From<[Field; N]> for FieldList {
    fn from(fields: [Field; N]) -> FieldList {
        fields.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(fields: &FieldList, raw: &str) -> String {
        fields.of(raw).map(|(name, value)| format!("{name}={}", value.to_text())).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn pieces_are_texts_like_others() {
        let raw = "GET /päth 200";
        let mut fields = FieldList::from([("n".into(), Value::Int(-1)), ("path".into(), Value::Str("own".into()))]);
        fields.push_piece("path".into(), &(4..10));
        fields.push_piece("method".into(), &(0..3));
        fields.push_piece("gone".into(), &(4..99));
        assert_eq!(seen(&fields, raw), "n=-1 path=own path=/päth method=GET gone=");
        assert_eq!(fields.remove("path", raw), Some(Value::Str("own".into())));
        assert_eq!(fields.remove("path", raw), Some(Value::Str("/päth".into())));
        assert_eq!(fields.remove("path", raw), None);
        fields.set(0, Value::Bool(true));
        fields.own(raw);
        assert_eq!(seen(&fields, "another"), "n=true method=GET gone=");
        assert_eq!((fields.len(), fields.position("method")), (3, Some(1)));
        assert_eq!(fields.at(1, "").map(|(_, value)| value), Some(ValueRef::Str("GET")));
    }

    #[test]
    fn shared_names_are_names_like_others() {
        let names = |names: &[&str]| names.iter().map(|name| SmolStr::from(*name)).collect::<Arc<[SmolStr]>>();
        let mut fields = FieldList::from([("own".into(), Value::Float(-0.5))]);
        fields.share(&names(&["a", "b"]), 2);
        fields.push_shared(1, Value::Null);
        fields.push_shared_piece(0, &(0..1));
        fields.push_shared(7, Value::Int(i64::MIN));
        assert_eq!(seen(&fields, "x"), "own=-0.5 b=null a=x =-9223372036854775808");
        // Other names later leave those alone.
        fields.share(&names(&["c"]), 0);
        fields.push_shared(0, Value::Str("y".into()));
        assert_eq!(seen(&fields, "x"), "own=-0.5 b=null a=x =-9223372036854775808 c=y");
        assert_eq!(fields.remove("a", "x"), Some(Value::Str("x".into())));
        assert_eq!((fields.position("c"), fields.position("b")), (Some(3), Some(1)));
    }
}
