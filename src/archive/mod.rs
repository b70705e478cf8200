//! Layer 6: the archive. Sealed partitions and rotated logs are copied to an object store (S3, or a folder), and
//! partitions come back from there into search. `manual.md` is the page for users.
//!
//! ```text
//! PREFIX/HOST/partitions/STORE/000001.1/plan.json      written first: what is going to be here
//!                                      meta.json ...   the files of the partition as they are on disk
//!                                      manifest.json   written last: all of it is here
//! PREFIX/HOST/logs/2026/11/23/var_log_app.log-20261123T080000Z-SUM.gz
//!                                and, last, the same name with `.manifest.json` behind it
//! ```
//!
//! An object appears whole or not at all, in a folder as well as in S3, so what has a manifest is complete, and what has
//! none does not count. STORE is the store's identity: numbers of another store mean other entries.
//!
//! **Borders.** [`Settings`] say where and what; [`Remote`] is the place, and knows keys and bytes only; [`Manifest`] is
//! what is believed of what was read there, checked by [`Manifest::parse`]; `send` and `fetch` carry one partition each
//! way, `logs` a rotated file; [`Archive`] remembers what is there, in `DATA/archive.json`, and answers retention. Threads, and when things
//! happen, are the daemon's.
//!
//! **Failures.** Killed while sending: the plan of the folder says which content its files have; those that are
//! there with the right size are not sent again. The server is away: nothing is lost, as retention holds partitions
//! that are not there yet (`retention = "drop"` counts them and lets them go); it is tried again, later each time.
//! One item cannot be sent: it rests, later ones go before it, and it is told (`stuck`). `archive.json` is lost, or
//! of another place: manifests are looked at before anything is sent. The archive has other content under the same
//! name: nothing is overwritten, and the problem is told. Killed while restoring: what grew in `NNNNNN.restoring`
//! is removed at the next start. What comes back with another length or checksum, or under a name that is none of
//! ours, is refused and removed.

mod fetch;
mod ledger;
mod list;
mod logs;
mod manifest;
mod remote;
mod send;
mod settings;
mod state;
mod stuck;

pub use fetch::{Choice, Wanted, choose, fetch, verify};
pub use ledger::Counts;
pub use list::{expire, manifests};
pub use logs::{LogManifest, RotatedLog, expire_logs, id_and_time, logs, send_log, verify_log};
pub use manifest::{Item, Manifest, ManifestError, is_host};
pub use remote::{Remote, RemoteError};
pub use send::{SendError, Sent, send};
pub use settings::{Keep, Place, S3, Settings};
pub use state::Archive;
