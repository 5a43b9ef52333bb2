//! Somebody who edits in Magento meanwhile, over REST with keys of the store.

use std::io::BufReader;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::signing::Signing;
use crate::support::shop::{SECRETS, Shop, own_page};
use crate::support::wire::{Message, exchange};

/// Entities that no release names, with a field to edit.
pub(crate) const UNMANAGED: [[&str; 4]; 6] = [
    ["cms_page", "about-us", "all", "content"],
    ["cms_page", "privacy-policy", "all", "title"],
    ["cms_page", "impressum", "de", "meta_title"],
    ["cms_block", "footer-links", "all", "content"],
    ["cms_block", "shipping-banner", "de", "title"],
    ["cms_block", "shipping-banner", "fr", "content"],
];

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Saves one field of one entity.
pub(crate) fn edit(shop: &Shop, [kind, key, store, field]: [&str; 4], text: &str) {
    let dump = own_page(&shop.url, "GET", "dump", "");
    let id = &dump[kind][key][store]["meta"]["id"];
    let id = id.to_string().trim_matches('"').to_owned();
    let (route, object) = match kind {
        "cms_block" => ("cmsBlock", "block"),
        _ => ("cmsPage", "page"),
    };
    let path = format!("/rest/{store}/V1/{route}/{id}");
    let body = json!({object: {"id": id.parse::<u64>().unwrap(), "identifier": key, field: text}});
    let status = put(shop, &path, &body);
    assert_eq!(status, 200, "{kind} {key} {store} {field}");
}

fn put(shop: &Shop, path: &str, body: &Value) -> u16 {
    let address = shop.url.strip_prefix("http://").unwrap();
    let body = body.to_string();
    loop {
        let signature = Signing::of(SECRETS.map(|name| shop.oauth[name].as_str().unwrap()))
            .header("PUT", &format!("{}{path}", shop.url));
        let request = Message {
            start: format!("PUT {path} HTTP/1.1"),
            headers: format!(
                "Host: {address}\r\nAuthorization: {signature}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            ),
            body: body.clone().into_bytes(),
        };
        let store = TcpStream::connect(address).unwrap();
        store.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut store = BufReader::new(store);
        // Faults of the store hit the external editor too, who tries again: the same value, so that nothing
        // is in doubt.
        let Ok(answer) = exchange(&mut store, &request) else {
            continue;
        };
        let status: u16 = answer.start.split(' ').nth(1).unwrap().parse().unwrap();
        let refused = String::from_utf8_lossy(&answer.body).contains("Not today");
        if !matches!(status, 429 | 500..) && !refused {
            return status;
        }
    }
}
