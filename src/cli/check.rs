//! `logmill check`.

use crate::cli::Common;
use crate::cli::output::{Format, colour};
use crate::config::load;

pub fn run(common: &Common) -> anyhow::Result<()> {
    // A problem ends here, as the error that names all of them.
    let loaded = load(common.config.as_deref(), |config| common.adjust(config))?;
    if common.format == Some(Format::Json) {
        println!(
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
        Some(path) => println!("{good}  configuration {}", path.display()),
        None => println!("{good}  configuration: all defaults"),
    }
    for pipeline in loaded.pipelines.iter() {
        println!(
            "{good}  pipeline {} ({}): {}",
            pipeline.name(),
            pipeline.path().display(),
            pipeline.include().join(" ")
        );
    }
    println!("{good}  {} samples", loaded.samples);
    println!("{good}  rotation {}: {} sections", loaded.policy_path.display(), loaded.policy.sections.len());
    for warning in &loaded.warnings {
        println!("{}  {warning}", colour("warning", "33"));
    }
    Ok(())
}
