//! The one index there is, and the names it is asked for by.

use super::fault::Fault;

/// Its name.
pub const INDEX: &str = "logmill";
/// Another name, so that patterns such as `logs-*` find it.
const ALIAS: &str = "logs-logmill-default";
/// Longest list of names, in bytes.
const MAX_NAMES: usize = 4096;

/// Whether a list of names and patterns means the index. An exact name of another one is a mistake, unless the request
/// says that indices may be missing.
pub fn is_named(names: &str, may_miss: bool) -> Result<bool, Fault> {
    if names.len() > MAX_NAMES {
        return Err(Fault::argument(format!("the names of indices have more than {MAX_NAMES} bytes")));
    }
    let mut is_meant = names.is_empty();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let (refuses, name) = match name.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let is_it = match name {
            "_all" => true,
            INDEX | ALIAS => true,
            pattern if pattern.contains('*') => [INDEX, ALIAS].iter().any(|own| fits(pattern, own)),
            _ if refuses || may_miss => false,
            other => return Err(Fault::no_index(other)),
        };
        if is_it {
            is_meant = !refuses;
        }
    }
    Ok(is_meant)
}

/// Whether a text fits a pattern with `*`.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let head = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let mut tail = None;
    for piece in pieces {
        if let Some(found) = tail.replace(piece) {
            let found: &str = found;
            let Some(at) = rest.find(found) else { return false };
            rest = &rest[at + found.len()..];
        }
    }
    match tail {
        None => rest.is_empty(),
        Some(tail) => rest.ends_with(tail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_index() {
        let check = |names: &str, want: Option<bool>| assert_eq!(is_named(names, false).ok(), want, "{names}");
        check("", Some(true));
        check("logmill", Some(true));
        check("_all", Some(true));
        check("*", Some(true));
        check("logs-*", Some(true));
        check("logs-*-*", Some(true));
        check("log*ll", Some(true));
        check("metrics-*", Some(false));
        check("metrics-*,logmill", Some(true));
        check("*,-logmill", Some(false));
        check("other", None);
        check("other,*", None);
        assert_eq!(is_named("other", true), Ok(false));
    }

    #[test]
    fn patterns() {
        let check = |pattern: &str, text: &str, want: bool| assert_eq!(fits(pattern, text), want, "{pattern} {text}");
        check("a*c", "abc", true);
        check("a*c", "ac", true);
        check("a*b*a", "aba", true);
        check("aba*ba", "aba", false);
        check("*", "", true);
        check("", "", true);
        check("a", "ab", false);
        check("*é*", "naéve", true);
        check("**", "x", true);
    }
}
