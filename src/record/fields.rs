//! The fields of an entry, beyond those that have a place of their own. A text that stands in the entry's raw text is
//! kept as its place there, which costs next to nothing; so fields are looked at together with the raw text.

use std::ops::Range;

use smol_str::SmolStr;

use crate::record::{Value, ValueRef};

/// A field beyond the named ones. Names are mostly short, and short texts need no memory of their own.
pub type Field = (SmolStr, Value);

/// Fields in the order of the line. Names may occur more than once; the first is the one that is found.
#[derive(Clone, Debug, Default)]
pub struct FieldList(Vec<(SmolStr, Held)>);

#[derive(Clone, Debug)]
enum Held {
    Own(Value),
    /// Byte range of the raw text, on character boundaries.
    Piece(Range<u32>),
}

impl Held {
    fn of<'a>(&'a self, raw: &'a str) -> ValueRef<'a> {
        match self {
            Held::Own(value) => value.view(),
            Held::Piece(range) => ValueRef::Str(raw.get(range.start as usize..range.end as usize).unwrap_or("")),
        }
    }
}

impl FieldList {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes room for so many more.
    pub fn reserve_exact(&mut self, more: usize) {
        self.0.reserve_exact(more);
    }

    pub fn push(&mut self, (name, value): Field) {
        self.0.push((name, Held::Own(value)));
    }

    /// A text of the entry's raw text, by its place there.
    pub fn push_piece(&mut self, name: SmolStr, piece: Range<u32>) {
        self.0.push((name, Held::Piece(piece)));
    }

    /// The fields of an entry with this raw text.
    pub fn of<'a>(&'a self, raw: &'a str) -> impl ExactSizeIterator<Item = (&'a SmolStr, ValueRef<'a>)> + Clone {
        self.0.iter().map(|(name, held)| (name, held.of(raw)))
    }

    /// The field at this place.
    pub fn at<'a>(&'a self, place: usize, raw: &'a str) -> Option<(&'a SmolStr, ValueRef<'a>)> {
        self.0.get(place).map(|(name, held)| (name, held.of(raw)))
    }

    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == name)
    }

    /// Another value for the field at this place, which is there.
    pub fn set(&mut self, place: usize, value: Value) {
        if let Some((_, held)) = self.0.get_mut(place) {
            *held = Held::Own(value);
        }
    }

    /// Takes out the first field of this name.
    pub fn remove(&mut self, name: &str, raw: &str) -> Option<Value> {
        let (_, held) = self.0.remove(self.position(name)?);
        Some(match held {
            Held::Own(value) => value,
            piece => piece.of(raw).to_value(),
        })
    }

    /// Bytes they take in memory beside the raw text.
    pub fn size(&self) -> usize {
        let size = |held: &Held| match held {
            Held::Own(Value::Str(text)) => text.len(),
            _ => 0,
        };
        self.0.iter().map(|(name, held)| name.len() + size(held) + size_of::<(SmolStr, Held)>()).sum()
    }

    /// Copies what stands in the raw text, which is about to become another.
    pub fn own(&mut self, raw: &str) {
        for (_, held) in &mut self.0 {
            if let Held::Piece(_) = held {
                *held = Held::Own(held.of(raw).to_value());
            }
        }
    }
}

impl Extend<Field> for FieldList {
    fn extend<T: IntoIterator<Item = Field>>(&mut self, fields: T) {
        self.0.extend(fields.into_iter().map(|(name, value)| (name, Held::Own(value))));
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

    #[test]
    fn pieces_are_texts_like_others() {
        let raw = "GET /päth 200";
        let mut fields = FieldList::from([("n".into(), Value::Int(1)), ("path".into(), Value::Str("own".into()))]);
        fields.push_piece("path".into(), 4..10);
        fields.push_piece("method".into(), 0..3);
        fields.push_piece("gone".into(), 4..99);
        let seen = |fields: &FieldList, raw| {
            fields.of(raw).map(|(name, value)| format!("{name}={}", value.to_text())).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(seen(&fields, raw), "n=1 path=own path=/päth method=GET gone=");
        assert_eq!(fields.remove("path", raw), Some(Value::Str("own".into())));
        assert_eq!(fields.remove("path", raw), Some(Value::Str("/päth".into())));
        assert_eq!(fields.remove("path", raw), None);
        fields.set(0, Value::Bool(true));
        fields.own(raw);
        assert_eq!(seen(&fields, "another"), "n=true method=GET gone=");
        assert_eq!((fields.len(), fields.position("method")), (3, Some(1)));
        assert_eq!(fields.at(1, "").map(|(_, value)| value), Some(ValueRef::Str("GET")));
    }
}
