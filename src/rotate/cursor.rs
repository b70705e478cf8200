//! A place in the text of a configuration, and how words, values and scripts are read from it.

/// See the module. The cursor is always at a character, or at the end.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, at: 0, line: 1 }
    }

    /// Counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn advance(&mut self) {
        if let Some(c) = self.peek() {
            self.at += c.len_utf8();
            self.line += usize::from(c == '\n');
        }
    }

    /// Passes over blanks; what comes then.
    pub fn skip_blanks(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
        self.peek()
    }

    /// To the end of the line, not over it.
    pub fn skip_line(&mut self) {
        self.at += self.rest_of_line().len();
    }

    fn rest_of_line(&self) -> &'a str {
        let rest = self.rest();
        &rest[..rest.find('\n').unwrap_or(rest.len())]
    }

    /// The letters here.
    pub fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let word = &rest[..rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// What stands behind a keyword: up to the end of the line, without blanks at its ends and without a `=`.
    pub fn value(&mut self) -> &'a str {
        let value = self.line_value().trim_start();
        value.strip_prefix('=').unwrap_or(value).trim()
    }

    /// As [`Cursor::value`], with the blanks before it and whatever it begins with.
    pub fn line_value(&mut self) -> &'a str {
        let line = self.rest_of_line();
        self.at += line.len();
        line.trim_end()
    }

    /// The text up to a line whose first word is `endscript`, which is passed over; `None` if there is none.
    pub fn script(&mut self) -> Option<&'a str> {
        let begin = self.at;
        loop {
            let line = self.rest_of_line();
            let is_end = line
                .trim_start()
                .strip_prefix("endscript")
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| !c.is_ascii_alphabetic()));
            if is_end {
                let script = &self.text[begin..self.at];
                let indent = line.len() - line.trim_start().len();
                self.at += indent + "endscript".len();
                return Some(script);
            }
            self.at += line.len();
            self.peek()?;
            self.advance();
        }
    }
}

/// Splits at blanks; quotes keep blanks, a backslash keeps the next character. A quote that stays open ends with the
/// text. `None`: a backslash at the end.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(characters.next()?),
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words.retain(|word| !word.is_empty());
    Some(words)
}
