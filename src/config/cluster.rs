//! `[search.cluster]`: the cluster that is asked when `search.backend` is "elasticsearch".

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::elastic::ask::{Cluster, Settings};
use crate::sys::auth::Auth;
use crate::sys::secret::Secret;
use crate::sys::units::Span;
use crate::sys::web::is_http_url;

/// Who answers questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// The store of this host.
    #[default]
    Embedded,
    /// The cluster.
    Elasticsearch,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterTable {
    pub url: Option<String>,
    pub index: String,
    pub user: Option<String>,
    pub password_file: Option<PathBuf>,
    pub password_env: Option<String>,
    pub bearer_file: Option<PathBuf>,
    pub bearer_env: Option<String>,
    /// Who signs the cluster's certificate; unset: the system's roots.
    pub ca: Option<PathBuf>,
    /// Of one request.
    pub timeout: Span,
    /// Documents that are fetched for one question.
    pub max_entries: usize,
}

impl Default for ClusterTable {
    fn default() -> ClusterTable {
        ClusterTable {
            url: None,
            index: "logs-logmill-default".to_owned(),
            user: None,
            password_file: None,
            password_env: None,
            bearer_file: None,
            bearer_env: None,
            ca: None,
            timeout: Span(Duration::from_secs(30)),
            max_entries: 200_000,
        }
    }
}

impl ClusterTable {
    /// What is wrong: the setting and why.
    pub fn cluster(&self) -> Result<Cluster, (&'static str, String)> {
        let lacks = || ("search.cluster.url", "is wanted by search.backend = \"elasticsearch\"".to_owned());
        let url = self.url.clone().ok_or_else(lacks)?;
        if !is_http_url(&url) {
            return Err((
                "search.cluster.url",
                format!("{url:?} is no address; write for example \"http://127.0.0.1:9200\""),
            ));
        }
        let secret = |file: &Option<PathBuf>, name: &Option<String>| {
            file.clone().map(Secret::File).or_else(|| name.clone().map(Secret::Environment))
        };
        let password = secret(&self.password_file, &self.password_env);
        let auth = Auth {
            user: self.user.clone().zip(password),
            bearer: secret(&self.bearer_file, &self.bearer_env),
            ..Auth::default()
        };
        let (index, ca, timeout) = (self.index.clone(), self.ca.clone(), self.timeout);
        let settings = Settings { url, index, auth, ca, timeout, max_entries: self.max_entries };
        Cluster::new(settings).map_err(|error| ("search.cluster", error.to_string()))
    }
}
