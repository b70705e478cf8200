//! What was seen lately, by id: a bounded number, those seen last.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Ids that are remembered. All are part of each commit, so that there are not very many.
const MOST: usize = 2_000;

/// See the module. Times are of entries, nanoseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recent<T>(HashMap<Box<str>, (i64, T), foldhash::fast::RandomState>);

impl<T: Default> Recent<T> {
    /// What is known of `id`, which was seen at `time`; and whether it was not known before.
    pub fn seen(&mut self, id: &str, time: i64) -> (&mut T, bool) {
        let is_new = !self.0.contains_key(id);
        if is_new {
            if self.0.len() >= MOST {
                self.forget_a_quarter();
            }
            self.0.insert(id.into(), (time, T::default()));
        }
        let (seen, value) = self.0.get_mut(id).expect("was put there");
        *seen = time.max(*seen);
        (value, is_new)
    }

    /// Those seen since `time`.
    pub fn since(&self, time: i64) -> impl Iterator<Item = &T> {
        self.0.values().filter(move |(seen, _)| *seen >= time).map(|(_, value)| value)
    }

    fn forget_a_quarter(&mut self) {
        let mut times: Vec<i64> = self.0.values().map(|(seen, _)| *seen).collect();
        let (_, border, _) = times.select_nth_unstable(MOST / 4);
        let border = *border;
        let mut room = self.0.len() - MOST * 3 / 4;
        self.0.retain(|_, (seen, _)| {
            let goes = room > 0 && *seen <= border;
            room -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_seen_last_stay() {
        let mut recent = Recent::<u8>::default();
        for time in 0..3 * MOST as i64 {
            assert!(recent.seen(&format!("id{time}"), time).1);
            recent.seen("always", time);
            assert!(recent.0.len() <= MOST);
        }
        assert!(!recent.seen("always", 0).1);
        assert!(!recent.seen(&format!("id{}", 3 * MOST - 1), 0).1);
        assert!(recent.seen("id0", 0).1);
    }

    #[test]
    fn as_many_go_when_all_were_seen_at_once() {
        let mut recent = Recent::<u8>::default();
        (0..MOST).for_each(|n| _ = recent.seen(&n.to_string(), 7));
        recent.seen("one more", 7);
        assert_eq!(recent.0.len(), MOST * 3 / 4 + 1);
    }
}
