//! A message as the body of a POST: as it is, as a text, or as JSON whose texts are templates. A value cannot get out of
//! the JSON text it was put into, because the JSON is written after the templates were filled.

use serde_json::Value as Json;

use crate::alert::rule::{Body, JsonBody, Secret};
use crate::alert::send::headers;
use crate::sys::web::Call;

pub(super) fn call(url: &str, secrets: &[(String, Secret)], body: &Body, message: &Json) -> Result<Call, String> {
    let (kind, body) = match body {
        Body::Whole => ("application/json", message.to_string()),
        Body::Json(body) => ("application/json", fill(body, message).to_string()),
        Body::Text(template) => ("text/plain; charset=utf-8", template.fill(message)),
    };
    let mut headers = headers(secrets)?;
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    Ok(Call { url: url.to_owned(), headers, body: Some(body.into_bytes()), ..Call::default() })
}

fn fill(body: &JsonBody, message: &Json) -> Json {
    match body {
        JsonBody::Text(template) => template.fill(message).into(),
        JsonBody::Other(value) => value.clone(),
        JsonBody::List(items) => items.iter().map(|item| fill(item, message)).collect(),
        JsonBody::Object(members) => {
            Json::Object(members.iter().map(|(key, value)| (key.clone(), fill(value, message))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::template::Template;

    #[test]
    fn values_stay_in_their_texts() {
        let template = |text: &str| Template::new(text, &["alerts"]).unwrap();
        let text = template("{% for a in alerts %}{{ a.summary }}{% endfor %}");
        let body = JsonBody::Object(vec![
            ("text".to_owned(), JsonBody::Text(text.clone())),
            ("list".to_owned(), JsonBody::List(vec![JsonBody::Other(Json::from(1))])),
        ]);
        let message = serde_json::json!({ "alerts": [{"summary": "a\"}, \"b\": \"c\n"}] });
        let sent = |body: &Body| {
            let call = call("http://x", &[], body, &message).unwrap();
            (call.headers[0].1.clone(), String::from_utf8(call.body.unwrap()).unwrap())
        };
        let (kind, json) = sent(&Body::Json(body));
        assert_eq!(kind, "application/json");
        let want = serde_json::json!({ "text": "a\"}, \"b\": \"c\n", "list": [1] });
        assert_eq!(serde_json::from_str::<Json>(&json).unwrap(), want);
        assert_eq!(sent(&Body::Text(text)).1, "a\"}, \"b\": \"c\n");
        assert_eq!(sent(&Body::Whole).1, message.to_string());
        let own = [("Content-Type".to_owned(), Secret::Text("text/x".to_owned()))];
        assert_eq!(call("http://x", &own, &Body::Whole, &message).unwrap().headers.len(), 1);
    }
}
