//! Layer 6: Elasticsearch's search API.

pub mod serve;
