//! LLaMA-Factory's `dataset_info.json`: which columns of the files beside it play which part, as their owner wrote it down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::Role;
use super::chat::Tags;

/// The name of the file.
pub(super) const FILE_NAME: &str = "dataset_info.json";
/// A larger one is something else.
const MAX_BYTES: u64 = 8 << 20;

/// What one entry says of one file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Layout {
    /// The entry's name.
    #[serde(skip)]
    pub name: String,
    file_name: Option<String>,
    formatting: Option<String>,
    ranking: bool,
    columns: BTreeMap<String, Option<String>>,
    tags: BTreeMap<String, Option<String>>,
}

impl Layout {
    /// The entry for `file` in the `dataset_info.json` beside it, if there is one.
    pub fn beside(file: &Path) -> Option<Self> {
        let folder = file.parent()?;
        let entries = Layouts::of_folder(folder)?.entries;
        entries.into_iter().find(|(path, _)| path == file).map(|(_, layout)| layout)
    }

    /// Whether the rows hold whole conversations.
    pub fn has_turns(&self) -> bool {
        matches!(self.formatting.as_deref(), Some("sharegpt" | "openai"))
    }

    /// Whether the rows teach by comparing two answers.
    pub fn is_preference(&self) -> bool {
        self.ranking || ["chosen", "rejected", "kto_tag"].iter().any(|part| self.columns.contains_key(*part))
    }

    /// The column of a part, which is `usual` where nothing else is said.
    pub fn column(&self, part: &str, usual: &str) -> String {
        self.columns.get(part).cloned().flatten().unwrap_or_else(|| usual.to_owned())
    }

    /// The column of a part that need not be there.
    pub fn named_column(&self, part: &str) -> Option<String> {
        self.columns.get(part).cloned().flatten()
    }

    /// How the turns of a conversation are written.
    pub fn tags(&self) -> Tags {
        let tag = |name: &str| self.tags.get(name).cloned().flatten();
        let roles = [
            ("user_tag", Role::User),
            ("assistant_tag", Role::Assistant),
            ("function_tag", Role::Assistant),
            ("observation_tag", Role::Tool),
            ("system_tag", Role::System),
        ];
        Tags {
            role: tag("role_tag"),
            content: tag("content_tag"),
            names: roles.into_iter().filter_map(|(name, role)| Some((tag(name)?, role))).collect(),
        }
    }
}

/// What a `dataset_info.json` says of files that lie on this machine.
pub(super) struct Layouts {
    /// Sorted by file; of several entries for one file, the first.
    entries: BTreeMap<PathBuf, Layout>,
}

impl Layouts {
    /// Those of a folder; `None` where it has no such file, or one of another sort: Hugging Face's has the same name.
    pub fn of_folder(folder: &Path) -> Option<Self> {
        let path = folder.join(FILE_NAME);
        if !path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_BYTES) {
            return None;
        }
        let all: serde_json::Map<String, Value> = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let mut entries = BTreeMap::new();
        for (name, entry) in all {
            let Ok(layout) = serde_json::from_value::<Layout>(entry) else { continue };
            let Some(file) = layout.file_name.as_ref().map(|file| folder.join(file)) else { continue };
            if file.is_file() {
                entries.entry(file).or_insert(Layout { name, ..layout });
            }
        }
        (!entries.is_empty()).then_some(Self { entries })
    }

    /// The files to learn from.
    pub fn files(&self) -> Vec<PathBuf> {
        let learnt = self.entries.iter().filter(|(_, layout)| !layout.is_preference());
        let files: Vec<PathBuf> = learnt.map(|(path, _)| path.clone()).collect();
        // With nothing else, the first is named by the refusal.
        if files.is_empty() { self.declined().into_iter().take(1).collect() } else { files }
    }

    /// The files of preference data.
    pub fn declined(&self) -> Vec<PathBuf> {
        let declined = self.entries.iter().filter(|(_, layout)| layout.is_preference());
        declined.map(|(path, _)| path.clone()).collect()
    }
}
