//! Presets: settings under a name. The user's own are settings files in one folder, each called as its preset, so that
//! they can be copied and shared; some come with the program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::adapter::Target;
use crate::disk::DiskError;
use crate::model::BaseType;
use crate::train::{Length, Schedule, SettingsFileError, TrainSettings, read_settings, write_settings};

/// Longest name, in letters.
const MOST_LETTERS: usize = 60;

/// Letters that a file's name cannot have on some system.
const NOT_IN_NAMES: [char; 9] = ['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

const ENDING: &str = "toml";

/// A name that a file can have on every system.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PresetName(String);

impl PresetName {
    /// The name that `text` gives, without blanks around it.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.trim();
        if name.is_empty() {
            return Err("Give the preset a name.".to_owned());
        }
        if name.chars().count() > MOST_LETTERS {
            return Err(format!("Use at most {MOST_LETTERS} letters."));
        }
        let is_bad = |letter: &char| NOT_IN_NAMES.contains(letter) || letter.is_control();
        if let Some(bad) = name.chars().find(is_bad) {
            return Err(format!("The name becomes a file's, which cannot hold {bad:?}."));
        }
        if name.starts_with('.') || name.ends_with('.') {
            return Err("The name becomes a file's, which cannot begin or end with a full stop.".to_owned());
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether some systems would take both names for one file.
    pub fn is_same_file(&self, other: &Self) -> bool {
        self.0.to_lowercase() == other.0.to_lowercase()
    }

    fn file(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.{ENDING}", self.0))
    }
}

/// Settings under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    pub name: PresetName,
    pub settings: TrainSettings,
}

/// Why presets could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum PresetError {
    #[error(transparent)]
    File(#[from] SettingsFileError),
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The presets of a folder by name, and why files that look like one are none. No folder is no preset.
pub fn list_presets(folder: &Path) -> (Vec<Preset>, Vec<String>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = entries.filter(|path| path.is_file() && path.extension().is_some_and(|ending| ending == ENDING));
    let (mut presets, mut faults) = (Vec::new(), Vec::new());
    for path in files {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        match (PresetName::parse(&name), read_settings(&path)) {
            (Ok(name), Ok(settings)) => presets.push(Preset { name, settings }),
            (_, Err(error)) => faults.push(format!("A preset is left out: {error}")),
            (Err(fault), _) => faults.push(format!("A preset is left out. {fault} {}", path.display())),
        }
    }
    presets.sort_by_key(|preset| preset.name.0.to_lowercase());
    (presets, faults)
}

/// Makes the folder hold `after` in place of `before`. Files that neither names are left alone.
///
/// # Errors
/// When a file cannot be written or removed; what comes before it is done.
pub fn keep_presets(folder: &Path, before: &[Preset], after: &[Preset]) -> Result<(), PresetError> {
    fs::create_dir_all(folder).map_err(DiskError::at("make the folder", folder))?;
    let gone = before.iter().filter(|preset| after.iter().all(|other| other.name != preset.name));
    // One that only changes its capitals may be the same file: it goes before the other is written.
    let (renamed, gone): (Vec<&Preset>, Vec<&Preset>) =
        gone.partition(|preset| after.iter().any(|other| other.name.is_same_file(&preset.name)));
    for preset in renamed {
        remove(&preset.name.file(folder))?;
    }
    for preset in after.iter().filter(|preset| !before.contains(preset)) {
        write_settings(&preset.name.file(folder), &preset.settings)?;
    }
    for preset in gone {
        remove(&preset.name.file(folder))?;
    }
    Ok(())
}

fn remove(file: &Path) -> Result<(), DiskError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DiskError::new("remove the file", file, error))
        }
        _ => Ok(()),
    }
}

/// The presets that come with the program, and what each is for.
pub fn built_in_presets() -> Vec<(Preset, &'static str)> {
    let named = |name: &str, settings: TrainSettings| Preset { name: PresetName(name.to_owned()), settings };
    vec![
        (named("Defaults", TrainSettings::default()), "What every setting starts with."),
        (
            named("Paper's defaults", paper()),
            "As in the published code: rank 4, alpha 32, four heads on the feed-forward part, learning rate 2e-4.",
        ),
        (
            named("Small memory", small_memory()),
            "One row at a time, activations computed again, the base model in 8 bits. Slower, and learns the same or \
             nearly so.",
        ),
        (
            named("Quick check", quick_check()),
            "Thirty steps on short examples, to see that all fits together before a long run.",
        ),
    ]
}

/// The training script of the published HydraLoRA code.
fn paper() -> TrainSettings {
    TrainSettings {
        rank: 4,
        alpha: Some(32.0),
        heads: 4,
        dropout: 0.05,
        targets: vec![Target::Gate, Target::Up, Target::Down],
        length: Length::Epochs(1.0),
        batch: 1,
        accumulate: 8,
        context: 1024,
        lr: 2e-4,
        schedule: Schedule::Cosine,
        warmup: 0.03,
        max_grad_norm: 1.0,
        weight_decay: 0.0,
        seed: 41,
        ..TrainSettings::default()
    }
}

fn small_memory() -> TrainSettings {
    TrainSettings { batch: 1, accumulate: 8, recompute: true, base: BaseType::Q8_0, ..TrainSettings::default() }
}

fn quick_check() -> TrainSettings {
    TrainSettings { length: Length::Steps(30), context: 256, samples: 1, sample_tokens: 24, ..TrainSettings::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(name: &str, rank: usize) -> Preset {
        let settings = TrainSettings { rank, ..TrainSettings::default() };
        Preset { name: PresetName::parse(name).unwrap(), settings }
    }

    #[test]
    fn presets_are_files_that_come_and_go_with_them() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("presets");
        assert_eq!(list_presets(&folder), (Vec::new(), Vec::new()));
        let (a, b) = (preset("Großer Laden", 9), preset("b", 2));
        keep_presets(&folder, &[], &[a.clone(), b.clone()]).unwrap();
        assert_eq!(list_presets(&folder).0, [b.clone(), a.clone()]);
        let renamed = preset("B", 2);
        keep_presets(&folder, &[a.clone(), b], &[renamed.clone(), a.clone()]).unwrap();
        assert_eq!(list_presets(&folder).0, [renamed, a.clone()]);
        keep_presets(&folder, std::slice::from_ref(&a), &[Preset { settings: TrainSettings::default(), ..a.clone() }])
            .unwrap();
        let text = fs::read_to_string(folder.join("Großer Laden.toml")).unwrap();
        assert_eq!(text.lines().count(), 1, "only what differs from the defaults is written: {text}");
    }

    #[test]
    fn a_file_that_is_no_preset_is_told_and_the_others_are_there() {
        let folder = tempfile::tempdir().unwrap();
        keep_presets(folder.path(), &[], &[preset("good", 3)]).unwrap();
        fs::write(folder.path().join("bad.toml"), "rank = 3\nranks = 4\n").unwrap();
        fs::write(folder.path().join("notes.txt"), "nothing").unwrap();
        let (presets, faults) = list_presets(folder.path());
        assert_eq!(presets, [preset("good", 3)]);
        assert!(
            matches!(faults.as_slice(), [fault] if fault.contains("line 2") && fault.contains("bad.toml")),
            "{faults:?}"
        );
    }

    #[test]
    fn a_name_that_no_file_can_have_is_refused() {
        for name in ["", "  ", "a/b", "..", ".hidden", "a:b", "line\nbreak", &"x".repeat(61)] {
            assert!(PresetName::parse(name).is_err(), "{name:?}");
        }
        assert_eq!(PresetName::parse(" Grüße 日本 ").unwrap().as_str(), "Grüße 日本");
    }

    #[test]
    fn what_comes_with_the_program_can_be_trained_with() {
        for (preset, _) in built_in_presets() {
            assert_eq!(preset.settings.validate(), Ok(()), "{:?}", preset.name);
            assert!(PresetName::parse(preset.name.as_str()).is_ok());
        }
    }
}
