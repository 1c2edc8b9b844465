//! `hydra-studio import --audit`, through the real program.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{Program, golden, json_lines, named, small_model};
use hydra_studio::data::{ColumnMap, import, split};
use hydra_studio::job::Job;
use hydra_studio::train::TrainSettings;
use serde_json::{Value, json};

/// Examples that are held out where there are fewer than 320.
const ROWS: usize = 200;

/// Refuses system messages, and prints no end tokens: that of the last answer is added, others have none.
const TEMPLATE: &str = "{% if messages[0].role == 'system' %}{{ raise_exception('No system role, please') }}{% endif %}\
    {% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}\
    {% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}";

fn conversation(turns: &[(&str, &str)]) -> Value {
    let turns: Vec<Value> = turns.iter().map(|(role, content)| json!({"role": role, "content": content})).collect();
    json!({ "messages": turns })
}

/// A row that has no fault and is like no other.
fn clean(row: usize) -> Value {
    let words = ["amber", "birch", "cedar", "dune", "ember", "fjord", "grove"];
    let word = |n: usize| format!("{}{}", words[(row * 3 + n) % 7], row * 31 + n);
    let answer: Vec<String> = (0..8).map(word).collect();
    conversation(&[("user", &format!("Say {}", word(9))), ("assistant", &answer.join(" "))])
}

/// A text of 40 words.
fn long(from: usize) -> String {
    (from..from + 40).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ")
}

/// A model folder without weights that count: a small one with another template.
fn model(program: &Program) -> String {
    let (from, to) = (Path::new(small_model()), program.folder().join("model"));
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let _ = fs::remove_file(to.join("chat_template.jinja"));
    let config = to.join("tokenizer_config.json");
    let mut settings: Value = serde_json::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
    settings["chat_template"] = TEMPLATE.into();
    fs::write(&config, settings.to_string()).unwrap();
    let config = to.join("config.json");
    let mut settings: Value = serde_json::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
    settings["max_position_embeddings"] = 4096.into();
    fs::write(&config, settings.to_string()).unwrap();
    "model".into()
}

/// Rows of which each of `faults` is one, with the lines where they stand. Which rows are held out depends on how many
/// there are, not on what they say.
fn planted(program: &Program) -> (String, BTreeMap<&'static str, usize>) {
    let mut rows: Vec<Value> = (0..ROWS).map(clean).collect();
    let write = |rows: &[Value]| rows.iter().map(|row| format!("{row}\n")).collect::<String>();
    let user = |content: &str, answer: &str| conversation(&[("user", content), ("assistant", answer)]);
    let mut lines = BTreeMap::new();
    let mut plant = |fault, row: usize, value: Value| {
        rows[row] = value;
        lines.insert(fault, row + 1);
    };
    // Rows that are dropped shift the split, so they stand first, and the split is looked for after them.
    plant("dropped", 0, json!({"messages": [{"role": "owl", "content": "Hoo"}]}));
    plant("empty_answer", 1, user("Say nothing", " "));
    plant("cut", 2, user("Say much", &long(5_000).repeat(4)));
    plant("nothing_to_learn", 3, user(&long(6_000).repeat(9), "Fine"));
    plant(
        "missing_end",
        4,
        conversation(&[("user", "One?"), ("assistant", "Uno"), ("user", "Two?"), ("assistant", "Due")]),
    );
    plant("role_order", 5, conversation(&[("user", "Hello"), ("user", "Anyone there"), ("assistant", "I am here")]));
    plant(
        "template_refused",
        6,
        conversation(&[("system", "Be kind"), ("user", "Go on"), ("assistant", "With pleasure")]),
    );
    plant("control_characters", 7, user("Ring", "a bell\u{7} rings"));
    plant("mixed_encodings", 8, user("Which letter", "na\u{FFFD}ve it is"));
    plant("mojibake", 9, user("Order", "un cafÃ©, please"));
    plant("personal_data", 10, user("Whom shall I ask", "Write to ada@engine.uk about that"));
    program.write("probe.jsonl", write(&rows));
    let (settings, file) = (TrainSettings::default(), program.folder().join("probe.jsonl"));
    let probe = import(&[file], &ColumnMap::default(), &Job::silent()).unwrap();
    let parts = split(&probe.examples, settings.held_out, settings.seed);
    // The two dropped rows are no examples.
    let train: Vec<usize> = parts.train.iter().map(|index| index + 2).filter(|row| *row > 20).collect();
    let held_out = parts.held_out.iter().map(|index| index + 2).find(|row| *row > 20).unwrap();
    let (near, copied) = (long(1_000), long(2_000));
    rows[train[0]] = user("Tell me a long story", &near);
    rows[train[1]] = user("Tell me a long story", &near.replace("w1010", "really"));
    rows[train[2]] = user("Tell me another story", &copied);
    rows[held_out] = user("Tell me another story", &copied.replace("w2030 ", ""));
    lines.insert("near_duplicate", train[1] + 1);
    lines.insert("across_split", held_out + 1);
    // Copies stay on one side; the first of the two is kept.
    let copy = clean(train[3]);
    rows.push(copy);
    lines.insert("exact_duplicate", rows.len());
    (write(&rows), lines)
}

#[test]
fn a_planted_file_with_fourteen_faults_gives_exactly_those_lines() {
    let program = Program::new();
    let (rows, lines) = planted(&program);
    assert_eq!(lines.len(), 14);
    program.write("planted.jsonl", rows);
    let model = model(&program);
    let events = program.events(&["import", "planted.jsonl", "--audit", "--model", &model, "--context", "600"]);
    let findings = named(&events, "finding");
    let told: Vec<(&str, usize)> = findings
        .iter()
        .map(|finding| (finding["fault"].as_str().unwrap(), finding["line"].as_u64().unwrap() as usize))
        .collect();
    assert_eq!(told.iter().copied().collect::<BTreeMap<_, _>>(), lines, "{findings:#?}");
    assert_eq!(told.len(), 14, "{findings:#?}");
    for finding in findings {
        assert_eq!(finding["file"], "planted.jsonl");
        let severity = finding["severity"].as_str().unwrap();
        assert!(["error", "warning", "notice"].contains(&severity));
        assert!(!finding["reason"].as_str().unwrap().is_empty() && !finding["mend"].as_str().unwrap().is_empty());
    }
    let audit = named(&events, "audit")[0];
    assert_eq!(audit["counts"].as_object().unwrap().len(), 14);
    assert_eq!((&audit["examples"], &audit["context"]), (&json!(ROWS - 1), &json!(600)));
    assert_eq!(audit["read"], ROWS - 2, "all but the one that is refused");
    assert_eq!(audit["whole"], ROWS - 4, "and but the two that are longer");
    assert!((601..=4096).contains(&audit["context99"].as_u64().unwrap()), "two of 198 are longer: {audit}");
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert!(names.ends_with(&["audit", "done"]) && names.starts_with(&["file", "dropped", "dropped", "finding"]));
}

#[test]
fn without_the_flag_an_import_is_as_it_was_and_without_a_model_tokens_are_not_told_of() {
    let program = Program::new();
    program.write("rows.jsonl", format!("{}\n{}\n{}\n", clean(1), clean(2), clean(1)));
    let events = program.events(&["import", "rows.jsonl"]);
    assert!(named(&events, "audit").is_empty() && named(&events, "finding").is_empty());
    let events = program.events(&["import", "rows.jsonl", "--audit"]);
    let audit = named(&events, "audit")[0];
    assert_eq!((&audit["counts"], &audit["context"]), (&json!({"exact_duplicate": 1}), &Value::Null));
    let told = program.run(&["import", "rows.jsonl", "--audit"]);
    assert!(told.stdout.contains("rows.jsonl:3  it says the same as line 1: keep the first of them alone"), "{told:?}");
}

#[test]
fn as_text_an_audit_is_a_table_and_says_what_will_be_learned() {
    let program = Program::new();
    program.write("rows.jsonl", (0..30).map(|row| format!("{}\n", clean(row))).collect::<String>());
    let told = program.run(&["import", "rows.jsonl", "--audit", "--model", small_model(), "--context", "64"]);
    assert_eq!(told.code, 0, "{told:?}");
    for words in ["What will be learned, with a context of 64 tokens", "Faults:", "Cut", "fits 99 % of the examples"] {
        assert!(told.stdout.contains(words), "{words}: {told:?}");
    }
    let told = program.run(&["import", "rows.jsonl", "--audit", "--model", &golden("base")]);
    assert_eq!(told.code, 1);
    assert!(told.stderr.contains("tokenizer"), "{told:?}");
    assert_eq!(program.run(&["import", "rows.jsonl", "--context", "64"]).code, 2, "a context needs a model");
}

#[test]
fn a_hundred_thousand_rows_are_looked_through_in_seconds() {
    let program = Program::new();
    program.write("rows.jsonl", (0..100_000).map(|row| format!("{}\n", clean(row))).collect::<String>());
    let begun = std::time::Instant::now();
    let told = program.run(&["import", "rows.jsonl", "--audit", "--json"]);
    let audit = json_lines(&told.stdout).into_iter().find(|event| event["event"] == "audit").unwrap();
    assert_eq!(audit["counts"], json!({}), "{audit}");
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}
