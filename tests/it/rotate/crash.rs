//! Every kind of rotation is stopped before each of its steps.

use std::fs;

use logmill::rotate::{Action, Event, Listener, NoReader};

use super::{Bench, contents, now};

/// Dies before a step, as from kill -9.
struct Dying(usize);

impl Listener for Dying {
    fn event(&mut self, _: &Event) {}
    fn step(&mut self, _: &Action) {
        assert!(self.0 > 0, "killed");
        self.0 -= 1;
    }
}

/// Every kind of rotation is stopped before each of its steps; the next run finishes it, no byte is missing or twice.
#[test]
fn whatever_step_is_the_last_the_next_run_finishes() {
    let check = |body: &str, before: &[&str]| {
        for steps in 0..20 {
            let mut bench = Bench::new(body);
            before.iter().for_each(|name| bench.write(name, &format!("{name}\n")));
            let want = contents(bench.folder.path());
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut state = bench.state();
                bench.rotator.tick(now(), &mut state, &NoReader, &mut Dying(steps))
            }));
            // A compressed file may stand beside its plain one, and a copy beside what it is of.
            let mut left = contents(bench.folder.path());
            left.dedup();
            assert_eq!(left, want, "{body}, killed before step {steps}");
            bench.restart(body);
            // A new process, another time, and a log that may have been written anew.
            bench.write("a.log", &(fs::read_to_string(bench.path("a.log")).unwrap_or_default() + "later\n"));
            let mut want = contents(bench.folder.path());
            want.dedup();
            let mut events = bench.tick_at(now() + chrono::TimeDelta::days(1), &NoReader);
            events.retain(Event::is_failure);
            assert_eq!(events, [], "{body}, killed before step {steps}");
            assert_eq!(contents(bench.folder.path()), want, "{body}, finished after step {steps}");
            let unfinished = bench.names().into_iter().filter(|name| name.contains("tmp")).count();
            assert_eq!(unfinished, 0, "{body}, step {steps}: {:?}", bench.names());
            if ended.is_ok() {
                assert!(steps > 0, "{body}: nothing was done");
                break;
            }
        }
    };
    check("rotate 9", &["a.log", "a.log.1", "a.log.2"]);
    check("rotate 9\ncreate\ncompress", &["a.log", "a.log.1", "a.log.2"]);
    check("rotate 9\ncompress\ndelaycompress", &["a.log", "a.log.1", "a.log.2"]);
    check("rotate 9\ncopytruncate\ncompress", &["a.log", "a.log.1"]);
    check("rotate 9\ncopy\nnotifempty\ncompress\npostrotate\n: > $1\nendscript", &["a.log"]);
    check("rotate 9\nrenamecopy\ncompress", &["a.log", "a.log.1"]);
    check("rotate 9\ndateext\ncompress", &["a.log", "a.log-20261101"]);
    check("rotate 9\ndateext\ncompress\ndelaycompress\ncreate", &["a.log", "a.log-20261101"]);
    check("rotate 9\nolddir old\ncreateolddir\ncompress", &["a.log"]);
}
