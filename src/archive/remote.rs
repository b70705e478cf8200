//! The place where the archive is: keys and bytes. Nothing here knows what they mean.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::client::{HttpClient, HttpConnector};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig, WriteMultipart,
};
use ring::digest::{Context, SHA256};

use crate::archive::settings::{Place, S3, Settings};
use crate::sys::tls::Tls;
use crate::sys::web;

/// A file is sent in parts of this size, where it has more than one. S3 wants at least 5 MiB, and at most 10,000 parts.
const PART_BYTES: u64 = 8 << 20;
const PARTS_MAX: u64 = 9_000;
/// Read at once.
const CHUNK_BYTES: usize = 256 << 10;
/// A server that sends nothing for so long is not there.
const SILENCE: Duration = Duration::from_secs(30);

/// One variant a kind of failure; each names the object.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error("the archive cannot be used: {0}")]
    Setup(String),
    #[error("{key}: {reason}")]
    Failed { key: String, reason: String },
    #[error("{key}: is not there")]
    Missing { key: String },
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("{key}: {reason}; it was damaged or changed in the archive, and is not used")]
    Wrong { key: String, reason: String },
}

/// See the module.
#[derive(Clone)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    concurrency: usize,
    bandwidth: Option<u64>,
}

/// Requests of the object store go through the client that everything else uses, with its TLS.
#[derive(Debug)]
struct Connector(Tls);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let wrong = |source| object_store::Error::Generic { store: "S3", source };
        let tls = self.0.config().map_err(|error| wrong(error.into()))?;
        let client = web::builder(tls).read_timeout(SILENCE).build();
        client.map(HttpClient::new).map_err(|error| wrong(error.into()))
    }
}

/// The SHA-256 of what was given to it.
pub struct Sum(Context);

impl Default for Sum {
    fn default() -> Sum {
        Sum(Context::new(&SHA256))
    }
}

impl Sum {
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Hexadecimal.
    pub fn finish(self) -> String {
        self.0.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Remote {
    /// Nothing is asked yet.
    pub fn open(settings: &Settings) -> Result<Remote, RemoteError> {
        let (store, prefix): (Arc<dyn ObjectStore>, _) = match &settings.place {
            Place::Folder(path) => {
                let store = LocalFileSystem::new_with_prefix(path).map_err(|error| {
                    let way_out = "make the folder first, so that nothing is written where no disk is mounted";
                    RemoteError::Setup(format!("{}: {}; {way_out}", path.display(), web::chain(&error)))
                })?;
                (Arc::new(store.with_fsync(true)), String::new())
            }
            Place::S3(s3) => (Arc::new(bucket(s3)?), s3.prefix.clone()),
        };
        let bandwidth = settings.bandwidth.map(|bytes| bytes.0.max(1));
        Ok(Remote { store, prefix, concurrency: settings.concurrency, bandwidth })
    }

    fn path(&self, key: &str) -> Path {
        if self.prefix.is_empty() { Path::from(key) } else { Path::from(format!("{}/{key}", self.prefix)) }
    }

    /// Keys with their sizes below a folder.
    pub async fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, RemoteError> {
        let path = self.path(folder);
        let found: Vec<_> = self.store.list(Some(&path)).try_collect().await.map_err(|error| failed(folder, &error))?;
        let strip = |key: &str| key.strip_prefix(&self.prefix).unwrap_or(key).trim_start_matches('/').to_owned();
        Ok(found.into_iter().map(|meta| (strip(meta.location.as_ref()), meta.size)).collect())
    }

    /// A small object whole; `None` where there is none.
    pub async fn get(&self, key: &str, max: u64) -> Result<Option<Vec<u8>>, RemoteError> {
        let found = match self.store.get(&self.path(key)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(key, &error)),
        };
        let mut bytes = Vec::new();
        let mut stream = found.into_stream();
        while let Some(chunk) = stream.try_next().await.map_err(|error| failed(key, &error))? {
            if bytes.len() as u64 + chunk.len() as u64 > max {
                return Err(RemoteError::Wrong { key: key.to_owned(), reason: format!("has more than {max} bytes") });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }

    /// `None` where there is no such object.
    pub async fn size(&self, key: &str) -> Result<Option<u64>, RemoteError> {
        match self.store.head(&self.path(key)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(key, &error)),
        }
    }

    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), RemoteError> {
        self.store.put(&self.path(key), PutPayload::from(bytes)).await.map(drop).map_err(|error| failed(key, &error))
    }

    pub async fn delete(&self, key: &str) -> Result<(), RemoteError> {
        match self.store.delete(&self.path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(key, &error)),
        }
    }

    /// Sends a file of `bytes` bytes. It must have the same length and content to its end.
    pub async fn put_file(&self, key: &str, path: &FilePath, bytes: u64) -> Result<(), RemoteError> {
        let wrong = |source| RemoteError::File { path: path.display().to_string(), source };
        let mut file = File::open(path).map_err(wrong)?;
        let mut pace = Pace::new(self.bandwidth);
        if bytes <= PART_BYTES {
            let mut content = Vec::new();
            file.take(bytes + 1).read_to_end(&mut content).map_err(wrong)?;
            same_length(path, content.len() as u64, bytes)?;
            self.put(key, content).await?;
            pace.sent(bytes).await;
            return Ok(());
        }
        let upload = self.store.put_multipart(&self.path(key)).await.map_err(|error| failed(key, &error))?;
        let mut writer = writer(upload, bytes);
        match self.parts(key, &mut file, path, &mut writer, &mut pace).await.and_then(|n| same_length(path, n, bytes)) {
            Ok(()) => writer.finish().await.map(drop).map_err(|error| failed(key, &error)),
            Err(error) => {
                // What is wrong has a name already; a part that stays is the bucket's lifecycle rule's.
                let _ = writer.abort().await;
                Err(error)
            }
        }
    }

    async fn parts(
        &self,
        key: &str,
        file: &mut File,
        path: &FilePath,
        writer: &mut WriteMultipart,
        pace: &mut Pace,
    ) -> Result<u64, RemoteError> {
        let wrong = |source| RemoteError::File { path: path.display().to_string(), source };
        let (mut chunk, mut total) = (vec![0; CHUNK_BYTES], 0);
        loop {
            let n = file.read(&mut chunk).map_err(wrong)?;
            if n == 0 {
                return Ok(total);
            }
            total += n as u64;
            writer.wait_for_capacity(self.concurrency).await.map_err(|error| failed(key, &error))?;
            writer.write(&chunk[..n]);
            pace.sent(n as u64).await;
        }
    }

    /// Reads an object that must have this length and checksum; each piece goes to `take`.
    pub async fn get_checked(
        &self,
        key: &str,
        (bytes, sha256): (u64, &str),
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), RemoteError> {
        let found = self.store.get(&self.path(key)).await.map_err(|error| match error {
            object_store::Error::NotFound { .. } => RemoteError::Missing { key: key.to_owned() },
            error => failed(key, &error),
        })?;
        let wrong = |reason: String| RemoteError::Wrong { key: key.to_owned(), reason };
        let (mut sum, mut total) = (Sum::default(), 0);
        let mut stream = found.into_stream();
        while let Some(chunk) = stream.try_next().await.map_err(|error| failed(key, &error))? {
            total += chunk.len() as u64;
            if total > bytes {
                return Err(wrong(format!("has more than the {bytes} bytes of its manifest")));
            }
            sum.add(&chunk);
            take(&chunk).map_err(|source| RemoteError::File { path: key.to_owned(), source })?;
        }
        if total < bytes {
            return Err(wrong(format!("has {total} bytes, and {bytes} by its manifest")));
        }
        if sum.finish() != sha256 {
            return Err(wrong("has another checksum than its manifest says".to_owned()));
        }
        Ok(())
    }

    /// The same into a new file, which is durable then.
    pub async fn get_file(&self, key: &str, known: (u64, &str), path: &FilePath) -> Result<(), RemoteError> {
        let wrong = |source| RemoteError::File { path: path.display().to_string(), source };
        let mut file = File::create_new(path).map_err(wrong)?;
        self.get_checked(key, known, |chunk| file.write_all(chunk)).await?;
        file.sync_all().map_err(wrong)
    }
}

fn bucket(s3: &S3) -> Result<object_store::aws::AmazonS3, RemoteError> {
    let setup = RemoteError::Setup;
    let retry = RetryConfig {
        backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() },
        max_retries: 2,
        retry_timeout: Duration::from_secs(20),
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&s3.bucket)
        .with_region(&s3.region)
        .with_allow_http(s3.allow_http)
        .with_access_key_id(s3.access_key.read().map_err(setup)?)
        .with_secret_access_key(s3.secret_key.read().map_err(setup)?)
        .with_http_connector(Connector(s3.tls.clone()))
        .with_retry(retry);
    if let Some(endpoint) = &s3.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(token) = &s3.token {
        builder = builder.with_token(token.read().map_err(setup)?);
    }
    builder.build().map_err(|error| setup(web::chain(&error)))
}

fn writer(upload: Box<dyn MultipartUpload>, bytes: u64) -> WriteMultipart {
    let part = PART_BYTES.max(bytes.div_ceil(PARTS_MAX));
    WriteMultipart::new_with_chunk_size(upload, usize::try_from(part).unwrap_or(usize::MAX))
}

fn failed(key: &str, error: &object_store::Error) -> RemoteError {
    // Answers of servers may be pages.
    let reason: String = web::chain(error).chars().take(500).collect();
    RemoteError::Failed { key: key.to_owned(), reason }
}

fn same_length(path: &FilePath, found: u64, bytes: u64) -> Result<(), RemoteError> {
    if found == bytes {
        return Ok(());
    }
    let source = std::io::Error::other(format!("it changed while it was sent: {found} bytes, not {bytes}"));
    Err(RemoteError::File { path: path.display().to_string(), source })
}

/// Sends no faster than a limit.
struct Pace {
    limit: Option<u64>,
    begun: Instant,
    sent: u64,
}

impl Pace {
    fn new(limit: Option<u64>) -> Pace {
        Pace { limit, begun: Instant::now(), sent: 0 }
    }

    async fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
        if let Some(limit) = self.limit {
            let due = Duration::from_secs_f64(self.sent as f64 / limit as f64);
            tokio::time::sleep(due.saturating_sub(self.begun.elapsed())).await;
        }
    }
}
