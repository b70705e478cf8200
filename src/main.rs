//! The program: see `cli` for its commands.

fn main() {}
