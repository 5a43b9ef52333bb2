//! Room is made first: what one entity gives up in a pass another one gets in the same pass, and the
//! other way round when the release is reverted.

use serde_json::{Value, json};

use crate::world::{Options, World, activity, change, field};
use crate::{nothing_to_do, same};

/// Returns what was written since an earlier count: `DELETE CHAIR-OLD`.
fn written(w: &World, since: usize) -> Vec<String> {
    let reads = |request: &&Value| {
        let path = request["path"].as_str().unwrap();
        path.ends_with("-information")
    };
    let writes: Vec<Value> = w.shop.writes().into_iter().skip(since).collect();
    let writes: Vec<Value> = writes.iter().filter(|w| !reads(w)).cloned().collect();
    let brief = |request: &Value| {
        let path = request["path"].as_str().unwrap();
        let last = path.rsplit('/').next().unwrap();
        let named = match request["identifier"].as_str() {
            Some(name) if !name.is_empty() => name,
            _ => last,
        };
        format!("{} {named}", request["method"].as_str().unwrap())
    };
    writes.iter().map(brief).collect()
}

/// A release that goes live in one pass, and whose revert puts everything back in one pass. The answer
/// is what was written, there and back.
#[track_caller]
fn there_and_back(w: &World, yaml: &str, there: impl Fn(&Value)) -> [Vec<String>; 2] {
    let before = w.shop.dump();
    let count = w.shop.writes().len();
    let commit = w.repo.release("a", yaml, "There");
    w.reconcile().converged();
    there(&w.shop.dump());
    nothing_to_do(w);
    assert_eq!(w.stands(&commit), "deploy live");
    let first = written(w, count);
    let count = w.shop.writes().len();
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
    nothing_to_do(w);
    assert_eq!(w.stands(&commit), "deploy rolled_back");
    [first, written(w, count)]
}

/// A release that the plan and the pass refuse, with these words, before anything is written.
#[track_caller]
fn refused(w: &World, yaml: &str, words: &[&str]) {
    let before = w.shop.dump();
    w.repo.release("a", yaml, "Refused");
    let plan = w.run(&["plan"]);
    assert_eq!(plan.code, Some(1), "{}", plan.said());
    let pass = w.reconcile().failed();
    for said in [plan.said(), pass.said()] {
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(said.contains(word), "no {word:?} in {said}");
        }
    }
    same(&before, &w.shop.dump());
    assert_eq!(w.shop.written(), Vec::<String>::new());
}

fn refuses(method: &str, path: &str) -> Value {
    json!({"rules": [{
        "match": {"method": method, "path": path},
        "action": {"respond": {"status": 400, "body": "{\"message\":\"The store says no.\"}"}},
    }]})
}

/// Whatever would make or change the entity with this key.
fn refuses_to_save(key: &str) -> Value {
    let no = json!({"respond": {"status": 400, "body": "{\"message\":\"The store says no.\"}"}});
    let rule = |method| json!({"match": {"method": method, "identifier": key}, "action": no});
    json!({"rules": [rule("POST"), rule("PUT")]})
}

/// Products by SKU and address.
fn with_products(products: &[(&str, &str)]) -> World {
    shop_with("", products)
}

fn shop_with(settings: &'static str, products: &[(&str, &str)]) -> World {
    let w = World::with(Options {
        settings,
        ..Options::default()
    });
    for (sku, address) in products {
        w.shop
            .edit(&json!({"kind": "product", "key": sku, "fields": {
                "name": sku, "price": 10, "url_key": address,
            }}));
    }
    w
}

/// Each change: kind, key and fields.
fn set(changes: &[(&str, &str, &str)]) -> String {
    let one = |(kind, key, fields): &(&str, &str, &str)| {
        format!("  - {{ kind: {kind}, key: \"{key}\", fields: {{ {fields} }} }}\n")
    };
    let all: String = changes.iter().map(one).collect();
    format!("changes:\n{all}")
}

const PAGES: &str = "changes:
  - { kind: cms_page, key: about-us, ensure: absent }
  - { kind: cms_page, key: winter-sale, ensure: absent }
  - { kind: cms_page, key: about-us, store: de, fields: { title: Über uns } }
  - { kind: cms_page, key: about-us, store: default, fields: { title: About us } }
";

fn views(dump: &Value, kind: &str, key: &str) -> Vec<String> {
    let views = dump[kind][key].as_object();
    let mut views: Vec<String> = views
        .into_iter()
        .flatten()
        .map(|(k, _)| k.clone())
        .collect();
    views.sort();
    views
}

#[test]
fn a_page_for_all_views_becomes_one_for_each_and_back() {
    let w = World::new();
    let [there, back] = there_and_back(&w, PAGES, |shop| {
        assert_eq!(views(shop, "cms_page", "about-us"), ["de", "default"]);
    });
    // The new ones come right after it; what makes room for nothing goes last.
    assert_eq!(there.len(), 4, "{there:?}");
    assert!(there[0].starts_with("DELETE"), "{there:?}");
    assert_eq!(there[1..3], ["POST about-us", "POST about-us"]);
    let methods: Vec<&str> = back.iter().map(|w| w.split_once(' ').unwrap().0).collect();
    assert!(
        methods
            .windows(3)
            .any(|w| w == ["DELETE", "DELETE", "POST"]),
        "{back:?}"
    );
}

#[test]
fn without_one_of_the_new_pages_the_old_one_stays() {
    let w = World::new();
    let nameless = PAGES.replace("{ title: About us }", "{ content: No title }");
    let nameless = nameless.replace(
        "  - { kind: cms_page, key: winter-sale, ensure: absent }\n",
        "",
    );
    refused(
        &w,
        &nameless,
        &[
            "a new CMS page needs a `title`",
            "not deleted, because CMS page about-us (default), for which that makes room, cannot be carried out",
            "not sent, because CMS page about-us (all) is in its way and stays",
        ],
    );
}

#[test]
fn the_blocks_of_three_views_become_one_which_is_there_before_they_go() {
    let w = World::new();
    let yaml = "changes:
  - { kind: cms_block, key: shipping-banner, store: default, ensure: absent }
  - { kind: cms_block, key: shipping-banner, store: de, ensure: absent }
  - { kind: cms_block, key: shipping-banner, store: fr, ensure: absent }
  - { kind: cms_block, key: shipping-banner, fields: { title: Shipping, content: <p>Free</p> } }
";
    let [there, back] = there_and_back(&w, yaml, |shop| {
        assert_eq!(views(shop, "cms_block", "shipping-banner"), ["all"]);
    });
    assert_eq!(there[0], "POST shipping-banner");
    assert!(back[3].starts_with("DELETE"), "{back:?}");

    // The store takes the new one no more than it says: the old ones stay.
    let before = w.shop.dump();
    w.shop.faults(&refuses_to_save("shipping-banner"));
    let commit = w.repo.release("a", yaml, "Again");
    w.reconcile().failed();
    same(&before, &w.shop.dump());
    let kept = w.release(&commit)["changes"].to_string();
    let why = "not deleted, because CMS block shipping-banner (all), which is to take its place, cannot be carried out";
    assert_eq!(kept.matches(why).count(), 3, "{kept}");
    w.shop.mend();
    assert_eq!(w.run(&["retry"]).code, Some(0));
    assert_eq!(
        views(&w.shop.dump(), "cms_block", "shipping-banner"),
        ["all"]
    );
}

#[test]
fn a_page_of_one_view_becomes_one_for_all_views_and_back() {
    let w = World::new();
    let yaml = "changes:
  - { kind: cms_page, key: impressum, store: de, ensure: absent }
  - { kind: cms_page, key: impressum, fields: { title: Imprint } }
";
    there_and_back(&w, yaml, |shop| {
        assert_eq!(views(shop, "cms_page", "impressum"), ["all"]);
    });
}

#[test]
fn a_page_moves_to_another_view_and_is_never_nowhere() {
    let w = World::new();
    let yaml = "changes:
  - { kind: cms_page, key: impressum, store: de, ensure: absent }
  - { kind: cms_page, key: impressum, store: fr, fields: { title: Mentions légales } }
";
    let [there, _] = there_and_back(&w, yaml, |shop| {
        assert_eq!(views(shop, "cms_page", "impressum"), ["fr"]);
    });
    assert_eq!(there[0], "POST impressum");
}

#[test]
fn a_page_of_several_views_stays_and_so_nothing_takes_its_place() {
    let w = World::new();
    // No release file can delete one of several views: REST could not make it again.
    let yaml = "changes:
  - { kind: cms_page, key: stores, fields: { title: Stores } }
";
    refused(&w, yaml, &["exists, but assigned to default,fr"]);
}

#[test]
fn a_successor_gets_the_address_and_gives_it_back() {
    let w = with_products(&[("CHAIR-OLD", "lounge-chair")]);
    for address in ["name: Chair, url_key: lounge-chair", "name: Lounge Chair"] {
        let new = format!("price: 11, attribute_set_id: Default, {address}");
        let yaml = set(&[("product", "CHAIR-NEW", &new)])
            + "  - { kind: product, key: CHAIR-OLD, ensure: absent }\n";
        let [there, back] = there_and_back(&w, &yaml, |shop| {
            assert!(shop["product"]["CHAIR-OLD"].is_null());
            assert_eq!(
                shop["product"]["CHAIR-NEW"]["all"]["url_key"],
                "lounge-chair"
            );
        });
        assert_eq!(there[0], "DELETE CHAIR-OLD");
        assert_eq!(back[0], "DELETE CHAIR-NEW");
    }
}

/// A successor that the store refuses.
const CHAIR: &str = "changes:
  - { kind: product, key: CHAIR-OLD, ensure: absent }
  - kind: product
    key: CHAIR-NEW
    fields: { name: Chair, price: 11, attribute_set_id: Default, url_key: lounge-chair }
";

#[test]
fn what_was_deleted_for_a_successor_that_the_store_refuses_is_made_again() {
    let w = with_products(&[("CHAIR-OLD", "lounge-chair")]);
    let before = w.shop.dump();
    w.shop.faults(&refuses_to_save("CHAIR-NEW"));
    let commit = w.repo.release("a", CHAIR, "Successor");
    w.reconcile().failed_saying(&["The store says no."]);
    same(&before, &w.shop.dump());
    let release = w.release(&commit);
    let old = change(&release, "product", "CHAIR-OLD");
    assert_eq!(
        old["error"],
        "made again, because product CHAIR-NEW, for which it was deleted, could not be carried out"
    );
    assert_eq!(old["status"], "failed");
    assert!(activity(&release).contains("so that the shop is not left with neither"));
    // It is not tried again by itself: that would take the old one away each time.
    let count = w.shop.writes().len();
    w.reconcile();
    assert_eq!(w.shop.writes().len(), count);
    w.shop.mend();
    assert_eq!(w.run(&["retry"]).code, Some(0));
    let shop = w.shop.dump();
    assert!(shop["product"]["CHAIR-OLD"].is_null());
    assert_eq!(
        shop["product"]["CHAIR-NEW"]["all"]["url_key"],
        "lounge-chair"
    );
    assert_eq!(w.stands(&commit), "deploy live");
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn a_rollback_that_cannot_make_the_old_one_again_keeps_the_new_one() {
    let w = with_products(&[("CHAIR-OLD", "lounge-chair")]);
    let before = w.shop.dump();
    let commit = w.repo.release("a", CHAIR, "Successor");
    w.reconcile().converged();
    let live = w.shop.dump();
    w.shop.faults(&refuses_to_save("CHAIR-OLD"));
    w.repo.revert(&commit);
    w.reconcile().failed();
    same(&live, &w.shop.dump());
    w.shop.mend();
    assert_eq!(w.run(&["retry"]).code, Some(0));
    same(&before, &w.shop.dump());
    assert_eq!(w.stands(&commit), "deploy rolled_back");
}

#[test]
fn a_successor_is_not_sent_where_the_old_one_cannot_be_deleted() {
    let w = with_products(&[("CHAIR-OLD", "lounge-chair")]);
    let before = w.shop.dump();
    w.shop.faults(&refuses("DELETE", "products/CHAIR-OLD"));
    let commit = w.repo.release("a", CHAIR, "Successor");
    w.reconcile().failed_saying(&[
        "The store says no.",
        "not sent, because product CHAIR-OLD keeps the `url_key` \"lounge-chair\"",
    ]);
    same(&before, &w.shop.dump());
    w.shop.mend();
    assert_eq!(w.run(&["retry"]).code, Some(0));
    assert_eq!(w.stands(&commit), "deploy live");
}

fn lamps() -> World {
    with_products(&[("LAMP-A", "lamp-a"), ("LAMP-B", "lamp-b")])
}

fn swap() -> String {
    set(&[
        ("product", "LAMP-A", "url_key: lamp-b"),
        ("product", "LAMP-B", "url_key: lamp-a"),
    ])
}

#[test]
fn two_products_swap_their_addresses_and_swap_back() {
    let w = lamps();
    let [there, back] = there_and_back(&w, &swap(), |shop| {
        assert_eq!(shop["product"]["LAMP-A"]["all"]["url_key"], "lamp-b");
        assert_eq!(shop["product"]["LAMP-B"]["all"]["url_key"], "lamp-a");
    });
    let writes = ["PUT LAMP-A", "PUT LAMP-B", "PUT LAMP-A"];
    assert_eq!(there, writes);
    assert_eq!(back, writes);
}

#[test]
fn the_plan_says_that_a_swap_goes_over_a_value_of_its_own() {
    let w = lamps();
    let commit = w.repo.release("a", &swap(), "Swap");
    let plan = w.run(&["plan"]);
    assert_eq!(plan.code, Some(2));
    let said = plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("for a moment, so that product LAMP-B can have \"lamp-a\""),
        "{said}"
    );
    assert_eq!(w.run(&["plan"]).stdout, plan.stdout);
    w.reconcile().converged();
    // It is no value of the product's: neither in the outcome nor in the snapshot.
    let release = w.release(&commit);
    let url_key = field(&release, "product", "LAMP-A", "url_key");
    assert_eq!(
        (&url_key["before"], &url_key["after"]),
        (&json!("lamp-a"), &json!("lamp-b"))
    );
    assert_eq!(url_key["status"], "written");
    assert!(!activity(&release).contains("edited in Magento"));
}

#[test]
fn what_is_put_aside_for_a_swap_that_the_store_refuses_is_put_back() {
    let w = lamps();
    let before = w.shop.dump();
    w.shop.faults(&refuses("PUT", "products/LAMP-B"));
    let commit = w.repo.release("a", &swap(), "Swap");
    w.reconcile().failed_saying(&[
        "The store says no.",
        "not sent, because product LAMP-B keeps the `url_key` \"lamp-b\"",
    ]);
    same(&before, &w.shop.dump());
    let url_key = field(&w.release(&commit), "product", "LAMP-A", "url_key");
    assert_eq!(url_key["status"], "not_written");
    assert_eq!(url_key["observed"], "lamp-a");
    w.shop.mend();
    assert_eq!(w.run(&["retry"]).code, Some(0));
    assert_eq!(
        w.shop.field("product", "LAMP-A", "all", "url_key"),
        "lamp-b"
    );
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn a_swap_whose_last_step_is_refused_is_taken_back_whole() {
    let w = lamps();
    let before = w.shop.dump();
    w.shop.faults(&json!({"rules": [{
        "match": {"method": "PUT", "path": "products/LAMP-A", "nth": 2},
        "action": {"respond": {"status": 400, "body": "{\"message\":\"The store says no.\"}"}},
    }]}));
    let commit = w.repo.release("a", &swap(), "Swap");
    w.reconcile().failed_saying(&["The store says no."]);
    same(&before, &w.shop.dump());
    let b = change(&w.release(&commit), "product", "LAMP-B");
    assert_eq!(
        b["error"],
        "taken back, because product LAMP-A, which belongs to it, could not be carried out"
    );
    w.shop.mend();
    assert_eq!(w.run(&["retry"]).code, Some(0));
    assert_eq!(w.stands(&commit), "deploy live");
}

#[test]
fn a_swap_that_was_interrupted_goes_on() {
    // What the other process has sent may arrive for two timeouts.
    let w = shop_with(
        "store.timeout: 1s",
        &[("LAMP-A", "lamp-a"), ("LAMP-B", "lamp-b")],
    );
    let before = w.shop.dump();
    // The first lamp is put aside, and then the process dies.
    w.shop.faults(&json!({"rules": [
        {"match": {"method": "PUT", "path": "products/LAMP-B"}, "action": "hang"},
    ]}));
    let commit = w.repo.release("a", &swap(), "Swap");
    let pass = w.start();
    w.shop.wait_for("the second lamp", |request| {
        request["method"] == "PUT" && request["identifier"] == "LAMP-B"
    });
    pass.kill();
    let aside = w.shop.field("product", "LAMP-A", "all", "url_key");
    assert!(aside.as_str().unwrap().starts_with("lamp-a-"), "{aside}");

    // Resumed, and refused: what the other process has put aside is put back as well.
    w.shop.faults(&refuses("PUT", "products/LAMP-B"));
    w.reconcile().failed();
    same(&before, &w.shop.dump());
    w.shop.mend();
    assert_eq!(w.run(&["retry"]).code, Some(0));
    assert_eq!(
        w.shop.field("product", "LAMP-A", "all", "url_key"),
        "lamp-b"
    );
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn a_page_that_was_deleted_for_others_when_the_process_died_is_replaced_or_made_again() {
    let pages = PAGES.replace(
        "  - { kind: cms_page, key: winter-sale, ensure: absent }\n",
        "",
    );
    for refuses in [false, true] {
        let w = shop_with("store.timeout: 1s\nstore.concurrency: 1", &[]);
        let before = w.shop.dump();
        // The page for all is gone, that of the first view is there, and then the process dies.
        w.shop.faults(&json!({"rules": [
            {"match": {"method": "POST", "identifier": "about-us", "nth": 2}, "action": "hang"},
        ]}));
        let commit = w.repo.release("a", &pages, "Split");
        let pass = w.start();
        w.shop.wait_for("the second page", |request| {
            let view = request["path"].as_str().unwrap_or_default();
            request["method"] == "POST"
                && request["identifier"] == "about-us"
                && view.contains("/default/")
        });
        pass.kill();
        assert_eq!(views(&w.shop.dump(), "cms_page", "about-us"), ["de"]);
        match refuses {
            false => {
                w.shop.mend();
                w.reconcile().converged();
            }
            true => {
                w.shop.faults(&json!({"rules": [{
                    "match": {"method": "POST", "path": "/default/V1/cmsPage"},
                    "action": {"respond": {"status": 400, "body": "{\"message\":\"The store says no.\"}"}},
                }]}));
                w.reconcile().failed();
                same(&before, &w.shop.dump());
                w.shop.mend();
                assert_eq!(w.run(&["retry"]).code, Some(0));
            }
        }
        assert_eq!(
            views(&w.shop.dump(), "cms_page", "about-us"),
            ["de", "default"]
        );
        assert_eq!(w.stands(&commit), "deploy live");
        w.repo.revert(&commit);
        w.reconcile().converged();
        same(&before, &w.shop.dump());
    }
}

#[test]
fn a_swap_is_undone_with_the_rest_of_its_pass() {
    let w = shop_with(
        "on_failure: restore",
        &[("LAMP-A", "lamp-a"), ("LAMP-B", "lamp-b"), ("OLD", "chair")],
    );
    let before = w.shop.dump();
    w.shop.faults(&refuses("PUT", "products/24-MB02"));
    let yaml = swap()
        + "  - { kind: product, key: OLD, ensure: absent }
  - { kind: product, key: NEW, fields: { name: Chair, price: 1, attribute_set_id: Default, url_key: chair } }
  - { kind: product, key: 24-MB02, fields: { name: Refused } }
  - { kind: cms_page, key: about-us, ensure: absent }
  - { kind: cms_page, key: about-us, store: de, fields: { title: Über uns } }
";
    let commit = w.repo.release("a", &yaml, "All");
    w.reconcile().failed_saying(&["The store says no."]);
    same(&before, &w.shop.dump());
    w.shop.mend();
    assert_eq!(w.run(&["retry"]).code, Some(0));
    assert_eq!(w.stands(&commit), "deploy live");
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn an_address_of_one_view_is_swapped_there() {
    let w = lamps();
    w.shop.edit(&json!([
        {"kind": "product", "key": "LAMP-A", "store": "de", "fields": {"url_key": "lampe-a"}},
        {"kind": "product", "key": "LAMP-B", "store": "de", "fields": {"url_key": "lampe-b"}},
    ]));
    let yaml = "changes:
  - { kind: product, key: LAMP-A, store: de, fields: { url_key: lampe-b } }
  - { kind: product, key: LAMP-B, store: de, fields: { url_key: lampe-a } }
";
    let [there, _] = there_and_back(&w, yaml, |shop| {
        assert_eq!(shop["product"]["LAMP-A"]["de"]["url_key"], "lampe-b");
        assert_eq!(shop["product"]["LAMP-A"]["all"]["url_key"], "lamp-a");
    });
    assert_eq!(there, ["PUT LAMP-A", "PUT LAMP-B", "PUT LAMP-A"]);
}

#[test]
fn three_products_pass_their_addresses_on() {
    let w = with_products(&[("A", "aa"), ("B", "bb"), ("C", "cc")]);
    let ring = set(&[
        ("product", "A", "url_key: bb"),
        ("product", "B", "url_key: cc"),
        ("product", "C", "url_key: aa"),
    ]);
    let [there, _] = there_and_back(&w, &ring, |shop| {
        assert_eq!(shop["product"]["C"]["all"]["url_key"], "aa");
    });
    assert_eq!(there, ["PUT A", "PUT C", "PUT B", "PUT A"]);
}

#[test]
fn a_swap_of_which_one_half_is_refused_is_refused_whole() {
    let yaml = set(&[
        ("product", "LAMP-A", "url_key: lamp-b, price: 12"),
        ("product", "LAMP-B", "url_key: lamp-a, color: Mauve"),
    ]);
    refused(
        &lamps(),
        &yaml,
        &[
            "Mauve",
            "not sent, because product LAMP-B keeps the `url_key` \"lamp-b\"",
        ],
    );
}

#[test]
fn a_rate_in_another_spelling_is_refused_while_a_rule_has_it() {
    let yaml = set(&[
        (
            "tax_rate",
            "de-19",
            "tax_country_id: DE, tax_postcode: \"*\", rate: 19",
        ),
        ("tax_rule", "Germany", "tax_rate_ids: [de-19]"),
    ]) + "  - { kind: tax_rate, key: DE-19, ensure: absent }\n";
    refused(
        &World::new(),
        &yaml,
        &[
            "cannot be carried out in one pass: it waits for tax rate DE-19, which waits for tax rule Germany, which waits for it",
        ],
    );
}

#[test]
fn categories_swap_their_addresses_and_have_successors() {
    let w = World::new();
    let yaml = set(&[
        ("category", "Default Category/Gear", "url_key: sale"),
        ("category", "Default Category/Sale", "url_key: gear"),
    ]);
    there_and_back(&w, &yaml, |shop| {
        assert_eq!(
            shop["category"]["Default Category/Gear"]["all"]["url_key"],
            "sale"
        );
        assert_eq!(
            shop["category"]["Default Category/Sale"]["all"]["url_key"],
            "gear"
        );
    });
    // The name is the key: another name is another category, in the address of the old one.
    let yaml = set(&[(
        "category",
        "Default Category/Deals",
        "is_active: true, url_key: sale",
    )]) + "  - { kind: category, key: Default Category/Sale, ensure: absent }\n";
    let [there, _] = there_and_back(&w, &yaml, |shop| {
        assert!(shop["category"]["Default Category/Sale"].is_null());
        assert_eq!(
            shop["category"]["Default Category/Deals"]["all"]["url_key"],
            "sale"
        );
    });
    assert!(there[0].starts_with("DELETE"), "{there:?}");
}

#[test]
fn the_names_of_categories_cannot_be_swapped() {
    let yaml = set(&[
        ("category", "Default Category/Gear", "name: Sale"),
        ("category", "Default Category/Sale", "name: Gear"),
    ]);
    let w = World::new();
    let commit = w.repo.release("a", &yaml, "Names");
    w.reconcile().failed();
    assert_eq!(w.stands(&commit), "deploy invalid");
    assert_eq!(w.shop.written(), Vec::<String>::new());
}

#[test]
fn a_landing_page_takes_the_place_of_a_category() {
    let w = World::new();
    let yaml = set(&[("cms_page", "sale", "title: Sale")])
        + "  - { kind: category, key: Default Category/Sale, ensure: absent }\n";
    let [there, back] = there_and_back(&w, &yaml, |shop| {
        assert!(shop["cms_page"]["sale"]["all"].is_object());
    });
    assert!(there[0].starts_with("DELETE"), "{there:?}");
    assert!(back[0].starts_with("DELETE"), "{back:?}");
}

#[test]
fn the_first_coupon_of_a_rule_gives_way_to_another() {
    let w = World::new();
    w.shop
        .edit(&json!({"kind": "coupon", "key": "HELLO", "fields": {"rule": "Welcome"}}));
    let yaml = set(&[
        ("coupon", "HELLO", "is_primary: true"),
        ("coupon", "WELCOME10", "is_primary: false"),
    ]);
    let [there, back] = there_and_back(&w, &yaml, |shop| {
        assert_eq!(shop["coupon"]["HELLO"]["all"]["is_primary"], true);
    });
    assert_eq!(there.len(), 2);
    assert_eq!(back.len(), 2);
}

#[test]
fn a_coupon_moves_to_another_rule_and_into_another_spelling() {
    let w = World::new();
    let rule = "website_ids: [base], customer_group_ids: [General], simple_action: by_percent, discount_amount: 5, coupon_type: SPECIFIC_COUPON, use_auto_generation: true";
    let moved = set(&[
        (
            "cart_rule",
            "Spring",
            &rule.replace(", use_auto_generation: true", ""),
        ),
        ("coupon", "WELCOME10", "rule_id: Spring"),
    ]);
    there_and_back(&w, &moved, |shop| {
        assert_eq!(shop["coupon"]["WELCOME10"]["all"]["rule"], "Spring");
    });
    w.shop
        .edit(&json!({"kind": "coupon", "key": "HELLO", "fields": {"rule": "Welcome"}}));
    let spelled = set(&[("coupon", "hello", "rule_id: Welcome")])
        + "  - { kind: coupon, key: HELLO, ensure: absent }\n";
    there_and_back(&w, &spelled, |shop| {
        assert!(shop["coupon"]["hello"].is_object());
        assert!(shop["coupon"]["HELLO"].is_null());
    });
}

#[test]
fn a_label_in_another_spelling_takes_its_own_place() {
    let w = World::new();
    // One that no product has.
    w.shop
        .edit(&json!({"kind": "attribute_option", "key": "color", "fields": {"label": "teal", "sort_order": 3}}));
    let yaml = set(&[(
        "attribute_option",
        "color|Teal",
        "store_labels: { de: Petrol }",
    )]) + "  - { kind: attribute_option, key: \"color|teal\", ensure: absent }\n";
    let [there, _] = there_and_back(&w, &yaml, |shop| {
        assert!(shop["attribute_option"]["color"]["Teal"].is_object());
        assert!(shop["attribute_option"]["color"]["teal"].is_null());
    });
    assert!(there[0].starts_with("DELETE"), "{there:?}");
    // One that products have stays, and so does its place.
    let kept = set(&[(
        "attribute_option",
        "color|blue",
        "store_labels: { de: Blau }",
    )]) + "  - { kind: attribute_option, key: \"color|Blue\", ensure: absent }\n";
    let w = World::new();
    refused(
        &w,
        &kept,
        &[
            "of the products have it",
            "attribute option color|Blue is in its way and stays",
        ],
    );
}

#[test]
fn a_sku_in_another_spelling_is_another_product() {
    let w = with_products(&[("chair", "chair")]);
    let yaml = set(&[(
        "product",
        "CHAIR",
        "name: Chair, price: 5, attribute_set_id: Default, url_key: chair",
    )]) + "  - { kind: product, key: CHAIR, store: de, fields: { name: Stuhl } }
  - { kind: product, key: chair, ensure: absent }\n";
    there_and_back(&w, &yaml, |shop| {
        assert_eq!(shop["product"]["CHAIR"]["de"]["name"], "Stuhl");
        assert!(shop["product"]["chair"].is_null());
    });
}

/// Thirty products with a successor each, through the queue.
fn thirty() -> (World, String) {
    let w = World::with(Options {
        settings: "writes: bulk",
        ..Options::default()
    });
    let mut yaml = "changes:\n".to_owned();
    for at in 0..30 {
        w.shop.edit(
            &json!({"kind": "product", "key": format!("OLD-{at}"), "fields": {
                "name": "Old", "price": 10, "url_key": format!("chair-{at}"),
            }}),
        );
        yaml += &format!(
            "  - {{ kind: product, key: OLD-{at}, ensure: absent }}
  - {{ kind: product, key: NEW-{at}, fields: {{ name: New, price: 1, attribute_set_id: Default, url_key: chair-{at} }} }}\n"
        );
    }
    (w, yaml)
}

#[test]
fn what_goes_through_the_queue_goes_in_the_same_order() {
    let (w, yaml) = thirty();
    let [there, back] = there_and_back(&w, &yaml, |shop| {
        assert_eq!(shop["product"]["NEW-7"]["all"]["url_key"], "chair-7");
    });
    assert_eq!(there, ["DELETE bySku", "POST products"]);
    assert!(back[0].starts_with("DELETE"), "{back:?}");
}

#[test]
fn what_the_queue_cannot_carry_out_leaves_no_address_without_a_product() {
    let (w, yaml) = thirty();
    // Some of the deletions, and some of the new ones.
    w.shop.faults(&json!({"queue": {"fail_every": 7}}));
    let commit = w.repo.release("a", &yaml, "Successors");
    w.reconcile().failed();
    let shop = w.shop.dump();
    for at in 0..30 {
        let there = |key: &str| shop["product"][format!("{key}-{at}")].is_object();
        assert_ne!(there("OLD"), there("NEW"), "chair-{at}");
    }
    w.shop.mend();
    assert_eq!(w.run(&["retry"]).code, Some(0));
    assert_eq!(w.stands(&commit), "deploy live");
}
