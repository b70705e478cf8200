//! Where the archive is, and what goes there.

use std::path::PathBuf;

use crate::sys::secret::Secret;
use crate::sys::tls::Tls;
use crate::sys::units::{Bytes, Span};

/// `[archive]`, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub place: Place,
    /// The first folder of the layout.
    pub host: String,
    pub partitions: bool,
    pub logs: bool,
    /// What retention would remove before it is archived.
    pub retention: Keep,
    /// Archived data that is older goes; unset: it stays.
    pub keep: Option<Span>,
    /// Parts of a file that are on their way at once.
    pub concurrency: usize,
    /// In a second, sent.
    pub bandwidth: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    #[default]
    Hold,
    Drop,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    Folder(PathBuf),
    S3(Box<S3>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct S3 {
    pub bucket: String,
    /// Without slashes at its ends; may be empty.
    pub prefix: String,
    /// Unset: that of AWS for the region.
    pub endpoint: Option<String>,
    pub region: String,
    pub allow_http: bool,
    pub tls: Tls,
    pub access_key: Secret,
    pub secret_key: Secret,
    pub token: Option<Secret>,
}

impl Settings {
    /// For people, and to know whether it is still the same place.
    pub fn target(&self) -> String {
        match &self.place {
            Place::Folder(path) => format!("file://{}/{}", path.display(), self.host),
            Place::S3(s3) => {
                let S3 { bucket, prefix, endpoint, .. } = &**s3;
                let at = endpoint.as_ref().map_or_else(String::new, |endpoint| format!(" at {endpoint}"));
                let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
                format!("s3://{bucket}{prefix}/{}{at}", self.host)
            }
        }
    }
}
