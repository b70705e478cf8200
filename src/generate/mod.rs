//! Layer 2: logs like those of the orchestrator, repeatable by seed, together with the truth about them: for the
//! demo, for tests that count, and for measurements.

mod api;
mod corpus;
mod random;
mod shape;
mod truth;
mod words;
mod workflow;

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

pub use corpus::{CORPUS_START, corpus_json, corpus_text};
pub use truth::{Truth, Workflows};

use crate::generate::random::Random;
use crate::generate::shape::{Json, Stamp, json, python, text_head};
use crate::generate::workflow::Workflow;
use crate::record::Level;

/// Nanoseconds between two things that happen, in the mean, until [`Generator::set_step`] says otherwise.
const DEFAULT_STEP: i64 = 200_000_000;
/// Most workflows at work at once.
const MAX_ACTIVE: usize = 12;

/// One entry as it is to be appended to a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Path under the folder of logs, such as `logs/api.log`.
    pub file: Arc<str>,
    /// One entry with its newlines; a traceback makes it several lines.
    pub text: String,
    /// The level Logmill is to find.
    pub level: Level,
    /// Nanoseconds since the epoch, also where the text does not show it.
    pub time: i64,
    /// The workflow the text names.
    pub workflow_id: Option<Arc<str>>,
}

/// Simulates workflows, which write to the orchestrator's log, the API's log and the folder of their session.
/// The text formats that have no zone are in the machine's own, as the programs write them.
#[derive(Debug)]
pub struct Generator {
    random: Random,
    time: i64,
    step: i64,
    serial: Option<u64>,
    local: Stamp,
    utc: Stamp,
    active: Vec<Workflow>,
    sessions: u64,
    ready: VecDeque<Line>,
    truth: Truth,
}

impl Generator {
    /// Generators with the same seed and start (nanoseconds since the epoch) generate the same.
    pub fn new(seed: u64, start_time_ns: i64) -> Generator {
        Generator {
            random: Random::new(seed),
            time: start_time_ns,
            step: DEFAULT_STEP,
            serial: None,
            local: Stamp::new(true),
            utc: Stamp::new(false),
            active: Vec::new(),
            sessions: 0,
            ready: VecDeque::new(),
            truth: Truth::default(),
        }
    }

    /// Adds ` serial=<n>`, counting from 0, to the first line of each message, so that a test can tell all apart.
    pub fn with_serials(mut self) -> Generator {
        self.serial = Some(0);
        self
    }

    /// Mean time between two things that happen, in nanoseconds; each leaves one to five entries.
    pub fn set_step(&mut self, step_ns: i64) {
        self.step = step_ns.max(0);
    }

    /// Moves the generated time forward to `now_ns`, when it is behind.
    pub fn set_time(&mut self, now_ns: i64) {
        self.time = self.time.max(now_ns);
    }

    /// The generated time, nanoseconds since the epoch.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// Counts of the lines that [`Generator::next`] has given, and of the workflows behind them.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// The next entry. There is always one more.
    #[expect(clippy::should_implement_trait, reason = "an endless source is no iterator to collect")]
    pub fn next(&mut self) -> Line {
        let line = loop {
            match self.ready.pop_front() {
                Some(line) => break line,
                None => self.happen(),
            }
        };
        self.truth.count(&line.file, line.level, line.text.len());
        line
    }

    /// Lets the time go on until something has happened, and queues what it leaves in the logs.
    fn happen(&mut self) {
        self.time = self.time.saturating_add(self.random.exponential(self.step as f64) as i64);
        let start = self.active.len() < MAX_ACTIVE && self.random.chance(0.05);
        if start || self.active.is_empty() {
            let workflow = Workflow::start(self);
            self.active.push(workflow);
        } else if self.random.chance(0.35) {
            api::request(self);
        } else {
            let index = self.random.below(self.active.len() as u64) as usize;
            let mut workflow = self.active.swap_remove(index);
            if workflow.advance(self) {
                self.active.push(workflow);
            }
        }
    }

    /// ` serial=<n>`, or nothing.
    fn serial(&mut self) -> String {
        match &mut self.serial {
            None => String::new(),
            Some(next) => {
                let text = format!(" serial={next}");
                *next += 1;
                text
            }
        }
    }

    fn push(&mut self, file: &Arc<str>, level: Level, workflow_id: Option<&Arc<str>>, text: String) {
        let (file, workflow_id) = (Arc::clone(file), workflow_id.cloned());
        self.ready.push_back(Line { file, text, level, time: self.time, workflow_id });
    }

    /// Shape B. `more` are whole lines that continue the message.
    fn text(&mut self, to: &Target<'_>, level: Level, message: &str, more: &str) {
        let mut text = String::with_capacity(200);
        text_head(&mut text, &mut self.local, self.time, to.logger, level);
        let _ = writeln!(text, "{message}{}", self.serial());
        text.push_str(more);
        self.push(to.file, level, to.workflow_id, text);
    }

    /// Shape A.
    fn json(&mut self, to: &Target<'_>, level: Level, parts: Json<'_>) {
        let message = format!("{}{}", parts.message, self.serial());
        let parts = Json { logger: to.logger, message: &message, ..parts };
        let mut text = String::with_capacity(500);
        json(&mut text, &mut self.utc, self.time, level, &parts);
        text.push('\n');
        self.push(to.file, level, to.workflow_id, text);
    }

    /// Shape C: uvicorn pads the level with its colon to ten columns, and writes no time.
    fn uvicorn(&mut self, to: &Target<'_>, level: Level, message: &str, more: &str) {
        let text = format!("{:<10}{message}{}\n{more}", format!("{}:", python(level)), self.serial());
        self.push(to.file, level, to.workflow_id, text);
    }

    /// Shape D: the default of Python's `logging.basicConfig`.
    fn basic(&mut self, to: &Target<'_>, level: Level, message: &str) {
        let text = format!("{}:{}:{message}{}\n", python(level), to.logger, self.serial());
        self.push(to.file, level, to.workflow_id, text);
    }

    /// Shape E: a line of prose, which has neither time nor level.
    fn prose(&mut self, file: &Arc<str>, line: &str) {
        let text = format!("{line}{}\n", self.serial());
        self.push(file, Level::Unknown, None, text);
    }
}

/// Where a message goes and who says it.
struct Target<'a> {
    file: &'a Arc<str>,
    logger: &'a str,
    workflow_id: Option<&'a Arc<str>>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LINES: usize = 20_000;

    fn lines(seed: u64) -> (Vec<Line>, Truth) {
        let mut generator = Generator::new(seed, CORPUS_START).with_serials();
        let lines = (0..LINES).map(|_| generator.next()).collect();
        (lines, generator.truth().clone())
    }

    #[test]
    fn the_same_seed_gives_the_same() {
        assert_eq!(lines(7), lines(7));
        assert_ne!(lines(7).0[..100], lines(8).0[..100]);
    }

    #[test]
    fn the_truth_is_what_was_written() {
        let (lines, truth) = lines(1);
        assert_eq!(truth.entries, LINES as u64);
        assert_eq!(truth.by_level.values().sum::<u64>(), truth.entries);
        assert_eq!(truth.by_file.values().sum::<u64>(), truth.entries);
        assert_eq!(truth.bytes, lines.iter().map(|line| line.text.len() as u64).sum::<u64>());
        for level in Level::ALL {
            assert_eq!(truth.at_level(level), lines.iter().filter(|line| line.level == level).count() as u64);
        }
        let all = truth.all_workflows();
        let count = |event: &str| {
            let text = format!("\"event_type\": \"{event}\"");
            lines.iter().filter(|line| line.text.contains(&text)).count() as u64
        };
        assert!(all.completed > 50 && all.failed > 0, "{all:?}");
        assert!(all.started >= all.completed + all.failed && all.started <= all.completed + all.failed + 12);
        // The last event of all may have been counted but not given yet.
        assert!(all.started - count("workflow_started") <= 1);
        assert!(all.completed - count("workflow_completed") <= 1);
        assert!(all.failed - count("workflow_failed") <= 1);
    }

    #[test]
    fn each_shape_is_well_formed() {
        let (lines, _) = lines(2);
        let mut serials = BTreeSet::new();
        for line in &lines {
            assert!(line.text.ends_with('\n') && !line.text.contains("\n\n"), "{:?}", line.text);
            let (first, _) = line.text.split_once('\n').unwrap();
            let serial = first.split(" serial=").nth(1).unwrap();
            let digits = serial.find(|c: char| !c.is_ascii_digit()).unwrap_or(serial.len());
            assert!(serials.insert(serial[..digits].to_owned()), "{first}");
            if first.starts_with('{') {
                let object: serde_json::Value = serde_json::from_str(&line.text).expect(first);
                assert_eq!(object["level"], python(line.level));
            }
            if let Some(id) = &line.workflow_id {
                assert!(line.text.contains(&**id), "{first}");
            }
        }
        for part in [
            "{\"timestamp\"",
            "INFO:     127.",
            "INFO:orchestrator_api:",
            " - workflow_manager - ERROR - ",
            "Test Run: ",
        ] {
            assert!(lines.iter().any(|line| line.text.starts_with(part) || line.text.contains(part)), "{part}");
        }
    }

    #[test]
    fn time_follows_the_caller() {
        let mut generator = Generator::new(1, 0);
        generator.set_step(0);
        generator.set_time(5_000_000_000);
        assert_eq!(generator.next().time, 5_000_000_000);
        generator.set_time(0);
        assert_eq!(generator.time(), 5_000_000_000);
    }

    #[test]
    fn corpora_count_their_entries() {
        let (mut text, mut lines) = (Vec::new(), Vec::new());
        let truth = corpus_text(1, 5000, &mut text).unwrap();
        assert_eq!((truth.entries, truth.bytes), (5000, text.len() as u64));
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("2026-11-23 ")).count(), 5000);
        assert!((120..300).contains(&(text.len() / 5000)), "{}", text.len() / 5000);
        let truth = corpus_json(1, 5000, &mut lines).unwrap();
        assert_eq!((truth.entries, truth.bytes), (5000, lines.len() as u64));
        let lines = String::from_utf8(lines).unwrap();
        assert!((350..600).contains(&(lines.len() / 5000)), "{}", lines.len() / 5000);
        assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
        assert_eq!(lines.lines().count(), 5000);
    }
}
