//! Why a line is of a format, or of none: for those who write formats.

use crate::parse::{Head, envelope};
use crate::pipeline::Compiled;

/// What one format says to a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub format: String,
    /// Why the line is none of this format; `None` when it is one.
    pub refusal: Option<String>,
}

/// All formats of a pipeline, in the order in which they are tried, up to the one that takes the line.
pub fn explain(pipeline: &Compiled, line: &str) -> Vec<Tried> {
    let letter = envelope::open(line, true);
    let line = letter.as_ref().map_or(line, |letter| &*letter.text);
    let mut tried = Vec::new();
    for format in pipeline.formats.iter() {
        let is_it = format.recognises(line, &mut Head::default());
        let refusal = (!is_it).then(|| format.refusal(line));
        tried.push(Tried { format: format.name().to_owned(), refusal });
        if is_it {
            break;
        }
    }
    tried
}
