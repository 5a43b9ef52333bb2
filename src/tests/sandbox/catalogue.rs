//! Products, categories, prices and stock: the traps that no recording shows.

use super::{Shop, filter, without_meta};
use gitmage::sandbox::{Edit, SandboxOptions, Seed, Stores};
use serde_json::{Value, json};

const SKU: &str = "24-MB01";

fn product(fields: Value) -> Value {
    json!({ "product": fields })
}

fn custom(code: &str, value: &Value) -> Value {
    product(json!({ "custom_attributes": [{ "attribute_code": code, "value": value }] }))
}

impl Shop {
    async fn product(&self, scope: &str, sku: &str) -> Value {
        self.get(&format!("{scope}/V1/products/{sku}")).await
    }

    async fn put_product(&self, scope: &str, body: Value) -> Value {
        let path = format!("{scope}/V1/products/{SKU}");
        self.done("PUT", &path, body).await
    }

    async fn value(&self, scope: &str, code: &str) -> Value {
        let product = self.product(scope, SKU).await;
        attribute(&product, code)
    }
}

/// A custom attribute's value; null where it is left out.
fn attribute(entity: &Value, code: &str) -> Value {
    let rows = entity["custom_attributes"].as_array().unwrap();
    let row = rows.iter().find(|row| row["attribute_code"] == code);
    row.map_or(Value::Null, |row| row["value"].clone())
}

#[tokio::test]
async fn a_url_without_a_scope_writes_the_default_view() {
    let shop = Shop::open().await;
    shop.put_product("", product(json!({"name": "Bag"}))).await;
    assert_eq!(shop.product("/all", SKU).await["name"], "Joust Duffle Bag");
    assert_eq!(shop.product("/default", SKU).await["name"], "Bag");
    assert_eq!(shop.product("/fr", SKU).await["name"], "Joust Duffle Bag");
}

#[tokio::test]
async fn a_value_equal_to_the_default_stays_inherited() {
    let shop = Shop::open().await;
    let name = |name: &str| product(json!({ "name": name }));
    shop.put_product("/fr", name("Joust Duffle Bag")).await;
    shop.put_product("/all", name("Duffle")).await;
    assert_eq!(shop.product("/fr", SKU).await["name"], "Duffle");
    // Where there is a row already it stays one.
    shop.put_product("/de", name("Duffle")).await;
    shop.put_product("/all", name("Bag")).await;
    assert_eq!(shop.product("/de", SKU).await["name"], "Duffle");
}

#[tokio::test]
async fn an_empty_text_is_an_override_and_null_is_none() {
    let shop = Shop::open().await;
    let all = shop.value("/all", "description").await;
    shop.put_product("/de", custom("description", &json!("")))
        .await;
    assert_eq!(shop.value("/de", "description").await, Value::Null);
    assert_eq!(shop.value("/all", "description").await, all);
    shop.put_product("/de", custom("description", &Value::Null))
        .await;
    assert_eq!(shop.value("/de", "description").await, all);
}

#[tokio::test]
async fn values_of_a_website_reach_its_views_and_those_of_the_store_all() {
    let shop = Shop::open().await;
    shop.put_product("/de", product(json!({"status": 2}))).await;
    for (scope, status) in [("/all", 1), ("/default", 2), ("/de", 2), ("/fr", 1)] {
        assert_eq!(shop.product(scope, SKU).await["status"], status, "{scope}");
    }
    shop.put_product("/default", product(json!({"status": null})))
        .await;
    assert_eq!(shop.product("/de", SKU).await["status"], 1);
    shop.put_product("/fr", product(json!({"price": 30}))).await;
    assert_eq!(shop.product("/all", SKU).await["price"], 30);
}

#[tokio::test]
async fn no_price_in_a_view_is_no_price_anywhere() {
    let shop = Shop::open().await;
    let path = format!("/all/V1/products/{SKU}");
    let empty = (
        400,
        "The \"Price\" attribute value is empty. Set the attribute and try again.".to_owned(),
    );
    let none = || product(json!({"price": null}));
    assert_eq!(shop.refused("PUT", &path, none()).await, empty);
    shop.put_product("/de", none()).await;
    assert!(shop.product("/all", SKU).await.get("price").is_none());
    let name = product(json!({"name": "x"}));
    assert_eq!(shop.refused("PUT", &path, name).await, empty);
}

#[tokio::test]
async fn prices_are_numbers_of_at_least_zero() {
    let shop = Shop::open().await;
    let path = format!("/all/V1/products/{SKU}");
    for text in ["", "abc", "12,5"] {
        let (status, why) = shop
            .refused("PUT", &path, product(json!({ "price": text })))
            .await;
        assert_eq!(status, 400);
        assert_eq!(
            why,
            format!(
                "Error occurred during \"price\" processing. The \"{text}\" value's type is invalid. The \"float\" type was expected. Verify and try again."
            )
        );
    }
    for (sent, stored) in [(json!("1e3"), 1000), (json!(0), 0), (json!("0"), 0)] {
        shop.put_product("/all", product(json!({ "price": sent })))
            .await;
        assert_eq!(shop.product("/all", SKU).await["price"], stored);
    }
    let (status, why) = shop
        .refused("PUT", &path, custom("special_price", &json!("-1")))
        .await;
    assert_eq!(
        (status, why.as_str()),
        (400, "Please enter a number 0 or greater in this field.")
    );
}

#[tokio::test]
async fn a_special_price_starts_today_in_every_view_that_is_saved() {
    let shop = Shop::open().await;
    let today = format!("{} 00:00:00", jiff::Timestamp::now().strftime("%Y-%m-%d"));
    let days = |from: Value| {
        product(json!({"custom_attributes": [
            {"attribute_code": "special_price", "value": 20},
            {"attribute_code": "special_from_date", "value": from},
            {"attribute_code": "special_to_date", "value": "2030-01-31 00:00:00"},
        ]}))
    };
    shop.put_product("/all", days(json!("2030-01-01"))).await;
    assert_eq!(
        shop.value("/all", "special_from_date").await,
        "2030-01-01 00:00:00"
    );
    // Something else entirely, and in one view.
    shop.put_product("/de", product(json!({"name": "Tasche"})))
        .await;
    assert_eq!(shop.value("/de", "special_from_date").await, today);
    assert_eq!(shop.value("/default", "special_from_date").await, today);
    assert_eq!(
        shop.value("/fr", "special_from_date").await,
        "2030-01-01 00:00:00"
    );
    // The price goes, the day stays.
    shop.put_product("/all", custom("special_price", &Value::Null))
        .await;
    assert_eq!(shop.value("/all", "special_price").await, Value::Null);
    assert_ne!(shop.value("/all", "special_from_date").await, Value::Null);
}

#[tokio::test]
async fn an_unknown_sku_is_made_where_the_body_suffices() {
    let shop = Shop::open().await;
    let body = json!({"sku": "ignored", "name": "N", "price": 1, "attribute_set_id": 4});
    let made = shop
        .done("PUT", "/all/V1/products/a%2Fb%20c", product(body.clone()))
        .await;
    assert_eq!(made["sku"], "a/b c");
    assert_eq!(shop.product("/all", "a%2Fb%20c").await["name"], "N");
    let taken = shop
        .refused("POST", "/all/V1/products", product(body))
        .await;
    assert_eq!(
        taken,
        (
            400,
            "URL key for specified store already exists.".to_owned()
        )
    );
    let nameless = product(json!({"sku": "n", "price": 1, "attribute_set_id": 4}));
    let (status, why) = shop.refused("POST", "/all/V1/products", nameless).await;
    assert_eq!(status, 400);
    assert!(why.starts_with("The \"Product Name\" attribute value is empty."));
    let (status, body) = shop
        .call(
            "PUT",
            "/all/V1/products/24-MB01",
            Some(product(json!({"nosuch": 1}))),
        )
        .await;
    assert_eq!(status, 400);
    assert_eq!(body["parameters"]["fieldName"], "Nosuch");
}

#[tokio::test]
async fn a_value_needs_an_attribute_that_is_in_the_set() {
    let shop = Shop::open().await;
    let attribute = json!({"attribute": {
        "attribute_code": "fit", "frontend_input": "text", "default_frontend_label": "Fit", "scope": "store",
    }});
    shop.done("POST", "/all/V1/products/attributes", attribute)
        .await;
    shop.put_product("/all", custom("fit", &json!("slim")))
        .await;
    assert_eq!(shop.value("/all", "fit").await, Value::Null);
    let groups = "/all/V1/products/attribute-sets/groups/list?searchCriteria=";
    let groups = shop.get(groups).await;
    assert_eq!(groups["items"][0]["attribute_group_id"], "7");
    let assign = json!({
        "attributeSetId": 4, "attributeGroupId": 7, "attributeCode": "fit", "sortOrder": 1,
    });
    shop.done("POST", "/all/V1/products/attribute-sets/attributes", assign)
        .await;
    shop.put_product("/all", custom("fit", &json!("slim")))
        .await;
    assert_eq!(shop.value("/de", "fit").await, "slim");
    let (status, _) = shop
        .call("DELETE", "/all/V1/products/attributes/fit", None)
        .await;
    assert_eq!(status, 200);
    assert_eq!(shop.value("/de", "fit").await, Value::Null);
    let (status, _) = shop
        .call("DELETE", "/all/V1/products/attributes/name", None)
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn updating_an_option_resets_what_is_not_sent() {
    let shop = Shop::open().await;
    let options = "/all/V1/products/attributes/color/options";
    let listed = shop.get(options).await;
    let blue = listed[2]["value"].as_str().unwrap().to_owned();
    assert_eq!(shop.value("/all", "color").await, blue.as_str());
    assert_eq!(
        shop.get("/de/V1/products/attributes/color/options").await[2]["label"],
        "Blau"
    );
    let path = format!("{options}/{blue}");
    let put = shop
        .done("PUT", &path, json!({"option": {"label": "Navy"}}))
        .await;
    assert_eq!(put, true);
    // Without its order it is first, without its labels it has none.
    assert_eq!(
        shop.get("/de/V1/products/attributes/color/options").await[1]["label"],
        "Navy"
    );
    let taken = shop
        .refused("PUT", &path, json!({"option": {"label": "red"}}))
        .await;
    assert_eq!(
        taken.1,
        "Admin store attribute option label '%1' is already exists."
    );
    let (status, _) = shop.call("DELETE", &path, None).await;
    assert_eq!(status, 200);
    let (status, _) = shop.call("DELETE", &path, None).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_list_of_labels_takes_the_place_of_all_and_null_clears_a_note() {
    let shop = Shop::open().await;
    let path = "/all/V1/products/attributes/color";
    let put = |body: Value| {
        let shop = &shop;
        async move {
            let mut attribute = shop.get(path).await;
            for key in ["options", "frontend_labels", "note"] {
                attribute.as_object_mut().unwrap().remove(key);
            }
            let body = body.as_object().unwrap().clone();
            attribute.as_object_mut().unwrap().extend(body);
            shop.done("PUT", path, json!({ "attribute": attribute }))
                .await
        }
    };
    let de = json!({"store_id": 2, "label": "Farbe"});
    let fr = json!({"store_id": 3, "label": "Couleur"});
    let both = put(json!({"frontend_labels": [de, fr], "note": "Main color"})).await;
    assert_eq!(both["frontend_labels"], json!([de, fr]));
    // An empty list is none, as in PHP, and what is not sent stays.
    let same = put(json!({"frontend_labels": []})).await;
    assert_eq!(same["frontend_labels"], json!([de, fr]));
    assert_eq!(same["note"], "Main color");
    let one =
        put(json!({"frontend_labels": [{"store_id": 0, "label": "Color"}, fr], "note": null}))
            .await;
    assert_eq!(one["frontend_labels"], json!([fr]));
    assert_eq!(one["note"], Value::Null);
}

#[tokio::test]
async fn an_anchor_lists_the_products_of_the_categories_below_it() {
    let shop = Shop::open().await;
    let skus = |listed: &Value| -> Vec<String> {
        let links = listed.as_array().unwrap().iter();
        links
            .map(|link| format!("{}@{}", link["sku"].as_str().unwrap(), link["position"]))
            .collect()
    };
    let gear = "/all/V1/categories/3/products";
    assert_eq!(skus(&shop.get(gear).await), ["24-MB01@1", "24-MB02@2"]);
    let custom = json!([{"attribute_code": "is_anchor", "value": "0"}]);
    let body = json!({"category": {"id": 3, "custom_attributes": custom}});
    shop.done("PUT", "/all/V1/categories/3", body).await;
    assert_eq!(skus(&shop.get(gear).await), Vec::<String>::new());
}

#[tokio::test]
async fn products_are_found_by_attribute_category_and_list() {
    let shop = Shop::open().await;
    let find = |field: &str, value: &str, condition: &str| {
        format!(
            "/all/V1/products?{}&searchCriteria[filter_groups][0][filters][0][condition_type]={condition}&fields=items[sku],total_count",
            filter(0, field, value)
        )
    };
    for (field, value, condition, skus) in [
        (
            "sku",
            "24-mb02,24-MB01,none",
            "in",
            vec!["24-MB01", "24-MB02"],
        ),
        ("name", "%25backpack", "like", vec!["24-MB02", "24-WB03"]),
        ("status", "2", "eq", vec!["24-WB03"]),
        ("price", "36", "gteq", vec!["24-MB02", "24-WB03"]),
        ("category_id", "4", "eq", vec!["24-MB01", "24-MB02"]),
        (
            "updated_at",
            "2020-01-01",
            "gteq",
            vec!["24-MB01", "24-MB02", "24-WB03"],
        ),
        ("special_price", "1", "null", vec!["24-MB01", "24-WB03"]),
    ] {
        let found = shop.get(&find(field, value, condition)).await;
        let items = found["items"].as_array().unwrap();
        let found: Vec<&str> = items.iter().map(|i| i["sku"].as_str().unwrap()).collect();
        assert_eq!(found, skus, "{field} {condition} {value}");
    }
    let (status, body) = shop.call("GET", &find("nosuch", "x", "eq"), None).await;
    assert_eq!(status, 400);
    assert_eq!(
        body["message"],
        "The \"%1\" attribute name is invalid. Reset the name and try again."
    );
}

#[tokio::test]
async fn lists_of_a_product_are_replaced_as_a_whole() {
    let shop = Shop::open().await;
    let before = shop.product("/all", SKU).await;
    assert_eq!(
        before["extension_attributes"]["category_links"],
        json!([{"position": 1, "category_id": "4"}])
    );
    let extension = |extension: Value| product(json!({ "extension_attributes": extension }));
    let after = shop
        .put_product(
            "/all",
            extension(json!({
                "category_links": [], "website_ids": [2], "stock_item": {"qty": 7, "is_in_stock": true},
            })),
        )
        .await;
    let extension = &after["extension_attributes"];
    assert!(extension.get("category_links").is_none());
    assert_eq!(extension["website_ids"], json!([2]));
    assert_eq!(extension["stock_item"]["qty"], 7);
    // The default source follows.
    let dump = shop.sandbox.dump();
    assert_eq!(dump["source_item"][SKU]["default"]["quantity"], 7);
}

#[tokio::test]
async fn categories_keep_overrides_of_their_name_alone() {
    let shop = Shop::open().await;
    let put = |scope: &'static str, body: Value| {
        let shop = &shop;
        async move {
            let path = format!("{scope}/V1/categories/3");
            shop.done("PUT", &path, json!({ "category": body })).await
        }
    };
    let described = |value: Value| json!({"custom_attributes": [{"attribute_code": "description", "value": value}]});
    put("/de", described(json!("<p>de</p>"))).await;
    let default = put("/all", json!({})).await;
    assert_eq!(
        attribute(&default, "description"),
        "<p>Everything for the mountains.</p>"
    );
    let back = put("/de", described(Value::Null)).await;
    assert_eq!(
        attribute(&back, "description"),
        attribute(&default, "description")
    );
    // A value equal to the default is an override all the same.
    put("/fr", json!({"name": "Gear"})).await;
    put("/all", json!({"name": "Equipment"})).await;
    assert_eq!(shop.get("/fr/V1/categories/3").await["name"], "Gear");
    put("/de", json!({"is_active": false})).await;
    let kept = put("/de", json!({"is_active": null, "name": null})).await;
    assert_eq!(
        (&kept["is_active"], &kept["name"]),
        (&json!(false), &json!("Ausrüstung"))
    );
}

#[tokio::test]
async fn a_query_makes_an_update_of_a_category_look_for_a_root() {
    let shop = Shop::open().await;
    let body = || json!({"category": {"name": "x", "is_active": true}});
    let (status, answer) = shop
        .call("PUT", "/all/V1/categories/3?fields=id", Some(body()))
        .await;
    assert_eq!(status, 404);
    assert_eq!(
        answer["parameters"],
        json!({"fieldName": "id", "fieldValue": 0})
    );
    // A view has a root: there a category is made.
    let made = shop
        .done("PUT", "/V1/categories/3?fields=id,parent_id", body())
        .await;
    assert_eq!(made["parent_id"], 2);
    assert_ne!(made["id"], 3);
}

#[tokio::test]
async fn the_tree_of_categories() {
    let shop = Shop::open().await;
    let (status, why) = shop
        .refused("PUT", "/all/V1/categories/3/move", json!({"parentId": 4}))
        .await;
    assert_eq!(status, 400);
    assert!(why.starts_with("Operation do not allow to move a parent category"));
    let tree = shop
        .get("/all/V1/categories?rootCategoryId=2&depth=2")
        .await;
    assert_eq!(tree["children_data"][0]["children_data"][0]["name"], "Bags");
    assert_eq!(
        tree["children_data"][0]["children_data"][0]["product_count"],
        2
    );
    let flat = shop
        .get("/all/V1/categories?rootCategoryId=2&depth=1")
        .await;
    assert_eq!(flat["children_data"][0]["children_data"], json!([]));
    // An inactive child is none to the field of that name.
    assert_eq!(shop.get("/all/V1/categories/2").await["children"], "3");
    shop.done(
        "PUT",
        "/all/V1/categories/4/move",
        json!({"parentId": 5, "afterId": 0}),
    )
    .await;
    let moved = shop.get("/all/V1/categories/4").await;
    assert_eq!(moved["path"], "1/2/5/4");
    assert_eq!(attribute(&moved, "url_path"), "sale/bags");
    let (status, _) = shop.call("DELETE", "/all/V1/categories/5", None).await;
    assert_eq!(status, 200);
    let (status, _) = shop.call("GET", "/all/V1/categories/4", None).await;
    assert_eq!(status, 404, "what was below is gone too");
    let product = shop.product("/all", SKU).await;
    assert!(
        product["extension_attributes"]
            .get("category_links")
            .is_none()
    );
    let (status, body) = shop.call("DELETE", "/all/V1/categories/2", None).await;
    assert_eq!((status, &body["parameters"]), (400, &json!(["2"])));
}

#[tokio::test]
async fn batch_prices_fail_row_by_row_or_as_a_whole() {
    let shop = Shop::open().await;
    let tier = |sku: &str, website: u32| {
        json!({"price": 1, "price_type": "fixed", "website_id": website, "sku": sku,
            "customer_group": "ALL GROUPS", "quantity": 5})
    };
    let tiers = "/all/V1/products/tier-prices";
    // There is one for all websites.
    let failed = shop
        .done("POST", tiers, json!({"prices": [tier("24-MB02", 1)]}))
        .await;
    assert_eq!(failed.as_array().unwrap().len(), 1);
    assert!(super::message(&failed[0]).starts_with("We found a duplicate website"));
    assert_eq!(
        failed[0]["parameters"],
        json!(["24-MB02", "0", "all groups", "5.0000"]),
        "the row in the way"
    );
    let (status, _) = shop
        .call(
            "POST",
            tiers,
            Some(json!({"prices": [tier("24-MB01", 0), tier("none", 0)]})),
        )
        .await;
    assert_eq!(status, 404, "an unknown SKU takes the good rows along");
    assert_eq!(shop.sandbox.dump()["tier_price"].get("24-MB01"), None);

    let special = |store: u32| {
        json!({"prices": [{"price": 1, "store_id": store, "sku": SKU,
            "price_from": "2030-01-01 00:00:00", "price_to": "2030-01-02 00:00:00"}]})
    };
    let path = "/all/V1/products/special-price";
    let failed = shop.done("POST", path, special(2)).await;
    assert!(super::message(&failed[0]).starts_with("Could not change non global Price"));
    assert_eq!(shop.done("POST", path, special(0)).await, json!([]));
    // Each price comes once for each row of its days, in whatever store.
    shop.put_product("/fr", custom("special_from_date", &json!("2030-01-05")))
        .await;
    let read = shop
        .done(
            "POST",
            &format!("{path}-information"),
            json!({"skus": [SKU, "none"]}),
        )
        .await;
    assert_eq!(read.as_array().unwrap().len(), 2, "{read}");
}

#[tokio::test]
async fn source_items_outlive_their_product() {
    let shop = Shop::open().await;
    let (status, _) = shop.call("DELETE", "/all/V1/products/24-MB01", None).await;
    assert_eq!(status, 200);
    let dump = shop.sandbox.dump();
    assert_eq!(dump["source_item"][SKU]["default"]["quantity"], 100);
    assert!(dump["product"].get(SKU).is_none());
    assert!(
        dump["category_product"]["Default Category/Gear/Bags"]
            .get(SKU)
            .is_none()
    );
    let items = |items: Value| json!({ "sourceItems": items });
    let path = "/all/V1/inventory/source-items";
    let empty = shop.refused("POST", path, items(json!([]))).await;
    assert_eq!(empty, (400, "Input data is empty".to_owned()));
    let (status, body) = shop
        .call(
            "POST",
            path,
            Some(items(
                json!([{"sku": "x", "source_code": "default", "quantity": 1, "status": 7}]),
            )),
        )
        .await;
    assert_eq!(
        (status, &body["message"]),
        (400, &json!("Validation Failed"))
    );
    assert_eq!(body["errors"][0]["parameters"], json!({"field": "status"}));
}

#[tokio::test]
async fn only_the_default_source_is_kept_in_step_with_the_product() {
    let shop = Shop::open().await;
    let source = json!({"source": {"source_code": "berlin", "name": "Berlin", "country_id": "DE", "postcode": "10115"}});
    let made = shop.done("POST", "/all/V1/inventory/sources", source).await;
    assert_eq!(made, json!([]));
    assert_eq!(
        shop.get("/all/V1/inventory/sources/berlin").await["enabled"],
        true
    );
    let items = json!({"sourceItems": [
        {"sku": SKU, "source_code": "berlin", "quantity": 5, "status": 1},
        {"sku": SKU, "source_code": "default", "quantity": 7, "status": 1},
    ]});
    shop.done("POST", "/all/V1/inventory/source-items", items)
        .await;
    let found = shop
        .get(&format!(
            "/all/V1/inventory/source-items?{}",
            filter(0, "sku", SKU)
        ))
        .await;
    assert_eq!(found["total_count"], 2);
    assert_eq!(found["items"][0]["source_code"], "berlin");
    let product = shop.product("/all", SKU).await;
    assert_eq!(product["extension_attributes"]["stock_item"]["qty"], 7);
    let (status, body) = shop
        .call("GET", "/all/V1/inventory/sources/none", None)
        .await;
    assert_eq!(
        (status, &body["parameters"]),
        (404, &json!({"value": "none"}))
    );
}

#[tokio::test]
async fn thousands_of_products_are_read_by_list() {
    let entity = |n: u32| {
        let Value::Object(fields) = json!({"name": format!("Product {n}"), "price": n}) else {
            unreachable!("fields are an object")
        };
        Edit::new("product", &format!("bulk-{n}"), Stores::default(), fields)
    };
    let seed = Seed {
        entities: (0..5000).map(entity).collect(),
    };
    let shop = Shop::with(SandboxOptions {
        seed: Some(seed),
        ..SandboxOptions::default()
    })
    .await;
    let skus: Vec<String> = (0..150).map(|n| format!("bulk-{}", n * 33)).collect();
    let found = shop
        .get(&format!(
            "/all/V1/products?{}&searchCriteria[filter_groups][0][filters][0][condition_type]=in&searchCriteria[pageSize]=100&searchCriteria[currentPage]=2&fields=items[sku],total_count",
            filter(0, "sku", &skus.join(","))
        ))
        .await;
    assert_eq!(found["total_count"], 150);
    assert_eq!(found["items"].as_array().unwrap().len(), 50);
    assert_eq!(found["items"][49]["sku"], "bulk-4917");
}

#[tokio::test]
async fn every_kind_has_its_right() {
    let shop = Shop::open().await;
    for (right, method, path) in [
        ("Magento_Catalog::products", "PUT", "/all/V1/products/x"),
        ("Magento_Catalog::categories", "PUT", "/all/V1/categories/3"),
        (
            "Magento_Catalog::attributes_attributes",
            "POST",
            "/all/V1/products/attributes",
        ),
        (
            "Magento_Catalog::sets",
            "POST",
            "/all/V1/products/attribute-sets",
        ),
        (
            "Magento_Catalog::catalog",
            "POST",
            "/all/V1/products/base-prices",
        ),
        (
            "Magento_InventoryApi::stock_source_item_assign",
            "POST",
            "/all/V1/inventory/source-items",
        ),
        ("Magento_SalesRule::quote", "POST", "/all/V1/salesRules"),
        ("Magento_SalesRule::quote", "POST", "/all/V1/coupons"),
        ("Magento_Customer::group", "POST", "/all/V1/customerGroups"),
        ("Magento_Tax::manage_tax", "PUT", "/all/V1/taxRates"),
    ] {
        shop.fail(json!({}));
        let (status, body) = shop.call(method, path, Some(json!({}))).await;
        assert_eq!(status, 400, "{path}: {body}");
        shop.fail(json!({ "deny": [right] }));
        let (status, body) = shop.call(method, path, Some(json!({}))).await;
        assert_eq!(status, 401, "{path}");
        assert_eq!(body["parameters"]["resources"], right);
    }
}

#[tokio::test]
async fn a_tier_price_to_be_deleted_is_found_by_its_amount_and_not_by_its_website() {
    let shop = Shop::open().await;
    let tier = |website: u32, quantity: u32, price: u32| {
        json!({"price": price, "price_type": "fixed", "website_id": website, "sku": SKU,
            "customer_group": "General", "quantity": quantity})
    };
    let left = async |prices: Value| {
        let path = "/all/V1/products/tier-prices-delete";
        let failed = shop.done("POST", path, json!({ "prices": prices })).await;
        assert_eq!(failed, json!([]));
        let path = "/all/V1/products/tier-prices-information";
        shop.done("POST", path, json!({ "skus": [SKU] })).await
    };
    let stored = json!([tier(1, 5, 9), tier(2, 5, 9), tier(1, 6, 0)]);
    shop.done(
        "POST",
        "/all/V1/products/tier-prices",
        json!({ "prices": stored }),
    )
    .await;
    // The first that fits goes, once a request.
    let rest = left(json!([tier(2, 5, 9), tier(1, 5, 9)])).await;
    assert_eq!(rest, json!([tier(2, 5, 9), tier(1, 6, 0)]));
    // One that costs nothing is not found.
    let rest = left(json!([tier(2, 5, 9), tier(1, 6, 0)])).await;
    assert_eq!(rest, json!([tier(1, 6, 0)]));
}

#[tokio::test]
async fn every_kind_can_be_edited_and_taken_away() {
    let shop = Shop::open().await;
    let before = without_meta(shop.sandbox.dump());
    let bags = "Default Category/Gear/Bags";
    for (kind, key, fields) in [
        (
            "product",
            "new",
            json!({"name": "N", "price": 1, "color": "4", "website_ids": [1]}),
        ),
        (
            "category",
            "Default Category/New",
            json!({"description": "d"}),
        ),
        (
            "category_product",
            bags,
            json!({"sku": "24-WB03", "position": 9}),
        ),
        (
            "product_attribute",
            "fit",
            json!({"default_frontend_label": "Fit"}),
        ),
        ("attribute_option", "color", json!({"label": "Green"})),
        ("source_item", "24-WB03", json!({"quantity": 3})),
        ("tier_price", "24-WB03", json!({"quantity": 3, "price": 30})),
        (
            "cart_rule",
            "New",
            json!({"website_ids": [1], "customer_group_ids": [1]}),
        ),
        ("coupon", "NEW", json!({"rule": "Welcome"})),
        ("customer_group", "New", json!({})),
        ("tax_class", "New", json!({"class_type": "PRODUCT"})),
        (
            "tax_rate",
            "New",
            json!({"tax_country_id": "FR", "tax_postcode": "*", "rate": 20}),
        ),
        (
            "tax_rule",
            "New",
            json!({"customer_tax_class_ids": [3], "product_tax_class_ids": [2], "tax_rate_ids": [1]}),
        ),
    ] {
        let edit =
            |delete: bool| json!({"kind": kind, "key": key, "fields": fields, "delete": delete});
        let (status, body) = shop.own("PUT", "entities", Some(edit(false))).await;
        assert_eq!(status, 200, "{kind}: {body}");
        let edited = without_meta(shop.sandbox.dump());
        assert_ne!(edited[kind], before[kind], "{kind}");
        // Again: what is there is changed, not made twice.
        let (status, body) = shop.own("PUT", "entities", Some(edit(false))).await;
        assert_eq!(status, 200, "{kind}: {body}");
        assert_eq!(without_meta(shop.sandbox.dump()), edited, "{kind}");
        let (status, body) = shop.own("PUT", "entities", Some(edit(true))).await;
        assert_eq!(status, 200, "{kind}: {body}");
        assert_eq!(without_meta(shop.sandbox.dump()), before, "{kind}");
    }
}

#[tokio::test]
async fn an_edit_that_is_refused_says_why() {
    let shop = Shop::open().await;
    for (edit, why) in [
        (
            json!({"kind": "widget", "key": "x"}),
            "names an unknown kind; use cms_page or cms_block, or one of attribute_option",
        ),
        (
            json!({"kind": "product", "key": "x", "store": ["de", "fr"]}),
            "lists several store views; its values have one scope",
        ),
        (
            json!({"kind": "product", "key": "x", "fields": {"name": "N"}}),
            "is refused: The \"Price\" attribute value is empty.",
        ),
        (
            json!({"kind": "category", "key": "Nowhere/New"}),
            "names a category \"Nowhere\" that does not exist",
        ),
        (
            json!({"kind": "coupon", "key": "X", "fields": {"rule": "none"}}),
            "names a cart rule \"none\" that does not exist",
        ),
        (
            json!({"kind": "customer_group", "key": "none", "delete": true}),
            "does not exist, so it cannot be deleted",
        ),
        (
            json!({"kind": "tier_price", "key": "24-WB03", "fields": {"quantity": 0, "price": 1}}),
            "is refused: {\"message\":\"Invalid attribute Quantity",
        ),
    ] {
        let (status, body) = shop.own("PUT", "entities", Some(edit)).await;
        assert_eq!(status, 400);
        let said = body["error"].as_str().unwrap();
        assert!(said.contains(why), "{said}");
    }
}
