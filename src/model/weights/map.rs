//! A file mapped into memory: weights are paged in as they are read, and never copied whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::model::ModelError;

/// A read-only mapping of a file that is not empty.
pub struct MappedFile {
    path: PathBuf,
    map: Mmap,
}

impl MappedFile {
    /// Maps `path`. Errs where it does not exist, is not a plain file, is empty, or may not be read.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let io = |source| ModelError::io(path, source);
        // Asked before opening, which would wait without end on a pipe.
        let metadata = fs::metadata(path).map_err(io)?;
        if !metadata.is_file() {
            return Err(ModelError::bad_file(path, "a file of weights was expected here, and this is none"));
        }
        if metadata.len() == 0 {
            return Err(ModelError::bad_file(path, "the file is empty; download it again"));
        }
        let file = File::open(path).map_err(io)?;
        // SAFETY: a mapping is sound as long as nobody changes the file beneath it. This program opens it for reading
        // only, never writes into the folder of a base model, and reads the mapping as plain bytes whose meaning is
        // checked before use, so that changed content can give wrong numbers but no undefined structure. What remains is
        // that another program cuts the file short meanwhile, which ends this one as any pulled medium would; copying
        // gigabytes of weights into memory to exclude that is not worth its price.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(&file) }.map_err(io)?;
        Ok(Self { path: path.to_owned(), map })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn bytes(&self) -> &[u8] {
        &self.map
    }
}
