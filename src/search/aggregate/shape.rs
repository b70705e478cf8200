//! The shape of a message: what is left when numbers, ids and hex strings are taken out.

/// Longest shape, in bytes; what is behind it does not tell shapes apart.
const MAX_SHAPE: usize = 300;

/// Writes the shape of the first line of `message` into `out`, which is emptied first. A word that is made of digits
/// becomes `<n>`, a hex string with digits in it `<hex>`, a UUID `<uuid>`, and digits within another word `<n>` each time.
pub(super) fn shape(message: &str, out: &mut String) {
    out.clear();
    let line = message.lines().next().unwrap_or("");
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if out.len() >= MAX_SHAPE {
            return;
        }
        if let Some(behind) = behind_uuid(rest) {
            out.push_str("<uuid>");
            rest = behind;
            continue;
        }
        let is_word = |c: char| c.is_alphanumeric();
        let length = if is_word(c) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { c.len_utf8() };
        let (head, behind) = rest.split_at(length);
        rest = behind;
        if is_word(c) { word(head, out) } else { separator(c, behind, out) }
    }
}

/// What is behind the UUID that `text` begins with.
fn behind_uuid(text: &str) -> Option<&str> {
    let (head, behind) = text.split_at_checked(36)?;
    let is_dash = |place: usize| matches!(place, 8 | 13 | 18 | 23);
    let fits = |(place, b): (usize, u8)| if is_dash(place) { b == b'-' } else { b.is_ascii_hexdigit() };
    (head.bytes().enumerate().all(fits) && !behind.starts_with(char::is_alphanumeric)).then_some(behind)
}

fn word(word: &str, out: &mut String) {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        out.push_str(word);
    } else if digits == word.len() {
        out.push_str("<n>");
    } else if word.len() >= 6 && word.bytes().all(|b| b.is_ascii_hexdigit()) {
        out.push_str("<hex>");
    } else {
        let mut in_number = false;
        for c in word.chars() {
            let is_digit = c.is_ascii_digit();
            match (is_digit, in_number) {
                (true, false) => out.push_str("<n>"),
                (true, true) => {}
                (false, _) => out.push(c),
            }
            in_number = is_digit;
        }
    }
}

/// The point of a decimal number and the digits behind it belong to the number.
fn separator(c: char, behind: &str, out: &mut String) {
    let in_number = matches!(c, '.' | ',') && out.ends_with("<n>");
    if in_number && behind.starts_with(|c: char| c.is_ascii_digit()) {
        out.truncate(out.len() - "<n>".len());
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shapes() {
        let check = |message: &str, want: &str| {
            let mut got = String::from("what was there");
            super::shape(message, &mut got);
            assert_eq!(got, want);
        };
        check("", "");
        check("took 12 ms", "took <n> ms");
        check("took 12.5 ms, 3 of 4", "took <n> ms, <n> of <n>");
        check("workflow wf-8f3a12cd done", "workflow wf-<hex> done");
        check("id 0f8fad5b-d9cb-469f-a165-70867728950e.", "id <uuid>.");
        check("GET /api/v1/x?id=7 -> 200", "GET /api/v<n>/x?id=<n> -> <n>");
        check("größe 5\nTraceback", "größe <n>");
        check("deadbeef facade", "deadbeef facade");
        check(&"1 ".repeat(1000), &"<n> ".repeat(75));
    }
}
