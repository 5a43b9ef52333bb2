//! Websites, groups and store views: read only, and always the same.

use serde_json::Value;

use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Resource, Service};
use super::super::views;
use super::Catalogue;

const fn stores(interface: &'static str, class: &'static str) -> Resource {
    Resource {
        acl: "Magento_Backend::store",
        kind: "store",
        service: Service { interface, class },
    }
}

pub(super) static ENDPOINTS: &[Endpoint] = &[
    stores(
        "Magento\\Store\\Api\\StoreRepositoryInterface",
        "Magento\\Store\\Model\\StoreRepository",
    )
    .endpoint(
        "GET",
        "store/storeViews",
        "getList",
        &[],
        |_: &mut Catalogue, _: &Args, _: &Context<'_>| Ok(views::listing()),
    ),
    stores(
        "Magento\\Store\\Api\\GroupRepositoryInterface",
        "Magento\\Store\\Model\\GroupRepository",
    )
    .endpoint(
        "GET",
        "store/storeGroups",
        "getList",
        &[],
        |_: &mut Catalogue, _: &Args, _: &Context<'_>| Ok(views::groups()),
    ),
    stores(
        "Magento\\Store\\Api\\WebsiteRepositoryInterface",
        "Magento\\Store\\Model\\WebsiteRepository",
    )
    .endpoint("GET", "store/websites", "getList", &[], websites),
];

fn websites(_: &mut Catalogue, _: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    Ok(views::websites())
}
