//! The parts that kinds have in common whose entities are rows of a product: prices and stock.

use super::Kind;
use super::field::{FieldSpec, FieldType, Owner, ValueProblem};
pub(super) use super::product::check_key as check_sku;
use super::spec::{Probe, Route, UpdateStyle};
use crate::domain::key::{self, KeyShape};
use crate::domain::{EntityKey, EntityRef, StoreScope};

/// Prices: `DECIMAL(20,6)` without the decimals, and never below nothing.
pub(super) const PRICE: FieldType = FieldType::Decimal {
    min: 0,
    max: 99_999_999_999_999,
};

/// The SKU of the product that a row belongs to.
pub(super) const SKU: FieldSpec = FieldSpec::new(
    "sku",
    FieldType::Text { max_chars: 64 },
    "The product's SKU; the `key` of the change names it.",
)
.owned_by(Owner::Key)
.required();

/// A route of rows: what is read, and what one request writes.
pub(super) const fn route(
    access: super::Access,
    collection: &'static str,
    read: &'static str,
    wrapper: &'static str,
    rows: usize,
    probes: &'static [Probe],
) -> Route {
    Route {
        access,
        collection,
        search: read,
        wrapper,
        id_column: "sku",
        key_column: "sku",
        id_field: "sku",
        carry: &[],
        rows,
        bulk: None,
        update: UpdateStyle::Partial,
        probes,
    }
}

/// Returns what is wrong with the SKU that a key of several parts begins with.
pub(super) fn check_first_part(key: &str) -> Option<ValueProblem> {
    check_sku(key::parts(key).first()?)
}

/// The product that a row belongs to.
pub(super) fn of_product(row: &EntityRef) -> Vec<EntityRef> {
    row.product().into_iter().collect()
}

/// The fields of the product that hold the same values as rows of a kind.
pub(crate) fn fields_of_product(kind: Kind) -> &'static [&'static str] {
    match kind.name {
        "base_price" => &["price"],
        "special_price" => &["special_price", "special_from_date", "special_to_date"],
        "tier_price" => &["tier_prices"],
        _ => &[],
    }
}

impl EntityRef {
    /// The SKU of a row of prices or stock.
    pub fn sku(&self) -> String {
        match self.kind.key {
            KeyShape::Parts(_) => {
                let parts = key::parts(self.key.as_str());
                parts.into_iter().next().unwrap_or_default()
            }
            KeyShape::Plain | KeyShape::Path => self.key.as_str().to_owned(),
        }
    }

    /// The product of a row of prices or stock.
    pub fn product(&self) -> Option<Self> {
        Some(Self {
            kind: Kind::PRODUCT,
            key: EntityKey::new(self.sku()).ok()?,
            store: StoreScope::All,
        })
    }
}
