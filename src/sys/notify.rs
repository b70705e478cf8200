//! What systemd wants to hear of a service (`sd_notify(3)`): that it is ready, reloads, stops, and still works. Without
//! systemd nothing is said.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Who started us, if it listens.
#[derive(Debug, Default)]
pub struct Supervisor {
    at: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// As the environment says. The error is that the place it names cannot be used.
    pub fn find() -> io::Result<Supervisor> {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| is_ours && *usec > 0).map(Duration::from_micros);
        let Some(place) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(Supervisor::default()) };
        let at = Some((UnixDatagram::unbound()?, address(&place)?));
        Ok(Supervisor { at, watchdog })
    }

    /// It restarts us when it does not hear so often that we work.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// Until [`Supervisor::ready`].
    pub fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1_000_000 + now.tv_nsec / 1000));
    }

    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// We work.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// For whoever asks systemd.
    pub fn status(&self, words: &str) {
        self.tell(&format!("STATUS={}", words.replace('\n', " ")));
    }

    fn tell(&self, message: &str) {
        if let Some((socket, address)) = &self.at {
            // It has its own ways to find out when it hears nothing.
            let _ = socket.send_to_addr(message.as_bytes(), address);
        }
    }
}

/// A path, or with `@` in front a name in the abstract space.
fn address(place: &OsString) -> io::Result<SocketAddr> {
    match place.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_arrives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let at = Some((UnixDatagram::unbound().unwrap(), address(&path.into_os_string()).unwrap()));
        let supervisor = Supervisor { at, watchdog: None };
        let heard = || {
            let mut buffer = [0; 200];
            let length = listener.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        };
        supervisor.ready();
        assert_eq!(heard(), "READY=1");
        supervisor.reloading();
        assert!(heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        supervisor.status("one\ntwo");
        assert_eq!(heard(), "STATUS=one two");
        assert!(address(&"@logmill".into()).unwrap().as_abstract_name().is_some());
    }
}
