//! The shape of a logrotate configuration: defaults, sections with their patterns, scripts, includes.
//! What a single directive means stands in `directive`.
//!
//! Reading follows logrotate to the character, mistakes included: several directives may share a line, a mistake in a
//! section costs the section, one outside costs the rest of its file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::cursor::{Cursor, words};
use super::directive::{self, Fault};
use super::event::Level;
use super::policy::{Policy, Problem, ScriptKind, Section, Settings};
use super::taboo::Taboo;
use crate::sys::user::is_root;

/// Includes inside includes beyond this are taken for a circle.
const MAX_DEPTH: usize = 16;
/// Bytes; a bigger file is no configuration.
const MAX_CONFIG: u64 = 0xff_ffff;
/// Files that are read, over and over or not: a circle of includes that branches reaches no depth in our time.
const MAX_FILES: usize = 10_000;
/// A hostile file is mostly mistakes; so many are told.
const MAX_PROBLEMS: usize = 1000;

/// See [`Policy::parse`].
pub(super) fn parse(text: &str, path: &Path) -> (Policy, Vec<Problem>) {
    let mut reader = Reader::default();
    let mut defaults = Settings::default();
    let _ = reader.text(text, path, &mut defaults, 0);
    (Policy { sections: reader.sections }, reader.problems)
}

/// See [`Policy::load`].
pub(super) fn load(paths: &[PathBuf]) -> (Policy, Vec<Problem>) {
    let mut reader = Reader::default();
    let mut defaults = Settings::default();
    for path in paths {
        let _ = reader.path(path, &mut defaults, 0);
    }
    (Policy { sections: reader.sections }, reader.problems)
}

/// The rest of what was being read is left out; why is among the problems.
struct Dropped;

/// What has been read so far.
#[derive(Default)]
struct Reader {
    sections: Vec<Section>,
    problems: Vec<Problem>,
    taboo: Taboo,
    files: usize,
    /// Where relative paths begin, if that is not where we are.
    folder: Option<PathBuf>,
}

impl Reader {
    fn tell(&mut self, level: Level, text: String) {
        self.problem(Problem { level, text, costs: false });
    }

    fn error(&mut self, text: String) {
        self.problem(Problem { level: Level::Error, text, costs: true });
    }

    fn problem(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else if let Some(last) = self.problems.last_mut() {
            // What comes after is told by this one.
            last.text = "too many mistakes; the others are not told".to_owned();
            last.costs |= problem.costs;
        }
    }

    /// A file, or all files of a folder that are not taboo. A failure leaves `defaults` as they were.
    fn path(&mut self, path: &Path, defaults: &mut Settings, depth: usize) -> Result<(), Dropped> {
        let metadata = fs::metadata(path).map_err(|e| {
            self.error(format!("cannot stat {}: {}", path.display(), reason(&e)));
            Dropped
        })?;
        if !metadata.is_dir() {
            return self.file(path, path, defaults, depth);
        }
        let names = match folder_files(path) {
            Ok(names) => names,
            Err(e) => {
                self.error(format!("cannot open directory {}: {}", path.display(), reason(&e)));
                return Err(Dropped);
            }
        };
        let mut result = Ok(());
        for name in names {
            if let Some(pattern) = self.taboo.matching(&name) {
                let text = format!("Ignoring {name}, because of {pattern} pattern match");
                self.tell(Level::Debug, text);
                continue;
            }
            if self.file(&path.join(&name), Path::new(&name), defaults, depth).is_err() {
                self.error(format!("found error in file {name}, skipping"));
                result = Err(Dropped);
            }
        }
        result
    }

    /// `shown` is what messages call the file.
    fn file(&mut self, path: &Path, shown: &Path, defaults: &mut Settings, depth: usize) -> Result<(), Dropped> {
        self.files += 1;
        if self.files > MAX_FILES {
            if self.files == MAX_FILES + 1 {
                self.error(format!("{}: more than {MAX_FILES} files were read; break the circle", shown.display()));
            }
            return Err(Dropped);
        }
        let mode = odd_mode(path);
        if let Some(mode) = mode {
            self.tell(Level::Warning, format!("Potentially dangerous mode on {}: 0{mode:o}", shown.display()));
        }
        let text = match read_config(path, shown) {
            Ok(text) => text,
            Err(problem) => {
                let dropped = problem.costs;
                self.problem(problem);
                return if dropped { Err(Dropped) } else { Ok(()) };
            }
        };
        self.tell(Level::Debug, format!("reading config file {}", shown.display()));
        let before = defaults.clone();
        // Inside a folder of files, paths are relative to it.
        let outer = self.folder.clone();
        if path != shown {
            self.folder = path.parent().map(Path::to_owned);
        }
        let result = self.text(&text, shown, defaults, depth);
        self.folder = outer;
        if result.is_err() {
            *defaults = before;
        }
        result
    }

    fn text(&mut self, text: &str, path: &Path, defaults: &mut Settings, depth: usize) -> Result<(), Dropped> {
        let mut cursor = Cursor::new(text);
        let mut file = File { path, depth, failed: false };
        while let Some(next) = cursor.skip_blanks() {
            match next {
                '\n' => cursor.advance(),
                '#' => cursor.skip_line(),
                c if c.is_ascii_alphabetic() => {
                    if let Some(fault) = self.directive(&mut cursor, &mut file, defaults, true) {
                        self.fault(&cursor, &file, &fault);
                        return Err(Dropped);
                    }
                }
                '/' | '"' | '\'' | '~' => self.section(&mut cursor, &mut file, defaults)?,
                '}' => {
                    self.error(format!("{} unexpected }}; open its section with PATTERN {{", file.place(&cursor)));
                    return Err(Dropped);
                }
                _ => {
                    self.error(format!("{} {LINES_BEGIN}", file.place(&cursor)));
                    return Err(Dropped);
                }
            }
        }
        if file.failed { Err(Dropped) } else { Ok(()) }
    }

    /// From the first pattern to the closing brace.
    fn section(&mut self, cursor: &mut Cursor<'_>, file: &mut File<'_>, defaults: &Settings) -> Result<(), Dropped> {
        let first = cursor.line();
        let Some(head) = self.head(cursor, file) else { return Err(Dropped) };
        let Some(patterns) = words(&head).filter(|patterns| !patterns.is_empty()) else {
            self.error(format!("{} error parsing filename; quote it, or close its quote", file.place(cursor)));
            return Err(Dropped);
        };
        let mut section = Section {
            file: file.path.to_owned(),
            line: first,
            end: first,
            patterns,
            head: head.trim_start().to_owned(),
            // logrotate does not hand this one on.
            settings: Settings { add_extension: None, ..defaults.clone() },
        };
        match self.body(cursor, file, &mut section.settings) {
            Ok(()) => {
                section.end = cursor.line();
                self.sections.push(section);
                Ok(())
            }
            Err(fault @ (Fault::File(_) | Fault::Unplaced(_))) => {
                self.fault(cursor, file, &fault);
                Err(Dropped)
            }
            Err(fault) => {
                self.fault(cursor, file, &fault);
                self.error(format!("found error in {}, skipping", section.head));
                file.failed = true;
                skip_section(cursor);
                Ok(())
            }
        }
    }

    /// What a section says, up to its brace.
    fn body(&mut self, cursor: &mut Cursor<'_>, file: &mut File<'_>, settings: &mut Settings) -> Result<(), Fault> {
        let mut criterion = None;
        while let Some(next) = cursor.skip_blanks() {
            match next {
                '\n' => cursor.advance(),
                '#' => cursor.skip_line(),
                '}' => {
                    cursor.advance();
                    return self.behind_brace(cursor, file);
                }
                c if c.is_ascii_alphabetic() => {
                    let before = settings.criterion;
                    if let Some(fault) = self.directive(cursor, file, settings, false) {
                        return Err(fault);
                    }
                    let (now, old) = (settings.criterion.word(), before.word());
                    if now != old && criterion.is_some_and(|known| known != now) {
                        self.tell(Level::Debug, format!("note: '{now}' overrides previously specified '{old}'"));
                    }
                    criterion = criterion.or((settings.criterion != before).then_some(now));
                }
                '/' | '"' | '\'' | '~' => {
                    return Err(Fault::Section("unexpected log filename; close the section above with }".to_owned()));
                }
                _ => return Err(Fault::Section(LINES_BEGIN.to_owned())),
            }
        }
        let text = format!("{} the section has no end; write }} on a line of its own after it", file.place(cursor));
        self.tell(Level::Debug, text);
        Ok(())
    }

    fn behind_brace(&mut self, cursor: &mut Cursor<'_>, file: &File<'_>) -> Result<(), Fault> {
        if cursor.skip_blanks().is_some_and(|c| c != '\n') {
            let text = format!("{}, unexpected text after }}; it is left out", file.place(cursor));
            self.tell(Level::Error, text);
            cursor.skip_line();
        }
        Ok(())
    }

    /// The text of the patterns up to `{`, which may stand on several lines with comments between them.
    fn head(&mut self, cursor: &mut Cursor<'_>, file: &File<'_>) -> Option<String> {
        let (mut head, mut at_begin, line) = (String::new(), true, file.place(cursor));
        loop {
            match cursor.peek() {
                None => {
                    self.error(format!("{line} missing '{{' after log files definition"));
                    return None;
                }
                Some('}') => {
                    self.error(format!("{line} unexpected }} (missing previous '{{')"));
                    return None;
                }
                Some('{') => {
                    cursor.advance();
                    return Some(head);
                }
                Some('#') if at_begin => {
                    cursor.skip_line();
                    continue;
                }
                Some(c) => {
                    at_begin = c == '\n' || (at_begin && c.is_whitespace());
                    head.push(c);
                    cursor.advance();
                }
            }
        }
    }

    /// One directive. A fault that costs no more than its line is told here.
    fn directive(
        &mut self,
        cursor: &mut Cursor<'_>,
        file: &mut File<'_>,
        settings: &mut Settings,
        outside: bool,
    ) -> Option<Fault> {
        let word = cursor.word();
        if let Some(found) = cursor.peek().filter(|c| !c.is_whitespace() && *c != '=') {
            let code = u32::from(found);
            let hint = if found == '/' || found == '.' { "; put a relative path in quotes" } else { "" };
            return Some(Fault::Section(format!("keyword '{word}' not properly separated, found {code:#x}{hint}")));
        }
        let result = match word {
            "include" => self.include(cursor, file, settings),
            "tabooext" | "taboopat" if !outside => {
                Err(Fault::Section(format!("{word} may not appear inside of log file definition; move it before")))
            }
            "tabooext" | "taboopat" => match cursor.value() {
                "" => Err(Fault::Line(format!("argument expected after {word}"))),
                value => {
                    self.taboo.change(word == "tabooext", value);
                    Ok(())
                }
            },
            _ => match ScriptKind::from_word(word) {
                Some(kind) => script(cursor).map(|text| drop(settings.scripts.insert(kind, text))),
                None => directive::apply(settings, word, cursor),
            },
        };
        match result {
            Ok(()) => None,
            Err(fault @ (Fault::Section(_) | Fault::File(_) | Fault::Unplaced(_))) => Some(fault),
            Err(fault @ (Fault::Line(_) | Fault::Warning(_))) => {
                self.fault(cursor, file, &fault);
                None
            }
        }
    }

    fn fault(&mut self, cursor: &Cursor<'_>, file: &File<'_>, fault: &Fault) {
        // A value ends before its line does, so the cursor is still on that line.
        let place = file.place(cursor);
        match fault {
            Fault::Line(text) => self.tell(Level::Error, format!("{place} {text}")),
            Fault::Warning(text) => {
                let text = format!("{}: {}: {text}", file.path.display(), cursor.line());
                self.tell(Level::Warning, text);
            }
            Fault::Section(text) | Fault::File(text) => self.error(format!("{place} {text}")),
            Fault::Unplaced(text) => self.error(format!("{}:{text}", file.path.display())),
        }
    }

    /// Reads other files with the settings in force here, which they may change.
    fn include(&mut self, cursor: &mut Cursor<'_>, file: &mut File<'_>, settings: &mut Settings) -> Result<(), Fault> {
        let value = cursor.value();
        if value.is_empty() {
            return Err(Fault::Section("argument expected after include".to_owned()));
        }
        self.tell(Level::Debug, format!("including {value}"));
        if file.depth >= MAX_DEPTH {
            self.error(format!("{} include nesting too deep; break the circle", file.place(cursor)));
            file.failed = true;
            return Ok(());
        }
        let before = settings.clone();
        let path = expand_home(value);
        let path = self.folder.as_ref().map_or(path.clone(), |folder| folder.join(path));
        if self.path(&path, settings, file.depth + 1).is_err() {
            *settings = before;
            file.failed = true;
        }
        Ok(())
    }
}

const LINES_BEGIN: &str = "lines must begin with a keyword or a filename (possibly in double quotes)";

/// A file while it is read.
struct File<'a> {
    path: &'a Path,
    depth: usize,
    /// One of its sections or includes was left out.
    failed: bool,
}

impl File<'_> {
    fn place(&self, cursor: &Cursor<'_>) -> String {
        format!("{}:{}", self.path.display(), cursor.line())
    }
}

/// From a mistake to the end of its section, over scripts with their braces.
fn skip_section(cursor: &mut Cursor<'_>) {
    cursor.skip_line();
    while let Some(next) = cursor.skip_blanks() {
        match next {
            '}' => return cursor.advance(),
            '\n' => cursor.advance(),
            c if c.is_ascii_alphabetic() => {
                if ScriptKind::from_word(cursor.word()).is_some() {
                    let _ = script(cursor); // without an end it goes to the end of the file
                } else {
                    cursor.skip_line();
                }
            }
            _ => cursor.skip_line(),
        }
    }
}

/// The text up to the line that begins with `endscript`.
fn script(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    cursor.script().map(str::to_owned).ok_or_else(|| {
        Fault::Unplaced("prerotate, postrotate or preremove without endscript; write it on a line of its own".into())
    })
}

/// `~/x` is in the home folder.
pub(super) fn expand_home(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(text),
    }
}

/// Permissions that a configuration should not have, where that matters.
fn odd_mode(path: &Path) -> Option<u32> {
    let metadata = fs::metadata(path).ok().filter(|metadata| metadata.is_file() && is_root())?;
    Some(metadata.mode() & 0o7777).filter(|mode| mode & 0o7533 != 0o400)
}

/// Reads a file that is safe to obey: as root, nobody else may have written it.
fn read_config(path: &Path, shown: &Path) -> Result<String, Problem> {
    let name = shown.display();
    let failed = |e: std::io::Error| Problem {
        level: Level::Error,
        text: format!("failed to open config file {name}: {}", reason(&e)),
        costs: true,
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    let ignore = |level, why: &str| Problem { level, text: format!("Ignoring {name} because {why}"), costs: false };
    if !metadata.is_file() {
        return Err(ignore(Level::Debug, "it's not a regular file."));
    }
    let mode = metadata.mode() & 0o7777;
    if is_root() {
        if mode & 0o022 != 0 {
            let why = "it is writable by group or others.";
            return Err(ignore(
                Level::Error,
                &format!("{why} Take that right away with chmod go-w (its mode is 0{mode:o})"),
            ));
        }
        if metadata.uid() != 0 {
            return Err(ignore(Level::Error, "the file owner is wrong (should be root or user with uid 0)."));
        }
    }
    if metadata.len() > MAX_CONFIG {
        let text = format!("file {name} too large, probably not a config file.");
        return Err(Problem { level: Level::Error, text, costs: true });
    }
    // Some files of the system have no length, and reading them never ends.
    if metadata.len() == 0 {
        return Err(ignore(Level::Debug, "it's empty."));
    }
    let bytes = fs::read(path).map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the system says is wrong, as C programs print it.
pub(super) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// All names in a folder, sorted. (logrotate sorts by locale; the order only matters for defaults.)
fn folder_files(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for item in fs::read_dir(folder)? {
        names.push(item?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
