//! The demo that comes with the program: a small base model, two thousand examples, and settings that suit them.

use std::path::{Path, PathBuf};

use crate::disk::{DiskError, write_atomic};
use crate::train::{Length, TrainSettings};

/// The model's files, by name.
const MODEL: [(&str, &[u8]); 5] = [
    ("config.json", include_bytes!("../../assets/demo-model/config.json")),
    ("generation_config.json", include_bytes!("../../assets/demo-model/generation_config.json")),
    ("tokenizer.json", include_bytes!("../../assets/demo-model/tokenizer.json")),
    ("tokenizer_config.json", include_bytes!("../../assets/demo-model/tokenizer_config.json")),
    ("model.safetensors", include_bytes!("../../assets/demo-model/model.safetensors")),
];

const EXAMPLES: (&str, &[u8]) = ("examples.jsonl", include_bytes!("../../sample_data/examples.jsonl"));

/// Where the demo was unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoPlace {
    /// A Hugging Face folder.
    pub model: PathBuf,
    pub data: PathBuf,
}

/// Unpacks the demo into `folder`. Files that are there already, byte for byte, are left alone.
///
/// # Errors
/// When the folder cannot be written.
pub fn unpack_demo(folder: &Path) -> Result<DemoPlace, DiskError> {
    let place = DemoPlace { model: folder.join("demo-model"), data: folder.join(EXAMPLES.0) };
    std::fs::create_dir_all(&place.model)
        .map_err(|error| DiskError::new("make the demo's folder", &place.model, error))?;
    for (name, bytes) in MODEL {
        put(&place.model.join(name), bytes)?;
    }
    put(&place.data, EXAMPLES.1)?;
    Ok(place)
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let is_there = std::fs::read(path).is_ok_and(|found| found == bytes);
    if is_there { Ok(()) } else { write_atomic(path, bytes) }
}

/// Settings that suit the demo's model and examples: well under a minute on two cores that have nothing else to do.
pub fn demo_settings() -> TrainSettings {
    TrainSettings {
        rank: 16,
        heads: 5,
        batch: 16,
        accumulate: 1,
        context: 96,
        lr: 3e-3,
        length: Length::Epochs(8.0),
        ..TrainSettings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_unpacks_twice_into_one_folder_and_mends_what_was_changed() -> Result<(), DiskError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = unpack_demo(folder.path())?;
        std::fs::write(&place.data, "spoilt").expect("a write");
        assert_eq!(unpack_demo(folder.path())?, place);
        assert_eq!(std::fs::read(&place.data).expect("a read"), EXAMPLES.1);
        assert!(place.model.join("model.safetensors").is_file());
        Ok(())
    }

    #[test]
    fn the_settings_make_sense() {
        assert_eq!(demo_settings().validate(), Ok(()));
    }
}
