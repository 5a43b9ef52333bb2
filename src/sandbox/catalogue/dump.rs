//! The dump of the catalogue: kind, natural key, assignment or scope, fields; ids and times under
//! `meta`. References are by natural key, so that a store whose entities were made again is equal.

use serde_json::{Map, Value, json};

use super::Catalogue;
use super::records::{self, Record, Records};
use super::{attribute_option, cart_rule, category_link, coupon, tax_rule, tier_price};

impl Catalogue {
    pub(in super::super) fn dump(&self) -> Vec<(&'static str, Value)> {
        let plain = |row: &Record| row.clone();
        vec![
            ("attribute_option", attribute_option::dump(&self.attributes)),
            (
                "attribute_set",
                rows(&self.sets, "attribute_set_name", "attribute_set_id", plain),
            ),
            (
                "cart_rule",
                rows(&self.cart_rules, "name", "rule_id", |row| {
                    cart_rule::dump(self, row)
                }),
            ),
            ("category", self.categories.dump(&self.category_attributes)),
            (
                "category_product",
                category_link::dump(&self.products, &self.categories),
            ),
            (
                "coupon",
                rows(&self.coupons, "code", "coupon_id", |row| {
                    coupon::dump(self, row)
                }),
            ),
            (
                "customer",
                rows(&self.customers, "email", "id", |row| {
                    self.dump_customer(row)
                }),
            ),
            (
                "customer_group",
                rows(&self.customer_groups, "code", "id", |row| {
                    self.dump_group(row)
                }),
            ),
            ("product", self.products.dump(&self.attributes)),
            ("product_attribute", self.attributes.dump()),
            ("source_item", self.sources.dump()),
            (
                "tax_class",
                rows(&self.tax_classes, "class_name", "class_id", plain),
            ),
            ("tax_rate", rows(&self.tax_rates, "code", "id", plain)),
            (
                "tax_rule",
                rows(&self.tax_rules, "code", "id", |row| {
                    tax_rule::dump(self, row)
                }),
            ),
            (
                "tier_price",
                tier_price::dump(self.products.rows.values(), &self.customer_groups),
            ),
        ]
    }

    fn dump_customer(&self, row: &Record) -> Record {
        let mut fields = row.clone();
        let group = self.customer_groups.rows.get(&records::id(row, "group_id"));
        fields.remove("group_id");
        fields.insert(
            "group".to_owned(),
            group.map(|group| records::text(group, "code")).into(),
        );
        fields
    }

    fn dump_group(&self, row: &Record) -> Record {
        let mut fields = row.clone();
        let class = self.tax_classes.rows.get(&records::id(row, "tax_class_id"));
        fields.remove("tax_class_id");
        fields.insert(
            "tax_class_name".to_owned(),
            class.map(|class| records::text(class, "class_name")).into(),
        );
        fields
    }
}

/// Rows by their natural key, under `all`.
fn rows(records: &Records, key: &str, id: &str, fields: impl Fn(&Record) -> Record) -> Value {
    let mut dump = Map::new();
    for (number, row) in &records.rows {
        let mut name = records::text(row, key).to_owned();
        // Two of one name cannot be told apart but by their ids.
        if dump.contains_key(&name) {
            name = format!("{name}#{number}");
        }
        let mut fields = fields(row);
        fields.remove(id);
        let mut meta = json!({ "id": number });
        if let Some(created) = fields.remove("created_at") {
            meta["created_at"] = created;
        }
        fields.insert("meta".to_owned(), meta);
        fields.sort_keys();
        dump.insert(name, json!({ "all": fields }));
    }
    dump.sort_keys();
    dump.into()
}
