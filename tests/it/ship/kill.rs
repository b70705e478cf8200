//! At least once and in order: the daemon is killed again and again while the receiver delays, resets, refuses and dies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::home::{Home, append, wait_until};
use crate::ship::receiver::{Receiver, Reply, Request};

const CONFIG: &str = r#"
[store]
commit_every = "100ms"
partition_bytes = "1MiB"

[follow]
discover_every = "100ms"

[rotation]
enabled = false
"#;
const PIPELINE: &str = "name = \"all\"\n[source]\ninclude = [\"logs/*.log\"]\nzone = \"UTC\"\n";
const BATCH: u64 = 50;
const LANES: u64 = 2;
const SOURCES: u64 = 5;

/// Starts from a seed that is printed, so that a failure can be repeated.
fn random(state: &AtomicU64) -> u64 {
    let mut n = state.load(Ordering::Relaxed);
    n ^= n << 13;
    n ^= n >> 7;
    n ^= n << 17;
    state.store(n, Ordering::Relaxed);
    n
}

/// What a receiver took and acknowledged, or took without being able to say so.
#[derive(Default)]
struct Taken {
    /// Numbers in the order in which they were taken, by source.
    numbers: BTreeMap<String, Vec<u64>>,
    /// Requests that were taken although their sender did not hear of it.
    unheard: u64,
}

fn take(taken: &mut Taken, request: &Request) {
    for record in request.lines() {
        let message = record["message"].as_str().unwrap();
        let number = message.split_once("serial=").unwrap().1.parse().unwrap();
        taken.numbers.entry(record["source"].as_str().unwrap().to_owned()).or_default().push(number);
    }
}

#[test]
fn kill_9_and_a_wild_receiver_lose_nothing_and_keep_the_order() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let kills: u64 = setting("LOGMILL_KILLS").unwrap_or(8);
    let seed: u64 = setting("LOGMILL_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 7919 + 1);
    println!("LOGMILL_KILLS={kills} LOGMILL_SEED={seed}");
    let state = Arc::new(AtomicU64::new(seed));
    let taken: Arc<std::sync::Mutex<Taken>> = Arc::default();
    let tame = Arc::new(AtomicBool::new(false));
    let behave = {
        let (state, taken, tame) = (state.clone(), taken.clone(), tame.clone());
        move |request: &Request| {
            let with_retry =
                |status| Reply::With { status, headers: vec![("retry-after", "0".into())], body: "busy".into() };
            let mut taken = taken.lock().unwrap();
            match if tame.load(Ordering::Relaxed) { 99 } else { random(&state) % 20 } {
                0 => return with_retry(429),
                1 => return Reply::Status(500),
                // Alone, an entry would become a dead letter.
                2 if request.lines().len() > 1 => return Reply::Status(413),
                3 => return Reply::Reset,
                4 => {
                    // Taken, but nobody hears of it.
                    taken.unheard += 1;
                    take(&mut taken, request);
                    return Reply::Reset;
                }
                5 => {
                    take(&mut taken, request);
                    drop(taken);
                    return Reply::Late(Duration::from_millis(random(&state) % 300), Box::new(Reply::Status(200)));
                }
                _ => {}
            }
            take(&mut taken, request);
            Reply::Status(200)
        }
    };
    let mut receiver = Some(Receiver::start(behave.clone()));
    let address = receiver.as_ref().unwrap().address.to_string();
    let home = Home::new(CONFIG);
    home.write("pipelines/all.toml", PIPELINE);
    let sink = format!(
        "[[sink]]\nname = \"wild\"\nkind = \"http\"\nurl = \"http://{address}/in\"\nconcurrency = {LANES}\n\
         [sink.batch]\nentries = {BATCH}\nage = \"50ms\"\n[sink.retry]\nmin = \"10ms\"\nmax = \"200ms\"\n"
    );
    home.write("config/sinks.toml", &sink);
    let stop = AtomicBool::new(false);
    let mut written = vec![0; SOURCES as usize];
    std::thread::scope(|scope| {
        for (source, count) in written.iter_mut().enumerate() {
            let (home, stop) = (&home, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let line = |n: u64| format!("2026-11-23 10:15:30 - app - INFO - serial={n}\n");
                    append(
                        &home.path(&format!("logs/{source}.log")),
                        (*count..*count + 20).map(line).collect::<String>(),
                    );
                    *count += 20;
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
        }
        for kill in 0..kills {
            let daemon = home.spawn();
            std::thread::sleep(Duration::from_millis(300 + random(&state) % 1200));
            daemon.kill();
            if kill % 3 == 1 {
                // The receiver dies, too, and what it was told last it may not have answered.
                drop(receiver.take());
                receiver = Some(restart(&address, behave.clone()));
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    tame.store(true, Ordering::Relaxed);
    let daemon = home.run();
    daemon.settle();
    let behind = || home.json(&["ship", "status"])[0]["behind"].as_u64().unwrap();
    wait_until("everything is delivered", || behind() == 0);
    let status = &home.json(&["ship", "status"])[0];
    assert_eq!(daemon.stop(), Some(0));
    drop(receiver);
    let taken = taken.lock().unwrap();
    let total: u64 = written.iter().sum();
    let mut repeated = 0;
    for (source, count) in written.iter().enumerate() {
        let numbers = &taken.numbers[&format!("logs/{source}.log")];
        let mut next = 0;
        for number in numbers {
            assert!(*number <= next, "{source}: {number} came before {next}");
            repeated += u64::from(*number < next);
            next = next.max(number + 1);
        }
        assert_eq!(next, *count, "{source}: the end is missing");
    }
    println!(
        "{kills} kills, {total} entries, {repeated} repeated, {} requests unheard; {}",
        taken.unheard, status["counts"]
    );
    // Only what was not acknowledged comes again: a batch a lane for each kill, and the requests that nobody heard of.
    assert!(repeated <= BATCH * (LANES * (kills + kills / 3 + 1) + taken.unheard), "{repeated} were repeated");
    assert_eq!(status["counts"]["dead"], 0, "a single entry was never refused: {status}");
}

/// The address may be in use for a moment.
fn restart(address: &str, behave: impl Fn(&Request) -> Reply + Send + Sync + Clone + 'static) -> Receiver {
    wait_until("the address is free", || std::net::TcpListener::bind(address).is_ok());
    Receiver::start_at(address, behave)
}
