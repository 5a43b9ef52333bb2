//! The catalogue and what sells it: products, categories, attributes, prices, stock, promotions,
//! customer groups and taxes.
//!
//! Each kind is a file with its data objects, its routes and what they do. A fresh store has what
//! Magento installs: system attributes, one attribute set, the root and the default category, four
//! customer groups, two tax classes and the default source.
//!
//! # Where it departs from Magento
//! - Products are simple ones. Links between products, custom options and images are read and
//!   dropped, and so are the values of attributes of other product types.
//! - Saving never deadlocks, URL rewrites are not kept (in a store view a URL key is unique
//!   among products, and among the children of a category), and nothing is indexed: what was written is there at once.
//! - System attributes are those that matter to releases, with the flags of new ones.

mod attribute;
mod attribute_option;
mod attribute_routes;
mod attribute_set;
mod cart_rule;
mod category;
mod category_link;
mod category_routes;
mod category_save;
mod coupon;
mod customer;
mod customer_group;
mod dump;
mod eav;
mod edit;
mod price;
mod product;
mod product_save;
mod records;
mod source;
mod source_item;
mod stock;
mod stores;
mod system;
mod tax;
mod tax_class;
mod tax_rate;
mod tax_rule;
mod tier_price;

use serde_json::Value;

use super::service::Endpoint;
use super::shop::Moment;
use attribute::Attributes;
use category::Categories;
use product::Products;
use records::Records;
use source_item::Sources;

pub(super) use edit::KINDS as EDITABLE_KINDS;

/// All entities beside pages and blocks.
#[derive(Clone)]
pub(super) struct Catalogue {
    attributes: Attributes,
    category_attributes: Attributes,
    sets: Records,
    products: Products,
    categories: Categories,
    sources: Sources,
    stock_sources: Records,
    customers: Records,
    customer_groups: Records,
    tax_classes: Records,
    tax_rates: Records,
    tax_rules: Records,
    cart_rules: Records,
    coupons: Records,
}

impl Catalogue {
    /// Returns what Magento installs.
    pub(super) fn installed(moment: &Moment) -> Self {
        Self {
            attributes: Attributes::new(system::product()),
            category_attributes: Attributes::new(system::category()),
            sets: attribute_set::installed(),
            products: Products::default(),
            categories: Categories::installed(&moment.database),
            sources: Sources::default(),
            stock_sources: source::installed(),
            customers: Records::new("id", 1),
            customer_groups: customer_group::installed(),
            tax_classes: tax_class::installed(),
            tax_rates: Records::new("id", 1),
            tax_rules: Records::new("id", 1),
            cart_rules: Records::new("rule_id", 1),
            coupons: Records::new("coupon_id", 1),
        }
    }
}

/// The route that a request takes, with the parameters in its path.
pub(super) fn find(
    verb: &str,
    segments: &[&str],
) -> Option<(&'static Endpoint, Vec<(String, Value)>)> {
    let matching = endpoints().filter_map(|endpoint| {
        let params = endpoint.matches(verb, segments)?;
        Some((endpoint, params))
    });
    matching.max_by_key(|(endpoint, _)| endpoint.literals())
}

/// The route of a list of calls for the queue.
pub(super) fn find_bulk(verb: &str, segments: &[&str]) -> Option<&'static Endpoint> {
    endpoints().find(|endpoint| endpoint.matches_bulk(verb, segments))
}

fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    [
        attribute_routes::ENDPOINTS,
        attribute_option::ENDPOINTS,
        attribute_set::ENDPOINTS,
        cart_rule::ENDPOINTS,
        category_routes::ENDPOINTS,
        category_link::ENDPOINTS,
        coupon::ENDPOINTS,
        customer::ENDPOINTS,
        customer_group::ENDPOINTS,
        price::ENDPOINTS,
        product::ENDPOINTS,
        source::ENDPOINTS,
        source_item::ENDPOINTS,
        stores::ENDPOINTS,
        tax_class::ENDPOINTS,
        tax_rate::ENDPOINTS,
        tax_rule::ENDPOINTS,
        tier_price::ENDPOINTS,
    ]
    .into_iter()
    .flatten()
}
