//! Connections are accepted here, each served by a task of its own; and the thread of those that follow new entries.

use std::future::{Ready, ready};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::daemon::Board;
use crate::http::{MAX_CONNECTIONS, Pump, Tails, connection, prepare};
use crate::sys::clock;
use crate::sys::process::be_nice;

/// Who has not agreed on a secret after this time is cut off.
const SHAKEN_WITHIN: Duration = Duration::from_secs(10);

/// Accepts for ever; when there are too many, the next one waits until another has ended.
/// `open` makes of a connection what is spoken over.
pub async fn serve<L: Listener, S, F>(mut listener: L, router: impl Fn(&L::Addr) -> Router, open: impl Fn(L::Io) -> F)
where
    F: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(place) = places.clone().acquire_owned().await {
        let (stream, peer) = listener.accept().await;
        let (opening, router) = (open(stream), router(&peer));
        tokio::spawn(async move {
            match opening.await {
                Ok(stream) => connection(stream, router).await,
                Err(error) => tracing::debug!("a connection was not opened: {error}"),
            }
            drop(place);
        });
    }
}

/// For those who speak over TCP as it is.
pub fn plain(stream: TcpStream) -> Ready<io::Result<TcpStream>> {
    prepare(&stream);
    ready(Ok(stream))
}

/// TLS over a connection. Without a configuration, which a reload may have taken away, nothing is spoken.
pub async fn secured(stream: TcpStream, config: Option<Arc<ServerConfig>>) -> io::Result<TlsStream<TcpStream>> {
    let config = config.ok_or_else(|| io::Error::other("there is no certificate any more"))?;
    tokio::time::timeout(SHAKEN_WITHIN, TlsAcceptor::from(config).accept(stream)).await?
}

/// Hands out new entries until told to stop, when nobody else has work to do.
pub fn keep_following(tails: &Tails, board: &Board, stops: &AtomicBool) {
    be_nice();
    let mut pump = Pump::default();
    while !stops.load(Ordering::Acquire) {
        pump.wait(tails);
        if let Err(error) = pump.tick(tails) {
            board.error(clock::now(), format!("cannot follow new entries: {error}"));
        }
    }
}
