//! The messages to systemd: READY, STATUS, WATCHDOG, STOPPING. Without `NOTIFY_SOCKET`, nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

/// The line to systemd.
pub(super) struct Systemd {
    /// Half of what systemd allows between two signs of life.
    interval: Option<Duration>,
    last: Instant,
    status: String,
}

impl Systemd {
    pub(super) fn new() -> Self {
        Self {
            interval: sd_notify::watchdog_enabled().map(|allowed| allowed / 2),
            last: Instant::now(),
            status: String::new(),
        }
    }

    /// The first passes have begun.
    pub(super) fn ready(&self) {
        tell(NotifyState::Ready);
    }

    /// Asked to stop.
    pub(super) fn stopping(&self) {
        tell(NotifyState::Stopping);
    }

    /// One line for `systemctl status`; sent only when it differs from the last one.
    pub(super) fn status(&mut self, line: &str) {
        if self.status != line {
            line.clone_into(&mut self.status);
            tell(NotifyState::Status(line));
        }
    }

    /// Waits until a sign of life is due, and gives it. May be dropped at any time.
    pub(super) async fn tick(&mut self) {
        let Some(interval) = self.interval else {
            return std::future::pending().await;
        };
        sleep_until(self.last + interval).await;
        self.last = Instant::now();
        tell(NotifyState::Watchdog);
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        debug!(%error, "systemd cannot be told");
    }
}
