//! `gitmage demo`: the whole story in one command.

mod scene;
mod voice;

use std::process::ExitCode;
use std::time::Instant;

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, fail};
use crate::domain::{Release, ReleaseKind, ReleaseStatus};
use scene::{BRANCH, Scene, commit_and_push, git, write};
use voice::Voice;

const RELEASE_PATH: &str = "releases/black-friday.yaml";
const RELEASE: &str = include_str!("demo/black-friday.yaml");
const CONTENT_PATH: &str = "content/home.html";
const CONTENT: &str = include_str!("demo/home.html");

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Leave the directory with both repositories and the log
    #[arg(long)]
    keep: bool,
}

pub(super) async fn run(context: &Context, Args { keep }: Args) -> ExitCode {
    let begun = Instant::now();
    let mut voice = Voice::new(context.color);
    voice.say("gitmage makes a Magento store match a Git repository: a push deploys, a revert rolls back.");
    let opened = tokio::select! {
        opened = Scene::open() => opened,
        () = interrupted() => Err("interrupted".to_owned()),
    };
    let mut scene = match opened {
        Ok(scene) => scene,
        Err(error) => return fail(&error),
    };
    let told = tokio::select! {
        told = story(&mut scene, &mut voice) => told,
        () = interrupted() => Err("interrupted".to_owned()),
    };
    if let Err(error) = told {
        let tail = scene.log_tail();
        scene.close(keep).await;
        eprintln!("\nthe daemon's log ends with:\n{tail}\n");
        return fail(&error);
    }
    if let Some(dir) = scene.close(keep).await {
        let dir = dir.display();
        voice.say(&format!("\nEverything is left in {dir}. Try:"));
        for command in [
            format!("gitmage releases --config {dir}/gitmage.yaml"),
            format!("gitmage show main~1 --config {dir}/gitmage.yaml"),
            format!("git -C {dir}/shop.git log --stat {BRANCH}"),
            format!("cat {dir}/daemon.log"),
            format!("rm -r {dir}"),
        ] {
            voice.command(&command);
        }
        voice.say("The store of the demo has ended with it; `gitmage sandbox` starts another.");
    }
    voice.say(&format!(
        "\nThat was all of it, in {:.1} s.",
        begun.elapsed().as_secs_f64()
    ));
    ExitCode::SUCCESS
}

/// Ctrl-C or SIGTERM; what was started is cleared away by the caller.
async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn story(scene: &mut Scene, voice: &mut Voice) -> Result<(), String> {
    let first = before(scene, voice);
    let release = deploy(scene, voice).await?;
    ledger(scene, voice)?;
    let rollback = revert(scene, voice, &release).await?;
    voice.chapter("The store is as it was");
    if without_meta(scene.sandbox.dump()) != first {
        return Err("the store differs from what it was before the release".to_owned());
    }
    voice.good("every field of every page and block is identical to what it was before the push");
    voice.say(&format!(
        "   The rollback is a release too ({}): reverting it deploys Black Friday again.",
        rollback.id.short()
    ));
    voice.chapter("The daemon stops when it is asked to");
    voice.command("kill -TERM <the daemon>");
    scene.stop_daemon().await?;
    voice.good("it had nothing in hand and ended with status 0");
    Ok(())
}

/// Shows the store; the answer is what it holds.
fn before(scene: &Scene, voice: &mut Voice) -> Value {
    let dump = without_meta(scene.sandbox.dump());
    voice.chapter("A shop, a repository, a daemon between them");
    voice.say(&format!("   store       {}", scene.sandbox.url()));
    voice.say("   repository  shop.git, branch main; the daemon watches it");
    voice.say("   The hero block on the shop's home page is, right now:");
    let hero = &dump["cms_block"]["home-hero"]["all"];
    let content = find_text(hero, "content").unwrap_or_default();
    voice.quote(content);
    dump
}

async fn deploy(scene: &mut Scene, voice: &mut Voice) -> Result<Release, String> {
    voice.chapter("A release is a file that says what shall be");
    let clone = scene.clone_dir();
    write(&clone, RELEASE_PATH, RELEASE)?;
    write(&clone, CONTENT_PATH, CONTENT)?;
    voice.say(&format!("   {RELEASE_PATH}:"));
    voice.quote(RELEASE);
    voice.chapter("Pushing it deploys it");
    voice.command("git commit -m 'Black Friday' && git push");
    let pushed = Instant::now();
    commit_and_push(&clone, "Black Friday")?;
    let commit = head(scene)?;
    let release = scene
        .wait_for("the release went live", |releases| {
            let release = releases.iter().find(|r| r.commit.as_str() == commit)?;
            ended(release).then(|| release.clone())
        })
        .await?;
    let took = pushed.elapsed();
    expect(&release, ReleaseStatus::Live)?;
    voice.fields(&release);
    voice.good(&format!(
        "live and verified {:.2} s after the push began: {}",
        took.as_secs_f64(),
        release.message.as_deref().unwrap_or_default()
    ));
    Ok(release)
}

/// Shows the rollback branch.
fn ledger(scene: &Scene, voice: &mut Voice) -> Result<(), String> {
    voice.chapter("What was there before is on the rollback branch");
    let bare = scene.root().join("shop.git");
    voice.command(&format!("git log --oneline {BRANCH}"));
    voice.quote(&git(&bare, &["log", "--oneline", BRANCH])?);
    voice.command(&format!("git ls-tree -r --name-only {BRANCH}"));
    voice.quote(&git(&bare, &["ls-tree", "-r", "--name-only", BRANCH])?);
    voice.say("   The snapshot was committed before the first write, so it cannot be lost.");
    Ok(())
}

async fn revert(
    scene: &mut Scene,
    voice: &mut Voice,
    release: &Release,
) -> Result<Release, String> {
    voice.chapter("Reverting the commit rolls it back");
    let clone = scene.clone_dir();
    voice.command("git revert --no-edit HEAD && git push");
    let pushed = Instant::now();
    git(&clone, &["revert", "--no-edit", "HEAD"])?;
    git(&clone, &["push", "--quiet", "origin", "main"])?;
    let commit = head(scene)?;
    let (rollback, reverted) = scene
        .wait_for("the rollback went live", |releases| {
            let rollback = releases.iter().find(|r| r.commit.as_str() == commit)?;
            let reverted = releases.iter().find(|r| r.id == release.id)?;
            ended(rollback).then(|| (rollback.clone(), reverted.clone()))
        })
        .await?;
    let took = pushed.elapsed();
    expect(&rollback, ReleaseStatus::Live)?;
    expect(&reverted, ReleaseStatus::RolledBack)?;
    if rollback.kind != ReleaseKind::Rollback {
        return Err(format!("the revert became a {}", rollback.kind));
    }
    voice.fields(&rollback);
    voice.good(&format!(
        "rolled back and verified {:.2} s after the push began: {}",
        took.as_secs_f64(),
        rollback.message.as_deref().unwrap_or_default()
    ));
    Ok(rollback)
}

fn head(scene: &Scene) -> Result<String, String> {
    Ok(git(&scene.clone_dir(), &["rev-parse", "HEAD"])?
        .trim()
        .to_owned())
}

fn ended(release: &Release) -> bool {
    release.finished_at.is_some()
        && matches!(
            release.status,
            ReleaseStatus::Live
                | ReleaseStatus::Failed
                | ReleaseStatus::Invalid
                | ReleaseStatus::RolledBack
        )
}

fn expect(release: &Release, status: ReleaseStatus) -> Result<(), String> {
    if release.status == status {
        return Ok(());
    }
    Err(format!(
        "release {} is {}, not {status}: {}",
        release.id.short(),
        release.status,
        release.message.as_deref().unwrap_or_default()
    ))
}

/// The dump without ids and times, which a new entity cannot have in common with the old one.
fn without_meta(mut dump: Value) -> Value {
    fn strip(value: &mut Value) {
        if let Value::Object(map) = value {
            map.shift_remove("meta");
            map.values_mut().for_each(strip);
        }
    }
    strip(&mut dump);
    dump
}

/// The text of a field, wherever in an entity it is.
fn find_text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    let map = value.as_object()?;
    map.get(field)
        .and_then(Value::as_str)
        .or_else(|| map.values().find_map(|inner| find_text(inner, field)))
}
