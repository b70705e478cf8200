//! Names that an included folder keeps to itself: what editors and package managers leave behind.

use glob::{MatchOptions, Pattern};

/// `tabooext` and `taboopat`, as they stand.
pub(super) struct Taboo(Vec<String>);

const ENDINGS: &[&str] = &[
    ",v",
    ".bak",
    ".cfsaved",
    ".disabled",
    ".dpkg-bak",
    ".dpkg-del",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-old",
    ".dpkg-tmp",
    ".rhn-cfg-tmp-*",
    ".rpmnew",
    ".rpmorig",
    ".rpmsave",
    ".swp",
    ".ucf-dist",
    ".ucf-new",
    ".ucf-old",
    "~",
    ".new",
    ".old",
    ".orig",
    ".pacnew",
    ".pacorig",
    ".pacsave",
];

impl Default for Taboo {
    fn default() -> Taboo {
        Taboo(ENDINGS.iter().map(|ending| format!("*{ending}")).collect())
    }
}

impl Taboo {
    /// A list of endings or patterns; with `+` in front it is added to what stands.
    pub fn change(&mut self, endings: bool, list: &str) {
        let list = match list.strip_prefix('+') {
            Some(more) => more,
            None => {
                self.0.clear();
                list
            }
        };
        let items = list.split([',', ' ', '\t']).filter(|item| !item.is_empty());
        self.0.extend(items.map(|item| if endings { format!("*{item}") } else { item.to_owned() }));
    }

    /// The pattern that keeps `name` out, if one does; hidden files match only a pattern that begins with a dot.
    pub fn matching(&self, name: &str) -> Option<&str> {
        let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::default() };
        let matches = |pattern: &&String| {
            Pattern::new(pattern).map_or(pattern.as_str() == name, |p| p.matches_with(name, options))
        };
        self.0.iter().find(matches).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |change: Option<(bool, &str)>, name: &str, want: bool| {
            let mut taboo = Taboo::default();
            if let Some((endings, list)) = change {
                taboo.change(endings, list);
            }
            assert_eq!(taboo.matching(name).is_some(), want, "{change:?} {name}");
        };
        check(None, "nginx", false);
        check(None, "nginx.bak", true);
        check(None, "nginx~", true);
        check(None, "x.rhn-cfg-tmp-12", true);
        check(None, ".hidden", false);
        check(Some((true, ".x")), "nginx.bak", false);
        check(Some((true, "+ .x, .y")), "nginx.y", true);
        check(Some((true, "+ .x, .y")), "nginx.bak", true);
        check(Some((false, "ng*")), "nginx", true);
        check(Some((false, "ng[")), "ng[", true);
    }
}
