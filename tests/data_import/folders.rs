//! Folders, the files that belong together in them, and descriptions of them.

use super::*;

const TABLE: &str = "question,answer\nWhy?,Because.\n";

fn names(folder: &Folder) -> Vec<String> {
    let import = whole(folder).unwrap();
    let name = |path: &std::path::Path| path.strip_prefix(folder.0.path()).unwrap().display().to_string();
    import.files.iter().map(|file| name(&file.path)).collect()
}

fn whole(folder: &Folder) -> Result<Import, DataError> {
    import(&[folder.0.path().to_path_buf()], &ColumnMap::default(), &Job::silent())
}

#[test]
fn a_test_file_beside_a_train_file_is_left_out_and_that_is_said() {
    let folder = Folder::new().with("train.jsonl", GOOD).with("valid.jsonl", GOOD).with("test.jsonl", GOOD);
    assert_eq!(names(&folder), ["train.jsonl", "valid.jsonl"]);
    let told = whole(&folder).unwrap().files[0].explanation.clone();
    assert!(told.ends_with("Also: test.jsonl beside it is left out, so that it can test the result."), "{told}");
    let both = import(&[folder.path("train.jsonl"), folder.path("test.jsonl")], &ColumnMap::default(), &Job::silent());
    let both = both.unwrap();
    assert_eq!(both.files.len(), 2, "a file that is named is read");
    assert!(!both.files[0].explanation.contains("left out"));
    let shards = Folder::new().with("train-00000-of-00002.csv", TABLE).with("test-00000-of-00001.csv", TABLE);
    assert_eq!(names(&shards), ["train-00000-of-00002.csv"]);
    assert_eq!(names(&Folder::new().with("test.csv", TABLE)), ["test.csv"]);
    assert_eq!(names(&Folder::new().with("train.csv", TABLE).with("testing.csv", TABLE)), ["testing.csv", "train.csv"]);
}

#[test]
fn folders_of_train_and_test_are_looked_into() {
    let folder = Folder::new();
    for part in ["train", "validation", "test", "other"] {
        std::fs::create_dir(folder.path(part)).unwrap();
        std::fs::write(folder.path(part).join("a.csv"), TABLE).unwrap();
    }
    assert_eq!(names(&folder), ["train/a.csv", "validation/a.csv"]);
}

#[test]
fn what_only_stands_beside_the_rows_is_not_read() {
    let folder = Folder::new()
        .with("a.csv", TABLE)
        .with("README.md", "# Rows")
        .with("notes.txt", "x")
        .with("dataset_infos.json", "{}")
        .with(".hidden.csv", "x");
    assert_eq!(names(&folder), ["a.csv"]);
    let texts = Folder::new().with("README.md", "# Tales").with("one.txt", "Once.").with("two.md", "Twice.");
    assert_eq!(names(&texts), ["one.txt", "two.md"]);
}

#[test]
fn a_description_says_which_column_is_which() {
    let info = r#"{
        "faq": {"file_name": "faq.json", "columns": {"prompt": "ask", "query": "more", "response": "say", "system": "who", "history": "before"}},
        "talk": {"file_name": "talk.json", "formatting": "sharegpt", "columns": {"messages": "chat"},
                 "tags": {"role_tag": "who", "content_tag": "says", "user_tag": "Q", "assistant_tag": "A"}},
        "dpo": {"file_name": "dpo.json", "ranking": true, "columns": {"prompt": "p", "chosen": "c", "rejected": "r"}},
        "far": {"hf_hub_url": "x/y"}
    }"#;
    let folder = Folder::new()
        .with("dataset_info.json", info)
        .with("faq.json", r#"[{"ask":"Add.","more":"1 + 1","say":"2","who":"S","before":[["Hi","Yes"]]}]"#)
        .with("talk.json", r#"[{"chat":[{"who":"Q","says":"Hi"},{"who":"A","says":"Yes"}]}]"#)
        .with("dpo.json", r#"[{"p":"a","c":"b","r":"c"}]"#)
        .with("other.json", "[]");
    for paths in [vec![folder.0.path().to_path_buf()], vec![folder.path("dataset_info.json")]] {
        let import = import(&paths, &ColumnMap::default(), &Job::silent()).unwrap();
        let said: Vec<_> = import.examples.iter().map(|example| spoken(&example.unwrap())).collect();
        let faq = ["system: S", "user: Hi", "assistant: Yes", "user: Add.\n\n1 + 1", "assistant: 2"];
        assert_eq!(said, [faq.to_vec(), vec!["user: Hi", "assistant: Yes"]]);
        let told = &import.files[0].explanation;
        assert!(told.contains("dataset_info.json says so under \"faq\""), "{told}");
        assert!(told.contains("left out as preference data: dpo.json"), "{told}");
    }
    let declined = folder.import("dpo.json", &ColumnMap::default()).unwrap_err();
    assert!(matches!(declined, DataError::Preference { .. }));
    let by_hand = folder.import("dpo.json", &mapped(&[("prompt", "p"), ("response", "c")])).unwrap();
    assert_eq!(spoken(&by_hand.examples.get(0).unwrap()), ["user: a", "assistant: b"]);
    let alone = Folder::new().with("dataset_info.json", r#"{"far":{"file_name":"gone.json"}}"#);
    let refused = alone.import("dataset_info.json", &ColumnMap::default()).unwrap_err().to_string();
    assert!(refused.contains("names no file that lies beside it"), "{refused}");
}
