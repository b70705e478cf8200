//! The program. Its commands are in `cli`, one file each.

/// Entries are many little pieces of memory. With glibc's allocator ingest takes up to a tenth more CPU time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    logmill::cli::main()
}
