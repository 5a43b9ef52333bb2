//! What a release deleted and a revert makes again: with its rows, its views and what other files say
//! of it meanwhile.

use super::world::World;

const WITHOUT_PRODUCT: &str = "changes:\n  - { kind: product, key: 24-MB02, ensure: absent }\n";
const SPECIAL_PRICE: &str =
    "changes:\n  - { kind: special_price, key: 24-MB02, fields: { price: 41 } }\n";

#[test]
fn beneath_a_file_that_says_existing() {
    for hidden in [false, true] {
        let w = World::new();
        let before = w.shop.dump();
        let existing = "changes:\n  - { kind: cms_block, key: home-hero, ensure: existing, fields: { content: B } }\n";
        let gone = "changes:\n  - { kind: cms_block, key: home-hero, ensure: absent }\n";
        let deployed = |name: &str, text: &str, subject: &str| {
            let commit = w.repo.prepare(name, text, subject);
            w.repo.push();
            w.reconcile();
            commit
        };
        let first = (!hidden).then(|| deployed("b", existing, "B"));
        let deletion = deployed("c", gone, "C");
        let filled = first.unwrap_or_else(|| deployed("b", existing, "B"));
        w.revert(&deletion);
        w.shows("home-hero", "Home hero");
        let content = w.shop.field("cms_block", "home-hero", "all", "content");
        assert_eq!(content, "B");
        w.revert(&filled);
        w.is_as(&before);
    }
}

#[test]
fn a_row_comes_back_with_its_product_and_shows_what_it_showed() {
    for settings in ["", "on_failure: restore"] {
        let w = World::set_to(settings);
        let before = w.shop.dump();
        let priced = w.deploy("a", SPECIAL_PRICE, "Special price");
        w.repo.remove("releases/a.yaml");
        let deletion = w.deploy("c", WITHOUT_PRODUCT, "Product goes");
        w.repo.revert_only(&[&deletion]);
        w.repo.revert_only(&[&priced]);
        w.push();
        w.is_as(&before);
        w.stand(&[
            (&priced, "deploy rolled_back"),
            (&deletion, "deploy rolled_back"),
        ]);
    }
}

#[test]
fn the_value_of_a_view_that_was_named_while_the_product_was_gone() {
    let w = World::new();
    let before = w.shop.dump();
    let deletion = w.deploy("c", WITHOUT_PRODUCT, "Product goes");
    let view = "changes:\n  - { kind: product, key: 24-MB02, store: de, fields: { name: DE } }\n";
    let named = w.repo.prepare("b", view, "Name");
    w.repo.push();
    w.reconcile();
    w.repo.remove("releases/c.yaml");
    w.repo.commit("File goes");
    w.repo.push();
    w.reconcile();
    w.repo.say(&format!("Back\n\nReverts: {deletion}"));
    w.push();
    assert_eq!(w.shop.field("product", "24-MB02", "de", "name"), "DE");
    w.revert(&named);
    w.is_as(&before);
}

#[test]
fn a_view_of_a_product_that_goes_before_it_leaves_nothing_to_be_done() {
    let w = World::new();
    let before = w.shop.dump();
    let made = w.deploy(
        "b",
        "changes:\n  - { kind: product, key: NEW, fields: { name: N, price: 5, attribute_set_id: Default } }\n",
        "Made",
    );
    let named = w.deploy(
        "a",
        "changes:\n  - { kind: product, key: NEW, store: de, fields: { name: DE } }\n",
        "Named",
    );
    w.repo.revert_only(&[&made]);
    w.repo.push();
    w.reconcile().failed();
    w.revert(&named);
    w.is_as(&before);
    w.run(&["retry"]).converged();
    let ledger = w.ledger();
    w.reconcile().converged();
    assert_eq!(w.ledger(), ledger);
}
