//! Products that are deleted, and made again with all that went with them.

use serde_json::json;

use super::{SKU, there_and_back};
use crate::same;
use crate::world::World;

fn absent(skus: &[&str]) -> String {
    let changes: Vec<String> = skus
        .iter()
        .map(|sku| format!("  - kind: product\n    key: {sku}\n    ensure: absent\n"))
        .collect();
    format!("changes:\n{}", changes.concat())
}

#[test]
fn a_deleted_product_comes_back_with_all_that_went_with_it() {
    let w = World::new();
    w.shop.edit(&json!([
        {"kind": "product", "key": SKU, "store": "de", "fields": {"status": 2, "meta_title": "Tasche", "description": ""}},
        {"kind": "product", "key": SKU, "fields": {"options_container": "", "website_ids": [1]}},
        {"kind": "product", "key": SKU, "fields": {"stock_item": {"use_config_min_sale_qty": 0, "min_sale_qty": 3}}},
        {"kind": "source", "key": "berlin"},
        {"kind": "source_item", "key": SKU, "fields": {"source_code": "berlin", "quantity": 7}},
        {"kind": "product", "key": "24-MB02", "store": "fr", "fields": {"name": "Sac"}},
    ]));
    there_and_back(
        &w,
        &absent(&[SKU, "24-MB02", "24-WB03", "NEVER-WAS"]),
        |w| {
            for sku in [SKU, "24-MB02", "24-WB03"] {
                assert!(!w.shop.has("product", sku, "all"), "{sku}");
            }
        },
    );
}

#[test]
fn what_was_interrupted_while_it_was_made_again_is_finished() {
    for (method, path) in [
        ("POST", "/V1/products"),
        ("POST", "source-items"),
        ("POST", "tier-prices"),
        ("PUT", "/fr/V1/products"),
    ] {
        for action in ["reset_before", "reset_after"] {
            let w = World::new();
            w.shop.edit(&json!({"kind": "product", "key": "24-MB02", "store": "fr", "fields": {"name": "Sac"}}));
            let before = w.shop.dump();
            let commit = w.repo.release("a", &absent(&["24-MB02"]), "Gone");
            w.reconcile().converged();
            w.repo.revert(&commit);
            // The first `POST` to products only asks for the right.
            let nth = if path == "/V1/products" { 2 } else { 1 };
            w.shop.faults(&json!({"rules": [{
                "match": {"method": method, "path": path, "nth": nth}, "action": action,
            }]}));
            w.reconcile().converged();
            same(&before, &w.shop.dump());
        }
    }
}

#[test]
fn what_cannot_be_made_again_is_not_deleted() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.release("a", &absent(&[SKU]), "Gone");
    let plain = json!({
        "id": 1, "sku": SKU, "type_id": "simple", "extension_attributes": {}, "custom_attributes": [],
    });
    for (member, value, says) in [
        (
            "media_gallery_entries",
            json!([{"id": 1, "file": "/a.jpg"}]),
            "no images",
        ),
        ("options", json!([{"option_id": 1}]), "no custom options"),
        (
            "product_links",
            json!([{"sku": SKU, "linked_product_sku": "24-MB02"}]),
            "no related products",
        ),
        (
            "extension_attributes",
            json!({"configurable_product_options": [{"id": 1}]}),
            "cannot make all of it",
        ),
    ] {
        let mut shown = plain.clone();
        shown[member] = value;
        w.shop.faults(&json!({"rules": [{
            "match": {"method": "GET", "path": format!("/all/V1/products/{SKU}")},
            "action": {"respond": {"status": 200, "body": shown.to_string()}},
        }]}));
        w.reconcile().failed_saying(&["could not be undone", says]);
        same(&before, &w.shop.dump());
    }
    w.shop.mend();
    w.reconcile().converged();
    assert!(!w.shop.has("product", SKU, "all"));
}
