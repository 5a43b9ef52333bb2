//! The rollback branch of the shared repository, read in place by the library.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use gitmage::domain::CommitId;
use gitmage::git::{BranchLedger, Location, Repository, RepositoryOptions};
use gitmage::plan::Seq;
use gitmage::ports::Ledger as _;
use gitmage::reconcile::{LedgerSnapshot, State, load};

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
        let repository = Repository::open(RepositoryOptions {
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
    pub(crate) fn load(&self) -> Option<LedgerSnapshot> {
        let ledger = load(&self.branch(), BRANCH).unwrap();
        ledger.tip.is_some().then_some(ledger)
    }

    /// Its newest commit, looked up without Git.
    pub(crate) fn tip(&self) -> Option<String> {
        let tip = std::fs::read_to_string(self.bare.join("refs/heads").join(BRANCH)).ok()?;
        Some(tip.trim_end().to_owned())
    }

    /// The releases with what they did, one line for each entity, for a test that fails.
    pub(crate) fn told(&self) -> String {
        let Some(ledger) = self.load() else {
            return String::new();
        };
        let mut told = String::new();
        for release in ledger.book.releases.values() {
            let status = ledger.book.status(release);
            let (seq, kind, subject) = (release.seq, release.kind, &release.subject);
            writeln!(told, "{seq} {kind} {status} {subject}").unwrap();
            for (entity, planned) in &release.entities {
                let fields = planned.fields.iter().map(|(field, planned)| {
                    format!(
                        "{} {:?} -> {:?}",
                        field.as_str(),
                        planned.before,
                        planned.after
                    )
                });
                let fields: Vec<String> = fields.collect();
                let outcome = release.outcome.entities.get(entity);
                let became = outcome.map(|o| (o.action, o.status, &o.error));
                writeln!(told, "  {entity} {became:?} {fields:?}").unwrap();
            }
        }
        told
    }

    /// The snapshots of releases at one commit, as text.
    pub(crate) fn snapshots(&self, tip: &str, releases: &[Seq]) -> String {
        let tree = self.git(&["ls-tree", "-r", "--name-only", tip, "releases/"]);
        let wanted = tree.lines().filter(|path| {
            path.ends_with("/snapshot.yaml")
                && releases
                    .iter()
                    .any(|seq| path.contains(&format!("/{seq}-")))
        });
        wanted
            .map(|path| self.git(&["cat-file", "blob", &format!("{tip}:{path}")]))
            .collect()
    }

    /// Its state in each of its commits, oldest first.
    pub(crate) fn states(&self) -> Vec<State> {
        let ledger = self.branch();
        self.git(&["rev-list", "--first-parent", "--reverse", BRANCH])
            .lines()
            .filter_map(|commit| {
                let commit = CommitId::new(commit).unwrap();
                let files = ledger.files(&commit, "state.yaml").unwrap();
                // A pass of many releases has it in its last commit first.
                Some(serde_yaml::from_slice(files.get("state.yaml")?).unwrap())
            })
            .collect()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .arg("--git-dir")
            .arg(&self.bare)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Its state alone: the releases beside it are many times its size.
    pub(crate) fn state(&self) -> Option<State> {
        let ledger = self.branch();
        let tip = ledger.tip().unwrap()?;
        let state = &ledger.files(&tip, "state.yaml").unwrap()["state.yaml"];
        Some(serde_yaml::from_slice(state).unwrap())
    }

    /// True if it says that everything up to this commit is done.
    pub(crate) fn has_handled(&self, commit: &str) -> bool {
        self.state().is_some_and(|state| {
            state.pass.is_none() && state.head.is_some_and(|head| head.as_str() == commit)
        })
    }

    /// All its commits, those on first parents, merges.
    pub(crate) fn shape(&self) -> [usize; 3] {
        let count = |arguments: &[&str]| {
            let all = [&["rev-list", "--count", BRANCH], arguments].concat();
            self.git(&all).trim().parse().unwrap()
        };
        [count(&[]), count(&["--first-parent"]), count(&["--merges"])]
    }
}
