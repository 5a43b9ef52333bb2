//! Faults: what goes wrong on purpose, for tests of a client.
//!
//! `PUT /__sandbox/faults` replaces all faults; `{}` takes them away. For example:
//!
//! ```json
//! {
//!   "rules": [
//!     {"match": {"method": "PUT", "path": "cmsPage", "identifier": "home", "nth": 2},
//!      "action": {"respond": {"status": 502, "content_type": "text/html", "body": "<h1>Bad Gateway</h1>"}}},
//!     {"match": {"method": "POST"}, "times": 3, "action": "reset_after"},
//!     {"match": {"path": "search"}, "action": {"delay_ms": 250}}
//!   ],
//!   "maintenance": false,
//!   "deny": ["Magento_Cms::block"],
//!   "queue": {"fail_every": 100}
//! }
//! ```
//!
//! Rules are tried in order, and the first one that is due decides. Each rule counts the requests
//! it matches: `nth` is the first of them that it acts on (1 unless given), `times` how many it
//! acts on from there (all of them, or one where `nth` is given).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Everything that goes wrong: faults of single requests, and states of the whole store.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Faults of single requests.
    pub rules: Vec<Rule>,
    /// Every REST request gets Magento's maintenance page, 503.
    pub maintenance: bool,
    /// The access token was revoked.
    pub revoked: bool,
    /// The integration was made inactive.
    pub inactive: bool,
    /// A Magento before 2.4.4: refuses HMAC-SHA256. (It does not accept HMAC-SHA1 here either.)
    pub sha1_only: bool,
    /// An update merges over the row as it was when its request *came in*, so that of two at a
    /// time one is lost, as on a real store.
    pub lost_updates: bool,
    /// ACL resources that the integration lacks, such as `Magento_Cms::page`,
    /// `Magento_Catalog::products` or `Magento_Backend::store`.
    pub deny: BTreeSet<String>,
    /// What goes wrong in the queue of asynchronous operations.
    pub queue: QueueFaults,
}

/// The faults of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueFaults {
    /// No consumer runs: operations are accepted and stay open. When it is taken back, those that
    /// wait are carried out.
    pub no_consumer: bool,
    /// Each so-many-th operation fails instead of being carried out, counted from when the faults
    /// were set.
    pub fail_every: Option<u64>,
    /// Such a failure may pass (status 2); else it is for good (status 3).
    pub retriable: bool,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests; all of them unless narrowed.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// The number of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens.
    pub action: Action,
}

/// The requests that a rule is about; what is left out matches all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// The HTTP method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A part of path and query, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The identifier of the entity that is read by id or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// The first request to act on, counted from 1 among those that match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
}

/// The faults that can befall a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// This answer instead; the request is not carried out.
    Respond(Canned),
    /// The connection is dropped; the request is not carried out.
    ResetBefore,
    /// The request is carried out, then the connection is dropped.
    ResetAfter,
    /// The request is carried out as usual, so many milliseconds later.
    DelayMs(u64),
    /// No answer comes; the request is not carried out.
    Hang,
    /// The request is carried out, and no answer comes.
    HangAfter,
    /// The request is carried out, and the connection dropped in the middle of its answer's body.
    Truncate,
}

impl Action {
    /// The name in the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Respond(_) => "respond",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::DelayMs(_) => "delay_ms",
            Self::Hang => "hang",
            Self::HangAfter => "hang_after",
            Self::Truncate => "truncate",
        }
    }
}

/// An answer made up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canned {
    /// The HTTP status.
    pub status: u16,
    /// JSON unless given.
    #[serde(default = "json_type")]
    pub content_type: String,
    /// The body, byte for byte.
    #[serde(default)]
    pub body: String,
    /// Further headers, such as `Retry-After`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

fn json_type() -> String {
    "application/json; charset=utf-8".to_owned()
}

/// The parts of a request that a rule looks at.
pub(super) struct Seen<'a> {
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) target: &'a str,
    pub(super) identifier: Option<&'a str>,
}

/// Faults with the counts of their rules.
#[derive(Debug, Default)]
pub(super) struct Armed {
    pub(super) faults: Faults,
    counts: Vec<u64>,
    operations: u64,
}

/// The fate of the next operation in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consumption {
    /// Nobody takes it.
    Waits,
    Runs,
    Fails {
        retriable: bool,
    },
}

impl Armed {
    pub(super) fn new(faults: Faults) -> Self {
        Self {
            counts: vec![0; faults.rules.len()],
            operations: 0,
            faults,
        }
    }

    /// Counts an operation that is about to be taken from the queue.
    pub(super) fn consumption(&mut self) -> Consumption {
        let QueueFaults {
            no_consumer,
            fail_every,
            retriable,
        } = self.faults.queue;
        if no_consumer {
            return Consumption::Waits;
        }
        self.operations += 1;
        match fail_every {
            Some(every) if every > 0 && self.operations.is_multiple_of(every) => {
                Consumption::Fails { retriable }
            }
            _ => Consumption::Runs,
        }
    }

    /// Counts a request and says what happens to it.
    pub(super) fn action(&mut self, seen: &Seen<'_>) -> Option<Action> {
        let mut action = None;
        for (rule, count) in self.faults.rules.iter().zip(&mut self.counts) {
            if !rule.matching.covers(seen) {
                continue;
            }
            *count += 1;
            if action.is_none() && rule.is_due(*count) {
                action = Some(rule.action.clone());
            }
        }
        action
    }
}

impl Match {
    fn covers(&self, seen: &Seen<'_>) -> bool {
        let Self {
            method,
            path,
            identifier,
            nth: _,
        } = self;
        method
            .as_deref()
            .is_none_or(|method| method.eq_ignore_ascii_case(seen.method))
            && path
                .as_deref()
                .is_none_or(|part| seen.target.contains(part))
            && (identifier.is_none() || identifier.as_deref() == seen.identifier)
    }
}

impl Rule {
    fn is_due(&self, count: u64) -> bool {
        let first = self.matching.nth.unwrap_or(1).max(1);
        let times = self.times.or(self.matching.nth.map(|_| 1));
        count >= first && times.is_none_or(|times| count - first < times)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests {
    use super::*;

    fn armed(json: &str) -> Armed {
        Armed::new(serde_json::from_str(json).unwrap())
    }

    fn put(identifier: &str) -> Seen<'_> {
        Seen {
            method: "PUT",
            target: "/rest/all/V1/cmsPage/2",
            identifier: Some(identifier),
        }
    }

    #[test]
    fn nth_acts_once_and_times_acts_often() {
        let mut armed = armed(
            r#"{"rules": [
                {"match": {"method": "put", "identifier": "home", "nth": 2}, "action": "hang"},
                {"match": {"path": "cmsPage"}, "times": 2, "action": "reset_before"}
            ]}"#,
        );
        let actions: Vec<_> = (0..4).map(|_| armed.action(&put("home"))).collect();
        assert_eq!(
            actions,
            [Some(Action::ResetBefore), Some(Action::Hang), None, None]
        );
    }

    #[test]
    fn what_does_not_match_is_not_counted() {
        let mut armed = armed(
            r#"{"rules": [{"match": {"identifier": "home"}, "times": 1, "action": {"delay_ms": 5}}]}"#,
        );
        assert_eq!(armed.action(&put("other")), None);
        assert_eq!(armed.action(&put("home")), Some(Action::DelayMs(5)));
        assert_eq!(armed.action(&put("home")), None);
    }

    #[test]
    fn operations_are_counted_from_when_the_faults_are_set() {
        let mut armed = armed(r#"{"queue": {"fail_every": 2}}"#);
        let taken: Vec<_> = (0..4).map(|_| armed.consumption()).collect();
        let fails = Consumption::Fails { retriable: false };
        assert_eq!(taken, [Consumption::Runs, fails, Consumption::Runs, fails]);
        let mut stopped = self::armed(r#"{"queue": {"no_consumer": true, "fail_every": 1}}"#);
        assert_eq!(stopped.consumption(), Consumption::Waits);
    }

    #[test]
    fn switches_stand_beside_the_rules() {
        let faults: Faults =
            serde_json::from_str(r#"{"maintenance": true, "deny": ["Magento_Cms::page"]}"#)
                .unwrap();
        assert!(faults.maintenance && !faults.revoked);
        assert!(faults.rules.is_empty());
        for bad in [
            r#"{"rules": [{"action": "explode"}]}"#,
            r#"{"maintainance": true}"#,
        ] {
            assert!(serde_json::from_str::<Faults>(bad).is_err(), "{bad}");
        }
    }
}
