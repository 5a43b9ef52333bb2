//! The crash matrix: one release and its revert, and a `kill -9` at every step of both.

use std::collections::BTreeMap;

use gitmage::domain::{ReleaseKind, ReleaseStatus};
use serde_json::Value;

use crate::hooks::{self, Push};
use crate::proxy::{Plan, Side, Trick};
use crate::support::threads::failures;
use crate::world::{Story, World};

/// Updates of both kinds, under all views and one, a create and a delete of both kinds.
pub(crate) const RELEASE: &str = "name: Black Friday
changes:
  - kind: cms_block
    key: home-hero
    fields:
      title: Black Friday
      content: <h1>Black Friday</h1>
  - kind: cms_block
    key: shipping-banner
    store: de
    fields:
      content: <p>Kostenloser Versand</p>
  - kind: cms_block
    key: countdown
    fields:
      title: Countdown
      content: <p>Soon</p>
  - kind: cms_block
    key: old-hero
    ensure: absent
  - kind: cms_page
    key: home
    fields:
      content_heading: Black Friday
      meta_title: Black Friday
  - kind: cms_page
    key: black-friday
    fields:
      title: Black Friday
      content: { file: content/black-friday.html }
  - kind: cms_page
    key: winter-sale
    ensure: absent
";

/// How many entities the release writes.
pub(crate) const ENTITIES: usize = 7;

pub(crate) fn story() -> Story {
    Story::there_and_back(&[
        ("releases/black-friday.yaml", RELEASE),
        ("content/black-friday.html", "<h1>Up to 40 % off</h1>\n"),
    ])
}

/// Where the daemon dies.
#[derive(Debug, Clone, Copy)]
enum Point {
    Request(usize, Side),
    Push(usize, Push),
}

/// In which of the two passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Release,
    Revert,
}

/// What one undisturbed run needs and shows.
struct Course {
    before: Value,
    deployed: Value,
    requests: [Vec<String>; 2],
    pushes: [usize; 2],
}

impl Course {
    fn run(story: &Story) -> Self {
        let w = World::new(story);
        let before = w.shop.dump();
        w.push(story.release());
        w.start();
        w.handled(story.release());
        assert_eq!(w.stands(story.release()), "deploy live");
        let deployed = w.shop.dump();
        assert_ne!(deployed, before);
        assert_eq!(w.shop.writes().len(), ENTITIES, "{:?}", w.shop.written());
        let requests = w.proxy.seen();
        let pushes = hooks::pushes(&w.bare);
        w.proxy.plan(None);
        hooks::plan(&w.bare, None);
        w.push(story.revert());
        w.handled(story.revert());
        w.stop();
        assert_eq!(w.shop.dump(), before);
        assert_eq!(
            w.shop.writes().len(),
            2 * ENTITIES,
            "{:?}",
            w.shop.written()
        );
        Self {
            before,
            deployed,
            requests: [requests, w.proxy.seen()],
            pushes: [pushes, hooks::pushes(&w.bare)],
        }
    }

    fn points(&self) -> Vec<(Half, Point)> {
        let mut points = Vec::new();
        for (at, half) in [Half::Release, Half::Revert].into_iter().enumerate() {
            for nth in 1..=self.requests[at].len() {
                points.push((half, Point::Request(nth, Side::Before)));
                points.push((half, Point::Request(nth, Side::After)));
            }
            for nth in 1..=self.pushes[at] {
                for push in [Push::Refused, Push::Orphaned, Push::Landed] {
                    points.push((half, Point::Push(nth, push)));
                }
            }
        }
        points
    }
}

fn arm(w: &World, point: Option<Point>) {
    let (plan, push) = match point {
        Some(Point::Request(nth, side)) => {
            let trick = Trick::Kill(side);
            (
                Some(Plan {
                    method: None,
                    nth,
                    trick,
                }),
                None,
            )
        }
        Some(Point::Push(nth, push)) => (None, Some((nth, push))),
        None => (None, None),
    };
    w.proxy.plan(plan);
    hooks::plan(&w.bare, push);
}

/// The daemon dies there, comes back, and both commits end as if nothing had been.
fn dies_at(story: &Story, course: &Course, half: Half, point: Point) {
    let w = World::new(story);
    arm(&w, (half == Half::Release).then_some(point));
    w.push(story.release());
    w.start();
    if half == Half::Release {
        dies_and_comes_back(&w, story.release());
    }
    w.handled(story.release());
    assert_eq!(w.shop.dump(), course.deployed);

    if half == Half::Revert {
        arm(&w, Some(point));
    }
    w.push(story.revert());
    if half == Half::Revert {
        dies_and_comes_back(&w, story.revert());
    }
    w.handled(story.revert());
    assert_eq!(w.shop.dump(), course.before);
    let releases = w.ledger().unwrap().book.views();
    let stand: Vec<_> = releases.iter().map(|r| (r.kind, r.status)).collect();
    let expected = [
        (ReleaseKind::Rollback, ReleaseStatus::Live),
        (ReleaseKind::Deploy, ReleaseStatus::RolledBack),
    ];
    assert_eq!(stand, expected);
    let [all, first_parent, merges] = w.ledger_shape();
    assert_eq!((all, merges), (first_parent, 0));
    written_once(&w, point);
    w.stop();
}

fn dies_and_comes_back(w: &World, commit: &str) {
    assert!(
        w.dies_before(commit),
        "the daemon lives: the point was not reached"
    );
    w.proxy.wait_until_idle();
    arm(w, None);
    w.start();
}

/// No write that the store carried out is sent again: the restarted daemon looks first.
fn written_once(w: &World, point: Point) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for write in w.shop.writes() {
        assert_eq!(write["status"], 200, "at {point:?}: {write}");
        let words = ["method", "kind", "identifier", "scope"];
        let name = words.map(|word| write[word].as_str().unwrap_or_default());
        *times.entry(name.join(" ")).or_default() += 1;
    }
    for (name, times) in &times {
        // An update is sent once there and once back; creates and deletes are each other's way back.
        let most = if name.starts_with("PUT") { 2 } else { 1 };
        assert!(
            *times <= most,
            "{times} times {name}: {:?}",
            w.shop.written()
        );
    }
    assert_eq!(
        w.shop.writes().len(),
        2 * ENTITIES,
        "{:?}",
        w.shop.written()
    );
}

#[test]
fn a_daemon_killed_at_any_step_loses_nothing_and_writes_nothing_twice() {
    let story = story();
    let course = Course::run(&story);
    let points = course.points();
    let steps: usize = (0..2)
        .map(|at| course.requests[at].len() + course.pushes[at])
        .sum();
    assert!(
        points.len() >= 2 * steps,
        "{} points of {steps} steps",
        points.len()
    );
    assert!(
        course.pushes.iter().all(|pushes| *pushes >= 2),
        "{:?}",
        course.pushes
    );
    let begun = std::time::Instant::now();
    let failed = failures(&points, |(half, point)| {
        dies_at(&story, &course, *half, *point)
    });
    eprintln!(
        "{} points: {} and {} requests, {:?} pushes; {:?}",
        points.len(),
        course.requests[0].len(),
        course.requests[1].len(),
        course.pushes,
        begun.elapsed()
    );
    assert!(
        failed.is_empty(),
        "{} of {}: {failed:#?}",
        failed.len(),
        points.len()
    );
}
