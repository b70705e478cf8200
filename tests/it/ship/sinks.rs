//! One sink after the other.
