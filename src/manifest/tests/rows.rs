//! Rows of prices and stock.

use super::findings;

#[test]
fn what_the_store_would_mangle_or_refuse() {
    let found = findings(
        "changes:
  - { kind: base_price, key: 24-MB01, fields: { price: '12,50' } }
  - { kind: base_price, key: 24-MB01, store: de, fields: { price: -1 } }
  - { kind: base_price, key: 24-MB02, ensure: absent }
  - { kind: special_price, key: 24-MB01, fields: { price: null, price_from: tomorrow, from: x } }
  - { kind: tier_price, key: 24-MB01|all|ALL GROUPS, fields: { price: 1 } }
  - { kind: tier_price, key: { sku: 24-MB01, website: all, group: x, quantity: 5 }, fields: { price: 1 } }
  - { kind: tier_price, key: 24-MB01|all|ALL GROUPS|5.0, fields: { price: 1, price_type: half } }
  - { kind: tier_price, key: 24-MB01|all|ALL GROUPS|5, fields: { price: 101, price_type: discount } }
  - { kind: tier_price, key: 24-MB01|all|ALL GROUPS|6, fields: { price: 33.333, price_type: discount } }
  - { kind: tier_price, key: 24-MB01|all|ALL GROUPS|7, fields: { price: 33.33, price_type: discount } }
  - { kind: source_item, key: 24-MB01|default, store: de, fields: { quantity: many, status: 2, sku: x } }
",
    );
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:2:56: critical: `price` is text, but must be a number [wrong-type]
     2 |   - { kind: base_price, key: 24-MB01, fields: { price: '12,50' } }
       |                                                        ^
      = write a number

    releases/a.yaml:3:67: critical: `price` is -1; Magento keeps numbers from 0 to 99999999999999 and changes others without a word [value-out-of-range]
     3 |   - { kind: base_price, key: 24-MB01, store: de, fields: { price: -1 } }
       |                                                                   ^
      = use a number from 0 to 99999999999999

    releases/a.yaml:4:39: critical: a base price cannot be deleted: a product always has one; set another price instead [absent-cannot-be-undone]
     4 |   - { kind: base_price, key: 24-MB02, ensure: absent }
       |                                       ^
      = take the change out

    releases/a.yaml:5:59: critical: `price` cannot be null [value-null]
     5 |   - { kind: special_price, key: 24-MB01, fields: { price: null, price_from: tomorrow, from: x } }
       |                                                           ^
      = give it a value, or leave the field out

    releases/a.yaml:5:77: critical: `price_from` is "tomorrow", which is no date [value-bad-date]
     5 |   - { kind: special_price, key: 24-MB01, fields: { price: null, price_from: tomorrow, from: x } }
       |                                                                             ^
      = write it as YYYY-MM-DD HH:MM:SS, in quotes

    releases/a.yaml:5:87: critical: unknown field `from` of kind `special_price` [unknown-field]
     5 |   - { kind: special_price, key: 24-MB01, fields: { price: null, price_from: tomorrow, from: x } }
       |                                                                                       ^
      = use one of `price`, `price_from`, `price_to`

    releases/a.yaml:6:30: critical: key `24-MB01|all|ALL GROUPS` has 3 of its 4 parts [bad-key]
     6 |   - { kind: tier_price, key: 24-MB01|all|ALL GROUPS, fields: { price: 1 } }
       |                              ^
      = write `key: { sku: …, website: …, customer_group: …, quantity: … }`, or `sku|website|customer_group|quantity`

    releases/a.yaml:7:30: critical: the key has no `customer_group` [missing-key]
     7 |   - { kind: tier_price, key: { sku: 24-MB01, website: all, group: x, quantity: 5 }, fields: { price: 1 } }
       |                              ^
      = write `key: { sku: …, website: …, customer_group: …, quantity: … }`, or `sku|website|customer_group|quantity`

    releases/a.yaml:7:60: critical: unknown key `group` in `key` [unknown-key]
     7 |   - { kind: tier_price, key: { sku: 24-MB01, website: all, group: x, quantity: 5 }, fields: { price: 1 } }
       |                                                            ^
      = use one of `sku`, `website`, `customer_group`, `quantity`

    releases/a.yaml:8:30: critical: the quantity of the key is "5.0", which is also spelled otherwise [key-bad-quantity]
     8 |   - { kind: tier_price, key: 24-MB01|all|ALL GROUPS|5.0, fields: { price: 1, price_type: half } }
       |                              ^
      = write `5`

    releases/a.yaml:8:90: critical: `price_type` is "half", which Magento does not know [value-unknown]
     8 |   - { kind: tier_price, key: 24-MB01|all|ALL GROUPS|5.0, fields: { price: 1, price_type: half } }
       |                                                                                          ^
      = write one of: fixed, discount

    releases/a.yaml:9:5: critical: tier_price 24-MB01|all|ALL GROUPS|5 (all) takes 101 percent off; Magento takes a hundred at most [bad-discount]
      = write a percentage from 0 to 100, or `price_type: fixed`

    releases/a.yaml:10:5: critical: tier_price 24-MB01|all|ALL GROUPS|6 (all) takes 33.333 percent off; Magento keeps two decimals of a percentage [bad-discount]
      = write two decimals at most

    releases/a.yaml:12:55: critical: a source item has one value for all store views, so there is none of de [store-of-global]
     12 |   - { kind: source_item, key: 24-MB01|default, store: de, fields: { quantity: many, status: 2, sku: x } }
        |                                                       ^
      = take `store` out

    releases/a.yaml:12:79: critical: `quantity` is text, but must be a number [wrong-type]
     12 |   - { kind: source_item, key: 24-MB01|default, store: de, fields: { quantity: many, status: 2, sku: x } }
        |                                                                               ^
      = write a number

    releases/a.yaml:12:93: critical: `status` is 2; Magento keeps whole numbers from 0 to 1 and changes others without a word [value-out-of-range]
     12 |   - { kind: source_item, key: 24-MB01|default, store: de, fields: { quantity: many, status: 2, sku: x } }
        |                                                                                             ^
      = use a whole number from 0 to 1

    releases/a.yaml:12:96: critical: field `sku` of kind `source_item` cannot be set: it is what names the entity [read-only-field]
     12 |   - { kind: source_item, key: 24-MB01|default, store: de, fields: { quantity: many, status: 2, sku: x } }
        |                                                                                                ^
      = take it out; `key` of the change names the entity
    "#);
}
