//! Source items: the stock of a SKU in a source. The SKU is not looked at, the source is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::collation;
use super::super::php;
use super::super::reply::Problem;
use super::super::search::Comparison;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::records::{self, Record, Records};
use super::stock::StockItem;

/// The source that stock items are kept in step with.
pub(super) const DEFAULT: &str = "default";

#[derive(Debug, Clone, PartialEq)]
struct SourceItem {
    /// The row's number.
    id: u64,
    sku: String,
    source: String,
    quantity: f64,
    status: i64,
}

/// All source items, by the SKU's and the source's weights.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources {
    items: BTreeMap<(String, String), SourceItem>,
    /// The number of the row made last.
    last: u64,
}

fn key(sku: &str, source: &str) -> (String, String) {
    (collation::key(sku), collation::key(source))
}

impl Sources {
    /// Writes what a product's stock item says. One that says nothing makes no row.
    pub(super) fn follow_stock(&mut self, sku: &str, stock: &StockItem) {
        let quantity = stock.quantity.unwrap_or_default();
        let key = key(sku, DEFAULT);
        if stock.in_stock || quantity != 0.0 || self.items.contains_key(&key) {
            self.save(SourceItem {
                id: 0,
                sku: sku.to_owned(),
                source: DEFAULT.to_owned(),
                quantity,
                status: i64::from(stock.in_stock),
            });
        }
    }

    /// Inserts a row, or updates the one that has its SKU and source.
    fn save(&mut self, item: SourceItem) {
        let key = key(&item.sku, &item.source);
        let id = self.items.get(&key).map(|known| known.id);
        let id = id.unwrap_or_else(|| {
            self.last += 1;
            self.last
        });
        self.items.insert(key, SourceItem { id, ..item });
    }

    fn of_skus(&self, skus: &[&str]) -> Vec<&SourceItem> {
        let mut keys: Vec<String> = skus.iter().map(|sku| collation::key(sku)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.iter()
            .flat_map(|sku| {
                let from = (sku.clone(), String::new());
                self.items
                    .range(from..)
                    .take_while(move |((of, _), _)| of == sku)
                    .map(|(_, item)| item)
            })
            .collect()
    }

    /// Every item by SKU and source.
    pub(super) fn dump(&self) -> Value {
        let mut dump = Record::new();
        for item in self.items.values() {
            let entry = dump.entry(item.sku.clone()).or_insert_with(|| json!({}));
            entry[&item.source] = json!({
                "meta": {}, "quantity": php::float(item.quantity), "status": item.status,
            });
        }
        dump.sort_keys();
        dump.into()
    }
}

impl SourceItem {
    fn render(&self) -> Value {
        json!({
            "sku": self.sku,
            "source_code": self.source,
            "quantity": php::float(self.quantity),
            "status": self.status,
        })
    }
}

static ITEM: Shape = Shape {
    interface: "\\Magento\\InventoryApi\\Api\\Data\\SourceItemInterface",
    fields: &[
        ("sku", Type::Text),
        ("source_code", Type::Text),
        ("quantity", Type::Float),
        ("status", Type::Int),
        ("extension_attributes", Type::Mixed),
    ],
};

static ITEM_ROW: Type = Type::Object(&ITEM);

const ITEMS: Resource = Resource {
    acl: "Magento_InventoryApi::source",
    kind: "source_item",
    service: Service {
        interface: "Magento\\InventoryApi\\Api\\SourceItemRepositoryInterface",
        class: "Magento\\Inventory\\Model\\SourceItemRepository",
    },
};
const SAVE: Resource = Resource {
    acl: "Magento_InventoryApi::stock_source_item_assign",
    service: Service {
        interface: "Magento\\InventoryApi\\Api\\SourceItemsSaveInterface",
        class: "Magento\\Inventory\\Model\\SourceItem\\Command\\SourceItemsSave",
    },
    ..ITEMS
};
const DELETE: Resource = Resource {
    service: Service {
        interface: "Magento\\InventoryApi\\Api\\SourceItemsDeleteInterface",
        class: "Magento\\Inventory\\Model\\SourceItem\\Command\\SourceItemsDelete",
    },
    ..SAVE
};

const BODY: &[Param] = &[Param::new("sourceItems", Type::List(&ITEM_ROW))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    ITEMS.endpoint("GET", "inventory/source-items", "getList", &[], list),
    SAVE.endpoint("POST", "inventory/source-items", "execute", BODY, save),
    DELETE.endpoint(
        "POST",
        "inventory/source-items-delete",
        "execute",
        BODY,
        delete,
    ),
];

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let criteria = context.criteria()?;
    let items = match criteria.exactly("sku") {
        Some(skus) => catalogue.sources.of_skus(&skus),
        None => catalogue.sources.items.values().collect(),
    };
    let by = |name: &str| match name {
        "sku" | "source_code" => Some(Comparison::Text),
        "source_item_id" | "quantity" | "status" => Some(Comparison::Number),
        _ => None,
    };
    let hits = criteria
        .select(items.into_iter(), by, |item: &SourceItem, name| {
            Some(match name {
                "sku" => item.sku.as_str().into(),
                "source_code" => item.source.as_str().into(),
                "source_item_id" => item.id.to_string().into(),
                "quantity" => item.quantity.to_string().into(),
                _ => item.status.to_string().into(),
            })
        })
        .map_err(|unknown| unknown.internal(context.moment))?;
    Ok(criteria.answer(&hits, |item| item.render()))
}

fn rows(args: &Args) -> Result<Vec<&Record>, Problem> {
    let rows: Vec<&Record> = args
        .list("sourceItems")
        .iter()
        .filter_map(Value::as_object)
        .collect();
    if rows.is_empty() {
        return Err(Problem::new(400, "Input data is empty"));
    }
    Ok(rows)
}

/// All or nothing: one bad row refuses the list.
fn save(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let rows = rows(args)?;
    for row in &rows {
        check(row, &catalogue.stock_sources)?;
    }
    for row in rows {
        let item = SourceItem {
            id: 0,
            sku: records::text(row, "sku").to_owned(),
            source: records::text(row, "source_code").to_owned(),
            quantity: row
                .get("quantity")
                .and_then(Value::as_f64)
                .unwrap_or_default(),
            status: records::number(row, "status").unwrap_or_default(),
        };
        let product = catalogue.products.find_mut(&item.sku);
        if let Some(product) = product.filter(|_| item.source == DEFAULT) {
            product.stock.quantity = Some(item.quantity);
            product.stock.in_stock = item.status == 1;
        }
        catalogue.sources.save(item);
    }
    Ok(json!([]))
}

fn check(row: &Record, sources: &Records) -> Result<(), Problem> {
    let invalid = |message: &str, field: &str| {
        Problem::several_named(
            "Validation Failed",
            vec![Problem::with(400, message, json!({ "field": field }))],
        )
    };
    for field in ["sku", "source_code"] {
        if records::text(row, field).trim().is_empty() {
            return Err(invalid("\"%field\" can not be empty.", field));
        }
    }
    let (sku, source) = (records::text(row, "sku"), records::text(row, "source_code"));
    if sku.trim() != sku {
        return Err(invalid(
            "\"%field\" can not contain leading or trailing spaces.",
            "sku",
        ));
    }
    if source.contains(char::is_whitespace) {
        return Err(invalid(
            "\"%field\" can not contain whitespaces.",
            "source_code",
        ));
    }
    if row.get("quantity").is_none_or(Value::is_null) {
        return Err(invalid("\"%field\" should be numeric.", "quantity"));
    }
    if !matches!(records::number(row, "status"), Some(0 | 1)) {
        return Err(invalid("\"%field\" should a known status.", "status"));
    }
    if sources.find("source_code", source).is_none() {
        return Err(Problem::new(400, "Could not save Source Item"));
    }
    Ok(())
}

fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    for row in rows(args)? {
        let (sku, source) = (records::text(row, "sku"), records::text(row, "source_code"));
        let known = catalogue.sources.items.remove(&key(sku, source)).is_some();
        let product = catalogue.products.find_mut(sku);
        if let Some(product) = product.filter(|_| known && source == DEFAULT) {
            product.stock.quantity = Some(0.0);
            product.stock.in_stock = false;
        }
    }
    Ok(json!([]))
}
