//! Websites, groups and store views: read only, and always the same.

use serde_json::Value;

use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Run, Service};
use super::super::views;
use super::Catalogue;

const fn endpoint(
    path: &'static str,
    interface: &'static str,
    class: &'static str,
    run: Run,
) -> Endpoint {
    Endpoint {
        verb: "GET",
        path,
        acl: "Magento_Backend::store",
        kind: "store",
        service: Service { interface, class },
        method: "getList",
        params: &[],
        run,
    }
}

pub(super) static ENDPOINTS: &[Endpoint] = &[
    endpoint(
        "store/storeViews",
        "Magento\\Store\\Api\\StoreRepositoryInterface",
        "Magento\\Store\\Model\\StoreRepository",
        |_: &mut Catalogue, _: &Args, _: &Context<'_>| Ok(views::listing()),
    ),
    endpoint(
        "store/storeGroups",
        "Magento\\Store\\Api\\GroupRepositoryInterface",
        "Magento\\Store\\Model\\GroupRepository",
        |_: &mut Catalogue, _: &Args, _: &Context<'_>| Ok(views::groups()),
    ),
    endpoint(
        "store/websites",
        "Magento\\Store\\Api\\WebsiteRepositoryInterface",
        "Magento\\Store\\Model\\WebsiteRepository",
        websites,
    ),
];

fn websites(_: &mut Catalogue, _: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    Ok(views::websites())
}
