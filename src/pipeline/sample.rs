//! The samples in a pipeline file: lines, and what must come of them.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::pipeline::definition::Sample;
use crate::pipeline::{Compiled, PipelineError, StreamParser};
use crate::record::{Entry, RawBatch};

/// The time at which samples are read: an entry without a time of its own has this.
const READ_TIME: i64 = 1_700_000_000_000_000_000;

/// Runs all samples; returns how many there are.
pub fn run(pipeline: &Arc<Compiled>) -> Result<usize, PipelineError> {
    for (index, sample) in pipeline.samples.iter().enumerate() {
        let entries = entries(pipeline, sample);
        let wrong = |message| PipelineError::Sample {
            path: pipeline.path.clone(),
            line: sample.line,
            number: index + 1,
            message,
        };
        for (number, want) in sample.entries.iter().enumerate() {
            let Some(found) = entries.get(number) else { break };
            let found = found.to_json(true);
            if let Some(difference) = difference("", want, &found) {
                return Err(wrong(format!("entry {}: {difference}; the entry is {found}", number + 1)));
            }
        }
        if entries.len() != sample.entries.len() {
            let extra = entries.get(sample.entries.len()).map(|e| format!("; the next is {:?}", &*e.raw));
            let (found, want) = (entries.len(), sample.entries.len());
            return Err(wrong(format!("gives {found} entries, not {want}{}", extra.unwrap_or_default())));
        }
    }
    Ok(pipeline.samples.len())
}

fn entries(pipeline: &Arc<Compiled>, sample: &Sample) -> Vec<Entry> {
    let source: Arc<str> = Arc::from(sample.source.as_str());
    let mut parser = StreamParser::new(pipeline.clone(), &source, true);
    if let Some(zone) = &sample.zone {
        parser.set_zone(zone.clone());
    }
    let batch = RawBatch {
        source,
        bytes: sample.lines.clone().into_bytes(),
        read_time: READ_TIME,
        written: READ_TIME,
        last: true,
        ..RawBatch::default()
    };
    parser.run(&batch).entries
}

/// Where `found` lacks what `want` says; objects may have more than is said.
fn difference(name: &str, want: &Json, found: &Json) -> Option<String> {
    match (want, found) {
        (Json::Object(want), Json::Object(found)) => want.iter().find_map(|(key, want)| {
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            difference(&name, want, found.get(key).unwrap_or(&Json::Null))
        }),
        (Json::Number(want), Json::Number(found)) if want.as_f64() == found.as_f64() => None,
        _ if want == found => None,
        _ => Some(format!("{name} is {found}, not {want}")),
    }
}
