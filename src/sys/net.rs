//! What the system does for a connection.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::str::FromStr;
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

/// Addresses that begin alike, as `10.0.0.0/8`; one address is a network of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits,
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits,
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let wrong = || format!("{text:?} is no network; write for example \"10.0.0.0/8\" or \"192.0.2.7\"");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(all), str::parse).ok().filter(|bits| *bits <= all).ok_or_else(wrong)?;
        Ok(Network { address, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let check = |network: &str, address: &str, want: bool| {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), want, "{network:?} {address}");
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.1.2.3/8", "10.255.0.1", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.6", false);
        check("192.0.2.4/30", "192.0.2.8", false);
        check("0.0.0.0/0", "203.0.113.1", true);
        check("0.0.0.0/0", "::1", false);
        check("127.0.0.0/8", "::ffff:127.0.0.1", true);
        check("::/0", "2001:db8::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        for wrong in ["", "10", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "::/129", "10.0.0.0/8/8", "host/8"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
