//! The folder that a new run will make: a name by date and model, beside the runs that are there already.

use std::path::{Path, PathBuf};

use crate::app::widgets::path_field::typed_path;

/// Longest part of a folder's name that the model gives.
const MODEL_LETTERS: usize = 40;

/// What a name is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameParts {
    /// The folder that holds all runs.
    pub parent: PathBuf,
    /// `2026-11-24`.
    pub date: String,
    pub model: String,
}

/// The path field's text: suggested until the user writes another one.
#[derive(Debug, Default)]
pub struct RunFolder {
    pub text: String,
    suggested: String,
    parts: Option<NameParts>,
    /// The path that was last looked for on disk, and whether it was there.
    looked_for: Option<(PathBuf, bool)>,
}

impl RunFolder {
    /// Suggests a name for `parts` when they changed, unless the user wrote one into the same parent.
    pub fn suggest(&mut self, parts: NameParts) {
        if self.parts.as_ref() == Some(&parts) {
            return;
        }
        let has_new_parent = self.parts.as_ref().is_none_or(|before| before.parent != parts.parent);
        let is_own = self.text != self.suggested;
        self.suggested = suggestion(&parts, &|path| path.exists()).to_string_lossy().into_owned();
        if !is_own || has_new_parent {
            self.text.clone_from(&self.suggested);
        }
        self.parts = Some(parts);
    }

    /// Looks at the disk again: a run has just made its folder, or the user mended something.
    pub fn look_again(&mut self) {
        self.looked_for = None;
        self.parts = None;
    }

    /// The folder that is chosen.
    pub fn path(&self) -> PathBuf {
        typed_path(&self.text).unwrap_or_default()
    }

    /// Why no run can be put there, where none can.
    pub fn obstacle(&mut self) -> Option<String> {
        let Some(folder) = typed_path(&self.text) else {
            return Some("Name a folder for the run.".to_owned());
        };
        if self.looked_for.as_ref().is_none_or(|(path, _)| *path != folder) {
            let exists = folder.exists();
            self.looked_for = Some((folder, exists));
        }
        let exists = self.looked_for.as_ref().is_some_and(|(_, exists)| *exists);
        exists.then(|| "This folder exists already. A run makes its own: choose another name.".to_owned())
    }
}

/// The first free name: `2026-11-24 smollm2-135m`, then with ` 2`, ` 3`, … behind it.
fn suggestion(parts: &NameParts, exists: &dyn Fn(&Path) -> bool) -> PathBuf {
    let name = format!("{}-{}", parts.date, slug(&parts.model));
    let numbered =
        |number: usize| parts.parent.join(if number == 1 { name.clone() } else { format!("{name}-{number}") });
    (1..1000).map(numbered).find(|path| !exists(path)).unwrap_or_else(|| numbered(1000))
}

/// A model's name as part of a folder's: small letters and digits, joined by dashes.
fn slug(model: &str) -> String {
    let mut slug = String::new();
    for letter in model.chars().flat_map(char::to_lowercase).take(MODEL_LETTERS) {
        if letter.is_alphanumeric() || letter == '.' {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches(['-', '.']);
    if slug.is_empty() { "model".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(parent: &str) -> NameParts {
        NameParts { parent: parent.into(), date: "2026-11-24".into(), model: "SmolLM2 135M (Q4_1)".into() }
    }

    #[test]
    fn the_name_is_made_of_date_and_model_and_is_free() {
        let taken = |path: &Path| path.ends_with("2026-11-24-smollm2-135m-q4-1");
        assert_eq!(suggestion(&parts("/runs"), &taken), Path::new("/runs/2026-11-24-smollm2-135m-q4-1-2"));
        assert_eq!((slug("../.."), slug("Qwen2.5-0.5B")), ("model".into(), "qwen2.5-0.5b".into()));
    }

    #[test]
    fn what_the_user_wrote_stays_until_another_parent_is_picked() {
        let mut folder = RunFolder::default();
        folder.suggest(parts("/nowhere"));
        folder.text = "/elsewhere/mine".into();
        folder.suggest(NameParts { model: "Other".into(), ..parts("/nowhere") });
        assert_eq!(folder.text, "/elsewhere/mine");
        folder.suggest(parts("/picked"));
        assert_eq!(folder.path(), Path::new("/picked/2026-11-24-smollm2-135m-q4-1"));
    }

    #[test]
    fn a_folder_that_is_there_is_refused() {
        let there = tempfile::tempdir().expect("a temporary folder");
        let mut folder = RunFolder { text: there.path().to_string_lossy().into_owned(), ..RunFolder::default() };
        assert!(folder.obstacle().is_some_and(|why| why.contains("exists already")));
        folder.text = format!("\"{}\"", there.path().display());
        assert!(folder.obstacle().is_some(), "quotes that pasting brings do not hide it");
        folder.text = there.path().join("new").to_string_lossy().into_owned();
        assert_eq!(folder.obstacle(), None);
        folder.text = "  ".into();
        assert!(folder.obstacle().is_some());
    }
}
