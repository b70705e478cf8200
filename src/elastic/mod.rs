//! Layer 6: Elasticsearch's search API, from both sides.

pub mod ask;
pub mod serve;
