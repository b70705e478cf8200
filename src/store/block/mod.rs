//! The payload of a block: its entries in columns, compressed, with a version and a checksum.
//!
//! ```text
//! byte  0       format version (1)
//! bytes 1..5    length of the columns before compression, u32 little endian
//! bytes 5..13   xxh3 of everything from byte 13 on, u64 little endian
//! bytes 13..    one zstd frame: the columns
//! ```
//!
//! The columns, each preceded by its length in bytes (LEB128), in the order of [`Column`]. All numbers are
//! LEB128; signed ones zigzag. A decoder that does not want a column skips it by its length.
//!
//! | column | content |
//! |---|---|
//! | Count | number of entries (at most 65,536) |
//! | Sequence | first sequence number, then the difference to the one before |
//! | Time | unit (0 ns, 1 µs, 2 ms, 3 s: the largest that loses nothing), then time differences in it, from 0 |
//! | Kind | one byte an entry: level, level source << 4, time source << 6 |
//! | Source … Event | dictionary: number of texts, each with its length; then an index + 1 an entry, 0 = absent; when one text serves every entry the indexes are left out and the number is followed by a 1, otherwise by a 0 |
//! | Duration | a tag an entry: 0 absent, 1 thousandths (signed), 2 an f64 |
//! | RawLength, Raw | the texts |
//! | Message | 0 + start + bytes behind its end: a slice of the raw text; or 1 + length + text |
//! | FieldKeys | dictionary of field names |
//! | Shapes | dictionary of key lists; then a list number an entry |
//! | FieldValues | by key, then by entry: a tag and the value, so that like stands beside like |

mod decode;
mod encode;
mod numbers;
mod values;

pub use decode::{Want, decode};
pub use encode::Encoder;

/// Written into each payload; a reader refuses those it does not know.
const VERSION: u8 = 1;
/// Bytes before the compressed columns.
const HEADER: usize = 13;
/// No block has more columns' bytes than this; a larger claim is damage.
const MAX_BYTES: usize = 64 << 20;
/// No block has more entries than this; a larger claim is damage.
const MAX_ENTRIES: usize = 1 << 16;

/// The columns by position.
#[derive(Clone, Copy)]
enum Column {
    Count,
    Sequence,
    Time,
    Kind,
    /// The first of nine: `Entry::named` in its order.
    Named,
    Duration = 13,
    RawLength,
    Raw,
    Message,
    FieldKeys,
    Shapes,
    FieldValues,
}

/// Number of named text columns.
const NAMED: usize = 9;
/// Number of columns.
const COLUMNS: usize = Column::FieldValues as usize + 1;

#[cfg(test)]
mod tests;
