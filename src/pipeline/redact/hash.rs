//! SipHash-2-4 (Aumasson and Bernstein, 2012), a keyed hash made for short inputs, written from the paper: the
//! standard library's is deprecated and promises no algorithm, an HMAC needs two crates, and this is forty lines that
//! the paper's own test vector checks.

use std::fmt;

/// A secret of 128 bits that makes the marks.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey(u64, u64);

/// Never shows the key.
impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(…)")
    }
}

impl HashKey {
    /// Sixteen bytes from a good random source.
    pub fn from_bytes(bytes: [u8; 16]) -> HashKey {
        let number = u128::from_le_bytes(bytes);
        HashKey(number as u64, (number >> 64) as u64)
    }

    /// 32 hexadecimal digits; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<HashKey> {
        let good = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = good.then(|| u128::from_str_radix(text, 16).ok())??;
        Some(HashKey::from_bytes(number.to_be_bytes()))
    }

    /// The keyed hash of a secret, as sixteen hexadecimal digits show it.
    pub(super) fn hash(&self, parts: impl Iterator<Item = u8>) -> u64 {
        let mut state = State([
            self.0 ^ 0x736f_6d65_7073_6575,
            self.1 ^ 0x646f_7261_6e64_6f6d,
            self.0 ^ 0x6c79_6765_6e65_7261,
            self.1 ^ 0x7465_6462_7974_6573,
        ]);
        let (mut word, mut length) = (0u64, 0u64);
        for byte in parts {
            word |= u64::from(byte) << (8 * (length % 8));
            length += 1;
            if length % 8 == 0 {
                state.absorb(word);
                word = 0;
            }
        }
        state.absorb(word | length << 56);
        state.finish()
    }
}

struct State([u64; 4]);

impl State {
    fn round(&mut self) {
        let [a, b, c, d] = &mut self.0;
        *a = a.wrapping_add(*b);
        *c = c.wrapping_add(*d);
        *b = b.rotate_left(13) ^ *a;
        *d = d.rotate_left(16) ^ *c;
        *a = a.rotate_left(32);
        *c = c.wrapping_add(*b);
        *a = a.wrapping_add(*d);
        *b = b.rotate_left(17) ^ *c;
        *d = d.rotate_left(21) ^ *a;
        *c = c.rotate_left(32);
    }

    fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    fn finish(mut self) -> u64 {
        self.0[2] ^= 0xff;
        for _ in 0..4 {
            self.round();
        }
        self.0.into_iter().fold(0, |all, word| all ^ word)
    }
}

#[cfg(test)]
mod tests {
    use super::HashKey;

    #[test]
    fn vectors_of_the_reference() {
        let key = HashKey::from_hex("000102030405060708090a0b0c0d0e0f").unwrap();
        // From the paper's appendix (15 bytes) and the reference implementation's `vectors_sip64` (0, 1, 8 bytes).
        for (length, want) in [
            (0, 0x726f_db47_dd0e_0e31),
            (1, 0x74f8_39c5_93dc_67fd),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5_u64),
        ] {
            assert_eq!(key.hash(0..length), want, "{length} bytes");
        }
    }

    #[test]
    fn keys() {
        for (text, good) in
            [("00112233445566778899aabbccddeeff", true), ("0011", false), ("+0112233445566778899aabbccddeef", false)]
        {
            assert_eq!(HashKey::from_hex(text).is_some(), good, "{text}");
        }
        assert_eq!(format!("{:?}", HashKey::from_bytes([7; 16])), "HashKey(…)");
    }
}
