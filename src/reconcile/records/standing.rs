//! `standing/<sequence>.yaml`: how the layers of a release lie, so that its status needs no walk.

use serde::{Deserialize, Serialize};

use super::{Files, RecordError, parse, yaml};
use crate::domain::ReleaseStatus;
use crate::plan::{Seq, Standing};

#[derive(Debug, Serialize, Deserialize)]
struct StandingFile {
    status: ReleaseStatus,
    uppermost: usize,
    covered: usize,
    unshown: usize,
    parked: usize,
    stated: usize,
    open: usize,
}

/// The file of a release's standing.
pub(crate) fn standing_path(release: Seq) -> String {
    format!("standing/{release}.yaml")
}

/// What it holds.
pub(crate) fn write_standing(
    release: Seq,
    status: ReleaseStatus,
    standing: Standing,
) -> Result<Vec<u8>, RecordError> {
    let Standing {
        uppermost,
        covered,
        unshown,
        parked,
        stated,
        open,
    } = standing;
    let file = StandingFile {
        status,
        uppermost,
        covered,
        unshown,
        parked,
        stated,
        open,
    };
    yaml(&standing_path(release), &file)
}

/// Reads how the layers of a release lie.
pub(crate) fn read_standing(release: Seq, files: &Files) -> Result<Standing, RecordError> {
    let StandingFile {
        status: _,
        uppermost,
        covered,
        unshown,
        parked,
        stated,
        open,
    } = parse(&standing_path(release), files)?;
    Ok(Standing {
        uppermost,
        covered,
        unshown,
        parked,
        stated,
        open,
    })
}
