//! Arbitrary input for whatever reads text of others, on stable Rust: a loop that mutates a corpus and keeps what shows
//! something new. `targets.rs` has the table; a row is all that a new reader needs.
//!
//! `cargo nextest run fuzz` does a fixed number of rounds, the same at every run. More:
//!
//! | variable | meaning |
//! |---|---|
//! | `LOGMILL_FUZZ_SECONDS=n` | n seconds for each target instead |
//! | `LOGMILL_FUZZ=name` | only targets whose name has this |
//! | `LOGMILL_SEED=n` | another row of inputs |
//!
//! A target fails by a panic of its reader or of its own checks. An input that fails or hangs is made smaller, put in the
//! temporary folder, and printed with the seed.

mod elastic;
mod lines;
mod mutate;
mod targets;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mutate::Random;
use targets::Target;

/// One input may take as long as this; the machine may be busy, and a thousandth of it is usual.
const HANG: Duration = Duration::from_secs(30);
/// Inputs that are kept because they showed something new.
const MAX_CORPUS: usize = 4_000;
/// Inputs tried to make one that fails smaller.
const SHRINKS: usize = 300;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[test]
fn readers_take_whatever_comes() {
    let seed = setting("LOGMILL_SEED").unwrap_or(1);
    let only = std::env::var("LOGMILL_FUZZ").unwrap_or_default();
    let chosen: Vec<&'static Target> = targets::ALL.iter().filter(|target| target.name.contains(&only)).collect();
    assert!(!chosen.is_empty(), "LOGMILL_FUZZ={only} is no target");
    for target in chosen {
        watch(target, seed);
    }
}

/// What the watching thread knows of the working one.
#[derive(Default)]
struct Now {
    round: u64,
    input: Vec<u8>,
}

/// Runs a target in a thread of its own, so that an input that hangs is known.
fn watch(target: &'static Target, seed: u64) {
    let now = Arc::new(Mutex::new(Now::default()));
    let (done, end) = mpsc::channel();
    let worker = std::thread::spawn({
        let now = Arc::clone(&now);
        move || done.send(fuzz(target, seed, &now)).ok()
    });
    let mut seen = (u64::MAX, Instant::now());
    loop {
        match end.recv_timeout(Duration::from_millis(200)) {
            Ok(Ok(())) => return,
            Ok(Err(text)) => panic!("{text}"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("{}: the fuzzer itself failed: {:?}", target.name, worker.join())
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = now.lock().unwrap();
        if now.round != seen.0 {
            seen = (now.round, Instant::now());
        }
        assert!(seen.1.elapsed() < HANG, "{}", report(target, seed, &now.input, "it takes longer than 30 s"));
    }
}

fn fuzz(target: &Target, seed: u64, now: &Mutex<Now>) -> Result<(), String> {
    let begin = Instant::now();
    let limit = setting("LOGMILL_FUZZ_SECONDS").map(Duration::from_secs);
    let mut random = Random::new(seed);
    let mut corpus: Vec<Vec<u8>> = target.corpus.iter().map(|text| text.as_bytes().to_vec()).collect();
    let (mut seen, mut slowest, mut rounds) = (HashSet::new(), Duration::ZERO, 0);
    while limit.map_or(rounds < target.rounds, |limit| begin.elapsed() < limit) {
        // The corpus itself comes first.
        let first =
            usize::try_from(rounds).ok().and_then(|round| corpus.get(round)).filter(|_| seen.len() < MAX_CORPUS);
        let input = match first {
            Some(input) if rounds < target.corpus.len() as u64 => input.clone(),
            _ => mutate::mutate(&corpus, target.words, &mut random),
        };
        rounds += 1;
        *now.lock().unwrap() = Now { round: rounds, input: input.clone() };
        let started = Instant::now();
        let traits = attempt(target, &input).map_err(|_| {
            let small = shrink(target, input.clone());
            let why = attempt(target, &small).err().unwrap_or_default();
            report(target, seed, &small, &why)
        })?;
        slowest = slowest.max(started.elapsed());
        let before = seen.len();
        seen.extend(traits);
        if seen.len() > before && corpus.len() < MAX_CORPUS {
            corpus.push(input);
        }
    }
    let (kept, took) = (corpus.len(), begin.elapsed());
    println!(
        "{}: {rounds} inputs in {took:.1?}, slowest {slowest:.1?}, {} traits, {kept} kept",
        target.name,
        seen.len()
    );
    Ok(())
}

/// What an input showed, or why it failed.
fn attempt(target: &Target, input: &[u8]) -> Result<Vec<String>, String> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
    })
}

/// Leaves parts out while what is left still fails.
fn shrink(target: &Target, mut input: Vec<u8>) -> Vec<u8> {
    let (mut tries, mut size) = (0, input.len() / 2);
    while size > 0 {
        let mut at = 0;
        while at < input.len() && tries < SHRINKS {
            let mut less = input.clone();
            less.drain(at..(at + size).min(input.len()));
            tries += 1;
            match attempt(target, &less) {
                Err(_) => input = less,
                Ok(_) => at += size,
            }
        }
        size /= 2;
    }
    input
}

fn report(target: &Target, seed: u64, input: &[u8], why: &str) -> String {
    let path = std::env::temp_dir().join(format!("logmill-fuzz-{}", target.name.replace(' ', "-")));
    let kept = std::fs::write(&path, input).map_or(String::new(), |()| format!(", in {}", path.display()));
    format!("{} (LOGMILL_SEED={seed}{kept}): {why}\ninput: {}", target.name, input.escape_ascii())
}
