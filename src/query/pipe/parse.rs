//! Reads what stands behind the condition: `| stats count() by service | sort -count`.

use crate::query::QueryError;
use crate::query::field::Field;
use crate::query::pipe::flow::{Flow, twice};
use crate::query::pipe::lex::{Lexer, Token};
use crate::query::pipe::names::{self, KEYWORDS};
use crate::query::pipe::text::default_name;
use crate::query::pipe::{Function, FunctionKind, Group, Output, Pipe, SortKey};
use crate::sys::units::Span;

/// Most pipes of a query.
pub const MAX_PIPES: usize = 16;
/// Most functions of one `stats`.
pub const MAX_FUNCTIONS: usize = 16;
/// Most names in one list: of groups, of columns, of keys to sort by.
pub const MAX_NAMES: usize = 32;
/// Most rows of `limit`, `top` and `patterns`.
pub const MAX_LIMIT: usize = 10_000;
/// Most entries of `context` on one side.
pub const MAX_CONTEXT: usize = 1000;
/// Longest span of `step` and `compare`: ten years, in nanoseconds.
pub const MAX_SPAN: i64 = 3660 * 86_400 * 1_000_000_000;

/// Rows where `top` and `patterns` name no number.
const TOP: usize = 10;
const PATTERNS: usize = 20;

/// Reads the pipes of `query`, of which the first `|` is at byte `at`.
pub(in crate::query) fn parse(query: &str, at: usize) -> Result<Vec<Pipe>, QueryError> {
    let lexer = Lexer { query, at };
    let mut parser = Parser { lexer, token: Token::End, start: at, usage: "", flow: Flow::new() };
    parser.advance()?;
    let mut pipes = Vec::new();
    while parser.token == Token::Pipe {
        if pipes.len() == MAX_PIPES {
            return Err(parser.wrong(format!("a query may have at most {MAX_PIPES} pipes")));
        }
        parser.advance()?;
        let start = parser.start;
        let pipe = parser.pipe()?;
        if !matches!(parser.token, Token::Pipe | Token::End) {
            return Err(parser.mistake("this does not belong here"));
        }
        parser.flow = parser.flow.behind(&pipe).map_err(|message| QueryError::new(query, start, message))?;
        pipes.push(pipe);
    }
    Ok(pipes)
}

struct Parser<'q> {
    lexer: Lexer<'q>,
    /// The token to look at, and the byte where it starts.
    token: Token,
    start: usize,
    /// An example of the pipe that is being read.
    usage: &'static str,
    flow: Flow,
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<Token, QueryError> {
        let (start, token) = self.lexer.next()?;
        self.start = start;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn error(&self, position: usize, message: impl Into<String>) -> QueryError {
        QueryError::new(self.lexer.query, position, message)
    }

    fn wrong(&self, message: impl Into<String>) -> QueryError {
        self.error(self.start, message)
    }

    /// An error at the token, with an example of how the pipe is written.
    fn mistake(&self, message: &str) -> QueryError {
        self.wrong(format!("{message}: write for example {}", self.usage))
    }

    fn is_sign(&self, sign: char) -> bool {
        self.token == Token::Sign(sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.token, Token::Name(name) if name == word)
    }

    /// Goes past `word` when it stands here.
    fn skip_word(&mut self, word: &str) -> Result<bool, QueryError> {
        let here = self.is_word(word);
        if here {
            self.advance()?;
        }
        Ok(here)
    }

    fn expect(&mut self, sign: char) -> Result<(), QueryError> {
        if !self.is_sign(sign) {
            return Err(self.mistake(&format!("a `{sign}` is missing here")));
        }
        self.advance().map(drop)
    }

    /// The pipe whose name stands here, with its arguments.
    fn pipe(&mut self) -> Result<Pipe, QueryError> {
        let start = self.start;
        let Token::Name(name) = self.advance()? else {
            return Err(self.error(start, names::pipe_missing()));
        };
        let name = names::ours(&name);
        self.usage = names::usage(name);
        if self.is_sign('(') && names::is_function(name) {
            let first = self.function(name.to_owned(), start)?;
            return self.stats(Some(first));
        }
        Ok(match name {
            "stats" => self.stats(None)?,
            "count" => {
                let kind = FunctionKind::Count(None);
                let functions = vec![Function { name: default_name(&kind, name), kind }];
                Pipe::Stats { functions, by: self.by()? }
            }
            "top" => {
                let limit = self.number_or(TOP)?;
                Pipe::Top { limit, by: self.groups()? }
            }
            "rate" => Pipe::Rate { by: self.by()? },
            "failure_rate" => Pipe::FailureRate { by: self.by()? },
            "uniq" => Pipe::Uniq(self.groups()?),
            "patterns" => Pipe::Patterns { limit: self.number_or(PATTERNS)? },
            "context" => self.context()?,
            "sort" => Pipe::Sort(self.sort()?),
            "limit" => Pipe::Limit(self.number(1, MAX_LIMIT)?),
            "fields" => Pipe::Fields(self.outputs()?),
            "compare" => Pipe::Compare { before: self.before()? },
            _ => return Err(self.error(start, names::unknown_pipe(name))),
        })
    }

    /// The functions and groups of `stats`, of which the first function may have been read already.
    fn stats(&mut self, first: Option<Function>) -> Result<Pipe, QueryError> {
        let mut functions: Vec<Function> = Vec::from_iter(first);
        let mut more = functions.is_empty() || self.another()?;
        while more {
            let start = self.start;
            if functions.len() == MAX_FUNCTIONS {
                return Err(self.wrong(format!("`stats` may have at most {MAX_FUNCTIONS} functions")));
            }
            let function = match self.advance()? {
                Token::Name(name) if !KEYWORDS.contains(&name.as_str()) => self.function(name, start)?,
                _ => return Err(self.error(start, format!("a function is missing: write for example {}", self.usage))),
            };
            if functions.iter().any(|other| other.name == function.name) {
                let message = format!("two columns are named `{}`: name one by `as`", function.name);
                return Err(self.error(start, message));
            }
            functions.push(function);
            more = self.another()?;
        }
        Ok(Pipe::Stats { functions, by: self.by()? })
    }

    /// Whether an item of a list follows, behind a comma or without one.
    fn another(&mut self) -> Result<bool, QueryError> {
        if self.is_sign(',') {
            self.advance()?;
            return Ok(true);
        }
        Ok(match &self.token {
            Token::Name(name) => !KEYWORDS.contains(&name.as_str()),
            token => matches!(token, Token::Quoted(_)),
        })
    }

    /// The arguments of the function `word`, and the name of its column.
    fn function(&mut self, word: String, start: usize) -> Result<Function, QueryError> {
        if !names::is_function(&word) {
            return Err(self.error(start, names::unknown_function(&word)));
        }
        let kind = match (word.as_str(), self.is_sign('(')) {
            ("count", false) => FunctionKind::Count(None),
            ("rate", false) => FunctionKind::Rate,
            _ => self.arguments(&word)?,
        };
        let name = if self.skip_word("as")? { self.name("the new name")? } else { default_name(&kind, &word) };
        Ok(Function { kind, name })
    }

    fn arguments(&mut self, word: &str) -> Result<FunctionKind, QueryError> {
        self.expect('(')?;
        let kind = match word {
            "count" if self.is_sign(')') => FunctionKind::Count(None),
            "rate" => FunctionKind::Rate,
            "quantile" => {
                let share = self.quantile()?;
                self.expect(',')?;
                FunctionKind::Quantile(share, self.field()?)
            }
            _ => {
                let field = self.field()?;
                match word {
                    "count" => FunctionKind::Count(Some(field)),
                    "sum" => FunctionKind::Sum(field),
                    "avg" => FunctionKind::Avg(field),
                    "min" => FunctionKind::Min(field),
                    "max" => FunctionKind::Max(field),
                    "count_distinct" => FunctionKind::CountDistinct(field),
                    "median" => FunctionKind::Quantile(0.5, field),
                    _ => FunctionKind::Quantile(names::percentile(word).unwrap_or(0.5), field),
                }
            }
        };
        if !self.is_sign(')') {
            return Err(self.wrong(format!("a `)` is missing here, behind what `{word}` works on")));
        }
        self.advance()?;
        Ok(kind)
    }

    fn quantile(&mut self) -> Result<f64, QueryError> {
        let share = match &self.token {
            Token::Number(text) => text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share)),
            _ => None,
        };
        let share = share.ok_or_else(|| self.wrong("a number from 0 to 1 is missing: quantile(0.95, duration_ms)"))?;
        self.advance()?;
        Ok(share)
    }

    /// A name of a field or column, bare or in quotes; `what` is what is missing when there is none.
    fn name(&mut self, what: &str) -> Result<String, QueryError> {
        match &self.token {
            Token::Name(name) if KEYWORDS.contains(&name.as_str()) => {
                Err(self
                    .mistake(&format!("{what} is missing before `{name}`, which stands in quotes when it is a name")))
            }
            Token::Name(name) | Token::Quoted(name) if !name.is_empty() => {
                let name = name.clone();
                self.advance()?;
                Ok(name)
            }
            Token::Number(text) => {
                Err(self.mistake(&format!("{what} is missing; if it is `{text}`, put it in quotes")))
            }
            _ => Err(self.mistake(&format!("{what} is missing here"))),
        }
    }

    fn field(&mut self) -> Result<Field, QueryError> {
        self.name("a field").map(|name| Field::from_name(&name))
    }

    /// `by a, b`, or nothing.
    fn by(&mut self) -> Result<Vec<Group>, QueryError> {
        if self.is_word("by") { self.groups() } else { Ok(Vec::new()) }
    }

    /// At least one group; `by` may stand before them.
    fn groups(&mut self) -> Result<Vec<Group>, QueryError> {
        self.skip_word("by")?;
        let mut places = Vec::new();
        let groups = self.list(|parser| {
            places.push(parser.start);
            let name = parser.name("a field to group by")?;
            if !parser.is_sign('(') {
                return Ok(Group::Field(Field::from_name(&name)));
            }
            if !matches!(name.as_str(), "step" | "bin") {
                return Err(parser.mistake(&format!("`{name}` is no way to group: only a field and step(5m) are")));
            }
            parser.advance()?;
            let step = parser.span()?;
            parser.expect(')')?;
            Ok(Group::Step(step))
        })?;
        let names: Vec<String> = groups.iter().map(Group::name).collect();
        self.no_name_twice(&names, &places)?;
        Ok(groups)
    }

    fn no_name_twice(&self, names: &[String], places: &[usize]) -> Result<(), QueryError> {
        let first = (1..=names.len()).find_map(|end| twice(&names[..end]).err().map(|message| (end - 1, message)));
        match first {
            Some((index, message)) => Err(self.error(places.get(index).copied().unwrap_or(self.start), message)),
            None => Ok(()),
        }
    }

    /// One item or more, with commas between or without.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, QueryError>) -> Result<Vec<T>, QueryError> {
        let mut items = vec![item(self)?];
        // A minus begins a key to sort by; where none may stand, the item says so.
        while self.is_sign('-') || self.another()? {
            if items.len() == MAX_NAMES {
                return Err(self.wrong(format!("a list may have at most {MAX_NAMES} names")));
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// A span such as `5m`, in nanoseconds.
    fn span(&mut self) -> Result<i64, QueryError> {
        let Token::Number(text) = &self.token else {
            return Err(self.mistake("a span of time such as 5m is missing here"));
        };
        let span: Span = text.parse().map_err(|error| self.wrong(format!("{error}")))?;
        let milliseconds = i64::try_from(span.0.as_millis()).unwrap_or(i64::MAX);
        match milliseconds.checked_mul(1_000_000) {
            Some(span) if (1..=MAX_SPAN).contains(&span) => {
                self.advance()?;
                Ok(span)
            }
            _ => Err(self.wrong("a span may be from 1ms to ten years")),
        }
    }

    fn before(&mut self) -> Result<Option<i64>, QueryError> {
        if matches!(self.token, Token::Pipe | Token::End) { Ok(None) } else { self.span().map(Some) }
    }

    fn number(&mut self, least: usize, most: usize) -> Result<usize, QueryError> {
        let Token::Number(text) = &self.token else {
            return Err(self.mistake("a number is missing here"));
        };
        match text.parse::<usize>() {
            Ok(number) if (least..=most).contains(&number) => {
                self.advance()?;
                Ok(number)
            }
            _ => Err(self.wrong(format!("this must be a whole number from {least} to {most}"))),
        }
    }

    fn number_or(&mut self, default: usize) -> Result<usize, QueryError> {
        if matches!(self.token, Token::Number(_)) { self.number(1, MAX_LIMIT) } else { Ok(default) }
    }

    /// `5`, or `before=2 after=8`, of which one may be left out.
    fn context(&mut self) -> Result<Pipe, QueryError> {
        if matches!(self.token, Token::Number(_)) {
            let both = self.number(0, MAX_CONTEXT)?;
            return Ok(Pipe::Context { before: both, after: both });
        }
        let (mut before, mut after) = (None, None);
        while !matches!(self.token, Token::Pipe | Token::End) || (before, after) == (None, None) {
            let side = match &self.token {
                Token::Name(name) if name == "before" => &mut before,
                Token::Name(name) if name == "after" => &mut after,
                _ => return Err(self.mistake("a number of entries is missing here")),
            };
            if side.is_some() {
                return Err(self.mistake("this was said already"));
            }
            self.advance()?;
            self.expect('=')?;
            *side = Some(self.number(0, MAX_CONTEXT)?);
            if self.is_sign(',') {
                self.advance()?;
            }
        }
        Ok(Pipe::Context { before: before.unwrap_or(0), after: after.unwrap_or(0) })
    }

    /// A column to sort by or to show: of a table it must be there.
    fn column(&mut self) -> Result<String, QueryError> {
        let start = self.start;
        let name = self.name("the name of a column")?;
        self.flow.column(name).map_err(|message| self.error(start, message))
    }

    fn sort(&mut self) -> Result<Vec<SortKey>, QueryError> {
        self.skip_word("by")?;
        self.list(|parser| {
            let minus = parser.is_sign('-');
            if minus {
                parser.advance()?;
            }
            let name = parser.column()?;
            let descending = match (parser.skip_word("desc")?, parser.skip_word("asc")?) {
                (false, false) => minus,
                _ if minus => return Err(parser.mistake("`-` says already that the largest comes first")),
                (desc, _) => desc,
            };
            Ok(SortKey { field: Field::from_name(&name), name, descending })
        })
    }

    fn outputs(&mut self) -> Result<Vec<Output>, QueryError> {
        let mut places = Vec::new();
        let outputs = self.list(|parser| {
            places.push(parser.start);
            let name = parser.column()?;
            let field = Field::from_name(&name);
            if parser.is_word("as") && parser.flow.is_table() {
                let message = "a column of a table is named where it is made: stats avg(duration_ms) as mean";
                return Err(parser.wrong(message));
            }
            let name = if parser.skip_word("as")? { parser.name("the new name")? } else { name };
            Ok(Output { field, name })
        })?;
        let names: Vec<String> = outputs.iter().map(|output| output.name.clone()).collect();
        self.no_name_twice(&names, &places)?;
        Ok(outputs)
    }
}
