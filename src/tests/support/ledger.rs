//! The rollback branch of the shared repository, read in place by the library.

use std::path::{Path, PathBuf};
use std::process::Command;

use gitmage::git::{BranchLedger, Location, Options, Repository};
use gitmage::ports::Ledger as _;
use gitmage::reconcile::{Ledgered, State, load};

use super::waiting::PATIENCE;

const BRANCH: &str = "rollback/production";

/// A bare repository with the ledger of the environment `production`.
pub(crate) struct SharedLedger {
    bare: PathBuf,
}

impl SharedLedger {
    pub(crate) fn of(bare: &Path) -> Self {
        Self {
            bare: bare.to_owned(),
        }
    }

    fn branch(&self) -> BranchLedger {
        let repository = Repository::open(Options {
            location: Location::Path(self.bare.clone()),
            token: None,
            mirror_dir: self.bare.join("unused"),
            ssh_command: None,
            ca_file: None,
            timeout: PATIENCE,
        })
        .unwrap();
        repository.ledger(BRANCH, "production")
    }

    /// Everything that it says; `None` before its first commit.
    pub(crate) fn load(&self) -> Option<Ledgered> {
        let ledgered = load(&self.branch(), BRANCH).unwrap();
        ledgered.tip.is_some().then_some(ledgered)
    }

    /// Its newest commit, looked up without Git.
    pub(crate) fn tip(&self) -> Option<String> {
        let tip = std::fs::read_to_string(self.bare.join("refs/heads").join(BRANCH)).ok()?;
        Some(tip.trim_end().to_owned())
    }

    /// Its state alone: the releases beside it are many times its size.
    pub(crate) fn state(&self) -> Option<State> {
        let ledger = self.branch();
        let tip = ledger.tip().unwrap()?;
        let state = &ledger.files(&tip, "state.yaml").unwrap()["state.yaml"];
        Some(serde_yaml::from_slice(state).unwrap())
    }

    /// Whether it says that everything up to this commit is done.
    pub(crate) fn has_handled(&self, commit: &str) -> bool {
        self.state().is_some_and(|state| {
            state.pass.is_none() && state.head.is_some_and(|head| head.as_str() == commit)
        })
    }

    /// All its commits, those on first parents, merges.
    pub(crate) fn shape(&self) -> [usize; 3] {
        let count = |arguments: &[&str]| {
            let output = Command::new("git")
                .arg("--git-dir")
                .arg(&self.bare)
                .args(["rev-list", "--count", BRANCH])
                .args(arguments)
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout)
                .unwrap()
                .trim()
                .parse()
                .unwrap()
        };
        [count(&[]), count(&["--first-parent"]), count(&["--merges"])]
    }
}
