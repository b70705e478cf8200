//! One connection, with limits that whoever is at its other end cannot stretch.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::sys::net::end_when_stalled;

/// Connections at once.
pub const MAX_CONNECTIONS: usize = 512;
/// A request's headers must be there after this time, also those of the next one on the same connection.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// A request's headers, in bytes, and their number.
const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;
/// Who does not take what is sent for so long is cut off.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);

/// Sets what the system does for a connection; without it some clients only wait longer.
pub fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = end_when_stalled(stream, TAKEN_WITHIN);
}

/// Serves a connection to its end. How it ends is the client's business.
pub async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, router: Router) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new());
    server
        .header_read_timeout(HEADERS_WITHIN)
        .max_header_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS)
        .max_buf_size(2 * MAX_HEADER_BYTES);
    let ended = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
    if let Err(error) = ended {
        tracing::debug!("an HTTP connection ended: {error}");
    }
}
