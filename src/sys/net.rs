//! What the system does for a connection.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// Ends a TCP connection whose other end does not take what is sent for so long.
pub fn end_when_stalled(stream: impl AsFd, after: Duration) -> io::Result<()> {
    let milliseconds = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
    Ok(rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds)?)
}

/// Lets so many bytes wait in the kernel, or as many as the system allows.
pub fn widen(socket: impl AsFd, bytes: usize) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_recv_buffer_size(socket, bytes)?)
}
