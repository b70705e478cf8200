//! A sink at work: reads on, gathers batches in lanes, sends, and moves the cursor behind what is acknowledged.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;
use xxhash_rust::xxh3::xxh3_64;

use crate::search::{Feed, Place};
use crate::ship::dead::DeadLetters;
use crate::ship::deliver::{Delivery, Stopped};
use crate::ship::kinds::Sender;
use crate::ship::{Item, State};
use crate::store::Shared;
use crate::sys::clock;

/// How often there is a look for new entries.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A cursor that moves over entries that are not for this sink is saved this often.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// What is read and not acknowledged is at most so many batches a lane.
const BATCHES_AHEAD: usize = 2;

/// What a sink needs to run.
pub struct Shipment {
    pub state: State,
    pub shared: Shared,
    pub data: PathBuf,
    pub stop: watch::Receiver<bool>,
}

/// Sources whose entries follow one another.
#[derive(Default)]
struct Lane {
    /// `None` while it sends.
    sender: Option<Sender>,
    queue: VecDeque<Item>,
    bytes: usize,
    /// Since when the first of the queue waits.
    since: Option<Instant>,
    /// What is on its way.
    flying: Option<Flying>,
    /// What is before it came to this lane in an earlier run.
    from: Place,
}

#[derive(Clone, Copy)]
struct Flying {
    first: Place,
    entries: usize,
    bytes: usize,
}

struct Landed {
    lane: usize,
    sender: Sender,
    result: Result<(), Stopped>,
}

type Flight = Pin<Box<dyn Future<Output = Landed>>>;

struct Run {
    shipment: Shipment,
    delivery: Delivery,
    feed: Feed,
    lanes: Vec<Lane>,
    flights: FuturesUnordered<Flight>,
    next_look: Instant,
    next_save: Instant,
    /// When senders that could not be made are tried again.
    next_open: Instant,
}

impl Shipment {
    /// Runs until told to stop. What was sent and not acknowledged by then is sent again by the next run.
    pub async fn run(self) {
        let mut stop = self.stop.clone();
        let mut run = Run::start(self);
        while !*stop.borrow() {
            if let Some(place) = run.shipment.state.take_jump() {
                run.jump(place);
            }
            run.open_lanes();
            let has_read = run.read();
            run.launch();
            run.report();
            if has_read {
                tokio::task::yield_now().await;
                while let Some(Some(landed)) = run.flights.next().now_or_never() {
                    run.land(landed);
                }
                continue;
            }
            let pause = run.pause();
            tokio::select! {
                Some(landed) = run.flights.next(), if !run.flights.is_empty() => run.land(landed),
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stops| *stops) => {}
            }
        }
        // A request that is on its way ends by itself, or by its timeout.
        while let Some(landed) = run.flights.next().await {
            run.land(landed);
        }
        run.save(true);
    }
}

impl Run {
    fn start(shipment: Shipment) -> Run {
        let sink = &shipment.state.sink;
        let delivery = Delivery {
            state: shipment.state.clone(),
            dead: DeadLetters::new(&shipment.data, &sink.name, sink.dead_letters),
            stop: shipment.stop.clone(),
        };
        let now = Instant::now();
        let place = shipment.state.place();
        let feed = Feed::new(sink.query.clone(), sink.mapping.raw, place);
        let mut run = Run {
            delivery,
            feed,
            lanes: Vec::new(),
            flights: FuturesUnordered::new(),
            next_look: now,
            next_save: now,
            next_open: now,
            shipment,
        };
        // Durable from the beginning: "now" is now, also after a crash before the first entry.
        run.shipment.state.advance(run.shipment.state.cursor().lanes);
        run.begin();
        run
    }

    /// Lanes as the cursor has them.
    fn begin(&mut self) {
        let cursor = self.shipment.state.cursor();
        let sink = &self.shipment.state.sink;
        self.feed = Feed::new(sink.query.clone(), sink.mapping.raw, cursor.place());
        self.lanes = cursor.lanes.iter().map(|from| Lane { from: *from, ..Lane::default() }).collect();
        self.flights = FuturesUnordered::new();
        self.next_look = Instant::now();
    }

    /// Goes on elsewhere. What is on its way is given up: whoever says so knows that it may arrive.
    fn jump(&mut self, place: Place) {
        if self.shipment.state.go(place) {
            self.begin();
        }
    }

    /// Makes senders where there are none. What a person has to mend is told, and tried again.
    fn open_lanes(&mut self) {
        if Instant::now() < self.next_open {
            return;
        }
        let cursor = self.shipment.state.cursor();
        let name = format!("{}-{}-{}", cursor.store, self.shipment.state.sink.name, cursor.jumps);
        for lane in &mut self.lanes {
            if lane.sender.is_none() && lane.flying.is_none() {
                match Sender::new(&self.shipment.state.sink, &name) {
                    Ok(sender) => lane.sender = Some(sender),
                    Err(why) => {
                        self.next_open = Instant::now() + self.shipment.state.sink.retry.max.0;
                        return self.shipment.state.problem(clock::now(), why);
                    }
                }
            }
        }
    }

    /// Reads some entries into the lanes, if there is room. Whether there may be more.
    fn read(&mut self) -> bool {
        let batch = self.shipment.state.sink.batch;
        let ahead = BATCHES_AHEAD * self.lanes.len();
        let (entries, bytes) = self.lanes.iter().fold((0, 0), |(n, m), lane| {
            let (entries, bytes) = lane.flying.map_or((0, 0), |flying| (flying.entries, flying.bytes));
            (n + lane.queue.len() + entries, m + lane.bytes + bytes)
        });
        let is_full = entries + batch.entries > ahead * batch.entries || bytes + batch.bytes > ahead * batch.bytes;
        if is_full || Instant::now() < self.next_look {
            return false;
        }
        let before = self.feed.place();
        let taken = match self.feed.take(&self.shipment.shared.committed(), batch.entries, batch.bytes) {
            Ok(taken) => taken,
            Err(error) => {
                self.shipment.state.problem(clock::now(), error.to_string());
                self.next_look = Instant::now() + self.shipment.state.sink.retry.max.0;
                return false;
            }
        };
        let has_moved = !taken.is_empty() || self.feed.place() != before;
        let store = self.shipment.state.cursor().store;
        for fed in taken {
            let lane = xxh3_64(fed.entry.source.as_bytes()) as usize % self.lanes.len();
            let lane = &mut self.lanes[lane];
            if fed.place >= lane.from {
                let item = Item::new(&store, fed);
                lane.bytes += item.bytes;
                lane.since.get_or_insert_with(Instant::now);
                lane.queue.push_back(item);
            }
        }
        if !has_moved {
            self.next_look = Instant::now() + LOOK_EVERY;
        }
        has_moved
    }

    /// Sends what is due in lanes that send nothing.
    fn launch(&mut self) {
        let batch = self.shipment.state.sink.batch;
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            let is_full = lane.queue.len() >= batch.entries || lane.bytes >= batch.bytes;
            let is_old = lane.since.is_some_and(|since| since.elapsed() >= batch.age.0);
            if !(is_full || is_old) {
                continue;
            }
            let Some(mut sender) = lane.sender.take() else { continue };
            let items = lane.take_batch(batch.entries, batch.bytes);
            let mut delivery = self.delivery.clone();
            self.flights.push(Box::pin(async move {
                let result = delivery.deliver(&mut sender, items).await;
                Landed { lane: index, sender, result }
            }));
        }
    }

    fn land(&mut self, landed: Landed) {
        let lane = &mut self.lanes[landed.lane];
        lane.sender = Some(landed.sender);
        if landed.result.is_ok() {
            lane.flying = None;
            self.save(true);
        }
    }

    /// How far each lane is.
    fn places(&self) -> Vec<Place> {
        let place = |lane: &Lane| {
            let first = lane.flying.map(|flying| flying.first).or_else(|| lane.queue.front().map(|item| item.place));
            // What was not read yet and is before `from` is not this lane's to send.
            first.unwrap_or(self.feed.place().max(lane.from))
        };
        self.lanes.iter().map(place).collect()
    }

    fn save(&mut self, at_once: bool) {
        let places = self.places();
        if (at_once || Instant::now() >= self.next_save) && places != self.shipment.state.cursor().lanes {
            self.shipment.state.advance(places);
            self.next_save = Instant::now() + SAVE_EVERY;
        }
    }

    fn report(&mut self) {
        let waiting =
            self.lanes.iter().map(|lane| lane.queue.len() + lane.flying.map_or(0, |flying| flying.entries)).sum();
        self.shipment.state.set_waiting(waiting);
        self.save(false);
    }

    /// How long nothing has to be done but for what lands.
    fn pause(&self) -> Duration {
        let age = self.shipment.state.sink.batch.age.0;
        let due = |lane: &Lane| Some(age.saturating_sub(lane.since?.elapsed())).filter(|_| lane.sender.is_some());
        let next = self.lanes.iter().filter_map(due).min().unwrap_or(LOOK_EVERY);
        next.clamp(Duration::from_millis(1), LOOK_EVERY)
    }
}

impl Lane {
    /// The first entries of the queue, on their way from now on.
    fn take_batch(&mut self, entries: usize, bytes: usize) -> Vec<Item> {
        let (mut items, mut taken) = (Vec::new(), 0);
        while items.len() < entries
            && let Some(next) = self.queue.front()
        {
            if !items.is_empty() && taken + next.bytes > bytes {
                break;
            }
            taken += next.bytes;
            items.extend(self.queue.pop_front());
        }
        self.bytes = self.bytes.saturating_sub(taken);
        self.since = (!self.queue.is_empty()).then(Instant::now);
        self.flying =
            items.first().map(|first: &Item| Flying { first: first.place, entries: items.len(), bytes: taken });
        items
    }
}
