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
    put(out, ((n << 1) ^ (n >> 63)) as u64);
}

pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Takes numbers and texts off the front of a byte slice.
#[derive(Clone, Copy, Default)]
pub struct Reader<'a>(pub &'a [u8]);

type Result<T> = std::result::Result<T, StoreError>;

impl<'a> Reader<'a> {
    pub fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.0.split_first().ok_or(StoreError::Block("a column ends early"))?;
        self.0 = rest;
        Ok(*first)
    }

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
        if len > self.0.len() {
            return Err(StoreError::Block("a text ends early"));
        }
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        Ok(taken)
    }

    pub fn text(&mut self) -> Result<&'a str> {
        let len = self.size(self.0.len())?;
        to_text(self.bytes(len)?)
    }
}

pub fn to_text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| StoreError::Block("a text is not UTF-8"))
}
