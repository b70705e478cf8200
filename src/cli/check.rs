//! `logmill check`.

use crate::cli::Common;
use crate::cli::output::{Format, colour, outln};
use crate::config::load;

pub fn run(common: &Common) -> anyhow::Result<()> {
    // A problem ends here, as the error that names all of them.
    let loaded = load(common.config.as_deref(), |config| common.adjust(config))?;
    if common.format == Some(Format::Json) {
        outln!(
            "{}",
            serde_json::json!({
                "ok": true, "config": loaded.path, "samples": loaded.samples, "warnings": loaded.warnings,
                "pipelines": loaded.pipelines.iter().map(|p| p.name()).collect::<Vec<_>>(),
                "policy": loaded.policy_path, "sections": loaded.policy.sections.len(),
            })
        );
        return Ok(());
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
    for warning in &loaded.warnings {
        outln!("{}  {warning}", colour("warning", "33"));
    }
    Ok(())
}
