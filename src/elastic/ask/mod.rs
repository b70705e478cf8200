//! Search in a cluster of Elasticsearch, OpenSearch or Quickwit, to which hosts ship by sinks of kind `elasticsearch`. What
//! follows is the page for those who use it; how it works stands below it.
#![doc = include_str!("../cluster.md")]
//!
//! # How it works
//!
//! Pruning is theirs, deciding is ours, as with the store: [`translate`] asks for what may match by what all engines agree
//! on, [`Cluster::fetch`] takes documents newest first until they do, makes the entries of them that were sent, and keeps
//! those that match. They become a [`Snapshot`](crate::store::Snapshot) of entries in memory, which pages, pipes, rates and
//! workflows ask as they ask any other, so that the answers are the same. Counts by what engines keep as it was sent they
//! make themselves ([`count`]); other counts need the entries: of more than `max_entries` the newest are taken, and the
//! answer says so. [`questions`] decides which it is.

mod cluster;
mod count;
mod questions;
mod translate;

pub use cluster::{Cluster, ClusterError, Settings};
pub use questions::AskError;
