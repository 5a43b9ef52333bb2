//! The examples are what people copy: they must be without any finding.

use std::path::Path;

use super::loader;
use crate::manifest::DirTree;

#[test]
fn every_example_is_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let loaded = loader().load(&DirTree::new(&root)).unwrap();
    assert_eq!(loaded.findings.to_string(), "");
    let releases = loaded
        .files
        .keys()
        .filter(|path| path.starts_with("releases/"));
    let on_disk = std::fs::read_dir(root.join("releases")).unwrap().count();
    assert_eq!(releases.count(), on_disk);
    assert_eq!(loaded.names().len(), on_disk);
}
