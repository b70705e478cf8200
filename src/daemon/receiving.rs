//! Entries of others: the thread that writes the journal, and the doors through which they come.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver as Queue, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Extension;
use serde_json::{Value, json};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::config::{Loaded, Receive};
use crate::daemon::Board;
use crate::daemon::index::{Current, lock};
use crate::daemon::serving::{plain, secured, serve};
use crate::daemon::syslog::Syslog;
use crate::http::{Peer, Receiver, prepare, receive_router};
use crate::metrics::{Family, Kind};
use crate::receive::{Inbox, Journal, Limits, Refusal, Write};
use crate::store::StoreError;
use crate::sys::clock;
use crate::sys::lock::try_lock;
use crate::sys::net::widen;

/// How often it is looked at what is committed.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A file to which nothing was added for so long, and of which all is committed, goes.
const IDLE: Duration = Duration::from_secs(60);
/// Entries that are put into the journal together.
const BATCHES: usize = 64;
/// Bytes of datagrams that wait in the kernel.
const UDP_BUFFER: usize = 8 << 20;

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Receiving {
    pub inbox: Inbox,
    limits: Limits,
    settings: Arc<Receive>,
}

/// What the writing thread works on.
pub struct Work {
    journal: Journal,
    writes: Queue<Write>,
}

impl Receiving {
    /// To be called before anything is read: what a crash left half written is cut off. `None` where nothing was ever
    /// received and nothing is to be.
    pub fn new(loaded: &Loaded) -> anyhow::Result<Option<(Receiving, Work)>> {
        if !loaded.has_journal() {
            return Ok(None);
        }
        let settings = loaded.config.receive.clone();
        let data = &loaded.config.data_dir;
        std::fs::create_dir_all(data)?;
        // Of a running daemon the last line may be half written, too, and is not to be cut.
        let lock = try_lock(&data.join("LOCK"))?.ok_or_else(|| StoreError::Locked { path: data.to_owned() })?;
        let journal = Journal::open(data, loaded.config.follow.max_line.0 as usize)?;
        drop(lock);
        let (inbox, writes) = Inbox::new(settings.journal.0);
        let limits = Limits::new(settings.client_rate.0, settings.client_requests);
        Ok(Some((Receiving { inbox, limits, settings: Arc::new(settings) }, Work { journal, writes })))
    }

    pub fn to_json(&self) -> Value {
        let mut entries = Value::Object(serde_json::Map::new());
        for ((protocol, outcome), count) in self.inbox.tally() {
            entries[protocol][outcome] = count.into();
        }
        json!({
            "entries": entries, "waiting_bytes": self.inbox.waiting(), "full": self.inbox.is_full(),
            "problem": self.inbox.problem(),
        })
    }

    pub fn families(&self) -> Vec<Family> {
        let help = "Entries that others sent, by protocol and what became of them.";
        let labels = ["protocol", "outcome"];
        let mut entries = Family::new(Kind::Counter, "logmill_received_total", help, &labels);
        for ((protocol, outcome), count) in self.inbox.tally() {
            entries.set(&[protocol, outcome], count as f64);
        }
        let help = "Bytes that were received and are not indexed yet.";
        let mut waiting = Family::new(Kind::Gauge, "logmill_receive_waiting_bytes", help, &[]);
        waiting.set(&[], self.inbox.waiting() as f64);
        vec![entries, waiting]
    }

    /// Writes what comes until told to stop and nothing waits any more.
    pub fn run(&self, mut work: Work, board: &Board, stops: &AtomicBool) {
        let (mut next_look, mut last_write) = (Instant::now(), Instant::now());
        loop {
            match work.writes.recv_timeout(LOOK_EVERY) {
                Ok(first) => {
                    self.write(first, &mut work, board);
                    last_write = Instant::now();
                }
                Err(RecvTimeoutError::Timeout) if stops.load(Ordering::Acquire) => return,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if Instant::now() >= next_look {
                next_look = Instant::now() + LOOK_EVERY;
                self.release(&mut work.journal, last_write.elapsed() > IDLE, board);
            }
        }
    }

    /// One sync for all that waits.
    fn write(&self, first: Write, work: &mut Work, board: &Board) {
        let mut writes = vec![first];
        while writes.len() < BATCHES {
            match work.writes.try_recv() {
                Ok(write) => writes.push(write),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let (batches, replies): (Vec<_>, Vec<_>) = writes.into_iter().map(|write| (write.entries, write.reply)).unzip();
        // Who asked may be gone; then nobody hears that it is there.
        match work.journal.append(&batches) {
            Ok(taken) => {
                self.note(None, board);
                replies.into_iter().zip(taken).for_each(|(reply, taken)| drop(reply.send(Ok(taken))));
            }
            Err(error) => {
                let why = error.to_string();
                self.note(Some(why.clone()), board);
                replies.into_iter().for_each(|reply| drop(reply.send(Err(Refusal::Failed(why.clone())))));
            }
        }
    }

    fn note(&self, problem: Option<String>, board: &Board) {
        if self.inbox.problem() == problem {
            return;
        }
        if let Some(why) = &problem {
            board.error(clock::now(), format!("what is received cannot be kept: {why}"));
        }
        board.lock().receiving = problem.as_ref().map(|why| format!("what is received cannot be kept: {why}"));
        self.inbox.set_problem(problem);
    }

    /// Removes what is committed, and counts the rest.
    fn release(&self, journal: &mut Journal, is_idle: bool, board: &Board) {
        let released = journal.release(|file| board.lock().committed.get(&file).copied().unwrap_or(0));
        match released {
            Ok(waiting) => {
                self.inbox.set_waiting(waiting);
                if waiting == 0 && is_idle && journal.is_active() {
                    journal.finish();
                }
            }
            Err(error) => board.error(clock::now(), error.to_string()),
        }
    }

    /// Opens the doors. What a reload may change is in `current`.
    pub async fn listen(&self, loaded: &Loaded, current: &Current) -> anyhow::Result<Vec<JoinHandle<()>>> {
        let mut servers = Vec::new();
        let doors = &loaded.doors;
        if let Some(address) = doors.http {
            let listener = bind(TcpListener::bind(address).await, address, "receive.http")?;
            let address = listener.local_addr()?;
            tracing::info!(%address, is_secure = loaded.tls.is_some(), "receiving over HTTP");
            let (tokens, max_body) = (self.settings.tokens_file.clone(), self.settings.max_body.0 as usize);
            let of_now = current.clone();
            let rules = move || lock(&of_now).rules.clone();
            let receiver = Receiver::new(self.inbox.clone(), self.limits.clone(), tokens, max_body, rules);
            let router = receive_router(receiver, address);
            let of_peer = move |peer: &SocketAddr| router.clone().layer(Extension(Peer(peer.ip().to_canonical())));
            let of_now = current.clone();
            servers.push(match loaded.tls {
                None => tokio::spawn(serve(listener, of_peer, plain)),
                Some(_) => tokio::spawn(serve(listener, of_peer, move |stream| {
                    prepare(&stream);
                    secured(stream, lock(&of_now).tls.clone())
                })),
            });
        }
        let syslog = Syslog {
            inbox: self.inbox.clone(),
            limits: self.limits.clone(),
            current: current.clone(),
            places: Arc::new(Semaphore::new(self.settings.syslog_connections)),
            idle: self.settings.syslog_idle.0,
        };
        for address in &doors.udp {
            let socket = bind(UdpSocket::bind(address).await, *address, "receive.syslog")?;
            // Without it more is lost when much comes at once, and that is counted by the kernel.
            let _ = widen(&socket, UDP_BUFFER);
            tracing::info!(address = %socket.local_addr()?, "receiving syslog over UDP");
            servers.push(tokio::spawn(syslog.clone().datagrams(socket)));
        }
        let tcp = doors.tcp.iter().map(|address| (address, false));
        for (address, is_secure) in tcp.chain(doors.tls.iter().map(|address| (address, true))) {
            let listener = bind(TcpListener::bind(address).await, *address, "receive.syslog")?;
            tracing::info!(address = %listener.local_addr()?, is_secure, "receiving syslog over TCP");
            servers.push(tokio::spawn(syslog.clone().streams(listener, is_secure)));
        }
        Ok(servers)
    }
}

fn bind<T>(bound: io::Result<T>, address: SocketAddr, setting: &str) -> anyhow::Result<T> {
    bound.with_context(|| format!("cannot listen on {address}; name another address in {setting}"))
}
