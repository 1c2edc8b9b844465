//! Which files a folder gives: its data files, without what only stands beside them and without what is kept for a test.

use std::path::{Path, PathBuf};

use super::DataError;
use super::layout::{self, Layouts};
use super::read::{Kind, is_data_file};

/// Files that describe data and hold none.
const SIDECARS: [&str; 7] = [
    layout::FILE_NAME,
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
    "config.json",
    "metadata.json",
    "package.json",
];
/// Text files that tell of the folder.
const NOTICES: [&str; 9] =
    ["readme", "license", "licence", "licence-note", "changelog", "notice", "contributing", "authors", "requirements"];
/// Folders within a folder that are looked into where it holds no data itself.
const PARTS: [&str; 7] = ["train", "valid", "validation", "val", "dev", "test", "data"];

/// The paths with every folder replaced by the data files in it, sorted by name. A file for testing that lies beside one
/// for training is left out; so is running text beside rows. A `dataset_info.json` as LLaMA-Factory has it gives the files
/// that it names.
///
/// Errs where one cannot be listed, a folder holds no such file, or there is no path at all.
pub fn files_in(paths: &[PathBuf]) -> Result<Vec<PathBuf>, DataError> {
    let mut files = Vec::new();
    for path in paths {
        let unreadable = |source| DataError::Unreadable { path: path.clone(), source };
        let is_described = path.ends_with(layout::FILE_NAME);
        if !path.metadata().map_err(unreadable)?.is_dir() && !is_described {
            files.push(path.clone());
            continue;
        }
        let folder = if is_described { path.parent().unwrap_or(Path::new("")) } else { path };
        let inside = match Layouts::of_folder(folder) {
            Some(layouts) => layouts.files(),
            None if is_described => return Err(DataError::NoLayout { path: path.clone() }),
            None => rows_in(path, true)?,
        };
        if inside.is_empty() {
            return Err(DataError::EmptyFolder { path: path.clone() });
        }
        files.extend(inside);
    }
    if files.is_empty() { Err(DataError::NoPaths) } else { Ok(files) }
}

/// Whether a folder holds files that an import reads.
pub fn holds_data(folder: &Path) -> bool {
    folder.is_dir() && files_in(&[folder.to_path_buf()]).is_ok()
}

/// What lies beside `file` and was left out of the import of `files`, in words; for the first file of each folder alone.
pub(super) fn left_out(file: &Path, files: &[PathBuf]) -> Option<String> {
    let folder = file.parent()?;
    if files.iter().find(|other| other.parent() == Some(folder))? != file {
        return None;
    }
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_left = |path: &PathBuf| !files.contains(path);
    if let Some(layouts) = Layouts::of_folder(folder) {
        let left: Vec<String> = layouts.declined().into_iter().filter(is_left).map(|path| name(&path)).collect();
        return (!left.is_empty()).then(|| format!("left out as preference data: {}", left.join(", ")));
    }
    let beside = all_in(folder).ok()?;
    let is_train = |path: &PathBuf| part_of(path) == Some(Part::Train);
    let tests = beside.iter().filter(|path| part_of(path) == Some(Part::Test) && is_left(path));
    let tests: Vec<String> = tests.map(|path| name(path)).collect();
    (files.iter().any(is_train) && !tests.is_empty())
        .then(|| format!("{} beside it is left out, so that it can test the result", tests.join(", ")))
}

/// The data files of a folder that holds rows, or of the folders in it.
fn rows_in(folder: &Path, look_inside: bool) -> Result<Vec<PathBuf>, DataError> {
    let mut files = all_in(folder)?;
    if files.is_empty() && look_inside {
        let parts = PARTS.iter().map(|part| folder.join(part)).filter(|part| part.is_dir());
        let parts: Vec<PathBuf> =
            parts.filter(|part| rows_in(part, false).is_ok_and(|files| !files.is_empty())).collect();
        let has_train = parts.iter().any(|part| part.ends_with("train"));
        for part in parts.iter().filter(|part| !(has_train && part.ends_with("test"))) {
            files.extend(rows_in(part, false)?);
        }
    } else if files.iter().any(|path| part_of(path) == Some(Part::Train)) {
        files.retain(|path| part_of(path) != Some(Part::Test));
    }
    Ok(files)
}

/// The data files that lie in a folder: those with rows, or else those with running text.
fn all_in(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let unreadable = |source| DataError::Unreadable { path: folder.to_path_buf(), source };
    let entries = folder.read_dir().map_err(unreadable)?;
    let entries = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut files = entries.map_err(unreadable)?;
    let is_one_of = |name: Option<&std::ffi::OsStr>, names: &[&str]| {
        name.is_some_and(|name| names.iter().any(|other| name.eq_ignore_ascii_case(other)))
    };
    let is_hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    files.retain(|path| {
        path.is_file() && is_data_file(path) && !is_hidden(path) && !is_one_of(path.file_name(), &SIDECARS)
    });
    let is_prose = |path: &PathBuf| Kind::of(path).is_ok_and(|(kind, _)| kind.is_prose());
    if files.iter().any(|path| !is_prose(path)) {
        files.retain(|path| !is_prose(path));
    } else {
        files.retain(|path| !is_one_of(path.file_stem(), &NOTICES));
    }
    files.sort();
    Ok(files)
}

/// What a file's name says that it is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Train,
    Test,
}

/// By the whole name up to the first dot, or up to the number of a shard: `test.jsonl`, `test-00000-of-00002.parquet`.
fn part_of(path: &Path) -> Option<Part> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let stem = name.split('.').next()?;
    let stem = match stem.split_once('-') {
        Some((stem, shard)) if shard.starts_with(|c: char| c.is_ascii_digit()) => stem,
        _ => stem,
    };
    match stem {
        "train" => Some(Part::Train),
        "test" => Some(Part::Test),
        _ => None,
    }
}
