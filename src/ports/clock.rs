//! Time and chance, passed in.

use std::time::Duration;

use jiff::Timestamp;

/// Time and chance.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock, for records only: no decision rests on it except schedules.
    fn now(&self) -> Timestamp;

    /// A clock that only goes forward, from an arbitrary start.
    fn monotonic(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// A number for jitter, in `0.0..1.0`.
    fn jitter(&self) -> f64;
}
