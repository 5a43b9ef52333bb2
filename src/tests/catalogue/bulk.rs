//! Large releases through Magento's own queue (`writes: bulk`).

use serde_json::{Value, json};

use crate::support::waiting::until;
use crate::support::world::{Options, World, activity, file, title};

const BULK: Options = Options {
    remote: false,
    settings: "writes: bulk",
};

/// A queue that is given up soon.
const HASTY: Options = Options {
    remote: false,
    settings: "writes: bulk\nstore.timeout: 500ms",
};

fn key(number: usize) -> String {
    format!("block-{number:03}")
}

/// A release file of so many new blocks.
fn blocks(count: usize) -> String {
    let change = |number| {
        format!(
            "  - kind: cms_block\n    key: {}\n    fields: {{ title: Block {number}, content: <p>{number}</p> }}\n",
            key(number)
        )
    };
    let changes: String = (1..=count).map(change).collect();
    format!("changes:\n{changes}")
}

/// The lists that were sent: method, path, and how many operations each has.
fn lists(w: &World) -> Vec<String> {
    let list = |request: &Value| {
        let path = request["path"].as_str().unwrap();
        let (_, path) = path.split_once("/rest/").unwrap();
        let count = request["body"].as_array().map_or(0, Vec::len);
        path.contains("/async/")
            .then(|| format!("{} {path} {count}", request["method"].as_str().unwrap()))
    };
    w.shop.writes().iter().filter_map(list).collect()
}

fn made(w: &World) -> usize {
    let dump = w.shop.dump();
    let keys = dump["cms_block"].as_object().unwrap().keys();
    keys.filter(|key| key.starts_with("block-")).count()
}

#[test]
fn hundreds_go_through_and_the_ones_that_fail_are_named_and_go_through_on_retry() {
    let w = World::with(BULK);
    let before = w.shop.dump();
    w.shop.faults(&json!({"queue": {"fail_every": 100}}));
    let commit = w.repo.release("many", &blocks(300), "Many blocks");
    let said = "The product was unable to be saved. Please try again.";
    w.reconcile().failed_saying(&[said]);
    let release = w.release(&commit);
    assert_eq!(release["status"], "failed");
    let changes = release["changes"].as_array().unwrap().iter();
    let failed: Vec<&Value> = changes.filter(|c| c["status"] == "failed").collect();
    let keys: Vec<&Value> = failed.iter().map(|change| &change["key"]).collect();
    assert_eq!(keys, ["block-100", "block-200", "block-300"]);
    assert!(failed.iter().all(|change| change["error"] == said));
    assert_eq!(made(&w), 297);
    assert_eq!(lists(&w), ["POST all/async/bulk/V1/cmsBlock 300"]);

    w.shop.mend();
    assert_eq!(w.run(&["retry"]).code, Some(0));
    assert_eq!(w.stands(&commit), "deploy live");
    assert_eq!(made(&w), 300);
    assert_eq!(lists(&w)[1..], ["POST all/async/bulk/V1/cmsBlock 3"]);
    assert_eq!(w.run(&["plan"]).code, Some(0));
    w.reconcile().converged();
    assert_eq!(lists(&w).len(), 2);

    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(
        lists(&w)[2..],
        ["DELETE all/async/bulk/V1/cmsBlock/byBlockId 300"]
    );
}

#[test]
fn each_scope_and_kind_has_a_list_of_its_own_and_nothing_else_moves() {
    let w = World::with(BULK);
    let before = w.shop.dump();
    let release = file(&[
        ("cms_block", "home-hero", "all", "title", "New"),
        (
            "cms_block",
            "shipping-banner",
            "de",
            "content",
            "<p>Neu</p>",
        ),
        ("cms_page", "home", "all", "meta_title", "New"),
    ]) + "  - kind: cms_block\n    key: made\n    store: fr\n    fields: { title: Fait, content: fait }\n  - kind: cms_page\n    key: winter-sale\n    ensure: absent\n";
    let commit = w.repo.release("a", &release, "All of it");
    w.reconcile().converged();
    let mut sent = lists(&w);
    sent.sort();
    assert_eq!(
        sent,
        [
            "DELETE all/async/bulk/V1/cmsPage/byPageId 1",
            "POST fr/async/bulk/V1/cmsBlock 1",
            "PUT all/async/bulk/V1/cmsBlock/byId 1",
            "PUT all/async/bulk/V1/cmsPage/byId 1",
            "PUT de/async/bulk/V1/cmsBlock/byId 1",
        ]
    );
    assert_eq!(w.shop.field("cms_block", "made", "fr", "title"), "Fait");
    assert_eq!(w.shop.field("cms_page", "home", "all", "meta_title"), "New");
    assert_eq!(w.run(&["plan"]).code, Some(0));
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn without_a_consumer_it_is_told_in_time_and_nothing_is_lost() {
    let w = World::with(HASTY);
    let before = w.shop.dump();
    w.shop.faults(&json!({"queue": {"no_consumer": true}}));
    let commit = w.repo.release("many", &blocks(60), "Many blocks");
    let words = [
        "the store's queue has not moved",
        "60 writes",
        "queue:consumers:start async.operations.all",
        "nothing is lost",
    ];
    w.reconcile().failed_saying(&words);
    assert_eq!(w.stands(&commit), "deploy snapshotted");
    let state = w.repo.git_bare(&["show", "rollback/production:state.yaml"]);
    assert!(state.contains("bulks:"), "{state}");
    // A revert may not overtake what is still queued.
    let revert = w.repo.revert(&commit);
    let ledger = w.ledger();
    w.reconcile().failed_saying(&words);
    assert_eq!(w.ledger(), ledger, "waiting makes no commits");
    assert_eq!(lists(&w).len(), 1);
    assert_eq!(w.shop.dump(), before);

    w.shop.mend();
    w.reconcile().converged();
    assert_eq!(w.stands(&commit), "deploy rolled_back");
    assert_eq!(w.stands(&revert), "rollback live");
    assert_eq!(w.shop.dump(), before);
    assert_eq!(lists(&w).len(), 2);
}

#[test]
fn a_pass_killed_with_a_list_in_the_queue_is_resumed_and_sends_nothing_twice() {
    let w = World::with(BULK);
    let before = w.shop.dump();
    w.shop.faults(&json!({"queue": {"no_consumer": true}}));
    let commit = w.repo.release("many", &blocks(60), "Many blocks");
    let pass = w.start();
    let named = || {
        let tip = w.ledger()?;
        let state = w.repo.git_bare(&["show", &format!("{tip}:state.yaml")]);
        state.contains("bulks:").then_some(())
    };
    until(|| "the ledger never named a list".to_owned(), named);
    pass.kill();
    assert_eq!(made(&w), 0);
    w.shop.mend();
    w.reconcile().converged();
    assert_eq!(w.stands(&commit), "deploy live");
    assert_eq!(made(&w), 60);
    assert_eq!(lists(&w).len(), 1, "{:?}", lists(&w));
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn what_failed_for_now_is_sent_again_in_the_same_pass() {
    let w = World::with(BULK);
    w.shop
        .faults(&json!({"queue": {"fail_every": 20, "retriable": true}}));
    let commit = w.repo.release("many", &blocks(60), "Many blocks");
    w.reconcile().converged();
    assert_eq!(w.stands(&commit), "deploy live");
    assert_eq!(made(&w), 60);
    // Three of them one by one.
    assert_eq!(w.shop.writes().len(), 1 + 3);
}

#[test]
fn where_the_progress_may_not_be_read_auto_sends_one_by_one_and_bulk_stalls() {
    let right = "Magento_Logging::system_magento_logging_bulk_operations";
    let w = World::with(BULK);
    w.shop.faults(&json!({"deny": [right]}));
    let commit = w.repo.release("hero", &title("home-hero", "New"), "One");
    w.reconcile().failed_saying(&[right, "writes: rest"]);
    assert_eq!(w.shop.writes().len(), 0);
    assert_eq!(w.ledger(), None);

    w.configure("writes: auto");
    let many = w.repo.release("many", &blocks(50), "Many blocks");
    w.reconcile().converged();
    assert_eq!(w.stands(&commit), "deploy live");
    let told = activity(&w.release(&many));
    assert!(
        told.contains("one by one") && told.contains(right),
        "{told}"
    );
    assert_eq!(lists(&w), Vec::<String>::new());

    w.shop.mend();
    w.repo.revert(&many);
    w.reconcile().converged();
    assert_eq!(
        lists(&w),
        ["DELETE all/async/bulk/V1/cmsBlock/byBlockId 50"]
    );
}

/// A change of one product; `fields` in YAML's flow style.
fn product(sku: &str, store: &str, fields: &str) -> String {
    format!("  - {{ kind: product, key: {sku}, store: {store}, fields: {{ {fields} }} }}\n")
}

fn sku(number: usize) -> String {
    format!("Q-{number:03}")
}

/// So many products, made in the shop.
fn stock(w: &World, count: usize) {
    for number in 1..=count {
        let name = format!("Bag {number}");
        w.shop.edit(
            &json!({"kind": "product", "key": sku(number), "fields": {"name": name, "price": 10}}),
        );
    }
}

#[test]
fn products_go_through_and_the_ones_that_fail_are_named_and_go_through_on_retry() {
    let w = World::with(BULK);
    stock(&w, 300);
    let before = w.shop.dump();
    w.shop.faults(&json!({"queue": {"fail_every": 100}}));
    let changes: String = (1..=300)
        .map(|number| product(&sku(number), "all", "price: 12.5"))
        .collect();
    let commit = w
        .repo
        .release("many", &format!("changes:\n{changes}"), "Many products");
    w.reconcile()
        .failed_saying(&["The product was unable to be saved. Please try again."]);
    let release = w.release(&commit);
    let changes = release["changes"].as_array().unwrap().iter();
    let failed: Vec<&Value> = changes.filter(|c| c["status"] == "failed").collect();
    let keys: Vec<&Value> = failed.iter().map(|change| &change["key"]).collect();
    assert_eq!(keys, ["Q-100", "Q-200", "Q-300"]);
    let price = |sku: &str| w.shop.field("product", sku, "all", "price");
    assert_eq!(price("Q-099"), "12.500000");
    assert_eq!(price("Q-100"), "10.000000");
    assert_eq!(lists(&w), ["PUT all/async/bulk/V1/products/bySku 300"]);
    let sent = w.shop.writes().pop().unwrap();
    assert_eq!(
        sent["body"][0],
        json!({"product": {"sku": "Q-001", "price": 12.5}})
    );

    w.shop.mend();
    assert_eq!(w.run(&["retry"]).code, Some(0));
    assert_eq!(w.stands(&commit), "deploy live");
    assert_eq!(price("Q-100"), "12.500000");
    assert_eq!(lists(&w)[1..], ["PUT all/async/bulk/V1/products/bySku 3"]);
    assert_eq!(w.run(&["plan"]).code, Some(0));

    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(lists(&w)[2..], ["PUT all/async/bulk/V1/products/bySku 300"]);
    assert_eq!(w.shop.writes().len(), 3);
}

#[test]
fn products_are_made_and_each_of_their_views_is_written_after_the_other() {
    let w = World::with(BULK);
    let before = w.shop.dump();
    let made = |number| {
        let sku = sku(number);
        let fields = format!("name: Bag {number}, attribute_set_id: Default, price: 10");
        [
            product(&sku, "all", &fields),
            product(&sku, "de", "name: Tasche"),
            product(&sku, "fr", "name: Sac"),
        ]
        .concat()
    };
    let changes: String = (1..=60).map(made).collect();
    let commit = w
        .repo
        .release("many", &format!("changes:\n{changes}"), "Many products");
    w.reconcile().converged();
    assert_eq!(
        lists(&w),
        [
            "POST all/async/bulk/V1/products 60",
            "PUT de/async/bulk/V1/products/bySku 60",
            "PUT fr/async/bulk/V1/products/bySku 60",
        ]
    );
    let name = |store: &str| w.shop.field("product", "Q-060", store, "name");
    assert_eq!(name("all"), "Bag 60");
    assert_eq!(name("de"), "Tasche");
    assert_eq!(name("fr"), "Sac");
    // Nothing of a view was sent before the list of the view before it was carried out.
    let (mut open, mut asked) = (0, 0);
    for request in w.shop.requests() {
        let path = request["path"].as_str().unwrap();
        if path.contains("/async/") {
            assert_eq!(open, asked, "{path}");
            open += 1;
        } else if path.ends_with("/status") && !path.contains("00000000-") {
            asked = open;
        }
    }
    assert_eq!(w.run(&["plan"]).code, Some(0));
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(
        lists(&w)[3..],
        ["DELETE all/async/bulk/V1/products/bySku 60"]
    );
}

/// A save moves the first day of a special price, so that it goes along: also under a view, where the
/// price has been given by this very pass.
#[test]
fn the_first_day_of_a_special_price_goes_along_in_lists() {
    let w = World::with(BULK);
    stock(&w, 50);
    let before = w.shop.dump();
    let changes: String = (1..=50)
        .map(|number| {
            let sku = sku(number);
            product(
                &sku,
                "all",
                "special_price: 8, special_from_date: 2026-03-01",
            ) + &product(&sku, "de", "name: Tasche")
        })
        .collect();
    let commit = w
        .repo
        .release("many", &format!("changes:\n{changes}"), "Many products");
    w.reconcile().converged();
    let sent = w.shop.writes();
    let under = |scope: &str| {
        let found = sent.iter().find(|request| {
            let path = request["path"].as_str().unwrap();
            path.contains(&format!("/{scope}/async/"))
        });
        found.map(|request| request["body"][0].clone())
    };
    let day = json!([{"attribute_code": "special_from_date", "value": "2026-03-01"}]);
    assert_eq!(
        under("de"),
        Some(json!({"product": {"sku": "Q-001", "name": "Tasche", "custom_attributes": day}}))
    );
    let view = w.shop.field("product", "Q-001", "de", "name");
    assert_eq!(view, "Tasche");
    assert_eq!(w.run(&["plan"]).code, Some(0));
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

/// What was deleted takes several requests to be made again, and goes by itself.
#[test]
fn products_that_are_made_again_go_one_by_one() {
    let w = World::with(BULK);
    stock(&w, 3);
    let before = w.shop.dump();
    let changes: String = (1..=3)
        .map(|number| {
            format!(
                "  - {{ kind: product, key: {}, ensure: absent }}\n",
                sku(number)
            )
        })
        .collect();
    let commit = w
        .repo
        .release("gone", &format!("changes:\n{changes}"), "Gone");
    w.reconcile().converged();
    assert!(!w.shop.has("product", "Q-001", "all"));
    let deleted = ["DELETE all/async/bulk/V1/products/bySku 3"];
    assert_eq!(lists(&w), deleted);
    w.repo.revert(&commit);
    w.reconcile().converged();
    let differences = crate::shop::differences(&before, &w.shop.dump());
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(lists(&w), deleted);
}
