//! Patterns that users write.

use regex::{Regex, RegexBuilder};

use super::marks::NAME_MAX;

/// Memory of a compiled pattern, and of what it remembers while it searches, each in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Why a pattern cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    #[error("{0}")]
    Wrong(#[from] regex::Error),
    #[error("it has {0} groups; one group may mark what is secret, write the others as (?:…)")]
    Groups(usize),
    #[error("it matches text of no length, so it would hit everywhere")]
    Empty,
}

/// A pattern for [`Redactor::new`](super::Redactor::new). It takes linear time for each search, and its size is
/// limited.
pub fn compile(pattern: &str) -> Result<Regex, PatternError> {
    let regex = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX).build()?;
    match regex.captures_len() - 1 {
        groups @ 2.. => Err(PatternError::Groups(groups)),
        _ if regex.is_match("") => Err(PatternError::Empty),
        _ => Ok(regex),
    }
}

/// A name that is safe within a mark, also in JSON.
pub fn mark_name(name: &str) -> Box<str> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    name.chars().map(safe).take(NAME_MAX).collect::<String>().into()
}
