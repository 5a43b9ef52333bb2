//! Waiting for something that must happen.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Far longer than anything takes on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Waits for a condition; the deadline is a failure.
#[track_caller]
pub(crate) fn until<T>(what: impl FnOnce() -> String, mut check: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = check() {
            return found;
        }
        if begun.elapsed() > PATIENCE {
            panic!("never: {}", what());
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Sends a signal to a child that has not been waited for.
pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// SIGTERM, and the exit status 0.
#[track_caller]
pub(crate) fn stop(mut child: Child, told: impl Fn() -> String) {
    signal(&child, Signal::TERM);
    let status = until(
        || format!("stopped\n{}", told()),
        || child.try_wait().unwrap(),
    );
    assert_eq!(status.code(), Some(0), "{}", told());
}
