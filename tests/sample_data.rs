//! The bundled examples are what their generator writes, and import as a user's would.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use hydra_studio::data::{ColumnMap, Import, Shape, import};
use hydra_studio::job::Job;

#[path = "../sample_data/generate/corpus/mod.rs"]
mod corpus;

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sample_data/examples.jsonl")
}

fn imported() -> Import {
    import(&[file()], &ColumnMap::default(), &Job::silent()).unwrap()
}

fn lines(rows: &[corpus::Row]) -> String {
    rows.iter().map(|row| serde_json::to_string(row).unwrap() + "\n").collect()
}

/// The words of a text without their marks.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn the_file_is_what_the_generator_writes() {
    let written = std::fs::read_to_string(file()).unwrap();
    assert!(written == lines(&corpus::examples(corpus::SEED)), "run: cargo run --example generate_sample_data");
}

#[test]
fn every_row_is_kept_and_each_topic_has_as_many() {
    let import = imported();
    assert_eq!((import.rows, import.examples.len(), import.dropped.len()), (2000, 2000, 0));
    assert_eq!(import.files[0].shape, Shape::Alpaca);
    let mut topics = BTreeMap::new();
    for example in import.examples.iter().map(Result::unwrap) {
        *topics.entry(example.topic.unwrap()).or_insert(0) += 1;
    }
    let expected = ["arithmetic", "dates and units", "reading", "sorting and labelling", "word forms"];
    assert!(topics.into_iter().eq(expected.map(|topic| (topic.to_owned(), 400))));
}

#[test]
fn no_question_stands_twice_and_answers_are_short() {
    let import = imported();
    let questions: HashSet<String> =
        import.examples.iter().map(|example| example.unwrap().messages[0].content.clone()).collect();
    assert_eq!(questions.len(), import.examples.len());
    for example in import.examples.iter().map(Result::unwrap) {
        let answer = &example.messages[1].content;
        assert!((1..=6).contains(&words(answer).len()), "{answer}");
        let texts = example.messages.iter().map(|message| &message.content);
        assert!(texts.clone().all(|text| !text.contains(['{', '}']) && text.trim() == text), "{example:?}");
    }
}

#[test]
fn pretraining_rows_ask_no_question_of_the_examples() {
    let examples = corpus::examples(corpus::SEED);
    let rows = corpus::pretrain(corpus::SEED, 5000, &examples);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus.jsonl");
    std::fs::write(&path, lines(&rows)).unwrap();
    let read = import(&[path], &ColumnMap::default(), &Job::silent()).unwrap();
    assert_eq!((read.examples.len(), read.dropped.len()), (5000, 0));
    let asked: HashSet<_> =
        imported().examples.iter().map(|example| example.unwrap().messages[0].content.clone()).collect();
    assert!(read.examples.iter().all(|example| !asked.contains(&example.unwrap().messages[0].content)));
    assert!(rows.iter().all(|row| !row.output.contains(['{', '}']) && !row.instruction.contains(['{', '}'])));
    assert_eq!(corpus::PRETRAIN_ROWS, 60_000);
}

#[test]
fn pretraining_knows_every_word_of_the_examples() {
    let examples = corpus::examples(corpus::SEED);
    let texts = |rows: &[corpus::Row]| -> HashSet<String> {
        let texts = rows.iter().flat_map(|row| [Some(&row.instruction), row.input.as_ref(), Some(&row.output)]);
        let letters = |letter: char| !letter.is_alphanumeric();
        texts.flatten().flat_map(|text| text.split(letters).map(str::to_lowercase).collect::<Vec<_>>()).collect()
    };
    let known = texts(&corpus::pretrain(corpus::SEED, corpus::PRETRAIN_ROWS, &examples));
    let mut unknown: Vec<_> = texts(&examples).difference(&known).cloned().collect();
    unknown.sort();
    assert!(unknown.is_empty(), "{unknown:?}");
}
