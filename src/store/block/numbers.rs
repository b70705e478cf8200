//! Numbers and texts as bytes, and a reader over hostile bytes that never panics.

use crate::store::StoreError;

pub fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

pub fn put_signed(out: &mut Vec<u8>, n: i64) {
    put(out, zigzag(n));
}

/// Small numbers of either sign as small ones.
pub fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Puts a column with its length in front.
pub fn put_column(out: &mut Vec<u8>, column: &[u8]) {
    put(out, column.len() as u64);
    out.extend_from_slice(column);
}

/// One small number an entry: see the format.
pub fn put_codes(out: &mut Vec<u8>, codes: &[u16]) {
    let first = codes.first().copied().unwrap_or(0);
    if codes.iter().all(|code| *code == first) {
        out.push(0);
        put(out, u64::from(first));
    } else if codes.iter().all(|code| *code < 256) {
        out.push(1);
        out.extend(codes.iter().map(|code| *code as u8));
    } else {
        out.push(2);
        out.extend(codes.iter().flat_map(|code| code.to_le_bytes()));
    }
}

/// Takes numbers and texts off the front of a byte slice.
#[derive(Clone, Copy, Default)]
pub struct Reader<'a>(pub &'a [u8]);

type Result<T> = std::result::Result<T, StoreError>;

impl<'a> Reader<'a> {
    #[inline]
    pub fn byte(&mut self) -> Result<u8> {
        // Built only when it is needed: this is the innermost loop.
        let Some((first, rest)) = self.0.split_first() else { return Err(StoreError::Block("a column ends early")) };
        self.0 = rest;
        Ok(*first)
    }

    #[inline]
    pub fn number(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(StoreError::Block("a number is too long"))
    }

    #[inline]
    pub fn signed(&mut self) -> Result<i64> {
        let n = self.number()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    /// A number used as an index, a length or a count, not above `limit`.
    pub fn size(&mut self, limit: usize) -> Result<usize> {
        let n = self.number()?;
        if n <= limit as u64 { Ok(n as usize) } else { Err(StoreError::Block("a number is out of range")) }
    }

    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.0.split_at_checked(len) else {
            return Err(StoreError::Block("a text ends early"));
        };
        self.0 = rest;
        Ok(taken)
    }

    /// A column that was put with its length.
    pub fn column(&mut self) -> Result<Reader<'a>> {
        let len = self.size(self.0.len())?;
        Ok(Reader(self.bytes(len)?))
    }

    pub fn text(&mut self) -> Result<&'a str> {
        let len = self.size(self.0.len())?;
        to_text(self.bytes(len)?)
    }

    /// Replaces `codes` by those of `count` entries, none above `highest`.
    pub fn codes(&mut self, count: usize, highest: usize, codes: &mut Vec<u16>) -> Result<()> {
        codes.clear();
        match self.byte()? {
            0 => {
                let code = self.size(highest.min(usize::from(u16::MAX)))? as u16;
                codes.resize(count, code);
                return Ok(());
            }
            1 => codes.extend(self.bytes(count)?.iter().map(|byte| u16::from(*byte))),
            2 => {
                let pairs = self.bytes(count * 2)?.chunks_exact(2);
                codes.extend(pairs.map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
            }
            _ => return Err(StoreError::Block("codes have an unknown width")),
        }
        match codes.iter().max() {
            Some(most) if usize::from(*most) > highest => Err(StoreError::Block("a code is out of range")),
            _ => Ok(()),
        }
    }
}

impl Reader<'_> {
    /// Goes past the codes of `count` entries.
    pub fn skip_codes(&mut self, count: usize) -> Result<()> {
        match self.byte()? {
            0 => self.number().map(drop),
            1 => self.bytes(count).map(drop),
            2 => self.bytes(count * 2).map(drop),
            _ => Err(StoreError::Block("codes have an unknown width")),
        }
    }
}

pub fn to_text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| StoreError::Block("a text is not UTF-8"))
}
