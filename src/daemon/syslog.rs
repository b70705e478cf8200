//! Syslog, which knows no answers: messages are taken as they come, over TCP no faster than there is room.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::daemon::index::{Current, lock};
use crate::daemon::serving::secured;
use crate::http::prepare;
use crate::receive::protocols::Reader;
use crate::receive::protocols::syslog::{self, Frames};
use crate::receive::{Inbox, Limits, Received, Rules, Visit, left_out};
use crate::sys::clock;

/// Datagrams that are taken together.
const DATAGRAMS: usize = 500;
/// A sender over TCP is read again after so long when there was no room.
const NO_ROOM: Duration = Duration::from_millis(500);
/// A message that has begun must be whole after this time, or after that of idle connections where it is shorter.
const WHOLE_WITHIN: Duration = Duration::from_secs(60);

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Syslog {
    pub inbox: Inbox,
    pub limits: Limits,
    pub current: Current,
    /// Of all connections.
    pub places: Arc<Semaphore>,
    /// A connection over which nothing comes for so long is ended.
    pub idle: Duration,
}

impl Syslog {
    /// Takes datagrams for ever. What there is no room for is lost, and counted.
    pub async fn datagrams(self, socket: UdpSocket) {
        let mut buffer = vec![0; syslog::MAX_MESSAGE + 1];
        loop {
            let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
            let (rules, mut received) = (self.rules(), Vec::new());
            let mut take = |bytes: &[u8], peer: IpAddr| match self.may_send(peer) {
                true => received.extend(syslog::message(bytes, &reader(peer, &rules))),
                false => self.inbox.count("syslog_udp", "refused", 1),
            };
            take(&buffer[..length], peer.ip());
            for _ in 1..DATAGRAMS {
                let Ok((length, peer)) = socket.try_recv_from(&mut buffer) else { break };
                take(&buffer[..length], peer.ip());
            }
            let kept = self.screen("syslog_udp", &rules, received);
            let count = kept.len() as u64;
            if self.inbox.put("syslog_udp", kept).await.is_err() {
                self.inbox.count("syslog_udp", "lost", count);
            }
        }
    }

    /// Accepts for ever, each connection served by a task of its own; over TLS, or as it is.
    pub async fn streams(self, listener: TcpListener, is_secure: bool) {
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                // Too many open files, most likely: others end in a moment.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let peer = peer.ip().to_canonical();
            // Who is refused is gone at once, and holds nothing.
            let place = self.places.clone().try_acquire_owned();
            let (true, Ok(place)) = (self.may_send(peer), place) else {
                self.inbox.count("syslog_tcp", "refused", 1);
                continue;
            };
            let Ok(visit) = self.limits.enter(peer) else {
                self.inbox.count("syslog_tcp", "slowed_down", 1);
                continue;
            };
            prepare(&stream);
            let syslog = self.clone();
            tokio::spawn(async move {
                let config = lock(&syslog.current).tls.clone();
                let ended = match is_secure {
                    false => syslog.stream(stream, peer, &visit).await,
                    true => match secured(stream, config).await {
                        Ok(stream) => syslog.stream(stream, peer, &visit).await,
                        Err(error) => {
                            syslog.inbox.count("syslog_tcp", "refused", 1);
                            Err(error)
                        }
                    },
                };
                if let Err(error) = ended {
                    tracing::debug!(%peer, "a syslog connection ended: {error}");
                }
                drop(place);
            });
        }
    }

    /// Whether this address is of the networks that may send.
    fn may_send(&self, peer: IpAddr) -> bool {
        lock(&self.current).doors.may_send(peer)
    }

    /// Reads a connection to its end, no faster than there is room.
    async fn stream(&self, mut stream: impl AsyncRead + Unpin, peer: IpAddr, visit: &Visit) -> io::Result<()> {
        let (mut frames, mut is_open) = (Frames::default(), true);
        // Since when the next message is waited for, or the rest of one.
        let mut since = Instant::now();
        while is_open {
            let was_inside = frames.is_inside();
            let within = if was_inside { self.idle.min(WHOLE_WITHIN) } else { self.idle };
            let read = timeout_at(since + within, stream.read_buf(frames.room())).await;
            is_open = matches!(read, Ok(Ok(1..)));
            if !is_open {
                frames.end();
            }
            let (rules, mut received) = (self.rules(), Vec::new());
            let reader = reader(peer, &rules);
            let done = frames.take(|message| received.extend(syslog::message(message, &reader)));
            let was_busy = self.put_patiently(self.screen("syslog_tcp", &rules, received)).await;
            let Ok(done) = done.inspect_err(|_| self.inbox.count("syslog_tcp", "malformed", 1)) else { break };
            let pause = visit.charge(done);
            tokio::time::sleep(pause).await;
            // A message that begins, or that we let wait ourselves, has all its time.
            if !was_inside || done > 0 || was_busy || !pause.is_zero() {
                since = Instant::now();
            }
            read.unwrap_or(Ok(0))?;
        }
        Ok(())
    }

    /// Those that hold now.
    fn rules(&self) -> Arc<Rules> {
        lock(&self.current).rules.clone()
    }

    /// What rules leave of it.
    fn screen(&self, protocol: &'static str, rules: &Rules, received: Vec<Received>) -> Vec<Received> {
        let (kept, fates) = rules.screen(protocol, received, clock::now());
        left_out(&fates).into_iter().for_each(|(outcome, count)| self.inbox.count(protocol, outcome, count));
        kept
    }

    /// Puts until there is room; whether that took a while.
    async fn put_patiently(&self, received: Vec<Received>) -> bool {
        let mut waited = false;
        while self.inbox.put("syslog_tcp", received.clone()).await.is_err() {
            waited = true;
            tokio::time::sleep(NO_ROOM).await;
        }
        waited
    }
}

fn reader(peer: IpAddr, rules: &Rules) -> Reader {
    Reader::new(&format!("syslog://{}", peer.to_canonical()), "syslog", clock::now()).by(rules.of("syslog"))
}
