//! `logmill run`.

use std::sync::Arc;

use crate::cli::Common;
use crate::config::load;
use crate::daemon;

pub fn run(common: &Common) -> anyhow::Result<()> {
    let loaded = load(common.config.as_deref(), |config| common.adjust(config))?;
    loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let path = loaded.path.clone();
    let common = common.clone();
    daemon::run(loaded, path, Arc::new(move |config| common.adjust(config)))
}
