//! The example, the schema and the unit that are shipped agree with the code.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

#[test]
fn the_example_loads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gitmage.yaml");
    let settings = load::read(&path, &nothing).unwrap();
    assert_eq!(settings.warnings, Findings::default());
    assert_eq!(settings.environments.len(), 2);
    // Every default that the example shows as a comment is one.
    let text = std::fs::read_to_string(&path).unwrap();
    let spelled_out = uncomment_settings(&text);
    assert_ne!(spelled_out, text);
    let again = parsed(&spelled_out);
    assert_eq!(again.environments.len(), 2);
    assert_eq!(differences(&settings, &again), Vec::<String>::new());
}

#[test]
fn the_unit_offers_the_credentials_that_the_example_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let unit = std::fs::read_to_string(root.join("systemd/gitmage.service")).unwrap();
    let settings = load::read(&root.join("examples/gitmage.yaml"), &nothing).unwrap();
    let oauth = &settings.environments["production"].store.oauth;
    let named = |source: &SecretSource| match &source.location {
        secrets::Location::Credential(name) => name.clone(),
        other => panic!("the example is for systemd, not {other:?}"),
    };
    for source in [
        &oauth.consumer_key,
        &oauth.consumer_secret,
        &oauth.access_token,
        &oauth.access_token_secret,
    ] {
        let line = format!("\nLoadCredential={}:", named(source));
        assert!(unit.contains(&line), "{line}");
    }
    let token = named(settings.repository.token.as_ref().unwrap());
    assert!(unit.contains(&format!("LoadCredential={token}:")));
}

/// Turns `# key: value` into `key: value`, where the key is one of the configuration's.
fn uncomment_settings(text: &str) -> String {
    let keys: Vec<&str> = [
        parse::TOP_KEYS,
        parse::REPOSITORY_KEYS,
        parse::ENVIRONMENT_KEYS,
        parse::STORE_KEYS,
    ]
    .concat();
    text.lines()
        .map(|line| match line.split_once("# ") {
            Some((indent, rest))
                if indent.trim().is_empty()
                    && rest
                        .split_once(": ")
                        .is_some_and(|(key, _)| keys.contains(&key)) =>
            {
                format!("{indent}{rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect()
}

fn differences(a: &Settings<SecretSource>, b: &Settings<SecretSource>) -> Vec<String> {
    let show = |settings: &Settings<SecretSource>| {
        let environments: Vec<String> = settings
            .environments
            .values()
            .map(|e| {
                format!(
                    "{:?}",
                    (
                        (&e.name, &e.branch, &e.rollback_branch, &e.releases),
                        (
                            &e.store.url,
                            e.store.concurrency,
                            e.store.timeout,
                            e.store.charset
                        ),
                        (e.bootstrap, e.on_failure, e.on_remove),
                        (e.on_conflict, e.history_rewrites, e.writes),
                    )
                )
            })
            .collect();
        let mut all = environments;
        all.push(format!("{:?}", settings.repository.poll_interval));
        all.push(format!("{:?}", settings.state_dir));
        all
    };
    show(a)
        .into_iter()
        .zip(show(b))
        .filter(|(a, b)| a != b)
        .map(|(a, b)| format!("{a} / {b}"))
        .collect()
}

#[test]
fn the_schema_in_the_repository_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/config.schema.json");
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let fresh = serde_json::to_string_pretty(&schema()).unwrap();
    assert!(
        stored.trim_end() == fresh,
        "schemas/config.schema.json is stale; run: gitmage schema config > schemas/config.schema.json"
    );
}

#[test]
fn schema_and_reader_know_the_same_keys_and_defaults() {
    let schema = schema();
    let keys = |object: &Value| -> BTreeSet<String> {
        object["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    let known =
        |keys: &[&str]| -> BTreeSet<String> { keys.iter().map(|k| k.to_string()).collect() };
    let defs = &schema["$defs"];
    assert_eq!(keys(&schema), known(parse::TOP_KEYS));
    assert_eq!(keys(&defs["Repository"]), known(parse::REPOSITORY_KEYS));
    assert_eq!(keys(&defs["Environment"]), known(parse::ENVIRONMENT_KEYS));
    assert_eq!(keys(&defs["Store"]), known(parse::STORE_KEYS));
    assert_eq!(keys(&defs["OAuth"]), known(parse::OAUTH_KEYS));

    // A configuration that spells the schema's defaults out is the minimal one.
    let defaults = |object: &Value, indent: &str| -> String {
        object["properties"]
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(key, property)| Some((key, property.get("default")?)))
            .map(|(key, default)| format!("{indent}{key}: {default}\n"))
            .collect()
    };
    let mut text = defaults(&schema, "");
    for line in minimal().lines() {
        text.push_str(line);
        text.push('\n');
        text.push_str(&match line.trim() {
            "repository:" => defaults(&defs["Repository"], "  "),
            "production:" => defaults(&defs["Environment"], "    "),
            "store:" => defaults(&defs["Store"], "      "),
            _ => String::new(),
        });
    }
    assert_eq!(
        text.lines().count(),
        minimal().lines().count() + 12,
        "{text}"
    );
    let differences = differences(&parsed(&minimal()), &parsed(&text));
    assert_eq!(differences, Vec::<String>::new());
}
