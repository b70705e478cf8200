//! Texts with places for values: `{{ labels.workflow_type }}: {{ value | percent }} failed`.

use std::collections::BTreeMap;

use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde::Serialize;

use crate::sys::units::{Bytes, Span};

/// A text made from a template is cut here.
const MAX_TEXT: usize = 64 << 10;
/// Steps that a template may take.
const MAX_STEPS: u64 = 100_000;

/// A template that was found to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// What is wrong with a template.
#[derive(Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Bytes from the template's beginning.
    pub at: usize,
    pub message: String,
}

impl Template {
    /// `names` are those a template may speak of.
    pub fn new(text: &str, names: &[&str]) -> Result<Template, TemplateError> {
        let environment = environment();
        let template = environment.template_from_str(text).map_err(|error| TemplateError {
            at: error.range().map_or(0, |range| range.start),
            message: error.detail().map_or_else(|| error.to_string(), str::to_owned),
        })?;
        // Filters are looked up, and numbers are told from texts, when they are used. What else a value may be is not known.
        let is_number = |name: &&&str| matches!(**name, "value" | "threshold");
        let numbers: BTreeMap<&str, f64> = names.iter().filter(is_number).map(|name| (*name, 1.5)).collect();
        let is_wrong = |error: &minijinja::Error| match error.kind() {
            ErrorKind::UnknownFilter | ErrorKind::UnknownFunction | ErrorKind::UnknownTest => true,
            ErrorKind::InvalidOperation => !error.detail().is_some_and(|detail| detail.contains("undefined")),
            _ => false,
        };
        if let Err(error) = template.render(&numbers)
            && is_wrong(&error)
        {
            return Err(TemplateError {
                at: error.range().map_or(0, |range| range.start),
                message: error.detail().map_or_else(|| error.to_string(), str::to_owned),
            });
        }
        let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        unknown.retain(|name| !names.contains(&name.as_str()));
        unknown.sort();
        match unknown.first() {
            None => Ok(Template(text.to_owned())),
            Some(name) => Err(TemplateError {
                at: text.find(name.as_str()).unwrap_or(0),
                message: format!("there is no {name:?} here; there are {}", names.join(", ")),
            }),
        }
    }

    /// What cannot be filled in (a filter that has no use for a value) is told in the text itself: an alert must go out.
    pub fn fill(&self, values: &impl Serialize) -> String {
        let environment = environment();
        let filled = environment.render_str(&self.0, minijinja::value::Serde(values));
        let mut text = filled.unwrap_or_else(|error| format!("{} (template: {error})", self.0));
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_fuel(Some(MAX_STEPS));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_filter("percent", |value: f64| format!("{} %", short(value * 100.0)));
    environment.add_filter("short", short);
    environment.add_filter("bytes", |value: f64| Bytes(value.max(0.0) as u64).to_string());
    environment.add_filter("duration", |seconds: f64| {
        Span(std::time::Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()).to_string()
    });
    environment
}

/// A number with at most two digits behind the point.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in() {
        let check = |text: &str, want: &str| {
            let values = serde_json::json!({
                "value": 0.1234, "labels": {"kind": "tdd \"x\""}, "alerts": [{"n": 1}, {"n": 2}], "seconds": 5400,
            });
            let template = Template::new(text, &["value", "labels", "alerts", "seconds"]).unwrap();
            assert_eq!(template.fill(&values), want, "{text}");
        };
        check("plain", "plain");
        check("{{ labels.kind }}: {{ value | percent }}", "tdd \"x\": 12.34 %");
        check("{{ labels.none }}{{ labels.none.deeper }}.", ".");
        check("{% for a in alerts %}{{ a.n }};{% endfor %}", "1;2;");
        check("{{ seconds | duration }} {{ 1536 | bytes }} {{ 2.0 | short }} {{ 10 | short }}", "1h30m 1.5 KiB 2 10");
    }

    #[test]
    fn mistakes_have_a_place() {
        let check = |text: &str, at: usize, want: &str| {
            let error = Template::new(text, &["value"]).unwrap_err();
            assert!(error.at == at && error.message.contains(want), "{text}: {error:?}");
        };
        check("a {{ vaule }}", 5, "there is no \"vaule\" here; there are value");
        check("a {{ value", 5, "end of input");
        check("a {{ value | nofilter }}", 13, "nofilter");
        // A filter comes before a division.
        check("a {{ value / 1000 | short }}", 5, "unsupported types number and string");
    }

    #[test]
    fn a_template_does_not_run_for_ever() {
        let text = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        let filled = Template::new(text, &[]).map(|template| template.fill(&()));
        assert!(filled.unwrap_or_default().len() <= MAX_TEXT);
    }
}
