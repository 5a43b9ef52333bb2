//! Several environments in one configuration.

use serde_json::json;

use crate::shop::Shop;
use crate::world::{World, title};

#[test]
fn a_broken_environment_does_not_hold_up_the_others() {
    let w = World::new();
    let (down, third) = (Shop::open(), Shop::open());
    down.faults(&json!({"revoked": true}));
    w.configure_all(&[
        w.environment("a-first", "main", &w.shop, ""),
        w.environment("broken", "main", &down, ""),
        w.environment("z-last", "main", &third, ""),
    ]);
    let commit = w.repo.release("a", &title("home-hero", "New"), "New");
    w.reconcile().failed_saying(&["revoked"]);
    for shop in [&w.shop, &third] {
        assert_eq!(shop.field("cms_block", "home-hero", "all", "title"), "New");
    }
    assert_eq!(
        down.field("cms_block", "home-hero", "all", "title"),
        "Home hero"
    );
    for environment in ["a-first", "z-last"] {
        let releases = w.releases_of(environment);
        assert_eq!(releases.len(), 1, "{environment}");
        assert_eq!(
            (&releases[0]["commit"], &releases[0]["status"]),
            (&json!(commit), &json!("live"))
        );
    }
    assert_eq!(w.repo.tip("rollback/broken"), None);
    down.mend();
    w.reconcile().converged();
    assert_eq!(down.field("cms_block", "home-hero", "all", "title"), "New");
}

#[test]
fn environments_follow_their_own_branches() {
    let w = World::new();
    let staging = Shop::open();
    w.configure_all(&[
        w.environment("production", "main", &w.shop, ""),
        w.environment("staging", "staging", &staging, ""),
    ]);
    w.repo.git(&["push", "-q", "origin", "HEAD:staging"]);
    w.repo.git(&["checkout", "-q", "-b", "staging"]);
    w.repo
        .prepare("a", "changes:\n  - kind: nonsense\n", "Bad on staging");
    w.repo.git(&["push", "-q", "origin", "staging"]);
    w.repo.git(&["checkout", "-q", "main"]);
    let commit = w.repo.release("a", &title("home-hero", "New"), "New");
    w.reconcile().failed();
    assert_eq!(w.stands(&commit), "deploy live");
    assert_eq!(w.releases_of("staging")[0]["status"], "invalid");
    assert_eq!(staging.written(), Vec::<String>::new());
    w.reconcile_with(&["--env", "production"]).converged();
}

#[test]
fn a_field_set_by_two_environments_of_one_store_is_refused_in_both() {
    let w = World::new();
    w.configure_all(&[
        w.environment("one", "main", &w.shop, ""),
        w.environment("two", "other", &w.shop, ""),
    ]);
    w.repo.git(&["push", "-q", "origin", "HEAD:other"]);
    let good = w.repo.release("a", &title("home-hero", "Mine"), "Mine");
    w.reconcile().converged();
    w.repo
        .git(&["checkout", "-q", "-b", "other", "origin/other"]);
    let disputed = w.repo.prepare("b", &title("home-hero", "Theirs"), "Theirs");
    w.repo.git(&["push", "-q", "origin", "other"]);
    w.reconcile().failed();
    let releases = w.releases_of("two");
    assert_eq!(
        (&releases[0]["commit"], &releases[0]["status"]),
        (&json!(disputed), &json!("invalid"))
    );
    assert_eq!(w.releases_of("one")[0]["commit"], json!(good));
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "Mine"
    );
}
