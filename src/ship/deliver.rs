//! One batch to one sink, until each of its entries is acknowledged or a dead letter. What a sink refuses is cut in
//! halves, and these again, until the entry is found that is at fault.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;

use crate::ship::dead::DeadLetters;
use crate::ship::{Answer, Item, One, State};
use crate::sys::clock;

/// After so many refusals with nothing taken in between, each is waited for: a sink that refuses everything shall not turn
/// the store into dead letters within minutes.
const PATIENT_REFUSALS: u32 = 20;
const REFUSAL_PAUSE: Duration = Duration::from_millis(500);

/// What sends; a real sink, or a model of one in tests.
pub trait Transport {
    async fn send(&mut self, items: &[Item]) -> Answer;
}

/// The sink was told to stop; the batch is read again at the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// What delivering needs besides the sender.
#[derive(Clone)]
pub struct Delivery {
    pub state: State,
    pub dead: DeadLetters,
    pub stop: watch::Receiver<bool>,
}

/// How one delivery goes.
#[derive(Default)]
struct Course {
    attempts: u32,
    refusals: u32,
    /// Dead letters in the order in which they were found.
    dead: Vec<(Item, String)>,
}

impl Delivery {
    /// See the module. Within the batch the order stays as it is, but for entries that are taken later than others by
    /// the sink's own will.
    pub async fn deliver(&mut self, sender: &mut impl Transport, items: Vec<Item>) -> Result<(), Stopped> {
        let mut left = VecDeque::from([items]);
        let mut course = Course::default();
        while let Some(items) = left.pop_front() {
            if items.is_empty() {
                continue;
            }
            self.check()?;
            match sender.send(&items).await {
                Answer::Accepted => self.accepted(items.len() as u64, &mut course),
                Answer::Partly { rejected, why } => {
                    let rejected = rejected.min(items.len() as u64);
                    tracing::warn!(sink = self.state.sink.name, rejected, "{why}");
                    self.state.count(|counts| counts.rejected += rejected);
                    self.accepted(items.len() as u64 - rejected, &mut course);
                }
                Answer::Again { why, after } => {
                    self.again(items.len(), why, after, &mut course).await?;
                    left.push_front(items);
                }
                Answer::Stuck { why } => {
                    self.stuck(why).await?;
                    left.push_front(items);
                }
                Answer::Refused { why } => {
                    self.refused(items, why, &mut left, &mut course).await?;
                }
                Answer::Each(answers) => {
                    let rest = self.each(items, answers, &mut course).await?;
                    left.push_front(rest);
                }
            }
            self.bury(&mut course).await?;
        }
        self.state.count(|counts| counts.batches += 1);
        Ok(())
    }

    fn check(&self) -> Result<(), Stopped> {
        if *self.stop.borrow() { Err(Stopped) } else { Ok(()) }
    }

    async fn sleep(&mut self, time: Duration) -> Result<(), Stopped> {
        // It ends early when the sink is to stop, or when whoever would say so is gone.
        let _ = tokio::time::timeout(time, self.stop.wait_for(|stops| *stops)).await;
        self.check()
    }

    fn accepted(&self, entries: u64, course: &mut Course) {
        (course.attempts, course.refusals) = (0, 0);
        self.state.count(|counts| counts.delivered += entries);
        self.state.succeeded(clock::now());
    }

    async fn again(
        &mut self,
        entries: usize,
        why: String,
        after: Option<Duration>,
        course: &mut Course,
    ) -> Result<(), Stopped> {
        course.attempts += 1;
        self.state.problem(clock::now(), why);
        self.state.count(|counts| {
            counts.retries += 1;
            counts.sent_again += entries as u64;
        });
        let wait = self.state.sink.retry.wait(course.attempts, after);
        self.sleep(wait).await
    }

    /// Waits as long as it ever does: a person has to act first.
    async fn stuck(&mut self, why: String) -> Result<(), Stopped> {
        self.state.problem(clock::now(), why);
        self.state.count(|counts| counts.retries += 1);
        let wait = self.state.sink.retry.wait(u32::MAX, None);
        self.sleep(wait).await
    }

    async fn refused(
        &mut self,
        mut items: Vec<Item>,
        why: String,
        left: &mut VecDeque<Vec<Item>>,
        course: &mut Course,
    ) -> Result<(), Stopped> {
        course.refusals += 1;
        if course.refusals > PATIENT_REFUSALS {
            self.state.problem(clock::now(), format!("one refusal after the other: {why}"));
            self.sleep(REFUSAL_PAUSE).await?;
        }
        if items.len() > 1 {
            let second = items.split_off(items.len() / 2);
            left.push_front(second);
            left.push_front(items);
        } else {
            course.dead.extend(items.into_iter().map(|item| (item, why.clone())));
        }
        Ok(())
    }

    /// The entries that are to be sent again.
    async fn each(&mut self, items: Vec<Item>, answers: Vec<One>, course: &mut Course) -> Result<Vec<Item>, Stopped> {
        let (mut rest, mut taken, mut known) = (Vec::new(), 0, 0);
        let (mut again, mut stuck) = (None, None);
        for (item, answer) in items.into_iter().zip(answers) {
            match answer {
                One::Accepted => taken += 1,
                One::Known => known += 1,
                One::Refused(why) => course.dead.push((item, why)),
                One::Again(why) => {
                    again = Some(why);
                    rest.push(item);
                }
                One::Stuck(why) => {
                    stuck = Some(why);
                    rest.push(item);
                }
            }
        }
        self.state.count(|counts| counts.known += known);
        if taken + known > 0 {
            self.accepted(taken + known, course);
        }
        match (again, stuck) {
            (Some(why), _) => self.again(rest.len(), why, None, course).await?,
            (None, Some(why)) => self.stuck(why).await?,
            (None, None) => {}
        }
        Ok(rest)
    }

    /// Writes dead letters; as long as that fails the cursor cannot move.
    async fn bury(&mut self, course: &mut Course) -> Result<(), Stopped> {
        while !course.dead.is_empty() {
            match self.dead.add(&course.dead) {
                Ok(()) => {
                    let buried = course.dead.len() as u64;
                    tracing::warn!(sink = self.state.sink.name, entries = buried, "refused: {}", course.dead[0].1);
                    self.state.count(|counts| counts.dead += buried);
                    course.dead.clear();
                }
                Err(error) => self.stuck(format!("dead letters cannot be written: {error}")).await?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
