//! `logmill parse`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::output::{self, Format};
use crate::cli::{Common, Usage, tell_strangers};
use crate::config::load;
use crate::pipeline::Pipeline;
use crate::record::Entry;
use crate::tail::{Once, TailError, source_for};

#[derive(clap::Args)]
pub struct Arguments {
    /// File, plain or compressed; - is standard input
    file: PathBuf,
    /// The pipeline to use [default: the one whose globs match]
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Give the raw text too
    #[arg(long)]
    raw: bool,
    /// Say for each entry which format took it, and why the formats before it did not
    #[arg(long)]
    why: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
    let (file, is_pipe) = (&arguments.file, arguments.file == Path::new("-"));
    let any = Pipeline::any();
    let found = match &arguments.pipeline {
        Some(name) => loaded.pipelines.iter().find(|p| p.name() == name),
        None if is_pipe => None,
        None => source_for(&loaded.sources(), file).map(|index| &loaded.pipelines[index]),
    };
    if let (None, Some(name)) = (found, &arguments.pipeline) {
        return Err(Usage::error(format!("no pipeline is called {name:?}")));
    }
    let pipeline = found.unwrap_or(&any);
    let (encoding, limit) = (pipeline.encoding(), loaded.config.tail_options().max_line);
    let mut input = match is_pipe {
        true => Once::pipe(Box::new(std::io::stdin()), file, encoding, limit),
        false => Once::file(file, encoding, limit).map_err(told)?,
    };
    if found.is_none() && !is_pipe {
        tell_strangers(&[file]);
    }
    let format = common.format_or(if arguments.why { Format::Table } else { Format::Ndjson });
    let mut parser = pipeline.stream(&Arc::from(file.to_string_lossy()));
    loop {
        let (entries, end) = match input.read() {
            Ok(Some(batch)) => (parser.run(&batch).entries, None),
            Ok(None) => return Ok(()),
            // What comes before damage counts.
            Err(error) => (parser.flush().map(|rest| rest.entries).unwrap_or_default(), Some(error)),
        };
        match arguments.why {
            true => entries.iter().try_for_each(|entry| why(pipeline, entry, format))?,
            false => show(&entries, arguments.raw, format)?,
        }
        if let Some(error) = end {
            return Err(told(error));
        }
    }
}

/// Such an error says what it comes from, which must not be said twice.
fn told(error: TailError) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}

fn show(entries: &[Entry], raw: bool, format: Format) -> std::io::Result<()> {
    let raw = raw || format == Format::Raw;
    output::entries(&entries.iter().map(|entry| entry.to_json(raw)).collect::<Vec<_>>(), format)
}

/// Tells which format took an entry, and why others did not.
fn why(pipeline: &Pipeline, entry: &Entry, format: Format) -> anyhow::Result<()> {
    let line = entry.raw.lines().next().unwrap_or("");
    let tried = pipeline.explain(line);
    if matches!(format, Format::Json | Format::Ndjson) {
        let tried: Vec<_> =
            tried.iter().map(|t| serde_json::json!({"format": t.format, "refusal": t.refusal})).collect();
        output::outln!("{}", serde_json::json!({"line": line, "tried": tried, "entry": entry.to_json(false)}));
        return Ok(());
    }
    output::outln!("{line}");
    for tried in tried {
        match tried.refusal {
            Some(refusal) => output::outln!("  not {:<14} {refusal}", tried.format),
            None => output::outln!("  {} {}", output::colour("is", "32"), tried.format),
        }
    }
    Ok(())
}
