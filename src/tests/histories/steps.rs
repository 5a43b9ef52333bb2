//! What happens in a history, at random but always the same for one number.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::history::{CATALOGUE, ENTITIES};
use crate::support::model::{self, Edit, Form};

/// How a process ends in the middle of a pass.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Death {
    /// `kill -9` while a request is on its way, which never arrives.
    KillBefore,
    /// `kill -9` when a request was carried out, before its answer.
    KillAfter,
    /// SIGTERM while a request is on its way.
    Terminate,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Release(Vec<Edit>),
    /// Releases on a branch of their own, merged; `parts` are reverted one by one later.
    Merge {
        releases: Vec<Vec<Edit>>,
        parts: bool,
    },
    /// A commit that cannot be read, and its revert; whether a pass comes between.
    Bad {
        handled: bool,
    },
    Revert {
        picks: Vec<Index>,
        one_commit: bool,
    },
    /// The revert of a revert.
    Reapply(Index),
    /// Writes of an entity are refused from now on, or not any more.
    Refuse(usize),
    Pass,
    /// A pass that is ended at this request.
    Die {
        nth: usize,
        death: Death,
    },
}

/// How everything is taken back in the end.
#[derive(Debug, Clone)]
pub(crate) struct Undo {
    pub(crate) picks: Vec<Index>,
    pub(crate) one_commit: bool,
    /// True if a pass follows; else it meets the next one in one push.
    pub(crate) pass: bool,
}

/// One history.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    /// A `file://` URL, which is mirrored, or a path.
    pub(crate) remote: bool,
    /// A daemon, or `gitmage reconcile` for each pass.
    pub(crate) daemon: bool,
    /// What the releases are about.
    pub(crate) entities: Vec<[&'static str; 3]>,
    pub(crate) steps: Vec<Step>,
    pub(crate) order: Vec<Undo>,
}

/// From this number on histories are about the catalogue.
pub(crate) const CATALOGUE_FROM: u64 = 100_000;

impl Case {
    pub(crate) fn of(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let undo = (vec(any::<Index>(), 1..3), any::<bool>(), any::<bool>()).prop_map(
            |(picks, one_commit, pass)| Undo {
                picks,
                one_commit,
                pass,
            },
        );
        let forms: Vec<([&'static str; 3], Form)> = match seed < CATALOGUE_FROM {
            true => ENTITIES.iter().map(|it| (*it, Form::Whole)).collect(),
            false => CATALOGUE.to_vec(),
        };
        let all = (vec(step(&forms), 4..14), vec(undo, 60));
        let (steps, order) = all.new_tree(&mut runner).unwrap().current();
        Self {
            seed,
            remote: !seed.is_multiple_of(4),
            daemon: !seed.is_multiple_of(3),
            entities: forms.iter().map(|(entity, _)| *entity).collect(),
            steps,
            order,
        }
    }
}

fn edits(forms: &[([&'static str; 3], Form)]) -> impl Strategy<Value = Vec<Edit>> + use<> {
    let forms: Vec<Form> = forms.iter().map(|(_, form)| *form).collect();
    let edit = model::edit(forms.len())
        .prop_map(move |(file, at, spec)| (file, at, spec.map(|spec| spec.fit(forms[at]))));
    vec(edit, 1..4)
}

fn step(forms: &[([&'static str; 3], Form)]) -> impl Strategy<Value = Step> + use<> {
    let death = prop_oneof![
        Just(Death::KillBefore),
        Just(Death::KillAfter),
        Just(Death::Terminate)
    ];
    prop_oneof![
        12 => edits(forms).prop_map(Step::Release),
        2 => (vec(edits(forms), 1..3), any::<bool>())
            .prop_map(|(releases, parts)| Step::Merge { releases, parts }),
        1 => any::<bool>().prop_map(|handled| Step::Bad { handled }),
        6 => (vec(any::<Index>(), 1..3), any::<bool>())
            .prop_map(|(picks, one_commit)| Step::Revert { picks, one_commit }),
        2 => any::<Index>().prop_map(Step::Reapply),
        1 => (0..forms.len()).prop_map(Step::Refuse),
        6 => Just(Step::Pass),
        6 => (1_usize..14, death).prop_map(|(nth, death)| Step::Die { nth, death }),
    ]
}
