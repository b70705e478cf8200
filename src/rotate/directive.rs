//! What each directive of logrotate(8) does to the settings of a section.

use std::fs;

use super::grammar::{expand_home, words};
use super::policy::{Create, Criterion, Method, Settings};

/// What logrotate knows and we do not obey (yet), with what it means for the user.
const NOT_OBEYED: &[(&str, &str)] = &[
    ("su", "rotation runs as the user of this process"),
    ("mail", "nothing is mailed"),
    ("nomail", "nothing is mailed anyway"),
    ("mailfirst", "nothing is mailed"),
    ("maillast", "nothing is mailed"),
    ("shred", "files are removed, not overwritten first"),
    ("noshred", "files are never shredded anyway"),
    ("shredcycles", "files are removed, not overwritten first"),
    ("preremove", "the script is not run"),
    ("renamecopy", "the log is renamed inside its file system"),
    ("norenamecopy", "that is so anyway"),
    ("allowhardlink", "a log with several hard links is skipped"),
    ("noallowhardlink", "that is so anyway"),
    ("createolddir", "create the folder yourself"),
    ("nocreateolddir", "that is so anyway"),
    ("compresscmd", "gzip is built in"),
    ("uncompresscmd", "gzip is built in"),
    ("compressoptions", "the built-in gzip uses level 6"),
    ("addextension", "use extension"),
    ("datehourago", "use dateformat with %H"),
    ("ignoreduplicates", "the first section that names a log has it"),
    ("tabooext", "the usual endings are left out"),
    ("taboopat", "the usual endings are left out"),
    ("errors", "logrotate dropped it, too"),
    ("minutes", "use hourly or maxsize"),
];

const KNOWN: &[&str] = &[
    "size",
    "minsize",
    "maxsize",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "yearly",
    "minage",
    "maxage",
    "rotate",
    "start",
    "compress",
    "nocompress",
    "delaycompress",
    "nodelaycompress",
    "compressext",
    "missingok",
    "nomissingok",
    "notifempty",
    "ifempty",
    "create",
    "nocreate",
    "copytruncate",
    "nocopytruncate",
    "copy",
    "nocopy",
    "dateext",
    "nodateext",
    "dateformat",
    "dateyesterday",
    "extension",
    "olddir",
    "noolddir",
    "sharedscripts",
    "nosharedscripts",
    "include",
];

/// `keyword [=] value`; `None` if the line is no such thing.
pub(super) fn split(line: &str) -> Option<(&str, &str)> {
    let end = line.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    let fits = !word.is_empty() && (rest.is_empty() || rest.starts_with([' ', '\t', '=']));
    let value = rest.trim_start();
    fits.then(|| (word, value.strip_prefix('=').unwrap_or(value).trim()))
}

pub(super) fn is_known(word: &str) -> bool {
    KNOWN.contains(&word) || NOT_OBEYED.iter().any(|(known, _)| *known == word)
}

/// The message for a line nobody understands.
pub(super) fn unknown(line: &str) -> String {
    let word = line.split_whitespace().next().unwrap_or(line);
    format!("unknown directive {word:?}; correct or remove it (`man logrotate` lists them, all in lower case)")
}

/// Changes `settings`. `Ok(Some)` is a warning, `Err` an error; both say what to do.
pub(super) fn apply(settings: &mut Settings, word: &str, value: &str) -> Result<Option<String>, String> {
    if let Some((_, meaning)) = NOT_OBEYED.iter().find(|(known, _)| *known == word) {
        return Ok(Some(format!("{word} is not obeyed: {meaning}")));
    }
    let takes_none = !TAKES_VALUE.contains(&word);
    if takes_none && !value.is_empty() && is_known(word) {
        return Err(format!("{word} takes no value; remove {value:?} (comments stand on lines of their own)"));
    }
    if !flag(settings, word) {
        valued(settings, word, value)?;
    }
    Ok(None)
}

const TAKES_VALUE: &[&str] = &[
    "size",
    "minsize",
    "maxsize",
    "weekly",
    "minage",
    "maxage",
    "rotate",
    "start",
    "compressext",
    "create",
    "dateformat",
    "extension",
    "olddir",
    "include",
];

/// Directives without a value; false if `word` is none of them.
fn flag(settings: &mut Settings, word: &str) -> bool {
    match word {
        "hourly" => settings.criterion = Criterion::Hourly,
        "daily" => settings.criterion = Criterion::Daily,
        "monthly" => settings.criterion = Criterion::Monthly,
        "yearly" => settings.criterion = Criterion::Yearly,
        "compress" => settings.compress = true,
        "nocompress" => settings.compress = false,
        "delaycompress" => settings.delay_compress = true,
        "nodelaycompress" => settings.delay_compress = false,
        "missingok" => settings.missing_ok = true,
        "nomissingok" => settings.missing_ok = false,
        "notifempty" => settings.if_empty = false,
        "ifempty" => settings.if_empty = true,
        "nocreate" => settings.create = None,
        "copytruncate" => settings.method = Method::CopyTruncate,
        // `copy` beside `copytruncate` truncates.
        "copy" if settings.method != Method::CopyTruncate => settings.method = Method::Copy,
        "copy" => {}
        "nocopy" if settings.method == Method::Copy => settings.method = Method::Rename,
        "nocopytruncate" if settings.method == Method::CopyTruncate => settings.method = Method::Rename,
        "nocopy" | "nocopytruncate" => {}
        "dateext" => settings.date_ext = true,
        "nodateext" => settings.date_ext = false,
        "dateyesterday" => settings.date_yesterday = true,
        "noolddir" => settings.old_dir = None,
        "sharedscripts" => settings.shared_scripts = true,
        "nosharedscripts" => settings.shared_scripts = false,
        _ => return false,
    }
    true
}

fn valued(settings: &mut Settings, word: &str, value: &str) -> Result<(), String> {
    match word {
        "size" => settings.criterion = Criterion::Size(size(word, value)?),
        "minsize" => settings.min_size = Some(size(word, value)?),
        "maxsize" => settings.max_size = Some(size(word, value)?),
        "minage" => settings.min_age = Some(number(word, value)?),
        "maxage" => settings.max_age = Some(number(word, value)?),
        "start" => settings.start = small(word, value)?,
        "rotate" if value == "-1" => settings.keep = None,
        "rotate" => settings.keep = Some(small(word, value)?),
        "weekly" if value.is_empty() => settings.criterion = Criterion::Weekly(0),
        "weekly" => settings.criterion = Criterion::Weekly(weekday(value)?),
        "compressext" => settings.compress_ext = text(word, value, ".gz")?,
        "extension" => settings.extension = Some(text(word, value, ".log")?),
        "dateformat" => settings.date_format = Some(date_format(&text(word, value, "-%Y%m%d")?)?),
        "olddir" => settings.old_dir = Some(expand_home(&unquoted(value).ok_or(OLDDIR)?)),
        "create" => settings.create = Some(create(value)?),
        "include" => return Err("include inside a section; move it before the section".to_owned()),
        _ => return Err(unknown(word)),
    }
    Ok(())
}

const OLDDIR: &str = "olddir needs a folder; write for example olddir old";

fn unquoted(value: &str) -> Option<String> {
    let mut words = words(value)?;
    if words.len() == 1 { words.pop().filter(|w| !w.is_empty()) } else { None }
}

/// Part of a file name: not empty, and it stays in its folder.
fn text(word: &str, value: &str, example: &str) -> Result<String, String> {
    if value.is_empty() || value.contains('/') {
        return Err(format!("{word} needs a part of a file name without /; write for example {word} {example}"));
    }
    Ok(value.to_owned())
}

/// A whole number as C's strtol reads it: `0x10` is 16, `010` is 8.
fn number(word: &str, value: &str) -> Result<u64, String> {
    let parsed = match value {
        v if v.starts_with("0x") || v.starts_with("0X") => u64::from_str_radix(&v[2..], 16),
        v if v.len() > 1 && v.starts_with('0') => u64::from_str_radix(&v[1..], 8),
        v => v.parse(),
    };
    let plain = value.starts_with(|c: char| c.is_ascii_digit());
    parsed.ok().filter(|_| plain).ok_or_else(|| {
        format!("{word} {value:?} is not a whole number; write for example {word} 7, with no comment behind it")
    })
}

/// Numbers that stand in file names or count files.
fn small(word: &str, value: &str) -> Result<u32, String> {
    let n = number(word, value)?;
    u32::try_from(n)
        .ok()
        .filter(|n| *n < 1_000_000)
        .ok_or_else(|| format!("{word} {n} is too big; write less than a million"))
}

fn size(word: &str, value: &str) -> Result<u64, String> {
    let (digits, power) = match value.as_bytes().last() {
        Some(b'k' | b'K') => (&value[..value.len() - 1], 10),
        Some(b'M') => (&value[..value.len() - 1], 20),
        Some(b'G') => (&value[..value.len() - 1], 30),
        _ => (value, 0),
    };
    let bytes = number(word, digits).ok().and_then(|n| n.checked_mul(1 << power));
    bytes.ok_or_else(|| {
        format!("{word} {value:?} is not a size; write for example {word} 500k, {word} 100M or {word} 2G")
    })
}

fn weekday(value: &str) -> Result<u8, String> {
    let day = value.parse().ok().filter(|d| *d <= 7);
    day.ok_or_else(|| format!("weekly {value:?}: the day is 0 (Sunday) to 6, or 7 for every seven days"))
}

/// Only what we can read back from a name: an unknown `%x` would make files nobody removes.
fn date_format(format: &str) -> Result<String, String> {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        rest = &rest[at + 1..];
        if !rest.starts_with(['Y', 'm', 'd', 'H', 'M', 'S', 's']) {
            return Err(format!("dateformat {format:?}: use only %Y %m %d %H %M %S %s"));
        }
    }
    Ok(format.to_owned())
}

/// `create [MODE] [USER] [GROUP]`.
fn create(value: &str) -> Result<Create, String> {
    let wrong = || format!("create {value:?} is not MODE USER GROUP; write for example create 0640 root adm");
    let words = words(value).ok_or_else(wrong)?;
    let mut rest = words.as_slice();
    let mut made = Create::default();
    let mode = rest.first().and_then(|w| u32::from_str_radix(w, 8).ok());
    if let Some(mode) = mode {
        made.mode = Some(mode).filter(|m| *m <= 0o7777);
        made.mode.ok_or_else(wrong)?;
        rest = &rest[1..];
    }
    match rest {
        [] => {}
        [user] => made.uid = Some(lookup("/etc/passwd", user)?),
        [user, group] => {
            made.uid = Some(lookup("/etc/passwd", user)?);
            made.gid = Some(lookup("/etc/group", group)?);
        }
        _ => return Err(wrong()),
    }
    Ok(made)
}

/// The number of a user or group: its third field in the local database, or a plain number.
fn lookup(database: &str, name: &str) -> Result<u32, String> {
    let lines = fs::read_to_string(database).unwrap_or_default();
    let entry = lines.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')?.split(':').nth(1));
    let id = entry.unwrap_or(name).parse();
    id.map_err(|_| format!("create: {name:?} is not in {database}; create it, or write its number"))
}
