//! Entity kinds: one file with one table each, and the one list that knows them all.

mod attribute_option;
mod base_price;
mod cart_rule;
mod category;
mod category_product;
mod cms_block;
mod cms_page;
mod coupon;
mod customer_group;
mod field;
mod product;
mod product_attribute;
mod row;
mod source_item;
mod spec;
mod special_price;
mod tax_rate;
mod tax_rule;
mod tier_price;
mod tree;
mod value;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use field::{
    Charset, FieldPlace, FieldScope, FieldSpec, FieldType, Owner, Referent, ValueProblem,
};
pub(crate) use row::fields_of_product;
pub use spec::{
    Access, Acl, Among, Aside, Bulk, EntityType, KindSpec, Probe, Route, SWATCH, Scoping, Unique,
    UpdateStyle, VIEW_VALUES,
};
pub(crate) use tree::read as read_tree;
pub(crate) use value::{check_charset, set, type_name};

/// Every kind, in the order in which entities are created.
static KINDS: &[&KindSpec] = &[
    &cms_block::TABLE,
    &tax_rate::TABLE,
    &tax_rule::TABLE,
    &customer_group::TABLE,
    &cms_page::TABLE,
    &product_attribute::TABLE,
    &attribute_option::TABLE,
    &category::TABLE,
    &product::TABLE,
    &category_product::TABLE,
    &base_price::TABLE,
    &special_price::TABLE,
    &tier_price::TABLE,
    &source_item::TABLE,
    &cart_rule::TABLE,
    &coupon::TABLE,
];

/// A kind of entity: a reference to its table.
#[derive(Clone, Copy)]
pub struct Kind(&'static KindSpec);

impl Kind {
    /// Every kind, in the order in which entities are created.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        KINDS.iter().map(|spec| Self(spec))
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.name == name)
    }

    /// CMS blocks.
    pub const CMS_BLOCK: Self = Self(&cms_block::TABLE);
    /// CMS pages.
    pub const CMS_PAGE: Self = Self(&cms_page::TABLE);
    /// Product attributes.
    pub const PRODUCT_ATTRIBUTE: Self = Self(&product_attribute::TABLE);
    /// Options of product attributes.
    pub const ATTRIBUTE_OPTION: Self = Self(&attribute_option::TABLE);
    /// Categories.
    pub const CATEGORY: Self = Self(&category::TABLE);
    /// Products.
    pub const PRODUCT: Self = Self(&product::TABLE);
    /// Tax rates.
    pub const TAX_RATE: Self = Self(&tax_rate::TABLE);
    /// Tax rules.
    pub const TAX_RULE: Self = Self(&tax_rule::TABLE);
    /// Customer groups.
    pub const CUSTOMER_GROUP: Self = Self(&customer_group::TABLE);
    /// Tier prices.
    pub const TIER_PRICE: Self = Self(&tier_price::TABLE);
    /// Cart rules.
    pub const CART_RULE: Self = Self(&cart_rule::TABLE);
    /// Coupons.
    pub const COUPON: Self = Self(&coupon::TABLE);
}

impl std::ops::Deref for Kind {
    type Target = KindSpec;
    fn deref(&self) -> &KindSpec {
        self.0
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0) || self.name == other.name
    }
}

impl Eq for Kind {}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        match std::ptr::eq(self.0, other.0) {
            true => Ordering::Equal,
            false => (self.level, self.name).cmp(&(other.level, other.name)),
        }
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", self.name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| D::Error::custom(format!("unknown kind {name:?}")))
    }
}
