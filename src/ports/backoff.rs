//! The waits before something that failed is tried again.

use std::time::Duration;

/// Waits that double from one failure to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// The wait that is never exceeded, but for its spread.
    pub longest: Duration,
    /// The part of itself by which a wait may be shorter or longer, so that those who failed together
    /// do not come back together.
    pub spread: f64,
}

impl Backoff {
    /// Returns the wait after so many failures before the last one; `jitter` is in `0.0..1.0`.
    pub fn after(self, failures: u32, jitter: f64) -> Duration {
        self.first
            .saturating_mul(2_u32.saturating_pow(failures))
            .min(self.longest)
            .mul_f64(1.0 - self.spread + 2.0 * self.spread * jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread_around_it() {
        let backoff = Backoff {
            first: Duration::from_millis(200),
            longest: Duration::from_millis(1_600),
            spread: 0.5,
        };
        let waits = [0, 1, 2, 3, 4, u32::MAX].map(|n| backoff.after(n, 0.5).as_millis());
        assert_eq!(waits, [200, 400, 800, 1_600, 1_600, 1_600]);
        assert_eq!(backoff.after(0, 0.0), Duration::from_millis(100));
        assert_eq!(backoff.after(0, 1.0), Duration::from_millis(300));
    }
}
