//! The stock item of a product: what Magento had before sources, kept in step with the default one.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::super::php;
use super::super::shape::{Shape, Type};
use super::records::Record;

/// A product's stock item.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StockItem {
    pub(super) item_id: u64,
    /// Unknown until it is first set.
    pub(super) quantity: Option<f64>,
    pub(super) in_stock: bool,
    pub(super) low_stock_date: Option<String>,
    /// The other members, where they are not the default.
    settings: Record,
}

pub(super) static STOCK_ITEM: Shape = Shape {
    interface: "\\Magento\\CatalogInventory\\Api\\Data\\StockItemInterface",
    fields: &[
        ("item_id", Type::Int),
        ("product_id", Type::Int),
        ("stock_id", Type::Int),
        ("qty", Type::Float),
        ("is_in_stock", Type::Bool),
        ("is_qty_decimal", Type::Bool),
        ("show_default_notification_message", Type::Bool),
        ("use_config_min_qty", Type::Bool),
        ("min_qty", Type::Float),
        ("use_config_min_sale_qty", Type::Int),
        ("min_sale_qty", Type::Float),
        ("use_config_max_sale_qty", Type::Bool),
        ("max_sale_qty", Type::Float),
        ("use_config_backorders", Type::Bool),
        ("backorders", Type::Int),
        ("use_config_notify_stock_qty", Type::Bool),
        ("notify_stock_qty", Type::Float),
        ("use_config_qty_increments", Type::Bool),
        ("qty_increments", Type::Float),
        ("use_config_enable_qty_inc", Type::Bool),
        ("enable_qty_increments", Type::Bool),
        ("use_config_manage_stock", Type::Bool),
        ("manage_stock", Type::Bool),
        ("low_stock_date", Type::Text),
        ("is_decimal_divided", Type::Bool),
        ("stock_status_changed_auto", Type::Int),
        ("extension_attributes", Type::Mixed),
    ],
};

/// The values of a stock item that was given nothing.
static DEFAULTS: LazyLock<Record> = LazyLock::new(|| {
    let defaults = json!({
        "is_qty_decimal": false,
        "show_default_notification_message": false,
        "use_config_min_qty": true,
        "min_qty": 0,
        "use_config_min_sale_qty": 1,
        "min_sale_qty": 1,
        "use_config_max_sale_qty": true,
        "max_sale_qty": 10000,
        "use_config_backorders": true,
        "backorders": 0,
        "use_config_notify_stock_qty": true,
        "notify_stock_qty": 1,
        "use_config_qty_increments": true,
        "qty_increments": 0,
        "use_config_enable_qty_inc": true,
        "enable_qty_increments": false,
        "use_config_manage_stock": true,
        "manage_stock": true,
        "is_decimal_divided": false,
        "stock_status_changed_auto": 0,
    });
    match defaults {
        Value::Object(defaults) => defaults,
        _ => Record::new(),
    }
});

impl StockItem {
    pub(super) fn new(item_id: u64) -> Self {
        Self {
            item_id,
            quantity: None,
            in_stock: false,
            low_stock_date: None,
            settings: Record::new(),
        }
    }

    /// All members but quantity, availability and ids.
    fn settings(&self) -> impl Iterator<Item = (&String, &Value)> {
        DEFAULTS
            .iter()
            .map(|(name, value)| (name, self.settings.get(name).unwrap_or(value)))
    }

    pub(super) fn render(&self, product: u64) -> Value {
        let mut item = Record::new();
        let mut set = |name: &str, value: Value| {
            item.insert(name.to_owned(), value);
        };
        set("item_id", self.item_id.into());
        set("product_id", product.into());
        set("stock_id", 1.into());
        set("qty", self.quantity.map_or(Value::Null, php::float));
        set("is_in_stock", self.in_stock.into());
        set("low_stock_date", self.low_stock_date.clone().into());
        for (name, value) in self.settings() {
            set(name, value.clone());
        }
        item.into()
    }

    /// Lays what was sent over the item. Whether quantity or availability were among it.
    pub(super) fn update(&mut self, sent: &Record) -> bool {
        let quantity = sent.get("qty").and_then(Value::as_f64);
        let in_stock = sent.get("is_in_stock").and_then(Value::as_bool);
        self.quantity = quantity.or(self.quantity);
        self.in_stock = in_stock.unwrap_or(self.in_stock);
        for (name, value) in sent {
            if DEFAULTS.contains_key(name) && !value.is_null() {
                self.settings.insert(name.clone(), value.clone());
            }
        }
        quantity.is_some() || in_stock.is_some()
    }

    /// Notes since when the stock is low; every save but the first one looks.
    pub(super) fn note_low_stock(&mut self, now: &str) {
        let low = self.quantity.unwrap_or_default() <= 1.0;
        if !low {
            self.low_stock_date = None;
        } else if self.low_stock_date.is_none() {
            self.low_stock_date = Some(now.to_owned());
        }
    }

    pub(super) fn dump(&self) -> Value {
        let settings = self.settings();
        let mut fields: Record = settings.map(|(n, v)| (n.clone(), v.clone())).collect();
        // Taking a source item away leaves 0 where there was nothing: the same to a shop.
        let quantity = self.quantity.unwrap_or_default();
        fields.insert("qty".to_owned(), php::float(quantity));
        fields.insert("is_in_stock".to_owned(), self.in_stock.into());
        fields.sort_keys();
        fields.into()
    }
}
