//! `[archive]`, checked.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use crate::archive::{Keep, Place, S3, Settings, is_host};
use crate::sys::process::host_name;
use crate::sys::secret::Secret;
use crate::sys::tls::Tls;
use crate::sys::units::{Bytes, Span};
use crate::sys::web::{is_http_url, without_password};

/// Parts of a file that may be on their way at once.
const CONCURRENCY_MAX: usize = 64;

/// Where sealed partitions are copied to. Without `url` nothing is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Archive {
    /// `s3://BUCKET/PREFIX` or `file:///FOLDER`.
    pub url: Option<String>,
    /// Of an S3 server that is not that of AWS.
    pub endpoint: Option<String>,
    pub region: String,
    /// Who signed the endpoint's certificate, a file in PEM form. Unset: whom the system trusts.
    pub ca: Option<PathBuf>,
    /// The endpoint may be asked without TLS.
    pub allow_http: bool,
    pub access_key_file: Option<PathBuf>,
    pub access_key_env: Option<String>,
    pub secret_key_file: Option<PathBuf>,
    pub secret_key_env: Option<String>,
    pub token_file: Option<PathBuf>,
    pub token_env: Option<String>,
    /// Unset: the name of this host.
    pub host: Option<String>,
    /// Whether sealed partitions, and rotated logs, go there.
    pub partitions: bool,
    pub logs: bool,
    pub retention: Option<Retention>,
    /// Archived data that is older is removed there. Unset: it stays.
    pub keep: Option<Span>,
    pub concurrency: usize,
    /// Sent in a second, at most.
    pub bandwidth: Option<Bytes>,
}

/// What retention would remove before it is archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retention {
    Hold,
    Drop,
}

impl Default for Archive {
    fn default() -> Archive {
        Archive {
            url: None,
            endpoint: None,
            region: "us-east-1".into(),
            ca: None,
            allow_http: false,
            access_key_file: None,
            access_key_env: None,
            secret_key_file: None,
            secret_key_env: None,
            token_file: None,
            token_env: None,
            host: None,
            partitions: true,
            logs: true,
            retention: None,
            keep: None,
            concurrency: 4,
            bandwidth: None,
        }
    }
}

/// The archive that is configured; `None` where none is. The error names the setting.
pub fn settings(archive: &Archive) -> Result<Option<Arc<Settings>>, String> {
    let Some(url) = &archive.url else { return Ok(None) };
    let place = place(archive, url)?;
    let host = archive.host.clone().unwrap_or_else(host_name);
    if !is_host(&host) {
        return Err(format!("archive.host: {host:?} cannot be a folder; write letters, digits, - _ and ."));
    }
    if !(1..=CONCURRENCY_MAX).contains(&archive.concurrency) {
        return Err(format!("archive.concurrency: must be from 1 to {CONCURRENCY_MAX}"));
    }
    if archive.bandwidth.is_some_and(|bytes| bytes < Bytes(1 << 10)) {
        return Err("archive.bandwidth: must be at least 1KiB".to_owned());
    }
    let retention = if archive.retention == Some(Retention::Drop) { Keep::Drop } else { Keep::Hold };
    let Archive { partitions, logs, keep, concurrency, bandwidth, .. } = *archive;
    Ok(Some(Arc::new(Settings { place, host, partitions, logs, retention, keep, concurrency, bandwidth })))
}

fn place(archive: &Archive, url: &str) -> Result<Place, String> {
    let wrong = || format!("archive.url: {url:?} is no place; write s3://BUCKET/PREFIX or file:///FOLDER");
    match url.split_once("://") {
        Some(("file", path)) if path.starts_with('/') => Ok(Place::Folder(path.into())),
        Some(("s3", rest)) => {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let prefix = prefix.trim_matches('/');
            let is_part = |part: &str| is_host(part);
            if !is_part(bucket) || !(prefix.is_empty() || prefix.split('/').all(is_part)) {
                return Err(wrong());
            }
            bucket_of(archive, bucket, prefix).map(|s3| Place::S3(s3.into()))
        }
        _ => Err(wrong()),
    }
}

fn bucket_of(archive: &Archive, bucket: &str, prefix: &str) -> Result<S3, String> {
    if let Some(endpoint) = &archive.endpoint {
        if !is_http_url(endpoint) || without_password(endpoint) != *endpoint {
            return Err("archive.endpoint: write an address without a password, such as https://s3.example".to_owned());
        }
        if endpoint.starts_with("http://") && !archive.allow_http {
            let message = "archive.endpoint: is without TLS, so everybody on the way could read the logs; write https://, \
                           or allow_http = true where that is meant";
            return Err(message.to_owned());
        }
    }
    let secret = |file: &Option<PathBuf>, name: &Option<String>, default: &str| {
        let file = file.clone().map(Secret::File);
        file.unwrap_or_else(|| Secret::Environment(name.clone().unwrap_or_else(|| default.to_owned())))
    };
    let token = archive.token_file.clone().map(Secret::File).or(archive.token_env.clone().map(Secret::Environment));
    Ok(S3 {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        endpoint: archive.endpoint.clone(),
        region: archive.region.clone(),
        allow_http: archive.allow_http,
        tls: Tls { ca: archive.ca.clone(), identity: None },
        access_key: secret(&archive.access_key_file, &archive.access_key_env, "AWS_ACCESS_KEY_ID"),
        secret_key: secret(&archive.secret_key_file, &archive.secret_key_env, "AWS_SECRET_ACCESS_KEY"),
        token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_understood_or_their_mistakes_named() {
        let check = |text: &str, want: Result<&str, &str>| {
            let config: Archive = toml::from_str(&format!("host = 'h'\n{text}")).unwrap();
            match (settings(&config), want) {
                (Ok(got), Ok(want)) => assert_eq!(got.map(|got| got.target()).unwrap_or_default(), want, "{text}"),
                (Err(error), Err(want)) => assert!(error.contains(want), "{text}: {error}"),
                (got, want) => panic!("{text}: {got:?}, not {want:?}"),
            }
        };
        check("", Ok(""));
        check("url = 'file:///mnt/archive'", Ok("file:///mnt/archive/h"));
        check("url = 's3://logs'", Ok("s3://logs/h"));
        check("url = 's3://logs/a/b/'", Ok("s3://logs/a/b/h"));
        check("url = 's3://logs'\nendpoint = 'https://s3.example'", Ok("s3://logs/h at https://s3.example"));
        check("url = 's3://logs'\nendpoint = 'http://s3.example'", Err("allow_http"));
        check(
            "url = 's3://logs'\nendpoint = 'http://s3.example'\nallow_http = true",
            Ok("s3://logs/h at http://s3.example"),
        );
        check("url = 's3://logs'\nendpoint = 'https://a:b@s3.example'", Err("without a password"));
        for bad in ["file://relative", "s3://", "s3://logs/../x", "https://x", "logs"] {
            check(&format!("url = '{bad}'"), Err("archive.url"));
        }
        check("url = 'file:///x'\nconcurrency = 0", Err("archive.concurrency"));
        check("url = 'file:///x'\nbandwidth = '1'", Err("archive.bandwidth"));
        let bad: Archive = toml::from_str("url = 'file:///x'\nhost = '../up'").unwrap();
        assert!(settings(&bad).unwrap_err().contains("archive.host"));
    }
}
