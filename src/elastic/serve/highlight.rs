//! Where in a hit the words are that were looked for, as Grafana's logs show them.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::document::flat;
use super::fault::Fault;
use super::json;
use super::place::fits;
use crate::query::tokens::{to_lower, tokens};
use crate::record::Entry;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Highlight {
    patterns: Vec<String>,
    before: String,
    after: String,
}

impl Highlight {
    pub fn read(value: Option<&Json>) -> Result<Option<Highlight>, Fault> {
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
        let object = json::object(value, "highlight")?;
        let tag = |name: &str, default: &str| {
            let first = object
                .get(name)
                .and_then(|tags| json::listed(tags).first().and_then(|tag| tag.as_str().map(str::to_owned)));
            first.unwrap_or_else(|| default.to_owned())
        };
        let patterns = match object.get("fields") {
            Some(Json::Object(fields)) => fields.keys().cloned().collect(),
            Some(Json::Array(list)) => {
                list.iter().filter_map(Json::as_object).flat_map(|one| one.keys().cloned()).collect()
            }
            _ => return Err(Fault::parsing("[fields] is missing").inside("highlight")),
        };
        Ok(Some(Highlight { patterns, before: tag("pre_tags", "<em>"), after: tag("post_tags", "</em>") }))
    }

    /// The texts that have one of `words`, with it marked; nothing where there is none.
    pub fn of(&self, words: &BTreeSet<String>, entry: &Entry) -> Option<Json> {
        let mut found = Map::new();
        for (name, value) in flat(&entry.to_json(false)) {
            let Json::String(text) = value else { continue };
            if self.patterns.iter().any(|pattern| fits(pattern, &name))
                && let Some(marked) = self.marked(words, &text)
            {
                found.insert(name, json!([marked]));
            }
        }
        (!found.is_empty()).then(|| found.into())
    }

    fn marked(&self, words: &BTreeSet<String>, text: &str) -> Option<String> {
        let mut marked = String::new();
        let mut done = 0;
        for token in tokens(text).filter(|token| words.contains(&to_lower(token))) {
            let start = token.as_ptr() as usize - text.as_ptr() as usize;
            marked += text.get(done..start)?;
            marked.extend([&self.before, token, &self.after]);
            done = start + token.len();
        }
        (done > 0).then(|| marked + text.get(done..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_marked() {
        let highlight = Highlight { patterns: vec!["*".into()], before: "<".into(), after: ">".into() };
        let words = BTreeSet::from(["größe".to_owned(), "b".to_owned()]);
        let check = |text: &str, want: Option<&str>| assert_eq!(highlight.marked(&words, text).as_deref(), want);
        check("a b, GRÖSSE Größe ab b", Some("a <b>, GRÖSSE <Größe> ab <b>"));
        check("a", None);
        check("", None);
    }
}
