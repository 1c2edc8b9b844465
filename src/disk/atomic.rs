//! Files and folders that appear whole: temporary name, flush, rename, flush of the folder that holds the name.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempDir};

use super::DiskError;

/// Temporaries start and end with these, so that listings can pass over those that a killed process left behind.
const TEMPORARY_START: &str = ".writing-";
const TEMPORARY_END: &str = ".tmp";
/// A folder about to be replaced starts with this, then comes its own name.
const REPLACED_START: &str = ".replaced-";

/// Writes `bytes` to `path`, in place of a file that may be there. The folder must exist.
///
/// # Errors
/// When anything fails on disk; `path` is then as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    write_atomic_with(path, |out| out.write_all(bytes))
}

/// Writes what `fill` writes to `path`, in place of a file that may be there. The folder must exist.
///
/// # Errors
/// When `fill` errs or anything fails on disk; `path` is then as it was.
pub fn write_atomic_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), DiskError> {
    let what = "write the file";
    let folder = folder_of(path);
    let temporary = builder(0o666).tempfile_in(folder).map_err(DiskError::at(what, path))?;
    let mut out = BufWriter::new(temporary);
    fill(&mut out).map_err(DiskError::at(what, path))?;
    let temporary = out.into_inner().map_err(|e| DiskError::new(what, path, e.into_error()))?;
    temporary.as_file().sync_all().map_err(DiskError::at(what, path))?;
    temporary.persist(path).map_err(|e| DiskError::new(what, path, e.error))?;
    sync_folder(folder).map_err(DiskError::at(what, folder))
}

/// Builds a folder: `build` fills an empty one under a temporary name, which becomes `path` when all of it is on the
/// device. Missing parents are made, and an empty folder at `path` gives way. Gives back what `build` gave.
///
/// # Errors
/// When `path` exists and is no empty folder, `build` errs or anything fails on disk; there is then no `path` and no temporary.
pub fn write_folder_atomic<T, E: From<DiskError>>(
    path: &Path,
    build: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    refuse_existing(path)?;
    let (temporary, built) = build_beside(path, build)?;
    refuse_existing(path)?;
    put_in_place(temporary, path)?;
    Ok(built)
}

/// As [`write_folder_atomic`], in place of a folder that may be there. A crash between its two renames leaves the old
/// folder under another name, from which [`clear_leftovers`] brings it back.
///
/// # Errors
/// When `build` errs or anything fails on disk; `path` is then as it was.
pub fn replace_folder_atomic<T, E: From<DiskError>>(
    path: &Path,
    build: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    let (temporary, built) = build_beside(path, build)?;
    let aside = set_aside(path)?;
    if let Err(error) = put_in_place(temporary, path) {
        if let Some(aside) = aside {
            // The first error is the one to report; what fails here is mended when leftovers are cleared.
            let _ = fs::rename(aside, path);
        }
        return Err(error.into());
    }
    if let Some(aside) = aside {
        remove_folder(&aside)?;
    }
    Ok(built)
}

/// Gives the folder at `path`, where there is one, the name it keeps until its successor stands there.
fn set_aside(path: &Path) -> Result<Option<PathBuf>, DiskError> {
    if !present(path) {
        return Ok(None);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let aside = path.with_file_name(format!("{REPLACED_START}{name}{TEMPORARY_END}"));
    // One from a crash after both renames: its successor is in place.
    remove_folder(&aside)?;
    fs::rename(path, &aside).map_err(DiskError::at("replace the folder", path))?;
    Ok(Some(aside))
}

/// Errs where [`write_folder_atomic`] could not make `path`: worth asking before long work whose result goes there.
///
/// # Errors
/// When `path` exists and is no empty folder, or the folder that would hold it cannot be made or written.
pub fn check_new_folder(path: &Path) -> Result<(), DiskError> {
    let what = "make the folder";
    refuse_existing(path)?;
    let parent = folder_of(path);
    fs::create_dir_all(parent).map_err(DiskError::at(what, parent))?;
    builder(0o777).tempdir_in(parent).and_then(TempDir::close).map_err(DiskError::at(what, path))
}

/// Removes a folder with all it holds. It first takes a temporary name, so that a crash half-way leaves no folder that
/// looks whole. No folder there is no error.
///
/// # Errors
/// When the folder cannot be renamed or removed.
pub fn remove_folder(path: &Path) -> Result<(), DiskError> {
    let what = "remove the folder";
    if !present(path) {
        return Ok(());
    }
    let holder = builder(0o777).tempdir_in(folder_of(path)).map_err(DiskError::at(what, path))?;
    fs::rename(path, holder.path().join("removed")).map_err(DiskError::at(what, path))?;
    holder.close().map_err(DiskError::at(what, path))
}

/// Clears what a killed process left in `folder` under temporary names: half-written files and folders go, and a folder
/// that was being replaced comes back where its successor never did. Call it only where no other process writes.
///
/// # Errors
/// When the folder cannot be listed, or something in it cannot be removed or renamed.
pub fn clear_leftovers(folder: &Path) -> Result<(), DiskError> {
    let what = "clear temporary files";
    for entry in fs::read_dir(folder).map_err(DiskError::at(what, folder))? {
        let entry = entry.map_err(DiskError::at(what, folder))?;
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let Some(name) = name.strip_suffix(TEMPORARY_END) else { continue };
        if let Some(replaced) = name.strip_prefix(REPLACED_START) {
            let place = folder.join(replaced);
            let mended = if present(&place) { fs::remove_dir_all(&path) } else { fs::rename(&path, &place) };
            mended.map_err(DiskError::at(what, &path))?;
        } else if name.starts_with(TEMPORARY_START) {
            let kind = entry.file_type().map_err(DiskError::at(what, &path))?;
            let removed = if kind.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(DiskError::at(what, &path))?;
        }
    }
    Ok(())
}

/// Waits until what was written to the file at `path` is on the device.
///
/// # Errors
/// When the file cannot be opened or flushed.
pub fn sync_file(path: &Path) -> Result<(), DiskError> {
    // Windows flushes only handles that may write.
    let file = File::options().read(true).write(cfg!(windows)).open(path);
    file.and_then(|file| file.sync_all()).map_err(DiskError::at("write the file", path))
}

fn build_beside<T, E: From<DiskError>>(
    path: &Path,
    build: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<(TempDir, T), E> {
    let what = "make the folder";
    let parent = folder_of(path);
    fs::create_dir_all(parent).map_err(DiskError::at(what, parent))?;
    let temporary = builder(0o777).tempdir_in(parent).map_err(DiskError::at(what, path))?;
    let built = build(temporary.path())?;
    sync_tree(temporary.path())?;
    Ok((temporary, built))
}

fn put_in_place(mut temporary: TempDir, path: &Path) -> Result<(), DiskError> {
    let what = "make the folder";
    if path.is_dir() {
        // Nothing but an empty folder can be removed like this.
        fs::remove_dir(path).map_err(DiskError::at(what, path))?;
    }
    fs::rename(temporary.path(), path).map_err(DiskError::at(what, path))?;
    temporary.disable_cleanup(true);
    let parent = folder_of(path);
    sync_folder(parent).map_err(DiskError::at(what, parent))
}

/// Flushes every file and folder below `folder`.
fn sync_tree(folder: &Path) -> Result<(), DiskError> {
    let what = "write the folder";
    for entry in fs::read_dir(folder).map_err(DiskError::at(what, folder))? {
        let entry = entry.map_err(DiskError::at(what, folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(DiskError::at(what, &path))?;
        if kind.is_dir() {
            sync_tree(&path)?;
        } else if kind.is_file() {
            sync_file(&path)?;
        }
    }
    sync_folder(folder).map_err(DiskError::at(what, folder))
}

/// Flushes the names in a folder. Only Unix lets a folder be opened for that; elsewhere the file system sees to it.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn refuse_existing(path: &Path) -> Result<(), DiskError> {
    let is_empty_folder = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if present(path) && !is_empty_folder() {
        return Err(DiskError::Exists { what: "make the folder", path: path.to_path_buf() });
    }
    Ok(())
}

/// Whether a name is taken, be it by a link that leads nowhere.
fn present(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The folder that holds `path`; `.` for a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Temporaries get the rights that an ordinary file or folder gets, not the private ones of a secret.
fn builder(mode: u32) -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY_START).suffix(TEMPORARY_END);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new and longer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new and longer");
        assert_eq!(names(dir.path()), ["a.json"]);
    }

    #[test]
    fn a_write_that_fails_half_way_leaves_the_old_file_and_no_temporary() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write_atomic(&path, b"old").unwrap();
        let error = write_atomic_with(&path, |out| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert!(matches!(error, DiskError::Full { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["a.json"]);
    }

    #[test]
    fn a_folder_that_fails_half_way_never_appears() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/out");
        let result: Result<(), DiskError> = write_folder_atomic(&path, |tmp| {
            write_atomic(&tmp.join("a"), b"1")?;
            Err(DiskError::new("write the file", &tmp.join("b"), io::ErrorKind::StorageFull.into()))
        });
        assert!(result.is_err());
        assert!(!path.exists());
        assert!(names(&dir.path().join("deep")).is_empty());
    }

    #[test]
    fn a_place_is_checked_before_the_work_and_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        check_new_folder(&dir.path().join("deep/out")).unwrap();
        assert!(names(&dir.path().join("deep")).is_empty());
        assert!(matches!(check_new_folder(dir.path()), Err(DiskError::Exists { .. })));
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(check_new_folder(&dir.path().join("file/out")).is_err());
    }

    #[test]
    fn an_existing_folder_is_refused_untouched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("mine"), "kept").unwrap();
        let result: Result<(), DiskError> = write_folder_atomic(&path, |_| panic!("must not build"));
        let error = result.unwrap_err();
        assert!(matches!(error, DiskError::Exists { .. }), "{error}");
        assert_eq!(fs::read_to_string(path.join("mine")).unwrap(), "kept");
    }

    #[test]
    fn an_empty_folder_gives_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        fs::create_dir(&path).unwrap();
        check_new_folder(&path).unwrap();
        let made: Result<(), DiskError> = write_folder_atomic(&path, |tmp| write_atomic(&tmp.join("new"), b"1"));
        made.unwrap();
        assert_eq!((names(&path), names(dir.path())), (vec!["new".into()], vec!["out".into()]));
    }

    #[test]
    fn a_folder_is_replaced_only_when_the_new_one_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let old: Result<(), DiskError> = write_folder_atomic(&path, |tmp| write_atomic(&tmp.join("old"), b"1"));
        old.unwrap();
        let failed: Result<(), DiskError> =
            replace_folder_atomic(&path, |tmp| write_atomic(&tmp.join("no/such/folder"), b"2"));
        assert!(failed.is_err());
        assert_eq!(names(&path), ["old"]);
        let new: Result<(), DiskError> = replace_folder_atomic(&path, |tmp| write_atomic(&tmp.join("new"), b"2"));
        new.unwrap();
        assert_eq!(names(&path), ["new"]);
        assert_eq!(names(dir.path()), ["out"]);
    }

    #[test]
    fn leftovers_of_a_killed_process_are_cleared_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".writing-abc.tmp")).unwrap();
        fs::write(dir.path().join(".writing-abc.tmp/half"), "x").unwrap();
        fs::write(dir.path().join(".writing-def.tmp"), "x").unwrap();
        fs::write(dir.path().join("notes.tmp"), "x").unwrap();
        clear_leftovers(dir.path()).unwrap();
        assert_eq!(names(dir.path()), ["notes.tmp"]);
    }

    #[test]
    fn a_folder_whose_replacement_was_broken_off_comes_back_and_a_replaced_one_goes() {
        let dir = tempfile::tempdir().unwrap();
        let (kept, gone) = (dir.path().join(".replaced-a.tmp"), dir.path().join(".replaced-b.tmp"));
        for folder in [&kept, &gone, &dir.path().join("b")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("from"), folder.file_name().unwrap().as_encoded_bytes()).unwrap();
        }
        clear_leftovers(dir.path()).unwrap();
        assert_eq!(names(dir.path()), ["a", "b"]);
        assert_eq!(fs::read_to_string(dir.path().join("a/from")).unwrap(), ".replaced-a.tmp");
        assert_eq!(fs::read_to_string(dir.path().join("b/from")).unwrap(), "b");
    }

    #[cfg(unix)]
    #[test]
    fn a_written_file_has_the_rights_of_an_ordinary_file() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let (ours, plain) = (dir.path().join("a"), dir.path().join("b"));
        write_atomic(&ours, b"1").unwrap();
        fs::write(&plain, b"1").unwrap();
        assert_eq!(fs::metadata(ours).unwrap().mode(), fs::metadata(plain).unwrap().mode());
    }
}
