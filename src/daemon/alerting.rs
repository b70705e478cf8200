//! The alert thread: evaluates what is due, probes, and tells notifiers; one loop, in which answers are awaited and
//! measuring is done beside it.
//!
//! What is measured of entries is measured at each step of the time they were read up to, not only of the clock: what
//! happened while nobody watched is evaluated when it is read, and an outage of logmill itself looks like none of
//! what it watches.

mod desk;
mod reach;
mod sources;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::alert::{Failure, Message, Notifier, Probe, ProbeResult, Rule, Rules, probe, send};
use crate::daemon::engine::Engine;
use crate::daemon::index::lock;
use crate::sys::clock;
use crate::sys::web::Web;
use reach::Reach;

pub use desk::Desk;

/// How often is looked what is due.
const TICK: Duration = Duration::from_millis(100);
/// What changed, but may be forgotten, is saved this often.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// What happened longer ago is not looked at any more, when logmill starts again.
const MAX_CATCH_UP: i64 = 86_400 * clock::SECOND;
/// Steps in which time is caught up with; if need be they are wider than an alert says.
const MAX_STEPS: i64 = 500;
/// Steps of one alert before others have their turn.
const STEPS_AT_ONCE: usize = 20;
/// Entries that were read up to so long before now were read to their end.
const SETTLED: i64 = 2 * clock::SECOND;
/// After a look at which nothing was known, the next.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Messages of one notifier on their way.
const MESSAGES_AT_ONCE: usize = 4;

/// Runs until told to stop.
pub fn keep_watch(desk: &Arc<Desk>, stops: &AtomicBool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let web = Web::new();
    match (runtime, web) {
        (Ok(runtime), Ok(web)) => runtime.block_on(Watch::new(desk.clone(), web).run(stops)),
        (Err(error), _) => desk.board.error(clock::now(), format!("no alert can be evaluated: {error}")),
        (_, Err(error)) => desk.board.error(clock::now(), format!("no alert can be evaluated: {error}")),
    }
}

/// A message that came back.
type Sent = (String, Message, Result<(), Failure>);

struct Watch {
    desk: Arc<Desk>,
    web: Web,
    rules: Arc<Rules>,
    reach: Reach,
    next: HashMap<String, Instant>,
    probes: JoinSet<(Probe, ProbeResult)>,
    probing: HashMap<String, Instant>,
    sending: JoinSet<Sent>,
    /// Messages on their way, by notifier.
    on_the_way: HashMap<String, Vec<Message>>,
    saved: Instant,
}

impl Watch {
    fn new(desk: Arc<Desk>, web: Web) -> Watch {
        Watch {
            desk,
            web,
            rules: Arc::default(),
            reach: Reach::default(),
            next: HashMap::new(),
            probes: JoinSet::new(),
            probing: HashMap::new(),
            sending: JoinSet::new(),
            on_the_way: HashMap::new(),
            saved: Instant::now(),
        }
    }

    async fn run(mut self, stops: &AtomicBool) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !stops.load(Ordering::Acquire) {
            tokio::select! {
                _ = ticks.tick() => {}
                Some(done) = self.probes.join_next() => self.probed(done),
                Some(done) = self.sending.join_next() => self.sent(done),
            }
            self.follow_reload();
            self.start_probes();
            self.evaluate().await;
            self.start_sending();
            if self.saved.elapsed() >= SAVE_EVERY {
                self.desk.hear();
                self.desk.save();
                self.saved = Instant::now();
            }
        }
        self.desk.save();
    }

    fn follow_reload(&mut self) {
        let rules = lock(&self.desk.current).alerts.clone();
        if !Arc::ptr_eq(&rules, &self.rules) {
            self.desk.fit(&rules);
            self.rules = rules;
            self.next.clear();
            self.probing.clear();
        }
    }

    fn start_probes(&mut self) {
        let rules = self.rules.clone();
        for one in &rules.probes {
            let is_due = self.probing.get(&one.name).is_none_or(|next| Instant::now() >= *next);
            if is_due {
                // Not again before this one is over, which it is after its timeout.
                self.probing.insert(one.name.clone(), Instant::now() + one.every.max(one.timeout));
                let (one, web) = (one.clone(), self.web.clone());
                self.probes.spawn(async move {
                    let result = probe(&one, &web).await;
                    (one, result)
                });
            }
        }
    }

    fn probed(&mut self, done: Result<(Probe, ProbeResult), tokio::task::JoinError>) {
        match done {
            Ok((one, result)) => {
                self.probing.insert(
                    one.name.clone(),
                    Instant::now() + one.every.saturating_sub(Duration::from_secs_f64(result.seconds)),
                );
                self.desk.probed(&one, result);
            }
            Err(error) => self.desk.board.error(clock::now(), format!("a probe broke off: {error}")),
        }
    }

    /// One look at every alert that is due.
    async fn evaluate(&mut self) {
        let rules = self.rules.clone();
        let due: Vec<&Rule> = rules
            .alerts
            .iter()
            .filter(|rule| self.next.get(&rule.name).is_none_or(|next| Instant::now() >= *next))
            .collect();
        if due.is_empty() {
            return;
        }
        let until = self.reach.now(&self.desk);
        for rule in due {
            let every = Duration::from_nanos(rule.every.unsigned_abs());
            let times = times(rule, self.desk.evaluated(&rule.name), until, clock::now());
            let is_more = times.len() > STEPS_AT_ONCE;
            for time in times.into_iter().take(STEPS_AT_ONCE) {
                let (desk, one) = (self.desk.clone(), rule.clone());
                let taken = tokio::task::spawn_blocking(move || desk.measure(&one, time)).await;
                let taken = taken.unwrap_or_else(|error| Err(format!("measuring broke off: {error}")));
                self.desk.evaluate(&rules, rule, taken, time);
            }
            let pause = match until {
                _ if is_more => Duration::ZERO,
                None if !rule.measure.is_of_the_host() => every.min(LOOK_AGAIN),
                _ => every,
            };
            self.next.insert(rule.name.clone(), Instant::now() + pause);
        }
    }

    fn start_sending(&mut self) {
        let rules = self.rules.clone();
        for notifier in &rules.notifiers {
            let busy = self.on_the_way.entry(notifier.name.clone()).or_default();
            if busy.is_empty() {
                let messages: Vec<Message> = self.desk.due(notifier).into_iter().take(MESSAGES_AT_ONCE).collect();
                busy.clone_from(&messages);
                for message in messages {
                    self.sending.spawn(one_message(notifier.clone(), self.web.clone(), message));
                }
            }
        }
    }

    fn sent(&mut self, done: Result<Sent, tokio::task::JoinError>) {
        match done {
            Ok((name, message, result)) => {
                if let Some(busy) = self.on_the_way.get_mut(&name) {
                    busy.retain(|other| *other != message);
                }
                self.desk.sent(&name, &message, result);
            }
            Err(error) => {
                // Nobody knows which it was; what was not acknowledged is sent again.
                self.on_the_way.clear();
                self.desk.board.error(clock::now(), format!("telling a notifier broke off: {error}"));
            }
        }
    }
}

async fn one_message(notifier: Notifier, web: Web, message: Message) -> Sent {
    let result = send(&notifier, &web, &message, clock::now()).await;
    (notifier.name, message, result)
}

/// The times at which an alert is to be evaluated next: `before` is when it was last, `until` the time that entries were
/// read up to, `now` the clock.
fn times(rule: &Rule, before: i64, until: Option<i64>, now: i64) -> Vec<i64> {
    if rule.measure.is_of_the_host() {
        return vec![now];
    }
    let Some(until) = until else { return Vec::new() };
    if !rule.measure.is_of_entries() {
        // Who is silent is not known before all is read.
        return if now - until < SETTLED { vec![now] } else { Vec::new() };
    }
    // The first time; or the clock was put back.
    if before == 0 || before > now {
        return vec![until.min(now)];
    }
    let before = before.max(until.saturating_sub(MAX_CATCH_UP));
    let gap = until - before;
    if gap < rule.every {
        // Time stands still where nothing is read.
        return if gap > 0 { vec![until] } else { Vec::new() };
    }
    let step = rule.every.max(gap / MAX_STEPS).max(1);
    let mut times: Vec<i64> = (1..=gap / step).map(|n| before + n * step).collect();
    if until - times.last().copied().unwrap_or(before) > step / 2 {
        times.push(until);
    }
    times
}

/// Starts it beside an engine.
pub fn desk(engine: &Engine) -> Arc<Desk> {
    let data = lock(&engine.current).config.data_dir.clone();
    let Engine { board, shared, current, numbers, .. } = engine;
    Arc::new(Desk::open(board.clone(), shared.clone(), current.clone(), numbers.clone(), data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::SECOND;

    fn rule(measure: &str) -> Rule {
        let text = format!("[[alert]]\nname = 'a'\nsummary = ''\nabove = 1\nevery = '10s'\n{measure}");
        crate::config::alerts::parse(&text, std::path::Path::new("a.toml")).unwrap().alerts.remove(0)
    }

    #[test]
    fn time_is_caught_up_with_in_steps() {
        let check = |before: i64, until: i64, now: i64, want: &[i64]| {
            let rule = rule("query = '* | stats count()'\nover = '1m'");
            let times = times(&rule, before * SECOND, Some(until * SECOND), now * SECOND);
            assert_eq!(times.iter().map(|time| time / SECOND).collect::<Vec<_>>(), want, "{before} {until} {now}");
        };
        check(0, 1000, 1000, &[1000]);
        check(990, 1000, 1000, &[1000]);
        check(995, 1000, 1000, &[1000]);
        check(1000, 1000, 1020, &[]);
        check(960, 1000, 1000, &[970, 980, 990, 1000]);
        check(968, 1000, 1000, &[978, 988, 998]);
        check(965, 1000, 1000, &[975, 985, 995]);
        check(2000, 1000, 1000, &[1000]);
    }

    #[test]
    fn long_gaps_are_bounded() {
        let query = rule("query = '* | stats count()'\nover = '1m'");
        let now = 100 * 86_400 * SECOND;
        let all = times(&query, SECOND, Some(now), now);
        assert!(all.len() as i64 <= MAX_STEPS + 1 && all.last() == Some(&now) && all[0] >= now - MAX_CATCH_UP);
        assert_eq!(times(&rule("memory_used = {}"), SECOND, None, now), [now]);
        assert!(times(&query, SECOND, None, now).is_empty());
        let silence = rule("silence = { pipeline = '*' }");
        assert!(times(&silence, SECOND, Some(now - 60 * SECOND), now).is_empty());
        assert_eq!(times(&silence, SECOND, Some(now), now), [now]);
    }
}
