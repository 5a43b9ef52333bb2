//! Files beside the release files that were meant to be some.

use crate::world::{World, title};

/// A `.yml` and a `.YAML` in one commit, which is pushed.
fn christmas_and_epiphany(w: &World) -> String {
    w.deploy("footer", &title("footer-links", "Footer"), "Footer");
    w.repo.write(
        "releases/2026-12-01-christmas.yml",
        title("home-hero", "Christmas"),
    );
    w.repo.write(
        "releases/2027-01-06-epiphany.YAML",
        title("old-hero", "Epiphany"),
    );
    let commit = w.repo.commit("Christmas");
    w.repo.push();
    commit
}

#[test]
fn both_usual_endings_are_release_files_and_another_is_named() {
    let w = World::new();
    let commit = christmas_and_epiphany(&w);
    w.run(&["validate", "--rev", &commit])
        .exits(0)
        .says("christmas\\.yml")
        .warns("epiphany\\.YAML");
    w.run(&["validate"]).exits(0).warns("epiphany\\.YAML");
    let path = w.repo.path("releases");
    w.run(&["validate", path.to_str().unwrap()])
        .exits(0)
        .warns("rename it to `releases/2027-01-06-epiphany\\.yaml`");
    w.reconcile().converged();
    w.shows("home-hero", "Christmas");
    w.shows("old-hero", "Last year's hero");
    w.stand(&[(&commit, "deploy live")]);
}

#[test]
fn the_plan_names_what_it_deploys_and_what_is_left_out() {
    let w = World::new();
    christmas_and_epiphany(&w);
    w.plan(&[])
        .exits(2)
        .says("Christmas")
        .warns("epiphany\\.YAML");
    let plan = w.plan(&["--format", "json"]);
    assert!(
        plan.stdout.contains("2026-12-01-christmas.yml"),
        "{}",
        plan.said()
    );
}

#[cfg(unix)]
#[test]
fn a_linked_folder_and_a_submodule_are_named_and_block_nothing() {
    let w = World::new();
    w.repo
        .write("archive/black-friday.yaml", title("home-hero", "Archived"));
    w.repo
        .write("releases/footer.yaml", title("footer-links", "Footer"));
    std::os::unix::fs::symlink("../archive", w.repo.path("releases/archive")).unwrap();
    // What `git submodule add` leaves in the tree, without the module.
    let module = format!("160000,{},releases/shared", "1".repeat(40));
    w.repo
        .git(&["update-index", "--add", "--cacheinfo", &module]);
    w.repo.git(&["add", "archive", "releases/footer.yaml"]);
    w.repo.git(&["add", "releases/archive"]);
    w.repo.git(&["commit", "-q", "-m", "Footer"]);
    w.repo.push();
    w.run(&["validate"])
        .exits(0)
        .says("releases/archive: warning: .*symbolic link.*release-folder-linked")
        .says("releases/shared: warning: .*submodule.*release-folder-submodule");
    w.reconcile().converged();
    w.shows("footer-links", "Footer");
    w.shows("home-hero", "Home hero");
}

#[test]
fn a_glob_that_matches_nothing_is_told() {
    let w = World::set_to("releases: \"releases/*.yaml\"");
    w.repo
        .write("releases/2026/footer.yaml", title("footer-links", "Footer"));
    w.repo.commit("Footer");
    w.repo.push();
    w.run(&["validate"])
        .exits(0)
        .says("no file matches the glob .*though there is a file.*no-release-files")
        .says("move it to `releases/footer\\.yaml`, or correct the glob");
}

#[test]
fn what_another_environment_takes_is_left_out_by_nobody() {
    let w = World::new();
    let environment = |name: &str, glob: &str| {
        w.environment(name, "main", &w.shop, &format!("releases: \"{glob}\""))
    };
    w.configure_all(&[
        environment("production", "releases/*.yaml"),
        environment("staging", "releases/staging/*.yaml"),
    ]);
    w.repo
        .write("releases/footer.yaml", title("footer-links", "Footer"));
    w.repo
        .write("releases/staging/hero.yaml", title("home-hero", "Hero"));
    w.repo
        .write("releases/test/old.yaml", title("old-hero", "Old"));
    w.repo.commit("Footer");
    w.repo.push();
    w.run(&["validate"])
        .exits(0)
        .says("releases/test/old\\.yaml: warning")
        .says("2 files: 0 critical, 1 warning, 0 info")
        .never_says("staging/hero\\.yaml: warning");
}
