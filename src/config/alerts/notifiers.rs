//! Who is told of alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use crate::alert::{Body, Email, JsonBody, Kind, MESSAGE_NAMES, Matcher, Notifier, Secret, Security};
use crate::config::alerts::tables::{KindWord, NotifierTable, SecretTable, SecurityWord};
use crate::config::alerts::{File, Wrong, host_and_port};
use crate::sys::units::Span;
use crate::sys::web::is_http_url;

/// Nesting of a body.
const MAX_DEPTH: usize = 20;
const SUBJECT: &str = "[{{ status }}] {{ alerts[0].alert }}{% if alerts | length > 1 %} and {{ alerts | length - 1 }} \
                       more{% endif %} on {{ host }}";
const TEXT: &str = "{% for a in alerts %}{{ a.status }} {{ a.severity }} {{ a.alert }}: {{ a.summary }}\n\
                    {% for key, value in a.labels | items %}  {{ key }} = {{ value }}\n{% endfor %}  since {{ a.started }}\
                    {% if a.ended %}, until {{ a.ended }}{% endif %}\n\n{% endfor %}";

/// `None` where it is not enabled.
pub(super) fn notifier(
    file: &File<'_>,
    table: Spanned<NotifierTable>,
    names: &mut BTreeSet<String>,
) -> Result<Option<Notifier>, Wrong> {
    let span = table.span();
    let table = table.into_inner();
    let name = match &table.name {
        Some(name) => file.name(name, names)?,
        None => {
            let word = format!("{:?}", table.kind).to_lowercase();
            file.name(&Spanned::new(span.clone(), word), names)?
        }
    };
    only_what_fits(file, &table, &span)?;
    let is_alertmanager = table.kind == KindWord::Alertmanager;
    // Alertmanager groups by itself, and has to be reminded of what goes on.
    let (wait, repeat) = if is_alertmanager { (0, 60) } else { (10, 4 * 3600) };
    let filter = |(label, pattern): (&Spanned<String>, &String)| {
        Matcher::new(label.get_ref(), pattern).map_err(|error| file.wrong(label.span(), error))
    };
    let notifier = Notifier {
        name,
        kind: kind(file, &table, &span)?,
        filter: table.filter.iter().map(filter).collect::<Result<_, _>>()?,
        group_by: table
            .group_by
            .clone()
            .unwrap_or_else(|| if is_alertmanager { vec![] } else { vec!["alert".to_owned()] }),
        group_wait: table.group_wait.unwrap_or(Span(Duration::from_secs(wait))).nanoseconds(),
        repeat: Span(file.span(table.repeat.as_ref(), Duration::from_secs(repeat), Duration::from_secs(1))?)
            .nanoseconds(),
        timeout: file.span(table.timeout.as_ref(), Duration::from_secs(30), Duration::from_millis(100))?,
    };
    Ok(table.enabled.then_some(notifier))
}

/// A setting that the kind has no use for is a mistake.
fn only_what_fits(file: &File<'_>, table: &NotifierTable, span: &Range<usize>) -> Result<(), Wrong> {
    use KindWord::{Alertmanager, Command, Email, Webhook};
    let settings: [(&str, bool, &[KindWord]); 10] = [
        ("url", table.url.is_some(), &[Alertmanager, Webhook]),
        ("headers", !table.headers.is_empty(), &[Alertmanager, Webhook]),
        ("body", table.body.is_some(), &[Webhook, Email]),
        ("server", table.server.is_some(), &[Email]),
        ("security", table.security.is_some(), &[Email]),
        ("from", table.from.is_some(), &[Email]),
        ("to", table.to.is_some(), &[Email]),
        ("user or password", table.user.is_some() || table.password.is_some(), &[Email]),
        ("subject", table.subject.is_some(), &[Email]),
        ("command", table.command.is_some(), &[Command]),
    ];
    let unfit = settings.iter().find(|(_, is_set, kinds)| *is_set && !kinds.contains(&table.kind));
    match unfit {
        None => Ok(()),
        Some((name, ..)) => {
            let kind = format!("{:?}", table.kind).to_lowercase();
            Err(file.wrong(span.clone(), format!("{name} has no meaning for the kind {kind}; remove it")))
        }
    }
}

fn kind(file: &File<'_>, table: &NotifierTable, span: &Range<usize>) -> Result<Kind, Wrong> {
    match table.kind {
        KindWord::Alertmanager => {
            let url = url(file, table, span, "http://127.0.0.1:9093")?;
            Ok(Kind::Alertmanager { url, headers: headers(file, &table.headers)? })
        }
        KindWord::Webhook => {
            let url = url(file, table, span, "https://example.org/hook")?;
            let body = match &table.body {
                None => Body::Whole,
                Some(body) => match body.get_ref() {
                    toml::Value::String(text) => Body::Text(file.template_at(text, body.span(), &MESSAGE_NAMES)?),
                    other => Body::Json(json(file, other, &body.span(), 0)?),
                },
            };
            Ok(Kind::Webhook { url, headers: headers(file, &table.headers)?, body })
        }
        KindWord::Email => Ok(Kind::Email(Box::new(email(file, table, span)?))),
        KindWord::Command => match &table.command {
            Some(argv) if argv.get_ref().first().is_some_and(|program| !program.is_empty()) => {
                Ok(Kind::Command { argv: argv.get_ref().clone() })
            }
            _ => Err(file.wrong(span.clone(), "needs a command: command = [\"/usr/local/bin/page\", \"me\"]")),
        },
    }
}

fn url(file: &File<'_>, table: &NotifierTable, span: &Range<usize>, example: &str) -> Result<String, Wrong> {
    match &table.url {
        Some(url) if is_http_url(url.get_ref()) => Ok(url.get_ref().clone()),
        Some(url) => Err(file.wrong(url.span(), format!("is no address; write for example {example}"))),
        None => Err(file.wrong(span.clone(), format!("needs a url: url = \"{example}\""))),
    }
}

fn headers(file: &File<'_>, headers: &BTreeMap<Spanned<String>, SecretTable>) -> Result<Vec<(String, Secret)>, Wrong> {
    let header = |(name, value): (&Spanned<String>, &SecretTable)| {
        let good = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        match !name.get_ref().is_empty() && name.get_ref().bytes().all(good) {
            true => Ok((name.get_ref().clone(), secret(value))),
            false => Err(file.wrong(name.span(), format!("{:?} is no name of a header", name.get_ref()))),
        }
    };
    headers.iter().map(header).collect()
}

fn secret(table: &SecretTable) -> Secret {
    match table {
        SecretTable::Text(text) => Secret::Text(text.clone()),
        SecretTable::File { file, prefix } => Secret::File { path: file.clone(), prefix: prefix.clone() },
        SecretTable::Environment { env, prefix } => Secret::Environment { name: env.clone(), prefix: prefix.clone() },
    }
}

fn json(file: &File<'_>, value: &toml::Value, span: &Range<usize>, depth: usize) -> Result<JsonBody, Wrong> {
    if depth > MAX_DEPTH {
        return Err(file.wrong(span.clone(), format!("a body is nested at most {MAX_DEPTH} deep")));
    }
    Ok(match value {
        toml::Value::String(text) => JsonBody::Text(file.template_at(text, span.clone(), &MESSAGE_NAMES)?),
        toml::Value::Integer(number) => JsonBody::Other((*number).into()),
        toml::Value::Float(number) => JsonBody::Other((*number).into()),
        toml::Value::Boolean(truth) => JsonBody::Other((*truth).into()),
        toml::Value::Datetime(time) => JsonBody::Other(time.to_string().into()),
        toml::Value::Array(items) => {
            JsonBody::List(items.iter().map(|item| json(file, item, span, depth + 1)).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(members) => {
            let member = |(key, value): (&String, &toml::Value)| Ok((key.clone(), json(file, value, span, depth + 1)?));
            JsonBody::Object(members.iter().map(member).collect::<Result<_, Wrong>>()?)
        }
    })
}

fn email(file: &File<'_>, table: &NotifierTable, span: &Range<usize>) -> Result<Email, Wrong> {
    let needs = |what: &str| file.wrong(span.clone(), format!("an e-mail needs {what}"));
    let mailbox = |text: &Spanned<String>| {
        let wrong = |error| file.wrong(text.span(), format!("{:?} is no address: {error}", text.get_ref()));
        text.get_ref().parse().map_err(|error: lettre::address::AddressError| wrong(error))
    };
    let server = table.server.as_ref().ok_or_else(|| needs("a server: server = \"mail.example.org:587\""))?;
    let (host, port) = host_and_port(file, server)?;
    let from = table.from.as_ref().ok_or_else(|| needs("a sender: from = \"logmill@example.org\""))?;
    let to = table.to.as_ref().filter(|to| !to.is_empty()).ok_or_else(|| needs("to = [\"you@example.org\"]"))?;
    let login = match (&table.user, &table.password) {
        (None, None) => None,
        (Some(user), Some(password)) => match secret(password.get_ref()) {
            Secret::Text(_) => {
                let message = "a password does not belong here; write { file = \"…\" } or { env = \"…\" }";
                return Err(file.wrong(password.span(), message));
            }
            hidden => Some((user.clone(), hidden)),
        },
        _ => return Err(needs("both user and password, or none of them")),
    };
    let body = match &table.body {
        None => file.template_at(TEXT, span.clone(), &MESSAGE_NAMES)?,
        Some(body) => match body.get_ref() {
            toml::Value::String(text) => file.template_at(text, body.span(), &MESSAGE_NAMES)?,
            _ => return Err(file.wrong(body.span(), "the body of an e-mail is a text")),
        },
    };
    let subject = table.subject.as_ref();
    Ok(Email {
        host,
        port,
        security: match table.security.unwrap_or(SecurityWord::StartTls) {
            SecurityWord::Tls => Security::Tls,
            SecurityWord::StartTls => Security::StartTls,
            SecurityWord::None => Security::None,
        },
        from: mailbox(from)?,
        to: to.iter().map(mailbox).collect::<Result<_, _>>()?,
        login,
        subject: match subject {
            Some(subject) => file.template(subject, &MESSAGE_NAMES)?,
            None => file.template_at(SUBJECT, span.clone(), &MESSAGE_NAMES)?,
        },
        body,
    })
}
