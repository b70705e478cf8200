//! What each directive of logrotate(8) does to the settings of a section. Covers 3.21 and 3.22, and what is announced
//! for the version after them (`minutes`, `monthly N`, the `nodate...` forms).

use std::fs;
use std::process::Command;

use super::cursor::{Cursor, words};
use super::grammar::expand_home;
use super::policy::{Create, Criterion, Settings};

/// What a mistake costs. The texts begin as logrotate's.
pub(super) enum Fault {
    /// Its line; told as an error.
    Line(String),
    /// Nothing; told as a warning.
    Warning(String),
    /// Its section; outside of one, the rest of its file.
    Section(String),
    /// The rest of its file.
    File(String),
    /// The same, told without a line.
    Unplaced(String),
}

/// Obeys the directive `word`, whose value is at the cursor.
pub(super) fn apply(settings: &mut Settings, word: &str, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    if flag(settings, word) {
        return Ok(());
    }
    match word {
        "size" | "minsize" | "maxsize" => sizes(settings, word, cursor.value()),
        "rotate" | "start" | "minage" | "maxage" | "minutes" | "shredcycles" => numbers(settings, word, cursor.value()),
        "weekly" => weekday(cursor).map(|day| settings.criterion = Criterion::Weekly(day)),
        "monthly" => month_day(cursor).map(|day| settings.criterion = Criterion::Monthly(day)),
        "create" => create(cursor.value(), word).map(|made| {
            // What is not said again stays.
            let old = settings.create.unwrap_or_default();
            let (mode, uid, gid) = (made.mode.or(old.mode), made.uid.or(old.uid), made.gid.or(old.gid));
            settings.create = Some(Create { mode, uid, gid });
        }),
        "createolddir" => create(cursor.value(), word).map(|made| settings.create_old_dir = Some(made)),
        "su" => su(cursor.value()).map(|ids| settings.su = Some(ids)),
        "mail" => address(cursor.value()).map(|address| settings.mail = Some(address)),
        "errors" => {
            cursor.skip_line();
            Err(Fault::Warning("the errors directive is deprecated and no longer used.".to_owned()))
        }
        "compressoptions" => match words(cursor.line_value()) {
            Some(options) if !options.is_empty() => {
                settings.compress_options = options;
                Ok(())
            }
            _ => Err(Fault::Section("invalid compression options".to_owned())),
        },
        _ => texts(settings, word, cursor),
    }
}

/// Directives without a value; false if `word` is none of them.
fn flag(settings: &mut Settings, word: &str) -> bool {
    match word {
        "hourly" => settings.criterion = Criterion::Hourly,
        "daily" => settings.criterion = Criterion::Daily,
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
        "copytruncate" => (settings.copy_truncate, settings.rename_copy) = (true, false),
        "renamecopy" => (settings.rename_copy, settings.copy_truncate) = (true, false),
        "copy" => settings.copy = true,
        "nocopy" => settings.copy = false,
        "nocopytruncate" => settings.copy_truncate = false,
        "norenamecopy" => settings.rename_copy = false,
        "dateext" => settings.date_ext = true,
        "nodateext" => settings.date_ext = false,
        "dateyesterday" => settings.date_yesterday = true,
        "nodateyesterday" => settings.date_yesterday = false,
        "datehourago" => settings.date_hour_ago = true,
        "nodatehourago" => settings.date_hour_ago = false,
        "nodateformat" => settings.date_format = None,
        "noolddir" => settings.old_dir = None,
        "nocreateolddir" => settings.create_old_dir = None,
        "sharedscripts" => settings.shared_scripts = true,
        "nosharedscripts" => settings.shared_scripts = false,
        "shred" => settings.shred = true,
        "noshred" => settings.shred = false,
        "mailfirst" => settings.mail_first = true,
        "maillast" => settings.mail_first = false,
        "nomail" => settings.mail = None,
        "allowhardlink" => settings.allow_hard_link = true,
        "noallowhardlink" => settings.allow_hard_link = false,
        "ignoreduplicates" => settings.ignore_duplicates = true,
        _ => return false,
    }
    true
}

/// Programs whose files have an ending of their own.
const ENDINGS: &[(&str, &str)] =
    &[("gzip", ".gz"), ("bzip2", ".bz2"), ("xz", ".xz"), ("zstd", ".zst"), ("compress", ".Z"), ("zip", ".zip")];

fn texts(settings: &mut Settings, word: &str, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    let Some((_, what)) = TEXTS.iter().find(|(known, _)| *known == word) else {
        let text = format!("unknown option '{word}' -- ignoring line (`man logrotate` lists them, in lower case)");
        cursor.skip_line();
        return Err(Fault::Line(text));
    };
    let value = cursor.value();
    if value.is_empty() {
        // Without a format logrotate goes on with what it has.
        return Err(if word == "dateformat" {
            Fault::Line(format!("argument expected after {what}"))
        } else {
            missing(what)
        });
    }
    match word {
        "compresscmd" => {
            settings.compress_command = path(value, what)?;
            let program = value.rsplit('/').next().unwrap_or_default();
            if let Some((_, ending)) = ENDINGS.iter().find(|(known, _)| *known == program) {
                settings.compress_ext = (*ending).to_owned();
            }
        }
        "uncompresscmd" => settings.uncompress_command = path(value, what)?,
        "compressext" => settings.compress_ext = part_of_name(value, what)?,
        "extension" => settings.extension = Some(part_of_name(value, what)?),
        "addextension" => settings.add_extension = Some(part_of_name(value, what)?),
        "olddir" => settings.old_dir = Some(expand_home(&path(value, what)?)),
        // Whether names can be made of it is looked at when they are.
        _ => settings.date_format = Some(value.to_owned()),
    }
    Ok(())
}

/// Directives with a text, and what logrotate calls it.
const TEXTS: &[(&str, &str)] = &[
    ("compresscmd", "compress"),
    ("uncompresscmd", "uncompress"),
    ("compressext", "compress-ext"),
    ("extension", "extension name"),
    ("addextension", "addextension name"),
    ("olddir", "olddir"),
    ("dateformat", "dateformat"),
];

fn missing(what: &str) -> Fault {
    Fault::Section(format!("argument expected after {what}"))
}

/// As it stands: quotes are part of it.
fn path(value: &str, what: &str) -> Result<String, Fault> {
    if value.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Fault::Section(format!("bad {what} path {value}")));
    }
    Ok(value.to_owned())
}

/// It stays in its folder.
fn part_of_name(value: &str, what: &str) -> Result<String, Fault> {
    if value.contains('/') || value.chars().any(char::is_control) {
        return Err(Fault::Section(format!("bad {what} {value}; write a part of a file name, without /")));
    }
    Ok(value.to_owned())
}

/// A whole number as C's strtol reads it: `0x10` is 16, `010` is 8.
fn number(value: &str) -> Option<u64> {
    let value = value.strip_prefix('+').unwrap_or(value);
    let (digits, radix) = match value {
        v if v.starts_with("0x") || v.starts_with("0X") => (&v[2..], 16),
        v if v.len() > 1 && v.starts_with('0') => (&v[1..], 8),
        v => (v, 10),
    };
    let is_plain = digits.starts_with(|c: char| c.is_ascii_hexdigit());
    u64::from_str_radix(digits, radix).ok().filter(|_| is_plain)
}

/// Numbers that stand in file names, count files or days: as big as is of any use.
const MOST: u64 = 1_000_000;

fn numbers(settings: &mut Settings, word: &str, value: &str) -> Result<(), Fault> {
    let (expected, bad) = match word {
        "rotate" => ("rotate count", "rotation count"),
        "start" => ("start count", "start count"),
        "minage" => ("minage count", "minimum age"),
        "maxage" => ("maxage count", "maximum age"),
        "minutes" => ("minutes count", "minutes count"),
        _ => ("shred cycles", "shred cycles"),
    };
    if value.is_empty() {
        return Err(missing(expected));
    }
    if word == "rotate" && value == "-1" {
        settings.keep = None;
        return Ok(());
    }
    let number = number(value).filter(|n| *n <= MOST);
    let number = number.ok_or_else(|| Fault::Section(format!("bad {bad} '{value}'")))?;
    // It is below a million.
    let small = u32::try_from(number).unwrap_or(u32::MAX);
    match word {
        "rotate" => settings.keep = Some(small),
        "start" => settings.start = small,
        "minage" => settings.min_age = Some(number).filter(|n| *n > 0),
        "maxage" => settings.max_age = Some(number).filter(|n| *n > 0),
        "minutes" => settings.criterion = Criterion::Minutes(number),
        _ => settings.shred_cycles = small,
    }
    Ok(())
}

fn sizes(settings: &mut Settings, word: &str, value: &str) -> Result<(), Fault> {
    let Some(unit) = value.chars().next_back() else {
        // logrotate goes on without.
        return Err(Fault::Line(format!("argument expected after {word}")));
    };
    let (digits, power) = match unit {
        'k' | 'K' => (&value[..value.len() - 1], 10),
        'M' => (&value[..value.len() - 1], 20),
        'G' => (&value[..value.len() - 1], 30),
        '0'..='9' => (value, 0),
        _ => return Err(Fault::Section(format!("unknown unit '{unit}'; write for example {word} 500k, 100M or 2G"))),
    };
    // As C reads it, no digits are 0.
    let bytes = number(if digits.is_empty() { "0" } else { digits })
        .and_then(|n| n.checked_mul(1 << power))
        .filter(|bytes| i64::try_from(*bytes).is_ok());
    let bytes = bytes.ok_or_else(|| Fault::Section(format!("bad size '{digits}'")))?;
    match word {
        "size" => settings.criterion = Criterion::Size(bytes),
        "minsize" => settings.min_size = Some(bytes).filter(|b| *b > 0),
        _ => settings.max_size = Some(bytes).filter(|b| *b > 0),
    }
    Ok(())
}

/// The number behind `weekly`; 0 without one.
fn weekday(cursor: &mut Cursor<'_>) -> Result<u8, Fault> {
    let value = cursor.line_value();
    if value.trim().is_empty() {
        return Ok(0);
    }
    let day = value.trim().trim_start_matches('=').trim().parse().ok().filter(|day| *day <= 7);
    day.ok_or_else(|| Fault::File(format!("bad weekly directive '{value}'; the day is 0 to 7")))
}

/// The number behind `monthly`; 0 without one. What is no number is the next directive, as in versions without it.
fn month_day(cursor: &mut Cursor<'_>) -> Result<u8, Fault> {
    if !cursor.skip_blanks().is_some_and(|c| c.is_ascii_digit()) {
        return Ok(0);
    }
    let value = cursor.line_value();
    let day = value.parse().ok().filter(|day| *day <= 31);
    day.ok_or_else(|| Fault::Section(format!("bad monthly directive '{value}'; the day is 0 to 31")))
}

/// `[MODE] [USER] [GROUP]`.
fn create(value: &str, word: &str) -> Result<Create, Fault> {
    let words = words(value).ok_or_else(|| Fault::Section(format!("error parsing arguments for {word}")))?;
    let mut rest = words.as_slice();
    let mut made = Create::default();
    if let Some(mode) = rest.first().and_then(|w| u32::from_str_radix(w, 8).ok()) {
        made.mode = Some(mode & 0o7777);
        rest = &rest[1..];
    }
    let (user, group, more) = (rest.first(), rest.get(1), rest.get(2));
    if more.is_some() {
        return Err(Fault::Section(format!("extra arguments for {word}")));
    }
    made.uid = user.map(|user| id("passwd", user)).transpose()?;
    made.gid = group.map(|group| id("group", group)).transpose()?;
    Ok(made)
}

fn su(value: &str) -> Result<(u32, u32), Fault> {
    let words = words(value).unwrap_or_default();
    match words.as_slice() {
        [] => Err(Fault::Section("no user for su; write su USER GROUP".to_owned())),
        [user] => id("passwd", user).and(Err(Fault::Section("no group for su; write su USER GROUP".to_owned()))),
        [user, group] => Ok((id("passwd", user)?, id("group", group)?)),
        _ => Err(Fault::Section("extra arguments for su".to_owned())),
    }
}

/// The number of a user or group, by name, by number, or by `:NUMBER` where nobody has it.
fn id(database: &str, name: &str) -> Result<u32, Fault> {
    if let Some(number) = name.strip_prefix(':').and_then(|number| number.parse().ok()) {
        return Ok(number);
    }
    let found = local_id(database, name).or_else(|| known_id(database, name));
    found.ok_or_else(|| {
        let kind = if database == "passwd" { "user" } else { "group" };
        Fault::Section(format!("unknown {kind} '{name}'; create it, or write its number behind a colon"))
    })
}

/// In `/etc/passwd` or `/etc/group`: their first and third fields are the name and the number.
fn local_id(database: &str, name: &str) -> Option<u32> {
    let lines = fs::read_to_string(format!("/etc/{database}")).unwrap_or_default();
    let pairs = || lines.lines().filter_map(|line| Some((line.split(':').next()?, line.split(':').nth(2)?)));
    let by_name = pairs().find(|(known, _)| *known == name);
    let by_number = || pairs().find(|(_, number)| *number == name);
    by_name.or_else(by_number)?.1.parse().ok()
}

/// In whatever else the system asks, LDAP for example.
fn known_id(database: &str, name: &str) -> Option<u32> {
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-@".contains(c)) && !name.starts_with('-');
    let output = Command::new("getent").arg(database).arg(name).output().ok().filter(|_| is_name)?;
    String::from_utf8_lossy(&output.stdout).split(':').nth(2)?.parse().ok()
}

fn address(value: &str) -> Result<String, Fault> {
    if value.is_empty() {
        return Err(missing("mail"));
    }
    if value.chars().any(|c| c == ' ' || !(' '..='~').contains(&c)) {
        return Err(Fault::Section(format!("bad mail address  {value}")));
    }
    Ok(value.to_owned())
}
