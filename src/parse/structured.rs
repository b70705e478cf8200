//! Structured data of RFC 5424: `[id name="value" …][…]`, each parameter a field `id.name`.

use smol_str::{SmolStr, format_smolstr};

use super::closing_quote;
use crate::record::Value;

/// Parameters of one entry; what is beyond stands in `raw` only.
const MAX_FIELDS: usize = 256;

/// Gives the parameters to `take`. Text that is not structured data gives what was understood of it.
pub fn expand(text: &str, take: &mut dyn FnMut(SmolStr, Value)) {
    let mut rest = text;
    let mut count = 0;
    while let Some(element) = rest.strip_prefix('[') {
        let end = element.find([' ', ']']).unwrap_or(element.len());
        let id = &element[..end];
        rest = &element[end..];
        while let Some(parameter) = rest.strip_prefix(' ') {
            let Some((name, value)) = parameter.split_once("=\"") else { return };
            let Some(length) = closing_quote(value.as_bytes()) else { return };
            if count < MAX_FIELDS {
                let name = if id.is_empty() { name.into() } else { format_smolstr!("{id}.{name}") };
                take(name, Value::Str(unescape(&value[..length]).into()));
                count += 1;
            }
            rest = &value[length + 1..];
        }
        match rest.strip_prefix(']') {
            Some(behind) => rest = behind,
            None => return,
        }
    }
}

/// Without the backslashes before `"`, `\` and `]`.
fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(next) = chars.next() {
        match chars.peek() {
            Some('"' | '\\' | ']') if next == '\\' => text.extend(chars.next()),
            _ => text.push(next),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let check = |text: &str, want: &[(&str, &str)]| {
            let mut found = Vec::new();
            expand(text, &mut |name, value| found.push((name, value)));
            let want: Vec<_> = want.iter().map(|(name, value)| ((*name).into(), Value::Str((*value).into()))).collect();
            assert_eq!(found, want, "{text}");
        };
        check("-", &[]);
        check(r#"[a@1 x="1" y="two words"][b]"#, &[("a@1.x", "1"), ("a@1.y", "two words")]);
        check(r#"[a x="q\"u\\o\]te" z="b\n"]"#, &[("a.x", r#"q"u\o]te"#), ("a.z", r"b\n")]);
        check(r#"[a x="1"#, &[]);
        check("[", &[]);
        check(r#"[a x="1" junk"#, &[("a.x", "1")]);
    }
}
