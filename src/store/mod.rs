//! Layer 3: the embedded store. tantivy lives here and in `search`, nowhere else.
//!
//! A tantivy document is a *block* of up to 256 entries: the terms and keys that occur in it, its times and
//! counts as columns, and one compressed payload with the entries themselves (`block`). Blocks live in
//! *partitions*, each a tantivy index in `data/partitions/NNNNNN/`; the newest one is written, the others are
//! read, and retention removes whole ones. A commit holds entries and the read positions they reach to, so
//! that the two cannot disagree ([`Writer::commit`]).

pub mod block;
mod blocks;
mod dictionaries;
mod directory;
mod error;
mod identity;
mod partition;
mod restored;
mod retention;
mod schema;
mod seal;
mod sealed_file;
mod seen;
mod snapshot;
mod stats;
mod terms;
mod verify;
mod writer;

pub use blocks::BlockFile;
pub use error::StoreError;
pub use identity::{DIGITS as DIGITS_OF_IDENTITY, identity, is_identity, known as known_identity, take_over};
pub use partition::{PartitionInfo, Payload};
pub use restored::{RESTORED, install as install_restored, restoring};
pub use retention::{Hold, Packing, Plan, Removal, Retention, Rule, remove as remove_partition};
pub use schema::{AT, BY_MINUTE, Block, FIRST_SEQUENCE, FIRST_TIME, LAST_TIME, LENGTH, Schema, level_column};
pub use seal::{SealError, Sealer};
pub use snapshot::{Committed, Opened, PartitionView, Recent, Shared, Snapshot, Summary};
pub use stats::{MINUTE, MinuteCount};
pub use terms::{PieceFinder, key_term, prefix_may_be_in_bucket, prefix_terms, word_terms};
pub use verify::{Checked, verify};
pub use writer::{Options, Writer};
