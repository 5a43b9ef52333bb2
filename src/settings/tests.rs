#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
use super::*;
#[test]
fn p() {
    println!("{}", serde_json::to_string_pretty(&schema()).unwrap());
}
