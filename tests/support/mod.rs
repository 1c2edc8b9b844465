//! What several integration tests share: a tiny model with a tokenizer, made by our own pre-training, and a tiny corpus.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::{Path, PathBuf};

use hydra_studio::data::{ColumnMap, import};
use hydra_studio::job::Job;
use hydra_studio::train::pretrain::{PretrainSettings, pretrain};

/// Writes a small corpus of questions and answers, `rows` of them, and gives its path.
pub fn corpus(folder: &Path, rows: usize) -> PathBuf {
    let colours = ["red", "green", "blue", "white"];
    let things = ["apple", "leaf", "sky", "snow", "rose", "grass"];
    let row = |i: usize| {
        let (thing, colour) = (things[i % things.len()], colours[(i / things.len()) % colours.len()]);
        let row = serde_json::json!({
            "question": format!("What colour is {thing} number {i}?"),
            "answer": format!("It is {colour}."),
            "category": if i.is_multiple_of(2) { "even" } else { "odd" },
        });
        format!("{row}\n")
    };
    let path = folder.join("corpus.jsonl");
    std::fs::write(&path, (0..rows).map(row).collect::<String>()).unwrap();
    path
}

/// Pre-trains a model of a few thousand parameters on that corpus, into `folder/model`.
pub fn tiny_model(folder: &Path) -> PathBuf {
    tiny_model_of(folder, 32)
}

/// The same, of another hidden size.
pub fn tiny_model_of(folder: &Path, hidden: usize) -> PathBuf {
    let data = corpus(folder, 60);
    let examples = import(&[data], &ColumnMap::default(), &Job::silent()).unwrap().examples;
    let settings = PretrainSettings {
        vocab: 300,
        hidden,
        intermediate: 48,
        layers: 2,
        heads: 2,
        kv_heads: 1,
        context: 32,
        batch: 4,
        steps: 20,
        ..PretrainSettings::default()
    };
    let out = folder.join("model");
    pretrain(&examples, &settings, &out, &Job::silent(), |_| {}).unwrap();
    out
}

/// Whether this process is that of the test named `test` alone, with a home of its own. If not, runs it as such, and tells
/// its failure as this test's.
pub fn in_own_home(test: &str) -> bool {
    const MARK: &str = "HYDRA_TEST_HAS_OWN_HOME";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let home = tempfile::tempdir().unwrap();
    let alone = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .envs([("XDG_DATA_HOME", home.path()), ("HOME", home.path())])
        .env(MARK, "yes")
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&alone.stdout), String::from_utf8_lossy(&alone.stderr));
    assert!(alone.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
    false
}
