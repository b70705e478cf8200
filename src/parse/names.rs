//! Names of fields. Lines of one file mostly have the same names in the same order, so that the next name is known
//! already and needs only to be copied.

use smol_str::SmolStr;

/// Names remembered; files with more begin anew.
const MAX_NAMES: usize = 64;

/// The names that a file's lines have had, in the order of their first line.
#[derive(Debug, Default)]
pub struct Names {
    known: Vec<SmolStr>,
    /// Behind the last one asked for.
    next: usize,
    /// How many fields the line before had: the next has about as many, and room for them is made at once.
    pub(super) usual: usize,
    /// Room for a dotted name.
    pub(super) room: String,
}

impl Names {
    /// The name, as remembered where it is known.
    pub(super) fn get(&mut self, name: &str) -> SmolStr {
        let is_next = self.known.get(self.next).is_some_and(|known| known == name);
        let found = if is_next { Some(self.next) } else { self.known.iter().position(|known| known == name) };
        let at = found.unwrap_or_else(|| self.add(name));
        self.next = at + 1;
        self.known[at].clone()
    }

    fn add(&mut self, name: &str) -> usize {
        if self.known.len() == MAX_NAMES {
            self.known.clear();
        }
        self.known.push(name.into());
        self.known.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_was_asked_for() {
        let mut names = Names::default();
        for round in 0..3 {
            for name in ["a", "b", "a name of more than twenty-three bytes", "b", "", "a"] {
                assert_eq!(names.get(name), name, "round {round}");
            }
        }
        assert_eq!(names.known.len(), 4);
        for number in 0..1_000 {
            let name = format!("name {}", number % 100);
            assert_eq!(names.get(&name), name);
            assert!(names.known.len() <= MAX_NAMES);
        }
    }
}
