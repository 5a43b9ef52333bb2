//! The activity of a pass: phases with their times, and lines.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Event, Progress};
use crate::domain::{Activity, EntityRef, Level, Phase, PhaseName};

/// Gathers what happens in a pass, and tells it on.
pub(super) struct Journal {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    progress: Progress,
    phases: Vec<Phase>,
    lines: Vec<Activity>,
}

impl Journal {
    pub(super) fn new(now: Arc<dyn Fn() -> Timestamp + Send + Sync>, progress: Progress) -> Self {
        Self {
            now,
            progress,
            phases: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Ends the phase that runs and begins the next.
    pub(super) fn begin(&mut self, name: PhaseName) {
        let at = (self.now)();
        self.end_at(at);
        self.phases.push(Phase {
            name,
            started_at: at,
            finished_at: None,
        });
        (self.progress)(Event::Phase { name });
    }

    /// Ends the phase that runs.
    pub(super) fn end(&mut self) {
        self.end_at((self.now)());
    }

    fn end_at(&mut self, at: Timestamp) {
        if let Some(last) = self.phases.last_mut() {
            last.finished_at.get_or_insert(at);
        }
    }

    pub(super) fn line(&mut self, level: Level, message: impl Into<String>) {
        self.push(level, None, message.into());
    }

    pub(super) fn about(&mut self, level: Level, entity: &EntityRef, message: impl Into<String>) {
        self.push(level, Some(entity), message.into());
    }

    fn push(&mut self, level: Level, entity: Option<&EntityRef>, message: String) {
        let line = Activity {
            at: (self.now)(),
            phase: self
                .phases
                .last()
                .map_or(PhaseName::Validate, |phase| phase.name),
            level,
            kind: entity.map(|e| e.kind),
            key: entity.map(|e| e.key.clone()),
            store: entity.map(|e| e.store.clone()),
            message,
        };
        (self.progress)(Event::Line {
            activity: line.clone(),
        });
        self.lines.push(line);
    }

    pub(super) fn phases(&self) -> &[Phase] {
        &self.phases
    }

    pub(super) fn lines(&self) -> &[Activity] {
        &self.lines
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.now)()
    }
}
