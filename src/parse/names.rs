//! Names of fields. Lines of one file mostly have the same names in the same order, so that the next name is known
//! already and needs only to be copied.

use std::sync::Arc;

use smol_str::SmolStr;

/// Names remembered; files with more begin anew.
const MAX_NAMES: usize = 64;

/// The names that a file's lines have had, in the order of their first line.
#[derive(Debug, Default)]
pub struct Names {
    known: Vec<SmolStr>,
    /// Behind the last one asked for.
    next: usize,
    /// The first of the known ones, as entries share them.
    shared: Arc<[SmolStr]>,
    /// How many of the shared ones are still known by the same number.
    valid: usize,
    /// How many fields the line before had: the next has about as many, and room for them is made at once.
    pub(super) usual: usize,
    /// Room for a dotted name.
    pub(super) room: String,
}

/// A name, for a list that shares those of [`Names::share`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    Shared(u16),
    /// New in this line.
    Own(SmolStr),
}

impl Names {
    /// What is known now, to be shared with the fields of the next line.
    pub(super) fn share(&mut self) -> &Arc<[SmolStr]> {
        if self.valid != self.known.len() {
            self.shared = self.known.iter().cloned().collect();
            self.valid = self.known.len();
        }
        &self.shared
    }

    pub(super) fn get(&mut self, name: &str) -> Known {
        let is_next = self.known.get(self.next).is_some_and(|known| known == name);
        let found = if is_next { Some(self.next) } else { self.known.iter().position(|known| known == name) };
        let at = found.unwrap_or_else(|| self.add(name));
        self.next = at + 1;
        if at < self.valid { Known::Shared(at as u16) } else { Known::Own(self.known[at].clone()) }
    }

    fn add(&mut self, name: &str) -> usize {
        if self.known.len() == MAX_NAMES {
            self.known.clear();
            self.valid = 0;
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
        let mut shared = names.share().clone();
        let mut get = |names: &mut Names, line: &[&str]| {
            shared = names.share().clone();
            for name in line {
                let found = match names.get(name) {
                    Known::Shared(number) => shared[usize::from(number)].clone(),
                    Known::Own(name) => name,
                };
                assert_eq!(found, *name);
            }
        };
        for _ in 0..3 {
            get(&mut names, &["a", "b", "a name of more than twenty-three bytes", "b", "", "a"]);
        }
        assert_eq!((names.known.len(), names.valid), (4, 4));
        for number in 0..1_000 {
            let more = [format!("name {}", number % 100), format!("name {}", number % 7), "a".to_owned()];
            get(&mut names, &more.each_ref().map(String::as_str));
            assert!(names.known.len() <= MAX_NAMES);
        }
    }
}
