//! Layer 7: the daemon's face over HTTP: health, status, metrics, and questions. The same routes serve a TCP address and
//! the control socket in the data folder; what changes something is on the socket only, where the file system says who
//! may. Every path is in `routes` and described in `openapi.json`; every error has the shape of `problem`.

mod alerts;
mod backend;
mod client;
mod context;
mod daemon;
mod elastic;
mod fields;
mod guard;
mod live;
mod looked;
mod openapi;
mod problem;
mod question;
mod rates;
mod receive;
mod reply;
mod routes;
mod search;
mod serve;
mod shippers;
mod tail;
mod workflows;

pub use backend::{Backend, Control, Health};
pub use client::{Answer, Client, ClientError};
pub use live::{Pump, Tails};
pub use receive::{Peer, Receiver, receive_router};
pub use routes::{control_router, router};
pub use serve::{MAX_CONNECTIONS, connection, prepare};

use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// A path to `socket` that is short enough for the 108 bytes of a socket address, with the folder it goes
/// through, which must stay open while the path is used.
fn short_path(socket: &Path) -> io::Result<(PathBuf, std::fs::File)> {
    let folder = std::fs::File::open(socket.parent().unwrap_or(Path::new(".")))?;
    let name = socket.file_name().unwrap_or_default();
    Ok((Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name), folder))
}

/// Listens on the control socket; only its owner may connect. Replaces what a dead daemon left there: the lock of
/// the data folder says that there is no other.
pub fn bind_control(socket: &Path) -> io::Result<tokio::net::UnixListener> {
    let (path, _folder) = short_path(socket)?;
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = tokio::net::UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(listener)
}
