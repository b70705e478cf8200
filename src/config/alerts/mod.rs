//! `config/alerts.toml`: what is watched, what is probed, and who is told.

mod measures;
mod notifiers;
mod tables;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use crate::alert::{Condition, Labels, Probe, ProbeTarget, Rule, Rules, SUMMARY_NAMES, Side, Template, TemplateError};
use crate::pipeline::Place;
use crate::sys::units::{Bytes, Span};
use crate::sys::web::is_http_url;
use measures::measure;
use tables::{AlertTable, Definition, ProbeTable};

/// The alerts used where the configuration names none and `config/alerts.toml` is missing.
pub const SHIPPED_ALERTS: &str = include_str!("../../../config/alerts.toml");

/// A longer file is refused.
const MAX_BYTES: u64 = 1 << 20;
/// Of alerts, of probes and of notifiers.
const MAX_ITEMS: usize = 200;
const EVERY: Duration = Duration::from_secs(15);
const FORGET: Span = Span(Duration::from_secs(3600));

/// What is wrong, with its place.
type Wrong = String;

/// Reads the file that is meant: its path, and what is in it or everything that is wrong with it.
pub(super) fn load(named: Option<&Path>) -> (PathBuf, Result<Rules, Vec<Wrong>>) {
    let default = Path::new("config/alerts.toml");
    let Some(path) = named.or_else(|| Some(default).filter(|path| path.exists())) else {
        let path = PathBuf::from("config/alerts.toml (built in)");
        let rules = parse(SHIPPED_ALERTS, &path);
        return (path, rules);
    };
    let read = || {
        let (file, metadata) = crate::sys::files::open_regular(path)?;
        match metadata.len() > MAX_BYTES {
            true => Err(std::io::Error::other(format!("more than {} are refused", Bytes(MAX_BYTES)))),
            false => std::io::read_to_string(file),
        }
    };
    let rules = match read() {
        Ok(text) => parse(&text, path),
        Err(error) => Err(vec![format!("{}: cannot be read: {error}", path.display())]),
    };
    (path.to_owned(), rules)
}

/// Everything the text says, or everything that is wrong with it.
pub fn parse(text: &str, path: &Path) -> Result<Rules, Vec<Wrong>> {
    let file = File(Place { text, path });
    let definition: Definition =
        toml::from_str(text).map_err(|error| vec![file.wrong(error.span().unwrap_or(0..0), error.message())])?;
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    let mut rules = Rules::default();
    for (what, count) in
        [("alert", definition.alert.len()), ("probe", definition.probe.len()), ("notifier", definition.notifier.len())]
    {
        if count > MAX_ITEMS {
            return Err(vec![file.wrong(0..0, format!("has {count} [[{what}]]; at most {MAX_ITEMS} are read"))]);
        }
    }
    for table in definition.alert {
        match alert(&file, table, &mut names) {
            Ok(rule) => rules.alerts.extend(rule),
            Err(error) => problems.push(error),
        }
    }
    names.clear();
    for table in definition.probe {
        match probe(&file, table, &mut names) {
            Ok(probe) => rules.probes.push(probe),
            Err(error) => problems.push(error),
        }
    }
    names.clear();
    for table in definition.notifier {
        match notifiers::notifier(&file, table, &mut names) {
            Ok(notifier) => rules.notifiers.extend(notifier),
            Err(error) => problems.push(error),
        }
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

/// The file that is being read.
struct File<'a>(Place<'a>);

impl File<'_> {
    fn wrong(&self, span: Range<usize>, message: impl Into<String>) -> Wrong {
        self.0.wrong(span, message).to_string()
    }

    /// A name that no other of its kind has.
    fn name(&self, name: &Spanned<String>, names: &mut BTreeSet<String>) -> Result<String, Wrong> {
        let text = self.0.name(name).map_err(|error| error.to_string())?;
        match names.insert(text.clone()) {
            true => Ok(text),
            false => Err(self.wrong(name.span(), format!("there is a {text:?} already; use another name"))),
        }
    }

    fn template(&self, text: &Spanned<String>, names: &[&str]) -> Result<Template, Wrong> {
        self.template_at(text.get_ref(), text.span(), names)
    }

    fn template_at(&self, text: &str, span: Range<usize>, names: &[&str]) -> Result<Template, Wrong> {
        Template::new(text, names).map_err(|TemplateError { at, message }| {
            self.0.wrong_inside(span, at, format!("template: {message}")).to_string()
        })
    }

    /// A number, a share as `10%`, a span of time in seconds, or a size in bytes.
    fn number(&self, value: &Spanned<toml::Value>) -> Result<f64, Wrong> {
        let number = match value.get_ref() {
            toml::Value::Integer(number) => Some(*number as f64),
            toml::Value::Float(number) => Some(*number),
            toml::Value::String(text) => match text.trim().strip_suffix('%') {
                Some(share) => share.trim().parse().ok().map(|share: f64| share / 100.0),
                None => text
                    .parse::<Span>()
                    .map(|span| span.0.as_secs_f64())
                    .or_else(|_| text.parse::<Bytes>().map(|bytes| bytes.0 as f64))
                    .ok(),
            },
            _ => None,
        };
        let message = "is no number; write 5, 0.1, \"10%\", \"30s\" (seconds) or \"2GiB\" (bytes)";
        number.filter(|number| number.is_finite()).ok_or_else(|| self.wrong(value.span(), message))
    }

    fn span(&self, span: Option<&Spanned<Span>>, default: Duration, least: Duration) -> Result<Duration, Wrong> {
        match span {
            None => Ok(default),
            Some(given) if given.get_ref().0 < least => {
                Err(self.wrong(given.span(), format!("must be at least {}", Span(least))))
            }
            Some(given) => Ok(given.get_ref().0),
        }
    }
}

/// `None` where it is not enabled.
fn alert(file: &File<'_>, table: Spanned<AlertTable>, names: &mut BTreeSet<String>) -> Result<Option<Rule>, Wrong> {
    let span = table.span();
    let table = table.into_inner();
    let name = file.name(&table.name, names)?;
    let measure = measure(file, &table, span.clone())?;
    let every = file.span(table.every.as_ref(), EVERY, Duration::from_millis(100))?;
    let rule = Rule {
        name,
        severity: severity(file, table.severity.as_ref())?,
        summary: file.template(&table.summary, &SUMMARY_NAMES)?,
        labels: labels(file, &table)?,
        condition: condition(file, &table, span)?,
        absent: table.absent.or_else(|| measure.is_nothing_without_entries().then_some(0.0)),
        every: Span(every).nanoseconds(),
        measure,
    };
    Ok(table.enabled.then_some(rule))
}

fn severity(file: &File<'_>, severity: Option<&Spanned<String>>) -> Result<String, Wrong> {
    match severity {
        None => Ok("warning".to_owned()),
        Some(text) if text.get_ref().is_empty() => Err(file.wrong(text.span(), "is empty; write warning or critical")),
        Some(text) => Ok(text.get_ref().clone()),
    }
}

fn labels(file: &File<'_>, table: &AlertTable) -> Result<Labels, Wrong> {
    for label in table.labels.keys() {
        if matches!(label.get_ref().as_str(), "alert" | "alertname" | "severity") {
            let message = format!("{:?} has a setting of its own and cannot be a label", label.get_ref());
            return Err(file.wrong(label.span(), message));
        }
    }
    Ok(table.labels.iter().map(|(key, value)| (key.get_ref().clone(), value.clone())).collect())
}

fn condition(file: &File<'_>, table: &AlertTable, span: Range<usize>) -> Result<Condition, Wrong> {
    let (side, threshold) = match (&table.above, &table.below) {
        (Some(above), None) => (Side::Above, file.number(above)?),
        (None, Some(below)) => (Side::Below, file.number(below)?),
        _ => return Err(file.wrong(span, "an alert needs either above or below: above = \"10%\"")),
    };
    let clear = table.clear.as_ref().map(|clear| Ok::<_, Wrong>((file.number(clear)?, clear.span()))).transpose()?;
    if let Some((clear, span)) = &clear {
        let beyond = if side == Side::Above { *clear > threshold } else { *clear < threshold };
        if beyond {
            let message = "clear is on the bad side of the threshold; it says from where on all is well again";
            return Err(file.wrong(span.clone(), message));
        }
    }
    Ok(Condition {
        side,
        threshold,
        clear: clear.map_or(threshold, |(clear, _)| clear),
        pending: table.pending.unwrap_or_default().nanoseconds(),
        keep: table.keep_for.unwrap_or_default().nanoseconds(),
        forget: table.forget.unwrap_or(FORGET).nanoseconds(),
    })
}

fn probe(file: &File<'_>, table: Spanned<ProbeTable>, names: &mut BTreeSet<String>) -> Result<Probe, Wrong> {
    let span = table.span();
    let table = table.into_inner();
    let second = Duration::from_secs(1);
    let target = match (&table.http, &table.tls) {
        (Some(url), None) if is_http_url(url.get_ref()) => ProbeTarget::Http { url: url.get_ref().clone() },
        (Some(url), None) => {
            let message = "is no address; write for example http://127.0.0.1:8000/health";
            return Err(file.wrong(url.span(), message));
        }
        (None, Some(at)) => {
            let (host, port) = host_and_port(file, at)?;
            ProbeTarget::Tls { host, port }
        }
        _ => return Err(file.wrong(span, "a probe needs either http or tls: http = \"http://127.0.0.1:8000/health\"")),
    };
    Ok(Probe {
        name: file.name(&table.name, names)?,
        target,
        every: file.span(table.every.as_ref(), EVERY, second / 10)?,
        timeout: file.span(table.timeout.as_ref(), 5 * second, second / 10)?,
        required: table.required,
    })
}

/// `host:443`, `[::1]:443`.
fn host_and_port(file: &File<'_>, text: &Spanned<String>) -> Result<(String, u16), Wrong> {
    let parts = text.get_ref().rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let message = || format!("{:?} is no host with a port; write for example example.org:443", text.get_ref());
    let (host, port) = parts.filter(|(host, _)| !host.is_empty()).ok_or_else(|| file.wrong(text.span(), message()))?;
    Ok((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port))
}
