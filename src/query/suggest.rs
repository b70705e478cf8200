//! Finds the name that was meant when one was written that there is not.

/// A word longer than this is no slip of a known name, and is not compared.
const MAX_WORD: usize = 40;

/// Of `names`, the one a few slips away from `word`, whatever the case.
pub(super) fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lowered: Vec<char> = word.chars().take(MAX_WORD + 1).flat_map(char::to_lowercase).collect();
    if lowered.is_empty() || lowered.len() > MAX_WORD {
        return None;
    }
    let near = |name: &&str| {
        let name: Vec<char> = name.chars().take(MAX_WORD).flat_map(char::to_lowercase).collect();
        let slips = distance(&lowered, &name);
        // Half a word is an abbreviation; elsewhere one slip for every three letters is a slip still.
        let abbreviated = lowered.len() >= 3 && name.starts_with(&lowered);
        (abbreviated || slips <= (lowered.len().max(name.len()) / 3).max(1)).then_some(slips)
    };
    names
        .into_iter()
        .filter_map(|name| near(&name).map(|slips| (slips, name)))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

/// "did you mean `stats`? " before the list of what there is.
pub(super) fn hint(word: &str, names: &[&str]) -> String {
    let meant = nearest(word, names.iter().copied());
    let meant = meant.map_or_else(String::new, |name| format!("did you mean `{name}`? "));
    format!("{meant}there are: {}", names.join(", "))
}

/// Letters to insert, remove, change or swap with their neighbour until one word is the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for j in 0..b.len() {
            let changed = above[j] + usize::from(a[i] != b[j]);
            let mut best = changed.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found() {
        let names = ["stats", "sort", "limit", "patterns", "error", "warning"];
        let check = |word: &str, want: Option<&str>| assert_eq!(nearest(word, names), want, "{word}");
        check("stast", Some("stats"));
        check("STATS", Some("stats"));
        check("pattern", Some("patterns"));
        check("eror", Some("error"));
        check("warnings", Some("warning"));
        check("lim", Some("limit"));
        check("sotr", Some("sort"));
        check("zebra", None);
        check("", None);
        check(&"x".repeat(5000), None);
    }

    #[test]
    fn distances() {
        let check = |a: &str, b: &str, want: usize| {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&chars(a), &chars(b)), want, "{a} {b}");
            assert_eq!(distance(&chars(b), &chars(a)), want, "{b} {a}");
        };
        check("", "", 0);
        check("", "abc", 3);
        check("kitten", "sitting", 3);
        check("ab", "ba", 1);
    }
}
