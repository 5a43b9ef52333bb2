//! gitmage makes a Magento 2 store match what a Git repository says, field by field, and can always
//! put back what was there before. A commit on the watched branch is a release; reverting the commit
//! is the rollback.
//!
//! # The code map
//!
//! | module | holds |
//! |---|---|
//! | [`domain`] | plain values: kinds, keys, fields, desired and observed state, releases; no I/O |
//! | `yaml` | YAML documents as trees with places, for [`manifest`] and [`settings`] |
//! | [`manifest`] | release files: from the bytes of one commit to the desired state, with every finding |
//! | [`plan`] | pure planning: the rollback rule (`layers`), what commits make of it, what is sent and in which order |
//! | [`ports`] | what the core needs of the world, as traits, with errors by what happens next |
//! | [`git`] | the watched repository, the ledger on the rollback branch, file-system events |
//! | [`store`] | Magento over REST: OAuth, search, single-field writes, errors |
//! | [`reconcile`] | a pass: observe, plan, snapshot, write, verify, record; resume; the lease |
//! | [`settings`] | `gitmage.yaml` and its secrets |
//! | [`assembly`] | the composition root: from settings to adapters and reconcilers |
//! | [`daemon`] | triggers, requeues, systemd, the control socket |
//! | [`cli`] | one file per verb |
//! | [`sandbox`] | an embedded store that speaks Magento's REST dialect |
//!
//! Arrows run one way: `domain <- manifest, plan <- ports <- git, store`, then
//! `reconcile <- assembly <- daemon, cli`. Adapters never import each other; a test reads the `use`
//! lines and keeps it so.
//!
//! # The path of a push
//!
//! ```text
//!  refs move, poll, signal          Git: the watched branch            Git: the rollback branch
//!        │                                   │                                  │
//!  daemon::environment ──▶ reconcile::pass ──┤                                  │
//!        (what wakes it)                     ▼                                  ▼
//!                          reconcile::walk: commits,           reconcile::ledger: Book =
//!                          their words, DesiredState           releases + managed slots
//!                          (manifest)  │                              │
//!                                      ▼                              ▼
//!               plan::compose: looks, then commit by commit: naming (who is named),
//!               statements (whose), commit + layers (the rule)  ──▶  releases, targets
//!                                      │
//!  store::observe ─▶ Observation ──────┤
//!                                      ▼
//!               plan::work ─▶ plan::room, plan::decide  ──▶  what is sent, in which order
//!                                      │
//!                   `plan` prints it ──┤
//!                                      ▼
//!               reconcile::hold: snapshot + lease committed   ──▶  Recorded
//!                                      │
//!               reconcile::execute: write, verify, restore    ──▶  store::write
//!                                      │
//!               reconcile::outcome: what became of it, held   ──▶  ledger commit
//! ```
//!
//! # The concepts on that path
//!
//! Files: *release file*, *statement*, *desired state*, *difference*. Git: *commit*, *words*, *claim*,
//! *naming*, *draft*. The rule: *slot*, *base*, *layer*, *demand*, *held*, *target*, *look*, *edit*,
//! *deletion*. Planning: *release*, *pass*, *work*, *goal*, *room*, *decision*, *action*. Carrying out:
//! *observation*, *snapshot*, *lease*, *attempt*, *outcome*, *failure*, *parked*. The ledger: *book*,
//! *standing*.
//!
//! # What always holds
//!
//! - No write without its snapshot already in the ledger: only [`reconcile`]'s recorded pass can be
//!   carried out, and only committing the snapshot makes one.
//! - A field that is not listed is never sent; what Magento would change besides is known by the
//!   kind's table ([`domain::kinds`]) and carried along or refused.
//! - A slot shows what its uppermost layer says; taking a release back takes its layers away, wherever
//!   they lie.
//! - Reading and writing are separate traits, and planning is a plain function: a plan cannot write.
//! - The ledger only fast-forwards, by compare-and-swap on its reference.
//! - Nothing of the watched repository is executed; trees are read from the object database.
//!
//! # To add something
//!
//! - A kind of entity: a table in `domain/kinds`, and its line in the list of [`domain::Kind`]. Reading and
//!   writing it takes code in [`store`] only where its route is like no other, and a resource in [`sandbox`].
//! - A command: a file in [`cli`], its variant in `cli::Command`, its line in the README's table.
//! - An exchange that a real store was seen to answer: a file in `src/tests/recordings` and its line in
//!   `src/tests/recordings.rs`, which replays it against the sandbox.
//! - A fault of the rollback rule: its seed in `what_failed_once` of `plan/tests/histories.rs`, or, with
//!   failures and crashes, a test in `reconcile/tests`.
pub mod assembly;
pub mod cli;
pub mod daemon;
pub mod domain;
pub mod git;
pub mod manifest;
pub mod plan;
pub mod ports;
pub mod reconcile;
pub mod sandbox;
pub mod settings;
pub mod store;
mod yaml;
