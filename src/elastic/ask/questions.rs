//! Logmill's questions, put to a cluster. Here, and only here, is decided how each is answered: by counts that the cluster
//! makes ([`Plan`]), or by entries that are fetched and asked as the store is.

use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::elastic::ask::cluster::{Cluster, ClusterError, Fetched, Want, failures};
use crate::elastic::ask::count::{MILLISECOND, Plan};
use crate::query::Query;
use crate::query::pipe::Pipe;
use crate::record::Entry;
use crate::search::{
    Answer, Body, Budget, Clock, Counted, ENDINGS, EntryId, FieldNames, List, ListRequest, One, RateReport,
    RateRequest, Request, SearchError, Window, ask, ask_counted, ask_from, ask_until, field_names, rate, rate_counted,
    spans, window_of, workflow, workflows,
};
use crate::store::Snapshot;

/// Entries that get a context; each costs two requests.
const MAX_AROUND: usize = 200;

#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Search(#[from] SearchError),
}

/// What was counted for a question, and why it may be too little.
type Found = (Counted, Option<String>);

impl Cluster {
    /// See [`ask`].
    pub async fn answer(&self, request: &Request, now: i64) -> Result<Answer, AskError> {
        let pipes = request.query.pipes();
        if pipes.first().is_some_and(Pipe::is_aggregation) {
            return self.table(request, now).await;
        }
        let around = pipes.iter().position(|pipe| matches!(pipe, Pipe::Context { .. }));
        let want = page(request, &pipes[..around.unwrap_or(pipes.len())]);
        let Fetched { snapshot, partial } = self.fetch(&request.query, request.window, want, &request.budget).await?;
        let (Some(place), Some(Pipe::Context { before, after })) = (around, around.and_then(|place| pipes.get(place)))
        else {
            return Ok(noted(ask(&snapshot, request, now)?, partial));
        };
        let mut answer = noted(ask_until(&snapshot, request, place)?, partial);
        if let Body::Entries(entries) = &mut answer.body {
            let (all, partial) = self.around(std::mem::take(entries), (*before, *after), &request.budget).await?;
            *entries = all;
            answer.partial = answer.partial.or(partial);
        }
        Ok(ask_from(answer, request, place + 1)?)
    }

    /// See [`rate`].
    pub async fn rate(&self, request: &RateRequest) -> Result<RateReport, AskError> {
        let window = request.window.and(window_of(&request.query));
        let counted = match Plan::of_rate(request) {
            Ok(plan) => self.counted(&plan, &request.query, (window, 0), &request.budget).await?,
            Err(why) => Err(why),
        };
        let (mut report, partial) = match counted {
            Ok((counted, partial)) => {
                let ends = request.query.and(&Query::of_values("event", ENDINGS.map(|(name, _)| name)));
                let ends = self.fetch(&ends, window, Want::All { shift: 0 }, &request.budget).await?;
                (rate_counted(&counted, &ends.snapshot, request)?, partial.or(ends.partial))
            }
            Err(why) => {
                let all = self.fetch(&request.query, window, Want::All { shift: 0 }, &request.budget).await?;
                (rate(&all.snapshot, request)?, all.partial.map(|partial| because(&partial, &why)))
            }
        };
        report.partial = report.partial.or(partial);
        Ok(report)
    }

    /// See [`field_names`]; and why there may be others.
    pub async fn field_names(&self, request: &Request) -> Result<(FieldNames, Option<String>), AskError> {
        let found = self.fetch(&request.query, request.window, page(request, &[]), &request.budget).await?;
        Ok((field_names(&found.snapshot, request)?, found.partial))
    }

    /// See [`workflows`].
    pub async fn workflows(&self, request: &ListRequest) -> Result<List, AskError> {
        // Workflows reach beyond the window, and their entries beyond the condition.
        let of_any = Query::parse("workflow_id:*").map_err(|error| SearchError::Question(error.to_string()))?;
        let found = self.fetch(&of_any, Window::ALL, Want::All { shift: 0 }, &request.budget).await?;
        let mut list = workflows(&found.snapshot, request)?;
        list.partial = list.partial.or(found.partial);
        Ok(list)
    }

    /// See [`workflow`].
    pub async fn workflow(&self, id: &str, clock: Clock, budget: &Budget) -> Result<One, AskError> {
        let of_it = Query::of_values("workflow_id", [id]);
        let found = self.fetch(&of_it, Window::ALL, Want::All { shift: 0 }, budget).await?;
        let mut one = workflow(&found.snapshot, id, clock, budget)?;
        one.partial = one.partial.or(found.partial);
        Ok(one)
    }

    /// An entry by its name, and so many of its source before and after it; nothing where there is no such entry.
    pub async fn context(
        &self,
        id: EntryId,
        counts: (usize, usize),
        budget: &Budget,
    ) -> Result<Option<Answer>, AskError> {
        let window = Window { since: id.time, until: id.time.saturating_add(1) };
        let found = self.fetch(&Query::all(), window, Want::All { shift: 0 }, budget).await?;
        let mut entries = found.snapshot.open;
        entries.retain(|(sequence, _)| *sequence == id.sequence);
        if entries.is_empty() && found.partial.is_none() {
            return Ok(None);
        }
        let (entries, partial) = self.around(entries, counts, budget).await?;
        let partial = found.partial.or(partial);
        Ok(Some(Answer { body: Body::Entries(entries), next: None, partial, effort: Default::default() }))
    }

    /// The table of everything that matches.
    async fn table(&self, request: &Request, now: i64) -> Result<Answer, AskError> {
        let (window, shift) = spans(request, now)?;
        let plan = match request.query.pipes().first() {
            Some(first) => Plan::of(&request.query, first, window),
            None => Err("nothing that counts".to_owned()),
        };
        let plan = plan.and_then(|plan| match plan.allows(shift.unwrap_or(0)) {
            true => Ok(plan),
            false => Err("`compare` of steps that begin at other times".to_owned()),
        });
        let (current, mut partial) =
            self.counted_or_fetched(plan.as_ref(), &request.query, (window, 0), &request.budget).await?;
        let mut earlier = Counted::default();
        if let Some(shift) = shift {
            let spans = (window, shift);
            let (counted, more) =
                self.counted_or_fetched(plan.as_ref(), &request.query, spans, &request.budget).await?;
            (earlier, partial) = (counted, partial.or(more));
        }
        Ok(noted(ask_counted(&current, &earlier, request, now)?, partial))
    }

    async fn counted_or_fetched(
        &self,
        plan: Result<&Plan, &String>,
        query: &Query,
        (window, shift): (Window, i64),
        budget: &Budget,
    ) -> Result<Found, ClusterError> {
        let counted = match plan {
            Ok(plan) => self.counted(plan, query, (window, shift), budget).await?,
            Err(why) => Err(why.clone()),
        };
        match counted {
            Ok(found) => Ok(found),
            Err(why) => {
                let Fetched { snapshot, partial } = self.fetch(query, window, Want::All { shift }, budget).await?;
                let partial = partial.map(|partial| because(&partial, &why));
                Ok((Counted { snapshot, bundles: Vec::new() }, partial))
            }
        }
    }

    /// What the cluster counts of a window that is so much later than it is asked for; or why it does not. The entries of
    /// broken milliseconds at its ends, which engines need not know, are fetched.
    async fn counted(
        &self,
        plan: &Plan,
        query: &Query,
        (window, shift): (Window, i64),
        budget: &Budget,
    ) -> Result<Result<Found, String>, ClusterError> {
        let Some(core) = whole_milliseconds(window, shift) else {
            return Ok(Err("less than a millisecond".to_owned()));
        };
        let milliseconds =
            |time: i64, none: i64| (time != none).then(|| (time.saturating_sub(shift)).div_euclid(MILLISECOND));
        let body = plan.request(milliseconds(core.since, i64::MIN), milliseconds(core.until, i64::MAX));
        let answer = match self.search(&body).await {
            Ok(answer) => answer,
            // It may have no such field to count by, or too many values; it still has the entries.
            Err(error @ (ClusterError::Refused { .. } | ClusterError::Nonsense(_))) => {
                return Ok(Err(error.to_string()));
            }
            Err(error) => return Err(error),
        };
        let bundles = match plan.bundles(&answer, shift) {
            Ok(bundles) => bundles,
            Err(why) => return Ok(Err(why)),
        };
        let (mut snapshot, mut partial) =
            (Snapshot { next_sequence: u64::MAX, ..Snapshot::default() }, failures(&answer));
        let ends = [Window { until: core.since, ..window }, Window { since: core.until, ..window }];
        for end in ends.into_iter().filter(|end| end.since < end.until) {
            let fetched = self.fetch(query, end, Want::All { shift }, budget).await?;
            snapshot.open.extend(fetched.snapshot.open);
            partial = partial.or(fetched.partial);
        }
        Ok(Ok((Counted { snapshot, bundles }, partial)))
    }

    /// `found` and so many entries of their sources before and after each, newest first.
    async fn around(
        &self,
        found: Vec<(u64, Entry)>,
        (before, after): (usize, usize),
        budget: &Budget,
    ) -> Result<(Vec<(u64, Entry)>, Option<String>), ClusterError> {
        let begun = Instant::now();
        let mut partial =
            (found.len() > MAX_AROUND).then(|| format!("only the first {MAX_AROUND} entries have their context"));
        let mut all = found.clone();
        for (sequence, entry) in found.iter().take(MAX_AROUND) {
            if budget.cancel.load(Ordering::Relaxed) || begun.elapsed() > budget.time {
                partial.get_or_insert("there was no time for the context of all entries".to_owned());
                break;
            }
            let of_source = Query::of_values("source", [&*entry.source]);
            let of = EntryId { time: entry.time, sequence: *sequence };
            for (limit, later) in [(before, false), (after, true)].into_iter().filter(|(limit, _)| *limit > 0) {
                let budget = Budget { time: budget.time.saturating_sub(begun.elapsed()), ..budget.clone() };
                let want = Want::Beside { limit, of, later };
                let fetched = self.fetch(&of_source, Window::ALL, want, &budget).await?;
                all.extend(fetched.nearest(limit, later));
                partial = partial.or(fetched.partial);
            }
        }
        all.sort_by_key(|(sequence, entry)| std::cmp::Reverse((entry.time, *sequence)));
        all.dedup_by_key(|(sequence, entry)| (entry.time, *sequence));
        Ok((all, partial))
    }
}

/// Where no pipe needs all entries, a page is enough; `pipes` are those before the entries get more around them.
fn page(request: &Request, pipes: &[Pipe]) -> Want {
    if request.query.pipes().iter().any(Pipe::is_aggregation) {
        return Want::All { shift: 0 };
    }
    let most = pipes.iter().try_fold(request.limit, |most, pipe| match pipe {
        Pipe::Limit(limit) => Some(most.max(*limit)),
        Pipe::Fields(_) => Some(most),
        _ => None,
    });
    most.map_or(Want::All { shift: 0 }, |limit| Want::Newest { limit, after: request.after })
}

/// The part of a window that has no broken milliseconds, as it is so much earlier.
fn whole_milliseconds(window: Window, shift: i64) -> Option<Window> {
    let early = |time: i64| time.saturating_sub(shift).div_euclid(MILLISECOND);
    let late = |milliseconds: i64| milliseconds.checked_mul(MILLISECOND)?.checked_add(shift);
    let since = match window.since {
        i64::MIN => i64::MIN,
        since => late(early(since.checked_sub(1)?).checked_add(1)?)?,
    };
    let until = match window.until {
        i64::MAX => i64::MAX,
        until => late(early(until))?,
    };
    (since < until).then_some(Window { since, until })
}

/// An answer says why it is partial, unless it says so already.
fn noted(mut answer: Answer, partial: Option<String>) -> Answer {
    answer.partial = answer.partial.or(partial);
    answer
}

/// Why entries were counted here of which there were too many.
fn because(partial: &str, why: &str) -> String {
    format!("{partial}; the cluster does not count these itself: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_milliseconds_stay_outside() {
        let check = |since: i64, until: i64, shift: i64, want: Option<(i64, i64)>| {
            let got = whole_milliseconds(Window { since, until }, shift);
            assert_eq!(got.map(|window| (window.since, window.until)), want, "{since} {until} {shift}");
        };
        check(i64::MIN, i64::MAX, 0, Some((i64::MIN, i64::MAX)));
        check(1_000_000, 3_000_000, 0, Some((1_000_000, 3_000_000)));
        check(1_000_001, 2_999_999, 0, None);
        check(999_999, 2_999_999, 0, Some((1_000_000, 2_000_000)));
        check(-1, 1_500_000, 0, Some((0, 1_000_000)));
        check(1_000_000, 3_000_000, 500_000, Some((1_500_000, 2_500_000)));
        check(i64::MIN + 1, i64::MAX - 1, 0, Some((-9_223_372_036_854_000_000, 9_223_372_036_854_000_000)));
    }
}
