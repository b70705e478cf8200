//! The shape of a logrotate configuration: defaults, sections with their patterns, scripts, includes.
//! What a single directive means stands in `directive`.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use super::directive;
use super::policy::{Policy, PolicyError, ScriptKind, Section, Settings, Warning};

/// Includes inside includes beyond this are taken for a circle.
const MAX_DEPTH: usize = 16;
/// Bytes; a bigger file is no configuration.
const MAX_CONFIG: u64 = 16 << 20;

/// See [`Policy::parse`].
pub(super) fn parse(text: &str, path: &Path) -> Result<(Policy, Vec<Warning>), Vec<PolicyError>> {
    let mut reader = Reader::default();
    reader.file(text, path, 0);
    if reader.errors.is_empty() {
        Ok((Policy { sections: reader.sections }, reader.warnings))
    } else {
        Err(reader.errors)
    }
}

/// The text of a configuration file, or why there is none.
pub(super) fn read_config(path: &Path) -> Result<String, String> {
    let cannot = |e: std::io::Error| format!("cannot read it: {e}; check the name and its permissions");
    let metadata = fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() || metadata.len() > MAX_CONFIG {
        return Err(format!("not a regular file of at most {} MiB; name another", MAX_CONFIG >> 20));
    }
    fs::read_to_string(path).map_err(cannot)
}

/// Lines with their numbers; what follows a brace is put back as a line of its own.
struct Lines<'a>(VecDeque<(usize, &'a str)>);

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Lines<'a> {
        Lines(text.lines().enumerate().map(|(i, line)| (i + 1, line)).collect())
    }

    fn put_back(&mut self, line: usize, rest: &'a str) {
        self.0.push_front((line, rest));
    }

    /// The next line with something on it, trimmed; comments are skipped.
    fn next_content(&mut self) -> Option<(usize, &'a str)> {
        loop {
            let (number, line) = self.0.pop_front()?;
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                return Some((number, line));
            }
        }
    }
}

/// What has been read so far. `defaults` go on across included files, as in logrotate.
#[derive(Default)]
struct Reader {
    sections: Vec<Section>,
    warnings: Vec<Warning>,
    errors: Vec<PolicyError>,
    defaults: Settings,
}

impl Reader {
    fn error(&mut self, file: &Path, line: usize, message: impl Into<String>) {
        self.errors.push(PolicyError { file: file.to_owned(), line, message: message.into() });
    }

    fn file(&mut self, text: &str, path: &Path, depth: usize) {
        let mut lines = Lines::new(text);
        while let Some((number, line)) = lines.next_content() {
            if let Some(rest) = line.strip_prefix('}') {
                self.error(path, number, "unexpected }; remove it, or open its section with PATTERN {");
                lines.put_back(number, rest);
                continue;
            }
            match directive::split(line) {
                Some(("include", value)) => self.include(path, number, value, depth),
                Some((word, _)) if ScriptKind::from_word(word).is_some() => {
                    self.error(path, number, format!("{word} outside a section; move it between {{ and }}"));
                    let _ = script(&mut lines);
                }
                Some((word, value)) if directive::is_known(word) => {
                    let mut defaults = std::mem::take(&mut self.defaults);
                    self.directive(&mut defaults, path, number, word, value);
                    self.defaults = defaults;
                }
                _ if looks_like_patterns(line) => self.section(&mut lines, path, number, line),
                _ => self.error(path, number, directive::unknown(line)),
            }
        }
    }

    fn directive(&mut self, settings: &mut Settings, path: &Path, line: usize, word: &str, value: &str) {
        match directive::apply(settings, word, value) {
            Ok(None) => {}
            Ok(Some(message)) => self.warnings.push(Warning { file: path.to_owned(), line, message }),
            Err(message) => self.error(path, line, message),
        }
    }

    /// From the first pattern to the closing brace.
    fn section(&mut self, lines: &mut Lines<'_>, path: &Path, first: usize, line: &str) {
        let Some(patterns) = self.head(lines, path, first, line) else { return };
        let mut settings = self.defaults.clone();
        loop {
            let Some((number, line)) = lines.next_content() else {
                return self.error(path, first, "the section has no end; write } on a line of its own after it");
            };
            if let Some(rest) = line.strip_prefix('}') {
                lines.put_back(number, rest);
                break;
            }
            match directive::split(line) {
                Some((word, value)) => match ScriptKind::from_word(word) {
                    None => self.directive(&mut settings, path, number, word, value),
                    Some(kind) => match script(lines) {
                        Some(text) => drop(settings.scripts.insert(kind, text)),
                        None => return self.error(path, number, format!("{word} has no end; close it by endscript")),
                    },
                },
                None => self.error(path, number, directive::unknown(line)),
            }
        }
        self.sections.push(Section { file: path.to_owned(), line: first, patterns, settings });
    }

    /// The patterns up to `{`, which may stand on several lines.
    fn head(&mut self, lines: &mut Lines<'_>, path: &Path, first: usize, line: &str) -> Option<Vec<String>> {
        let mut text = String::new();
        // A lifetime of its own: the first line is the caller's, the others come from `lines`.
        let (mut number, mut rest) = (first, line.to_owned());
        while !rest.contains('{') {
            text.push_str(&rest);
            text.push(' ');
            let Some((next_number, next)) = lines.next_content() else {
                self.error(path, first, "missing { after the log file patterns; write { after them");
                return None;
            };
            (number, rest) = (next_number, next.to_owned());
        }
        let brace = rest.find('{').unwrap_or(0);
        text.push_str(&rest[..brace]);
        self.body_on_the_same_line(lines, path, number, rest[brace + 1..].trim());
        match words(&text) {
            Some(patterns) if !patterns.is_empty() => Some(patterns),
            Some(_) => {
                self.error(path, first, "{ without a pattern; write the log's path before it");
                Some(Vec::new())
            }
            None => {
                self.error(path, first, "a quote is not closed; add it at the end of the path");
                Some(Vec::new())
            }
        }
    }

    /// Only an empty rest or `}` may follow `{` on its line: logrotate reads more there in surprising ways.
    fn body_on_the_same_line(&mut self, lines: &mut Lines<'_>, path: &Path, number: usize, rest: &str) {
        if rest == "}" {
            lines.put_back(number, "}");
        } else if !rest.is_empty() && !rest.starts_with('#') {
            self.error(path, number, format!("{rest:?} after {{; write each directive on a line of its own"));
        }
    }

    fn include(&mut self, path: &Path, line: usize, value: &str, depth: usize) {
        if value.is_empty() {
            return self.error(path, line, "include needs a path; write include FILE or include FOLDER");
        }
        if depth >= MAX_DEPTH {
            return self.error(
                path,
                line,
                format!("more than {MAX_DEPTH} includes inside each other; break the circle"),
            );
        }
        let target = expand_home(value.trim_matches('"'));
        let files = if target.is_dir() { folder_files(&target) } else { Ok(vec![target.clone()]) };
        let files = match files {
            Ok(files) => files,
            Err(e) => {
                let message = format!("cannot read the folder {}: {e}; check its permissions", target.display());
                return self.error(path, line, message);
            }
        };
        for file in files {
            match read_config(&file) {
                Ok(text) => self.file(&text, &file, depth + 1),
                Err(why) => self.error(path, line, format!("include {}: {why}", file.display())),
            }
        }
    }
}

/// The lines up to `endscript`; `None` if there is none.
fn script(lines: &mut Lines<'_>) -> Option<String> {
    let mut text = String::new();
    while let Some((_, line)) = lines.0.pop_front() {
        if line.split_whitespace().next() == Some("endscript") {
            return Some(text);
        }
        text.push_str(line);
        text.push('\n');
    }
    None
}

fn looks_like_patterns(line: &str) -> bool {
    line.starts_with(['/', '"', '\'', '~', '.', '*']) || line.contains(['/', '{'])
}

/// Splits at blanks; quotes keep blanks, a backslash keeps the next character. `None`: a quote stays open.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(characters.next()),
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
    quote.is_none().then_some(words)
}

/// `~/x` is in the home folder.
pub(super) fn expand_home(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(text),
    }
}

/// Endings of names that editors and package managers leave behind (`tabooext`).
const TABOO: &[&str] = &[
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
    ".rpmnew",
    ".rpmorig",
    ".rpmsave",
    ".swp",
    ".ucf-dist",
    ".ucf-new",
    ".ucf-old",
    ".new",
    ".old",
    ".orig",
    "~",
];

fn folder_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let is_taboo = |name: &str| TABOO.iter().any(|t| name.ends_with(t)) || name.contains(".rhn-cfg-tmp-");
    let mut files = Vec::new();
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_file() && !name.starts_with('.') && !is_taboo(&name) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
