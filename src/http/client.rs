//! Asking a running daemon, over its control socket or an address. One request a connection.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

use super::short_path;

/// An answer larger than this is refused.
const MAX_ANSWER: usize = 256 << 20;
/// A daemon that does not answer in this time is not asked further.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("cannot reach logmill at {at}: {source}; is it running?")]
    Connect { at: String, source: io::Error },
    #[error("logmill at {at} did not answer: {reason}")]
    Broken { at: String, reason: String },
    #[error("{message}")]
    Refused { status: u16, message: String },
}

/// A daemon that can be asked.
#[derive(Clone, Debug)]
pub enum Client {
    Socket(PathBuf),
    Address(SocketAddr),
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Client {
    /// The daemon that owns a data folder, if one is running.
    pub fn of_data_dir(socket: &Path) -> Option<Client> {
        let (path, _folder) = short_path(socket).ok()?;
        std::os::unix::net::UnixStream::connect(path).ok()?;
        Some(Client::Socket(socket.to_owned()))
    }

    /// Asks and waits. `target` is path and query; with a body it is a POST. A refusal is an error.
    pub fn ask(&self, target: &str, body: Option<&Value>) -> Result<Answer, ClientError> {
        let answer = self.answer(target, body, PATIENCE)?;
        if answer.status < 400 {
            return Ok(answer);
        }
        let message = answer.body["detail"].as_str().unwrap_or("unknown error").to_owned();
        Err(ClientError::Refused { status: answer.status, message })
    }

    /// The same, for whatever status; waits at most so long.
    pub fn answer(&self, target: &str, body: Option<&Value>, patience: Duration) -> Result<Answer, ClientError> {
        let broken = |reason: String| ClientError::Broken { at: self.name(), reason };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| broken(e.to_string()))?;
        let answer = runtime.block_on(async { tokio::time::timeout(patience, self.exchange(target, body)).await });
        answer.map_err(|_| broken("it took too long".to_owned()))?
    }

    fn name(&self) -> String {
        match self {
            Client::Socket(path) => path.display().to_string(),
            Client::Address(address) => address.to_string(),
        }
    }

    async fn exchange(&self, target: &str, body: Option<&Value>) -> Result<Answer, ClientError> {
        let wrong = |source| ClientError::Connect { at: self.name(), source };
        match self {
            Client::Socket(socket) => {
                let (path, _folder) = short_path(socket).map_err(wrong)?;
                let stream = tokio::net::UnixStream::connect(path).await.map_err(wrong)?;
                self.speak(stream, target, body).await
            }
            Client::Address(address) => {
                let stream = tokio::net::TcpStream::connect(address).await.map_err(wrong)?;
                self.speak(stream, target, body).await
            }
        }
    }

    async fn speak<S>(&self, stream: S, target: &str, body: Option<&Value>) -> Result<Answer, ClientError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let broken = |reason: String| ClientError::Broken { at: self.name(), reason };
        let method = if body.is_some() { "POST" } else { "GET" };
        let bytes = body.map(|b| Bytes::from(b.to_string())).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(bytes))
            .map_err(|e| broken(e.to_string()))?;
        let connection = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = connection.map_err(|e| broken(e.to_string()))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|e| broken(e.to_string()))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
            let bytes = body.map_err(|e| broken(e.to_string()))?.to_bytes();
            let body = serde_json::from_slice(&bytes);
            let body = body.unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
            Ok(Answer { status, body })
        };
        // The connection has to be driven while the exchange goes on; both end together.
        tokio::pin!(connection);
        tokio::pin!(exchange);
        tokio::select! {
            answer = &mut exchange => answer,
            ended = &mut connection => {
                ended.map_err(|e| broken(e.to_string()))?;
                exchange.await
            }
        }
    }
}
