//! The topics of a corpus on disk: `clusters.json`, a plain file that a person can read.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::book::{BookTopic, TopicBook, TopicOrigin};
use crate::disk::{DiskError, write_atomic};

/// The file's usual name.
pub const CLUSTERS_FILE: &str = "clusters.json";
/// The version of the file that this program writes; older ones are read, newer ones refused.
const FORMAT: u64 = 1;

/// Topics that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BookFileError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("these topics are of a newer version of Hydra Studio (format {found}, this one knows {FORMAT}); update to read them: {}", path.display())]
    Newer { found: u64, path: PathBuf },
    #[error("these topics are damaged ({reason}); restore the file from a copy, or find the topics anew: {}", path.display())]
    Damaged { reason: String, path: PathBuf },
    #[error("these topics are of {found} examples, and the data at hand has {here}: import the data that they were found in, or find topics anew: {}", path.display())]
    OtherData { found: usize, here: usize, path: PathBuf },
}

/// What stands in every version of the file.
#[derive(Deserialize)]
struct Version {
    format: u64,
}

/// The file as it stands on disk.
#[derive(Serialize, Deserialize)]
struct BookFile {
    format: u64,
    /// The number of topics.
    heads: usize,
    #[serde(flatten)]
    origin: TopicOrigin,
    topics: Vec<BookTopic>,
    /// The id of every example's topic, in the order of the examples; −1 is noise.
    labels: Vec<i64>,
}

impl TopicBook {
    /// Writes the topics; the changes that led to them are not kept.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, path: &Path) -> Result<(), BookFileError> {
        let file = BookFile {
            format: FORMAT,
            heads: self.topics.len(),
            origin: self.origin.clone(),
            topics: self.topics.clone(),
            labels: self.labels.iter().map(|label| label.map_or(-1, i64::from)).collect(),
        };
        let at = |error: serde_json::Error| DiskError::at("write the topics", path)(error.into());
        Ok(write_atomic(path, &serde_json::to_vec(&file).map_err(at)?)?)
    }

    /// Reads topics of `texts` texts.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, of a newer version, or of other data.
    pub fn read(path: &Path, texts: usize) -> Result<Self, BookFileError> {
        let damaged = |reason: String| BookFileError::Damaged { reason, path: path.to_path_buf() };
        let bytes = std::fs::read(path).map_err(DiskError::at("read the topics", path))?;
        let version: Version = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if version.format > FORMAT {
            return Err(BookFileError::Newer { found: version.format, path: path.to_path_buf() });
        }
        let file: BookFile = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if file.labels.len() != texts {
            return Err(BookFileError::OtherData { found: file.labels.len(), here: texts, path: path.to_path_buf() });
        }
        let mut ids: Vec<u32> = file.topics.iter().map(|topic| topic.id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(damaged("two topics have one id".into()));
        }
        let is_known = |id: u32| file.topics.iter().any(|topic| topic.id == id);
        let label = |label: &i64| match u32::try_from(*label) {
            Ok(id) if is_known(id) => Ok(Some(id)),
            Err(_) if *label == -1 => Ok(None),
            _ => Err(damaged(format!("an example is of topic {label}, which is not in the file"))),
        };
        let labels = file.labels.iter().map(label).collect::<Result<Vec<_>, _>>()?;
        let next_id = ids.last().map_or(0, |id| id.saturating_add(1));
        Ok(Self { origin: file.origin, topics: file.topics, labels, next_id, ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{TopicFeatures, TopicMethod};

    fn book() -> TopicBook {
        let origin = TopicOrigin {
            method: TopicMethod::Density,
            features: TopicFeatures::Model,
            seed: u64::MAX,
            asked: Some(2),
            advice: "Use 2 heads.".into(),
            sse: vec![0.1 + 0.2, 0.1],
            silhouette: vec![0.0, 0.5],
        };
        let mut book = TopicBook::new(origin, vec![Some(0), Some(1), None], 2);
        book.rename(1, "値段").unwrap();
        book
    }

    #[test]
    fn a_book_is_read_back_as_it_was_written_without_its_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CLUSTERS_FILE);
        book().write(&path).unwrap();
        let read = TopicBook::read(&path, 3).unwrap();
        let written = book();
        assert_eq!((read.topics(), read.labels()), (written.topics(), written.labels()));
        assert_eq!((&read.origin, read.next_id, read.undo_name()), (&written.origin, 2, None));
    }

    #[test]
    fn newer_damaged_and_foreign_files_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CLUSTERS_FILE);
        let read_after = |from: &str, to: &str| {
            book().write(&path).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{text}");
            std::fs::write(&path, text.replace(from, to)).unwrap();
            TopicBook::read(&path, 3).unwrap_err().to_string()
        };
        assert!(read_after("\"format\":1", "\"format\":2").contains("newer version of Hydra Studio (format 2"));
        assert!(read_after("[0,1,-1]", "[0,7,-1]").contains("of topic 7, which is not in the file"));
        assert!(read_after("\"id\":1", "\"id\":0").contains("two topics have one id"));
        assert!(read_after("[0,1,-1]", "[0,1]").contains("2 examples, and the data at hand has 3"));
        assert!(read_after("\"labels\"", "\"label\"").contains("damaged"));
        assert!(TopicBook::read(&folder.path().join("none.json"), 3).is_err());
    }
}
