//! Layer 3: pipelines say which files to follow and what their lines mean. A definition (`pipelines/*.toml`) is
//! compiled once; each followed file then has a [`StreamParser`], which turns batches of lines into entries. What follows
//! is the page for those who write them.
#![doc = include_str!("manual.md")]

mod definition;
mod explain;
mod formats;
mod limit;
mod line;
mod metric;
mod place;
mod redact;
mod rules;
mod sample;
mod stream;
mod tables;
mod whole;

#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex::Regex;

use crate::parse::{Format, Zone, known};
use crate::sys::encoding::Encoding;

pub use metric::{Metric, MetricKind};
pub use stream::StreamParser;

use formats::Formats;
use rules::Rules;
use sample::Sample;

pub use explain::Tried;
pub use place::Place;
pub use rules::Fate;

/// The pipelines that are used where there is no folder of them.
const SHIPPED: [(&str, &str); 3] = [
    ("pipelines/orchestrator.toml", include_str!("../../pipelines/orchestrator.toml")),
    ("pipelines/api.toml", include_str!("../../pipelines/api.toml")),
    ("pipelines/sessions.toml", include_str!("../../pipelines/sessions.toml")),
];
/// The name of [`Pipeline::any`].
const ANY: &str = "ingest";
/// The name of [`Pipeline::received`].
pub const RECEIVED: &str = "received";
/// More files in a folder are refused: it is the wrong folder.
const MAX_FILES: usize = 1_000;
/// A longer definition is refused.
const MAX_BYTES: u64 = 1 << 20;

/// A mistake in a definition, with its place and the way out.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error("{path}: cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}:{line}:{column}: {message}\n{excerpt}")]
    Wrong { path: PathBuf, line: usize, column: usize, message: String, excerpt: String },
    #[error("{path}: {message}")]
    Folder { path: PathBuf, message: String },
}

/// A compiled pipeline. Clones share it.
#[derive(Clone, Debug)]
pub struct Pipeline(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    name: String,
    service: Arc<str>,
    path: PathBuf,
    include: Vec<String>,
    exclude: Vec<String>,
    start_at_end: bool,
    encoding: Option<Encoding>,
    zone: Zone,
    /// Group 1, matched against the path, is the session id of lines that name none.
    session_id: Option<Regex>,
    formats: Formats,
    rules: Rules,
    metrics: Vec<Metric>,
    samples: Vec<Sample>,
}

impl Pipeline {
    /// Compiles a definition; `path` is for messages.
    pub fn parse(text: &str, path: &Path) -> Result<Pipeline, PipelineError> {
        definition::compile(text, path).map(|compiled| Pipeline(Arc::new(compiled)))
    }

    pub fn load(path: &Path) -> Result<Pipeline, PipelineError> {
        let read = |source| PipelineError::Read { path: path.to_owned(), source };
        let length = std::fs::metadata(path).map_err(read)?.len();
        if length > MAX_BYTES {
            let message = format!("has {length} bytes; a pipeline has at most {MAX_BYTES}");
            return Err(PipelineError::Folder { path: path.to_owned(), message });
        }
        Pipeline::parse(&std::fs::read_to_string(path).map_err(read)?, path)
    }

    /// The pipelines of the home system, built in.
    pub fn shipped() -> Vec<Pipeline> {
        let parse = |(path, text): (&str, &str)| Pipeline::parse(text, Path::new(path));
        // A test loads them, so that none is missing here.
        SHIPPED.into_iter().filter_map(|shipped| parse(shipped).ok()).collect()
    }

    /// Follows nothing by itself, and reads any file: for files named by hand that no pipeline knows.
    pub fn any() -> Pipeline {
        Pipeline::built_in(ANY, Vec::new(), known().to_vec())
    }

    /// Entries that were received from elsewhere, in their JSON form, from the files that the glob takes.
    pub fn received(glob: String) -> Pipeline {
        Pipeline::built_in(RECEIVED, vec![glob], vec![Arc::new(Format::of_records()), Arc::new(Format::of_text())])
    }

    fn built_in(name: &str, include: Vec<String>, formats: Vec<Arc<Format>>) -> Pipeline {
        Pipeline(Arc::new(Compiled {
            name: name.to_owned(),
            service: name.into(),
            path: PathBuf::from("built in"),
            include,
            exclude: Vec::new(),
            start_at_end: false,
            encoding: None,
            zone: Zone::local(),
            session_id: None,
            formats: Formats::new(formats),
            rules: Rules::default(),
            metrics: Vec::new(),
            samples: Vec::new(),
        }))
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The `service` of its entries.
    pub fn service(&self) -> &str {
        &self.0.service
    }

    /// Globs of the files it follows, relative to the working folder.
    pub fn include(&self) -> &[String] {
        &self.0.include
    }

    pub fn exclude(&self) -> &[String] {
        &self.0.exclude
    }

    /// Whether files that are there at the first start are followed from their end on.
    pub fn start_at_end(&self) -> bool {
        self.0.start_at_end
    }

    /// Of files without a byte order mark, where it is said.
    pub fn encoding(&self) -> Option<Encoding> {
        self.0.encoding
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Runs the samples of the definition; returns how many there are.
    pub fn test(&self) -> Result<usize, PipelineError> {
        sample::run(&self.0)
    }

    /// Which of its formats know a line, and why the others do not.
    pub fn explain(&self, line: &str) -> Vec<Tried> {
        explain::explain(&self.0, line)
    }

    /// How many secrets of each kind were redacted since the start or the last reload.
    pub fn redacted(&self) -> Vec<(String, u64)> {
        let counts = self.0.rules.redactor.iter().flat_map(|redactor| redactor.counts());
        counts.map(|(name, count)| (name.to_owned(), count)).filter(|(_, count)| *count > 0).collect()
    }

    /// The numbers that its entries are counted in.
    pub fn metrics(&self) -> &[Metric] {
        &self.0.metrics
    }

    /// The parser for one file, `source`.
    pub fn stream(&self, source: &Arc<str>) -> StreamParser {
        StreamParser::new(self.0.clone(), source, true)
    }
}

/// All `*.toml` of a folder, by name; or everything that is wrong with them.
pub fn load_folder(folder: &Path) -> Result<Vec<Pipeline>, Vec<PipelineError>> {
    let paths = definitions(folder).map_err(|error| vec![error])?;
    let mut pipelines: Vec<Pipeline> = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        match Pipeline::load(&path) {
            Ok(pipeline) => match pipelines.iter().find(|p| p.name() == pipeline.name()) {
                Some(other) => {
                    let message = format!("is called {:?} like {}", pipeline.name(), other.path().display());
                    errors.push(PipelineError::Folder { path, message });
                }
                None => pipelines.push(pipeline),
            },
            Err(error) => errors.push(error),
        }
    }
    errors.extend(metric::disagreements(&pipelines));
    if errors.is_empty() { Ok(pipelines) } else { Err(errors) }
}

fn definitions(folder: &Path) -> Result<Vec<PathBuf>, PipelineError> {
    let read = |source| PipelineError::Read { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for item in std::fs::read_dir(folder).map_err(read)? {
        let path = item.map_err(read)?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            paths.push(path);
        }
    }
    if paths.len() > MAX_FILES {
        let message = format!("holds {} pipelines; more than {MAX_FILES} are refused", paths.len());
        return Err(PipelineError::Folder { path: folder.to_owned(), message });
    }
    paths.sort();
    Ok(paths)
}
