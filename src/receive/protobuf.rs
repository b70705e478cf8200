//! Reading protobuf messages field by field: enough of it for log records, without generated code. Nothing is copied, and
//! whatever the bytes are, it ends.

/// What a field holds, by its wire type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// Not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is no protobuf message of this kind")]
pub struct Malformed;

/// The fields of a message, in their order.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// Number and content of the next field; `None` at the end.
    pub fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(Malformed),
        };
        match key >> 3 {
            0 => Err(Malformed),
            number => Ok(Some((number, field))),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for index in 0..10 {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return if index == 9 && byte > 1 { Err(Malformed) } else { Ok(value) };
            }
        }
        Err(Malformed)
    }
}

impl<'a> Field<'a> {
    /// The bytes of a text or a message.
    pub fn bytes(self) -> Result<&'a [u8], Malformed> {
        if let Field::Bytes(bytes) = self { Ok(bytes) } else { Err(Malformed) }
    }

    /// A text; what is not UTF-8 of it is replaced.
    pub fn text(self) -> Result<String, Malformed> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// A number, however it was written.
    pub fn number(self) -> Result<u64, Malformed> {
        match self {
            Field::Varint(number) | Field::Fixed64(number) => Ok(number),
            Field::Fixed32(number) => Ok(number.into()),
            Field::Bytes(_) => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let check = |bytes: &[u8], want: Result<&[(u64, Field<'_>)], Malformed>| {
            let mut fields = Fields(bytes);
            let mut found = Vec::new();
            let end = loop {
                match fields.next() {
                    Ok(Some(field)) => found.push(field),
                    Ok(None) => break Ok(&found[..]),
                    Err(error) => break Err(error),
                }
            };
            assert_eq!(end, want, "{bytes:?}");
        };
        check(b"", Ok(&[]));
        check(b"\x08\x96\x01", Ok(&[(1, Field::Varint(150))]));
        check(b"\x12\x02hi\x1d\x01\0\0\0", Ok(&[(2, Field::Bytes(b"hi")), (3, Field::Fixed32(1))]));
        check(b"\x09\x02\0\0\0\0\0\0\0", Ok(&[(1, Field::Fixed64(2))]));
        check(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Ok(&[(1, Field::Varint(u64::MAX))]));
        check(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", Err(Malformed));
        check(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Err(Malformed));
        check(b"\x08", Err(Malformed));
        check(b"\x12\x05hi", Err(Malformed));
        check(b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01hi", Err(Malformed));
        check(b"\x0b", Err(Malformed));
        check(b"\x00\x01", Err(Malformed));
    }
}
