//! How the text of a file is written: UTF-8, UTF-16, or one of the other encodings of the WHATWG Encoding Standard, by
//! `encoding_rs`. Latin-1 means windows-1252, as in browsers.

use std::borrow::Cow;
use std::fmt;

use encoding_rs::{CoderResult, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes that are looked at for a pattern of zeros.
const SAMPLE: usize = 1024;
/// Fewer bytes show no pattern.
const SAMPLE_MIN: usize = 16;
/// Of a hundred units, so many have a zero as their upper half in UTF-16 that is mostly ASCII.
const ZEROS_PERCENT: usize = 75;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Default for Encoding {
    /// UTF-8.
    fn default() -> Encoding {
        Encoding(UTF_8)
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl Encoding {
    /// By label, in any case: `utf-16le`, `latin1`, `shift_jis`, `koi8-r`. `utf-16` is the little-endian one.
    pub fn from_label(label: &str) -> Option<Encoding> {
        // The standard gives dangerous encodings one that decodes to nothing but U+FFFD.
        encoding_rs::Encoding::for_label_no_replacement(label.as_bytes()).map(Encoding)
    }

    /// Of a file that begins with `head`: its byte order mark counts more than what was `told` of it, and that more than
    /// how it looks. `None` where there is neither.
    pub fn of(head: &[u8], told: Option<Encoding>) -> Option<Encoding> {
        Encoding::of_mark(head).or(told).or_else(|| by_zeros(head))
    }

    /// By the byte order mark alone. UTF-32, which is not known, has one that begins like that of UTF-16.
    fn of_mark(head: &[u8]) -> Option<Encoding> {
        let is_utf32 = head.starts_with(b"\xff\xfe\0\0");
        encoding_rs::Encoding::for_bom(head).filter(|_| !is_utf32).map(|(found, _)| Encoding(found))
    }

    pub fn is_utf8(self) -> bool {
        self.0 == UTF_8
    }

    /// Bytes that belong together: 2 in UTF-16, where each pair begins at an even offset of the file.
    pub fn unit(self) -> usize {
        if self.0 == UTF_16LE || self.0 == UTF_16BE { 2 } else { 1 }
    }

    /// The end of a line. In the encodings of one byte, and in those of several that begin with ASCII, the byte 0x0A means
    /// that and nothing else.
    pub fn newline(self) -> &'static [u8] {
        match self.unit() {
            1 => b"\n",
            _ if self.0 == UTF_16LE => b"\n\0",
            _ => b"\0\n",
        }
    }

    /// Index in `bytes`, which stand at `offset` of the file, behind the first end of a line.
    pub fn line_end(self, bytes: &[u8], offset: u64) -> Option<usize> {
        if self.unit() == 1 {
            return memchr::memchr(b'\n', bytes).map(|at| at + 1);
        }
        memchr::memchr_iter(b'\n', bytes).find_map(|at| self.pair_end(bytes, offset, at))
    }

    /// The same for the last end of a line.
    pub fn last_line_end(self, bytes: &[u8], offset: u64) -> Option<usize> {
        if self.unit() == 1 {
            return memchr::memrchr(b'\n', bytes).map(|at| at + 1);
        }
        memchr::memrchr_iter(b'\n', bytes).find_map(|at| self.pair_end(bytes, offset, at))
    }

    /// Behind the pair that the byte at `at` is half of, if that is the end of a line in UTF-16.
    fn pair_end(self, bytes: &[u8], offset: u64, at: usize) -> Option<usize> {
        let is_low = offset.wrapping_add(at as u64).is_multiple_of(2) == (self.0 == UTF_16LE);
        let high = if self.0 == UTF_16LE { at.checked_add(1) } else { at.checked_sub(1) };
        let is_end = is_low && high.and_then(|high| bytes.get(high)) == Some(&0);
        is_end.then_some(at.max(high.unwrap_or(at)) + 1)
    }

    /// As text, and whether some bytes were no character: those are U+FFFD. A byte order mark stays. Of text that was `cut`
    /// a last character that is not complete is left out.
    pub fn decode(self, bytes: &[u8], cut: bool) -> (Cow<'_, str>, bool) {
        if self.is_utf8()
            && let Ok(text) = str::from_utf8(bytes)
        {
            return (Cow::Borrowed(text), false);
        }
        let mut decoder = self.0.new_decoder_without_bom_handling();
        let mut text = String::with_capacity(decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(0));
        let (mut rest, mut is_invalid) = (bytes, false);
        loop {
            let (result, read, replaced) = decoder.decode_to_string(rest, &mut text, !cut);
            rest = rest.get(read..).unwrap_or_default();
            is_invalid |= replaced;
            if result == CoderResult::InputEmpty {
                return (Cow::Owned(text), is_invalid);
            }
            // Not with the room that was asked for; a loop without more would not end.
            text.reserve(rest.len().saturating_mul(3).max(16));
        }
    }
}

/// Of the first 1,024 bytes (16 at least) one half of the pairs has no zero at all, the other zeros in three of four, and
/// beside each of these zeros is a character that a text can have. Russian or Chinese in UTF-16 without a mark is not
/// recognised, and neither are NULs before a text, or binary data.
fn by_zeros(head: &[u8]) -> Option<Encoding> {
    let sample = head.get(..SAMPLE).unwrap_or(head);
    let (pairs, _) = sample.as_chunks::<2>();
    if sample.len() < SAMPLE_MIN {
        return None;
    }
    let zeros = |half: fn(&[u8; 2]) -> u8| pairs.iter().filter(|pair| half(pair) == 0).count();
    let (first, second) = (zeros(|pair| pair[0]), zeros(|pair| pair[1]));
    let many = |count: usize| count * 100 >= pairs.len() * ZEROS_PERCENT;
    let is_text = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b | b' '..=b'~' | 0xa0..);
    let is_sound = pairs.iter().all(|pair| match pair {
        [0, low] | [low, 0] => is_text(*low),
        _ => true,
    });
    match (first, second) {
        (0, zeros) if many(zeros) && is_sound => Some(Encoding(UTF_16LE)),
        (zeros, 0) if many(zeros) && is_sound => Some(Encoding(UTF_16BE)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(label: &str) -> Encoding {
        Encoding::from_label(label).unwrap_or_else(|| panic!("{label} is unknown"))
    }

    fn utf16(encoding: Encoding, text: &str) -> Vec<u8> {
        let bytes: fn(u16) -> [u8; 2] = if encoding == named("utf-16le") { u16::to_le_bytes } else { u16::to_be_bytes };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn labels() {
        for (label, want) in [
            ("UTF8", Some("UTF-8")),
            ("utf-16", Some("UTF-16LE")),
            ("utf-16be", Some("UTF-16BE")),
            (" latin1 ", Some("windows-1252")),
            ("shift_jis", Some("Shift_JIS")),
            ("iso-2022-kr", None),
            ("klingon", None),
            ("", None),
        ] {
            let got = Encoding::from_label(label).map(|found| format!("{found:?}"));
            assert_eq!(got.as_deref(), want, "{label:?}");
        }
    }

    #[test]
    fn detection() {
        let (le, be) = (named("utf-16le"), named("utf-16be"));
        let text = "2026-11-23 INFO ok\n";
        let check = |head: &[u8], want: Option<Encoding>| assert_eq!(Encoding::of(head, None), want, "{head:x?}");
        check(b"\xff\xfe", Some(le));
        check(b"\xfe\xff\0a", Some(be));
        check(b"\xef\xbb\xbfa", Some(Encoding::default()));
        check(b"\xff\xfe\0\0a\0\0\0", None);
        check(&utf16(le, text), Some(le));
        check(&utf16(be, text), Some(be));
        check(&utf16(le, "short\n"), None);
        check(text.as_bytes(), None);
        check(&[0; 64], None);
        check(&[&[0; 64], text.as_bytes()].concat(), None);
        check(&[1, 0].repeat(20), None);
    }

    #[test]
    fn ends_of_lines() {
        let (le, be) = (named("utf-16le"), named("utf-16be"));
        let check = |encoding: Encoding, bytes: &[u8], offset: u64, want: (Option<usize>, Option<usize>)| {
            let got = (encoding.line_end(bytes, offset), encoding.last_line_end(bytes, offset));
            assert_eq!(got, want, "{encoding:?} {bytes:x?} at {offset}");
        };
        check(Encoding::default(), b"a\nb\nc", 1, (Some(2), Some(4)));
        check(le, b"a\0\n\0b\0\n\0c\0", 2, (Some(4), Some(8)));
        check(be, b"\0a\0\n\0b\0\n\0c", 2, (Some(4), Some(8)));
        // U+010A, U+0A00, U+0A0A, and an end that is only half there.
        check(le, b"\n\x01\0\n\n\n", 0, (None, None));
        check(be, b"\x01\n\n\0\n\n\0", 0, (None, None));
        check(le, b"a\0\n", 0, (None, None));
        // Pairs begin at even offsets of the file.
        check(le, b"\0\n\0", 1, (Some(3), Some(3)));
        check(le, b"\n\0\n\0", 1, (None, None));
        check(be, b"\n\0\n", 1, (Some(3), Some(3)));
    }

    #[test]
    fn decoding() {
        let check = |label: &str, bytes: &[u8], cut: bool, text: &str, is_invalid: bool| {
            let got = named(label).decode(bytes, cut);
            assert_eq!(got, (Cow::Borrowed(text), is_invalid), "{label} {bytes:x?}");
        };
        check("utf-8", "grün".as_bytes(), false, "grün", false);
        check("latin1", b"gr\xfcn", false, "grün", false);
        check("shift_jis", b"\x83\x8d\x83O", false, "ログ", false);
        check("utf-16le", b"a\0b", false, "a\u{fffd}", true);
        check("utf-16le", b"a\0b", true, "a", false);
        check("utf-16be", b"\xd8\x3d\xde\x80", false, "🚀", false);
        check("utf-16be", b"\xd8\x3d\0a", false, "\u{fffd}a", true);
        check("utf-16le", b"", false, "", false);
    }

    proptest! {
        #[test]
        fn lines_of_utf_16_are_lines_of_the_text(text in "(\\PC|\n|\u{10a}|\u{a00}|\u{a0a}){0,40}", big in any::<bool>()) {
            let encoding = named(if big { "utf-16be" } else { "utf-16le" });
            let bytes = utf16(encoding, &text);
            let mut rest = &bytes[..];
            let mut lines = Vec::new();
            while let Some(end) = encoding.line_end(rest, (bytes.len() - rest.len()) as u64) {
                lines.push(encoding.decode(&rest[..end], false).0.into_owned());
                rest = &rest[end..];
            }
            let last = encoding.last_line_end(&bytes, 0).unwrap_or(0);
            prop_assert_eq!(last, bytes.len() - rest.len());
            lines.push(encoding.decode(rest, false).0.into_owned());
            prop_assert_eq!(lines.concat(), text.clone());
            prop_assert_eq!(lines.len(), text.matches('\n').count() + 1);
        }
    }
}
