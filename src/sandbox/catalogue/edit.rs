//! Seeds and edits of the catalogue. They take the way of REST, which is the administrator's too.

use serde_json::{Map, Value, json};

use super::super::reply::Problem;
use super::super::seed::Edit;
use super::super::service::Context;
use super::super::views;
use super::Catalogue;
use super::category::Categories;
use super::product_save::PRODUCT;
use super::records::{self, Record, Records};

/// The kinds that can be edited.
pub(in super::super) const KINDS: &[&str] = &[
    "attribute_option",
    "attribute_set",
    "cart_rule",
    "category",
    "category_product",
    "coupon",
    "customer",
    "customer_group",
    "product",
    "product_attribute",
    "source",
    "source_item",
    "tax_class",
    "tax_rate",
    "tax_rule",
    "tier_price",
];

/// A kind whose entities are rows with a natural key.
struct Plain {
    kind: &'static str,
    /// The routes' collection.
    collection: &'static str,
    wrapper: &'static str,
    key: &'static str,
    id: &'static str,
    /// The parameter of the routes that delete and update; updates of taxes have none.
    by: &'static str,
    by_on_update: bool,
    records: fn(&Catalogue) -> &Records,
}

const PLAIN: &[Plain] = &[
    Plain {
        kind: "cart_rule",
        collection: "salesRules",
        wrapper: "rule",
        key: "name",
        id: "rule_id",
        by: "ruleId",
        by_on_update: true,
        records: |catalogue| &catalogue.cart_rules,
    },
    Plain {
        kind: "coupon",
        collection: "coupons",
        wrapper: "coupon",
        key: "code",
        id: "coupon_id",
        by: "couponId",
        by_on_update: true,
        records: |catalogue| &catalogue.coupons,
    },
    Plain {
        kind: "customer",
        collection: "customers",
        wrapper: "customer",
        key: "email",
        id: "id",
        by: "customerId",
        by_on_update: true,
        records: |catalogue| &catalogue.customers,
    },
    Plain {
        kind: "customer_group",
        collection: "customerGroups",
        wrapper: "group",
        key: "code",
        id: "id",
        by: "id",
        by_on_update: true,
        records: |catalogue| &catalogue.customer_groups,
    },
    Plain {
        kind: "tax_class",
        collection: "taxClasses",
        wrapper: "taxClass",
        key: "class_name",
        id: "class_id",
        by: "taxClassId",
        by_on_update: true,
        records: |catalogue| &catalogue.tax_classes,
    },
    Plain {
        kind: "tax_rate",
        collection: "taxRates",
        wrapper: "tax_rate",
        key: "code",
        id: "id",
        by: "rateId",
        by_on_update: false,
        records: |catalogue| &catalogue.tax_rates,
    },
    Plain {
        kind: "tax_rule",
        collection: "taxRules",
        wrapper: "rule",
        key: "code",
        id: "id",
        by: "ruleId",
        by_on_update: false,
        records: |catalogue| &catalogue.tax_rules,
    },
];

impl Catalogue {
    /// Makes, changes or takes away one entity.
    pub(in super::super) fn edit(
        &mut self,
        edit: &Edit,
        context: &Context<'_>,
    ) -> Result<(), String> {
        if let Some(plain) = PLAIN.iter().find(|plain| plain.kind == edit.kind) {
            return plain.edit(self, edit, context);
        }
        let call = match (edit.kind.as_str(), edit.delete) {
            ("product", false) => ("PUT", "products/x", product(edit)),
            ("product", true) => ("DELETE", "products/x", of("sku", edit.key.as_str())),
            ("category", deletes) => self.category(edit, deletes)?,
            ("category_product", deletes) => self.link(edit, deletes)?,
            ("product_attribute", false) => return self.attribute(edit, context),
            ("product_attribute", true) => (
                "DELETE",
                "products/attributes/x",
                of("attributeCode", edit.key.as_str()),
            ),
            ("attribute_option", deletes) => self.option(edit, deletes)?,
            ("attribute_set", false) => {
                let set = json!({ "attribute_set_name": edit.key, "sort_order": 0 });
                let body = json!({ "attributeSet": set, "skeletonId": 4 });
                ("POST", "products/attribute-sets", sent(body))
            }
            ("source", false) => {
                let mut source = edit.fields.clone();
                source.insert("source_code".to_owned(), edit.key.as_str().into());
                source.entry("name").or_insert(edit.key.as_str().into());
                source.entry("country_id").or_insert("US".into());
                source.entry("postcode").or_insert("00000".into());
                ("POST", "inventory/sources", of("source", source))
            }
            ("source_item", deletes) => source_item(edit, deletes),
            ("tier_price", deletes) => tier_price(edit, deletes),
            _ => return Err("is of a kind that cannot be edited so".to_owned()),
        };
        let answer = self.call(call, context)?;
        // Batch routes name their bad rows in an answer that looks good.
        match answer.as_array().and_then(|rows| rows.first()) {
            Some(row) if row.get("message").is_some() => Err(format!("is refused: {row}")),
            _ => Ok(()),
        }
    }

    /// Calls the service behind a route; the path's parameters are among what is sent.
    fn call(
        &mut self,
        (verb, path, sent): (&str, &str, Record),
        context: &Context<'_>,
    ) -> Result<Value, String> {
        let segments: Vec<&str> = path.split('/').collect();
        let said = |problem: Problem| format!("is refused: {}", problem.filled());
        let (endpoint, _) = super::find(verb, &segments)
            .ok_or_else(|| "is of a kind that has no such route".to_owned())?;
        let args = endpoint.read(&sent).map_err(said)?;
        (endpoint.run)(self, &args, context).map_err(said)
    }

    fn category(&self, edit: &Edit, deletes: bool) -> Result<Call, String> {
        let known = self.categories.by_name_path(&edit.key);
        if deletes {
            let id = known.ok_or("does not exist, so it cannot be deleted")?;
            return Ok(("DELETE", "categories/1", of("categoryId", id)));
        }
        let mut category = split(
            edit,
            &[
                "is_active",
                "include_in_menu",
                "available_sort_by",
                "position",
            ],
        );
        if let Some(id) = known {
            category.insert("id".to_owned(), id.into());
        } else {
            let (parent, name) = edit.key.rsplit_once('/').ok_or("names no parent")?;
            let parent = parent_of(&self.categories, parent)?;
            category.insert("parent_id".to_owned(), parent.into());
            category.insert("name".to_owned(), name.into());
            category.entry("is_active").or_insert(true.into());
        }
        // A name that is set is another one for the scope.
        if let Some(name) = edit.fields.get("name") {
            category.insert("name".to_owned(), name.clone());
        }
        Ok(("PUT", "categories/1", of("category", category)))
    }

    fn link(&self, edit: &Edit, deletes: bool) -> Result<Call, String> {
        let id = parent_of(&self.categories, &edit.key)?;
        let mut link = edit.fields.clone();
        if deletes {
            link.insert("categoryId".to_owned(), id.into());
            return Ok(("DELETE", "categories/1/products/x", link));
        }
        link.insert("category_id".to_owned(), id.to_string().into());
        Ok(("PUT", "categories/1/products", of("productLink", link)))
    }

    /// Makes or changes an attribute, and puts it into the default set.
    fn attribute(&mut self, edit: &Edit, context: &Context<'_>) -> Result<(), String> {
        let mut attribute = edit.fields.clone();
        attribute.insert("attribute_code".to_owned(), edit.key.as_str().into());
        if let Some(known) = self.attributes.find(&edit.key) {
            attribute.insert("attribute_id".to_owned(), known.id.into());
        } else {
            attribute.entry("frontend_input").or_insert("text".into());
            let label = attribute.entry("default_frontend_label");
            label.or_insert(edit.key.as_str().into());
        }
        let call = ("POST", "products/attributes", of("attribute", attribute));
        self.call(call, context)?;
        if let Some(attribute) = self.attributes.find_mut(&edit.key) {
            attribute.add_to_default_set();
        }
        Ok(())
    }

    fn option(&self, edit: &Edit, deletes: bool) -> Result<Call, String> {
        let attribute = self.attributes.find(&edit.key);
        let attribute = attribute.ok_or("names an attribute that does not exist")?;
        let label = records::text(&edit.fields, "label");
        let known = attribute
            .options
            .iter()
            .find(|option| option.label == label);
        let mut body = of("attributeCode", edit.key.as_str());
        if let Some(known) = known {
            body.insert("optionId".to_owned(), known.id.to_string().into());
        }
        body.insert("option".to_owned(), edit.fields.clone().into());
        Ok(match (known, deletes) {
            (_, true) => ("DELETE", "products/attributes/x/options/1", body),
            (Some(_), false) => ("PUT", "products/attributes/x/options/1", body),
            (None, false) => ("POST", "products/attributes/x/options", body),
        })
    }
}

/// Verb, path and what is sent.
type Call = (&'static str, &'static str, Record);

impl Plain {
    fn edit(
        &self,
        catalogue: &mut Catalogue,
        edit: &Edit,
        context: &Context<'_>,
    ) -> Result<(), String> {
        let stored = (self.records)(catalogue).find(self.key, &edit.key);
        let stored = stored.map(|(id, row)| (id, row.clone()));
        if edit.delete {
            let (id, _) = stored.ok_or("does not exist, so it cannot be deleted")?;
            let path = format!("{}/1", self.collection);
            return self.done(catalogue, ("DELETE", &path, of(self.by, id)), context);
        }
        let mut object = stored.map_or_else(Record::new, |(_, row)| row);
        object.extend(edit.fields.clone());
        // The fields may give it another name.
        object.entry(self.key).or_insert(edit.key.as_str().into());
        // A coupon's rule may be named.
        if let Some(Value::String(name)) = object.remove("rule") {
            let (id, _) = catalogue
                .cart_rules
                .find("name", &name)
                .ok_or_else(|| format!("names a cart rule {name:?} that does not exist"))?;
            object.insert("rule_id".to_owned(), id.into());
        }
        let (verb, path) = if !object.contains_key(self.id) {
            ("POST", self.collection.to_owned())
        } else if self.by_on_update {
            ("PUT", format!("{}/1", self.collection))
        } else {
            ("PUT", self.collection.to_owned())
        };
        self.done(catalogue, (verb, &path, of(self.wrapper, object)), context)
    }

    fn done(
        &self,
        catalogue: &mut Catalogue,
        call: (&str, &str, Record),
        context: &Context<'_>,
    ) -> Result<(), String> {
        catalogue.call(call, context).map(|_| ())
    }
}

fn of(name: &str, value: impl Into<Value>) -> Record {
    Map::from_iter([(name.to_owned(), value.into())])
}

fn sent(body: Value) -> Record {
    match body {
        Value::Object(body) => body,
        _ => Record::new(),
    }
}

fn parent_of(categories: &Categories, path: &str) -> Result<u64, String> {
    categories
        .by_name_path(path)
        .ok_or_else(|| format!("names a category {path:?} that does not exist"))
}

/// Fields that are members of an entity, and all others as custom attributes.
fn split(edit: &Edit, members: &[&str]) -> Record {
    let mut object = Record::new();
    let mut custom = Record::new();
    for (name, value) in &edit.fields {
        let into = if members.contains(&name.as_str()) {
            &mut object
        } else {
            &mut custom
        };
        into.insert(name.clone(), value.clone());
    }
    object.insert("custom_attributes".to_owned(), custom.into());
    object
}

fn product(edit: &Edit) -> Record {
    let mut object = Record::new();
    let mut custom = Record::new();
    let mut extension = Record::new();
    for (name, value) in &edit.fields {
        let into = match name.as_str() {
            "website_ids" | "category_links" | "stock_item" => &mut extension,
            name if PRODUCT.field(name).is_some() => &mut object,
            _ => &mut custom,
        };
        into.insert(name.clone(), value.clone());
    }
    object.insert("sku".to_owned(), edit.key.as_str().into());
    object.entry("attribute_set_id").or_insert(4.into());
    object.insert("custom_attributes".to_owned(), custom.into());
    object.insert("extension_attributes".to_owned(), extension.into());
    of("product", object)
}

fn source_item(edit: &Edit, deletes: bool) -> Call {
    let mut item = edit.fields.clone();
    item.insert("sku".to_owned(), edit.key.as_str().into());
    item.entry("source_code").or_insert("default".into());
    item.entry("status").or_insert(1.into());
    let path = if deletes {
        "inventory/source-items-delete"
    } else {
        "inventory/source-items"
    };
    ("POST", path, of("sourceItems", vec![Value::Object(item)]))
}

fn tier_price(edit: &Edit, deletes: bool) -> Call {
    let mut price = edit.fields.clone();
    price.insert("sku".to_owned(), edit.key.as_str().into());
    price.entry("customer_group").or_insert("ALL GROUPS".into());
    price.entry("price_type").or_insert("fixed".into());
    price.entry("website_id").or_insert(views::ALL.into());
    let path = if deletes {
        "products/tier-prices-delete"
    } else {
        "products/tier-prices"
    };
    ("POST", path, of("prices", vec![Value::Object(price)]))
}
