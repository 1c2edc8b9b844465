//! Settings as a file: the TOML that `train --config` reads, that the window saves and loads, and that a preset is. Only
//! what differs from the defaults is written, so that the file says what was decided and follows the rest. A run's own
//! `run.json` is read as well.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;
use toml::{Table, Value};

use super::run_file::RUN_FILE;
use super::{RunError, RunFile, TrainSettings};
use crate::disk::{DiskError, write_atomic};

/// No settings fill more than this; what is larger was chosen by mistake.
const MOST_BYTES: u64 = 1 << 20;

const HEADING: &str = "# Settings of Hydra Studio. What is not named here keeps its default.\n";

/// The setting that is written, and may be read, by the name of its unit.
const LENGTH: &str = "length";
const LENGTH_UNITS: [&str; 2] = ["steps", "epochs"];

/// Why settings could not be read from a file, or written to one.
#[derive(Debug, thiserror::Error)]
pub enum SettingsFileError {
    #[error("the settings file cannot be read ({source}): check the path {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the settings file cannot be used, {reason}: mend it in {}", path.display())]
    Unusable { path: PathBuf, reason: String },
    #[error("this is no settings file: choose a .toml file, a run folder, or the run.json in one, not {}", path.display())]
    OtherFile { path: PathBuf },
    #[error("the settings cannot be written as TOML: {reason}")]
    Unwritable { reason: String },
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The settings of a TOML file, of a run folder, or of a run's `run.json`. They are not checked for sense; see
/// [`TrainSettings::validate`].
///
/// # Errors
/// When the file cannot be read, is none of these, or names a setting that does not exist; the message tells the line.
pub fn read_settings(path: &Path) -> Result<TrainSettings, SettingsFileError> {
    if path.is_dir() {
        return Ok(RunFile::read(path)?.settings);
    }
    if path.file_name().is_some_and(|name| name == RUN_FILE) {
        return Ok(RunFile::read(path.parent().unwrap_or(Path::new("")))?.settings);
    }
    let text = text_of(path)?;
    parse_settings(&text).map_err(|reason| SettingsFileError::Unusable { path: path.to_path_buf(), reason })
}

/// Writes `settings` to `path`, in place of a file that may be there. The folder must exist.
///
/// # Errors
/// When a path in the settings is no text, or the disk refuses.
pub fn write_settings(path: &Path, settings: &TrainSettings) -> Result<(), SettingsFileError> {
    Ok(write_atomic(path, settings_text(settings)?.as_bytes())?)
}

/// Settings from TOML. `steps` and `epochs` stand for `length`, as the flags of those names do.
///
/// # Errors
/// With the line and what is wrong there.
pub fn parse_settings(text: &str) -> Result<TrainSettings, String> {
    let keys = DeTable::parse(text).map_err(|error| in_words(text, &error))?;
    let is_length = |key: &str| key == LENGTH || LENGTH_UNITS.contains(&key);
    let lengths: Vec<(&str, Range<usize>)> = keys
        .get_ref()
        .keys()
        .filter(|key| is_length(key.get_ref()))
        .map(|key| (key.get_ref().as_ref(), key.span()))
        .collect();
    match lengths.as_slice() {
        [] | [(LENGTH, _)] => toml::from_str(text).map_err(|error| in_words(text, &error)),
        [(_, span)] => {
            // A dotted key says the same on the same line, so that messages keep pointing at the right one.
            let mut spelt_out = text.to_owned();
            spelt_out.insert_str(span.start, "length.");
            toml::from_str(&spelt_out).map_err(|error| in_words(&spelt_out, &error))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| *name).collect();
            Err(format!("it says how long to train more than once: {}", names.join(", ")))
        }
    }
}

/// `settings` as TOML: what differs from the defaults, a line each, with the default in a comment.
///
/// # Errors
/// When a path in the settings is no text.
pub fn settings_text(settings: &TrainSettings) -> Result<String, SettingsFileError> {
    let (own, defaults) = (table_of(settings)?, table_of(&TrainSettings::default())?);
    let mut text = HEADING.to_owned();
    for (key, value) in &own {
        let default = defaults.get(key);
        if default == Some(value) {
            continue;
        }
        let default = default.map_or_else(|| "left out".to_owned(), |default| told(key, default));
        // Writing into a text cannot fail.
        let _ = match value {
            Value::Table(_) => writeln!(text, "{}  # default: {default}", told(key, value)),
            value => writeln!(text, "{key} = {value}  # default: {default}"),
        };
    }
    Ok(text)
}

/// A value as it stands behind its key; a length brings its unit along.
fn told(key: &str, value: &Value) -> String {
    match value {
        Value::Table(table) => table.iter().map(|(unit, value)| format!("{unit} = {value}")).collect(),
        value if key == "targets" => value.to_string().replace('\n', " "),
        value => value.to_string(),
    }
}

fn table_of(settings: &TrainSettings) -> Result<Table, SettingsFileError> {
    let unwritable = |error: toml::ser::Error| SettingsFileError::Unwritable { reason: error.to_string() };
    if i64::try_from(settings.seed).is_ok() {
        return Table::try_from(settings).map_err(unwritable);
    }
    // Numbers of TOML are signed: the upper half of all seeds is written as text.
    let mut table = Table::try_from(TrainSettings { seed: 0, ..settings.clone() }).map_err(unwritable)?;
    table.insert("seed".to_owned(), Value::String(settings.seed.to_string()));
    Ok(table)
}

fn text_of(path: &Path) -> Result<String, SettingsFileError> {
    let unreadable = |source| SettingsFileError::Unreadable { path: path.to_path_buf(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let is_settings = bytes.len() as u64 <= MOST_BYTES && path.extension().is_none_or(|ending| ending != "json");
    match String::from_utf8(bytes) {
        Ok(text) if is_settings => Ok(text),
        _ => Err(SettingsFileError::OtherFile { path: path.to_path_buf() }),
    }
}

/// What is wrong, and in which line of `text`.
fn in_words(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

#[cfg(test)]
mod tests;
