//! `logmill check`.

use std::path::PathBuf;

use crate::cli::Common;
use crate::cli::output::{Format, colour, outln};
use crate::config::{Loaded, load};
use crate::pipeline::RECEIVED;
use crate::tail::followed;

pub fn run(common: &Common) -> anyhow::Result<()> {
    // A problem ends here, as the error that names all of them.
    let loaded = load(common.config.as_deref(), |config| common.adjust(config))?;
    if common.format == Some(Format::Json) {
        outln!(
            "{}",
            serde_json::json!({
                "ok": loaded.policy_is_whole, "config": loaded.path, "samples": loaded.samples, "warnings": loaded.warnings,
                "pipelines": loaded.pipelines.iter().map(|p| p.name()).collect::<Vec<_>>(),
                "sinks": loaded.sinks.iter().map(|sink| &sink.name).collect::<Vec<_>>(),
                "policy": loaded.policy_path, "sections": loaded.policy.sections.len(),
                "alerts": loaded.alerts.alerts.iter().map(|alert| &alert.name).collect::<Vec<_>>(),
            })
        );
        return whole(&loaded);
    }
    let good = colour("ok", "32");
    match &loaded.path {
        Some(path) => outln!("{good}  configuration {}", path.display()),
        None => outln!("{good}  configuration: all defaults"),
    }
    for pipeline in loaded.pipelines.iter() {
        outln!(
            "{good}  pipeline {} ({}): {}",
            pipeline.name(),
            pipeline.path().display(),
            pipeline.include().join(" ")
        );
    }
    outln!("{good}  {} samples", loaded.samples);
    outln!("{good}  rotation {}: {} sections", loaded.policy_path.display(), loaded.policy.sections.len());
    outln!(
        "{good}  alerts {}: {} alerts, {} probes, {} notifiers",
        loaded.alerts_path.display(),
        loaded.alerts.alerts.len(),
        loaded.alerts.probes.len(),
        loaded.alerts.notifiers.len()
    );
    for sink in loaded.sinks.iter() {
        outln!("{good}  sink {} ({}): {}", sink.name, sink.kind.name(), sink.kind.target());
    }
    for warning in &loaded.warnings {
        outln!("{}  {warning}", colour("warning", "33"));
    }
    for log in uncovered(&loaded) {
        outln!("{}  no section rotates {}", colour("note", "36"), log.display());
    }
    whole(&loaded)
}

/// Followed files that no section of the policy has.
fn uncovered(loaded: &Loaded) -> Vec<PathBuf> {
    let sources: Vec<_> = loaded.sources().into_iter().filter(|source| source.name != RECEIVED).collect();
    followed(&sources).into_iter().filter(|log| !loaded.policy.covers(log)).collect()
}

/// A daemon does with what is left of a policy; here that is an error.
fn whole(loaded: &Loaded) -> anyhow::Result<()> {
    anyhow::ensure!(loaded.policy_is_whole, "parts of {} are left out, see above", loaded.policy_path.display());
    Ok(())
}
