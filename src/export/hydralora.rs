//! The adapter folder as itself: the form that Hydra Studio reads back, lossless.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Tensor;

use crate::adapter::{AdapterError, AdapterSpec, AdapterTensors, CardInfo, folder};
use crate::disk::{DiskError, write_folder_atomic};
use crate::job::{Cancelled, Job};

/// Why an adapter was not exported. Nothing then stands at the target.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    #[error("the tokenizer's files could not be written beside the adapter: {0}")]
    Companions(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("what was read back differs from what was saved, at {what}; the disk may be failing, save somewhere else: {}", path.display())]
    Differs { what: String, path: PathBuf },
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// What is exported.
#[derive(Clone, Copy, Debug)]
pub struct ExportSource<'a> {
    pub tensors: &'a AdapterTensors,
    /// The base model's name or path, for the config and the card.
    pub base_model: &'a str,
    pub card: &'a CardInfo,
}

/// An export that was written, read back and found equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportReport {
    /// File names in the folder, sorted.
    pub files: Vec<String>,
    /// Size of all files together.
    pub bytes: u64,
    /// Tensors compared bit for bit.
    pub tensors: usize,
}

/// Writes the adapter to the folder `out`, which must not exist. `companions` puts the tokenizer's files and the chat
/// template into the folder it is given. Success means that the folder was read back and compared bit for bit.
///
/// # Errors
/// When `out` exists or cannot be written, `companions` errs, the adapter is not whole, what was read back differs, or
/// the job is cancelled.
pub fn export_hydralora(
    out: &Path,
    source: ExportSource<'_>,
    companions: impl FnOnce(&Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>>,
    job: &Job,
) -> Result<ExportReport, ExportError> {
    job.progress(0.0, "writing the adapter");
    write_folder_atomic(out, |temporary| {
        // First, so that no file of theirs can stand in place of one of ours.
        companions(temporary).map_err(ExportError::Companions)?;
        job.check()?;
        folder::write_files(temporary, source.tensors, source.base_model, source.card)?;
        job.check()?;
        job.progress(0.5, "reading it back and comparing");
        let tensors = verify(temporary, source.tensors)?;
        let (files, bytes) = list(temporary)?;
        job.check()?;
        Ok(ExportReport { files, bytes, tensors })
    })
}

/// Reads the adapter folder at `path` and compares it with `expected`, tensors bit for bit. Gives back how many tensors
/// were compared.
///
/// # Errors
/// When the folder cannot be read or anything differs.
pub fn verify(path: &Path, expected: &AdapterTensors) -> Result<usize, ExportError> {
    let differs = |what: String| ExportError::Differs { what, path: path.to_path_buf() };
    let found = folder::read(path, None, Some(expected.layers()))?.tensors;
    if !is_same_spec(&found.spec, &expected.spec) {
        return Err(differs("the settings in the config".into()));
    }
    let (found, expected) = (found.named(), expected.named());
    if found.len() != expected.len() {
        return Err(differs("the number of tensors".into()));
    }
    for ((found_name, found), (name, expected)) in found.iter().zip(&expected) {
        if found_name != name || found.dims() != expected.dims() || bits(found)? != bits(expected)? {
            return Err(differs(format!("tensor `{name}`")));
        }
    }
    Ok(expected.len())
}

/// Equal up to the last digit of the two numbers that travel as decimal text.
fn is_same_spec(a: &AdapterSpec, b: &AdapterSpec) -> bool {
    let is_close = |x: f64, y: f64| (x - y).abs() <= 1e-12 * x.abs().max(y.abs());
    let rounded = AdapterSpec { alpha: b.alpha, dropout: b.dropout, ..a.clone() };
    rounded == *b && is_close(a.alpha, b.alpha) && is_close(a.dropout, b.dropout)
}

fn bits(tensor: &Tensor) -> Result<Vec<u32>, ExportError> {
    let values = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).map_err(AdapterError::from)?;
    Ok(values.into_iter().map(f32::to_bits).collect())
}

/// The names of the files in `folder`, sorted, and their size together.
fn list(folder: &Path) -> Result<(Vec<String>, u64), DiskError> {
    let at = || DiskError::at("list the folder", folder);
    let (mut files, mut bytes) = (Vec::new(), 0);
    for entry in fs::read_dir(folder).map_err(at())? {
        let entry = entry.map_err(at())?;
        bytes += entry.metadata().map_err(at())?.len();
        files.push(entry.file_name().to_string_lossy().into_owned());
    }
    files.sort();
    Ok((files, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::TENSOR_FILE;

    fn golden() -> AdapterTensors {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tiny/adapter_final.safetensors");
        let spec = AdapterSpec { rank: 4, alpha: 8.0, ..AdapterSpec::default() };
        folder::read_tensors(&path, &spec, None, Some(2)).unwrap()
    }

    fn export(out: &Path, tensors: &AdapterTensors, job: &Job) -> Result<ExportReport, ExportError> {
        let source = ExportSource { tensors, base_model: "tiny", card: &CardInfo::default() };
        export_hydralora(out, source, |folder| Ok(fs::write(folder.join("tokenizer.json"), "{}")?), job)
    }

    #[test]
    fn an_export_is_read_back_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let report = export(&out, &golden(), &Job::silent()).unwrap();
        assert_eq!(report.files, ["README.md", "adapter_config.json", "adapter_model.safetensors", "tokenizer.json"]);
        assert_eq!(report.tensors, 14 * 5);
        let sizes = report.files.iter().map(|file| fs::metadata(out.join(file)).unwrap().len());
        assert_eq!(report.bytes, sizes.sum::<u64>());
        assert_eq!(verify(&out, &golden()).unwrap(), 70);
    }

    #[test]
    fn one_changed_bit_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        export(&out, &golden(), &Job::silent()).unwrap();
        let path = out.join(TENSOR_FILE);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 4;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = verify(&out, &golden()).unwrap_err();
        assert!(matches!(error, ExportError::Differs { .. }), "{error}");
    }

    #[test]
    fn a_changed_setting_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        export(&out, &golden(), &Job::silent()).unwrap();
        let mut other = golden();
        other.spec.alpha = 9.0;
        assert!(verify(&out, &other).unwrap_err().to_string().contains("config"));
    }

    #[test]
    fn a_folder_that_holds_something_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("notes.txt"), "kept").unwrap();
        let error = export(dir.path(), &golden(), &Job::silent()).unwrap_err();
        assert!(error.to_string().contains("exists already"), "{error}");
    }

    #[test]
    fn a_cancelled_or_failed_export_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let job = Job::silent();
        job.cancel();
        assert!(matches!(export(&out, &golden(), &job), Err(ExportError::Cancelled(_))));
        let tensors = golden();
        let source = ExportSource { tensors: &tensors, base_model: "", card: &CardInfo::default() };
        let failed = export_hydralora(&out, source, |_| Err("no tokenizer".into()), &Job::silent());
        assert!(failed.unwrap_err().to_string().contains("no tokenizer"));
        assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = export(&file.join("out"), &golden(), &Job::silent()).unwrap_err().to_string();
        assert!(error.contains("file"), "{error}");
    }
}
