//! Prometheus's text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).

use std::fmt::Write;

use crate::metrics::{Family, Kind};

/// All families that have a series, by name.
pub fn text<'f>(families: impl IntoIterator<Item = &'f Family>) -> String {
    let mut families: Vec<&Family> = families.into_iter().collect();
    families.sort_by(|a, b| a.name.cmp(&b.name));
    let mut text = String::new();
    families.into_iter().for_each(|family| write_family(&mut text, family));
    text
}

fn write_family(text: &mut String, family: &Family) {
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    let mut is_first = true;
    family.each(|suffix, labels, value| {
        if std::mem::take(&mut is_first) {
            let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {0} {help}\n# TYPE {0} {kind}", family.name);
        }
        text.push_str(&family.name);
        text.push_str(suffix);
        for (index, (name, value)) in labels.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
            let _ = write!(text, "{}{name}=\"{value}\"", if index == 0 { "{" } else { "," });
        }
        if !labels.is_empty() {
            text.push('}');
        }
        let _ = writeln!(text, " {}", Number(value));
    });
}

/// As Prometheus reads it.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            value if value.is_nan() => f.write_str("NaN"),
            value if value.is_infinite() => f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" }),
            value => write!(f, "{value}"),
        }
    }
}
