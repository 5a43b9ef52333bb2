//! How many requests are in flight: halved when the store is pressed, recovered step by step.

/// The number of writes that may be in flight.
#[derive(Debug)]
pub(super) struct Throttle {
    most: usize,
    now: usize,
    good: usize,
}

impl Throttle {
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            most,
            now: most,
            good: 0,
        }
    }

    /// How many may be in flight now.
    pub(super) fn limit(&self) -> usize {
        self.now
    }

    /// A write ended; `pressed` when the store answered 429, 503 or with a lock error on the way.
    pub(super) fn ended(&mut self, pressed: bool) {
        if pressed {
            self.now = (self.now / 2).max(1);
            self.good = 0;
            return;
        }
        self.good += 1;
        // Two full rounds without trouble earn one more.
        if self.good >= 2 * self.now && self.now < self.most {
            self.now += 1;
            self.good = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_halves_and_calm_recovers_to_the_bound() {
        let mut throttle = Throttle::new(8);
        throttle.ended(true);
        assert_eq!(throttle.limit(), 4);
        throttle.ended(true);
        throttle.ended(true);
        throttle.ended(true);
        assert_eq!(throttle.limit(), 1);
        for _ in 0..2 {
            throttle.ended(false);
        }
        assert_eq!(throttle.limit(), 2);
        for _ in 0..1000 {
            throttle.ended(false);
        }
        assert_eq!(throttle.limit(), 8);
    }
}
