//! Words that YAML reads as something else than what is written.

use super::{MapTree, findings, load};

/// The keys of the entities that a file names.
fn keys(text: &str) -> Vec<String> {
    let loaded = load(&MapTree::of(&[("releases/a.yaml", text)]));
    assert!(!loaded.findings.any_critical(), "{:?}", loaded.findings);
    let entities = loaded.state.entities.keys();
    entities.map(|entity| entity.key.to_string()).collect()
}

#[test]
fn a_part_of_a_key_is_what_is_written_and_no_number() {
    for sku in [
        "10.50", "007.50", "1E3", "0x1F", "+49123", "4711", "1_000", "0o17", "-0", "1.",
    ] {
        for quotes in ["", "'", "\""] {
            let stock = format!(
                "changes:\n  - kind: source_item\n    key: {{ sku: {quotes}{sku}{quotes}, source: default }}\n    fields: {{ quantity: 7 }}\n"
            );
            assert_eq!(keys(&stock), [format!("{sku}|default")]);
            let option = format!(
                "changes:\n  - kind: attribute_option\n    key:\n      attribute: size\n      option: {quotes}{sku}{quotes}\n    fields: {{}}\n"
            );
            assert_eq!(keys(&option), [format!("size|{sku}")]);
        }
    }
    // A quantity is a number.
    let tier = "changes:\n  - kind: tier_price\n    key: { sku: 1.50, website: all, customer_group: ALL GROUPS, quantity: 5 }\n    fields: { price: 1 }\n";
    assert_eq!(keys(tier), ["1.50|all|ALL GROUPS|5"]);
}

#[test]
fn what_is_no_text_is_no_part_of_a_key() {
    for word in ["true", "null", "~", "[a]", "*sku"] {
        let text = format!(
            "x-sku: &sku 10.50\nchanges:\n  - {{ kind: source_item, key: {{ sku: {word}, source: default }}, fields: {{ quantity: 7 }} }}\n"
        );
        let found = findings(&text);
        assert!(found.contains("`sku` is"), "{word}: {found}");
    }
}

#[test]
fn a_slash_that_yaml_makes_plain_divides_no_path_unseen() {
    let named = |key: &str| {
        findings(&format!(
            "changes:\n  - {{ kind: category, key: {key}, ensure: present, fields: {{ name: x }} }}\n"
        ))
    };
    for key in [
        r#""Default Category/Papier\/Karton""#,
        r#""Default Category/\"a\" \/ b""#,
        r#""\\\/""#,
    ] {
        let found = named(key);
        assert!(found.contains("[escaped-slash]"), "{key}: {found}");
        assert!(found.contains("releases/a.yaml:2:28"), "{key}: {found}");
    }
    for key in [
        r"'Default Category/Papier\/Karton'",
        r"Default Category/Papier\/Karton",
        r#""Default Category/Papier\\/Karton""#,
        r#""Default Category/Sale""#,
    ] {
        let found = named(key);
        assert!(!found.contains("escaped-slash"), "{key}: {found}");
    }
    let part = r#"changes:
  - { kind: category_product, key: { category: "Default Category/a\/b", sku: x }, fields: {} }
  - { kind: category_product, key: { category: "Default Category/a", sku: "x\/y" }, fields: {} }
"#;
    let found = findings(part);
    assert_eq!(found.matches("[escaped-slash]").count(), 1, "{found}");
    assert!(found.contains("releases/a.yaml:2:48"), "{found}");
}

#[test]
fn a_remedy_is_never_what_is_written_already() {
    for (number, remedy) in [
        ("01000", "= write 1000\n"),
        ("1_000", "= write 1000\n"),
        ("-007", "= write -7\n"),
        ("0_0", "= write 0\n"),
        ("'7'", "= take the quotes away: 7\n"),
        ("\"007\"", "= write 7, without quotes\n"),
        ("'1_000'", "= write 1000, without quotes\n"),
        ("'7.5'", "= write"),
        ("many", "= write"),
    ] {
        let found = findings(&format!(
            "changes:\n  - {{ kind: product, key: a, fields: {{ status: enabled, stock_item: 1 }} }}\n  - {{ kind: cart_rule, key: r, fields: {{ sort_order: {number} }} }}\n"
        ));
        let found = format!("{found}\n");
        assert!(found.contains("`sort_order`"), "{number}: {found}");
        assert!(found.contains(remedy), "{number}: {found}");
    }
    let prices = |price: &str| {
        findings(&format!(
            "changes:\n  - {{ kind: base_price, key: a, fields: {{ price: {price} }} }}\n"
        ))
    };
    assert!(
        prices("1_000.50").contains("= write 1000.50"),
        "{}",
        prices("1_000.50")
    );
    assert!(prices("'012.50'").contains("= write 12.50, without quotes"));
    assert!(prices("'0.5'").contains("= take the quotes away: 0.5"));
    assert_eq!(prices("1000.50"), "");
}
