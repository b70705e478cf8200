//! Lucene's query syntax, as people type it into Grafana and Kibana → a [`Condition`]. Of what only orders hits by how
//! good they are (`^2`, `~0.8`), nothing remains.

use serde_json::Value as Json;

use super::dates::Reader;
use super::dsl::{End, Queries, between};
use super::fault::Fault;
use super::json;
use super::names::{self, field};
use crate::query::{Condition, MAX_DEPTH, MAX_QUERY_LEN};

/// Reads one text.
pub struct Lucene<'q> {
    pub queries: &'q mut Queries,
    /// What words without a field look at; all texts where there are none.
    pub fields: Vec<String>,
    /// Words without an operator between them must all be there.
    pub all: bool,
    pub reader: Reader,
    /// The syntax of `simple_query_string`: `|` for or, no fields, and nothing is a mistake.
    pub is_simple: bool,
}

/// Places of one text.
struct Text<'t> {
    all: &'t str,
    at: usize,
    depth: usize,
}

/// How a clause counts.
#[derive(Clone, Copy, PartialEq)]
enum Occur {
    Should,
    Must,
    MustNot,
}

/// What stands between two clauses.
#[derive(Clone, Copy, PartialEq)]
enum Join {
    None,
    And,
    Or,
}

type Read = Result<Condition, String>;

impl Lucene<'_> {
    pub fn read(mut self, text: &str) -> Read {
        if text.len() > MAX_QUERY_LEN {
            return Err(format!("a query may have at most {MAX_QUERY_LEN} bytes, this one has {}", text.len()));
        }
        let mut text = Text { all: text, at: 0, depth: 0 };
        if text.rest().trim().is_empty() {
            return Ok(Condition::none());
        }
        let read = self.clauses(&mut text, None);
        let read = read.and_then(|condition| match text.peek() {
            None => Ok(condition),
            Some(c) => Err(format!("`{c}` has no meaning here: put it in quotes or a backslash before it")),
        });
        read.map_err(|why| {
            let column = text.all.get(..text.at).unwrap_or_default().chars().count() + 1;
            format!("Failed to parse query [{}] at column {column}: {why}", text.all)
        })
    }

    /// Clauses until the end or a closing parenthesis, as Lucene's classic parser joins them.
    fn clauses(&mut self, text: &mut Text<'_>, name: Option<&str>) -> Read {
        text.depth += 1;
        if text.depth > MAX_DEPTH {
            return Err(format!("a query may nest at most {MAX_DEPTH} deep"));
        }
        let mut clauses: Vec<(Occur, Condition)> = Vec::new();
        while !matches!(text.skip_space(), None | Some(')')) {
            let join = self.join(text, !clauses.is_empty())?;
            let occur = self.modifier(text);
            let clause = self.clause(text, name)?;
            if let Some((last, _)) = clauses.last_mut() {
                match join {
                    Join::And if *last == Occur::Should => *last = Occur::Must,
                    Join::Or if self.all && *last == Occur::Must => *last = Occur::Should,
                    _ => {}
                }
            }
            let by_itself =
                if join == Join::And || (self.all && join != Join::Or) { Occur::Must } else { Occur::Should };
            clauses.push((occur.unwrap_or(by_itself), clause));
        }
        text.depth -= 1;
        Ok(joined(clauses))
    }

    fn join(&self, text: &mut Text<'_>, between: bool) -> Result<Join, String> {
        let join = if self.is_simple {
            if text.take("|") { Join::Or } else { Join::None }
        } else if text.take_word("AND") || text.take("&&") {
            Join::And
        } else if text.take_word("OR") || text.take("||") {
            Join::Or
        } else {
            Join::None
        };
        if join != Join::None && !between && !self.is_simple {
            return Err("something must stand before AND and OR".into());
        }
        text.skip_space();
        Ok(join)
    }

    fn modifier(&self, text: &mut Text<'_>) -> Option<Occur> {
        let occur = if text.take("+") {
            Occur::Must
        } else if text.take("-") || (!self.is_simple && (text.take("!") || text.take_word("NOT"))) {
            Occur::MustNot
        } else {
            return None;
        };
        text.skip_space();
        Some(occur)
    }

    fn clause(&mut self, text: &mut Text<'_>, name: Option<&str>) -> Read {
        self.queries.count()?;
        match text.peek() {
            None | Some(')') if self.is_simple => return Ok(Condition::all()),
            None | Some(')') => return Err("something must follow here".into()),
            Some('(') => {
                text.take("(");
                let group = self.clauses(text, name)?;
                if !text.take(")") && !self.is_simple {
                    return Err("a `)` is missing".into());
                }
                text.skip_boost();
                return Ok(group);
            }
            _ => {}
        }
        if name.is_none()
            && !self.is_simple
            && let Some(name) = text.take_name()
        {
            if name == "*" && text.take("*") {
                return Ok(Condition::all());
            }
            if name == "_exists_" {
                return Ok(names::exists(&text.word()?.plain()));
            }
            text.skip_space();
            return self.clause(text, Some(&name));
        }
        let clause = self.value(text, name)?;
        text.skip_boost();
        Ok(clause)
    }

    fn value(&mut self, text: &mut Text<'_>, name: Option<&str>) -> Read {
        match text.peek() {
            Some('"') => {
                let phrase = text.quoted()?;
                self.over(name, &|name| match name {
                    Some(name) if field(name).is_time() => self.time(name, &phrase),
                    Some(name) => Condition::equals(field(name), &phrase),
                    None => Condition::text(&phrase),
                })
            }
            Some('/') if !self.is_simple => {
                let regex = text.regex()?;
                self.queries.count_regex()?;
                self.over(name, &|name| self.regex(name, &regex))
            }
            Some('[' | '{') if !self.is_simple => {
                let (low, high) = text.range()?;
                self.range(name, low, high)
            }
            Some('>' | '<') if name.is_some() => {
                let is_low = text.take(">");
                let _ = is_low || text.take("<");
                let inclusive = text.take("=");
                let end = Some((text.edge()?, inclusive));
                if is_low { self.range(name, end, None) } else { self.range(name, None, end) }
            }
            _ => self.word(text, name),
        }
    }

    fn word(&mut self, text: &mut Text<'_>, name: Option<&str>) -> Read {
        let word = text.word()?;
        let plain = word.plain();
        if plain == "*" && !word.is_literal() {
            return Ok(name.map_or_else(Condition::all, names::exists));
        }
        if word.has('?') {
            self.queries.count_regex()?;
        }
        self.over(name, &|name| {
            let field = name.map(field);
            match (&field, word.has('?'), word.has('*')) {
                (Some(field), ..) if field.is_time() => self.time(&field.to_string(), &plain),
                (_, true, _) => self.regex(name, &word.regex()),
                (Some(field), _, true) => Condition::like(field.clone(), &plain),
                (None, _, true) => Condition::text_like(&plain),
                (Some(field), ..) => Condition::equals(field.clone(), &plain),
                (None, ..) => Condition::text(&plain),
            }
        })
    }

    /// A condition on the named field, or on each of the default ones.
    fn over(&self, name: Option<&str>, of: &dyn Fn(Option<&str>) -> Read) -> Read {
        match name {
            None if !self.fields.is_empty() => {
                let each = self.fields.iter().map(|name| of(Some(name)));
                Ok(Condition::any_of(each.collect::<Result<Vec<_>, _>>()?))
            }
            name => of(name.filter(|name| *name != "*")),
        }
    }

    fn time(&self, name: &str, text: &str) -> Read {
        let end = || Some((text.to_owned(), true));
        between(name, end(), end(), &self.reader)
    }

    fn regex(&self, name: Option<&str>, regex: &str) -> Read {
        match name {
            Some(name) => {
                let field = field(name);
                let pattern = names::anchored(&field, regex, false);
                Condition::regex(field, &pattern)
            }
            None => Condition::text_regex(&format!("(?si){regex}")),
        }
    }

    fn range(&self, name: Option<&str>, low: End, high: End) -> Read {
        let Some(name) = name else { return Err("a range needs a field before it, as in status:[500 TO 599]".into()) };
        let closed = |end: End| end.filter(|(text, _)| text != "*");
        between(name, closed(low), closed(high), &self.reader)
    }
}

fn joined(clauses: Vec<(Occur, Condition)>) -> Condition {
    let (mut all, mut any) = (Vec::new(), Vec::new());
    let is_some_must = clauses.iter().any(|(occur, _)| *occur == Occur::Must);
    for (occur, clause) in clauses {
        match occur {
            Occur::Must => all.push(clause),
            Occur::MustNot => all.push(Condition::not(clause)),
            Occur::Should => any.push(clause),
        }
    }
    // Beside what must be, what should be only orders hits.
    if !is_some_must && !any.is_empty() {
        all.push(Condition::any_of(any));
    }
    Condition::all_of(all)
}

/// A word with its wildcards; what a backslash stood before is none.
struct Word(Vec<(char, bool)>);

impl Word {
    fn plain(&self) -> String {
        self.0.iter().map(|(c, _)| *c).collect()
    }

    fn has(&self, wildcard: char) -> bool {
        self.0.contains(&(wildcard, false))
    }

    fn is_literal(&self) -> bool {
        !self.has('*') && !self.has('?')
    }

    fn regex(&self) -> String {
        let piece = |(c, escaped): &(char, bool)| match (c, escaped) {
            ('*', false) => ".*".to_owned(),
            ('?', false) => ".".to_owned(),
            (c, _) => regex::escape(&c.to_string()),
        };
        self.0.iter().map(piece).collect()
    }
}

/// `*` and `?` as a regular expression.
pub fn wildcard_regex(pattern: &str) -> String {
    let mut chars = pattern.chars();
    let mut word = Vec::new();
    while let Some(c) = chars.next() {
        word.push(if c == '\\' { (chars.next().unwrap_or('\\'), true) } else { (c, false) });
    }
    Word(word).regex()
}

/// Names of fields, without `^boost`; none for all.
pub fn fields_of(value: Option<&Json>) -> Result<Vec<String>, Fault> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let names = json::listed(value).into_iter().map(|name| {
        let name = name.as_str().ok_or_else(|| Fault::parsing("[fields] must be names"))?;
        Ok(name.split('^').next().unwrap_or_default().to_owned())
    });
    let names: Vec<String> = names.collect::<Result<_, Fault>>()?;
    Ok(if names.iter().any(|name| name == "*") { Vec::new() } else { names })
}

impl Text<'_> {
    fn rest(&self) -> &str {
        self.all.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip_space(&mut self) -> Option<char> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        self.peek()
    }

    fn take(&mut self, what: &str) -> bool {
        let is_there = self.rest().starts_with(what);
        self.at += if is_there { what.len() } else { 0 };
        is_there
    }

    /// A word with an end behind it.
    fn take_word(&mut self, word: &str) -> bool {
        let behind = self.rest().strip_prefix(word);
        let ends =
            behind.is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || c == '('));
        ends && self.take(word)
    }

    /// `name:`, if one stands here.
    fn take_name(&mut self) -> Option<String> {
        let begun = self.at;
        let word = self.word_until(|c| is_end(c) || c == ':').ok().filter(|word| !word.0.is_empty());
        if let Some(word) = word.filter(|_| self.take(":")) {
            return Some(word.plain());
        }
        self.at = begun;
        None
    }

    fn word(&mut self) -> Result<Word, String> {
        let word = self.word_until(is_end)?;
        match (word.0.is_empty(), self.peek()) {
            (false, _) => Ok(word),
            (true, None) => Err("something must follow here".into()),
            (true, Some(c)) => Err(format!("`{c}` has no meaning here: put it in quotes or a backslash before it")),
        }
    }

    fn word_until(&mut self, is_end: impl Fn(char) -> bool) -> Result<Word, String> {
        let mut word = Vec::new();
        while let Some(c) = self.peek().filter(|c| !is_end(*c)) {
            self.next();
            word.push(match c {
                '\\' => (self.next().ok_or("a backslash at the end escapes nothing")?, true),
                c => (c, false),
            });
        }
        Ok(Word(word))
    }

    fn quoted(&mut self) -> Result<String, String> {
        self.next();
        let mut phrase = String::new();
        loop {
            match self.next().ok_or("a quote is missing")? {
                '"' => return Ok(phrase),
                '\\' => phrase.push(self.next().ok_or("a quote is missing")?),
                c => phrase.push(c),
            }
        }
    }

    fn regex(&mut self) -> Result<String, String> {
        self.next();
        let mut regex = String::new();
        loop {
            match self.next().ok_or("the `/` at the end of the regular expression is missing")? {
                '/' => return Ok(regex),
                '\\' if self.take("/") => regex.push('/'),
                '\\' => regex.extend(['\\'].into_iter().chain(self.next())),
                c => regex.push(c),
            }
        }
    }

    /// `[a TO b]`, `{a TO b]`.
    fn range(&mut self) -> Result<(End, End), String> {
        let low_inclusive = self.next() == Some('[');
        let low = self.edge()?;
        self.skip_space();
        if !self.take_word("TO") {
            return Err("a range is written as [1 TO 5]".into());
        }
        let high = self.edge()?;
        self.skip_space();
        match self.next() {
            Some(c @ (']' | '}')) => Ok((Some((low, low_inclusive)), Some((high, c == ']')))),
            _ => Err("a `]` or `}` is missing".into()),
        }
    }

    fn edge(&mut self) -> Result<String, String> {
        match self.skip_space() {
            Some('"') => self.quoted(),
            _ => {
                let word = self.word_until(|c| c.is_whitespace() || matches!(c, ']' | '}' | ')'))?;
                if word.0.is_empty() { Err("a bound is missing".into()) } else { Ok(word.plain()) }
            }
        }
    }

    /// `^2`, `~`, `~0.8`.
    fn skip_boost(&mut self) {
        while self.rest().starts_with(['^', '~']) {
            self.next();
            let digits = self.rest().trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
            self.at += self.rest().len() - digits;
        }
    }
}

fn is_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"' | '[' | ']' | '{' | '}' | '^' | '~')
}
