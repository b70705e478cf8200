//! The file of sinks, where there is one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Config;
use crate::ship::{Sink, sinks};

/// The file that is used when none is named and it is there.
const DEFAULT_PATH: &str = "config/sinks.toml";
/// A longer file is none of ours.
const BYTES_MAX: u64 = 1 << 20;

/// The sinks of the configuration, and the file they are in.
pub fn load(config: &Config) -> Result<(Vec<Arc<Sink>>, Option<PathBuf>), String> {
    let default = || Some(PathBuf::from(DEFAULT_PATH)).filter(|path| path.exists());
    let Some(path) = config.sinks.clone().or_else(default) else { return Ok((Vec::new(), None)) };
    let text = read(&path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    let found = sinks(&text, &path).map_err(|error| error.to_string())?;
    Ok((found.into_iter().map(Arc::new).collect(), Some(path)))
}

fn read(path: &Path) -> std::io::Result<String> {
    let length = std::fs::metadata(path)?.len();
    if length > BYTES_MAX {
        return Err(std::io::Error::other(format!("it has {length} bytes, and at most {BYTES_MAX} are read")));
    }
    std::fs::read_to_string(path)
}
