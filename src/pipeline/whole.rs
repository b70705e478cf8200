//! Rules for entries that did not come out of a followed file: what was received is redacted as a whole, since names and
//! values have places of their own in it already, and the other rules are applied when all that is known of it is there.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use smol_str::SmolStr;

use crate::pipeline::redact::Redactor;
use crate::pipeline::rules::Fate;
use crate::pipeline::{Pipeline, StreamParser};
use crate::record::{Entry, Field, Text, Value, ValueRef};

/// What takes the place of a text that is known to be a secret only by what stood around it.
const REDACTED: &str = "[redacted]";

impl Pipeline {
    /// The parser for a text of `source` that redacts it, and leaves all other rules to [`Pipeline::apply`].
    pub fn reading(&self, source: &Arc<str>) -> StreamParser {
        StreamParser::new(self.0.clone(), source, false)
    }

    /// The text without secrets.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.0.rules.redact(text)
    }

    /// Whether secrets are looked for.
    pub fn redacts(&self) -> bool {
        self.0.rules.redactor.is_some()
    }

    /// Leaves no secret in any text of an entry but its source, which is a place.
    pub fn redact_entry(&self, entry: &mut Entry) {
        if let Some(redactor) = &self.0.rules.redactor {
            redact_entry(redactor, entry);
        }
    }

    /// Applies all rules but redaction; `now` is when the entry arrived, in nanoseconds since the epoch.
    pub fn apply(&self, entry: &mut Entry, now: i64) -> Fate {
        self.0.rules.apply(entry, now)
    }
}

fn redact_entry(redactor: &Redactor, entry: &mut Entry) {
    let before: Option<Box<str>> = match redactor.redact(&entry.raw) {
        Cow::Borrowed(_) => None,
        Cow::Owned(raw) => {
            // Message and fields may be pieces of the text that goes.
            let before = entry.raw.clone();
            entry.set_raw(raw.into());
            Some(before)
        }
    };
    let clean = |text: &str, after: &str| match redactor.redact(text) {
        Cow::Owned(text) => Some(text),
        Cow::Borrowed(text) => hidden(before.as_deref(), after, text).then(|| REDACTED.to_owned()),
    };
    // As long as the raw text is the same, a piece of it is as clean.
    if let Text::Owned(message) = &entry.message {
        let message = match redactor.redact(message) {
            // The raw text says more than the word that something was there.
            Cow::Borrowed(same) if hidden(before.as_deref(), &entry.raw, same) => Cow::Borrowed(&*entry.raw),
            message => message,
        };
        entry.message = Text::within(&entry.raw, &message);
    }
    if let Some(service) = clean(&entry.service, &entry.raw) {
        entry.service = service.into();
    }
    let named: [&mut Option<SmolStr>; 7] = [
        &mut entry.logger,
        &mut entry.workflow_id,
        &mut entry.session_id,
        &mut entry.request_id,
        &mut entry.workflow_type,
        &mut entry.agent,
        &mut entry.event,
    ];
    for place in named {
        if let Some(text) = place.as_deref().and_then(|text| clean(text, &entry.raw)) {
            *place = Some(text.into());
        }
    }
    let field = |(name, value): (&str, ValueRef<'_>)| {
        field(redactor, name, value).or_else(|| {
            let ValueRef::Str(text) = value else { return None };
            hidden(before.as_deref(), &entry.raw, text).then(|| (name.into(), Value::Str(REDACTED.into())))
        })
    };
    let found: Vec<Option<Field>> = entry.fields().map(field).collect();
    if found.iter().any(Option::is_some) {
        let whole = entry.fields().zip(found);
        entry.fields =
            whole.map(|((name, value), found)| found.unwrap_or_else(|| (name.into(), value.to_value()))).collect();
    }
}

/// Whether a text stood in the raw text and went with a secret there.
fn hidden(before: Option<&str>, after: &str, text: &str) -> bool {
    before.is_some_and(|before| before.contains(text) && !after.contains(text))
}

/// A field with a secret, without it. Its name counts, as it does in a line of JSON.
fn field(redactor: &Redactor, name: &str, value: ValueRef<'_>) -> Option<Field> {
    if matches!(value, ValueRef::Null | ValueRef::Bool(_)) {
        return None;
    }
    let line = Json::Object(Map::from_iter([(name.to_owned(), value.to_value().to_json())])).to_string();
    let Cow::Owned(clean) = redactor.redact(&line) else { return None };
    let object: Option<Map<String, Json>> = serde_json::from_str(&clean).ok();
    match object.and_then(|object| object.into_iter().next()) {
        Some((name, value)) => Some((name.into(), Value::from_json(&value))),
        // JSON remains JSON; should it not, nothing of it is kept.
        None => Some((name.into(), Value::Str(REDACTED.into()))),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn pipeline(rules: &str) -> Pipeline {
        Pipeline::parse(&format!("name = \"p\"\n[source]\ninclude = []\n{rules}"), Path::new("p.toml")).unwrap()
    }

    /// An entry by its JSON form, of which little has to be said.
    fn entry(more: Json) -> Entry {
        let mut object =
            json!({ "timestamp": "2026-11-26T10:00:00Z", "timestamp_source": "line", "source": "a@b.example" });
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Entry::from_json(&object).unwrap()
    }

    #[test]
    fn no_text_of_an_entry_keeps_a_secret() {
        let pipeline = pipeline("[redact]\nrecipes = [\"keys\", \"tokens\", \"email\", \"ipv4\", \"credit_card\"]");
        let check = |before: Json, after: Json| {
            let mut entry = entry(before.clone());
            pipeline.redact_entry(&mut entry);
            let got = entry.to_json(true);
            for (name, want) in after.as_object().unwrap() {
                assert_eq!(&got[name], want, "{name} of {before}: {got}");
            }
            let once = got.to_string();
            pipeline.redact_entry(&mut entry);
            assert_eq!(entry.to_json(true).to_string(), once, "again");
        };
        let same = json!({ "message": "nothing here", "logger": "a.b", "fields": { "n": 1, "s": "x", "t": true } });
        check(same.clone(), same);
        check(
            json!({ "message": "password=hunter2 sent" }),
            json!({ "message": "password=[redacted:keys] sent", "raw": "password=[redacted:keys] sent", "source": "a@b.example" }),
        );
        check(
            json!({ "message": "m", "fields": { "password": "hunter2", "user.api_key": "abcdef123456", "n": 7 } }),
            json!({ "fields": { "password": "[redacted:keys]", "user.api_key": "[redacted:keys]", "n": 7 } }),
        );
        check(
            json!({ "message": "m", "service": "x@y.example", "logger": "10.1.2.3", "fields": { "who": "me@x.example", "card": 4111111111111111_i64 } }),
            json!({ "service": "[redacted:email]", "logger": "[redacted:ipv4]", "fields": { "who": "[redacted:email]", "card": "[redacted:credit_card]" } }),
        );
        check(
            json!({ "message": "m", "fields": { "list": "[{\"password\":\"hunter2\"}]", "me@x.example": 1 } }),
            json!({ "fields": { "list": "[{\"password\":\"[redacted:keys]\"}]", "[redacted:email]": 1 } }),
        );
        // Known as secrets by what stands around them in the raw text.
        check(
            json!({ "raw": "login password: hunter2", "message": "hunter2", "fields": { "third": "hunter2", "first": "login" } }),
            json!({ "message": "login password: [redacted:keys]", "fields": { "third": "[redacted]", "first": "login" } }),
        );
        check(
            json!({ "raw": "{\"password\":\"hunter2\",\"msg\":\"from me@x.example\"}", "message": "from me@x.example" }),
            json!({ "raw": "{\"password\":\"[redacted:keys]\",\"msg\":\"from [redacted:email]\"}", "message": "from [redacted:email]" }),
        );
    }

    #[test]
    fn other_rules_see_the_whole_entry() {
        let pipeline = pipeline(
            "[fields]\nextract = [{ from = \"message\", pattern = 'order (?P<order>[0-9]+)' }]\ntypes = { order = \"int\" }\n\
             [labels]\nhost = \"a1\"\n[[route]]\nquery = \"kind:audit\"\nservice = \"audit\"\n[filter]\ndrop = \"order:7\"",
        );
        let check = |message: &str, fate: Fate, want: Json| {
            let mut entry = entry(json!({ "message": message, "service": "s", "fields": { "kind": "audit" } }));
            assert_eq!(pipeline.apply(&mut entry, 0), fate, "{message}");
            let got = entry.to_json(false);
            assert_eq!(json!([got["service"], got["fields"]]), want, "{message}");
        };
        check("order 8", Fate::Kept, json!(["audit", { "kind": "audit", "order": 8, "host": "a1" }]));
        check("order 7", Fate::Filtered, json!(["audit", { "kind": "audit", "order": 7, "host": "a1" }]));
    }
}
