//! What it costs to understand lines: `cargo bench --bench parse`. CPU nanoseconds an entry on one thread, allocations
//! an entry, and, for a pattern of one's own, the same expression run by hand. Batches of 1 MiB, as the reader makes them;
//! the best of several rounds, since other work on the machine only ever adds.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use logmill::pipeline::Pipeline;
use logmill::record::RawBatch;
use mimalloc::MiMalloc;
use rustix::time::{ClockId, clock_gettime};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// What the program uses.
const INNER: MiMalloc = MiMalloc;

// SAFETY: every call goes to the inner allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { INNER.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { INNER.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const ROUNDS: usize = 15;
const BATCH: usize = 1 << 20;

/// CPU time of this thread in nanoseconds.
fn cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A batch of lines made of `template`, in which `NNN` is a number.
fn batch(templates: &[&str]) -> (RawBatch, u64) {
    let mut text = String::with_capacity(BATCH + 1024);
    let mut lines = 0;
    while text.len() < BATCH {
        let template = templates[lines % templates.len()];
        text.push_str(&template.replace("NNN", &format!("{:03}", lines * 7 % 1000)));
        text.push('\n');
        lines += 1;
    }
    (raw(text.into_bytes()), lines as u64)
}

/// Bytes as the reader gives them.
fn raw(bytes: Vec<u8>) -> RawBatch {
    RawBatch {
        source: Arc::from("x.log"),
        bytes,
        read_time: 1_800_000_000_000_000_000,
        written: 1_800_000_000_000_000_000,
        last: true,
        ..RawBatch::default()
    }
}

/// Nanoseconds and allocations for each of `count` things.
fn measure(count: u64, mut run: impl FnMut()) -> (f64, f64) {
    run();
    let mut best = u64::MAX;
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..ROUNDS {
        let start = cpu();
        run();
        best = best.min(cpu() - start);
    }
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    (best as f64 / count as f64, allocations as f64 / (ROUNDS as u64 * count) as f64)
}

fn pipeline(more: &str) -> Pipeline {
    let text = format!("name = \"bench\"\n[source]\ninclude = [\"x.log\"]\nzone = \"Europe/Berlin\"\n{more}");
    match Pipeline::parse(&text, Path::new("bench.toml")) {
        Ok(pipeline) => pipeline,
        Err(error) => panic!("{error}"),
    }
}

fn parse(name: &str, goal: &str, more: &str, templates: &[&str]) -> f64 {
    let (batch, lines) = batch(templates);
    let pipeline = pipeline(more);
    let source = Arc::from("x.log");
    let mut parser = pipeline.stream(&source);
    let (time, allocations) = measure(lines, || {
        black_box(parser.run(&batch));
    });
    let bytes = batch.bytes.len() as f64 / lines as f64;
    println!("{name:<38} {time:>7.0} ns {allocations:>6.1} allocations {bytes:>6.0} bytes   {goal}");
    time
}

const PYTHON: &str =
    "2026-11-23 10:15:30,NNN - orchestrator.workflow - INFO - Executing phase NNN of workflow, attempt 2";
const JSON: &str = r#"{"timestamp": "2026-11-23T10:15:30.123NNN", "level": "INFO", "logger": "orchestrator.workflow", "message": "Workflow event: phase_completed", "module": "logging_config", "function": "log_workflow_event", "line": NNN, "taskName": null, "context": {"workflow_id": "wf-8f3aNNNc", "agent_name": "coder", "session_id": "session_1751400NNN"}, "event_type": "phase_completed", "event_data": {"workflow_type": "tdd", "duration_seconds": 83.2}}"#;
const UVICORN: &str = "INFO:     127.0.0.1:52NNN - \"GET /workflow-status/7d0c HTTP/1.1\" 200 OK";
const OWN: &str = "NNN;2026-11-23T10:15:30Z;WARNING;billing;took NNN ms for order 4711";
const PATTERN: &str = r"^(?P<id>[0-9]+);(?P<time>[^;]+);(?P<level>[A-Z]+);(?P<logger>[a-z]+);(?P<message>.*)$";
const LAYOUT: &str = "{id:int};{time};{level};{logger};{message}";

fn main() {
    println!("one thread, best of {ROUNDS} rounds of {BATCH} bytes; an entry:");
    parse("Python text", "goal 250", "", &[PYTHON]);
    parse("JSON with nested context", "goal 900", "", &[JSON]);
    parse("uvicorn access", "goal 250", "", &[UVICORN]);
    parse("syslog", "", "", &["Nov 23 10:15:30 host sshd[12NNN]: Accepted publickey for alice from 10.0.0.7"]);
    parse(
        "combined access",
        "",
        "",
        &[r#"10.0.0.7 - - [23/Nov/2026:10:15:30 +0000] "GET /x/NNN HTTP/1.1" 200 512 "-" "curl/8.0""#],
    );
    parse("free text", "", "", &["nothing that anybody would know, line NNN of a long story"]);
    // Every line is of another format than the one before, so that all are tried: what detection may cost at worst.
    parse(
        "four formats in turn",
        "",
        "",
        &[PYTHON, JSON, UVICORN, "[2026-11-23 10:15:30 +0100] [NNN] [INFO] Booting worker"],
    );
    parse(
        "Python text, all recipes of redaction",
        "goal 400 more",
        "[redact]\nrecipes = [\"keys\", \"tokens\", \"email\", \"credit_card\", \"ipv4\"]\n",
        &[PYTHON],
    );
    detection("finding the format of Python text", PYTHON);
    detection("finding the format of uvicorn access", UVICORN);
    own_pattern();
}

/// What it costs that a file's format is not known when it begins: files of a thousand lines, each with a parser that
/// knows nothing yet, beside one parser for all of them.
fn detection(name: &str, template: &str) {
    let (batch, lines) = batch(&[template]);
    let pipeline = pipeline("");
    let source = Arc::from("x.log");
    let lines_of: Vec<&[u8]> = batch.bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let files: Vec<_> = lines_of.chunks_exact(1_000).map(|lines| raw(lines.concat())).collect();
    let count = lines / 1_000 * 1_000;
    let mut known = pipeline.stream(&source);
    let (with, _) = measure(count, || files.iter().for_each(|file| drop(black_box(known.run(file)))));
    let (without, _) =
        measure(count, || files.iter().for_each(|file| drop(black_box(pipeline.stream(&source).run(file)))));
    println!("{name:<38} {:>7.1} ns                                goal 20", without - with);
}

/// A pattern of one's own beside the expression alone.
fn own_pattern() {
    let more = format!("[parse]\nformats = [\"own\"]\n[[format]]\nname = \"own\"\npattern = '{PATTERN}'\n");
    let whole = parse("own pattern", "goal: the expression + 20 %", &more, &[OWN]);
    let (batch, lines) = batch(&[OWN]);
    let Ok(regex) = regex::Regex::new(PATTERN) else { return };
    let mut places = regex.capture_locations();
    let text = String::from_utf8_lossy(&batch.bytes);
    let (alone, _) = measure(lines, || {
        for line in text.lines() {
            black_box(regex.captures_read(&mut places, line));
        }
    });
    println!("{:<38} {alone:>7.0} ns, so ours is {:.2} of it", "the expression alone", whole / alone);
    // What an entry costs that a layout takes apart: the rest is what the expression costs within ours.
    let more = format!("[parse]\nformats = [\"own\"]\n[[format]]\nname = \"own\"\nlayouts = ['{LAYOUT}']\n");
    let entry = parse("the same as a layout", "", &more, &[OWN]);
    println!(
        "{:<38} {:>7.0} ns, {:.2} of the expression alone",
        "  what the pattern costs beside it",
        whole - entry,
        (whole - entry) / alone
    );
}
