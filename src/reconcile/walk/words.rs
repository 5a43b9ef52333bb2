//! What commits say of reverting, and what they change.

use std::collections::BTreeMap;

use super::{Walker, change_between};
use crate::domain::CommitId;
use crate::manifest::Loaded;
use crate::plan::{ChangeId, Message, Revision, Words, claims};
use crate::ports::{CommitInfo, Source};
use crate::reconcile::error::PassError;

impl<S: Source> Walker<'_, S> {
    /// What a commit and those that it brings in say of reverting.
    pub(super) fn words(
        &self,
        info: &CommitInfo,
        brought: &[CommitInfo],
    ) -> Result<Words, PassError> {
        let own = Message {
            commit: info.id.clone(),
            own: true,
            text: info.message.clone(),
        };
        let brought = brought.iter().map(|info| Message {
            commit: info.id.clone(),
            own: false,
            text: info.message.clone(),
        });
        let messages: Vec<Message> = std::iter::once(own).chain(brought).collect();
        let mut words = Words {
            repository: self.source.name().map(|own| (own.name, own.is_certain)),
            ..Words::default()
        };
        for id in messages
            .iter()
            .flat_map(|message| claims(&message.text).ids)
        {
            if words.ids.contains_key(&id) {
                continue;
            }
            if let Some(commit) = self.source.resolve_id(&id)? {
                if let Some(change) = self.change_of(&commit)? {
                    words.changes.insert(commit.clone(), change);
                }
                words.ids.insert(id, commit);
            }
        }
        words.messages = messages;
        Ok(words)
    }

    /// The commits that came in with another one, by what they can be called.
    pub(super) fn revisions(&self, brought: &[CommitInfo]) -> Result<Vec<Revision>, PassError> {
        let revisions = brought.iter().map(|info| {
            let change = self.change_of_info(info)?;
            let id = info.id.clone();
            Ok(Revision::new(id, &info.message, change, BTreeMap::new()))
        });
        revisions.collect()
    }

    /// What a commit changes in the release files.
    fn change_of(&self, commit: &CommitId) -> Result<Option<ChangeId>, PassError> {
        self.change_of_info(&self.source.commit(commit)?)
    }

    pub(super) fn change_of_info(&self, info: &CommitInfo) -> Result<Option<ChangeId>, PassError> {
        let before = match info.parents.first() {
            Some(parent) => self.load(parent)?,
            None => Loaded::default(),
        };
        let after = self.load(&info.id)?;
        Ok(match before.files == after.files {
            true => None,
            false => change_between(&before.state, &after.state),
        })
    }
}
