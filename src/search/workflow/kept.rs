//! The first, or the last, so many of what was added, in whatever order it came.

/// Time and sequence number of an entry: no two have the same.
pub type At = (i64, u64);

/// What has texts of its own in memory.
pub trait Text {
    /// Bytes of them.
    fn text(&self) -> usize;
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Kept<T> {
    items: Vec<(At, T)>,
    most: usize,
    /// Of too many the last are kept, else the first.
    last: bool,
    added: u64,
    /// Bytes of the texts of all items.
    text: usize,
}

impl<T: Text> Kept<T> {
    pub fn first(most: usize) -> Kept<T> {
        Kept { items: Vec::new(), most, last: false, added: 0, text: 0 }
    }

    pub fn last(most: usize) -> Kept<T> {
        Kept { last: true, ..Kept::first(most) }
    }

    pub fn add(&mut self, at: At, item: T) {
        self.added += 1;
        self.text += item.text();
        self.items.push((at, item));
        // Seldom, so that it costs little for each.
        if self.items.len() >= self.most.saturating_mul(2).max(1) {
            self.cut();
        }
    }

    pub fn merge(&mut self, other: Kept<T>) {
        self.added += other.added;
        self.text += other.text;
        self.items.extend(other.items);
        self.cut();
    }

    /// Bytes in memory, with what is to be cut still.
    pub fn size(&self) -> usize {
        self.items.len() * size_of::<(At, T)>() + self.text
    }

    pub fn keeps_any(&self) -> bool {
        self.most > 0
    }

    /// Something was left out.
    pub fn is_cut(&self) -> bool {
        self.added > self.most as u64
    }

    pub fn any(&self, test: impl Fn(&T) -> bool) -> bool {
        self.items.iter().any(|(_, item)| test(item))
    }

    /// In the order of time.
    pub fn into_sorted(mut self) -> Vec<(At, T)> {
        self.cut();
        self.items.sort_unstable_by_key(|(at, _)| *at);
        self.items
    }

    fn cut(&mut self) {
        let surplus = self.items.len().saturating_sub(self.most);
        if surplus == 0 {
            return;
        }
        self.items.sort_unstable_by_key(|(at, _)| *at);
        if self.last {
            self.items.drain(..surplus);
        } else {
            self.items.truncate(self.most);
        }
        self.text = self.items.iter().map(|(_, item)| item.text()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Text for i64 {
        fn text(&self) -> usize {
            1
        }
    }

    #[test]
    fn the_order_does_not_matter() {
        let check = |mut kept: Kept<i64>, mut other: Kept<i64>, want: &[i64]| {
            for n in [5, 1, 9, 3, 7, 2, 8] {
                kept.add((n, 0), n);
                other.add((n + 10, 0), n + 10);
            }
            kept.merge(other);
            assert_eq!(kept.size(), kept.items.len() * size_of::<(At, i64)>() + kept.items.len());
            assert!(kept.is_cut() || want.len() == 14);
            assert_eq!(kept.into_sorted().into_iter().map(|(_, n)| n).collect::<Vec<_>>(), want);
        };
        check(Kept::first(3), Kept::first(3), &[1, 2, 3]);
        check(Kept::last(3), Kept::last(3), &[17, 18, 19]);
        check(Kept::first(0), Kept::first(0), &[]);
        check(Kept::first(99), Kept::first(99), &[1, 2, 3, 5, 7, 8, 9, 11, 12, 13, 15, 17, 18, 19]);
    }
}
