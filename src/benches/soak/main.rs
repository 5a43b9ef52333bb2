//! A soak: two daemons on one remote and one store, at random pushes, reverts, edits in Magento,
//! faults of the store and of the network, and kills; what always holds is checked throughout.
//!
//! `cargo bench --bench soak -- --minutes 10`; without the minutes it only says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark"
)]

mod checks;
mod external_editor;
mod gate;
mod machine;
#[path = "../../tests/signing.rs"]
#[allow(dead_code, reason = "shared with the tests of the sandbox")]
mod signing;
mod simulation;
#[path = "../../tests/support/mod.rs"]
mod support;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use simulation::Simulation;

const USAGE: &str = "usage: cargo bench --bench soak -- --minutes MINUTES [--seed NUMBER]

Two daemons, one remote and one store, pushes, edits, faults and kills for so many minutes (10 is
usual), checked throughout. Nothing runs without --minutes.";

/// The value after this option.
fn option(name: &str) -> Option<String> {
    let mut arguments = std::env::args();
    arguments.find(|argument| argument == name)?;
    arguments.next()
}

fn main() -> ExitCode {
    let minutes = option("--minutes").and_then(|text| text.parse::<f64>().ok());
    let Some(minutes) = minutes.filter(|minutes| *minutes > 0.0) else {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    };
    let seed = option("--seed").and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("soak of {minutes} minutes, --seed {seed}");
    let mut simulation = Simulation::new(seed);
    simulation.live(Duration::from_secs_f64(minutes * 60.0));
    simulation.take_everything_back();
    simulation.report();
    ExitCode::SUCCESS
}
