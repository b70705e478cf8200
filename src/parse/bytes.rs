//! Classes of bytes. A line is looked at byte by byte, so that a class is a bit in a table and not a comparison.

pub const BLANK: u8 = 1;
/// What ASCII calls white space.
pub const SPACE: u8 = 2;
pub const DIGIT: u8 = 4;
pub const HEX: u8 = 8;
/// Letters and digits.
pub const WORD: u8 = 16;
/// What the names of loggers are made of.
pub const NAME: u8 = 32;
/// What ids are made of.
pub const ID: u8 = 64;
/// What ends the tag of a syslog line.
pub const TAG_END: u8 = 128;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0u8;
    loop {
        let is_word = byte.is_ascii_alphanumeric();
        let of = [
            (BLANK, matches!(byte, b' ' | b'\t')),
            (SPACE, byte.is_ascii_whitespace()),
            (DIGIT, byte.is_ascii_digit()),
            (HEX, byte.is_ascii_hexdigit()),
            (WORD, is_word),
            (NAME, is_word || byte >= 0x80 || matches!(byte, b'.' | b':' | b'$' | b'/' | b'-' | b'_')),
            (NAME, matches!(byte, b'@' | b'#' | b'+' | b'~' | b'<' | b'>' | b'*')),
            (ID, is_word || matches!(byte, b'_' | b'-' | b'.' | b':')),
            (TAG_END, byte.is_ascii_whitespace() || matches!(byte, b':' | b'[')),
        ];
        let mut index = 0;
        while index < of.len() {
            if of[index].1 {
                classes[byte as usize] |= of[index].0;
            }
            index += 1;
        }
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    classes
};

/// A bit for each character by which lines are told apart: each of ASCII's punctuation has one, a letter shares its own
/// with the other case, and digits share one.
const MARKS: [u64; 256] = {
    let mut marks = [0; 256];
    let (mut byte, mut punctuation) = (0u8, 32);
    while byte < 128 {
        if byte.is_ascii_punctuation() {
            marks[byte as usize] = 1 << punctuation;
            punctuation += 1;
        } else if byte.is_ascii_alphabetic() {
            marks[byte as usize] = 1 << (byte & 31);
        } else if byte.is_ascii_digit() {
            marks[byte as usize] = 1;
        }
        byte += 1;
    }
    marks
};

/// Which characters the text has, as bits: what has not all those of another lacks one of its characters.
pub fn marks(text: &[u8]) -> u64 {
    text.iter().fold(0, |set, byte| set | MARKS[usize::from(*byte)])
}

pub fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// How many bytes at the head of `text` are of the class.
pub fn run(text: &[u8], class: u8) -> usize {
    text.iter().position(|byte| !is(*byte, class)).unwrap_or(text.len())
}

/// How many bytes at the head of `text` are not of the class.
pub fn until(text: &[u8], class: u8) -> usize {
    text.iter().position(|byte| is(*byte, class)).unwrap_or(text.len())
}

/// How many bytes at the head of `text` are not of the class, which is `SPACE` or a part of it, and are not `stop`. Eight
/// at a time, after "Determine if a word has a byte less than n" of Sean Eron Anderson's Bit Twiddling Hacks.
pub fn until_or(text: &[u8], class: u8, stop: u8) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    let stops = ONES * u64::from(stop);
    let ends = |byte: u8| is(byte, class) || byte == stop;
    let mut at = 0;
    while let Some(eight) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let eight = u64::from_le_bytes(*eight);
        let same = eight ^ stops;
        // The first byte marked is surely at most a blank, or `stop`; those behind it may be marked for nothing.
        let low = eight.wrapping_sub(ONES * (u64::from(b' ') + 1)) & !eight;
        let marks = (low | same.wrapping_sub(ONES) & !same) & HIGH;
        at += marks.trailing_zeros() as usize / 8;
        if marks != 0 {
            if ends(text[at]) {
                return at;
            }
            at += 1;
        }
    }
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| ends(*byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_what_they_say() {
        let members = |class| (0..=127).filter(|byte| is(*byte, class)).map(char::from).collect::<String>();
        assert_eq!(members(BLANK), "\t ");
        assert_eq!(members(SPACE), "\t\n\u{c}\r ");
        assert_eq!(members(DIGIT), "0123456789");
        assert_eq!(members(HEX), "0123456789ABCDEFabcdef");
        assert_eq!(members(TAG_END), "\t\n\u{c}\r :[");
        let words = members(WORD);
        assert_eq!(words.len(), 62);
        assert_eq!(members(NAME).replace(|c| words.contains(c), ""), "#$*+-./:<>@_~");
        assert_eq!(members(ID).replace(|c| words.contains(c), ""), "-.:_");
        assert!((128..=255).all(|byte| is(byte, NAME) && !is(byte, !NAME)));
        assert_eq!(marks(b" \t\x7f\xc3\xa4"), 0);
        assert_eq!((marks(b"aZ9"), marks(b"abc").count_ones()), (marks(b"zA0"), 3));
        let punctuation: Vec<u8> = (0..=127).filter(u8::is_ascii_punctuation).collect();
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!((marks(&punctuation).count_ones(), marks(&all).count_ones()), (32, 32 + 26 + 1));
        assert_eq!((run(b"ab c", WORD), until(b"ab c", BLANK), run(b"", WORD), until(b"abc", BLANK)), (2, 2, 0, 3));
    }

    #[test]
    fn eight_at_a_time_is_one_by_one() {
        let bytes = [b'a', b'z', b'"', b' ', b'\t', 0x1b, 0, b'!', 0x80, 0xff, b'\n'];
        // A generator of Knuth's, whose high bits are good enough.
        let mut random = 1u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize
        };
        for _ in 0..20_000 {
            let few = 1 + next() % bytes.len();
            let text: Vec<u8> = (0..next() % 40).map(|_| bytes[next() % few]).collect();
            for (class, stop) in [(SPACE, b'"'), (SPACE, b' '), (BLANK, b' '), (BLANK, 0xff), (SPACE, 0)] {
                let plain = text.iter().position(|b| is(*b, class) || *b == stop).unwrap_or(text.len());
                assert_eq!(until_or(&text, class, stop), plain, "{text:?} {class} {stop}");
            }
        }
    }
}
