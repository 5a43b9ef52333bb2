//! Cart rules, coupons, customer groups and taxes: the traps that no recording shows.

use super::{Shop, filter, message, without_meta};
use serde_json::{Value, json};

const RULE: &str = "/all/V1/salesRules/1";

fn rule(fields: Value) -> Value {
    json!({ "rule": fields })
}

#[tokio::test]
async fn an_empty_text_clears_a_date_and_null_does_not() {
    let shop = Shop::open().await;
    let set = rule(json!({"from_date": "2030-01-01 10:00:00", "to_date": "2030-01-31"}));
    let set = shop.done("PUT", RULE, set).await;
    assert_eq!(set["from_date"], "2030-01-01");
    let kept = shop
        .done("PUT", RULE, rule(json!({"from_date": null})))
        .await;
    assert_eq!(kept["from_date"], "2030-01-01");
    let (status, why) = shop
        .refused("PUT", RULE, rule(json!({"to_date": "2029-01-01"})))
        .await;
    assert_eq!(
        (status, why.as_str()),
        (400, "End Date must follow Start Date.; ")
    );
    let cleared = shop.done("PUT", RULE, rule(json!({"from_date": ""}))).await;
    assert!(cleared.get("from_date").is_none());
    assert_eq!(cleared["to_date"], "2030-01-31");
    let (_, why) = shop
        .refused("PUT", RULE, rule(json!({"website_ids": []})))
        .await;
    assert_eq!(why, "Please specify a website.; ");
}

#[tokio::test]
async fn labels_are_merged_by_view_and_an_empty_one_goes() {
    let shop = Shop::open().await;
    let labels = |list: Value| rule(json!({ "store_labels": list }));
    let all = json!({"store_id": 0, "store_label": "Sale"});
    let de = json!({"store_id": 2, "store_label": "Rabatt"});
    shop.done("PUT", RULE, labels(json!([all]))).await;
    let both = shop.done("PUT", RULE, labels(json!([de]))).await;
    assert_eq!(both["store_labels"], json!([all, de]));
    let none = json!({"store_id": 0, "store_label": ""});
    let one = shop.done("PUT", RULE, labels(json!([none]))).await;
    assert_eq!(one["store_labels"], json!([de]));
}

#[tokio::test]
async fn a_rule_takes_its_primary_coupon_along_where_it_goes() {
    let shop = Shop::open().await;
    shop.done(
        "PUT",
        RULE,
        rule(json!({"uses_per_coupon": 4, "uses_per_customer": 2})),
    )
    .await;
    let coupon = shop.get("/all/V1/coupons/1").await;
    assert_eq!(coupon["usage_limit"], 4);
    assert_eq!(coupon["usage_per_customer"], 2);
    shop.done("PUT", RULE, rule(json!({"coupon_type": "NO_COUPON"})))
        .await;
    let (status, _) = shop.call("GET", "/all/V1/coupons/1", None).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn customers_of_a_deleted_group_are_in_the_default_one() {
    let shop = Shop::open().await;
    let default = shop.get("/all/V1/customerGroups/default/2").await;
    assert_eq!(default["code"], "General");
    let (status, _) = shop
        .call("GET", "/all/V1/customerGroups/default/9", None)
        .await;
    assert_eq!(status, 404);
    let ada = json!({"customer": {"email": "ada@shop.example", "firstname": "Ada", "lastname": "M", "group_id": 4}});
    shop.done("POST", "/all/V1/customers", ada).await;
    let in_group = |id: u32| {
        format!(
            "/all/V1/customers/search?{}",
            filter(0, "group_id", &id.to_string())
        )
    };
    assert_eq!(shop.get(&in_group(4)).await["total_count"], 1);
    shop.call("DELETE", "/all/V1/customerGroups/4", None).await;
    assert_eq!(shop.get(&in_group(4)).await["total_count"], 0);
    assert_eq!(shop.get(&in_group(1)).await["total_count"], 1);
}

/// What tells whether an integration may write, for each kind: an empty body is malformed to those who
/// may, and denied to those who may not.
#[tokio::test]
async fn an_empty_request_tells_the_rights() {
    let shop = Shop::open().await;
    let probes = [
        ("Magento_Catalog::products", "products"),
        ("Magento_Catalog::categories", "categories"),
        ("Magento_Catalog::categories", "categories/0/products"),
        (
            "Magento_Catalog::attributes_attributes",
            "products/attributes",
        ),
        (
            "Magento_Catalog::attributes_attributes",
            "products/attributes/x/options",
        ),
        ("Magento_Catalog::catalog", "products/base-prices"),
        ("Magento_Catalog::catalog", "products/special-price"),
        ("Magento_Catalog::catalog", "products/special-price-delete"),
        ("Magento_Catalog::catalog", "products/tier-prices"),
        ("Magento_Catalog::catalog", "products/tier-prices-delete"),
        ("Magento_SalesRule::quote", "salesRules"),
        ("Magento_SalesRule::quote", "coupons"),
        ("Magento_Customer::group", "customerGroups"),
        ("Magento_Tax::manage_tax", "taxRates"),
        ("Magento_Tax::manage_tax", "taxRules"),
    ];
    let before = shop.sandbox.dump();
    for (right, path) in probes {
        let path = format!("/all/V1/{path}");
        let (status, body) = shop.call("POST", &path, Some(json!({}))).await;
        assert_eq!(status, 400, "{path}: {body}");
        shop.fail(json!({ "deny": [right] }));
        let (status, body) = shop.call("POST", &path, Some(json!({}))).await;
        assert_eq!(status, 401, "{path}: {body}");
        assert_eq!(body["parameters"]["resources"], right, "{path}");
        shop.fail(json!({}));
    }
    for path in ["inventory/source-items", "inventory/source-items-delete"] {
        let path = format!("/all/V1/{path}");
        let (status, body) = shop.call("POST", &path, Some(json!({}))).await;
        assert_eq!(status, 400, "{path}: {body}");
    }
    assert_eq!(shop.sandbox.dump(), before);
}

#[tokio::test]
async fn conditions_are_replaced_as_a_tree() {
    let shop = Shop::open().await;
    let base = "Magento\\SalesRule\\Model\\Rule\\Condition";
    let leaf = json!({"condition_type": format!("{base}\\Address"), "operator": ">=",
        "attribute_name": "base_subtotal", "value": "50"});
    let inner = json!({"condition_type": format!("{base}\\Combine"), "aggregator_type": "any",
        "value": "1", "conditions": [leaf]});
    let tree = json!({"condition_type": format!("{base}\\Combine"), "aggregator_type": "all",
        "value": "1", "conditions": [inner]});
    let saved = shop
        .done("PUT", RULE, rule(json!({ "condition": tree })))
        .await;
    let inner = &saved["condition"]["conditions"][0];
    assert_eq!(inner["operator"], Value::Null);
    assert_eq!(inner["conditions"], json!([leaf]));
    let (status, body) = shop
        .call(
            "PUT",
            RULE,
            Some(rule(json!({"condition": {"conditions": [{"nosuch": 1}]}}))),
        )
        .await;
    assert_eq!(
        (status, &body["parameters"]),
        (400, &json!({"fieldName": "Nosuch"}))
    );
}

#[tokio::test]
async fn coupons_follow_their_rule() {
    let shop = Shop::open().await;
    shop.done("PUT", RULE, rule(json!({"uses_per_coupon": 7})))
        .await;
    let coupon = |fields: Value| json!({ "coupon": fields });
    let made = shop
        .done(
            "POST",
            "/all/V1/coupons",
            coupon(json!({"rule_id": 1, "code": "A", "usage_limit": 3})),
        )
        .await;
    assert_eq!(made["usage_limit"], 7, "the rule's, whatever is sent");
    for (fields, words) in [
        (
            json!({"rule_id": 1, "code": "B", "is_primary": true}),
            "Unique constraint violation found",
        ),
        (
            json!({"rule_id": 9, "code": "C"}),
            "Error occurred when saving coupon: %1",
        ),
        (
            json!({"rule_id": 1, "code": "D", "type": 1}),
            "Error occurred when saving coupon: %1",
        ),
        (
            json!({"rule_id": 1, "code": "welcome10"}),
            "%1 already exists.",
        ),
    ] {
        let refused = shop
            .refused("POST", "/all/V1/coupons", coupon(fields))
            .await;
        assert_eq!(refused, (400, words.to_owned()));
    }
    let (status, _) = shop.call("DELETE", RULE, None).await;
    assert_eq!(status, 200);
    let found = shop.get("/all/V1/coupons/search?searchCriteria=").await;
    assert_eq!(found["total_count"], 0, "a rule takes its coupons along");
}

#[tokio::test]
async fn groups_that_every_store_has_stay() {
    let shop = Shop::open().await;
    for id in [0, 1] {
        let (status, body) = shop
            .call("DELETE", &format!("/all/V1/customerGroups/{id}"), None)
            .await;
        assert_eq!((status, message(&body)), (400, "Cannot delete group."));
    }
    let zero = shop.get("/all/V1/customerGroups/0").await;
    assert_eq!(zero["code"], "NOT LOGGED IN");
    let group = json!({"group": {"code": "general"}});
    let refused = shop.refused("POST", "/all/V1/customerGroups", group).await;
    assert_eq!(refused, (400, "Customer Group already exists.".to_owned()));
    let found = shop
        .get(&format!(
            "/all/V1/customerGroups/search?{}",
            filter(0, "code", "club")
        ))
        .await;
    assert_eq!(found["items"][0]["tax_class_name"], "Retail Customer");
}

#[tokio::test]
async fn a_rate_in_a_rule_stays() {
    let shop = Shop::open().await;
    let (status, body) = shop.call("DELETE", "/all/V1/taxRates/1", None).await;
    assert_eq!(status, 400);
    assert!(message(&body).starts_with("The tax rate can't be removed"));
    let twin = json!({"tax_rate": {"tax_country_id": "DE", "tax_postcode": "*", "rate": 7, "code": "de-19"}});
    let (status, body) = shop.call("POST", "/all/V1/taxRates", Some(twin)).await;
    assert_eq!((status, &body["parameters"]), (400, &json!(["Code"])));
    let (status, body) = shop
        .call(
            "PUT",
            "/all/V1/taxRates",
            Some(json!({"tax_rate": {"id": 9, "code": "x"}})),
        )
        .await;
    assert_eq!(
        (status, &body["parameters"]),
        (404, &json!({"fieldName": "taxRateId", "fieldValue": 9}))
    );
    let class = json!({"taxClass": {"class_name": "Books", "class_type": "PRODUCT"}});
    assert_eq!(shop.done("POST", "/all/V1/taxClasses", class).await, "4");
}

#[tokio::test]
async fn what_was_made_again_is_dumped_alike() {
    let shop = Shop::open().await;
    let before = without_meta(shop.sandbox.dump());
    let stored = shop.get(RULE).await;
    let coupon = shop.get("/all/V1/coupons/1").await;
    shop.call("DELETE", RULE, None).await;
    assert_ne!(without_meta(shop.sandbox.dump()), before);
    let mut again = stored;
    again.as_object_mut().unwrap().remove("rule_id");
    let made = shop.done("POST", "/all/V1/salesRules", rule(again)).await;
    assert_ne!(made["rule_id"], 1);
    let coupon =
        json!({"coupon": {"rule_id": made["rule_id"], "code": coupon["code"], "is_primary": true}});
    shop.done("POST", "/all/V1/coupons", coupon).await;
    assert_eq!(without_meta(shop.sandbox.dump()), before);
}
