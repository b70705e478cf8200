//! Entries that somebody else has counted: what they have in common, and how many they are. An aggregation takes a bundle
//! as it would have taken its entries one by one.

use crate::record::Entry;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// What all of them have of the parts that the question looks at. Of the time only the step is true.
    pub like: Entry,
    pub count: u64,
    /// What they say of `duration_ms`, which they need not have in common; where the question asks for it.
    pub durations: Option<Durations>,
}

/// The numbers of those that have one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Durations {
    pub count: u64,
    pub sum: f64,
    pub least: f64,
    pub most: f64,
}
