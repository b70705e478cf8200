//! Big uniform corpora for measuring: one day of an orchestrator's log, as fast as it can be written.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::generate::random::Random;
use crate::generate::shape::{Json, Stamp, json, text_head};
use crate::generate::truth::Truth;
use crate::generate::words::{AGENTS, EXCEPTIONS, FOLDERS, LOGGERS, MODELS, STEMS, WORDS, WORKFLOW_TYPES};
use crate::record::Level;

/// 2026-11-23T00:00:00Z: when the corpora begin, nanoseconds since the epoch.
pub const CORPUS_START: i64 = 1_795_392_000_000_000_000;
const DAY_NS: i128 = 86_400_000_000_000;
/// Entries that one workflow leaves, in the mean.
const ENTRIES_A_WORKFLOW: u64 = 140;
/// Bytes gathered before they are written.
const BUFFER: usize = 64 * 1024;

/// Writes `n` entries of Python's text format (shape B, in UTC), spread over a day; one in a hundred has a traceback.
pub fn corpus_text(seed: u64, n: u64, out: &mut impl Write) -> io::Result<Truth> {
    write_corpus(seed, n, out, "corpus.log", |corpus, out, entry| {
        text_head(out, &mut corpus.stamp, entry.time, entry.logger, entry.level);
        if let Some(workflow) = entry.workflow {
            let Workflow { id, kind } = workflow;
            let _ = write!(out, "[workflow_id=wf-{id:08x} type={kind} agent={}] ", entry.agent);
        }
        message(&mut corpus.random, entry.level, out);
        out.push('\n');
        if entry.traceback {
            traceback(&mut corpus.random, out, "\n");
        }
    })
}

/// Writes `n` entries of JSON lines (shape A) with context, spread over a day.
pub fn corpus_json(seed: u64, n: u64, out: &mut impl Write) -> io::Result<Truth> {
    let (mut text, mut context, mut extra) = (String::new(), String::new(), String::new());
    write_corpus(seed, n, out, "corpus.jsonl", |corpus, out, entry| {
        text.clear();
        context.clear();
        extra.clear();
        message(&mut corpus.random, entry.level, &mut text);
        let random = &mut corpus.random;
        let _ = write!(context, "\"agent_name\": \"{}\"", entry.agent);
        if let Some(Workflow { id, .. }) = entry.workflow {
            let session = 1_751_400_000 + u64::from(id) % 100_000;
            let _ = write!(context, ", \"workflow_id\": \"wf-{id:08x}\", \"session_id\": \"session_{session}\"");
        }
        let (duration, success) = (random.duration_ms(), entry.level < Level::Error);
        let _ = write!(extra, "\"operation\": \"{}\", \"duration_ms\": {duration:.3}, ", random.pick(&WORDS));
        let _ = write!(extra, "\"success\": {success}, \"attempt\": {}", random.below(5));
        if entry.traceback {
            extra.push_str(", \"exception\": \"");
            traceback(random, &mut extra, "\\n");
            extra.push('"');
        }
        let parts = Json { logger: entry.logger, message: &text, function: "emit", context: &context, extra: &extra };
        json(out, &mut corpus.stamp, entry.time, entry.level, &parts);
        out.push('\n');
    })
}

struct Corpus {
    random: Random,
    stamp: Stamp,
}

#[derive(Clone, Copy)]
struct Workflow {
    id: u32,
    kind: &'static str,
}

struct Head {
    time: i64,
    level: Level,
    logger: &'static str,
    agent: &'static str,
    workflow: Option<Workflow>,
    traceback: bool,
}

fn write_corpus(
    seed: u64,
    n: u64,
    out: &mut impl Write,
    file: &str,
    mut shape: impl FnMut(&mut Corpus, &mut String, &Head),
) -> io::Result<Truth> {
    let mut corpus = Corpus { random: Random::new(seed), stamp: Stamp::new(false) };
    let workflows = workflows(seed, n / ENTRIES_A_WORKFLOW + 1);
    let mut truth = Truth::default();
    let mut buffer = String::with_capacity(BUFFER + 4096);
    for index in 0..n {
        let time = CORPUS_START + (DAY_NS * i128::from(index) / i128::from(n)) as i64;
        let head = head(&mut corpus.random, time, &workflows, index);
        let before = buffer.len();
        shape(&mut corpus, &mut buffer, &head);
        truth.count(file, head.level, buffer.len() - before);
        if buffer.len() >= BUFFER {
            out.write_all(buffer.as_bytes())?;
            buffer.clear();
        }
    }
    out.write_all(buffer.as_bytes())?;
    out.flush()?;
    Ok(truth)
}

fn workflows(seed: u64, count: u64) -> Vec<Workflow> {
    let mut random = Random::new(!seed);
    let mut workflow = |_| {
        let kind = random.weighted(WORKFLOW_TYPES.iter().map(|kind| kind.weight));
        Workflow { id: random.next() as u32, kind: WORKFLOW_TYPES[kind].name }
    };
    (0..count).map(&mut workflow).collect()
}

fn head(random: &mut Random, time: i64, workflows: &[Workflow], index: u64) -> Head {
    let (level, traceback) = match random.below(1000) {
        0..10 => (Level::Error, true),
        10..30 => (Level::Error, false),
        30..80 => (Level::Warning, false),
        80..230 => (Level::Debug, false),
        _ => (Level::Info, false),
    };
    // The workflows at work slide with time, and some live all day.
    let near = index / ENTRIES_A_WORKFLOW + random.exponential(40.0) as u64;
    let chosen = if random.chance(0.03) { random.next() } else { near } % workflows.len() as u64;
    let workflow = random.chance(0.92).then(|| workflows[chosen as usize]);
    Head { time, level, logger: random.pick(&LOGGERS), agent: random.pick(&AGENTS), workflow, traceback }
}

fn words(random: &mut Random, count: u64, out: &mut String) {
    for index in 0..count {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(random.pick(&WORDS));
    }
}

/// One message, without characters that JSON would escape.
fn message(random: &mut Random, level: Level, out: &mut String) {
    let ms = random.duration_ms();
    let (number, hex) = (random.below(9000), random.next());
    let (word, stem, folder) = (random.pick(&WORDS), random.pick(&STEMS), random.pick(&FOLDERS));
    let _ = match (level, random.below(5)) {
        (Level::Error, kind) => {
            let (name, said) = random.pick(&EXCEPTIONS);
            match kind {
                0 | 1 => {
                    write!(out, "workflow step failed: {name}: {said} (step={}, host=worker-{:02})", hex % 40, hex % 12)
                }
                2 => {
                    write!(out, "LLM call failed model={} request_id=req_{hex:016x} error={name}", random.pick(&MODELS))
                }
                _ => write!(out, "task task-{:010x} failed after {} attempts: {name}: {said}", hex >> 24, hex % 8 + 1),
            }
        }
        (Level::Warning, 0 | 1) => write!(out, "slow operation: {word} {stem} took {ms:.3} ms (threshold 1000 ms)"),
        (Level::Warning, 2) => {
            write!(out, "retrying POST /execute-workflow (attempt {}/5) after {ms:.3} ms: {word} {stem}", hex % 5 + 1)
        }
        (Level::Warning, _) => {
            write!(out, "rate limit approaching for model={}: {number}/10000 requests in window", random.pick(&MODELS))
        }
        (Level::Debug, 0 | 1) => {
            write!(out, "cache lookup key={word}:{hex:016x} hit={} ttl={}s", hex & 1 == 0, number / 3)
        }
        (Level::Debug, 2) => {
            write!(out, "SELECT {word}, {stem} FROM {stem}s WHERE id = {} LIMIT 50 took {ms:.3} ms", hex % 10_000_000)
        }
        (Level::Debug, _) => write!(
            out,
            "acquired lease lease-{:08x} on shard {} epoch={number} holder=worker-{:02}",
            hex as u32,
            hex % 64,
            hex % 12
        ),
        (_, 0) => write!(
            out,
            "state transition PLANNING -> CODING after {ms:.3} ms (step {}/40) in {folder}/{stem}.py",
            hex % 40
        ),
        (_, 1) => write!(
            out,
            "LLM call completed model={} prompt_tokens={number} duration_ms={ms:.3} request_id=req_{hex:016x}",
            random.pick(&MODELS)
        ),
        (_, 2) => {
            write!(out, "wrote {} bytes to /srv/app/{folder}/{stem}_{}.py (sha256={hex:016x})", hex % 400_000, hex % 40)
        }
        (_, 3) => {
            write!(out, "running pytest on {folder}/{stem}.py: {} passed, {} failed in {ms:.3}s", number / 20, hex % 5)
        }
        (_, _) => write!(out, "agent handoff accepted"),
    };
    out.push_str(": ");
    words(random, 2 + hex % 6, out);
}

/// A traceback whose lines end with `end`; the frames are indented as Python does it.
fn traceback(random: &mut Random, out: &mut String, end: &str) {
    let quote = if end == "\n" { "\"" } else { "\\\"" };
    let _ = write!(out, "Traceback (most recent call last):{end}");
    for _ in 0..2 + random.below(4) {
        let (folder, stem, word, line) =
            (random.pick(&FOLDERS), random.pick(&STEMS), random.pick(&WORDS), random.below(900) + 1);
        let _ = write!(out, "  File {quote}/srv/app/{folder}/{stem}.py{quote}, line {line}, in {word}_{stem}{end}");
        let _ = write!(out, "    result = await self.{stem}.{word}(timeout={}){end}", random.below(90));
    }
    let (name, said) = random.pick(&EXCEPTIONS);
    let _ = write!(out, "{name}: {said}{end}");
}
