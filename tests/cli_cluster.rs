//! `hydra-studio cluster` and `train --heads auto`'s advice, through the real program.

mod common;

use common::{Program, json_lines};
use serde_json::Value;

const TOPICS: [(&str, [&str; 12]); 3] = [
    (
        "cooking",
        [
            "oven", "recipe", "flour", "butter", "garlic", "simmer", "dough", "basil", "skillet", "whisk", "broth",
            "pepper",
        ],
    ),
    (
        "finance",
        [
            "dividend",
            "bond",
            "portfolio",
            "interest",
            "mortgage",
            "equity",
            "ledger",
            "broker",
            "audit",
            "budget",
            "yield",
            "loan",
        ],
    ),
    (
        "stars",
        [
            "galaxy",
            "orbit",
            "comet",
            "nebula",
            "telescope",
            "eclipse",
            "quasar",
            "meteor",
            "pulsar",
            "saturn",
            "lunar",
            "photon",
        ],
    ),
];

/// A hundred and twenty questions in turn on the first `topics` topics, each of six of its words, drawn evenly.
fn rows(topics: usize) -> String {
    let mut state = 7u64;
    let mut draw = |words: &'static [&'static str; 12]| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        words[(state >> 33) as usize % words.len()]
    };
    let mut row = |i: usize| {
        let (topic, words) = &TOPICS[i % topics];
        let [a, b, c, d, e, f] = std::array::from_fn(|_| draw(words));
        let (asked, said) = (format!("What about {a} and {b} with {c}?"), format!("The {d} before {e} or {f}."));
        format!("{{\"question\":\"{asked}\",\"answer\":\"{said}\",\"category\":\"{topic}\"}}\n")
    };
    (0..120).map(&mut row).collect()
}

fn done(program: &Program, args: &[&str]) -> Value {
    let told = program.run(args);
    assert_eq!(told.code, 0, "{told:?}");
    let done = json_lines(&told.stdout).pop().unwrap();
    assert_eq!(done["event"], "done");
    done
}

#[test]
fn planted_topics_are_advised_labelled_and_named() {
    let program = Program::new();
    program.write("three.jsonl", rows(3));
    let done = done(&program, &["cluster", "three.jsonl", "--json", "--seed", "7"]);
    assert_eq!(done["heads"], 3);
    assert_eq!(done["advice"], "Use 3 heads: the examples fall into 3 topics.");
    assert_eq!((done["sse"].as_array().unwrap().len(), done["silhouette"].as_array().unwrap().len()), (10, 10));
    let labels: Vec<u64> = done["labels"].as_array().unwrap().iter().map(|label| label.as_u64().unwrap()).collect();
    assert_eq!(labels.len(), 120);
    assert!((0..117).all(|i| labels[i] == labels[i + 3]), "labels come in the order of the rows");
    assert!(done["agreement"].as_f64().unwrap() > 0.99);
    let cooking = &done["words"][labels[0] as usize];
    assert!(cooking.as_array().unwrap().iter().any(|word| word == "oven" || word == "dough"), "{cooking}");
    assert!(done["stability"].as_f64().unwrap() > 0.9);
}

#[test]
fn one_topic_needs_no_router() {
    let program = Program::new();
    program.write("one.jsonl", rows(1));
    let done = done(&program, &["cluster", "one.jsonl", "--json"]);
    assert_eq!(done["heads"], 1);
    assert!(
        done["advice"].as_str().unwrap().contains("plain LoRA")
            || done["advice"].as_str().unwrap().contains("Plain LoRA")
    );
}

#[test]
fn a_number_of_heads_is_kept_and_density_gives_a_second_opinion() {
    let program = Program::new();
    program.write("three.jsonl", rows(3));
    let four = done(&program, &["cluster", "three.jsonl", "--json", "--heads", "4"]);
    assert_eq!((&four["heads"], four["sizes"].as_array().unwrap().len()), (&4.into(), 4));
    let dense = done(&program, &["cluster", "three.jsonl", "--json", "--method", "dbscan"]);
    assert_eq!(dense["labels"].as_array().unwrap().len(), 120);
}

#[test]
fn what_cannot_be_grouped_is_refused_with_the_way_on() {
    let program = Program::new();
    program.write("few.jsonl", "{\"question\":\"a\",\"answer\":\"b\"}\n");
    let told = program.run(&["cluster", "few.jsonl", "--heads", "4"]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.stderr.contains("cannot make 4 topics"), "{told:?}");
    program.write("none.jsonl", "{\"question\":\"a\",\"answer\":\"\"}\n");
    let told = program.run(&["cluster", "none.jsonl"]);
    assert_eq!(told.code, 1, "{told:?}");
}
