//! `logmill parse`.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::output::{self, Format};
use crate::cli::{Common, Usage};
use crate::config::load;
use crate::pipeline::{Pipeline, StreamParser};
use crate::record::{Entry, Position, RawBatch};
use crate::sys::clock;
use crate::sys::encoding::Encoding;
use crate::tail::{Content, source_like};

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
    let any = Pipeline::any();
    let pipeline = match &arguments.pipeline {
        Some(name) => loaded.pipelines.iter().find(|p| p.name() == name),
        None => source_like(&loaded.sources(), &arguments.file).map(|index| &loaded.pipelines[index]),
    };
    if let (None, Some(name)) = (pipeline, &arguments.pipeline) {
        return Err(Usage::error(format!("no pipeline is called {name:?}")));
    }
    let format = common.format_or(if arguments.why { Format::Table } else { Format::Ndjson });
    let raw = arguments.raw || format == Format::Raw;
    let source: Arc<str> = Arc::from(arguments.file.to_string_lossy());
    let position = Position::default();
    let parser = pipeline.unwrap_or(&any).stream(&source);
    let (mut read, written) = reader(&arguments.file)?;
    let mut run =
        Run { parser, position, source, written, encoding: pipeline.unwrap_or(&any).encoding(), rest: Vec::new() };
    loop {
        let mut chunk = vec![0; CHUNK];
        let count = read(&mut chunk)?;
        let entries = run.feed(&chunk[..count], count == 0);
        if arguments.why {
            entries.iter().try_for_each(|entry| why(pipeline.unwrap_or(&any), entry, format))?;
            if count == 0 {
                return Ok(());
            }
            continue;
        }
        let json: Vec<_> = entries.iter().map(|e| e.to_json(raw)).collect();
        output::entries(&json, format)?;
        if count == 0 {
            return Ok(());
        }
    }
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

const CHUNK: usize = 1 << 20;

type Reader = Box<dyn FnMut(&mut [u8]) -> std::io::Result<usize>>;

/// What gives the file's bytes, and when it was written last.
fn reader(file: &std::path::Path) -> anyhow::Result<(Reader, i64)> {
    if file == std::path::Path::new("-") {
        return Ok((Box::new(|buffer| std::io::stdin().lock().read(buffer)), clock::now()));
    }
    let (mut content, metadata) = Content::open(file).map_err(|e| anyhow::anyhow!("{}: {e}", file.display()))?;
    let written = metadata.modified().map_or_else(|_| clock::now(), clock::from_system);
    let mut offset = 0;
    let read = move |buffer: &mut [u8]| {
        let count = content.read_at(offset, buffer)?;
        offset += count as u64;
        Ok(count)
    };
    Ok((Box::new(read), written))
}

struct Run {
    parser: StreamParser,
    position: Position,
    source: Arc<str>,
    written: i64,
    /// As the pipeline says, and then as the file shows.
    encoding: Option<Encoding>,
    /// The beginning of a line whose end is not there yet.
    rest: Vec<u8>,
}

impl Run {
    fn feed(&mut self, chunk: &[u8], last: bool) -> Vec<Entry> {
        self.rest.extend_from_slice(chunk);
        let offset = self.position.offset;
        if offset == 0 {
            self.encoding = Encoding::of(&self.rest, self.encoding);
        }
        let encoding = self.encoding.unwrap_or_default();
        let end = if last { self.rest.len() } else { encoding.last_line_end(&self.rest, offset).unwrap_or(0) };
        let bytes: Vec<u8> = self.rest.drain(..end).collect();
        self.position.offset += bytes.len() as u64;
        let batch = RawBatch {
            source: self.source.clone(),
            offset,
            encoding,
            bytes,
            read_time: clock::now(),
            written: self.written,
            position: self.position.clone(),
            last,
            ..RawBatch::default()
        };
        let mut entries = self.parser.run(&batch).entries;
        if last && let Some(flushed) = self.parser.flush() {
            entries.extend(flushed.entries);
        }
        entries
    }
}
