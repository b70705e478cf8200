//! A block: consecutive entries in columns, as they stand in the file `blocks` of a partition.
//!
//! # Format
//!
//! ```text
//! byte   0       format version (3; of 2, which is read, the side section has no times of reading)
//! byte   1       1 when sections are compressed with the partition's dictionaries, otherwise 0
//! bytes  2..4    number of entries, u16 little endian like all numbers of the header
//! bytes  4..76   for each of the six sections: length u32, stored length u32, checksum u32
//! bytes 76..80   checksum of bytes 0..76
//! bytes 80..     the sections, one after the other
//! ```
//!
//! A checksum is the low half of xxh3-64; a section's is of its stored bytes. A section whose stored length equals
//! its length is stored plain, any other is one zstd frame. A reader takes only the sections it needs.
//!
//! Numbers within sections are LEB128; signed ones zigzag. A *text list* is the number of texts, the length of each,
//! then all of them. *Codes* are one small number an entry: a byte 0 and the number that all share; or 1 and a byte
//! each; or 2 and two bytes each. A *dictionary* is a text list of the distinct texts, in order of appearance, and
//! codes: 0 for absent, otherwise index + 1. Columns that a reader may not want are preceded by their length. What is
//! *packed* takes so many bits as its column needs, see `packed`.
//!
//! | section | content |
//! |---|---|
//! | heads | never compressed, for it is read most · sequence numbers, packed differences · times: unit (0 ns, 1 µs, 2 ms, 3 s: the largest that loses nothing), packed differences · kinds: the number of distinct ones, a byte each (level, level source << 4, time source << 6), packed codes · packed codes of source, service, logger, workflow type, agent, event |
//! | names | text lists that these six codes are of |
//! | side | dictionaries of workflow id, session id, request id · durations: 0 when there are none, otherwise 1 and for each 0 absent, 1 thousandths (signed), 2 an f64 · times of reading, preceded by their length: see `read_times` · lengths of the messages |
//! | text | the messages, each with a line end (byte 10) behind it that is no part of it |
//! | fields | text list of names · shapes: their number, then for each the number of its names and the names' indexes; codes of the entries' shapes · for each name a column of its values in the order of entries: see `fields` |
//! | raw | what makes the raw text of the other columns: see `template` |

mod columns;
mod decode;
mod derive;
mod encode;
mod fields;
mod frame;
mod kind;
mod numbers;
mod packed;
mod read_times;
mod row;
mod template;
mod times;
mod values;

pub use decode::{Decoder, Origin};
pub use encode::Encoder;
pub use frame::{Dictionaries, SECTIONS, TRAINED_BYTES};
pub use row::BlockRow;
pub use template::Renderer;
pub use values::thousandths;

/// Most entries of a block; a larger claim is damage.
pub const MAX_ENTRIES: usize = 1 << 15;

#[cfg(test)]
mod tests;
