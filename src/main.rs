//! The program. Its commands are in `cli`, one file each.

fn main() -> std::process::ExitCode {
    logmill::cli::main()
}
