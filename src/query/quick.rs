//! Quick looks at whole blocks: which of them, and which of their rows, a condition on the text cannot match.

use crate::query::ast::{Ast, Pattern};
use crate::query::matcher::{Matcher, Piece};
use crate::query::need::{Need, need};

/// A condition on the text that every matching row fulfils.
#[derive(Clone, Debug)]
pub struct TextTest {
    matcher: Matcher,
    /// Pieces that are in every text it finds, of whatever case.
    pieces: Vec<Piece>,
    /// What it finds may be a number or a truth value.
    pub finds_numbers: bool,
    /// A text that contains what it finds need not match itself: it looks at what is around, or at ends.
    looks_around: bool,
}

impl TextTest {
    /// Whether it is in a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.matcher.is_in(text)
    }

    /// Whether [`TextTest::may_be_in`] can tell anything.
    pub fn has_pieces(&self) -> bool {
        !self.pieces.is_empty() && !self.finds_numbers
    }

    /// Whether it may be in one of the texts that are somewhere in `bytes`. May be wrong in saying yes only.
    pub fn may_be_in(&self, bytes: &[u8]) -> bool {
        self.pieces.iter().all(|piece| piece.is_in(bytes))
    }

    /// Whether it may be in one of the lines of `text`. May be wrong in saying yes only.
    pub fn may_be_in_lines(&self, text: &str) -> bool {
        self.looks_around || self.matcher.is_in_long(text)
    }
}

/// The conditions on the text among those that all must hold.
pub(super) fn text_tests(ast: &Ast) -> Vec<TextTest> {
    match ast {
        Ast::Text(pattern) => vec![TextTest {
            matcher: Matcher::new(pattern),
            pieces: pieces(&need(ast)),
            finds_numbers: !needs_letters(&need(ast)),
            looks_around: looks_around(pattern),
        }],
        Ast::And(items) => items.iter().flat_map(text_tests).collect(),
        _ => Vec::new(),
    }
}

/// What must be in one text, of what is needed.
fn pieces(need: &Need) -> Vec<Piece> {
    match need {
        Need::Word(text) | Need::Prefix(text) | Need::Contains(text) => Piece::new(text).into_iter().collect(),
        Need::All(needs) => needs.iter().flat_map(pieces).collect(),
        Need::Any(_) | Need::Anything | Need::Nothing | Need::Key { .. } | Need::Level(_) => Vec::new(),
    }
}

/// Whether what is needed has a character that no number and no truth value has.
fn needs_letters(need: &Need) -> bool {
    match need {
        Need::Word(text) | Need::Prefix(text) | Need::Contains(text) => {
            // As in -1.5e300, true, false, NaN and inf.
            text.chars().any(|c| !c.is_ascii_digit() && !"aefilnrstu".contains(c))
        }
        Need::All(needs) => needs.iter().any(needs_letters),
        Need::Any(needs) => needs.iter().all(needs_letters),
        Need::Anything | Need::Nothing | Need::Key { .. } | Need::Level(_) => false,
    }
}

fn looks_around(pattern: &Pattern) -> bool {
    match pattern {
        // Words end at line ends, as at the ends of a text.
        Pattern::Literal(_) | Pattern::Glob(_) => false,
        Pattern::Regex(regex) => {
            let syntax = regex_syntax::parse(regex.as_str());
            syntax.map_or(true, |hir| !hir.properties().look_set().is_empty())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::query::Query;

    #[test]
    fn long_texts_are_as_short_ones() {
        let texts = [
            "operation failed",
            "OPERATION: Failed!",
            "cooperation failed",
            "operations failed",
            "",
            "é-operation é",
            "aaa aa",
            "operation operation failed",
            "failed operation\nfailed",
        ];
        for query in ["\"operation failed\"", "operation", "oper*", "aa", "é", "*ration", "/oper.*led/", "failed"] {
            for test in query.parse::<Query>().unwrap().text_tests() {
                for text in texts {
                    assert_eq!(test.matcher.is_in_long(text), test.matcher.is_in(text), "{query} on {text}");
                }
            }
        }
    }

    #[test]
    fn tests_of_queries() {
        let check = |query: &str, want: &[(bool, bool)]| {
            let query: Query = query.parse().unwrap();
            let got: Vec<_> = query.text_tests().iter().map(|test| (test.finds_numbers, test.looks_around)).collect();
            assert_eq!(got, want, "{query}");
        };
        check("*", &[]);
        check("timeout", &[(false, false)]);
        check("true 404", &[(true, false), (true, false)]);
        check("/8f3a1c/ -x", &[(false, false)]);
        check("/time(d )?out$/", &[(false, true)]);
        check("/[0-9]+/ level:error", &[(true, false)]);
        check("a OR b", &[]);
        check("service:api", &[]);
    }
}
