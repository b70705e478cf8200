//! Layer 1: the plain values that travel through Logmill. They know nothing of files, stores or threads.

mod batch;
mod entry;
mod fields;
mod json;
mod level;
mod position;
mod row;

pub use batch::{EntryBatch, Outcomes, RawBatch, StreamId};
pub use entry::{Entry, LevelSource, Text, TimeSource, Value};
pub use fields::{Field, FieldList};
pub use json::timestamp;
pub use level::Level;
pub use position::{Fingerprint, Position, TAIL_LEN};
pub use row::{Columns, Fields, NAMED, Row, ValueRef, column};
