//! Those who follow new entries over HTTP. One thread looks for all of them; each has a queue of its own, and one that
//! is slow is told how many it missed. Nobody waits for them, least of all the index.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde_json::json;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::query::Query;
use crate::search::{Answer, EntryId, Followed, Follower, Match, SearchError};
use crate::store::Shared;

/// Most that follow at once.
pub const MAX_TAILS: usize = 128;
/// How often new entries are looked for.
const EVERY: Duration = Duration::from_millis(200);
/// Of that, how long it may take.
const AT_MOST: Duration = Duration::from_millis(100);
/// Entries that all together are sent after one look, shared evenly …
const ENTRIES_A_LOOK: usize = 2000;
/// … but so many for each.
const ENTRIES_A_TAIL: usize = 20;
/// Looks that wait to be sent to one that is slow.
const QUEUE: usize = 16;
/// Where nothing is sent for so long, a comment is: who is gone is noticed, and who is there does not give up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One that follows.
struct Tail {
    query: Query,
    /// The query as it reads back: equal ones are evaluated once.
    text: String,
    raw: bool,
    /// Entries before this number were there already.
    since: u64,
    out: Sender<Bytes>,
    missed: Missed,
    sent_at: Instant,
}

/// What was not sent since the last word about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Missed {
    /// Entries that match, and for which its queue had no room.
    matching: u64,
    /// New entries that nobody had the time to look at.
    unseen: u64,
}

/// Those that follow, for the routes; the thread has a [`Pump`].
pub struct Tails {
    shared: Shared,
    joining: Mutex<Vec<Tail>>,
    woken: Condvar,
    count: AtomicUsize,
}

impl Tails {
    pub fn new(shared: Shared) -> Tails {
        Tails { shared, joining: Mutex::default(), woken: Condvar::new(), count: AtomicUsize::new(0) }
    }

    /// Events from now on; nothing when there are too many already.
    pub(super) fn join(&self, query: Query, raw: bool) -> Option<Receiver<Bytes>> {
        let has_place = |count: usize| (count < MAX_TAILS).then_some(count + 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, has_place).ok()?;
        let (out, events) = channel(QUEUE);
        let text = query.to_string();
        let mut joining = self.joining();
        let since = self.shared.keep_recent(true);
        joining.push(Tail { query, text, raw, since, out, missed: Missed::default(), sent_at: Instant::now() });
        self.woken.notify_one();
        Some(events)
    }

    /// How many follow.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn joining(&self) -> MutexGuard<'_, Vec<Tail>> {
        self.joining.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks for new entries and hands them out; owned by the thread that does it.
#[derive(Default)]
pub struct Pump {
    tails: Vec<Tail>,
    follower: Option<Follower>,
}

impl Pump {
    /// Waits until it is time to look, or for a while when nobody follows.
    pub fn wait(&self, tails: &Tails) {
        match self.tails.is_empty() {
            true => {
                let joining = tails.joining();
                if joining.is_empty() {
                    drop(tails.woken.wait_timeout(joining, EVERY));
                }
            }
            false => std::thread::sleep(EVERY),
        }
    }

    /// Looks once for all of them.
    pub fn tick(&mut self, tails: &Tails) -> Result<(), SearchError> {
        self.tails.retain(|tail| !tail.out.is_closed());
        {
            let mut joining = tails.joining();
            self.tails.append(&mut joining);
            tails.count.store(self.tails.len(), Ordering::Relaxed);
            if self.tails.is_empty() {
                tails.shared.keep_recent(false);
                self.follower = None;
                return Ok(());
            }
        }
        let since = self.tails.iter().map(|tail| tail.since).min().unwrap_or(0);
        let follower = self.follower.get_or_insert_with(|| Follower::from(since));
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let mut queries: Vec<&Query> = Vec::new();
        for tail in &self.tails {
            numbers.entry(&tail.text).or_insert_with(|| {
                queries.push(&tail.query);
                queries.len() - 1
            });
        }
        let number_of: Vec<usize> = self.tails.iter().map(|tail| numbers[tail.text.as_str()]).collect();
        let most = (ENTRIES_A_LOOK / self.tails.len()).max(ENTRIES_A_TAIL);
        let followed = follower.look(&tails.shared, &queries, most, Instant::now() + AT_MOST)?;
        hand_out(&mut self.tails, &number_of, &followed);
        Ok(())
    }
}

fn hand_out(tails: &mut [Tail], number_of: &[usize], followed: &Followed) {
    let mut events = Events::new(&followed.entries);
    for (tail, number) in tails.iter_mut().zip(number_of) {
        let (mut text, mut count) = (Vec::new(), 0);
        for (place, found) in followed.entries.iter().enumerate() {
            if found.sequence >= tail.since && found.queries.contains(number) {
                text.extend_from_slice(events.get(place, tail.raw));
                count += 1;
            }
        }
        let unseen = followed.unseen.get(*number).copied().unwrap_or(0);
        // What came before it joined is not its business.
        tail.missed.unseen += unseen.min(followed.next.saturating_sub(tail.since));
        tail.send(text, count);
    }
}

impl Tail {
    fn send(&mut self, text: Vec<u8>, count: u64) {
        let Missed { matching, unseen } = self.missed;
        let is_quiet = text.is_empty() && self.missed == Missed::default();
        if is_quiet && self.sent_at.elapsed() < KEEP_ALIVE {
            return;
        }
        let mut piece = if is_quiet { b": still here\n\n".to_vec() } else { Vec::new() };
        if self.missed != Missed::default() {
            let missed = json!({ "matching": matching, "unseen": unseen });
            piece.extend_from_slice(format!("event: missed\ndata: {missed}\n\n").as_bytes());
        }
        piece.extend_from_slice(&text);
        match self.out.try_send(piece.into()) {
            Ok(()) => {
                self.missed = Missed::default();
                self.sent_at = Instant::now();
            }
            Err(TrySendError::Full(_)) => self.missed.matching += count,
            // It goes with the next look.
            Err(TrySendError::Closed(_)) => {}
        }
    }
}

/// Entries as server-sent events, each written once for all that want it.
struct Events<'m> {
    entries: &'m [Match],
    /// Without and with the raw text.
    written: [Vec<Vec<u8>>; 2],
}

impl Events<'_> {
    fn new(entries: &[Match]) -> Events<'_> {
        Events { entries, written: [vec![Vec::new(); entries.len()], vec![Vec::new(); entries.len()]] }
    }

    fn get(&mut self, place: usize, raw: bool) -> &[u8] {
        let written = &mut self.written[usize::from(raw)][place];
        if written.is_empty() {
            let Match { sequence, entry, .. } = &self.entries[place];
            let id = EntryId { time: entry.time, sequence: *sequence };
            // JSON has no line ends in it.
            let data = Answer::entry_json(*sequence, entry, raw);
            *written = format!("id: {id}\ndata: {data}\n\n").into_bytes();
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Entry, Position, Text};
    use crate::store::{Options, Writer};

    fn add(writer: &mut Writer, lines: &[&str]) {
        let entry =
            |line: &&str| Entry { raw: (*line).into(), message: Text::Slice(0..line.len() as u32), ..Entry::default() };
        writer.add(0, lines.iter().map(entry).collect(), Position::default()).unwrap();
    }

    fn received(events: &mut Receiver<Bytes>) -> String {
        let pieces = std::iter::from_fn(|| events.try_recv().ok());
        pieces.map(|piece| String::from_utf8_lossy(&piece).into_owned()).collect()
    }

    #[test]
    fn each_gets_what_it_asked_for_and_the_slow_one_hears_what_it_missed() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(folder.path(), Options::default()).unwrap();
        let tails = Tails::new(writer.shared());
        let mut pump = Pump::default();
        add(&mut writer, &["before"]);
        let mut all = tails.join(Query::all(), false).unwrap();
        let mut red = tails.join(Query::parse("red").unwrap(), true).unwrap();
        add(&mut writer, &["red one", "blue two"]);
        let mut late = tails.join(Query::all(), false).unwrap();
        pump.tick(&tails).unwrap();
        let (of_all, of_red) = (received(&mut all), received(&mut red));
        assert_eq!(of_all.matches("data: ").count(), 2, "{of_all}");
        assert!(of_all.contains("red one") && of_all.contains("blue two") && !of_all.contains("\"raw\""), "{of_all}");
        assert!(of_red.contains("\"raw\":\"red one\"") && !of_red.contains("blue"), "{of_red}");
        assert_eq!(received(&mut late), "", "what was there before is not new");
        for _ in 0..QUEUE + 3 {
            add(&mut writer, &["more"]);
            pump.tick(&tails).unwrap();
        }
        assert_eq!(received(&mut all).matches("more").count(), QUEUE);
        add(&mut writer, &["last"]);
        pump.tick(&tails).unwrap();
        let got = received(&mut all);
        assert!(got.starts_with("event: missed\ndata: {\"matching\":3,\"unseen\":0}\n\nid: "), "{got}");
        drop((all, red, late));
        pump.tick(&tails).unwrap();
        assert_eq!(tails.count(), 0);
    }

    #[test]
    fn they_are_not_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::open(folder.path(), Options::default()).unwrap();
        let tails = Tails::new(writer.shared());
        let some: Vec<_> = (0..MAX_TAILS).map_while(|_| tails.join(Query::all(), false)).collect();
        assert_eq!(some.len(), MAX_TAILS);
        assert!(tails.join(Query::all(), false).is_none());
        drop(some);
        let mut pump = Pump::default();
        // Some have joined and left before it looks.
        pump.tick(&tails).unwrap();
        pump.tick(&tails).unwrap();
        assert!(tails.join(Query::all(), false).is_some());
    }
}
