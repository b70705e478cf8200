//! An entry in an order that its key says.

use std::cmp::Ordering;

use crate::record::Entry;

/// Compared by the key alone.
pub struct Keyed<K>(pub K, pub Entry);

impl<K: Ord> PartialEq for Keyed<K> {
    fn eq(&self, other: &Keyed<K>) -> bool {
        self.0 == other.0
    }
}

impl<K: Ord> Eq for Keyed<K> {}

impl<K: Ord> PartialOrd for Keyed<K> {
    fn partial_cmp(&self, other: &Keyed<K>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord> Ord for Keyed<K> {
    fn cmp(&self, other: &Keyed<K>) -> Ordering {
        self.0.cmp(&other.0)
    }
}
