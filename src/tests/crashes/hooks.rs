//! Hooks of the shared repository that kill the daemon around a push of the ledger.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// When the daemon dies, and what becomes of the push, which goes on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// Before the push, which comes to nothing.
    Refused,
    /// Before the push, which is carried out all the same.
    Orphaned,
    /// After the push, before its answer.
    Landed,
}

const PRE: &str = r#"#!/bin/sh
# Counts the pushes of the ledger; kills the daemon at the one that the file `push` names.
here=$(dirname "$0")/..
while read -r _ _ ref; do
  case $ref in refs/heads/rollback/*) ledger=yes ;; esac
done
[ -n "$ledger" ] || exit 0
echo >> "$here/pushes"
[ -e "$here/push" ] || exit 0
read -r nth when < "$here/push"
[ "$(wc -l < "$here/pushes")" -eq "$nth" ] || exit 0
: > "$here/reached"
case $when in
  Refused) kill -9 "$(cat "$here/pid")"; exit 1 ;;
  Orphaned) kill -9 "$(cat "$here/pid")" ;;
  Landed) : > "$here/strike" ;;
esac
exit 0
"#;

const POST: &str = r#"#!/bin/sh
here=$(dirname "$0")/..
[ -e "$here/strike" ] || exit 0
rm "$here/strike"
kill -9 "$(cat "$here/pid")"
"#;

/// Puts the hooks into a bare repository.
pub(crate) fn install(bare: &Path) {
    for (name, text) in [("pre-receive", PRE), ("post-receive", POST)] {
        let path = bare.join("hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Counts anew, with or without a push to die at.
pub(crate) fn plan(bare: &Path, plan: Option<(usize, Push)>) {
    for name in ["pushes", "push", "reached", "strike"] {
        // What is not there needs no removing.
        let _ = std::fs::remove_file(bare.join(name));
    }
    if let Some((nth, push)) = plan {
        std::fs::write(bare.join("push"), format!("{nth} {push:?}\n")).unwrap();
    }
}

/// True if the push to die at has begun: the daemon is dead, or as good as.
pub(crate) fn reached(bare: &Path) -> bool {
    bare.join("reached").exists()
}

/// Pushes of the ledger since the last plan.
pub(crate) fn pushes(bare: &Path) -> usize {
    std::fs::read_to_string(bare.join("pushes")).map_or(0, |text| text.lines().count())
}
