//! A connection over TCP, with TLS on it or without.

use std::io;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// What is below, whatever is on it.
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for tokio_rustls::client::TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Connects to `HOST:PORT`.
pub async fn connect(host: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Puts TLS on a connection; the name is that of the host.
pub async fn secure(stream: TcpStream, host: &str, tls: &TlsConnector) -> io::Result<Box<dyn Stream>> {
    let name = ServerName::try_from(name_of(host).to_owned()).map_err(io::Error::other)?;
    Ok(Box::new(tls.connect(name, stream).await?))
}

/// The host without its port.
pub fn name_of(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']'])
}

/// What stands behind `SCHEME://`: a host, with `port` where it has none. `None` when it is no host.
pub fn with_port(host: &str, port: u16) -> Option<String> {
    let host = host.trim_end_matches('/');
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(rest, port)| port.parse::<u16>().is_ok() && (!rest.contains(':') || rest.ends_with(']')));
    let is_good = !host.is_empty() && !host.contains(['/', '@', ' ']) && !host.starts_with(':');
    is_good.then(|| if has_port { host.to_owned() } else { format!("{host}:{port}") })
}
