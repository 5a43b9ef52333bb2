//! The program `gitmage`.

fn main() {}
