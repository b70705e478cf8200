//! The common and combined access formats (Apache, nginx):
//! `host ident user [23/Nov/2026:10:15:30 +0000] "GET / HTTP/1.1" 200 1234 "referer" "agent"`.

use crate::parse::timestamp::{self, Stamp};
use crate::parse::zone::Zone;
use crate::parse::{first_line, ids, set_message, set_time};
use crate::record::{Entry, Field, Value};

pub struct Header<'a> {
    client: &'a str,
    user: &'a str,
    stamp: Stamp,
    request: &'a str,
    status: i64,
    /// What comes behind the status.
    rest: &'a str,
    /// Where the request begins, with its quote.
    message: usize,
}

pub fn header(line: &str) -> Option<Header<'_>> {
    let (client, rest) = line.split_once(' ')?;
    let (_ident, rest) = rest.split_once(' ')?;
    let (user, rest) = rest.split_once(" [")?;
    let (time, rest) = rest.split_once("] \"")?;
    let stamp = timestamp::access(time)?;
    let message = line.len() - rest.len() - 1;
    let (request, rest) = rest.split_once('"')?;
    let rest = rest.strip_prefix(' ')?;
    let end = rest.find(' ').unwrap_or(rest.len());
    let status = rest[..end].parse().ok()?;
    Some(Header { client, user, stamp, request, status, rest: rest[end..].trim_start(), message })
}

/// Method, path and version of `GET / HTTP/1.1`.
pub fn request_fields(request: &str) -> Option<Vec<Field>> {
    let mut words = request.splitn(2, ' ');
    let method = words.next().filter(|m| !m.is_empty() && m.bytes().all(|b| b.is_ascii_uppercase()))?;
    let target = words.next()?;
    let (path, version) = target.rsplit_once(" HTTP/").unwrap_or((target, ""));
    let text = |key: &str, value: &str| (key.into(), Value::Str(value.into()));
    let mut fields = vec![text("method", method), text("path", path)];
    if !version.is_empty() {
        fields.push(text("http_version", version));
    }
    Some(fields)
}

pub fn fill(entry: &mut Entry, zone: &mut Zone) -> bool {
    let raw = std::mem::take(&mut entry.raw);
    let found = header(first_line(&raw)).map(|h| {
        set_time(entry, h.stamp, zone);
        fields(&h, &mut entry.fields);
        h.message
    });
    entry.raw = raw;
    let Some(message) = found else { return false };
    set_message(entry, message);
    ids::extract(entry);
    true
}

fn fields(header: &Header<'_>, fields: &mut Vec<Field>) {
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() && value != "-" {
            fields.push((key.into(), Value::Str(value.into())));
        }
    };
    text("client", header.client);
    text("user", header.user);
    let (bytes, rest) = header.rest.split_once(' ').unwrap_or((header.rest, ""));
    let mut quoted = rest.split('"').skip(1).step_by(2);
    text("referer", quoted.next().unwrap_or(""));
    text("user_agent", quoted.next().unwrap_or(""));
    fields.extend(request_fields(header.request).unwrap_or_default());
    fields.push(("status".into(), Value::Int(header.status)));
    if let Ok(bytes) = bytes.parse() {
        fields.push(("bytes".into(), Value::Int(bytes)));
    }
}
