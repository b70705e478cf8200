//! The drop-in for logrotate(8): `logmill rotate CONFIG...`, and the program itself when it is called by the name
//! `logrotate`. Options, messages, exit codes and the state file are logrotate's.

use std::fs::File;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chrono::Local;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, CommandFactory, Parser};

use crate::rotate::{
    Event, Gate, Level, Listener, Locking, NoReader, Options, Policy, RotateError, Rotator, StateFile, What,
};

/// Where logrotate keeps its state.
const STATE: &str = "/var/lib/logrotate/status";
/// The version whose behaviour this is.
const VERSION: &str = "3.22.0";

/// logrotate's options, as it calls them.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Do nothing, only tell what would be done
    #[arg(long, short, visible_alias = "dry-run")]
    pub debug: bool,
    /// Rotate what is not due, too
    #[arg(long, short)]
    pub force: bool,
    /// Command that sends mail, as `COMMAND -s SUBJECT ADDRESS` [default: /usr/bin/mail]
    #[arg(long, short, value_name = "COMMAND")]
    pub mail: Option<String>,
    /// State file, shared with logrotate [default: /var/lib/logrotate/status with CONFIG]
    #[arg(long, short, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Do not lock the state file
    #[arg(long)]
    pub skip_state_lock: bool,
    /// Wait until nobody else has the lock
    #[arg(long)]
    pub wait_for_state_lock: bool,
    /// Tell what is looked at and done
    #[arg(long, short)]
    pub verbose: bool,
    /// Write all messages to a file, too, or to the syslog
    #[arg(long, short, value_name = "FILE|syslog")]
    pub log: Option<PathBuf>,
    /// Print the options in short
    #[arg(long)]
    pub usage: bool,
}

/// The program under the name of logrotate.
#[derive(Parser)]
#[command(name = "logrotate", disable_help_flag = true, disable_version_flag = true, args_override_self = true)]
struct Program {
    #[command(flatten)]
    flags: Flags,
    /// Print the version
    #[arg(long)]
    version: bool,
    /// Print help
    #[arg(long, short = '?', action = ArgAction::Help)]
    help: Option<bool>,
    /// Configuration files, or folders of them
    #[arg(value_name = "CONFIG")]
    configs: Vec<PathBuf>,
}

/// Whether the program was called `logrotate`.
pub fn is_meant() -> bool {
    let name = std::env::args_os().next().map(PathBuf::from);
    name.is_some_and(|name| name.file_name().is_some_and(|name| name == "logrotate"))
}

/// Does what logrotate does with the arguments of this process.
pub fn main() -> ExitCode {
    let program = match Program::try_parse() {
        Ok(program) => program,
        Err(error) => return refuse(&error),
    };
    if program.version {
        print_version();
        return ExitCode::SUCCESS;
    }
    if program.flags.usage {
        println!("{}", Program::command().render_usage());
        return ExitCode::SUCCESS;
    }
    if program.configs.is_empty() {
        eprintln!("logrotate {VERSION} as Logmill {} does it\n", env!("CARGO_PKG_VERSION"));
        eprintln!("{}", Program::command().render_usage());
        return ExitCode::from(1);
    }
    ExitCode::from(run(&program.flags, &program.configs, &NoReader))
}

fn refuse(error: &clap::Error) -> ExitCode {
    if error.kind() == ErrorKind::DisplayHelp {
        let _ = error.print(); // nobody is left to tell
        return ExitCode::SUCCESS;
    }
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.clone(),
        _ => String::new(),
    };
    eprintln!("logrotate: bad argument {argument}: {}", error.kind());
    ExitCode::from(2)
}

fn print_version() {
    println!("logrotate {VERSION} (Logmill {})", env!("CARGO_PKG_VERSION"));
    println!();
    println!("    Default mail command:       /usr/bin/mail");
    println!("    Default compress command:   /bin/gzip (built in)");
    println!("    Default uncompress command: /bin/gunzip");
    println!("    Default compress extension: .gz");
    println!("    Default state file path:    {STATE}");
    println!("    ACL support:                yes");
    println!("    SELinux support:            yes");
}

/// Rotates by these files; logrotate's exit code: 0, 1 after an error, 3 without the state file.
pub fn run(flags: &Flags, configs: &[PathBuf], gate: &dyn Gate) -> u8 {
    if flags.skip_state_lock && flags.wait_for_state_lock {
        eprintln!("logrotate: options --skip-state-lock and --wait-for-state-lock are mutually exclusive");
        return 1;
    }
    let mut printer = Printer::new(flags);
    if flags.debug {
        let text = "logrotate in debug mode does nothing except printing debug messages!  Consider using verbose mode \
                    (-v) instead if this is not what you want.\n";
        printer.print(Level::Warning, text);
    }
    let (policy, problems) = Policy::load(configs);
    let mut failed = problems.iter().any(|problem| problem.costs);
    problems.iter().for_each(|problem| printer.print(problem.level, &problem.text));
    let path = flags.state.clone().unwrap_or_else(|| STATE.into());
    let locking = match () {
        () if flags.debug => Locking::ReadOnly,
        () if flags.skip_state_lock => Locking::Skip,
        () if flags.wait_for_state_lock => Locking::Wait,
        () => Locking::Try,
    };
    let (mut state, problems) = match StateFile::open(&path, locking) {
        Ok(opened) => opened,
        Err(error) => {
            printer.print(Level::Error, &error.to_string());
            // A file that is no state file is not overwritten, and nothing is rotated without one.
            return if matches!(error, RotateError::State { .. }) { 1 } else { 3 };
        }
    };
    printer.print(Level::Debug, &format!("Reading state from file: {}", path.display()));
    failed |= problems.iter().any(|problem| problem.costs);
    problems.iter().for_each(|problem| printer.print(problem.level, &problem.text));
    let mut options = Options { force: flags.force, dry: flags.debug, ..Options::default() };
    if let Some(command) = &flags.mail {
        options.mail_command.clone_from(command);
    }
    if flags.debug {
        options.patience = Duration::ZERO;
    }
    // Only now: whoever held the lock may have rotated a moment ago.
    let now = Local::now().fixed_offset();
    let done = Rotator::new(policy, options).tick(now, &mut state, gate, &mut printer);
    u8::from(failed || !done)
}

/// Prints as logrotate does: messages to stderr, all of them to the log file; stdout belongs to the scripts.
struct Printer {
    verbose: bool,
    log: Log,
}

enum Log {
    None,
    File(File),
    Syslog(UnixDatagram),
}

impl Printer {
    fn new(flags: &Flags) -> Printer {
        let mut printer = Printer { verbose: flags.verbose || flags.debug, log: Log::None };
        let Some(path) = &flags.log else { return printer };
        let opened = if path == Path::new("syslog") {
            let socket = UnixDatagram::unbound().and_then(|socket| socket.connect("/dev/log").map(|()| socket));
            socket.map(Log::Syslog)
        } else {
            File::create(path).map(Log::File)
        };
        match opened {
            Ok(log) => printer.log = log,
            Err(error) => {
                let text = error.to_string();
                let why = text.split(" (os error").next().unwrap_or_default();
                printer.print(Level::Error, &format!("error opening log file {}: {why}", path.display()));
            }
        }
        printer
    }

    fn print(&mut self, level: Level, text: &str) {
        let text = match level {
            Level::Debug => text.to_owned(),
            Level::Warning => format!("warning: {text}"),
            Level::Error => format!("error: {text}"),
        };
        if level > Level::Debug || self.verbose {
            eprintln!("{text}");
        }
        let written = match &mut self.log {
            Log::None => Ok(()),
            Log::File(file) => writeln!(file, "{text}"),
            // Facility user: info, warning, error.
            Log::Syslog(socket) => {
                let severity = [14, 12, 11][level as usize];
                let message = format!("<{severity}>logrotate[{}]: {}", std::process::id(), text.trim());
                socket.send(message.as_bytes()).map(drop)
            }
        };
        if let Err(error) = written {
            self.log = Log::None;
            eprintln!("error: the log cannot be written any more: {error}");
        }
    }
}

impl Listener for Printer {
    fn event(&mut self, event: &Event) {
        match &event.what {
            What::Failed { error } => self.print(Level::Error, error),
            What::Warned { level, warning } => self.print(*level, warning),
            What::Waiting { file, why } => {
                self.print(Level::Warning, &format!("{} is left as it is: {why}", file.display()));
            }
            What::Rotated { cut: Some(cut), .. } => {
                self.print(Level::Debug, &format!("{}: {cut}", event.log.display()))
            }
            What::Recovered { .. } => self.print(Level::Debug, &event.to_string()),
            // Told step by step.
            What::Rotated { .. }
            | What::Compressed { .. }
            | What::Mailed { .. }
            | What::Removed { .. }
            | What::Skipped { .. } => {}
        }
    }

    fn note(&mut self, text: std::fmt::Arguments<'_>) {
        if self.verbose || !matches!(self.log, Log::None) {
            self.print(Level::Debug, &text.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_logrotates() {
        let check = |line: &str, want: Option<(bool, bool, Option<&str>, usize)>| {
            let got = Program::try_parse_from(line.split(' ')).ok().map(|program| {
                let Flags { force, verbose, state, .. } = program.flags;
                (force, verbose, state, program.configs.len())
            });
            let want = want.map(|(force, verbose, state, configs)| (force, verbose, state.map(PathBuf::from), configs));
            assert_eq!(got, want, "{line}");
        };
        check("logrotate -fv c", Some((true, true, None, 1)));
        check("logrotate c -f d --verbose", Some((true, true, None, 2)));
        check("logrotate -s a -s b c", Some((false, false, Some("b"), 1)));
        check("logrotate -fsa c", Some((true, false, Some("a"), 1)));
        check("logrotate --state=a c", Some((false, false, Some("a"), 1)));
        check("logrotate -f -f c", Some((true, false, None, 1)));
        check("logrotate -x c", None);
        check("logrotate -s", None);
        check("logrotate", Some((false, false, None, 0)));
    }
}
