//! What is refused, and how it is said.

use serde_json::json;

use crate::world::World;

/// Files that are refused as they stand: the change, and what the finding says.
const FILES: &[(&str, &str, &[&str])] = &[
    (
        "wrong type",
        "  - kind: category\n    key: Default Category/Gear\n    fields:\n      is_active: sure\n",
        &["a.yaml:5:18", "`is_active`", "true or false"],
    ),
    (
        "unknown field",
        "  - kind: category_product\n    key: Default Category/Gear|24-MB01\n    fields:\n      positon: 1\n",
        &["a.yaml:5:7", "positon", "position"],
    ),
    (
        "unknown field of an attribute",
        "  - kind: product_attribute\n    key: color\n    fields:\n      is_serchable: true\n",
        &["a.yaml:5:7", "is_searchable"],
    ),
    (
        "wrong type of labels",
        "  - kind: attribute_option\n    key: color|Red\n    fields:\n      store_labels: Rot\n",
        &["a.yaml:5:21", "a mapping of store views"],
    ),
    (
        "order of an option",
        "  - kind: attribute_option\n    key: color|Red\n    fields:\n      sort_order: 5\n",
        &["a.yaml:5:7", "never shows it"],
    ),
    (
        "what the store keeps itself",
        "  - kind: category\n    key: Default Category/Gear\n    fields:\n      url_path: gear\n",
        &["a.yaml:5:7", "Magento makes it of the URL keys"],
    ),
    (
        "the name under all",
        "  - kind: category\n    key: Default Category/Gear\n    fields:\n      name: Kit\n",
        &["a.yaml:5:7", "it is what names the entity"],
    ),
    (
        "back to the default of what stays",
        "  - kind: category\n    key: Default Category/Gear\n    store: de\n    fields:\n      name: { default: true }\n",
        &["a.yaml:6:15", "cannot go back to the default"],
    ),
    (
        "half a key",
        "  - kind: attribute_option\n    key: color\n    fields:\n      is_default: true\n",
        &["a.yaml:3:10", "attribute|option"],
    ),
    (
        "an option for one view",
        "  - kind: attribute_option\n    key: color|Red\n    store: de\n    fields:\n      is_default: true\n",
        &["a.yaml:4:12", "one value for all store views"],
    ),
    (
        "a code that Magento would not take",
        "  - kind: product_attribute\n    key: Fit-2\n    fields:\n      note: x\n",
        &["a.yaml:3:10", "no code of an attribute"],
    ),
];

#[test]
fn files_are_refused_with_the_place_and_the_reason() {
    let w = World::new();
    for (what, change, words) in FILES {
        w.repo.release("a", &format!("changes:\n{change}"), what);
        let run = w.run(&["validate", "--rev", "HEAD"]);
        let run = if run.code == Some(1) {
            run
        } else {
            w.reconcile()
        };
        for word in *words {
            assert!(
                run.said().contains(word),
                "{what}: no {word:?} in {}",
                run.said()
            );
        }
    }
    assert_eq!(w.shop.written(), Vec::<String>::new());
}

/// What only the store can tell: the change, and what is said.
const STORES: &[(&str, &[&str])] = &[
    (
        "  - kind: category\n    key: Default Category/Gear\n    fields: { landing_page: nothing }\n",
        &["`landing_page`", "no CMS block \"nothing\""],
    ),
    (
        "  - kind: category\n    key: Default Category/Gear\n    fields: { descripton: x }\n",
        &["no attribute `descripton`", "description"],
    ),
    (
        "  - kind: category\n    key: Default Category/Gear\n    store: de\n    fields: { is_anchor: true }\n",
        &["`is_anchor` has one value for all store views"],
    ),
    (
        "  - kind: category\n    key: Default Category/Nowhere/Shoes\n    fields: { is_active: true }\n",
        &["Default Category/Nowhere does not exist"],
    ),
    (
        "  - kind: category\n    key: Default Category/Shoes\n    fields: { description: x }\n",
        &["needs a `is_active`"],
    ),
    (
        "  - kind: category\n    key: Default Category/Gear\n    store: xx\n    fields: { description: x }\n",
        &["no view `xx`"],
    ),
    (
        "  - kind: attribute_option\n    key: nothing|Red\n    fields: { is_default: true }\n",
        &["the product attribute nothing does not exist"],
    ),
    (
        "  - kind: product_attribute\n    key: fit\n    fields: { frontend_input: text, default_frontend_label: Fit, attribute_sets: [Bag] }\n",
        &["no attribute set \"Bag\""],
    ),
];

#[test]
fn what_the_store_does_not_have_is_said_before_anything_is_written() {
    let w = World::new();
    for (change, words) in STORES {
        w.repo
            .release("a", &format!("changes:\n{change}"), words[0]);
        w.reconcile().failed_saying(words);
    }
    assert_eq!(w.shop.written(), Vec::<String>::new());
}

#[test]
fn a_missing_right_is_named_before_anything_is_written() {
    let w = World::new();
    let cases = [
        (
            "Magento_Catalog::categories",
            "  - kind: category\n    key: Default Category/Gear\n    fields: { description: x }\n",
        ),
        (
            "Magento_Catalog::categories",
            "  - kind: category_product\n    key: Default Category/Gear|24-MB01\n    fields: { position: 1 }\n",
        ),
        (
            "Magento_Catalog::attributes_attributes",
            "  - kind: product_attribute\n    key: color\n    fields: { note: x }\n",
        ),
        (
            "Magento_Catalog::attributes_attributes",
            "  - kind: attribute_option\n    key: color|Red\n    fields: { is_default: true }\n",
        ),
    ];
    for (right, change) in cases {
        w.shop.faults(&json!({"deny": [right]}));
        w.repo.release("a", &format!("changes:\n{change}"), change);
        w.reconcile().failed_saying(&[right]);
    }
    assert_eq!(w.shop.written(), Vec::<String>::new());
    w.shop.mend();
    w.reconcile().converged();
}
