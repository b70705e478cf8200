//! uvicorn's console: level and colon padded to ten columns, then the message; requests as
//! `127.0.0.1:52344 - "GET /health HTTP/1.1" 200 OK`. No time.

use crate::parse::zone::Zone;
use crate::parse::{access, first_line, ids, set_message};
use crate::record::{Entry, Level, LevelSource, Value};

/// Where the message begins.
const MESSAGE_COLUMN: usize = 10;

/// Level and where the message begins.
pub fn header(line: &str) -> Option<(Level, usize)> {
    let colon = line.find(':')?;
    let word = &line[..colon];
    let level = Level::from_word(word).filter(|_| word.bytes().all(|b| b.is_ascii_uppercase()))?;
    let blanks = line[colon + 1..].bytes().take_while(|b| *b == b' ').count();
    // The padding tells it from prose that begins with `WARNING: `.
    (colon + 1 + blanks == MESSAGE_COLUMN).then_some((level, MESSAGE_COLUMN))
}

pub fn fill(entry: &mut Entry, _: &mut Zone) -> bool {
    let Some((level, message)) = header(first_line(&entry.raw)) else { return false };
    entry.level = level;
    entry.level_source = LevelSource::Head;
    set_message(entry, message);
    let request = request(&first_line(&entry.raw)[message..]);
    entry.logger = Some(if request.is_some() { "uvicorn.access" } else { "uvicorn" }.into());
    entry.fields.extend(request.into_iter().flatten());
    ids::extract(entry);
    true
}

/// Client, method, path, version and status of an access line.
fn request(message: &str) -> Option<Vec<(Box<str>, Value)>> {
    let (client, rest) = message.split_once(" - \"")?;
    let (request, rest) = rest.split_once('"')?;
    let status = rest.trim_start().split(' ').next()?.parse::<i64>().ok()?;
    let mut fields = vec![("client".into(), Value::Str(client.into()))];
    fields.extend(access::request_fields(request)?);
    fields.push(("status".into(), Value::Int(status)));
    Some(fields)
}
