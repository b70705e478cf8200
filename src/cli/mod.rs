//! Layer 9: the command line, one file a command. Exit codes: 0 done, 1 something failed, 2 wrong use or
//! configuration.

mod alerts;
mod archive;
mod ask;
mod check;
mod demo;
mod explain;
mod export;
mod grid;
mod health;
mod ingest;
mod logrotate;
mod output;
mod parse;
mod partitions;
mod prune;
mod rate;
mod reindex;
mod restore;
mod rotate;
mod run;
mod search;
mod ship;
mod silence;
mod status;
mod timeline;
mod verify;
mod workflow;
mod workflows;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::{Config, Problems};
use crate::pipeline::Pipeline;
use output::Format;

#[derive(Parser)]
#[command(name = "logmill", version, about, after_help = "Try it: logmill demo")]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Flags with one meaning everywhere.
#[derive(Args, Clone)]
pub struct Common {
    /// Configuration file [default: config/logmill.toml where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the index and positions [default: data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address of the daemon: where `run` listens and others ask; `off` listens nowhere
    #[arg(long, global = true, value_name = "ADDR")]
    http: Option<String>,
    /// How to print
    #[arg(long, global = true, value_enum)]
    format: Option<Format>,
}

#[derive(Subcommand)]
enum Command {
    /// Follow, index, rotate and serve until stopped (SIGTERM; SIGHUP reloads)
    Run,
    /// Read files once into the index; what was read before is not read again
    Ingest(ingest::Arguments),
    /// Find entries
    Search(search::Arguments),
    /// How a question is answered, and what that costs
    Explain(search::Arguments),
    /// Error rates of entries and failure rates of workflows over time
    Rate(rate::Arguments),
    /// One workflow as a timeline: phases, agents, errors, what is missing
    Workflow(workflow::Arguments),
    /// Which workflows there are, and how they went
    Workflows(workflows::Arguments),
    /// Files, offsets, lag, partitions, last rotation
    Status,
    /// Whether the daemon is well, by the exit code
    Health(health::Arguments),
    /// What is watched and how it is: alerts, probes, notifiers
    Alerts,
    /// Tell nobody of some alerts, for a while
    Silence(silence::Arguments),
    /// What the store is made of: times, entries, bytes by part
    Partitions,
    /// Write entries out, in the order they came: NDJSON, or the raw lines
    Export(export::Arguments),
    /// Read all of the store and compare its checksums and counts
    Verify(verify::Arguments),
    /// Make the store anew from the logs and archives that are there
    Reindex(reindex::Arguments),
    /// Show what a pipeline makes of a file; nothing is stored
    Parse(parse::Arguments),
    /// Try the configuration, the pipelines with their samples, and the rotation policy
    Check,
    /// Rotate what is due by policy, now
    Rotate(rotate::Arguments),
    /// Remove the partitions that retention says must go, now
    Prune(prune::Arguments),
    /// The archive: what is there, and whether it is as it was
    Archive(archive::Arguments),
    /// Bring archived partitions of a time back into search
    Restore(restore::Arguments),
    /// Sinks: how far they are; send again, or leave out
    Ship(ship::Arguments),
    /// See it all at work on generated logs, in a folder of its own
    Demo(demo::Arguments),
    /// Print a shell's completions
    Completions { shell: clap_complete::Shell },
}

/// Runs the program.
pub fn main() -> ExitCode {
    if logrotate::is_meant() {
        return logrotate::main();
    }
    let cli = Cli::parse();
    start_log(matches!(cli.command, Command::Run));
    match dispatch(cli) {
        Ok(()) if output::failed() => {
            eprintln!("{} standard output could not be written", output::label("error:"));
            ExitCode::from(1)
        }
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if error.is::<Exit>() => ExitCode::from(error.downcast_ref::<Exit>().map_or(1, |exit| exit.0)),
        Err(error) => {
            eprintln!("{} {error:#}", output::label("error:"));
            let wrong_use = error.is::<Problems>() || error.is::<Usage>();
            ExitCode::from(if wrong_use { 2 } else { 1 })
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<()> {
    let common = &cli.common;
    match cli.command {
        Command::Run => run::run(common),
        Command::Ingest(arguments) => ingest::run(common, &arguments),
        Command::Search(arguments) => search::run(common, &arguments),
        Command::Explain(arguments) => explain::run(common, &arguments),
        Command::Alerts => alerts::run(common),
        Command::Silence(arguments) => silence::run(common, &arguments),
        Command::Partitions => partitions::run(common),
        Command::Export(arguments) => export::run(common, &arguments),
        Command::Reindex(arguments) => reindex::run(common, &arguments),
        Command::Verify(arguments) => verify::run(common, &arguments),
        Command::Rate(arguments) => rate::run(common, &arguments),
        Command::Workflow(arguments) => workflow::run(common, &arguments),
        Command::Workflows(arguments) => workflows::run(common, &arguments),
        Command::Status => status::run(common),
        Command::Health(arguments) => health::run(common, &arguments),
        Command::Parse(arguments) => parse::run(common, &arguments),
        Command::Check => check::run(common),
        Command::Rotate(arguments) => rotate::run(common, &arguments),
        Command::Prune(arguments) => prune::run(common, &arguments),
        Command::Archive(arguments) => archive::run(common, &arguments),
        Command::Restore(arguments) => restore::run(common, &arguments),
        Command::Ship(arguments) => ship::run(common, &arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "logmill", &mut script);
            Ok(std::io::stdout().write_all(&script)?)
        }
    }
}

/// The command line is wrong in a way that clap cannot know.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// The command has told what is wrong, and ends with this code.
#[derive(Debug, thiserror::Error)]
#[error("exit code {0}")]
pub struct Exit(pub u8);

impl Usage {
    fn error(error: impl ToString) -> anyhow::Error {
        anyhow::Error::new(Usage(error.to_string()))
    }
}

impl Common {
    /// Puts what the command line says over what the file says.
    fn adjust(&self, config: &mut Config) {
        if let Some(folder) = &self.data_dir {
            config.data_dir.clone_from(folder);
        }
        if let Some(http) = &self.http {
            config.http.clone_from(http);
        }
    }

    fn format_or(&self, default: Format) -> Format {
        self.format.unwrap_or(default)
    }
}

/// Says which files no pipeline knows, so that nobody wonders where their rules are.
fn tell_strangers(files: &[&PathBuf]) {
    let Some((first, others)) = files.split_first() else { return };
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    let any = Pipeline::any();
    let first = first.display();
    eprintln!("{first}{more}: no pipeline's globs match; read by the built-in one, {} (see --pipeline)", any.name());
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Our own log goes to stderr; `LOGMILL_LOG` sets its level or filter.
fn start_log(daemon: bool) {
    let default = if daemon { "info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("LOGMILL_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .init();
}

#[cfg(test)]
mod tests {
    #[test]
    fn arguments_are_consistent() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }
}
