//! Expectations of a world, in a word each: what the shop shows, how the releases stand, what a command
//! says.

use regex_automata::meta::Regex;
use serde_json::{Value, json};

use super::world::{Run, World, activity, field};

/// True if a text matches a pattern, upper and lower case alike.
pub(crate) fn matches(text: &str, pattern: &str) -> bool {
    Regex::new(&format!("(?i){pattern}"))
        .unwrap()
        .is_match(text)
}

#[track_caller]
fn says(text: &str, pattern: &str) {
    assert!(
        matches(text, pattern),
        "nothing matches {pattern:?}: {text}"
    );
}

#[track_caller]
fn never_says(text: &str, pattern: &str) {
    assert!(!matches(text, pattern), "{pattern:?} matches: {text}");
}

impl Run {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.said());
        self
    }

    /// Printed something that matches a pattern; what was logged beside it does not count.
    #[track_caller]
    pub(crate) fn says(self, pattern: &str) -> Self {
        says(&self.stdout, pattern);
        self
    }

    /// Printed or warned of something that matches a pattern; smaller lines of the log do not count.
    #[track_caller]
    pub(crate) fn warns(self, pattern: &str) -> Self {
        let log = [" TRACE ", " DEBUG ", " INFO "];
        let lines = self.stderr.lines();
        let warnings = lines.filter(|line| !log.iter().any(|level| line.contains(level)));
        let warnings: Vec<&str> = warnings.collect();
        says(&format!("{}{}", self.stdout, warnings.join("\n")), pattern);
        self
    }

    /// Printed nothing that matches a pattern.
    #[track_caller]
    pub(crate) fn never_says(self, pattern: &str) -> Self {
        never_says(&self.stdout, pattern);
        self
    }

    /// Its output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.said()))
    }
}

impl World {
    /// Writes one release file, commits and pushes, and a pass deploys it.
    #[track_caller]
    pub(crate) fn deploy(&self, name: &str, changes: &str, subject: &str) -> String {
        let id = self.repo.prepare(name, changes, subject);
        self.push();
        id
    }

    /// Pushes `main`, and a pass takes it up.
    #[track_caller]
    pub(crate) fn push(&self) {
        self.repo.push();
        self.reconcile().converged();
    }

    /// `git push --force` of `main`, and a pass that takes it up.
    #[track_caller]
    pub(crate) fn force_push(&self) {
        self.repo.force_push();
        self.reconcile().converged();
    }

    /// `git revert` of a commit, pushed and taken up; the new commit's id.
    #[track_caller]
    pub(crate) fn revert(&self, commit: &str) -> String {
        let id = self.repo.revert_only(&[commit]);
        self.push();
        id
    }

    /// `gitmage plan`.
    pub(crate) fn plan(&self, args: &[&str]) -> Run {
        let mut all = vec!["plan"];
        all.extend(args);
        self.run(&all)
    }

    /// `gitmage wait` of a commit that is to be handled by now.
    pub(crate) fn wait(&self, commit: &str) -> Run {
        self.run(&["wait", commit, "--timeout", "0s"])
    }

    /// The title of a block for all views.
    #[track_caller]
    pub(crate) fn shows(&self, block: &str, title: &str) {
        let shown = self.shop.field("cms_block", block, "all", "title");
        assert_eq!(shown, title, "title of {block}; {}", self.told());
    }

    /// The shop is what it was.
    #[track_caller]
    pub(crate) fn is_as(&self, before: &Value) {
        let differences = super::shop::differences(before, &self.shop.dump());
        assert!(differences.is_empty(), "{differences:#?}; {}", self.told());
    }

    /// The first release of each commit: `deploy live`.
    #[track_caller]
    pub(crate) fn stand(&self, releases: &[(&str, &str)]) {
        for (commit, stands) in releases {
            assert_eq!(self.stands(commit), *stands, "{commit}; {}", self.told());
        }
    }

    /// The releases that the release of a commit takes back, newest first.
    #[track_caller]
    pub(crate) fn takes_back(&self, commit: &str, releases: &[&str]) {
        let reverts = self.release(commit)["reverts"].clone();
        assert_eq!(reverts, json!(releases), "{}", self.told());
    }

    #[track_caller]
    pub(crate) fn makes_no_release(&self, commit: &str) {
        assert_eq!(self.find_release(commit), None);
        self.wait(commit).exits(0);
    }

    /// The activity of a commit's release says something that matches a pattern.
    #[track_caller]
    pub(crate) fn activity_says(&self, commit: &str, pattern: &str) {
        says(&activity(&self.release(commit)), pattern);
    }

    /// It says nothing that matches a pattern.
    #[track_caller]
    pub(crate) fn activity_never_says(&self, commit: &str, pattern: &str) {
        never_says(&activity(&self.release(commit)), pattern);
    }

    /// A commit's release met an edit of a block's title in the store, and keeps it.
    #[track_caller]
    pub(crate) fn reports_conflict(&self, commit: &str, block: &str, edit: &str) {
        let release = self.release(commit);
        let title = field(&release, "cms_block", block, "title");
        assert_eq!(title["status"], "conflict", "{title:#}");
        assert_eq!(title["before"], edit, "{title:#}");
        says(&activity(&release), "edited");
    }

    /// The releases in short, for a test that fails.
    fn told(&self) -> String {
        let lines = self.releases().into_iter().map(|release| {
            let text = |name: &str| release[name].as_str().unwrap_or_default().to_owned();
            let commit = text("commit");
            format!(
                "\n  {} {} {} {:?} reverts {}",
                &commit[..8.min(commit.len())],
                text("kind"),
                text("status"),
                text("subject"),
                release["reverts"]
            )
        });
        lines.collect()
    }
}
