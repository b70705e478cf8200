//! What the kernel knows of a connection.

use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Getter, Opcode, ioctl};

/// `SIOCOUTQ` of Linux, the same number on all machines that Rust's Linux runs on but MIPS, PowerPC and SPARC.
const SIOCOUTQ: Opcode = 0x5411;

/// Bytes written to a TCP connection that the other host has not acknowledged yet.
#[allow(unsafe_code, reason = "an ioctl has no safe form")]
pub fn unsent_bytes(socket: impl AsFd) -> io::Result<usize> {
    // SAFETY: SIOCOUTQ takes a pointer to an int and writes one there.
    let count: i32 = unsafe { ioctl(socket, Getter::<SIOCOUTQ, i32>::new()) }?;
    Ok(usize::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn what_is_not_acknowledged_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut receiver, _) = listener.accept().unwrap();
        sender.set_nonblocking(true).unwrap();
        // More than the receiver's kernel takes while nobody reads.
        while sender.write(&[0; 65536]).is_ok() {}
        assert!(super::unsent_bytes(&sender).unwrap() > 0);
        receiver.set_nonblocking(true).unwrap();
        let mut buffer = [0; 65536];
        let begun = std::time::Instant::now();
        while super::unsent_bytes(&sender).unwrap() > 0 {
            assert!(begun.elapsed().as_secs() < 30, "never acknowledged");
            let _ = receiver.read(&mut buffer);
        }
    }
}
