//! What every trouble comes to: a state, a message, no write, and a release that goes live after it.

use serde_json::Value;

use crate::world::{Kind, World};

/// A trouble that has been brought about, with a release that has to get through it.
pub(crate) struct Trouble {
    /// The commit of that release.
    pub(crate) commit: String,
    /// `waiting` or `stalled`.
    pub(crate) state: &'static str,
    /// What the message says: the cause, and what to do where a person has to act.
    pub(crate) says: Vec<String>,
    /// Takes the trouble away; of a stalled one by the remedy that the message states.
    pub(crate) mend: Box<dyn FnOnce(&mut World)>,
}

impl Trouble {
    /// Needs time.
    pub(crate) fn waiting(
        commit: String,
        says: &[&str],
        mend: impl FnOnce(&mut World) + 'static,
    ) -> Self {
        Self::new("waiting", commit, says, mend)
    }

    /// Needs a person.
    pub(crate) fn stalled(
        commit: String,
        says: &[&str],
        mend: impl FnOnce(&mut World) + 'static,
    ) -> Self {
        Self::new("stalled", commit, says, mend)
    }

    fn new(
        state: &'static str,
        commit: String,
        says: &[&str],
        mend: impl FnOnce(&mut World) + 'static,
    ) -> Self {
        Self {
            commit,
            state,
            says: says.iter().map(|&word| word.to_owned()).collect(),
            mend: Box::new(mend),
        }
    }
}

/// The trouble comes over a daemon that has deployed a release already.
#[track_caller]
pub(crate) fn later(kind: Kind, bring: fn(&mut World) -> Trouble) {
    let mut world = World::new(kind);
    world.start();
    let one = world.release("one");
    world.live(&one);
    assert_eq!(world.title(), "one");
    run(&mut world, bring);
    assert_eq!(world.before("two"), "one", "the snapshot of the release");
}

/// The trouble is there before the daemon has ever run.
#[track_caller]
pub(crate) fn at_first(kind: Kind, bring: fn(&mut World) -> Trouble) {
    let mut world = World::new(kind);
    run(&mut world, bring);
    assert_eq!(
        world.before("two"),
        Value::Null,
        "the snapshot of the release"
    );
}

#[track_caller]
fn run(world: &mut World, bring: fn(&mut World) -> Trouble) {
    let written = world.shop.writes().len();
    let Trouble {
        commit,
        state,
        says,
        mend,
    } = bring(world);
    world.start_if_stopped();
    let is_told = |text: &str| says.iter().all(|word| text.contains(word));
    let status = world.until_status(|s| s["state"] == state && is_told(words(s)));
    assert_ne!(status["head"], commit.as_str(), "{status}");
    let pass = world.gitmage(&["reconcile"]);
    assert_eq!(pass.code, Some(1), "{pass:?}");
    assert!(is_told(&pass.said), "{says:?} in {pass:?}");
    assert_eq!(world.gitmage(&["status"]).code, Some(2));
    assert_eq!(
        world.shop.written_since(written),
        [""; 0],
        "written without its snapshot"
    );
    mend(world);
    world.live(&commit);
    assert_eq!(world.title(), "two");
    assert_eq!(world.shop.written_since(written).len(), 1, "written once");
}

fn words(status: &Value) -> &str {
    status["message"].as_str().unwrap_or_default()
}
