//! Any server that takes JSON over HTTP: a line, or an element of an array, for each entry; or what a template makes.

use serde_json::{Map, Value};

use crate::ship::kinds::web::Poster;
use crate::ship::mapping::Mapping;
use crate::ship::retry;
use crate::ship::sink::Web;
use crate::ship::{Answer, Item};

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub web: Web,
    pub body: Body,
    pub template: Option<Template>,
    pub content_type: Option<String>,
}

/// How records stand in a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// One a line.
    #[default]
    Ndjson,
    /// One JSON array.
    Array,
}

/// Text with `${NAME}` in it, which gives way to what the record has of that name, as it stands within a JSON string;
/// `${NAME:json}` to the whole JSON value, or null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Escaped(String),
    Json(String),
}

pub async fn send(settings: &Settings, mapping: &Mapping, poster: &Poster, items: &[Item]) -> Answer {
    let kind = match (&settings.content_type, settings.body) {
        (Some(kind), _) => kind,
        (None, Body::Ndjson) => "application/x-ndjson",
        (None, Body::Array) => "application/json",
    };
    match poster.post(&settings.web.url, kind, body(settings, mapping, items)).await {
        Ok(reply) => poster.answer(&reply, &retry::HTTP),
        Err(answer) => answer,
    }
}

pub fn body(settings: &Settings, mapping: &Mapping, items: &[Item]) -> Vec<u8> {
    let mut body = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if settings.body == Body::Array {
            body.push(if index == 0 { b'[' } else { b',' });
        }
        let record = mapping.record(item);
        match &settings.template {
            Some(template) => body.extend(template.render(&record).into_bytes()),
            None => write(&mut body, &Value::Object(record)),
        }
        if settings.body == Body::Ndjson {
            body.push(b'\n');
        }
    }
    if settings.body == Body::Array {
        body.push(b']');
    }
    body
}

/// JSON behind what is there.
pub fn write(body: &mut Vec<u8>, value: &Value) {
    // Writing a value to memory cannot fail.
    let _ = serde_json::to_writer(body, value);
}

impl Template {
    pub fn parse(text: &str) -> Result<Template, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some(start) = rest.find("${") {
            let end = rest[start..].find('}').ok_or("a `${` has no `}`")? + start;
            let name = &rest[start + 2..end];
            if start > 0 {
                parts.push(Part::Text(rest[..start].to_owned()));
            }
            parts.push(match name.strip_suffix(":json") {
                Some("") => return Err("`${:json}` names nothing".to_owned()),
                None if name.is_empty() => return Err("`${}` names nothing; write for example `${message}`".to_owned()),
                Some(name) => Part::Json(name.to_owned()),
                None => Part::Escaped(name.to_owned()),
            });
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Template(parts))
    }

    fn render(&self, record: &Map<String, Value>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(own) => text.push_str(own),
                Part::Json(name) => text.push_str(&find(record, name).unwrap_or(&Value::Null).to_string()),
                Part::Escaped(name) => match find(record, name) {
                    None | Some(Value::Null) => {}
                    Some(Value::String(value)) => push_escaped(&mut text, value),
                    Some(other) => push_escaped(&mut text, &other.to_string()),
                },
            }
        }
        text
    }
}

/// A value of the record, or of its nested fields as `fields.NAME`.
fn find<'a>(record: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let nested = || record.get("fields")?.get(name.strip_prefix("fields.")?);
    record.get(name).or_else(nested)
}

fn push_escaped(text: &mut String, value: &str) {
    let quoted = Value::from(value).to_string();
    text.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ship::mapping::tests::item;

    #[test]
    fn templates() {
        let record = Mapping::default().record(&item());
        let check = |text: &str, want: Result<&str, &str>| match (Template::parse(text), want) {
            (Ok(template), Ok(want)) => assert_eq!(template.render(&record), want),
            (Err(error), Err(want)) => assert!(error.contains(want), "{error}"),
            (got, want) => panic!("{text}: {got:?}, not {want:?}"),
        };
        check("plain $text }", Ok("plain $text }"));
        check(r#"{"t":"${level}: ${message}"}"#, Ok(r#"{"t":"error: no \"route\"\nto host"}"#));
        check(r#"{"m":${message:json},"n":${nothing:json}}"#, Ok(r#"{"m":"no \"route\"\nto host","n":null}"#));
        check("${duration_ms}${nothing}|${fields.status}|${fields.ok:json}", Ok("2.5|502|false"));
        check("${message", Err("has no `}`"));
        check("${}", Err("names nothing"));
        check("${:json}", Err("names nothing"));
    }

    #[test]
    fn bodies() {
        let check = |body: Body, template: Option<&str>, want: &str| {
            let web = Web::plain("http://h");
            let template = template.map(|text| Template::parse(text).unwrap());
            let settings = Settings { web, body, template, content_type: None };
            let mapping = Mapping { only: vec!["level".into()], ..Mapping::default() };
            let got = super::body(&settings, &mapping, &[item(), item()]);
            assert_eq!(String::from_utf8(got).unwrap(), want);
        };
        check(Body::Ndjson, None, "{\"level\":\"error\"}\n{\"level\":\"error\"}\n");
        check(Body::Array, None, "[{\"level\":\"error\"},{\"level\":\"error\"}]");
        check(Body::Ndjson, Some("<${level}>"), "<error>\n<error>\n");
        check(Body::Array, Some("${level:json}"), &json!(["error", "error"]).to_string());
    }
}
