//! Walks over a history: against sets that are made from the commits' parents.

use std::collections::{BTreeMap, BTreeSet};

use super::exclusive::Graph;
use crate::domain::CommitId;
use crate::ports::Source as _;

/// For each commit, by name, all that it reaches; itself too.
type Reached = BTreeMap<String, BTreeSet<String>>;

/// Random histories of commits whose clocks are off, or that have no date at all.
fn random_history(seed: u64, size: u64) -> (Graph, Reached) {
    let mut state = seed;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut graph = Graph::new(&[]);
    let mut reached = Reached::new();
    for n in 0..size {
        let mut parents = BTreeSet::new();
        for _ in 0..=random(3) / 2 {
            if n > 0 && random(20) > 0 {
                parents.insert(n - 1 - random(n.min(5)));
            }
        }
        let hours = match random(4) {
            0 => "-".to_owned(),
            1 => random(400).to_string(),
            _ => (n * 4 + random(16)).to_string(),
        };
        let names: Vec<String> = parents.iter().map(|p| format!("n{p}")).collect();
        let name = format!("n{n}");
        graph.add(&format!("{name}: {}@{hours}", names.join(" ")));
        let mut own = BTreeSet::from([name.clone()]);
        for parent in names {
            own.extend(reached[&parent].iter().cloned());
        }
        reached.insert(name, own);
    }
    (graph, reached)
}

fn check(graph: &Graph, reached: &Reached, what: &str) {
    let source = graph.source();
    let name_of: BTreeMap<&CommitId, &str> = graph
        .commits
        .iter()
        .map(|(name, id)| (id, name.as_str()))
        .collect();
    let all: BTreeSet<CommitId> = graph.commits.values().cloned().collect();
    for (name, id) in &graph.commits {
        let above = source.descendants(id, &all).unwrap();
        let above: BTreeSet<&str> = above.iter().map(|id| name_of[id]).collect();
        let expected = reached.iter().filter(|(_, own)| own.contains(name));
        let expected: BTreeSet<&str> = expected.map(|(name, _)| name.as_str()).collect();
        assert_eq!(above, expected, "descendants of {name}, {what}");
        for (other, other_id) in graph.commits.iter().step_by(3) {
            assert_eq!(
                source.is_ancestor(id, other_id).unwrap(),
                reached[other].contains(name),
                "{name} before {other}, {what}"
            );
            let common: BTreeSet<&String> = reached[name].intersection(&reached[other]).collect();
            let is_best = |base: &str| {
                let is_below = |c: &&&String| c.as_str() != base && reached[**c].contains(base);
                common.iter().find(is_below).is_none()
            };
            match source.merge_base(id, other_id).unwrap() {
                None => assert!(common.is_empty(), "{name} and {other}, {what}"),
                Some(base) => {
                    let base = name_of[&base];
                    assert!(
                        common.iter().any(|c| *c == base) && is_best(base),
                        "{base} of {name} and {other}, {what}"
                    );
                }
            }
        }
    }
}

#[test]
fn walks_are_right_whatever_the_dates_are() {
    for seed in [1, 2, 3] {
        let (graph, reached) = random_history(seed, 40);
        check(&graph, &reached, &format!("seed {seed}"));
    }
}

#[test]
fn walks_are_right_with_a_commit_graph_of_a_part_of_the_history() {
    let (graph, reached) = random_history(4, 40);
    for part in ["n12 n15", "n25 n31", "n38 n39"] {
        let ids = part.split(' ').map(|name| graph.commits[name].as_str());
        for (n, id) in ids.enumerate() {
            let name = format!("refs/heads/part{n}");
            graph.site.git(&["update-ref", &name, id]);
        }
        graph.site.git(&["commit-graph", "write", "--reachable"]);
        check(&graph, &reached, &format!("with a graph of {part}"));
    }
    let written = graph.site.path("work/.git/objects/info/commit-graph");
    // One that is damaged is as good as none.
    std::fs::set_permissions(
        &written,
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    std::fs::write(&written, "damaged").unwrap();
    check(&graph, &reached, "with a damaged graph");
}

#[test]
fn of_several_merge_bases_it_is_the_youngest() {
    let graph = Graph::new(&["r:@1", "a: r@2", "b: r@3", "x: a b@4", "y: b a@5"]);
    let source = graph.source();
    let base = source.merge_base(&graph.commits["x"], &graph.commits["y"]);
    assert_eq!(base.unwrap().as_ref(), Some(&graph.commits["b"]));
}

#[test]
fn grafts_and_replacements_change_nothing() {
    let graph = Graph::new(&["a:@1", "b: a@2", "c: b@3", "alone:@4"]);
    let of = |name: &str| &graph.commits[name];
    let grafts = graph.site.path("work/.git/info");
    std::fs::create_dir_all(&grafts).unwrap();
    std::fs::write(
        grafts.join("grafts"),
        format!("{}\n{} {}\n", of("c"), of("alone"), of("b")),
    )
    .unwrap();
    graph
        .site
        .git(&["replace", of("b").as_str(), of("alone").as_str()]);
    let source = graph.source();
    assert!(source.is_ancestor(of("a"), of("c")).unwrap());
    assert!(!source.is_ancestor(of("a"), of("alone")).unwrap());
    assert_eq!(source.merge_base(of("alone"), of("c")).unwrap(), None);
    assert_eq!(source.first_parents(of("c"), None).unwrap().len(), 3);
    assert_eq!(graph.brought("c", &["a"]), "b");
}
