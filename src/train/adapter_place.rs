//! Where an adapter is: an adapter folder stands for itself, a run folder for its best checkpoint.

use std::path::{Path, PathBuf};

use super::checkpoint::read_state;
use super::run_file::RUN_FILE;
use super::{Best, RunError, RunFile, list_checkpoints};
use crate::adapter::CardInfo;

/// An adapter folder, and the run it is of where it is of one.
#[derive(Clone, Debug)]
pub struct AdapterPlace {
    pub folder: PathBuf,
    /// Which checkpoint a run folder stood for, in words.
    pub chosen: Option<String>,
    pub run: Option<RunFile>,
}

impl AdapterPlace {
    /// The adapter folder that `path` stands for: of a run folder its best checkpoint, or the last where none was
    /// measured; any other folder itself, whether or not there is an adapter in it.
    ///
    /// # Errors
    /// When the path is a run folder that is damaged, of a newer version, or without a checkpoint.
    pub fn find(path: &Path) -> Result<Self, RunError> {
        if !path.join(RUN_FILE).is_file() {
            // A checkpoint lies inside its run. One that was copied elsewhere has no run to tell of, which is no fault.
            let run = path.parent().and_then(|parent| RunFile::read(parent).ok());
            return Ok(Self { folder: path.to_path_buf(), chosen: None, run });
        }
        let run = RunFile::read(path)?;
        let best = Best::read(path)?.map(|best| {
            let chosen = format!("{}, the best of the run (held-out loss {:.4})", best.name, best.loss);
            (path.join(best.name), chosen)
        });
        let last = || {
            let last = list_checkpoints(path)?.pop().ok_or_else(|| RunError::NoAdapter { path: path.to_path_buf() })?;
            let name = super::checkpoint_name(last.step);
            Ok::<_, RunError>((last.path, format!("{name}, the last of the run")))
        };
        let (folder, chosen) = best.map_or_else(last, Ok)?;
        Ok(Self { folder, chosen: Some(chosen), run: Some(run) })
    }

    /// What the model card says of the adapter: the run's data and settings and the checkpoint's losses, where there is
    /// a run.
    pub fn card(&self) -> CardInfo {
        let Some(run) = &self.run else { return CardInfo::default() };
        let state = read_state(&self.folder).ok();
        CardInfo {
            held_out_before: state.as_ref().and_then(|state| state.first_held_out),
            held_out_after: state.as_ref().and_then(|state| state.last_held_out),
            ..run.card()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::train::run_file::tests::example;

    #[test]
    fn a_folder_that_is_no_run_stands_for_itself() {
        let dir = tempfile::tempdir().unwrap();
        let place = AdapterPlace::find(dir.path()).unwrap();
        assert_eq!((place.folder.as_path(), place.chosen.clone()), (dir.path(), None));
        assert_eq!(place.card(), CardInfo::default());
    }

    #[test]
    fn a_run_stands_for_its_best_checkpoint_or_else_its_last() {
        let dir = tempfile::tempdir().unwrap();
        example().write(dir.path()).unwrap();
        let error = AdapterPlace::find(dir.path()).unwrap_err();
        assert!(matches!(error, RunError::NoAdapter { .. }), "{error}");
        for step in [9, 10, 20] {
            fs::create_dir(dir.path().join(format!("checkpoint-{step}"))).unwrap();
        }
        let last = AdapterPlace::find(dir.path()).unwrap();
        assert_eq!(last.folder, dir.path().join("checkpoint-20"));
        assert!(last.chosen.unwrap().contains("the last"));
        Best { step: 10, loss: 1.5, name: "checkpoint-10".into() }.write(dir.path()).unwrap();
        let best = AdapterPlace::find(dir.path()).unwrap();
        assert_eq!(best.folder, dir.path().join("checkpoint-10"));
        assert!(best.chosen.as_ref().unwrap().contains("1.5000"));
        assert_eq!(best.card().data, example().card().data);
    }

    #[test]
    fn a_checkpoint_named_itself_still_knows_its_run() {
        let dir = tempfile::tempdir().unwrap();
        example().write(dir.path()).unwrap();
        let place = AdapterPlace::find(&dir.path().join("checkpoint-10")).unwrap();
        assert_eq!(place.run, Some(example()));
    }
}
